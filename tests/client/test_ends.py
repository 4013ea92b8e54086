# ruff: noqa: SLF001  a fault is planted inside
"""A caller that is interrupted leaves the ledger right."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from clienting import lip_sync, picture

from mh_preflight.budget import Entry, Ledger, State
from mh_preflight.budget.entries import Move
from mh_preflight.client import AsyncClient, Client
from mh_preflight.client.network import Backend, Marker
from mh_preflight.client.transport import Transport

PATH = "/v1/ai-image-generator"


def state_of(ledger: Ledger) -> str:
    (entry,) = ledger.entries()
    return str(entry.state)


def options(server: BillingServer, ledger: Ledger) -> dict[str, Any]:
    return {"base_url": server.base_url, "ledger": ledger, "plan": "creator", "timeout": 3.0}


@pytest.mark.parametrize(("left", "state"), [(True, "unknown"), (False, "released")])
def test_an_interrupt_while_a_job_is_sent(
    server: BillingServer,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    left: bool,
    state: str,
) -> None:
    def interrupted(_: Any, call: Any, deadline: Any, marker: Marker) -> None:
        marker.left = left
        raise KeyboardInterrupt

    client = Client(server.token, check_balance=False, **options(server, ledger))
    monkeypatch.setattr(Transport, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.submit(picture())
    assert state_of(ledger) == state


@pytest.mark.parametrize("written", [True, False])
def test_an_interrupt_while_the_claim_is_written(
    server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    move = ledger._store.move

    def interrupted(entry_id: str, wanted: Move) -> Entry:
        if wanted.to is not State.SUBMITTING:
            return move(entry_id, wanted)
        if written:
            move(entry_id, wanted)
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger._store, "move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Client(server.token, check_balance=False, **options(server, ledger)).submit(picture())
    assert state_of(ledger) == "released"
    assert server.jobs == []


def test_an_interrupt_while_it_connects(
    server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Backend, "connect_tcp", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Client(server.token, check_balance=False, **options(server, ledger)).submit(picture())
    assert state_of(ledger) == "released"


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_a_task_that_is_canceled_while_the_job_is_sent(
    server: BillingServer, ledger: Ledger, fault: Any
) -> None:
    server.order(fault, "POST", PATH, done=True)

    async def run() -> None:
        client = AsyncClient(server.token, check_balance=False, **options(server, ledger))
        task = asyncio.create_task(client.submit(picture()))
        while not server.jobs:  # noqa: ASYNC110  the server is in a thread
            await asyncio.sleep(0.02)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert state_of(ledger) == "unknown"
    assert len(server.jobs) == 1


def test_a_task_that_is_canceled_at_any_moment_keeps_the_books(
    server: BillingServer, ledger: Ledger
) -> None:
    async def run(number: int) -> None:
        client = AsyncClient(server.token, **options(server, ledger))
        task = asyncio.create_task(client.submit(picture(), id=f"row-{number}"))
        await asyncio.sleep(number * 0.004)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return

    for number in range(25):
        asyncio.run(run(number))
    time.sleep(0.1)
    entries = {entry.id: entry for entry in ledger.entries()}
    for billed in server.jobs:
        name = (billed.name or "").partition(" ~")[0]
        assert len(server.jobs_named(billed.name or "")) == 1
        assert entries[name].state in {"submitted", "unknown"}
    assert {entry.state for entry in entries.values()} <= {
        "submitted",
        "unknown",
        "released",
        "reserved",
    }
    held = sum(entry.credits for entry in entries.values() if entry.open)
    assert server.spent <= held


def test_an_interrupt_while_files_go_up_sends_nothing(
    server: BillingServer, ledger: Ledger, samples_folder: Path
) -> None:
    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    client = Client(server.token, **options(server, ledger))
    with pytest.raises(KeyboardInterrupt):
        client.submit(lip_sync(samples_folder), preflight={"isolation": "none"}, progress=stop)
    assert state_of(ledger) in {"reserved", "released", "expired"}
    assert server.jobs == []


def test_a_loop_is_not_kept_waiting(server: BillingServer, ledger: Ledger) -> None:
    """Let nothing that takes a while run in the loop itself."""

    async def run() -> float:
        client = AsyncClient(server.token, **options(server, ledger))
        longest, before = 0.0, time.monotonic()
        task = asyncio.create_task(client.submit(picture()))
        while not task.done():
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, before = max(longest, now - before), now
        await task
        return longest

    asyncio.run(run())  # the first time, modules are loaded
    assert asyncio.run(run()) < 0.5


def test_many_tasks_at_once(server: BillingServer, ledger: Ledger) -> None:
    async def run() -> set[str]:
        async with AsyncClient(server.token, **options(server, ledger)) as client:
            jobs = [client.submit(picture(), id=f"row-{number}") for number in range(12)]
            sent = await asyncio.gather(*jobs)
            for each in sent:
                server.finish(each.id)
            ended = await asyncio.gather(*(client.wait(each, poll_seconds=0.05) for each in sent))
        return {each.status for each in ended}

    assert asyncio.run(run()) == {"complete"}
    assert sum(entry.charged or 0 for entry in ledger.entries()) == server.spent
