"""One test per charge that was observed or published."""

from __future__ import annotations

import json
import os
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from making import Clip, make_video

import mh_preflight as mh

CHARGES = json.loads((Path(__file__).parent / "golden" / "charges.json").read_text())


def test_a_real_webm_of_sixty_frames_a_second_settles_at_six_hundred(tmp_path: Path) -> None:
    clip = Clip(frames=600, rate=Fraction(60), codec="libvpx", size=(16, 16))
    video = make_video(tmp_path / "clip.webm", clip)
    assets = {"video_source": "file", "video_file_path": str(video), "audio_file_path": "a.mp3"}
    job = mh.LipSync(assets=assets, start_seconds=0, end_seconds=10)
    audio = mh.Media.given("audio", duration_seconds=10)
    report = mh.preflight(job, as_of=date(2026, 11, 22), media={"audio_file_path": audio})
    assert report.estimate.settled.credits == 600


@pytest.mark.parametrize("charge", CHARGES, ids=[charge["name"] for charge in CHARGES])
def test_the_estimate_is_the_charge(charge: dict[str, Any]) -> None:
    job = mh.job(charge["endpoint"], **charge["body"])
    media = {
        name: mh.Media.given(job.kind_of(name), **charge.get(job.kind_of(name), {}))
        for name in job.sources()
    }
    day = date.fromisoformat(charge["as_of"])
    estimate = mh.preflight(job, plan=charge["plan"], as_of=day, media=media).estimate
    between = charge.get("settled_between")
    for side in ("queued", "settled"):
        if side in charge:
            found = getattr(estimate, side)
            kind = "range" if between else "exact"
            assert (found.kind, found.credits) == (kind, charge[side])
    if between:
        settled = estimate.settled
        assert [settled.credits_low, settled.credits_high] == between
        assert list(settled.why) == charge["why"]
    if "output_size" in charge:
        assert estimate.output_size == tuple(charge["output_size"])


def test_every_observed_charge_has_its_golden_one() -> None:
    folder = os.environ.get("MH_PREFLIGHT_FACTS")
    if folder is None:
        pytest.skip("MH_PREFLIGHT_FACTS is not set")
    observed = json.loads((Path(folder) / "observed_charges.json").read_text())["observations"]
    golden = {(each["endpoint"], each.get("settled")) for each in CHARGES}
    missing = [o["id"] for o in observed if (o["endpoint"], o["final_credits"]) not in golden]
    assert missing == []
