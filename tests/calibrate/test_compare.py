from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from settling import CHARGES, calibrated, full, project

from mh_preflight.calibrate import Ran


@pytest.mark.parametrize("record", CHARGES, ids=[each["endpoint"] for each in CHARGES])
def test_the_real_charges_are_exact_and_explained(record: dict[str, Any]) -> None:
    found = calibrated(record)
    assert (found.count("exact"), len(found.records)) == (1, 1)
    compared = found.records[0]
    assert compared.estimated is not None
    assert compared.estimated.expected == compared.charged
    assert compared.difference == 0
    assert compared.explanations[0].sources[0].rank == "charge"
    assert found.groups[0].moved is None
    assert not found.wrong


@pytest.mark.parametrize(
    ("endpoint", "implied", "unit"),
    [
        ("lip-sync", "1", "frame"),
        ("face-swap", "1", "frame"),
        ("video-to-video", "2.5", "frame"),
        ("ai-video-editor", "36", "second"),
        ("ai-voice-generator", "0.1", "character"),
    ],
)
def test_the_real_charges_imply_the_rates(endpoint: str, implied: str, unit: str) -> None:
    rate = calibrated(full(endpoint)).groups[0].implied
    assert rate is not None
    assert (rate.value, rate.unit, rate.jobs) == (Fraction(implied), unit, 1)


def test_all_competing_rates_that_explain_a_charge_are_named() -> None:
    compared = calibrated(full("video-to-video")).records[0]
    found = [(each.kind, each.value, each.fps) for each in compared.explanations]
    assert found == [("value", Fraction(5, 2), None), ("against", Fraction(2), Fraction(30))]
    other = calibrated(full("video-to-video", credits_charged=240)).records[0]
    assert (other.verdict, other.difference) == ("inside", -60)
    assert [(each.kind, each.value) for each in other.explanations] == [("against", Fraction(2))]


def test_a_second_frame_rate_tells_the_competing_rates_apart() -> None:
    thirty = full("video-to-video", id="b", fps=30, credits_charged=300)
    group = calibrated(full("video-to-video"), thirty).groups[0]
    assert [(each.value, each.fps) for each in group.explained_by] == [(Fraction(2), Fraction(30))]
    assert group.implied is None
    assert group.moved is None


def test_an_estimate_that_never_settled_is_above() -> None:
    compared = calibrated(full("face-swap", credits_charged=150)).records[0]
    assert (compared.verdict, compared.difference, compared.explanations) == ("above", 30, ())
    low = calibrated(full("face-swap", credits_charged=119)).records[0]
    assert (low.verdict, low.difference) == ("below", -1)


def test_the_rendered_rate_settles_the_frames() -> None:
    assert calibrated(full("lip-sync", fps=12, credits_charged=48)).records[0].verdict == "exact"


def test_a_printed_rate_is_the_exact_one() -> None:
    # 1000 s at 30000/1001 are 29,971 frames, and 29,970 at 29.97.
    printed = project(fps=29.97, end_seconds=1000, credits_charged=29_971)
    assert calibrated(printed).records[0].verdict == "exact"
    assert calibrated({**printed, "credits_charged": 29_970}).records[0].verdict == "below"


def test_what_is_stated_exactly_is_kept() -> None:
    record = full("face-swap", fps=24.998, end_seconds=1000, credits_charged=25_000)
    record["request"]["end_seconds"] = 1000
    record |= {"video_fps": "25", "video_duration_seconds": 1000}
    assert calibrated(record).records[0].verdict == "exact"


def test_a_project_alone_tries_all_that_may_have_run() -> None:
    bare = next(each for each in CHARGES if each["endpoint"] == "lip-sync")["project"]
    compared = calibrated(bare).records[0]
    assert (compared.verdict, compared.certain, compared.ran) == ("inside", False, Ran())
    assert [each.ran.mode for each in compared.explanations] == ["lite", "standard"]
    group = calibrated(bare).groups[0]
    assert group.implied is None


def test_a_project_alone_is_certain_where_only_one_thing_can_run() -> None:
    compared = calibrated(project()).records[0]
    assert (compared.endpoint, compared.verdict, compared.certain) == ("face-swap", "exact", True)


def test_units_that_are_not_known_leave_no_upper_bound() -> None:
    voice = {**full("ai-voice-generator")["project"], "credits_charged": 77}
    compared = calibrated(voice).records[0]
    assert compared.estimated is not None
    assert (compared.estimated.low, compared.estimated.high) == (1, None)
    assert (compared.verdict, compared.explanations) == ("inside", ())
    group = calibrated(voice).groups[0]
    assert (group.implied, group.moved) == (None, None)


