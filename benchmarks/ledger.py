# ruff: noqa: SLF001  one way is the ledger's own statements
"""Measure how many jobs a second a ledger books, beside plain SQL that is as durable.

A pair is a job that is reserved and released, two transactions; a whole job is reserved, claimed,
submitted and settled, four. Each transaction is on the disk before the next begins. The plain way
has one table of entries and one counter with a limit, and one `UPDATE` with a condition; the ledger
keeps two budgets, of credits a month and of dollars a day. A third way sends SQLite what the ledger
sends, without what is around it.

1, 4 and 16 processes work for some seconds at one ledger, all ways in turns in one run; what they
say they did is counted again in the tables afterwards. Figures are of the medians of rounds, the
longest wait of any call in any round.

    python benchmarks/ledger.py [--seconds 1.5] [--rounds 3] [--markdown]
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import multiprocessing
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from mh_preflight.budget import Budget, Ledger
from mh_preflight.budget.sqlite import store as sqlite

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from budget.serving_postgres import postgres_server

PROCESSES = (1, 4, 16)
LIMIT = 10**12
HELD, CHARGED = 10, 7
PART = 10**8  # a cent, as the ledger counts dollars
BUDGETS = (Budget.of(credits=LIMIT, per="month"), Budget.of(usd=10**7, per="day"))
FORK: Any = multiprocessing.get_context("fork")

STEPS = {
    "pairs": ("reserve", "release"),
    "jobs": ("reserve", "submitting", "submitted", "settle"),
}

BESIDE = {
    "the ledger's SQL alone": "sqlite3 and a lock",
    "Ledger, SQLite": "sqlite3 and a lock",
    "Ledger, PostgreSQL": "psycopg",
}
"""What a way is compared with."""

TABLES = """
    CREATE TABLE entries (
        id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
        credits BIGINT NOT NULL, charged BIGINT, project_id TEXT
    );
    CREATE TABLE counters (
        one INTEGER PRIMARY KEY, most BIGINT NOT NULL, reserved BIGINT NOT NULL,
        settled BIGINT NOT NULL
    );
    INSERT INTO counters VALUES (1, 1000000000000, 0, 0);
"""
TAKE = "UPDATE counters SET reserved = reserved + ? WHERE reserved + settled + ? <= most"
INSERT = "INSERT INTO entries VALUES (?, 'f', 'reserved', ?, NULL, NULL)"
GIVE = "UPDATE counters SET reserved = reserved - ?, settled = settled + ?"
SUMS = """
    SELECT count(*), (SELECT reserved FROM counters), (SELECT settled FROM counters),
        sum(CASE WHEN state IN ('reserved', 'submitting', 'submitted') THEN credits ELSE 0 END),
        sum(coalesce(charged, 0))
    FROM entries
