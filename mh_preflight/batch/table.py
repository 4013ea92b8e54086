"""What does each row cost? A table in, the same table with its answers out."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mh_preflight.batch.answers import Answers
from mh_preflight.batch.columns import ANSWERS, JobColumns, check_schema
from mh_preflight.batch.groups import plain_rows
from mh_preflight.batch.plain import price_plain
from mh_preflight.batch.single import Asked, Reader, answer_row, ask_row, unexpected
from mh_preflight.batch.terms import Terms
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.rates import Basis, RateCard
from mh_preflight.units import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mh_preflight.media import Isolation, Limits, ProbeCache

__all__ = ["estimate_batches", "estimate_table"]

ROWS = 1 << 16
"""Rows that are worked on at a time."""

SLICE = 256
"""Rows whose files are read at a time."""


def estimate_table(  # noqa: PLR0913  what prices depend on
    table: Any,
    *,
    plan: Plan | None = None,
    as_of: date | None = None,
    rates: RateCard | None = None,
    basis: Basis = "annual",
    folder: str = "",
    offline: bool = False,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    cache: ProbeCache | None = None,
    workers: int | None = None,
    max_age_days: int | None = None,
    used_credits: int = 0,
) -> pa.Table:
    """Price a table of jobs, one a row, without sending anything.

    A row that is wrong gets `error_code` and `error_message` and no other answer; the rest goes
    on. Rows whose facts are all stated are not read from the disk.

    Args:
        table: Anything with the Arrow C stream interface: of pyarrow, polars, pandas, duckdb. Its
            columns: `endpoint`; then the fields of a job (`video`, `audio`, `image`, `youtube`,
            `start_seconds`, `end_seconds`, `max_fps_limit`, `mode`, `width`, `height`,
            `resolution`), or `request`, the API's JSON body; and where known `plan`, `video_fps`,
            `video_duration_seconds`, `audio_duration_seconds`. Others are handed on.
        plan: The plan of rows that name none.
        as_of: The day whose rates and rules count; today (UTC) by default.
        rates: The rate card; the bundled one by default.
        basis: How credits are paid, for the US dollars: `annual`, `monthly` or `usage`.
        folder: Where relative paths count from.
        offline: Read nothing but local files.
        isolation: As for `probe`.
        limits: As for `probe`.
        cache: As for `probe`.
        workers: Files that are read at once.
        max_age_days: Rows whose rates were last checked more days before have no price.
        used_credits: Credits that were used this month already; where usage is billed, each row is
            priced from the next one on.

    Returns:
        The table with the columns of `ANSWERS`; rows and their order stay.

    Raises:
        InputError: A column is missing or of a wrong type, or an argument cannot be used.

    Example:
        >>> import pyarrow as pa
        >>> jobs = pa.table(
        ...     {
        ...         "endpoint": ["lip-sync"],
        ...         "video": ["v.mp4"],
        ...         "audio": ["a.mp3"],
        ...         "end_seconds": [15],
        ...         "video_fps": ["60"],
        ...         "video_duration_seconds": [20.0],
        ...         "audio_duration_seconds": [20.0],
        ...     }
        ... )
        >>> estimate_table(jobs, plan="creator")["settled_credits_high"].to_pylist()
        [900]
    """
    reading = (folder, offline, isolation, limits, cache, workers)
    terms = Terms(plan, as_of, rates, basis, *reading, max_age_days, used_credits)
    stream = _stream_of(table)
    batches = list(estimate_batches(stream, terms))
    return pa.Table.from_batches(batches, _answered(stream.schema))


def estimate_batches(
    stream: pa.RecordBatchReader, terms: Terms, *, done: Callable[[int], None] | None = None
) -> Iterator[pa.RecordBatch]:
    """Price a stream of jobs, batch by batch, as `estimate_table` does.

    Args:
        stream: Batches of jobs.
        terms: By which terms.
        done: Called with the number of rows that were just answered.

    Yields:
        The batches with the columns of `ANSWERS`, cut into pieces of at most 65,536 rows.

    Raises:
        InputError: A column is missing or of a wrong type.
    """
    check_schema(stream.schema)
    schema = _answered(stream.schema)
    with Reader(terms) as reader:
        for whole in stream:
            for first in range(0, whole.num_rows, ROWS):
                batch = whole.slice(first, ROWS)
                columns = _answer(batch, terms, reader, done or (lambda _: None))
                yield pa.RecordBatch.from_arrays([*batch.columns, *columns], schema=schema)


def _stream_of(table: Any) -> pa.RecordBatchReader:
    if isinstance(table, pa.RecordBatchReader):
        return table
    if not hasattr(table, "__arrow_c_stream__"):
        raise InputError(
            "table: must have the Arrow C stream interface, as tables of pyarrow, polars, pandas "
            "and duckdb have",
            field="table",
        )
    return pa.RecordBatchReader.from_stream(table)


def _answered(schema: pa.Schema) -> pa.Schema:
    return pa.schema([*schema, *ANSWERS], schema.metadata)


def _answer(
    batch: pa.RecordBatch, terms: Terms, reader: Reader, done: Callable[[int], None]
) -> list[pa.Array]:
    columns = JobColumns.of(batch)
    answers = Answers(batch.num_rows, terms.day)
    left = _price_alike(columns, terms, answers)
    done(batch.num_rows - len(left))
    for first in range(0, len(left), SLICE):
        _price_single(columns, left[first : first + SLICE], terms, reader, answers)
        done(len(left[first : first + SLICE]))
    return answers.columns()


def _price_single(
    columns: JobColumns, rows: list[int], terms: Terms, reader: Reader, answers: Answers
) -> None:
    """Price rows one by one."""
    asked: list[Asked] = []
    for row in rows:
        try:
            asked.append(ask_row(row, columns.cells(row), terms))
        except PreflightError as error:
            answers.errors[row] = error
        except Exception as error:  # noqa: BLE001  a fault of ours costs its row and not the run
            answers.errors[row] = unexpected(error)
    media = reader.media(asked)
    for one in asked:
        try:
            answer_row(one, media, terms, answers)
        except PreflightError as error:
            answers.errors[one.row] = error
        except Exception as error:  # noqa: BLE001  the same
            answers.errors[one.row] = unexpected(error)


def _price_alike(columns: JobColumns, terms: Terms, answers: Answers) -> list[int]:
    """Price the plain rows of a batch, those that run alike together; give the others."""
    groups, left = plain_rows(columns, terms, answers)
    others = [price_plain(group, answers) for group in groups]
    return sorted(np.concatenate([left, *others]).tolist())
