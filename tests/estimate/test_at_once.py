"""Tools that are charged in full when the job is created: by second, character, image or job."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing import TODAY, estimated

from mh_preflight import Media, UnknownRateError, job
from mh_preflight.estimate import Estimate, Side

STYLE: dict[str, Any] = {"style": {"prompt": "a fox"}}
VIDEO: dict[str, Any] = {"assets": {"video_file_path": "v.mp4"}}


def of(endpoint: str, /, day: date = TODAY, **body: Any) -> Estimate:
    return estimated(job(endpoint, **body), {}, "creator", day)


def speech(text: str) -> Side:
    return of("ai-voice-generator", style={"prompt": text, "voice_name": "x"}).settled


@given(st.integers(1, 60))
def test_whole_seconds_are_exact(seconds: int) -> None:
    found = of("text-to-video", end_seconds=seconds, model="ltx-2.5", resolution="480p", **STYLE)
    assert found.settled == found.queued
    assert (found.settled.kind, found.settled.credits) == ("exact", 24 * seconds)
    assert found.settled.frames_low is found.settled.frames_high is found.settled.frames is None
    assert found.hold == 24 * seconds


@given(st.integers(100_000, 100_000_000), st.sampled_from(["480p", "720p", "1080p"]))
def test_a_part_of_a_second_is_a_range_that_holds_both_ways_to_round(
    window: int, resolution: str
) -> None:
    rate = {"480p": 24, "720p": 48, "1080p": 72}[resolution]
    body: dict[str, Any] = {"assets": {"audio_file_path": "a.mp3"}, "resolution": resolution}
    side = of("audio-to-video", end_seconds=window / 1_000_000, **body).settled
    exact = Fraction(rate * window, 1_000_000)
    assert side.credits_low == math.floor(exact)
    assert side.credits == math.ceil(exact)
    assert side.credits_high == rate * math.ceil(Fraction(window, 1_000_000))
    whole = window % 1_000_000 == 0
    assert side.kind == ("exact" if whole else "range")
    assert side.why == (() if whole else ("rounding-not-stated",))


def test_a_minute_of_subtitles_costs_what_either_page_says() -> None:
    side = of(
        "auto-subtitle-generator",
        **VIDEO,
        start_seconds=0,
        end_seconds=60,
        style={"template": "karaoke"},
    ).settled
    assert (side.credits_low, side.credits_high) == (60, 288)
    assert side.why == ("rates-disagree",)


@given(st.text(min_size=1, max_size=1200))
def test_characters_are_code_points_and_a_part_of_a_credit_is_a_whole_one(text: str) -> None:
    side = speech(text)
    assert (side.kind, side.credits) == ("exact", -(-len(text) // 10))


def test_forty_two_characters_cost_five_credits_and_a_flag_counts_as_its_two() -> None:
    assert speech("x" * 42).credits == 5
    assert speech("🇩🇪" * 5).credits == 1
    assert speech("🇩🇪" * 6).credits == 2
    before = of(
        "ai-voice-generator",
        date(2026, 8, 15),
        style={"prompt": "x" * 42, "voice_name": "x"},
    )
    assert before.settled.credits == 3  # at 0.05


@given(st.integers(1, 16))
def test_images_cost_their_number_times_the_price_of_the_size_that_is_asked_for(many: int) -> None:
    body: dict[str, Any] = {
        "model": "gpt-image-2",
        "resolution": "2k",
        "image_count": many,
        **STYLE,
    }
    assert of("ai-image-generator", **body).settled.credits == 200 * many


@pytest.mark.parametrize(
    ("endpoint", "body", "day", "credits"),
    [
        ("ai-gif-generator", STYLE, date(2025, 7, 12), 25),
        ("ai-gif-generator", STYLE, date(2025, 7, 13), 50),
        ("photo-colorizer", {"assets": {"image_file_path": "a.png"}}, TODAY, 10),
        (
            "ai-qr-code-generator",
            {"content": "x", "style": {"art_style": "Mech"}},
            date(2025, 12, 16),
            20,
        ),
        ("ai-qr-code-generator", {"content": "x", "style": {"art_style": "Mech"}}, TODAY, 0),
        (
            "ai-image-upscaler",
            {"assets": {"image_file_path": "a.png"}, "scale_factor": 4},
            TODAY,
            200,
        ),
        (
            "ai-image-upscaler",
            {
                "assets": {"image_file_path": "a.png"},
                "scale_factor": 2,
                "style": {"enhancement": "Resemblance"},
            },
            TODAY,
            25,
        ),
        ("ai-music-generator", {"duration": 61, **STYLE}, TODAY, 61),
    ],
)
def test_flat_prices_follow_their_dates(
    endpoint: str, body: dict[str, Any], day: date, credits: int
) -> None:
    assert of(endpoint, day, **body).settled.credits == credits


@pytest.mark.parametrize(
    ("model", "resolution", "silent", "with_sound"),
    [
        ("kling-3.0", "720p", 48, 72),
        ("kling-3.0", "4k", 240, 288),
        ("veo3.1-lite", "720p", 48, 72),
        ("seedance-1.5", "480p", 30, 60),
        ("ltx-2.5", "720p", 48, 48),
    ],
)
def test_sound_adds_multiplies_or_is_free(
    model: str, resolution: str, silent: int, with_sound: int
) -> None:
    body: dict[str, Any] = {"end_seconds": 8, "model": model, "resolution": resolution, **STYLE}
    assert of("text-to-video", **body).settled.credits == 8 * silent
    assert of("text-to-video", audio=True, **body).settled.credits == 8 * with_sound


def test_the_old_name_of_a_model_with_sound_is_the_model_with_sound() -> None:
    old = of("text-to-video", end_seconds=8, model="veo3.1-audio", resolution="720p", **STYLE)
    assert old.settled.credits == 8 * (96 + 24)


def test_animation_is_counted_at_its_own_rate_on_both_sides() -> None:
    style = {
        "art_style": "Pixar",
        "camera_effect": "Jump",
        "prompt_type": "custom",
        "prompt": "x",
        "transition_speed": 5,
    }
    body: dict[str, Any] = {
        "assets": {"audio_source": "none"},
        "width": 64,
        "height": 64,
        "style": style,
    }
    found = of("animation", end_seconds=8.05, fps=11.9, **body)
    assert found.queued == found.settled
    assert found.settled.frames == math.ceil(Fraction(119, 10) * Fraction(805, 100))
    assert found.output_fps == Fraction(119, 10)


def video_to_video(fps: int, resolution: str) -> Estimate:
    body: dict[str, Any] = {
        "assets": {"video_source": "file", "video_file_path": "v.mp4"},
        "start_seconds": 0,
        "end_seconds": 5,
        "fps_resolution": resolution,
        "style": {"art_style": "Ink"},
    }
    known = {"video_file_path": Media.given("video", fps=fps, duration_seconds=5)}
    return estimated(job("video-to-video", **body), known)


@given(st.integers(1, 120))
def test_every_rule_that_explains_the_charge_of_video_to_video_lies_in_its_range(fps: int) -> None:
    side = video_to_video(fps, "FULL").settled
    rules = (2 * 5 * fps, math.ceil(Fraction(5, 2) * 5 * fps), 2 * 30 * 5)
    assert (side.credits_low, side.credits_high) == (min(rules), max(rules))
    assert side.credits == rules[1]


def test_half_the_frames_may_be_charged_or_all_of_them() -> None:
    found = video_to_video(24, "HALF")
    assert (found.settled.frames_low, found.settled.frames_high) == (60, 120)
    assert found.settled.why == ("half-or-full", "rates-disagree")
    assert found.output_fps == 12
    assert (found.queued.frames_low, found.queued.frames_high) == (75, 150)


@pytest.mark.parametrize(
    ("held", "low", "why"),
    [(10, 480, ()), (4, 192, ("audio-shorter",)), (4.5, 216, ("audio-shorter",))],
)
def test_what_the_file_lacks_of_the_window_may_not_be_charged(
    held: float, low: int, why: tuple[str, ...]
) -> None:
    made = job("audio-to-video", assets={"audio_file_path": "a.mp3"}, end_seconds=10)
    known = {"audio_file_path": Media.given("audio", duration_seconds=held)}
    side = estimated(made, known).settled
    assert (side.credits_low, side.credits, side.credits_high) == (low, 480, 480)
    assert side.why == why


def with_reference(model: str, path: str) -> Estimate:
    body = {"end_seconds": 5, "model": model, "resolution": "720p", **STYLE}
    return of("text-to-video", references=[{"name": "a", "file_path": path}], **body)


def test_a_video_reference_has_no_public_price_but_a_hint_of_one() -> None:
    side = with_reference("seedance-2.0-mini", "a.mp4").settled
    assert (side.credits_low, side.credits, side.credits_high) == (960, 960, 1440)
    assert side.why == ("extra-may-cost",)
    with pytest.raises(UnknownRateError, match="video references cost") as error:
        with_reference("kling-3.0", "a.mp4")
    assert error.value.field == "references"
    with pytest.raises(UnknownRateError):
        with_reference("kling-3.0", "a-file-of-any-kind")
    assert with_reference("kling-3.0", "a.png").settled.credits_high == 240
