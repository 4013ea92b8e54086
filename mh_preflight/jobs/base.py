"""What every endpoint's job has in common: the API's own wire names, checked, frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
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

from mh_preflight.errors import InputError
from mh_preflight.jobs.body import job_error, json_object
from mh_preflight.units import exact, frame_rate, microseconds

__all__ = [
    "SHORTEST_END",
    "AssetKind",
    "EndSeconds",
    "FpsLimit",
    "Intensity",
    "Job",
    "OutputJob",
    "Part",
    "Path",
    "Pixels",
    "Seconds",
    "WindowedJob",
    "chosen",
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
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({})
    """What each file of `assets` has to be, by its field; a list or a list's items count as one."""
    trimmed: ClassVar[AssetKind | None] = None
    """The kind of file that the window cuts; None where the window is what is made."""
    end_field: ClassVar[str] = "end_seconds"
    """The field that ends the window."""
    mode_field: ClassVar[str] = "style.generation_mode"
    """The field that chooses the mode."""
    size_field: ClassVar[str] = "resolution"
    """The field that chooses the size."""
    reference_field: ClassVar[str] = "references"
    """The field with files besides the first, of which a number is taken."""
    text_field: ClassVar[str | None] = None
    """The field whose characters are limited or charged."""

    def __init__(self, /, **body: Any) -> None:  # a body may name any field, `self` too
        try:
            super().__init__(**body)
        except ValidationError as error:
            raise job_error(type(self), error) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a request body.

        Raises:
            JobError: It is no JSON object, or the job is wrong in itself.
        """
        return cls(**json_object(text))

    @classmethod
    def kind_of(cls, name: str) -> AssetKind:
        """Tell what a file has to be.

        Args:
            name: Its name in `sources`.
        """
        return cls.asset_kinds[".".join(part for part in name.split(".") if not part.isdigit())]

    @classmethod
    def with_paths(cls, body: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
        """Give a request body, before it is checked, with the paths of its files changed.

        Args:
            body: The body; what is of a wrong type in it stays as it is.
            change: Gives the new path.
        """
        changed: dict[str, Any] = dict(body)
        files = (f"assets.{name}" for name in cls.asset_kinds if name != "youtube_url")
        for name in (*files, "references.file_path"):
            changed = _with_leaves(changed, name, change)
        return changed

    @classmethod
    def size_value(cls, size: str) -> Any:
        """Give what stands in the request for a size of the rate card."""
        return size

    def wire_body(self, paths: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Give the request body back, with exactly the fields that were set.

        Args:
            paths: Other paths for its files, by their place as in `files`.
        """
        body = self.model_dump(exclude_unset=True, by_alias=True)
        for place, path in (paths or {}).items():
            body = _placed(body, place, path)
        return body

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
                body[name] = {**held.model_dump(exclude_unset=True, by_alias=True), **value}
            else:
                body[name] = value
        return type(self)(**body)

    def gives(self, name: str) -> bool:
        """Tell whether a field of the body, dotted, was given a value."""
        return self.value_of(name) is not None

    def value_of(self, name: str) -> Any:
        """Give the value of a field of the body, dotted; None where it has none."""
        value: Any = self
        for part in name.split("."):
            value = getattr(value, part, None)
        return value

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`.

        Those of a list carry their place in it: `image_file_paths.0`.
        """
        found: dict[str, str] = {}
        for name in self.asset_kinds:
            found.update(_leaves(getattr(self, "assets", None), name))
        return found

    def files(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their place in the request body.

        They are those of `sources`, but for a YouTube address, and those that a prompt can name:
        `assets.image_file_paths.0`, `references.0.file_path`.
        """
        sources = self.sources()
        sources.pop("youtube_url", None)
        return {f"assets.{name}": source for name, source in sources.items()} | self.reference_files

    @property
    def window(self) -> tuple[int, int] | None:
        """Start and end in whole microseconds; None where the endpoint has no window."""
        return None

    @property
    def mode(self) -> str | None:
        """The mode as it was asked for, in the field `mode_field`."""
        mode: str | None = self.value_of(self.mode_field)
        return mode

    @property
    def asked_model(self) -> str | None:
        """The model as it was asked for; None where the choice is left to the API."""
        return chosen(self.value_of("model"))

    @property
    def audio_asked(self) -> bool:
        """Whether the output is asked to have sound, where that is a choice."""
        return False

    @property
    def fps_limit(self) -> Fraction | None:
        """`max_fps_limit`, exact."""
        return None

    @property
    def own_fps(self) -> Fraction | None:
        """The frame rate of the output, where the request states it."""
        return None

    @property
    def edge(self) -> int | None:
        """The longest edge that was asked for, in pixels."""
        return None

    @property
    def size(self) -> str | None:
        """The output preset that was asked for; None for the deprecated `auto`."""
        size: str | None = self.value_of("resolution")
        return None if size == "auto" else size

    @property
    def count(self) -> int:
        """How many outputs are made."""
        return 1

    @property
    def reference_count(self) -> int:
        """How many files are given in the field `reference_field`."""
        return 0

    @property
    def reference_files(self) -> dict[str, str]:
        """The files that a prompt can name, by their place in the request body."""
        return {}

    @property
    def text(self) -> str:
        """The text whose characters are limited or charged."""
        text: str | None = self.value_of(self.text_field) if self.text_field else None
        return text or ""


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


class OutputJob(Job):
    """A job whose output lasts `end_seconds`."""

    end_seconds: EndSeconds

    @property
    def window(self) -> tuple[int, int]:
        """From 0 to `end_seconds`, in whole microseconds."""
        return 0, microseconds(self.end_seconds)


def _leaves(value: Any, name: str, at: str = "") -> Iterator[tuple[str, str]]:
    """Give the paths below a value that the parts of a dotted name lead to, and their places."""
    if value is None:
        return
    if isinstance(value, tuple | list):
        for place, item in enumerate(value):
            yield from _leaves(item, name, f"{at}{place}.")
    elif not name:
        yield at[:-1], value
    else:
        part, _, rest = name.partition(".")
        yield from _leaves(getattr(value, part, None), rest, f"{at}{part}.")


def _with_leaves(value: Any, name: str, change: Callable[[str], str]) -> Any:
    """Give a value with the texts changed that the parts of a dotted name lead to."""
    if isinstance(value, list | tuple):
        return [_with_leaves(item, name, change) for item in value]
    if not name:
        return change(value) if isinstance(value, str) else value
    part, _, rest = name.partition(".")
    if not isinstance(value, dict) or part not in value:
        return value
    return {**value, part: _with_leaves(value[part], rest, change)}


def _placed(value: Any, place: str, path: str) -> Any:
    """Give a value with the path changed that stands at one dotted place in it."""
    if not place:
        return path
    part, _, rest = place.partition(".")
    if isinstance(value, list | tuple):
        return [
            _placed(item, rest, path) if number == int(part) else item
            for number, item in enumerate(value)
        ]
    return {**value, part: _placed(value[part], rest, path)}


def chosen(name: str | None) -> str | None:
    """Give what was chosen by name; None where the choice is left to the API.

    Args:
        name: A model's name, or `default`.
    """
    return None if name == "default" else name
