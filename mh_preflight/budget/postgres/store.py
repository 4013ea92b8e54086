"""What is asked of the database? Each change is one call of a function in it: one round trip.

Windows are reckoned here, so that both kinds of ledger have the same days and months; the database
checks that the budgets they were reckoned for are still those that are set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from mh_preflight.budget.entries import OPEN, Entry, Move, is_done
from mh_preflight.budget.places import shown_place
from mh_preflight.budget.postgres.schema import COLUMN_NAMES, IS_OPEN
from mh_preflight.budget.postgres.session import Session, ledger_error, open_session
from mh_preflight.budget.processes import PerProcess
from mh_preflight.budget.store import (
    COLUMNS,
    Amounts,
    Query,
    budget_of,
    entry_of,
    missing,
    over,
    row_of,
    sums_of,
    taken,
)
from mh_preflight.budget.windows import Budget, Check, Counter, checks_of
from mh_preflight.errors import BudgetError, LedgerError, MissingExtraError

__all__ = ["PostgresStore"]

PAGE = 500
ATTEMPTS = 20  # budgets would have to change between any two of them
LOST = 2  # connections that may be lost under one call

_VALUES = ", ".join(["%s"] * len(COLUMNS))
_RESERVE = f"""
    SELECT verdict, place, amounts FROM mh_preflight.reserve(
        ROW(0, {_VALUES})::mh_preflight.entries, %s, %s::text[], %s::bigint[], %s::bigint[]
    )
"""  # noqa: S608
_MOVE = f"""
    SELECT {COLUMN_NAMES} FROM mh_preflight.move(
        %s, %s::text[], %s, %s, %s, %s, %s::bigint, %s::bigint, %s, %s::bigint
    )
"""  # noqa: S608
_GET = f"SELECT {COLUMN_NAMES} FROM mh_preflight.entries WHERE id = %s"  # noqa: S608
_BUDGETS = "SELECT unit, per, project, endpoint, zone, most FROM mh_preflight.budgets"
_WITH_GENERATION = """
    SELECT m.generation, b.unit, b.per, b.project, b.endpoint, b.zone, b.most
    FROM mh_preflight.meta m LEFT JOIN mh_preflight.budgets b ON true
