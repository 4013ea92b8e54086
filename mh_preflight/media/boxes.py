"""How is the picture turned, and where are its tables? A bounded walk over mp4 boxes.

PyAV shows the display matrix only with a decoded frame, which costs more than all other facts.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from mmap import mmap
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BoxTrack", "Bytes", "read_track"]

Bytes: TypeAlias = bytes | mmap

MOST_BOXES = 4096
"""Boxes looked at in one file; real ones have dozens."""

MOST_EDITS = 4096
"""Entries read of one edit list."""

_MATRIX = {b"mvhd": (36, 48), b"tkhd": (40, 52)}  # where it stands, in version 0 and in version 1
_TRACK_ID = (12, 20)

_Box: TypeAlias = tuple[bytes, int, int]  # its kind, and where its contents start and end


@dataclass(frozen=True, slots=True)
class BoxTrack:
    """What the boxes of one track say.

    Attributes:
        rotation: Degrees clockwise, 0 to 359; 0 where the matrix makes no sense.
        edits: Pieces of media that the edit list shows; 1 where there is none.
        tables: Where the contents of the sample tables start and end, by kind.
    """

    rotation: int
    edits: int
    tables: Mapping[bytes, tuple[int, int]]


def read_track(file: Bytes, number: int) -> BoxTrack | None:
    """Read one track of an mp4 or mov file.

    Args:
        file: The whole file, read or mapped.
        number: The track's id.

    Returns:
        The track, or None where its header cannot be read.
    """
    left = iter(range(MOST_BOXES))
    whole = (1, 0, 0, 1)
    for _, start, end in _find(file, (0, len(file)), b"moov", left):
        for box in _boxes(file, start, end, left):
            if box[0] == b"mvhd":
                whole = _matrix(file, box) or whole
            elif box[0] == b"trak":
                track = _track(file, box, number, left, whole)
                if track is not None:
                    return track
    return None


def _track(
    file: Bytes,
    trak: _Box,
    number: int,
    left: Iterator[int],
    whole: tuple[int, int, int, int],
) -> BoxTrack | None:
    own, edits = None, 1
    tables: dict[bytes, tuple[int, int]] = {}
    for box in _boxes(file, trak[1], trak[2], left):
        kind, start, end = box
        if kind == b"tkhd":
            own = _matrix(file, box)
            if own is None or _track_id(file, start) != number:
                return None
        elif kind == b"edts":
            for elst in _find(file, (start, end), b"elst", left):
                edits = _edits(file, elst)
        elif kind == b"mdia":
            tables = _tables_of(file, box, left)
    if own is None:
        return None
    (a, b, c, d), (e, f, g, h) = own, whole
    turned = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    return BoxTrack(_degrees(turned), edits, tables)


def _tables_of(file: Bytes, mdia: _Box, left: Iterator[int]) -> dict[bytes, tuple[int, int]]:
    for minf in _find(file, mdia[1:], b"minf", left):
        for stbl in _find(file, minf[1:], b"stbl", left):
            return {kind: (start, end) for kind, start, end in _boxes(file, *stbl[1:], left)}
    return {}


def _find(file: Bytes, place: tuple[int, int], kind: bytes, left: Iterator[int]) -> Iterator[_Box]:
    """Give the first box of a kind, or nothing."""
    for box in _boxes(file, *place, left):
        if box[0] == kind:
            yield box
            return


def _track_id(file: Bytes, start: int) -> int:
    (number,) = struct.unpack_from(">I", file, start + _TRACK_ID[file[start] & 1])
    return int(number)


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
        yield kind, contents, min(start + length, end)
        start += length


def _matrix(file: Bytes, box: _Box) -> tuple[int, int, int, int] | None:
    """Read the four numbers that turn, mirror and scale, or None where the box is cut."""
    kind, start, end = box
    if start >= end:
        return None
    place = start + _MATRIX[kind][file[start] & 1]
    if place + 20 > end:
        return None
    a, b, _, c, d = struct.unpack_from(">5i", file, place)
    return a, b, c, d


def _degrees(matrix: tuple[int, int, int, int]) -> int:
    a, b, c, d = matrix
    if a * d == b * c:  # a matrix that flattens the picture says nothing about how it is turned
        return 0
    return round(math.degrees(math.atan2(b, a))) % 360


def _edits(file: Bytes, box: _Box) -> int:
    _, start, end = box
    if end - start < 8:  # noqa: PLR2004  version, flags and count
        return 1
    (count,) = struct.unpack_from(">I", file, start + 4)
    size, place, kind = (20, 8, ">q") if file[start] == 1 else (12, 4, ">i")
    count = min(count, (end - start - 8) // size, MOST_EDITS)
    starts = (
        struct.unpack_from(kind, file, start + 8 + number * size + place)[0]
        for number in range(count)
    )
    return sum(start != -1 for start in starts)
