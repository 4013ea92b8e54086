"""The server that the SDK is guarded against, and the SDK's clients of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from billing_server import BillingServer
from guarding_sdk import FILES, Both

from mh_preflight import Media, probe
from mh_preflight.budget import Ledger


@pytest.fixture
def server() -> Iterator[BillingServer]:
    with BillingServer() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, server: BillingServer, ledger: Ledger) -> Iterator[Both]:
    both = Both(request.param, server, ledger)
    yield both
    both.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.001")


@pytest.fixture(scope="session")
def probed(samples_folder: Path) -> dict[str, Media]:
    return {name: probe(samples_folder / name) for name in FILES.values()}


@pytest.fixture
def here(
    samples_folder: Path,
    probed: dict[str, Media],
    server: BillingServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Give a folder of files, of which the server knows what is in them, and go elsewhere."""
    for name in FILES.values():
        (tmp_path / name).write_bytes((samples_folder / name).read_bytes())
        server.media[Path(name).suffix] = probed[name]
    monkeypatch.chdir(tmp_path)
    return tmp_path
