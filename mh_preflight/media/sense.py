"""Can it be so? Facts that no real file has are taken back before anyone bills on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.media.facts import Audio, Media, Video

__all__ = ["MOST_FPS", "MOST_PIXELS", "MOST_SECONDS", "sensible"]

MOST_PIXELS = 16_384
"""The widest and highest picture of a film."""

MOST_STILL = 65_535
"""The widest and highest still, which JPEG can hold."""

MOST_FPS = 1000
MOST_SECONDS = 7 * 24 * 3600
MOST_CHANNELS = 64
SAMPLE_RATES = (1000, 768_000)

LEAST_VIDEO = 100
"""Bytes a second below which no film is, not even of a picture that stands still."""

LEAST_AUDIO = 20

FRAMES_OFF = 2

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
        (None, '1e+06 frames a second cannot be')
    """
    uncertain: dict[str, str] = {}
    changes: dict[str, Any] = {}
    if media.image is not None:
        size = media.image.width, media.image.height
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
    if _too_long(media.duration_seconds):
        changes["duration_seconds"] = None
        uncertain["duration_seconds"] = f"{media.duration_seconds:g} s cannot be"
    if media.container is not None and not _NAME.fullmatch(media.container):
        changes["container"] = one_line(media.container)[:80]
    if uncertain:
        changes["uncertain"] = {**media.uncertain, **uncertain}
    same = all(getattr(media, name) is value for name, value in changes.items())
    return media if same else media.model_copy(update=changes)


def _video(media: Media, video: Video, uncertain: dict[str, str]) -> Video:
    unknown: dict[str, None] = {}
    for name in ("width", "height", "coded_width", "coded_height"):
        edge = getattr(video, name)
        if edge is not None and not 1 <= edge <= MOST_PIXELS:
            unknown[name] = None
            uncertain[f"video.{name}"] = f"{edge} pixels cannot be"
    if video.fps is not None and not 0 < video.fps <= MOST_FPS:
        unknown["fps"] = None
        uncertain |= _timed(f"{float(video.fps):g} frames a second cannot be")
    if _too_long(video.duration_seconds):
        unknown |= dict.fromkeys(("duration_seconds", "fps"))
        uncertain |= _timed(f"{video.duration_seconds:g} s cannot be")
    elif media.kind == "video" and _too_thin(media, video.duration_seconds, LEAST_VIDEO):
        uncertain |= _timed(f"{media.size_bytes} bytes are few for {video.duration_seconds:g} s")
    elif not video.variable_frame_rate and _disagrees(video):
        uncertain |= _timed("frames, frame rate and duration disagree")
    if unknown.get("fps", video.fps) is None and video.frame_times is not None:
        unknown["frame_times"] = None
    return video.model_copy(update=unknown) if unknown else video


def _audio(media: Media, audio: Audio, uncertain: dict[str, str]) -> Audio:
    unknown: dict[str, None] = {}
    for name, low, high in (
        ("channels", 1, MOST_CHANNELS),
        ("sample_rate", *SAMPLE_RATES),
    ):
        value = getattr(audio, name)
        if value is not None and not low <= value <= high:
            unknown[name] = None
            uncertain[f"audio.{name}"] = f"{value} cannot be"
    if _too_long(audio.duration_seconds):
        unknown["duration_seconds"] = None
        uncertain["audio.duration_seconds"] = f"{audio.duration_seconds:g} s cannot be"
    elif _too_thin(media, audio.duration_seconds, LEAST_AUDIO):
        uncertain["audio.duration_seconds"] = (
            f"{media.size_bytes} bytes are few for {audio.duration_seconds:g} s"
        )
    return audio.model_copy(update=unknown) if unknown else audio


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
