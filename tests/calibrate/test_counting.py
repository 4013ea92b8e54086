from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mh_preflight.calibrate.counting import (
    EXPECTED,
    Interval,
    Quantity,
    Scale,
    simplest_decimal,
)

amounts = st.fractions(min_value=0, max_value=10_000, max_denominator=1_000_000)
decimals = st.decimals(min_value=0, max_value=500, places=3).map(Fraction)
scales = st.builds(
    Scale,
    st.sampled_from([Fraction(1), Fraction(1, 24), Fraction(1, 30), Fraction(2)]),
    st.sampled_from([Fraction(0), Fraction(24), Fraction(1, 2)]),
)
quantities = st.builds(Quantity, st.just(EXPECTED), amounts, down=st.booleans())


@given(quantities, scales, decimals, decimals)
def test_the_rates_of_a_charge_are_exactly_those_that_make_it(
    quantity: Quantity, scale: Scale, rate: Fraction, other: Fraction
) -> None:
    charged = quantity.charge(scale.price(rate))
    rates = quantity.rates(charged, scale)
    assert rate in rates
    assert (other in rates) == (quantity.charge(scale.price(other)) == charged)


@given(st.lists(quantities, min_size=1, max_size=5), scales, decimals)
def test_the_simplest_rate_makes_every_charge(
    every: list[Quantity], scale: Scale, rate: Fraction
) -> None:
    assume(any(each.amount for each in every))
    charges = [each.charge(scale.price(rate)) for each in every]
    found = simplest_decimal(
        Interval.common(q.rates(c, scale) for q, c in zip(every, charges, strict=True))
    )
    assert found is not None
    assert len(str(found.denominator)) <= len(str(rate.denominator)) + 3
    assert [each.charge(scale.price(found)) for each in every] == charges


@pytest.mark.parametrize(
    ("interval", "simplest"),
    [
        (Interval(Fraction(299, 120), Fraction(5, 2), low_in=False), Fraction(5, 2)),
        (Interval(Fraction(94, 95), Fraction(1), low_in=False), Fraction(1)),
        (Interval(Fraction(23), Fraction(47), low_in=False), Fraction(40)),
        (Interval(Fraction(0), Fraction(0)), Fraction(0)),
        (Interval(Fraction(0), Fraction(1, 5), low_in=False), Fraction(1, 5)),
        (Interval(Fraction(0), Fraction(1, 5), high_in=False), Fraction(0)),
        (Interval(Fraction(1), Fraction(2), high_in=False), Fraction(1)),
        (Interval(Fraction(2), Fraction(1)), None),
        (Interval(Fraction(1), Fraction(1), low_in=False), None),
        (Interval(), None),
        (Interval(Fraction(1, 3), Fraction(1, 3)), None),
    ],
)
def test_the_simplest_decimal(interval: Interval, simplest: Fraction | None) -> None:
    assert simplest_decimal(interval) == simplest


def test_nothing_counted_says_nothing_but_of_a_charge() -> None:
    nothing = Quantity(EXPECTED, Fraction(0))
    assert Fraction(7) in nothing.rates(0, Scale())
    assert Fraction(7) not in nothing.rates(1, Scale())
