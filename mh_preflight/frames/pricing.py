"""What does each row cost? The whole price of jobs that are charged by the frame, in one pass."""

from __future__ import annotations

from enum import IntEnum
from fractions import Fraction
from math import inf, isfinite, isnan, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mh_preflight.frames.columns import BLOCK, BOUND, Column, blocks_of, check_out, same_rows
from mh_preflight.frames.one import count_frames
from mh_preflight.units import MICROSECOND

__all__ = ["PricedFrames", "Reason", "price_frames"]

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
    answers, where `out` does not hold them, and a few blocks of 65,536 rows.

    Args:
        start: Start of the window in whole microseconds.
        end: End of the window in whole microseconds.
        media_end: Where the media ends, on the same scale; NaN: not before the window does.
        fps: Numerator of the source's frame rate.
        fps_denominator: Its denominator.
        limit: Numerator of `max_fps_limit`; NaN for no limit.
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
    scratch = [np.empty(min(rows, BLOCK)) for _ in range(5)]
    with np.errstate(all="ignore"):
        for block in blocks_of(rows):
            answers = PricedFrames._make(array[block] for array in out)
            here = [np.asarray(column[block], np.float64) for column in columns]
            _price_block(here, answers, [array[: len(answers.queued)] for array in scratch])
    return out


def _price_block(columns: list[Column], answers: PricedFrames, scratch: list[Column]) -> None:
    """Price one block; the few rows that plain arithmetic cannot answer are done once more."""
    start, end, media_end, fps, fps_denominator, limit, limit_denominator, rate = columns
    window, frames, divisor, limited, limit_divisor = scratch
    queued, low, high, amounts, reason = answers

    np.subtract(end, start, out=window)
    np.multiply(window, QUEUED_FPS, out=queued)
    largest = [np.fmax.reduce(queued)]
    np.divide(queued, MICROSECOND, out=queued)
    np.ceil(queued, out=queued)

    np.multiply(fps, window, out=frames)
    np.multiply(fps_denominator, MICROSECOND, out=divisor)
    largest += [np.fmax.reduce(frames), np.fmax.reduce(divisor)]
    np.divide(frames, divisor, out=frames)
    np.ceil(frames, out=frames)

    np.multiply(limit, window, out=limited)
    np.multiply(limit_denominator, MICROSECOND, out=limit_divisor)
    largest += [np.fmax.reduce(limited), np.fmax.reduce(limit_divisor)]
    np.divide(limited, limit_divisor, out=limited)
    np.ceil(limited, out=limited)

    # A missing limit is none. `fmin` passes over a missing frame rate as well: that is an odd row.
    np.fmin(frames, limited, out=high)
    np.multiply(high, rate, out=amounts)
    largest.append(np.fmax.reduce(amounts))
    np.copyto(low, high)
    past = np.flatnonzero(media_end < end)
    if past.size:
        there = np.maximum(media_end[past] - start[past], 0)
        counted = np.ceil(fps[past] * there / divisor[past])
        low[past] = np.fmin(counted, np.ceil(limit[past] * there / limit_divisor[past]))
    reason.fill(Reason.ANSWERED)

    plain = frames > 0
    plain &= high > 0
    plain &= window >= 0
    plain &= amounts >= 0
    if np.fmin.reduce(divisor) <= 0 or np.fmin.reduce(limit_divisor) <= 0:
        plain &= ~((divisor <= 0) | (limit_divisor <= 0))
    if any(bound >= BOUND for bound in largest):
        products = [window * QUEUED_FPS, fps * window, limit * window, divisor, limit_divisor]
        for product in (*products, amounts):
            plain &= ~(product >= BOUND)
    odd = np.flatnonzero(~plain)
    if odd.size:
        _price_odd(columns, answers, odd, window)


def _price_odd(
    columns: list[Column], answers: PricedFrames, odd: npt.NDArray[np.intp], window: Column
) -> None:
    """Say what is missing, and price the rest one by one (zeros, negatives, large numbers)."""
    queued, low, high, amounts, reason = answers
    window, fps, fps_denominator = (column[odd] for column in (window, *columns[3:5]))
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
    if output is not None and not (isnan(limit) or isnan(limit_denominator)):
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
    if not (0 < numerator < inf and 0 < denominator < inf):
        return None
    return Fraction(int(numerator), int(denominator))
