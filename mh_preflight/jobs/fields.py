"""What is asked, field by field? A job from single values, as options and columns give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import JobError
from mh_preflight.jobs.video_source import VideoSourceJob
from mh_preflight.units import MAX_SECONDS

if TYPE_CHECKING:
    from mh_preflight.jobs.base import Job

__all__ = ["FIELDS", "job_from_fields"]

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "video": "assets.video_file_path",
        "audio": "assets.audio_file_path",
        "image": "assets.image_file_path",
        "youtube": "assets.youtube_url",
        "start_seconds": "start_seconds",
        "end_seconds": "end_seconds",
        "max_fps_limit": "max_fps_limit",
        "width": "width",
        "height": "height",
        "mode": "style.generation_mode",
        "resolution": "resolution",
    }
)
"""The field of the request body for each short name; for the mode, some have another one."""


def job_from_fields(model: type[Job], fields: Mapping[str, Any]) -> Job:
    """Build a job from single values.

    Args:
        model: The job's model.
        fields: Values by field of the request body, dotted, as in `FIELDS`; the mode goes to the
            field that the endpoint has for it. Without `start_seconds` the window starts at 0,
            without `end_seconds` it ends at the latest time that can be counted.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> from mh_preflight.jobs import LipSync
        >>> assets = {"assets.video_file_path": "v.mp4", "assets.audio_file_path": "a.mp3"}
        >>> job_from_fields(LipSync, {**assets, "end_seconds": 5}).window
        (0, 5000000)
    """
    body: dict[str, Any] = {
        name: value
        for name, value in (("start_seconds", 0), ("end_seconds", MAX_SECONDS))
        if name in model.model_fields and model.trimmed is not None
    }
    for name, value in fields.items():
        room, dot, field = (model.mode_field if name == FIELDS["mode"] else name).partition(".")
        if dot:
            body.setdefault(room, {})[field] = value
        else:
            body[room] = value
    if "assets" not in model.model_fields:
        return model(**body)
    assets = body.setdefault("assets", {})
    if {"video_file_path", "youtube_url"} <= set(assets):
        raise JobError(
            "assets.youtube_url: a video file is given too; leave one of them out",
            field="assets.youtube_url",
        )
    if issubclass(model, VideoSourceJob):
        assets["video_source"] = "youtube" if "youtube_url" in assets else "file"
    return model(**body)
