"""Which job was it, and what did it cost? The API's own JSON of a project, read with suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, Field, NonNegativeInt, model_validator

from mh_preflight.assets import Facts
from mh_preflight.errors import InputError
from mh_preflight.jobs import Job, model_of
from mh_preflight.units import PLANS, Plan, exact, frame_rate, microseconds, one_line

__all__ = ["TOOLS", "Booked", "Medium", "Project", "Settled", "Status", "settled_from"]

Status: TypeAlias = Literal["canceled", "complete", "draft", "error", "queued", "rendering"]
Medium: TypeAlias = Literal["video", "image", "audio"]

TOOLS: Mapping[tuple[Medium, str], str] = MappingProxyType(
    {
        ("video", "ANIMATION"): "animation",
        ("video", "AUDIO_TO_VIDEO"): "audio-to-video",
        ("video", "AUTO_SUBTITLE"): "auto-subtitle-generator",
        ("video", "CHARACTER_REPLACE"): "character-replace",
        ("video", "FACE_SWAP"): "face-swap",
        ("video", "IMAGE_TO_VIDEO"): "image-to-video",
        ("video", "LIP_SYNC"): "lip-sync",
        ("video", "TALKING_PHOTO"): "ai-talking-photo",
        ("video", "TEXT_TO_VIDEO"): "text-to-video",
        ("video", "UGC_AD"): "ai-ugc-ad",
        ("video", "VIDEO_EDITOR"): "ai-video-editor",
        ("video", "VIDEO_TO_VIDEO"): "video-to-video",
        ("video", "VIDEO_TRANSLATOR"): "ai-video-translator",
        ("video", "VIDEO_UPSCALER"): "ai-video-upscaler",
        ("image", "AI_GIF"): "ai-gif-generator",
        ("image", "AI_HEADSHOT"): "ai-headshot-generator",
        ("image", "AI_IMAGE"): "ai-image-generator",
        ("image", "AI_IMAGE_EDITOR"): "ai-image-editor",
        ("image", "AI_MEME"): "ai-meme-generator",
        ("image", "BACKGROUND_REMOVER"): "image-background-remover",
        ("image", "BODY_SWAP"): "body-swap",
        ("image", "CLOTHES_CHANGER"): "ai-clothes-changer",
        ("image", "FACE_EDITOR"): "ai-face-editor",
        ("image", "FACE_SWAP"): "face-swap-photo",
        ("image", "HEAD_SWAP"): "head-swap",
        ("image", "IMAGE_UPSCALER"): "ai-image-upscaler",
        ("image", "PHOTO_COLORIZER"): "photo-colorizer",
        ("image", "QR_CODE"): "ai-qr-code-generator",
        ("audio", "MUSIC_GENERATOR"): "ai-music-generator",
        ("audio", "VOICE_CLONER"): "ai-voice-cloner",
        ("audio", "VOICE_GENERATOR"): "ai-voice-generator",
    }
)
"""The endpoint of each `type` of a project, as the Python SDK 0.90.0 spells them; a face swap in a
video and one in a photo have the same name."""

BASES = (24, 30, 48, 60, 120)
PRINTED = Fraction(1, 200)
"""How far a frame rate such as 30000/1001 is from the 29.97 or 29.970 that is printed for it."""

MOST_CREDITS = 10**12
"""The highest charge that is believed."""

FORM_KEYS = frozenset({"endpoint", "request", "project", "plan"})
FACTS = ("video_fps", "video_duration_seconds", "audio_duration_seconds")


@dataclass(frozen=True, slots=True)
class Project:
    """What the API says of a job.

    Attributes:
        id: Its id.
        endpoint: As in the URL; None where no endpoint is known for its `type`.
        type: What the API calls the tool.
        status: How far it is.
        created: When it was created, in UTC.
        charged: Credits.
        window: Start and end in whole microseconds; None where it has none.
        fps: The frame rate that was rendered; None where there is none.
        images: How many images were made; None where there are none.
    """

    id: str
    endpoint: str | None
    type: str
    status: Status
    created: datetime
    charged: int
    window: tuple[int, int] | None
    fps: Fraction | None
    images: int | None


class Booked(BaseModel, frozen=True, strict=True):
    """What a ledger keeps of an estimate, as far as it is compared.

    Attributes:
        settled_low: The credits, at least.
        settled: The credits that were expected, or None.
        settled_high: The credits at most; None where there was no bound.
        why: Why the estimate is a range.
        mode: The mode, or None.
        variants: The models and sizes that might run.
        audio: Whether sound was asked for.
        window: Start and end in whole microseconds.
        units: Characters, images or jobs.
        frames_low: Frames, at least; None where they are not counted.
        frames: The frames that were expected, or None.
        frames_high: Frames at most; None where they are not counted, or there was no bound.
    """

    settled_low: NonNegativeInt
    settled: NonNegativeInt | None
    settled_high: NonNegativeInt | None
    why: tuple[str, ...]
    mode: str | None
    variants: Annotated[tuple[tuple[str | None, str | None], ...], Field(min_length=1)]
    audio: bool
    window: tuple[NonNegativeInt, NonNegativeInt]
    units: NonNegativeInt
    frames_low: NonNegativeInt | None
    frames: NonNegativeInt | None
    frames_high: NonNegativeInt | None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for low, expected, high in (
            (self.settled_low, self.settled, self.settled_high),
            (self.frames_low, self.frames, self.frames_high),
            (self.window[0], None, self.window[1]),
        ):
            known = [value for value in (low, expected, high) if value is not None]
            if known != sorted(known):
                raise ValueError("the least is above the most")
        return self


@dataclass(frozen=True, slots=True)
class Settled:
    """One record: a project, and the request where it is known.

    Attributes:
        project: What the API says of it.
        job: The request; None where it is not known.
        plan: The plan; None where it is not known.
        facts: What is stated of the files.
        booked: What a ledger kept of its estimate; None where it is of no ledger.
    """

    project: Project
    job: Job | None = None
    plan: Plan | None = None
    facts: Facts = field(default_factory=Facts)
    booked: Booked | None = None


def settled_from(record: object) -> Settled:
    """Read one record: a project, a webhook's payload, or a request together with its project.

    Args:
        record: What stood in the JSON.

    Raises:
        InputError: It is none of them, or something in it cannot be.
    """
    if not isinstance(record, Mapping):
        raise InputError("must be a JSON object")
    if "project" in record or "request" in record:
        return _full(record)
    if "payload" in record:
        event = str(record.get("type", ""))
        medium = event.partition(".")[0]
        return Settled(_project(record["payload"], medium if medium in _MEDIA else None))
    return Settled(_project(record))


_MEDIA = get_args(Medium)


def _full(record: Mapping[str, Any]) -> Settled:
    for name in ("endpoint", "request", "project"):
        if name not in record:
            raise InputError(f"{name}: is required beside the others", field=name)
    if strange := sorted(set(map(str, record)) - FORM_KEYS - set(FACTS)):
        raise InputError(f"{one_line(strange[0], 60)}: is no field of a record", field=strange[0])
    endpoint, request, plan = record["endpoint"], record["request"], record.get("plan")
    if not isinstance(endpoint, str):
        raise InputError("endpoint: must be text", field="endpoint")
    if not isinstance(request, Mapping):
        raise InputError("request: must be a JSON object", field="request")
    if plan is not None and plan not in PLANS:
        raise InputError(f"plan: must be one of {', '.join(PLANS)}", field="plan")
    job = model_of(endpoint)(**{str(name): value for name, value in request.items()})
    project = _project(record["project"], endpoint=endpoint)
    facts = Facts(**{name: record[name] for name in FACTS if record.get(name) is not None})
    return Settled(project, job, plan, facts)


def _project(given: object, medium: object = None, endpoint: str | None = None) -> Project:
    if not isinstance(given, Mapping):
        raise InputError("the project must be a JSON object")
    kind = _text(given, "type")
    name = kind.upper().replace("-", "_")
    if medium is None:
        medium = _medium(given)
    named = next((own for (m, n), own in TOOLS.items() if (m, n) == (medium, name)), None)
    if endpoint is not None:
        possible = {own for (_, other), own in TOOLS.items() if other == name}
        if possible and endpoint not in possible:
            raise InputError(f"type: {one_line(kind, 60)!r} is no job of {endpoint}", field="type")
        named = endpoint
    status = _text(given, "status")
    if status not in _STATES:
        raise InputError(f"status: {one_line(status, 60)!r} is not known", field="status")
    charged = given.get("credits_charged", given.get("total_frame_cost"))
    if isinstance(charged, bool) or not isinstance(charged, int) or charged < 0:
        raise InputError("credits_charged: must be a whole number", field="credits_charged")
    if charged > MOST_CREDITS:
        raise InputError(f"credits_charged: is more than {MOST_CREDITS:,}", field="credits_charged")
    return Project(
        id=_text(given, "id"),
        endpoint=named,
        type=kind,
        status=_STATES[status],
        created=_time(given),
        charged=charged,
        window=_window(given),
        fps=_fps(given),
        images=_images(given),
    )


_STATES: Mapping[str, Status] = {name: name for name in get_args(Status)}


def _medium(given: Mapping[str, Any]) -> Medium:
    """Tell a video from an image by what only one of them has."""
    if "image_count" in given:
        return "image"
    return "video" if {"fps", "start_seconds", "end_seconds"} & set(given) else "audio"


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"{name}: is required, as text", field=name)
    return value


def _time(given: Mapping[str, Any]) -> datetime:
    text = _text(given, "created_at")
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"created_at: {one_line(text, 60)!r} is no time", field="created_at"
        ) from None


def _window(given: Mapping[str, Any]) -> tuple[int, int] | None:
    end = given.get("end_seconds")
    if end is None:
        return None
    start = microseconds(given.get("start_seconds") or 0, field="start_seconds")
    last = microseconds(end, field="end_seconds")
    return (start, last) if last > start else None


def _fps(given: Mapping[str, Any]) -> Fraction | None:
    value = given.get("fps")
    if value is None or exact(value, field="fps") <= 0:
        return None
    fps = frame_rate(value, field="fps")
    if fps.denominator == 1:
        return fps
    for base in BASES:  # 29.97 is how 30000/1001 is printed
        own = Fraction(base * 1000, 1001)
        if abs(own - fps) < PRINTED:
            return own
    return fps


def _images(given: Mapping[str, Any]) -> int | None:
    count = given.get("image_count")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        return None
    return count
