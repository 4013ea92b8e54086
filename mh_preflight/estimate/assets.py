"""What is known of a job's files? The media of one kind, and its length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mh_preflight.units import microseconds

if TYPE_CHECKING:
    from mh_preflight.jobs import AssetKind, Job
    from mh_preflight.media import Media

__all__ = ["length_of", "media_of"]


def media_of(job: Job, media: Mapping[str, Media], kind: AssetKind) -> Media | None:
    """Find the media of one kind among a job's assets; None where nothing is known of it."""
    for field, wanted in job.asset_kinds.items():
        if wanted == kind and field in media and media[field].error is None:
            return media[field]
    return None


def length_of(job: Job, media: Mapping[str, Media], kind: AssetKind | None) -> int | None:
    """Give the length of the video or the audio of a job in whole microseconds, where known."""
    found = media_of(job, media, kind) if kind else None
    facts = None if found is None else found.video if kind == "video" else found.audio
    if facts is None or facts.duration_seconds is None:
        return None
    return microseconds(facts.duration_seconds)
