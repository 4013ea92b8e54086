"""What is in a video or audio file? From cheap to dear, and no further than certainty needs."""

from __future__ import annotations

import math
import mmap
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.media import audio_track, video_track
from mh_preflight.media.boxes import Bytes, read_track
from mh_preflight.media.facts import Audio, Media, Video
from mh_preflight.media.packets import (
    DECODING_SECONDS,
    SCANNING_SECONDS,
    Budget,
    Seen,
    decode_tracks,
    scan_tracks,
)
from mh_preflight.media.pyav import Codec, fraction_or_none, open_container, read_codec
from mh_preflight.units import MICROSECOND, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.media.audio_track import AudioTrack
    from mh_preflight.media.video_track import VideoTrack

__all__ = ["INDEXED", "read_container"]

INDEXED = "mov,mp4,m4a,3gp,3g2,mj2"
"""FFmpeg's name for mp4, mov and their kin, whose header has an index of all samples."""

READ_WHOLE = 1 << 20  # up to here, reading a file is faster than mapping it
COVER = 1 << 10 | 1 << 11  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC and _TIMED_THUMBNAILS
TRUSTED = (INDEXED, "matroska,webm")
"""Formats in which a packet is a frame; in others only decoding shows what a player shows."""

_TIMED = (
    "video.frames",
    "video.fps",
    "video.start_seconds",
    "video.duration_seconds",
    "video.variable_frame_rate",
)


@dataclass(slots=True)
class _Look:
    """The chosen tracks of one open file and what is known of them so far."""

    container: Any
    video: Any
    audio: Any
    video_codec: Codec | None
    audio_codec: Codec | None
    picture: VideoTrack | None = None
    sound: AudioTrack | None = None
    rotation: int | None = None
    edits: int = 1
    sizes: int = 1

    def open_questions(self) -> list[Any]:
        unsettled = []
        picture = self.picture
        if self.video is not None and (not picture or picture.doubt or self.rotation is None):
            unsettled.append(self.video)
        if self.audio is not None and (self.sound is None or self.sound.doubt):
            unsettled.append(self.audio)
        return unsettled


def read_container(path: str, size: int, kind: str | None = None) -> Media:
    """Read a video, audio file or animation with PyAV.

    Args:
        path: A local file.
        size: Its length in bytes.
        kind: The format, where its first bytes leave no doubt.

    Raises:
        MediaError: It is none, or damaged beyond reading.
    """
    with ExitStack() as stack:
        container = stack.enter_context(open_container(path, kind))
        tracks = [s for s in container.streams.video if not _is_cover(s)]
        video, audio = _shown(container, tracks), _heard(container)
        look = _Look(container, video, audio, read_codec(video), read_codec(audio))
        if look.video is None and look.audio is None:
            raise MediaError(
                f"{path!r} holds neither video nor audio that can be decoded",
                code="no-media",
                source=path,
            )
        name = container.format.name
        if name == INDEXED:
            _ask_index(look, path, size)
        if unsettled := look.open_questions():
            _ask_packets(look, unsettled)
        if unsettled := [s for s in look.open_questions() if s.codec_context is not None]:
            again = stack.enter_context(open_container(path, kind))
            _ask_decoder(look, again, unsettled)
        return _facts(look, path, size, len(tracks))


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition.value & COVER)


def _shown(container: Any, tracks: list[Any]) -> Any:
    best = container.streams.best("video")
    if best is not None and any(track.index == best.index for track in tracks):
        return best
    return tracks[0] if tracks else None


def _heard(container: Any) -> Any:
    best = container.streams.best("audio")
    return best if best is not None and best.codec_context is not None else None


def _ask_index(look: _Look, path: str, size: int) -> None:
    with _contents(path, size) as file:
        if look.video is not None and (boxes := read_track(file, look.video.id)):
            look.picture = video_track.from_index(look.video, boxes, file)
            look.rotation, look.edits = boxes.rotation, boxes.edits
        if look.audio is not None:
            look.sound = audio_track.from_header(
                look.container, look.audio, file, alone=look.video is None
            )


@contextmanager
def _contents(path: str, size: int) -> Iterator[Bytes]:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  a path of any bytes
        if size <= READ_WHOLE:
            yield file.read()
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped


def _ask_packets(look: _Look, unsettled: list[Any]) -> None:
    video = look.video
    turned = video if video in unsettled and look.rotation is None else None
    if turned is not None and turned.codec_context is None:
        turned = None
    seen = scan_tracks(look.container, unsettled, Budget(SCANNING_SECONDS), turned)
    if video in unsettled:
        track = seen[video.index]
        look.picture = video_track.from_packets(video, track)
        name = look.container.format.name
        if look.picture and not look.picture.doubt and (name not in TRUSTED or look.edits > 1):
            look.picture = video_track.doubted(look.picture, "its packets need not be frames")
        look.rotation = look.rotation if track.rotation is None else track.rotation
    if look.audio in unsettled:
        look.sound = audio_track.from_packets(look.container, look.audio, seen[look.audio.index])


