"""The server that both clients are tried against, and both of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from clienting import Awaited, Make

from mh_preflight.budget import Ledger
from mh_preflight.client import AsyncClient, Client


@pytest.fixture
def server() -> Iterator[BillingServer]:
    with BillingServer(polls=None) as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, server: BillingServer, ledger: Ledger) -> Iterator[Make]:
    """Give what makes a client of either kind, on the server and with the ledger."""
    made: list[Awaited] = []

    def one(**options: Any) -> Any:
        settings: dict[str, Any] = {
            "token": server.token,
            "base_url": server.base_url,
            "ledger": ledger,
            "plan": "creator",
            "timeout": 3.0,
        } | options
        if request.param == "sync":
            return Client(**settings)
        made.append(Awaited(AsyncClient(**settings)))
        return made[-1]

    yield one
    for each in made:
        each.end()


@pytest.fixture
def client(make: Make) -> Any:
    return make()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is tried again be tried soon."""
    for module in ("flows", "creating"):
        monkeypatch.setattr(f"mh_preflight.client.{module}.PAUSE", 0.01)
