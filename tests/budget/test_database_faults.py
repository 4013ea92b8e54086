"""What can go wrong with a ledger in PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from budget.reckoning import find_violations, read_books
from budget.serving_postgres import sql

import mh_preflight as mh
from mh_preflight.budget import Budget, BudgetError, Entry, Ledger, LedgerError, Scope

STATES = ("reserved", "submitting", "submitted", "settled")
Steps: TypeAlias = tuple[Callable[[], Entry], ...]


@pytest.fixture
def address(postgres_address: str) -> str:
    sql(postgres_address, "DROP SCHEMA IF EXISTS mh_preflight CASCADE")
    return postgres_address


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    with Ledger(address, wait_seconds=10) as ledger:
        yield ledger
    assert find_violations(read_books(address)) == []


def fails(code: str, do: Callable[[], object], *, within: float = 20.0) -> LedgerError:
    begun = time.monotonic()
    with pytest.raises(LedgerError) as caught:
        do()
    assert time.monotonic() - begun < within
    assert caught.value.code == code, caught.value
    return caught.value


def asked(ledger: Ledger, text: str) -> Any:
    """Ask the database through the ledger's own connection."""
    sessions: Any = ledger._store._sessions  # type: ignore[attr-defined]  # noqa: SLF001
    with sessions.use() as session:
        return session.rows(text, ())[0][0]


def backend(ledger: Ledger) -> int:
    return int(asked(ledger, "SELECT pg_backend_pid()"))


def test_psycopg_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(mh.MissingExtraError, match=r"mh-preflight\[postgres\]"):
        Ledger("postgresql://127.0.0.1/costs")


def test_a_server_that_is_not_there_is_said_so() -> None:
    pytest.importorskip("psycopg")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        address = f"postgresql://ann:secret@127.0.0.1:{port}/costs"
        error = fails("unreachable", lambda: Ledger(address, wait_seconds=3))
    assert f"postgresql://ann@127.0.0.1:{port}/costs" in error.message
    assert "secret" not in error.message


def test_a_server_that_never_answers_is_given_up() -> None:
    pytest.importorskip("psycopg")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/costs"
        fails("unreachable", lambda: Ledger(address, wait_seconds=2))


def test_an_address_that_is_none_is_said_so() -> None:
    pytest.importorskip("psycopg")
    for address in ("postgresql://ann:secret@h/x?nonsense=1", "postgresql://ann:secret@[h/x"):
        with pytest.raises(mh.InputError, match="no address of a database") as caught:
            Ledger(address)
        assert "secret" not in caught.value.message
        assert caught.value.__cause__ is None
    error = fails("unreachable", lambda: Ledger("postgresql://ann:secret@127.0.0.1:port/x"))
    assert "secret" not in error.message


def test_a_lost_connection_is_made_anew(ledger: Ledger, address: str) -> None:
    ledger.set_budget(Budget.of(credits=100, per="ever"))
    steps: Steps = (
        lambda: ledger.reserve("x", "f", 5),
        lambda: ledger.submitting("x"),
        lambda: ledger.submitted("x", "p"),
        lambda: ledger.settle("x", 5),
    )
    for step, state in zip(steps, STATES, strict=True):
        sql(address, "SELECT pg_terminate_backend(%s)", backend(ledger))
        assert step().state == state
    assert ledger.status()[0].settled == 5


def test_what_was_done_before_the_connection_was_lost_is_not_done_twice(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=100, per="ever"))
    sessions: Any = ledger._store._sessions  # type: ignore[attr-defined]  # noqa: SLF001

    def lose_the_next_answer() -> None:
        with sessions.use() as session:
            rows = session.rows

            def lost(text: str, values: Any) -> Any:
                rows(text, values)
                session._db.close()  # noqa: SLF001
                return rows(text, values)  # it is closed: this raises

            session.rows = lost

    steps: Steps = (
        lambda: ledger.reserve("x", "f", 5),
        lambda: ledger.submitting("x"),
        lambda: ledger.submitted("x", "p"),
        lambda: ledger.settle("x", 9),
    )
    for step, state in zip(steps, STATES, strict=True):
        lose_the_next_answer()
        assert step().state == state
    assert (ledger.status()[0].settled, ledger.status()[0].overrun) == (5, 4)


