"""Jobs and media for the tests of prices, given and not probed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from mh_preflight import LipSync, Media, TalkingPhoto
from mh_preflight.estimate import Estimate, estimate_job
from mh_preflight.jobs import Job
from mh_preflight.rates import bundled_rates
from mh_preflight.settings import Settings, resolve_settings
from mh_preflight.units import Plan

__all__ = ["TODAY", "estimated", "lip_sync", "media", "settled", "talking_photo", "uneven_video"]

TODAY = date(2026, 11, 22)


def lip_sync(start: float = 0, end: float = 15, **body: Any) -> LipSync:
    assets = {"video_source": "file", "video_file_path": "v.mp4", "audio_file_path": "a.mp3"}
    return LipSync(**{"assets": assets, "start_seconds": start, "end_seconds": end, **body})


def talking_photo(start: float = 0, end: float = 15, **body: Any) -> TalkingPhoto:
    assets = {"image_file_path": "i.png", "audio_file_path": "a.mp3"}
    return TalkingPhoto(**{"assets": assets, "start_seconds": start, "end_seconds": end, **body})


def media(
    video: Mapping[str, Any] | Media | None = None, audio: float | None = 1000
) -> dict[str, Media]:
    """Give the facts of a video, 1000 s long where not said otherwise, and of an audio file."""
    known = {}
    if isinstance(video, Media):
        known["video_file_path"] = video
    elif video is not None:
        known["video_file_path"] = Media.given("video", **{"duration_seconds": 1000, **video})
    if audio is not None:
        known["audio_file_path"] = Media.given("audio", duration_seconds=audio)
    return known


def uneven_video(stamps: list[float], duration: float) -> Media:
    """Give a video whose frame rate varies."""
    given = Media.given("video", fps=len(stamps) / duration, duration_seconds=duration)
    assert given.video is not None
    times = np.array([round(stamp * 1_000_000) for stamp in stamps], dtype=np.int64)
    changes = {"variable_frame_rate": True, "frame_times": times}
    return given.model_copy(update={"video": given.video.model_copy(update=changes)})


def settled(
    job: Job, known: Mapping[str, Media], plan: Plan | None = "creator", day: date = TODAY
) -> tuple[int, int | None, int | None]:
    """Give the least, expected and most credits once settled."""
    side = estimated(job, known, plan, day).settled
    return side.credits_low, side.credits, side.credits_high


def estimated(
    job: Job, known: Mapping[str, Media], plan: Plan | None = "creator", day: date = TODAY
) -> Estimate:
    return estimate_job(job, known, settings(job, plan, day))


def settings(job: Job, plan: Plan | None = "creator", day: date = TODAY) -> Settings:
    return resolve_settings(job, plan=plan, day=day, rates=bundled_rates())
