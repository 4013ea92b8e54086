"""Where does each sample of an mp4 track lie, and when is it shown? From the tables of its header.

PyAV's sample index says the same for all but the order of showing, one Python object a sample:
for half a minute of video that costs as much as opening the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["MOST_INDEXED", "SampleTable", "read_samples"]

MOST_INDEXED = 1_000_000
"""Samples of one track that are looked at (9 hours at 30 fps); beyond, the packets are counted."""

_HEAD = 8  # version, flags and the number of entries


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The samples of one track.

    Attributes:
        stamps: When each is shown, in ticks; in the order of decoding, int64, shape (n,).
        places: Where each starts in the file, in bytes; the same.
        ends: Where each ends; the same.
    """

    stamps: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @property
    def shown(self) -> npt.NDArray[np.int64]:
        """The stamps in the order of showing."""
        return np.sort(self.stamps)


def read_samples(
    header: bytes, tables: Mapping[bytes, tuple[int, int]], count: int
) -> SampleTable | None:
    """Read the sample tables of one track.

    Args:
        header: The contents of the `moov` box.
        tables: Where the contents of the boxes in `stbl` start and end, by kind.
        count: How many samples there should be.

    Returns:
        The samples, or None where the tables are cut, unusual or do not agree on their number.
    """
    if not 0 < count <= MOST_INDEXED:
        return None
    stamps = _stamps(header, tables, count)
    sizes = _sizes(header, tables.get(b"stsz"), count)
    if stamps is None or sizes is None:
        return None
    places = _places(header, tables, sizes)
    return None if places is None else SampleTable(stamps, places, places + sizes)


def _stamps(
    header: bytes, tables: Mapping[bytes, tuple[int, int]], count: int
) -> npt.NDArray[np.int64] | None:
    lengths = _spread(_table(header, tables.get(b"stts"), ">u4", 2), count)
    if lengths is None:
        return None
    stamps: npt.NDArray[np.int64] = np.cumsum(lengths) - lengths
    if b"ctts" not in tables:
        return stamps
    delays = _spread(_table(header, tables[b"ctts"], ">u4", 2), count)
    if delays is None:
        return None
    stamps += delays.astype(np.int32)  # which may be below 0
    return stamps


def _sizes(
    header: bytes, table: tuple[int, int] | None, count: int
) -> npt.NDArray[np.int64] | None:
    if table is None or table[1] - table[0] < _HEAD + 4:
        return None
    size, listed = struct.unpack_from(">2I", header, table[0] + 4)
    if listed != count:
        return None
    if size:
        return np.full(count, size, dtype=np.int64)
    sizes = _table(header, (table[0] + 4, table[1]), ">u4", 1)  # the number stands 4 bytes later
    return None if sizes is None else sizes[:, 0]


def _places(
    header: bytes, tables: Mapping[bytes, tuple[int, int]], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | None:
    wide = b"co64" in tables
    starts = _table(header, tables.get(b"co64" if wide else b"stco"), ">i8" if wide else ">u4", 1)
    runs = _table(header, tables.get(b"stsc"), ">u4", 3)
    if starts is None or runs is None or not len(runs) or runs[0, 0] != 1:
        return None
    next_runs = np.concatenate((runs[1:, 0], [len(starts) + 1]))
    chunks, each = next_runs - runs[:, 0], runs[:, 1]  # chunks in each run, samples in each chunk
    if int(chunks.min()) < 1 or int(each.min()) < 1:
        return None
    held = np.repeat(each, chunks)
    last = np.cumsum(held)
    if int(last[-1]) != len(sizes):
        return None
    before = np.cumsum(sizes) - sizes
    places: npt.NDArray[np.int64] = np.repeat(starts[:, 0] - before[last - held], held) + before
    return places


def _spread(runs: npt.NDArray[np.int64] | None, count: int) -> npt.NDArray[np.int64] | None:
    """Turn runs of (how many, what) into one value for each of `count` samples."""
    if runs is None or int(runs[:, 0].sum()) != count:
        return None
    return np.repeat(runs[:, 1], runs[:, 0])


def _table(
    header: bytes, table: tuple[int, int] | None, kind: str, columns: int
) -> npt.NDArray[np.int64] | None:
    """Read a table of whole numbers, or None where it is not there, too long or cut."""
    if table is None or table[1] - table[0] < _HEAD:
        return None
    (rows,) = struct.unpack_from(">I", header, table[0] + 4)
    width = columns * int(kind[-1])
    if rows > MOST_INDEXED or table[0] + _HEAD + rows * width > table[1]:
        return None
    return np.ndarray((rows, columns), kind, header, table[0] + _HEAD).astype(np.int64)
