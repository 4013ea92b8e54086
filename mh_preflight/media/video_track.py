"""How many frames does a video track show, and when? From the index, the packets or the frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.nal import MOST_SAMPLES, length_size, samples_are_whole
from mh_preflight.media.pyav import fraction_or_none
from mh_preflight.media.timeline import USUAL_RATES, Timeline, read_timeline
from mh_preflight.units import MICROSECOND

if TYPE_CHECKING:
    import numpy.typing as npt

    from mh_preflight.media.boxes import Bytes
    from mh_preflight.media.packets import Seen

NANOSECOND = Fraction(1, 1_000_000_000)
_IS_DISCARD = attrgetter("is_discard")

__all__ = ["VideoTrack", "declared_rate", "doubted", "from_frames", "from_index", "from_packets"]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """What one way of looking says about a video track.

    Attributes:
        timeline: Rate, steadiness and duration.
        frames: Frames shown.
        start: The first stamp in ticks.
        learned: `index`, `packets` or `decoding`.
        doubt: Why it is not certain, or None.
    """

    timeline: Timeline
    frames: int
    start: int
    learned: str
    doubt: str | None


def declared_rate(stream: Any) -> Fraction | None:
    """Give the frame rate that the file declares, right or wrong.

    Matroska declares a frame's duration in whole nanoseconds, from which FFmpeg makes 19001/317 of
    60000/1001: a rate with a usual one's duration is that usual one.
    """
    rate = fraction_or_none(stream.average_rate) or fraction_or_none(stream.guessed_rate)
    if rate is None or rate in USUAL_RATES:
        return rate
    return next((usual for usual in USUAL_RATES if abs(1 / rate - 1 / usual) <= NANOSECOND), rate)


def from_index(stream: Any, file: Bytes) -> VideoTrack | None:
    """Read the sample index of an mp4 or mov track.

    The index has decoding time stamps only, so it decides where they are even and where the
    header's count and duration agree with it.

    Args:
        stream: A PyAV video stream.
        file: The whole file, read or mapped, in which the samples are looked at.

    Returns:
        The track, which is certain, or None where the packets must be looked at.
    """
    entries = stream.index_entries
    tick = fraction_or_none(stream.time_base)
    if not len(entries) or len(entries) != stream.frames or tick is None or not stream.duration:
        return None
    listed = list(entries)
    if not listed[0].is_keyframe or not _is_all_there(stream, file, listed):
        return None
    shown = _column(listed, "timestamp")
    if any(map(_IS_DISCARD, listed)):
        shown = shown[_column(listed, "is_discard") == 0]
    if not len(shown):
        return None
    timeline = read_timeline(shown, 0, tick, declared_rate(stream))
    claimed = round(stream.duration * tick * MICROSECOND)
    if not timeline.even or abs(timeline.duration - claimed) > 2 * tick * MICROSECOND:
        return None
    if timeline.duration != claimed:
        timeline = replace(timeline, duration=claimed)
    return VideoTrack(timeline, len(shown), stream.start_time or 0, "index", None)


def from_packets(stream: Any, seen: Seen) -> VideoTrack | None:
    """Read the time stamps of the packets.

    Two counts must agree for certainty: the packets' own, and either the sample index together
    with the header's duration, or the places of the even grid at the declared rate.

    Args:
        stream: A PyAV video stream of an mp4, mov, Matroska or WebM file.
        seen: What the walk over its packets saw.

    Returns:
        The track, or None where no packet has a time stamp.
    """
    tick = fraction_or_none(stream.time_base)
    if tick is None or not seen.stamps:
        return None
    stamps = seen.sorted_stamps
    timeline = read_timeline(stamps, _last(stream, stamps, seen), tick, declared_rate(stream))
    shown = sum(1 for entry in stream.index_entries if not entry.is_discard)
    doubt = None
    if seen.doubts or not seen.finished:
        doubt = seen.doubts[0] if seen.doubts else "the walk over the packets was not finished"
    elif not (
        (timeline.even and timeline.fps == declared_rate(stream))
        or (shown == len(stamps) and _durations_agree(stream, tick, timeline))
    ):
        doubt = "the packets alone do not decide how many frames are shown"
    return VideoTrack(timeline, len(stamps), int(stamps[0]), "packets", doubt)


def from_frames(stream: Any, decoded: Seen, scanned: VideoTrack | None) -> VideoTrack | None:
    """Read the frames that decoding gave; certain where the packets' count is the same.

    Args:
        stream: A PyAV video stream.
        decoded: What came out of the decoder.
        scanned: What the packets said.

    Returns:
        The track; the packets' word with a doubt where decoding did not finish or gave nothing.
    """
    tick = fraction_or_none(stream.time_base)
    if not decoded.finished and scanned is not None:
        return doubted(scanned, "decoding the whole file would take too long")
    if tick is None or not decoded.stamps:
        return None if scanned is None else doubted(scanned, "its frames cannot be decoded")
    stamps = decoded.sorted_stamps
    timeline = read_timeline(stamps, _last(stream, stamps, decoded), tick, declared_rate(stream))
    doubt = decoded.doubts[0] if decoded.doubts else None
    if not decoded.finished:
        doubt = "decoding the whole file would take too long"
    elif scanned is None or scanned.frames != len(stamps):
        packets = scanned.frames if scanned else 0
        doubt = f"{packets} packets gave {len(stamps)} frames"
    return VideoTrack(timeline, len(stamps), int(stamps[0]), "decoding", doubt)


def doubted(track: VideoTrack, doubt: str) -> VideoTrack:
    """Give the same track as one that is not certain."""
    return replace(track, doubt=doubt)


def _durations_agree(stream: Any, tick: Fraction, timeline: Timeline) -> bool:
    if not stream.duration or not timeline.fps:
        return False
    half_a_frame = MICROSECOND / (2 * timeline.fps)
    claimed = stream.duration * tick * MICROSECOND
    return bool(abs(claimed - timeline.duration) <= half_a_frame)


def _last(stream: Any, stamps: npt.NDArray[np.int64], seen: Seen) -> int:
    """Give how long the last frame is shown, in ticks.

    A packet that an edit list follows is cut short; the header knows that the picture stays.
    """
    if not stream.frames or not stream.duration or len(stamps) == 1:
        return seen.last
    rest = int(stream.duration) - int(stamps[-1] - stamps[0])
    usual = int(np.median(np.diff(stamps)))
    return rest if seen.last < rest <= usual else seen.last


def _is_all_there(stream: Any, file: Bytes, listed: list[Any]) -> bool:
    """Tell whether the file holds every sample that the index names, whole where that shows."""
    places, ends = _column(listed, "pos"), _column(listed, "size")
    ends += places
    length_bytes = length_size(stream.codec_context) if stream.codec_context else None
    if length_bytes is None or len(listed) > MOST_SAMPLES:
        return bool(ends.max() <= len(file))
    return samples_are_whole(file, places, ends, length_bytes)


def _column(listed: list[Any], name: str) -> npt.NDArray[np.int64]:
    return np.fromiter(map(attrgetter(name), listed), dtype=np.int64, count=len(listed))
