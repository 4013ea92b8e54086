"""How many for each row? Exact products of columns, rounded up, a block at a time.

Columns are float64 that hold whole numbers, with NaN where there is none. As long as the product
``x = left x right`` stays below 2^53, ``ceil(x / d)`` is exact: where d divides x the quotient is
exact too, and elsewhere it is at least ``1 / d`` away from any whole number, which is more than
its rounding error of ``x / d x 2^-53``. (A divisor beyond 2^53 may itself be rounded, but lies
above x, so that the quotient rounds up to 1 all the same.) A product that passes the bound is
counted with Python's integers.
"""

from __future__ import annotations

from math import isinf, isnan, nan
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mh_preflight.errors import InputError
from mh_preflight.units import MICROSECOND, ceil_div

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "BLOCK",
    "BOUND",
    "Column",
    "Numbers",
    "blocks_of",
    "check_out",
    "credit_counts",
    "frame_counts",
    "same_rows",
]

Column: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[Any]

BOUND = 2.0**53
"""Whole numbers below it are exact in a float64."""

BLOCK = 1 << 16
"""Rows that are worked on at a time, so that their columns stay in the cache."""


def frame_counts(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    windows: npt.ArrayLike,
    *,
    out: Column | None = None,
) -> Column:
    """Count the frames of many windows; the answer of `count_frames` for each.

    To apply a limit take `np.minimum` of two counts:
    ``ceil(min(f, l) x w) = min(ceil(f x w), ceil(l x w))``.

    Args:
        numerators: Frame rates' numerators, whole and not negative, NaN for missing; one for each
            row, or one for all.
        denominators: Frame rates' denominators, whole and above 0.
        windows: Lengths in whole microseconds, not negative.
        out: Where to put the answer, float64, one for each row.

    Returns:
        Frames, float64; NaN where a value is missing.

    Raises:
        InputError: A column is no column of numbers, a value is negative, or an answer would
            reach 2^53.

    Example:
        >>> frame_counts([24, 30000], [1, 1001], [3_920_042, 10_000_000])
        array([ 95., 300.])
    """
    columns = {"numerators": numerators, "denominators": denominators, "windows": windows}
    rows, (left, divisor, right) = same_rows(columns)
    return _ceil_scaled(rows, left, right, divisor, MICROSECOND, out)


def credit_counts(
    units: npt.ArrayLike,
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    out: Column | None = None,
) -> Column:
    """Price many numbers of frames, characters, images or seconds; `credits_for` for each.

    Args:
        units: What is charged, whole and not negative, NaN for missing; one for each row, or one
            for all.
        numerators: Numerators of the credits a unit, whole and not negative.
        denominators: Their denominators, whole and above 0.
        out: Where to put the answer, float64, one for each row.

    Returns:
        Credits, float64; NaN where a value is missing.

    Raises:
        InputError: As `frame_counts`.

    Example:
        >>> credit_counts([95, 240], [2, 5], [1, 6])
        array([190., 200.])
    """
    columns = {"units": units, "numerators": numerators, "denominators": denominators}
    rows, (left, right, divisor) = same_rows(columns)
    return _ceil_scaled(rows, left, right, divisor, 1, out)


def same_rows(given: Mapping[str, npt.ArrayLike]) -> tuple[int, list[Numbers]]:
    """Take columns of one length, or of one value for all rows, without copying any.

    Raises:
        InputError: One is no column of numbers, or they differ in length.
    """
    arrays = {name: _numbers(values, name) for name, values in given.items()}
    rows = max((len(array) for array in arrays.values() if array.ndim), default=1)
    for name, array in arrays.items():
        if array.ndim and len(array) != rows:
            message = f"{name}: has {len(array):,} rows where another column has {rows:,}"
            raise InputError(message, field=name)
    return rows, [a if a.ndim else np.broadcast_to(a, rows) for a in arrays.values()]


def _numbers(values: npt.ArrayLike, name: str) -> Numbers:
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):
        array = np.asarray(None)
    if array.size == 0 and array.ndim == 1:
        return array.astype(np.float64)
    if array.ndim > 1 or array.dtype.kind not in "iuf":
        raise InputError(f"{name}: must be a column of numbers", field=name)
    if array.dtype.kind in "iu" and max(int(array.max()), -int(array.min())) > BOUND:
        raise InputError(f"{name}: whole numbers beyond 2^53 cannot be told apart", field=name)
    return array


def check_out(out: npt.NDArray[Any], rows: int, kind: type, name: str) -> None:
    """Refuse an array that cannot take the answers.

    Raises:
        InputError: It is of another type or length.
    """
    if out.shape != (rows,) or out.dtype != kind:
        raise InputError(f"{name}: must be {kind.__name__} with {rows:,} rows", field=name)


def blocks_of(rows: int) -> Iterator[slice]:
    """Give the blocks of a number of rows."""
    return (slice(first, min(first + BLOCK, rows)) for first in range(0, rows, BLOCK))


def _ceil_scaled(  # noqa: PLR0913, PLR0917  three columns and a factor
    rows: int,
    left: Numbers,
    right: Numbers,
    divisor: Numbers,
    factor: int,
    out: Column | None,
) -> Column:
    """Compute `ceil(left x right / (divisor x factor))`, exactly."""
    answers = np.empty(rows) if out is None else out
    check_out(answers, rows, np.float64, "out")
    scaled = np.empty(min(rows, BLOCK))
    with np.errstate(all="ignore"):
        for block in blocks_of(rows):
            one, other, whole = (np.asarray(c[block], np.float64) for c in (left, right, divisor))
            product, below = answers[block], scaled[: len(whole)]
            np.multiply(one, other, out=product)
            np.multiply(whole, factor, out=below)
            largest = np.fmax.reduce(product), np.fmax.reduce(below)
            least = np.fmin.reduce(one), np.fmin.reduce(other), np.fmin.reduce(whole)
            if any(bound < 0 for bound in (*least[:2], least[2] - 1)):
                raise InputError("a number is negative, or a denominator not above 0")
            if any(bound >= BOUND for bound in largest):
                _ceil_exactly(one, other, whole, factor, product)
            else:
                np.divide(product, below, out=product)
                np.ceil(product, out=product)
    return answers


def _ceil_exactly(left: Column, right: Column, divisor: Column, factor: int, out: Column) -> None:
    for row, values in enumerate(zip(left.tolist(), right.tolist(), divisor.tolist(), strict=True)):
        if any(isnan(value) for value in values):
            out[row] = nan
            continue
        if any(isinf(value) for value in values):
            raise InputError(f"row {row}: a number is infinite")
        one, other, whole = (int(value) for value in values)
        answer = ceil_div(one * other, whole * factor)
        if answer >= BOUND:
            raise InputError("the answer is too large for a column")
        out[row] = answer
