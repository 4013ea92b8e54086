"""What is refused on this machine alone? Before the API is asked for anything, and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mh_preflight.budget.reserving import Confirm, decide_report, most_usd
from mh_preflight.errors import BudgetError, OverLimitError

if TYPE_CHECKING:
    from mh_preflight.budget import Policy, Scope
    from mh_preflight.budget.policy import Decision
    from mh_preflight.client.book import Book
    from mh_preflight.flow import Report
    from mh_preflight.units import Number

__all__ = ["allow_report", "bounded_hold"]


def allow_report(  # noqa: PLR0913  all that may refuse a job here
    report: Report,
    policy: Policy,
    scope: Scope,
    *,
    book: Book,
    held: Callable[[], bool],
    max_credits: int | None = None,
    max_usd: Number | None = None,
    confirm: Confirm | None = None,
) -> Decision:
    """Refuse what the user's own limits refuse; give what the policy says of the rest.

    That a budget has room is a glance: only `reserve` holds it.

    Args:
        report: What is known of the job.
        policy: What the user allows.
        scope: What the job belongs to.
        book: Whose budgets have to have room.
        held: Tells whether the job is held there by now: then it has its room.
        max_credits: Credits that may be held for it.
        max_usd: The same in US dollars.
        confirm: Is asked where the policy says `ask`.

    Raises:
        FindingsError: The API would refuse it.
        MediaError: A file was changed since it was read.
        OverLimitError: It may cost more than is allowed, or has no upper bound.
        UnknownRateError: A limit in dollars, but no price of a credit is known.
        DeniedError: The policy does not allow it.
        BudgetError: It does not fit into a budget.
    """
    report.raise_for_findings()
    report.raise_for_changes()
    report.raise_over_limit(max_credits=max_credits, max_usd=max_usd)
    hold, usd = bounded_hold(report), most_usd(report)
    decision = decide_report(report, policy, scope, credits=hold, usd=usd, confirm=confirm)
    try:
        if not held():
            book.check(hold, usd=usd, scope=scope, budgets=decision.budgets)
    except BudgetError:
        if not held():  # else another caller of the same id took the room for this job
            raise
    return decision


def bounded_hold(report: Report) -> int:
    """Give the most that a job may cost.

    Raises:
        OverLimitError: It has no upper bound.
    """
    hold = report.estimate.hold
    if hold is None:
        raise OverLimitError(
            "the job has no upper bound, because its frame rate is not known, and only what is "
            "bounded is sent: state it with media={...: Media.given(...)}",
            report,
        )
    return hold
