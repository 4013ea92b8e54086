from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
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
    with pytest.raises(mh.OverLimitError, match="899 credits on creator, the dearest of the plans"):
        report(plan=None, max_usd="0.8999")
    with pytest.raises(mh.InputError, match="rates: must be a RateCard"):
        report(rates="mine.toml")
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


REMOTE = {
    "video_source": "file",
    "video_file_path": "https://example.com/clip.mp4",
    "audio_file_path": "api-assets/id/line.mp3",
}


def remote_job() -> Job:
    return mh.LipSync(assets=REMOTE, start_seconds=0, end_seconds=5, max_fps_limit=24)


def not_probed(found: mh.Report) -> dict[str | None, str]:
    return {
        finding.field: finding.message for finding in found.findings if finding.code == "not-probed"
    }


def test_what_lies_elsewhere_and_cannot_be_fetched_becomes_a_finding_and_not_an_error() -> None:
    found = mh.preflight(remote_job(), plan="creator", as_of=TODAY)
    assert (found.estimate.queued.credits, found.estimate.hold) == (150, 150)
    messages = not_probed(found)
    assert "cannot be found" in messages["assets.video_file_path"]
    assert "was not looked at" in messages["assets.audio_file_path"]
    failure = found.media["video_file_path"].error
    assert failure is not None
    assert failure.code == "network"
    assert "audio_file_path" not in found.media


def test_offline_nothing_but_local_files_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mh_preflight.assets.probe", None)
    found = mh.preflight(remote_job(), plan="creator", as_of=TODAY, offline=True)
    assert found.media == {}
    assert set(not_probed(found)) == {"assets.video_file_path", "assets.audio_file_path"}


def test_a_fetched_file_that_is_no_media_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(source: str, **_: Any) -> mh.Media:
        raise mh.MediaError("no media", code="unreadable", source=source)

    monkeypatch.setattr("mh_preflight.assets.probe", unreadable)
    with pytest.raises(mh.MediaError) as caught:
        mh.preflight(remote_job(), as_of=TODAY)
    assert caught.value.field == "assets.video_file_path"


def changeable(folder: Path, samples: Path) -> tuple[Job, Path]:
    clip = folder / "clip.mp4"
    clip.write_bytes((samples / "clip.mp4").read_bytes())
    assets = {
        "video_source": "file",
        "video_file_path": str(clip),
        "audio_file_path": str(samples / "voice.wav"),
    }
    return mh.LipSync(assets=assets, start_seconds=0, end_seconds=5), clip


def test_facts_of_a_file_that_has_changed_since_are_refused(
    tmp_path: Path, samples_folder: Path
) -> None:
    job, clip = changeable(tmp_path, samples_folder)
    facts = {"video_file_path": mh.probe(clip)}
    assert mh.preflight(job, media=facts, as_of=TODAY).estimate.queued.credits == 150
    clip.write_bytes(clip.read_bytes() + bytes(8))
    with pytest.raises(mh.MediaError, match="read it again") as caught:
        mh.preflight(job, media=facts, as_of=TODAY)
    assert (caught.value.code, caught.value.field) == ("changed", "assets.video_file_path")


def test_before_sending_a_report_tells_whether_its_files_are_still_the_same(
    tmp_path: Path, samples_folder: Path
) -> None:
    job, clip = changeable(tmp_path, samples_folder)
    found = mh.preflight(job, as_of=TODAY)
    found.raise_for_changes()
    clip.unlink()
    with pytest.raises(mh.MediaError, match="read it again"):
        found.raise_for_changes()


def test_the_query_of_a_url_which_may_be_a_key_is_in_no_finding() -> None:
    assets = {**REMOTE, "video_file_path": "https://example.com/clip?X-Signature=canary-5d"}
    job = mh.LipSync(assets=assets, start_seconds=0, end_seconds=5)
    for offline in (True, False):
        found = mh.preflight(job, as_of=TODAY, offline=offline)
        assert not_probed(found)
        assert "canary" not in " ".join(finding.message for finding in found.findings)
    known = {"video_file_path": mh.Media(source=assets["video_file_path"], kind="audio")}
    found = mh.preflight(job, as_of=TODAY, media=known)
    assert "no-video-track" in [finding.code for finding in found.findings]
    assert "canary" not in " ".join(finding.message for finding in found.findings)


def test_usage_is_priced_from_the_credits_used() -> None:
    money = report(basis="usage", used_credits=99_500).estimate.usd["creator"]
    assert money is not None
    assert (money.queued, money.hold) == (Fraction("0.54"), Fraction("1.032"))
    assert (money.per_credit, money.next_band) == (Fraction("0.0012"), (500, Fraction("0.00108")))
    annual = report(used_credits=99_500).estimate.usd["creator"]
    assert annual is not None
    assert (annual.hold, annual.next_band) == (Fraction("0.9"), None)


@pytest.mark.parametrize("used", [-1, 1.5, True, "1", None])
def test_credits_used_are_whole_and_not_below_zero(used: Any) -> None:
    with pytest.raises(mh.InputError, match="used_credits: must be a whole number") as error:
        report(used_credits=used)
    assert error.value.field == "used_credits"


def test_a_limit_in_dollars_buys_credits_over_all_bands() -> None:
    usage: dict[str, Any] = {"basis": "usage", "used_credits": 99_500}
    assert report(**usage, max_usd="1.032").estimate.hold == 900
    with pytest.raises(mh.OverLimitError, match=r"max_usd allows US\$ 1\.0319, 899 credits"):
        report(**usage, max_usd="1.0319")


def test_a_reference_that_is_not_there_is_named(tmp_path: Path) -> None:
    references = [
        {"name": "a", "file_path": "https://example.com/a.png"},
        {"name": "b", "file_path": str(tmp_path / "b.png")},
    ]
    body = {"end_seconds": 5, "style": {"prompt": "x"}, "references": references}
    job = mh.job("text-to-video", **body)
    with pytest.raises(mh.MediaError, match=r"there is no file .*b\.png") as error:
        mh.preflight(job)
    assert (error.value.code, error.value.field) == ("not-found", "references.1.file_path")
    (tmp_path / "b.png").touch()
    assert mh.preflight(job).estimate.settled.credits_high == 240
