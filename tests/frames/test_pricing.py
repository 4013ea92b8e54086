from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, inf, isfinite, isnan, nan
from typing import Any

import numpy as np
import pytest
from counting import HOURS_40, near_whole
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import InputError
from mh_preflight.frames import PricedFrames, Reason, columns, frame_counts, price_frames, pricing

BOUND = 2**53
MISSING = st.just(nan)
SMALL_RATES = st.tuples(
    st.sampled_from([24000, 30000, 2997, 24, 60, 1, 120000]), st.sampled_from([1, 100, 1001])
)
LIMITS = st.tuples(MISSING, MISSING) | SMALL_RATES
TIMES = st.integers(0, 60_000_000) | st.integers(0, HOURS_40)


@st.composite
def jobs(draw: st.DrawFn) -> tuple[float, ...]:
    """Draw a row of `price_frames`, as often beside a whole frame as not."""
    fps, limit = draw(SMALL_RATES), draw(LIMITS)
    start = draw(TIMES)
    end = start + draw(
        st.integers(0, 60_000_000)
        | st.sampled_from([1, HOURS_40])
        | st.builds(
            near_whole,
            st.just(Fraction(*fps)),
            st.integers(0, 10_000),
            st.sampled_from([-1, 0, 1]),
        )
    )
    media_end = draw(MISSING | st.integers(0, end + 10))
    return (start, end, media_end, *fps, *limit, draw(st.integers(0, 1000)))


def odd_jobs() -> st.SearchStrategy[tuple[float, ...]]:
    """Draw rows with anything in any place: missing, negative, infinite, huge."""
    whole = st.sampled_from([0, 1, 2**31, 2**52, BOUND - 1, BOUND]) | st.integers(-5, BOUND)
    return st.tuples(*[st.sampled_from([nan, inf, -inf]) | whole.map(float)] * 8)


def priced_alone(  # noqa: PLR0911  one answer a reason
    row: tuple[float, ...],
) -> tuple[float, float, float, float, Reason]:
    """Price one row by the words of `Reason`, with fractions."""
    start, end, media_end, fps, fps_denominator, limit, limit_denominator, rate = row
    nothing = (nan, nan, nan, nan)
    if any(isnan(time) or abs(time) == inf for time in (start, end)) or end < start:
        return *nothing, Reason.NO_WINDOW
    second = Fraction(1, 1_000_000)
    window = Fraction(end) - Fraction(start)
    there = window
    if media_end < end:
        there = max(Fraction(0), Fraction(max(media_end, start)) - Fraction(start))
    queued = ceil(30 * window * second)
    if queued >= BOUND:
        return *nothing, Reason.TOO_LARGE
    if not (fps / (fps_denominator or nan) > 0 and abs(fps) < inf):
        return queued, nan, nan, nan, Reason.NO_FRAME_RATE
    output = Fraction(fps) / Fraction(fps_denominator)
    if isfinite(limit) and isfinite(limit_denominator):
        if not limit / (limit_denominator or nan) > 0:
            return queued, nan, nan, nan, Reason.NO_LIMIT
        output = min(output, Fraction(limit) / Fraction(limit_denominator))
    low, high = ceil(output * there * second), ceil(output * window * second)
    if high >= BOUND:
        return *nothing, Reason.TOO_LARGE
    if not 0 <= rate < inf:
        return queued, low, high, nan, Reason.NO_RATE
    if high * rate >= BOUND:
        return *nothing, Reason.TOO_LARGE
    return queued, low, high, high * rate, Reason.ANSWERED


def assert_priced(priced: PricedFrames, rows: Sequence[tuple[float, ...]]) -> None:
    expected = [priced_alone(row) for row in rows]
    for place, column in enumerate(priced):
        wanted = np.array([answer[place] for answer in expected], float)
        np.testing.assert_array_equal(column, wanted, err_msg=priced._fields[place])


def columns_of(rows: Sequence[tuple[float, ...]]) -> list[Any]:
    return [np.array(column, float) for column in zip(*rows, strict=True)]


@given(st.lists(jobs(), min_size=1, max_size=30))
def test_the_whole_price_is_that_of_fractions(rows: list[tuple[float, ...]]) -> None:
    assert_priced(price_frames(*columns_of(rows)), rows)


@pytest.mark.parametrize("limit", [0.0, 1.0, 24.0])
def test_a_limit_over_nothing_is_none_that_can_be_kept(limit: float) -> None:
    row = (0.0, 1e6, nan, 60.0, 1.0, limit, 0.0, 1.0)
    assert_priced(price_frames(*columns_of([row])), [row])
    assert priced_alone(row)[-1] == Reason.NO_LIMIT


@pytest.mark.parametrize("limit", [(nan, nan), (1, 1), (-1, 1), (-1, -1), (1, 0)])
@pytest.mark.parametrize("fps", [(1, 0), (0, 0), (-1, 0), (-1, 1), (1, -1), (-1, -1), (nan, 0)])
@pytest.mark.parametrize("window", [1.0, 2.0**53, 9e15])
def test_what_is_divided_by_nothing_or_less_is_answered_as_alone(
    window: float, fps: tuple[float, float], limit: tuple[float, float]
) -> None:
    row = (0.0, window, nan, *map(float, fps), *map(float, limit), 1.0)
    assert_priced(price_frames(*columns_of([row])), [row])
    plain = (0.0, 5e6, nan, 24.0, 1.0, nan, nan, 1.0)
    assert_priced(price_frames(*columns_of([plain, row, plain])), [plain, row, plain])


@given(st.lists(jobs() | odd_jobs(), min_size=1, max_size=30))
def test_whatever_stands_in_a_row_is_answered_exactly_or_with_a_reason(
    rows: list[tuple[float, ...]],
) -> None:
    assert_priced(price_frames(*columns_of(rows)), rows)


@given(st.lists(jobs() | odd_jobs(), min_size=1, max_size=12), st.integers(1, 5))
def test_blocks_do_not_change_an_answer(rows: list[tuple[float, ...]], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "BLOCK", size)
        patch.setattr(pricing, "BLOCK", size)
        assert_priced(price_frames(*columns_of(rows)), rows)


def test_answers_go_where_the_caller_wants_them() -> None:
    rows = [(0, 15e6, nan, 60, 1, nan, nan, 2)] * 3
    out = PricedFrames._make([np.full(5, 7.0)[1:4] for _ in range(4)] + [np.full(3, 7, np.uint8)])
    assert price_frames(*columns_of(rows), out=out) is out
    assert_priced(out, rows)
    with pytest.raises(InputError, match=r"out\.low: must be float64 with 3 rows"):
        price_frames(*columns_of(rows), out=out._replace(low=np.empty(2)))
    whole = np.zeros(2)
    assert frame_counts(24, 1, [1_000_000, 2_000_000], out=whole) is whole
    assert whole.tolist() == [24, 48]


def test_one_value_serves_all_rows_and_whole_columns_need_not_be_floats() -> None:
    ends = np.array([15_000_000, 20_000_000])
    assert_priced(
        price_frames(0, ends, nan, np.int16(60), 1, 24, np.uint8(1), 2),
        [(0, float(end), nan, 60, 1, 24, 1, 2) for end in ends],
    )
