# ruff: noqa: SLF001  a mistake is planted inside
"""Mistakes that a ledger could have; the hammer has to find each of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from mh_preflight.budget import Budget, Entry, Ledger, State, StateError
from mh_preflight.budget.entries import Move
from mh_preflight.budget.sqlite import SqliteStore
from mh_preflight.budget.store import Amounts, Query, row_of
from mh_preflight.budget.windows import checks_of

entries_module: Any = import_module("mh_preflight.budget.entries")
sqlite_module: Any = import_module("mh_preflight.budget.sqlite.store")

__all__ = ["BUGS", "plant"]


def plant(bug: str) -> None:
    """Give this process a ledger with a mistake."""
    BUGS[bug]()


def _check_before_the_transaction() -> None:
    """Look whether there is room, and take it afterwards."""
    reserve, over = SqliteStore.reserve, sqlite_module.over

    def wrong(self: SqliteStore, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        every = [*self.budgets(), *budgets]
        usd = entries_module.parts_of(entry.usd)
        for check in checks_of(every, entry.scope, entry.reserved_at, entry.credits, usd):
            counted = Amounts() if check.counter is None else self.amounts(check.counter)
            refused = over(check, counted)
            if refused is not None:
                raise refused
        time.sleep(0.002)
        return reserve(self, entry, budgets)

    SqliteStore.reserve = wrong  # type: ignore[method-assign]
    sqlite_module.over = lambda _check, _amounts: None


def _settle_in_two_transactions() -> None:
    """Book the charge, and then count it."""
    move: Any = SqliteStore.move

    def wrong(self: SqliteStore, entry_id: str, wanted: Move) -> Any:
        before = self.get(entry_id)
        if before is None or before.state is State.SETTLED or wanted.to is not State.SETTLED:
            return move(self, entry_id, wanted)
        count = sqlite_module._count
        sqlite_module._count = lambda _db, _before, _after: None
        try:
            after = move(self, entry_id, wanted)
        finally:
            sqlite_module._count = count
        time.sleep(0.002)
        self._change(lambda db: count(db, row_of(before), row_of(after)))
        return after

    SqliteStore.move = wrong  # type: ignore[assignment, method-assign]


def _expire_what_was_sent() -> None:
    """Take back what is over, whatever its state is."""
    sources: Any = entries_module._FROM
    sources[State.EXPIRED] = frozenset({State.RESERVED, State.SUBMITTING, State.SUBMITTED})

    def wrong(self: Ledger) -> tuple[Entry, ...]:
        now, expired = self._now(), []
        for entry in self._store.entries(Query(sources[State.EXPIRED], due=now)):
            try:
                expired.append(self._store.move(entry.id, Move(State.EXPIRED, now, due=now)))
            except StateError:
                continue
        return tuple(expired)

    Ledger.expire = wrong  # type: ignore[method-assign]


def _release_what_another_sends() -> None:
    """Let anybody who gives up take back what is just being sent."""

    def wrong(self: Ledger, id: str, *, word: str | None = None) -> Entry:  # noqa: A002
        return self._move(id, Move(State.RELEASED, self._now(), word=word))

    Ledger.release = wrong  # type: ignore[method-assign]


BUGS = {
    "check-before": _check_before_the_transaction,
    "settle-twice": _settle_in_two_transactions,
    "expire-sent": _expire_what_was_sent,
    "release-sent": _release_what_another_sends,
}
