"""Sums over answers, counted again row by row."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from tabling import DAY, LIP, PHOTO, write_rows

from mh_preflight.batch import Terms, estimate_table
from mh_preflight.batch.files import Sums, Totals, run_batch

ROWS: list[dict[str, Any]] = [
    {**LIP, "plan": "creator"},
    {**LIP, "plan": "free"},
    {**LIP, "plan": None, "max_fps_limit": 24},
    {**PHOTO, "plan": "pro"},
    {**LIP, "plan": "gold"},
    {**LIP, "plan": "creator", "endpoint": "lip-sink"},
    {**LIP, "plan": "creator", "endpoint": None},
    {**LIP, "plan": "pro", "video": "https://example.com/v.mp4", "video_fps": None},
]


def answered() -> tuple[Totals, list[dict[str, Any]]]:
    names = dict.fromkeys(name for row in ROWS for name in row)
    table = pa.table({name: [row.get(name) for row in ROWS] for name in names})
    found = estimate_table(table, as_of=DAY, offline=True)
    totals = Totals(None)
    for batch in found.to_batches(max_chunksize=3):
        totals.add(batch)
    return totals, found.to_pylist()


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up rows without Arrow."""

    def add(name: str) -> Any:
        return sum(row[name] or 0 for row in rows)

    return {
        "rows": len(rows),
        "not_priced": sum(row["error_code"] is not None for row in rows),
        "without_bound": sum(
            row["error_code"] == "unknown-rate"
            or (row["error_code"] is None and row["hold_credits"] is None)
            for row in rows
        ),
        "without_usd": sum(
            row["hold_credits"] is not None and row["usd_hold"] is None for row in rows
        ),
        "refused": add("refused"),
        "settled_credits_low": add("settled_credits_low"),
        "settled_credits_high": add("settled_credits_high"),
        "hold_credits": add("hold_credits"),
        "usd_hold": Decimal(add("usd_hold")),
    }


def values(sums: Sums) -> dict[str, Any]:
    return {name: getattr(sums, name) for name in Sums.__slots__}


def test_sums_are_those_of_the_rows() -> None:
    totals, rows = answered()
    assert values(totals.all) == summed(rows)
    assert (totals.all.rows, totals.all.not_priced, totals.all.without_bound) == (8, 3, 1)
    assert totals.all.without_usd == 2  # a free plan, and none
    by_endpoint = {
        "lip-sync": [row for row in rows if row["endpoint"] == "lip-sync"],
        "ai-talking-photo": [row for row in rows if row["endpoint"] == "ai-talking-photo"],
        "not known": [row for row in rows if row["endpoint"] in {"lip-sink", None}],
    }
    found = {name: values(sums) for name, sums in totals.endpoints.items()}
    assert found == {name: summed(own) for name, own in by_endpoint.items()}
    plans: dict[Any, list[dict[str, Any]]] = {row["plan"]: [] for row in rows}
    for row in rows:
        plans[row["plan"]].append(row)
    names = {"gold": "not known", None: "none"}
    assert {name: values(sums) for name, sums in totals.plans.items()} == {
        names.get(plan, plan): summed(own) for plan, own in plans.items()
    }


def test_a_sum_that_is_not_known_is_never_zero() -> None:
    bounded = Sums(rows=2, settled_credits_low=240, settled_credits_high=240, hold_credits=300)
    assert (bounded.hold, bounded.usd) == (300, Decimal(0))
    open_ended = Sums(rows=2, without_bound=1, settled_credits_low=121, settled_credits_high=120)
    shown = open_ended.shown()
    assert shown["settled_credits_low"] == 121
    for name in ("settled_credits_high", "hold_credits", "usd_hold"):
        assert shown[name] is None
    no_price = Sums(rows=2, not_priced=2).shown()
    names = ("settled_credits_low", "settled_credits_high", "hold_credits", "usd_hold")
    assert [no_price[name] for name in names] == [None] * 4
    assert Sums(rows=2, without_usd=2, hold_credits=9).shown()["usd_hold"] is None
    assert Sums(rows=2, without_usd=1, usd_hold=Decimal("0.1")).shown()["usd_hold"] == "0.1"
    assert [Sums().shown()[name] for name in names] == [0, 0, 0, "0"]
    assert Sums.from_json(open_ended.to_json()) == open_ended


def test_findings_and_errors_are_counted() -> None:
    totals, rows = answered()
    assert totals.findings == Counter(code for row in rows for code in row["findings"] or ())
    assert totals.errors == {"bad-value": 1, "unknown-endpoint": 2}


def test_a_row_without_a_plan_counts_with_the_plan_of_the_run(tmp_path: Path) -> None:
    jobs = write_rows(tmp_path / "jobs.csv", [{**LIP, "plan": "pro"}, LIP])
    outcome = run_batch(jobs, tmp_path / "out.csv", Terms(plan="creator", as_of=DAY))
    assert {name: sums.rows for name, sums in outcome.totals.plans.items()} == {
        "pro": 1,
        "creator": 1,
    }
    assert outcome.totals.all.usd_hold == Decimal("1.80")  # twice 900 credits of a tenth of a cent


def test_totals_survive_json() -> None:
    totals, _ = answered()
    again = Totals.from_json(None, json.loads(json.dumps(totals.to_json())))
    assert again == totals
