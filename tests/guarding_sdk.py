"""The SDK's clients of both kinds as one, and jobs that they are tried with."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from billing_server import BillingServer

from mh_preflight import Media
from mh_preflight.budget import Entry, Ledger
from mh_preflight.jobs import ENDPOINTS, job
from mh_preflight.sdk import guard

__all__ = [
    "EXAMPLES",
    "FACTS",
    "FILES",
    "PRICED",
    "UNPRICED",
    "Both",
    "example",
    "facts_of",
    "local_example",
    "only",
    "tool_of",
]

magic_hour = pytest.importorskip("magic_hour")

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "jobs" / "examples.json").read_text(encoding="utf-8")
)
UNPRICED = {"ai-ugc-ad", "ai-video-editor", "ai-video-translator", "ai-video-upscaler"}
PRICED = tuple(sorted(set(ENDPOINTS) - UNPRICED))
FILES = {"video": "clip.mp4", "audio": "voice.wav", "image": "portrait.png"}
FACTS = {
    "video": Media.given("video", fps=24, duration_seconds=60, width=640, height=360),
    "audio": Media.given("audio", duration_seconds=60),
    "image": Media.given("image", width=640, height=640),
}


class Both:
    """The SDK's client for threads, or the one for event loops in a loop of its own."""

    def __init__(self, kind: str, server: BillingServer, ledger: Ledger) -> None:
        self.kind, self.server, self.ledger = kind, server, ledger
        self.runner = asyncio.Runner()
        self.opened: list[Any] = []

    def raw(self, **options: Any) -> Any:
        client = httpx.Client if self.kind == "sync" else httpx.AsyncClient
        cls = magic_hour.Client if self.kind == "sync" else magic_hour.AsyncClient
        self.opened.append(client(**{"timeout": 5.0} | options))
        return cls(
            token=self.server.token,
            base_url=self.server.base_url,
            httpx_client=self.opened[-1],
        )

    def guarded(self, *, http: dict[str, Any] | None = None, **terms: Any) -> Any:
        settings: dict[str, Any] = {"ledger": self.ledger, "plan": "creator"} | terms
        return guard(self.raw(**http or {}), **settings)

    def call(self, method: Any, /, **arguments: Any) -> Any:
        answer = method(**arguments)
        return self.runner.run(answer) if inspect.iscoroutine(answer) else answer

    def close(self) -> None:
        for each in self.opened:
            each.close() if self.kind == "sync" else self.runner.run(each.aclose())
        self.runner.close()


def tool_of(client: Any, endpoint: str) -> Any:
    return getattr(client.v1, endpoint.replace("-", "_"))


def example(endpoint: str) -> dict[str, Any]:
    """Give the body of the API's own example."""
    body = copy.deepcopy(EXAMPLES[endpoint])
    if endpoint == "ai-meme-generator":  # the SDK takes it by a name of its own
        body["style"]["search_web"] = body["style"].pop("searchWeb")
    return body


def facts_of(endpoint: str) -> dict[str, Media]:
    """Give what is stated of the files of an example, by what stands in `assets`."""
    made = job(endpoint, **example(endpoint))
    return {
        source: FACTS[made.kind_of(name)]
        for name, source in made.sources().items()
        if made.kind_of(name) in FACTS
    }


def local_example(endpoint: str, folder: Path) -> dict[str, Any]:
    """Give an example whose files are on this machine."""
    made = job(endpoint, **example(endpoint))
    kinds = {source: made.kind_of(name) for name, source in made.sources().items()}
    body = example(endpoint)
    return type(made).with_paths(body, lambda source: str(folder / FILES[kinds[source]]))


def only(ledger: Ledger) -> Entry:
    (entry,) = ledger.entries()
    return entry
