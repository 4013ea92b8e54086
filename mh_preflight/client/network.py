"""Connections of which each read and write is held to one deadline, and that tell what has left.

httpx's timeouts are for each read, so that an answer that drips never times out; and only here can
it be known whether the first byte of a request was written. So httpx is not used for the transfer
itself but what it is built on. A connection serves one request: a reused one may be closed by the
server just as the request is written.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpcore

from mh_preflight.errors import DeadlineError, MediaError
from mh_preflight.media.origins import far

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

__all__ = ["AsyncBackend", "Backend", "Deadline", "Marker"]

LEAST_TRY = 2.0  # seconds to connect to one of several addresses
PIECE = 16 << 10
"""Bytes that are written at once, so that a peer that takes them slowly meets the deadline."""


class Deadline:
    """A time on the clock on the wall.

    Args:
        seconds: From now on.
    """

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; 0 where it is over."""
        return max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.left <= 0

    def check(self, message: str) -> None:
        """Raise where it has passed.

        Args:
            message: What the error says.

        Raises:
            DeadlineError: It has.
        """
        if self.over:
            raise DeadlineError(message)

    def at_most(self, seconds: float) -> Deadline:
        """Give a deadline that is not later than this one, nor further away than some seconds."""
        return Deadline(min(self.left, seconds))


@dataclass(slots=True)
class Marker:
    """What is known of a request while it is on its way.

    Attributes:
        left: Whether a byte of it may have left this machine.
    """

    left: bool = False


class _Held:
    """What the connections of both kinds have in common."""

    def __init__(self, deadline: Deadline, marker: Marker, *, local: bool) -> None:
        self._deadline, self._marker, self._local = deadline, marker, local

    def connecting(self, addresses: int) -> float:
        """Give the seconds for one of so many addresses."""
        left = self._left(httpcore.ConnectTimeout)
        return min(left, max(LEAST_TRY, left / addresses))

    def allowed(self, found: Iterable[Any]) -> list[str]:
        """Give the addresses of a name; where it is not encrypted, only those of this machine."""
        known = list(dict.fromkeys(str(info[4][0]) for info in found))
        if self._local:
            known = [each for each in known if ip_address(each.partition("%")[0]).is_loopback]
        if not known:
            raise httpcore.ConnectError("http is spoken to this machine only")
        return known

    def _left(self, late: type[Exception]) -> float:
        left = self._deadline.left
        if left <= 0:
            raise late("the time was up")
        return left


class Backend(_Held, httpcore.NetworkBackend):
    """Connect within a deadline.

    Args:
        deadline: By when all has to be done.
        marker: Where it is noted that something has left.
        local: Connect to this machine only.
    """

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  the deadline is the one that counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        addresses = self.allowed(self._resolved(host, port))
        fault: Exception | None = None
        for tried, address in enumerate(addresses):
            within = self.connecting(len(addresses) - tried)
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, within, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _Stream(stream, self._deadline, self._marker)
        raise fault or httpcore.ConnectError("no address")

    def _resolved(self, host: str, port: int) -> Any:
        asking = far.Deadline(self._left(httpcore.ConnectTimeout), host)
        try:
            return asking.call(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except MediaError:
            raise httpcore.ConnectTimeout("its name could not be looked up in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("its name is not known") from None


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline, marker: Marker) -> None:
        self._stream, self._deadline, self._marker = stream, deadline, marker

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), PIECE):
            left = _left(self._deadline, httpcore.WriteTimeout)
            self._marker.left = True
            self._stream.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, httpcore.ConnectTimeout)
        secure = self._stream.start_tls(ssl_context, server_hostname, left)
        self._marker.left = False  # what was written before asked a proxy for the connection
        return _Stream(secure, self._deadline, self._marker)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncBackend(_Held, httpcore.AsyncNetworkBackend):
    """Connect within a deadline, in an event loop.

    Args:
        deadline: By when all has to be done.
        marker: Where it is noted that something has left.
        local: Connect to this machine only.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        addresses = self.allowed(await self._resolved(host, port))
        fault: Exception | None = None
        for tried, address in enumerate(addresses):
            within = self.connecting(len(addresses) - tried)
            try:
                stream = await httpcore.AnyIOBackend().connect_tcp(
                    address, port, within, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _AsyncStream(stream, self._deadline, self._marker)
        raise fault or httpcore.ConnectError("no address")

    async def _resolved(self, host: str, port: int) -> Any:
        left = self._left(httpcore.ConnectTimeout)
        asking = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        try:
            return await asyncio.wait_for(asking, left)
        except TimeoutError:
            raise httpcore.ConnectTimeout("its name could not be looked up in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("its name is not known") from None


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(
        self, stream: httpcore.AsyncNetworkStream, deadline: Deadline, marker: Marker
    ) -> None:
        self._stream, self._deadline, self._marker = stream, deadline, marker

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        return await self._stream.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        for start in range(0, len(buffer), PIECE):
            left = _left(self._deadline, httpcore.WriteTimeout)
            self._marker.left = True
            await self._stream.write(buffer[start : start + PIECE], left)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        left = _left(self._deadline, httpcore.ConnectTimeout)
        secure = await self._stream.start_tls(ssl_context, server_hostname, left)
        self._marker.left = False  # what was written before asked a proxy for the connection
        return _AsyncStream(secure, self._deadline, self._marker)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: Deadline, late: type[Exception]) -> float:
    left = deadline.left
    if left <= 0:
        raise late("the time was up")
    return left
