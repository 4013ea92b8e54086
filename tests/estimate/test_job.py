from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pricing import estimated, lip_sync, media, settings, settled, talking_photo, uneven_video

from mh_preflight import Media
from mh_preflight.estimate import explain_estimate
from mh_preflight.frames import credit_counts, frame_counts
from mh_preflight.units import microseconds

FPS = st.sampled_from(["24000/1001", "24", "25", "30000/1001", "30", "48", "60", "29.97", "12.5"])
SECONDS = st.integers(1, 3_600_000).map(lambda thousandths: thousandths / 1000)
ENDS = st.integers(100, 3_600_000).map(lambda thousandths: thousandths / 1000)
LIMITS = st.none() | st.integers(10, 1200).map(lambda tenths: tenths / 10)
MODES = st.sampled_from(["lite", "pro"])


def job(start: float, end: float, limit: float | None, mode: str = "lite") -> Any:
    body = {} if limit is None else {"max_fps_limit": limit}
    return lip_sync(start, end, style={"generation_mode": mode}, **body)


# ---------------------------------------------------------------- the table of what is not certain


def test_the_estimate_counts_thirty_frames_a_second_whatever_source_and_limit() -> None:
    for fps, limit in ((60, None), (24, 12), (12, None)):
        queued = estimated(job(0, 15, limit), media({"fps": fps})).queued
        assert (queued.kind, queued.frames, queued.credits) == ("exact", 450, 450)


def test_nothing_uncertain_is_exact() -> None:
    side = estimated(job(0, 15, 12), media({"fps": 60})).settled
    assert (side.kind, side.credits, side.why) == ("exact", 180, ())


def test_a_window_past_the_end_costs_from_what_is_there_to_what_was_asked() -> None:
    known = media({"fps": 24, "duration_seconds": 10})
    assert settled(job(0, 15, None), known) == (240, 360, 360)
    assert settled(job(4, 15, None), known) == (144, 264, 264)
    assert settled(job(12, 15, None), known) == (0, 72, 72)


def test_audio_shorter_than_the_window_costs_from_what_there_is() -> None:
    assert settled(job(5, 15, None), media({"fps": 24}, audio=4)) == (96, 240, 240)


def test_longer_audio_changes_nothing() -> None:
    assert settled(job(0, 15, None), media({"fps": 24}, audio=99)) == (360, 360, 360)


def test_a_variable_rate_costs_between_its_average_and_the_frames_in_the_window() -> None:
    stamps = [n / 10 for n in range(10)] + [1 + n / 30 for n in range(30)]
    known = media(uneven_video(stamps, 2), audio=9)
    assert settled(job(0, 1, None), known) == (10, 20, 20)
    assert settled(job(1, 2, None), known) == (20, 20, 30)
    assert settled(job(1, 2, 24), known) == (20, 20, 24)
    assert settled(job(0, 2, None), known) == (40, 40, 40)


def test_an_uncertain_rate_without_stamps_has_only_the_limit_as_a_bound() -> None:
    doubtful = Media.given("video", fps=24, duration_seconds=99).model_copy(
        update={"uncertain": {"video.fps": "a doubt"}}
    )
    assert settled(job(0, 10, None), media(doubtful)) == (1, 240, None)
    assert settled(job(0, 10, 30), media(doubtful)) == (1, 240, 300)


def test_an_unknown_rate_with_a_limit_costs_from_one_frame_to_the_limit() -> None:
    side = estimated(job(0, 10, 24), media({})).settled
    assert (side.kind, side.credits_low, side.credits, side.credits_high) == ("range", 1, None, 240)


def test_an_unknown_rate_without_limit_has_no_upper_bound_and_no_hold() -> None:
    found = estimated(job(0, 10, None), {})
    assert (found.settled.kind, found.settled.credits_high) == ("unknown", None)
    assert found.queued.credits == 300
    assert found.hold is None


def test_several_doubts_give_the_least_low_and_the_greatest_high() -> None:
    stamps = [n / 10 for n in range(10)] + [1 + n / 30 for n in range(30)]
    known = media(uneven_video(stamps, 2), audio=0.5)
    side = estimated(job(1, 3, None), known).settled
    assert (side.credits_low, side.credits_high) == (10, 40)
    assert side.why == ("frame-rate-varies", "window-past-end", "audio-shorter")


def test_talking_photo_settles_at_its_own_rate() -> None:
    found = estimated(talking_photo(0, 3.920042), media())
    assert found.settled.kind == "exact"
    assert (found.settled.frames, found.settled.credits) == (95, 190)
    assert (found.queued.credits_low, found.queued.credits_high) == (189, 236)
    assert found.hold == 236
    assert found.output_fps == 24
    assert found.output_size is None


def test_talking_photo_with_audio_shorter_than_its_end() -> None:
    assert settled(talking_photo(1, 5), media(audio=3)) == (96, 192, 192)


