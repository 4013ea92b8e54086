"""Files of jobs: what is read, and the one clear error where that cannot be."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tabling import DAY, LIP, TERMS, names_in, read_rows, write_rows

from mh_preflight.batch import Terms
from mh_preflight.batch.files import run_batch
from mh_preflight.errors import InputError

HEAD = ",".join(LIP)
ROW = ",".join(str(value) for value in LIP.values())
GOOD = json.dumps(LIP)
BIG = 9_007_199_254_740_993  # 2^53 + 1


def answers(folder: Path, name: str, content: bytes) -> list[dict[str, Any]]:
    (folder / name).write_bytes(content)
    run_batch(folder / name, folder / "out.jsonl", TERMS)
    return read_rows(folder / "out.jsonl")


def error_of(folder: Path, jobs: Path, output: str = "out.jsonl") -> InputError:
    """Let a run fail, and see that it leaves nothing behind."""
    before = names_in(folder)
    with pytest.raises(InputError) as caught:
        run_batch(jobs, folder / output, TERMS)
    assert names_in(folder) == before
    assert "\n" not in caught.value.message
    return caught.value


# -------------------------------------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEAD},note\n{ROW},x\n",
        f'"{HEAD.replace(",", chr(34) + "," + chr(34))}",note\n{ROW},x\n',
        f"{HEAD},note\r\n{ROW},x\r\n",
        f"{HEAD},note\r{ROW},x\r",
        f"\n\n{HEAD},note\n\n{ROW},x\n\n\n",
        f"{HEAD},note\n{ROW},x",
        f'{HEAD},note\n{ROW},"x"\n',
    ],
    ids=["mark", "quoted names", "CRLF", "CR", "blank lines", "no last break", "quotes"],
)
def test_csv_in_all_its_forms_is_the_same_row(tmp_path: Path, content: str) -> None:
    (row,) = answers(tmp_path, "jobs.csv", content.encode())
    assert (row["endpoint"], row["note"]) == ("lip-sync", "x")
    assert row["settled_credits_high"] == 900


def test_quotes_commas_and_line_breaks_stay_in_their_cell(tmp_path: Path) -> None:
    text = 'a ""b"", c\r\nd\n\ne'
    rows = answers(tmp_path, "jobs.csv", f'{HEAD},note\n{ROW},"{text}"\n{ROW},\n'.encode())
    assert [row["note"] for row in rows] == [text.replace('""', '"'), None]


def test_an_empty_cell_is_a_value_that_is_not_given(tmp_path: Path) -> None:
    row = ROW.replace(",15,", ",,")
    first, second = answers(tmp_path, "jobs.csv", f"{HEAD}\n{row}\n{ROW}\n".encode())
    assert (first["window_seconds"], second["window_seconds"]) == (20, 15)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{HEAD}\n{ROW}\nlip-sync,v.mp4\n".encode(), ["Row #3", "Expected 7 columns, got 2"]),
        (f"{HEAD}\n{ROW},more\n".encode(), ["Row #2", "Expected 7 columns, got 8"]),
        (f"{HEAD}\n{ROW}\n".encode() * 2 + b"\xff" + ROW.encode(), ["Row #5", "UTF8", "#0"]),
        (f"{HEAD},n\n".replace("n\n", "\xff\n").encode("latin-1"), ["0xff"]),
        (b"", ["Empty CSV file"]),
        (b"\n\n", ["Empty CSV file"]),
        (b"\xef\xbb\xbf", ["Empty CSV file"]),
        (f"{HEAD},video\n{ROW},v\n".encode(), ["column video", "twice"]),
        (f"{HEAD},n,n\n{ROW},1,2\n".encode(), ["column n", "twice"]),
        (f"{HEAD},error_code\n{ROW},1\n".encode(), ["column error_code", "rename"]),
        (f"{HEAD}\n{ROW}\n".encode().replace(b"endpoint", b"tool"), ["column endpoint", "tool"]),
        (b"endpoint\nlip-sync\n", ["column request", "missing"]),
    ],
    ids=range(12),
)
def test_csv_that_cannot_be_read_is_one_error_that_says_where(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    (tmp_path / "jobs.csv").write_bytes(content)
    error = error_of(tmp_path, tmp_path / "jobs.csv")
    assert error.code == "bad-table"
    for word in words:
        assert word in error.message


def test_a_bad_row_far_down_is_named_too(tmp_path: Path) -> None:
    rows = f"{ROW}\n" * 60_000  # several blocks
    (tmp_path / "jobs.csv").write_text(f"{HEAD}\n{rows}lip-sync\n")
    assert "Row #60002" in error_of(tmp_path, tmp_path / "jobs.csv").message


def test_a_table_without_rows_has_answers_without_rows(tmp_path: Path) -> None:
    assert answers(tmp_path, "jobs.csv", f"{HEAD}\n".encode()) == []


# ------------------------------------------------------------------------------------- JSON Lines


def test_json_lines_of_mixed_types_are_read_and_given_back(tmp_path: Path) -> None:
    others = [1, 2.5, "text", None, True, [1, {"a": None}], {"b": "\u00fc"}, 10**400, BIG]
    lines = [json.dumps({**LIP, "other": other}) for other in others]
    rows = answers(tmp_path, "jobs.jsonl", "\n\n".join(lines).encode())
    assert [row["other"] for row in rows] == others
    assert {row["hold_credits"] for row in rows} == {900}


@pytest.mark.parametrize("others", [[BIG, 1], [BIG, 0.5], [-BIG, None], [2**63, 1], [1, 0.5]])
def test_whole_numbers_stay_whole_however_large(tmp_path: Path, others: list[Any]) -> None:
    lines = [json.dumps({**LIP, "other": other}) for other in others]
    rows = answers(tmp_path, "jobs.jsonl", "\n".join(lines).encode())
    assert [row["other"] for row in rows] == others


def test_a_request_may_be_an_object_or_its_text(tmp_path: Path) -> None:
    assets = {"video_source": "file", "video_file_path": "v.mp4", "audio_file_path": "a.mp3"}
    body = {"assets": assets, "start_seconds": 0, "end_seconds": 15}
    facts = {name: LIP[name] for name in LIP if name.startswith(("video_", "audio_"))}
    rows = [{"endpoint": "lip-sync", "request": one, **facts} for one in (body, json.dumps(body))]
    found = answers(tmp_path, "jobs.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert [row["hold_credits"] for row in found] == [900, 900]
    assert found[0]["request"] == body


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "true", "[1]", '"soon"', "9" * 400])
def test_a_start_that_is_no_time_costs_its_row_only(tmp_path: Path, value: str) -> None:
    wrong = GOOD.replace('"end_seconds": 15', f'"end_seconds": 15, "start_seconds": {value}')
    good, bad, last = answers(tmp_path, "jobs.jsonl", f"{GOOD}\n{wrong}\n{GOOD}".encode())
    assert (good["hold_credits"], last["hold_credits"]) == (900, 900)
    assert "start_seconds" in bad["error_message"]
    assert (bad["hold_credits"], bad["settled_kind"], bad["findings"]) == (None, None, None)


@pytest.mark.parametrize(
    "line",
    [
        b'{"endpoint": ',
        b"[1]",
        b"7",
        b'{"endpoint": "\xff"}',
        b'{"endpoint": "\\ud800"}',
        b'{"a": ' + b"[" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=range(7),
)
def test_a_line_that_is_no_job_is_named_by_its_number(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "jobs.jsonl").write_bytes(f"\ufeff{GOOD}\n\n".encode() + line + b"\n")
    error = error_of(tmp_path, tmp_path / "jobs.jsonl")
    assert (error.code, "line 3" in error.message) == ("bad-table", True)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n"])
def test_json_lines_without_jobs_have_no_columns(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.jsonl").write_bytes(content)
    assert "column endpoint: is missing" in error_of(tmp_path, tmp_path / "jobs.jsonl").message


# ---------------------------------------------------------------------------------------- Parquet


@pytest.mark.parametrize("part", [0, 7, 0.5, 0.99])
def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path, part: float) -> None:
    path = write_rows(tmp_path / "jobs.parquet", [LIP] * 100)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part if part >= 1 else part * len(whole))])
    error = error_of(tmp_path, path)
    assert (error.code, error.source) == ("bad-table", str(path))


def test_a_parquet_file_that_is_damaged_within_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = [{**LIP, "note": f"{number:x}"} for number in range(5000)]
    path = write_rows(tmp_path / "jobs.parquet", rows)
    whole = bytearray(path.read_bytes())
    whole[4:2000] = bytes(1996)
    path.write_bytes(whole)
    assert error_of(tmp_path, path).code == "bad-table"


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("start_seconds", pa.array([[1]])),
        ("start_seconds", pa.array([True])),
        ("start_seconds", pa.array([0], pa.timestamp("us"))),
        ("endpoint", pa.array([5])),
        ("video", pa.array([b"v.mp4"])),
        ("mode", pa.array([1]).dictionary_encode()),
        ("request", pa.array([{"assets": 1}])),
        ("plan", pa.array([1.5])),
    ],
)
def test_a_column_of_a_wrong_type_is_named(tmp_path: Path, name: str, array: pa.Array) -> None:
    columns = {**{key: [value] for key, value in LIP.items()}, name: array}
    parquet.write_table(pa.table(columns), tmp_path / "jobs.parquet")
    error = error_of(tmp_path, tmp_path / "jobs.parquet")
    assert (error.code, error.field) == ("bad-table", name)
    assert str(array.type).partition("<")[0].removeprefix("dictionary") in error.message
    assert "must hold" in error.message


@pytest.mark.parametrize(
    "kind", [pa.int16(), pa.uint64(), pa.float32(), pa.decimal128(9, 3), pa.string(), pa.null()]
)
def test_numbers_of_every_kind_are_numbers(tmp_path: Path, kind: pa.DataType) -> None:
    given = [None] if pa.types.is_null(kind) else [Decimal(15) if "dec" in str(kind) else 15]
    array = pa.array(["15"] if kind == pa.string() else given, kind)
    columns = {**{key: [value] for key, value in LIP.items()}, "end_seconds": array}
    parquet.write_table(pa.table(columns), tmp_path / "jobs.parquet")
    run_batch(tmp_path / "jobs.parquet", tmp_path / "out.jsonl", TERMS)
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert row["hold_credits"] == (1200 if pa.types.is_null(kind) else 900)


def test_categories_that_differ_from_batch_to_batch_are_kept(tmp_path: Path) -> None:
    path, words, rows = tmp_path / "jobs.parquet", ("one", "two", "three"), 1000
    columns: dict[str, Any] = {key: [value] * rows for key, value in LIP.items()}
    columns["endpoint"] = pa.array(columns["endpoint"]).dictionary_encode()
    tables = [
        pa.table({**columns, "note": pa.array([word] * rows).dictionary_encode()}) for word in words
    ]
    with parquet.ParquetWriter(path, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    outcome = run_batch(path, tmp_path / "out.parquet", TERMS)
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found["note"].to_pylist() == [word for word in words for _ in range(rows)]
    assert outcome.totals.endpoints["lip-sync"].hold_credits == 900 * 3 * rows


def test_a_categorical_of_polars_is_read_from_parquet(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame([LIP] * 3).with_columns(
        pl.col("endpoint").cast(pl.Categorical), plan=pl.lit("pro").cast(pl.Enum(["pro", "free"]))
    )
    frame.write_parquet(tmp_path / "jobs.parquet")
    outcome = run_batch(tmp_path / "jobs.parquet", tmp_path / "out.csv", TERMS)
    assert outcome.totals.plans["pro"].hold_credits == 2700


# -------------------------------------------------------------------------------- files in general


def test_an_ending_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text(f"{HEAD}\n{ROW}\n")
    assert ".csv, .jsonl or .parquet" in error_of(tmp_path, tmp_path / "jobs.txt").message
    write_rows(tmp_path / "jobs.csv", [LIP])
    assert ".csv, .jsonl or .parquet" in error_of(tmp_path, tmp_path / "jobs.csv", "o.xls").message


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path: Path, ending: str) -> None:
    missing = tmp_path / f"missing.{ending}"
    assert "No such file" in error_of(tmp_path, missing).message
    folder = tmp_path / f"folder.{ending}"
    folder.mkdir()
    assert str(folder) in error_of(tmp_path, folder).message


def test_the_ending_may_be_in_capitals_and_have_another_name(tmp_path: Path) -> None:
    write_rows(tmp_path / "jobs.csv", [LIP]).rename(tmp_path / "jobs.CSV")
    run_batch(tmp_path / "jobs.CSV", tmp_path / "out.ndjson", Terms(as_of=DAY))
    assert (tmp_path / "out.ndjson").read_text().count("\n") == 1
