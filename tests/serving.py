"""Small servers that the tests start on this machine, and a guard against reaching any other."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import ThreadingTCPServer
from typing import Any, TypeAlias

import pytest

__all__ = [
    "Asked",
    "Reply",
    "Route",
    "Served",
    "Virtual",
    "answer_look_ups",
    "file_route",
    "find_numeric_hosts",
    "only_this_machine",
    "page_route",
    "redirect_route",
    "serve",
    "with_hole",
]

PIECE = 1 << 16
LONGEST_WAIT = 30.0  # seconds after which a connection that nobody uses is given up

_look_up = socket.getaddrinfo  # the real one: this is imported before any test replaces it


class Virtual:
    """A file of which only some parts are really there; the rest is zeros, made when asked for.

    Args:
        parts: Bytes, or a number of zeros.
    """

    def __init__(self, *parts: bytes | int) -> None:
        self._parts = parts
        self.size = sum(part if isinstance(part, int) else len(part) for part in parts)

    def read(self, start: int, end: int) -> bytes:
        """Give the bytes from one place up to another."""
        found, place = bytearray(), 0
        for part in self._parts:
            length = part if isinstance(part, int) else len(part)
            first, last = max(start - place, 0), min(end - place, length)
            if first < last:
                found += bytes(last - first) if isinstance(part, int) else part[first:last]
            place += length
        return bytes(found)


def with_hole(data: bytes, zeros: int) -> Virtual:
    """Put an empty box of so many zeros into an mp4, behind its first `mdat`.

    No sample moves, so that the index stays right wherever it lies.
    """
    place = 0
    while data[place + 4 : place + 8] != b"mdat":
        place += int.from_bytes(data[place : place + 4], "big")
    place += int.from_bytes(data[place : place + 4], "big")
    return Virtual(data[:place], struct.pack(">I4s", 8 + zeros, b"free"), zeros, data[place:])


@dataclass(frozen=True)
class Asked:
    """A request that came.

    Attributes:
        method: Such as GET.
        path: With the query.
        headers: Names in small letters, and values.
        number: How many came for this path before it and with it.
    """

    method: str
    path: str
    headers: dict[str, str]
    number: int

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last byte that are asked for."""
        start, dash, end = self.headers.get("range", "").removeprefix("bytes=").partition("-")
        return (int(start), int(end)) if dash else None


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        status: HTTP status.
        body: The bytes, in pieces.
        length: What Content-Length says; None where the end of the connection ends the body.
        headers: More headers.
    """

    status: int = 200
    body: Iterable[bytes] = ()
    length: int | None = 0
    headers: dict[str, str] = field(default_factory=dict)


Route: TypeAlias = Callable[[Asked], Reply]


def file_route(content: bytes | Virtual, *, etag: str | None = '"1"', ranges: bool = True) -> Route:
    """Serve a file as a good server does.

    Args:
        content: What is in it.
        etag: Its ETag, or None.
        ranges: Whether parts of it can be had.
    """
    file = content if isinstance(content, Virtual) else Virtual(content)
    named = {} if etag is None else {"ETag": etag}

    def route(asked: Asked) -> Reply:
        if asked.span is None or not ranges:
            return Reply(200, _cut(file, 0, file.size), file.size, named)
        start, last = asked.span
        end = min(last + 1, file.size)
        if start >= end:
            return Reply(416, headers={"Content-Range": f"bytes */{file.size}"})
        span = {"Content-Range": f"bytes {start}-{end - 1}/{file.size}"}
        return Reply(206, _cut(file, start, end), end - start, span | named)

    return route


def redirect_route(target: str, status: int = 302) -> Route:
    """Lead to another URL, and set a cookie by the way."""
    headers = {"Location": target, "Set-Cookie": "session=1; Path=/"}
    return lambda _: Reply(status, headers=headers)


def page_route(html: str) -> Route:
    """Serve a web page."""
    body = html.encode()
    return lambda _: Reply(200, [body], len(body), {"Content-Type": "text/html; charset=utf-8"})


@dataclass
class Served:
    """A server that runs.

    Attributes:
        port: Where it listens.
        routes: What it answers, by path without query; may be changed while it runs.
        asked: All requests that came.
        sent: Bytes of bodies that were sent.
    """

    port: int
    routes: dict[str, Route]
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Give the URL of a path."""
        return f"http://{host}:{self.port}{path}"


@contextmanager
def serve(routes: dict[str, Route], tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Run a server on this machine for as long as the block lasts."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.tls = tls
        server.served = Served(server.server_address[1], routes)
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield server.served
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def only_this_machine() -> Iterator[None]:
    """Let no connection be made but to this machine, and fail where one was tried."""
    strayed: list[str] = []
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}

    def guarded(name: str) -> Callable[..., Any]:
        def call(self: socket.socket, *arguments: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                host = ip_address(str(arguments[-1][0]).partition("%")[0])
                if not (getattr(host, "ipv4_mapped", None) or host).is_loopback:
                    strayed.append(str(host))
                    raise OSError("tests reach no other machine")
            return real[name](self, *arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        yield
    assert strayed == []


def find_numeric_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the look-up read addresses in all their spellings, and no name but this machine's."""

    def look_up(host: Any, port: Any, *_: Any, **__: Any) -> Any:
        flags = 0 if host == "localhost" else socket.AI_NUMERICHOST
        return _look_up(host, port, type=socket.SOCK_STREAM, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def answer_look_ups(monkeypatch: pytest.MonkeyPatch, answers: Callable[[str], list[str]]) -> None:
    """Let the look-up find what a function says, and addresses as they are."""

    def look_up(host: Any, port: Any, *_: Any, **__: Any) -> Any:
        try:
            addresses = [str(ip_address(host))]
        except ValueError:
            addresses = answers(host)
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", place)
            for each in addresses
            for place in [(each, port)]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def _cut(file: Virtual, start: int, end: int) -> Iterator[bytes]:
    for place in range(start, end, PIECE):
        yield file.read(place, min(place + PIECE, end))


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    served: Served
    tls: ssl.SSLContext | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lock = threading.Lock()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands where the connection is to be a secure one."""
        if self.tls is not None:
            with self.tls.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
            return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LONGEST_WAIT
    server: _Server

    def do_GET(self) -> None:
        served = self.server.served
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            number = 1 + sum(each.path == self.path for each in served.asked)
            asked = Asked(self.command, self.path, headers, number)
            served.asked.append(asked)
        route = served.routes.get(self.path.partition("?")[0])
        reply = route(asked) if route else Reply(404)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length is not None:
            self.send_header("Content-Length", str(reply.length))
        else:
            self.close_connection = True
        self.end_headers()
        left = reply.length
        with contextlib.suppress(ConnectionError, TimeoutError):
            for piece in reply.body:
                self.wfile.write(piece)
                left = None if left is None else left - len(piece)
                with self.server.lock:
                    served.sent += len(piece)
        if left != 0:  # less than was announced, or nobody listens any more
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815  its name in the base

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the base
        """Say nothing."""
