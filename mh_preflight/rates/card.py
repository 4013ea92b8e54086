"""What does it cost, since when, and who says so? All rates, and their state on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import RateFileError, UnknownRateError
from mh_preflight.rates.dated import holding
from mh_preflight.rates.endpoint import EndpointRates, endpoint_rates
from mh_preflight.rates.files import EndpointFile, EndpointOverride, PlansFile
from mh_preflight.rates.loading import file_from, read_toml
from mh_preflight.rates.money import CreditPrice
from mh_preflight.rates.overrides import merged, read_override
from mh_preflight.units import PLANS, meant, one_line

if TYPE_CHECKING:
    from mh_preflight.rates.prices import Grant, Pack, Price
    from mh_preflight.units import Plan

__all__ = ["PlanRates", "RateCard"]


@dataclass(frozen=True, slots=True)
class PlanRates:
    """What the plans cost and allow on one day.

    Attributes:
        edges: Longest edge in pixels, by plan.
        uploads: Largest upload in bytes, decimal and binary, by plan.
        extensions: File name endings, by kind.
        prices: What credits cost, by plan and basis.
        offers: What the plans cost a month, and their credits.
        packs: Credits that are bought besides.
        grants: Credits that cost nothing.
    """

    edges: Mapping[str, int]
    uploads: Mapping[str, tuple[int, int]]
    extensions: Mapping[str, tuple[str, ...]]
    prices: Mapping[tuple[str, str], CreditPrice]
    offers: tuple[Price, ...]
    packs: tuple[Pack, ...]
    grants: tuple[Grant, ...]

    @property
    def usage(self) -> Mapping[Plan, CreditPrice]:
        """What credits cost where usage is billed, by plan."""
        every = ((plan, self.prices.get((plan, "usage"))) for plan in PLANS)
        return {plan: price for plan, price in every if price is not None}


@dataclass(frozen=True, slots=True)
class RateCard:
    """All dated rates; immutable.

    Attributes:
        version: What this state of the rates is called.
        endpoints: The files of the endpoints, by name.
        plans: The file of the plans.
        own: Files of the user's own, in the order in which they count: name, and endpoint or
            `plans`.
    """

    version: str
    endpoints: Mapping[str, EndpointFile]
    plans: PlansFile
    own: tuple[tuple[str, str], ...] = ()
    # Answers already given: the card never changes, so they stay true.
    _days: dict[tuple[str, date], Any] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the files, all read, but for the bundled ones, which are there already."""
        from mh_preflight.rates.folder import bundled_rates

        if self is bundled_rates():
            return bundled_rates, ()
        return _card_of, (self.version, dict(self.endpoints), self.plans, self.own)

    def __repr__(self) -> str:
        return f"RateCard({self.version!r}, {len(self.endpoints)} endpoints)"

    def with_file(self, path: str | Path) -> RateCard:
        """Give a card that one file of the user's own changes.

        One with `overrides` changes single entries of an endpoint or of the plans; a whole one
        takes the place of the one of the same endpoint, or of the plans' where it names none.

        Args:
            path: A TOML file in the format of the bundled ones.

        Raises:
            RateFileError: The file does not load; this card stays as it is.
        """
        path = Path(path)
        table = read_toml(path)
        file = self._changed(table, path) if "overrides" in table else self._whole(table, path)
        of = "plans" if isinstance(file, PlansFile) else file.endpoint
        before = [each for each in self.own if "overrides" in table or each[1] != of]
        own = (*before, (one_line(path.name), of))
        version = "+".join([self.version.partition("+")[0], *(name for name, _ in own)])
        if isinstance(file, PlansFile):
            return RateCard(version, self.endpoints, file, own)
        endpoints = MappingProxyType({**self.endpoints, file.endpoint: file})
        return RateCard(version, endpoints, self.plans, own)

    def version_for(self, *endpoints: str) -> str:
        """Give the version with the names of those of the user's files that touch endpoints."""
        names = [name for name, of in self.own if of in {*endpoints, "plans"}]
        return "+".join([self.version.partition("+")[0], *names])

    def _whole(self, table: Mapping[str, Any], path: Path) -> EndpointFile | PlansFile:
        def base(name: str) -> EndpointFile:
            if name not in self.endpoints:
                raise RateFileError(
                    f"{path}: like: no rates are known for {one_line(name, 60)!r}: "
                    f"{meant(name, self.endpoints)}",
                    field="like",
                    source=str(path),
                )
            return self.endpoints[name]

        file = file_from(table, path, base)
        if isinstance(file, PlansFile) or "rates" not in table:
            return file
        return file.with_own(dict.fromkeys(file.rates, one_line(path.name)))

    def _changed(self, table: Mapping[str, Any], path: Path) -> EndpointFile | PlansFile:
        override = read_override(table, path)
        base: EndpointFile | PlansFile | None = self.plans
        if isinstance(override, EndpointOverride):
            base = self.endpoints.get(override.overrides)
        if base is None:
            of, known = override.overrides, (*self.endpoints, "plans")
            raise RateFileError(
                f"{path}: overrides: no rates are known for {one_line(of, 60)!r}: "
                f"{meant(of, known)}",
                field="overrides",
                source=str(path),
            )
        return merged(override, base, path)

    def endpoint(self, name: str, day: date) -> EndpointRates:
        """Give the state of an endpoint on a day.

        Args:
            name: As in the URL.
            day: From 00:00 UTC.

        Raises:
            UnknownRateError: No rate is known for it, or none yet.

        Example:
            >>> from mh_preflight import bundled_rates
            >>> day = date(2026, 11, 1)
            >>> bundled_rates().endpoint("lip-sync", day).rate("pro", None, None).value
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
            offers = tuple(holding(file.prices, day))
            self._days["", day] = PlanRates(
                edges={entry.plan: entry.value for entry in holding(file.longest_edges, day)},
                uploads={entry.plan: entry.value for entry in holding(file.uploads, day)},
                extensions={entry.kind: entry.value for entry in holding(file.extensions, day)},
                prices={
                    **{
                        (offer.plan, offer.basis): CreditPrice.flat(offer.usd / offer.credits)
                        for offer in offers
                    },
                    **{(entry.plan, "usage"): entry.price for entry in holding(file.bands, day)},
                },
                offers=offers,
                packs=tuple(holding(file.packs, day)),
                grants=tuple(holding(file.grants, day)),
            )
        state: PlanRates = self._days["", day]
        return state

    def _endpoint(self, name: str, day: date) -> EndpointRates:
        file = self.endpoints.get(name)
        if file is None:
            raise UnknownRateError(
                f"no rate is known for {one_line(name, 60)!r}: {meant(name, self.endpoints)}",
                field="endpoint",
            )
        return endpoint_rates(file, day)


def _card_of(
    version: str,
    endpoints: dict[str, EndpointFile],
    plans: PlansFile,
    own: tuple[tuple[str, str], ...],
) -> RateCard:
    return RateCard(version, MappingProxyType(endpoints), plans, own)
