"""mh-preflight estimate: what will this job cost, and will the API take it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mh_preflight.assets import Facts
from mh_preflight.cli.asking import (
    OPTIONS,
    Audio,
    AudioDuration,
    End,
    Endpoint,
    Image,
    MaxFpsLimit,
    Mode,
    Request,
    Resolution,
    Start,
    Text,
    Video,
    VideoDuration,
    VideoFps,
    Youtube,
    asked_end,
    asked_job,
    asked_media,
    option,
)
from mh_preflight.cli.exits import FINE, exit_code, print_error
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
    number_from,
    whole_or_below,
)
from mh_preflight.cli.output import show, working
from mh_preflight.cli.reading import (
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
    OverLimitError,
)
from mh_preflight.flow import Report, preflight
from mh_preflight.settings import resolve_settings

__all__ = ["estimate", "show_report"]

REQUEST, LIMITS = "Request", "Limits of your own"


def estimate(  # noqa: PLR0913  one parameter an option
    endpoint: Endpoint,
    video: Video = None,
    audio: Audio = None,
    image: Image = None,
    youtube: Youtube = None,
    request: Request = None,
    start: Start = None,
    end: End = None,
    max_fps_limit: MaxFpsLimit = None,
    width: Annotated[
        Text, option("--width", "Width of the output; deprecated.", REQUEST, "PIXELS")
    ] = None,
    height: Annotated[
        Text, option("--height", "Height of the output; deprecated.", REQUEST, "PIXELS")
    ] = None,
    mode: Mode = None,
    resolution: Resolution = None,
    video_fps: VideoFps = None,
    video_duration: VideoDuration = None,
    audio_duration: AudioDuration = None,
    max_credits: Annotated[
        int | None,
        typer.Option(
            parser=whole_or_below,
            metavar="CREDITS",
            help="End with 4 where the hold is above.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    max_usd: Annotated[
        Text, option("--max-usd", "End with 4 where the hold is above.", LIMITS, "DOLLARS")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat warnings as errors.", rich_help_panel=LIMITS)
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
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the arithmetic line by line.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a job will cost when queued and when settled, and what the API will say.

    Nothing is sent. Example:

    mh-preflight estimate lip-sync --video clip.mov --audio line.mp3 --end 15 --max-fps-limit 24
    """
    values = (
        video,
        audio,
        image,
        youtube,
        number_from(start, "--start"),
        number_from(end, "--end"),
        number_from(max_fps_limit, "--max-fps-limit"),
        number_from(width, "--width"),
        number_from(height, "--height"),
        mode,
        resolution,
    )
    given = {name: v for name, v in zip(OPTIONS, values, strict=True) if v is not None}
    job = asked_job(endpoint, given, request)
    facts = Facts(video_fps, video_duration, audio_duration)
    plan_name, day = chosen_plan(plan), day_from(as_of) or datetime.now(UTC).date()
    card, basis = chosen_rates(rates), chosen_basis(usd)
    # Where there is no rate, or none that is young enough, no file needs to be read.
    resolve_settings(job, plan=plan_name, day=day, rates=card, max_age_days=max_age)
    how = reading(isolation, http=allow_http, private=allow_private, timeout=timeout, cached=cached)
    with working("reading the files"):
        media = asked_media(job, facts, how, offline=offline)
    if request is None and job.trimmed is not None and "end_seconds" not in given:
        job = job.changed({"end_seconds": asked_end(job, media)})
    report = preflight(
        job,
        plan=plan_name,
        as_of=day,
        rates=card,
        media=media,
        offline=True,  # what can be read has been read
        basis=basis,
        used_credits=used,
        strict=strict,
    )
    over = _over_limit(report, max_credits, max_usd)
    code = show_report(report, over, as_json=as_json, explain=explain)
    if code:
        raise typer.Exit(code)


def show_report(
    report: Report,
    over: OverLimitError | None = None,
    *,
    as_json: bool = False,
    explain: bool = False,
) -> int:
    """Print a report, whole, and give the exit code that it asks for.

    Args:
        report: The report.
        over: The limit that it is over, if any.
        as_json: Print JSON.
        explain: Show the arithmetic.
    """
    error = _findings_error(report) or over
    if as_json:
        from mh_preflight.render.wire import report_json

        typer.echo(report_json(report, error))
    else:
        from mh_preflight.render.terminal import fits_view, report_view

        show(report_view(report, explain=explain))
        if over is not None:
            show(fits_view(over.fits))
        if error is not None:
            print_error(error, as_json=False)
    return FINE if error is None else exit_code(error)


def _findings_error(report: Report) -> FindingsError | None:
    try:
        report.raise_for_findings()
    except FindingsError as error:
        return error
    return None


def _over_limit(
    report: Report, max_credits: int | None, max_usd: str | None
) -> OverLimitError | None:
    try:
        report.raise_over_limit(max_credits=max_credits, max_usd=max_usd)
    except OverLimitError as error:
        return error
    return None
