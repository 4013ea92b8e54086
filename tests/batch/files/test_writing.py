"""Files of answers: the same in every format, with all columns of the jobs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tabling import FORMATS, LIP, PHOTO, TERMS, names_in, read_rows, write_rows

from mh_preflight.batch import ANSWERS
from mh_preflight.batch.files import run_batch
from mh_preflight.batch.files.writing import whole_file

ROWS = [
    {**LIP, "note": 'first, "quoted"\nline'},
    {**PHOTO, "note": None},
    {**LIP, "max_fps_limit": 24, "note": "x"},
    {**LIP, "endpoint": "no-such-tool", "note": "\u00fc \U0001f3ac"},
    {**LIP, "end_seconds": None, "video_fps": "30000/1001"},
]
# 15 s at 60 are 900; 15 s at 24 are 360; 20 s at 30000/1001 are ceil(599.4) = 600 frames; the
# photo's rate on that day is a range.
HOLDS = [900, None, 450, None, 600]


def test_every_format_gives_the_same_answers_from_every_format(tmp_path: Path) -> None:
    texts = {}
    for source, target in product(FORMATS, FORMATS):
        jobs = write_rows(tmp_path / f"jobs.{source}", ROWS)
        output = tmp_path / f"{source}.{target}"
        run_batch(jobs, output, TERMS)
        rows = read_rows(output)
        assert [row["note"] for row in rows] == [row.get("note") for row in ROWS]
        texts[source, target] = [as_text(row) for row in rows]
    one = texts["csv", "csv"]
    assert all(other == one for other in texts.values())
    for row, hold in zip(one, HOLDS, strict=True):
        assert hold is None or row["hold_credits"] == str(hold)
    assert one[2]["settled_credits_high"] == "360"
    assert [row["error_code"] for row in one] == [None, None, None, "unknown-endpoint", None]


def as_text(row: dict[str, Any]) -> dict[str, str | None]:
    """Write answers as CSV does, so that rows of all formats can be compared."""
    answers = {name: row[name] for name in ANSWERS.names}
    if isinstance(answers["findings"], list):
        answers["findings"] = " ".join(answers["findings"])
    if isinstance(answers["refused"], bool):
        answers["refused"] = str(answers["refused"]).lower()
    if answers["window_seconds"] is not None:
        answers["window_seconds"] = float(answers["window_seconds"])
    if answers["usd_hold"] is not None:
        answers["usd_hold"] = Decimal(answers["usd_hold"])
    return {name: None if value is None else str(value) or None for name, value in answers.items()}


def test_findings_are_a_list_or_words_with_spaces_between(tmp_path: Path) -> None:
    expected = ["fps-above-30", "audio-longer-than-window"]
    for kind in FORMATS:
        run_batch(write_rows(tmp_path / f"jobs.{kind}", [LIP]), tmp_path / f"out.{kind}", TERMS)
        (row,) = read_rows(tmp_path / f"out.{kind}")
        assert row["findings"] == (" ".join(expected) if kind == "csv" else expected)


def test_the_added_columns_follow_those_of_the_jobs(tmp_path: Path) -> None:
    for kind in FORMATS:
        run_batch(write_rows(tmp_path / f"jobs.{kind}", [LIP]), tmp_path / f"out.{kind}", TERMS)
        (row,) = read_rows(tmp_path / f"out.{kind}")
        assert list(row) == [*LIP, *ANSWERS.names]


def test_objects_of_json_lines_come_back_as_objects(tmp_path: Path) -> None:
    other = {"deep": [1, {"a": None, "b": 1.5}], "text": "\u00fc"}
    jobs = write_rows(tmp_path / "jobs.jsonl", [{**LIP, "other": other, "list": [1, "a"]}])
    run_batch(jobs, tmp_path / "out.jsonl", TERMS)
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert (row["other"], row["list"]) == (other, [1, "a"])
    run_batch(jobs, tmp_path / "out.csv", TERMS)
    assert json.loads(read_rows(tmp_path / "out.csv")[0]["other"]) == other


STAMP = 1_790_000_000_123_456_789
OTHERS: list[tuple[pa.Array, Any, str | None]] = [
    (pa.array([["a", None, "b c"]]), ["a", None, "b c"], '["a",null,"b c"]'),
    (pa.array([{"a": 1, "b": b"\xff"}]), {"a": 1, "b": "_w=="}, '{"a":1,"b":"_w=="}'),
    (pa.array([[1.5, float("nan")]]), [1.5, None], "[1.5,null]"),
    (pa.array([b"\xff\x00"]), "_wA=", "_wA="),
    (pa.array(["x"], pa.string_view()), "x", "x"),
    (pa.array(["x"], pa.large_string()), "x", "x"),
    (pa.array(["x"]).dictionary_encode(), "x", "x"),
    (pa.array([7]).dictionary_encode(), 7, "7"),
    (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1, str(2**64 - 1)),
    (pa.array([Decimal("1.50")]), "1.50", "1.50"),
    (pa.array([True]), True, "true"),
    (pa.array([date(2026, 1, 2)]), "2026-01-02", "2026-01-02"),
    (pa.nulls(1), None, None),
    (
        pa.array([datetime(2026, 1, 2, 3, tzinfo=UTC)]),
        "2026-01-02T03:00:00Z",
        "2026-01-02 03:00:00.000000Z",
    ),
    (
        pa.array([STAMP], pa.timestamp("ns")),
        "2026-09-21 14:13:20.123456789",
        "2026-09-21 14:13:20.123456789",
    ),
]


@pytest.mark.parametrize(("array", "in_json", "in_csv"), OTHERS, ids=lambda one: "")
def test_columns_that_are_only_handed_on_survive(
    tmp_path: Path, array: pa.Array, in_json: Any, in_csv: str | None, monkeypatch: Any
) -> None:
    columns = {name: [value] for name, value in LIP.items()}
    parquet.write_table(pa.table({**columns, "other": array}), tmp_path / "jobs.parquet")
    # Without pandas, pyarrow has no Python object for times in nanoseconds.
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = {}
    for kind in FORMATS:
        run_batch(tmp_path / "jobs.parquet", tmp_path / f"out.{kind}", TERMS)
        if kind != "parquet":
            found[kind] = read_rows(tmp_path / f"out.{kind}")[0]["other"]
    assert found == {"csv": in_csv, "jsonl": in_json}
    kept = parquet.read_table(tmp_path / "out.parquet")["other"]
    given = parquet.read_table(tmp_path / "jobs.parquet")["other"]
    assert (kept.type, str(kept)) == (given.type, str(given))


def test_answers_are_in_their_own_types_in_parquet(tmp_path: Path) -> None:
    run_batch(write_rows(tmp_path / "jobs.csv", [LIP]), tmp_path / "out.parquet", TERMS)
    schema = parquet.read_schema(tmp_path / "out.parquet")
    for name in ("queued_credits", "usd_hold", "rate_as_of", "window_seconds"):
        assert schema.field(name).type == ANSWERS.field(name).type
    assert pa.types.is_list(schema.field("findings").type)


def test_a_file_that_was_not_finished_is_removed_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_file(path, tmp_path / "new") as new:
        new.write_text("half\ud800", encoding="utf-8")
    assert (path.read_text(), names_in(tmp_path)) == ("old", {"out.csv"})
    with whole_file(path, tmp_path / "new") as new:
        new.write_text("whole")
    assert (path.read_text(), names_in(tmp_path)) == ("whole", {"out.csv"})
