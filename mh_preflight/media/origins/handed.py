"""What a caller hands over: bytes, or a binary file that is open already."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any

from mh_preflight.errors import InputError, MediaError
from mh_preflight.units import one_line

__all__ = ["InMemory", "OpenFile"]


class InMemory:
    """Bytes that the caller holds.

    Args:
        data: The whole content.

    Raises:
        MediaError: There are none.
    """

    name, far, settled = "<bytes>", False, False
    identity: str | None = None

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        self._view = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
        self.size = self.stored = len(self._view)
        if not self.size:
            raise MediaError("there are no bytes to read", code="empty", source=self.name)

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only at the end."""
        return bytes(self._view[place : place + length])

    def check(self) -> None:
        """Nothing to check: nobody else writes to them."""

    def close(self) -> None:
        """Let go of the buffer."""
        self._view.release()


class OpenFile:
    """A binary file object; where it stands is the same afterwards.

    Args:
        file: Anything with `read`, `seek` and `tell` that gives bytes, as `open(path, "rb")` does.

    Raises:
        InputError: It is no binary file, or one that cannot go back.
        MediaError: It is empty or cannot be read.
    """

    far, settled = False, False
    identity: str | None = None

    def __init__(self, file: Any) -> None:
        self.name = _name_of(file)
        self._file = file
        self._back = 0
        try:
            self._back = file.tell()
            file.seek(0, os.SEEK_END)
            self.size = self.stored = file.tell()
            text = not isinstance(file.read(0), bytes)
        except Exception as error:
            self.close()
            if isinstance(error, AttributeError | TypeError | ValueError) or _is_a_pipe(error):
                raise InputError(
                    f"source: the open file {self.name!r} cannot be read at any place "
                    f"({one_line(str(error), 120)})",
                    field="source",
                ) from error
            raise self._unreadable(error) from error
        if text:
            self.close()
            raise InputError(f"source: {self.name!r} is open as text, not as bytes", field="source")
        if not self.size:
            self.close()
            raise MediaError(f"{self.name!r} is empty", code="empty", source=self.name)

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only at the end."""
        try:
            self._file.seek(place)
            parts = []
            while length > 0 and (part := self._file.read(length)):
                parts.append(bytes(part[:length]))  # some give more than was asked for
                length -= len(parts[-1])
        except Exception as error:
            raise self._unreadable(error) from error
        return b"".join(parts)

    def check(self) -> None:
        """Nothing to check: what it reads from is the caller's."""

    def close(self) -> None:
        """Put the file back where it stood; it stays open."""
        with contextlib.suppress(Exception):
            self._file.seek(self._back)

    def _unreadable(self, error: Exception) -> MediaError:
        reason = one_line(str(error) or type(error).__name__, 120)
        return MediaError(f"{self.name!r} cannot be read: {reason}", source=self.name)


def _is_a_pipe(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.ESPIPE


def _name_of(file: Any) -> str:
    name = getattr(file, "name", None)
    return os.fsdecode(name) if isinstance(name, str | bytes) else "<open file>"
