"""What does each row cost? The whole price of jobs that are charged by the frame, in one pass."""

from __future__ import annotations

from enum import IntEnum
from fractions import Fraction
from math import inf, isfinite, nan
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mh_preflight.frames.columns import (
    BLOCK,
    BOUND,
    Column,
    Numbers,
    blocks_of,
    check_out,
    same_rows,
)
from mh_preflight.frames.one import count_frames
from mh_preflight.units import MICROSECOND

__all__ = ["PricedFrames", "Reason", "price_frames"]

BOUND_BITS = int(np.float64(BOUND).view(np.uint64))
"""As bits, numbers that are negative, infinite or missing come after those that are large."""

Rows: TypeAlias = npt.NDArray[np.intp]

QUEUED_FPS = 30
"""Frames a second that are queued, whatever the source (models page of 2026-08-16)."""


class Reason(IntEnum):
    """Why a row of `price_frames` lacks an answer; the first that applies."""

    ANSWERED = 0
    NO_WINDOW = 1
    """Start or end is missing or infinite, or they are in the wrong order: nothing is answered."""
    NO_FRAME_RATE = 2
    """The source's rate is missing, infinite or not above 0: the queued frames are answered."""
    NO_LIMIT = 3
    """A limit is given and not above 0: the queued frames are answered."""
    NO_RATE = 4
    """The credits a frame are missing or negative: the frames are answered."""
    TOO_LARGE = 5
    """An answer would reach 2^53: nothing is answered."""


class PricedFrames(NamedTuple):
    """What `price_frames` answers, a column each; NaN where `reason` says why not.

    Attributes:
        queued: Frames that are counted when the job is created, float64.
        low: Frames that remain once it is rendered, of what the media holds of the window; float64.
        high: The same of the whole window, float64.
        credits: Credits for `high`, float64.
        reason: `Reason`, uint8.
    """

    queued: Column
    low: Column
    high: Column
    credits: Column
    reason: npt.NDArray[np.uint8]


def price_frames(  # noqa: PLR0913, PLR0917  a column each
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    media_end: npt.ArrayLike,
    fps: npt.ArrayLike,
    fps_denominator: npt.ArrayLike,
    limit: npt.ArrayLike,
    limit_denominator: npt.ArrayLike,
    credits_a_frame: npt.ArrayLike,
    *,
    out: PricedFrames | None = None,
) -> PricedFrames:
    """Price many jobs that are charged by the frame, in one pass over the columns.

    All columns hold whole numbers (this is not checked: rounding is the caller's), with NaN where
    nothing is given; each has one value for each row, or one for all. Nothing is allocated but the
    answers, where `out` does not hold them, and a block of 65,536 rows.

    Args:
        start: Start of the window in whole microseconds.
        end: End of the window in whole microseconds.
        media_end: Where the media ends, on the same scale; NaN: not before the window does.
        fps: Numerator of the source's frame rate.
        fps_denominator: Its denominator.
        limit: Numerator of `max_fps_limit`; NaN or infinite for no limit.
        limit_denominator: Its denominator.
        credits_a_frame: The rate.
        out: Where to put the answers: arrays of an earlier call, or parts of larger ones.

    Raises:
        InputError: A column is no column of numbers, or of another length.

    Example:
        >>> nan = float("nan")
        >>> priced = price_frames(0, [15e6, 15e6], nan, [60, nan], 1, [nan, 24], 1, 1)
        >>> priced.queued, priced.high, priced.reason
        (array([450., 450.]), array([900.,  nan]), array([0, 2], dtype=uint8))
    """
    rows, columns = same_rows(
        {
            "start": start,
            "end": end,
            "media_end": media_end,
            "fps": fps,
            "fps_denominator": fps_denominator,
            "limit": limit,
            "limit_denominator": limit_denominator,
            "credits_a_frame": credits_a_frame,
        }
    )
    if out is None:
        queued, low, high, amounts = (np.empty(rows) for _ in range(4))
        out = PricedFrames(queued, low, high, amounts, np.empty(rows, np.uint8))
    for name in out._fields:
        kind = np.uint8 if name == "reason" else np.float64
        check_out(getattr(out, name), rows, kind, f"out.{name}")
    work = np.empty(min(rows, BLOCK))
    waiting: list[npt.NDArray[np.intp]] = []
    with np.errstate(all="ignore"):
        for block in blocks_of(rows):
            here = [np.asarray(column[block], np.float64) for column in columns]
            answers = PricedFrames._make([array[block] for array in out])
            odd = _price_block(here, answers, work[: len(here[0])])
            if odd.size:
                waiting.append(odd + block.start)
            if waiting and (block.stop == rows or sum(map(len, waiting)) >= BLOCK):
                _price_odd(columns, out, np.concatenate(waiting))
                waiting.clear()
    return out


