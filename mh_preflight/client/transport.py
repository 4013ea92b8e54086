"""One request and its answer, or why there is none. The token goes to one origin and no other.

There is no redirect that could be followed, no cookie, no proxy unless it is asked for, and no
line of a log: what httpx and httpcore write to theirs would hold URLs that are keys.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore
import httpx

from mh_preflight.client.bodies import MOST_BODY, MOST_URL, Answer
from mh_preflight.client.calls import Call
from mh_preflight.client.network import AsyncBackend, Backend, Deadline, Marker
from mh_preflight.client.token import Masked, Token
from mh_preflight.errors import BrokenAnswerError, InputError, PreflightError
from mh_preflight.media.origins.far import redacted, shown_url
from mh_preflight.units import one_line

if TYPE_CHECKING:
    import ssl

__all__ = ["BASE_URL", "AsyncTransport", "Failure", "Origin", "Transport"]

BASE_URL = "https://api.magichour.ai"

_Headers: TypeAlias = list[tuple[bytes, bytes]]

_HOST = re.compile(rb"[A-Za-z0-9._:-]+")
_LATE = (httpcore.TimeoutException, TimeoutError)
_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
    httpcore.ProxyError,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    Attributes:
        reason: In words, without a URL or a token.
        left: Whether the request may have left this machine.
        late: Whether the time was up.
    """

    reason: str
    left: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the API is.

    Attributes:
        scheme: `https`; `http` for this machine only.
        host: Its name.
        port: Its port, or None for that of the scheme.
        path: What stands before `/v1/`.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, base_url: str) -> Origin:
        """Read a base URL.

        Args:
            base_url: `https://...`; `http://` for 127.0.0.1, ::1 and localhost only.

        Raises:
            InputError: It is no such URL.

        Example:
            >>> Origin.of("https://api.magichour.ai/").shown
            'https://api.magichour.ai'
        """
        parsed = _parsed(base_url)
        if parsed is None or parsed.query or parsed.fragment or "?" in base_url:
            raise InputError("base_url: must be an https:// URL without query", field="base_url")
        if parsed.scheme != "https" and not (parsed.scheme == "http" and _is_local(parsed.host)):
            raise InputError(
                f"base_url: {shown_url(base_url)!r} is not encrypted; http is spoken to this "
                "machine only",
                field="base_url",
            )
        return cls(
            parsed.scheme,
            parsed.raw_host.decode("ascii"),
            parsed.port,
            parsed.raw_path.decode("ascii").rstrip("/"),
        )

    @property
    def local(self) -> bool:
        """Whether it is on this machine, not encrypted."""
        return self.scheme == "http"

    @property
    def shown(self) -> str:
        """The base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where one request goes; its path may be a key."""

    scheme: str
    host: str
    port: int | None
    path: Masked

    @property
    def local(self) -> bool:
        return self.scheme == "http"

    def url(self) -> httpcore.URL:
        return httpcore.URL(
            scheme=self.scheme.encode(),
            host=self.host.encode(),
            port=self.port,
            target=self.path.reveal().encode(),
        )

    def host_header(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port is None else f"{host}:{self.port}").encode()


