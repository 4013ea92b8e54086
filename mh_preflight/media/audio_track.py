"""How long does an audio track sound? From the header, the packets or the decoded samples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.media.limits import NEAR, UNFINISHED
from mh_preflight.media.nal import MOST_SAMPLES, Words, samples_are_written
from mh_preflight.media.pyav import fraction_or_none

if TYPE_CHECKING:
    from mh_preflight.media.origins import Content
    from mh_preflight.media.packets import Seen

__all__ = ["AudioTrack", "from_claims", "from_header", "from_packets", "from_samples"]


AGREEMENT = Fraction(3, 100)
"""Two durations that lie within 30 ms, about one packet, say the same."""


PCM = re.compile(r"pcm_(?:[suf](8|16|24|32|64)(?:le|be)?|alaw|mulaw)")
"""Codecs that store samples as they are."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """What one way of looking says about an audio track.

    Attributes:
        duration: Seconds, exact.
        learned: `header`, `packets` or `decoding`.
        doubt: Why it is not certain, or None.
        stays: Decoding does not remove the doubt.
    """

    duration: Fraction
    learned: str
    doubt: str | None
    stays: bool = False


def claimed_duration(container: Any, stream: Any) -> Fraction | None:
    """Give the duration that the header claims, right or wrong."""
    tick = fraction_or_none(stream.time_base)
    if stream.duration and tick:
        return Fraction(stream.duration) * tick
    return Fraction(container.duration, 1_000_000) if container.duration else None


def from_claims(container: Any, stream: Any, doubt: str) -> AudioTrack | None:
    """Take the header's word, where more than the header would cost too much.

    Args:
        container: The open PyAV container.
        stream: A PyAV audio stream.
        doubt: Why nothing better is known.
    """
    claimed = claimed_duration(container, stream)
    return AudioTrack(claimed, "header", doubt, stays=True) if claimed else None


def from_header(container: Any, stream: Any, content: Content, *, alone: bool) -> AudioTrack | None:
    """Read the sample index of an mp4, m4a or mov track.

    Args:
        container: The open PyAV container.
        stream: A PyAV audio stream.
        content: The file.
        alone: There is no video, so that each sample is looked at and not only the last.

    Returns:
        The track, which is certain, or None where the packets must be looked at.
    """
    claimed = claimed_duration(container, stream)
    entries = stream.index_entries
    samples, rate = stream.codec_context.frame_size, stream.codec_context.sample_rate
    if claimed is None or not len(entries) or not _has_short_packets(stream):
        return None
    counted = Fraction(len(entries) * samples, rate)
    padding = Fraction(4 * samples, rate)  # priming and the last packet's filling, cut by players
    if not -AGREEMENT <= counted - claimed <= padding:
        return None
    there = _is_all_there(entries, content, every=alone)
    return AudioTrack(claimed, "header", None) if there else None


def _is_all_there(entries: Any, content: Content, *, every: bool) -> bool:
    """Tell whether the last sample, or every one, lies in the file and is no hole."""
    last = entries[len(entries) - 1]
    if last.pos < 0 or last.pos + last.size > content.size:
        return False
    if content.far and content.size > NEAR:
        return True
    if not any(content.read_at(last.pos, last.size)):
        return False
    if not every or len(entries) > MOST_SAMPLES:
        return True
    places = np.array([(entry.pos, entry.pos + entry.size) for entry in entries])
    words = Words(content, len(entries))
    return samples_are_written(words, places[:, 0], places[:, 1])


def from_packets(container: Any, stream: Any, seen: Seen) -> AudioTrack | None:
    """Read the time stamps of the packets; certain where the header claims the same.

    Args:
        container: The open PyAV container.
        stream: A PyAV audio stream.
        seen: What the walk over its packets saw.

    Returns:
        The track, or None where no packet has a time stamp.
    """
    tick = fraction_or_none(stream.time_base)
    if tick is None or not seen.stamps:
        return None
    claimed = claimed_duration(container, stream)
    if (counted := _counted(stream, seen)) is not None:
        agreed = claimed is not None and abs(claimed - counted) <= AGREEMENT
        whole = agreed and seen.finished and not seen.doubts
        return AudioTrack(counted, "packets", None if whole else "header and packets disagree")
    if claimed is not None and _is_gapless(container, stream, seen, claimed):
        return AudioTrack(claimed, "packets", None)
    duration = (seen.end - min(seen.stamps)) * tick
    cut_off = _packet_length(stream) - seen.last * tick
    if seen.last and cut_off > AGREEMENT:
        return AudioTrack(duration, "packets", "players differ on its last packet", stays=True)
    sounding = len(seen.stamps) * _packet_length(stream)
    doubt = None
    if seen.doubts or not seen.finished:
        doubt = seen.doubts[0] if seen.doubts else UNFINISHED
    elif not _has_short_packets(stream):
        doubt = "only decoding shows how long its packets sound"
    elif claimed is None or abs(claimed - duration) > AGREEMENT:
        doubt = "header and packets disagree"
    elif abs(sounding - duration) > AGREEMENT + 2 * _packet_length(stream):
        doubt = "its packets do not fill its time"
    return AudioTrack(duration, "packets", doubt)


def _counted(stream: Any, seen: Seen) -> Fraction | None:
    """Give the length of samples that are stored as they are, which their bytes tell exactly."""
    context = stream.codec_context
    stored = PCM.fullmatch(context.name)
    if stored is None or not context.channels or not context.sample_rate:
        return None
    bits = int(stored[1] or 8)  # A-law and mu-law have 8
    return Fraction(8 * seen.size, bits * context.channels * context.sample_rate)


def _is_gapless(container: Any, stream: Any, seen: Seen, claimed: Fraction) -> bool:
    """Tell whether an MP3 says how much of its packets is priming and padding, and they agree.

    FFmpeg lets such a file start after its priming; what is left over is the padding of the end.
    """
    if container.format.name != "mp3" or not stream.start_time or seen.doubts or not seen.finished:
        return False
    length = _packet_length(stream)
    padding = len(seen.stamps) * length - claimed - stream.start_time * stream.time_base
    return bool(0 <= padding <= 2 * length)


def _has_short_packets(stream: Any) -> bool:
    """Tell whether one packet more or less hardly matters: all of one short length.

    Opus, Vorbis, AMR and PCM have no such length, and at 8 kHz a packet of AAC lasts 128 ms.
    """
    return 0 < _packet_length(stream) <= 2 * AGREEMENT


def _packet_length(stream: Any) -> Fraction:
    samples, rate = stream.codec_context.frame_size, stream.codec_context.sample_rate
    return Fraction(samples, rate) if samples and rate else Fraction(0)


def from_samples(
    container: Any, stream: Any, decoded: Seen, scanned: AudioTrack | None
) -> AudioTrack | None:
    """Count the decoded samples; certain where header or packets say the same.

    Args:
        container: The open PyAV container.
        stream: A PyAV audio stream.
        decoded: What came out of the decoder.
        scanned: What the packets said.

    Returns:
        The track; the packets' word with a doubt where decoding did not finish or gave nothing.
    """
    if not decoded.samples or not decoded.sample_rate or not decoded.finished:
        reason = "its samples cannot be decoded" if decoded.finished else UNFINISHED
        return None if scanned is None else AudioTrack(scanned.duration, scanned.learned, reason)
    duration = Fraction(decoded.samples, decoded.sample_rate)
    others = [claimed_duration(container, stream), scanned.duration if scanned else None]
    agreed = any(other is not None and abs(other - duration) <= AGREEMENT for other in others)
    doubt = decoded.doubts[0] if decoded.doubts else None
    if scanned is not None and scanned.stays:
        doubt = scanned.doubt
    elif not agreed:
        doubt = "header, packets and decoding disagree"
    return AudioTrack(duration, "decoding", doubt)
