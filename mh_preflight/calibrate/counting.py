"""Which rates give a charge? Exact intervals, and the simplest decimal in one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EXPECTED", "Interval", "Quantity", "Scale", "simplest_decimal"]

EXPECTED = "expected"
"""The way of counting that an estimate takes for the likeliest."""

MOST_DIGITS = 12
"""Digits before and behind the point that an amount of a rate file may have."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What makes the price of one counted unit of a rate: `rate x times + plus`.

    Attributes:
        times: The factor: a frame's share of a second, or what sound costs.
        plus: The surcharge.
    """

    times: Fraction = Fraction(1)
    plus: Fraction = Fraction(0)

    def price(self, rate: Fraction) -> Fraction:
        """Give the price of one counted unit."""
        return rate * self.times + self.plus

    def rate(self, price: Fraction) -> Fraction:
        """Give the rate that makes a price."""
        return (price - self.plus) / self.times


@dataclass(frozen=True, slots=True)
class Quantity:
    """How many units are charged, and how credits are rounded.

    Attributes:
        counted: What this way of counting is called.
        amount: Units, not negative.
        down: Credits are rounded down, and not up.
    """

    counted: str
    amount: Fraction
    down: bool = False

    def charge(self, price: Fraction) -> int:
        """Give the credits at a price of a unit."""
        credits = self.amount * price
        return math.floor(credits) if self.down else math.ceil(credits)

    def rates(self, charged: int, scale: Scale) -> Interval:
        """Give all rates that make a charge."""
        if not self.amount:
            return Interval() if charged == 0 else NOTHING
        first, last = (charged, charged + 1) if self.down else (charged - 1, charged)
        low, high = (scale.rate(each / self.amount) for each in (Fraction(first), Fraction(last)))
        return Interval(low, high, low_in=self.down, high_in=not self.down)


@dataclass(frozen=True, slots=True)
class Interval:
    """Rates from one to another.

    Attributes:
        low: Where they begin.
        high: Where they end; None for nowhere.
        low_in: Whether `low` is one of them.
        high_in: Whether `high` is one of them.
    """

    low: Fraction = Fraction(0)
    high: Fraction | None = None
    low_in: bool = True
    high_in: bool = True

    def __contains__(self, rate: Fraction) -> bool:
        above = rate > self.low or (self.low_in and rate == self.low)
        return above and (
            self.high is None or rate < self.high or (self.high_in and rate == self.high)
        )

    def __and__(self, other: Interval) -> Interval:
        low, low_in = self.low, self.low_in
        if other.low > low:
            low, low_in = other.low, other.low_in
        elif other.low == low:
            low_in = low_in and other.low_in
        high, high_in = self.high, self.high_in
        if high is None or (other.high is not None and other.high < high):
            high, high_in = other.high, other.high_in
        elif other.high == high:
            high_in = high_in and other.high_in
        return Interval(low, high, low_in=low_in, high_in=high_in)

    @classmethod
    def common(cls, intervals: Iterable[Interval]) -> Interval:
        """Give what some intervals have in common, and is not below 0."""
        found = cls()
        for interval in intervals:
            found &= interval
        return found


NOTHING = Interval(Fraction(0), Fraction(0), low_in=False, high_in=False)


def simplest_decimal(interval: Interval) -> Fraction | None:
    """Find the rate with the fewest digits, the largest of them; None where there is none.

    Args:
        interval: Rates, with an end.

    Example:
        >>> simplest_decimal(Interval(Fraction(4, 42), Fraction(5, 42), low_in=False))
        Fraction(1, 10)
    """
    high = interval.high
    if high is None or high < 0 or high >= 10**MOST_DIGITS:
        return None
    for digits in range(MOST_DIGITS, -MOST_DIGITS - 1, -1):
        step = Fraction(10) ** digits
        number = math.floor(high / step)
        if number * step == high and not interval.high_in:
            number -= 1
        if number * step in interval:
            return number * step
    return None