@pytest.mark.parametrize(
    ("day", "plan", "body", "low", "high"),
    [
        (date(2025, 8, 22), None, {}, 360, 450),
        (date(2026, 1, 1), None, {}, 360, 450),
        (date(2026, 1, 2), "creator", {}, 150, 225),
        (date(2026, 3, 1), "pro", {}, 150, 450),
        (date(2026, 3, 1), "pro", {"max_resolution": 1280}, 150, 225),
        (date(2026, 8, 16), "creator", {}, 720, 720),
        (date(2026, 11, 22), "pro", {}, 720, 1440),
        (date(2026, 11, 22), "pro", {"resolution": "480p"}, 720, 720),
        (date(2026, 11, 22), "pro", {"max_resolution": 1279}, 720, 720),
        (date(2026, 11, 22), None, {}, 720, 1440),
        (date(2026, 11, 22), "creator", {"style": {"generation_mode": "prompted"}}, 300, 360),
        (date(2026, 11, 22), "pro", {"style": {"generation_mode": "prompted"}}, 300, 360),
    ],
)
def test_fifteen_seconds_of_talking_photo_through_the_years(
    day: date, plan: Any, body: dict[str, Any], low: int, high: int
) -> None:
    least, _, most = settled(talking_photo(0, 15, **body), media(), plan, day)
    assert (least, most) == (low, high)


# ------------------------------------------------------------------------------------- output size


@pytest.mark.parametrize(
    ("size", "plan", "expected"),
    [
        ((720, 1296), "creator", (570, 1024)),
        ((1296, 720), "creator", (1024, 570)),
        ((1920, 1080), "creator", (1024, 576)),
        ((1024, 768), "creator", (1024, 768)),
        ((333, 555), "creator", (333, 555)),
        ((1920, 1080), "business", (1920, 1080)),
        ((1920, 1080), None, None),
        ((320, 240), None, (320, 240)),
    ],
)
def test_the_output_fits_the_plans_longest_edge_and_is_never_enlarged(
    size: tuple[int, int], plan: Any, expected: tuple[int, int] | None
) -> None:
    known = media({"fps": 24, "width": size[0], "height": size[1]})
    assert estimated(job(0, 5, None), known, plan).output_size == expected


def test_width_and_height_counted_until_the_day_before_they_did_not() -> None:
    known = media({"fps": 24, "width": 1920, "height": 1080})
    small = lip_sync(width=512, height=960)
    before, after = date(2025, 8, 16), date(2025, 8, 17)
    assert estimated(small, known, "creator", before).output_size == (960, 540)
    assert estimated(small, known, "creator", after).output_size == (1024, 576)


# ----------------------------------------------------------------------------------------- dollars


def test_dollars_are_credits_times_the_plans_price() -> None:
    found = estimated(job(0, 15, None), media({"fps": 60}))
    money = found.usd["creator"]
    assert money is not None
    assert (money.queued, money.settled_high, money.hold) == (
        Fraction(45, 100),
        Fraction(9, 10),
        Fraction(9, 10),
    )


def test_without_a_plan_there_are_dollars_for_every_plan_with_a_price() -> None:
    usd = estimated(job(0, 15, None), media({"fps": 60}), None).usd
    assert [plan for plan, money in usd.items() if money] == ["creator", "pro", "business"]
    assert usd["free"] is None


def test_where_no_price_is_known_there_are_no_dollars() -> None:
    usd = estimated(job(0, 15, None), media({"fps": 60}), "pro", date(2025, 8, 1)).usd
    assert usd == {"pro": None}


def test_the_arithmetic_names_the_rates_source() -> None:
    lines = "\n".join(
        explain_estimate(settings(job(0, 15, 24)), estimated(job(0, 15, 24), media({"fps": 60})))
    )
    assert "queued: ceil(30 fps x 15 s) = 450 frames, at 1 credit a frame = 450 credits" in lines
    assert "settled: ceil(min(60, 24) fps x 15 s) = 360 frames" in lines
    assert "https://pypi.org/project/magic-hour/0.90.0/" in lines


def test_the_arithmetic_of_a_range_shows_both_ends_and_why() -> None:
    photo = talking_photo()
    lines = "\n".join(explain_estimate(settings(photo, "pro"), estimated(photo, media(), "pro")))
    assert "settled: ceil(24 fps x 15 s), 360 frames at 2 to 4 credits a frame, 720 to" in lines
    assert "settled is not exact: the sources of the rate contradict each other" in lines
    unknown = "\n".join(explain_estimate(settings(lip_sync()), estimated(lip_sync(), {})))
    assert "settled: ceil(? fps x 15 s), 1 or more frames" in unknown
    assert "hold: the larger upper bound = none" in unknown


# ----------------------------------------------------------------------------- rules of arithmetic


@given(FPS, ENDS, LIMITS, MODES)
def test_constant_video_settles_at_the_exact_product(
    fps: str, end: float, limit: float | None, mode: str
) -> None:
    output = Fraction(fps) if limit is None else min(Fraction(fps), Fraction(repr(limit)))
    frames = ceil(output * Fraction(repr(end)))
    credits = frames * (2 if mode == "pro" else 1)
    known = media({"fps": fps, "duration_seconds": 3600}, audio=3600)
    assert settled(job(0, end, limit, mode), known) == (credits, credits, credits)


