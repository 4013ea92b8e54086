from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from settling import calibrated, full, project

from mh_preflight.calibrate import write_overrides
from mh_preflight.frames import count_frames, credits_for
from mh_preflight.units import microseconds

windows = st.integers(min_value=100_000, max_value=600_000_000).map(lambda us: us / 1_000_000)
rates_of_frames = st.sampled_from([24, 25, 30, 12.5, 60])
jobs = st.lists(st.tuples(windows, rates_of_frames), min_size=1, max_size=6)
START = datetime(2026, 9, 11, tzinfo=UTC)


def on_day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def charged_at(rate: Fraction, fps: float, window: float) -> int:
    return credits_for(count_frames(Fraction(fps), microseconds(window)), rate)


def styled(number: int, window: float, fps: float, charged: int) -> dict[str, Any]:
    record = full(
        "video-to-video",
        request={"end_seconds": window},
        id=str(number),
        end_seconds=window,
        fps=fps,
        credits_charged=charged,
        created_at=on_day(number),
    )
    del record["video_duration_seconds"]
    return record


@given(
    jobs, st.sampled_from([("value", "2.5", None), ("against", "2", None), ("against", "2", 30)])
)
def test_a_competing_rate_that_was_charged_always_explains(
    every: list[tuple[float, float]], rate: tuple[str, str, int | None]
) -> None:
    kind, value, at = rate
    found = calibrated(
        *(
            styled(number, window, fps, charged_at(Fraction(value), at or fps, window))
            for number, (window, fps) in enumerate(every)
        )
    )
    for record in found.records:
        known = [(each.kind, each.value, each.fps) for each in record.explanations]
        assert (kind, Fraction(value), at) in known
        assert record.verdict in {"exact", "inside"}
    (group,) = found.groups
    assert (kind, Fraction(value), at) in [(e.kind, e.value, e.fps) for e in group.explained_by]
    assert group.moved is None


@given(jobs, st.decimals(min_value="0.01", max_value=9, places=2).map(Fraction))
def test_a_shifted_rate_is_implied_and_gives_every_charge(
    every: list[tuple[float, float]], rate: Fraction
) -> None:
    records = [
        project(
            id=str(number),
            fps=fps,
            end_seconds=window,
            created_at=on_day(number),
            credits_charged=charged_at(rate, fps, window),
        )
        for number, (window, fps) in enumerate(every)
    ]
    found = calibrated(*records)
    (group,) = found.groups
    assert group.implied is not None
    covered = records[-group.implied.jobs :]
    for record in covered:
        implied = charged_at(group.implied.value, record["fps"], record["end_seconds"])
        assert implied == record["credits_charged"]
    unexplained = [not record.explanations for record in found.records]
    assert (group.moved is not None) == unexplained[-1]
    if group.moved is None:
        assert group.implied.jobs == len(records)


@given(windows, rates_of_frames, st.integers(min_value=0, max_value=40_000))
def test_nothing_is_exact_that_is_not(window: float, fps: float, charged: int) -> None:
    record = calibrated(project(end_seconds=window, fps=fps, credits_charged=charged)).records[0]
    right = charged_at(Fraction(1), fps, window)
    assert (record.verdict == "exact") == (charged == right)
    assert bool(record.explanations) == (charged == right)
    assert record.difference == charged - right


def test_what_moved_is_told_with_its_day() -> None:
    before = [project(id=f"b{n}", created_at=on_day(n)) for n in range(3)]
    after = [
        project(id=f"a{n}", created_at=on_day(n), credits_charged=144, end_seconds=5)
        for n in range(3, 5)
    ]
    found = calibrated(*after, *before)
    (group,) = found.moved
    assert group.moved == (START + timedelta(days=3)).date()
    assert group.implied is not None
    assert (group.implied.value, group.implied.jobs) == (Fraction(6, 5), 2)
    assert (group.jobs, group.exact, group.above) == (5, 3, 2)
    assert (group.mean_difference, group.worst_difference) == (Fraction(48, 5), 24)
    assert found.wrong


def test_one_that_is_off_between_others_has_not_moved_anything() -> None:
    charges = [120, 130, 120]
    found = calibrated(
        *(
            project(id=str(n), created_at=on_day(n), credits_charged=c)
            for n, c in enumerate(charges)
        )
    )
    assert found.moved == ()
    assert found.groups[0].implied is None
    assert found.wrong


def test_charges_that_agree_on_nothing_move_nothing() -> None:
    found = calibrated(
        project(id="0", created_at=on_day(0), credits_charged=130),
        project(id="1", created_at=on_day(1), credits_charged=500),
    )
    assert found.moved == ()
    assert found.count("above") == 2


def test_at_the_same_moment_nothing_has_moved() -> None:
    found = calibrated(project(id="0", credits_charged=130), project(id="1"))
    assert found.moved == ()


def counted_in_seconds(endpoint: str, **changes: Any) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "plan": "creator",
        "request": {"start_seconds": 0, "end_seconds": 4.5, **changes.pop("request")},
        "project": project(end_seconds=4.5, created_at="2026-11-20T00:00:00Z", **changes),
    }


AUDIO_TO_VIDEO = {"assets": {"audio_file_path": "a.mp3"}, "resolution": "720p"}
SUBTITLES: dict[str, Any] = {
    "assets": {"video_file_path": "v.mp4"},
    "style": {"template": "karaoke"},
}


def test_of_contradicting_rates_the_charged_one_is_implied_however_it_is_counted() -> None:
    record = counted_in_seconds(
        "auto-subtitle-generator", type="AUTO_SUBTITLE", request=SUBTITLES, credits_charged=24
    )
    (group,) = calibrated(record).groups
    assert group.implied is not None
    assert group.implied.value == Fraction(24, 5)  # of 5 whole seconds


def test_a_known_rate_comes_before_a_new_one_however_it_is_counted(tmp_path: Path) -> None:
    record = counted_in_seconds(
        "audio-to-video", type="AUDIO_TO_VIDEO", request=AUDIO_TO_VIDEO, credits_charged=240
    )
    found = calibrated(record)
    (group,) = found.groups
    assert group.implied is not None
    assert group.implied.value == Fraction(48)  # of 5 whole seconds
    assert group.settled
    assert write_overrides(found, tmp_path / "own.toml") == ()


def test_jobs_may_be_counted_each_in_its_own_way() -> None:
    records = [
        counted_in_seconds(
            "audio-to-video",
            id=str(charged),
            type="AUDIO_TO_VIDEO",
            request=AUDIO_TO_VIDEO,
            credits_charged=charged,
        )
        for charged in (216, 240)  # 4.5 s, and 5 whole ones
    ]
    (group,) = calibrated(*records).groups
    assert [each.value for each in group.explained_by] == [Fraction(48)]
    assert group.implied is None or group.implied.value == Fraction(48)
    assert not group.writable


def test_one_charge_that_two_known_rates_give_decides_nothing(tmp_path: Path) -> None:
    found = calibrated(full("video-to-video"))
    (group,) = found.groups
    assert (len(group.explained_by), group.undecided) == (2, True)
    assert write_overrides(found, tmp_path / "own.toml") == ()


def test_a_second_charge_at_another_frame_rate_decides(tmp_path: Path) -> None:
    found = calibrated(full("video-to-video"), styled(1, 5, 30, 375))
    (group,) = found.groups
    assert (len(group.explained_by), group.undecided) == (1, False)
    assert len(write_overrides(found, tmp_path / "own.toml")) == 1
