from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import ImageUpscaler, Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

EDIT, UPSCALE = "ai-image-editor", "ai-image-upscaler"
CUT, COLOUR = "image-background-remover", "photo-colorizer"


@pytest.mark.parametrize(
    ("given", "older", "model"),
    [
        ("krea-2", "Seedream", "krea-2"),
        ("default", "Seedream", None),
        (..., "Nano Banana", "style-nano-banana"),
        (..., "Seedream", "style-seedream"),
        (..., "default", None),
        (..., ..., None),
    ],
)
def test_the_model_goes_before_its_deprecated_name(
    built: Built, given: Any, older: Any, model: str | None
) -> None:
    assert built(EDIT, {"model": given, "style.model": older}).asked_model == model


@pytest.mark.parametrize("many", [1, 2, 10])
def test_references_are_the_images_besides_the_first(built: Built, many: int) -> None:
    paths = [f"{place}.png" for place in range(many)]
    job = built(EDIT, {"assets.image_file_paths": paths})
    assert job.reference_count == many - 1
    assert job.sources() == {f"image_file_paths.{place}": f"{place}.png" for place in range(many)}
    assert {job.kind_of(name) for name in job.sources()} == {"image"}


@pytest.mark.parametrize("paths", [..., None, []])
def test_the_deprecated_single_image_is_enough(built: Built, paths: Any) -> None:
    job = built(EDIT, {"assets.image_file_path": "a.png", "assets.image_file_paths": paths})
    assert job.reference_count == 0
    assert job.sources() == {"image_file_path": "a.png"}


def test_an_editor_makes_one_image_where_it_says_nothing(built: Built) -> None:
    assert built(EDIT, {"image_count": ...}).count == 1
    assert built(EDIT, {"image_count": 4.0}).count == 4


def test_the_editors_size_and_text(built: Built) -> None:
    job = built(EDIT, {"resolution": "4k", "style.prompt": "a hat"})
    assert (job.size, job.text_field, job.text) == ("4k", "style.prompt", "a hat")
    assert built(EDIT, {"resolution": "auto"}).size is None


@pytest.mark.parametrize(("factor", "size"), [(2, "2x"), (2.0, "2x"), (4, "4x"), (4.0, "4x")])
def test_the_factor_is_the_size(built: Built, factor: float, size: str) -> None:
    job = built(UPSCALE, {"scale_factor": factor})
    assert (job.size_field, job.size) == ("scale_factor", size)
    assert ImageUpscaler.size_value(size) == factor
    assert job.changed({job.size_field: job.size_value("2x")}).size == "2x"


@pytest.mark.parametrize(
    ("style", "mode"),
    [
        ({"mode": "preserve"}, "preserve"),
        ({"mode": "pro", "enhancement": "Balanced"}, "pro"),
        ({"enhancement": "Resemblance"}, "Resemblance"),
        ({}, None),
        (None, None),
        (..., None),
    ],
)
def test_the_mode_goes_before_the_deprecated_enhancement(
    built: Built, style: Any, mode: str | None
) -> None:
    job = built(UPSCALE, {"style": style})
    assert (job.mode_field, job.mode) == ("style.mode", mode)


def test_a_new_background_is_read(built: Built) -> None:
    assert set(built(CUT, {}).sources()) == {"image_file_path", "background_image_file_path"}
    assert set(built(COLOUR, {}).sources()) == {"image_file_path"}


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (EDIT, {"assets.image_file_paths": ...}, "assets.image_file_paths"),
        (EDIT, {"assets.image_file_paths": []}, "assets.image_file_paths"),
        (EDIT, {"assets.image_file_paths": ["a.png", ""]}, "assets.image_file_paths.1"),
        (EDIT, {"assets.image_file_paths": "a.png"}, "assets.image_file_paths"),
        (EDIT, {"aspect_ratio": "5:4"}, "aspect_ratio"),
        (EDIT, {"image_count": 0.0}, "image_count"),
        (EDIT, {"image_count": float("nan")}, "image_count"),
        (EDIT, {"style.prompt": ...}, "style.prompt"),
        (UPSCALE, {"scale_factor": 3}, "scale_factor"),
        (UPSCALE, {"scale_factor": "2x"}, "scale_factor"),
        (UPSCALE, {"scale_factor": ...}, "scale_factor"),
        (UPSCALE, {"style.mode": "Balanced"}, "style.mode"),
        (UPSCALE, {"style.enhancement": "balanced"}, "style.enhancement"),
        (CUT, {"assets.image_file_path": ...}, "assets.image_file_path"),
        (COLOUR, {"assets.image_file_path": ...}, "assets.image_file_path"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
