"""A ledger in a file: what SQLite, as Python brings it, is told to write and to read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import add, sub
from pathlib import Path
from typing import Any, TypeVar

from mh_preflight.budget.entries import FINAL, OPEN, Entry, Move, is_done
from mh_preflight.budget.processes import PerProcess
from mh_preflight.budget.sqlite.session import Session, ledger_error, open_session
from mh_preflight.budget.store import (
    COLUMNS,
    Amounts,
    Query,
    budget_of,
    entry_of,
    missing,
    moved,
    over,
    row_of,
    share,
    sums_of,
    taken,
)
from mh_preflight.budget.windows import Budget, Counter, checks_of
from mh_preflight.errors import LedgerError, PreflightError
from mh_preflight.units import one_line

__all__ = ["SqliteStore"]

Answer = TypeVar("Answer")

PAGE = 500  # entries that are read at a time, so that reading never keeps a lock

_AMOUNTS = (("credits", 3, 5), ("usd", 4, 6))  # where a row has what is held and charged
_COLUMNS = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO entries ({_COLUMNS}, open) VALUES ({'?, ' * len(COLUMNS)}1)"  # noqa: S608
_GET = f"SELECT {_COLUMNS} FROM entries WHERE id = ?"  # noqa: S608  names of our own
_OF_ENTRY = """
    WHERE run = '' AND ends > ? AND starts <= ?
        AND (project = '' OR project = ?) AND (endpoint = '' OR endpoint = ?)
"""
_COUNTERS = f"""
    SELECT run, ends, starts, unit, per, project, endpoint, zone,
        reserved, settled, overrun, unpriced
    FROM counters {_OF_ENTRY}
"""  # noqa: S608
_COUNTERS_OF_RUN = _COUNTERS.replace("run = ''", "run IN (?, '')")
_OF_COUNTER = " AND ".join(f"{name} = ?" for name in Counter._fields)
_COUNT = f"""
    UPDATE counters SET reserved = ?, settled = ?, overrun = ?, unpriced = ? WHERE {_OF_COUNTER}
