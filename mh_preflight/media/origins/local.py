"""A file on this machine, opened once and by nobody else."""

from __future__ import annotations

import os
import stat
import time

from mh_preflight.errors import MediaError

__all__ = ["LocalFile", "identity_of"]

SETTLED_SECONDS = 2.0
"""A file written to later than that may be written to again within one tick of its clock."""

_BLOCK = 512  # the unit of st_blocks, whatever the file system's own
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without writer would be waited for
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def identity_of(status: os.stat_result) -> str:
    """Give what is the same as long as a file is: device, inode, size and time of change."""
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


class LocalFile:
    """An open regular file.

    Args:
        descriptor: An open file descriptor, which is closed with this.
        name: What messages call it.
    """

    far = False

    def __init__(self, descriptor: int, name: str) -> None:
        status = os.fstat(descriptor)
        self.descriptor = descriptor
        self.name, self.size = name, status.st_size
        self.identity: str | None = identity_of(status)
        self.settled = status.st_mtime < time.time() - SETTLED_SECONDS
        self.stored = min(getattr(status, "st_blocks", 0) * _BLOCK, self.size)

    @classmethod
    def open(cls, path: str) -> LocalFile:
        """Open a file: the path goes to `open` and nowhere else, and is just a name.

        Args:
            path: Where it lies.

        Raises:
            MediaError: It is missing, empty, or no regular file.
        """
        try:
            descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            raise _unreadable(path, error) from error
        file = cls(descriptor, path)
        if refusal := _refusal(path, os.fstat(descriptor)):
            file.close()
            raise refusal
        return file

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only where the file ends."""
        try:
            return read_descriptor(self.descriptor, place, length)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def check(self) -> None:
        """Make sure that nobody wrote to it since it was opened."""
        if identity_of(os.fstat(self.descriptor)) != self.identity:
            raise MediaError(
                f"{self.name!r} was changed while it was read: read it again once it is finished",
                code="changed",
                source=self.name,
            )

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


def read_descriptor(descriptor: int, place: int, length: int) -> bytes:
    """Read from an open file at a place, whatever has been read before."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, place)
    os.lseek(descriptor, place, os.SEEK_SET)  # Windows
    return os.read(descriptor, length)


def _unreadable(path: str, error: Exception) -> MediaError:
    if isinstance(error, FileNotFoundError):
        return MediaError(f"there is no file {path!r}", code="not-found", source=path)
    if isinstance(error, IsADirectoryError):
        return MediaError(f"{path!r} is a folder, not a file", code="not-a-file", source=path)
    reason = getattr(error, "strerror", None) or str(error)
    return MediaError(f"{path!r} cannot be opened: {reason}", code="unreadable", source=path)


def _refusal(path: str, status: os.stat_result) -> MediaError | None:
    if stat.S_ISDIR(status.st_mode):
        return MediaError(f"{path!r} is a folder, not a file", code="not-a-file", source=path)
    if not stat.S_ISREG(status.st_mode):
        return MediaError(f"{path!r} is no regular file", code="not-a-file", source=path)
    if status.st_size == 0:
        return MediaError(f"{path!r} is empty", code="empty", source=path)
    return None
