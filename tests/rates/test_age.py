from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from pricing import lip_sync, media

import mh_preflight as mh
from mh_preflight.batch import Terms, estimate_table
from mh_preflight.errors import InputError, UnknownRateError
from mh_preflight.rates import bundled_rates

CHECKED = bundled_rates().endpoints["lip-sync"].checked


def priced(days: int, most: Any) -> mh.Report:
    known = media({"fps": 24})
    day = CHECKED + timedelta(days=days)
    return mh.preflight(lip_sync(), as_of=day, media=known, max_age_days=most)


@pytest.mark.parametrize(("days", "most"), [(30, 30), (31, None), (0, 0), (-100, 0)])
def test_rates_may_be_as_old_as_is_said(days: int, most: int | None) -> None:
    assert priced(days, most).settings.rate_age == max(0, days)


@pytest.mark.parametrize(("days", "most"), [(31, 30), (1, 0)])
def test_a_day_more_is_too_old(days: int, most: int) -> None:
    with pytest.raises(UnknownRateError, match=f"{days} days before .* rates-update") as caught:
        priced(days, most)
    assert (caught.value.code, caught.value.field) == ("rates-too-old", "max_age_days")


@pytest.mark.parametrize("most", [-1, 1.5, "30", True, float("nan")])
def test_an_age_that_is_none_is_refused(most: Any) -> None:
    for call in (lambda: priced(0, most), lambda: Terms(max_age_days=most)):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.field == "max_age_days"


def test_rows_with_rates_that_are_too_old_have_no_price() -> None:
    row = {"video": "v.mp4", "audio": "a.mp3", "end_seconds": 15, "video_fps": "24"}
    row |= {"video_duration_seconds": 20.0, "audio_duration_seconds": 20.0, "endpoint": "lip-sync"}
    table = pa.Table.from_pylist([row, {**row, "end_seconds": None}])
    day = CHECKED + timedelta(days=31)
    fine = estimate_table(table, as_of=day, max_age_days=31)
    assert fine["error_code"].to_pylist() == [None, None]
    old = estimate_table(table, as_of=day, max_age_days=30)
    assert old["error_code"].to_pylist() == ["rates-too-old"] * 2
    assert old["hold_credits"].to_pylist() == [None, None]
