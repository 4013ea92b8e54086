"""How is a job sent? Priced, allowed, held, its files uploaded, claimed, and created once."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mh_preflight.budget import FINAL, Action, Entry, Scope, State, StateError
from mh_preflight.budget.reserving import (
    Confirm,
    entry_for,
    fingerprint,
    kept_estimate,
    most_usd,
)
from mh_preflight.checks import Finding
from mh_preflight.client.allowing import allow_report, bounded_hold
from mh_preflight.client.answers import Account, Created
from mh_preflight.client.creating import create_flow
from mh_preflight.client.flows import Flow, Tell, Terms, account_flow, upload_flow
from mh_preflight.client.network import Deadline
from mh_preflight.client.uploads import LocalCopy, local_files
from mh_preflight.errors import (
    InputError,
    LowBalanceError,
    PreflightError,
    UncertainError,
    UnknownRateError,
)
from mh_preflight.flow import Report, preflight
from mh_preflight.jobs import Job
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.budget.policy import Decision
    from mh_preflight.units import Number, Plan

__all__ = ["Request", "Submission", "label_of", "submit_flow"]

MARGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that the API has.

    Attributes:
        id: The API's id of it.
        credits_charged: Credits that were charged when it was created, or, where it was sent before
            and has ended, in the end; None where that is not known.
        entry: What is written of it; its `id` is the caller's.
        endpoint: As in the URL.
        warnings: What a person should know: findings, the policy's warnings, a low balance.
        repeated: Whether it had been sent before, and nothing was sent now.
    """

    id: str
    credits_charged: int | None
    entry: Entry
    endpoint: str
    warnings: tuple[Finding, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller wants to be sent.

    Attributes:
        job: The job, or the report of one that was priced before.
        id: The caller's id for it, or None for one that nobody has.
        plan: The plan, or None for the client's.
        project: The user's name for what it belongs to.
        run: The run that it is part of, or None.
        max_credits: Credits that may be held for it.
        max_usd: US dollars that may be held for it.
        confirm: Is asked where the policy says `ask`.
        patience: Seconds to wait in all where the API says 429; then the job is given up.
        tell: Is told how far an upload is.
        options: More arguments for `preflight`.
    """

    job: Job | Report
    id: str | None = None
    plan: Plan | None = None
    project: str = ""
    run: str | None = None
    max_credits: int | None = None
    max_usd: Number | None = None
    confirm: Confirm | None = None
    patience: float = 0.0
    tell: Tell | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def label_of(entry: Entry) -> str:
    """Give the name by which a job is known again where the answer to its request was lost."""
    mark = hashlib.sha256(f"{entry.fingerprint} {entry.reserved_at}".encode()).hexdigest()
    return f"{entry.id} ~{mark[:12]}"  # of this ledger alone: another may hold the same id and job


def submit_flow(terms: Terms, request: Request, deadline: Deadline) -> Flow[Submission]:
    """Send a job, or give what was sent before under its id.

    What this machine can refuse on its own is refused before the API is asked for anything.

    Args:
        terms: The client's.
        request: What is to be sent.
        deadline: By when the request must have begun.
    """
    job = request.job.job if isinstance(request.job, Report) else request.job
    if not isinstance(job, Job):
        raise InputError("job: must be a job or the report of one", field="job")
    _raise_for_other(request)
    files = local_files(job, terms.uploads.digests)
    of_job = fingerprint(job, {place: file.sha256 for place, file in files.items()})
    name, entry = entry_for(terms.book, request.id, of_job)
    if entry is not None and entry.state is not State.RESERVED:
        return _sent_before(entry, job)
    scope = Scope(request.project, job.endpoint, request.run)
    report, decision, account = yield from _allowed(terms, request, job, scope, name, deadline)
    hold = bounded_hold(report)
    warnings = _warnings(report, decision, account)
    entry = terms.book.reserve(
        name,
        of_job,
        hold,
        usd=most_usd(report),
        scope=scope,
        budgets=decision.budgets,
        estimate=kept_estimate(
            report,
            balance=None if account is None else account.credits,
            label=_is_labelled(terms, job),
        ),
        card_version=report.rates.version_for(job.endpoint),
        expires_after=deadline.left + MARGIN_SECONDS,  # after the deadline it is not sent any more
    )
    if entry.state is State.RESERVED:
        _raise_for_less(entry, hold)
        body = yield from _prepared(terms, request, entry, job, files, report, deadline)
        try:
            entry = terms.book.submitting(entry.id)  # on the disk before the first byte leaves
        except StateError as error:
            if error.entry is None:
                raise
            entry = error.entry
        except BaseException as stop:
            _not_sent(terms, entry, stop)
            raise
        else:
            created, entry = yield from create_flow(
                terms, entry, job, body, deadline, request.patience
            )
            warnings += _charged(entry, created)
            return Submission(
                created.project_id, created.credits, entry, job.endpoint, tuple(warnings)
            )
    if entry.state in FINAL and entry.project_id is None:
        raise StateError(
            f"{one_line(name)!r} was given up by another caller at this moment: nothing was sent",
            entry=entry,
        )
    return _sent_before(entry, job)  # another caller was faster


def _raise_for_other(request: Request) -> None:
    """Refuse what a report cannot follow any more, because it was priced before."""
    if not isinstance(request.job, Report):
        return
    if request.options:
        raise InputError(
            "preflight: the report was made already; give these arguments where it is made",
            field="preflight",
        )
    priced = request.job.settings.plan
    if request.plan is not None and request.plan != priced:
        raise InputError(
            f"plan: the report was priced on {priced}, not on {request.plan}", field="plan"
        )


def _allowed(  # noqa: PLR0913, PLR0917  what may refuse a job
    terms: Terms,
    request: Request,
    job: Job,
    scope: Scope,
    name: str,
    deadline: Deadline,
) -> Flow[tuple[Report, Decision, Account | None]]:
    """Find out what a job costs, refuse it here, and then ask for what the account has."""
    plan, account = request.plan or terms.plan, None
    if isinstance(request.job, Report):
        report = request.job
    else:
        if plan is None and terms.check_balance:
            account = yield from account_flow(terms, deadline)  # it has no price before
            plan = account.plan
        report = preflight(job, plan=plan, **request.options)
    decision = allow_report(
        report,
        terms.policy,
        scope,
        book=terms.book,
        held=lambda: terms.book.get(name) is not None,
        max_credits=request.max_credits,
        max_usd=request.max_usd,
        confirm=request.confirm,
    )
    if account is None and terms.check_balance:
        account = yield from account_flow(terms, deadline)
        _raise_for_other_plan(report, account)
    return report, decision, account


def _raise_for_other_plan(report: Report, account: Account) -> None:
    """Refuse a job that was priced on another plan than the account's, if that costs otherwise."""
    named, held = report.settings.plan, report.estimate.hold
    if account.plan is None or named in {None, account.plan}:
        return
    try:
        really = preflight(
            report.job,
            plan=account.plan,
            as_of=report.settings.day,
            rates=report.rates,
            media=report.media,
            offline=True,
        ).estimate.hold
        told = "has no upper bound" if really is None else f"may cost {really:,} credits"
    except UnknownRateError:
        really, told = None, "has no known rate"
    if really is None or really != held:
        raise InputError(
            f"plan: the job was priced on {named}, and the account is on {account.plan}, where it "
            f"{told}: name that plan; nothing was sent",
            code="other-plan",
            field="plan",
        )


def _prepared(  # noqa: PLR0913, PLR0917  what makes one body
    terms: Terms,
    request: Request,
    entry: Entry,
    job: Job,
    files: Mapping[str, LocalCopy],
    report: Report,
    deadline: Deadline,
) -> Flow[dict[str, Any]]:
    """Upload the files of a job, and give its body with them."""
    paths: dict[str, str] = {}
    try:
        for place, file in files.items():
            paths[place] = yield from upload_flow(terms, file, deadline, request.tell)
        report.raise_for_changes()
        deadline.check("the time was up before the job was sent")
    except BaseException:
        _withdrawn(terms, entry)
        raise
    body = job.wire_body(paths)
    if _is_labelled(terms, job):
        body["name"] = label_of(entry)
    return body


def _is_labelled(terms: Terms, job: Job) -> bool:
    """Tell whether a job is sent under the name of its entry, having none of its own."""
    return terms.label and "name" in type(job).model_fields and job.value_of("name") is None


def _raise_for_less(entry: Entry, hold: int) -> None:
    if entry.credits < hold:
        raise StateError(
            f"{one_line(entry.id)!r} was reserved at {entry.credits:,} credits by a call that did "
            f"not end, and may cost {hold:,} now: that hold expires by itself",
            entry=entry,
        )


def _not_sent(terms: Terms, entry: Entry, stop: BaseException) -> None:
    """Say that a call sent nothing; what it had claimed was given back by the ledger."""
    stop.add_note(f"this call sent nothing of entry {one_line(entry.id)!r}")
    if not isinstance(stop, PreflightError):  # else it is the ledger that cannot be written
        _withdrawn(terms, entry)


def _withdrawn(terms: Terms, entry: Entry) -> None:
    """Give back a hold of which nothing was sent, unless another caller sends it by now.

    Only what is reserved still may be given back: `release` would take the hold of a job that
    another caller of the same id is just sending.
    """
    with contextlib.suppress(PreflightError):
        terms.book.withdraw(entry.id)


def _sent_before(entry: Entry, job: Job) -> Submission:
    if entry.project_id is not None:
        return Submission(entry.project_id, entry.charged, entry, job.endpoint, repeated=True)
    words = {
        State.SUBMITTING: "is being sent by another caller, or was when that one was ended",
        State.UNKNOWN: "was sent, and nobody knows whether it was created",
    }.get(entry.state, f"is {entry.state}")
    raise UncertainError(
        f"{one_line(entry.id)!r} {words}: it is not sent again", code="sent-before", id=entry.id
    )


def _warnings(report: Report, decision: Decision, account: Account | None) -> list[Finding]:
    """Give what a person should know before a job is sent.

    Raises:
        LowBalanceError: The account cannot pay it.
    """
    warnings = [finding for finding in report.findings if finding.severity == "warning"]
    warnings += _balance(report, account)
    if decision.action is Action.WARN:
        warnings += [Finding("policy", "warning", None, each) for each in decision.reasons]
    return warnings


def _balance(report: Report, account: Account | None) -> list[Finding]:
    if account is None:
        return []
    hold = bounded_hold(report)
    queued = report.estimate.queued.credits_high
    queued = hold if queued is None else queued
    if account.credits < queued:
        error = LowBalanceError(
            f"the account has {account.credits:,} credits, and {queued:,} are taken when the job "
            f"is queued: {queued - account.credits:,} are missing"
        )
        error.balance, error.needed = account.credits, queued
        raise error
    if account.credits < hold:
        return [
            Finding(
                "balance-below-hold",
                "warning",
                None,
                f"the account has {account.credits:,} credits, and the job may cost {hold:,} once "
                "it is rendered",
            )
        ]
    return []


def _charged(entry: Entry, created: Created) -> list[Finding]:
    if created.credits is None:
        return [
            Finding(
                "charge-not-told",
                "warning",
                None,
                "the API did not say in whole credits what was charged; settle the job later",
            )
        ]
    if created.credits > entry.credits:
        return [
            Finding(
                "charged-above-hold",
                "warning",
                None,
                f"{created.credits:,} credits were charged, and {entry.credits:,} were held",
            )
        ]
    return []
