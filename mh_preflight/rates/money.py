"""What is a credit worth? Exact until the end, rounded once."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
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
    scaled = Decimal(amount.numerator) * Decimal(10) ** places / Decimal(amount.denominator)
    rounded = scaled.to_integral_value(rounding=ROUND_HALF_UP).scaleb(-places)
    cents = rounded.quantize(Decimal("0.01"))
    return cents if cents == rounded else rounded.normalize()
