"""Which model and size run, as asked for or by default."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pricing import TODAY, settings

from mh_preflight import UnknownRateError, job
from mh_preflight.rates import bundled_rates
from mh_preflight.settings import Settings, resolve_settings


def clip(plan: Any = "creator", day: date = TODAY, **body: Any) -> Settings:
    made = job("text-to-video", **{"end_seconds": 5, "style": {"prompt": "a fox"}, **body})
    return settings(made, plan, day)


@pytest.mark.parametrize(
    ("plan", "day", "models", "sizes"),
    [
        ("free", TODAY, ("ltx-2.5",), ("480p",)),
        ("free", date(2026, 9, 23), ("ltx-2.3",), ("480p",)),
        ("creator", TODAY, ("kling-3.0",), ("720p",)),
        (None, TODAY, ("ltx-2.5", "kling-3.0"), ("480p", "720p")),
    ],
)
def test_the_plan_decides_what_runs_by_default(
    plan: Any, day: date, models: tuple[str, ...], sizes: tuple[str, ...]
) -> None:
    found = clip(plan, day)
    assert (found.models, found.sizes) == (models, sizes)
    assert found.plan_decides == (plan is None)
    assert found.model == (models[0] if plan else None)


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"resolution": "480p"}, "seedance-1.5"),
        ({"end_seconds": 16}, "ltx-2.5"),
        ({"end_seconds": 15}, "kling-3.0"),
        ({"resolution": "480p", "model": "wan-2.2"}, "wan-2.2"),
    ],
)
def test_a_default_that_does_not_take_the_job_gives_way(body: dict[str, Any], model: str) -> None:
    assert clip(**body).model == model


def test_a_model_without_the_default_size_makes_its_smallest() -> None:
    found = clip("free", model="kling-2.6")
    assert found.sizes == ("720p",)
    assert "smallest" in found.inferred[-1]


@pytest.mark.parametrize(
    ("endpoint", "body", "match", "field"),
    [
        ("text-to-video", {"model": "wan-9"}, "known are .*kling-3.0", "model"),
        ("text-to-video", {"model": "kling-2.6", "resolution": "480p"}, "has 720p", "resolution"),
        ("text-to-video", {"model": "wan-3.0"}, "text-to-video wan-3.0 720p", "endpoint"),
        ("text-to-video", {"resolution": "8k"}, "8k", "resolution"),
        ("ai-image-generator", {"image_count": 1}, "not published; name one", "model"),
        (
            "ai-image-generator",
            {"image_count": 1, "model": "flux-2-klein"},
            "name one",
            "resolution",
        ),
    ],
)
def test_what_has_no_public_price_says_what_is_missing(
    endpoint: str, body: dict[str, Any], match: str, field: str
) -> None:
    body = {"style": {"prompt": "x"}, **body}
    if endpoint == "text-to-video":
        body["end_seconds"] = 5
    with pytest.raises(UnknownRateError, match=match) as error:
        settings(job(endpoint, **body), "creator")
    assert error.value.field == field


def test_an_older_name_runs_the_newer_model_and_one_that_is_gone_its_own() -> None:
    body = {"image_count": 1, "resolution": "640px", "style": {"prompt": "x"}}
    old = settings(job("ai-image-generator", model="seedream", **body), "creator")
    assert (old.model, old.model_state) == ("seedream-v4", "deprecated")
    gone = clip(model="ltx-2.3", resolution="480p")
    assert (gone.model, gone.model_state) == ("ltx-2.3", "deprecated")
    assert gone.inferred


def test_the_old_quality_modes_are_models() -> None:
    body = {"image_count": 1, "resolution": "640px"}
    made = job("ai-image-generator", **body, style={"prompt": "x", "quality_mode": "standard"})
    assert settings(made, "creator").model == "z-image-turbo"


def test_character_replace_makes_the_smallest_size_of_its_model() -> None:
    body = {
        "assets": {"video_file_path": "v.mp4", "image_file_path": "i.png"},
        "end_seconds": 5,
    }
    assert settings(job("character-replace", **body), None).sizes == ("480p",)
    assert settings(job("character-replace", **body), None).models == ("wan-animate",)


def test_a_route_of_the_users_own_begins_where_it_says(tmp_path: Path) -> None:
    file = tmp_path / "route.toml"
    file.write_text(
        """
overrides = "text-to-video"
[sources.mine]
rank = "own"
date = 2026-11-01
what = "seen in three bills"
[[routes]]
model = "ltx-2.5"
longer_than = 10
from = 2026-11-01
sources = ["mine"]
"""
    )
    card = bundled_rates().with_file(file)
    for end, model in ((10, "kling-3.0"), (12, "ltx-2.5")):
        made = job("text-to-video", end_seconds=end, style={"prompt": "x"})
        assert resolve_settings(made, plan="creator", day=TODAY, rates=card).model == model
