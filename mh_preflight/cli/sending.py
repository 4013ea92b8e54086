"""What is a person told of a job that is sent? Step by step, and how it ended."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mh_preflight.cli.estimate import show_report
from mh_preflight.cli.exits import (
    FINDING,
    FINE,
    STOPPED,
    UNCERTAIN,
    UNEXPECTED,
    exit_code,
    print_error,
)
from mh_preflight.cli.output import show, working
from mh_preflight.errors import FindingsError, OverLimitError, PreflightError
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

__all__ = ["Sending"]


class Sending:
    """One job on its way: each of its ends is told, and has an exit code."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        policy: Policy | None,
        entry_id: str,
        *,
        as_json: bool,
    ) -> None:
        self._client, self._ledger, self._policy = client, ledger, policy
        self._id, self._as_json = entry_id, as_json

    def plan(self) -> Plan | None:
        """Ask the API for the plan, where the user has not named it."""
        with working("asking for the plan"):
            return self._client.account().plan

    def send(  # noqa: PLR0913  what a person says of one job
        self,
        report: Report,
        *,
        project: str,
        run: str | None,
        max_credits: int | None,
        yes: bool,
        wait: bool,
    ) -> int:
        """Send a job and give the exit code."""
        try:
            sent = self._sent(report, project=project, run=run, max_credits=max_credits, yes=yes)
            if isinstance(sent, int):
                return sent
            return self._waited(sent) if wait else self._told(sent, None)
        except KeyboardInterrupt:
            return self._stopped()

    def _sent(
        self,
        report: Report,
        *,
        project: str,
        run: str | None,
        max_credits: int | None,
        yes: bool,
    ) -> Submission | int:
        """Send a job; where it is not sent, or that is not known, tell why, and give the code."""
        from mh_preflight.budget import BudgetError

        try:
            with _progress() as tell:
                return self._client.submit(
                    report,
                    id=self._id,
                    project=project,
                    run=run,
                    max_credits=max_credits,
                    confirm=self._confirm(yes=yes),
                    progress=tell,
                )
        except (FindingsError, OverLimitError) as error:
            return self._not_sent(report, error)
        except BudgetError as error:
            return self._over(report, error)
        except PreflightError as error:
            return self._lost(error, _fitting_policy(report, error))

    def _waited(self, sent: Submission) -> int:
        try:
            with _progress() as tell:
                project = self._client.wait(sent, progress=tell)
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

    def _confirm(self, *, yes: bool) -> Any:
        """Give what answers where the policy asks: a yes, a question, or nothing."""
        if yes:
            return lambda _report, _reasons: True
        if self._as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None

        def ask(report: Report, reasons: tuple[str, ...]) -> bool:
            for reason in reasons:
                typer.echo(f"The policy says {one_line(reason)}", err=True)
            hold = report.estimate.hold or 0
            return typer.confirm(f"Send it, and hold {hold:,} credits?", err=True)

        return ask


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