"""

Step = Callable[[str, str], object]


class Found(NamedTuple):
    """What a way did in one round."""

    each_second: float
    longest: float
    fewest: float


# ------------------------------------------------------------------------------------- plain SQL


def statements(step: str, name: str) -> list[tuple[str, tuple[object, ...]]]:
    """Give what a step changes, in plain SQL."""
    if step == "reserve":
        return [(TAKE, (HELD, HELD)), (INSERT, (name, HELD))]
    if step == "submitting":
        return [("UPDATE entries SET state = ? WHERE id = ?", (step, name))]
    if step == "submitted":
        change = "UPDATE entries SET state = ?, project_id = ? WHERE id = ?"
        return [(change, (step, f"p {name}", name))]
    charged = CHARGED if step == "settle" else 0
    change = "UPDATE entries SET state = ?, charged = ? WHERE id = ?"
    return [(change, (step, charged, name)), (GIVE, (HELD, charged))]


@contextmanager
def plain_sqlite(place: str, *, lock: bool) -> Iterator[Step]:
    """Do a step in a transaction of SQLite, behind a lock file or not."""
    database = sqlite3.connect(place, timeout=60, isolation_level=None)
    database.execute("PRAGMA synchronous = FULL")
    file = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def do(step: str, name: str) -> None:
        if lock:
            fcntl.flock(file, fcntl.LOCK_EX)
        database.execute("BEGIN IMMEDIATE")
        for text, values in statements(step, name):
            changed = database.execute(text, values).rowcount
            assert changed == 1
        database.execute("COMMIT")
        if lock:
            fcntl.flock(file, fcntl.LOCK_UN)

    yield do
    database.close()
    os.close(file)


@contextmanager
def same_sqlite(place: str) -> Iterator[Step]:
    """Do what the ledger asks SQLite for, statement by statement, and nothing around it."""
    database = sqlite3.connect(place, timeout=60, isolation_level=None)
    database.execute("PRAGMA synchronous = FULL")
    file = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def do(step: str, name: str) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
        database.execute("BEGIN IMMEDIATE")
        same_step(database, step, name)
        database.execute("COMMIT")
        fcntl.flock(file, fcntl.LOCK_UN)

    yield do
    database.close()
    os.close(file)


def same_step(database: sqlite3.Connection, step: str, name: str) -> None:
    """Do what the ledger does in one transaction."""
    found = database.execute(sqlite._GET, (name,)).fetchone()
    assert (found is None) == (step == "reserve")
    now = time.time_ns() // 1000
    if step == "reserve":
        counted = database.execute(sqlite._COUNTERS, (now, now, "", "")).fetchall()
        assert len(database.execute(sqlite._BUDGETS).fetchall()) == len(BUDGETS)
        row = [name, "f", "reserved", HELD, PART, None, None, "", "", "", None]
        database.execute(sqlite._INSERT, [*row, now, now, now, *[None] * 4])
        same_count(database, counted, {"credits": (HELD, 0), "usd": (PART, 0)})
        return
    sets: dict[str, object] = {"state": step, "changed_at": now}
    if step == "submitting":
        sets["claim"] = "0123456789abcdef"
    if step == "submitted":
        sets["project_id"] = f"p {name}"
    if step == "settle":
        sets |= {"state": "settled", "charged": CHARGED, "charged_usd": PART, "open": None}
    if step == "release":
        sets |= {"state": "released", "open": None}
    columns = ", ".join(f"{column} = ?" for column in sets)
    text = f"UPDATE entries SET {columns} WHERE id = ?"  # noqa: S608  our own
    database.execute(text, [*sets.values(), name])
    if "open" in sets:
        counted = database.execute(sqlite._COUNTERS, (now, now, "", "")).fetchall()
        credits, usd = (CHARGED, PART) if step == "settle" else (0, 0)
        same_count(database, counted, {"credits": (-HELD, credits), "usd": (-PART, usd)})


def same_count(
    database: sqlite3.Connection, counted: list[Any], more: dict[str, tuple[int, int]]
) -> None:
    """Count in both windows, as the ledger does."""
    assert counted
    changes = [
        (row[8] + more[row[3]][0], row[9] + more[row[3]][1], *row[10:], *row[:8]) for row in counted
    ]
    database.executemany(sqlite._COUNT, changes)


@contextmanager
def plain_postgres(place: str) -> Iterator[Step]:
    """Do a step in a transaction of PostgreSQL: one statement, one round trip."""
    with psycopg.connect(place, autocommit=True) as database:

        def do(step: str, name: str) -> None:
            parts: list[str] = []
            values: list[object] = []
            for number, (text, given) in enumerate(statements(step, name)):
                parts.append(f"s{number} AS ({text.replace('?', '%s')} RETURNING 1)")
                values += given
            every = " + ".join(f"(SELECT count(*) FROM s{each})" for each in range(len(parts)))  # noqa: S608
            text = f"WITH {', '.join(parts)} SELECT {every}"
            found = database.execute(text, values).fetchone()
            assert found == (len(parts),)

        yield do


@contextmanager
def ledger(place: str) -> Iterator[Step]:
    """Do a step by the ledger."""
    with Ledger(place, wait_seconds=60) as opened:
        steps: dict[str, Step] = {
            "reserve": lambda name, _: opened.reserve(name, "f", HELD, usd="0.01"),
            "release": lambda name, _: opened.release(name),
            "submitting": lambda name, _: opened.submitting(name),
            "submitted": lambda name, _: opened.submitted(name, f"p {name}"),
            "settle": lambda name, _: opened.settle(name, CHARGED),
        }
        yield lambda step, name: steps[step](name, "")


# --------------------------------------------------------------------------------------- new tables


def new_plain_sqlite(folder: Path) -> str:
    """Make new tables, and give where they are."""
    place = str(folder / "plain.sqlite")
    database = sqlite3.connect(place)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(TABLES)
    database.close()
    return place


def new_plain_postgres(address: str) -> str:
    """Make new tables, and give where they are."""
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS entries, counters")
        database.execute(TABLES)
    return address


def new_ledger(place: str) -> str:
    """Make a new ledger with two budgets, and give where it is."""
    if place.startswith("postgresql://"):
        with psycopg.connect(place, autocommit=True) as database:
            database.execute("DROP SCHEMA IF EXISTS mh_preflight CASCADE")
    with Ledger(place) as made:
        for budget in BUDGETS:
            made.set_budget(budget)
        made.reserve("first", "f", 0, usd=0)  # from now on there are counters
        made.release("first")
    return place


def sums_of(place: str, *, of_ledger: bool) -> tuple[Any, ...]:
    """Count again what lies in the tables: entries, counters, and their sums from the entries."""
    text = SUMS
    if of_ledger:
        where = "mh_preflight." if place.startswith("postgresql://") else ""
        one = f"FROM {where}counters WHERE unit = 'credits'"
        text = text.replace("FROM counters", one).replace("FROM entries", f"FROM {where}entries")
    if place.startswith("postgresql://"):
        with psycopg.connect(place, autocommit=True) as server:
            return tuple(map(int, server.execute(text).fetchone() or ()))
    with contextlib.closing(sqlite3.connect(place)) as file:
        return tuple(file.execute(text).fetchone())


# ------------------------------------------------------------------------------------------ the run


def work(opened: Any, kind: str, seconds: float, ready: Any, results: Any) -> None:
    """Do jobs for some seconds, and say how many and what the longest step took."""
    done, longest, mine = 0, 0.0, os.getpid()
    with opened() as do:
        ready.wait()
        until = time.perf_counter() + seconds
        before = time.perf_counter()
        while before < until:
            name = f"{mine}-{done}"
            for step in STEPS[kind]:
                do(step, name)
                now = time.perf_counter()
                longest, before = max(longest, now - before), now
            done += 1
    results.put((done, longest))


def run(new: Any, opened: Any, kind: str, processes: int, seconds: float) -> Found:
    """Let processes do jobs, and count again what they say they did."""
    place = new()
    ready, results = FORK.Barrier(processes), FORK.Queue()
    arguments = (partial(opened, place), kind, seconds, ready, results)
    started = [FORK.Process(target=work, args=arguments) for _ in range(processes)]
    for process in started:
        process.start()
    found = [results.get(timeout=120) for _ in started]
    for process in started:
        process.join()
    done = sum(each for each, _ in found)
    settled = done * CHARGED if kind == "jobs" else 0
    of_ledger = opened in {ledger, same_sqlite}
    sums = sums_of(place, of_ledger=of_ledger)
    assert sums == (done + of_ledger, 0, settled, 0, settled), (sums, done, settled)
    fewest = min(each for each, _ in found) * processes / max(done, 1)
    return Found(done / seconds, max(each for _, each in found), fewest)


def measure(folder: Path, address: str, seconds: float, rounds: int) -> dict[Any, list[Found]]:
    """Give what each way did, by kind, way and number of processes."""
    found: dict[Any, list[Found]] = defaultdict(list)
    for round_ in range(rounds):
        for kind in STEPS:
            for processes in PROCESSES:
                fresh = folder / f"{round_} {kind} {processes}"
                fresh.mkdir()
                ways: dict[str, tuple[Any, Any]] = {
                    "sqlite3": (
                        partial(new_plain_sqlite, fresh),
                        partial(plain_sqlite, lock=False),
                    ),
                    "sqlite3 and a lock": (
                        partial(new_plain_sqlite, fresh / "lock"),
                        partial(plain_sqlite, lock=True),
                    ),
                    "the ledger's SQL alone": (
                        partial(new_ledger, f"{fresh}/same"),
                        same_sqlite,
                    ),
                    "Ledger, SQLite": (partial(new_ledger, f"{fresh}/ledger"), ledger),
                    "psycopg": (partial(new_plain_postgres, address), plain_postgres),
                    "Ledger, PostgreSQL": (partial(new_ledger, address), ledger),
                }
                (fresh / "lock").mkdir()
                for way, (new, opened) in ways.items():
                    found[kind, way, processes].append(run(new, opened, kind, processes, seconds))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="seconds of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement")
    parser.add_argument("--markdown", action="store_true", help="print a table for the document")
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, postgres_server(durable=True) as address:
        found = measure(Path(folder), address, options.seconds, options.rounds)
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, psycopg {psycopg.__version__}; "
        f"{options.rounds} rounds of {options.seconds:g} s, {time.monotonic() - begun:.0f} s in all"
    )
    ways = list(dict.fromkeys(way for _, way, _ in found))
    for kind, steps in STEPS.items():
        print(f"\n{kind} ({', '.join(steps)}) a second; longest wait; least share of a process\n")
        if options.markdown:
            print("| way | " + " | ".join(f"{each}" for each in PROCESSES) + " |")
            print("|---|" + "--:|" * len(PROCESSES))
        for way in ways:
            cells = [_cell(found, kind, way, processes) for processes in PROCESSES]
            if options.markdown:
                print(f"| {way} | " + " | ".join(cells) + " |")
            else:
                print(f"{way:24}" + "".join(f"{cell:>36}" for cell in cells))


def _cell(found: dict[Any, list[Found]], kind: str, way: str, processes: int) -> str:
    mine = found[kind, way, processes]
    beside = BESIDE.get(way)
    rate = statistics.median(each.each_second for each in mine)
    text = f"{rate:.0f}"
    if beside is not None:
        pairs = zip(mine, found[kind, beside, processes], strict=True)
        ratio = statistics.median(a.each_second / b.each_second for a, b in pairs)
        text += f" ({ratio:.2f} x)"
    longest = max(each.longest for each in mine)
    return f"{text}; {longest * 1000:.0f} ms; {min(each.fewest for each in mine):.2f}"


if __name__ == "__main__":
    main()
