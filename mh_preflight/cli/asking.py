"""Which job is asked for? The options, the facts and the request body that make one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from mh_preflight.assets import Facts, end_of_media, given_media, probe_assets, stated_media
from mh_preflight.cli.reading import Reading
from mh_preflight.errors import InputError, JobError, RateFileError
from mh_preflight.jobs import ENDPOINTS, FIELDS, Job, job_from_fields, json_object, model_of
from mh_preflight.media import Media, shown_url
from mh_preflight.rates.loading import MOST_BYTES, read_small
from mh_preflight.units import one_line, seconds

__all__ = [
    "OPTIONS",
    "Audio",
    "AudioDuration",
    "End",
    "Endpoint",
    "Image",
    "MaxFpsLimit",
    "Mode",
    "Request",
    "Resolution",
    "Start",
    "Text",
    "Video",
    "VideoDuration",
    "VideoFps",
    "Youtube",
    "asked_end",
    "asked_job",
    "asked_media",
    "option",
]

ASSETS, REQUEST, FACTS = "Files", "Request", "Facts of files that are not here"

OPTIONS = {
    field: f"--{name.removesuffix('_seconds').replace('_', '-')}" for name, field in FIELDS.items()
}
"""The option for each field of the request body."""

FACTS_OPTIONS = {
    "video_fps": "--video-fps",
    "video_duration_seconds": "--video-duration",
    "audio_duration_seconds": "--audio-duration",
}
ROUNDED = 0.05  # how far a stated fact may be from what was read, without a word

Text: TypeAlias = str | None


def option(name: str, help_text: str, panel: str, metavar: str = "TEXT") -> Any:
    """Declare an option of one panel of the help."""
    return typer.Option(
        name, help=help_text, rich_help_panel=panel, metavar=metavar, show_default=False
    )


Endpoint: TypeAlias = Annotated[
    str,
    typer.Argument(
        help="As in the URL: lip-sync, text-to-video, ... What it needs besides the options "
        "below, such as a prompt, takes --request.",
        autocompletion=lambda: list(ENDPOINTS),
    ),
]
Video: TypeAlias = Annotated[Text, option("--video", "The video.", ASSETS, "FILE")]
Audio: TypeAlias = Annotated[Text, option("--audio", "The sound.", ASSETS, "FILE")]
Image: TypeAlias = Annotated[Text, option("--image", "The image.", ASSETS, "FILE")]
Youtube: TypeAlias = Annotated[
    Text, option("--youtube", "A YouTube video in place of --video.", ASSETS, "URL")
]
Request: TypeAlias = Annotated[
    Path | None,
    option(
        "--request",
        "The API's own JSON body, with local paths or URLs; - for stdin.",
        ASSETS,
        "FILE",
    ),
]
Start: TypeAlias = Annotated[
    Text, option("--start", "Start of the window; default: 0.", REQUEST, "SECONDS")
]
End: TypeAlias = Annotated[
    Text,
    option(
        "--end", "End of the window, or of the output; default: of the media.", REQUEST, "SECONDS"
    ),
]
MaxFpsLimit: TypeAlias = Annotated[
    Text, option("--max-fps-limit", "Highest frame rate of the output.", REQUEST, "FPS")
]
Mode: TypeAlias = Annotated[
    Text, option("--mode", "The tool's mode, such as lite, realistic or FULL.", REQUEST)
]
Resolution: TypeAlias = Annotated[
    Text, option("--resolution", "Size of the output, such as 720p or 1k.", REQUEST)
]
VideoFps: TypeAlias = Annotated[
    Text, option("--video-fps", "Frame rate, such as 25 or 30000/1001.", FACTS, "FPS")
]
VideoDuration: TypeAlias = Annotated[
    Text, option("--video-duration", "Length of the video.", FACTS, "SECONDS")
]
AudioDuration: TypeAlias = Annotated[
    Text, option("--audio-duration", "Length of the audio.", FACTS, "SECONDS")
]


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
    if sys.stdin is None:
        raise RateFileError("-: there is no stdin")
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
