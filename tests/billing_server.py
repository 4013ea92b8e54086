"""A server of the tests' own that keeps the API's contract, bills by the rate card, and can fail.

It is what tests count jobs and money on, and it never leaves this machine:

    with BillingServer(balance=1000) as server:
        server.media["clip.mp4"] = Media.given("video", fps=60, duration_seconds=20)
        server.order("lost-answer", "POST", "/v1/lip-sync")
        ...  # a client on server.base_url, with server.token
        assert len(server.jobs_named("row-1")) == 1
        assert server.spent == 450

Or as a process of its own, whose books lie on disk, so that it can be killed and come back:

    python tests/billing_server.py --state books.jsonl --port 0
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any, BinaryIO, Literal, Self, TypeAlias, cast, get_args
from urllib.parse import urlsplit

import mh_preflight
from mh_preflight import (
    Media,
    PreflightError,
    RateCard,
    Report,
    UnknownRateError,
    preflight,
)
from mh_preflight.jobs import ENDPOINTS, Job, job
from mh_preflight.units import Plan

__all__ = [
    "TOKEN",
    "BilledJob",
    "BillingProcess",
    "BillingServer",
    "Books",
    "Fault",
    "FaultKind",
    "Posted",
    "Seen",
    "Upload",
    "kind_of",
    "read_books",
    "signed",
]

TOKEN = "mhk_test_0123456789abcdef"  # noqa: S105  it opens nothing but this server
LONGEST_WAIT = 30.0  # seconds after which a connection that nobody uses is given up
WEBHOOK_WAIT = 10.0  # seconds within which a receiver has to answer
STEP = 0.02
PIECE = 1 << 16
NO_BODY = frozenset({204, 304})
MOST_JSON = 1 << 20
MOST_UPLOAD = 64 << 20
KEPT_NAMES = ("credits_charged", "estimated_frame_cost", "frame_cost", "total_frame_cost")

Kind: TypeAlias = Literal["video", "image", "audio"]
Status: TypeAlias = Literal["queued", "rendering", "complete", "error", "canceled"]
FaultKind: TypeAlias = Literal[
    "lost-answer",
    "reset-before",
    "reset-after-headers",
    "drip",
    "silent",
    "status",
    "broken-json",
    "not-json",
    "huge-body",
    "deep-json",
    "nan-credits",
    "wrong-length",
    "restart",
]
"""What can be ordered; `BillingServer.order` says what each does."""

EVENTS: Mapping[str, str] = {
    "rendering": "started",
    "complete": "completed",
    "error": "errored",
}
FINAL = frozenset({"complete", "error", "canceled"})
NOT_DONE = frozenset({"reset-before", "silent", "status"})
"""Faults before which nothing is done, where the order does not say otherwise."""

TYPES: Mapping[str, tuple[Kind, str]] = {
    "lip-sync": ("video", "LIP_SYNC"),
    "ai-talking-photo": ("video", "TALKING_PHOTO"),
    "ai-clothes-changer": ("image", "CLOTHES_CHANGER"),
    "ai-face-editor": ("image", "FACE_EDITOR"),
    "ai-gif-generator": ("image", "AI_GIF"),
    "ai-headshot-generator": ("image", "AI_HEADSHOT"),
    "ai-image-editor": ("image", "AI_IMAGE_EDITOR"),
    "ai-image-generator": ("image", "AI_IMAGE"),
    "ai-image-upscaler": ("image", "IMAGE_UPSCALER"),
    "ai-meme-generator": ("image", "AI_MEME"),
    "ai-music-generator": ("audio", "MUSIC_GENERATOR"),
    "ai-qr-code-generator": ("image", "QR_CODE"),
    "ai-ugc-ad": ("video", "UGC_AD"),
    "ai-video-editor": ("video", "VIDEO_EDITOR"),
    "ai-video-translator": ("video", "VIDEO_TRANSLATOR"),
    "ai-video-upscaler": ("video", "VIDEO_UPSCALER"),
    "ai-voice-cloner": ("audio", "VOICE_CLONER"),
    "ai-voice-generator": ("audio", "VOICE_GENERATOR"),
    "animation": ("video", "ANIMATION"),
    "audio-to-video": ("video", "AUDIO_TO_VIDEO"),
    "auto-subtitle-generator": ("video", "AUTO_SUBTITLE"),
    "body-swap": ("image", "BODY_SWAP"),
    "character-replace": ("video", "CHARACTER_REPLACE"),
    "face-swap": ("video", "FACE_SWAP"),
    "face-swap-photo": ("image", "FACE_SWAP"),
    "head-swap": ("image", "HEAD_SWAP"),
    "image-background-remover": ("image", "BACKGROUND_REMOVER"),
    "image-to-video": ("video", "IMAGE_TO_VIDEO"),
    "photo-colorizer": ("image", "PHOTO_COLORIZER"),
    "text-to-video": ("video", "TEXT_TO_VIDEO"),
    "video-to-video": ("video", "VIDEO_TO_VIDEO"),
}
SUFFIXES: Mapping[Kind, str] = {"video": "mp4", "image": "png", "audio": "mp3"}
CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    404: "not_found",
    413: "payload_too_large",
    422: "unprocessable_entity",
}
PRICES: Mapping[Plan, int] = {"creator": 1900, "pro": 3900, "business": 9900}


def kind_of(endpoint: str) -> Kind:
    """Tell under which projects the jobs of an endpoint are: video, image or audio."""
    return TYPES[endpoint][0]


# ------------------------------------------------------------------------------- books


@dataclass(slots=True)
class BilledJob:
    """A job that the server took.

    Attributes:
        id: The project's.
        endpoint: As in the URL.
        kind: Under which projects it is found.
        body: The request's, as it came.
        queued: Credits that were taken when it was created.
        created_at: ISO 8601.
        settled: Credits that remain once it ended; None before.
        status: As the API names it.
        polls: How often it was asked for.
        error: Code of the failure.
        enabled: False once it was deleted.
    """

    id: str
    endpoint: str
    kind: Kind
    body: dict[str, Any]
    queued: int
    created_at: str
    settled: int | None = None
    status: Status = "queued"
    polls: int = 0
    error: str | None = None
    enabled: bool = True

    @property
    def name(self) -> str | None:
        """The `name` of the request, in which tests put the caller's own id."""
        name: str | None = self.body.get("name")
        return name

    @property
    def charged(self) -> int:
        """What is charged now."""
        return self.queued if self.settled is None else self.settled


