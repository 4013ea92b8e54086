from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

NAME = "character-replace"
POINT = {"position_x": 10, "position_y": 0, "time_seconds": 0.5}


def test_what_the_price_depends_on(built: Built) -> None:
    job = built(NAME, {"style.mode": "animate", "model": "kling-3.0", "resolution": "1080p"})
    assert (job.mode_field, job.mode) == ("style.mode", "animate")
    assert (job.asked_model, job.size, job.trimmed) == ("kling-3.0", "1080p", "video")
    assert job.sources() == {
        "video_file_path": "api-assets/id/1234.mp4",
        "image_file_path": "api-assets/id/5678.png",
    }
    assert built(NAME, {"style": ...}).mode is None


def test_the_window_starts_at_0_where_no_start_is_given(built: Built) -> None:
    job = built(NAME, {"start_seconds": ...})
    assert job.window == (0, 5_000_000)


def test_points_mark_the_person(built: Built) -> None:
    built(NAME, {"style.selection_mode": "point", "style.points": [POINT, POINT]})
    built(NAME, {"style.selection_mode": "auto", "style.points": []})
    built(NAME, {"style.selection_mode": ..., "style.points": [POINT]})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"style.selection_mode": "point"}, "style.points"),
        ({"style.selection_mode": "point", "style.points": []}, "style.points"),
        ({"style.points": [{**POINT, "position_x": -1}]}, "style.points.0.position_x"),
        ({"style.points": [{**POINT, "position_y": 1.5}]}, "style.points.0.position_y"),
        ({"style.points": [{**POINT, "position_y": True}]}, "style.points.0.position_y"),
        ({"style.points": [POINT, {"position_x": 1}]}, "style.points.1.position_y"),
        ({"style.points": [{**POINT, "time_seconds": -1}]}, "style.points.0.time_seconds"),
        ({"style.mode": "swap"}, "style.mode"),
        ({"style.selection_mode": "box"}, "style.selection_mode"),
        ({"assets.image_file_path": ...}, "assets.image_file_path"),
        ({"assets.video_file_path": ...}, "assets.video_file_path"),
        ({"start_seconds": 5}, "end_seconds"),
        ({"start_seconds": None}, "start_seconds"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, change: dict[str, Any], field: str
) -> None:
    assert refused(NAME, change) == field
