"""May we spend it, and what was spent? A hold is written before anything is sent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mh_preflight.budget.entries import (
    OPEN,
    Entry,
    Move,
    Scope,
    State,
    amount,
    dollars_of,
    name,
    scaled_dollars,
)
from mh_preflight.budget.places import find_ledger, is_address, shown_place
from mh_preflight.budget.sqlite import SqliteStore
from mh_preflight.budget.store import Amounts, Query, Store, over
from mh_preflight.budget.windows import EVER, LAST_INSTANT, Budget, Period, checks_of
from mh_preflight.errors import (
    BudgetError,
    ConflictError,
    InputError,
    LedgerError,
    PreflightError,
    StateError,
)
from mh_preflight.units import Number, microseconds, one_line

__all__ = ["Ledger", "Standing"]

WAIT_SECONDS = 30.0
"""How long another process is waited for: far more than any of them needs."""

EXPIRES_SECONDS = 3600.0
"""How long a hold lasts that nobody submits; a process that is killed leaves it behind."""

SUBMITTING_SECONDS = 900.0
SUBMITTED_SECONDS = 86_400.0
"""After which ages recovery asks a person: longer than any request, and than any rendering."""

MOST_ESTIMATE = 1 << 16

MOST_HOLDERS = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands.

    Amounts are credits, or ten-billionths of a US dollar where the budget is in dollars.

    Attributes:
        budget: The budget.
        starts: When its window began, in microseconds since 1970; None if it has none.
        ends: When its window ends; None if never.
        reserved: What entries hold that have not ended.
        settled: What was charged, overruns left out.
        overrun: What was charged beyond what was held.
        unpriced: Entries whose dollars are not known, in a budget of dollars.
        holders: Entries that hold something, the oldest first, at most 20.
    """

    budget: Budget
    starts: int | None
    ends: int | None
    reserved: int
    settled: int
    overrun: int
    unpriced: int
    holders: tuple[Entry, ...]

    @property
    def limit(self) -> int:
        """What the budget allows."""
        return self.budget.limit

    @property
    def charged(self) -> int:
        """What was charged in all, overruns too."""
        return self.settled + self.overrun

    @property
    def blocked(self) -> bool:
        """Whether nothing more is sent in its window, however little it asks."""
        return self.left < 0 or self.unpriced > 0

    @property
    def left(self) -> int:
        """What may be reserved still; below 0 where more was charged, or the limit was lowered."""
        return self.limit - self.reserved - self.charged


