"""Which rates compete? Every value that a source says of what ran, and how it would be counted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from mh_preflight.calibrate.answer import Explanation, Kind, Ran
from mh_preflight.calibrate.counting import EXPECTED, Quantity, Scale
from mh_preflight.frames import count_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mh_preflight.rates import Billing, EndpointRates, Rate, Source

__all__ = ["Candidate", "candidates_of", "scale_of"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value of the rate card, and all ways to count the units of one job.

    Attributes:
        ran: What would have run.
        rate: The entry in which it stands.
        kind: Where in it.
        value: Credits a unit.
        fps: The frame rate at which its source counts, where it has its own.
        sources: Names of the sources that say so.
        scale: What makes the price of a counted unit of it.
        quantities: The ways to count; empty where units are not known.
    """

    ran: Ran
    rate: Rate
    kind: Kind
    value: Fraction
    fps: Fraction | None
    sources: tuple[str, ...]
    scale: Scale
    quantities: tuple[Quantity, ...]

    @property
    def price(self) -> Fraction:
        """The price of one counted unit."""
        return self.scale.price(self.value)

    def explain(self, charged: int, sources: Mapping[str, Source]) -> Explanation | None:
        """Tell how this value gives a charge to the credit; None where it does not.

        Args:
            charged: The credits.
            sources: The sources by name.
        """
        price = self.price
        for quantity in self.quantities:
            if quantity.charge(price) == charged:
                return Explanation(
                    ran=self.ran,
                    kind=self.kind,
                    value=self.value,
                    unit=self.rate.unit or "job",
                    fps=self.fps,
                    counted=quantity.counted,
                    sources=tuple(sources[name] for name in self.sources),
                )
        return None


def candidates_of(
    rate: Rate,
    ran: Ran,
    scale: Scale,
    quantities: tuple[Quantity, ...],
    window: int | None,
) -> Iterator[Candidate]:
    """Give all values of an entry.

    Args:
        rate: The entry.
        ran: What would have run.
        scale: What makes the price of a counted unit.
        quantities: The ways to count.
        window: Its length in whole microseconds, where there is one.
    """
    kinds: Sequence[tuple[Kind, Fraction | None]]
    kinds = (("value", rate.value), ("low", rate.low), ("high", rate.high))
    for kind, value in kinds:
        if value is not None:
            yield Candidate(ran, rate, kind, value, None, rate.sources, scale, quantities)
    for other in rate.disputed:
        if other.fps is None:
            yield Candidate(
                ran, rate, "against", other.value, None, other.sources, scale, quantities
            )
        elif window is not None:
            frames = Quantity(EXPECTED, Fraction(count_frames(other.fps, window)))
            yield Candidate(
                ran, rate, "against", other.value, other.fps, other.sources, Scale(), (frames,)
            )


def scale_of(on_day: EndpointRates, billing: Billing, rate: Rate, ran: Ran) -> Scale | None:
    """Tell what makes the price of a counted unit; None where a surcharge is not known.

    Args:
        on_day: The endpoint's rates.
        billing: How units are counted.
        rate: The entry.
        ran: What would have run.
    """
    native = billing.native
    times = 1 / native if native and rate.unit == "second" else Fraction(1)
    effect = on_day.one("audio", model=ran.model, size=ran.size) if ran.audio else None
    if effect is None or effect.effect != "adds":
        return Scale(times)
    if effect.adds is not None:
        return Scale(times, effect.adds)
    return None if not effect.times else Scale(times * effect.times)
