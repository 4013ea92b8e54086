from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import AudioToVideo, ImageToVideo, Job, TextToVideo, UgcAd

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

TEXT, IMAGE, AUDIO, AD = "text-to-video", "image-to-video", "audio-to-video", "ai-ugc-ad"


@pytest.mark.parametrize("endpoint", [TEXT, IMAGE])
@pytest.mark.parametrize(
    ("given", "audio", "model", "asked"),
    [
        ("ltx-2.5", ..., "ltx-2.5", False),
        ("ltx-2.5", True, "ltx-2.5", True),
        ("ltx-2.5", False, "ltx-2.5", False),
        ("kling-2.5-audio", ..., "kling-2.5", True),
        ("veo3.1-audio", False, "veo3.1", True),
        ("a-model-of-tomorrow", ..., "a-model-of-tomorrow", False),
        ("default", True, None, True),
        (..., ..., None, False),
    ],
)
def test_the_model_is_named_without_its_audio(
    built: Built, endpoint: str, given: Any, audio: Any, model: str | None, asked: bool
) -> None:
    job = built(endpoint, {"model": given, "audio": audio})
    assert (job.asked_model, job.audio_asked) == (model, asked)


@pytest.mark.parametrize("endpoint", [TEXT, IMAGE])
@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({"resolution": "4k"}, "4k"),
        ({"resolution": "4k", "style.quality_mode": "quick"}, "4k"),
        ({"resolution": ..., "style.quality_mode": "quick"}, "720p"),
        ({"resolution": ..., "style.quality_mode": "studio"}, "1080p"),
        ({"resolution": ...}, None),
    ],
)
def test_the_deprecated_quality_stands_for_a_size(
    built: Built, endpoint: str, change: dict[str, Any], size: str | None
) -> None:
    assert built(endpoint, change).size == size


@pytest.mark.parametrize(
    ("style", "size"),
    [
        ({"high_quality": True}, "1080p"),
        ({"high_quality": False}, "720p"),
        ({"high_quality": True, "quality_mode": "quick"}, "720p"),
        ({}, None),
        (None, None),
    ],
)
def test_high_quality_stands_for_a_size(
    built: Built, style: dict[str, Any] | None, size: str | None
) -> None:
    assert built(IMAGE, {"resolution": ..., "style": style}).size == size


def test_references_are_counted_and_no_files_of_the_job(built: Built) -> None:
    assert built(TEXT, {}).reference_count == 0
    references = [{"name": f"r{place}", "file_path": f"{place}.png"} for place in range(3)]
    job = built(TEXT, {"references": references})
    assert job.reference_count == 3
    assert list(job.reference_files.values()) == ["0.png", "1.png", "2.png"]
    assert job.sources() == {}
    assert job.files() == job.reference_files
    assert job.wire_body(dict.fromkeys(job.files(), "up"))["references"][2] == {
        "name": "r2",
        "file_path": "up",
    }
    assert job.changed({"references": []}).reference_count == 0
    assert isinstance(job, TextToVideo)
    assert job.references is not None
    assert job.references[1].file_path == "1.png"


def test_a_change_keeps_the_model_as_it_was_given(built: Built) -> None:
    job = built(TEXT, {"model": "kling-2.5-audio"}).changed({"style": {"quality_mode": "quick"}})
    body = job.wire_body()
    assert body["model"] == "kling-2.5-audio"
    assert body["style"] == {"prompt": "a dog running", "quality_mode": "quick"}
    assert job.changed({"model": "default"}).asked_model is None


def test_both_frames_are_images(built: Built) -> None:
    job = built(IMAGE, {"assets.end_image_file_path": "last.png"})
    assert job.sources()["end_image_file_path"] == "last.png"
    assert job.kind_of("end_image_file_path") == "image"
    assert isinstance(job, ImageToVideo)
    assert job.gives("assets.end_image_file_path")
    assert not built(IMAGE, {"assets.end_image_file_path": ...}).gives("assets.end_image_file_path")


@pytest.mark.parametrize("endpoint", [TEXT, IMAGE, AD])
def test_the_window_is_what_is_made(built: Built, endpoint: str) -> None:
    job = built(endpoint, {"end_seconds": 2.5})
    assert job.window == (0, 2_500_000)
    assert job.trimmed is None


def test_the_window_cuts_the_audio(built: Built) -> None:
    assert built(AUDIO, {"start_seconds": ...}).window == (0, 5_000_000)
    job = built(AUDIO, {"start_seconds": 1})
    assert job.window == (1_000_000, 5_000_000)
    assert isinstance(job, AudioToVideo)
    assert (job.trimmed, job.size) == ("audio", "480p")


def test_the_script_counts_without_the_space_around_it(built: Built) -> None:
    job = built(AD, {"script": " \n two words\t", "model": "veo3.1", "resolution": "1080p"})
    assert isinstance(job, UgcAd)
    assert (job.text, job.text_field) == ("two words", "script")
    assert (job.asked_model, job.size) == ("veo3.1", "1080p")


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (TEXT, {"end_seconds": 0.09}, "end_seconds"),
        (TEXT, {"end_seconds": float("nan")}, "end_seconds"),
        (TEXT, {"end_seconds": True}, "end_seconds"),
        (TEXT, {"end_seconds": ...}, "end_seconds"),
        (TEXT, {"start_seconds": 0}, "start_seconds"),
        (TEXT, {"style": ...}, "style"),
        (TEXT, {"style.prompt": ...}, "style.prompt"),
        (TEXT, {"style.high_quality": True}, "style.high_quality"),
        (TEXT, {"style.quality_mode": "best"}, "style.quality_mode"),
        (TEXT, {"model": ""}, "model"),
        (TEXT, {"audio": 1}, "audio"),
        (TEXT, {"audio": "yes"}, "audio"),
        (TEXT, {"aspect_ratio": "4:3"}, "aspect_ratio"),
        (TEXT, {"orientation": "round"}, "orientation"),
        (TEXT, {"resolution": "1080 p"}, "resolution"),
        (TEXT, {"references": [{"name": "dog"}]}, "references.0.file_path"),
        (TEXT, {"references": "dog.png"}, "references"),
        (IMAGE, {"assets.image_file_path": ...}, "assets.image_file_path"),
        (IMAGE, {"assets.image_file_path": ""}, "assets.image_file_path"),
        (IMAGE, {"width": 0}, "width"),
        (IMAGE, {"height": 1.5}, "height"),
        (IMAGE, {"style.high_quality": "yes"}, "style.high_quality"),
        (IMAGE, {"aspect_ratio": "16:9"}, "aspect_ratio"),
        (AUDIO, {"assets.audio_file_path": ...}, "assets.audio_file_path"),
        (AUDIO, {"start_seconds": 5}, "end_seconds"),
        (AUDIO, {"start_seconds": -1}, "start_seconds"),
        (AD, {"script": ...}, "script"),
        (AD, {"name": "mine"}, "name"),
        (AD, {"assets": ...}, "assets"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
