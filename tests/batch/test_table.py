from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import mh_preflight as mh
from mh_preflight.assets import end_of_media
from mh_preflight.batch import ANSWERS, estimate_table
from mh_preflight.batch.single import chosen_plan
from mh_preflight.checks import CODES
from mh_preflight.rates import dollars
from mh_preflight.settings import resolve_settings
from mh_preflight.units import rate_text, seconds

DAYS = st.sampled_from([date(2025, 6, 1), date(2025, 9, 1), date(2026, 3, 1), date(2026, 11, 22)])
PLANS = st.sampled_from([None, "free", "creator", "pro", "business"])
TENTHS = st.integers(1, 900).map(lambda number: number / 10)
SECONDS = TENTHS | st.floats(0.1, 4000) | st.integers(1, 400).map(float)
RATES = st.sampled_from(["24", "25", "30000/1001", "60000/1001", "29.97", "12", "1/3", "120"])
ODD_NUMBERS = st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e12, 5e-7, 2.5e-7])
NAMES = st.sampled_from(
    [
        "v.mp4",
        "sub/dir.x/clip.MOV",
        "noending",
        ".mp4",
        "a.exe",
        "https://h.example/p/v.mp4?key=1.2",
        "https://h.example/p/v.mp4",
        "https://h.example",
        "http://[bad/v.mp4",
        "api-assets/id/1.mp4",
        "line\nbreak.mp4",
        "",
    ]
)


MODES: dict[str, list[str | None]] = {
    "lip-sync": ["lite", "pro"],
    "ai-talking-photo": ["realistic", "prompted"],
    "face-swap": [None],
    "audio-to-video": [None],
}
"""The modes of each endpoint that is drawn."""


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda chance: odd if chance == 0 else usual)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a job whose facts are stated, now and then with something wrong in it."""
    endpoint = draw(st.sampled_from(list(MODES)))
    start = draw(st.none() | mostly(TENTHS, ODD_NUMBERS))
    length = draw(SECONDS)
    end = draw(st.none() | st.just((start or 0) + length) | mostly(SECONDS, ODD_NUMBERS))
    row: dict[str, Any] = {
        "endpoint": draw(mostly(st.just(endpoint), st.sampled_from(["x", None]))),
        "start_seconds": start,
        "end_seconds": end,
        "plan": draw(mostly(PLANS, st.just("gold"))),
        "mode": draw(
            st.none()
            | mostly(st.sampled_from(MODES[endpoint]), st.sampled_from(["standard", "wild"]))
        ),
    }
    if endpoint != "face-swap":
        row |= {
            "audio": draw(mostly(st.just("a.mp3"), NAMES)),
            "audio_duration_seconds": draw(mostly(SECONDS, ODD_NUMBERS)),
        }
    if endpoint in {"lip-sync", "face-swap"}:
        row |= {
            "video": draw(mostly(st.just("v.mp4"), NAMES)),
            "video_fps": draw(mostly(RATES, st.sampled_from(["0", "fast", "nan", "1/0"]))),
            "video_duration_seconds": draw(mostly(SECONDS, ODD_NUMBERS)),
        }
        if draw(st.booleans()):
            row |= {"width": draw(st.sampled_from([640, 0])), "height": 360}
    else:
        row |= {"resolution": draw(st.none() | st.sampled_from(["480p", "720p", "8k"]))}
    if endpoint == "lip-sync":
        row["max_fps_limit"] = draw(
            st.none() | mostly(st.sampled_from([12.0, 24.0, 29.97, 30.0, 1.0]), ODD_NUMBERS)
        )
    else:
        row["image"] = draw(mostly(st.just("i.png"), NAMES))
    return row


def alone(row: Mapping[str, Any], plan: Any, day: date) -> dict[str, Any]:
    """Price one row with the face of the library, and give the answers that a table should have."""
    empty: dict[str, Any] = dict.fromkeys(ANSWERS.names)
    try:
        report = reported(row, plan, day)
    except mh.PreflightError as error:
        return {**empty, "error_code": error.code}
    estimate = report.estimate
    start, end = report.settings.window
    own = report.settings.plan
    money = estimate.usd[own] if own else None
    codes = {finding.code for finding in report.findings}
    return {
        **empty,
        "window_seconds": seconds(end - start),
        "fps_source": estimate.source_fps and rate_text(estimate.source_fps),
        "fps_output": estimate.output_fps and rate_text(estimate.output_fps),
        "queued_frames": estimate.queued.frames,
        "queued_credits": estimate.queued.credits,
        "settled_kind": estimate.settled.kind,
        "settled_frames_low": estimate.settled.frames_low,
        "settled_frames_high": estimate.settled.frames_high,
        "settled_credits_low": estimate.settled.credits_low,
        "settled_credits_high": estimate.settled.credits_high,
        "hold_credits": estimate.hold,
        "usd_hold": None if not money or money.hold is None else dollars(money.hold),
        "rate_as_of": day,
        "findings": [code for code in CODES if code in codes],
        "refused": any(finding.severity == "error" for finding in report.findings),
    }


def reported(row: Mapping[str, Any], plan: Any, day: date) -> mh.Report:
    given = {name: value for name, value in row.items() if value is not None}
    facts = {
        "video_file_path": {
            "fps": given.pop("video_fps", None),
            "duration_seconds": given.pop("video_duration_seconds", None),
        },
        "audio_file_path": {"duration_seconds": given.pop("audio_duration_seconds", None)},
    }
    plan = given.pop("plan", plan)
    endpoint = given.pop("endpoint", "")
    assets = {
        f"{kind}_file_path": given.pop(kind)
        for kind in ("video", "audio", "image")
        if kind in given
    }
    if endpoint in {"lip-sync", "face-swap"}:
        assets["video_source"] = "file"
    mode = given.pop("mode", None)
    body = {"start_seconds": 0, "end_seconds": 1e9, **given, "assets": assets}
    if mode is not None:
        body["style"] = {"generation_mode": mode}
    job = mh.job(endpoint, **body)
    resolve_settings(job, plan=chosen_plan(plan, None), day=day, rates=mh.bundled_rates())
    media = {
        name: mh.Media.given(name[:5], **stated)  # type: ignore[arg-type]
        for name, stated in facts.items()
        if name in assets
    }
    if "end_seconds" not in given:
        job = job.changed({"end_seconds": seconds(end_of_media(job, media))})
    if "image_file_path" in assets:
        media["image_file_path"] = mh.Media(
            source="i", error=mh.media.facts.Failure(code="not-read", message="not read")
        )
    return mh.preflight(job, plan=plan, as_of=day, media=media, offline=True)


@given(st.lists(rows(), min_size=1, max_size=8), PLANS, DAYS)
def test_a_table_is_priced_as_each_of_its_jobs(
    jobs: list[dict[str, Any]], plan: Any, day: date
) -> None:
    names = dict.fromkeys(name for row in jobs for name in row)
    table = pa.table({name: [row.get(name) for row in jobs] for name in names})
    answered = estimate_table(table, plan=plan, as_of=day, offline=True).to_pylist()
    for row, answer in zip(jobs, answered, strict=True):
        expected = alone(row, plan, day)
        assert (answer.pop("error_message") is None) == (answer["error_code"] is None)
        expected.pop("error_message")
        assert {name: answer[name] for name in expected} == expected
