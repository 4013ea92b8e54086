"""How many frames, and how many credits? Exact integers, one job or whole columns.

The rule (settled charges of 2026-09-11, and the Lip Sync document of 2025-07-29): the frames of a
job are ``ceil(frame rate x window)`` and its credits are ``ceil(frames x rate)``, rounded up in
that order. On floats the first is one frame too many for every fourth window that is given in
tenths of a second, so nothing here is a float.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mh_preflight.errors import InputError
from mh_preflight.units import MICROSECOND, ceil_div

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Whole",
    "ceil_products",
    "count_between",
    "count_frames",
    "credit_counts",
    "credits_for",
    "frame_counts",
]

Whole: TypeAlias = npt.NDArray[np.int64]

_LARGEST = int(np.iinfo(np.int64).max)


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


def frame_counts(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, windows: npt.ArrayLike
) -> Whole:
    """Count the frames of many windows; the answer of `count_frames` for each.

    To apply a limit take `np.minimum` of two counts:
    ``ceil(min(f, l) x w) = min(ceil(f x w), ceil(l x w))``.

    Args:
        numerators: Frame rates' numerators, whole and not negative; any shape that broadcasts.
        denominators: Frame rates' denominators, whole and above 0.
        windows: Lengths in whole microseconds, not negative.

    Returns:
        int64 frames, in the broadcast shape.

    Raises:
        InputError: A column is not whole, a value is out of its range, or a product would not
            fit in 64 bits; nothing is ever wrapped.

    Example:
        >>> frame_counts([24, 30000], [1, 1001], [3_920_042, 10_000_000])
        array([ 95, 300])
    """
    columns = np.broadcast_arrays(
        _whole(numerators, "numerators"),
        _whole(denominators, "denominators", least=1),
        _whole(windows, "windows"),
    )
    numerator, denominator, window = columns
    if denominator.size and int(denominator.max()) > _LARGEST // MICROSECOND:
        raise InputError("denominators: too large to count with in 64 bits", field="denominators")
    return ceil_products(numerator, window, denominator * MICROSECOND)


def credit_counts(
    frames: npt.ArrayLike, numerators: npt.ArrayLike, denominators: npt.ArrayLike
) -> Whole:
    """Price many numbers of frames; the answer of `credits_for` for each.

    Args:
        frames: Whole frames, not negative; any shape that broadcasts.
        numerators: Numerators of the credits a frame, whole and not negative.
        denominators: Their denominators, whole and above 0.

    Returns:
        int64 credits, in the broadcast shape.

    Raises:
        InputError: As `frame_counts`.

    Example:
        >>> credit_counts([95, 240], [2, 5], [1, 6])
        array([190, 200])
    """
    return ceil_products(
        _whole(frames, "frames"),
        _whole(numerators, "numerators"),
        _whole(denominators, "denominators", least=1),
    )


def ceil_products(left: Whole, right: Whole, divisor: Whole) -> Whole:
    """Compute `ceil(left x right / divisor)` on int64 arrays that broadcast, exactly.

    Raises:
        InputError: A product would not fit in 64 bits.
    """
    left, right, divisor = np.broadcast_arrays(left, right, divisor)
    if np.any(left > _LARGEST // np.maximum(right, 1)):
        raise InputError("the numbers are too large to multiply in 64 bits")
    return -(-(left * right) // divisor)


def count_between(stamps: Whole, start: int, end: int) -> int:
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


def _whole(column: npt.ArrayLike | Sequence[int], name: str, *, least: int = 0) -> Whole:
    array = np.asarray(column)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name}: must be whole numbers that fit in 64 bits", field=name)
    if int(array.min()) < least or int(array.max()) > _LARGEST:
        raise InputError(f"{name}: must be from {least} to {_LARGEST}", field=name)
    return array.astype(np.int64, copy=False)
