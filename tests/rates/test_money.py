from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.rates import decimal_text, dollars


@given(st.fractions(min_value=0, max_value=10**9), st.integers(2, 8))
def test_dollars_are_rounded_once_to_the_nearest(amount: Fraction, places: int) -> None:
    rounded = dollars(amount, places)
    assert abs(Fraction(rounded) - amount) <= Fraction(1, 2 * 10**places)
    assert Fraction(rounded) * 10**places % 1 == 0


def test_whole_cents_keep_two_decimals_and_no_exponent() -> None:
    assert str(dollars(Fraction(100))) == "100.00"
    assert str(dollars(Fraction(1, 10))) == "0.10"
    assert str(dollars(Fraction(66, 70_000), 8)) == "0.00094286"


@given(st.decimals(min_value=0, max_value=10**9, places=4))
def test_an_amount_is_written_as_it_was_read(amount: Decimal) -> None:
    assert Fraction(decimal_text(Fraction(amount))) == Fraction(amount)
