"""How are answers written? CSV, JSON Lines and Parquet, whole or not at all."""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import KNOWN, NUMBERS
from mh_preflight.batch.files.reading import AS_JSON, format_of
from mh_preflight.units import number_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["sync_folder", "whole_file", "writer_of"]


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
        columns = [_flattened(column) for column in batch.columns]
        self._writer.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _flat(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) else kind


def _flattened(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string())
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return pc.binary_join(column, " ")
    if not pa.types.is_nested(kind):
        return column
    texts = [None if value is None else _json(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


class _JsonWriter:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._readers = {field.name: _back(field) for field in schema}

    def write(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            given = {name: self._readers[name](value) for name, value in row.items()}
            self._file.write(f"{_json(given)}\n")

    def close(self) -> None:
        self._file.close()


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


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text)
    except ValueError:  # JSON has no word for what is no number
        return json.dumps(_without_nan(value), ensure_ascii=False, default=_as_text)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_text(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Decimal):
        return str(value)
    return str(value)
