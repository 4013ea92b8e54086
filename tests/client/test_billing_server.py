"""The billing server itself: each point of the contract, each fault, and the vendor's own SDK."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import billing_server
import httpx
import pytest
from billing_server import (
    TOKEN,
    BillingProcess,
    BillingServer,
    FaultKind,
    kind_of,
    read_books,
    signed,
)

from mh_preflight import Media
from mh_preflight.jobs import ENDPOINTS

DAY = date(2026, 11, 22)
SECRET = "whsec_test"  # noqa: S105  it signs nothing but what stands here
EXAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "jobs" / "examples.json").read_text()
)


def lip_sync(name: str = "row-1", seconds: float = 5, **more: Any) -> dict[str, Any]:
    """Give a body that queues 30 credits a second, and settles at the source's frame rate."""
    return {
        "name": name,
        "assets": {
            "video_source": "file",
            "video_file_path": "https://example.com/clip.mp4",
            "audio_file_path": "https://example.com/line.mp3",
        },
        "start_seconds": 0,
        "end_seconds": seconds,
        **more,
    }


@pytest.fixture
def server() -> Iterator[BillingServer]:
    with BillingServer(balance=1000, as_of=DAY) as running:
        yield running


@pytest.fixture
def api(server: BillingServer) -> Iterator[httpx.Client]:
    with client_of(server.base_url) as client:
        yield client


def client_of(base_url: str, timeout: float = 5) -> httpx.Client:
    return httpx.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=timeout,
        trust_env=False,
    )


def create(api: httpx.Client, **body: Any) -> str:
    answer = api.post("/v1/lip-sync", json=lip_sync(**body))
    assert answer.status_code == 200, answer.text
    project: str = answer.json()["id"]
    return project