@given(FPS, ENDS, LIMITS, MODES)
def test_at_thirty_frames_or_fewer_nothing_settles_above_what_was_queued(
    fps: str, end: float, limit: float | None, mode: str
) -> None:
    found = estimated(
        job(0, end, limit, mode), media({"fps": fps, "duration_seconds": 3600}, audio=3600)
    )
    assume(found.output_fps is not None and found.output_fps <= 30)
    assert (found.settled.credits_high or 0) <= (found.queued.credits_high or 0)
    assert found.hold == found.queued.credits_high


@given(FPS, FPS, ENDS, SECONDS, LIMITS)
def test_credits_never_fall_as_window_or_rate_grow(
    one: str, other: str, end: float, more: float, limit: float | None
) -> None:
    slow, fast = sorted((one, other), key=Fraction)
    longer = round(end + more, 3)
    small = estimated(job(0, end, limit), media({"fps": slow}, audio=None))
    large = estimated(job(0, longer, limit), media({"fps": fast}, audio=None))
    assert (small.settled.credits or 0) <= (large.settled.credits or 0)
    assert small.settled.credits_high is not None
    assert large.settled.credits_high is not None
    assert small.settled.credits_high <= large.settled.credits_high
    assert (small.queued.credits or 0) <= (large.queued.credits or 0)


@given(FPS | st.none(), ENDS, st.integers(10, 1200), st.integers(10, 1200))
def test_a_lower_limit_never_costs_more(fps: str | None, end: float, one: int, other: int) -> None:
    low, high = sorted((one / 10, other / 10))
    known = media({"fps": fps})
    lower = estimated(job(0, end, low), known).settled.credits_high
    higher = estimated(job(0, end, high), known).settled.credits_high
    assert lower is not None
    assert higher is not None
    assert lower <= higher


@given(FPS, st.lists(st.integers(100, 60_000), min_size=2, max_size=6), LIMITS, MODES)
def test_parts_of_a_split_window_cost_the_whole_and_at_most_a_frame_for_each_cut(
    fps: str, lengths: list[int], limit: float | None, mode: str
) -> None:
    known = media({"fps": fps})
    cuts = [sum(lengths[:count]) / 1000 for count in range(len(lengths) + 1)]
    for side in ("queued", "settled"):
        whole = getattr(estimated(job(0, cuts[-1], limit, mode), known), side).credits
        parts = sum(
            getattr(estimated(job(start, end, limit, mode), known), side).credits
            for start, end in pairwise(cuts)
        )
        a_frame = 2 if mode == "pro" else 1
        assert whole <= parts <= whole + (len(lengths) - 1) * a_frame


@given(st.lists(st.tuples(FPS, ENDS), min_size=1, max_size=10))
def test_one_job_at_a_time_gives_the_same_as_columns(rows: list[tuple[str, float]]) -> None:
    rates = [Fraction(fps) for fps, _ in rows]
    frames = frame_counts(
        [rate.numerator for rate in rates],
        [rate.denominator for rate in rates],
        [microseconds(end) for _, end in rows],
    )
    known = [media({"fps": fps, "duration_seconds": 3600}, audio=3600) for fps, _ in rows]
    one_by_one = [
        settled(job(0, end, None), facts)[1] for (_, end), facts in zip(rows, known, strict=True)
    ]
    assert credit_counts(frames, 1, 1).tolist() == one_by_one


@given(st.data())
def test_low_expected_and_high_are_always_in_order(data: st.DataObject) -> None:
    start = data.draw(SECONDS, "start")
    end = round(start + data.draw(ENDS, "length"), 3)
    fps = data.draw(FPS | st.none(), "fps")
    length = data.draw(st.none() | SECONDS, "video length")
    known = media({"fps": fps, "duration_seconds": length}, audio=data.draw(st.none() | SECONDS))
    plan: Any = data.draw(st.sampled_from([None, "free", "creator", "pro", "business"]), "plan")
    which = data.draw(st.booleans(), "lip sync")
    limit = data.draw(LIMITS, "limit")
    made = job(start, end, limit) if which else talking_photo(start, end)
    if not which:
        known.pop("video_file_path", None)
    found = estimated(made, known, plan)
    for side in (found.queued, found.settled):
        for low, middle, high in (
            (side.frames_low, side.frames, side.frames_high),
            (side.credits_low, side.credits, side.credits_high),
        ):
            assert low is not None
            assert low >= 0
            assert middle is None or low <= middle
            assert high is None or low <= high
            assert high is None or middle is None or middle <= high
        assert (side.kind == "unknown") == (side.credits_high is None)
        assert (side.kind == "exact") == (side.why == ())
    bounds = (found.queued.credits_high, found.settled.credits_high)
    assert found.hold == (None if None in bounds else max(b for b in bounds if b is not None))
