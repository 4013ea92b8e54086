"""The token and presigned URLs stand in no repr, log, error, traceback or pickle."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer, FaultKind
from clienting import FAR, Make, far_lip_sync, lip_sync, picture
from rich.console import Console
from rich.traceback import Traceback

from mh_preflight import errors
from mh_preflight.client import AsyncClient, Client
from mh_preflight.client.answers import Place
from mh_preflight.client.token import Masked, Token
from mh_preflight.client.transport import Origin

CANARY = "mhk_live_canary_5f0e"


class Watch:
    """All that could be seen of a secret."""

    def __init__(self) -> None:
        self.seen = io.StringIO()

    def error(self, error: BaseException, *, rich: bool = False) -> None:
        # Ours alone: the frames of the test hold the token, as a user's do.
        own = error.__traceback__
        while own is not None and "/mh_preflight/" not in own.tb_frame.f_code.co_filename:
            own = own.tb_next
        told = traceback.TracebackException(type(error), error, own, capture_locals=True)
        self.seen.write("".join(told.format()))
        if rich:  # which takes long
            shown = Traceback.from_exception(type(error), error, own, show_locals=True)
            Console(file=self.seen, width=500).print(shown)
        self.seen.write(f"{error!r} {error} {error.__dict__} {error.args}")
        with contextlib.suppress(TypeError):
            self.seen.write(repr(pickle.dumps(error)))
        if error.__context__ is not None:
            self.error(error.__context__)

    def thing(self, thing: object) -> None:
        self.seen.write(f"{thing!r} {thing}")
        with contextlib.suppress(TypeError, AttributeError):
            self.seen.write(repr(pickle.dumps(thing)))


@pytest.fixture
def watch() -> Iterator[Watch]:
    seen = Watch()
    handler = logging.StreamHandler(seen.seen)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield seen
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def canary(make: Make, server: BillingServer) -> Any:
    server.token = CANARY
    return make(token=CANARY, timeout=0.25)


FAULTS: list[FaultKind] = [
    "lost-answer",
    "reset-before",
    "reset-after-headers",
    "drip",
    "silent",
    "broken-json",
    "not-json",
    "huge-body",
    "deep-json",
    "nan-credits",
    "wrong-length",
]


@pytest.mark.parametrize("path", ["/v1/ai-image-generator", "/v1/account"])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_show_no_token(
    canary: Any, server: BillingServer, watch: Watch, fault: FaultKind, path: str
) -> None:
    server.order(fault, "*", path, times=3)
    try:
        watch.thing(canary.submit(picture()))
    except errors.ApiError as error:
        watch.error(error)
    assert CANARY not in watch.seen.getvalue()
    assert server.leaks == []


@pytest.mark.parametrize("status", [307, 402, 403, 429, 500])
def test_answers_that_repeat_the_token_are_scrubbed(
    canary: Any, server: BillingServer, watch: Watch, status: int
) -> None:
    said = {"message": f"the key {CANARY} is not known", "code": CANARY}
    server.order("status", "POST", "/v1/ai-image", status=status, body=said)
    with pytest.raises(errors.ApiError) as caught:
        canary.submit(picture())
    watch.error(caught.value, rich=status in {402, 500})
    assert CANARY not in watch.seen.getvalue()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        *(("/api-assets/", each) for each in [*FAULTS[:7], "status"]),
        *(("/v1/files/upload-urls", each) for each in ["broken-json", "drip", "wrong-length"]),
    ],
)
def test_uploads_show_neither_token_nor_signature(
    canary: Any,
    server: BillingServer,
    watch: Watch,
    samples_folder: Path,
    fault: FaultKind,
    path: str,
) -> None:
    server.order(fault, "*", path, times=9)
    try:
        watch.thing(canary.upload(samples_folder / "voice.wav", deadline=0.6))
    except errors.ApiError as error:
        watch.error(error)
    seen = watch.seen.getvalue()
    assert CANARY not in seen
    keys = {each.key for each in server.uploads.values()}
    assert keys or path != "/api-assets/"
    assert not [key for key in keys if key in seen]
    assert server.leaks == []
    assert all(
        "authorization" not in each.headers for each in server.requests if each.origin == "storage"
    )


def test_a_whole_job_shows_nothing(
    canary: Any, server: BillingServer, watch: Watch, samples_folder: Path
) -> None:
    sent = canary.submit(lip_sync(samples_folder), preflight={"isolation": "none"})
    watch.thing(sent)
    server.finish(sent.id)
    project = canary.wait(sent)
    assert project.downloads[0].url.startswith(server.storage_url)
    watch.seen.write(repr(project))
    watch.thing(canary.account())
    watch.thing(canary)
    watch.thing(getattr(canary, "client", canary))
    seen = watch.seen.getvalue()
    assert "httpcore" in seen or "connect_tcp" in seen  # the loggers were listened to
    assert CANARY not in seen
    assert not [each.key for each in server.uploads.values() if each.key in seen]
    assert project.downloads[0].url not in seen
    assert server.leaks == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("wrong", [f"{CANARY}\n", f"{CANARY} ", f"é{CANARY}", f"{CANARY}\r\nX: 1"])
def test_a_wrong_token_is_not_shown_either(watch: Watch, kind: Any, wrong: str) -> None:
    with pytest.raises(errors.TokenError) as caught:
        kind(wrong)
    watch.error(caught.value)
    assert CANARY not in watch.seen.getvalue()
    with pytest.raises(errors.TokenError):
        Token(wrong)


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAGIC_HOUR_API_KEY", raising=False)
    with pytest.raises(errors.TokenError, match="MAGIC_HOUR_API_KEY"):
        Client()
    with pytest.raises(errors.TokenError):
        Client("")
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", CANARY)
    assert repr(Client()) == "Client('https://api.magichour.ai')"
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", f"{CANARY}\n")
    with pytest.raises(errors.TokenError) as caught:
        Client()
    assert CANARY not in str(caught.value)


def test_what_is_masked_stays_masked() -> None:
    token = Token(CANARY)
    for text in (repr(token), str(token), f"{token}", repr([token]), repr(Place(token, "x"))):
        assert CANARY not in text
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(token, protocol)
        assert CANARY not in str(caught.value)
    assert copy.deepcopy(token) is copy.copy(token) is token
    assert token != Token(CANARY)
    assert not hasattr(token, "__dict__")
    assert Masked("a").scrub("banana") == "b***n***n***"
    assert CANARY not in token.account
    client = Client(CANARY)
    with pytest.raises(TypeError):
        pickle.dumps(client)
    assert CANARY not in repr(vars(client))


def test_a_canceled_request_shows_nothing(server: BillingServer, watch: Watch) -> None:
    import asyncio

    server.token = CANARY
    server.order("silent", "GET", "/v1/account")

    async def ask() -> None:
        client = AsyncClient(CANARY, base_url=server.base_url)
        task = asyncio.create_task(client.account())
        await asyncio.sleep(0.3)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(ask())
    watch.error(caught.value)
    own = watch.seen.getvalue()
    assert "Bearer" not in own
    assert own.count(CANARY) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        "http://api.magichour.ai",
        "http://10.0.0.1",
        "http://localhost.example",
        "https://user:password@api.magichour.ai",
        "https://api.magichour.ai?key=1",
        "https://api.magichour.ai/#a",
        "ftp://api.magichour.ai",
        "api.magichour.ai",
        "",
        "http://127.0.0.1\\@evil.example/",
        "https://a b",
    ],
)
def test_a_base_url_is_encrypted_or_here(wrong: str) -> None:
    from mh_preflight.errors import InputError

    with pytest.raises(InputError) as caught:
        Client("x", base_url=wrong)
    assert caught.value.field == "base_url"
    assert "password" not in str(caught.value)


def test_a_base_url_may_have_a_path_and_a_port() -> None:
    assert (
        Origin.of("https://api.example:8443/v1/mock/").shown == "https://api.example:8443/v1/mock"
    )
    assert Origin.of("http://[::1]:80/").shown == "http://[::1]"


def test_far_jobs_are_sent_with_their_urls(canary: Any, server: BillingServer) -> None:
    canary.submit(far_lip_sync(), preflight=FAR)
    body = server.jobs[0].body
    assert body["assets"]["video_file_path"] == "https://example.com/clip.mp4"
