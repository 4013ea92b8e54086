"""How is the picture turned, and in which order is it shown? A bounded walk over mp4 boxes.

PyAV shows the display matrix only with a decoded frame, and its sample index knows when a sample is
decoded, but not when it is shown (`ctts`). Either would cost more than all other facts together.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from mmap import mmap
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["BoxTrack", "Bytes", "read_tracks"]

Bytes: TypeAlias = bytes | mmap

MOST_BOXES = 4096
"""Boxes looked at in one file; real ones have dozens."""

MOST_RUNS = 1 << 20
"""Entries read of one table, each a run of samples."""

_PATH = {b"trak": (b"edts", b"mdia"), b"mdia": (b"minf",), b"minf": (b"stbl",)}
_MATRIX = {b"mvhd": (36, 48), b"tkhd": (40, 52)}  # where it stands, in version 0 and in version 1
_TRACK_ID = (12, 20)


@dataclass(frozen=True, slots=True)
class BoxTrack:
    """What the boxes of one track say.

    Attributes:
        rotation: Degrees clockwise, 0 to 359; 0 where the matrix makes no sense.
        edits: Pieces of media that the edit list shows; 1 where there is none.
        delays: For runs of samples in the order of decoding: how many, and how much later than
            decoded they are shown, in ticks; int64, shape (runs, 2). None where all are shown as
            they are decoded.
    """

    rotation: int
    edits: int
    delays: npt.NDArray[np.int64] | None


class _Box(NamedTuple):
    kind: bytes
    start: int  # of the contents
    end: int


def read_tracks(file: Bytes) -> dict[int, BoxTrack]:
    """Read the tracks of an mp4 or mov file.

    Args:
        file: The whole file, read or mapped.

    Returns:
        The tracks by id; those whose header cannot be read are absent.
    """
    left = iter(range(MOST_BOXES))
    moov = next((box for box in _boxes(file, 0, len(file), left) if box.kind == b"moov"), None)
    if moov is None:
        return {}
    whole = (1, 0, 0, 1)
    tracks: dict[int, BoxTrack] = {}
    for box in _boxes(file, moov.start, moov.end, left):
        if box.kind == b"mvhd":
            whole = _matrix(file, box) or whole
        elif box.kind == b"trak":
            tracks |= _track(file, box, left, whole)
    return tracks


def _track(
    file: Bytes, trak: _Box, left: Iterator[int], whole: tuple[int, int, int, int]
) -> dict[int, BoxTrack]:
    tables = {box.kind: box for box in _tables(file, trak, left)}
    tkhd = tables.get(b"tkhd")
    own = _matrix(file, tkhd) if tkhd else None
    if tkhd is None or own is None:
        return {}
    (number,) = struct.unpack_from(">I", file, tkhd.start + _TRACK_ID[file[tkhd.start] & 1])
    (a, b, c, d), (e, f, g, h) = own, whole
    turned = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    edits = _edits(file, tables[b"elst"]) if b"elst" in tables else 1
    delays = _delays(file, tables[b"ctts"]) if b"ctts" in tables else None
    return {number: BoxTrack(_degrees(turned), edits, delays)}


def _tables(file: Bytes, parent: _Box, left: Iterator[int]) -> Iterator[_Box]:
    for box in _boxes(file, parent.start, parent.end, left):
        yield box
        if box.kind in _PATH.get(parent.kind, ()):
            yield from _tables(file, box, left)


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


def _matrix(file: Bytes, box: _Box) -> tuple[int, int, int, int] | None:
    """Read the four numbers that turn, mirror and scale, or None where the box is cut."""
    if box.end - box.start < 1:
        return None
    start = box.start + _MATRIX[box.kind][file[box.start] & 1]
    if start + 20 > box.end:
        return None
    a, b, _, c, d = struct.unpack_from(">5i", file, start)
    return a, b, c, d


def _degrees(matrix: tuple[int, int, int, int]) -> int:
    a, b, c, d = matrix
    if a * d == b * c:  # a matrix that flattens the picture says nothing about how it is turned
        return 0
    return round(math.degrees(math.atan2(b, a))) % 360


def _edits(file: Bytes, box: _Box) -> int:
    if box.end - box.start < 8:  # noqa: PLR2004  version, flags and count
        return 1
    version, count = file[box.start], struct.unpack_from(">I", file, box.start + 4)[0]
    size, place, kind = (20, 8, ">q") if version == 1 else (12, 4, ">i")
    count = min(count, (box.end - box.start - 8) // size, MOST_RUNS)
    starts = (
        struct.unpack_from(kind, file, box.start + 8 + number * size + place)[0]
        for number in range(count)
    )
    return sum(start != -1 for start in starts)


def _delays(file: Bytes, box: _Box) -> npt.NDArray[np.int64] | None:
    if box.end - box.start < 8:  # noqa: PLR2004  version, flags and count
        return None
    (count,) = struct.unpack_from(">I", file, box.start + 4)
    count = min(count, (box.end - box.start - 8) // 8, MOST_RUNS)
    runs = np.frombuffer(file, dtype=">i4", count=2 * count, offset=box.start + 8)
    return runs.astype(np.int64).reshape(-1, 2)
