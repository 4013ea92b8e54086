"""How is the picture turned? The display matrix in `tkhd`, from a bounded walk over mp4 boxes.

PyAV shows the matrix only with a decoded frame, which costs more than all other facts together.
"""

from __future__ import annotations

import math
import struct
from mmap import mmap
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bytes", "track_rotations"]

Bytes: TypeAlias = bytes | mmap

MOST_BOXES = 4096
"""Boxes looked at in one file; real ones have dozens."""

_TKHD_LENGTHS = {0: 84, 1: 96}  # by version, without the box header


class _Box(NamedTuple):
    kind: bytes
    start: int  # of the contents
    end: int


def track_rotations(file: Bytes) -> dict[int, int]:
    """Read how each track of an mp4 or mov file is turned.

    Args:
        file: The whole file, read or mapped.

    Returns:
        Degrees clockwise (0 to 359) by track id; tracks whose matrix makes no sense are absent.
    """
    left = iter(range(MOST_BOXES))
    rotations: dict[int, int] = {}
    for moov in _boxes(file, 0, len(file), left):
        if moov.kind != b"moov":
            continue
        for trak in _boxes(file, moov.start, moov.end, left):
            if trak.kind != b"trak":
                continue
            for tkhd in _boxes(file, trak.start, trak.end, left):
                if tkhd.kind == b"tkhd":
                    rotations |= _rotation(
                        file[tkhd.start : min(tkhd.end, tkhd.start + _TKHD_LENGTHS[1])]
                    )
                    break
        break
    return rotations


def _boxes(file: Bytes, start: int, end: int, left: Iterator[int]) -> Iterator[_Box]:
    while start + 8 <= end and next(left, None) is not None:
        length, kind = struct.unpack_from(">I4s", file, start)
        contents = start + 8
        if length == 1 and start + 16 <= end:  # a 64-bit length follows
            (length,) = struct.unpack_from(">Q", file, contents)
            contents = start + 16
        elif length == 0:
            length = end - start
        if length < contents - start:
            return
        yield _Box(kind, contents, min(start + length, end))
        start += length


def _rotation(tkhd: bytes) -> dict[int, int]:
    version = tkhd[0] if tkhd else 0
    length = _TKHD_LENGTHS.get(version)
    if length is None or len(tkhd) < length:
        return {}
    (track,) = struct.unpack_from(">I", tkhd, 20 if version else 12)
    a, b, _, c, d = struct.unpack_from(">5i", tkhd, length - 44)
    if a * d == b * c:  # a matrix that flattens the picture says nothing about how it is turned
        return {}
    return {track: round(math.degrees(math.atan2(b, a))) % 360}
