"""What does every source have in common? A name, a size, and bytes at a place."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Protocol

from mh_preflight.errors import MediaError

if TYPE_CHECKING:
    from mh_preflight.media.limits import Budget

__all__ = ["Content", "Stream"]

WHILE_OPENING = 64 << 20
"""Bytes that may be read before it is known what a file is; real ones need a few."""


READ_WHOLE = 256 << 20
"""Bytes that are read at once where a reader asks for all of them, as those of HEIC and WebP do."""


class Content(Protocol):
    """The bytes of one source.

    Attributes:
        name: What messages call it.
        size: Bytes in all.
        stored: Bytes that are really on a disk of this machine; 0 for what lies elsewhere.
        far: Each read costs a request, so that only what is needed should be read.
        identity: What is the same as long as the content is, or None where nothing tells.
        settled: Any change from now on will show in the identity.
    """

    name: str
    size: int
    stored: int
    far: bool
    identity: str | None
    settled: bool

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only where the content ends.

        Raises:
            MediaError: They cannot be read.
        """
        ...

    def check(self) -> None:
        """Make sure that the content is still what it was when it was opened.

        Raises:
            MediaError: It has changed.
        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class Stream(io.RawIOBase):
    """A content as the file object that PyAV and Pillow read.

    PyAV copies whatever `read` returns, past the end of its buffer, and goes on calling after an
    exception: so this never returns more than was asked for and never raises. It ends early and
    keeps the reason. It has no name, because FFmpeg would choose a format by it.

    Args:
        content: The source.
        budget: The processor time after which there is nothing more to read.

    Attributes:
        failure: Why it ended early, if so.
    """

    def __init__(self, content: Content, budget: Budget) -> None:
        super().__init__()
        self.failure: MediaError | None = None
        self._content = content
        self._budget = budget
        self._place = 0
        self._left: float = WHILE_OPENING
        self._wall = range(0)

    def opened(self) -> None:
        """Lift what holds only as long as it is not known what the file is.

        Raises:
            MediaError: It ended early.
        """
        if self.failure is not None:
            raise self.failure
        self._left = float("inf")
        self._wall = range(0)

    def raise_failure(self) -> None:
        """Raise why it ended early; that it was for lack of time shows in the budget.

        Raises:
            MediaError: The content could not be read.
        """
        if self.failure is not None and self.failure.code != "too-slow":
            raise self.failure

    def keep_out(self, places: range) -> None:
        """Let no read begin there until it is opened: the content seems to end."""
        self._wall = places

    def read(self, length: int = -1) -> bytes:
        """Read on; nothing at the end, or where it may not go on."""
        rest = self._content.size - self._place
        if length < 0 and rest > READ_WHOLE:
            self._end("is too large to be read whole, as its format needs", "too-large")
        length = rest if length < 0 else min(length, rest)
        if length <= 0 or self.failure is not None or self._place in self._wall:
            return b""
        if self._left < length:
            self._end("needs too much of the file before it shows what it is", "too-costly")
            return b""
        if self._budget.spent:
            self._end("takes too long to read", "too-slow")
            return b""
        try:
            data = self._content.read_at(self._place, length)[:length]
        except MediaError as error:
            self.failure = error
            return b""
        self._left -= len(data)
        self._place += len(data)
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        start = {os.SEEK_CUR: self._place, os.SEEK_END: self._content.size}.get(whence, 0)
        self._place = max(0, start + place)
        return self._place

    def tell(self) -> int:
        """Give the place."""
        return self._place

    def seekable(self) -> bool:
        """Say that any place can be read."""
        return True

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def _end(self, reason: str, code: str) -> None:
        name = self._content.name
        self.failure = MediaError(f"{name!r} {reason}", code=code, source=name)