def video(api: httpx.Client, project: str) -> dict[str, Any]:
    answer = api.get(f"/v1/video-projects/{project}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def wait_for(reached: Any, seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


# ---- the contract


@pytest.mark.parametrize("token", [None, "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
def test_without_the_token_nothing_is_done(server: BillingServer, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    answer = httpx.post(f"{server.base_url}/v1/lip-sync", json=lip_sync(), headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert server.jobs == []


def test_every_request_is_on_record(server: BillingServer, api: httpx.Client) -> None:
    api.get("/v1/account?x=1", headers={"X-Mine": "yes"})
    api.post("/v1/nothing", content=b"12345")
    first, second = server.requests
    assert (first.origin, first.method, first.path) == ("api", "GET", "/v1/account?x=1")
    assert first.headers["x-mine"] == "yes"
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert (first.length, first.status, second.length, second.status) == (0, 200, 5, 404)
    assert server.requests_to("POST", "/v1/") == [second]
    assert len(server.requests_to("*", "/v1/")) == 2
    assert server.leaks == []


def test_a_job_is_billed_as_queued_and_settles_at_its_frame_rate(
    server: BillingServer, api: httpx.Client
) -> None:
    server.media["clip.mp4"] = Media.given("video", fps=24, duration_seconds=20)
    created = api.post("/v1/lip-sync", json=lip_sync()).json()
    assert created == {
        "id": server.jobs[0].id,
        "credits_charged": 150,
        "estimated_frame_cost": 150,
    }
    assert (server.balance, server.spent) == (850, 150)
    states = [video(api, created["id"]) for _ in range(4)]
    assert [each["status"] for each in states] == ["queued", "rendering", "complete", "complete"]
    assert [each["credits_charged"] for each in states] == [150, 150, 120, 120]
    assert [each["fps"] for each in states] == [30, 30, 24, 24]
    assert (server.balance, server.spent) == (880, 120)
    billed = server.job(created["id"])
    assert (billed.queued, billed.settled, billed.status) == (150, 120, "complete")
    assert (billed.endpoint, billed.name, billed.body) == ("lip-sync", "row-1", lip_sync())


def test_a_faster_source_settles_at_more(server: BillingServer, api: httpx.Client) -> None:
    server.media["clip.mp4"] = Media.given("video", fps=60, duration_seconds=20)
    project = create(api)
    assert server.finish(project) == 300
    assert server.balance == 700
    server.fail(project)  # it has ended
    assert (server.job(project).status, server.finish(project, 1)) == ("complete", 300)


def test_facts_are_found_by_path_name_content_and_extension(
    server: BillingServer, api: httpx.Client
) -> None:
    item = {"type": "video", "extension": "mp4"}
    made = api.post("/v1/files/upload-urls", json={"items": [item]}).json()["items"][0]
    httpx.put(made["upload_url"], content=b"film").raise_for_status()
    body = lip_sync(end_seconds=10)
    body["assets"]["video_file_path"] = made["file_path"]
    named = (
        made["file_path"],
        made["file_path"].rpartition("/")[2],
        hashlib.sha256(b"film").hexdigest(),
        ".mp4",
    )
    for fps, name in enumerate(named, start=10):
        server.media.clear()
        server.media[name] = Media.given("video", fps=fps, duration_seconds=20)
        project = api.post("/v1/lip-sync", json=body).json()["id"]
        assert server.finish(project) == fps * 10
        server.balance = 1000
    assert list(server.media) == [".mp4"]
    with pytest.raises(KeyError):
        del server.media["other"]


def test_what_fails_or_is_canceled_costs_nothing(server: BillingServer, api: httpx.Client) -> None:
    failed, canceled = create(api), create(api)
    server.render(failed)
    server.fail(failed, "no_source_face")
    server.cancel(canceled)
    found = video(api, failed)
    assert (found["status"], found["credits_charged"]) == ("error", 0)
    assert found["error"]["code"] == "no_source_face"
    assert video(api, canceled)["status"] == "canceled"
    assert (server.balance, server.spent) == (1000, 0)


def test_projects_move_only_by_word_where_that_was_said() -> None:
    with BillingServer(polls=None) as server, client_of(server.base_url) as api:
        project = create(api)
        assert {video(api, project)["status"] for _ in range(5)} == {"queued"}
        server.finish(project, credits=77)
        assert video(api, project)["credits_charged"] == server.spent == 77


def test_more_than_the_balance_is_refused(server: BillingServer, api: httpx.Client) -> None:
    server.balance = 299
    assert [api.post("/v1/lip-sync", json=lip_sync()).status_code for _ in range(2)] == [200, 402]
    assert (len(server.jobs), server.balance) == (1, 149)
    server.balance = 150
    create(api)
    assert server.balance == 0


def test_jobs_that_come_at_once_never_overdraw(server: BillingServer) -> None:
    statuses: list[int] = []

    def send(number: int) -> None:
        with client_of(server.base_url) as api:
            answer = api.post("/v1/lip-sync", json=lip_sync(f"row-{number}"))
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=send, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 6 + [402] * 6
    assert len({each.id for each in server.jobs}) == 6
    assert server.balance == 100


@pytest.mark.parametrize(
    ("errors", "expected"),
    [("message", {"message"}), ("code", {"code", "message"})],
)
def test_errors_come_in_both_forms(errors: Any, expected: set[str]) -> None:
    with (
        BillingServer(errors=errors, balance=0, plan="free", as_of=DAY) as server,
        client_of(server.base_url) as api,
    ):
        answers = [
            api.post("/v1/lip-sync", json=lip_sync(end_seconds=0)),
            api.post("/v1/lip-sync", json=lip_sync(surprise=1)),
            api.post("/v1/lip-sync", content=b"[]"),
            api.post("/v1/lip-sync", content=b"[" * 100_000),
            api.post("/v1/lip-sync", json=lip_sync(style={"generation_mode": "pro"})),
            api.post("/v1/lip-sync", json=lip_sync()),
            api.get("/v1/video-projects/none"),
            api.get("/v1/nothing"),
        ]
    assert [each.status_code for each in answers] == [422, 422, 400, 400, 402, 402, 404, 404]
    assert all(set(each.json()) == expected for each in answers)
    if errors == "code":
        codes = [each.json()["code"] for each in answers[3:7]]
        assert codes == [
            "invalid_request",
            "plan_upgrade_required",
            "insufficient_credits",
            "not_found",
        ]


def test_what_the_rate_card_knows_to_be_wrong_is_refused(
    server: BillingServer, api: httpx.Client
) -> None:
    server.media["clip.mp4"] = Media.given("audio", duration_seconds=20)
    assert api.post("/v1/lip-sync", json=lip_sync()).status_code == 422
    assert server.jobs == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_has_its_shapes(
    server: BillingServer, api: httpx.Client, endpoint: str
) -> None:
    models = pytest.importorskip("magic_hour.types.models")
    stem = "".join(part.capitalize() for part in endpoint.split("-"))
    created = api.post(f"/v1/{endpoint}", json=EXAMPLES[endpoint])
    made = getattr(models, f"V1{stem}CreateResponse").model_validate(created.json())
    assert made.credits_charged == server.spent
    kind = kind_of(endpoint)
    found = getattr(models, f"V1{kind.capitalize()}ProjectsGetResponse")
    states = [
        found.model_validate(api.get(f"/v1/{kind}-projects/{made.id}").json()) for _ in range(3)
    ]
    assert [each.status for each in states] == ["queued", "rendering", "complete"]
    assert states[2].credits_charged == server.spent == 1000 - server.balance
    assert len(states[2].downloads) == getattr(states[2], "image_count", 1)
    other = "image" if kind == "video" else "video"
    assert api.get(f"/v1/{other}-projects/{made.id}").status_code == 404


def test_every_endpoint_has_a_type() -> None:
    assert tuple(billing_server.TYPES) == ENDPOINTS


def test_a_job_without_a_published_rate_is_billed_too() -> None:
    with BillingServer(unlisted=55, as_of=DAY) as server, client_of(server.base_url) as api:
        endpoint = "ai-video-translator"
        project = api.post(f"/v1/{endpoint}", json=EXAMPLES[endpoint]).json()["id"]
        assert server.spent == server.finish(project) == 55


def test_the_account(server: BillingServer, api: httpx.Client) -> None:
    create(api)
    account = api.get("/v1/account").json()
    assert (account["tier"], account["credits"]) == ("creator", 850)
    assert account["subscription"]["price"] == {"amount": 1900, "currency": "usd"}
    with BillingServer(plan="free", balance=7) as free, client_of(free.base_url) as other:
        account = other.get("/v1/account").json()
        assert (account["tier"], account["credits"], account["subscription"]) == ("free", 7, None)


def test_what_was_made_can_be_had_and_deleted(server: BillingServer, api: httpx.Client) -> None:
    project = create(api)
    assert video(api, project)["downloads"] == []
    server.finish(project)
    server.output = b"film"
    url = video(api, project)["downloads"][0]["url"]
    assert urlsplit(url).port != server.port
    assert httpx.get(url).content == b"film"
    head = httpx.head(url)
    assert (head.headers["content-length"], head.content) == ("4", b"")
    assert api.delete(f"/v1/video-projects/{project}").status_code == 204
    found = video(api, project)
    assert (found["enabled"], found["downloads"]) == (False, [])
    assert httpx.get(url).status_code == 404
    assert server.spent == 120  # nothing says that a deletion gives anything back
    assert api.delete("/v1/video-projects/none").status_code == 404


# ---- files


def test_uploads_are_stored_under_their_own_url(server: BillingServer, api: httpx.Client) -> None:
    items = [{"type": "video", "extension": "mp4"}, {"type": "audio", "extension": "mp3"}]
    made = api.post("/v1/files/upload-urls", json={"items": items}).json()["items"]
    assert [set(each) for each in made] == [{"upload_url", "expires_at", "file_path"}] * 2
    assert [each["file_path"].rpartition(".")[2] for each in made] == ["mp4", "mp3"]
    content = os.urandom(2_000_000)
    assert httpx.put(made[0]["upload_url"], content=content).status_code == 200
    pieces = (content[place : place + 300_000] for place in range(0, len(content), 300_000))
    assert httpx.put(made[1]["upload_url"], content=pieces).status_code == 200
    for each in made:
        upload = server.uploads[each["file_path"]]
        assert (upload.size, upload.puts) == (len(content), 1)
        assert upload.sha256 == hashlib.sha256(content).hexdigest()
    unsigned = made[0]["upload_url"].partition("?")[0]
    assert httpx.put(unsigned, content=b"x").status_code == 403
    assert {each.origin for each in server.requests_to("PUT", "/")} == {"storage"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": ["mp4"]},
        {"items": [{"type": "text", "extension": "mp4"}]},
        {"items": [{"type": "video", "extension": ".mp4"}]},
        {"items": [{"type": "video"}]},
    ],
)
def test_wrong_uploads_are_refused(
    server: BillingServer, api: httpx.Client, body: dict[str, Any]
) -> None:
    assert api.post("/v1/files/upload-urls", json=body).status_code == 422
    assert server.uploads == {}


def test_half_an_upload_is_none(server: BillingServer, api: httpx.Client) -> None:
    item = {"type": "video", "extension": "mp4"}
    made = api.post("/v1/files/upload-urls", json={"items": [item]}).json()["items"][0]
    place = urlsplit(made["upload_url"])
    head = f"PUT {place.path}?{place.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    assert exchange(place.port or 0, head.encode() + b"half") == b""
    assert server.uploads[made["file_path"]].size is None


def test_the_token_belongs_to_the_api_alone(server: BillingServer, api: httpx.Client) -> None:
    item = {"type": "video", "extension": "mp4"}
    made = api.post("/v1/files/upload-urls", json={"items": [item]}).json()["items"][0]
    assert api.put(made["upload_url"], content=b"x").status_code == 400
    assert server.uploads[made["file_path"]].size is None
    httpx.get(f"{server.storage_url}/x", headers={"X-Api-Key": TOKEN})
    api.get(f"/v1/account?key={TOKEN}")
    api.post("/v1/lip-sync", json=lip_sync(name=TOKEN))
    paths = [urlsplit(each.path).path.split("/")[1] for each in server.leaks]
    assert paths == ["api-assets", "x", "v1", "v1"]


def test_a_job_on_a_file_that_is_not_there_can_be_refused() -> None:
    with BillingServer(only_uploaded=True) as server, client_of(server.base_url) as api:
        item = {"type": "video", "extension": "mp4"}
        made = api.post("/v1/files/upload-urls", json={"items": [item]}).json()["items"][0]
        body = lip_sync()
        body["assets"]["video_file_path"] = made["file_path"]
        assert api.post("/v1/lip-sync", json=body).status_code == 422
        httpx.put(made["upload_url"], content=b"x")
        assert api.post("/v1/lip-sync", json=body).status_code == 200


def test_bodies_are_bounded(server: BillingServer, api: httpx.Client) -> None:
    server.most_json = server.most_upload = 10_000
    assert api.post("/v1/lip-sync", content=bytes(10_001)).status_code == 413
    assert httpx.put(f"{server.storage_url}/x", content=bytes(5 << 20)).status_code == 413
    assert api.get("/v1/account").status_code == 200


@pytest.mark.parametrize("length", ["Content-Length: x", "Transfer-Encoding: chunked"])
def test_a_length_that_is_no_number_ends_the_connection(server: BillingServer, length: str) -> None:
    head = f"POST /v1/lip-sync HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\nx\r\n"
    assert exchange(server.port, head.encode()) == b""


# ---- webhooks


class Receiver:
    """Takes webhooks, with their bodies, one connection each."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook?a=1"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                assert lines.readline() == b"POST /hook?a=1 HTTP/1.1\r\n"
                headers = {}
                while line := lines.readline().strip().decode():
                    name, _, value = line.partition(": ")
                    headers[name.lower()] = value
                self.got.append((headers, lines.read(int(headers["content-length"]))))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


def test_webhooks_are_signed_and_tell_what_a_get_tells(
    server: BillingServer, api: httpx.Client
) -> None:
    with Receiver() as hook:
        server.webhooks_to(hook.url, SECRET)
        done, failed, canceled = create(api), create(api), create(api)
        server.render(done)
        wait_for(lambda: len(server.posted) == 1)
        server.finish(done)
        wait_for(lambda: len(server.posted) == 2)
        server.fail(failed)
        server.cancel(canceled)
        wait_for(lambda: len(server.posted) == 3)
        events = [json.loads(body) for _, body in hook.got]
    assert [each["type"] for each in events] == [
        "video.started",
        "video.completed",
        "video.errored",
    ]
    assert [each["payload"]["credits_charged"] for each in events] == [150, 120, 0]
    assert set(events[1]["payload"]) == set(video(api, done))
    assert [each.status for each in server.posted] == [202] * 3
    for headers, body in hook.got:
        stamp = headers["magic-hour-event-timestamp"]
        mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        assert headers["magic-hour-event-signature"] == mac.hexdigest()
        assert abs(int(stamp) - time.time()) < 60


def test_webhooks_come_twice_late_old_or_to_nobody(
    server: BillingServer, api: httpx.Client
) -> None:
    project = create(api)
    with Receiver() as hook:
        began = time.monotonic()
        assert server.send_webhook(project, hook.url, SECRET, times=2, delay=0.1) == [202, 202]
        assert time.monotonic() - began >= 0.2
        (_, first), (_, second) = hook.got
        assert first == second
        server.send_webhook(project, hook.url, SECRET, type="video.completed", timestamp=1000)
        headers, body = hook.got[2]
        assert headers["magic-hour-event-timestamp"] == "1000"
        assert json.loads(body)["type"] == "video.completed"
    assert server.send_webhook(project, hook.url, SECRET) == [None]
    with pytest.raises(ValueError, match="on this machine"):
        server.send_webhook(project, "https://example.com/", SECRET)


def test_a_webhook_can_be_signed_and_not_sent(server: BillingServer, api: httpx.Client) -> None:
    event = server.webhook_event(create(api), "video.completed")
    headers, body = signed(event, SECRET, 1000)
    assert json.loads(body) == event
    assert signed(body, SECRET, 1000) == (headers, body)
    mac = hmac.new(SECRET.encode(), b"1000." + body, hashlib.sha256).hexdigest()
    assert headers["magic-hour-event-signature"] == mac
    assert signed(body, "other", 1000)[0]["magic-hour-event-signature"] != mac


# ---- faults


def exchange(port: int, request: bytes) -> bytes:
    """Send bytes, and give all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(1 << 16):
            found += piece
        return found


def raw_create(name: str = "row-1") -> bytes:
    body = json.dumps(lip_sync(name)).encode()
    head = (
        f"POST /v1/lip-sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def test_the_answer_is_lost_after_the_job_was_billed(server: BillingServer) -> None:
    fault = server.order("lost-answer", path="/v1/lip-sync")
    assert exchange(server.port, raw_create()) == b""
    assert (len(server.jobs_named("row-1")), server.spent, fault.hits) == (1, 150, 1)
    assert server.requests[0].status is None
    assert server.requests[0].fault == "lost-answer"
    with client_of(server.base_url) as api:
        create(api)  # it was ordered once
    assert server.spent == 300


def test_a_reset_before_leaves_nothing(server: BillingServer, api: httpx.Client) -> None:
    server.order("reset-before", times=2)
    for _ in range(2):
        with pytest.raises(httpx.ReadError):
            api.post("/v1/lip-sync", json=lip_sync())
    assert (server.jobs, server.spent) == ([], 0)
    assert {each.status for each in server.requests} == {None}
    create(api)


def test_a_reset_after_the_headers(server: BillingServer) -> None:
    server.order("reset-after-headers")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(raw_create())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert server.spent == 150


def test_an_answer_drips(server: BillingServer, api: httpx.Client) -> None:
    server.order("drip", "GET", "/v1/account", seconds=0.001)
    began = time.monotonic()
    assert api.get("/v1/account").json()["credits"] == 1000
    assert time.monotonic() - began > 0.2
    server.order("drip", "GET", "/v1/account", seconds=0.5)
    with pytest.raises(httpx.ReadTimeout):
        api.get("/v1/account", timeout=0.1)


def test_silence_before_or_after_the_job(server: BillingServer, api: httpx.Client) -> None:
    server.order("silent", seconds=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        api.post("/v1/lip-sync", json=lip_sync())
    assert server.spent == 0
    server.order("silent", done=True)
    with pytest.raises(httpx.ReadTimeout):
        api.post("/v1/lip-sync", json=lip_sync(), timeout=0.2)
    assert server.spent == 150


def test_any_status_with_headers_and_with_the_job_done_or_not(
    server: BillingServer, api: httpx.Client
) -> None:
    server.order("status", status=429, headers={"Retry-After": "2"}, body={"message": "slow"})
    answer = api.post("/v1/lip-sync", json=lip_sync())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json() == {"message": "slow"}
    for status in (403, 500, 502, 503, 204):
        server.order("status", status=status, body="" if status == 204 else None)
        assert api.post("/v1/lip-sync", json=lip_sync()).status_code == status
    assert server.spent == 0
    server.order("status", status=500, done=True)
    assert api.post("/v1/lip-sync", json=lip_sync()).status_code == 500
    assert server.spent == 150


def test_a_redirect_that_is_followed_is_seen(server: BillingServer, api: httpx.Client) -> None:
    elsewhere = {"Location": f"{server.storage_url}/v1/lip-sync"}
    server.order("status", status=307, headers=elsewhere, times=2)
    api.post("/v1/lip-sync", json=lip_sync())
    assert [each.origin for each in server.requests] == ["api"]
    api.post("/v1/lip-sync", json=lip_sync(), follow_redirects=True)
    assert [each.origin for each in server.requests] == ["api", "api", "storage"]
    assert server.jobs == []


@pytest.mark.parametrize(
    "kind", ["broken-json", "not-json", "deep-json", "nan-credits", "huge-body", "wrong-length"]
)
def test_answers_that_are_no_answers(
    server: BillingServer, api: httpx.Client, kind: FaultKind
) -> None:
    server.order(kind)
    if kind == "wrong-length":
        with pytest.raises(httpx.RemoteProtocolError):
            api.post("/v1/lip-sync", json=lip_sync())
    else:
        answer = api.post("/v1/lip-sync", json=lip_sync())
        assert answer.status_code == 200
        if kind == "nan-credits":
            assert math.isnan(answer.json()["credits_charged"])
            assert answer.json()["id"] == server.jobs[0].id
        elif kind == "huge-body":
            assert len(answer.content) == 8 << 20
            assert answer.json()["credits_charged"] == 150
        else:
            with pytest.raises((ValueError, RecursionError)):
                answer.json()
    assert server.spent == 150
    assert api.get("/v1/account").status_code == 200


def test_faults_meet_what_they_are_ordered_for(server: BillingServer, api: httpx.Client) -> None:
    fault = server.order("status", "GET", "/v1/video-projects/", status=503, skip=1, times=2)
    project = create(api)
    statuses = [api.get(f"/v1/video-projects/{project}").status_code for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert fault.hits == 2
    server.order("status", "*", "/", status=503, times=99)
    assert api.get("/v1/account").status_code == 503
    assert httpx.put(f"{server.storage_url}/x").status_code == 503
    server.forget_orders()
    assert api.get("/v1/account").status_code == 200
    wrong: Any = "explode"
    with pytest.raises(ValueError, match="none of lost-answer"):
        server.order(wrong)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_restart_cuts_and_comes_back_with_its_books(tmp_path: Path, *, on_disk: bool) -> None:
    state = tmp_path / "books.jsonl" if on_disk else None
    with (
        BillingServer(state=state, balance=1000, as_of=DAY) as server,
        client_of(server.base_url) as api,
    ):
        server.media["clip.mp4"] = Media.given("video", fps="30000/1001", duration_seconds=20)
        first = create(api)
        assert video(api, first)["status"] == "queued"
        url = server.base_url
        server.order("restart", seconds=0.3)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            api.post("/v1/lip-sync", json=lip_sync("row-2"))
        with pytest.raises(httpx.ConnectError):
            api.get("/v1/account")
        wait_for(lambda: answers(server.port))
        assert server.base_url == url
        assert [each.name for each in server.jobs] == ["row-1", "row-2"]
        assert server.spent == 300
        clip = server.media["clip.mp4"].video
        assert clip is not None
        assert clip.fps == Fraction(30000, 1001)
        assert [video(api, first)["status"] for _ in range(2)] == ["rendering", "complete"]
        assert (server.job(first).charged, server.balance) == (150, 700)
        server.order("restart", done=False)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            api.post("/v1/lip-sync", json=lip_sync("row-3"))
    assert server.jobs_named("row-3") == []


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_away_for_a_while(server: BillingServer, api: httpx.Client) -> None:
    server.stop()
    with pytest.raises(httpx.ConnectError):
        api.get("/v1/account")
    server.start()
    server.start()
    assert api.get("/v1/account").status_code == 200
    server.restart()
    assert api.get("/v1/account").status_code == 200


def test_it_closes_at_once_whatever_is_under_way() -> None:
    before = threading.active_count()
    with BillingServer() as server, client_of(server.base_url) as api:
        server.order("silent", "GET", "/v1/account")
        server.order("restart", "GET", "/v1/account", seconds=20)
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            with pytest.raises(httpx.ReadTimeout):
                api.get("/v1/account", timeout=0.1)
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                api.get("/v1/account")
            began = time.monotonic()
            server.close()
            assert time.monotonic() - began < 2
            assert idle.recv(1) == b""
    assert threading.active_count() == before


# ---- books on disk, and a process of its own


def test_half_a_line_at_the_end_is_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "books.jsonl"
    with BillingServer(state=state, balance=500) as server, client_of(server.base_url) as api:
        create(api)
    whole = state.read_bytes()
    assert TOKEN.encode() not in whole
    state.write_bytes(whole + b'{"do": "job", "id"')
    assert read_books(state).balance == 350
    with BillingServer(state=state, balance=9999) as server, client_of(server.base_url) as api:
        assert server.balance == 350
        create(api)
    books = read_books(state)
    assert (books.balance, books.spent, len(books.jobs_named("row-1"))) == (200, 300, 2)
    assert [each.headers["authorization"] for each in books.seen] == ["Bearer [token]"] * 2
    assert [(each.status, each.leak) for each in books.seen] == [(200, False)] * 2


def test_a_killed_process_comes_back_with_its_books(tmp_path: Path) -> None:
    state = tmp_path / "books.jsonl"
    arguments = ("--balance", "1000", "--as-of", str(DAY), "--polls", "none")
    with BillingProcess(state, *arguments) as process:
        url, first = process.base_url, process.pid
        process.call("media", **{"clip.mp4": {"kind": "video", "fps": 24, "duration_seconds": 9}})
        process.call("order", kind="lost-answer")
        with client_of(url) as api:
            with pytest.raises(httpx.RemoteProtocolError):
                api.post("/v1/lip-sync", json=lip_sync())
            process.kill()
            assert process.pid is None
            assert [each.name for each in process.books().jobs.values()] == ["row-1"]
            with pytest.raises(httpx.ConnectError):
                api.get("/v1/account")
            process.start()
            assert (process.base_url, process.pid != first) == (url, True)
            assert api.get("/v1/account").json()["credits"] == 850
            (project,) = process.books().jobs
            process.call("finish", project=project)
            assert video(api, project)["credits_charged"] == 120
            process.call("balance", credits=10)
            assert api.post("/v1/lip-sync", json=lip_sync()).status_code == 402
            with pytest.raises(AssertionError):
                process.call("explode")
        process.kill()
        process.kill()


def test_what_was_answered_outlives_a_kill_at_any_moment(tmp_path: Path) -> None:
    heard: list[str] = []

    def send_on(url: str, number: int) -> None:
        with client_of(url) as api, contextlib.suppress(httpx.TransportError):
            while True:
                heard.append(create(api, name=f"row-{number}", seconds=0.1))

    with BillingProcess(tmp_path / "books.jsonl", "--as-of", str(DAY)) as process:
        threads = [
            threading.Thread(target=send_on, args=[process.base_url, number]) for number in range(3)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(heard) > 20)
        process.kill()
        for thread in threads:
            thread.join()
        taken = process.books()
        assert set(heard) <= set(taken.jobs)
        assert len(taken.jobs) <= len(heard) + 3
        process.start()
        with client_of(process.base_url) as api:
            assert api.get("/v1/account").json()["credits"] == 100_000 - 3 * len(taken.jobs)


def test_a_process_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        BillingProcess(tmp_path / "no" / "books.jsonl").start()


def test_a_process_ends_when_its_parent_does(tmp_path: Path) -> None:
    command = [sys.executable, "-P", str(billing_server.__file__), "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said["pid"] == process.pid
        process.stdin.close()
        assert process.wait(10) == 0


# ---- the vendor's own SDK


@pytest.fixture
def sdk(server: BillingServer) -> Iterator[Any]:
    package = pytest.importorskip("magic_hour")
    with httpx.Client(timeout=5) as client:
        yield package.Client(token=TOKEN, base_url=server.base_url, httpx_client=client)


def test_the_sdk_creates_and_gets(server: BillingServer, sdk: Any) -> None:
    created = sdk.v1.lip_sync.create(**lip_sync(max_fps_limit=12))
    assert (created.credits_charged, created.estimated_frame_cost) == (150, 150)
    states = [sdk.v1.video_projects.get(id=created.id) for _ in range(3)]
    assert [each.status for each in states] == ["queued", "rendering", "complete"]
    assert (states[2].fps, states[2].credits_charged, states[2].type_) == (12, 60, "LIP_SYNC")
    assert (states[2].width, states[2].height) == (1024, 576)
    assert sdk.v1.account.list().credits == server.balance == 940
    sdk.v1.video_projects.delete(id=created.id)
    assert not server.jobs[0].enabled


def test_the_sdk_uploads_generates_and_downloads(
    server: BillingServer, sdk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.01")
    (tmp_path / "clip.mp4").write_bytes(b"film")
    (tmp_path / "line.mp3").write_bytes(b"sound")
    digest = hashlib.sha256(b"film").hexdigest()
    server.media[digest] = Media.given("video", fps=25, duration_seconds=20)
    body = lip_sync()
    body["assets"]["video_file_path"] = str(tmp_path / "clip.mp4")
    body["assets"]["audio_file_path"] = str(tmp_path / "line.mp3")
    made = sdk.v1.lip_sync.generate(**body, download_directory=str(tmp_path))
    assert (made.status, made.credits_charged) == ("complete", 125)
    assert [Path(each).read_bytes() for each in made.downloaded_paths] == [server.output]
    assert [each.size for each in server.uploads.values()] == [5, 4]
    assert server.leaks == []


def test_the_sdk_meets_faults(server: BillingServer, sdk: Any) -> None:
    server.balance = 0
    with pytest.raises(Exception, match="402") as refused:
        sdk.v1.lip_sync.create(**lip_sync())
    assert type(refused.value).__name__ == "ApiError"
    server.balance = 1000
    server.order("lost-answer")
    with pytest.raises(httpx.RemoteProtocolError):
        sdk.v1.lip_sync.create(**lip_sync())
    assert len(server.jobs) == 1
