"""What does a store of entries have to do, wherever it lies? And how entries lie in its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from mh_preflight.budget.entries import (
    FINAL,
    OPEN,
    Entry,
    Move,
    Scope,
    State,
    Unit,
    charged_dollars,
    dollars_of,
    parts_of,
)
from mh_preflight.budget.windows import EVER, Budget, Check, Counter, Period
from mh_preflight.errors import BudgetError, ConflictError, StateError
from mh_preflight.units import one_line

__all__ = [
    "COLUMNS",
    "VERSION",
    "Amounts",
    "Query",
    "Store",
    "budget_of",
    "entry_of",
    "missing",
    "moved",
    "over",
    "row_of",
    "share",
    "sums_of",
    "sums_sql",
    "taken",
]

VERSION = 1
"""How the tables look; a ledger of a later version is left alone."""

COLUMNS = (
    "id",
    "fingerprint",
    "state",
    "credits",
    "usd",
    "charged",
    "charged_usd",
    "project",
    "endpoint",
    "run",
    "project_id",
    "reserved_at",
    "changed_at",
    "expires_at",
    "card_version",
    "estimate",
    "word",
    "claim",
)


class Amounts(NamedTuple):
    """What a budget's window holds.

    Attributes:
        reserved: What entries hold that have not ended.
        settled: What was charged, overruns left out.
        overrun: What was charged beyond what was held.
        unpriced: Entries whose dollars are not known, in a budget of dollars.
    """

    reserved: int = 0
    settled: int = 0
    overrun: int = 0
    unpriced: int = 0

    @property
    def used(self) -> int:
        """All that counts against the limit."""
        return self.reserved + self.settled + self.overrun


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are asked for.

    Attributes:
        states: In one of them.
        project: Of this project.
        endpoint: Of this endpoint.
        run: Of this run.
        project_id: Of this id of the API.
        since: Reserved at or after this instant.
        until: Reserved before this instant.
        due: Expiring at or before this instant.
    """

    states: frozenset[State] = frozenset(State)
    project: str | None = None
    endpoint: str | None = None
    run: str | None = None
    project_id: str | None = None
    since: int | None = None
    until: int | None = None
    due: int | None = None

    def conditions(self) -> Iterator[tuple[str, Any]]:
        """Give conditions of SQL, each with one `?`, and their values."""
        for column, value in (
            ("project = ?", self.project),
            ("endpoint = ?", self.endpoint),
            ("run = ?", self.run),
            ("project_id = ?", self.project_id),
            ("reserved_at >= ?", self.since),
            ("reserved_at < ?", self.until),
            ("expires_at <= ?", self.due),
        ):
            if value is not None:
                yield column, value


