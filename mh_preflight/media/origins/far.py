"""What lies elsewhere is read in few, growing pieces, each of which is kept."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from mh_preflight.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HEAD", "Deadline", "Pieces", "redacted", "remote_identity", "shown_url"]

HEAD = 64 << 10
"""Bytes of the first read: the header of most files, and the whole of small ones."""

BLOCK = 32 << 10  # what FFmpeg reads at a time
JUMP = 256 << 10  # read ahead after a jump, doubled as long as reading goes straight on
MOST_AHEAD = 4 << 20
TAIL = 1 << 20  # within so much of the end, all of it is read: an index often lies there

_Answer = TypeVar("_Answer")


def shown_url(url: str) -> str:
    """Give a URL as messages may show it: without a password and without a signed query.

    Example:
        >>> shown_url("https://me:secret@example.com/a.mp4?X-Signature=1")
        'https://example.com/a.mp4'
    """
    if "://" not in url:
        return url  # a path
    scheme, separator, rest = re.split("[?#]", url, maxsplit=1)[0].partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}"[:200]


def redacted(text: str) -> str:
    """Give text of others with every URL in it as messages may show it.

    Example:
        >>> redacted("denied: https://example.com/a.mp4?X-Signature=1")
        'denied: https://example.com/a.mp4'
    """
    return re.sub(r"\w+://\S+", lambda found: shown_url(found[0]), text)


def remote_identity(url: str, size: int, version: str) -> str:
    """Give what a content elsewhere is known by; hashed, because the query of a URL may be a key.

    Args:
        url: Where it lies, whole.
        size: Its bytes.
        version: What its server or store calls this version.
    """
    return f"{hashlib.sha256(url.encode('utf-8', 'replace')).hexdigest()[:32]}:{size}:{version}"


class Deadline:
    """The time by which all that is read of one source must be there.

    Args:
        seconds: From now on.
        name: What messages call the source.
    """

    def __init__(self, seconds: float, name: str) -> None:
        self._seconds, self._name = seconds, name
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left.

        Raises:
            MediaError: None.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> MediaError:
        """Give the error that says that the time is up."""
        return MediaError(
            f"{self._name!r} did not answer in full within {self._seconds:g} s",
            code="timeout",
            source=self._name,
        )

    def call(self, work: Callable[[], _Answer]) -> _Answer:
        """Do what cannot be given a deadline of its own, such as a look-up of a name.

        Raises:
            MediaError: The time is up; the work is left to itself.
        """
        answers: list[_Answer] = []
        faults: list[BaseException] = []

        def run() -> None:
            try:
                answers.append(work())
            except BaseException as error:  # noqa: BLE001  raised again where it is waited for
                faults.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(self.left)
        if faults:
            raise faults[0]
        if not answers:
            raise self.over()
        return answers[0]


class Pieces:
    """The pieces of a source that have been read, and the reading of those that are missing.

    Args:
        size: Bytes of the whole.
        fetch: Reads the bytes from one place up to another, all of them.
        most: Bytes that may be read in all.
        name: What messages call the source.
    """

    def __init__(
        self, size: int, fetch: Callable[[int, int], bytes], *, most: int, name: str
    ) -> None:
        self._size, self._fetch, self._left, self._name = size, fetch, most, name
        self._blocks: dict[int, bytes] = {}
        self._last, self._ahead = -1, 0

    def keep(self, place: int, data: bytes) -> None:
        """Keep a piece that starts at a whole block."""
        self._left -= len(data)
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            if len(block) == BLOCK or place + start + len(block) == self._size:
                self._blocks[(place + start) // BLOCK] = block
        self._last = place + len(data)

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only at the end.

        Raises:
            MediaError: More of the source would be read than may be, or it cannot be read.
        """
        end = min(place + length, self._size)
        if place >= end:
            return b""
        first, last = place // BLOCK, (end - 1) // BLOCK
        for block in range(first, last + 1):
            if block not in self._blocks:
                self._read_from(block * BLOCK, (last + 1) * BLOCK)
        whole = b"".join(self._blocks[block] for block in range(first, last + 1))
        return whole[place - first * BLOCK : end - first * BLOCK]

    def _read_from(self, start: int, wanted: int) -> None:
        straight_on = start == self._last
        self._ahead = min(max(2 * self._ahead, JUMP), MOST_AHEAD) if straight_on else JUMP
        end = min(max(start + self._ahead, wanted), self._size)
        if self._size - start <= TAIL:
            end = self._size
        if end - start > self._left:
            raise MediaError(
                f"{self._name!r}: more of it would have to be read than is allowed; "
                "download it first",
                code="too-costly",
                source=self._name,
            )
        self.keep(start, self._fetch(start, end))