def test_a_server_that_stops_in_between_is_given_up(address: str) -> None:
    with Ledger(address, wait_seconds=1) as ledger:
        ledger.reserve("x", "f", 5)
        process = backend(ledger)
        os.kill(process, signal.SIGSTOP)
        try:
            # The server as a whole goes on: the second connection does the work.
            assert ledger.submitting("x").state == "submitting"
        finally:
            os.kill(process, signal.SIGCONT)
        assert [entry.state for entry in ledger.entries()] == ["submitting"]


def test_another_session_is_waited_for_only_so_long(address: str) -> None:
    import psycopg

    with Ledger(address, wait_seconds=1) as ledger:
        ledger.reserve("x", "f", 5)
        with psycopg.connect(address) as other:
            other.execute("LOCK TABLE mh_preflight.entries IN ACCESS EXCLUSIVE MODE")
            fails("busy", lambda: ledger.submitting("x"), within=10)
        assert ledger.submitting("x").state == "submitting"


def test_a_database_that_is_read_only_is_refused(ledger: Ledger, address: str) -> None:
    ledger.reserve("x", "f", 5)
    read_only = f"{address}&options=-c%20default_transaction_read_only%3Don"
    with Ledger(read_only) as other:
        assert [entry.id for entry in other.entries()] == ["x"]
        fails("unwritable", lambda: other.submitting("x"))
        fails("unwritable", lambda: other.set_budget(Budget.of(credits=1, per="day")))


def test_a_change_waits_for_the_disk_whatever_the_address_says(address: str) -> None:
    for said, expected in (("off", "on"), ("remote_apply", "remote_apply")):
        with Ledger(f"{address}&options=-c%20synchronous_commit%3D{said}") as ledger:
            assert asked(ledger, "SHOW synchronous_commit") == expected


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: Ledger, address: str) -> None:
    sql(address, "UPDATE mh_preflight.meta SET version = 2")
    error = fails("newer-ledger", lambda: Ledger(address))
    assert "update mh-preflight" in error.message
    ledger.close()
    fails("newer-ledger", lambda: ledger.get("x"))


def test_a_ledger_that_is_dropped_while_it_is_open_is_missed(address: str) -> None:
    with Ledger(address) as ledger:
        ledger.reserve("x", "f", 5)
        sql(address, "DROP SCHEMA mh_preflight CASCADE")
        fails("ledger", lambda: ledger.submitting("x"))


@pytest.mark.parametrize("wrong", ["-1", "NULL", "'many'"])
def test_the_database_itself_refuses_wrong_amounts(
    ledger: Ledger, address: str, wrong: str
) -> None:
    import psycopg

    ledger.set_budget(Budget.of(credits=100, per="ever"))
    ledger.reserve("x", "f", 5)
    for change in (
        f"UPDATE mh_preflight.entries SET credits = {wrong}",  # noqa: S608
        f"UPDATE mh_preflight.counters SET reserved = {wrong}",  # noqa: S608
        f"UPDATE mh_preflight.budgets SET most = {wrong}",  # noqa: S608
        "UPDATE mh_preflight.entries SET state = 'lost'",
        "UPDATE mh_preflight.entries SET state = 'settled'",
        "UPDATE mh_preflight.entries SET state = 'submitted'",
    ):
        with pytest.raises((psycopg.IntegrityError, psycopg.DataError)):
            sql(address, change)


def test_budgets_may_change_while_jobs_are_reserved(address: str) -> None:
    ended = threading.Event()
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Ledger(address) as mine:
                for each in range(40):
                    name, scope = f"{number}-{each}", Scope("ab"[each % 2], run=f"{each % 5}")
                    try:
                        mine.reserve(name, "f", 1, scope=scope)
                    except BudgetError:
                        continue
                    mine.submitting(name)
                    mine.submitted(name, f"p {name}")
                    mine.settle(name, each % 3)
        except BaseException as error:  # noqa: BLE001  it is raised below
            failed.append(error)

    def change() -> None:
        with Ledger(address) as mine:
            limit = 0
            while not ended.wait(0.005):
                limit = (limit + 37) % 150
                mine.set_budget(Budget.of(credits=100 + limit, per="ever"))
                mine.set_budget(Budget.of(credits=90, per="run"))
                mine.set_budget(Budget.of(credits=95, per="day", project="a"))
                mine.remove_budget(Budget.of(credits=95, per="day", project="a"))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    changer = threading.Thread(target=change)
    for thread in (changer, *workers):
        thread.start()
    for thread in workers:
        thread.join(120)
    ended.set()
    changer.join(30)
    assert failed == []
    books = read_books(address)
    assert find_violations(books._replace(budgets=[])) == []
    assert len(books.entries) > 50
    assert len(books.counters) > 5
