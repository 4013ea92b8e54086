from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pricing import TODAY, lip_sync, media, talking_photo

import mh_preflight as mh
from mh_preflight.jobs import Job

CLIP = {"fps": 60}


def report(job: Job | None = None, **more: Any) -> mh.Report:
    given: dict[str, Any] = {"plan": "creator", "as_of": TODAY, "media": media(CLIP, audio=15)}
    return mh.preflight(job or lip_sync(), **{**given, **more})


def test_one_call_answers_from_the_files_on_disk(samples_folder: Path) -> None:
    job = mh.LipSync(
        assets={
            "video_source": "file",
            "video_file_path": str(samples_folder / "clip.mp4"),
            "audio_file_path": str(samples_folder / "voice.wav"),
        },
        start_seconds=0,
        end_seconds=5,
        max_fps_limit=24,
    )
    found = mh.preflight(job, plan="creator", as_of=TODAY)
    assert found.estimate.queued.credits == 150
    assert found.estimate.settled.credits == 120
    assert found.media["video_file_path"].learned_from["video.frames"] == "index"
    found.raise_for_findings()


def test_today_is_the_day_by_default() -> None:
    assert report(as_of=None).settings.day == datetime.now(UTC).date()


def test_an_error_finding_raises_with_its_field_and_code() -> None:
    job = lip_sync(style={"generation_mode": "pro"})
    with pytest.raises(mh.FindingsError, match=r"generation_mode: .* \[mode-needs-paid-plan\]"):
        report(job, plan="free").raise_for_findings()


def test_strict_turns_warnings_into_errors_and_leaves_infos() -> None:
    job = lip_sync(max_fps_limit=60)
    assert report(job).errors == ()
    strict = report(job, strict=True)
    assert [finding.code for finding in strict.errors] == ["fps-above-30"]
    assert {finding.severity for finding in strict.findings} == {"error", "info"}


def test_over_the_limit_nothing_is_returned_and_the_report_is_there() -> None:
    with pytest.raises(
        mh.OverLimitError, match="may cost 900 credits, max_credits allows 500"
    ) as e:
        report(max_credits=500)
    assert e.value.report.estimate.hold == 900
    assert {"max_fps_limit": 30} in [saving.change for saving in e.value.fits]
    report(max_credits=900)


def test_a_limit_in_dollars_is_exact() -> None:
    report(max_usd="0.9")
    with pytest.raises(mh.OverLimitError, match=r"max_usd allows US\$ 0.8999, 899 credits"):
        report(max_usd=Decimal("0.8999"))


def test_without_a_plan_the_dearest_price_is_counted() -> None:
    report(plan=None, max_usd="0.9")
    with pytest.raises(mh.OverLimitError):
        report(plan=None, max_usd="0.8999")


def test_where_no_price_is_known_a_limit_in_dollars_is_refused() -> None:
    with pytest.raises(mh.UnknownRateError, match="max_usd cannot be kept"):
        report(plan="free", max_usd=100)


def test_what_has_no_upper_bound_is_over_every_limit() -> None:
    with pytest.raises(mh.OverLimitError, match="no upper bound"):
        report(media=media({}, audio=15), max_credits=10**9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan": "gold"},
        {"as_of": "2026-11-22"},
        {"as_of": datetime(2026, 11, 22, tzinfo=UTC)},
        {"media": {"image_file_path": mh.Media.given("image", width=1, height=1)}},
        {"max_credits": -1},
        {"max_credits": 1.5},
        {"max_credits": True},
        {"max_usd": "free"},
        {"max_usd": float("nan")},
        {"max_usd": -1},
        {"basis": "weekly"},
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(mh.InputError):
        report(**wrong)


def test_what_is_no_job_or_no_media_is_refused() -> None:
    wrong: Any = {"assets": {}}
    with pytest.raises(mh.InputError, match="job: must be a job"):
        mh.preflight(wrong)
    paths: Any = {"video_file_path": "a.mp4"}
    with pytest.raises(mh.InputError, match="must be Media"):
        report(media=paths)


def test_a_file_that_cannot_be_read_is_named_by_its_field(tmp_path: Path) -> None:
    with pytest.raises(mh.MediaError) as caught:
        report(media=media(CLIP, audio=None))
    assert caught.value.field == "assets.audio_file_path"


def test_an_unknown_rate_stops_before_any_file_is_read() -> None:
    with pytest.raises(mh.UnknownRateError):
        report(talking_photo(), as_of=date(2026, 8, 1), media={})


def test_errors_survive_being_pickled() -> None:
    with pytest.raises(mh.MediaError) as caught:
        mh.probe("no such file.mp4")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.code, copy.source, str(copy)) == (
        "not-found",
        "no such file.mp4",
        str(caught.value),
    )
