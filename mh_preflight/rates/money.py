"""What is a credit worth? Exact until the end, rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

__all__ = ["dollars"]


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
