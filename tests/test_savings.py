from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing import TODAY, estimated, lip_sync, media, settings, talking_photo

from mh_preflight import Media
from mh_preflight.jobs import Job
from mh_preflight.rates import bundled_rates
from mh_preflight.savings import Saving, find_fitting, find_savings


def savings(job: Job, known: Mapping[str, Media], plan: Any = "creator") -> list[Saving]:
    estimate = estimated(job, known, plan)
    return list(find_savings(job, known, settings(job, plan), estimate, rates=bundled_rates()))


def fitting(job: Job, known: Mapping[str, Media], credits: int) -> list[Saving]:
    estimate = estimated(job, known)
    return list(find_fitting(job, known, settings(job), estimate, credits, rates=bundled_rates()))


def pro(**body: Any) -> Job:
    return lip_sync(style={"generation_mode": "pro"}, **body)


@pytest.mark.parametrize(
    ("fps", "limit", "step"),
    [(60, None, 30), (30, None, 24), ("30000/1001", None, 24), (24, None, 15), (60, 15, 12)],
)
def test_the_next_usual_frame_rate_below_is_offered(fps: Any, limit: Any, step: int) -> None:
    body = {} if limit is None else {"max_fps_limit": limit}
    changes = [saving.change for saving in savings(lip_sync(**body), media({"fps": fps}))]
    assert {"max_fps_limit": step} in changes


def test_below_the_lowest_step_no_frame_rate_is_offered() -> None:
    assert savings(lip_sync(), media({"fps": 12})) == []


def test_the_window_is_cut_to_what_the_files_hold() -> None:
    found = savings(lip_sync(5, 20), media({"fps": 12, "duration_seconds": 18}, audio=8))
    assert [dict(saving.change) for saving in found] == [{"end_seconds": 13.0}]
    assert (found[0].credits, found[0].saves) == (96, 84)


def test_cheaper_modes_are_offered_and_dearer_ones_are_not() -> None:
    modes = [saving.change for saving in savings(pro(), media({"fps": 12}))]
    assert modes == [
        {"style": {"generation_mode": "lite"}},
        {"style": {"generation_mode": "standard"}},
    ]
    assert savings(lip_sync(), media({"fps": 12})) == []


def test_a_mode_that_the_plan_does_not_allow_is_not_offered() -> None:
    job, known = pro(), media({"fps": 12})
    offered = find_savings(
        job,
        known,
        settings(job, "free", TODAY.replace(month=9)),
        estimated(job, known, "free", TODAY.replace(month=9)),
        rates=bundled_rates(),
    )
    assert [saving.change for saving in offered] == [{"style": {"generation_mode": "lite"}}]


def test_a_mode_whose_longest_window_is_shorter_is_not_offered() -> None:
    assert savings(talking_photo(0, 60), media()) == []
    assert len(savings(talking_photo(0, 45), media())) == 1


def test_where_the_frame_rate_is_not_known_a_limit_is_what_would_fit() -> None:
    changes = [saving.change for saving in fitting(lip_sync(), {}, 500)]
    assert changes == [{"max_fps_limit": 30}]
    changes = [saving.change for saving in fitting(lip_sync(max_fps_limit=60), {}, 500)]
    assert changes == [{"max_fps_limit": 30}, {"end_seconds": 8.33}]


def test_at_most_three_and_the_largest_first() -> None:
    known = media({"fps": 60, "duration_seconds": 14})
    found = savings(pro(), known)
    assert len(found) == 3
    assert [saving.saves for saving in found] == sorted(
        (saving.saves for saving in found), reverse=True
    )


def test_a_smaller_picture_is_offered_where_its_price_is_better_known() -> None:
    found = savings(talking_photo(), media(audio=15), "pro")
    assert [saving.change for saving in found] == [
        {"style": {"generation_mode": "prompted"}},
        {"resolution": "480p"},
    ]


def test_what_has_no_upper_bound_has_no_savings() -> None:
    assert savings(lip_sync(), {}) == []


@given(
    st.sampled_from(["24", "30000/1001", "60", "12"]),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["lite", "pro"]),
)
def test_a_saving_is_what_the_changed_job_really_costs(
    fps: str, end: int, length: int, mode: str
) -> None:
    job = lip_sync(0, end, style={"generation_mode": mode})
    known = media({"fps": fps, "duration_seconds": length})
    before = estimated(job, known).settled.credits_high
    for saving in savings(job, known):
        after = estimated(job.changed(saving.change), known).settled.credits_high
        assert after == saving.credits
        assert before is not None
        assert saving.saves == before - saving.credits > 0


@given(st.sampled_from(["24", "60", None]), st.integers(1, 600), st.integers(0, 3000))
def test_what_fits_holds_and_a_hundredth_of_a_second_more_does_not(
    fps: str | None, end: int, credits: int
) -> None:
    job, known = lip_sync(0, end), media({"fps": fps}, audio=None)
    hold = estimated(job, known).hold
    if hold is not None and hold <= credits:
        return
    for saving in fitting(job, known, credits):
        changed = job.changed(saving.change)
        assert estimated(changed, known).hold == saving.credits <= credits
        if "end_seconds" in saving.change:
            longer = job.changed({"end_seconds": round(saving.change["end_seconds"] + 0.01, 2)})
            more = estimated(longer, known).hold
            assert more is None or more > credits
