"""On what terms is a job held? Where it is written, by whose budgets, and what the job is."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

from mh_preflight.budget.entries import Entry, Scope, State, amount
from mh_preflight.budget.ledger import Ledger
from mh_preflight.budget.policy import Policy
from mh_preflight.budget.reserving import (
    Confirm,
    decide_report,
    fingerprint,
    kept_estimate,
    most_usd,
)
from mh_preflight.budget.windows import Budget, Period
from mh_preflight.errors import InputError, OverLimitError, StateError
from mh_preflight.flow import Report
from mh_preflight.media import is_remote, is_upload
from mh_preflight.media.origins import LocalFile
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.jobs import Job

__all__ = ["Budgeted", "Holding", "fingerprint_of", "reserve_report"]

Budgeted: TypeAlias = Ledger | Budget | int | Iterable[Budget]
"""A ledger with the budgets set in it, budgets, or credits for one run."""
PIECE = 1 << 20


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


def fingerprint_of(job: Job) -> str:
    """Read the files of a job, and give its fingerprint.

    Args:
        job: The job.

    Raises:
        MediaError: A file cannot be read.
    """
    here = {
        place: source
        for place, source in job.files().items()
        if not (is_upload(source) or is_remote(source))
    }
    return fingerprint(job, {place: _sha256(source) for place, source in here.items()})


def _sha256(path: str) -> str:
    digest, length = hashlib.sha256(), 0
    with contextlib.closing(LocalFile.open(path)) as file:  # no pipe, and no device
        while piece := file.read_at(length, PIECE):
            digest.update(piece)
            length += len(piece)
        file.check()
    return digest.hexdigest()


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
