"""What goes wrong while a job is created: the hold is right after it, and no job is made twice."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from billing_server import BillingServer
from guarding_sdk import Both, example, facts_of, magic_hour, only

from mh_preflight.budget import BudgetError, Entry, Ledger, LedgerError, State, StateError
from mh_preflight.budget.terms import fingerprint_of
from mh_preflight.errors import MediaError
from mh_preflight.jobs import job
from mh_preflight.sdk import guard, with_id
from mh_preflight.sdk.once import REFUSALS, Once, Verdict, verdict_of

LIP_SYNC = "lip-sync"


def create(sdk: Both, **terms: Any) -> BaseException:
    """Create a job, and give what is raised."""
    client = sdk.guarded(media=facts_of(LIP_SYNC), **terms)
    with pytest.raises(Exception) as raised:  # noqa: PT011  each case says which
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    return raised.value


FAULTS: Mapping[str, tuple[dict[str, Any], str, State, int]] = {
    "lost answer": ({"kind": "lost-answer"}, "RemoteProtocolError", State.UNKNOWN, 1),
    "reset": ({"kind": "reset-before"}, "", State.UNKNOWN, 0),
    "half an answer": ({"kind": "reset-after-headers"}, "", State.UNKNOWN, 1),
    "silence": ({"kind": "silent", "seconds": 1}, "ReadTimeout", State.UNKNOWN, 0),
    "silence after": (
        {"kind": "silent", "seconds": 1, "done": True},
        "ReadTimeout",
        State.UNKNOWN,
        1,
    ),
    "broken json": ({"kind": "broken-json"}, "JSONDecodeError", State.UNKNOWN, 1),
    "deep json": ({"kind": "deep-json"}, "RecursionError", State.UNKNOWN, 1),
    "too short": ({"kind": "wrong-length"}, "RemoteProtocolError", State.UNKNOWN, 1),
    "a web page": ({"kind": "not-json"}, "StateError", State.UNKNOWN, 1),
    "credits that are no number": (
        {"kind": "nan-credits"},
        "ValidationError",
        State.SUBMITTED,
        1,
    ),
    "no content": ({"kind": "status", "status": 204, "body": b""}, "StateError", State.UNKNOWN, 0),
    "no id": ({"kind": "status", "status": 200, "body": {}}, "ValidationError", State.UNKNOWN, 0),
    "restart": ({"kind": "restart"}, "", State.UNKNOWN, 1),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults(case: str, sdk: Both, server: BillingServer, ledger: Ledger) -> None:
    fault, kind, state, jobs = FAULTS[case]
    if case == "deep json":
        fault = {**fault, "size": 100_000}
    server.order(**fault)
    error = create(sdk, http={"timeout": 0.3})
    assert kind in {"", type(error).__name__}
    entry = only(ledger)
    assert (entry.state, len(server.jobs)) == (state, jobs)
    assert entry.project_id == (server.jobs[0].id if state is State.SUBMITTED else None)
    if not isinstance(error, StateError):
        (note,) = error.__notes__
        assert entry.id in note


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429])
def test_a_refusal_gives_the_hold_back(
    status: int, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", status=status)
    error: Any = create(sdk)
    assert error.status_code == status
    assert (only(ledger).state, server.jobs) == (State.RELEASED, [])
    assert status in REFUSALS


@pytest.mark.parametrize("status", [307, 408, 409, 500, 502, 503, 504])
def test_any_other_status_keeps_it(
    status: int, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", status=status, done=True)
    error: Any = create(sdk)
    assert error.status_code == status
    assert (only(ledger).state, len(server.jobs)) == (State.UNKNOWN, 1)


def test_an_empty_account_is_a_refusal(sdk: Both, server: BillingServer, ledger: Ledger) -> None:
    server.balance = 149
    error: Any = create(sdk)
    assert (error.status_code, only(ledger).state) == (402, State.RELEASED)


def test_a_server_that_is_away_is_sent_nothing(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    server.stop()
    error = create(sdk)
    assert isinstance(error, httpx.ConnectError)
    assert only(ledger).state is State.RELEASED


def test_what_cannot_be_written_is_not_sent(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    options = {"additional_headers": {"x-name": "\N{SNOWMAN}"}}
    client = sdk.guarded(media=facts_of(LIP_SYNC))
    with pytest.raises(UnicodeEncodeError):
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC), request_options=options)
    assert (only(ledger).state, server.requests) == (State.RELEASED, [])


def test_a_refusal_that_a_hook_of_the_caller_raises_is_one(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    async def later(response: httpx.Response) -> None:
        response.raise_for_status()

    hook = httpx.Response.raise_for_status if sdk.kind == "sync" else later
    server.order("status", status=422)
    error = create(sdk, http={"event_hooks": {"response": [hook]}})
    assert isinstance(error, httpx.HTTPStatusError)
    assert only(ledger).state is State.RELEASED


def test_what_a_hook_of_the_caller_raises_says_nothing_of_the_request(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    request = httpx.Request("POST", "http://127.0.0.1:9/collector")
    refused = httpx.HTTPStatusError("no", request=request, response=httpx.Response(403))
    refused.response.request = request
    for error in (httpx.ConnectError("the collector is down", request=request), refused):

        def hook(_response: httpx.Response, error: Exception = error) -> None:
            raise error

        async def later(_response: httpx.Response, error: Exception = error) -> None:
            raise error

        used = hook if sdk.kind == "sync" else later
        assert create(sdk, http={"event_hooks": {"response": [used]}}) is error
    assert [entry.state for entry in ledger.entries()] == [State.UNKNOWN] * 2
    assert len(server.jobs) == 2


def test_a_hook_that_takes_the_trace_away_leaves_it_unknown(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    def untraced(request: httpx.Request) -> None:
        request.extensions.pop("trace")

    async def later(request: httpx.Request) -> None:
        untraced(request)

    server.order("lost-answer")
    create(sdk, http={"event_hooks": {"request": [untraced if sdk.kind == "sync" else later]}})
    assert (only(ledger).state, len(server.jobs)) == (State.UNKNOWN, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.png")
    picture = job(
        "image-background-remover", assets={"image_file_path": str(tmp_path / "clip.png")}
    )
    with pytest.raises(MediaError, match="no regular file"):
        fingerprint_of(picture)


@pytest.mark.parametrize("version", ["http11", "http2"])
def test_what_has_begun_to_leave_may_have_arrived_whatever_is_raised(version: str) -> None:
    with httpx.Client() as client:
        once = Once(client)
        once.began = True
        once.trace("connection.connect_tcp.started", {})
        assert verdict_of(once, httpx.LocalProtocolError("no")) is Verdict.NOT_SENT
        once.trace(f"{version}.send_request_headers.started", {})
        assert verdict_of(once, httpx.LocalProtocolError("no")) is Verdict.UNKNOWN


# ---- what is held is written before it is sent


def test_it_is_on_the_disk_before_the_request(
    sdk: Both, server: BillingServer, ledger: Ledger, tmp_path: Path
) -> None:
    found: list[tuple[State, int]] = []

    def look(_: httpx.Request) -> None:
        with Ledger(tmp_path / "ledger.sqlite") as another:
            found.append((only(another).state, len(server.requests)))

    async def later(request: httpx.Request) -> None:
        await asyncio.to_thread(look, request)

    hook = look if sdk.kind == "sync" else later
    client = sdk.guarded(media=facts_of(LIP_SYNC), http={"event_hooks": {"request": [hook]}})
    sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    assert found == [(State.SUBMITTING, 0)]


KILLED = """
import sys, magic_hour
from mh_preflight import Media
from mh_preflight.sdk import guard, with_id
video = Media.given("video", fps=24, duration_seconds=60)
client = guard(
    magic_hour.Client(token=sys.argv[1], base_url=sys.argv[2]),
    ledger=sys.argv[3],
    media={"video_file_path": video},
)
with_id(client, "row-1").v1.lip_sync.create(
    assets={
        "video_source": "file",
        "video_file_path": "api-assets/id/clip.mp4",
        "audio_file_path": "api-assets/id/line.mp3",
    },
    start_seconds=0,
    end_seconds=5,
)
"""


def test_a_process_that_is_killed_while_it_sends_is_not_repeated(
    server: BillingServer, ledger: Ledger, tmp_path: Path
) -> None:
    server.order("silent", "POST", "/v1/lip-sync", done=True, seconds=30)
    command = [sys.executable, "-c", KILLED, server.token, server.base_url, ledger.where]
    with subprocess.Popen(command) as process:
        wait_for(lambda: server.jobs)
        process.kill()
    assert only(ledger).state is State.SUBMITTING
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "may have been sent already" in again.stderr
    assert (len(server.jobs), len(server.requests)) == (1, 1)


# ---- a client that sends again


def test_a_redirect_is_not_followed_whatever_the_client_is_told(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    to = {"Location": f"{server.base_url}/v1/text-to-video"}
    server.order("status", "POST", "/v1/lip-sync", status=307, headers=to, done=True)
    error: Any = create(sdk, http={"follow_redirects": True})
    assert error.status_code == 307
    assert [each.path for each in server.requests] == ["/v1/lip-sync"]
    assert only(ledger).state is State.UNKNOWN


def test_a_transport_that_is_not_known_is_not_believed(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    """It may have sent the request once before it could not connect again."""
    error = create(sdk, http={"transport": httpx.MockTransport(_refuse)})
    assert isinstance(error, httpx.ConnectError)
    assert only(ledger).state is State.UNKNOWN


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("as a test ordered", request=request)


def test_retries_of_a_connection_are_no_second_request(
    server: BillingServer, ledger: Ledger
) -> None:
    server.order("lost-answer")
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as http:
        raw = magic_hour.Client(token=server.token, base_url=server.base_url, httpx_client=http)
        client = guard(raw, ledger=ledger, media=facts_of(LIP_SYNC))
        with pytest.raises(httpx.RemoteProtocolError):
            client.v1.lip_sync.create(**example(LIP_SYNC))
    assert (len(server.requests), only(ledger).state) == (1, State.UNKNOWN)


def test_a_request_is_sent_once() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        once = Once(http)
        once.request(method="POST", url="https://example.com")
        with pytest.raises(RuntimeError):
            once.request(method="POST", url="https://example.com")


# ---- a ledger that cannot be written


@pytest.mark.parametrize("word", ["submitting", "submitted", "unknown", "release"])
def test_a_ledger_that_fails(
    word: str,
    sdk: Both,
    server: BillingServer,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> Entry:
        raise LedgerError("the disk is full")

    if word in {"unknown", "release"}:
        server.order("status", status=500 if word == "unknown" else 422)
    monkeypatch.setattr(ledger, word, full)
    error = create(sdk)
    if word == "submitting":
        assert isinstance(error, LedgerError)
        assert (server.requests, only(ledger).state) == ([], State.RELEASED)
        return
    assert only(ledger).state is State.SUBMITTING
    assert len(server.requests) == 1
    (note,) = error.__notes__
    if word == "submitted":
        assert isinstance(error, LedgerError)
        assert server.jobs[0].id in note
    else:
        assert "the disk is full" in note
        assert type(error).__name__ == "ApiError"


# ---- tasks that are canceled, and callers at the same time


def wait_for(ready: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not ready() and time.monotonic() < until:
        time.sleep(0.005)


@pytest.fixture
def waiting(server: BillingServer, ledger: Ledger) -> Iterator[Both]:
    both = Both("async", server, ledger)
    yield both
    both.close()


def test_a_canceled_task_leaves_an_unknown_job(
    waiting: Both, server: BillingServer, ledger: Ledger
) -> None:
    server.order("silent", done=True, seconds=20)
    client = waiting.guarded(media=facts_of(LIP_SYNC))

    async def canceled() -> None:
        task = asyncio.ensure_future(client.v1.lip_sync.create(**example(LIP_SYNC)))
        await asyncio.to_thread(wait_for, lambda: server.jobs)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError) as raised:
        waiting.runner.run(canceled())
    assert only(ledger).state is State.UNKNOWN
    assert raised.value.__notes__


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
def test_a_task_that_is_canceled_at_any_moment_is_written_down(
    turns: int, waiting: Both, server: BillingServer, ledger: Ledger
) -> None:
    client = waiting.guarded(media=facts_of(LIP_SYNC))

    async def canceled() -> None:
        task = asyncio.ensure_future(client.v1.lip_sync.create(**example(LIP_SYNC)))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait([task])

    waiting.runner.run(canceled())
    entries = list(ledger.entries())
    states = {entry.state for entry in entries}
    assert states <= {State.RELEASED, State.UNKNOWN, State.SUBMITTED}
    if server.jobs:
        assert states & {State.UNKNOWN, State.SUBMITTED}


def test_callers_of_one_id_at_once_make_one_job(server: BillingServer, ledger: Ledger) -> None:
    both = Both("sync", server, ledger)
    client = with_id(both.guarded(media=facts_of(LIP_SYNC)), "row-1")
    gate = threading.Barrier(8)

    def one(_: int) -> str:
        gate.wait()
        try:
            created: str = client.v1.lip_sync.create(**example(LIP_SYNC)).id
        except StateError as error:
            return error.code
        return created

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    (job,) = server.jobs
    assert answers.count(job.id) == 1
    assert only(ledger).project_id == job.id
    both.close()


def test_many_jobs_of_one_client_at_once_keep_the_budget(
    server: BillingServer, ledger: Ledger
) -> None:
    both = Both("sync", server, ledger)
    client = both.guarded(media=facts_of(LIP_SYNC), budget=1000)

    def one(_: int) -> bool:
        try:
            client.v1.lip_sync.create(**example(LIP_SYNC))
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(12)))
    assert done.count(True) == len(server.jobs) == 6
    assert server.spent == 900
    both.close()


# ---- what is in the notes


def test_neither_token_nor_address_is_in_a_note(
    sdk: Both, server: BillingServer, ledger: Ledger, tmp_path: Path
) -> None:
    server.order("lost-answer")
    error = create(sdk)
    text = json.dumps(error.__notes__) + repr(only(ledger))
    assert server.token not in text
    assert server.base_url not in text