"""  # noqa: S608
_NEW_COUNTER = "INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BUDGETS = "SELECT unit, per, project, endpoint, zone, most FROM budgets"


class SqliteStore:
    """Entries in a file.

    Args:
        path: Where it lies; it is made where there is none.
        wait_seconds: How long another process is waited for.

    Raises:
        LedgerError: It cannot be opened, or is no ledger.
    """

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self.where = one_line(str(path))
        full = Path(os.path.realpath(path))  # the log lies beside the file, not beside a link
        # It knows nothing of this object, and so no cycle keeps it: it ends with this.
        opened = partial(open_session, full, self.where, wait_seconds)
        self._sessions = PerProcess(opened, Session.close, self.where, wait_seconds)
        with self._sessions.use():
            pass

    def reserve(self, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        """Write a new entry if it fits into all budgets; give the one of its id if there is one.

        Raises:
            BudgetError: It does not fit.
        """
        row = row_of(entry)
        at, scope = entry.reserved_at, entry.scope

        def work(db: sqlite3.Connection) -> tuple[Any, ...] | None:
            found: tuple[Any, ...] | None = db.execute(_GET, (entry.id,)).fetchone()
            if found is not None:
                return found
            counted = _counted(db, row)
            stored = map(budget_of, db.execute(_BUDGETS))
            for check in checks_of([*stored, *budgets], scope, at, entry.credits, row[4]):
                amounts = Amounts()
                if check.counter is not None:
                    amounts = counted.get(check.counter) or _count_anew(db, check.counter)
                    counted[check.counter] = amounts
                refused = over(check, amounts)
                if refused is not None:
                    raise refused
            db.execute(_INSERT, row)
            _add(db, counted, None, row)
            return None

        found = self._change(work)
        return None if found is None else entry_of(found)

    def move(self, entry_id: str, move: Move) -> Entry:
        """Let an entry go where it may go, and give it; also where it has gone there before.

        Raises:
            StateError: It may not, or there is none.
            ConflictError: It went there by other values.
        """
        sources = move.sources

        def work(db: sqlite3.Connection) -> Sequence[Any]:
            found: tuple[Any, ...] | None = db.execute(_GET, (entry_id,)).fetchone()
            if found is None:
                raise missing(entry_id)
            if found[2] not in sources and is_done(entry_of(found), move):
                return found
            if move.due is not None and (found[13] is None or found[13] > move.due):
                return found
            changes = moved(found, move)
            row = [changes.get(column, value) for column, value in zip(COLUMNS, found, strict=True)]
            if move.to in FINAL:
                changes["open"] = None
            sets = ", ".join(f"{column} = ?" for column in changes)
            try:
                db.execute(
                    f"UPDATE entries SET {sets} WHERE id = ?",  # noqa: S608  names of our own
                    (*changes.values(), entry_id),
                )
            except sqlite3.IntegrityError:
                raise _taken(db, move) from None
            if move.to in FINAL:
                _count(db, found, row)
            return row

        return entry_of(self._change(work))

    def get(self, entry_id: str) -> Entry | None:
        """Give an entry."""
        found = self._read(_GET, (entry_id,))
        return entry_of(found[0]) if found else None

    def entries(self, query: Query) -> Iterator[Entry]:
        """Give entries, in the order in which they were reserved."""
        wanted = list(query.conditions())
        states = ", ".join(f"'{state}'" for state in sorted(query.states))
        conditions = [f"state IN ({states})", *(condition for condition, _ in wanted)]
        if query.states <= OPEN:
            conditions.append("open = 1")
        sql = (
            f"SELECT {_COLUMNS}, number FROM entries "  # noqa: S608  names of our own
            f"WHERE number > ? AND {' AND '.join(conditions)} ORDER BY number LIMIT {PAGE}"
        )
        last = 0
        while rows := self._read(sql, (last, *(value for _, value in wanted))):
            for row in rows:
                yield entry_of(row)
            last = rows[-1][-1]

    def amounts(self, counter: Counter) -> Amounts:
        """Give what a window holds."""
        sql = f"SELECT reserved, settled, overrun, unpriced FROM counters WHERE {_OF_COUNTER}"  # noqa: S608
        found = self._read(sql, counter)
        if not found:
            found = self._read(*sums_of(counter))
        return Amounts(*found[0])

    def budgets(self) -> list[Budget]:
        """Give the budgets that are set."""
        return [budget_of(row) for row in self._read(_BUDGETS, ())]

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew."""
        sql = "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?, ?, ?)"
        self._change(lambda db: db.execute(sql, (*budget.identity, budget.limit)))

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away; tell whether there was one."""
        where = "unit = ? AND per = ? AND project = ? AND endpoint = ? AND zone = ?"
        sql = f"DELETE FROM budgets WHERE {where}"  # noqa: S608
        return bool(self._change(lambda db: db.execute(sql, budget.identity).rowcount))

    def close(self) -> None:
        """Let go of the connection."""
        self._sessions.drop()

    # -------------------------------------------------------------------------------- transactions

    def _change(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        session = self._sessions.take()
        try:
            return session.change(work)
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise ledger_error(self.where, error) from error
        finally:
            self._sessions.give()

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._sessions.use() as session:
            try:
                session.check_place()
                return session.db.execute(sql, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise ledger_error(self.where, error) from error


def _count(db: sqlite3.Connection, before: Sequence[Any], after: Sequence[Any]) -> None:
    """Count an entry in all its windows, as it is after a change."""
    _add(db, _counted(db, after), before, after)


def _counted(db: sqlite3.Connection, row: Sequence[Any]) -> dict[Counter, Amounts]:
    """Give what the windows of an entry hold."""
    sql, values = _COUNTERS, [row[11], row[11], row[7], row[8]]
    if row[9]:
        sql, values = _COUNTERS_OF_RUN, [row[9], *values]
    return {Counter(*each[:8]): Amounts(*each[8:]) for each in db.execute(sql, values)}


def _add(
    db: sqlite3.Connection,
    counted: Mapping[Counter, Amounts],
    before: Sequence[Any] | None,
    after: Sequence[Any],
) -> None:
    """Add to some windows what an entry now has more than before."""
    more = {}
    for unit, held, charged in _AMOUNTS:
        shares = share(after[2], after[held], after[charged])
        if before is not None:
            shares = Amounts(*map(sub, shares, share(before[2], before[held], before[charged])))
        more[unit] = shares
    changes = [
        (*map(add, amounts, more[counter.unit]), *counter) for counter, amounts in counted.items()
    ]
    db.executemany(_COUNT, changes)


def _count_anew(db: sqlite3.Connection, counter: Counter) -> Amounts:
    """Begin to count a window, with what is in it already."""
    amounts = db.execute(*sums_of(counter)).fetchone()
    db.execute(_NEW_COUNTER, (*counter, *amounts))
    return Amounts(*amounts)


def _taken(db: sqlite3.Connection, move: Move) -> PreflightError:
    sql = f"SELECT {_COLUMNS} FROM entries WHERE project_id = ?"  # noqa: S608
    found = db.execute(sql, (move.project_id,)).fetchone()
    if found is None:
        return LedgerError("the ledger refuses a value that breaks its own rules", code="damaged")
    return taken(entry_of(found))
