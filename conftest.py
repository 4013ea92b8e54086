"""What all tests share: Hypothesis profiles, and sample files for the examples in docstrings."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from mh_preflight.cli.samples import make_samples

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile(
    "ci", max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def samples_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of sample files, with the jobs.csv and body.json that the README shows."""
    folder = tmp_path_factory.mktemp("samples")
    make_samples(folder)
    readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    for name, kind in (("jobs.csv", "csv"), ("body.json", "json")):
        text = readme.partition(f"```{kind}\n")[2].partition("```")[0]
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def own_samples(samples_folder: Path, tmp_path: Path) -> Path:
    """Give a copy of the sample files, for an example that leaves something behind."""
    return Path(shutil.copytree(samples_folder, tmp_path / "samples"))


_look_up = socket.getaddrinfo


def _only_here(host: Any, *arguments: Any, **more: Any) -> Any:
    """Find this machine and no other, so that no test waits for a network."""
    if host in {"127.0.0.1", "::1", "localhost"}:
        return _look_up(host, *arguments, **more)
    raise socket.gaierror(socket.EAI_NONAME, "this is a test")


@pytest.fixture(autouse=True)
def _known_surroundings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's plan, rates and network out, and run docstrings beside sample files."""
    for name in ("MH_PREFLIGHT_PLAN", "MH_PREFLIGHT_LEDGER", "MAGIC_HOUR_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(Path(os.devnull, "none")))
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(request.getfixturevalue("own_samples"))
