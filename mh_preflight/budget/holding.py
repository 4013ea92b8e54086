"""Hold what a job may cost before it is sent, and say at the end what became of it.

This is for code that spends in ways of its own:

    with hold(report, ledger=ledger) as entry:
        charged = send_it_somehow()
        entry.settle(charged)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from mh_preflight.budget.entries import Entry, Scope, State, amount
from mh_preflight.budget.ledger import Ledger
from mh_preflight.budget.policy import Policy
from mh_preflight.budget.reserving import (
    Confirm,
    decide_report,
    entry_for,
    fingerprint,
    kept_estimate,
    most_usd,
)
from mh_preflight.budget.windows import Budget, Period
from mh_preflight.errors import (
    InputError,
    OverLimitError,
    PreflightError,
    StateError,
)
from mh_preflight.flow import Report
from mh_preflight.media import is_remote, is_upload
from mh_preflight.media.origins import LocalFile
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.jobs import Job

__all__ = [
    "Budgeted",
    "Confirm",
    "Held",
    "Hold",
    "HoldWarning",
    "Holding",
    "entry_for",
    "fingerprint_of",
    "hold",
    "in_thread",
    "reserve_report",
]

Budgeted: TypeAlias = Ledger | Budget | int | Iterable[Budget]
"""A ledger with the budgets set in it, budgets, or credits for one run."""

WORD = "the caller of hold"
PIECE = 1 << 20
_Result = TypeVar("_Result")


class HoldWarning(UserWarning):
    """A hold was left without a word of what became of it; it keeps its credits."""


@dataclass(frozen=True, slots=True)
class Holding:
    """On what terms credits are held.

    Attributes:
        ledger: Where it is written.
        own: Whether it was opened here, and is to be closed here.
        policy: What the user allows.
        budgets: Budgets that count beside those of the policy and of the ledger.
        project: What the jobs belong to.
        run: The run that they are part of, or None.
        confirm: Is asked where the policy says `ask`.
        unbounded_credits: Credits to hold for a job without an upper bound; None to refuse it.
    """

    ledger: Ledger
    own: bool
    policy: Policy
    budgets: tuple[Budget, ...] = ()
    project: str = ""
    run: str | None = None
    confirm: Confirm | None = None
    unbounded_credits: int | None = None

    @classmethod
    def of(  # noqa: PLR0913  keywords all
        cls,
        *,
        budget: Budgeted | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        policy: Policy | None = None,
        budgets: Iterable[Budget] = (),
        project: str = "",
        run: str | None = None,
        confirm: Confirm | None = None,
        unbounded_credits: int | None = None,
    ) -> Self:
        """Take the terms as a caller gives them.

        Raises:
            InputError: One of them cannot be used.
            LedgerError: The ledger cannot be opened.
        """
        if isinstance(budget, Ledger):
            if ledger is not None:
                raise InputError("budget: is a second ledger beside ledger=", field="budget")
            ledger = budget
        limits = [*_budgets(budget, "budget"), *_budgets(budgets, "budgets")]
        rules = Policy() if policy is None else policy
        if not isinstance(rules, Policy):
            raise InputError("policy: must be a Policy", field="policy")
        if unbounded_credits is not None:
            amount(unbounded_credits, field="unbounded_credits")
        Scope(project, None, run)
        own = not isinstance(ledger, Ledger)
        return cls(
            ledger=ledger if isinstance(ledger, Ledger) else Ledger(ledger),
            own=own,
            policy=rules,
            budgets=tuple(limits),
            project=project,
            run=run,
            confirm=confirm,
            unbounded_credits=unbounded_credits,
        )


def _budgets(given: object, field: str) -> list[Budget]:
    if given is None or isinstance(given, Ledger):
        return []
    if isinstance(given, int):
        return [Budget(amount(given, field=field), Period.RUN)]
    found = list(given) if isinstance(given, Iterable) else [given]
    kept = [each for each in found if isinstance(each, Budget)]
    if len(kept) < len(found):
        raise InputError(
            f"{field}: must be a Ledger, whole credits for this run, a Budget or several",
            field=field,
        )
    return kept


# -------------------------------------------------------------------------------------- reserving


def fingerprint_of(job: Job) -> str:
    """Give what is the same for the same job, and for no other.

    It is the SHA-256 of the endpoint and the request body, in which each file on this machine
    stands as the SHA-256 of what is in it: a file may be moved, copied or touched.

    Args:
        job: The job.

    Raises:
        MediaError: A file cannot be read.
    """
    return fingerprint(job.endpoint, job.with_paths(job.wire_body(), _content))


def _content(source: str) -> str:
    """Give what is in a file of this machine; what lies elsewhere stays as it is written."""
    if is_upload(source) or is_remote(source):
        return source
    digest, length = hashlib.sha256(), 0
    with contextlib.closing(LocalFile.open(source)) as file:  # no pipe, and no device
        while piece := file.read_at(length, PIECE):
            digest.update(piece)
            length += len(piece)
        file.check()
    return f"sha256:{digest.hexdigest()}"


def reserve_report(report: Report, terms: Holding, entry_id: str, of_job: str) -> Entry:
    """Hold what a job may cost, if the policy and every budget allow it.

    Args:
        report: What is known of the job.
        terms: On what terms.
        entry_id: The entry's.
        of_job: The fingerprint of the job.

    Raises:
        DeniedError: The policy does not allow it.
        BudgetError: It does not fit into a budget.
        OverLimitError: It has no upper bound.
        StateError: A call that did not end holds less under the same id.
    """
    credits = report.estimate.hold
    if credits is None:
        credits = terms.unbounded_credits
    if credits is None:
        raise OverLimitError(
            "the job has no upper bound, because its frame rate is not known: state it with "
            "media={...: Media.given(...)}, or say with unbounded_credits how much to hold",
            report,
        )
    usd = most_usd(report)
    scope = Scope(terms.project, report.job.endpoint, terms.run)
    decision = decide_report(
        report, terms.policy, scope, credits=credits, usd=usd, confirm=terms.confirm
    )
    entry = terms.ledger.reserve(
        entry_id,
        of_job,
        credits,
        usd=usd,
        scope=scope,
        budgets=(*decision.budgets, *terms.budgets),
        estimate=kept_estimate(report),
        card_version=report.rates.version_for(report.job.endpoint),
    )
    if entry.state is State.RESERVED and entry.credits < credits:
        raise StateError(
            f"{one_line(entry.id)!r} was reserved at {entry.credits:,} credits by a call that did "
            f"not end, and may cost {credits:,} now: that hold expires by itself",
            entry=entry,
        )
    return entry


# ---------------------------------------------------------------------------------------- the hold


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
        else:
            break
    if canceled is not None:
        raise canceled
    return result
