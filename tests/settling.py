"""Projects as the API gives them, for the tests of what compares charges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mh_preflight.calibrate import Calibration, calibrate_records, settled_from
from mh_preflight.rates import RateCard

__all__ = ["CHARGES", "calibrated", "full", "project"]

CHARGES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "calibrate" / "charges.json").read_text(encoding="utf-8")
)
"""Real charges of 2026-09-11, published by magichourhq/skills, in the form of records."""


def project(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "type": "FACE_SWAP",
        "status": "complete",
        "created_at": "2026-09-11T06:31:51.202Z",
        "start_seconds": 0,
        "end_seconds": 5,
        "fps": 24,
        "width": 568,
        "height": 1024,
        "credits_charged": 120,
        **changes,
    }


def full(endpoint: str, **changes: Any) -> dict[str, Any]:
    """Give a record of a real charge of an endpoint, with another project."""
    record = next(each for each in CHARGES if each["endpoint"] == endpoint)
    request = {**record["request"], **changes.pop("request", {})}
    return {**record, "request": request, "project": {**record["project"], **changes}}


def calibrated(*records: Any, rates: RateCard | None = None) -> Calibration:
    return calibrate_records([settled_from(record) for record in records], rates)
