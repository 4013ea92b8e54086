"""What a bare `import mh_preflight` may cost: no I/O, no heavy modules, no models built."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

HEAVY = {"av", "PIL", "pillow_heif", "httpx", "pyarrow", "ray", "typer", "click", "rich"}


def after(program: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout)


def test_import_brings_in_nothing_heavy() -> None:
    loaded = after("import sys, json, mh_preflight; print(json.dumps(sorted(sys.modules)))")
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    assert "mh_preflight.media" in loaded


def test_import_opens_no_file_but_modules_and_starts_no_thread() -> None:
    program = """
import json, sys, threading
import pydantic, numpy, tomllib
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import mh_preflight
opened = [name for name in opened if not name.endswith((".py", ".pyc"))]
print(json.dumps([opened, threading.active_count()]))
"""
    assert after(program) == [[], 1]


def test_import_builds_no_model() -> None:
    program = """
import json, pydantic
import mh_preflight
def below(cls):
    return [cls, *(each for sub in cls.__subclasses__() for each in below(sub))]
ours = [c for c in below(pydantic.BaseModel) if c.__module__.startswith("mh_preflight")]
print(json.dumps([len(ours) > 10, [c.__name__ for c in ours if c.__pydantic_complete__]]))
"""
    assert after(program) == [True, []]


def test_rates_and_what_spends_are_loaded_when_they_are_asked_for() -> None:
    program = """
import json, sys
import mh_preflight as mh
before = sorted(name for name in sys.modules if name.startswith("mh_preflight"))
mh.Ledger, mh.Client, mh.guard, mh.RateCard
print(json.dumps(before))
"""
    rooms = {name.split(".")[1] for name in after(program) if "." in name}
    assert not rooms & {"budget", "client", "rates", "sdk"}
