from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mh_preflight.errors import InputError
from mh_preflight.units import ceil_div, exact, frame_rate, microseconds, rate_text, seconds


@given(st.floats(min_value=0, max_value=1e9))
@example(0.0000005)
@example(0.0000015)
@example(999_999_999.9999995)
@example(1e-320)
def test_a_float_is_rounded_from_the_decimal_that_prints_it(value: float) -> None:
    with localcontext(Context(prec=800, Emin=-2000)):
        printed = (Decimal(repr(value)) * 1_000_000).to_integral_value(ROUND_HALF_EVEN)
    assert microseconds(value) == int(printed)


@given(st.integers(min_value=0, max_value=10**15))
def test_whole_microseconds_survive_being_shown_as_seconds(whole: int) -> None:
    assert microseconds(seconds(whole)) == whole


@given(st.decimals(min_value=0, max_value=10**9, places=6))
def test_every_way_to_write_a_time_gives_the_same_microseconds(value: Decimal) -> None:
    ways = (value, Fraction(value), str(value), float(value))
    assert {microseconds(way) for way in ways} == {int(value * 1_000_000)}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -1, -0.1, 1e300, 10**10, "nan", "ten", None, True, "1/0", [1]],
)
def test_what_is_no_time_is_refused_by_name(value: object) -> None:
    with pytest.raises(InputError, match=r"^end: ") as caught:
        microseconds(value, field="end")  # type: ignore[arg-type]
    assert caught.value.field == "end"
    assert "\n" not in str(caught.value)


def test_a_frame_rate_is_the_decimal_that_was_written() -> None:
    assert frame_rate(11.9) == Fraction(119, 10)
    assert frame_rate("30000/1001") == Fraction(30000, 1001)
    assert frame_rate(29.97) != frame_rate("30000/1001")


@pytest.mark.parametrize("value", [0, -24, float("nan"), 1e9, "0/1", "fast"])
def test_what_is_no_frame_rate_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        frame_rate(value)  # type: ignore[arg-type]


@given(st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=10**9))
def test_a_rate_as_text_reads_back_as_the_same_rate(rate: Fraction) -> None:
    assert frame_rate(rate_text(rate)) == rate


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_division_rounds_up_exactly(dividend: int, divisor: int) -> None:
    quotient = ceil_div(dividend, divisor)
    assert (quotient - 1) * divisor < dividend <= quotient * divisor


@pytest.mark.parametrize("value", [np.int32(60), np.uint8(60), np.int64(60), np.float64(60)])
def test_a_number_of_numpy_is_counted_with_as_pythons_own(value: Any) -> None:
    rate = frame_rate(value)
    assert rate == 60
    assert (type(rate.numerator), type(rate.denominator)) == (int, int)
    assert microseconds(value) == 60_000_000
    assert type(microseconds(value)) is int


@given(st.integers(0, 10**15))
def test_the_callers_decimal_context_changes_nothing(whole: int) -> None:
    with localcontext(Context(prec=3)):
        assert microseconds(seconds(whole)) == whole
        assert microseconds(str(Fraction(whole, 1))[:9]) == int(str(whole)[:9]) * 1_000_000


@pytest.mark.parametrize(
    "value",
    ["1e1000000000", Decimal("1e999999999"), "9" * 5000, 10**5000, "1/" + "9" * 5000],
    ids=["text", "decimal", "digits", "whole", "fraction"],
)
def test_a_number_that_is_short_to_write_and_endless_to_count_is_refused_at_once(
    value: Any,
) -> None:
    with pytest.raises(InputError):
        frame_rate(value)
    with pytest.raises(InputError):
        microseconds(value)


def test_a_yes_is_not_the_number_one() -> None:
    with pytest.raises(InputError, match="is not a number"):
        exact(True)
