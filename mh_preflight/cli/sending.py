"""What is a person told of a job that is sent? Step by step, and how it ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mh_preflight.cli.estimate import show_report
from mh_preflight.cli.exits import (
    FINDING,
    FINE,
    OVER_LIMIT,
    STOPPED,
    UNCERTAIN,
    UNEXPECTED,
    UNKNOWN_RATE,
    exit_code,
    print_error,
)
from mh_preflight.cli.output import show, working
from mh_preflight.errors import (
    DeniedError,
    FindingsError,
    OverLimitError,
    PreflightError,
    UnknownRateError,
)
from mh_preflight.flow import Report
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.budget import Budget, BudgetError, Entry, Ledger, Policy
    from mh_preflight.client import Client
    from mh_preflight.client.answers import Project
    from mh_preflight.client.flows import Progress
    from mh_preflight.client.sending import Submission
    from mh_preflight.savings import Saving
    from mh_preflight.units import Plan

__all__ = ["Sending", "Wish"]

_REFUSALS = (OVER_LIMIT, FINDING, UNKNOWN_RATE)
"""How a job may be refused on this machine, the mildest first."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says of one job.

    Attributes:
        id: The id for it alone.
        project: What it belongs to.
        run: The run that it is part of.
        max_credits: Credits that may be held for it.
        max_usd: US dollars that may be held for it.
        yes: Yes to what the policy asks.
        wait: Wait for its end.
    """

    id: str
    project: str
    run: str | None
    max_credits: int | None
    max_usd: str | None
    yes: bool
    wait: bool


class Sending:
    """One job on its way: each of its ends is told, and has an exit code."""

    def __init__(self, ledger: Ledger, policy: Policy | None, wish: Wish, *, as_json: bool) -> None:
        self._ledger, self._policy, self._wish = ledger, policy, wish
        self._id, self._as_json = wish.id, as_json

    def refused(self, price: Callable[..., Report], plans: Sequence[Plan]) -> int | None:
        """Refuse a job on this machine alone, and give the exit code; None if it may be sent.

        What was sent before under the same id is not refused: it is told again.

        Args:
            price: Prices the job on a plan.
            plans: Those that it may be sent on: it is refused where each of them refuses it.
        """
        from mh_preflight.budget import BudgetError, State
        from mh_preflight.budget.latest import latest

        entry = latest(self._ledger, self._id)
        if entry is not None and entry.state not in {State.RESERVED, State.RELEASED, State.EXPIRED}:
            return None
        faults: list[tuple[Report | None, PreflightError]] = []
        for plan in plans:
            report: Report | None = None
            try:
                report = price(plan=plan)
                self._allow(report)
            except (
                BudgetError,
                DeniedError,
                FindingsError,
                OverLimitError,
                UnknownRateError,
            ) as error:
                faults.append((report, error))
            else:
                return None
        priced, fault = min(faults, key=_mildness)
        if priced is None:
            raise fault
        if len(plans) > 1:
            fault.message += f" (so on each plan; these are the numbers of {priced.settings.plan})"
        return self._unsent(priced, fault)

    def _allow(self, report: Report) -> None:
        """Refuse what this machine can refuse, and leave to later what a person may say yes to."""
        from mh_preflight.budget import Policy, Scope
        from mh_preflight.client.allowing import allow_report

        asked = self._confirm()
        allow_report(
            report,
            self._policy or Policy(),
            Scope(self._wish.project, report.job.endpoint, self._wish.run),
            book=self._ledger,
            held=self._is_held,
            max_credits=self._wish.max_credits,
            max_usd=self._wish.max_usd,
            confirm=None if asked is None else lambda _report, _reasons: True,
        )

    def _is_held(self) -> bool:
        from mh_preflight.budget.latest import latest

        entry = latest(self._ledger, self._id)
        return entry is not None and entry.open

    def plan(self, client: Client) -> Plan | None:
        """Ask the API for the plan, where the user has not named it."""
        with working("asking for the plan"):
            return client.account().plan

    def send(self, client: Client, report: Report) -> int:
        """Send a job and give the exit code."""
        try:
            sent = self._sent(client, report)
            if isinstance(sent, int):
                return sent
            return self._waited(client, sent) if self._wish.wait else self._told(sent, None)
        except KeyboardInterrupt:
            return self._stopped()

    def _sent(self, client: Client, report: Report) -> Submission | int:
        """Send a job; where it is not sent, or that is not known, tell why, and give the code."""
        wish = self._wish
        try:
            with _progress() as tell:
                return client.submit(
                    report,
                    id=self._id,
                    project=wish.project,
                    run=wish.run,
                    max_credits=wish.max_credits,
                    max_usd=wish.max_usd,
                    confirm=self._confirm(),
                    progress=tell,
                )
        except PreflightError as error:
            return self._unsent(report, error)

    def _unsent(self, report: Report, error: PreflightError) -> int:
        """Tell why a job is not sent, or that nobody knows, and give the exit code."""
        from mh_preflight.budget import BudgetError

        if isinstance(error, FindingsError | OverLimitError):
            return self._not_sent(report, error)
        if isinstance(error, BudgetError):
            return self._over(report, error)
        return self._lost(error, _fitting_policy(report, error))

    def _waited(self, client: Client, sent: Submission) -> int:
        try:
            with _progress() as tell:
                project = client.wait(sent, progress=tell)
        except PreflightError as error:
            self._told(sent, None, error)
            if not self._as_json:
                print_error(error, as_json=False)
            return UNCERTAIN
        except KeyboardInterrupt:
            stopped = PreflightError("stopped waiting; the job goes on", code=STOPPED)
            self._told(sent, None, stopped)
            print_error(stopped, as_json=False)
            return UNCERTAIN
        return self._told(sent, project)

    def _told(
        self, sent: Submission, project: Project | None, error: PreflightError | None = None
    ) -> int:
        from mh_preflight.render.submission import submission_json, submission_view

        entry = self._entry(sent.entry.id) or sent.entry  # its id is told, whatever fails
        where = self._ledger.where
        policy = None if self._policy is None else self._policy.source
        failed = project is not None and project.status != "complete"
        if failed and project is not None and error is None:
            reason = project.error_message or f"the API says that it is {project.status}"
            error = PreflightError(
                f"the job was not rendered: {reason}", code=project.error_code or project.status
            )
        if self._as_json:
            answer = submission_json(sent, entry, project, where=where, policy=policy, error=error)
            typer.echo(answer)
        else:
            show(submission_view(sent, entry, project, where=where, policy=policy))
        return FINDING if failed else FINE

    def _not_sent(self, report: Report, error: FindingsError | OverLimitError) -> int:
        over = error if isinstance(error, OverLimitError) else None
        if over is not None and report.estimate.hold is None:
            over.message = (
                "the job has no upper bound, because its frame rate is not known, and only what is "
                "bounded is sent: state it with --video-fps"
            )
            if not self._as_json:
                show_report(report)
                return print_error(over, as_json=False)
        code = show_report(report, over, as_json=self._as_json)
        if over is None and not self._as_json:
            print_error(error, as_json=False)
        return code or exit_code(error)

    def _over(self, report: Report, error: BudgetError) -> int:
        from mh_preflight.render.submission import refused_json, refused_view

        fits = _fitting(report, error)
        if self._as_json:
            typer.echo(refused_json(error, report, fits, self._id))
        else:
            show(refused_view(error, report, fits))
            print_error(error, as_json=False)
        return exit_code(error)

    def _lost(self, error: PreflightError, fits: tuple[Saving, ...]) -> int:
        """Tell of what went wrong, and what the ledger has of it."""
        from mh_preflight.render.submission import lost_json

        if error.code == "not-confirmed":
            error.message += "; --yes confirms it"
        code = exit_code(error)
        entry = self._entry(getattr(error, "id", None))
        if self._as_json:
            typer.echo(lost_json(error, entry, self._ledger.where, fits))
            return code
        sent_as = getattr(error, "project_id", None)
        if fits:
            from mh_preflight.render.terminal import fits_view

            show(fits_view(fits))
        print_error(error, as_json=False)
        for note in getattr(error, "__notes__", ()):
            typer.echo(f"mh-preflight: {one_line(note)}", err=True)
        if code == UNCERTAIN and sent_as is not None:
            typer.echo(f"mh-preflight: {_unbooked(entry, self._id, sent_as)}", err=True)
        elif entry is not None and code == UNCERTAIN:
            typer.echo(f"mh-preflight: {_kept(entry)}", err=True)
        return code

    def _stopped(self) -> int:
        """Tell of a job that a person stopped: what the ledger has of its last attempt."""
        from mh_preflight.budget.latest import latest
        from mh_preflight.render.submission import lost_json

        entry, code = None, UNCERTAIN
        try:
            entry = latest(self._ledger, self._id)
        except PreflightError as error:
            what = f"it may have been sent, and the ledger does not say: {error.message}"
        else:
            if entry is None or not entry.open or entry.state.value == "reserved":
                what, code = "nothing was sent", UNEXPECTED
            else:
                what = _kept(entry)
        stopped = PreflightError(f"stopped; {what}", code=STOPPED)
        if self._as_json:
            typer.echo(lost_json(stopped, entry, self._ledger.where, entry_id=self._id))
        print_error(stopped, as_json=False)
        return code

    def _entry(self, entry_id: str | None) -> Entry | None:
        """Give an entry, else the job's last, if there is one and the ledger can be read."""
        from mh_preflight.budget.latest import latest

        try:
            if entry_id is None:
                return latest(self._ledger, self._id)
            return self._ledger.get(entry_id)
        except PreflightError:
            return None

    def _confirm(self) -> Any:
        """Give what answers where the policy asks: a yes, a question, or nothing."""
        if self._wish.yes:
            return lambda _report, _reasons: True
        if self._as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None

        def ask(report: Report, reasons: tuple[str, ...]) -> bool:
            for reason in reasons:
                typer.echo(f"The policy says {one_line(reason)}", err=True)
            hold = report.estimate.hold or 0
            return typer.confirm(f"Send it, and hold {hold:,} credits?", err=True)

        return ask


