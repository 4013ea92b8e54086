"""Where is it written what was sent? In a ledger, or where there is none, in this process only."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from mh_preflight.budget import Budget, ConflictError, Entry, Scope, State, StateError
from mh_preflight.budget.entries import Move, is_done
from mh_preflight.units import one_line

__all__ = ["Book", "Unbooked"]


class Book(Protocol):
    """What the client asks of a ledger; `mh_preflight.budget.Ledger` says what each does."""

    def check(
        self,
        credits: int,
        *,
        usd: Any = None,
        scope: Scope = ...,
        budgets: Iterable[Budget] = (),
    ) -> None:
        """Refuse what does not fit."""

    def reserve(  # noqa: PLR0913
        self,
        id: str,  # noqa: A002
        fingerprint: str,
        credits: int,
        *,
        usd: Any = None,
        scope: Scope = ...,
        budgets: Iterable[Budget] = (),
        estimate: Mapping[str, Any] | None = None,
        card_version: str | None = None,
        expires_after: float | None = None,
    ) -> Entry:
        """Hold credits."""

    def submitting(self, id: str) -> Entry:  # noqa: A002
        """Claim the right to send."""

    def submitted(self, id: str, project_id: str) -> Entry:  # noqa: A002
        """Note the API's id."""

    def unknown(self, id: str) -> Entry:  # noqa: A002
        """Note that nobody knows."""

    def settle(self, id: str, credits: int) -> Entry:  # noqa: A002
        """Book what it cost."""

    def withdraw(self, id: str) -> Entry:  # noqa: A002
        """Give back what nobody has begun to send."""

    def release(self, id: str) -> Entry:  # noqa: A002
        """Give the hold back."""

    def expire(self) -> tuple[Entry, ...]:
        """Give back holds that are over."""

    def get(self, id: str) -> Entry | None:  # noqa: A002
        """Give an entry."""

    def entries(self, *, open_only: bool = False, project_id: str | None = None) -> Iterator[Entry]:
        """Give entries."""


class Unbooked:
    """Entries in the memory of this process: no budget, but an id is still never sent twice.

    Example:
        >>> book = Unbooked()
        >>> book.reserve("job-1", "what it is", 450).state
        <State.RESERVED: 'reserved'>
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def check(
        self,
        credits: int,
        *,
        usd: Any = None,
        scope: Scope = Scope(),  # noqa: B008  it is frozen
        budgets: Iterable[Budget] = (),
    ) -> None:
        """Everything fits: there is no budget."""

    def reserve(  # noqa: PLR0913  as the ledger's
        self,
        id: str,  # noqa: A002
        fingerprint: str,
        credits: int,
        *,
        usd: Any = None,  # noqa: ARG002  nothing is counted
        scope: Scope = Scope(),  # noqa: B008  it is frozen
        budgets: Iterable[Budget] = (),  # noqa: ARG002  there is nothing to count in
        estimate: Mapping[str, Any] | None = None,
        card_version: str | None = None,
        expires_after: float | None = None,  # noqa: ARG002  the process that holds it is this one
    ) -> Entry:
        """Note a job, whose id nobody else gets."""
        now = _now()
        entry = Entry(
            id=id,
            fingerprint=fingerprint,
            state=State.RESERVED,
            credits=credits,
            usd=None,
            charged=None,
            charged_usd=None,
            scope=scope,
            project_id=None,
            reserved_at=now,
            changed_at=now,
            expires_at=None,
            card_version=card_version,
            estimate=estimate,
            word=None,
        )
        with self._lock:
            found = self._entries.setdefault(id, entry)
        if found.fingerprint != fingerprint:
            raise ConflictError(
                f"entry {one_line(id)!r} is another job: an id is for one job alone", entry=found
            )
        return found

    def submitting(self, id: str) -> Entry:  # noqa: A002
        """Claim the right to send a job; only one call ever gets it."""
        return self._move(id, Move(State.SUBMITTING, _now(), claim=uuid.uuid4().hex))

    def submitted(self, id: str, project_id: str) -> Entry:  # noqa: A002
        """Note the API's id of a job."""
        return self._move(id, Move(State.SUBMITTED, _now(), project_id=project_id))

    def unknown(self, id: str) -> Entry:  # noqa: A002
        """Note that nobody knows whether a job was created."""
        return self._move(id, Move(State.UNKNOWN, _now()))

    def settle(self, id: str, credits: int) -> Entry:  # noqa: A002
        """Note what a job really cost."""
        return self._move(id, Move(State.SETTLED, _now(), charged=credits))

    def release(self, id: str) -> Entry:  # noqa: A002
        """Note that the API does not have a job."""
        return self._move(id, Move(State.RELEASED, _now()))

    def withdraw(self, id: str) -> Entry:  # noqa: A002
        """Note that a job was given up before anybody sent it."""
        return self._move(id, Move(State.RELEASED, _now(), unsent=True))

    def expire(self) -> tuple[Entry, ...]:
        """Nothing expires: the process that holds it is this one."""
        return ()

    def get(self, id: str) -> Entry | None:  # noqa: A002
        """Give an entry; None where there is none."""
        with self._lock:
            return self._entries.get(id)

    def entries(self, *, open_only: bool = False, project_id: str | None = None) -> Iterator[Entry]:
        """Give entries in the order in which they were reserved.

        Args:
            open_only: Only those that have not ended.
            project_id: Only the one with this id of the API.
        """
        with self._lock:
            known = list(self._entries.values())
        for entry in known:
            if (entry.open or not open_only) and project_id in {None, entry.project_id}:
                yield entry

    def _move(self, entry_id: str, move: Move) -> Entry:
        with self._lock:
            entry = self._entries.get(entry_id)
            if entry is None:
                raise StateError(f"there is no entry {one_line(entry_id)!r}", code="no-entry")
            if not is_done(entry, move):
                entry = self._entries[entry_id] = replace(
                    entry,
                    state=move.to,
                    changed_at=move.at,
                    claim=move.claim or entry.claim,
                    project_id=move.project_id or entry.project_id,
                    charged=move.charged,
                )
            return entry


def _now() -> int:
    return time.time_ns() // 1000
