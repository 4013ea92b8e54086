"""Every endpoint is priced from the command line, with the body of the SDK's own example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mh_preflight.cli.app import run
from mh_preflight.jobs import ENDPOINTS
from mh_preflight.render.wire import ReportBody

BODIES = json.loads((Path(__file__).parents[1] / "jobs" / "examples.json").read_text())

# Credits once settled, low and high (None: no bound), on the creator plan; or no public rate.
PRICES: dict[str, Any] = {
    "lip-sync": (1, 60),
    "ai-talking-photo": (240, 240),
    "ai-clothes-changer": (25, 25),
    "ai-face-editor": (1, 1),
    "ai-gif-generator": (50, 50),
    "ai-headshot-generator": (50, 50),
    "ai-image-editor": (5, 5),
    "ai-image-generator": (5, 5),
    "ai-image-upscaler": (25, 25),
    "ai-meme-generator": (10, 10),
    "ai-music-generator": (120, 120),
    "ai-qr-code-generator": (0, 0),
    "ai-ugc-ad": "unknown",
    "ai-video-editor": "unknown",
    "ai-video-translator": "unknown",
    "ai-video-upscaler": "unknown",
    "ai-voice-cloner": (4, 4),
    "ai-voice-generator": (2, 2),
    "animation": (60, 60),
    "audio-to-video": (120, 120),
    "auto-subtitle-generator": (5, 24),
    "body-swap": (50, 50),
    "character-replace": (240, 240),
    "face-swap": (1, None),
    "face-swap-photo": (10, 10),
    "head-swap": (10, 10),
    "image-background-remover": (5, 5),
    "image-to-video": (120, 120),
    "photo-colorizer": (10, 10),
    "text-to-video": (120, 120),
    "video-to-video": (2, None),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_sdks_example_is_priced(
    endpoint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps(BODIES[endpoint]))
    asked = ["estimate", endpoint, "--request", str(body), "--plan", "creator"]
    asked += ["--as-of", "2026-11-24"]
    code = run([*asked, "--json"])
    answer = json.loads(capfd.readouterr().out)
    if PRICES[endpoint] == "unknown":
        assert code == 5
        assert answer["error"]["code"] == "unknown-rate"
        assert "no rate" in answer["error"]["message"]
        return
    assert code == 0
    settled = answer["settled"]
    assert (settled["credits_low"], settled["credits_high"]) == PRICES[endpoint]
    ReportBody.model_validate({**answer, "media": {}}, by_alias=True)
    if answer["rate"]["unit"] in {"character", "image", "job"}:
        assert answer["fps"] is None
        assert settled["frames_low"] is settled["frames_high"] is None
        assert answer["window"] is None
    assert run(asked) == 0  # for people, too
    assert "settled" in capfd.readouterr().out


def test_every_endpoint_has_its_price_here() -> None:
    assert set(PRICES) == set(ENDPOINTS) == set(BODIES)
