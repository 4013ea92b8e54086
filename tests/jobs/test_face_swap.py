from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

VIDEO, PHOTO = "face-swap", "face-swap-photo"
MAPPINGS = [{"new_face": f"new-{n}.png", "original_face": f"0-{n}.png"} for n in range(2)]
SINGLE = {"assets.face_swap_mode": "individual-faces", "assets.face_mappings": MAPPINGS}


def test_one_face_for_all_is_read(built: Built) -> None:
    for mode in ("all-faces", ..., None):
        change = {"assets.face_swap_mode": mode, "assets.face_mappings": MAPPINGS}
        assert set(built(VIDEO, change).sources()) == {"video_file_path", "image_file_path"}
        assert set(built(PHOTO, change).sources()) == {"target_file_path", "source_file_path"}


def test_the_new_faces_of_the_mappings_are_read(built: Built) -> None:
    faces = {"face_mappings.0.new_face": "new-0.png", "face_mappings.1.new_face": "new-1.png"}
    job = built(VIDEO, {**SINGLE, "assets.image_file_path": ...})
    assert job.sources() == {"video_file_path": "api-assets/id/1234.mp4", **faces}
    assert job.kind_of("face_mappings.1.new_face") == "image"
    photo = built(PHOTO, SINGLE)
    assert photo.sources() == {"target_file_path": "api-assets/id/1234.png", **faces}


def test_only_the_chosen_video_source_is_read(built: Built) -> None:
    youtube = {"assets.video_source": "youtube", "assets.youtube_url": "https://youtu.be/x"}
    assert set(built(VIDEO, youtube).sources()) == {"youtube_url", "image_file_path"}


def test_the_window_cuts_the_video(built: Built) -> None:
    job = built(VIDEO, {"start_seconds": 1.5})
    assert (job.window, job.trimmed) == ((1_500_000, 5_000_000), "video")
    assert built(PHOTO, {}).window is None


def test_the_larger_edge_was_asked_for(built: Built) -> None:
    assert built(VIDEO, {"width": 512, "height": 256}).edge == 512
    assert built(VIDEO, {"width": None, "height": None}).edge is None


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (VIDEO, {"assets.image_file_path": ...}, "assets.image_file_path"),
        (
            VIDEO,
            {"assets.image_file_path": ..., "assets.face_swap_mode": ...},
            "assets.image_file_path",
        ),
        (VIDEO, {**SINGLE, "assets.face_mappings": ...}, "assets.face_mappings"),
        (VIDEO, {**SINGLE, "assets.face_mappings": []}, "assets.face_mappings"),
        (
            VIDEO,
            {**SINGLE, "assets.face_mappings": [{"new_face": "a.png"}]},
            "assets.face_mappings.0.original_face",
        ),
        (VIDEO, {"assets.face_swap_mode": "some-faces"}, "assets.face_swap_mode"),
        (VIDEO, {"assets.video_source": "youtube"}, "assets.youtube_url"),
        (VIDEO, {"assets.video_file_path": ...}, "assets.video_file_path"),
        (VIDEO, {"style.version": "v3"}, "style.version"),
        (VIDEO, {"start_seconds": ...}, "start_seconds"),
        (VIDEO, {"end_seconds": 0.05}, "end_seconds"),
        (PHOTO, {"assets.source_file_path": ...}, "assets.source_file_path"),
        (PHOTO, {"assets.target_file_path": ...}, "assets.target_file_path"),
        (PHOTO, {**SINGLE, "assets.face_mappings": ...}, "assets.face_mappings"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
