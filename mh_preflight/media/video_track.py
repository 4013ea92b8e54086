"""How many frames does a video track show, and when? From the index, the packets or the frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.boxes import find_tables
from mh_preflight.media.limits import NEAR, UNFINISHED
from mh_preflight.media.nal import (
    MOST_SAMPLES,
    Words,
    length_size,
    samples_are_whole,
    samples_are_written,
)
from mh_preflight.media.origins.far import HEAD
from mh_preflight.media.pyav import fraction_or_none
from mh_preflight.media.sample_table import MOST_INDEXED, SampleTable, read_samples
from mh_preflight.media.timeline import USUAL_RATES, Timeline, read_timeline
from mh_preflight.units import MAX_SECONDS, MICROSECOND

if TYPE_CHECKING:
    import numpy.typing as npt

    from mh_preflight.media.boxes import BoxTrack, Layout
    from mh_preflight.media.origins import Content
    from mh_preflight.media.packets import Seen

NANOSECOND = Fraction(1, 1_000_000_000)

__all__ = [
    "VideoTrack",
    "declared_rate",
    "doubted",
    "from_claims",
    "from_frames",
    "from_index",
    "from_packets",
]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """What one way of looking says about a video track.

    Attributes:
        timeline: Rate, steadiness and duration.
        frames: Frames shown.
        start: The first stamp in ticks.
        learned: `header`, `index`, `packets` or `decoding`.
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
    rate = fraction_or_none(stream.average_rate)
    if rate is None or rate in USUAL_RATES:
        return rate
    return next((usual for usual in USUAL_RATES if abs(1 / rate - 1 / usual) <= NANOSECOND), rate)


def from_claims(container: Any, stream: Any, doubt: str) -> VideoTrack | None:
    """Take the header's word, where more than the header would cost too much.

    Args:
        container: The open PyAV container.
        stream: A PyAV video stream.
        doubt: Why nothing better is known.

    Returns:
        The track, or None where the header states no rate or no length.
    """
    tick, rate = fraction_or_none(stream.time_base), declared_rate(stream)
    if tick is None or rate is None:
        return None
    length = stream.duration * tick if stream.duration else Fraction(container.duration or 0, 10**6)
    frames = stream.frames or round(length * rate)
    if not 0 < length <= MAX_SECONDS or frames <= 0:
        return None
    timeline = Timeline(
        fps=rate,
        variable=False,
        even=False,
        open_ended=False,
        duration=round(length * MICROSECOND),
        offsets=None,
        tick=tick,
    )
    return VideoTrack(timeline, frames, stream.start_time or 0, "header", doubt)


def from_index(stream: Any, boxes: BoxTrack, layout: Layout, content: Content) -> VideoTrack | None:
    """Read the sample tables of an mp4 or mov track, which are its index.

    They decide where the frames are even, and where the header's count and duration agree with
    them; samples that an edit list discards make the duration shorter, so that they do not.

    Args:
        stream: A PyAV video stream.
        boxes: What the boxes of the track say.
        layout: Where the header lies, and whether the file is whole.
        content: The file, in which the samples are looked at.

    Returns:
        The track, which is certain, or None where the packets must be looked at.
    """
    tick = fraction_or_none(stream.time_base)
    entries = stream.index_entries
    if tick is None or not stream.duration or boxes.edits > 1 or len(entries) != stream.frames:
        return None
    samples = read_samples(layout.header, find_tables(layout.header, boxes), stream.frames)
    if samples is None or not entries[0].is_keyframe or layout.cut:
        return None
    if boxes.delayed and _is_cut(entries, samples):
        return None  # the length of the delay hides it
    if not _is_all_there(stream, content, samples):
        return None
    timeline = read_timeline(samples.shown, 0, tick, declared_rate(stream))
    claimed = round(stream.duration * tick * MICROSECOND)
    agreed = abs(timeline.duration - claimed) <= 2 * tick * MICROSECOND
    if not timeline.even or not agreed or claimed > MAX_SECONDS * MICROSECOND:
        return None
    if timeline.duration != claimed:
        timeline = replace(timeline, duration=claimed)
    return VideoTrack(timeline, stream.frames, stream.start_time or 0, "index", None)


