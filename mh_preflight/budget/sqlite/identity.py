"""Is a name still the file that it was? Asked without asking for the file's times.

Linux (from 6.13 on) stamps a file anew at the next write once someone has asked for its times, and
a write that has to be on the disk then waits for the file system's journal too: asked by `stat`
before each commit, a transaction took a fifth longer.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["FileId", "file_id"]

_HERE = -100  # AT_FDCWD
_WANTED = 0x100 | 0x4  # STATX_INO, STATX_NLINK
_ANSWER = struct.Struct(
    "=I12xI12xQ96xII112x"
)  # of `struct statx`: what is told, links, number, device


class FileId(NamedTuple):
    """What a name stands for.

    Attributes:
        device: Where the file lies.
        number: Which file it is there.
        names: How many names it has.
    """

    device: int
    number: int
    names: int


def file_id(path: str) -> FileId:
    """Tell which file a path stands for.

    Args:
        path: The path; a link stands for what it leads to.

    Raises:
        OSError: There is none, or it cannot be looked at.
    """
    ask = _statx()
    found = None if ask is None else ask(path)
    return _stat(path) if found is None else found


def _stat(path: str) -> FileId:
    found = os.stat(path)  # noqa: PTH116  a third of the time
    return FileId(found.st_dev, found.st_ino, found.st_nlink)


@lru_cache(maxsize=1)
def _statx() -> Callable[[str], FileId | None] | None:
    """Find the call; None where there is none: another system, an old library or an old kernel."""
    try:
        import ctypes

        call: Any = ctypes.CDLL(None, use_errno=True).statx
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    kinds = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p)
    call.argtypes = kinds

    def ask(path: str) -> FileId | None:
        answer = ctypes.create_string_buffer(_ANSWER.size)
        if call(_HERE, os.fsencode(path), 0, _WANTED, answer):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        told, names, inode, major, minor = _ANSWER.unpack(answer)
        if told & _WANTED != _WANTED:  # a file system that does not tell
            return None
        return FileId(os.makedev(major, minor), inode, names)

    try:
        ask("/")
    except OSError:
        return None
    return ask
