from __future__ import annotations

import json
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pricing import TODAY, lip_sync, media, talking_photo

import mh_preflight as mh
from mh_preflight.render.wire import ReportBody, error_body, report_body, report_json, report_schema

KEYS = [
    "schema",
    "endpoint",
    "plan",
    "window",
    "fps",
    "output_size",
    "queued",
    "settled",
    "hold",
    "usd",
    "usd_by_plan",
    "rate",
    "findings",
    "savings",
    "media",
]
PLANS: Any = st.sampled_from([None, "free", "creator", "pro", "business"])


def answer(report: mh.Report) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(report_json(report))
    return answer


def lip(plan: Any = "creator", fps: Any = 60, **body: Any) -> mh.Report:
    known = media({"fps": fps, "width": 640, "height": 360})
    return mh.preflight(lip_sync(**body), plan=plan, as_of=TODAY, media=known)


def talk(plan: Any) -> mh.Report:
    known = {**media(), "image_file_path": mh.Media.given("image", width=3, height=4)}
    return mh.preflight(talking_photo(), plan=plan, as_of=TODAY, media=known)


def test_the_answer_has_the_keys_of_the_contract() -> None:
    shown = answer(lip(max_fps_limit=12))
    assert list(shown) == KEYS
    assert shown["schema"] == 1
    assert shown["window"] == {"start_seconds": 0.0, "end_seconds": 15.0, "seconds": 15.0}
    assert shown["fps"] == {"source": "60", "limit": "12", "output": "12"}
    assert shown["output_size"] == {"width": 640, "height": 360}
    assert shown["queued"]["credits"] == 450
    assert shown["settled"] == {
        "kind": "exact",
        "frames": 180,
        "frames_low": 180,
        "frames_high": 180,
        "credits": 180,
        "credits_low": 180,
        "credits_high": 180,
        "why": [],
    }
    assert shown["hold"] == {"credits": 450}
    assert shown["usd"] == {
        "basis": "annual",
        "per_credit": "0.001",
        "next_band": None,
        "queued": "0.45",
        "settled_low": "0.18",
        "settled_high": "0.18",
        "hold": "0.45",
    }
    assert list(shown["media"]) == ["video_file_path", "audio_file_path"]


def test_the_rate_says_since_when_by_whom_and_who_disagrees() -> None:
    rate = answer(talk("pro"))["rate"]
    assert (rate["as_of"], rate["valid_from"]) == ("2026-11-22", "2026-08-16")
    assert (rate["checked"], rate["age_days"]) == ("2026-11-21", 1)
    assert (rate["unit"], rate["value"], rate["low"], rate["high"]) == ("frame", "2", "2", "4")
    assert rate["sources"][0]["where"].startswith("https://")
    assert rate["conflicts"][0]["value"] == "4"


def test_what_is_not_known_is_null_and_never_zero() -> None:
    shown = answer(lip(fps=None))
    assert shown["fps"] == {"source": None, "limit": None, "output": None}
    assert shown["settled"]["credits_high"] is None
    assert shown["hold"] == {"credits": None}
    assert shown["usd"]["settled_high"] is None


def test_without_a_plan_the_dollars_are_by_plan() -> None:
    shown = answer(lip(plan=None))
    assert shown["usd"] is None
    assert shown["usd_by_plan"]["free"] is None
    assert shown["usd_by_plan"]["business"]["per_credit"] == "0.00094286"


@given(PLANS, st.sampled_from([None, "24", "30000/1001", "60"]), st.integers(1, 10**6))
def test_an_answer_comes_back_from_its_json(plan: Any, fps: str | None, end: int) -> None:
    body = report_body(lip(plan, fps, end=end / 10))
    assert ReportBody.model_validate_json(body.model_dump_json(by_alias=True)) == body


@given(PLANS)
def test_a_talking_photo_answer_comes_back_from_its_json(plan: Any) -> None:
    body = report_body(talk(plan))
    assert ReportBody.model_validate_json(body.model_dump_json(by_alias=True)) == body


def test_over_a_limit_the_answer_also_says_what_would_fit() -> None:
    report = lip()
    try:
        report.raise_over_limit(max_credits=500)
    except mh.OverLimitError as over:
        shown = json.loads(report_json(report, over))
    assert list(shown) == [*KEYS, "error", "fits"]
    assert shown["error"]["code"] == "over-limit"
    assert shown["fits"][0]["change"] == {"max_fps_limit": 30}


def test_an_error_has_the_keys_of_the_contract() -> None:
    error = mh.MediaError("it is empty", code="empty", field="assets.x", source="x.mp4")
    assert error_body(error).model_dump() == {
        "error": {
            "code": "empty",
            "message": "it is empty",
            "field": "assets.x",
            "source": "x.mp4",
        }
    }


def test_the_schema_knows_every_key() -> None:
    schema = report_schema()
    assert list(schema["properties"])[: len(KEYS)] == KEYS
    assert "frame_times" not in schema["$defs"]["Video"]["properties"]
    assert "cover_art" not in schema["$defs"]["Media"]["properties"]


def test_a_rate_of_the_past_is_not_old() -> None:
    known = media({"fps": 24})
    report = mh.preflight(lip_sync(), as_of=date(2025, 1, 1), media=known)
    assert answer(report)["rate"]["age_days"] == 0
