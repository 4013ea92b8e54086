from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
from counting import RATES, WINDOWS
from hypothesis import given

from mh_preflight.frames import count_between, count_frames


@given(RATES, WINDOWS)
def test_frames_are_the_exact_product_rounded_up(rate: Fraction, window: int) -> None:
    assert count_frames(rate, window) == ceil(rate * Fraction(window, 1_000_000))


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


def test_a_frame_on_the_start_counts_and_one_on_the_end_does_not() -> None:
    stamps = np.array([0, 100, 200, 300], dtype=np.int64)
    assert count_between(stamps, 100, 300) == 2
    assert count_between(stamps, 301, 400) == 0
    assert count_between(stamps, 300, 100) == 0
