"""What is really in a track? A walk over its packets, without decoding or with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.nal import chain_is_whole, length_size
from mh_preflight.media.pyav import limit_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from mh_preflight.media.limits import Budget

__all__ = ["Seen", "decode_tracks", "scan_tracks"]

_HOLE = 8  # zeros at the start of a packet that no codec writes
_FURTHEST = 2**61  # a time stamp beyond is none
_FRAME_TRIES = 64  # packets that may be decoded to see one frame
_LOOKS = 16  # packets from one look at the clock to the next


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
        sizes: Width and height of all decoded pictures.
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
    sizes: set[tuple[int, int]] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)
    rotation: int | None = None
    finished: bool = False
    _latest: int = 0

    @property
    def sorted_stamps(self) -> npt.NDArray[np.int64]:
        """The stamps in the order of presentation."""
        return np.sort(np.array(self.stamps, dtype=np.int64))

    def note(self, stamp: int | None, duration: int | None, doubt: str) -> None:
        """Add one packet or frame."""
        length = duration if duration and duration > 0 else 0
        if stamp is None or not -_FURTHEST < stamp < _FURTHEST - length:
            self.doubt(doubt)
            return
        if not self.stamps or stamp >= self._latest:
            self._latest, self.last = stamp, length
        end = stamp + length
        if end > self.end or not self.stamps:
            self.end = end
        self.stamps.append(stamp)

    def doubt(self, reason: str) -> None:
        """Add a reason once."""
        if reason not in self.doubts:
            self.doubts.append(reason)


def scan_tracks(
    container: Any, streams: Iterable[Any], budget: Budget, turned: Any = None
) -> dict[int, Seen]:
    """Walk over the packets of some tracks without decoding them.

    Args:
        container: An open PyAV container, at its start.
        streams: The tracks to look at.
        budget: The processor time.
        turned: The track of which one frame should be decoded to learn its rotation, or None.

    Returns:
        What was seen, by stream index.
    """
    seen = {stream.index: Seen() for stream in streams}
    whole = {stream.index: _whole_packet(stream) for stream in streams}
    tries = 0
    if turned is not None:
        tries = _FRAME_TRIES
        limit_decoder(turned)
    for packet, track in _walk(container, seen, budget, streams, doubt_damage=True):
        if tries and packet.stream is turned:
            tries -= 1
            track.rotation = _rotation_of_first(packet)
            tries = 0 if track.rotation is not None else tries
        if packet.size and not packet.is_discard:
            _note_packet(track, packet, whole[packet.stream_index])
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
    seen = {stream.index: Seen() for stream in streams}
    for stream in streams:
        limit_decoder(stream)
    for packet, track in _walk(container, seen, budget, streams, doubt_damage=False):
        try:
            for frame in packet.decode():
                _note_frame(track, frame)
        except _unreadable() as error:
            _raise_for_memory(error)
            track.doubt("a packet cannot be decoded")
    return seen


def _walk(
    container: Any,
    seen: dict[int, Seen],
    budget: Budget,
    streams: Iterable[Any],
    *,
    doubt_damage: bool,
) -> Iterator[tuple[Any, Seen]]:
    """Give each packet with what was seen of its track, until the end, damage or lack of time."""
    packets = container.demux(list(streams))
    for number in count():
        if number % _LOOKS == 0 and budget.spent:
            return
        try:
            packet = next(packets, None)
        except _unreadable() as error:
            _raise_for_memory(error)
            packet = None
            for track in seen.values() if doubt_damage else ():
                track.doubt("the file is damaged")
        if packet is None:
            for track in seen.values():
                track.finished = not budget.spent  # without time, a stream seems to end
            return
        # The empty packet at the end of a track knows the track, but not its number.
        yield packet, seen[packet.stream_index if packet.size else packet.stream.index]


def _note_packet(track: Seen, packet: Any, whole: Callable[[Any], bool]) -> None:
    stamp = packet.pts
    if not track.size and not packet.is_keyframe:
        track.doubt("it does not begin with a key frame")
    if stamp is not None and track.stamps and stamp < track.stamps[0]:
        track.doubt("frames come before the first key frame")
    if packet.is_corrupt or not whole(packet):
        track.doubt("a packet is damaged")
    track.size += packet.size
    track.note(stamp, packet.duration, "a packet has no time stamp")


def _whole_packet(stream: Any) -> Callable[[Any], bool]:
    """Give what tells whether a packet of a track is whole, as far as its bytes show it."""
    codec = stream.codec_context
    if codec is not None and codec.name.startswith("pcm_"):
        return lambda _: True  # silence is zeros
    length_bytes = length_size(codec) if codec is not None and stream.type == "video" else None
    if length_bytes is None:
        return lambda packet: any(memoryview(packet)[:_HOLE])

    def whole(packet: Any) -> bool:
        data = bytes(packet)
        return any(data[:_HOLE]) and chain_is_whole(data, length_bytes)

    return whole


def _note_frame(track: Seen, frame: Any) -> None:
    samples = getattr(frame, "samples", None)
    if samples is not None:
        track.samples += samples
        track.sample_rate = frame.sample_rate
    else:
        track.sizes.add((frame.width, frame.height))
        if track.rotation is None:
            track.rotation = _clockwise(frame)
    track.note(frame.pts, frame.duration, "a frame has no time stamp")


def _unreadable() -> tuple[type[Exception], ...]:
    """Give what PyAV raises on damaged files; IndexError where a track appears late."""
    import av

    return av.error.FFmpegError, ValueError, IndexError


def _raise_for_memory(error: Exception) -> None:
    """Let a lack of memory not pass for damage; PyAV's own error is of both kinds."""
    if isinstance(error, MemoryError):
        raise error


def _rotation_of_first(packet: Any) -> int | None:
    try:
        frames = packet.decode()
    except _unreadable() as error:
        _raise_for_memory(error)
        return None
    return _clockwise(frames[0]) if frames else None


def _clockwise(frame: Any) -> int:
    turned = -Fraction(frame.rotation)  # PyAV counts against the clock
    return round(turned) % 360
