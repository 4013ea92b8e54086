"""What does every dated value carry? The days on which it holds, and the sources that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal, Self, TypeAlias, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

__all__ = [
    "RANKS",
    "Amount",
    "Dated",
    "Name",
    "Rank",
    "SecondsList",
    "Source",
    "Strict",
    "Text",
    "Upload",
    "Whole",
    "Word",
    "decimal_text",
    "holding",
    "most_specific",
    "seconds_text",
]

Rank: TypeAlias = Literal[
    "own", "charge", "sdk", "reference", "tool-page", "changelog", "example", "third-party"
]
RANKS: tuple[Rank, ...] = get_args(Rank)
"""Which source is believed where two disagree, the most credible first."""

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_SECONDS = re.compile(r"[0-9]{1,4}(-[0-9]{1,4})?(, [0-9]{1,4}(-[0-9]{1,4})?)*")
_SIZE = re.compile(r"([0-9]{1,6}) (MB|GB)")


def _decimal(value: object) -> Fraction:
    if isinstance(value, str) and value[:1] == "-" and _DECIMAL.fullmatch(value[1:]):
        raise ValueError("must not be below 0")
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError('must be a decimal number as text, such as "0.1"')
    return Fraction(value)


def _bytes(value: object) -> tuple[int, int]:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a size such as "200 MB" or "2 GB"')
    power = {"MB": 2, "GB": 3}[match[2]]
    return int(match[1]) * 1000**power, int(match[1]) * 1024**power


def _whole_seconds(value: object) -> tuple[int, ...]:
    if not isinstance(value, str) or not _SECONDS.fullmatch(value):
        raise ValueError('must be whole seconds such as "3-10, 15, 20"')
    found: list[int] = []
    for part in value.split(", "):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    if found != sorted(set(found)):
        raise ValueError("must grow")
    return tuple(found)


def seconds_text(values: Iterable[int]) -> str:
    """Write whole seconds as they stand in a rate file.

    Example:
        >>> seconds_text([3, 4, 5, 10])
        '3-5, 10'
    """
    parts: list[list[int]] = []
    for value in values:
        if parts and parts[-1][-1] == value - 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ", ".join(
        f"{part[0]}-{part[-1]}" if len(part) > 2 else ", ".join(map(str, part))  # noqa: PLR2004
        for part in parts
    )


def decimal_text(value: Fraction) -> str:
    """Write an amount as it stands in a rate file.

    Example:
        >>> decimal_text(Fraction(1, 10))
        '0.1'
    """
    whole, part = divmod(round(value * 10**12), 10**12)
    decimals = f"{part:012d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


_AS_DECIMAL = WithJsonSchema({"type": "string", "pattern": f"^{_DECIMAL.pattern}$"})
Amount: TypeAlias = Annotated[
    Fraction, BeforeValidator(_decimal), PlainSerializer(decimal_text), _AS_DECIMAL
]
Upload: TypeAlias = Annotated[
    tuple[int, int],
    BeforeValidator(_bytes),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"}),
]
SecondsList: TypeAlias = Annotated[
    tuple[int, ...],
    BeforeValidator(_whole_seconds),
    PlainSerializer(seconds_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_SECONDS.pattern}$"}),
]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=300)]
Word: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
"""A word of the API, as it stands in a request."""
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=60)]
Whole: TypeAlias = Annotated[int, Field(ge=1, le=10**12)]


class Strict(BaseModel):
    """A table of a rate file: exactly its own keys, each of its own type."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, defer_build=True, populate_by_name=False
    )


class Source(Strict):
    """Where a value is said.

    Attributes:
        rank: How far it is believed.
        date: The day on which it said so.
        what: What it is and says.
        where: Its public address; may be left out by `own`, which only a user's file may have.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"rank": {"const": "own"}}},
            "else": {"required": ["where"]},
        }
    )

    rank: Rank
    date: date
    what: Text
    where: Annotated[str, Field(pattern=r"^https://\S+$", max_length=300)] | None = None

    @model_validator(mode="after")
    def _can_be_looked_up(self) -> Self:
        if self.where is None and self.rank != "own":
            raise ValueError("where: is required, but for rank own")
        return self


class Dated(Strict):
    """An entry that holds from 00:00 UTC of one day until 00:00 UTC of another.

    Attributes:
        since: The first day; `from` in the file.
        until: The first day on which it holds no more; None for today.
        sources: Names of the sources that say so, the deciding one first.
        inferred: Why it holds, where no source says it in so many words.
        note: What a reader should know.
    """

    since: date = Field(alias="from")
    until: date | None = None
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)
    inferred: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"until: {self.until} is not after from: {self.since}")
        return self

    def holds_on(self, day: date) -> bool:
        """Tell whether the entry holds on a day."""
        return self.since <= day and (self.until is None or day < self.until)

    def changed_between(self, first: date, last: date) -> bool:
        """Tell whether the entry began or ended after the first and up to the last day."""
        return any(day is not None and first < day <= last for day in (self.since, self.until))


D = TypeVar("D", bound=Dated)


def holding(entries: Iterable[D], day: date) -> list[D]:
    """Give the entries that hold on a day."""
    return [entry for entry in entries if entry.holds_on(day)]


def most_specific(entries: Iterable[D], **keys: str | None) -> list[D]:
    """Find the entries that are made for some keys: those that name most of them.

    Args:
        entries: The entries; one that leaves a key out is for all of its values.
        keys: What is asked for, by key.
    """
    found: list[D] = []
    most = -1
    for entry in entries:
        named = 0
        for key, asked in keys.items():
            own = getattr(entry, key, None)
            if own is None:
                continue
            if own != asked:
                break
            named += 1
        else:
            if named >= most:
                found = [entry] if named > most else [*found, entry]
                most = named
    return found
