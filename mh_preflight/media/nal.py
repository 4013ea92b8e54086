"""Is each H.264 or HEVC sample whole? Its units carry their lengths, which must fill it exactly.

An index can promise frames whose bytes were cut or overwritten; the chain of lengths shows it
without decoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.limits import NEAR

if TYPE_CHECKING:
    import numpy.typing as npt

    from mh_preflight.media.origins import Content

__all__ = [
    "MOST_SAMPLES",
    "Words",
    "chain_is_whole",
    "length_size",
    "samples_are_whole",
    "samples_are_written",
]

MOST_SAMPLES = 20_000
"""Samples of one track that are looked at: all of 11 minutes at 30 fps, some of a longer film."""

READ_WHOLE = 1 << 20  # up to here, reading a file is faster than reading in it
MOST_WHOLE = 64 << 20
CLOSE = 3 << 10  # bytes a sample up to which that holds for longer files too

_WORD = 4
_MOST_UNITS = 1024  # units in one sample; real ones have a dozen


def length_size(codec_context: Any) -> int | None:
    """Tell how many bytes a unit's length takes, or None where the codec has no such units."""
    position = {"h264": 4, "hevc": 21}.get(codec_context.name)
    extra = codec_context.extradata or b""
    if position is None or len(extra) <= position or extra[0] != 1:
        return None
    return int(extra[position] & 3) + 1


def chain_is_whole(sample: bytes, length_bytes: int) -> bool:
    """Tell whether the units of one sample fill it exactly.

    Args:
        sample: The bytes of one packet.
        length_bytes: Bytes of each unit's length, from `length_size`.

    Example:
        >>> chain_is_whole(bytes([0, 0, 0, 1, 65]), 4), chain_is_whole(bytes([0, 0, 0, 9, 65]), 4)
        (True, False)
    """
    place = 0
    while place + length_bytes <= len(sample):
        length = int.from_bytes(sample[place : place + length_bytes], "big")
        if length == 0:
            return False
        place += length_bytes + length
    return place == len(sample)


class Words:
    """The four bytes at any place of a content, as numbers.

    Small files, and those whose samples lie close together, are read whole; of others each number
    is read for itself, which for a long film is a thousandth of it.

    Args:
        content: The file.
        samples: How many samples will be looked at.
    """

    def __init__(self, content: Content, samples: int) -> None:
        self.size = content.size
        self._content = content
        whole = max(READ_WHOLE, min(samples * CLOSE, MOST_WHOLE))
        if content.far:
            whole = NEAR
        self._all = content.read_at(0, content.size) if content.size <= whole else None

    def at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Read big-endian numbers; past the end they are zeros.

        Args:
            places: Where each starts, within the file; shape (n,).
        """
        if self._all is None:
            read = self._content.read_at
            joined = b"".join(read(place, _WORD).ljust(_WORD, b"\0") for place in places.tolist())
            return np.frombuffer(joined, ">u4").astype(np.int64)
        every = np.ndarray((len(self._all) - _WORD + 1,), ">u4", self._all, strides=(1,))
        words: npt.NDArray[np.int64]
        if len(places) and int(places.max()) >= len(every):
            past = np.maximum(places - (len(every) - 1), 0)
            words = every[places - past].astype(np.int64) << (8 * past)
            return words & 0xFFFF_FFFF
        words = every[places].astype(np.int64)
        return words


def samples_are_whole(
    words: Words,
    places: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    length_bytes: int,
) -> bool:
    """Tell whether all samples of a file are whole; the answer of `chain_is_whole` for each.

    Args:
        words: The file.
        places: Where each sample starts, in bytes; shape (n,).
        ends: Where it ends; shape (n,).
        length_bytes: Bytes of each unit's length, from `length_size`.
    """
    if not _lie_within(words, places, ends):
        return False
    for _ in range(_MOST_UNITS):
        starts = places + length_bytes
        if (starts > ends).any():
            return False
        lengths = words.at(places) >> (32 - 8 * length_bytes)
        if not lengths.all():
            return False
        places = starts + lengths
        going_on = places != ends
        places, ends = places[going_on], ends[going_on]
        if not len(places):
            return True
    return False


def samples_are_written(
    words: Words, places: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> bool:
    """Tell whether all samples lie in the file and none begins with zeros, as a hole in it does.

    Args:
        words: The file.
        places: Where each sample starts, in bytes; shape (n,).
        ends: Where it ends; shape (n,).
    """
    if not _lie_within(words, places, ends):
        return False
    return bool(words.at(places[ends - places >= _WORD]).all())


def _lie_within(words: Words, places: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> bool:
    return int(places.min()) >= 0 and int(ends.max()) <= words.size and words.size >= _WORD