@dataclass(slots=True)
class Upload:
    """A place for a file.

    Attributes:
        file_path: What stands in `assets`.
        type: `video`, `audio` or `image`.
        extension: Without a dot.
        key: The signature in the URL.
        size: Bytes that are there; None before any were put.
        sha256: Of these bytes, in hex.
        puts: How often it was written.
    """

    file_path: str
    type: str
    extension: str
    key: str
    size: int | None = None
    sha256: str | None = None
    puts: int = 0


@dataclass(slots=True)
class Seen:
    """A request that came.

    Attributes:
        origin: `api` or `storage`.
        method: Such as GET.
        path: With the query.
        headers: Names in small letters, and values; on disk without the token.
        leak: Whether the token was where none belongs.
        length: Bytes of the body that were read.
        status: What was answered; None where nothing was.
        fault: The fault that was met.
    """

    origin: Literal["api", "storage"]
    method: str
    path: str
    headers: dict[str, str]
    leak: bool = False
    length: int = 0
    status: int | None = None
    fault: FaultKind | None = None

    def at(self, path: str) -> bool:
        """Tell whether its path begins so."""
        return self.path.startswith(path)


class Books:
    """All that the server knows; every change is an event, and with a file also a line of it.

    Args:
        path: Where the events are kept; they are read back from there.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.granted = 0
        self.ports = (0, 0)
        self.jobs: dict[str, BilledJob] = {}
        self.uploads: dict[str, Upload] = {}
        self.media: dict[str, Media] = {}
        self.seen: list[Seen] = []
        self.empty = True
        self._file: BinaryIO | None = None
        if path is not None:
            for event in _events(path):
                self._apply(event)
            self._file = path.open("ab", buffering=0)

    @property
    def spent(self) -> int:
        """Credits that are charged now, for all jobs."""
        with self.lock:
            return sum(each.charged for each in self.jobs.values())

    @property
    def balance(self) -> int:
        """Credits that are left; below 0 where a job settled at more than there was."""
        with self.lock:
            return self.granted - self.spent

    @property
    def leaks(self) -> list[Seen]:
        """Requests with the token where none belongs."""
        with self.lock:
            return [each for each in self.seen if each.leak]

    def jobs_named(self, name: str) -> list[BilledJob]:
        """Give the jobs with a name, in the order in which they came."""
        with self.lock:
            return [each for each in self.jobs.values() if each.name == name]

    def write(self, do: str, *, sync: bool = True, **values: Any) -> None:
        """Let an event happen, and put it on disk before anybody hears of it.

        Args:
            do: What happens.
            sync: Whether it has to outlive a power cut.
            values: The rest of it.
        """
        event = {"do": do, **values}
        with self.lock:
            if self._file is not None:
                self._file.write(json.dumps(event).encode() + b"\n")
                if sync:
                    os.fsync(self._file.fileno())
            self._apply(event)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _apply(self, event: dict[str, Any]) -> None:
        self.empty = False
        do = event.pop("do")
        if do == "grant":
            self.granted = event["credits"]
        elif do == "ports":
            self.ports = tuple(event["ports"])
        elif do == "media":
            self.media[event["name"]] = Media.model_validate(event["facts"])
        elif do == "no-media":
            self.media.pop(event["name"], None)
        elif do == "url":
            self.uploads[event["file_path"]] = Upload(**event)
        elif do == "put":
            upload = self.uploads[event["file_path"]]
            upload.size, upload.sha256 = event["size"], event["sha256"]
            upload.puts += 1
        elif do == "job":
            self.jobs[event["id"]] = BilledJob(**event)
        elif do == "seen":
            self.seen.append(Seen(**event))
        elif do == "answered":
            seen = self.seen[event["place"]]
            seen.leak, seen.length = event["leak"], event["length"]
            seen.status, seen.fault = event["status"], event["fault"]
        else:
            self._change(self.jobs[event["id"]], do, event)

    @staticmethod
    def _change(billed: BilledJob, do: str, event: dict[str, Any]) -> None:
        if do == "poll":
            billed.polls += 1
        elif do == "status":
            billed.status, billed.settled = event["status"], event["settled"]
            billed.error = event["error"]
        else:
            billed.enabled = False


def read_books(path: str | Path) -> Books:
    """Read what lies on disk, also while a server writes on, or after it was killed."""
    books = Books()
    for event in _events(Path(path), mend=False):
        books._apply(event)  # noqa: SLF001  of the same file
    return books


def _events(path: Path, *, mend: bool = True) -> Iterator[dict[str, Any]]:
    """Read the lines; half a line at the end was written when the process was killed."""
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")
    if mend and lines[-1]:
        os.truncate(path, sum(len(line) + 1 for line in lines[:-1]))
    for line in lines[:-1]:
        yield json.loads(line)


class _MediaFacts(MutableMapping[str, Media]):
    """The facts of files by name, kept in the books."""

    def __init__(self, server: BillingServer) -> None:
        self._server = server

    def __getitem__(self, name: str) -> Media:
        return self._server.books.media[name]

    def __setitem__(self, name: str, media: Media) -> None:
        books = self._server.books
        with books.lock:
            books.write("media", name=name, facts=media.model_dump(mode="json"))
            books.media[name] = media  # with its frame times, which are not on disk

    def __delitem__(self, name: str) -> None:
        if name not in self._server.books.media:
            raise KeyError(name)
        self._server.books.write("no-media", name=name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._server.books.media))

    def __len__(self) -> int:
        return len(self._server.books.media)


# ------------------------------------------------------------------------------ faults


@dataclass(slots=True)
class Fault:
    """A fault that was ordered; `BillingServer.order` says what its fields mean."""

    kind: FaultKind
    method: str
    path: str
    times: int = 1
    skip: int = 0
    done: bool = True
    status: int = 500
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0
    hits: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a request meets it, and count it where it does."""
        if self.method not in {method, "*"} or not path.startswith(self.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None  # what Content-Length says, where it is not the truth

    def head(self) -> bytes:
        length = len(self.body) if self.announced is None else self.announced
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Status')}"]
        named = dict(self.headers)
        if self.status not in NO_BODY:
            named.setdefault("Content-Length", str(length))
        lines += [f"{name}: {value}" for name, value in named.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _json(status: int, value: object, **headers: str) -> _Answer:
    return _Answer(
        status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers}
    )


def _without_numbers(answer: _Answer) -> _Answer:
    value = json.loads(answer.body or b"{}")
    value |= {name: float("nan") for name in (*KEPT_NAMES, "credits") if name in value}
    return _json(answer.status, value)


# ---------------------------------------------------------------------------- webhooks


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook that was posted.

    Attributes:
        id: The project's.
        type: Such as `video.completed`.
        status: What the receiver answered; None where it did not.
    """

    id: str
    type: str
    status: int | None


@dataclass(frozen=True, slots=True)
class _Hook:
    url: str
    secret: str
    times: int
    delay: float
    events: tuple[str, ...]


def signed(
    event: Mapping[str, Any] | bytes, secret: str, timestamp: float | None = None
) -> tuple[dict[str, str], bytes]:
    """Sign a webhook as the API does, without sending it.

    Args:
        event: `{"type": ..., "payload": ...}`, or the raw body.
        secret: What it is signed with.
        timestamp: Seconds since 1970; now by default.

    Returns:
        Its headers, and its raw body.
    """
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    stamp = str(int(time.time() if timestamp is None else timestamp))
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "magic-hour-event-signature": mac.hexdigest(),
        "magic-hour-event-timestamp": stamp,
    }, body


def _post(url: str, headers: dict[str, str], body: bytes) -> int | None:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise ValueError(f"a webhook is posted to http on this machine, not to {url!r}")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=WEBHOOK_WAIT)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


# ------------------------------------------------------------------------------ server


class BillingServer:
    """The API, as far as its contract is public, on two ports of this machine.

    Everything of it can be read and changed while it runs.

    Args:
        state: A file for the books, which is read back where it exists; in memory without it.
        balance: Credits at the start; those of the file count where it exists.
        plan: The account's.
        token: What has to stand behind `Bearer`.
        as_of: The day of the rate card; today by default.
        rates: The rate card; the bundled one by default.
        polls: How many times a project is found queued, and rendering, before it is complete; None
            where it only moves by `finish`, `fail` and `cancel`.
        errors: `message` for bodies `{"message"}`, `code` for `{"code", "message"}`.
        unlisted: Credits for a job that the rate card has no price of.
        only_uploaded: Refuse jobs with an `api-assets/` path where nothing was put.
        port: Of the API; 0 for that of the file, or one that the system chooses.
        storage_port: The same for the second origin, of uploads and downloads.

    Attributes:
        books: All that is on record.
        media: Facts of files, by the whole text in `assets`, by the last part of its path, by the
            sha256 of what was uploaded there, or by `.extension`. A file that is in none of these
            runs at 24 frames a second and is long enough.
        output: What is downloaded.
        posted: The webhooks that were posted.
        orders: The faults that were ordered.
    """

    def __init__(
        self,
        *,
        state: str | Path | None = None,
        balance: int = 100_000,
        plan: Plan = "creator",
        token: str = TOKEN,
        as_of: date | None = None,
        rates: RateCard | None = None,
        polls: tuple[int, int] | None = (1, 1),
        errors: Literal["message", "code"] = "message",
        unlisted: int = 100,
        only_uploaded: bool = False,
        port: int = 0,
        storage_port: int = 0,
    ) -> None:
        self.state = None if state is None else Path(state)
        self.plan, self.token, self.as_of, self.rates = plan, token, as_of, rates
        self.polls, self.errors, self.unlisted = polls, errors, unlisted
        self.only_uploaded = only_uploaded
        self.most_json, self.most_upload = MOST_JSON, MOST_UPLOAD
        self.output = b"what was made"
        self.orders: list[Fault] = []
        self.posted: list[Posted] = []
        self.stopping = threading.Event()
        self._closed = threading.Event()
        self.books = Books(self.state)
        if self.books.empty:
            self.books.write("grant", credits=balance)
        self.media: MutableMapping[str, Media] = _MediaFacts(self)
        self._ports = tuple(
            asked or before
            for asked, before in zip((port, storage_port), self.books.ports, strict=True)
        )
        self._origins: list[_Origin] = []
        self._hooks: list[_Hook] = []
        self._busy: set[threading.Thread] = set()
        self._moving = threading.RLock()

    # ---- running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Listen, on the ports of before where there were any."""
        with self._moving:
            if self._origins or self._closed.is_set():
                return
            self.stopping.clear()
            names: tuple[Literal["api", "storage"], ...] = ("api", "storage")
            for name, port in zip(names, self._ports, strict=True):
                self._origins.append(_listen(self, name, port))
            self._ports = tuple(each.port for each in self._origins)
            if self._ports != self.books.ports:
                self.books.write("ports", ports=list(self._ports))

    def stop(self) -> None:
        """Go away: refuse connections, cut those that there are, and let nothing run on."""
        with self._moving:
            self.stopping.set()
            for origin in self._origins:
                origin.stop()
            for origin in self._origins:
                origin.cut()
            self._origins.clear()
        for thread in list(self._busy - {threading.current_thread()}):
            thread.join(LONGEST_WAIT)

    def restart(self, seconds: float = 0.0) -> None:
        """Go away and come back, with what is on disk where the books are there.

        Args:
            seconds: How long to stay away.
        """
        self.stop()
        with self._moving:
            if self._closed.wait(seconds):
                return
            if self.state is not None:
                self.books.close()
                self.books = Books(self.state)
            self.start()

    def close(self) -> None:
        """Stop for good."""
        self._closed.set()
        self.stop()
        self.books.close()

    def spawn(self, work: Any, *arguments: Any) -> threading.Thread:
        """Do something in a thread that ends before the server is closed."""

        def run() -> None:
            try:
                work(*arguments)
            finally:
                self._busy.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True)
        self._busy.add(thread)
        thread.start()
        return thread

    @property
    def port(self) -> int:
        """Where the API listens."""
        return self._ports[0]

    @property
    def base_url(self) -> str:
        """The API's origin."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def storage_url(self) -> str:
        """The origin of uploads and downloads, where the token does not belong."""
        return f"http://127.0.0.1:{self._ports[1]}"

    # ---- books

    @property
    def jobs(self) -> list[BilledJob]:
        """All jobs that were taken, in the order in which they came."""
        with self.books.lock:
            return list(self.books.jobs.values())

    def jobs_named(self, name: str) -> list[BilledJob]:
        """Give the jobs whose request had this `name`."""
        return self.books.jobs_named(name)

    def job(self, project: str) -> BilledJob:
        """Give a job by its id.

        Raises:
            KeyError: There is none.
        """
        return self.books.jobs[project]

    @property
    def spent(self) -> int:
        """Credits that are charged now."""
        return self.books.spent

    @property
    def balance(self) -> int:
        """Credits that are left; may be set."""
        return self.books.balance

    @balance.setter
    def balance(self, credits: int) -> None:
        with self.books.lock:
            self.books.write("grant", credits=credits + self.books.spent)

    @property
    def requests(self) -> list[Seen]:
        """All requests that came, to both origins."""
        with self.books.lock:
            return list(self.books.seen)

    def requests_to(self, method: str, path: str) -> list[Seen]:
        """Give the requests with a method (`*` for any) whose path begins so."""
        found = self.requests
        return [each for each in found if method in {each.method, "*"} and each.at(path)]

    @property
    def leaks(self) -> list[Seen]:
        """Requests with the token where none belongs: at the storage, or in a path or body."""
        return self.books.leaks

    @property
    def uploads(self) -> dict[str, Upload]:
        """The places for files that were given out, by their `file_path`."""
        with self.books.lock:
            return dict(self.books.uploads)

    # ---- a test's word

    def order(
        self,
        kind: FaultKind,
        method: str = "POST",
        path: str = "/v1/",
        *,
        times: int = 1,
        skip: int = 0,
        done: bool | None = None,
        status: int = 500,
        body: bytes | str | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        size: int | None = None,
    ) -> Fault:
        """Order a fault for the next requests that match; of several, the oldest is met.

        Args:
            kind: What happens:
                `lost-answer`: the request is done, and the connection closed before any byte;
                `reset-before`: the connection is reset once the request is read, and nothing done;
                `reset-after-headers`: status and headers come, and then a reset;
                `drip`: the answer comes a byte every `seconds`;
                `silent`: no answer for `seconds`, and then the connection is closed;
                `status`: `status`, `body` and `headers` as they are given;
                `broken-json`: half of the answer's text; `not-json`: a web page with status 200;
                `huge-body`: the answer and spaces up to `size` bytes;
                `deep-json`: as many brackets as `size` says;
                `nan-credits`: NaN wherever credits stand;
                `wrong-length`: `size` bytes more are announced than come;
                `restart`: the server goes away for `seconds`, and comes back with its books.
            method: Such as POST, or `*`.
            path: What the path has to begin with, on either origin.
            times: How many requests meet it.
            skip: How many matching requests pass before.
            done: Whether the request is done (the job is created and billed, the file stored); by
                default no before `silent` and `status`, and yes before all others but
                `reset-before`.
            status: As said.
            body: As said; what is no text or bytes is written as JSON.
            headers: As said.
            seconds: As said; 0.05 for `drip`, 30 for `silent`, 0 for `restart` by default.
            size: As said; 8 MiB for `huge-body`, 100,000 for `deep-json`, else 7 by default.
        """
        if kind not in get_args(FaultKind):
            raise ValueError(f"{kind!r} is none of {', '.join(get_args(FaultKind))}")
        if body is None:
            body = self.refusal(status, "", "as a test ordered").body
        elif not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        if seconds is None:
            seconds = {"drip": 0.05, "silent": LONGEST_WAIT}.get(kind, 0.0)
        if size is None:
            size = {"huge-body": 8 << 20, "deep-json": 100_000}.get(kind, 7)
        ahead = kind not in NOT_DONE if done is None else done and kind != "reset-before"
        fault = Fault(
            kind, method, path, times, skip, ahead, status, body, headers or {}, seconds, size
        )
        with self.books.lock:
            self.orders.append(fault)
        return fault

    def forget_orders(self) -> None:
        """Let no fault happen any more."""
        with self.books.lock:
            self.orders.clear()

    def render(self, project: str) -> None:
        """Let a queued project begin."""
        self._move(project, "rendering")

    def finish(self, project: str, credits: int | None = None) -> int:
        """Let a project be complete, and settle it.

        Args:
            project: Its id.
            credits: What it settles at; by the rate card where nothing is said.

        Returns:
            The credits that remain.
        """
        amount = self._settled(self.job(project)) if credits is None else credits
        self._move(project, "complete", amount)
        return self.job(project).charged

    def fail(self, project: str, code: str = "unknown_error") -> None:
        """Let a project fail, with all credits given back."""
        self._move(project, "error", 0, code)

    def cancel(self, project: str) -> None:
        """Cancel a project as its owner does in the web app; no webhook tells."""
        self._move(project, "canceled", 0)

    def _move(
        self, project: str, status: Status, settled: int | None = None, code: str | None = None
    ) -> None:
        with self.books.lock:
            billed = self.job(project)
            if billed.status in FINAL or billed.status == status:
                return
            self.books.write("status", id=project, status=status, settled=settled, error=code)
            name = EVENTS.get(status)
            hooks = [hook for hook in self._hooks if name in hook.events]
            event = self._event(billed, f"{billed.kind}.{name}") if hooks else {}
        for hook in hooks:
            self.spawn(self._send, billed.id, event, hook, None)

    # ---- webhooks

    def webhooks_to(
        self,
        url: str,
        secret: str,
        *,
        times: int = 1,
        delay: float = 0.0,
        events: tuple[str, ...] = ("started", "completed", "errored"),
    ) -> None:
        """Post to a receiver whenever a project moves on.

        Args:
            url: The receiver, on this machine.
            secret: What is signed with.
            times: How often each is posted.
            delay: Seconds to wait before each.
            events: Which.
        """
        self._hooks.append(_Hook(url, secret, times, delay, events))

    def send_webhook(
        self,
        project: str,
        url: str,
        secret: str,
        *,
        type: str | None = None,  # noqa: A002  the API's word
        times: int = 1,
        delay: float = 0.0,
        timestamp: float | None = None,
    ) -> list[int | None]:
        """Post what is known of a project now, and wait for the answers.

        Args:
            project: Its id.
            url: The receiver, on this machine.
            secret: What is signed with.
            type: Such as `video.completed`; by default what its status stands for.
            times: How often.
            delay: Seconds to wait before each.
            timestamp: Seconds since 1970 that it claims to be from; now by default.

        Returns:
            The status of each answer; None where there was none.
        """
        billed = self.job(project)
        named = type or f"{billed.kind}.{EVENTS.get(billed.status, 'started')}"
        event = self._event(billed, named)
        return self._send(project, event, _Hook(url, secret, times, delay, ()), timestamp)

    def webhook_event(self, project: str, type: str) -> dict[str, Any]:  # noqa: A002  the same
        """Give `{type, payload}` as it would be posted now, to be signed with `signed`."""
        return self._event(self.job(project), type)

    def _event(self, billed: BilledJob, named: str) -> dict[str, Any]:
        return {"type": named, "payload": self._project(billed)}

    def _send(
        self, project: str, event: dict[str, Any], hook: _Hook, timestamp: float | None
    ) -> list[int | None]:
        statuses = []
        for _ in range(hook.times):
            if hook.delay and self.stopping.wait(hook.delay):
                break
            headers, body = signed(event, hook.secret, timestamp)
            statuses.append(_post(hook.url, headers, body))
            with self.books.lock:
                self.posted.append(Posted(project, event["type"], statuses[-1]))
        return statuses

    # ---- prices

    def _report(self, wanted: Job) -> Report:
        media = {
            name: self._facts(wanted, source, wanted.kind_of(name))
            for name, source in wanted.sources().items()
        }
        return preflight(
            wanted,
            plan=self.plan,
            as_of=self.as_of,
            rates=self.rates,
            media=media,
            offline=True,
        )

    def _facts(self, wanted: Job, source: str, kind: Kind) -> Media:
        path = urlsplit(source).path if "://" in source else source
        last = path.rpartition("/")[2]
        upload = self.books.uploads.get(source)
        digest = upload.sha256 if upload else None
        for name in (source, last, digest, f".{last.rpartition('.')[2]}"):
            if name is not None and (known := self.books.media.get(name)) is not None:
                return known
        if kind == "image":
            return Media.given("image", width=1024, height=1024)
        end = wanted.window[1] / 1e6 if wanted.window else 0
        if kind == "audio":
            return Media.given("audio", duration_seconds=end + 60)
        return Media.given("video", fps=24, duration_seconds=end + 60, width=1280, height=720)

    def _settled(self, billed: BilledJob) -> int:
        try:
            side = self._report(job(billed.endpoint, **billed.body)).estimate.settled
        except UnknownRateError:
            return billed.queued
        likely = side.credits_high if side.credits is None else side.credits
        return billed.queued if likely is None else likely

    # ---- the API

    def refusal(self, status: int, code: str, message: str) -> _Answer:
        """Give the body of an error, in the form that was chosen."""
        value = {"message": message}
        if self.errors == "code":
            value = {"code": code or CODES.get(status, "internal_server_error"), **value}
        return _json(status, value)

    def answer_api(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> _Answer:
        """Do a request to the API, and give its answer."""
        if headers.get("authorization") != f"Bearer {self.token}":
            return self.refusal(401, "unauthorized", "Unauthorized")
        match method, path.partition("?")[0].strip("/").split("/"):
            case "GET", ["v1", "account"]:
                return _json(200, self._account())
            case "POST", ["v1", "files", "upload-urls"]:
                return self._upload_urls(body)
            case "POST", ["v1", endpoint] if endpoint in ENDPOINTS:
                return self._create(endpoint, body)
            case "GET" | "DELETE", ["v1", projects, project] if projects.endswith("-projects"):
                billed = self.books.jobs.get(project)
                if billed is not None and f"{billed.kind}-projects" == projects:
                    return self._found(method, billed)
        return self.refusal(404, "not_found", "Not Found")

    def _account(self) -> dict[str, Any]:
        price = PRICES.get(self.plan)
        end = datetime.now(UTC) + timedelta(days=30)
        return {
            "id": "account-of-the-tests",
            "email": "tests@example.com",
            "tier": self.plan,
            "credits": self.balance,
            "subscription": price
            and {
                "name": self.plan.capitalize(),
                "status": "active",
                "price": {"amount": price, "currency": "usd"},
                "discount": None,
                "billing_interval": "month",
                "current_period_end": _iso(end),
                "cancel_at_period_end": False,
            },
        }

    def _upload_urls(self, body: bytes) -> _Answer:
        value = _object(body)
        items = value.get("items") if value else None
        if not isinstance(items, list) or not items:
            return self.refusal(422, "", "items: must hold at least one item")
        for item in items:
            known = isinstance(item, dict) and item.get("type") in {"video", "audio", "image"}
            extension = str(item.get("extension")) if known else ""
            if not re.fullmatch(r"[a-z0-9]{1,8}", extension):
                return self.refusal(422, "", "items: type or extension")
        made = []
        for item in items:
            key = uuid.uuid4().hex
            path = f"api-assets/{uuid.uuid4().hex[:12]}/{uuid.uuid4().hex[:8]}.{item['extension']}"
            self.books.write(
                "url", file_path=path, type=item["type"], extension=item["extension"], key=key
            )
            made.append(
                {
                    "upload_url": f"{self.storage_url}/{path}?signature={key}",
                    "expires_at": _iso(datetime.now(UTC) + timedelta(days=1)),
                    "file_path": path,
                }
            )
        return _json(200, {"items": made})

    def _create(self, endpoint: str, body: bytes) -> _Answer:
        value = _object(body)
        if value is None:
            return self.refusal(400, "invalid_request", "the body must be a JSON object")
        credits = self._price(endpoint, value)
        if isinstance(credits, _Answer):
            return credits
        project = f"c{uuid.uuid4().hex[:24]}"
        kind = kind_of(endpoint)
        with self.books.lock:
            if credits > self.books.balance:
                return self.refusal(402, "insufficient_credits", "not enough credits")
            self.books.write(
                "job",
                id=project,
                endpoint=endpoint,
                kind=kind,
                body=value,
                queued=credits,
                created_at=_iso(datetime.now(UTC)),
            )
        answer = {"id": project, "credits_charged": credits}
        if kind != "audio":
            answer["estimated_frame_cost" if kind == "video" else "frame_cost"] = credits
        return _json(200, answer)

    def _price(self, endpoint: str, body: dict[str, Any]) -> int | _Answer:
        """Give what a job is charged when it is created, or why it is not taken."""
        try:
            wanted = job(endpoint, **body)
            if missing := self._missing(wanted):
                return self.refusal(422, "", f"{missing}: no such file")
            report = self._report(wanted)
        except UnknownRateError:
            return self.unlisted
        except PreflightError as error:
            return self.refusal(422, "", error.message)
        if report.errors:
            first = report.errors[0]
            if first.code.endswith("-needs-paid-plan"):
                return self.refusal(402, "plan_upgrade_required", first.message)
            return self.refusal(422, "", first.message)
        side = report.estimate.queued
        return (side.credits_high or 0) if side.credits is None else side.credits

    def _missing(self, wanted: Job) -> str | None:
        """Find a file of the storage that was never put there, where that matters."""
        uploads = self.uploads
        there = {path for path, upload in uploads.items() if upload.size is not None}
        sources = wanted.sources().values() if self.only_uploaded else ()
        return next((s for s in sources if s.startswith("api-assets/") and s not in there), None)

    def _found(self, method: str, billed: BilledJob) -> _Answer:
        if method == "DELETE":
            self.books.write("delete", id=billed.id)
            return _Answer(204)
        with self.books.lock:
            if billed.status not in FINAL:
                self._poll(billed)
            return _json(200, self._project(billed))

    def _poll(self, billed: BilledJob) -> None:
        self.books.write("poll", id=billed.id, sync=False)
        if self.polls is None:
            return
        queued, rendering = self.polls
        if billed.polls > queued + rendering:
            self.finish(billed.id)
        elif billed.polls > queued:
            self.render(billed.id)

    def _project(self, billed: BilledJob) -> dict[str, Any]:
        complete = billed.status == "complete" and billed.enabled
        day = _iso(datetime.now(UTC) + timedelta(days=1))
        count = 1
        video: dict[str, Any] = {}
        if billed.kind == "image":
            count = job(billed.endpoint, **billed.body).count
        elif billed.kind == "video":
            video = self._video_fields(billed)
        suffix = SUFFIXES[billed.kind]
        downloads = [
            {
                "url": f"{self.storage_url}/downloads/{billed.id}-{place}.{suffix}?signature=1",
                "expires_at": day,
            }
            for place in range(count if complete else 0)
        ]
        value = {
            "id": billed.id,
            "name": billed.name,
            "status": billed.status,
            "type": TYPES[billed.endpoint][1],
            "created_at": billed.created_at,
            "enabled": billed.enabled,
            "credits_charged": billed.charged,
            "downloads": downloads,
            "error": billed.error
            and {"code": billed.error, "message": f"it failed: {billed.error}"},
            **video,
        }
        if billed.kind == "image":
            value["image_count"] = count
        if billed.kind == "video":
            value["download"] = downloads[0] if downloads else None
        if billed.kind != "audio":
            value["total_frame_cost"] = billed.charged
        return value

    def _video_fields(self, billed: BilledJob) -> dict[str, Any]:
        wanted = job(billed.endpoint, **billed.body)
        start, end = wanted.window or (0, 0)
        fps, size = 30.0, (-1, -1)
        if billed.status == "complete":
            fps = 24.0
            with contextlib.suppress(UnknownRateError):
                estimate = self._report(wanted).estimate
                fps = float(estimate.output_fps or 24)
                size = estimate.output_size or size
        return {
            "start_seconds": start / 1e6,
            "end_seconds": end / 1e6,
            "fps": fps,
            "width": size[0],
            "height": size[1],
        }

    # ---- the storage

    def answer_storage(self, method: str, path: str, size: int, sha256: str) -> _Answer:
        """Take a file, or give what was made."""
        parts = urlsplit(path)
        place = parts.path.strip("/")
        if method == "PUT":
            upload = self.books.uploads.get(place)
            if upload is None or parts.query != f"signature={upload.key}":
                return _Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            self.books.write("put", file_path=place, size=size, sha256=sha256)
            return _Answer(200, headers={"ETag": f'"{sha256[:32]}"'})
        found = re.fullmatch(r"downloads/(c[0-9a-f]{24})-\d+\.\w+", place)
        billed = self.books.jobs.get(found[1]) if found else None
        if method in {"GET", "HEAD"} and billed and billed.status == "complete" and billed.enabled:
            return _Answer(200, self.output, {"Content-Type": "application/octet-stream"})
        return _Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def answer_control(self, path: str, body: bytes) -> _Answer:
        """Do what a test asks of a server in another process."""
        name = path.removeprefix("/-/")
        given: dict[str, Any] = _object(body or b"{}") or {}
        match name:
            case "order":
                self.order(**given)
            case "finish" | "fail" | "cancel" | "render":
                getattr(self, name)(**given)
            case "media":
                for each, facts in given.items():
                    self.media[each] = Media.given(**facts)
            case "balance":
                self.balance = given["credits"]
            case "webhooks_to":
                self.webhooks_to(**given)
            case "forget_orders":
                self.forget_orders()
            case _:
                return _json(404, {"message": f"{name!r} is not known"})
        return _json(200, {})


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# ------------------------------------------------------------------------- connections


def _listen(server: BillingServer, name: Literal["api", "storage"], port: int) -> _Origin:
    """Listen on a port; one that was just given up may need a moment."""
    until = time.monotonic() + 2
    while True:
        try:
            return _Origin(server, name, port)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(STEP)


class _Origin(TCPServer):
    """One of the two ports; a thread for each connection, all of which can be cut."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, server: BillingServer, name: Literal["api", "storage"], port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.billing, self.name = server, name
        self.port: int = self.server_address[1]
        self.gone = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=[STEP], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nobody in any more."""
        self.shutdown()
        self._thread.join(LONGEST_WAIT)
        self.server_close()
        self.gone.set()

    def cut(self) -> None:
        """Cut the connections, and wait for their threads."""
        with self._lock:
            working = dict(self._open)
        for connection in working.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in working:
            thread.join(LONGEST_WAIT)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._work, args=[request, client_address], daemon=True)
        with self._lock:
            self._open[thread] = request
        thread.start()

    def _work(self, request: socket.socket, client_address: Any) -> None:
        try:
            with contextlib.suppress(OSError):  # of clients that hang up nothing is said
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; one that lingers for no time at all is reset."""
        if not _is_reset(request):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_WR)
        request.close()


