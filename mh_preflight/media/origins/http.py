"""A file behind a URL, read by ranges, from public addresses only and against the clock.

httpx is not used for the transfer itself but what it is built on: only there can the address that
was checked be the one that is connected to, and each read be held to one deadline.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from mh_preflight.errors import MediaError
from mh_preflight.media.limits import NEAR
from mh_preflight.media.origins.addresses import resolved
from mh_preflight.media.origins.far import (
    HEAD,
    Deadline,
    Pieces,
    remote_identity,
    shown_url,
)
from mh_preflight.units import one_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from mh_preflight.media.limits import Limits

__all__ = ["RemoteFile"]

MOST_REDIRECTS = 5
LEAST_TRY = 2.0  # seconds to connect to one of several addresses
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_WHOLE, _PART = 200, 206
_MOST_URL = 8192


class RemoteFile:
    """A file on a server that is asked for ranges of it.

    Args:
        url: An `https://` URL.
        limits: Time, bytes, and what else may be connected to.

    Raises:
        MediaError: It cannot be read, or may not be.
    """

    far, stored, settled = True, 0, True

    def __init__(self, url: str, limits: Limits) -> None:
        self.name = shown_url(url)
        self.size = 0
        self.identity: str | None = None
        self._limits = limits
        self._ahead = min(HEAD, int(limits.remote_bytes))
        self._deadline = Deadline(limits.remote_seconds, self.name)
        self._url = self._parsed(url)
        self._pool: httpcore.ConnectionPool | None = None
        try:
            head = self._first(self._url)
        except BaseException:
            self.close()
            raise
        self._pieces = Pieces(
            self.size, self._range, most=max(limits.remote_bytes, len(head)), name=self.name
        )
        self._pieces.keep(0, head)

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only where the file ends."""
        return self._pieces.read_at(place, length)

    def check(self) -> None:
        """Nothing to check: each answer was held to the first one's ETag and size."""

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _parsed(self, url: str) -> httpx.URL:
        try:
            parsed = httpx.URL(url)
            host = parsed.host
        except (httpx.InvalidURL, ValueError, TypeError):
            raise self._error("is no URL", "bad-url") from None
        allowed = {"https", "http"} if self._limits.allow_http else {"https"}
        if parsed.scheme not in allowed:
            raise self._error(
                f"has the scheme {parsed.scheme!r}; only https is read, and http where "
                "Limits(allow_http=True) or --allow-http says so",
                "bad-url",
            )
        if parsed.userinfo or not host or len(url) > _MOST_URL:
            raise self._error("carries a password, no host, or is too long", "bad-url")
        return parsed

    def _first(self, url: httpx.URL) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            status, headers, body = self._get(url, 0, self._ahead)
            if status not in _REDIRECTS:
                self._url = url
                return self._head(status, headers, body)
            target = headers.get(b"location", b"").decode("latin-1")
            try:
                url = self._parsed(str(url.join(target)))
            except (httpx.InvalidURL, ValueError):
                raise self._error("leads to what is no URL", "bad-url") from None
        raise self._error(f"leads on more than {MOST_REDIRECTS} times", "redirects")

    def _head(self, status: int, headers: dict[bytes, bytes], body: bytes) -> bytes:
        self._version = _version(headers)
        if status == _WHOLE:
            self.size = len(body)
        else:
            self.size = self._checked_range(headers, 0, self._ahead, len(body))
        if not self.size:
            raise self._error("is empty", "empty")
        etag = headers.get(b"etag", b"")
        if etag and not etag.startswith(b"W/"):  # a weak one may stay the same while bytes change
            self.identity = remote_identity(str(self._url), self.size, etag.decode("latin-1"))
        return body

    def _range(self, start: int, end: int) -> bytes:
        status, headers, body = self._get(self._url, start, end)
        if status != _PART or _version(headers) != self._version:
            raise self._error("was changed while it was read", "changed")
        if self._checked_range(headers, start, end, len(body)) != self.size:
            raise self._error("was changed while it was read", "changed")
        return body

    def _checked_range(self, headers: dict[bytes, bytes], start: int, end: int, got: int) -> int:
        found = _RANGE.fullmatch(headers.get(b"content-range", b"").decode("latin-1"))
        if found is None:
            raise self._error("was sent in part without saying which", "bad-range")
        first, last, size = (int(number) for number in found.groups())
        if (first, last) != (start, min(end, size) - 1) or got != last - first + 1:
            raise self._error("was sent in other parts than were asked for", "bad-range")
        return size

    def _get(self, url: httpx.URL, start: int, end: int) -> tuple[int, dict[bytes, bytes], bytes]:
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=_ssl_context() if url.scheme == "https" else None,
                max_connections=1,
                network_backend=_Backend(self._deadline, allow_private=self._limits.allow_private),
            )
        headers = [
            (b"Host", url.netloc),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
            (b"Range", b"bytes=%d-%d" % (start, end - 1)),
            (b"User-Agent", b"mh-preflight"),
        ]
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        try:
            with self._pool.stream("GET", target, headers=headers) as answer:
                known = {name.lower(): value for name, value in answer.headers}
                self._refuse(answer.status, known)
                most = 0 if answer.status in _REDIRECTS else end - start
                if answer.status == _WHOLE:
                    most = min(NEAR, self._limits.remote_bytes)
                return answer.status, known, self._body(answer.iter_stream(), known, most)
        except MediaError as error:
            error.source = error.source or self.name
            raise
        except (httpcore.TimeoutException, TimeoutError):
            raise self._deadline.over() from None
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            self._deadline.left  # noqa: B018  past it, that is the reason
            reason = one_line(str(error) or type(error).__name__, 120)
            raise self._error(f"cannot be fetched: {reason}", "network") from None

    def _refuse(self, status: int, headers: dict[bytes, bytes]) -> None:
        if status in _REDIRECTS:
            return
        if status not in {_WHOLE, _PART} or (status == _WHOLE and self.size):
            later = one_line(headers.get(b"retry-after", b"").decode("latin-1"), 40)
            hint = f", to be tried again after {later}" if later else ""
            raise self._error(f"was not sent: the server answered {status}{hint}", "http-status")
        if headers.get(b"content-encoding", b"identity").lower() not in {b"identity", b""}:
            raise self._error("is only sent compressed", "encoded")

    def _body(self, parts: Iterable[bytes], headers: dict[bytes, bytes], most: int) -> bytes:
        claimed = headers.get(b"content-length", b"0")
        if most and claimed.isdigit() and int(claimed) > most:
            raise self._too_much(most)
        kept, length = [], 0
        for part in parts:
            length += len(part)
            if most and length > most:
                raise self._too_much(most)
            if not most:
                break
            kept.append(part)
        return b"".join(kept)

    def _too_much(self, most: int) -> MediaError:
        return self._error(
            f"is sent whole or in larger parts than were asked for, which is read only up to "
            f"{most:,} bytes: download it first",
            "no-ranges",
        )

    def _error(self, what: str, code: str) -> MediaError:
        return MediaError(f"{self.name!r} {what}", code=code, source=self.name)


def _version(headers: dict[bytes, bytes]) -> bytes | None:
    return headers.get(b"etag", headers.get(b"last-modified"))


@cache
def _ssl_context() -> ssl.SSLContext:
    """Make the context once: reading the certificates takes longer than many a probe."""
    return httpx.create_ssl_context(trust_env=False)


class _Backend(httpcore.NetworkBackend):
    """Connect to the addresses that were checked, and hold every read and write to the deadline."""

    def __init__(self, deadline: Deadline, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  the deadline is the one that counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = resolved(host, port, self._deadline, allow_private=self._allow_private)
        fault: Exception | None = None
        for tried, address in enumerate(addresses):
            left = self._deadline.left
            share = max(LEAST_TRY, left / (len(addresses) - tried))  # one may be dead
            try:
                stream = self._real.connect_tcp(
                    address, port, min(left, share), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _TimedStream(stream, self._deadline)
        raise fault or httpcore.ConnectError("no address")


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left)
        return _TimedStream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
