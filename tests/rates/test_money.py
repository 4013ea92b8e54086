from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mh_preflight as mh
from mh_preflight.rates import (
    CreditPrice,
    bundled_rates,
    decimal_text,
    dollars,
    whole_credits,
)

CREATOR = bundled_rates().plan_rates(date(2026, 11, 22)).usage["creator"]
CENTS = st.integers(0, 30).map(lambda cents: Fraction(cents, 100))
NUMBERS = st.integers(0, 80)
MANY = st.integers(0, 10**9) | st.sampled_from([99_999, 100_000, 100_001, 50_000_000, 50_000_001])


@st.composite
def prices(draw: st.DrawFn) -> CreditPrice:
    """Draw small bands of any price, dearer ones after cheaper ones too."""
    begins = sorted(draw(st.sets(st.integers(1, 60), max_size=5)))
    bands = tuple((after, draw(CENTS)) for after in (0, *begins))
    return CreditPrice(bands, draw(NUMBERS))


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


@given(MANY, MANY, MANY)
def test_credits_cost_the_same_at_once_and_in_parts(first: int, second: int, used: int) -> None:
    at_once = CREATOR.after(used).cost(first + second)
    parts = CREATOR.after(used).cost(first) + CREATOR.after(used + first).cost(second)
    assert at_once == parts


@given(prices(), NUMBERS)
def test_credits_cost_what_each_of_them_does(price: CreditPrice, credits: int) -> None:
    def of_one(number: int) -> Fraction:
        return [usd for after, usd in price.bands if number > after][-1]

    numbers = range(price.used + 1, price.used + credits + 1)
    assert price.cost(credits) == sum(map(of_one, numbers))
    assert price.per_credit == of_one(price.used + 1)
    if price.next_band is None:
        assert price.used >= price.bands[-1][0]
    else:
        room, usd = price.next_band
        assert (price.used + room, usd) in price.bands
        assert price.after(price.used + room).per_credit == usd


@given(MANY, MANY)
def test_no_credit_costs_more_than_in_the_first_band(credits: int, used: int) -> None:
    assert CREATOR.after(used).cost(credits) <= credits * CREATOR.bands[0][1]


def test_a_band_begins_after_its_last_credit() -> None:
    assert CREATOR.cost(100_000) == 120
    assert CREATOR.cost(100_001) - CREATOR.cost(100_000) == Fraction("0.00108")
    assert CREATOR.after(99_999).next_band == (1, Fraction("0.00108"))
    assert CREATOR.after(99_999).per_credit == Fraction("0.0012")
    assert CREATOR.after(100_000).per_credit == Fraction("0.00108")
    assert CREATOR.after(100_000).next_band == (900_000, Fraction("0.00096"))
    assert CREATOR.after(50_000_000).next_band is None


@given(prices(), st.integers(0, 2000).map(lambda usd: Fraction(usd, 300)))
def test_dollars_buy_as_many_credits_as_they_pay_for(price: CreditPrice, usd: Fraction) -> None:
    number = price.affordable(usd)
    if number is None:
        assert price.cost(10**6) <= usd
    else:
        assert price.cost(number) <= usd < price.cost(number + 1)


@given(CENTS, NUMBERS, NUMBERS)
def test_a_plan_has_one_price_whatever_was_used(usd: Fraction, used: int, credits: int) -> None:
    price = CreditPrice.flat(usd).after(used)
    assert price.cost(credits) == credits * usd
    assert price.next_band is None


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_only_whole_numbers_of_credits_are_used(value: Any) -> None:
    with pytest.raises(mh.InputError, match="used: must be a whole number") as error:
        whole_credits(value, field="used")
    assert error.value.field == "used"
