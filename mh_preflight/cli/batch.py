"""mh-preflight batch: what will all jobs of a file cost?"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mh_preflight.checks import CODES
from mh_preflight.cli.exits import FINE, STOPPED, exit_code, print_error
from mh_preflight.cli.options import (
    AsOf,
    BasisName,
    Json,
    MaxAge,
    PlanName,
    RatesFile,
    UsedCredits,
    chosen_basis,
    chosen_plan,
    chosen_rates,
    day_from,
    rates_line,
    whole_from_one,
    whole_or_below,
)
from mh_preflight.cli.output import show
from mh_preflight.cli.reading import (
    PANEL,
    AllowHttp,
    AllowPrivate,
    Cached,
    IsolationName,
    Offline,
    Timeout,
    reading,
)
from mh_preflight.errors import (
    FindingsError,
    InputError,
    OverLimitError,
    PreflightError,
    UnknownRateError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mh_preflight.batch.files import Outcome, Totals
    from mh_preflight.rates import RateCard

__all__ = ["batch"]

LIMITS = "Limits of your own"


def batch(  # noqa: PLR0913  one parameter an option
    jobs: Annotated[
        str,
        typer.Argument(help="Jobs, one a row: .csv, .jsonl or .parquet.", show_default=False),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Where the answers go: .csv, .jsonl or .parquet.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    max_credits: Annotated[
        int | None,
        typer.Option(
            parser=whole_or_below,
            metavar="CREDITS",
            help="End with 4 where all jobs may hold more.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="End with 3 where a row has this finding; may be given more than once.",
            metavar="FINDING",
            rich_help_panel=LIMITS,
            autocompletion=lambda: list(CODES),
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="End with 3 where a row has no price, or a finding that is an error.",
            rich_help_panel=LIMITS,
        ),
    ] = False,
    plan: PlanName = None,
    as_of: AsOf = None,
    rates: RatesFile = None,
    max_age: MaxAge = None,
    usd: BasisName = "annual",
    used: UsedCredits = 0,
    isolation: IsolationName = None,
    allow_http: AllowHttp = False,
    allow_private: AllowPrivate = False,
    timeout: Timeout = 20.0,
    cached: Cached = False,
    offline: Offline = False,
    workers: Annotated[
        int | None,
        typer.Option(
            parser=whole_from_one,
            help="Files that are read at once. Default: as many as there are processors.",
            metavar="N",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="local: this process. ray: Ray Data, here or on the cluster of RAY_ADDRESS; then "
            "JOBS may be a folder, a pattern or a URL, and the answers are a folder.",
            metavar="ENGINE",
        ),
    ] = "local",
    as_json: Json = False,
) -> None:
    """Price every job of a file, and write it again with the answers beside each job.

    A wrong row gets its error. A run that was stopped goes on. Nothing is sent. Example:

    mh-preflight batch jobs.csv -o priced.csv --plan creator --max-credits 100000
    """
    from mh_preflight.batch import Terms
    from mh_preflight.batch.files import run_batch

    for code in fail_on or ():
        if code not in CODES:
            raise InputError(
                f"--fail-on: {code!r} is no finding; `docs/findings.md` has them", field="fail_on"
            )
    if max_credits is not None and max_credits < 0:
        raise InputError("--max-credits: must not be negative", field="max_credits")
    how = reading(isolation, http=allow_http, private=allow_private, timeout=timeout, cached=cached)
    chosen: dict[str, Any] = {
        "plan": chosen_plan(plan),
        "as_of": day_from(as_of),
        "basis": chosen_basis(usd),
        "used_credits": used,
        "max_age_days": max_age,
        "offline": offline,
    }
    card = chosen_rates(rates)
    if engine == "ray":
        if cached:
            raise InputError("--cache: is of one machine, and not for --engine ray", field="cache")
        outcome = _on_ray(jobs, output, card, workers, {**chosen, **how.arguments})
    elif engine == "local":
        terms = Terms(rates=card, workers=workers, **chosen, **how.arguments)
        with _progress() as (begin, done):
            outcome = run_batch(Path(jobs), Path(output), terms, begin=begin, done=done)
    else:
        raise InputError(f"--engine: {engine!r} is none of local, ray", field="engine")
    error = (
        _too_old(outcome.totals)
        or _failed(outcome.totals, fail_on or [], strict=strict)
        or _over(outcome.totals, max_credits)
    )
    known = rates_line(card, outcome.day, outcome.totals.endpoints)
    ended = _show(outcome, known, error, as_json=as_json)
    if ended:
        raise typer.Exit(ended)


def _on_ray(
    jobs: str, output: str, rates: RateCard, workers: int | None, chosen: dict[str, Any]
) -> Outcome:
    from mh_preflight.batch.files import Outcome
    from mh_preflight.batch.ray import estimate_files

    del chosen["cache"]
    spread = estimate_files(jobs, output, rates=rates, workers=workers or 1, **chosen)
    return Outcome(spread.output, spread.totals, spread.day, kept=0)


def _show(outcome: Outcome, rates: str, error: PreflightError | None, *, as_json: bool) -> int:
    if as_json:
        from mh_preflight.render.totals import outcome_json

        typer.echo(outcome_json(outcome, error))
    else:
        from mh_preflight.render.totals import outcome_view

        show(outcome_view(outcome, rates))
        if error is not None:
            print_error(error, as_json=False)
    return FINE if error is None else exit_code(error)


def _too_old(totals: Totals) -> UnknownRateError | None:
    rows = totals.errors.get("rates-too-old")
    if rows is None:
        return None
    return UnknownRateError(
        f"{_rows(rows)} no rate that is young enough: get newer ones with "
        "`mh-preflight rates-update`",
        code="rates-too-old",
        field="max_age",
    )


def _failed(totals: Totals, codes: list[str], *, strict: bool) -> FindingsError | None:
    found = totals.findings
    reasons = [f"{_rows(found[code])} {code}" for code in dict.fromkeys(codes) if code in found]
    if strict and totals.all.not_priced:
        reasons.append(f"{_rows(totals.all.not_priced)} no price")
    if strict and totals.all.refused:
        reasons.append(f"{_rows(totals.all.refused)} a finding that is an error")
    return FindingsError("; ".join(reasons)) if reasons else None


def _over(totals: Totals, max_credits: int | None) -> OverLimitError | None:
    if max_credits is None:
        return None
    words = f"max_credits allows {max_credits:,}"
    if totals.all.hold_credits > max_credits:
        return OverLimitError(f"all jobs may cost {totals.all.hold_credits:,} credits, {words}")
    if totals.all.without_bound:
        return OverLimitError(
            f"{_rows(totals.all.without_bound)} no upper bound, {words}: a frame rate or a rate is "
            "not known"
        )
    return None


def _rows(number: int) -> str:
    return "1 row has" if number == 1 else f"{number:,} rows have"


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int], None], Callable[[int], None]]]:
    """Show on a terminal how far it is, how fast, and how long it will take."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with shown:
        task = shown.add_task("looking through the jobs", total=None, rate="")

        def begin(rows: int, kept: int) -> None:
            shown.update(task, description="pricing", total=rows, completed=kept)

        def done(rows: int) -> None:
            speed = shown.tasks[0].speed
            rate = "" if speed is None else f"{speed:,.0f} a second"
            shown.update(task, advance=rows, rate=rate)
            if shown.finished:
                shown.update(task, description="writing")

        try:
            yield begin, done
        except KeyboardInterrupt:
            shown.stop()
            reason = "stopped; the same command goes on from here"
            raise PreflightError(reason, code=STOPPED) from None
