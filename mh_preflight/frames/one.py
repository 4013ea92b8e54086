"""How many for one job? Python's whole numbers, exact however large."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from mh_preflight.units import MICROSECOND, ceil_div

__all__ = ["count_between", "count_frames", "credits_for"]


def count_frames(rate: Fraction, window: int) -> int:
    """Count the frames of one window.

    Args:
        rate: Frames a second.
        window: Length in whole microseconds, not negative.

    Returns:
        `ceil(rate x window)`, exact however large.

    Example:
        >>> count_frames(Fraction(24), 3_920_042)
        95
    """
    return ceil_div(rate.numerator * window, rate.denominator * MICROSECOND)


def credits_for(frames: int, rate: Fraction) -> int:
    """Price a number of frames.

    Args:
        frames: Whole frames.
        rate: Credits a frame.

    Returns:
        `ceil(frames x rate)`, exact however large.

    Example:
        >>> credits_for(95, Fraction(2))
        190
    """
    return ceil_div(frames * rate.numerator, rate.denominator)


def count_between(stamps: npt.NDArray[np.int64], start: int, end: int) -> int:
    """Count the frames whose time stamp lies in a window.

    Args:
        stamps: Sorted int64 time stamps in whole microseconds, the first frame's being 0.
        start: Start of the window in whole microseconds; a frame on it counts.
        end: End of the window in whole microseconds; a frame on it does not count.

    Example:
        >>> count_between(np.array([0, 33_333, 66_667, 100_000]), 0, 100_000)
        3
    """
    first, last = np.searchsorted(stamps, (start, end))
    return max(0, int(last - first))
