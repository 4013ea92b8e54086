"""Each status and each fault of a create: which error, what the ledger holds, how many jobs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from billing_server import BillingServer, FaultKind
from clienting import Make, picture

from mh_preflight import errors
from mh_preflight.budget import Ledger
from mh_preflight.client.sending import label_of

PATH = "/v1/ai-image-generator"

REFUSALS = {
    400: errors.RefusedError,
    401: errors.UnauthorizedError,
    402: errors.InsufficientCreditsError,
    403: errors.ForbiddenError,
    404: errors.RefusedError,
    413: errors.RefusedError,
    422: errors.RefusedError,
    429: errors.TooManyRequestsError,
}
UNCERTAIN = {
    300: False,
    302: True,
    307: True,
    308: False,
    405: False,
    408: True,
    409: True,
    425: False,
    500: True,
    502: False,
    503: True,
    504: True,
    599: False,
}
"""Statuses that settle nothing, and whether the job was created."""


def state_of(ledger: Ledger) -> str:
    (entry,) = ledger.entries()
    return str(entry.state)


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_a_definite_no(
    client: Any, server: BillingServer, ledger: Ledger, status: int
) -> None:
    server.order("status", "POST", PATH, status=status, body={"message": "so it is", "code": "so"})
    with pytest.raises(errors.ApiError, match=f"{status}: so it is") as caught:
        client.submit(picture(), id="row-1")
    assert type(caught.value) is REFUSALS[status]
    error = caught.value
    assert (error.status, error.api_code, error.id) == (status, "so", "row-1")
    assert state_of(ledger) == "released"
    assert len(server.requests_to("POST", PATH)) == 1


@pytest.mark.parametrize(("status", "done"), UNCERTAIN.items())
def test_other_statuses_settle_nothing(
    client: Any, server: BillingServer, ledger: Ledger, status: int, done: bool
) -> None:
    headers = {"Location": server.base_url + PATH} if status < 400 else {}
    server.order("status", "POST", PATH, status=status, done=done, headers=headers)
    with pytest.raises(errors.UncertainServerError) as caught:
        client.submit(picture(), id="row-1")
    assert isinstance(caught.value, errors.ServerError)
    assert caught.value.status == status
    assert state_of(ledger) == "unknown"
    assert len(server.jobs) == done
    with pytest.raises(errors.UncertainError, match="not sent again"):
        client.submit(picture(), id="row-1")
    assert len(server.requests_to("POST", PATH)) == 1


FAULTS: dict[FaultKind, tuple[type[errors.UncertainError], int]] = {
    "lost-answer": (errors.UncertainError, 1),
    "reset-before": (errors.UncertainError, 0),
    "reset-after-headers": (errors.UncertainAnswerError, 1),
    "drip": (errors.UncertainDeadlineError, 1),
    "silent": (errors.UncertainDeadlineError, 0),
    "broken-json": (errors.UncertainAnswerError, 1),
    "not-json": (errors.UncertainAnswerError, 1),
    "huge-body": (errors.UncertainAnswerError, 1),
    "deep-json": (errors.UncertainAnswerError, 1),
    "wrong-length": (errors.UncertainAnswerError, 1),
    "restart": (errors.UncertainError, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_ambiguous_keeps_its_hold_and_is_not_sent_again(
    make: Make, server: BillingServer, ledger: Ledger, fault: FaultKind
) -> None:
    client = make(timeout=0.5)
    server.order(fault, "POST", PATH)
    kind, jobs = FAULTS[fault]
    with pytest.raises(errors.UncertainError) as caught:
        client.submit(picture(), id="row-1")
    assert type(caught.value) is kind
    assert state_of(ledger) == "unknown"
    with pytest.raises(errors.UncertainError):
        client.submit(picture(), id="row-1")
    assert len(server.jobs) == jobs
    assert len(server.requests_to("POST", PATH)) == 1


def test_a_job_whose_charge_cannot_be_read_is_known_all_the_same(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    server.order("nan-credits", "POST", PATH)
    sent = client.submit(picture(), id="row-1")
    assert (sent.id, sent.credits_charged) == (server.jobs[0].id, None)
    assert [each.code for each in sent.warnings] == ["charge-not-told"]
    assert state_of(ledger) == "submitted"
    server.finish(sent.id)
    assert client.wait(sent).credits_charged == server.spent


def test_402_says_what_is_missing(client: Any, server: BillingServer, ledger: Ledger) -> None:
    server.order("status", "POST", PATH, status=402, body={"message": "no credits"})
    server.order("status", "GET", "/v1/account", status=200, body={"credits": 9_000}, times=1)
    server.order("status", "GET", "/v1/account", status=200, body={"credits": 2}, times=1)
    with pytest.raises(errors.InsufficientCreditsError, match="3 credits are missing") as caught:
        client.submit(picture())
    assert (caught.value.balance, caught.value.needed, caught.value.missing) == (2, 5, 3)


def test_402_without_an_answer_for_the_balance(client: Any, server: BillingServer) -> None:
    server.order("status", "POST", PATH, status=402)
    server.order("status", "GET", "/v1/account", status=404, skip=1)
    with pytest.raises(errors.InsufficientCreditsError) as caught:
        client.submit(picture())
    assert (caught.value.needed, caught.value.missing) == (5, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("-1e999 soon", None), ("86401", 86_400), (None, None), ("9" * 30, None)],
)
def test_429_says_when_to_come_back(
    client: Any, server: BillingServer, header: str | None, seconds: int | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    server.order("status", "POST", PATH, status=429, headers=headers)
    with pytest.raises(errors.TooManyRequestsError) as caught:
        client.submit(picture())
    assert caught.value.retry_after == seconds


def test_429_is_waited_for_with_patience(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", "POST", PATH, status=429, headers={"Retry-After": "0"})
    assert client.submit(picture(), patience=5).entry.state == "submitted"
    server.order("status", "POST", PATH, status=429, headers={"Retry-After": "60"})
    with pytest.raises(errors.TooManyRequestsError):
        client.submit(picture(), patience=5)
    assert len(server.jobs) == 1


@pytest.mark.parametrize("fault", ["drip", "reset-after-headers", "huge-body"])
def test_a_refusal_whose_words_are_lost_is_one(
    make: Make, server: BillingServer, ledger: Ledger, fault: FaultKind
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_refuse, args=[listening, fault], daemon=True)
        thread.start()
        client = make(
            base_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            check_balance=False,
            timeout=0.5,
        )
        with pytest.raises(errors.ForbiddenError):
            client.submit(picture())
        thread.join(5)
    assert state_of(ledger) == "released"


def _refuse(listening: socket.socket, fault: str) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(1 << 16)
        length = 50_000_000 if fault == "huge-body" else 100
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n{" % length)
        if fault == "reset-after-headers":
            return
        connection.settimeout(5)
        try:
            connection.recv(1)
        except OSError:
            return


@pytest.fixture
def nobody() -> Iterator[str]:
    """Give a URL on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_what_did_not_leave_is_released(make: Make, ledger: Ledger, nobody: str) -> None:
    with pytest.raises(errors.NotSentError, match="not sent"):
        make(base_url=nobody, check_balance=False).submit(picture(), id="row-1")
    assert state_of(ledger) == "released"
    with pytest.raises(errors.NotSentError, match="cannot be reached"):
        make(base_url=nobody).submit(picture(), id="row-2")
    assert len(list(ledger.entries())) == 1


