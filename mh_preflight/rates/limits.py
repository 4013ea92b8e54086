"""How much is taken? Limits on seconds, frames, characters, files and pixels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mh_preflight.rates.dated import Amount, Dated, Name, SecondsList, Strict, Upload, Whole, Word
from mh_preflight.units import Plan

__all__ = [
    "Cap",
    "Counts",
    "Durations",
    "EndFrame",
    "Extensions",
    "Least",
    "PlanCap",
    "PlanUpload",
    "References",
    "Resize",
    "TextCap",
]


class Durations(Dated):
    """The whole seconds that a job may last.

    Attributes:
        model: The model; None for every model.
        seconds: Text such as `3-10, 15, 20`.
    """

    model: Word | None = None
    seconds: SecondsList


class Least(Dated):
    """A smallest number of seconds.

    Attributes:
        mode: The mode that it is for; None for every mode.
        model: The model that it is for; None for every model.
        value: The limit.
    """

    mode: Word | None = None
    model: Word | None = None
    value: Amount


class Cap(Dated):
    """A largest number: of seconds, frames, characters, references or pixels.

    Attributes:
        mode: The mode that it is for; None for every mode.
        model: The model that it is for; None for every model.
        plan: The plan that it is for; None for every plan.
        value: The limit.
    """

    mode: Word | None = None
    model: Word | None = None
    plan: Plan | None = None
    value: Whole


class _CapAgainst(Strict):
    """A limit that contradicts the one that it stands beside.

    Attributes:
        value: The limit.
        sources: Names of the sources that say so.
    """

    value: Whole
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)


class TextCap(Cap):
    """A largest number of characters.

    Attributes:
        against: Limits that contradict it.
    """

    against: tuple[_CapAgainst, ...] = Field(default=(), strict=False)

    @property
    def values(self) -> tuple[int, ...]:
        """The limit, and those that contradict it."""
        return (self.value, *(other.value for other in self.against))


class Counts(Dated):
    """The numbers of outputs that may be asked for.

    Attributes:
        model: The model; None for every model.
        values: The numbers.
    """

    model: Word | None = None
    values: tuple[Whole, ...] = Field(min_length=1, strict=False)


class References(Dated):
    """What a model takes as references.

    Attributes:
        model: The model.
        kinds: Kinds of files.
        only_seconds: The one length of an output with references.
    """

    model: Word
    kinds: tuple[Literal["image", "video", "audio"], ...] = Field(min_length=1, strict=False)
    only_seconds: Whole | None = None


class EndFrame(Dated):
    """Where a model takes a last picture.

    Attributes:
        model: The model.
        sizes: The sizes in which it does; none where it does not.
        max_seconds: The longest output with one.
    """

    model: Word
    sizes: tuple[Word, ...] = Field(default=(), strict=False)
    max_seconds: Whole | None = None


class Resize(Dated):
    """How a source is fitted into the longest edge of the plan.

    Attributes:
        longest_edge: The tool's own longest edge in pixels, on every plan.
        shorter_side: How the shorter side becomes even; None where that is not known.
    """

    longest_edge: Whole | None = None
    shorter_side: Literal["even-up", "even-down"] | None = None


class PlanCap(Dated):
    """A limit of a plan.

    Attributes:
        plan: The plan.
        value: The longest edge in pixels.
    """

    plan: Plan
    value: Whole


class PlanUpload(Dated):
    """The largest upload of a plan.

    Attributes:
        plan: The plan.
        value: Bytes, decimal and binary: which of the two is not stated.
    """

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
