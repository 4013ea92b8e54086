"""What is asked of the API? Requests as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from mh_preflight.client.bodies import checked_id
from mh_preflight.jobs import Job

__all__ = [
    "MEDIA",
    "Call",
    "Medium",
    "account_call",
    "create_call",
    "medium_of",
    "project_call",
    "upload_call",
]

Medium: TypeAlias = Literal["video", "image", "audio"]
MEDIA: tuple[Medium, ...] = get_args(Medium)
_IMAGES = frozenset(
    {
        "ai-clothes-changer",
        "ai-face-editor",
        "ai-gif-generator",
        "ai-headshot-generator",
        "ai-image-editor",
        "ai-image-generator",
        "ai-image-upscaler",
        "ai-meme-generator",
        "ai-qr-code-generator",
        "body-swap",
        "face-swap-photo",
        "head-swap",
        "image-background-remover",
        "photo-colorizer",
    }
)
_AUDIO = frozenset({"ai-music-generator", "ai-voice-cloner", "ai-voice-generator"})


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API.

    Attributes:
        method: Such as POST.
        path: Below the base URL, from `/v1/` on.
        body: JSON, or None.
    """

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)


def medium_of(endpoint: str) -> Medium:
    """Tell what an endpoint makes, which is where its projects are found.

    Example:
        >>> medium_of("lip-sync"), medium_of("ai-gif-generator")
        ('video', 'image')
    """
    if endpoint in _IMAGES:
        return "image"
    return "audio" if endpoint in _AUDIO else "video"


def create_call(job: Job, body: Mapping[str, Any]) -> Call:
    """Ask for a job.

    Args:
        job: The job.
        body: Its body, with what was uploaded in the place of local files.

    Example:
        >>> from mh_preflight import job
        >>> meme = job("ai-meme-generator", style={"template": "Drake", "topic": "tests"})
        >>> create_call(meme, meme.wire_body()).path
        '/v1/ai-meme-generator'
    """
    return Call("POST", f"/v1/{job.endpoint}", _json(body))


def project_call(medium: Medium, project_id: str) -> Call:
    """Ask how far a job is.

    Args:
        medium: What it makes.
        project_id: The API's id.

    Raises:
        BrokenAnswerError: That cannot be an id.
    """
    return Call("GET", f"/v1/{medium}-projects/{checked_id(project_id)}")


def account_call() -> Call:
    """Ask for balance and plan."""
    return Call("GET", "/v1/account")


def upload_call(items: Sequence[tuple[Medium, str]]) -> Call:
    """Ask for places for files.

    Args:
        items: What each is, and its extension without a dot.
    """
    listed = [{"type": kind, "extension": extension} for kind, extension in items]
    return Call("POST", "/v1/files/upload-urls", _json({"items": listed}))


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
