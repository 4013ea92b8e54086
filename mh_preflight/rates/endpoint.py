"""What does one endpoint cost on one day? Its tables, and the price of what may run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from mh_preflight.errors import UnknownRateError
from mh_preflight.rates.dated import holding, most_specific
from mh_preflight.rates.entries import Billing, Rate, RateRange
from mh_preflight.rates.files import EndpointFile

if TYPE_CHECKING:
    from mh_preflight.rates.choices import Modes, Sizes
    from mh_preflight.rates.entries import Audio, Extra, ExtraKind

__all__ = ["EndpointRates", "Priced", "Variant", "endpoint_rates"]

Variant: TypeAlias = tuple[str | None, str | None]
"""A model and a size that may run, where the endpoint has them."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What one mode costs in the models and sizes that may run.

    Attributes:
        entries: The entries of the rate card that decide.
        unit: Credits a unit, sound included.
        second: Credits a second of a tool that renders at one frame rate; else None.
        counted: Prices a frame by sources that count at another frame rate, and that rate.
        extras: What is known of files besides the first.
    """

    entries: tuple[Rate, ...]
    unit: RateRange
    second: RateRange | None
    counted: tuple[tuple[Fraction, Fraction], ...]
    extras: tuple[Extra, ...]


@dataclass(frozen=True, slots=True)
class EndpointRates:
    """The state of one endpoint on one day.

    Attributes:
        file: The file that it stands in, with its sources.
        day: The day, from 00:00 UTC.
        bounded_fields: Fields that do not count, or not in every mode: their name, why they do not
            count at all (or None), and the modes in which they do.
    """

    file: EndpointFile
    day: date
    bounded_fields: tuple[tuple[str, str | None, tuple[str, ...]], ...]
    # Answers already given, as in the card.
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def all(self, table: str) -> tuple[Any, ...]:
        """Give the entries of a table that hold on the day."""
        if table not in self._known:
            self._known[table] = tuple(holding(getattr(self.file, table), self.day))
        entries: tuple[Any, ...] = self._known[table]
        return entries

    def one(self, table: str, **keys: str | None) -> Any:
        """Give the entry of a table that is made for a mode, model, size or plan; None for none."""
        key = (table, *keys.items())
        if key not in self._known:
            self._known[key] = next(iter(most_specific(self.all(table), **keys)), None)
        return self._known[key]

    @property
    def modes(self) -> Modes | None:
        """The modes, or None where the endpoint has none."""
        modes: Modes | None = self.one("modes")
        return modes

    @property
    def sizes(self) -> Sizes | None:
        """The sizes that decide the price, or None where none do."""
        sizes: Sizes | None = self.one("sizes")
        return sizes

    def billing(self, mode: str | None) -> Billing:
        """Tell how the units of a mode are counted."""
        billing: Billing = self.one("billing", mode=mode)
        return billing

    def offered(self, model: str | None) -> tuple[str, ...]:
        """Give the sizes that a model makes, the smallest first."""
        offer = self.one("offers", model=model)
        names = self.sizes.names if self.sizes else ()
        return names if offer is None else tuple(name for name in names if name in offer.sizes)

    def rate(self, mode: str | None, model: str | None, size: str | None) -> Rate:
        """Find the rate of a mode, a model and a size.

        Raises:
            UnknownRateError: None is known.
        """
        rate: Rate | None = self.one("rates", mode=mode, model=model, size=size)
        if rate is not None and rate.unknown is None:
            return rate
        name = " ".join(part for part in (self.file.endpoint, mode, model, size) if part)
        offered = self.offered(model)
        if size is not None and size not in offered:
            why = f"{model or self.file.endpoint} has {', '.join(offered) or 'no sizes'}"
            raise UnknownRateError(
                f"no rate is known for {name} on {self.day}: {why}", field="resolution"
            )
        why = "" if rate is None else f": {rate.unknown}"
        raise UnknownRateError(f"no rate is known for {name} on {self.day}{why}", field="endpoint")

    def priced(
        self,
        mode: str | None,
        variants: tuple[Variant, ...],
        *,
        audio: bool = False,
        extras: tuple[ExtraKind, ...] = (),
    ) -> Priced:
        """Price a mode over all models and sizes that may run.

        Args:
            mode: The mode that runs.
            variants: The models and sizes.
            audio: Whether sound is asked for.
            extras: The kinds of files that are given besides the first.

        Raises:
            UnknownRateError: No rate is known.
        """
        key = (mode, variants, audio, extras)
        if key not in self._known:
            self._known[key] = self._price(mode, variants, extras, audio=audio)
        priced: Priced = self._known[key]
        return priced

    def counts(self, name: str) -> bool:
        """Tell whether a field that counts only between dates does so on this day."""
        dates = self.file.fields_by_name.get(name, ())
        return any(entry.holds_on(self.day) for entry in dates)

    def least(self, mode: str | None, model: str | None) -> Fraction | None:
        """Give the highest rate of a mode in its cheapest size; None where none is known."""
        sizes = self.offered(model) or (None,)
        prices = [self._highest(mode, model, size) for size in sizes]
        return min((price for price in prices if price is not None), default=None)

    def cheaper_models(self, mode: str | None, size: str | None, than: Fraction) -> tuple[str, ...]:
        """Give the listed models with a known rate below another, the cheapest first.

        Args:
            mode: The mode.
            size: The size that they have to make; None where it does not decide.
            than: Credits a unit.
        """
        found = []
        for entry in self.all("models"):
            gone = entry.delisted is not None and entry.delisted <= self.day
            if entry.runs or gone or (size is not None and size not in self.offered(entry.name)):
                continue
            price = self._highest(mode, entry.name, size)
            if price is not None and price < than:
                found.append((price, entry.name))
        return tuple(name for _, name in sorted(found))

    def _highest(self, mode: str | None, model: str | None, size: str | None) -> Fraction | None:
        try:
            return self.priced(mode, ((model, size),)).unit.high
        except UnknownRateError:
            return None

    def _price(
        self,
        mode: str | None,
        variants: tuple[Variant, ...],
        extras: tuple[ExtraKind, ...],
        *,
        audio: bool,
    ) -> Priced:
        native = self.billing(mode).native
        entries, ranges, counted, more = [], [], [], []
        for model, size in variants:
            entry = self.rate(mode, model, size)
            per_frame = 1 / native if native and entry.unit == "second" else Fraction(1)
            unit = entry.range.times(per_frame)
            if audio:
                unit = self._with_audio(unit, model, size)
            for extra in self._extras(model, extras):
                most = unit.high * (1 if extra.times is None else extra.times)
                unit = RateRange(unit.low, most, unit.expected)
                more.append(extra)
            entries.append(entry)
            ranges.append(unit)
            counted += [(other.fps, other.value) for other in entry.disputed if other.fps]
        unit = RateRange.over(ranges)
        return Priced(
            tuple(dict.fromkeys(entries)),
            unit,
            unit.times(native) if native else None,
            tuple(dict.fromkeys(counted)),
            tuple(dict.fromkeys(more)),
        )

    def _extras(self, model: str | None, extras: tuple[ExtraKind, ...]) -> Iterator[Extra]:
        for given in extras:
            extra: Extra | None = self.one("extras", given=given, model=model)
            if extra is None or extra.given != given:
                continue
            if extra.unknown is not None:
                raise UnknownRateError(
                    f"no rate is known for {self.file.endpoint} {model} with a "
                    f"{given.replace('-', ' ')} on {self.day}: {extra.unknown}",
                    field="references",
                )
            yield extra

    def _with_audio(self, rate: RateRange, model: str | None, size: str | None) -> RateRange:
        effect: Audio | None = self.one("audio", model=model, size=size)
        with_it = rate if effect is None else effect.applied(rate)
        if with_it is None:
            raise UnknownRateError(
                f"no rate is known for {self.file.endpoint} {model} with audio on {self.day}: "
                "what it adds is not published",
                field="audio",
            )
        return with_it


def endpoint_rates(file: EndpointFile, day: date) -> EndpointRates:
    """Give the state of an endpoint on a day.

    Args:
        file: All that is dated about it.
        day: From 00:00 UTC.

    Raises:
        UnknownRateError: No rate is known yet.
    """
    first = min(rate.since for rate in file.rates)
    if day < first:
        raise UnknownRateError(
            f"no rate is known for {file.endpoint} on {day}: the first is of {first}",
            field="endpoint",
        )
    return EndpointRates(file, day, tuple(_bounded_fields(file, day)))


def _bounded_fields(
    file: EndpointFile, day: date
) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
    for name, dates in file.fields_by_name.items():
        now = next((entry for entry in dates if entry.holds_on(day)), None)
        if now is None:
            ended = [entry.until for entry in dates if entry.until and entry.until <= day]
            yield name, f"since {max(ended)}" if ended else f"before {dates[0].since}", ()
        elif now.modes:
            yield name, None, now.modes
