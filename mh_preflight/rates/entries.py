"""What is charged? Rates, how their units are counted, and what sound adds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, model_validator

from mh_preflight.rates.dated import Amount, Dated, Name, Strict, Text, Word

__all__ = [
    "Against",
    "Audio",
    "Billing",
    "Extra",
    "ExtraKind",
    "Rate",
    "RateRange",
    "Unit",
]

Unit: TypeAlias = Literal["frame", "second", "character", "image", "job"]
OnceUnit: TypeAlias = Literal["second", "character", "image", "job"]
ExtraKind: TypeAlias = Literal["image-reference", "video-reference", "audio-reference", "end-frame"]
QueuedFps: TypeAlias = Literal["seconds", "job"] | Amount
SettledFps: TypeAlias = Literal["source", "half-source", "job"] | Amount


class Against(Strict):
    """A value that contradicts the one it stands beside.

    Attributes:
        value: Credits, in the same unit.
        fps: The frame rate that it would be counted at, where that too contradicts.
        sources: Names of the sources that say so.
        inferred: Why, where no source says it in so many words.
        outweighed: Why it is not believed, and makes no range.
    """

    value: Amount
    fps: Amount | None = None
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)
    inferred: Text | None = None
    outweighed: Text | None = None


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

    def plus(self, more: Fraction) -> RateRange:
        """Give the rate with a surcharge."""
        expected = None if self.expected is None else self.expected + more
        return RateRange(self.low + more, self.high + more, expected)

    @classmethod
    def over(cls, ranges: Iterable[RateRange]) -> RateRange:
        """Give the range that holds all others; its expected value is the one that all share."""
        every = tuple(ranges)
        expected = {each.expected for each in every}
        return cls(
            min(each.low for each in every),
            max(each.high for each in every),
            expected.pop() if len(expected) == 1 else None,
        )


_WITH_SOURCES: dict[str, JsonValue] = {"properties": {"sources": {"minItems": 1}}}


class Rate(Dated):
    """Credits for one unit.

    Attributes:
        mode: The mode; None for every mode.
        model: The model; None for every model.
        size: The output size; None for every size.
        unit: What the credits are for.
        value: Credits a unit, where one value is said.
        low: Lower end, where a range is said.
        high: Upper end, where a range is said.
        unknown: Why no rate is known.
        against: Values that contradict it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["unknown"]},
                {"required": ["value", "unit", "sources"], **_WITH_SOURCES},
                {"required": ["low", "high", "unit", "sources"], **_WITH_SOURCES},
            ]
        }
    )

    mode: Word | None = None
    model: Word | None = None
    size: Word | None = None
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
    def disputed(self) -> tuple[Against, ...]:
        """Values that contradict it and are not outweighed."""
        return tuple(entry for entry in self.against if entry.outweighed is None)

    @property
    def range(self) -> RateRange:
        """The lowest and the highest value that may hold, contradictions included."""
        own = [v for v in (self.value, self.low, self.high) if v is not None]
        every = own + [entry.value for entry in self.disputed]
        return RateRange(min(every), max(every), self.value)


class Billing(Dated):
    """How the units of a job are counted.

    Attributes:
        mode: The mode that it is for; None for every mode.
        queued: Lowest and highest frame rate that the estimate counts with; `seconds` where it
            may count seconds and no frames, `job` for the rate that the request states.
        settled: The same for the final charge; `source` for the source's own rate under the
            job's limit, `half-source` for half of it.
        at_once: The unit of a tool that charges in full when the job is created, in place of both.
    """

    mode: Word | None = None
    queued: Annotated[tuple[QueuedFps, QueuedFps] | None, Field(strict=False)] = None
    settled: Annotated[tuple[SettledFps, SettledFps] | None, Field(strict=False)] = None
    at_once: OnceUnit | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.at_once is None) != (self.queued is not None and self.settled is not None):
            raise ValueError("needs queued and settled, or at_once alone")
        if self.at_once is not None and (self.queued or self.settled):
            raise ValueError("needs queued and settled, or at_once alone")
        words = set(self.settled or ())
        if words & {"source", "half-source"} and not words <= {"source", "half-source"}:
            raise ValueError("settled: the source's own rate stands alone")
        for pair in (self.queued, self.settled):
            if pair is not None and ("job" in pair) != (pair == ("job", "job")):
                raise ValueError("the rate that the request states stands alone")
        if self.queued and self.queued[0] == "seconds" and self.native is None:
            raise ValueError("queued: seconds need one frame rate that settles")
        if self.queued and self.queued[1] == "seconds":
            raise ValueError("queued: seconds are the lower end")
        return self

    @property
    def native(self) -> Fraction | None:
        """The one frame rate at which the tool renders, or None."""
        low, high = self.settled or (None, None)
        return low if isinstance(low, Fraction) and low == high else None

    @property
    def from_source(self) -> bool:
        """Whether the frames of the source are counted."""
        return bool(self.settled) and set(self.settled or ()) <= {"source", "half-source"}


class Extra(Dated):
    """A file besides the first, which may cost more.

    Attributes:
        given: What it is.
        model: The model; None for every model.
        times: The highest factor by which a source lets a unit cost more.
        unknown: Why it is not known what it costs.
    """

    given: ExtraKind
    model: Word | None = None
    times: Amount | None = None
    unknown: Text | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.times is not None and self.unknown is not None) or not (
            self.unknown or self.inferred
        ):
            raise ValueError("needs unknown, or inferred and perhaps times")
        return self


class Audio(Dated):
    """What sound does to the price of a model, where it may be asked for.

    Attributes:
        model: The model; None for every model.
        size: The size; None for every size.
        effect: `none`: there is no sound; `included`: always there; `free`; `adds`: it costs more.
        adds: Credits more for each unit.
        times: The factor by which a unit costs more.
    """

    model: Word | None = None
    size: Word | None = None
    effect: Literal["none", "included", "free", "adds"]
    adds: Amount | None = None
    times: Amount | None = None

    @model_validator(mode="after")
    def _costs_where_it_costs(self) -> Self:
        costs = self.adds is not None or self.times is not None
        if (costs and self.effect != "adds") or (self.adds is not None and self.times is not None):
            raise ValueError("only effect adds has one of: adds, times")
        return self

    def applied(self, rate: RateRange) -> RateRange | None:
        """Give a rate with sound; None where the surcharge is not known."""
        if self.effect != "adds":
            return rate
        if self.adds is not None:
            return rate.plus(self.adds)
        return None if self.times is None else rate.times(self.times)
