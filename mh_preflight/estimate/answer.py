"""What is answered? Frames, credits and dollars, queued and settled, and why a range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from mh_preflight.units import Plan

if TYPE_CHECKING:
    from mh_preflight.rates import CreditPrice

__all__ = ["REASONS", "Estimate", "Money", "Side"]

REASONS: Mapping[str, str] = {
    "queued-by-second-or-frame": "no source says whether seconds or frames at 30 fps are counted",
    "window-past-end": "the window passes the end of the video",
    "audio-shorter": "the audio ends before the window does",
    "frame-rate-varies": "the frame rate varies, and no source says which is billed",
    "frame-rate-uncertain": "the frame rate is not certain",
    "frame-rate-unknown": "the frame rate is not known",
    "rendered-rate-unknown": "no source says at which frame rate it was rendered",
    "half-or-full": "no source says whether half of the frames or all of them are charged",
    "rounding-not-stated": "no source says how a part of a second is charged",
    "rates-disagree": "the sources of the rate contradict each other",
    "rate-is-a-range": "the source of the rate states a range",
    "extra-may-cost": "a file besides the first may cost more, and no price of it is stated",
    "size-not-known": "the size that comes out decides the rate and is not known",
    "plan-decides": "the plan, which is not given, decides which model or size runs",
}
"""Every code of `Side.why`, and what it means."""


@dataclass(frozen=True, slots=True)
class Side:
    """Frames and credits on one side of the job: queued, or settled.

    Attributes:
        kind: `exact`; `range` where low and high differ; `unknown` where there is no upper bound.
        frames: The expected frames; None where a range has no likeliest value, or where the tool
            is not charged by the frame.
        frames_low: At least; None where the tool is not charged by the frame.
        frames_high: At most; None too where there is no upper bound.
        credits: The expected credits; None where a range has no likeliest value.
        credits_low: At least.
        credits_high: At most; None where there is no upper bound.
        why: A code for each reason why it is not exact.
    """

    kind: Literal["exact", "range", "unknown"]
    frames: int | None
    frames_low: int | None
    frames_high: int | None
    credits: int | None
    credits_low: int
    credits_high: int | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """Credits in US dollars, exact.

    Attributes:
        price: What credits cost.
        credits: Credits queued at most, settled at least, settled at most, and to hold.
    """

    price: CreditPrice
    credits: tuple[int, int, int | None, int | None]

    @property
    def per_credit(self) -> Fraction:
        """US dollars for the first credit of the job."""
        return self.price.per_credit

    @property
    def next_band(self) -> tuple[int, Fraction] | None:
        """After how many credits the next band begins, and its price; None where there is none."""
        return self.price.next_band

    @property
    def queued(self) -> Fraction:
        """The most that is taken when queued."""
        return self.price.cost(self.credits[0])

    @property
    def settled_low(self) -> Fraction:
        """At least, once settled."""
        return self.price.cost(self.credits[1])

    @property
    def settled_high(self) -> Fraction | None:
        """At most, once settled; None where there is no upper bound."""
        return None if self.credits[2] is None else self.price.cost(self.credits[2])

    @property
    def hold(self) -> Fraction | None:
        """What must be affordable; None where there is no upper bound."""
        return None if self.credits[3] is None else self.price.cost(self.credits[3])


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will cost.

    Attributes:
        source_fps: Frame rate of the source; None where unknown, or where the tool has its own.
        output_fps: The smaller of source rate and limit, or the tool's own; None where unknown.
        output_size: Width and height that come out; None where unknown or not decided by the
            source.
        queued: What is taken when the job is created.
        settled: What remains once it is rendered.
        hold: What must be affordable: the larger upper bound; None where there is none.
        usd: US dollars by plan; None where no price is known.
    """

    source_fps: Fraction | None
    output_fps: Fraction | None
    output_size: tuple[int, int] | None
    queued: Side
    settled: Side
    hold: int | None
    usd: Mapping[Plan, Money | None]