def from_packets(stream: Any, seen: Seen) -> VideoTrack | None:
    """Read the time stamps of the packets.

    Two counts must agree for certainty: the packets' own, and either the sample index together
    with the header's duration, or the places of the even grid at the declared rate.

    Args:
        stream: A PyAV video stream of an mp4, mov, Matroska or WebM file.
        seen: What the walk over its packets saw.

    Returns:
        The track, or None where no packet has a time stamp that makes sense.
    """
    track = _from_stamps(stream, seen, "packets")
    if track is None or track.doubt:
        return track
    timeline, tick = track.timeline, track.timeline.tick
    if timeline.even and timeline.fps == declared_rate(stream):
        return track
    shown = 0
    if len(stream.index_entries) <= MOST_INDEXED:
        shown = sum(1 for entry in stream.index_entries if not entry.is_discard)
    if shown == track.frames and _durations_agree(stream, tick, timeline):
        return track
    return doubted(track, "the packets alone do not decide how many frames are shown")


def from_frames(stream: Any, decoded: Seen, scanned: VideoTrack | None) -> VideoTrack | None:
    """Read the frames that decoding gave; certain where the packets' count is the same.

    Args:
        stream: A PyAV video stream.
        decoded: What came out of the decoder.
        scanned: What the packets said.

    Returns:
        The track; the packets' word with a doubt where decoding did not finish or gave nothing.
    """
    if not decoded.finished and scanned is not None:
        return doubted(scanned, UNFINISHED)
    track = _from_stamps(stream, decoded, "decoding")
    if track is None:
        return None if scanned is None else doubted(scanned, "its frames cannot be decoded")
    packets = scanned.frames if scanned else 0
    if not track.doubt and packets != track.frames:
        return doubted(track, f"{packets} packets gave {track.frames} frames")
    return track


def _from_stamps(stream: Any, seen: Seen, learned: str) -> VideoTrack | None:
    tick = fraction_or_none(stream.time_base)
    if tick is None or not seen.stamps:
        return None
    stamps = seen.sorted_stamps
    if (int(stamps[-1]) - int(stamps[0]) + seen.last) * tick > MAX_SECONDS:
        return None
    declared, last = declared_rate(stream), _last(stream, stamps, seen)
    timeline = read_timeline(stamps, last, tick, declared)
    doubt = seen.doubts[0] if seen.doubts else None
    if not seen.finished:
        doubt = UNFINISHED
    elif doubt is None and timeline.open_ended:
        doubt = "the file does not say how long its last frame is shown"
    return VideoTrack(timeline, len(stamps), int(stamps[0]), learned, doubt)


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


def _is_cut(entries: Any, samples: SampleTable) -> bool:
    """Tell whether an edit list cuts anything: if so, what is shown first or last, at the least."""
    outermost = samples.stamps.argmin(), samples.stamps.argmax()
    return any(entries[int(place)].is_discard for place in outermost)


def _is_all_there(stream: Any, content: Content, samples: SampleTable) -> bool:
    """Tell whether the file holds every sample that the tables name, whole where that shows.

    Of many samples, some that are spread over all of them are looked at.
    """
    places, ends = samples.places, samples.ends
    if int(places.min()) < 0 or int(ends.max()) > content.size:
        return False
    if content.far and content.size > NEAR:
        held = ends <= HEAD  # of what lies elsewhere, only what has come already
        places, ends = places[held], ends[held]
    step = -(-len(places) // MOST_SAMPLES) or 1
    places, ends = places[::step], ends[::step]
    if not len(places):
        return True
    words = Words(content, len(places))
    length_bytes = length_size(stream.codec_context) if stream.codec_context else None
    if length_bytes is None:
        return samples_are_written(words, places, ends)
    return samples_are_whole(words, places, ends, length_bytes)
