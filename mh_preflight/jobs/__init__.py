"""What is asked? One frozen model per endpoint, in the API's own wire names."""

from __future__ import annotations

from typing import Any

from mh_preflight.errors import JobError
from mh_preflight.jobs.base import SHORTEST_END, AssetKind, Job, Part, json_object
from mh_preflight.jobs.fields import FIELDS, job_from_fields
from mh_preflight.jobs.lip_sync import LipSync, LipSyncAssets, LipSyncStyle
from mh_preflight.jobs.talking_photo import TalkingPhoto, TalkingPhotoAssets, TalkingPhotoStyle

__all__ = [
    "ENDPOINTS",
    "FIELDS",
    "SHORTEST_END",
    "AssetKind",
    "Job",
    "LipSync",
    "LipSyncAssets",
    "LipSyncStyle",
    "Part",
    "TalkingPhoto",
    "TalkingPhotoAssets",
    "TalkingPhotoStyle",
    "job",
    "job_from_fields",
    "json_object",
    "model_of",
]

ENDPOINTS: tuple[type[Job], ...] = (LipSync, TalkingPhoto)
"""The model of every endpoint that is priced."""


def model_of(endpoint: str) -> type[Job]:
    """Find the model of an endpoint.

    Args:
        endpoint: As in the URL: `lip-sync`.

    Raises:
        JobError: There is no such endpoint here.
    """
    for model in ENDPOINTS:
        if model.endpoint == endpoint:
            return model
    known = ", ".join(sorted(model.endpoint for model in ENDPOINTS))
    raise JobError(
        f"endpoint: {endpoint!r} is not known here; known are {known}",
        code="unknown-endpoint",
        field="endpoint",
    )


def job(endpoint: str, /, **body: Any) -> Job:
    """Build the job of any endpoint from its request body.

    Args:
        endpoint: As in the URL: `lip-sync`.
        body: The fields of the API's request body.

    Raises:
        JobError: There is no such endpoint here, or the job is wrong in itself.

    Example:
        >>> job(
        ...     "ai-talking-photo",
        ...     assets={"image_file_path": "face.png", "audio_file_path": "line.mp3"},
        ...     start_seconds=0,
        ...     end_seconds=5,
        ... ).endpoint
        'ai-talking-photo'
    """
    return model_of(endpoint)(**body)
