"""What every endpoint's job has in common: the API's own wire names, checked, frozen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from mh_preflight.errors import InputError, JobError
from mh_preflight.units import exact, frame_rate, microseconds

__all__ = [
    "SHORTEST_END",
    "AssetKind",
    "EndSeconds",
    "FpsLimit",
    "Intensity",
    "Job",
    "Part",
    "Path",
    "Pixels",
    "Seconds",
    "WindowedJob",
    "json_object",
]

AssetKind: TypeAlias = Literal["video", "audio", "image"]

LARGEST_INTENSITY = 1000  # far above the 0.1 to 2 that the API named until 2026-01-25
SHORTEST_END = 100_000
"""The API's schema asks for an end of at least 0.1 s (Lip Sync 2025-08-16, Talking Photo
2026-01-24)."""


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError("must be a finite number")
    return value


def _time(value: object) -> int | float:
    number = _number(value)
    microseconds(number)
    return number


def _end(value: object) -> int | float:
    number = _number(value)
    if microseconds(number) < SHORTEST_END:
        raise InputError("must be at least 0.1")
    return number


def _limit(value: object) -> int | float:
    number = _number(value)
    if number < 1:
        raise InputError("must be at least 1")
    frame_rate(number)
    return number


def _intensity(value: object) -> int | float:
    number = _number(value)
    if not 0 <= number <= LARGEST_INTENSITY or (exact(number) * 100).denominator != 1:
        raise InputError(f"must be from 0 to {LARGEST_INTENSITY}, with at most 2 decimals")
    return number


def _path(value: object) -> str:
    if not isinstance(value, str) or not value:  # bytes that are no text may be in it
        raise InputError("must be a path or URL, as text")
    return value


_NUMBER = {"type": "number"}
# A whole number stays whole, so that the body goes out as it came in.
Seconds: TypeAlias = Annotated[
    float, PlainValidator(_time), WithJsonSchema({**_NUMBER, "minimum": 0})
]
EndSeconds: TypeAlias = Annotated[
    float, PlainValidator(_end), WithJsonSchema({**_NUMBER, "minimum": 0.1})
]
FpsLimit: TypeAlias = Annotated[
    float, PlainValidator(_limit), WithJsonSchema({**_NUMBER, "minimum": 1})
]
Intensity: TypeAlias = Annotated[
    float, PlainValidator(_intensity), WithJsonSchema({**_NUMBER, "minimum": 0})
]
Pixels: TypeAlias = Annotated[int, Field(strict=True, ge=1)]
Path: TypeAlias = Annotated[
    str, PlainValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})
]


class Part(BaseModel):
    """A piece of a request body; it takes the API's own names and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Job(Part):
    """One request to one endpoint, as the API takes it.

    What is wrong at every date raises `JobError` here; what depends on a date or a plan becomes a
    finding later.
    """

    endpoint: ClassVar[str]
    """The endpoint, named as in the URL."""
    asset_kinds: ClassVar[Mapping[str, AssetKind]]
    """What each file of `assets` has to be."""
    trimmed: ClassVar[AssetKind]
    """The kind of file that `start_seconds` and `end_seconds` cut."""

    def __init__(self, **body: Any) -> None:
        try:
            super().__init__(**body)
        except ValidationError as error:
            raise _job_error(type(self), error) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a request body.

        Raises:
            JobError: It is no JSON object, or the job is wrong in itself.
        """
        return cls(**json_object(text))

    def wire_body(self) -> dict[str, Any]:
        """Give the request body back, with exactly the fields that were set."""
        return self.model_dump(exclude_unset=True)

    def changed(self, change: Mapping[str, Any]) -> Self:
        """Give the same job with some fields of its body changed.

        Args:
            change: Fields of the body; a mapping changes only the fields that it names.

        Raises:
            JobError: The changed job is wrong in itself.
        """
        body = {name: getattr(self, name) for name in self.model_fields_set}
        for name, value in change.items():
            held = body.get(name)
            if isinstance(value, Mapping) and isinstance(held, Part):
                body[name] = {**held.model_dump(exclude_unset=True), **value}
            else:
                body[name] = value
        return type(self)(**body)

    def gives(self, name: str) -> bool:
        """Tell whether a field of the body, dotted, was given a value."""
        value: Any = self
        for part in name.split("."):
            value = getattr(value, part, None)
        return value is not None

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`."""
        given = self.model_dump(include={"assets"})["assets"]
        return {name: given[name] for name in self.asset_kinds if given.get(name) is not None}

    @property
    def window(self) -> tuple[int, int] | None:
        """Start and end in whole microseconds; None where the endpoint has no window."""
        return None

    @property
    def mode(self) -> str | None:
        """`style.generation_mode` as it was asked for."""
        return getattr(getattr(self, "style", None), "generation_mode", None)

    @property
    def fps_limit(self) -> Fraction | None:
        """`max_fps_limit`, exact."""
        return None

    @property
    def edge(self) -> int | None:
        """The longest edge that was asked for, in pixels."""
        return None

    @property
    def size(self) -> str | None:
        """The output preset that was asked for."""
        return None


class WindowedJob(Job):
    """A job on a piece of a file, from `start_seconds` to `end_seconds`."""

    start_seconds: Seconds
    end_seconds: EndSeconds

    @model_validator(mode="after")
    def _end_follows_start(self) -> Self:
        start, end = self.window
        if end <= start:
            raise InputError(
                f"must be after start_seconds ({self.start_seconds})", field="end_seconds"
            )
        return self

    @property
    def window(self) -> tuple[int, int]:
        """Start and end in whole microseconds."""
        return microseconds(self.start_seconds), microseconds(self.end_seconds)


def json_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        JobError: It is none.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JobError(f"the request body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise JobError("the request body must be a JSON object")
    return body


def _job_error(cls: type[Job], error: ValidationError) -> JobError:
    """Say the first thing that is wrong in one line, and how many more there are."""
    details = error.errors(include_url=False)
    first = details[0]
    cause = first.get("ctx", {}).get("error")
    names = [str(part) for part in first["loc"]]
    if isinstance(cause, InputError) and cause.field:
        names.append(cause.field)
    field = ".".join(names) or None
    reason = {
        "extra_forbidden": f"{cls.endpoint} has no such field",
        "missing": "is required",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    reason = reason.replace("Input should be", "must be")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return JobError(f"{field}: {reason}{more}" if field else f"{reason}{more}", field=field)
