"""One test per charge that was observed or published."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import mh_preflight as mh

CHARGES = json.loads((Path(__file__).parent / "golden" / "charges.json").read_text())


@pytest.mark.parametrize("charge", CHARGES, ids=[charge["name"] for charge in CHARGES])
def test_the_estimate_is_the_charge(charge: dict[str, Any]) -> None:
    job = mh.job(charge["endpoint"], **charge["body"])
    media = {
        name: mh.Media.given(kind, **charge[kind])
        for name, kind in job.asset_kinds.items()
        if kind in charge and name in job.sources()
    }
    for name in job.sources():
        media.setdefault(name, mh.Media.given(job.asset_kinds[name]))
    day = date.fromisoformat(charge["as_of"])
    estimate = mh.preflight(job, plan=charge["plan"], as_of=day, media=media).estimate
    for side in ("queued", "settled"):
        if side in charge:
            found = getattr(estimate, side)
            assert (found.kind, found.credits) == ("exact", charge[side])
    if "output_size" in charge:
        assert estimate.output_size == tuple(charge["output_size"])
