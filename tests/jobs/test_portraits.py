from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from mh_preflight.errors import UnknownRateError
from mh_preflight.jobs import BodySwap, Job
from mh_preflight.rates import bundled_rates
from mh_preflight.settings import resolve_settings

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

CLOTHES, FACE, HEADSHOT = "ai-clothes-changer", "ai-face-editor", "ai-headshot-generator"
HEAD, BODY = "head-swap", "body-swap"


def test_auto_is_no_size_of_a_body_swap() -> None:
    assets = {"person_file_path": "p.png", "scene_file_path": "s.png"}
    job = BodySwap(assets=assets, resolution="auto")
    with pytest.raises(UnknownRateError, match="body-swap has 640px, 1k, 2k, 4k") as caught:
        resolve_settings(job, plan="pro", day=date(2026, 11, 24), rates=bundled_rates())
    assert caught.value.field == "resolution"


@pytest.mark.parametrize(
    ("endpoint", "files"),
    [
        (CLOTHES, {"person_file_path", "garment_file_path"}),
        (FACE, {"image_file_path"}),
        (HEADSHOT, {"image_file_path"}),
        (HEAD, {"body_file_path", "head_file_path"}),
        (BODY, {"person_file_path", "scene_file_path"}),
    ],
)
def test_every_photo_is_read(built: Built, endpoint: str, files: set[str]) -> None:
    job = built(endpoint, {})
    assert set(job.sources()) == files
    assert {job.kind_of(name) for name in files} == {"image"}
    assert (job.trimmed, job.window, job.mode) == (None, None, None)


def test_the_longest_edge_or_the_resolution_is_the_size(built: Built) -> None:
    assert built(HEAD, {"max_resolution": 2048}).edge == 2048
    assert built(HEAD, {"max_resolution": ...}).edge is None
    assert built(BODY, {"resolution": "4k"}).size == "4k"


@pytest.mark.parametrize("value", [-100, -5.0, 0, 5, 100.0])
def test_a_face_moves_in_steps_of_5(built: Built, value: float) -> None:
    built(FACE, {"style.head_yaw": value})


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (CLOTHES, {"assets.garment_type": "hat"}, "assets.garment_type"),
        (CLOTHES, {"assets.garment_file_path": ...}, "assets.garment_file_path"),
        (FACE, {"style": ...}, "style"),
        (FACE, {"style.head_yaw": 3}, "style.head_yaw"),
        (FACE, {"style.mouth_smile": 105}, "style.mouth_smile"),
        (FACE, {"style.mouth_smile": -100.5}, "style.mouth_smile"),
        (FACE, {"style.mouth_pout": float("nan")}, "style.mouth_pout"),
        (FACE, {"style.mouth_pout": True}, "style.mouth_pout"),
        (FACE, {"style.enhance_face": 0}, "style.enhance_face"),
        (HEADSHOT, {"style.prompt": 7}, "style.prompt"),
        (HEADSHOT, {"assets": ...}, "assets"),
        (HEAD, {"max_resolution": 0}, "max_resolution"),
        (HEAD, {"max_resolution": 10.5}, "max_resolution"),
        (HEAD, {"assets.head_file_path": ...}, "assets.head_file_path"),
        (BODY, {"resolution": ...}, "resolution"),
        (BODY, {"assets.scene_file_path": ""}, "assets.scene_file_path"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
