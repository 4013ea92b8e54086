"""Will it be accepted? What the API will refuse, what will surprise, what should be known.

Only what the API surely refuses is an error: a rule that went stale here must not block valid
work. What each finding means stands in docs/findings.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from mh_preflight.estimate import Estimate, length_of, media_of
from mh_preflight.media import is_remote, shown_url
from mh_preflight.units import MICROSECOND, seconds

if TYPE_CHECKING:
    from mh_preflight.jobs import AssetKind, Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = [
    "CODES",
    "Finding",
    "Severity",
    "find_name_problems",
    "find_problems",
    "find_standing_problems",
]

Severity: TypeAlias = Literal["error", "warning", "info"]

RATE_IS_OLD = 90  # days since the sources were last compared

CODES: Mapping[str, str] = {
    "no-video-track": "the video file holds no video",
    "no-audio-track": "the audio file holds no sound",
    "not-an-image": "the image file is no still picture",
    "extension-unsupported": "the API does not take files with this ending",
    "window-too-long": "the window is longer than the API allows",
    "file-too-large": "the file is larger than the plan may upload",
    "mode-needs-paid-plan": "the plan may not ask for this mode",
    "resolution-needs-paid-plan": "the plan may not ask for this size",
    "window-past-end": "the window passes the end of the video",
    "audio-shorter-than-window": "the audio ends before the window does",
    "fps-above-30": "the job settles above what is taken when it is queued",
    "variable-frame-rate": "the video's frames are not evenly spaced",
    "extension-mismatch": "the file is not what its ending says",
    "url-without-extension": "the URL's path does not end in a file ending",
    "rate-conflict": "the sources of the rate contradict each other",
    "rate-inferred": "the rate is concluded, not stated",
    "rate-old": "the rates were last checked long ago",
    "not-probed": "the file was not looked at",
    "mode-not-at-date": "the mode did not exist on that day",
    "frame-cap": "the job has more frames than the vendor's stated cap",
    "audio-longer-than-window": "the audio goes on after the window",
    "max-fps-limit-no-effect": "the limit is not below the video's own rate",
    "mode-deprecated": "the mode's name is an older one",
    "field-ignored": "a field of the request does not count",
    "resized": "the output is smaller than the source",
    "rotated": "the video is shown turned",
    "cover-art-ignored": "the file carries a cover picture, which is not video",
    "window-under-one-frame": "the window is shorter than one frame",
    "plan-not-given": "rules and prices that depend on the plan are left open",
}
"""Every code, and in a few words what it means."""

_FAMILIES = (
    {"mp4", "m4v", "mov", "m4a", "3gp", "3g2", "qt"},
    {"webm", "weba", "mkv", "mka"},
    {"ogg", "oga", "opus", "ogv"},
    {"jpg", "jpeg", "jfif"},
    {"tif", "tiff"},
    {"heic", "heif", "hif"},
    {"png", "apng"},
    {"mp3", "mpeg"},
    {"jp2", "j2k", "jpx", "jpf", "jpeg2000"},
    {"aif", "aiff", "aifc"},
    {"avif", "avifs"},
)
"""File endings that go by one name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found about a job.

    Attributes:
        code: A stable word, one of `CODES`.
        severity: `error`: the API will refuse it; `warning`: it may cost or give something else
            than expected; `info`: good to know.
        field: The field of the request, dotted, or None.
        message: One line that says what to do.
    """

    code: str
    severity: Severity
    field: str | None
    message: str


def find_problems(
    job: Job, media: Mapping[str, Media], settings: Settings, estimate: Estimate
) -> tuple[Finding, ...]:
    """Check a job against what is known of the API, the errors first.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`.
        settings: What will run.
        estimate: What it will cost.
    """
    found = [
        *_files(job, media, settings),
        *_window(job, media, settings),
        *_frames(job, media, settings, estimate),
        *find_standing_problems(settings),
    ]
    order = ("error", "warning", "info")
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def find_standing_problems(settings: Settings) -> tuple[Finding, ...]:
    """Find what holds of a job whatever its files and its window are.

    Args:
        settings: What will run.
    """
    return (*_request(settings), *_rates(settings))


def find_name_problems(path: str, name: str, kind: AssetKind, settings: Settings) -> list[Finding]:
    """Find what the API will say of a file's or URL's name.

    Args:
        path: The file or URL.
        name: Its field of `assets`.
        kind: What it has to be.
        settings: What will run.
    """
    field, ending = f"assets.{name}", _ending(path)
    taken = settings.extensions.get(kind)
    if name == "youtube_url":
        return []
    if not ending and is_remote(path):
        message = f"the path of {shown_url(path)!r} has no file ending, which the API asks of URLs"
        return [Finding("url-without-extension", "warning", field, message)]
    if taken and ending not in taken:
        what = f"the ending .{ending}" if ending else "a name without ending"
        message = f"{what} is not taken for {kind}: convert it to one of {', '.join(taken)}"
        return [Finding("extension-unsupported", "error", field, message)]
    return []


def _files(job: Job, media: Mapping[str, Media], settings: Settings) -> Iterator[Finding]:
    for name, path in job.sources().items():
        field, kind = f"assets.{name}", job.asset_kinds[name]
        known = media.get(name)
        ending = _ending(path)
        yield from find_name_problems(path, name, kind, settings)
        if known is None or known.error is not None:
            yield Finding("not-probed", "warning", field, _not_probed(path, known))
            continue
        yield from _track(known, kind, field)
        yield from _upload(known, settings, field)
        if ending and known.container and not _same_family(ending, known.container):
            message = f"the file is {known.container.split(',')[0]} inside: name it so"
            yield Finding("extension-mismatch", "warning", field, message)


def _not_probed(path: str, media: Media | None) -> str:
    why = (
        f"{shown_url(path)!r} was not looked at"
        if not media or not media.error
        else media.error.message
    )
    return (
        f"{why}; state what you know of it (--video-fps, --video-duration, --audio-duration; "
        "in code, media=)"
    )


def _track(media: Media, kind: AssetKind, field: str) -> Iterator[Finding]:
    held = f"{shown_url(media.source)!r} holds {media.kind or 'nothing'} only"
    if kind == "video" and media.video is None:
        yield Finding("no-video-track", "error", field, f"{held}: give a video file")
    if kind == "audio" and media.audio is None:
        yield Finding("no-audio-track", "error", field, f"{held}, no sound: give an audio file")
    if kind == "image" and media.kind != "image":
        yield Finding("not-an-image", "error", field, f"{held}: give a still picture")
    if media.cover_art:
        message = "its cover picture is not video and does not count"
        yield Finding("cover-art-ignored", "info", field, message)
    if kind == "video" and media.video and media.video.rotation:
        turned = media.video
        message = (
            f"stored as {turned.coded_width} x {turned.coded_height}, shown turned by "
            f"{turned.rotation} degrees as {turned.width} x {turned.height}"
        )
        yield Finding("rotated", "info", field, message)


def _upload(media: Media, settings: Settings, field: str) -> Iterator[Finding]:
    if settings.upload is None or media.size_bytes is None:
        return
    decimal, binary = settings.upload
    plan = f"the {settings.plan} plan" if settings.plan else "any plan"
    limit = f"{plan} may upload {decimal / 1e6:,.0f} MB, the file has"
    message = f"{limit} {media.size_bytes / 1e6:,.1f} MB: make it smaller"
    if media.size_bytes > binary:
        yield Finding("file-too-large", "error", field, message)
    elif media.size_bytes > decimal:
        yield Finding("file-too-large", "warning", field, f"{message}, or it may be refused")


def _window(job: Job, media: Mapping[str, Media], settings: Settings) -> Iterator[Finding]:
    start, end = settings.window
    window, field = end - start, "end_seconds"
    if settings.max_seconds is not None and window > settings.max_seconds * MICROSECOND:
        message = (
            f"the window is {seconds(window):g} s, the API allows {settings.max_seconds} s: "
            f"end it at {seconds(start + settings.max_seconds * MICROSECOND):g} or split it"
        )
        yield Finding("window-too-long", "error", field, message)
    video, audio = length_of(job, media, "video"), length_of(job, media, "audio")
    if job.trimmed == "video" and video is not None and end > video:
        advice = f"end it at {seconds(video):g}" if start < video else "start it earlier"
        message = (
            f"the window ends at {seconds(end):g} s, the video at {seconds(video):g} s: what is "
            f"charged for the rest is not published; {advice}"
        )
        yield Finding("window-past-end", "warning", field, message)
    if audio is None:
        return
    needed = end if job.trimmed == "audio" else window
    if audio < needed:
        message = (
            f"the audio has {seconds(audio):g} s of the {seconds(needed):g} s that the window "
            "needs: what is charged for the rest is not published; shorten the window"
        )
        yield Finding("audio-shorter-than-window", "warning", "assets.audio_file_path", message)
    elif audio > needed:
        message = f"{seconds(audio - needed):g} s of the audio come after the window"
        yield Finding("audio-longer-than-window", "info", "assets.audio_file_path", message)


def _frames(
    job: Job, media: Mapping[str, Media], settings: Settings, estimate: Estimate
) -> Iterator[Finding]:
    start, end = settings.window
    found, field = media_of(job, media, "video"), _field_of(job, "video")
    if estimate.output_fps and (end - start) * estimate.output_fps < MICROSECOND:
        message = "the window is shorter than one frame and is charged as one"
        yield Finding("window-under-one-frame", "info", "end_seconds", message)
    most = estimate.settled.frames_high or estimate.queued.frames_high or 0
    if settings.frame_cap is not None and most > settings.frame_cap:
        message = (
            f"up to {most:,} frames, the vendor states a cap of {settings.frame_cap:,}: "
            "split the window or lower max_fps_limit"
        )
        yield Finding("frame-cap", "warning", "end_seconds", message)
    if job.trimmed != "video" or found is None or found.video is None:
        return
    rate, limit = estimate.source_fps, settings.fps_limit
    queued, highest = estimate.queued.credits_high, estimate.settled.credits_high
    if queued is not None and highest is not None and highest > queued:
        message = (
            f"settles at up to {highest:,} credits, above the {queued:,} that are taken when "
            "queued: a max_fps_limit of 30 or less prevents it"
        )
        yield Finding("fps-above-30", "warning", "max_fps_limit", message)
    if found.video.variable_frame_rate:
        message = "its frame rate varies, and no source says which rate is billed: a range"
        yield Finding("variable-frame-rate", "warning", field, message)
    steady = not found.video.variable_frame_rate and "video.fps" not in found.uncertain
    if steady and rate is not None and limit is not None and limit >= rate:
        message = f"the video has {float(rate):g} fps, a limit of {float(limit):g} changes nothing"
        yield Finding("max-fps-limit-no-effect", "info", "max_fps_limit", message)
    size = (found.video.width, found.video.height)
    if estimate.output_size and estimate.output_size != size:
        width, height = estimate.output_size
        message = f"comes out at {width} x {height}, the source has {size[0]} x {size[1]}"
        yield Finding("resized", "info", field, message)


def _request(settings: Settings) -> Iterator[Finding]:
    field, mode = "style.generation_mode", settings.asked_mode or settings.mode
    plan = settings.plan
    if settings.mode_state == "not-at-date":
        message = f"{mode!r} was no mode on {settings.day}: priced as {settings.mode!r}"
        yield Finding("mode-not-at-date", "warning", field, message)
    if settings.mode_state == "deprecated":
        message = f"{mode!r} runs {settings.mode!r}: ask for that"
        yield Finding("mode-deprecated", "info", field, message)
    if plan is None:
        message = "rules of a plan are not checked, dollars are shown for each plan with a price"
        yield Finding("plan-not-given", "info", None, message)
    elif plan not in settings.allowed_plans and plan not in settings.disputed_plans:
        needed = " or ".join(settings.allowed_plans)
        message = f"{mode!r} needs the {needed} plan, this is {plan}"
        yield Finding("mode-needs-paid-plan", "error", field, message)
    elif plan in settings.disputed_plans:
        message = f"the sources disagree whether the {plan} plan may ask for {mode!r}"
        yield Finding("mode-needs-paid-plan", "warning", field, message)
    if plan is not None and plan not in settings.size_plans:
        needed = " or ".join(settings.size_plans)
        message = f"{settings.sizes[-1]} needs the {needed} plan, this is {plan}"
        yield Finding("resolution-needs-paid-plan", "error", "resolution", message)
    for name, why in settings.ignored:
        message = f"{name} does not count {why}" if " " in why else f"{name} does not count: {why}"
        yield Finding("field-ignored", "info", name, message)


def _rates(settings: Settings) -> Iterator[Finding]:
    for entry in settings.rates:
        for other in entry.against:
            ours, theirs = (settings.sources[names[0]] for names in (entry.sources, other.sources))
            held = "" if entry.value is None else f"{float(entry.value):g}"
            message = (
                f"{held} credits a {entry.unit} by {ours.rank} of {ours.date}, "
                f"{float(other.value):g} by {theirs.rank} of {theirs.date}: priced as a range"
            )
            yield Finding("rate-conflict", "warning", None, message)
    for why in settings.inferred:
        yield Finding("rate-inferred", "warning", None, f"the rate is inferred: {why}")
    if settings.rate_age > RATE_IS_OLD:
        message = (
            f"the rates were last checked {settings.rate_age} days before, on {settings.checked}: "
            "update mh-preflight"
        )
        yield Finding("rate-old", "warning", None, message)


def _field_of(job: Job, kind: AssetKind) -> str | None:
    names = [name for name in job.sources() if job.asset_kinds[name] == kind]
    return f"assets.{names[0]}" if names else None


def _ending(path: str) -> str:
    try:
        name = urlsplit(path).path if "://" in path else path
    except ValueError:  # it looks like a URL and is none
        name = ""
    stem, dot, ending = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return ending.lower() if dot and stem else ""


def _same_family(ending: str, container: str) -> bool:
    names = {name.lower() for name in container.replace("_pipe", "").split(",")}
    family = next((family for family in _FAMILIES if ending in family), {ending})
    return bool(family & names)
