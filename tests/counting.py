"""Frame rates and windows for the tests of counting."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

__all__ = ["HOURS_40", "RATES", "WINDOWS", "near_whole"]

RATES = st.sampled_from(
    [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(2997, 100), Fraction(24), Fraction(60)]
) | st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=10_000)
HOURS_40 = 40 * 3600 * 1_000_000
WINDOWS = st.sampled_from([1, 2, HOURS_40]) | st.integers(0, HOURS_40)


def near_whole(rate: Fraction, count: int, step: int) -> int:
    """Give the window that holds `count` frames, and a microsecond more or less."""
    return max(0, int(count * 1_000_000 / rate) + step)
