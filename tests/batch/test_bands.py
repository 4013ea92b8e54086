"""Usage-based dollars of a table: each row as by itself, whichever way it is priced."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabling import DAY, LIP

import mh_preflight as mh
from mh_preflight.batch import estimate_table
from mh_preflight.batch.answers import TEN_THOUSANDTHS
from mh_preflight.batch.plain import _ten_thousandths
from mh_preflight.rates import bundled_rates, dollars

USAGE = bundled_rates().plan_rates(date(2026, 11, 22)).usage
USED = st.integers(0, 10**8) | st.sampled_from([0, 99_000, 99_999, 100_000, 10**18])
CREDITS = st.lists(st.integers(0, 10**6) | st.integers(0, 2**50), min_size=1, max_size=20)


@given(st.sampled_from(sorted(USAGE)), USED, CREDITS)
def test_columns_cost_what_each_row_does(plan: Any, used: int, credits: list[int]) -> None:
    price = USAGE[plan].after(used)
    expected = [int(dollars(price.cost(each)) * TEN_THOUSANDTHS) for each in credits]
    assert _ten_thousandths(np.array(credits, float), price).tolist() == expected


def table(rows: int) -> pa.Table:
    return pa.Table.from_pylist([{**LIP, "end_seconds": 1 + each} for each in range(rows)])


@pytest.mark.parametrize("used", [0, 99_500, 100_000])
def test_every_row_is_priced_from_the_first_credit_after_those_used(used: int) -> None:
    terms: dict[str, Any] = {"plan": "creator", "as_of": DAY, "basis": "usage"}
    plain = estimate_table(table(15), **terms, used_credits=used)
    price = USAGE["creator"].after(used)
    expected = [dollars(price.cost(hold)) for hold in plain["hold_credits"].to_pylist()]
    assert plain["usd_hold"].to_pylist() == expected


def test_a_row_that_is_priced_by_itself_has_the_same_dollars() -> None:
    assets = {"video_source": "file", "video_file_path": "v.mp4", "audio_file_path": "a.mp3"}
    body = json.dumps({"assets": assets, "start_seconds": 0, "end_seconds": 15})
    names = ("endpoint", "video_fps", "video_duration_seconds", "audio_duration_seconds")
    alone = pa.Table.from_pylist([{**{name: LIP[name] for name in names}, "request": body}])
    terms: dict[str, Any] = {"plan": "creator", "as_of": DAY, "basis": "usage", "offline": True}
    found = [
        estimate_table(jobs, **terms, used_credits=99_500)["usd_hold"].to_pylist()
        for jobs in (alone, pa.Table.from_pylist([LIP]))
    ]
    assert found[0] == found[1] == [dollars(USAGE["creator"].after(99_500).cost(900))]


def test_credits_used_are_whole() -> None:
    with pytest.raises(mh.InputError, match="used_credits: must be a whole number"):
        estimate_table(table(1), used_credits=-1)
