"""A webhook is believed only where the API signed it, and books once."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer, signed
from clienting import FAR, Make, far_lip_sync, picture
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight import errors
from mh_preflight.budget import Ledger
from mh_preflight.client import Client
from mh_preflight.client.webhooks import Event, event_of, verify_webhook
from mh_preflight.errors import InputError

SECRET = "whsec_canary"  # noqa: S105
TOLD = {
    "type": "video.completed",
    "payload": {"id": "c1", "status": "complete", "credits_charged": 360},
}


def test_a_signed_webhook_is_read() -> None:
    headers, body = signed(TOLD, SECRET)
    found = verify_webhook(body, headers, SECRET)
    assert (found.happening, found.project.id, found.project.credits_charged) == (
        "completed",
        "c1",
        360,
    )
    shouted = {name.upper(): value for name, value in headers.items()}
    assert verify_webhook(body, shouted, ["old", SECRET]) == found


def test_what_is_not_signed_is_refused() -> None:
    headers, body = signed(TOLD, SECRET)
    for changed in (body + b" ", body.replace(b"360", b"1"), b""):
        with pytest.raises(errors.WebhookError, match="not signed"):
            verify_webhook(changed, headers, SECRET)
    with pytest.raises(errors.WebhookError, match="not signed") as caught:
        verify_webhook(body, headers, "another")
    assert SECRET not in str(caught.value)
    for name in headers:
        if name.startswith("magic"):
            with pytest.raises(errors.WebhookError):
                verify_webhook(body, headers | {name: ""}, SECRET)
            with pytest.raises(errors.WebhookError):
                verify_webhook(body, headers | {name: "é"}, SECRET)
    for wrong in ("", [], [""]):
        with pytest.raises(errors.WebhookError, match="secret"):
            verify_webhook(body, headers, wrong)
    with pytest.raises(errors.WebhookError, match="raw bytes"):
        verify_webhook(body.decode(), headers, SECRET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "fine"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)]
)
def test_what_is_old_is_refused(age: float, fine: bool) -> None:
    now = 1.8e9
    headers, body = signed(TOLD, SECRET, now - age)
    if fine:
        verify_webhook(body, headers, SECRET, now=now)
        return
    with pytest.raises(errors.WebhookError) as caught:
        verify_webhook(body, headers, SECRET, now=now)
    assert caught.value.code == "stale"


@given(body=st.binary(max_size=60), signature=st.text(max_size=70), stamp=st.text(max_size=12))
def test_nothing_unsigned_gets_through(body: bytes, signature: str, stamp: str) -> None:
    headers = {"magic-hour-event-signature": signature, "magic-hour-event-timestamp": stamp}
    with pytest.raises(errors.WebhookError):
        verify_webhook(body, headers, SECRET)


def said(kind: str = "video.completed", **changed: Any) -> bytes:
    told = {"id": "c1", "status": "complete", "credits_charged": 1} | changed
    return json.dumps({"type": kind, "payload": told}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type": "video.completed"}',
        said("other.completed"),
        said("video.canceled"),
        said(credits_charged=None),
        said(credits_charged=float("nan")),
        said(credits_charged=-1),
        said(id="a/b"),
        said(status="done"),
        b"[" * 10_000,
    ],
)
def test_what_is_signed_and_says_nothing_is_refused(body: bytes) -> None:
    headers, raw = signed(body, SECRET)
    with pytest.raises(errors.WebhookError):
        verify_webhook(raw, headers, SECRET)


def test_events_in_any_order_and_twice_book_once(
    make: Make, server: BillingServer, ledger: Ledger
) -> None:
    client = make()
    for number, order in enumerate(itertools.permutations(range(3))):
        sent = client.submit(far_lip_sync(), id=f"row-{number}", preflight=FAR)
        server.render(sent.id)
        started = server.webhook_event(sent.id, "video.started")
        server.finish(sent.id)
        ended = server.webhook_event(sent.id, "video.completed")
        events = [started, ended, ended]
        done = [client.settle_webhook(events[place]).did for place in order]
        assert done.count("settled") == 1
        entry = ledger.get(f"row-{number}")
        assert entry is not None
        assert (entry.state, entry.charged) == ("settled", 240)


def test_a_failed_job_books_nothing(client: Any, server: BillingServer, ledger: Ledger) -> None:
    sent = client.submit(far_lip_sync(), id="row-1", preflight=FAR)
    server.fail(sent.id)
    outcome = client.settle_webhook(server.webhook_event(sent.id, "video.errored"))
    assert (outcome.did, outcome.entry.charged) == ("settled", 0)
    assert outcome.project.error_code == "unknown_error"


def test_another_charge_later_changes_nothing(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    sent = client.submit(far_lip_sync(), id="row-1", preflight=FAR)
    server.finish(sent.id)
    event = server.webhook_event(sent.id, "video.completed")
    client.settle_webhook(event)
    event["payload"]["credits_charged"] = 999
    outcome = client.settle_webhook(event)
    assert (outcome.did, outcome.entry.charged) == ("settled-before", 240)
    assert "999" in outcome.reason


def test_a_job_of_others_is_not_booked(client: Any, server: BillingServer) -> None:
    assert client.settle_webhook(TOLD).did == "not-ours"
    with pytest.raises(InputError):
        client.settle_webhook(b"{}")
    with pytest.raises(errors.WebhookError):
        client.settle_webhook({"type": "video.completed"})
    assert client.settle_webhook(event_of(TOLD)).project.id == "c1"


@pytest.mark.parametrize("end", ["started", "completed"])
def test_a_job_whose_answer_was_lost_is_found_by_its_name(
    client: Any, server: BillingServer, ledger: Ledger, end: str
) -> None:
    server.order("lost-answer", "POST", "/v1/ai-image")
    with pytest.raises(errors.UncertainError):
        client.submit(picture(), id="row-1")
    (lost,) = server.jobs
    event = server.webhook_event(lost.id, f"image.{end}")
    forged = {**event, "payload": {**event["payload"], "id": "c2", "name": "row-1 ~00000000"}}
    assert client.settle_webhook(forged).did == "not-ours"
    other = {**event, "type": f"video.{end}"}
    assert client.settle_webhook(other).did == "not-ours"
    assert client.settle_webhook(event).did == "found"
    assert client.submit(picture(), id="row-1").id == lost.id
    server.finish(lost.id)
    assert client.wait("row-1").status == "complete"
    assert len(server.jobs) == 1


def test_a_webhook_that_is_faster_than_the_answer(
    make: Make, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make()
    real = ledger.submitted

    def late(entry: str, project: str) -> Any:
        monkeypatch.setattr(ledger, "submitted", real)
        server.finish(project)
        event = server.webhook_event(project, "image.completed")
        # In a client of its own: that of the test is in the middle of a flow.
        receiver = Client(server.token, base_url=server.base_url, ledger=ledger)
        assert receiver.settle_webhook(event).did == "settled"
        return real(entry, project)

    monkeypatch.setattr(ledger, "submitted", late)
    sent = client.submit(picture(), id="row-1")
    assert (sent.entry.state, sent.entry.charged) == ("settled", server.spent)


def test_an_event_is_a_value() -> None:
    assert event_of(TOLD) == event_of(TOLD)
    assert isinstance(event_of(TOLD), Event)


def test_no_frame_of_an_error_holds_the_secret() -> None:
    headers = {"magic-hour-event-signature": "0", "magic-hour-event-timestamp": "1"}
    with pytest.raises(errors.WebhookError) as caught:
        verify_webhook(b"{}", headers, SECRET)
    frames = [each.frame for each in caught.traceback if Path(each.path).name == "webhooks.py"]
    assert frames
    assert not [frame for frame in frames if SECRET in repr(frame.f_locals)]


@pytest.mark.parametrize("name", ["row  7", "take https://cdn.example/a.mp4?v=1"])
def test_an_odd_id_is_found_by_its_name(client: Any, server: BillingServer, name: str) -> None:
    server.order("lost-answer", "POST", "/v1/ai-image")
    with pytest.raises(errors.UncertainError):
        client.submit(picture(), id=name)
    (lost,) = server.jobs
    assert client.settle_webhook(server.webhook_event(lost.id, "image.started")).did == "found"
