from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from mh_preflight.batch import ANSWERS, Terms, estimate_batches, estimate_table

DAY = date(2026, 11, 22)
ROWS = 3000


def jobs() -> pa.Table:
    """Make jobs whose facts are stated, every seventh of them wrong."""
    return pa.table(
        {
            "number": list(range(ROWS)),
            "endpoint": ["lip-sync" if number % 7 else "lip-sink" for number in range(ROWS)],
            "video": ["v.mp4"] * ROWS,
            "audio": ["a.mp3"] * ROWS,
            "end_seconds": [1 + number % 15 for number in range(ROWS)],
            "video_fps": ["30000/1001" if number % 2 else "60" for number in range(ROWS)],
            "video_duration_seconds": [20.0] * ROWS,
            "audio_duration_seconds": [20.0] * ROWS,
        }
    )


def answers() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = estimate_table(jobs(), plan="creator", as_of=DAY).to_pylist()
    return rows


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_polars_prices_within_a_lazy_frame(engine: Any) -> None:
    pl = pytest.importorskip("polars")

    def price(frame: Any) -> Any:
        return pl.DataFrame(estimate_table(frame, plan="creator", as_of=DAY))

    frame = pl.DataFrame(jobs()).lazy()
    schema = {**frame.collect_schema(), **pl.DataFrame(ANSWERS.empty_table()).schema}
    answered = frame.map_batches(price, schema=schema, streamable=True)
    assert answered.collect(engine=engine).to_dicts() == answers()


def test_duckdb_reads_answers_as_they_come() -> None:
    duckdb = pytest.importorskip("duckdb")
    table = jobs()
    with duckdb.connect() as source, duckdb.connect() as target:
        source.register("jobs", table)
        stream = pa.RecordBatchReader.from_stream(source.sql("SELECT * FROM jobs"))
        answered = pa.RecordBatchReader.from_batches(
            pa.schema([*stream.schema, *ANSWERS]),
            estimate_batches(stream, Terms(plan="creator", as_of=DAY)),
        )
        target.register("answered", answered)
        sums = target.sql("SELECT sum(hold_credits), count(error_code) FROM answered")
        expected = answers()
        assert sums.fetchall() == [
            (
                sum(row["hold_credits"] or 0 for row in expected),
                sum(row["error_code"] is not None for row in expected),
            )
        ]


def test_a_function_from_batches_to_batches_needs_no_more_than_the_table() -> None:
    def price(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Do what Spark's mapInArrow asks for."""
        for batch in batches:
            yield from estimate_table(batch, plan="creator", as_of=DAY).to_batches()

    answered = pa.Table.from_batches(price(jobs().to_batches(max_chunksize=700)))
    assert answered.to_pylist() == answers()
