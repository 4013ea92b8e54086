from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

NAME = "animation"
SILENT = {"assets.audio_source": "none"}
YOUTUBE = {"assets.audio_source": "youtube", "assets.youtube_url": "https://youtu.be/x"}


@pytest.mark.parametrize(
    ("fps", "exact"), [(12, Fraction(12)), (11.9, Fraction(119, 10)), (1.0, Fraction(1))]
)
def test_the_frame_rate_is_exact(built: Built, fps: float, exact: Fraction) -> None:
    assert built(NAME, {"fps": fps}).own_fps == exact


def test_the_request_says_what_is_made(built: Built) -> None:
    job = built(NAME, {"width": 1920, "height": 1080, "end_seconds": 2.5})
    assert (job.window, job.trimmed, job.edge) == ((0, 2_500_000), None, 1920)
    assert built(NAME, {"width": 64, "height": 65}).edge == 65


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({}, "audio_file_path"),
        (YOUTUBE, "youtube_url"),
        (SILENT, None),
    ],
)
def test_only_the_chosen_audio_is_read(
    built: Built, change: dict[str, Any], read: str | None
) -> None:
    job = built(NAME, change)
    assert set(job.sources()) == {"image_file_path"} | ({read} if read else set())
    assert read is None or job.kind_of(read) == "audio"


@pytest.mark.parametrize("prompt_type", ["use_lyrics", "ai_choose"])
def test_the_audio_may_write_the_prompt(built: Built, refused: Refused, prompt_type: str) -> None:
    change = {"style.prompt_type": prompt_type, "style.prompt": ...}
    built(NAME, change)
    built(NAME, {**change, **YOUTUBE})
    assert refused(NAME, {**change, **SILENT}) == "assets.audio_source"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"assets.audio_file_path": ...}, "assets.audio_file_path"),
        ({"assets.audio_source": "youtube"}, "assets.youtube_url"),
        ({"assets.audio_source": ...}, "assets.audio_source"),
        ({"assets.audio_source": "radio"}, "assets.audio_source"),
        ({"style.prompt": ...}, "style.prompt"),
        ({"style.art_style": "Custom", "style.art_style_custom": ...}, "style.art_style_custom"),
        ({"style.art_style": ""}, "style.art_style"),
        ({"style.camera_effect": ...}, "style.camera_effect"),
        ({"style.transition_speed": 5.5}, "style.transition_speed"),
        ({"style.transition_speed": True}, "style.transition_speed"),
        ({"style.prompt_type": "none"}, "style.prompt_type"),
        ({"fps": 0.5}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": "12"}, "fps"),
        ({"fps": ...}, "fps"),
        ({"width": 63}, "width"),
        ({"height": 63}, "height"),
        ({"height": 512.0}, "height"),
        ({"end_seconds": 0.09}, "end_seconds"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, change: dict[str, Any], field: str
) -> None:
    assert refused(NAME, change) == field
