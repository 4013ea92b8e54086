"""Where do newer rates come from? One small archive, fetched once, whole, and against the clock."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import RateFileError
from mh_preflight.rates.loading import read_small
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

__all__ = ["MOST_FETCHED", "UNREACHABLE", "fetch_archive"]

MOST_FETCHED = 2_000_000
"""Bytes of an archive; all rates together have a tenth of that."""

UNREACHABLE = "unreachable"
"""The code of the error where the server gives nothing, so that the file may be as good as ever."""

FINE, SERVER_FAULT = 200, 500


def fetch_archive(place: str, *, allow_http: bool = False, seconds: float = 30.0) -> bytes:
    """Get an archive of rates from a URL, or from a file.

    Args:
        place: An `https://` URL, or a path.
        allow_http: Take `http://` too.
        seconds: The time in which all of it must be there.

    Raises:
        RateFileError: It cannot be had, is too large, or did not come whole; its code is
            `unreachable` where the server, and not the file, is what fails.
    """
    if "://" not in place:
        return read_small(Path(place), MOST_FETCHED)
    fetch = _Fetch(place, allow_http=allow_http, seconds=seconds)
    thread = threading.Thread(target=fetch.run, daemon=True)  # a look-up of a name has no deadline
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        fetch.give_up()
        raise fetch.unreachable(f"did not come whole within {seconds:g} s")
    if fetch.failed is not None:
        raise fetch.failed
    return fetch.body


class _Fetch:
    """One request, which ends by itself soon after nobody waits for it any more."""

    def __init__(self, place: str, *, allow_http: bool, seconds: float) -> None:
        import httpx

        try:
            url = httpx.URL(place)
            host, shown = url.host, url.netloc.decode("ascii")  # host and port, and no password
        except (httpx.InvalidURL, ValueError, TypeError):
            raise RateFileError(f"{one_line(place, 200)!r} is no URL") from None
        self._shown = one_line(f"{url.scheme}://{shown}{url.path}", 200)  # a query may be a key
        if url.scheme not in ({"https", "http"} if allow_http else {"https"}):
            raise self.error(
                f"has the scheme {url.scheme!r}: only https is fetched, and http where "
                "--allow-http says so"
            )
        if not host or url.userinfo:
            raise self.error("carries no host, or a password")
        self._url, self._end = url, time.monotonic() + seconds
        self._client = httpx.Client(
            follow_redirects=False, trust_env=False, timeout=min(seconds, 10.0)
        )
        self.body = b""
        self.failed: RateFileError | None = None

    def run(self) -> None:
        """Fetch it."""
        import httpx

        headers = {"Accept-Encoding": "identity", "User-Agent": "mh-preflight"}
        try:
            with self._client, self._client.stream("GET", self._url, headers=headers) as answer:
                length = self._length(answer)
                self.body = self._read(answer.iter_raw(), length)
        except RateFileError as error:
            self.failed = error
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
            reason = one_line(str(error) or type(error).__name__, 160)
            self.failed = self.unreachable(f"cannot be fetched: {reason}")
        except Exception as error:  # noqa: BLE001  whatever a server can provoke in the transfer
            self.failed = self.unreachable(f"cannot be fetched: {type(error).__name__}")

    def give_up(self) -> None:
        """Let what still waits for the server fail."""
        self._end = 0.0
        self._client.close()

    def error(self, what: str) -> RateFileError:
        """Give the error that says what is wrong with the archive."""
        return RateFileError(f"{self._shown!r} {what}", source=self._shown)

    def unreachable(self, what: str) -> RateFileError:
        """Give the error that says that the server did not give the archive."""
        return RateFileError(f"{self._shown!r} {what}", code=UNREACHABLE, source=self._shown)

    def _length(self, answer: httpx.Response) -> int:
        """Give the length that the server announces.

        Raises:
            RateFileError: There is none, it is too much, or it is no plain answer.
        """
        headers: Any = answer.headers
        if answer.is_redirect:
            target = one_line(headers.get("location", "").partition("?")[0], 200)
            if not target:
                raise self.error(f"was not sent: the server answered {answer.status_code}")
            raise self.error(f"leads on to {target!r}: give that address, if you trust it")
        if answer.status_code >= SERVER_FAULT:
            raise self.unreachable(f"was not sent: the server answered {answer.status_code}")
        if answer.status_code != FINE:
            raise self.error(f"was not sent: the server answered {answer.status_code}")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise self.error("is only sent compressed")
        claimed = headers.get("content-length", "")
        if "transfer-encoding" in headers or not (claimed.isascii() and claimed.isdigit()):
            raise self.error("was sent without its length, so that it may not be whole")
        if len(claimed) > len(str(MOST_FETCHED)) or int(claimed) > MOST_FETCHED:
            raise self.error(f"is larger than {MOST_FETCHED:,} bytes and no archive of rates")
        return int(claimed)

    def _read(self, parts: Iterable[bytes], length: int) -> bytes:
        kept, got = [], 0
        for part in parts:
            kept.append(part)
            got += len(part)
            if time.monotonic() > self._end:
                raise self.unreachable(f"did not come in time: {got:,} of {length:,} bytes")
            if got > length:
                break
        if got != length:
            raise self.error(f"did not come whole: {got:,} of {length:,} bytes")
        return b"".join(kept)
