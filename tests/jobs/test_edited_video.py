from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

RESTYLE, EDIT, UPSCALE = "video-to-video", "ai-video-editor", "ai-video-upscaler"
TRANSLATE, SUBTITLE = "ai-video-translator", "auto-subtitle-generator"

ALONE = {
    "font": "Noto Sans",
    "text_color": "#FFFFFF",
    "vertical_position": "bottom",
    "horizontal_position": "center",
}


@pytest.mark.parametrize("endpoint", [RESTYLE, EDIT, UPSCALE, TRANSLATE, SUBTITLE])
def test_the_window_cuts_the_video(built: Built, endpoint: str) -> None:
    job = built(endpoint, {"start_seconds": 0.5})
    assert job.window == (500_000, 5_000_000)
    assert job.trimmed == "video"


@pytest.mark.parametrize("endpoint", [EDIT, UPSCALE, TRANSLATE])
def test_the_window_starts_at_0_where_no_start_is_given(built: Built, endpoint: str) -> None:
    job = built(endpoint, {"start_seconds": ...})
    assert job.window == (0, 5_000_000)
    assert "start_seconds" not in job.wire_body()


@pytest.mark.parametrize("endpoint", [RESTYLE, SUBTITLE])
def test_the_start_is_required_elsewhere(refused: Refused, endpoint: str) -> None:
    assert refused(endpoint, {"start_seconds": ...}) == "start_seconds"


@pytest.mark.parametrize("endpoint", [EDIT, UPSCALE, TRANSLATE])
def test_the_size_is_the_resolution(built: Built, endpoint: str) -> None:
    assert built(endpoint, {"resolution": "720p"}).size == "720p"


def test_half_the_frame_rate_is_a_mode(built: Built) -> None:
    assert built(RESTYLE, {"fps_resolution": "FULL"}).mode == "FULL"
    job = built(RESTYLE, {"fps_resolution": ...})
    assert (job.mode_field, job.mode) == ("fps_resolution", None)


def test_the_larger_edge_was_asked_for(built: Built) -> None:
    assert built(RESTYLE, {}).edge is None
    assert built(RESTYLE, {"width": 512, "height": 960}).edge == 960
    assert built(RESTYLE, {"width": 512, "height": None}).edge == 512


def test_only_the_chosen_video_source_is_read(built: Built) -> None:
    youtube = {"assets.video_source": "youtube", "assets.youtube_url": "https://youtu.be/x"}
    assert list(built(RESTYLE, youtube).sources()) == ["youtube_url"]
    assert list(built(RESTYLE, {}).sources()) == ["video_file_path"]


@pytest.mark.parametrize("prompt_type", ["default", ..., None])
def test_a_prompt_may_be_missing_where_the_style_has_one(built: Built, prompt_type: Any) -> None:
    built(RESTYLE, {"style.prompt_type": prompt_type, "style.prompt": None})
    built(RESTYLE, {"style.prompt_type": prompt_type, "style.prompt": ...})


def test_the_editors_model_is_as_it_was_given(built: Built) -> None:
    assert built(EDIT, {"model": "gemini-omni-1.1"}).asked_model == "gemini-omni-1.1"
    assert built(EDIT, {"model": ...}).asked_model is None


def test_subtitles_take_a_template_a_configuration_or_both(built: Built) -> None:
    built(SUBTITLE, {"style": {"custom_config": ALONE}})
    built(SUBTITLE, {"style": {"custom_config": {"font_size": 24}, "template": "karaoke"}})
    built(SUBTITLE, {"style": {"template": "a template of tomorrow"}})


@pytest.mark.parametrize("missing", ALONE)
def test_a_configuration_alone_has_to_say_enough(refused: Refused, missing: str) -> None:
    config = {name: value for name, value in ALONE.items() if name != missing}
    field = refused(SUBTITLE, {"style": {"custom_config": config}})
    assert field == f"style.custom_config.{missing}"


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (RESTYLE, {"assets.video_source": "youtube"}, "assets.youtube_url"),
        (RESTYLE, {"assets.video_file_path": ...}, "assets.video_file_path"),
        (RESTYLE, {"assets.video_source": "none"}, "assets.video_source"),
        (RESTYLE, {"style.prompt_type": "custom", "style.prompt": ...}, "style.prompt"),
        (RESTYLE, {"style.prompt_type": "append_default", "style.prompt": None}, "style.prompt"),
        (RESTYLE, {"style.art_style": ...}, "style.art_style"),
        (RESTYLE, {"style.version": "v3"}, "style.version"),
        (RESTYLE, {"fps_resolution": "THIRD"}, "fps_resolution"),
        (RESTYLE, {"width": -1}, "width"),
        (RESTYLE, {"end_seconds": 0}, "end_seconds"),
        (EDIT, {"style.prompt": ...}, "style.prompt"),
        (EDIT, {"start_seconds": 6}, "end_seconds"),
        (EDIT, {"start_seconds": float("inf")}, "start_seconds"),
        (EDIT, {"start_seconds": False}, "start_seconds"),
        (UPSCALE, {"resolution": ...}, "resolution"),
        (UPSCALE, {"resolution": "1080P"}, "resolution"),
        (TRANSLATE, {"target_language": ...}, "target_language"),
        (TRANSLATE, {"target_language": ""}, "target_language"),
        (SUBTITLE, {"style": {}}, "style.template"),
        (SUBTITLE, {"style.custom_config": {"font_size": True}}, "style.custom_config.font_size"),
        (SUBTITLE, {"assets.video_file_path": ...}, "assets.video_file_path"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