def _mildness(fault: tuple[Report | None, PreflightError]) -> tuple[int, int]:
    """Order what plans are refused for: the user's own limits first, the cheapest plan first."""
    report, error = fault
    if report is None or report.estimate.hold is None:
        return len(_REFUSALS), 0
    return _REFUSALS.index(exit_code(error)), report.estimate.hold


def _fitting(report: Report, error: BudgetError) -> tuple[Saving, ...]:
    """Find what of the job would fit into what is left of a budget."""
    left = error.limit - error.held - error.settled - error.overrun
    return () if error.asked is None else _fits_in(report, error.budget, left)


def _fitting_policy(report: Report, error: PreflightError) -> tuple[Saving, ...]:
    """Find what of the job would fit into the budgets of a policy that it is more than."""
    decision = getattr(error, "decision", None)
    if decision is None or error.code != "denied":
        return ()
    every = [_fits_in(report, budget, budget.limit) for budget in decision.budgets]
    return min((fits for fits in every if fits), key=lambda fits: fits[0].credits, default=())


def _fits_in(report: Report, budget: Budget, left: int) -> tuple[Saving, ...]:
    """Find what fits into an amount of a budget; nothing where the job itself does."""
    if left <= 0:
        return ()
    try:
        if budget.unit == "usd":
            report.raise_over_limit(max_usd=Fraction(left, 10**10))
        else:
            report.raise_over_limit(max_credits=left)
    except OverLimitError as over:
        return over.fits
    except PreflightError:  # no price is known: nothing can be said
        pass
    return ()


