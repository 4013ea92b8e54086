"""Is the window taken, and does the media fill it? Lengths, frames and frame rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING

from mh_preflight.checks.finding import Finding, severity_by
from mh_preflight.estimate import Estimate, length_of, media_of
from mh_preflight.units import MICROSECOND, time_text

if TYPE_CHECKING:
    from mh_preflight.jobs import AssetKind, Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = ["find_frame_problems", "find_length_problems", "find_window_problems"]


def find_window_problems(
    job: Job, media: Mapping[str, Media], settings: Settings
) -> Iterator[Finding]:
    """Look at the window against what is allowed and what the media hold."""
    start, end = settings.window
    window, field = end - start, job.end_field
    yield from find_length_problems(job, settings)
    video, audio = length_of(job, media, "video"), length_of(job, media, "audio")
    if job.trimmed == "video" and video is not None and end > video:
        advice = f"end it at {time_text(video)}" if start < video else "start it earlier"
        message = (
            f"the window ends at {time_text(end)} s, the video at {time_text(video)} s: what is "
            f"charged for the rest is not published; {advice}"
        )
        yield Finding("window-past-end", "warning", field, message)
    if audio is None:
        return
    if job.trimmed is None:
        return
    needed = end if job.trimmed == "audio" else window
    if audio < needed:
        message = (
            f"the audio has {time_text(audio)} s of the {time_text(needed)} s that the window "
            "needs: what is charged for the rest is not published; shorten the window"
        )
        yield Finding("audio-shorter-than-window", "warning", "assets.audio_file_path", message)
    elif audio > needed:
        message = f"{time_text(audio - needed)} s of the audio come after the window"
        yield Finding("audio-longer-than-window", "info", "assets.audio_file_path", message)


def find_length_problems(job: Job, settings: Settings) -> Iterator[Finding]:
    """Look at what a mode, a model or a plan allows."""
    (start, end), field = settings.window, job.end_field
    window = end - start
    name = settings.model or settings.title
    durations = settings.on_day.one("durations", model=settings.model)
    taken = () if durations is None else durations.seconds
    if taken and not (window % MICROSECOND == 0 and window // MICROSECOND in taken):
        from mh_preflight.rates import seconds_text

        message = f"{name} makes {seconds_text(taken)} s, not {time_text(window)} s"
        chosen = job.asked_model is None
        severity = severity_by(durations, chosen_here=chosen)
        yield Finding("duration-not-offered", severity, field, message)
        return
    least = settings.on_day.one("min_seconds", mode=settings.mode, model=settings.model)
    if least is not None and window < least.value * MICROSECOND:
        message = f"the window is {time_text(window)} s, {name} needs {float(least.value):g} s"
        yield Finding("window-too-short", severity_by(least), field, message)
    cap = settings.on_day.one(
        "max_seconds", mode=settings.mode, model=settings.model, plan=settings.plan
    )
    if cap is not None and window > cap.value * MICROSECOND:
        message = (
            f"the window is {time_text(window)} s, the API allows {cap.value} s: "
            f"end it at {time_text(start + cap.value * MICROSECOND)} or split it"
        )
        yield Finding("window-too-long", severity_by(cap), field, message)


def find_frame_problems(
    job: Job, media: Mapping[str, Media], settings: Settings, estimate: Estimate
) -> Iterator[Finding]:
    """Look at the frames that come out."""
    start, end = settings.window
    found, field = media_of(job, media, "video"), _field_of(job, "video")
    if estimate.output_fps and (end - start) * estimate.output_fps < MICROSECOND:
        message = "the window is shorter than one frame and is charged as one"
        yield Finding("window-under-one-frame", "info", job.end_field, message)
    limited = "max_fps_limit" in type(job).model_fields
    most = _most_frames(settings, estimate, found)
    if settings.frame_cap is not None and most > settings.frame_cap:
        slower = (
            " or lower fps" if settings.own_fps else " or lower max_fps_limit" if limited else ""
        )
        message = (
            f"up to {most:,} frames, the vendor states a cap of {settings.frame_cap:,}: "
            f"split the window{slower}"
        )
        yield Finding("frame-cap", "warning", job.end_field, message)
    if job.trimmed != "video" or found is None or found.video is None:
        return
    rate, limit = estimate.source_fps, settings.fps_limit
    queued, highest = estimate.queued.credits_high, estimate.settled.credits_high
    if queued is not None and highest is not None and highest > queued:
        remedy = ": a max_fps_limit of 30 or less prevents it" if limited else ""
        message = (
            f"settles at up to {highest:,} credits, above the {queued:,} that are taken when "
            f"queued{remedy}"
        )
        yield Finding("fps-above-30", "warning", "max_fps_limit" if limited else field, message)
    if found.video.variable_frame_rate:
        settled = estimate.settled
        ends = ": a range" if settled.credits_low != settled.credits_high else ""
        message = f"its frame rate varies, and no source says which rate is billed{ends}"
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


def _most_frames(settings: Settings, estimate: Estimate, found: Media | None) -> int:
    """Give the frames that may come out, also of a tool that is not billed by them."""
    most = estimate.settled.frames_high or estimate.queued.frames_high
    if most is None and found is not None and found.video is not None and found.video.fps:
        start, end = settings.window
        most = ceil(found.video.fps * (end - start) / MICROSECOND)
    return most or 0


def _field_of(job: Job, kind: AssetKind) -> str | None:
    names = [name for name in job.sources() if job.kind_of(name) == kind]
    return f"assets.{names[0]}" if names else None
