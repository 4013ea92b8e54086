"""Hold what a job may cost before it is sent, and say at the end what became of it.

This is for code that spends in ways of its own:

    with hold(report, ledger=ledger) as entry:
        charged = send_it_somehow()
        entry.settle(charged)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal, TypeVar

from mh_preflight.budget.entries import Entry, State, amount
from mh_preflight.budget.ledger import Ledger
from mh_preflight.budget.policy import Policy
from mh_preflight.budget.reserving import Confirm, entry_for
from mh_preflight.budget.terms import Holding, fingerprint_of, reserve_report
from mh_preflight.budget.windows import Budget
from mh_preflight.errors import InputError, PreflightError, StateError
from mh_preflight.flow import Report

__all__ = ["Held", "Hold", "HoldWarning", "hold", "in_thread"]

WORD = "the caller of hold"
_Result = TypeVar("_Result")


class HoldWarning(UserWarning):
    """A hold was left without a word of what became of it; it keeps its credits."""


class Held:
    """A job whose credits are held; say here what becomes of it.

    Attributes:
        report: What is known of the job.
        entry: What the ledger holds; each word below gives it anew.
    """

    def __init__(self, report: Report, entry: Entry, ledger: Ledger) -> None:
        self.report, self.entry = report, entry
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"Held({self.id!r}, {self.state.value!r})"

    @property
    def id(self) -> str:
        """The entry's id."""
        return self.entry.id

    @property
    def state(self) -> State:
        """Where the entry is, as far as this block knows."""
        return self.entry.state

    def submitting(self) -> Entry:
        """Say that the job is sent now: from here on only a charge ends its hold.

        Raises:
            StateError: Another call sends it, or has sent it: this one must not.
        """
        self.entry = self._ledger.submitting(self.id)
        return self.entry

    def submitted(self, project_id: str) -> Entry:
        """Say which project of the API it is.

        Args:
            project_id: The API's id.
        """
        self._claim()
        self.entry = self._ledger.submitted(self.id, project_id)
        return self.entry

    def unknown(self) -> Entry:
        """Say that nobody knows whether it was created; it keeps its hold."""
        self._claim()
        self.entry = self._ledger.unknown(self.id)
        return self.entry

    def settle(self, credits: int) -> Entry:
        """Say what it really cost.

        Args:
            credits: Credits that were charged; 0 for a job that failed.
        """
        amount(credits, field="credits")
        self._claim()
        if self.state is State.SUBMITTING:  # it has no project: the caller's word has to do
            self.unknown()
        word = WORD if self.state is State.UNKNOWN else None
        self.entry = self._ledger.settle(self.id, credits, word=word)
        return self.entry

    def release(self) -> Entry:
        """Say that the API does not have the job: nothing was sent, or it was surely refused.

        Raises:
            StateError: Another call of the same id is sending it.
        """
        unsent = self.state is State.RESERVED
        give_back = self._ledger.withdraw if unsent else self._ledger.release
        self.entry = give_back(self.id)
        return self.entry

    def _claim(self) -> None:
        if self.state is State.RESERVED:
            self.submitting()