def _ask_decoder(look: _Look, again: Any, unsettled: list[Any]) -> None:
    streams = [again.streams[stream.index] for stream in unsettled]
    seen = decode_tracks(again, streams, Budget(DECODING_SECONDS))
    if look.video in unsettled:
        track: Seen = seen[look.video.index]
        look.picture = video_track.from_frames(look.video, track, look.picture)
        look.rotation = track.rotation if look.rotation is None else look.rotation
        look.sizes = max(1, len(track.sizes))
    if look.audio in unsettled:
        track = seen[look.audio.index]
        look.sound = audio_track.from_samples(look.container, look.audio, track, look.sound)


def _facts(look: _Look, path: str, size: int, tracks: int) -> Media:
    learned: dict[str, str] = {}
    uncertain: dict[str, str] = {}
    video = _video_facts(look, tracks, learned, uncertain)
    audio = _audio_facts(look, learned, uncertain)
    return Media(
        source=path,
        size_bytes=size,
        kind="video" if video else "audio",
        container=look.container.format.name,
        duration_seconds=_longest(look, video, audio, uncertain),
        video=video,
        audio=audio,
        learned_from=learned,
        uncertain=uncertain,
        cover_art=any(_is_cover(stream) for stream in look.container.streams.video),
    )


def _longest(
    look: _Look, video: Video | None, audio: Audio | None, uncertain: dict[str, str]
) -> float | None:
    """Give the length of the longest track; of those not looked at, only the header's word."""
    lengths = [facts.duration_seconds for facts in (video, audio) if facts is not None]
    chosen = {stream.index for stream in (look.video, look.audio) if stream is not None}
    streams = look.container.streams
    others = [
        stream
        for stream in (*streams.video, *streams.audio)
        if stream.index not in chosen and not _is_cover(stream)
    ]
    for stream in others:
        tick = fraction_or_none(stream.time_base)
        if stream.duration and tick:
            lengths.append(seconds(round(stream.duration * tick * MICROSECOND)))
    if others:
        uncertain["duration_seconds"] = f"there are {len(others) + len(chosen)} tracks"
    else:
        for name in ("video.duration_seconds", "audio.duration_seconds"):
            if name in uncertain:
                uncertain["duration_seconds"] = uncertain[name]
    return max((length for length in lengths if length is not None), default=None)


def _video_facts(
    look: _Look, tracks: int, learned: dict[str, str], uncertain: dict[str, str]
) -> Video | None:
    stream, picture, codec = look.video, look.picture, look.video_codec
    if stream is None:
        return None
    width, height = _displayed(stream, codec, look.rotation or 0)
    facts: dict[str, Any] = {
        "codec": codec.name if codec else None,
        "width": width,
        "height": height,
        "coded_width": codec.width or None if codec else None,
        "coded_height": codec.height or None if codec else None,
        "rotation": look.rotation,
        "nominal_fps": fraction_or_none(stream.average_rate)
        or fraction_or_none(stream.guessed_rate),
    }
    learned |= {"video.width": "header", "video.height": "header"}
    sized = ("video.width", "video.height", "video.rotation")
    if look.rotation is None or not width:
        uncertain |= dict.fromkeys(sized, "no frame could be decoded")
    if look.sizes > 1:
        uncertain |= dict.fromkeys(sized, f"its frames have {look.sizes} sizes")
    doubt = picture.doubt if picture else "no frame could be found"
    if tracks > 1:
        doubt = f"there are {tracks} video tracks"
        uncertain |= dict.fromkeys(sized, doubt)
    elif look.container.format.name == "avi":
        doubt = doubt or "AVI does not say when a frame is shown"
    if doubt:
        uncertain |= dict.fromkeys(_TIMED, doubt)
    if picture is None:
        return Video(**facts)
    tick = fraction_or_none(stream.time_base)
    learned |= dict.fromkeys(_TIMED, picture.learned)
    facts |= {
        "fps": picture.timeline.fps,
        "frames": picture.frames,
        "start_seconds": seconds(round(picture.start * tick * MICROSECOND)) if tick else None,
        "duration_seconds": seconds(picture.timeline.duration),
        "variable_frame_rate": picture.timeline.variable,
    }
    if doubt or picture.timeline.variable:
        facts["frame_times"] = picture.timeline.times
    return Video(**facts)


def _audio_facts(look: _Look, learned: dict[str, str], uncertain: dict[str, str]) -> Audio | None:
    codec = look.audio_codec
    if codec is None:
        return None
    duration = None
    if look.sound is None:
        uncertain["audio.duration_seconds"] = "no sample could be found"
    else:
        duration = seconds(round(look.sound.duration * MICROSECOND))
        learned["audio.duration_seconds"] = look.sound.learned
        if look.sound.doubt:
            uncertain["audio.duration_seconds"] = look.sound.doubt
    return Audio(
        codec=codec.name,
        duration_seconds=duration,
        sample_rate=codec.sample_rate or None,
        channels=codec.channels or None,
    )


def _displayed(stream: Any, codec: Codec | None, rotation: int) -> tuple[int | None, int | None]:
    if codec is None or not codec.width or not codec.height:
        return None, None
    width, height = codec.width, codec.height
    shape = fraction_or_none(stream.sample_aspect_ratio)
    if shape is not None and shape != 1:
        width = max(1, math.floor(width * shape + Fraction(1, 2)))
    return (height, width) if rotation % 180 == 90 else (width, height)  # noqa: PLR2004
