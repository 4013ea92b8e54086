"""One deadline, no redirect, no proxy that was not asked for, and one origin for the token."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import pytest
from billing_server import BillingServer
from clienting import Make, picture

from mh_preflight import errors
from mh_preflight.budget import Ledger
from mh_preflight.client.bodies import Answer
from mh_preflight.client.calls import Call
from mh_preflight.client.network import Backend, Deadline, Marker
from mh_preflight.client.token import Masked, Token
from mh_preflight.client.transport import Failure, Origin, Transport
from mh_preflight.errors import InputError

PATH = "/v1/ai-image-generator"


@contextmanager
def listening(reply: Any) -> Iterator[tuple[str, list[bytes]]]:
    """Answer each connection by a function, and keep what came."""
    came: list[bytes] = []

    def run(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    came.append(connection.recv(1 << 16))
                    reply(connection)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run, args=[server], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def drip_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-A: b\r\n")
        time.sleep(0.02)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def flood(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        time.sleep(0.01)


def silence(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


@pytest.mark.parametrize("reply", [drip_header, drip_body, flood, silence])
def test_one_deadline_ends_what_drips(make: Make, ledger: Ledger, reply: Any) -> None:
    with listening(reply) as (url, came):
        client = make(base_url=url, timeout=0.4, check_balance=False)
        before = time.monotonic()
        with pytest.raises(errors.UncertainError) as caught:
            client.submit(picture())
        assert time.monotonic() - before < 2
        assert "deadline" in caught.value.code
        assert len(came) == 1
    (entry,) = ledger.entries()
    assert entry.state == "unknown"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(make: Make, server: BillingServer, status: int) -> None:
    with BillingServer(token=server.token) as other:
        for path in (PATH, "/v1/account"):
            server.order(
                "status", "*", path, status=status, headers={"Location": other.base_url + path}
            )
        with pytest.raises(errors.ServerError):
            make().account()
        with pytest.raises(errors.UncertainServerError):
            make(check_balance=False).submit(picture())
        assert other.requests == []
        assert other.jobs == []


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with listening(refuse) as (url, came):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, url.replace("//", "//user:pass@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield url, came


def test_proxies_of_the_environment_are_used_only_where_they_are_asked_for(
    make: Make, proxy: tuple[str, list[bytes]], ledger: Ledger, server: BillingServer
) -> None:
    _, came = proxy
    far = {"base_url": "https://api.example", "check_balance": False}
    with pytest.raises(errors.NotSentError):
        make(**far).submit(picture())
    make(trust_env=True).submit(picture())  # this machine is reached without one
    assert came == []
    with pytest.raises(errors.NotSentError):
        make(**far, trust_env=True).submit(picture())
    assert len(came) in {1, 3}
    assert came[0].startswith(b"CONNECT api.example:443 ")
    assert server.token.encode() not in b"".join(came)
    assert {entry.state for entry in ledger.entries()} == {"released", "submitted"}


def test_a_proxy_that_cannot_be_used_is_found_out_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(InputError, match="trust_env"):
        make(trust_env=True).account()


def test_localhost_that_is_elsewhere_is_not_spoken_to(
    make: Make, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    elsewhere = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: elsewhere)
    with pytest.raises(errors.NotSentError, match="this machine only"):
        make(base_url="http://localhost:1", check_balance=False).submit(picture())


def test_connections_are_used_once(client: Any, server: BillingServer) -> None:
    client.submit(picture())
    assert {each.headers.get("connection") for each in server.requests} == {"close"}
    assert {each.headers.get("accept-encoding") for each in server.requests} == {"identity"}


def transport(server: BillingServer) -> Transport:
    return Transport(Token(server.token), Origin.of(server.base_url))


def test_a_compressed_answer_is_not_unpacked(server: BillingServer) -> None:
    server.order("status", "GET", "/v1/account", status=200, headers={"Content-Encoding": "gzip"})
    found = transport(server).ask(Call("GET", "/v1/account"), Deadline(5), Marker())
    assert isinstance(found, Answer)
    assert found.fault == "is compressed, which was not asked for"


def test_a_deadline_that_is_over_sends_nothing(server: BillingServer) -> None:
    marker = Marker()
    found = transport(server).ask(Call("GET", "/v1/account"), Deadline(0), marker)
    assert isinstance(found, Failure)
    assert (found.left, found.late, marker.left) == (False, True, False)
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/a",
        "ftp://127.0.0.1/a",
        "https://user:pass@127.0.0.1/a",
        "nothing",
        "http://169.254.169.254/a",
    ],
)
def test_an_upload_goes_only_where_it_may(server: BillingServer, url: str) -> None:
    with pytest.raises(errors.BrokenAnswerError) as caught:
        transport(server).put(Masked(url), iter([b"a"]), 1, Deadline(5))
    assert url not in str(caught.value)
    far = Transport(Token("x"), Origin.of("https://api.example"))
    with pytest.raises(errors.BrokenAnswerError):
        far.put(Masked("http://127.0.0.1:1/a"), iter([b"a"]), 1, Deadline(5))


def test_the_headers_of_an_upload_have_no_token_and_those_of_another_origin_are_not_made(
    server: BillingServer,
) -> None:
    sender = transport(server)
    place = sender.place_target(Masked(server.storage_url + "/a?signature=1"))
    headers = dict(sender.headers(place, None, 5))
    assert b"Authorization" not in headers
    with pytest.raises(errors.BrokenAnswerError):
        sender.headers(place, Call("GET", "/v1/account"), None)


class Wire(httpcore.NetworkStream):
    def __init__(self) -> None:
        self.written: list[int] = []

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written.append(len(buffer))
        time.sleep(0.02)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return self


def test_a_peer_that_takes_bytes_slowly_meets_the_deadline_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire, marker = Wire(), Marker()
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: wire)
    stream = Backend(Deadline(0.1), marker, local=True).connect_tcp("127.0.0.1", 1)
    assert marker == Marker(left=False)
    with pytest.raises(httpcore.WriteTimeout):
        stream.write(bytes(10 << 20))
    assert marker == Marker(left=True)
    assert max(wire.written) <= 16 << 10
    assert len(wire.written) < 10


def test_what_asks_a_proxy_for_a_connection_is_not_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire, marker = Wire(), Marker()
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: wire)
    stream = Backend(Deadline(5), marker, local=True).connect_tcp("127.0.0.1", 1)
    stream.write(b"CONNECT")
    assert marker == Marker(left=True)
    secure = stream.start_tls(ssl.create_default_context())
    assert marker == Marker(left=False)
    secure.write(b"POST")
    assert marker == Marker(left=True)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a certificate for localhost, which vouches for itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    primitives = "cryptography.hazmat.primitives"
    hashes = pytest.importorskip(f"{primitives}.hashes")
    serialization = pytest.importorskip(f"{primitives}.serialization")
    key = pytest.importorskip(f"{primitives}.asymmetric.ec").generate_private_key(
        pytest.importorskip(f"{primitives}.asymmetric.ec").SECP256R1()
    )
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return path


@contextmanager
def serve_tls(certificate: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Answer for the balance over TLS, and keep what came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    came: list[bytes] = []

    def run(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as secure:
                        came.append(secure.recv(1 << 16))
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n")
                        secure.sendall(b'{"credits": 7}')
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run, args=[server], daemon=True)
        thread.start()
        yield f"https://localhost:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_certificates_are_checked(
    make: Make, ledger: Ledger, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve_tls(certificate) as (url, came):
        with pytest.raises(errors.NotSentError):
            make(base_url=url).account()
        with pytest.raises(errors.NotSentError):
            make(base_url=url, check_balance=False).submit(picture())
        assert came == []
        own = ssl.create_default_context(cafile=certificate)
        assert make(base_url=url, ssl_context=own).account().credits == 7
        assert b"Authorization: Bearer " in came[0]
        with pytest.raises(errors.NotSentError):  # it is a certificate for localhost alone
            make(base_url=url.replace("localhost", "127.0.0.1"), ssl_context=own).account()
        assert len(came) == 1
    (entry,) = ledger.entries()
    assert entry.state == "released"
