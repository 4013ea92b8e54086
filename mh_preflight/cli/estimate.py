"""mh-preflight estimate: what will this job cost, and will the API take it?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mh_preflight.assets import Facts, end_of_media, given_media, probe_assets, stated_media
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
    Reading,
    Timeout,
    reading,
)
from mh_preflight.errors import (
    FindingsError,
    InputError,
    JobError,
    OverLimitError,
    RateFileError,
)
from mh_preflight.flow import Report, preflight
from mh_preflight.jobs import ENDPOINTS, FIELDS, Job, job_from_fields, json_object, model_of
from mh_preflight.media import Media, shown_url
from mh_preflight.rates.loading import MOST_BYTES, read_small
from mh_preflight.settings import resolve_settings
from mh_preflight.units import one_line, seconds

__all__ = [
    "ASSETS",
    "FACTS",
    "OPTIONS",
    "REQUEST",
    "asked_end",
    "asked_job",
    "asked_media",
    "estimate",
    "option",
    "show_report",
]

ASSETS, REQUEST, FACTS = "Files", "Request", "Facts of files that are not here"
LIMITS, ANSWER = "Limits of your own", "Answer"

OPTIONS = {
    field: f"--{name.removesuffix('_seconds').replace('_', '-')}" for name, field in FIELDS.items()
}
"""The option for each field of the request body."""

Text = str | None

ROUNDED = 0.05  # how far a stated fact may be from what was read, without a word
FACTS_OPTIONS = {
    "video_fps": "--video-fps",
    "video_duration_seconds": "--video-duration",
    "audio_duration_seconds": "--audio-duration",
}


def option(name: str, help_text: str, panel: str, metavar: str = "TEXT") -> Any:
    """Declare an option of one panel of the help."""
    return typer.Option(
        name, help=help_text, rich_help_panel=panel, metavar=metavar, show_default=False
    )


def estimate(  # noqa: PLR0913  one parameter an option
    endpoint: Annotated[
        str,
        typer.Argument(
            help="As in the URL: lip-sync, text-to-video, ... What it needs besides the options "
            "below, such as a prompt, takes --request.",
            autocompletion=lambda: list(ENDPOINTS),
        ),
    ],
    video: Annotated[Text, option("--video", "The video.", ASSETS, "FILE")] = None,
    audio: Annotated[Text, option("--audio", "The sound.", ASSETS, "FILE")] = None,
    image: Annotated[Text, option("--image", "The image.", ASSETS, "FILE")] = None,
    youtube: Annotated[
        Text, option("--youtube", "A YouTube video in place of --video.", ASSETS, "URL")
    ] = None,
    request: Annotated[
        Path | None,
        option(
            "--request",
            "The API's own JSON body, with local paths or URLs; - for stdin.",
            ASSETS,
            "FILE",
        ),
    ] = None,
    start: Annotated[
        Text, option("--start", "Start of the window; default: 0.", REQUEST, "SECONDS")
    ] = None,
    end: Annotated[
        Text,
        option(
            "--end",
            "End of the window, or of the output; default: of the media.",
            REQUEST,
            "SECONDS",
        ),
    ] = None,
    max_fps_limit: Annotated[
        Text, option("--max-fps-limit", "Highest frame rate of the output.", REQUEST, "FPS")
    ] = None,
    width: Annotated[
        Text, option("--width", "Width of the output; deprecated.", REQUEST, "PIXELS")
    ] = None,
    height: Annotated[
        Text, option("--height", "Height of the output; deprecated.", REQUEST, "PIXELS")
    ] = None,
    mode: Annotated[
        Text,
        option("--mode", "The tool's mode, such as lite, realistic or FULL.", REQUEST),
    ] = None,
    resolution: Annotated[
        Text, option("--resolution", "Size of the output, such as 720p or 1k.", REQUEST)
    ] = None,
    video_fps: Annotated[
        Text, option("--video-fps", "Frame rate, such as 25 or 30000/1001.", FACTS, "FPS")
    ] = None,
    video_duration: Annotated[
        Text, option("--video-duration", "Length of the video.", FACTS, "SECONDS")
    ] = None,
    audio_duration: Annotated[
        Text, option("--audio-duration", "Length of the audio.", FACTS, "SECONDS")
    ] = None,
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


def asked_job(endpoint: str, given: dict[str, Any], request: Path | None) -> Job:
    """Build the job that is asked for, from options or from a request body."""
    if request is None:
        try:
            return job_from_fields(model_of(endpoint), given)
        except JobError as error:
            raise _in_options(error, model_of(endpoint).mode_field) from None
    if given:
        name = next(iter(given))
        raise InputError(
            f"{OPTIONS[name]}: --request already has the whole body; leave one of them out",
            field=name,
        )
    return _job_from_file(endpoint, request)


def _in_options(error: JobError, mode_field: str | None = None) -> JobError:
    """Name the option that was typed in the place of the field of the request."""
    option = OPTIONS.get(FIELDS["mode"] if error.field == mode_field else error.field or "")
    if option is None:
        words = f"{error.message}; --request takes the whole body, as JSON"
        return JobError(words, code=error.code, field=error.field)
    message = f"{option}: {error.message.removeprefix(f'{error.field}: ')}"
    return JobError(message, code=error.code, field=error.field)


def _job_from_file(endpoint: str, path: Path) -> Job:
    model = model_of(endpoint)
    try:
        text = _from_stdin() if str(path) == "-" else read_small(path, MOST_BYTES)
    except RateFileError as error:
        reason = error.message.removeprefix(f"{path}: ")
        raise JobError(f"--request: {str(path)!r} {reason}", source=str(path)) from None
    try:
        body = json_object(text)
    except JobError as error:
        words = f"--request: {str(path)!r}: {error.message}"
        raise JobError(words, code=error.code, source=str(path)) from None
    return model(**body)


def _from_stdin() -> bytes:
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise RateFileError(f"-: is larger than {MOST_BYTES:,} bytes")
    return data


def asked_media(job: Job, facts: Facts, how: Reading, *, offline: bool) -> dict[str, Media]:
    """Read the files of a job, but for what is stated of them."""
    try:
        given = given_media(job, facts)
        media = probe_assets(job, given, offline=offline, **how.arguments)
        stated = stated_media(job, media, facts)
    except InputError as error:
        if error.field not in FACTS_OPTIONS:
            raise
        option = FACTS_OPTIONS[error.field]
        message = f"{option}: {error.message.removeprefix(f'{error.field}: ')}"
        raise InputError(message, field=error.field) from None
    _tell_contradictions(media, stated)
    return stated


def _tell_contradictions(read: Mapping[str, Media], stated: Mapping[str, Media]) -> None:
    """Say on stderr where a file that was read is not as it was stated; what is stated counts."""
    for name, media in stated.items():
        for fact, option in FACTS_OPTIONS.items():
            kind, _, field = fact.partition("_")
            tracks = [getattr(each, kind, None) for each in (read.get(name), media)]
            found, counts = (getattr(track, field, None) for track in tracks)
            if found is not None and counts is not None and abs(found - counts) > ROUNDED:
                shown = one_line(shown_url(media.source or ""), 100)
                told = f"{option} {float(counts):g} counts, and {shown!r} has {float(found):g}"
                print(f"mh-preflight: {told}", file=sys.stderr)  # noqa: T201


def asked_end(job: Job, media: dict[str, Media]) -> float:
    """Give the end of what the files hold, in seconds."""
    try:
        return seconds(end_of_media(job, media))
    except InputError as error:
        raise _in_options(JobError(error.message, code=error.code, field=error.field)) from None


def _over_limit(
    report: Report, max_credits: int | None, max_usd: str | None
) -> OverLimitError | None:
    try:
        report.raise_over_limit(max_credits=max_credits, max_usd=max_usd)
    except OverLimitError as error:
        return error
    return None
