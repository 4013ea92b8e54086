"""What does a table of jobs say? Its columns by name, each in one plain form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.errors import InputError
from mh_preflight.jobs import FIELDS
from mh_preflight.units import MAX_SECONDS, MICROSECOND, number_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from mh_preflight.frames import Column

__all__ = [
    "ANSWERS",
    "FACTS",
    "KNOWN",
    "NUMBERS",
    "JobColumns",
    "Times",
    "as_numbers",
    "as_text",
    "as_times",
    "check_schema",
    "fractions_of",
]

FACTS = ("video_fps", "video_duration_seconds", "audio_duration_seconds")
NUMBERS = ("start_seconds", "end_seconds", "max_fps_limit", "width", "height", *FACTS)
KNOWN = ("endpoint", "request", "plan", *FIELDS, *FACTS)
"""The columns that are read; others are handed on."""

ANSWERS = pa.schema(
    [
        ("window_seconds", pa.float64()),
        ("fps_source", pa.string()),
        ("fps_output", pa.string()),
        ("queued_frames", pa.int64()),
        ("queued_credits", pa.int64()),
        ("settled_kind", pa.string()),
        ("settled_frames_low", pa.int64()),
        ("settled_frames_high", pa.int64()),
        ("settled_credits_low", pa.int64()),
        ("settled_credits_high", pa.int64()),
        ("hold_credits", pa.int64()),
        ("usd_hold", pa.decimal128(38, 4)),
        ("rate_as_of", pa.date32()),
        ("findings", pa.list_(pa.string())),
        ("refused", pa.bool_()),
        ("error_code", pa.string()),
        ("error_message", pa.string()),
    ]
)
"""The columns that are added."""

ENDLESS = Fraction(1 << 64)
"""In the place of a fraction that cannot be read; no frame rate is as large."""

_TEXT = r"^[+-]?([0-9]{1,300}\.?[0-9]{0,300}|\.[0-9]{1,300})([eE][+-]?[0-9]{1,2})?$"
"""Text that is surely a number; what else may be one is read one by one."""


@dataclass(frozen=True, slots=True)
class JobColumns:
    """The columns of some rows that are read, without those that the table does not have.

    Attributes:
        rows: How many there are.
        arrays: Text as `pa.string()`, numbers as they came (text, whole or float64), by name.
    """

    rows: int
    arrays: dict[str, pa.Array]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> JobColumns:
        """Take the columns that are read out of a batch that `check_schema` has passed."""
        arrays = {}
        for name in KNOWN:
            if name in batch.schema.names:
                arrays[name] = _plain(batch.column(name), number=name in NUMBERS)
        return cls(batch.num_rows, arrays)

    def valid(self, name: str) -> npt.NDArray[np.bool_]:
        """Tell in which rows a column has a value."""
        array = self.arrays.get(name)
        if array is None:
            return np.zeros(self.rows, bool)
        return np.asarray(pc.is_valid(array))

    def cells(self, row: int) -> dict[str, Any]:
        """Give the values of one row; numbers as Python's, where they are any."""
        given = {}
        for name, array in self.arrays.items():
            value = array[row].as_py()
            if value is None:
                continue
            if name in NUMBERS and isinstance(value, str) and "/" not in value:
                number = number_in(value)
                value = value if number is None else number
            if name in {"width", "height"} and isinstance(value, float) and value.is_integer():
                value = int(value)
            given[name] = value
        return given


@dataclass(frozen=True, slots=True)
class Times:
    """Times of some rows.

    Attributes:
        whole: Whole microseconds, NaN where none is given.
        odd: Rows whose value is no number, out of range, or too near a half to be rounded here.
    """

    whole: Column
    odd: npt.NDArray[np.bool_]


def check_schema(schema: pa.Schema) -> None:
    """Refuse a table that holds no jobs.

    Raises:
        InputError: A column is missing, there twice, of a wrong type, or would be overwritten.
    """
    names = schema.names
    for name in names:
        if names.count(name) > 1 and name in {*KNOWN, *ANSWERS.names}:
            raise _bad_table(name, "is there twice")
        if name in ANSWERS.names:
            raise _bad_table(name, "is one that is added: rename it or leave it out")
    if "endpoint" not in names:
        there = ", ".join(names[:20]) or "none"
        raise _bad_table("endpoint", f"is missing; there are {there}")
    if "request" not in names and not {"video", "audio", "image", "youtube"} & set(names):
        raise _bad_table("request", "is missing, and so are video, audio, image and youtube")
    for name in KNOWN:
        if name in names:
            kind = schema.field(name).type
            if not _is_text(kind) and not (name in NUMBERS and _is_number(kind)):
                wanted = "numbers or text" if name in NUMBERS else "text"
                raise _bad_table(name, f"must hold {wanted}, and holds {kind}")


def _bad_table(name: str, what: str) -> InputError:
    return InputError(f"column {name}: {what}", code="bad-table", field=name)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _plain(array: pa.Array, *, number: bool) -> pa.Array:
    kind = array.type
    if number and (pa.types.is_integer(kind) or pa.types.is_float64(kind)):
        return array
    # A decimal or a narrow float counts as what prints it, which a cast to float64 can miss.
    return as_text(array)


def as_text(array: pa.Array) -> pa.Array:
    """Give text, decimals or numbers as `pa.string()`, whatever holds them."""
    if pa.types.is_dictionary(array.type):  # polars has kinds of it that have no cast of their own
        values = array.dictionary.cast(pa.string())
        array = pa.DictionaryArray.from_arrays(array.indices, values)
    return array.cast(pa.string())


def as_numbers(array: pa.Array) -> tuple[Column, npt.NDArray[np.bool_]]:
    """Give numbers as floats, and the rows that hold something else.

    Returns:
        float64, NaN where no number is given; and the rows whose value is none.
    """
    valid = np.asarray(pc.is_valid(array))
    if pa.types.is_string(array.type):
        surely = pc.match_substring_regex(array, _TEXT)
        array = pc.if_else(surely, array, pa.scalar(None, pa.string()))
    floats = np.asarray(array.cast(pa.float64(), safe=False).fill_null(np.nan))
    odd = valid & ~np.isfinite(floats)
    return np.where(odd, np.nan, floats), odd


def as_times(array: pa.Array) -> Times:
    """Round seconds to whole microseconds, as `microseconds` does."""
    given, odd = as_numbers(array)
    scaled = given * MICROSECOND
    whole = np.rint(scaled)
    # A product is off the decimal by less than 1/8: what is this near to a half may be either.
    unsure = ~(np.abs(scaled - whole) < 0.35) & ~np.isnan(given)  # noqa: PLR2004  see units.py
    return Times(whole, odd | unsure | (given < 0) | (given > MAX_SECONDS))


def fractions_of(
    array: pa.Array, read: Callable[[Any], Fraction]
) -> tuple[npt.NDArray[np.intp], list[Fraction]]:
    """Read each value that occurs, once.

    Args:
        array: Numbers or text.
        read: Makes a fraction of a value, or raises `InputError`.

    Returns:
        For each row the place of its fraction, -1 where nothing is given; and the fractions, of
        which one that is endless stands for a value that is none.
    """
    encoded = array.dictionary_encode()
    places = np.asarray(encoded.indices.fill_null(-1)).astype(np.intp)
    values = []
    for value in encoded.dictionary.to_pylist():
        try:
            values.append(read(value))
        except InputError:
            values.append(ENDLESS)
    return places, values
