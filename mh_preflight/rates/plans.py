"""Which plan covers a month's load most cheaply? What each one costs, packs and bands included."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from mh_preflight.errors import InputError, UnknownRateError
from mh_preflight.rates.money import CreditPrice, whole_credits
from mh_preflight.units import ceil_div

if TYPE_CHECKING:
    from mh_preflight.rates.card import PlanRates, RateCard
    from mh_preflight.rates.prices import Basis, Pack, Price
    from mh_preflight.units import Plan

__all__ = ["Comparison", "PlanCost", "compare_plans", "next_reset", "pacific_day"]

Bought: TypeAlias = "list[tuple[Pack, Fraction, int]]"
"""Packs, what one of each costs, and how many of each."""

ZONE = "America/Los_Angeles"
PST = timezone(timedelta(hours=-8), "PST")


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What a month's load costs on a plan that is paid in one way.

    Attributes:
        plan: The plan.
        basis: How it is paid; where by the year, the dollars are a month's share.
        usd: US dollars in all; None where the plan does not suffice and no pack is known.
        usd_low: The same with the lowest price that any source has for a pack.
        usd_high: The same with the highest.
        included: Credits that come with the plan; where usage is billed, those that are used.
        packs: Packs for the credits that are missing, and how many of each; the largest first.
        price: What a credit costs.
    """

    plan: Plan
    basis: Basis
    usd: Fraction | None
    usd_low: Fraction | None
    usd_high: Fraction | None
    included: int
    packs: tuple[tuple[Pack, int], ...]
    price: CreditPrice

    @property
    def credits(self) -> int:
        """Credits that one has for it: the plan's and those of the packs."""
        return self.included + sum(pack.credits * count for pack, count in self.packs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a month's load costs on each plan.

    Attributes:
        credits: The load.
        used: Credits that were used this month before it, where usage is billed.
        day: The day whose prices count.
        costs: Every plan in every way of paying, the cheapest first.
        free: Credits of the free plan in the month of the day, if claimed on every day of it; None
            where none are known.
    """

    credits: int
    used: int
    day: date
    costs: tuple[PlanCost, ...]
    free: int | None

    @property
    def cheapest(self) -> PlanCost | None:
        """The cheapest; None where no plan is known to suffice."""
        return next((cost for cost in self.costs if cost.usd is not None), None)

    @property
    def cheapest_plan(self) -> PlanCost | None:
        """The cheapest that is paid by the month or year, as anyone can."""
        fixed = (cost for cost in self.costs if cost.basis != "usage")
        return next((cost for cost in fixed if cost.usd is not None), None)


def compare_plans(credits: int, *, day: date, rates: RateCard, used: int = 0) -> Comparison:
    """Find out what a month's load costs on each plan, and on which it costs least.

    What a plan does not include is bought in whole packs, in their cheapest combination.

    Args:
        credits: The credits of a month.
        day: The day whose prices count.
        rates: The rate card.
        used: Credits that were used this month before them; they decide the band where usage is
            billed, and nothing else.

    Raises:
        InputError: `credits` or `used` is no whole number, or below 0.
        UnknownRateError: No price of any plan is known on that day.

    Example:
        >>> from mh_preflight.rates import bundled_rates
        >>> load = compare_plans(30_000, day=date(2026, 11, 22), rates=bundled_rates())
        >>> load.cheapest.plan, load.cheapest.basis, load.cheapest.usd
        ('creator', 'usage', Fraction(36, 1))
        >>> load.cheapest_plan.plan, load.cheapest_plan.basis, load.cheapest_plan.usd
        ('pro', 'annual', Fraction(45, 1))
    """
    whole_credits(credits, field="credits")
    whole_credits(used, field="used")
    on_day = rates.plan_rates(day)
    costs = [
        *(_by_plan(offer, credits, on_day.packs) for offer in on_day.offers),
        *_by_usage(on_day, credits, used),
    ]
    if not costs:
        raise UnknownRateError(f"no price of a plan is known on {day}", field="day")
    days = monthrange(day.year, day.month)[1]
    return Comparison(
        credits=credits,
        used=used,
        day=day,
        costs=tuple(sorted(costs, key=_order)),
        free=max((grant.per_day * days for grant in on_day.grants), default=None),
    )


def next_reset(day: date) -> datetime:
    """Give the time at which the bands begin again: the first of the next month, Pacific time.

    Args:
        day: A day of the month, in Pacific time.

    Raises:
        InputError: It is December 9999, after which no month comes.

    Example:
        >>> str(next_reset(date(2026, 11, 22)))
        '2026-12-01 00:00:00-08:00'
    """
    year, month = divmod(12 * day.year + day.month, 12)
    if year > MAXYEAR:
        raise InputError(f"as_of: no month comes after that of {day}", field="as_of")
    return datetime(year, month + 1, 1, tzinfo=_pacific())


def pacific_day(now: datetime) -> date:
    """Give the day that it is in Pacific time."""
    return now.astimezone(_pacific()).date()


def _pacific() -> tzinfo:
    """Give Pacific time; where the machine knows no time zones, the PST that the source names."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError:
        return PST


def _by_plan(offer: Price, credits: int, packs: Sequence[Pack]) -> PlanCost:
    missing = max(0, credits - offer.credits)
    believed = [(pack, pack.usd) for pack in packs if pack.usd is not None]
    lowest = [(pack, min(pack.prices)) for pack in packs if pack.prices]
    highest = [(pack, max(pack.prices)) for pack, _ in believed]
    bought = _cheapest(missing, believed)
    return PlanCost(
        plan=offer.plan,
        basis=offer.basis,
        usd=_total(offer, bought),
        usd_low=_total(offer, _cheapest(missing, lowest)),
        usd_high=_total(offer, _cheapest(missing, highest)),
        included=offer.credits,
        packs=tuple((pack, count) for pack, _, count in bought or ()),
        price=CreditPrice.flat(offer.usd / offer.credits),
    )


def _total(offer: Price, bought: Bought | None) -> Fraction | None:
    if bought is None:
        return None
    return offer.usd + sum((usd * count for _, usd, count in bought), Fraction(0))


def _by_usage(on_day: PlanRates, credits: int, used: int) -> Iterator[PlanCost]:
    for plan, each in on_day.usage.items():
        price = each.after(used)
        usd = price.cost(credits)
        yield PlanCost(plan, "usage", usd, usd, usd, credits, (), price)


def _order(cost: PlanCost) -> tuple[bool, Fraction, int, str]:
    """Sort by price; at the same price the more credits first, and what is unknown last."""
    return cost.usd is None, cost.usd or Fraction(0), -cost.credits, cost.basis


def _cheapest(missing: int, packs: Sequence[tuple[Pack, Fraction]]) -> Bought | None:
    """Find the packs that hold so many credits for the least money.

    Of any `best.credits / unit` packs some hold a multiple of what the best one does, and could be
    exchanged for it at no loss: so all but the best hold less than `bound` units together, and only
    the last units have to be looked at one by one.

    Returns:
        Each pack that is bought, its price and how many, the largest first; None without packs.
    """
    if not missing:
        return []
    if not packs:
        return None
    unit = math.gcd(*(pack.credits for pack, _ in packs))
    sizes = [pack.credits // unit for pack, _ in packs]
    best = min(
        range(len(packs)), key=lambda each: (packs[each][1] / packs[each][0].credits, -sizes[each])
    )
    units, bound = ceil_div(missing, unit), sizes[best] * max(sizes)
    outright = max(0, ceil_div(units - bound, sizes[best]))
    shared = math.lcm(*(usd.denominator for _, usd in packs))  # whole numbers add up faster
    counts = _covered(
        units - outright * sizes[best], sizes, [int(usd * shared) for _, usd in packs]
    )
    counts[best] += outright
    found = [(pack, usd, count) for (pack, usd), count in zip(packs, counts, strict=True) if count]
    return sorted(found, key=lambda each: -each[0].credits)


def _covered(units: int, sizes: Sequence[int], prices: Sequence[int]) -> list[int]:
    """Count the packs that hold at least so many units: cheapest, then least left over, fewest."""
    known: list[tuple[tuple[int, int, int], int]] = [((0, 0, 0), 0)]
    for wanted in range(1, units + 1):
        ways = []
        for each, (size, price) in enumerate(zip(sizes, prices, strict=True)):
            (usd, held, count), _ = known[max(0, wanted - size)]
            ways.append(((usd + price, held + size, count + 1), each))
        known.append(min(ways))
    counts, left = [0] * len(sizes), units
    while left > 0:
        taken = known[left][1]
        counts[taken] += 1
        left -= sizes[taken]
    return counts
