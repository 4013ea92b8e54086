from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import InputError
from mh_preflight.frames import (
    count_between,
    count_frames,
    credit_counts,
    credits_for,
    frame_counts,
)
from mh_preflight.units import microseconds

RATES = st.sampled_from(
    [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(2997, 100), Fraction(24), Fraction(60)]
) | st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=10_000)
WINDOWS = st.integers(0, 40 * 3600 * 1_000_000)
ROWS = st.lists(st.tuples(RATES, WINDOWS), max_size=20)
LARGEST = np.iinfo(np.int64).max


def near_whole(rate: Fraction, count: int, step: int) -> int:
    """Give the window that holds `count` frames, and a microsecond more or less."""
    return max(0, int(count * 1_000_000 / rate) + step)


@given(RATES, WINDOWS)
def test_frames_are_the_exact_product_rounded_up(rate: Fraction, window: int) -> None:
    assert count_frames(rate, window) == ceil(rate * Fraction(window, 1_000_000))


@given(ROWS)
def test_columns_give_the_same_frames_as_one_job_at_a_time(
    rows: list[tuple[Fraction, int]],
) -> None:
    counts = frame_counts(
        [rate.numerator for rate, _ in rows],
        [rate.denominator for rate, _ in rows],
        [window for _, window in rows],
    )
    assert counts.dtype == np.int64
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


@given(RATES, RATES, WINDOWS)
def test_the_smaller_count_is_the_count_of_the_smaller_rate(
    rate: Fraction, limit: Fraction, window: int
) -> None:
    smaller = min(count_frames(rate, window), count_frames(limit, window))
    assert count_frames(min(rate, limit), window) == smaller


@given(RATES, RATES, WINDOWS, WINDOWS)
def test_frames_never_fall_as_window_or_rate_grow(
    one: Fraction, other: Fraction, short: int, more: int
) -> None:
    slow, fast = sorted((one, other))
    assert count_frames(slow, short) <= count_frames(fast, short + more)


def test_a_tenth_of_a_second_more_or_less_does_not_invent_a_frame() -> None:
    windows = [microseconds(number / 10) for number in range(1, 1000)]
    assert frame_counts(30, 1, windows).tolist() == [3 * number for number in range(1, 1000)]


@given(
    st.lists(st.integers(0, LARGEST), min_size=1, max_size=5),
    st.integers(1, LARGEST),
    st.integers(0, LARGEST),
)
def test_a_product_over_64_bits_is_refused_and_never_wrapped(
    numerators: list[int], denominator: int, window: int
) -> None:
    try:
        counted = frame_counts(numerators, denominator, window)
    except InputError:
        fits = all(number * window <= LARGEST for number in numerators)
        assert not fits or denominator * 1_000_000 > LARGEST
    else:
        expected = [ceil(Fraction(n * window, denominator * 1_000_000)) for n in numerators]
        assert counted.tolist() == expected


@pytest.mark.parametrize(
    "columns",
    [([24.0], [1], [10]), ([-1], [1], [10]), ([24], [0], [10]), ([24], [1], [2**70])],
    ids=["a float", "below 0", "a denominator of 0", "over 64 bits"],
)
def test_columns_that_are_no_whole_numbers_are_refused(columns: tuple[list[int], ...]) -> None:
    with pytest.raises(InputError):
        frame_counts(*columns)


def test_a_frame_on_the_start_counts_and_one_on_the_end_does_not() -> None:
    stamps = np.array([0, 100, 200, 300], dtype=np.int64)
    assert count_between(stamps, 100, 300) == 2
    assert count_between(stamps, 301, 400) == 0
    assert count_between(stamps, 300, 100) == 0
