"""What may stand in a rate file? A model for each kind of entry and each kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import (
    Field,
    model_validator,
)

from mh_preflight.rates.dated import Amount, Dated, Name, Source, Strict, Text, Upload, Whole
from mh_preflight.units import Plan

__all__ = [
    "BASES",
    "Against",
    "Basis",
    "Billing",
    "Cap",
    "EndpointFile",
    "Extensions",
    "FieldDates",
    "Gate",
    "Modes",
    "PlanCap",
    "PlansFile",
    "Price",
    "Rate",
    "RateRange",
    "Sizes",
    "Unit",
]

Basis: TypeAlias = Literal["annual", "monthly", "usage"]
BASES: tuple[Basis, ...] = get_args(Basis)
Unit: TypeAlias = Literal["frame", "second"]
SecondsOrFps: TypeAlias = Literal["seconds"] | Amount
SourceOrFps: TypeAlias = Literal["source"] | Amount


class Against(Strict):
    """A value that contradicts the one it stands beside.

    Attributes:
        value: Credits, in the same unit.
        sources: Names of the sources that say so.
        inferred: Why, where no source says it in so many words.
    """

    value: Amount
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)
    inferred: Text | None = None


@dataclass(frozen=True, slots=True)
class RateRange:
    """Credits for one unit, as far as they are known.

    Attributes:
        low: The lowest credible value.
        high: The highest credible value.
        expected: The most credible value; None where the sources state a range, or where it
            depends on what is not known.
    """

    low: Fraction
    high: Fraction
    expected: Fraction | None

    def times(self, factor: Fraction) -> RateRange:
        """Give the rate of a unit that is `factor` times as long."""
        expected = None if self.expected is None else self.expected * factor
        return RateRange(self.low * factor, self.high * factor, expected)


class Rate(Dated):
    """Credits for one unit.

    Attributes:
        mode: The generation mode; None for every mode.
        size: The output size; None for every size.
        unit: What the credits are for.
        value: Credits a unit, where one value is said.
        low: Lower end, where a range is said.
        high: Upper end, where a range is said.
        unknown: Why no rate is known.
        against: Values that contradict it.
    """

    mode: Name | None = None
    size: Name | None = None
    unit: Unit | None = None
    value: Amount | None = None
    low: Amount | None = None
    high: Amount | None = None
    unknown: Text | None = None
    against: tuple[Against, ...] = Field(default=(), strict=False)
    sources: tuple[Name, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = (self.value is not None, self.low is not None, self.unknown is not None)
        if sum(said) != 1 or (self.low is None) != (self.high is None):
            raise ValueError("needs one of: value; low and high; unknown")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        if self.unknown is None and (self.unit is None or not self.sources):
            raise ValueError("a value needs a unit and sources")
        return self

    @property
    def range(self) -> RateRange:
        """The lowest and the highest value that is said, contradictions included."""
        own = [v for v in (self.value, self.low, self.high) if v is not None]
        every = own + [entry.value for entry in self.against]
        return RateRange(min(every), max(every), self.value)


class Billing(Dated):
    """How the frames of a job are counted.

    Attributes:
        queued: Lowest and highest frame rate that the estimate counts with; `seconds` where it
            may count seconds and no frames.
        settled: The same for the final charge; `source` for the source's own rate under the
            job's limit.
    """

    queued: Annotated[tuple[SecondsOrFps, Amount], Field(strict=False)]
    settled: Annotated[tuple[SourceOrFps, SourceOrFps], Field(strict=False)]

    @model_validator(mode="after")
    def _both_or_none_from_the_source(self) -> Self:
        if ("source" in self.settled) != (self.settled[0] == self.settled[1] == "source"):
            raise ValueError("settled: the source's own rate stands alone")
        if self.queued[0] == "seconds" and self.native is None:
            raise ValueError("queued: seconds need one frame rate that settles")
        return self

    @property
    def native(self) -> Fraction | None:
        """The one frame rate at which the tool renders, or None."""
        low, high = self.settled
        return low if isinstance(low, Fraction) and low == high else None


class Modes(Dated):
    """The generation modes of a time.

    Attributes:
        names: The modes.
        default: The one that runs where none is asked for.
        aliases: Older names that are still taken, and what they run.
    """

    names: tuple[Name, ...] = Field(min_length=1, strict=False)
    default: Name
    aliases: dict[Name, Name] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_there(self) -> Self:
        for name in (self.default, *self.aliases.values()):
            if name not in self.names:
                raise ValueError(f"{name!r} is none of the modes")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a mode is named twice")
        return self


class Sizes(Dated):
    """The output sizes that decide the price.

    Attributes:
        names: The sizes, the smallest first.
        edges: The longest edge, in pixels, up to which each but the last applies.
        may_be_smaller: A picture that is smaller than the size stays smaller.
        defaults: The size of a mode where none is asked for.
    """

    names: tuple[Name, ...] = Field(min_length=1, strict=False)
    edges: tuple[Whole, ...] = Field(default=(), strict=False)
    may_be_smaller: bool = False
    defaults: dict[Name, Name] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _an_edge_between_names(self) -> Self:
        if len(self.edges) != len(self.names) - 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("needs one growing edge between each two names")
        return self


class _GateAgainst(Strict):
    plans: tuple[Plan, ...] = Field(strict=False)
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)


class Gate(Dated):
    """Which plans may ask for a mode, or for a size.

    Attributes:
        mode: The mode, or None.
        size: The size, or None.
        plans: The plans.
        against: Other lists of plans, by sources that disagree.
    """

    mode: Name | None = None
    size: Name | None = None
    plans: tuple[Plan, ...] = Field(min_length=1, strict=False)
    against: tuple[_GateAgainst, ...] = Field(default=(), strict=False)


class Cap(Dated):
    """A limit on seconds or frames.

    Attributes:
        mode: The mode that it is for; None for every mode.
        value: The limit.
    """

    mode: Name | None = None
    value: Whole


class FieldDates(Dated):
    """When a field of the request counts.

    Attributes:
        name: The field, dotted.
        modes: The modes in which it counts; empty for every mode.
    """

    name: Name
    modes: tuple[Name, ...] = Field(default=(), strict=False)


class PlanCap(Dated):
    """A limit of a plan.

    Attributes:
        plan: The plan.
        value: The longest edge in pixels.
    """

    plan: Plan
    value: Whole


class _PlanUpload(Dated):
    plan: Plan
    value: Upload


class Extensions(Dated):
    """The file name endings that are taken.

    Attributes:
        kind: What the file is.
        value: The endings, without the dot.
    """

    kind: Literal["video", "audio", "image"]
    value: tuple[Name, ...] = Field(min_length=1, strict=False)


class Price(Dated):
    """What credits cost.

    Attributes:
        plan: The plan.
        basis: Paid by the month, by the year (a month's share of it), or by usage.
        usd: US dollars.
        credits: The credits that they buy.
    """

    plan: Plan
    basis: Basis
    usd: Amount
    credits: Whole


class _File(Strict):
    checked: date
    sources: dict[Name, Source]

    def entries(self) -> list[tuple[str, Any]]:
        """Give all entries with the name of their table."""
        tables = [name for name in type(self).model_fields if name not in _HEADER]
        return [(table, entry) for table in tables for entry in getattr(self, table)]


_HEADER = {"endpoint", "title", "checked", "sources"}


class EndpointFile(_File):
    """Everything that is dated about one endpoint.

    Attributes:
        endpoint: As in the URL.
        title: Its name for people.
        checked: The day on which the sources were last compared.
        sources: By name.
    """

    endpoint: Name
    title: Text
    billing: tuple[Billing, ...] = Field(min_length=1, strict=False)
    modes: tuple[Modes, ...] = Field(default=(), strict=False)
    sizes: tuple[Sizes, ...] = Field(default=(), strict=False)
    rates: tuple[Rate, ...] = Field(min_length=1, strict=False)
    gates: tuple[Gate, ...] = Field(default=(), strict=False)
    max_seconds: tuple[Cap, ...] = Field(default=(), strict=False)
    frame_caps: tuple[Cap, ...] = Field(default=(), strict=False)
    fields: tuple[FieldDates, ...] = Field(default=(), strict=False)

    @cached_property
    def fields_by_name(self) -> dict[str, tuple[FieldDates, ...]]:
        """The fields that count only between dates, by their name."""
        names = dict.fromkeys(entry.name for entry in self.fields)
        return {name: tuple(e for e in self.fields if e.name == name) for name in names}


class PlansFile(_File):
    """Everything that is dated about the plans."""

    longest_edges: tuple[PlanCap, ...] = Field(default=(), strict=False)
    uploads: tuple[_PlanUpload, ...] = Field(default=(), strict=False)
    extensions: tuple[Extensions, ...] = Field(default=(), strict=False)
    prices: tuple[Price, ...] = Field(default=(), strict=False)
