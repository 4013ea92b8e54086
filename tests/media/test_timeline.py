from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.media.timeline import USUAL_RATES, Timeline, read_timeline

MS = Fraction(1, 1000)


def stamps(
    rate: Fraction, frames: int, tick: Fraction
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([round(number / rate / tick) for number in range(frames)], dtype=np.int64)


@given(st.sampled_from(USUAL_RATES), st.integers(2000, 3000))
def test_a_usual_rate_is_known_again_from_millisecond_stamps(rate: Fraction, frames: int) -> None:
    timeline = read_timeline(stamps(rate, frames, MS), 0, MS, None)
    assert timeline.fps == rate
    assert not timeline.variable
    assert timeline.even


def times_of(timeline: Timeline) -> list[int]:
    assert timeline.times is not None
    return [int(time) for time in timeline.times]


def test_sixty_frames_in_millisecond_stamps_are_sixty_and_not_a_fraction_beside_it() -> None:
    timeline = read_timeline(stamps(Fraction(60), 600, MS), 17, MS, Fraction(200_000, 3333))
    assert timeline.fps == 60


def test_the_declared_rate_is_taken_where_every_stamp_lies_within_a_tick() -> None:
    declared = Fraction(1499, 100)
    assert read_timeline(stamps(declared, 90, MS), 0, MS, declared).fps == declared


def test_frames_over_duration_is_the_rate_where_no_usual_one_fits() -> None:
    timeline = read_timeline(np.array([0, 70, 140, 210]), 70, MS, Fraction(30))
    assert timeline.fps == Fraction(4000, 280)
    assert timeline.duration == 280_000
    assert not timeline.variable


def test_a_stamp_more_than_half_a_frame_off_makes_the_rate_variable() -> None:
    timeline = read_timeline(np.array([0, 33, 67, 300, 333]), 33, MS, Fraction(30))
    assert timeline.variable
    assert not timeline.even
    assert times_of(timeline) == [0, 33_000, 67_000, 300_000, 333_000]


def test_the_place_of_a_dropped_frame_makes_the_grid_uneven() -> None:
    timeline = read_timeline(np.array([0, 3000, 9000]), 3000, Fraction(1, 90_000), Fraction(30))
    assert not timeline.even


@pytest.mark.parametrize("start", [0, 5, -7, 90_000])
def test_the_first_stamp_does_not_matter(start: int) -> None:
    timeline = read_timeline(np.array([0, 1, 2]) + start, 1, Fraction(1, 25), Fraction(25))
    assert (timeline.duration, times_of(timeline)) == (120_000, [0, 40_000, 80_000])


def test_a_single_frame_lasts_as_long_as_the_declared_rate_says() -> None:
    timeline = read_timeline(np.array([9]), 0, MS, Fraction(25))
    assert timeline.fps == 25
    assert timeline.duration == 40_000


@given(st.lists(st.integers(0, 2**50), min_size=1, max_size=8), st.integers(0, 2**40))
def test_stamps_of_any_size_are_counted_exactly(values: list[int], last: int) -> None:
    timeline = read_timeline(np.array(sorted(values)), last, Fraction(1, 10**9), Fraction(60))
    assert len(times_of(timeline)) == len(values)
    assert timeline.duration >= 0
