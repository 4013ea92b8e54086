"""An independent reader of a ledger: plain SQL, and its own reckoning of what has to hold.

It shares no code with the ledger, not even the names of states.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from budget.serving_postgres import sql

__all__ = ["Books", "Job", "find_violations", "read_books"]

HOLDING = {"reserved", "submitting", "submitted", "unknown"}
ENDED = {"settled", "released", "expired"}
MAY_BE_BILLED = {"submitting", "submitted", "unknown", "settled"}

LATER = {  # where an entry may be, once it was seen in a state
    "reserved": HOLDING | ENDED,
    "submitting": {"submitting", "submitted", "unknown", "settled", "released"},
    "submitted": {"submitted", "settled"},
    "unknown": {"unknown", "submitted", "settled", "released"},
    "settled": {"settled"},
    "released": {"released"},
    "expired": {"expired"},
}


class Books(NamedTuple):
    """All rows of a ledger."""

    entries: list[dict[str, Any]]
    counters: list[dict[str, Any]]
    budgets: list[dict[str, Any]]


class Job(NamedTuple):
    """A job as the server has it."""

    entry: str
    project_id: str
    charge: str


def read_books(place: str) -> Books:
    """Read all rows, at one instant."""
    if place.startswith("postgresql://"):
        rows = ", ".join(
            f"(SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM mh_preflight.{name} t)"  # noqa: S608
            for name in ("entries", "counters", "budgets")
        )
        return Books(*sql(place, f"SELECT {rows}")[0])
    database = sqlite3.connect(f"{Path(place).absolute().as_uri()}?mode=ro", uri=True)
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.row_factory = sqlite3.Row
        database.execute("BEGIN")
        return Books(
            *(
                [dict(row) for row in database.execute(f"SELECT * FROM {name}")]  # noqa: S608
                for name in ("entries", "counters", "budgets")
            )
        )
    finally:
        database.close()


def find_violations(
    books: Books,
    *,
    jobs: Iterable[Job] = (),
    seen: Iterable[tuple[str, str]] = (),
    limits: Mapping[tuple[str, ...], int] | None = None,
) -> list[str]:
    """Find what does not hold.

    Args:
        books: The ledger's rows.
        jobs: What the server was sent, and charges.
        seen: Entries and states that the ledger acknowledged.
        limits: Limits that held all the time, beside those of the ledger.
    """
    found = [*_bad_rows(books.entries), *_bad_counters(books)]
    found += _broken_limits(books, limits or {})
    by_id = {entry["id"]: entry for entry in books.entries}
    jobs = list(jobs)
    for job in jobs:
        entry = by_id.get(job.entry)
        if entry is None:
            found.append(f"the server has {job}, and the ledger has no entry of it")
        elif entry["state"] not in MAY_BE_BILLED:
            found.append(f"the server has {job}, and its entry is {entry['state']}")
        elif entry["state"] == "settled" and entry["charged"] != int(job.charge):
            found.append(f"the server charges {job}, and {entry['charged']} were settled")
    for name, times in Counter(job.entry for job in jobs).items():
        if times > 1:
            found.append(f"{name} was sent {times} times")
    for name, state in seen:
        if name not in by_id:
            found.append(f"{name} was acknowledged as {state}, and is lost")
        elif by_id[name]["state"] not in LATER[state]:
            found.append(f"{name} was {state}, and became {by_id[name]['state']}")
    return found


def _bad_rows(entries: list[dict[str, Any]]) -> list[str]:
    found = []
    for entry in entries:
        for what in ("credits", "usd", "charged", "charged_usd"):
            value = entry[what]
            if value is not None and (type(value) is not int or value < 0):
                found.append(f"{entry['id']}: {what} is {value!r}")
        if entry["state"] not in HOLDING | ENDED:
            found.append(f"{entry['id']}: is {entry['state']}")
        if (entry["state"] == "settled") != (entry["charged"] is not None):
            found.append(f"{entry['id']}: is {entry['state']}, charged {entry['charged']}")
    for what in ("id", "project_id"):
        names = Counter(entry[what] for entry in entries if entry[what] is not None)
        found += [f"{what} {name} is there twice" for name, times in names.items() if times > 1]
    return found


def _sums(entries: Iterable[dict[str, Any]], window: Mapping[str, Any]) -> dict[str, int]:
    sums = {"reserved": 0, "settled": 0, "overrun": 0, "unpriced": 0}
    dollars = window["unit"] == "usd"
    for entry in entries:
        if not window["starts"] <= entry["reserved_at"] < window["ends"]:
            continue
        if any(window[key] and window[key] != entry[key] for key in ("project", "endpoint", "run")):
            continue
        held = entry["usd" if dollars else "credits"]
        charged = entry["charged_usd" if dollars else "charged"]
        if entry["state"] in HOLDING:
            sums["reserved"] += held or 0
            sums["unpriced"] += held is None
        elif entry["state"] == "settled":
            sums["settled"] += min(charged or 0, held or 0)
            sums["overrun"] += max((charged or 0) - (held or 0), 0)
            sums["unpriced"] += charged is None
    return sums


def _bad_counters(books: Books) -> list[str]:
    found = []
    for counter in books.counters:
        sums = _sums(books.entries, counter)
        counted = {key: counter[key] for key in sums}
        if counted != sums:
            found.append(f"the counter {counter} should be {sums}")
    return found


def _broken_limits(books: Books, limits: Mapping[tuple[str, ...], int]) -> list[str]:
    """Find windows in which more was granted than their limit; overruns are no grants."""
    every = dict(limits)
    for budget in books.budgets:
        every[_key(budget)] = budget["most"]
    found = []
    for counter in books.counters:
        most = every.get(_key(counter))
        sums = _sums(books.entries, counter)
        if most is not None and sums["reserved"] + sums["settled"] > most:
            found.append(f"{sums} were granted of {most}: {counter}")
    for (unit, per, project, endpoint, _), most in every.items():
        if per == "ever":
            window = {"unit": unit, "project": project, "endpoint": endpoint, "run": ""}
            sums = _sums(books.entries, {**window, "starts": 0, "ends": 2**63 - 1})
            if sums["reserved"] + sums["settled"] > most:
                found.append(f"{sums} were granted of {most} ever")
        if per == "job":
            held = "usd" if unit == "usd" else "credits"
            found += [
                f"{entry['id']} holds {entry[held]}, more than {most} a job"
                for entry in books.entries
                if (project in {"", entry["project"]} and endpoint in {"", entry["endpoint"]})
                and (entry[held] is None or entry[held] > most)
            ]
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    return (row["unit"], row["per"], row["project"], row["endpoint"], row["zone"])