def _unbooked(entry: Entry | None, given: str, project_id: str) -> str:
    """Say how a job is booked whose id the ledger did not take."""
    name, project = shlex.quote(one_line(entry.id if entry else given)), one_line(project_id)
    if entry is not None and entry.project_id == project_id:
        return _kept(entry)
    return (
        f"the API has it as {project}: once the ledger can be written, mh-preflight budget recover "
        f"{name} --found {shlex.quote(project)}"
    )


def _kept(entry: Entry) -> str:
    name = one_line(entry.id)
    if entry.project_id is not None:
        return f"{name} was sent as {one_line(entry.project_id)}; mh-preflight reconcile books it"
    return (
        f"{name} keeps its {entry.credits:,} credits, and is not sent again: see mh-preflight "
        "budget recover"
    )


@contextmanager
def _progress() -> Iterator[Any]:
    """Give what draws, on a terminal, how far uploads and waiting are."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[far]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    tasks: dict[tuple[str, str], Any] = {}

    def tell(progress: Progress) -> None:
        if not tasks:
            bars.start()
        key = (progress.stage, progress.name)
        if key not in tasks:
            what = Path(progress.name).name if progress.stage == "upload" else "waiting"
            tasks[key] = bars.add_task(one_line(what, 30), total=progress.total, far="")
        done = 0 if progress.total is None else progress.done
        far = progress.status or f"{progress.done / 1e6:,.1f} MB"
        bars.update(tasks[key], completed=done, far=far)

    try:
        yield tell
    finally:
        bars.stop()
