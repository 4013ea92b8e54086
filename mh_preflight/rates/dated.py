"""What does every dated value carry? The days on which it holds, and the sources that say so."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal, Self, TypeAlias, get_args

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
    "Source",
    "Strict",
    "Text",
    "Upload",
    "Whole",
    "decimal_text",
]

Rank: TypeAlias = Literal[
    "charge", "sdk", "reference", "tool-page", "changelog", "example", "third-party"
]
RANKS: tuple[Rank, ...] = get_args(Rank)
"""Which source is believed where two disagree, the most credible first."""

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_SIZE = re.compile(r"([0-9]{1,6}) (MB|GB)")


def _decimal(value: object) -> Fraction:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError('must be a decimal number as text, such as "0.1"')
    return Fraction(value)


def _bytes(value: object) -> tuple[int, int]:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a size such as "200 MB" or "2 GB"')
    power = {"MB": 2, "GB": 3}[match[2]]
    return int(match[1]) * 1000**power, int(match[1]) * 1024**power


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
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=300)]
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
        where: Its public address.
    """

    rank: Rank
    date: date
    what: Text
    where: Annotated[str, Field(pattern=r"^https://\S+$", max_length=300)]


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
