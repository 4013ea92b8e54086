"""What is really in a track? A walk over its packets, without decoding or with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.nal import chain_is_whole, length_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["DECODING_SECONDS", "Budget", "Seen", "decode_tracks", "scan_tracks"]

DECODING_SECONDS = 5.0
"""Processor time that decoding one file may take."""

_FRAME_TRIES = 64  # packets that may be decoded to see one frame


class Budget:
    """Processor time that is left for one file.

    Args:
        seconds: How much there is; counted from now, on the calling thread.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    @property
    def spent(self) -> bool:
        """Whether the time is up."""
        return time.thread_time() >= self._end


@dataclass(slots=True)
class Seen:
    """What a walk saw of one track.

    Attributes:
        stamps: Presentation time stamps in ticks, in the order met.
        end: The latest end of a packet or frame, in ticks.
        last: Duration of the one with the latest stamp, in ticks; 0 where the file does not say.
        size: Bytes of all packets.
        samples: Decoded audio samples.
        sample_rate: Their rate.
        doubts: Why the walk may have missed something.
        rotation: Degrees clockwise of the first decoded picture.
        finished: The walk came to the end of the track.
    """

    stamps: list[int] = field(default_factory=list)
    end: int = 0
    last: int = 0
    size: int = 0
    samples: int = 0
    sample_rate: int = 0
    doubts: list[str] = field(default_factory=list)
    rotation: int | None = None
    finished: bool = False

    @property
    def sorted_stamps(self) -> npt.NDArray[np.int64]:
        """The stamps in the order of presentation."""
        return np.sort(np.array(self.stamps, dtype=np.int64))

    def note(self, stamp: int | None, duration: int | None, doubt: str) -> None:
        """Add one packet or frame."""
        if stamp is None:
            self.doubt(doubt)
            return
        length = max(0, duration or 0)
        if not self.stamps or stamp >= self._latest:
            self._latest, self.last = stamp, length
        self.end = max(self.end, stamp + length) if self.stamps else stamp + length
        self.stamps.append(stamp)

    def doubt(self, reason: str) -> None:
        """Add a reason once."""
        if reason not in self.doubts:
            self.doubts.append(reason)

    _latest: int = 0


def scan_tracks(container: Any, streams: Iterable[Any], turned: Any = None) -> dict[int, Seen]:
    """Walk over the packets of some tracks without decoding them.

    Args:
        container: An open PyAV container, at its start.
        streams: The tracks to look at.
        turned: The track of which one frame should be decoded to learn its rotation, or None.

    Returns:
        What was seen, by stream index.
    """
    import av

    seen = {stream.index: Seen() for stream in streams}
    units = {
        stream.index: length_size(stream.codec_context)
        for stream in streams
        if stream.type == "video" and stream.codec_context
    }
    tries = _FRAME_TRIES if turned is not None else 0
    packets = container.demux(list(streams))
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, ValueError):
            for track in seen.values():
                track.doubt("the file is damaged")
            return seen
        if packet is None:
            break
        track = seen[packet.stream.index]
        if tries and packet.stream is turned:
            tries -= 1
            track.rotation = _rotation_of_first(packet)
            tries = 0 if track.rotation is not None else tries
        if packet.size == 0 or packet.is_discard:
            continue
        if not track.size and not packet.is_keyframe:
            track.doubt("it does not begin with a key frame")
        length_bytes = units.get(packet.stream.index)
        if packet.is_corrupt or (length_bytes and not chain_is_whole(bytes(packet), length_bytes)):
            track.doubt("a packet is damaged")
        track.size += packet.size
        track.note(packet.pts, packet.duration, "a packet has no time stamp")
    for track in seen.values():
        track.finished = True
    return seen


def decode_tracks(container: Any, streams: Iterable[Any], budget: Budget) -> dict[int, Seen]:
    """Decode some tracks whole, as long as the processor time lasts.

    Args:
        container: An open PyAV container, at its start.
        streams: The tracks to decode.
        budget: The processor time.

    Returns:
        What came out, by stream index; `finished` is False where the time was up.
    """
    import av

    seen = {stream.index: Seen() for stream in streams}
    for stream in streams:
        stream.codec_context.thread_count = 1  # so that the thread's own clock counts it all
    packets = container.demux(list(streams))
    while not budget.spent:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, ValueError):
            packet = None
        if packet is None:
            for track in seen.values():
                track.finished = True
            break
        track = seen[packet.stream.index]
        try:
            for frame in packet.decode():
                _note_frame(track, frame)
        except (av.error.FFmpegError, ValueError):
            track.doubt("a packet cannot be decoded")
    return seen


def _note_frame(track: Seen, frame: Any) -> None:
    samples = getattr(frame, "samples", None)
    if samples is not None:
        track.samples += samples
        track.sample_rate = frame.sample_rate
    elif track.rotation is None:
        track.rotation = _clockwise(frame)
    track.note(frame.pts, frame.duration, "a frame has no time stamp")


def _rotation_of_first(packet: Any) -> int | None:
    import av

    try:
        frames = packet.decode()
    except (av.error.FFmpegError, ValueError):
        return None
    return _clockwise(frames[0]) if frames else None


def _clockwise(frame: Any) -> int:
    turned = -Fraction(frame.rotation)  # PyAV counts against the clock
    return round(turned) % 360
