"""Which jobs are in a file? CSV, JSON Lines and Parquet, a batch of rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from mh_preflight.batch.columns import KNOWN, NUMBERS
from mh_preflight.errors import InputError
from mh_preflight.units import one_line

__all__ = ["AS_JSON", "JobsFile", "format_of", "open_jobs"]

ROWS = 1 << 14
"""Rows that are read at a time."""

FORMATS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}

AS_JSON = {b"mh_preflight": b"json"}
"""Marks a column whose text is JSON, because its rows held different things."""

LONGEST_ROW = 1 << 20  # bytes of a row of CSV

BIGGEST = 1 << 63  # what no whole number of a column reaches
EXACT = 1 << 53  # up to which a float holds every whole number


class JobsFile:
    """A file of jobs that was looked through: it is whole, and its columns are known.

    Attributes:
        path: The file.
        schema: Its columns.
        rows: How many jobs it holds.
    """

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self.path = path
        self.schema = schema
        self.rows = rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the jobs, at most 16,384 rows at a time.

        Raises:
            InputError: The file cannot be read.
        """
        with _clear_errors(self.path):
            for batch in _READERS[format_of(self.path)](self.path, self.schema):
                for first in range(0, batch.num_rows, ROWS):
                    yield batch.slice(first, ROWS)


def open_jobs(path: Path) -> JobsFile:
    """Look through a file of jobs.

    Args:
        path: The file; the ending of its name says its format.

    Raises:
        InputError: It cannot be read, is cut off, or is of no format that is known.
    """
    looks = {"csv": _look_csv, "jsonl": _look_jsonl, "parquet": _look_parquet}
    with _clear_errors(path):
        schema, rows = looks[format_of(path)](path)
    return JobsFile(path, schema, rows)


def format_of(path: Path) -> str:
    """Tell the format of a file by its name.

    Raises:
        InputError: It is none that is known.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{one_line(str(path))!r}: the name must end in .csv, .jsonl or .parquet",
            code="bad-table",
            source=str(path),
        )
    return kind


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Say in one line which file cannot be read, and why."""
    name = one_line(str(path))
    try:
        yield
    except (pa.ArrowException, UnicodeError) as error:
        reason = one_line(str(error).partition("\n")[0], 200)
        message = f"{name!r} cannot be read: {reason}"
        raise InputError(message, code="bad-table", source=str(path)) from None
    except OSError as error:
        message = f"{name!r} cannot be read: {error.strerror or one_line(str(error), 200)}"
        raise InputError(message, code="bad-table", source=str(path)) from None


# ------------------------------------------------------------------------------------------- CSV


def _open_csv(path: Path, names: list[str]) -> Any:
    from pyarrow import csv

    return csv.open_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False, block_size=LONGEST_ROW),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _look_csv(path: Path) -> tuple[pa.Schema, int]:
    with _open_csv(path, []) as first:
        names = first.schema.names
    with _open_csv(path, names) as reader:
        return reader.schema, sum(batch.num_rows for batch in reader)


def _read_csv(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with _open_csv(path, schema.names) as reader:
        yield from reader


# ------------------------------------------------------------------------------------ JSON Lines


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                if b"\\ud" in line.lower():  # half a letter is no text that can be kept
                    json.dumps(row, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise InputError(
                    f"{one_line(str(path))!r}: line {number} is no JSON object in UTF-8",
                    code="bad-table",
                    source=str(path),
                )
            yield row


def _look_jsonl(path: Path) -> tuple[pa.Schema, int]:
    kinds: dict[str, set[str]] = {}
    rows = 0
    for row in _lines(path):
        rows += 1
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
    return pa.schema([_field(name, held - {"null"}) for name, held in kinds.items()]), rows


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
        return "long" if abs(value) < BIGGEST else "huge"
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "other")


def _field(name: str, kinds: set[str]) -> pa.Field:
    types = {
        frozenset(["bool"]): pa.bool_(),
        frozenset(["int"]): pa.int64(),
        frozenset(["long"]): pa.int64(),
        frozenset(["int", "long"]): pa.int64(),
        frozenset(["float"]): pa.float64(),
        frozenset(["int", "float"]): pa.float64(),
        frozenset(["str"]): pa.string(),
        frozenset[str](): pa.string(),
    }
    kind = types.get(frozenset(kinds))
    known = {"bool"} if name in KNOWN else set()
    number = kind is not None and not pa.types.is_string(kind)
    if kind is None or kinds & known or (number and name in KNOWN and name not in NUMBERS):
        return pa.field(name, pa.string(), metadata=AS_JSON)
    return pa.field(name, kind)


def _read_jsonl(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for row in _lines(path):
        rows.append(row)
        if len(rows) == ROWS:
            yield _batch_of(rows, schema)
            rows = []
    if rows:
        yield _batch_of(rows, schema)


def _batch_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if field.metadata == AS_JSON:
            plain = field.name in KNOWN
            values = [
                value
                if value is None or (plain and isinstance(value, str))
                else json.dumps(value, ensure_ascii=False)
                for value in values
            ]
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


# --------------------------------------------------------------------------------------- Parquet


def _look_parquet(path: Path) -> tuple[pa.Schema, int]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return file.schema_arrow, file.metadata.num_rows


def _read_parquet(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    del schema  # it stands in the file
    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS)


_READERS = {"csv": _read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}