def test_images_are_counted_by_the_project() -> None:
    image = {
        "id": "i",
        "type": "FACE_SWAP",
        "image_count": 1,
        "status": "complete",
        "created_at": "2026-09-11T07:33:01Z",
        "credits_charged": 10,
    }
    compared = calibrated(image).records[0]
    assert (compared.endpoint, compared.verdict) == ("face-swap-photo", "exact")


def test_without_a_plan_it_is_not_certain_what_ran() -> None:
    record = full("ai-video-editor", request={"model": "ltx-2.3", "resolution": None})
    record = {name: value for name, value in record.items() if name != "plan"}
    compared = calibrated(record).records[0]
    assert compared.verdict == "no-rate"  # on the free plan, of which no rate is known


def test_a_charge_without_a_known_rate_implies_one() -> None:
    request = {"model": "ltx-2.5"}
    created = "2026-10-01T00:00:00Z"
    first = full("ai-video-editor", request=request, created_at=created, credits_charged=150)
    found = calibrated(first)
    assert found.records[0].verdict == "no-rate"
    assert found.records[0].why is not None
    group = found.groups[0]
    assert group.ran == Ran(None, "ltx-2.5", "720p")
    assert group.implied is not None
    assert (group.implied.value, group.implied.unit) == (Fraction(30), "second")
    assert (group.moved, group.settled) == (None, False)


@pytest.mark.parametrize("day", ["2019-01-01T00:00:00Z", "2024-06-01T00:00:00Z"])
def test_before_the_first_rate_there_is_none(day: str) -> None:
    for record in (project(created_at=day), full("face-swap", created_at=day)):
        found = calibrated(record)
        assert (found.count("no-rate"), found.wrong) == (1, False)
    assert calibrated(full("lip-sync", created_at=day)).count("no-rate") == 1


def test_an_unknown_tool_has_no_rate() -> None:
    compared = calibrated(project(type="AVATAR")).records[0]
    assert (compared.endpoint, compared.verdict) == ("AVATAR", "no-rate")


def test_half_of_the_frames_or_all_of_them() -> None:
    half = full("video-to-video", request={"fps_resolution": "HALF"}, fps=12, credits_charged=150)
    compared = calibrated(half).records[0]
    assert compared.ran.mode == "HALF"
    assert compared.verdict in {"exact", "inside"}
    assert compared.explanations[0].value == Fraction(5, 2)
    whole = calibrated({**half, "project": {**half["project"], "credits_charged": 300}})
    assert whole.records[0].verdict == "inside"
    assert whole.records[0].explanations[0].counted == "most"
    alone = calibrated(half["project"]).records[0]
    assert {each.ran.mode for each in alone.explanations} == {"FULL", "HALF"}


def test_sound_is_taken_off_the_implied_rate() -> None:
    request = {"model": "kling-3.0", "resolution": "720p", "end_seconds": 5}
    style = {"prompt": "rain"}
    records = [
        {
            "endpoint": "text-to-video",
            "plan": "creator",
            "request": {**request, "style": style, "audio": audio},
            "project": project(id=str(audio), type="TEXT_TO_VIDEO", credits_charged=charged),
        }
        for audio, charged in ((False, 240), (True, 360))
    ]
    found = calibrated(*records)
    assert found.count("exact") == 2
    (group,) = found.groups
    assert group.implied is not None
    assert (group.jobs, group.implied.value) == (2, Fraction(48))
    assert group.settled


def test_jobs_are_counted_once_and_only_when_finished() -> None:
    found = calibrated(
        project(status="queued", credits_charged=150),
        project(),
        project(id="b", status="error", credits_charged=0),
        project(id="c", status="canceled", credits_charged=7),
        project(id="d", status="rendering"),
        project(id="e", status="draft"),
    )
    assert (len(found.records), found.duplicates, found.refunded, found.skipped) == (1, 1, 1, 2)
    assert found.failed_but_charged == ("c",)
    assert found.records[0].charged == 120


def test_a_fact_that_cannot_be_is_the_record_s_problem() -> None:
    record = {**full("face-swap"), "audio_duration_seconds": 5, "video_fps": "soon"}
    found = calibrated(record, project(id="b"))
    assert len(found.records) == 1
    assert [each.message.startswith("job mr-faceswap: ") for each in found.problems] == [True]