"""


class PostgresStore:
    """Entries in a PostgreSQL database, in a schema `mh_preflight` of their own.

    Args:
        address: Begins with `postgresql://`.
        wait_seconds: How long the server, or another session, is waited for.

    Raises:
        MissingExtraError: psycopg is not installed.
        InputError: It is no address.
        LedgerError: The server cannot be reached, or holds no ledger of this version.
    """

    def __init__(self, address: str, wait_seconds: float) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise MissingExtraError(
                "a ledger in PostgreSQL needs psycopg, which is not installed: "
                "pip install 'mh-preflight[postgres]'"
            ) from None
        self.where = shown_place(address)
        opened = partial(
            open_session, address, self.where, wait_seconds
        )  # no cycle: it ends with this
        self._sessions = PerProcess(opened, Session.close, self.where, wait_seconds)
        self._known: tuple[int, list[Budget]] | None = None
        self._rows("SELECT 1", ())

    def reserve(self, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        """Write a new entry if it fits into all budgets; give the one of its id if there is one.

        Raises:
            BudgetError: It does not fit.
        """
        row = row_of(entry)
        for _ in range(ATTEMPTS):
            generation, stored = self._known or self._look_up()
            checks = checks_of(
                [*stored, *budgets], entry.scope, entry.reserved_at, entry.credits, row[4]
            )
            alone = next((each for each in map(_alone, checks) if each is not None), None)
            counted = [check for check in checks if check.counter is not None]
            if alone is not None:
                # Even so the id may be taken, or the budgets others: then that is the answer.
                found = self.get(entry.id)
                if found is not None:
                    return found
                if self._known == self._look_up():
                    raise alone
                continue
            windows = [json.dumps(check.counter) for check in counted]
            asked, most = [c.asked for c in counted], [c.budget.limit for c in counted]
            ((verdict, place, amounts),) = self._rows(
                _RESERVE, (*row, generation, windows, asked, most)
            )
            if verdict == "granted":
                return None
            if verdict == "exists":
                return self.get(entry.id)
            if verdict == "over":
                refused = over(counted[place], Amounts(*amounts))
                assert refused is not None  # noqa: S101  the database reckons as `over` does
                raise refused
            if verdict == "uncounted":
                self._rows("SELECT mh_preflight.count_anew(%s::text[])", (windows,))
            else:
                self._known = None
        raise LedgerError(
            f"{self.where}: the budgets change faster than a job can be reserved",
            code="busy",
            source=self.where,
        )

    def move(self, entry_id: str, move: Move) -> Entry:
        """Let an entry go where it may go, and give it; also where it has gone there before.

        Raises:
            StateError: It may not, or there is none.
            ConflictError: It went there by other values.
        """
        values = (
            entry_id,
            sorted(move.sources),
            move.to.value,
            move.at,
            move.claim,
            move.project_id,
            move.charged,
            move.charged_usd,
            move.word,
            move.due,
        )
        from psycopg.errors import UniqueViolation

        for _ in range(ATTEMPTS):
            try:
                found = self._rows(_MOVE, values)
            except LedgerError as error:
                if isinstance(error.__cause__, UniqueViolation):
                    for other in self.entries(Query(project_id=move.project_id)):
                        raise taken(other) from None
                raise
            if found:
                return entry_of(found[0])
            entry = self.get(entry_id)
            if entry is None:
                raise missing(entry_id)
            if is_done(entry, move):
                return entry
            if move.due is not None and (entry.expires_at is None or entry.expires_at > move.due):
                return entry
        raise LedgerError(  # pragma: no cover  it would have to change between any two attempts
            f"{self.where}: the entry changes too fast", code="busy", source=self.where
        )

    def get(self, entry_id: str) -> Entry | None:
        """Give an entry."""
        found = self._rows(_GET, (entry_id,))
        return entry_of(found[0]) if found else None

    def entries(self, query: Query) -> Iterator[Entry]:
        """Give entries, in the order in which they were reserved."""
        wanted = [(each.replace("?", "%s"), value) for each, value in query.conditions()]
        conditions = ["state = ANY (%s)", *(condition for condition, _ in wanted)]
        if query.states <= OPEN:
            conditions.append(IS_OPEN)
        sql = (
            f"SELECT {COLUMN_NAMES}, number FROM mh_preflight.entries "  # noqa: S608  names of our own
            f"WHERE number > %s AND {' AND '.join(conditions)} ORDER BY number LIMIT {PAGE}"
        )
        last, states = 0, sorted(query.states)
        while rows := self._rows(sql, (last, states, *(value for _, value in wanted))):
            for row in rows:
                yield entry_of(row)
            last = rows[-1][-1]

    def amounts(self, counter: Counter) -> Amounts:
        """Give what a window holds."""
        where = " AND ".join(f"{name} = %s" for name in Counter._fields)
        sql = (
            f"SELECT reserved, settled, overrun, unpriced FROM mh_preflight.counters WHERE {where}"  # noqa: S608
        )
        found = self._rows(sql, counter)
        if not found:
            found = self._rows(*sums_of(counter, "mh_preflight.entries", "%s", "LEAST"))
        return Amounts(*map(int, found[0]))

    def budgets(self) -> list[Budget]:
        """Give the budgets that are set."""
        return [budget_of(row) for row in self._rows(_BUDGETS, ())]

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew."""
        values = (*map(str, budget.identity), budget.limit)
        self._rows("SELECT mh_preflight.set_budget(%s, %s, %s, %s, %s, %s)", values)
        self._known = None

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away; tell whether there was one."""
        values = tuple(map(str, budget.identity))
        ((found,),) = self._rows("SELECT mh_preflight.remove_budget(%s, %s, %s, %s, %s)", values)
        self._known = None
        return bool(found)

    def close(self) -> None:
        """Let go of the connection."""
        self._sessions.drop()

    # --------------------------------------------------------------------------------- the database

    def _look_up(self) -> tuple[int, list[Budget]]:
        rows = self._rows(_WITH_GENERATION, ())
        self._known = rows[0][0], [budget_of(row[1:]) for row in rows if row[1] is not None]
        return self._known

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """Ask the database; a second time where the connection was lost.

        It may have done what was asked before it was lost, and says so the second time: each change
        names what is to become of which entry, and by which call.
        """
        import psycopg

        for attempt in range(1, LOST + 1):
            try:
                with self._sessions.use() as session:
                    return session.rows(sql, values)
            except psycopg.Error as error:
                if isinstance(error, psycopg.errors.DeadlockDetected) and attempt < LOST:
                    continue
                if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                    with self._sessions.use() as session:
                        lost = session.is_lost
                    if lost:
                        self._sessions.drop()
                        if attempt < LOST:
                            continue
                raise ledger_error(self.where, error) from error
        raise AssertionError  # pragma: no cover  the last attempt returns or raises


def _alone(check: Check) -> BudgetError | None:
    return None if check.counter is not None else over(check, Amounts())
