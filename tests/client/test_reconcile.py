"""What the ledger says becomes what the API says, at any time and by several at once."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from clienting import FAR, Make, far_lip_sync, picture

from mh_preflight import errors
from mh_preflight.budget import Ledger, Scope
from mh_preflight.client import Client


def did(outcomes: Any) -> dict[str, str]:
    return {each.entry.id: each.did for each in outcomes}


def test_each_entry_is_looked_at_and_told_of(
    make: Make, server: BillingServer, ledger: Ledger
) -> None:
    client = make()
    ids = {}
    for name in ("ended", "failed", "canceled", "running", "settled"):
        ids[name] = client.submit(far_lip_sync(), id=name, preflight=FAR).id
    server.finish(ids["ended"])
    server.finish(ids["settled"])
    client.settle("settled")
    server.fail(ids["failed"])
    server.cancel(ids["canceled"])
    server.order("lost-answer", "POST", "/v1/ai-image")
    with pytest.raises(errors.UncertainError):
        client.submit(picture(), id="lost")
    ledger.reserve("reserved", "something", 5)
    ledger.reserve("due", "something", 5, expires_after=0)
    ledger.reserve("being-sent", "something", 5)
    ledger.submitting("being-sent")
    ledger.reserve("missing", "something", 5, scope=Scope(endpoint="lip-sync"))
    ledger.submitting("missing")
    ledger.submitted("missing", "c00000000000000000000dead")
    time.sleep(0.001)
    assert did(client.reconcile()) == {
        "ended": "settled",
        "failed": "settled",
        "canceled": "settled",
        "running": "running",
        "lost": "unknown",
        "reserved": "reserved",
        "due": "expired",
        "being-sent": "being-sent",
        "missing": "not-found",
    }
    charged = {entry.id: entry.charged for entry in ledger.entries(state="settled")}
    assert charged == {"ended": 240, "failed": 0, "canceled": 0, "settled": 240}
    assert ledger.get("missing").open  # type: ignore[union-attr]
    again = did(client.reconcile())
    assert set(again) == {"running", "lost", "reserved", "being-sent", "missing"}


def test_a_caller_that_is_gone_leaves_an_unknown_job(
    client: Any, ledger: Ledger, server: BillingServer
) -> None:
    ledger.reserve("gone", "something", 5)
    ledger.submitting("gone")
    time.sleep(0.02)
    (outcome,) = client.reconcile(submitting_seconds=0.01)
    assert (outcome.did, outcome.entry.state) == ("unknown", "unknown")
    (outcome,) = client.reconcile()
    assert "a person" in outcome.reason


@pytest.mark.parametrize("fault", ["status", "broken-json", "nan-credits", "lost-answer"])
def test_one_that_cannot_be_asked_for_keeps_no_other_waiting(
    client: Any, server: BillingServer, ledger: Ledger, fault: Any
) -> None:
    for name in ("a", "b"):
        server.finish(client.submit(picture(), id=name).id)
    server.order(fault, "GET", "/v1/image-projects", times=3)
    found = did(client.reconcile())
    assert Counter(found.values()) in (Counter(failed=1, settled=1), Counter(failed=2))
    server.forget_orders()
    client.reconcile()
    assert {entry.state for entry in ledger.entries()} == {"settled"}


def test_a_deadline_ends_it(client: Any, server: BillingServer) -> None:
    for name in ("a", "b"):
        client.submit(picture(), id=name)
    server.order("silent", "GET", "/v1/image-projects")
    outcomes = client.reconcile(deadline=0.3)
    assert [each.did for each in outcomes] == ["failed", "failed"]


def test_several_at_once_do_it_once(server: BillingServer, ledger: Ledger, tmp_path: Path) -> None:
    def client(book: Ledger) -> Client:
        return Client(server.token, base_url=server.base_url, ledger=book, plan="creator")

    for number in range(8):
        sent = client(ledger).submit(far_lip_sync(), id=f"row-{number}", preflight=FAR)
        server.finish(sent.id)

    def one(_: int) -> list[str]:
        with Ledger(tmp_path / "ledger.sqlite") as book:
            return [each.did for each in client(book).reconcile()]

    with ThreadPoolExecutor(4) as threads:
        outcomes = [each for found in threads.map(one, range(4)) for each in found]
    assert set(outcomes) <= {"settled", "settled-before"}
    assert sum(entry.charged or 0 for entry in ledger.entries()) == server.spent == 8 * 240