def test_a_name_that_is_not_found_is_not_sent(make: Make, ledger: Ledger) -> None:
    client = make(base_url="https://api.example", check_balance=False)
    with pytest.raises(errors.NotSentError):
        client.submit(picture())
    assert state_of(ledger) == "released"


def test_tls_that_fails_is_not_sent(make: Make, server: BillingServer, ledger: Ledger) -> None:
    client = make(base_url=server.base_url.replace("http:", "https:"), check_balance=False)
    with pytest.raises(errors.NotSentError):
        client.submit(picture())
    assert state_of(ledger) == "released"
    assert server.jobs == []


def test_a_server_that_comes_back_is_connected_to(
    make: Make, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mh_preflight.client.creating.PAUSE", 0.6)
    client = make(check_balance=False)
    server.stop()
    timer = threading.Timer(0.2, server.start)
    timer.start()
    try:
        assert client.submit(picture()).entry.state == "submitted"
    finally:
        timer.join()
    assert len(server.jobs) == 1


def test_a_ledger_that_cannot_be_written_loses_no_id(
    client: Any, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mh_preflight.budget import LedgerError

    def full(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(ledger, "submitted", full)
    with pytest.raises(errors.UncertainError, match="the disk is full") as caught:
        client.submit(picture(), id="row-1")
    assert caught.value.code == "unbooked"
    assert (caught.value.id, caught.value.project_id) == ("row-1", server.jobs[0].id)
    assert state_of(ledger) == "submitting"
    monkeypatch.undo()
    monkeypatch.setattr(ledger, "unknown", full)
    server.order("lost-answer", "POST", PATH)
    with pytest.raises(errors.UncertainError) as lost:
        client.submit(picture(), id="row-2")
    assert "the disk is full" in lost.value.__notes__[0]
    entry = ledger.get("row-2")
    assert entry is not None
    assert entry.state == "submitting"


def test_the_entry_is_on_the_disk_before_a_byte_leaves(
    make: Make, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mh_preflight.budget import LedgerError

    def full(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(ledger, "submitting", full)
    with pytest.raises(LedgerError):
        make().submit(picture())
    assert server.requests_to("POST", PATH) == []


def test_a_label_is_what_a_lost_job_is_found_by(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    server.order("lost-answer", "POST", PATH)
    with pytest.raises(errors.UncertainError):
        client.submit(picture(), id="row-1")
    (entry,) = ledger.entries()
    assert server.jobs[0].name == label_of(entry)
