"""How are answers written? CSV, JSON Lines and Parquet, whole or not at all."""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import KNOWN, NUMBERS, as_text
from mh_preflight.batch.files.reading import AS_JSON, format_of
from mh_preflight.units import number_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["sync_folder", "whole_file", "writer_of"]


AT_ONCE = 1 << 12
"""Rows that are Python's objects at a time."""


class Writer(Protocol):
    """Takes batches."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""

    def close(self) -> None:
        """Write what is left."""


@contextmanager
def whole_file(path: Path, beside: Path) -> Iterator[Path]:
    """Let a file be written, which takes the place of another once it is whole.

    Args:
        path: What it becomes.
        beside: What it is called until then; nothing is left of it where writing fails.
    """
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make sure that names of files are kept, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def writer_of(path: Path, name: Path, schema: pa.Schema) -> Writer:
    """Open a file to write answers to.

    Args:
        path: The file.
        name: What it will be called, the ending of which says its format.
        schema: The columns.
    """
    kinds: dict[str, Callable[[Path, pa.Schema], Writer]] = {
        "csv": _CsvWriter,
        "jsonl": _JsonWriter,
        "parquet": _parquet_writer,
    }
    return kinds[format_of(name)](path, schema)


def _parquet_writer(path: Path, schema: pa.Schema) -> Writer:
    from pyarrow import parquet

    writer: Writer = parquet.ParquetWriter(path, schema)
    return writer


class _CsvWriter:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        from pyarrow import csv

        flat = pa.schema([pa.field(field.name, _flat(field.type)) for field in schema])
        options = csv.WriteOptions(quoting_style="needed")
        self._writer = csv.CSVWriter(path, flat, write_options=options)
        self._schema = flat

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [
            _flattened(column, field.name)
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        self._writer.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _flat(kind: pa.DataType) -> pa.DataType:
    plain = (pa.types.is_primitive, pa.types.is_decimal, pa.types.is_null, pa.types.is_large_string)
    return kind if any(is_plain(kind) for is_plain in plain) else pa.string()


def _flattened(column: pa.Array, name: str) -> pa.Array:
    kind = column.type
    if name == "findings":
        return pc.binary_join(column, " ")
    if _flat(kind) == kind:
        return column
    if pa.types.is_dictionary(kind) or pa.types.is_string_view(kind):
        return as_text(column)
    texts = [None if value is None else _json_text(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


class _JsonWriter:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("wb")
        self._readers = {field.name: _back(field) for field in schema}

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [_readable(column) for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        for first in range(0, batch.num_rows, AT_ONCE):
            for row in batch.slice(first, AT_ONCE).to_pylist():
                given = {name: self._readers[name](value) for name, value in row.items()}
                self._file.write(_json(given) + b"\n")

    def close(self) -> None:
        self._file.close()


def _readable(column: pa.Array) -> pa.Array:
    """Give times that are finer than Python's own as text."""
    kind = column.type
    fine = pa.types.is_timestamp(kind) or pa.types.is_time64(kind) or pa.types.is_duration(kind)
    return column.cast(pa.string()) if fine and kind.unit == "ns" else column


def _back(field: pa.Field) -> Callable[[Any], Any]:
    """Give what makes of a value again what stood in the jobs."""
    if field.metadata == AS_JSON and field.name not in KNOWN:
        return lambda value: None if value is None else json.loads(value)
    if field.metadata == AS_JSON:
        return _known_back
    if field.name in NUMBERS and pa.types.is_string(field.type):
        return lambda value: value if value is None else _number_or_text(value)
    return lambda value: value


def _known_back(value: Any) -> Any:
    try:
        return value if value is None else json.loads(value)
    except ValueError:
        return value


def _number_or_text(value: str) -> int | float | str:
    number = number_in(value)
    return value if number is None or not math.isfinite(number) else number


def _json(value: Any) -> bytes:
    """Write JSON: decimals and dates as text, and null for what is no number."""
    from pydantic_core import to_json

    return to_json(value, inf_nan_mode="null", bytes_mode="base64", serialize_unknown=True)


def _json_text(value: Any) -> str:
    """Write a value of a cell: JSON, but bytes without the quotes."""
    text = _json(value).decode()
    return text[1:-1] if isinstance(value, bytes) else text
