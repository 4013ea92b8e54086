"""The models of most endpoints are loaded when they are asked for, and not before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from mh_preflight import jobs
from mh_preflight.jobs import MODELS, model_of

AT_ONCE = {"lip_sync", "talking_photo"}
LATER = {module for module, _ in MODELS.values()} - AT_ONCE

PROGRAM = f"""
import json, sys, pydantic
import mh_preflight
def below(cls):
    return [cls, *(each for sub in cls.__subclasses__() for each in below(sub))]
def built():
    ours = [c for c in below(pydantic.BaseModel) if c.__module__.startswith("mh_preflight")]
    return [c.__name__ for c in ours if c.__pydantic_complete__]
def loaded():
    later = {sorted(LATER)!r}
    return [name for name in later if "mh_preflight.jobs." + name in sys.modules]
before = [loaded(), built()]
from mh_preflight import jobs
model = jobs.TextToVideo
asked = [loaded(), built()]
job = model(end_seconds=5, style={{"prompt": "a dog running"}})
print(json.dumps([before, asked, job.wire_body()]))
"""


def test_a_model_is_loaded_when_it_is_asked_for_and_built_when_it_is_used() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    before, asked, body = json.loads(ended.stdout)
    assert before == [[], []]
    assert asked == [["generated_video"], []]
    assert body == {"end_seconds": 5, "style": {"prompt": "a dog running"}}


@pytest.mark.parametrize(("endpoint", "place"), MODELS.items())
def test_a_model_has_one_name(endpoint: str, place: tuple[str, str]) -> None:
    module, name = place
    found: Any = getattr(jobs, name)
    assert found is model_of(endpoint)
    assert found.__module__ == f"mh_preflight.jobs.{module}"
    assert found.__name__ == name
    assert name in jobs.__all__


def test_a_misspelt_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'TextToVide'"):
        getattr(jobs, "TextToVide")  # noqa: B009  a type checker would stop it
    with pytest.raises(ImportError):
        exec("from mh_preflight.jobs import TextToVide", {})  # noqa: S102  the same
