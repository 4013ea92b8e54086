"""Where is the header of an mp4, and what does it say? A bounded walk over boxes.

PyAV shows the display matrix only with a decoded frame, which costs more than all other facts, and
it opens a file that was cut without a word.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.media.origins import Content

__all__ = ["BoxTrack", "Layout", "find_tables", "read_layout", "read_tracks"]

MOST_BOXES = 4096
"""Boxes looked at in one header; real ones have dozens. In the file itself as many again."""

MOST_HEADER = 32 << 20
"""The longest header that is read; that of two hours of video has 7 MB."""

MOST_EDITS = 4096
"""Entries read of one edit list."""

EMPTY = -1  # the start of a piece of an edit list that shows nothing

_MATRIX = {b"mvhd": (36, 48), b"tkhd": (40, 52)}  # where it stands, in version 0 and in version 1
_TRACK_ID = (12, 20)

_Box: TypeAlias = tuple[bytes, int, int]  # its kind, and where its contents start and end


@dataclass(frozen=True, slots=True)
class Layout:
    """How an mp4 or mov file is laid out.

    Attributes:
        header: The contents of its `moov` box; empty where there is none that can be read.
        media: Where the contents of its first `mdat` box lie.
        cut: A box runs past the end of the file, so that a part is missing.
        fragments: Its samples lie in fragments, of which the header does not know.
    """

    header: bytes
    media: range
    cut: bool
    fragments: bool


@dataclass(frozen=True, slots=True)
class BoxTrack:
    """What the boxes of one track say.

    Attributes:
        rotation: Degrees clockwise, 0 to 359; 0 where the matrix makes no sense.
        edits: Pieces of media that the edit list shows; 1 where there is none.
        delayed: The edit list begins with nothing to show.
        paused: It shows nothing between two pieces.
        media: Where the contents of its `mdia` box start and end, in which its tables lie.
    """

    rotation: int
    edits: int
    delayed: bool
    paused: bool
    media: tuple[int, int]


def read_layout(content: Content) -> Layout:
    """Find the header of an mp4 or mov file.

    Args:
        content: The file.

    Raises:
        MediaError: The file cannot be read.
    """
    header, media, place, cut, fragments = b"", range(0), 0, False, False
    for _ in range(MOST_BOXES):
        head = content.read_at(place, 16)
        if len(head) < 8:  # noqa: PLR2004  a length and a kind
            break
        length, kind = struct.unpack_from(">I4s", head)
        start = place + 8
        if length == 1 and len(head) == 16:  # noqa: PLR2004  a 64-bit length follows
            (length,) = struct.unpack_from(">Q", head, 8)
            start = place + 16
        elif length == 0:
            length = content.size - place
        if length < start - place:
            break
        place += length
        cut = place > content.size
        fragments = fragments or kind == b"moof"
        if kind == b"moov" and not header and place - start <= MOST_HEADER:
            header = content.read_at(start, place - start)
        elif kind == b"mdat" and not media:
            media = range(start, place)
        if cut or (content.far and header and media):
            break
    kinds = (box[0] for box in _boxes(header, 0, len(header), iter(range(MOST_BOXES))))
    return Layout(header, media, cut, fragments or b"mvex" in kinds)


def read_tracks(header: bytes) -> dict[int, BoxTrack]:
    """Read the tracks of an mp4 or mov file.

    Args:
        header: The contents of its `moov` box.

    Returns:
        The tracks whose headers can be read, by their id.
    """
    left = iter(range(MOST_BOXES))
    whole = (1, 0, 0, 1)
    tracks: dict[int, BoxTrack] = {}
    for box in _boxes(header, 0, len(header), left):
        if box[0] == b"mvhd":
            whole = _matrix(header, box) or whole
        elif box[0] == b"trak" and (found := _track(header, box, left, whole)):
            tracks.setdefault(*found)
    return tracks


def find_tables(header: bytes, track: BoxTrack) -> dict[bytes, tuple[int, int]]:
    """Find the sample tables of one track.

    Args:
        header: The contents of the `moov` box.
        track: The track, as `read_tracks` found it there.

    Returns:
        Where the contents of each table start and end, by kind.
    """
    left = iter(range(MOST_BOXES))
    for minf in _find(header, track.media, b"minf", left):
        for stbl in _find(header, minf[1:], b"stbl", left):
            return {kind: (start, end) for kind, start, end in _boxes(header, *stbl[1:], left)}
    return {}


def _track(
    header: bytes, trak: _Box, left: Iterator[int], whole: tuple[int, int, int, int]
) -> tuple[int, BoxTrack] | None:
    number, own, starts, media = 0, None, [0], (0, 0)
    for box in _boxes(header, trak[1], trak[2], left):
        kind, start, end = box
        if kind == b"tkhd":
            own = _matrix(header, box)
            number = _track_id(header, start) if own else 0
        elif kind == b"edts":
            for elst in _find(header, (start, end), b"elst", left):
                starts = _edits(header, elst)
        elif kind == b"mdia":
            media = start, end
    if own is None:
        return None
    (a, b, c, d), (e, f, g, h) = own, whole
    turned = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    return number, BoxTrack(
        rotation=_degrees(turned),
        edits=sum(start != EMPTY for start in starts),
        delayed=starts[:1] == [EMPTY],
        paused=EMPTY in starts[1:],
        media=media,
    )


def _find(
    header: bytes, place: tuple[int, int], kind: bytes, left: Iterator[int]
) -> Iterator[_Box]:
    """Give the first box of a kind, or nothing."""
    for box in _boxes(header, *place, left):
        if box[0] == kind:
            yield box
            return


def _track_id(header: bytes, start: int) -> int:
    (number,) = struct.unpack_from(">I", header, start + _TRACK_ID[header[start] & 1])
    return int(number)


def _boxes(header: bytes, start: int, end: int, left: Iterator[int]) -> Iterator[_Box]:
    while start + 8 <= end and next(left, None) is not None:
        length, kind = struct.unpack_from(">I4s", header, start)
        contents = start + 8
        if length == 1 and start + 16 <= end:  # a 64-bit length follows
            (length,) = struct.unpack_from(">Q", header, contents)
            contents = start + 16
        elif length == 0:
            length = end - start
        if length < contents - start:
            return
        yield kind, contents, min(start + length, end)
        start += length


def _matrix(header: bytes, box: _Box) -> tuple[int, int, int, int] | None:
    """Read the four numbers that turn, mirror and scale, or None where the box is cut."""
    kind, start, end = box
    if start >= end:
        return None
    place = start + _MATRIX[kind][header[start] & 1]
    if place + 20 > end:
        return None
    a, b, _, c, d = struct.unpack_from(">5i", header, place)
    return a, b, c, d


def _degrees(matrix: tuple[int, int, int, int]) -> int:
    a, b, c, d = matrix
    if a * d == b * c:  # a matrix that flattens the picture says nothing about how it is turned
        return 0
    return round(math.degrees(math.atan2(b, a))) % 360


def _edits(header: bytes, box: _Box) -> list[int]:
    """Give where the pieces of an edit list start in the media, in ticks, or `EMPTY`."""
    _, start, end = box
    if end - start < 8:  # noqa: PLR2004  version, flags and count
        return [0]
    (count,) = struct.unpack_from(">I", header, start + 4)
    size, place, kind = (20, 8, ">q") if header[start] == 1 else (12, 4, ">i")
    count = min(count, (end - start - 8) // size, MOST_EDITS)
    return [
        struct.unpack_from(kind, header, start + 8 + number * size + place)[0]
        for number in range(count)
    ]
