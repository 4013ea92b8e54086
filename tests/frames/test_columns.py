from __future__ import annotations

from fractions import Fraction
from math import ceil, inf, isnan, nan
from typing import Any

import numpy as np
import pytest
from counting import RATES, WINDOWS, near_whole
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import InputError
from mh_preflight.frames import (
    count_frames,
    credit_counts,
    credits_for,
    frame_counts,
    price_frames,
)
from mh_preflight.units import microseconds

ROWS = st.lists(st.tuples(RATES, WINDOWS), max_size=20)
BOUND = 2**53


@given(ROWS)
def test_columns_give_the_same_frames_as_one_job_at_a_time(
    rows: list[tuple[Fraction, int]],
) -> None:
    counts = frame_counts(
        [rate.numerator for rate, _ in rows],
        [rate.denominator for rate, _ in rows],
        [window for _, window in rows],
    )
    assert counts.dtype == np.float64
    assert counts.tolist() == [count_frames(rate, window) for rate, window in rows]


@given(RATES, st.integers(0, 10**6), st.sampled_from([-1, 0, 1]))
def test_columns_are_right_beside_every_whole_frame(rate: Fraction, count: int, step: int) -> None:
    window = near_whole(rate, count, step)
    counted = frame_counts([rate.numerator], [rate.denominator], [window])
    assert counted.tolist() == [ceil(rate * Fraction(window, 1_000_000))]


@given(st.lists(st.tuples(st.integers(0, 10**9), RATES), max_size=20))
def test_columns_give_the_same_credits_as_one_job_at_a_time(
    rows: list[tuple[int, Fraction]],
) -> None:
    priced = credit_counts(
        [frames for frames, _ in rows],
        [rate.numerator for _, rate in rows],
        [rate.denominator for _, rate in rows],
    )
    assert priced.tolist() == [credits_for(frames, rate) for frames, rate in rows]


def test_a_tenth_of_a_second_more_or_less_does_not_invent_a_frame() -> None:
    windows = [microseconds(number / 10) for number in range(1, 1000)]
    assert frame_counts(30, 1, windows).tolist() == [3 * number for number in range(1, 1000)]


@given(
    st.lists(st.integers(0, BOUND), min_size=1, max_size=5),
    st.integers(1, BOUND),
    st.integers(0, BOUND),
)
def test_a_product_over_2_to_the_53_is_still_exact_and_an_answer_over_it_is_refused(
    numerators: list[int], denominator: int, window: int
) -> None:
    expected = [ceil(Fraction(n * window, denominator * 1_000_000)) for n in numerators]
    try:
        counted = frame_counts(numerators, denominator, window)
    except InputError:
        assert max(expected) >= BOUND
    else:
        assert counted.tolist() == expected


@pytest.mark.parametrize(
    "columns",
    [
        (["24"], [1], [10]),
        ([[24]], [1], [10]),
        ([-1], [1], [10]),
        ([24], [0], [10]),
        ([2**60], [1], [10]),
        ([24, 25], [1], [10, 20, 30]),
        ([inf], [1], [10]),
        ([object()], [1], [10]),
    ],
    ids=["text", "a table", "below 0", "divided by 0", "over 2^53", "short", "infinite", "things"],
)
def test_columns_that_are_no_whole_numbers_are_refused(columns: tuple[Any, ...]) -> None:
    with pytest.raises(InputError):
        frame_counts(*columns)


def test_what_is_missing_stays_missing() -> None:
    assert isnan(frame_counts([nan], [1], [1_000_000])[0])
    assert isnan(credit_counts([nan], [2**52], [1])[0])
    counted = frame_counts([nan, 2**50], [1, 2**50], [1_000_000, 2**40])
    assert isnan(counted[0])
    assert counted[1] == ceil(Fraction(2**40, 1_000_000))


def test_no_rows_have_no_frames() -> None:
    assert frame_counts([], [], []).tolist() == []
    assert [len(column) for column in price_frames([], [], [], [], [], [], [], [])] == [0] * 5
