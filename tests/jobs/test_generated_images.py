from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

IMAGE, GIF = "ai-image-generator", "ai-gif-generator"
MEME, CODE = "ai-meme-generator", "ai-qr-code-generator"


@pytest.mark.parametrize(
    ("given", "quality", "model"),
    [
        ("krea-2", ..., "krea-2"),
        ("krea-2", "pro", "krea-2"),
        ("default", "pro", None),
        (..., "pro", "pro"),
        (..., "standard", "standard"),
        (..., ..., None),
    ],
)
def test_the_model_goes_before_the_deprecated_quality(
    built: Built, given: Any, quality: Any, model: str | None
) -> None:
    assert built(IMAGE, {"model": given, "style.quality_mode": quality}).asked_model == model


def test_the_deprecated_auto_is_no_size(built: Built) -> None:
    assert built(IMAGE, {"resolution": "auto"}).size is None
    assert built(IMAGE, {"resolution": ...}).size is None
    assert built(IMAGE, {"resolution": "2k"}).size == "2k"


def test_the_images_are_counted(built: Built) -> None:
    for count in (1, 16, 3.0):
        assert built(IMAGE, {"image_count": count}).count == count
    assert isinstance(built(IMAGE, {"image_count": 3.0}).count, int)


@pytest.mark.parametrize("endpoint", [IMAGE, GIF, MEME, CODE])
def test_no_file_is_read_and_no_time_counts(built: Built, endpoint: str) -> None:
    job = built(endpoint, {})
    assert (job.sources(), job.window, job.mode) == ({}, None, None)


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (IMAGE, {"image_count": ...}, "image_count"),
        (IMAGE, {"image_count": 0}, "image_count"),
        (IMAGE, {"image_count": 17}, "image_count"),
        (IMAGE, {"image_count": 1.5}, "image_count"),
        (IMAGE, {"image_count": True}, "image_count"),
        (IMAGE, {"style.prompt": ...}, "style.prompt"),
        (IMAGE, {"style.quality_mode": "best"}, "style.quality_mode"),
        (IMAGE, {"style.tool": ""}, "style.tool"),
        (IMAGE, {"aspect_ratio": "4:5"}, "aspect_ratio"),
        (IMAGE, {"orientation": "round"}, "orientation"),
        (GIF, {"output_format": "png"}, "output_format"),
        (GIF, {"style": ...}, "style"),
        (MEME, {"style.template": ""}, "style.template"),
        (MEME, {"style.topic": ...}, "style.topic"),
        (MEME, {"style.search_web": 1}, "style.search_web"),
        (CODE, {"content": ...}, "content"),
        (CODE, {"style.art_style": ""}, "style.art_style"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
