from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing import TODAY, estimated, lip_sync, media, settings, talking_photo

from mh_preflight import Media, UnknownRateError, job
from mh_preflight.checks import find_problems
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


PROMPT = {"style": {"prompt": "a fox"}}
PORTRAIT = {"assets": {"image_file_path": "https://example.com/i.png"}}
MODELS = ["kling-3.0", "ltx-2.5", "veo3.1", "seedance-2.0-mini", "seedance-1.5", "kling-3.0-audio"]
REFERENCES = [{"name": "a", "file_path": "https://example.com/a.png"}]


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, Media]]:
    """Draw a job of a tool with models, sizes, sound, numbers or a length of its own."""
    endpoint = draw(st.sampled_from(sorted(DRAWN)))
    return endpoint, *draw(DRAWN[endpoint])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


SIZES = st.sampled_from(["480p", "720p", "1080p"])
FILMS = st.tuples(
    st.builds(
        lambda more, end: {**PROMPT, "end_seconds": end, **more},
        optional(
            model=st.sampled_from(MODELS),
            resolution=SIZES,
            audio=st.booleans(),
            references=st.just(REFERENCES),
        ),
        st.integers(1, 30),
    ),
    st.just({}),
)
CLIPS = st.builds(
    lambda more, end, held: (
        {"assets": {"video_file_path": "v.mp4"}, **PROMPT, "end_seconds": end, **more},
        {"video_file_path": Media.given("video", fps=24, duration_seconds=held)},
    ),
    optional(resolution=SIZES, model=st.just("gemini-omni-1.1")),
    st.integers(3, 10),
    st.integers(1, 12),
)
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "text-to-video": FILMS,
    "ai-video-editor": CLIPS,
    "ai-image-generator": st.tuples(
        st.builds(
            lambda model, size, many: {
                **PROMPT,
                "model": model,
                "resolution": size,
                "image_count": many,
            },
            st.sampled_from(["gpt-image-2", "nano-banana-2-lite", "seedream-v5-pro"]),
            st.sampled_from(["640px", "1k", "2k"]),
            st.integers(1, 4),
        ),
        st.just({}),
    ),
    "ai-image-upscaler": st.tuples(
        st.builds(
            lambda factor, mode: {**PORTRAIT, "scale_factor": factor, "style": {"mode": mode}},
            st.sampled_from([2, 4]),
            st.sampled_from(["preserve", "balanced", "creative"]),
        ),
        st.just({}),
    ),
    "ai-music-generator": st.tuples(
        st.builds(lambda length: {**PROMPT, "duration": length}, st.integers(15, 300)), st.just({})
    ),
}


@given(bodies(), st.sampled_from([None, "free", "creator", "business"]), st.integers(0, 2000))
def test_what_is_offered_costs_what_it_says_and_is_taken_as_the_job_was(
    drawn: tuple[str, dict[str, Any], dict[str, Media]], plan: Any, limit: int
) -> None:
    endpoint, body, known = drawn
    made = job(endpoint, **body)
    try:
        before = settings(made, plan)
    except UnknownRateError:
        return
    estimate = estimated(made, known, plan)
    asked = find_problems(made, known, before, estimate)
    arguments = (made, known, before, estimate)
    offered = [(s, "settled") for s in find_savings(*arguments, rates=bundled_rates())]
    offered += [(s, "hold") for s in find_fitting(*arguments, limit, rates=bundled_rates())]
    for saving, side in offered:
        changed = made.changed(saving.change)
        after = estimated(changed, known, plan)
        costs = after.settled.credits_high if side == "settled" else after.hold
        assert costs == saving.credits
        if side == "hold":
            assert costs is not None
            assert costs <= limit
        found = find_problems(changed, known, settings(changed, plan), after)
        refused = {f.code for f in found if f.severity == "error"}
        assert refused <= {"window-past-end"}
        worse = {f.code for f in found} - {f.code for f in asked}
        assert not worse & {"audio-not-offered", "reference-not-offered"}


def film(**body: Any) -> Job:
    return job("text-to-video", **PROMPT, **body)


def test_a_shorter_film_that_runs_another_model_is_priced_by_that_model() -> None:
    (fit,) = [
        f for f in fitting(film(end_seconds=20, audio=True), {}, 500) if "end_seconds" in f.change
    ]
    assert fit.change == {"end_seconds": 6}
    assert fit.credits == 432  # at 72 a second, which kling-3.0 costs with sound


def test_the_old_name_of_a_model_with_sound_may_be_given_up_for_the_one_without() -> None:
    found = savings(film(end_seconds=8, model="kling-3.0-audio", resolution="1080p"), {})
    changes = [(dict(saving.change), saving.lost) for saving in found]
    assert ({"model": "kling-3.0"}, "the sound") in changes
    assert all(c.get("audio") for c, lost in changes if "better than" in lost)


def test_fewer_images_fit() -> None:
    body = {"model": "gpt-image-2", "resolution": "640px", "image_count": 4}
    found = fitting(job("ai-image-generator", **PROMPT, **body), {}, 100)
    assert ({"image_count": 2}, 100) in [(f.change, f.credits) for f in found]


def test_a_window_that_the_model_does_not_take_is_not_offered() -> None:
    made = job("ai-video-editor", assets={"video_file_path": "v.mp4"}, end_seconds=5, **PROMPT)
    known = media({"fps": 24, "duration_seconds": 2}, audio=None)
    assert [saving.change for saving in savings(made, known)] == []


def test_a_size_that_comes_with_a_mode_is_lost_too() -> None:
    photo = talking_photo(style={"generation_mode": "realistic"})
    known = media(audio=20)
    smaller = settings(talking_photo(style={"generation_mode": "prompted"}), "pro")
    assert settings(photo, "pro").sizes != smaller.sizes
    (found,) = (each for each in savings(photo, known, "pro") if "prompted" in str(each.change))
    assert found.lost == (f"the realistic mode; picture size: {smaller.sizes[-1]} at the most")