def _price_block(columns: list[Column], answers: PricedFrames, work: Column) -> Rows:
    """Price one block, and give the few rows that plain arithmetic cannot answer."""
    start, end, media_end, fps, fps_denominator, limit, limit_denominator, rate = columns
    queued, low, high, amounts, reason = answers
    window = np.subtract(end, start, out=low)
    np.multiply(window, QUEUED_FPS, out=queued)
    windows_fit = np.maximum.reduce(queued.view(np.uint64)) < BOUND_BITS
    np.divide(queued, MICROSECOND, out=queued)
    np.ceil(queued, out=queued)

    # A divisor beyond 2^53 needs no look: it is above any product, and the quotient rounds up to 1.
    # What is divided by 0 looks like no limit, or a very high one, and is neither. With divisors
    # above 0 a negative product shows in its quotient.
    rates_fit = _fit(np.multiply(fps, window, out=high))
    np.divide(high, np.multiply(fps_denominator, MICROSECOND, out=work), out=high)
    plain = high > 0
    if not np.fmin.reduce(work) > 0:
        plain &= work > 0

    limits_fit = _fit(np.multiply(limit, window, out=amounts))
    np.divide(amounts, np.multiply(limit_denominator, MICROSECOND, out=work), out=amounts)
    if not np.fmin.reduce(work) > 0:
        plain &= ~(work <= 0)

    # A missing limit is none. `fmin` passes over a missing frame rate too, but that is not plain.
    # Each quotient rounds up to its own count, so the smaller one to the smaller count.
    np.ceil(np.fmin(high, amounts, out=high), out=high)
    np.multiply(high, rate, out=amounts)
    reason.fill(Reason.ANSWERED)

    plain &= amounts > 0
    if not np.fmin.reduce(rate) > 0:
        plain &= rate > 0
    if not np.fmax.reduce(amounts) < BOUND:
        plain &= amounts < BOUND
    for factor, fit in ((QUEUED_FPS, windows_fit), (fps, rates_fit), (limit, limits_fit)):
        if not fit:
            np.multiply(window, factor, out=work)
            plain &= ~((work < 0) | (work >= BOUND))
    np.copyto(low, high)
    past = np.flatnonzero(media_end < end)
    if past.size:
        there = np.maximum(media_end.take(past) - start.take(past), 0)
        counted = fps.take(past) * there / (fps_denominator.take(past) * MICROSECOND)
        limited = limit.take(past) * there / (limit_denominator.take(past) * MICROSECOND)
        low[past] = np.ceil(np.fmin(counted, limited))
    return np.flatnonzero(np.logical_not(plain, out=plain))


def _fit(products: Column) -> bool:
    """Tell whether no number among them is beyond what a float64 holds exactly."""
    return not np.fmax.reduce(products) >= BOUND


def _price_odd(columns: list[Numbers], answers: PricedFrames, odd: Rows) -> None:
    """Say what is missing, and price the rest one by one (zeros, negatives, large numbers)."""
    queued, low, high, amounts, reason = answers
    start, end, _, fps, fps_denominator, *_ = (column[odd] for column in columns)
    window = end - start
    no_window = np.isnan(window)
    no_rate = (np.isnan(fps) | np.isnan(fps_denominator)) & (window >= 0)
    no_rate &= window < BOUND / QUEUED_FPS
    queued[odd[no_window]] = nan
    for rows, why in ((odd[no_window], Reason.NO_WINDOW), (odd[no_rate], Reason.NO_FRAME_RATE)):
        low[rows] = high[rows] = amounts[rows] = nan
        reason[rows] = why
    for row in odd[~(no_window | no_rate)].tolist():
        exactly = _price_exactly(*(float(column[row]) for column in columns))
        queued[row], low[row], high[row], amounts[row], reason[row] = exactly


def _price_exactly(  # noqa: PLR0913, PLR0917  a column each
    start: float,
    end: float,
    media_end: float,
    fps: float,
    fps_denominator: float,
    limit: float,
    limit_denominator: float,
    rate: float,
) -> tuple[float, float, float, float, Reason]:
    """Price one row with Python's integers, which have no bound."""
    if not (isfinite(start) and isfinite(end) and start <= end):
        return nan, nan, nan, nan, Reason.NO_WINDOW
    window = there = int(end) - int(start)
    if media_end < end:
        there = int(max(media_end, start)) - int(start)
    queued = count_frames(Fraction(QUEUED_FPS), window)
    output, reason = _fraction(fps, fps_denominator), Reason.NO_FRAME_RATE
    if output is not None and isfinite(limit) and isfinite(limit_denominator):
        limited, reason = _fraction(limit, limit_denominator), Reason.NO_LIMIT
        output = None if limited is None else min(output, limited)
    if output is None:
        if queued >= BOUND:
            return nan, nan, nan, nan, Reason.TOO_LARGE
        return queued, nan, nan, nan, reason
    low, high = count_frames(output, there), count_frames(output, window)
    if not 0 <= rate < inf:
        amount, reason = nan, Reason.NO_RATE
    else:
        amount, reason = high * int(rate), Reason.ANSWERED
    if max(queued, high) >= BOUND or amount >= BOUND:
        return nan, nan, nan, nan, Reason.TOO_LARGE
    return queued, low, high, amount, reason


def _fraction(numerator: float, denominator: float) -> Fraction | None:
    """Give an exact frame rate, or None where it is missing, infinite or not above 0."""
    if not (isfinite(numerator) and isfinite(denominator) and denominator):
        return None
    fraction = Fraction(int(numerator), int(denominator))
    return fraction if fraction > 0 else None