class _Common:
    """What both kinds of transport have in common.

    Args:
        token: The token.
        origin: Where the API is.
        trust_env: Take proxies and certificates from the environment.
        ssl_context: What certificates are checked by; those that httpx brings by default.
    """

    def __init__(
        self,
        token: Token,
        origin: Origin,
        *,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.origin = origin
        self._token = token
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        if trust_env:
            self._proxy("https", "a.example")  # a proxy that cannot be used is found out now

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.origin.shown!r})"

    def api_target(self, call: Call) -> _Target:
        """Tell where a call goes."""
        here = self.origin
        return _Target(here.scheme, here.host, here.port, Masked(here.path + call.path))

    def place_target(self, url: Masked) -> _Target:
        """Tell where an upload goes; it is encrypted, unless the API itself is on this machine.

        Raises:
            BrokenAnswerError: It may not go there.
        """
        text = url.reveal()
        parsed = _parsed(text)
        del text
        if parsed is None or not (
            parsed.scheme == "https"
            or (parsed.scheme == "http" and self.origin.local and _is_local(parsed.host))
        ):
            parsed = None
            raise BrokenAnswerError("the API gave a place for an upload that is no https:// URL")
        return _Target(
            parsed.scheme,
            parsed.raw_host.decode("ascii"),
            parsed.port,
            Masked(parsed.raw_path.decode("ascii")),
        )

    def headers(self, target: _Target, call: Call | None, size: int | None) -> _Headers:
        """Give the headers; the token only where the request goes to the API itself.

        Args:
            target: Where the request goes.
            call: What is asked of the API; None for an upload.
            size: Bytes of an upload.

        Raises:
            BrokenAnswerError: The token would have gone elsewhere.
        """
        headers = [
            (b"Host", target.host_header()),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"mh-preflight"),
            (b"Connection", b"close"),
        ]
        here = self.origin
        if call is not None:
            if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
                raise BrokenAnswerError("a request with a token would have left the API's origin")
            headers.append((b"Accept", b"application/json"))
            headers.append((b"Authorization", b"Bearer " + self._token.reveal().encode()))
            if call.body is not None:
                headers.append((b"Content-Type", b"application/json"))
                size = len(call.body)
        if size is not None:
            headers.append((b"Content-Length", str(size).encode()))
        return headers

    def _settings(self, target: _Target) -> dict[str, Any]:
        """Give what both kinds of connections are made with."""
        settings: dict[str, Any] = {"max_connections": 1, "max_keepalive_connections": 0}
        if not target.local:
            settings["ssl_context"] = self._ssl_context or _ssl_context(self._trust_env)
        proxy = self._proxy(target.scheme, target.host) if self._trust_env else None
        if proxy is not None:
            settings["proxy_url"] = httpcore.URL(
                scheme=proxy.raw_scheme, host=proxy.raw_host, port=proxy.port, target=b"/"
            )
            if proxy.username or proxy.password:
                settings["proxy_auth"] = (proxy.username, proxy.password)
        return settings

    @staticmethod
    def _proxy(scheme: str, host: str) -> httpx.URL | None:
        if scheme == "http":
            return None  # this machine
        found = urllib.request.getproxies()
        given = found.get(scheme) or found.get("all")
        if not given or urllib.request.proxy_bypass(host):
            return None
        try:
            proxy = httpx.URL(given if "://" in given else f"http://{given}")
        except (httpx.InvalidURL, ValueError):
            proxy = httpx.URL("")
        if proxy.scheme not in {"http", "https"} or not proxy.host:
            raise InputError("trust_env: the environment names a proxy that is no http:// URL")
        return proxy

    def _failure(self, error: Exception, marker: Marker) -> Failure:
        left = marker.left or not isinstance(error, _NOT_SENT)
        if isinstance(error, httpcore.ProxyError):
            left = False  # it refused the connection over which the request would have gone
        words = str(error) or type(error).__name__
        reason = one_line(redacted(self._token.scrub(words)), 160)
        return Failure(reason, left, isinstance(error, _LATE))

    def _begun(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> tuple[Answer, bool]:
        """Give an answer without its body, and tell whether the body may be read."""
        known = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        length = known.get("content-length", "")
        if known.get("content-encoding", "identity").lower() not in {"identity", ""}:
            return Answer(status, known, fault="is compressed, which was not asked for"), False
        if length.isdigit() and (len(length) > 18 or int(length) > MOST_BODY):  # noqa: PLR2004
            return Answer(status, known, fault="is too large"), False
        return Answer(status, known), True

    def _broken(self, answer: Answer, error: Exception) -> Answer:
        late = isinstance(error, _LATE)
        fault = "did not come whole in time" if late else "broke off"
        return Answer(answer.status, answer.headers, fault=fault, late=late)


class Transport(_Common):
    """Requests, one after the other; from any thread."""

    def ask(self, call: Call, deadline: Deadline, marker: Marker) -> Answer | Failure:
        """Send a request to the API, and wait for its answer.

        Args:
            call: What is asked.
            deadline: By when the whole answer must be there.
            marker: Where it is noted that something has left.
        """
        target = self.api_target(call)
        return self._tried(target, call, None, None, deadline, marker)

    def put(
        self, url: Masked, pieces: Iterator[bytes], size: int, deadline: Deadline
    ) -> Answer | Failure:
        """Send a file to the place that the API gave, without a token.

        Args:
            url: The place.
            pieces: The bytes.
            size: How many.
            deadline: By when it must be there.
        """
        target = self.place_target(url)
        return self._tried(target, None, pieces, size, deadline, Marker())

    def _tried(  # noqa: PLR0913, PLR0917  what makes one request
        self,
        target: _Target,
        call: Call | None,
        pieces: Iterator[bytes] | None,
        size: int | None,
        deadline: Deadline,
        marker: Marker,
    ) -> Answer | Failure:
        stray: BaseException
        try:
            return self._exchange(target, call, pieces, size, deadline, marker)
        except PreflightError as error:  # of what was to be sent
            stray = error
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            return self._failure(error, marker)
        except BaseException as error:  # noqa: BLE001  raised again, see _bare
            stray = error
        raise _bare(stray)

    def _exchange(  # noqa: PLR0913, PLR0917
        self,
        target: _Target,
        call: Call | None,
        pieces: Iterator[bytes] | None,
        size: int | None,
        deadline: Deadline,
        marker: Marker,
    ) -> Answer:
        settings = self._settings(target)
        settings["network_backend"] = Backend(deadline, marker, local=target.local)
        kind = httpcore.HTTPProxy if "proxy_url" in settings else httpcore.ConnectionPool
        with (
            kind(**settings) as pool,
            pool.stream(
                "PUT" if call is None else call.method,
                target.url(),
                headers=self.headers(target, call, size),
                content=pieces if call is None else call.body,
            ) as answer,
        ):
            begun, readable = self._begun(answer.status, answer.headers)
            return self._whole(begun, answer.iter_stream()) if readable else begun

    def _whole(self, begun: Answer, parts: Iterator[bytes]) -> Answer:
        kept, length = [], 0
        try:
            for part in parts:
                length += len(part)
                if length > MOST_BODY:
                    return Answer(begun.status, begun.headers, fault="is too large")
                kept.append(part)
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            return self._broken(begun, error)
        return Answer(begun.status, begun.headers, b"".join(kept))


class AsyncTransport(_Common):
    """Requests in an event loop."""

    async def ask(self, call: Call, deadline: Deadline, marker: Marker) -> Answer | Failure:
        """Send a request to the API, and wait for its answer.

        Args:
            call: What is asked.
            deadline: By when the whole answer must be there.
            marker: Where it is noted that something has left.
        """
        target = self.api_target(call)
        return await self._tried(target, call, None, None, deadline, marker)

    async def put(
        self, url: Masked, pieces: AsyncIterator[bytes], size: int, deadline: Deadline
    ) -> Answer | Failure:
        """Send a file to the place that the API gave, without a token.

        Args:
            url: The place.
            pieces: The bytes.
            size: How many.
            deadline: By when it must be there.
        """
        target = self.place_target(url)
        return await self._tried(target, None, pieces, size, deadline, Marker())

    async def _tried(  # noqa: PLR0913, PLR0917  what makes one request
        self,
        target: _Target,
        call: Call | None,
        pieces: AsyncIterator[bytes] | None,
        size: int | None,
        deadline: Deadline,
        marker: Marker,
    ) -> Answer | Failure:
        stray: BaseException
        try:
            return await self._exchange(target, call, pieces, size, deadline, marker)
        except PreflightError as error:  # of what was to be sent
            stray = error
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            return self._failure(error, marker)
        except BaseException as error:  # noqa: BLE001  raised again, see _bare
            stray = error
        raise _bare(stray)

    async def _exchange(  # noqa: PLR0913, PLR0917
        self,
        target: _Target,
        call: Call | None,
        pieces: AsyncIterator[bytes] | None,
        size: int | None,
        deadline: Deadline,
        marker: Marker,
    ) -> Answer:
        settings = self._settings(target)
        settings["network_backend"] = AsyncBackend(deadline, marker, local=target.local)
        proxied = "proxy_url" in settings
        kind = httpcore.AsyncHTTPProxy if proxied else httpcore.AsyncConnectionPool
        async with (
            kind(**settings) as pool,
            pool.stream(
                "PUT" if call is None else call.method,
                target.url(),
                headers=self.headers(target, call, size),
                content=pieces if call is None else call.body,
            ) as answer,
        ):
            begun, readable = self._begun(answer.status, answer.headers)
            return await self._whole(begun, answer.aiter_stream()) if readable else begun

    async def _whole(self, begun: Answer, parts: AsyncIterator[bytes]) -> Answer:
        kept, length = [], 0
        try:
            async for part in parts:
                length += len(part)
                if length > MOST_BODY:
                    return Answer(begun.status, begun.headers, fault="is too large")
                kept.append(part)
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            return self._broken(begun, error)
        return Answer(begun.status, begun.headers, b"".join(kept))


def _bare(error: BaseException) -> BaseException:
    """Give an error without the frames below, whose variables hold headers and URLs."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _parsed(text: str) -> httpx.URL | None:
    try:
        parsed = httpx.URL(text)
        host = parsed.host
    except (httpx.InvalidURL, ValueError, TypeError):
        return None
    named = _HOST.fullmatch(parsed.raw_host)
    if not host or not named or parsed.userinfo or len(text) > MOST_URL:
        return None
    return parsed


def _is_local(host: str) -> bool:
    """Tell whether a host may be this machine; which address it has is checked once more later."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _ssl_context(trust_env: bool) -> ssl.SSLContext:  # noqa: FBT001  the only question
    """Make the context once: reading the certificates takes a while."""
    return httpx.create_ssl_context(trust_env=trust_env)