class Store(Protocol):
    """Where entries lie. Each call is one transaction, and on the disk once it returns."""

    def reserve(self, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        """Write a new entry if it fits into all budgets; give the one of its id if there is one.

        Raises:
            BudgetError: It does not fit.
        """

    def move(self, entry_id: str, move: Move) -> Entry:
        """Let an entry go where it may go, and give it; also where it has gone there before.

        Raises:
            StateError: It may not, or there is none.
            ConflictError: It went there by other values.
        """

    def get(self, entry_id: str) -> Entry | None:
        """Give an entry."""

    def entries(self, query: Query) -> Iterator[Entry]:
        """Give entries, in the order in which they were reserved."""

    def amounts(self, counter: Counter) -> Amounts:
        """Give what a window holds."""

    def budgets(self) -> list[Budget]:
        """Give the budgets that are set."""

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew."""

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away; tell whether there was one."""

    def close(self) -> None:
        """Let go of the connection."""


def entry_of(row: Sequence[Any]) -> Entry:
    """Give an entry as a row of `COLUMNS` holds it."""
    return Entry(
        id=row[0],
        fingerprint=row[1],
        state=State(row[2]),
        credits=row[3],
        usd=dollars_of(row[4]),
        charged=row[5],
        charged_usd=dollars_of(row[6]),
        scope=_scope(row[7], row[8], row[9]),
        project_id=row[10],
        reserved_at=row[11],
        changed_at=row[12],
        expires_at=row[13],
        card_version=row[14],
        estimate=None if row[15] is None else json.loads(row[15]),
        word=row[16],
        claim=row[17],
    )


@lru_cache(maxsize=256)
def _scope(project: str, endpoint: str, run: str) -> Scope:
    return Scope(project, endpoint or None, run or None)


def row_of(entry: Entry) -> tuple[Any, ...]:
    """Give an entry as a row of `COLUMNS`."""
    return (
        entry.id,
        entry.fingerprint,
        entry.state.value,
        entry.credits,
        parts_of(entry.usd),
        entry.charged,
        parts_of(entry.charged_usd),
        entry.scope.project,
        entry.scope.endpoint or "",
        entry.scope.run or "",
        entry.project_id,
        entry.reserved_at,
        entry.changed_at,
        entry.expires_at,
        entry.card_version,
        None if entry.estimate is None else json.dumps(entry.estimate, allow_nan=False),
        entry.word,
        entry.claim,
    )


@lru_cache(maxsize=256)
def budget_of(row: tuple[Any, ...]) -> Budget:
    """Give a budget as a row of unit, per, project, endpoint, zone and limit holds it."""
    unit, per, project, endpoint, zone, limit = row
    return Budget(limit, Period(per), Unit(unit), project or None, endpoint or None, zone)


def over(check: Check, amounts: Amounts) -> BudgetError | None:
    """Tell why a job does not fit into a budget; None if it fits.

    Args:
        check: The budget, and what is asked of it.
        amounts: What its window holds already.
    """
    budget, asked = check.budget, check.asked
    if asked is None or amounts.unpriced:
        missing = (
            "the job's price is not known"
            if asked is None
            else f"the price of {amounts.unpriced} earlier jobs in its window is not known"
        )
        message, code = f"the budget of {budget} cannot be kept: {missing}, in dollars", "unpriced"
    elif amounts.used + asked > budget.limit:
        message, code = f"over the budget of {budget}: {_reckoning(check, amounts)}", None
    else:
        return None
    return BudgetError(
        message,
        budget=budget,
        held=amounts.reserved,
        settled=amounts.settled,
        overrun=amounts.overrun,
        asked=asked,
        ends=None if check.counter is None or check.counter.ends == EVER else check.counter.ends,
        code=code,
    )


def _reckoning(check: Check, amounts: Amounts) -> str:
    shown = check.budget.shown
    parts = [f"{shown(check.asked or 0)} are asked"]
    if amounts.reserved:
        parts.append(f"{shown(amounts.reserved)} are held by jobs that have not ended")
    if amounts.settled or amounts.overrun:
        parts.append(f"{shown(amounts.settled + amounts.overrun)} are spent")
    return ", ".join(parts)


def moved(row: Sequence[Any], move: Move) -> dict[str, Any]:
    """Give what a move changes of a row of `COLUMNS`, by column."""
    changes: dict[str, Any] = {"state": move.to.value, "changed_at": move.at}
    if move.claim is not None:
        changes["claim"] = move.claim
    if move.project_id is not None:
        changes["project_id"] = move.project_id
    if move.word is not None:
        changes["word"] = move.word
    if move.charged is not None:
        usd = move.charged_usd
        changes["charged"] = move.charged
        changes["charged_usd"] = (
            charged_dollars(row[3], row[4], move.charged) if usd is None else usd
        )
    return changes


def share(state: str, held: int | None, charged: int | None) -> tuple[int, int, int, int]:
    """Give what an entry adds to a window: reserved, settled, overrun, unpriced."""
    if state == State.SETTLED:
        within = min(charged or 0, held or 0)
        return 0, within, (charged or 0) - within, int(charged is None)
    if state in FINAL:
        return 0, 0, 0, 0
    return held or 0, 0, 0, int(held is None)


def sums_of(
    counter: Counter, entries: str = "entries", mark: str = "?", least: str = "MIN"
) -> tuple[str, tuple[Any, ...]]:
    """Give SQL, and its values, that adds up what lies in a window.

    Args:
        counter: The window.
        entries: What the table is called.
        mark: What stands for a value.
        least: What the smaller of two values is called.
    """
    sql = f"""
        SELECT {sums_sql(counter.unit, least)} FROM {entries}
        WHERE reserved_at >= ? AND reserved_at < ? AND (? = '' OR run = ?)
            AND (? = '' OR project = ?) AND (? = '' OR endpoint = ?)
    """.replace("?", mark)  # noqa: S608  names of our own
    run, project, endpoint = counter.run, counter.project, counter.endpoint
    return sql, (counter.starts, counter.ends, run, run, project, project, endpoint, endpoint)


def sums_sql(unit: str, least: str = "LEAST") -> str:
    """Give SQL that adds up what entries add to a window, as `share` does.

    Args:
        unit: Credits or usd.
        least: What the smaller of two values is called.
    """
    held, charged = ("usd", "charged_usd") if unit == Unit.USD else ("credits", "charged")
    open_ = ", ".join(f"'{state}'" for state in sorted(OPEN))
    within = f"{least}(COALESCE({charged}, 0), COALESCE({held}, 0))"
    return f"""
        COALESCE(SUM(CASE WHEN state IN ({open_}) THEN COALESCE({held}, 0) ELSE 0 END), 0),
        COALESCE(SUM(CASE state WHEN 'settled' THEN {within} ELSE 0 END), 0),
        COALESCE(SUM(CASE state WHEN 'settled'
                     THEN COALESCE({charged}, 0) - {within} ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN state IN ({open_}) AND {held} IS NULL
                            OR state = 'settled' AND {charged} IS NULL THEN 1 ELSE 0 END), 0)
    """


def missing(entry_id: str) -> StateError:
    """Say that there is no such entry."""
    return StateError(f"the ledger has no entry {one_line(entry_id)!r}", code="no-entry")


def taken(entry: Entry) -> ConflictError:
    """Say that a project of the API belongs to another entry."""
    return ConflictError(
        f"project {one_line(str(entry.project_id))!r} of the API belongs to entry "
        f"{one_line(entry.id)!r}",
        entry=entry,
        field="project_id",
    )
