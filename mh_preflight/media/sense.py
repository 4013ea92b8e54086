"""Can it be so? Facts that no real file has are taken back before anyone bills on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mh_preflight.media.facts import Audio, Media, Video

__all__ = ["MOST_FPS", "MOST_PIXELS", "MOST_SECONDS", "sensible"]

MOST_PIXELS = 16_384
"""The widest and highest picture of a film."""

MOST_STILL = 65_535
"""The widest and highest still, which JPEG can hold."""

MOST_ORIENTATION = 8
MOST_FPS = 1000
MOST_SECONDS = 7 * 24 * 3600
MOST_CHANNELS = 64
MOST_START = 10**9  # seconds at which a film may start, as the clock of a camera
SAMPLE_RATES = (1000, 768_000)

LEAST_VIDEO = 100
"""Bytes a second below which no film is, not even of a picture that stands still."""

LEAST_AUDIO = 20

FRAMES_OFF = 2

MOST_NAME, MOST_REASON, MOST_FACTS = 80, 200, 64

_NAME = re.compile(r"[\w,.+-]{1,80}", re.ASCII)
_TIMED = ("frames", "fps", "duration_seconds", "variable_frame_rate")


def sensible(media: Media) -> Media:
    """Take back what cannot be: such a fact becomes unknown and uncertain, and says why.

    Args:
        media: What a reader found, perhaps in a file made to deceive it.

    Raises:
        MediaError: A still has a size that none has.

    Example:
        >>> from fractions import Fraction
        >>> from mh_preflight.media import Media, Video
        >>> mad = Media(source="a.mp4", kind="video", video=Video(fps=Fraction(10**6), frames=1))
        >>> sensible(mad).video.fps, sensible(mad).uncertain["video.fps"]
        (None, '1000000 frames a second cannot be')
    """
    uncertain: dict[str, str] = {}
    changes: dict[str, Any] = {}
    if media.image is not None:
        size = media.image.width, media.image.height
        turned = media.image.orientation
        if turned is not None and not 1 <= turned <= MOST_ORIENTATION:
            changes["image"] = media.image.model_copy(update={"orientation": None})
        if not all(1 <= edge <= MOST_STILL for edge in size):
            raise MediaError(
                f"{media.source!r} claims a picture of {size[0]} x {size[1]}, which cannot be",
                code="nonsense",
                source=media.source,
            )
    if media.video is not None:
        changes["video"] = _video(media, media.video, uncertain)
    if media.audio is not None:
        changes["audio"] = _audio(media, media.audio, uncertain)
    if media.kind in {"video", "audio"} and getattr(media, media.kind) is None:
        raise MediaError(
            f"{media.source!r} is said to be {media.kind} and holds none",
            code="nonsense",
            source=media.source,
        )
    if _too_long(media.duration_seconds):
        changes["duration_seconds"] = None
        uncertain["duration_seconds"] = f"{media.duration_seconds:g} s cannot be"
    changes |= _texts(media, uncertain)
    same = all(getattr(media, name) is value for name, value in changes.items())
    return media if same else media.model_copy(update=changes)


def _video(media: Media, video: Video, uncertain: dict[str, str]) -> Video:
    unknown: dict[str, None] = {}
    bounds: dict[str, tuple[int, int]] = dict.fromkeys(
        ("width", "height", "coded_width", "coded_height"), (1, MOST_PIXELS)
    )
    bounds["frames"] = 0, MOST_FPS * MOST_SECONDS
    bounds["rotation"] = 0, 359
    bounds["start_seconds"] = -MOST_START, MOST_START
    unknown |= _out_of_bounds("video", video, bounds, uncertain)
    length = video.duration_seconds
    if video.fps is not None and not 0 < video.fps <= MOST_FPS:
        unknown["fps"] = None
        uncertain |= _timed(f"{one_line(str(video.fps), 24)} frames a second cannot be")
    elif _too_long(length):
        unknown |= dict.fromkeys(("duration_seconds", "fps"))
        uncertain |= _timed(f"{length:g} s cannot be")
    elif media.kind == "video" and _too_thin(media, length, LEAST_VIDEO):
        uncertain |= _timed(f"{media.size_bytes} bytes are few for {length:g} s")
    elif not video.variable_frame_rate and _disagrees(video):
        uncertain |= _timed("frames, frame rate and duration disagree")
    if _too_long(length):
        unknown["duration_seconds"] = None
    if "fps" in unknown:
        unknown["frame_times"] = None
    if video.codec is not None and not _NAME.fullmatch(video.codec):
        unknown["codec"] = None
    return video.model_copy(update=unknown) if unknown else video


def _audio(media: Media, audio: Audio, uncertain: dict[str, str]) -> Audio:
    bounds = {"channels": (1, MOST_CHANNELS), "sample_rate": SAMPLE_RATES}
    unknown = _out_of_bounds("audio", audio, bounds, uncertain)
    length = audio.duration_seconds
    if _too_long(length):
        unknown["duration_seconds"] = None
        uncertain["audio.duration_seconds"] = f"{length:g} s cannot be"
    elif _too_thin(media, length, LEAST_AUDIO):
        reason = f"{media.size_bytes} bytes are few for {length:g} s"
        uncertain["audio.duration_seconds"] = reason
    if audio.codec is not None and not _NAME.fullmatch(audio.codec):
        unknown["codec"] = None
    return audio.model_copy(update=unknown) if unknown else audio


def _out_of_bounds(
    room: str,
    facts: Video | Audio,
    bounds: Mapping[str, tuple[int, int]],
    uncertain: dict[str, str],
) -> dict[str, None]:
    unknown: dict[str, None] = {}
    for name, (low, high) in bounds.items():
        value = getattr(facts, name)
        if value is not None and not low <= value <= high:  # nor is NaN
            unknown[name] = None
            uncertain[f"{room}.{name}"] = f"{one_line(str(value), 24)} cannot be"
    return unknown


def _texts(media: Media, uncertain: dict[str, str]) -> dict[str, Any]:
    """Cut and escape what may come from the file, or from who took over its reader."""
    changes: dict[str, Any] = {}
    if media.container is not None and not _NAME.fullmatch(media.container):
        changes["container"] = one_line(media.container, MOST_NAME)
    for name in ("uncertain", "learned_from"):
        texts = getattr(media, name) | (uncertain if name == "uncertain" else {})
        clean = {
            one_line(key, MOST_NAME): one_line(text, MOST_REASON)
            for key, text in list(texts.items())[:MOST_FACTS]
        }
        if clean != getattr(media, name):
            changes[name] = clean
    return changes


def _timed(why: str) -> dict[str, str]:
    return {f"video.{name}": why for name in _TIMED}


def _too_long(duration: float | None) -> bool:
    return duration is not None and not 0 <= duration <= MOST_SECONDS


def _too_thin(media: Media, duration: float | None, least: int) -> bool:
    size = media.size_bytes
    return bool(duration and size is not None and duration > 1 and size < duration * least)


def _disagrees(video: Video) -> bool:
    if not (video.fps and video.frames and video.duration_seconds is not None):
        return False
    return abs(video.fps * video.duration_seconds - video.frames) > FRAMES_OFF