class Hold:
    """What `hold` gives: a block, with or without `async`, in which a job is sent."""

    def __init__(
        self, report: Report, given: str | None, terms: Holding, *, announced: bool
    ) -> None:
        self._report, self._given, self._terms = report, given, terms
        self._announced = announced
        self._held: Held | None = None

    def __enter__(self) -> Held:
        if self._held is not None:
            raise StateError("a hold is for one block: ask for another one")
        report, ledger = self._report, self._terms.ledger
        try:
            report.raise_for_findings()
            report.raise_for_changes()
            fingerprint = fingerprint_of(report.job)
            found, entry = entry_for(ledger, self._given, fingerprint)
            if entry is None or entry.state is State.RESERVED:
                entry = reserve_report(report, self._terms, found, fingerprint)
            held = Held(report, entry, ledger)
            if not self._announced or entry.state is not State.RESERVED:
                held.submitting()  # raises where it was sent before
        except BaseException:
            self._close()
            raise
        self._held = held
        return held

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        try:
            self._leave(error)
        finally:
            self._close()
        return False

    async def __aenter__(self) -> Held:
        try:
            return await in_thread(self.__enter__)
        except asyncio.CancelledError as error:
            if self._held is not None:  # it was entered, and its block never begins
                await in_thread(self._undo, error)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        return await in_thread(self.__exit__, kind, error, trace)

    def _undo(self, error: BaseException) -> None:
        if self._held is not None:
            with contextlib.suppress(PreflightError):  # it keeps its credits then
                self._held.release()
        self.__exit__(type(error), error, None)

    def _leave(self, error: BaseException | None) -> None:
        held = self._held
        if held is None:
            return
        silent = held.state is State.SUBMITTING
        try:
            if held.state is State.RESERVED:
                with contextlib.suppress(StateError):  # another call sends it by now
                    held.release()
            elif silent:
                held.unknown()
        except PreflightError as fault:
            if error is None:
                raise
            error.add_note(f"entry {held.id} is not what became of it: {fault.message}")
        else:
            if error is not None:
                error.add_note(f"entry {held.id} of the ledger is {held.state}")
            elif silent:
                warnings.warn(
                    f"nothing was said of entry {held.id}: it is unknown, and keeps its "
                    f"{held.entry.credits:,} credits until a person settles or releases it",
                    HoldWarning,
                    stacklevel=3,
                )

    def _close(self) -> None:
        if self._terms.own:
            self._terms.ledger.close()


def hold(  # noqa: PLR0913  keywords all
    report: Report,
    *,
    ledger: Ledger | str | os.PathLike[str] | None = None,
    id: str | None = None,  # noqa: A002  the word of the ledger
    policy: Policy | None = None,
    budgets: Iterable[Budget] = (),
    project: str = "",
    run: str | None = None,
    confirm: Confirm | None = None,
    unbounded_credits: int | None = None,
    announced: bool = False,
) -> Hold:
    """Hold what a job may cost while a block of your own sends it.

    At its end the block says what became of the job: `settle(credits)`, `submitted(project_id)`
    where the charge comes later, or `release()` where the API surely does not have it. Left without
    a word, also by an exception, the job may have been sent: its entry becomes `unknown`, and keeps
    its credits. With `announced` the block itself says `submitting()` before it sends, and what is
    left before that is given back.

    Args:
        report: What `preflight` gave.
        ledger: A ledger or its place; the user's own by default.
        id: Your own id for this job alone: what was sent under it is not sent again.
        policy: What the user allows.
        budgets: Budgets that count beside those of the policy and the ledger.
        project: What the job belongs to, for budgets.
        run: The run that it is part of, for budgets.
        confirm: Is called with the report and the reasons where the policy says `ask`; only True
            lets the job be sent.
        unbounded_credits: Credits to hold for a job without an upper bound, which else is refused.
        announced: Whether the block calls `submitting()` itself.

    Raises:
        FindingsError: The API would refuse the job; like all below, raised when the block is
            entered.
        OverLimitError: It has no upper bound.
        DeniedError: The policy does not allow it.
        BudgetError: It does not fit into a budget.
        StateError: It was sent before under the same id.
        ConflictError: The id belongs to another job.
        LedgerError: The ledger cannot be read or written.

    Example:
        >>> from mh_preflight import job, preflight
        >>> speech = {"prompt": "Hello there.", "voice_name": "Elon Musk"}
        >>> report = preflight(job("ai-voice-generator", style=speech))
        >>> with hold(report, ledger="held.sqlite") as entry:
        ...     print(entry.state)
        ...     entry.settle(1).state
        submitting
        <State.SETTLED: 'settled'>
    """
    if not isinstance(report, Report):
        raise InputError("report: must be what preflight gave", field="report")
    terms = Holding.of(
        ledger=ledger,
        policy=policy,
        budgets=budgets,
        project=project,
        run=run,
        confirm=confirm,
        unbounded_credits=unbounded_credits,
    )
    return Hold(report, id, terms, announced=announced)


async def in_thread(work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Do something in a thread, to its end even where the task is canceled.

    Args:
        work: What is done.
        arguments: What it is given.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    canceled: asyncio.CancelledError | None = None
    while True:
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.done():
                raise
            canceled = error
        except BaseException as fault:
            if canceled is not None:
                raise canceled from fault
            raise
        else:
            break
    if canceled is not None:
        raise canceled
    return result