RESET = struct.pack("ii", 1, 0)


def _is_reset(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET


class _GoneError(OSError):
    """The connection is given up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LONGEST_WAIT
    server: _Origin

    def do_GET(self) -> None:
        billing, origin = self.server.billing, self.server.name
        if origin == "storage" and self.path.startswith("/-/"):
            self._give(billing.answer_control(self.path, self._read(MOST_JSON)[0]))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        place, leak = self._note(headers)
        with billing.books.lock:
            fault = next((f for f in billing.orders if f.meets(self.command, self.path)), None)
        most = billing.most_upload if origin == "storage" else billing.most_json
        body, length, sha256 = self._read(most)
        leak |= origin == "api" and billing.token.encode() in body
        if (
            fault and fault.kind == "reset-before"
        ):  # not sooner: a client that still sends may miss it
            self._noted(place, leak, length, None, fault)
            self._reset()
        if length > most:
            answer = billing.refusal(413, "payload_too_large", "the body is too large")
        elif fault and not fault.done:
            answer = _json(200, {})
        elif origin == "storage" and leak:
            answer = _Answer(400, b"<Error><Code>InvalidArgument</Code></Error>")
        elif origin == "storage":
            answer = billing.answer_storage(self.command, self.path, length, sha256)
        else:
            answer = billing.answer_api(self.command, self.path, headers, body)
        if fault:
            status = {"status": fault.status, "not-json": 200}.get(fault.kind, answer.status)
            unheard = fault.kind in {"lost-answer", "silent", "restart"}
            self._noted(place, leak, length, None if unheard else status, fault)
            self._fail(fault, answer)
        else:
            self._noted(place, leak, length, answer.status, None)
            self._give(answer)
        if length > most:
            self._drain()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815

    def _note(self, headers: dict[str, str]) -> tuple[int, bool]:
        """Put a request on record, on disk without the token; tell its place, and of a leak."""
        billing, token = self.server.billing, self.server.billing.token
        others = [value for name, value in headers.items() if name != "authorization"]
        leak = any(token in each for each in (self.path, *others))
        leak |= self.server.name == "storage" and "authorization" in headers
        hidden = {name: value.replace(token, "[token]") for name, value in headers.items()}
        with billing.books.lock:
            billing.books.write(
                "seen",
                sync=False,
                origin=self.server.name,
                method=self.command,
                path=self.path.replace(token, "[token]"),
                headers=hidden,
                leak=leak,
            )
            seen = billing.books.seen[-1]
            seen.headers, seen.path = headers, self.path
            return len(billing.books.seen) - 1, leak

    def _noted(
        self, place: int, leak: bool, length: int, status: int | None, fault: Fault | None
    ) -> None:
        """Put on record how a request ends, before the client can know."""
        self.server.billing.books.write(
            "answered",
            sync=False,
            place=place,
            leak=leak,
            length=length,
            status=status,
            fault=fault and fault.kind,
        )

    def _drain(self) -> None:
        """Read what a client still sends, else the answer is lost in a reset."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1)
        left = MOST_UPLOAD
        with contextlib.suppress(TimeoutError):
            while left > 0 and (piece := self.connection.recv(PIECE)):
                left -= len(piece)

    def _read(self, most: int) -> tuple[bytes, int, str]:
        """Read the body; what is of an upload is only counted."""
        kept, length, digest = bytearray(), 0, hashlib.sha256()
        for piece in self._pieces():
            length += len(piece)
            if length > most:
                break
            digest.update(piece)
            if length <= MOST_JSON:
                kept += piece
        return bytes(kept), length, digest.hexdigest()

    def _pieces(self) -> Iterator[bytes]:
        try:
            yield from self._told()
        except ValueError:
            raise _GoneError("the length of the request is no number") from None

    def _told(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while left := int(self.rfile.readline(64).partition(b";")[0], 16):
                yield from self._exactly(left)
                self.rfile.readline(2)
            while self.rfile.readline(PIECE).strip():
                pass
        else:
            yield from self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left > 0:
            piece = self.rfile.read(min(left, PIECE))
            if not piece:
                raise _GoneError("the request ended early")
            left -= len(piece)
            yield piece

    def _give(self, answer: _Answer) -> None:
        empty = self.command == "HEAD" or answer.status in NO_BODY
        body = b"" if empty else answer.body
        self.wfile.write(answer.head() + body)
        if answer.announced is not None:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raise _GoneError("as a test ordered")

    def _fail(self, fault: Fault, answer: _Answer) -> None:
        stopping = self.server.billing.stopping
        match fault.kind:
            case "lost-answer":
                raise _GoneError("as a test ordered")
            case "restart":
                self.server.billing.spawn(self.server.billing.restart, fault.seconds)
                self.server.gone.wait(LONGEST_WAIT)
                raise _GoneError("as a test ordered")
            case "silent":
                self._stay_silent(fault.seconds)
                raise _GoneError("as a test ordered")
            case "reset-after-headers":
                self.wfile.write(answer.head())
                stopping.wait(5 * STEP)  # else the reset throws away what has not been read yet
                self._reset()
            case "drip":
                for byte in answer.head() + answer.body:
                    self.wfile.write(bytes([byte]))
                    if stopping.wait(fault.seconds):
                        raise _GoneError("as a test ordered")
            case "status":
                given = {"Content-Type": "application/json", **fault.headers}
                self._give(_Answer(fault.status, fault.body or b"", given))
            case _:
                self._give(_spoilt(fault, answer))

    def _stay_silent(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.connection.setblocking(False)
        while (left := until - time.monotonic()) > 0:
            if self.server.billing.stopping.wait(min(left, STEP)):
                return
            with contextlib.suppress(BlockingIOError):
                if not self.connection.recv(1, socket.MSG_PEEK):
                    return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the base
        """Say nothing."""


def _spoilt(fault: Fault, answer: _Answer) -> _Answer:
    body, headers = answer.body, answer.headers
    match fault.kind:
        case "broken-json":
            return _Answer(answer.status, body[: len(body) // 2], headers)
        case "not-json":
            page = b"<!doctype html><title>Welcome</title><p>Sign in to this network"
            return _Answer(200, page, {"Content-Type": "text/html"})
        case "huge-body":
            return _Answer(answer.status, body.ljust(fault.size), headers)
        case "deep-json":
            return _Answer(answer.status, b"[" * fault.size, headers)
        case "nan-credits":
            return _without_numbers(answer)
    return _Answer(answer.status, body, headers, announced=len(body) + fault.size)


# ----------------------------------------------------------------- a process of its own


class BillingProcess:
    """The server in a process of its own, which can be killed and started again.

    Args:
        state: Where its books lie.
        arguments: More arguments of its command line.
    """

    def __init__(self, state: str | Path, *arguments: str) -> None:
        self.state = Path(state)
        self.base_url = self.storage_url = ""
        self.token = TOKEN
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, on the ports of before where there were any."""
        command = [sys.executable, "-P", __file__, "--state", str(self.state), "--until-eof"]
        same = Path(mh_preflight.__file__).parents[1]  # bill as this process would
        self._process = subprocess.Popen(
            [*command, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(same)},
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            self.kill()
            raise RuntimeError("the server did not start")
        found = json.loads(said)
        self.base_url, self.storage_url = found["base_url"], found["storage_url"]

    @property
    def pid(self) -> int | None:
        """Its process, where it runs."""
        return self._process.pid if self._process else None

    def kill(self) -> None:
        """Kill it with SIGKILL, where it runs."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(LONGEST_WAIT)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def call(self, name: str, **arguments: Any) -> None:
        """Call a method of the server: `order`, `finish`, `fail`, `cancel`, `render`, `balance`,
        `webhooks_to`, `forget_orders`, or `media` with arguments of `Media.given` by file name.
        """
        address = urlsplit(self.storage_url)
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=LONGEST_WAIT)
        try:
            connection.request("POST", f"/-/{name}", json.dumps(arguments))
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
        finally:
            connection.close()

    def books(self) -> Books:
        """Read its books from the disk, whether it runs or not."""
        return read_books(self.state)


def main(arguments: list[str] | None = None) -> None:
    """Run the server until it is told to end, and print its addresses as one line of JSON."""
    parser = argparse.ArgumentParser(description="Run the billing server of the tests.")
    parser.add_argument("--state", type=Path, help="file for the books")
    parser.add_argument("--port", type=int, default=0, help="port of the API")
    parser.add_argument("--storage-port", type=int, default=0, help="port of the storage")
    parser.add_argument("--balance", type=int, default=100_000, help="credits at the start")
    parser.add_argument("--plan", choices=[*get_args(Plan)], default="creator")
    parser.add_argument("--errors", choices=["message", "code"], default="message")
    parser.add_argument("--polls", help="as 1,1; 'none' to move by word only", default="1,1")
    parser.add_argument("--as-of", type=date.fromisoformat, help="day of the rate card")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    given = vars(parser.parse_args(arguments))
    until_eof, polls = given.pop("until_eof"), given.pop("polls")
    queued_rendering = None if polls == "none" else tuple(map(int, polls.split(",")))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with BillingServer(**given, polls=cast("tuple[int, int] | None", queued_rendering)) as server:
        said = {"base_url": server.base_url, "storage_url": server.storage_url, "pid": os.getpid()}
        print(json.dumps(said), flush=True)
        if until_eof:
            threading.Thread(target=_until_eof, args=[ended], daemon=True).start()
        while not ended.wait(0.2):
            pass


def _until_eof(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), PIECE):
        pass
    ended.set()


if __name__ == "__main__":
    main()
