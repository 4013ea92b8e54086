"""What does it cost, since when, and who says so? All rates, and their state on one day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import RateFileError, UnknownRateError
from mh_preflight.rates.entries import (
    Billing,
    Cap,
    EndpointFile,
    Gate,
    Modes,
    PlansFile,
    Rate,
    RateRange,
    Sizes,
)
from mh_preflight.rates.loading import read_file, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["EndpointRates", "PlanRates", "Priced", "RateCard", "bundled_rates"]


@dataclass(frozen=True, slots=True)
class Priced:
    """What one mode costs in the sizes that may come out.

    Attributes:
        entries: The entries of the rate card that decide.
        frame: Credits a frame.
        second: Credits a second; None where the frame rate is the source's.
    """

    entries: tuple[Rate, ...]
    frame: RateRange
    second: RateRange | None


@dataclass(frozen=True, slots=True)
class EndpointRates:
    """The state of one endpoint on one day.

    Attributes:
        file: The file that it stands in, with its sources.
        day: The day, from 00:00 UTC.
        billing: How frames are counted.
        modes: The generation modes, or None where the endpoint has none.
        sizes: The sizes that decide the price, or None where none do.
        rates: The rates in force.
        gates: Which plans may ask for which mode and size.
        max_seconds: Limits of the window.
        frame_cap: The largest number of frames, or None.
        bounded_fields: Fields that do not count, or not in every mode: their name, why they do not
            count at all (or None), and the modes in which they do.
    """

    file: EndpointFile
    day: date
    billing: Billing
    modes: Modes | None
    sizes: Sizes | None
    rates: tuple[Rate, ...]
    gates: tuple[Gate, ...]
    max_seconds: tuple[Cap, ...]
    frame_cap: int | None
    bounded_fields: tuple[tuple[str, str | None, tuple[str, ...]], ...]
    # Answers already given, as in the card.
    _priced: dict[tuple[str | None, tuple[str, ...]], Priced] = field(
        default_factory=dict, repr=False, compare=False
    )

    def rate(self, mode: str | None, size: str | None) -> Rate:
        """Find the rate of a mode and a size.

        Raises:
            UnknownRateError: None is known.
        """
        for rate in self.rates:
            if rate.mode in {mode, None} and rate.size in {size, None}:
                if rate.unknown is None:
                    return rate
                raise UnknownRateError(
                    f"no rate is known for {self.file.endpoint} on {self.day}: {rate.unknown}",
                    field="endpoint",
                )
        name = " ".join(part for part in (self.file.endpoint, mode, size) if part)
        raise UnknownRateError(f"no rate is known for {name} on {self.day}", field="endpoint")

    def priced(self, mode: str | None, sizes: tuple[str, ...]) -> Priced:
        """Price a mode over all sizes that may come out.

        Args:
            mode: The mode that runs.
            sizes: The sizes; none where they do not decide the price.

        Raises:
            UnknownRateError: No rate is known.
        """
        if (mode, sizes) not in self._priced:
            self._priced[mode, sizes] = self._price(mode, sizes)
        return self._priced[mode, sizes]

    def counts(self, name: str) -> bool:
        """Tell whether a field that counts only between dates does so on this day."""
        dates = self.file.fields_by_name.get(name, ())
        return any(entry.holds_on(self.day) for entry in dates)

    def least(self, mode: str) -> Fraction:
        """Give the credits a frame of a mode in its cheapest size, at the most.

        Raises:
            UnknownRateError: No rate is known.
        """
        choices = [(size,) for size in self.sizes.names] if self.sizes else [()]
        return min(self.priced(mode, sizes).frame.high for sizes in choices)

    def _price(self, mode: str | None, sizes: tuple[str, ...]) -> Priced:
        entries = tuple(dict.fromkeys(self.rate(mode, size) for size in sizes or (None,)))
        native = self.billing.native
        frames = [
            entry.range.times(1 / native if native and entry.unit == "second" else Fraction(1))
            for entry in entries
        ]
        expected = {rate.expected for rate in frames}
        frame = RateRange(
            min(rate.low for rate in frames),
            max(rate.high for rate in frames),
            expected.pop() if len(expected) == 1 else None,
        )
        return Priced(entries, frame, frame.times(native) if native else None)


@dataclass(frozen=True, slots=True)
class PlanRates:
    """What the plans cost and allow on one day.

    Attributes:
        edges: Longest edge in pixels, by plan.
        uploads: Largest upload in bytes, decimal and binary, by plan.
        extensions: File name endings, by kind.
        per_credit: US dollars a credit, exact, by plan and basis.
    """

    edges: Mapping[str, int]
    uploads: Mapping[str, tuple[int, int]]
    extensions: Mapping[str, tuple[str, ...]]
    per_credit: Mapping[tuple[str, str], Fraction]


@dataclass(frozen=True, slots=True)
class RateCard:
    """All dated rates; immutable.

    Attributes:
        version: What this state of the rates is called.
        endpoints: The files of the endpoints, by name.
        plans: The file of the plans.
    """

    version: str
    endpoints: Mapping[str, EndpointFile]
    plans: PlansFile
    # Answers already given: the card never changes, so they stay true.
    _days: dict[tuple[str, date], Any] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"RateCard({self.version!r}, {len(self.endpoints)} endpoints)"

    def with_file(self, path: str | Path) -> RateCard:
        """Give a card in which one file of the user's own replaces the one of the same endpoint.

        Args:
            path: A TOML file in the format of the bundled ones; the plans' where it names no
                endpoint.

        Raises:
            RateFileError: The file does not load; this card stays as it is.
        """
        path = Path(path)
        file = read_file(path)
        version = f"{self.version}+{path.name}"
        if isinstance(file, PlansFile):
            return RateCard(version, self.endpoints, file)
        endpoints = MappingProxyType({**self.endpoints, file.endpoint: file})
        return RateCard(version, endpoints, self.plans)

    def endpoint(self, name: str, day: date) -> EndpointRates:
        """Give the state of an endpoint on a day.

        Args:
            name: As in the URL.
            day: From 00:00 UTC.

        Raises:
            UnknownRateError: No rate is known for it, or none yet.

        Example:
            >>> bundled_rates().endpoint("lip-sync", date(2026, 11, 1)).rate("pro", None).value
            Fraction(2, 1)
        """
        if (name, day) not in self._days:
            self._days[name, day] = self._endpoint(name, day)
        state: EndpointRates = self._days[name, day]
        return state

    def plan_rates(self, day: date) -> PlanRates:
        """Give what the plans cost and allow on a day."""
        if ("", day) not in self._days:
            file = self.plans
            self._days["", day] = PlanRates(
                edges={entry.plan: entry.value for entry in _on(file.longest_edges, day)},
                uploads={entry.plan: entry.value for entry in _on(file.uploads, day)},
                extensions={entry.kind: entry.value for entry in _on(file.extensions, day)},
                per_credit={
                    (entry.plan, entry.basis): entry.usd / entry.credits
                    for entry in _on(file.prices, day)
                },
            )
        state: PlanRates = self._days["", day]
        return state

    def _endpoint(self, name: str, day: date) -> EndpointRates:
        file = self.endpoints.get(name)
        if file is None:
            known = ", ".join(sorted(self.endpoints))
            raise UnknownRateError(
                f"no rate is known for {name!r}; known are {known}", field="endpoint"
            )
        first = min(rate.since for rate in file.rates)
        if day < first:
            raise UnknownRateError(
                f"no rate is known for {name} on {day}: the first is of {first}", field="endpoint"
            )
        return EndpointRates(
            file=file,
            day=day,
            billing=_on(file.billing, day)[0],
            modes=next(iter(_on(file.modes, day)), None),
            sizes=next(iter(_on(file.sizes, day)), None),
            rates=tuple(_on(file.rates, day)),
            gates=tuple(_on(file.gates, day)),
            max_seconds=tuple(_on(file.max_seconds, day)),
            frame_cap=next((cap.value for cap in _on(file.frame_caps, day)), None),
            bounded_fields=tuple(_bounded_fields(file, day)),
        )


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


@cache
def bundled_rates() -> RateCard:
    """Read the rates that come with the package, once.

    Raises:
        RateFileError: The installation is damaged.
    """
    folder = Path(__file__).parent / "data"
    files = [read_file(path) for path in sorted(folder.glob("*.toml")) if path.name != "card.toml"]
    plans = [file for file in files if isinstance(file, PlansFile)]
    if len(plans) != 1:
        raise RateFileError(f"{folder}: needs one file of the plans", source=str(folder))
    version = str(read_toml(folder / "card.toml")["version"])
    endpoints = {file.endpoint: file for file in files if isinstance(file, EndpointFile)}
    return RateCard(version, MappingProxyType(endpoints), plans[0])


def _on(entries: Iterable[Any], day: date) -> list[Any]:
    return [entry for entry in entries if entry.holds_on(day)]