class Ledger:
    """What is held for jobs, and what they cost; many processes may share one.

    What a call returns is on the disk. Entries go through states, which `mh_preflight.budget.State`
    names: reserve before anything is sent, call `submitting` before the first byte of the request,
    then `submitted` with the API's id, and `settle` with what it charged. A job that never reached
    the API is released; one of which nobody knows is marked `unknown`, and keeps its hold until a
    person says what became of it.

    It may be used by threads, and after a fork. A file has to lie on a disk of this machine.

    Args:
        where: A path, or an address that begins with `postgresql://`; else what
            `MH_PREFLIGHT_LEDGER` names, else a file in the user's data folder.
        wait_seconds: How long another process is waited for before a call is given up.
        clock: Gives microseconds since 1970; by default the system's.

    Attributes:
        where: The place as it may be shown, without a password.
        path: The file; None where it is a database.

    Raises:
        LedgerError: It cannot be opened, or is no ledger of this version.
        MissingExtraError: It is a PostgreSQL address, and psycopg is not installed.

    Example:
        >>> ledger = Ledger("costs.sqlite")
        >>> ledger.set_budget(Budget.of(credits=1_000, per="day"))
        >>> entry = ledger.reserve("job-1", "lip-sync of clip.mov", 450)
        >>> entry = ledger.submitting("job-1")      # now the request is sent
        >>> entry = ledger.submitted("job-1", "cuid-example")
        >>> ledger.settle("job-1", 360).state
        <State.SETTLED: 'settled'>
        >>> [standing.left for standing in ledger.status()]
        [640]
        >>> ledger.close()
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        place = find_ledger(where)
        wait = microseconds(wait_seconds, field="wait_seconds") / 1e6
        self.where = shown_place(place)
        self.path = None if is_address(place) else Path(place)
        self._clock = clock
        self._sending: set[tuple[int, str]] = set()  # by which process: it may fork
        self._store: Store
        if self.path is not None:
            self._store = SqliteStore(self.path, wait)
        else:
            from mh_preflight.budget.postgres import PostgresStore

            self._store = PostgresStore(str(place), wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self.where!r})"

    def close(self) -> None:
        """Let go of the file or connection; a later call opens it anew."""
        self._store.close()

    # -------------------------------------------------------------------------------- what is spent

    def reserve(  # noqa: PLR0913  what an entry keeps
        self,
        id: str,  # noqa: A002  the word of the ledger
        fingerprint: str,
        credits: int,
        *,
        usd: Number | None = None,
        scope: Scope = Scope(),  # noqa: B008  it is frozen
        budgets: Iterable[Budget] = (),
        estimate: Mapping[str, Any] | None = None,
        card_version: str | None = None,
        expires_after: float | None = EXPIRES_SECONDS,
    ) -> Entry:
        """Hold credits for a job, if every budget allows it.

        The same id with the same fingerprint gives the entry that there is, whatever its state:
        only `submitting` says who may send it.

        Args:
            id: The caller's own, for this job alone.
            fingerprint: What the job is; another job must have another.
            credits: Credits to hold: the most that it may cost.
            usd: The same in US dollars, or None where no price is known.
            scope: Whose job it is.
            budgets: Budgets that count beside those that are set in the ledger.
            estimate: What was estimated, to be kept with it; as JSON holds it.
            card_version: The version of the rates.
            expires_after: Seconds after which the hold may be taken back if it was never submitted;
                None for never.

        Raises:
            BudgetError: It does not fit into a budget; nothing is held.
            ConflictError: The id belongs to another job.
            StateError: It is held already, and counts in other budgets.
            InputError: A value is wrong.
            LedgerError: The ledger cannot be written.
        """
        now = self._now()
        lasts = (
            None if expires_after is None else microseconds(expires_after, field="expires_after")
        )
        entry = Entry(
            id=name(id, field="id"),
            fingerprint=name(fingerprint, field="fingerprint"),
            state=State.RESERVED,
            credits=amount(credits, field="credits"),
            usd=dollars_of(scaled_dollars(usd)),
            charged=None,
            charged_usd=None,
            scope=_scope(scope),
            project_id=None,
            reserved_at=now,
            changed_at=now,
            expires_at=None if lasts is None else now + lasts,
            card_version=None if card_version is None else name(card_version, field="card_version"),
            estimate=_kept(estimate),
            word=None,
        )
        extra = tuple(budgets)
        if not all(isinstance(each, Budget) for each in extra):
            raise InputError("budgets: must be budgets", field="budgets")
        try:
            found = self._store.reserve(entry, extra)
        except BudgetError:
            if not self.expire():
                raise
            found = self._store.reserve(entry, extra)
        if found is None:
            return entry
        if found.fingerprint != entry.fingerprint:
            raise ConflictError(
                f"entry {one_line(id)!r} is another job: an id is for one job alone", entry=found
            )
        if found.state is State.RESERVED:
            return self._held(found, entry, now)
        return found

    def _held(self, found: Entry, entry: Entry, now: int) -> Entry:
        """Give a hold that was there, unless it is over, or counts elsewhere."""
        if found.expires_at is not None and found.expires_at <= now:
            self.expire()
            return self.get(found.id) or found
        if found.scope != entry.scope:
            raise StateError(
                f"entry {one_line(found.id)!r} is held for another project, endpoint or run, whose "
                "budgets it counts in: withdraw it, or wait until it expires",
                entry=found,
                code="held-elsewhere",
            )
        return found

    def submitting(self, id: str) -> Entry:  # noqa: A002
        """Claim the right to send a job; this must return before the first byte is sent.

        Only one call ever gets it. Where it raises, nothing may be sent. A call that is stopped in
        the middle, as by Ctrl-C, or fails after it has written gives back what it claimed: the
        entry is released then, and a new attempt needs a new id.

        Args:
            id: The entry's.

        Raises:
            StateError: It was claimed before, has ended, or there is none.
            LedgerError: The ledger cannot be written.
        """
        claim = os.urandom(8).hex()
        try:
            entry = self._move(id, Move(State.SUBMITTING, self._now(), claim=claim))
            self._sending.add((os.getpid(), id))
        except (ConflictError, InputError, StateError):
            raise
        except BaseException as stop:
            self._unclaim(id, claim, stop)
            raise
        return entry

    def _unclaim(self, entry_id: str, claim: str, stop: BaseException) -> None:
        """Give back what was claimed by a call that never returns, and that nobody sends."""
        try:
            entry = self.get(entry_id)
            if entry is not None and entry.state is State.SUBMITTING and entry.claim == claim:
                self._move(entry_id, Move(State.RELEASED, self._now()))
        except BaseException as fault:
            stop.add_note(
                f"nothing was sent of entry {one_line(entry_id)!r}, which may be held as "
                f"submitting still: {one_line(str(fault)) or type(fault).__name__}"
            )
            if not isinstance(fault, PreflightError):
                raise

    def submitted(self, id: str, project_id: str) -> Entry:  # noqa: A002
        """Note the API's id of a job: from an answer, a webhook or a person.

        Args:
            id: The entry's.
            project_id: The API's.

        Raises:
            StateError: It was not being sent, or has ended, or there is none.
            ConflictError: It has another id of the API, or the id belongs to another entry.
            LedgerError: The ledger cannot be written.
        """
        project = name(project_id, field="project_id")
        return self._move(id, Move(State.SUBMITTED, self._now(), project_id=project))

    def unknown(self, id: str) -> Entry:  # noqa: A002
        """Note that nobody knows whether a job was created; it keeps its hold.

        Args:
            id: The entry's.

        Raises:
            StateError: It was not being sent, or there is none.
            LedgerError: The ledger cannot be written.
        """
        return self._move(id, Move(State.UNKNOWN, self._now()))

    def settle(
        self,
        id: str,  # noqa: A002
        credits: int,
        *,
        usd: Number | None = None,
        word: str | None = None,
    ) -> Entry:
        """Book what a job really cost; a failed or canceled one at what the API says, usually 0.

        What is less than its hold is given back. What is more is booked as an overrun.

        Args:
            id: The entry's.
            credits: Credits that were charged.
            usd: The same in US dollars; None for the price that a credit had when it was reserved.
            word: Who says so; an unknown one cannot be settled without.

        Raises:
            StateError: It was not submitted, or has ended in another way, or there is none.
            ConflictError: It was settled at another charge.
            InputError: A value is wrong.
            LedgerError: The ledger cannot be written.
        """
        charged = amount(credits, field="credits")
        paid = scaled_dollars(usd)
        move = Move(State.SETTLED, self._now(), charged=charged, charged_usd=paid, word=_word(word))
        return self._move(id, move)

    def release(self, id: str, *, word: str | None = None) -> Entry:  # noqa: A002
        """Give back the hold of a job that the API does not have.

        While it is being sent, only the ledger object whose `submitting` claimed it may say so: for
        all others the API may have it, also where its sender was killed.

        Args:
            id: The entry's: one that was never sent, or that was surely refused.
            word: Who says so; an unknown one cannot be released without.

        Raises:
            StateError: The API may have it, or it has ended in another way, or there is none.
            LedgerError: The ledger cannot be written.
        """
        said = _word(word)
        unsent = said is None and (os.getpid(), id) not in self._sending
        return self._move(id, Move(State.RELEASED, self._now(), word=said, unsent=unsent))

    def withdraw(self, id: str) -> Entry:  # noqa: A002
        """Give back the hold of a job that nobody has begun to send, and of no other.

        Where several calls of one ledger object compete for one id, as in threads, one that gives
        up must not free what another sends; `release` keeps only other objects from it.

        Args:
            id: The entry's.

        Raises:
            StateError: It is being sent, or was, or there is none.
            LedgerError: The ledger cannot be written.
        """
        return self._move(id, Move(State.RELEASED, self._now(), unsent=True))

    def expire(self) -> tuple[Entry, ...]:
        """Give back holds that are over and were never submitted; give their entries.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        now, expired = self._now(), []
        for entry in self._store.entries(Query(frozenset({State.RESERVED}), due=now)):
            try:
                moved = self._store.move(entry.id, Move(State.EXPIRED, now, due=now))
            except StateError:  # another process was faster
                continue
            if moved.state is State.EXPIRED:
                expired.append(moved)
        return tuple(expired)

    # --------------------------------------------------------------------------------- what is held

    def get(self, id: str) -> Entry | None:  # noqa: A002
        """Give an entry; None where there is none.

        Args:
            id: The entry's.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._store.get(name(id, field="id"))

    def entries(  # noqa: PLR0913  keywords all
        self,
        *,
        state: State | str | None = None,
        open_only: bool = False,
        project: str | None = None,
        endpoint: str | None = None,
        run: str | None = None,
        project_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Entry]:
        """Give entries one after another, in the order in which they were reserved.

        Args:
            state: Only those in it.
            open_only: Only those that hold something.
            project: Only those of this project.
            endpoint: Only those of this endpoint.
            run: Only those of this run.
            project_id: Only the one with this id of the API.
            since: Only those reserved at or after it, in microseconds since 1970.
            until: Only those reserved before it.

        Raises:
            InputError: There is no such state.
            LedgerError: The ledger cannot be read.
        """
        states = frozenset(State)
        if state is not None:
            try:
                states = frozenset({State(state)})
            except ValueError:
                raise InputError(
                    f"state: must be one of {', '.join(State)}", field="state"
                ) from None
        if open_only:
            states &= OPEN
        query = Query(states, project, endpoint, run, project_id, since, until)
        return self._store.entries(query)

    def recover(
        self,
        *,
        submitting_seconds: float = SUBMITTING_SECONDS,
        submitted_seconds: float = SUBMITTED_SECONDS,
    ) -> tuple[Entry, ...]:
        """Give the entries that need a person, the oldest first.

        These are the unknown ones, those that are being submitted or wait for their charge for too
        long, and those that hold credits without ever being submitted. Nothing is changed: an entry
        that a killed process left at `submitting` becomes `unknown` by its id, and is then settled
        or released by a person's word.

        Args:
            submitting_seconds: How long a request may take.
            submitted_seconds: How long a job may take, and a hold that never expires.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        now = self._now()
        sending = now - microseconds(submitting_seconds, field="submitting_seconds")
        working = now - microseconds(submitted_seconds, field="submitted_seconds")
        latest = {
            State.UNKNOWN: LAST_INSTANT,
            State.SUBMITTING: sending,
            State.SUBMITTED: working,
            State.RESERVED: working,
        }
        return tuple(
            entry
            for entry in self._store.entries(Query(OPEN))
            if entry.changed_at <= latest[entry.state]
        )

    # -------------------------------------------------------------------------------------- budgets

    def check(
        self,
        credits: int,
        *,
        usd: Number | None = None,
        scope: Scope = Scope(),  # noqa: B008  it is frozen
        budgets: Iterable[Budget] = (),
    ) -> None:
        """Refuse a job that would not fit now, without holding anything for it.

        This is for an early no. It is no promise: only `reserve` holds, and it looks again.

        Args:
            credits: Credits that would be held.
            usd: The same in US dollars, or None where no price is known.
            scope: Whose job it is.
            budgets: Budgets that count beside those that are set in the ledger.

        Raises:
            BudgetError: It does not fit into a budget.
            InputError: A value is wrong.
            LedgerError: The ledger cannot be read, or holds that are over not be given back.
        """
        asked = amount(credits, field="credits"), scaled_dollars(usd)
        every = [*self.budgets(), *map(_budget, budgets)]
        try:
            self._check(every, _scope(scope), *asked)
        except BudgetError:
            if not self.expire():
                raise
            self._check(every, scope, *asked)

    def _check(self, budgets: list[Budget], scope: Scope, credits: int, usd: int | None) -> None:
        for check in checks_of(budgets, scope, self._now(), credits, usd):
            counter = check.counter
            amounts = Amounts() if counter is None else self._store.amounts(counter)
            if (refused := over(check, amounts)) is not None:
                raise refused

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew; what was spent in its window before counts.

        Args:
            budget: The budget.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        self._store.set_budget(_budget(budget))

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away, whatever its limit is; tell whether there was one.

        Args:
            budget: The budget.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        return self._store.remove_budget(_budget(budget))

    def budgets(self) -> tuple[Budget, ...]:
        """Give the budgets that are set.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return tuple(sorted(self._store.budgets(), key=lambda each: each.identity))

    def status(
        self, *, budgets: Iterable[Budget] = (), run: str | None = None, at: int | None = None
    ) -> tuple[Standing, ...]:
        """Tell how each budget stands.

        Args:
            budgets: Others beside those that are set in the ledger.
            run: The run, for budgets a run.
            at: In which window, in microseconds since 1970; None for now.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        now = self._now() if at is None else at
        every = dict.fromkeys([*self.budgets(), *map(_budget, budgets)])
        return tuple(self._standing(budget, now, run) for budget in every)

    def _standing(self, budget: Budget, now: int, run: str | None) -> Standing:
        counter = budget.counter(now, run)
        if counter is None:
            return Standing(budget, None, None, 0, 0, 0, 0, ())
        held = self._store.amounts(counter)
        query = Query(
            OPEN,
            budget.project,
            budget.endpoint,
            run if budget.per is Period.RUN else None,
            since=counter.starts,
            until=counter.ends,
        )
        holders = sorted(self._store.entries(query), key=lambda entry: entry.changed_at)
        return Standing(
            budget,
            counter.starts or None,
            None if counter.ends == EVER else counter.ends,
            held.reserved,
            held.settled,
            held.overrun,
            held.unpriced,
            tuple(holders[:MOST_HOLDERS]),
        )

    # --------------------------------------------------------------------------------------- checks

    def _move(self, entry_id: str, move: Move) -> Entry:
        entry = self._store.move(name(entry_id, field="id"), move)
        if entry.state is not State.SUBMITTING:
            self._sending.discard((os.getpid(), entry_id))
        return entry

    def _now(self) -> int:
        now = self._clock()
        if type(now) is not int or not 0 <= now <= LAST_INSTANT:
            raise LedgerError(
                "the clock is wrong: it shows no day between 1970 and 9987", code="bad-clock"
            )
        return now


def _budget(budget: object) -> Budget:
    if not isinstance(budget, Budget):
        raise InputError("budget: must be a Budget", field="budget")
    return budget


def _scope(scope: object) -> Scope:
    if not isinstance(scope, Scope):
        raise InputError("scope: must be a Scope", field="scope")
    return scope


def _word(word: str | None) -> str | None:
    return None if word is None else name(word, field="word")


def _kept(estimate: object) -> Mapping[str, Any] | None:
    """Give an estimate as the ledger will give it back.

    Raises:
        InputError: JSON cannot hold it, or it is too large.
    """
    if estimate is None:
        return None
    try:
        text = json.dumps(estimate, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InputError("estimate: must be what JSON can hold", field="estimate") from None
    if len(text) > MOST_ESTIMATE or not isinstance(estimate, Mapping):
        raise InputError("estimate: must be a mapping, of at most 64 KiB as JSON", field="estimate")
    kept: Mapping[str, Any] = json.loads(text)
    return kept
