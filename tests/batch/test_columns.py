"""Tables of every maker, and columns of every kind, say the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tabling import DAY, LIP

from mh_preflight.batch import ANSWERS, estimate_table
from mh_preflight.errors import InputError


def table_of(**columns: Any) -> pa.Table:
    """Make a table of the usual job, with some columns of its own; None leaves one out."""
    given = {**{name: [value] for name, value in LIP.items()}, **columns}
    rows = max(len(column) for column in given.values() if column is not None)
    return pa.table(
        {
            name: column if len(column) == rows else list(column) * rows
            for name, column in given.items()
            if column is not None
        }
    )


def priced(table: Any, **terms: Any) -> list[dict[str, Any]]:
    terms = {"plan": "creator", "as_of": DAY, "offline": True, **terms}
    rows: list[dict[str, Any]] = estimate_table(table, **terms).to_pylist()
    return rows


def holds(table: Any, **terms: Any) -> list[int | None]:
    return [row["hold_credits"] for row in priced(table, **terms)]


# ------------------------------------------------------------------------------- who made a table


def makers() -> Iterator[Any]:
    yield pytest.param(lambda table: table, id="table")
    yield pytest.param(lambda table: table.to_batches()[0], id="batch")
    yield pytest.param(lambda table: table.to_reader(), id="reader")
    yield pytest.param(lambda table: pytest.importorskip("polars").DataFrame(table), id="polars")
    yield pytest.param(lambda table: table.to_pandas(), id="pandas")


@pytest.mark.parametrize("make", list(makers()))
def test_a_table_of_any_maker_gives_the_same_answers(make: Any) -> None:
    table = table_of(end_seconds=[15, 10, 15], endpoint=["lip-sync", "x", "lip-sync"])
    found = estimate_table(make(table), plan="creator", as_of=DAY)
    assert found.schema.names == [*table.schema.names, *ANSWERS.names]
    assert found["hold_credits"].to_pylist() == [900, None, 900]
    assert found["error_code"].to_pylist() == [None, "unknown-endpoint", None]


def test_a_relation_of_duckdb_is_a_table_too() -> None:
    duckdb = pytest.importorskip("duckdb")
    table = table_of(end_seconds=[15, 10])
    with duckdb.connect() as connection:
        connection.register("jobs", table)
        relation = connection.sql(
            "SELECT * REPLACE (CAST(end_seconds AS DECIMAL(9, 2)) AS end_seconds) FROM jobs"
        )
        assert holds(relation) == [900, 600]


def test_what_is_no_table_is_refused() -> None:
    for wrong in ([LIP], {"endpoint": ["lip-sync"]}, None, "jobs.csv"):
        with pytest.raises(InputError, match="Arrow C stream") as caught:
            estimate_table(wrong)
        assert caught.value.field == "table"


def test_categories_of_polars_and_pandas_are_text() -> None:
    pl, pd = pytest.importorskip("polars"), pytest.importorskip("pandas")
    table = table_of(endpoint=["lip-sync", "lip-sync", "x"], plan=["pro", None, "free"])
    frame = pl.DataFrame(table).with_columns(
        pl.col("endpoint").cast(pl.Categorical), pl.col("plan").cast(pl.Enum(["free", "pro"]))
    )
    assert holds(frame) == [900, 900, None]
    category = pd.CategoricalDtype(["x", "lip-sync"])
    assert holds(table.to_pandas().astype({"endpoint": category})) == [900, 900, None]


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.uint32(), pa.large_string()),
    ],
    ids=str,
)
def test_text_of_every_kind_is_text(kind: pa.DataType) -> None:
    text = pa.array(["lip-sync", None, "x", "lip-sync"], pa.string())
    if pa.types.is_dictionary(kind):
        values = pa.array(["x", "lip-sync"]).cast(kind.value_type)
        endpoint = pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0, 1], kind.index_type), values
        )
    else:
        endpoint = text.cast(kind)
    rows = priced(table_of(endpoint=endpoint))
    assert [row["hold_credits"] for row in rows] == [900, None, None, 900]
    assert [row["error_code"] for row in rows] == [
        None,
        "unknown-endpoint",
        "unknown-endpoint",
        None,
    ]
    assert [row["hold_credits"] for row in priced(table_of(endpoint=endpoint).slice(2))] == [
        None,
        900,
    ]


# ---------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("limit", "end", "frames"),
    [
        # A float32 counts as the decimal that prints it, not as the nearest binary fraction.
        (pa.array([12.3], pa.float32()), 10, 123),
        (pa.array([12.3], pa.float64()), 10, 123),
        (pa.array([Decimal("63.797")]), 1000, 63_797),
        (pa.array([Decimal("63.797")], pa.decimal256(50, 20)), 1000, 63_797),
        (pa.array(["63.797"]), 1000, 63_797),
        (pa.array(["24"]).dictionary_encode(), 10, 240),
        (pa.array([24], pa.uint8()), 10, 240),
        (pa.array([24], pa.float16()), 10, 240),
    ],
)
def test_a_limit_counts_as_the_decimal_that_prints_it(
    limit: pa.Array, end: int, frames: int
) -> None:
    facts = {"video_fps": ["120"], "video_duration_seconds": [2000]}
    table = table_of(max_fps_limit=limit, end_seconds=[end], audio_duration_seconds=[2000], **facts)
    (row,) = priced(table)
    assert row["settled_frames_high"] == frames


def test_a_frame_rate_may_be_a_fraction_a_number_or_text() -> None:
    for fps in (["30000/1001"], [Decimal("23.976")], np.array([23.976], np.float32), ["23.976"]):
        (row,) = priced(table_of(video_fps=pa.array(fps), end_seconds=[10]))
        # 10 s of 30000/1001 are 299.7 frames, of 2997/125 239.76
        expected = ("30000/1001", 300) if fps == ["30000/1001"] else ("2997/125", 240)
        assert (row["fps_source"], row["settled_frames_high"]) == expected


ODD: list[tuple[str, pa.Array, str]] = [
    ("start_seconds", pa.array([0.0, float("nan"), 0.0]), "start_seconds"),
    ("start_seconds", pa.array([None, float("inf"), None]), "start_seconds"),
    ("start_seconds", pa.array(["0", "soon", ""]), "start_seconds"),
    ("end_seconds", pa.array([15, -1, 15]), "end_seconds"),
    ("end_seconds", pa.array([15.0, 1e300, 15.0]), "end_seconds"),
    ("end_seconds", pa.array([15, 0, 15]), "end_seconds"),
    ("max_fps_limit", pa.array([None, 0.0, None]), "max_fps_limit"),
    ("video_fps", pa.array(["60", "1/0", "60"]), "video_fps"),
    ("video_fps", pa.array([60.0, float("nan"), 60.0]), "video_fps"),
    ("video_duration_seconds", pa.array([20.0, -1.0, 20.0]), "video_duration_seconds"),
    ("audio_duration_seconds", pa.array([20.0, float("inf"), 20.0]), "audio_duration_seconds"),
    ("mode", pa.array(["lite", "wild", None]), "mode"),
    ("plan", pa.array(["pro", "gold", None]), "plan"),
    ("endpoint", pa.array(["lip-sync", "lip-sink", "lip-sync"]), "lip-sink"),
    ("endpoint", pa.array(["lip-sync", None, "lip-sync"]), "endpoint"),
    ("video", pa.array(["v.mp4", None, "v.mp4"]), "video"),
    ("video", pa.array(["v.mp4", "", "v.mp4"]), "video"),
    ("image", pa.array([None, "i.png", None]), "image"),
]


@pytest.mark.parametrize(("name", "array", "word"), ODD, ids=lambda one: "")
def test_a_value_that_is_wrong_costs_its_row_only(name: str, array: pa.Array, word: str) -> None:
    table = table_of(**{name: array})
    rows = priced(table)
    if name == "start_seconds" and array.type == pa.string():
        assert rows.pop()["error_code"] is not None  # empty text in a table is no number either
        rows.append(rows[0])
    first, wrong, last = rows
    assert (first["hold_credits"], last["hold_credits"]) == (900, 900)
    assert (first["error_code"], last["error_code"]) == (None, None)
    assert word in wrong["error_message"]
    others = set(ANSWERS.names) - {"error_code", "error_message"}
    assert {wrong[other] for other in others} == {None}


# ------------------------------------------------------------------------------- tables and terms


def test_rows_keep_their_order_and_number_over_several_batches() -> None:
    table = table_of(end_seconds=[1 + number % 15 for number in range(1000)])
    chunks = pa.concat_tables([table.slice(0, 7), table.slice(7, 0), table.slice(7)])
    # At 60 frames a second, a second is 60 credits; queued it is 30.
    assert holds(chunks) == [60 * (1 + number % 15) for number in range(1000)]
    assert holds(table.slice(0, 0)) == []


def test_columns_that_are_not_known_are_handed_on_as_they_are() -> None:
    other = pa.array([{"a": [1]}, None])
    found = estimate_table(table_of(other=other), as_of=DAY)
    assert found["other"].combine_chunks().equals(other)


def test_a_request_is_the_same_as_its_columns() -> None:
    body = (
        '{"assets": {"video_source": "file", "video_file_path": "v.mp4",'
        ' "audio_file_path": "a.mp3"}, "start_seconds": 0, "end_seconds": 15,'
        ' "max_fps_limit": 24, "style": {"generation_mode": "pro"}}'
    )
    facts = {name: [value] for name, value in LIP.items() if name.endswith(("_fps", "_seconds"))}
    del facts["end_seconds"]
    asked = pa.table({"endpoint": ["lip-sync"], "request": [body], **facts})
    flat = table_of(max_fps_limit=[24], mode=["pro"])
    answers = [
        {name: row[name] for name in ANSWERS.names} for row in (*priced(asked), *priced(flat))
    ]
    assert answers[0] == answers[1]
    assert answers[0]["settled_frames_high"] == 360


@pytest.mark.parametrize(
    ("request_body", "words"),
    [
        ("{", "JSON"),
        ("[]", "JSON object"),
        ("{}", "required"),
        ('{"assets": 5, "start_seconds": 0, "end_seconds": 1}', "assets"),
        ('{"assets": {"video_file_path": 7}}', "required"),
        ('{"assets": {}, "start_seconds": 0, "end_seconds": NaN}', "end_seconds"),
    ],
)
def test_a_request_that_is_wrong_costs_its_row_only(request_body: str, words: str) -> None:
    columns = {"endpoint": ["lip-sync"] * 2, "request": [request_body, None], "video": [None, "v"]}
    first, second = priced(pa.table(columns))
    assert words in first["error_message"]
    assert "audio" in second["error_message"]


def test_a_request_beside_columns_of_its_own_is_refused() -> None:
    (row,) = priced(table_of(request=["{}"]))
    assert "request already has the whole body" in row["error_message"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"endpoint": None}, "column endpoint: is missing; there are video"),
        ({"video": None, "audio": None}, "column request: is missing"),
        ({"hold_credits": [1]}, "column hold_credits: is one that is added"),
        ({"start_seconds": pa.array([True])}, "column start_seconds: must hold numbers or text"),
        ({"endpoint": pa.array([1])}, "column endpoint: must hold text, and holds int64"),
    ],
)
def test_a_table_of_no_jobs_is_one_error(columns: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        priced(table_of(**columns))
    assert caught.value.code == "bad-table"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"plan": "gold"}, "plan"),
        ({"as_of": "2026-11-22"}, "as_of"),
        ({"basis": "weekly"}, "basis"),
        ({"workers": 0}, "workers"),
        ({"workers": -1}, "workers"),
        ({"workers": 1.5}, "workers"),
    ],
)
def test_terms_that_cannot_be_are_named(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        priced(table_of(), **terms)
    assert caught.value.field == field


def test_before_the_first_rate_no_row_has_a_price() -> None:
    (row,) = priced(table_of(), as_of=date(2024, 1, 1))
    assert (row["error_code"], row["hold_credits"]) == ("unknown-rate", None)
