"""What is a credit worth? Exact until the end, rounded once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from mh_preflight.errors import InputError

__all__ = ["CreditPrice", "dollars", "whole_credits"]


@dataclass(frozen=True, slots=True)
class CreditPrice:
    """What credits cost, the next one and any number of them; exact.

    Attributes:
        bands: After how many credits of a month a price begins, and US dollars a credit from there
            on; the first begins after 0. One band where every credit costs the same.
        used: Credits that were used this month already.

    Example:
        >>> price = CreditPrice(((0, Fraction("0.0012")), (100_000, Fraction("0.00108"))))
        >>> dollars(price.cost(150_000)), dollars(price.after(90_000).cost(150_000))
        (Decimal('174.00'), Decimal('163.20'))
    """

    bands: tuple[tuple[int, Fraction], ...]
    used: int = 0

    @classmethod
    def flat(cls, per_credit: Fraction) -> CreditPrice:
        """Give the price of credits that cost the same, however many they are."""
        return cls(((0, per_credit),))

    def after(self, used: int) -> CreditPrice:
        """Give the price once some credits of the month are used."""
        return replace(self, used=used)

    @property
    def ahead(self) -> tuple[tuple[int | None, Fraction], ...]:
        """How many more credits cost how much each, band after band; None for all further ones."""
        ends = [*(after for after, _ in self.bands[1:]), None]
        return tuple(
            (None if end is None else end - max(after, self.used), per_credit)
            for (after, per_credit), end in zip(self.bands, ends, strict=True)
            if end is None or end > self.used
        )

    @property
    def per_credit(self) -> Fraction:
        """US dollars for the next credit."""
        return self.ahead[0][1]

    @property
    def next_band(self) -> tuple[int, Fraction] | None:
        """After how many more credits the next band begins, and its price; None for the last."""
        (room, _), *following = self.ahead
        return (room, following[0][1]) if room is not None else None

    def cost(self, credits: int) -> Fraction:
        """Give US dollars for the next credits, each at the price of its band."""
        total, left = Fraction(0), credits
        for room, per_credit in self.ahead:
            taken = left if room is None else min(left, room)
            total += taken * per_credit
            left -= taken
            if not left:
                break
        return total

    def affordable(self, usd: Fraction) -> int | None:
        """Give the largest number of credits that cost no more; None where nothing ends it."""
        number, left, per_credit = 0, usd, self.per_credit
        for room, per_credit in self.ahead:
            if room is None or room * per_credit > left:
                break
            number += room
            left -= room * per_credit
        return number + int(left // per_credit) if per_credit else None


def whole_credits(value: object, *, field: str) -> int:
    """Take a whole number of credits, not below 0.

    Args:
        value: What may be one.
        field: The name that an error should carry.

    Raises:
        InputError: It is none.

    Example:
        >>> whole_credits(90_000, field="used_credits")
        90000
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{field}: must be a whole number, not below 0", field=field)
    return value


def dollars(amount: Fraction, places: int = 4) -> Decimal:
    """Round an exact amount once, for showing.

    Args:
        amount: US dollars.
        places: Decimals that are kept; zeros beyond cents are dropped.

    Example:
        >>> dollars(Fraction(450) * Fraction(12, 12000)), dollars(Fraction(66, 70000), 8)
        (Decimal('0.45'), Decimal('0.00094286'))
    """
    # Whole numbers, so that no decimal context of the caller's can round in between.
    rounded = (2 * amount.numerator * 10**places + amount.denominator) // (2 * amount.denominator)
    whole, part = divmod(rounded, 10**places)
    decimals = f"{part:0{places}d}".rstrip("0")
    return Decimal(f"{whole}.{decimals:0<2}")
