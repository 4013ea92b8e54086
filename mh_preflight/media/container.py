"""What is in a video or audio file? From cheap to dear, and no further than certainty needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.media import audio_track, video_track
from mh_preflight.media.boxes import read_layout, read_tracks
from mh_preflight.media.facts import Audio, Media, Video
from mh_preflight.media.limits import NEAR, UNFINISHED
from mh_preflight.media.packets import Seen, decode_tracks, scan_tracks
from mh_preflight.media.pyav import (
    Codec,
    can_decode,
    fraction_or_none,
    open_container,
    read_codec,
)
from mh_preflight.units import MICROSECOND, seconds

if TYPE_CHECKING:
    from mh_preflight.media.audio_track import AudioTrack
    from mh_preflight.media.boxes import Layout
    from mh_preflight.media.limits import Budget
    from mh_preflight.media.origins import Content
    from mh_preflight.media.video_track import VideoTrack

__all__ = ["INDEXED", "read_container"]

INDEXED = "mov,mp4,m4a,3gp,3g2,mj2"
"""FFmpeg's name for mp4, mov and their kin, whose header has an index of all samples."""

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
    paused: bool = False
    sizes: int = 1

    def open_questions(self) -> list[Any]:
        unsettled = []
        picture = self.picture
        if self.video is not None and (not picture or picture.doubt or self.rotation is None):
            unsettled.append(self.video)
        if self.audio is not None and (self.sound is None or self.sound.doubt):
            unsettled.append(self.audio)
        return unsettled


def read_container(content: Content, budget: Budget, kind: str | None = None) -> Media:
    """Read a video, audio file or animation with PyAV.

    Args:
        content: The source.
        budget: The processor time, after which the rest stays uncertain.
        kind: The format, where its first bytes leave no doubt.

    Raises:
        MediaError: It is none, or damaged beyond reading.
    """
    layout = read_layout(content) if kind == INDEXED else None
    # The packets of what lies elsewhere need not be read where a header knows of them all.
    unread = layout.media if layout and content.far and not layout.fragments else range(0)
    try:
        return _read(content, budget, kind, layout, unread)
    except MediaError as error:
        if layout is None or not layout.cut or error.code not in {"no-media", "unreadable"}:
            raise
        raise MediaError(
            f"{content.name!r} is cut, and nothing can be read of what is left: "
            "fetch or copy it again",
            code="truncated",
            source=content.name,
        ) from error


def _read(
    content: Content, budget: Budget, kind: str | None, layout: Layout | None, unread: range
) -> Media:
    with open_container(content, budget, kind, unread) as container:
        tracks = [s for s in container.streams.video if not _is_cover(s)]
        video, audio = _shown(container, tracks), _heard(container)
        look = _Look(container, video, audio, read_codec(video), read_codec(audio))
        if look.video is None and look.audio is None:
            raise MediaError(
                f"{content.name!r} holds neither video nor audio that can be decoded",
                code="no-media",
                source=content.name,
            )
        if unread and look.video_codec is not None and not look.video_codec.width:
            return _read(content, budget, kind, layout, range(0))  # only a packet tells its size
        if layout is not None and container.format.name == INDEXED:
            _ask_index(look, layout, content)
        _settle(look, content, budget, kind)
        if layout is not None and layout.cut:
            if look.picture is None and look.sound is None:
                raise MediaError(f"{content.name!r} holds no frame", code="no-media")
            _doubt(look, "the file is cut: a part that it announces is missing")
        if look.paused:
            _doubt(look, "players differ on the pause in its edit list")
        return _facts(look, content, len(tracks))


def _settle(look: _Look, content: Content, budget: Budget, kind: str | None) -> None:
    """Ask the packets, and then the decoder, for what the index does not settle."""
    unsettled = look.open_questions()
    if unsettled and content.far and content.size > NEAR:
        _take_claims(look, unsettled, "only its header was read, because it lies elsewhere")
        return
    if unsettled:
        _ask_packets(look, unsettled, budget)
    unsettled = [stream for stream in look.open_questions() if can_decode(stream)]
    if not unsettled or budget.spent:
        return
    try:
        with open_container(content, budget, kind) as again:
            _ask_decoder(look, again, unsettled, budget)
    except MemoryError:  # what the packets say is still better than nothing
        _doubt(look, "decoding it needs more memory than is allowed")


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


def _ask_index(look: _Look, layout: Layout, content: Content) -> None:
    tracks = read_tracks(layout.header)
    if look.video is not None and (boxes := tracks.get(look.video.id)):
        look.picture = video_track.from_index(look.video, boxes, layout, content)
        look.rotation, look.edits, look.paused = boxes.rotation, boxes.edits, boxes.paused
    heard = tracks.get(look.audio.id) if look.audio is not None else None
    if heard and not heard.delayed:
        look.sound = audio_track.from_header(
            look.container, look.audio, content, alone=look.video is None
        )


def _take_claims(look: _Look, unsettled: list[Any], doubt: str) -> None:
    """Take the header's word for the tracks of which nothing better is known."""
    if look.video in unsettled and (not look.picture or look.picture.doubt):
        claims = video_track.from_claims(look.container, look.video, doubt)
        look.picture = claims or look.picture
    if look.audio in unsettled:
        look.sound = audio_track.from_claims(look.container, look.audio, doubt) or look.sound


def _ask_packets(look: _Look, unsettled: list[Any], budget: Budget) -> None:
    video = look.video
    turned = video if video in unsettled and look.rotation is None and can_decode(video) else None
    seen = scan_tracks(look.container, unsettled, budget, turned)
    if video in unsettled:
        track = seen[video.index]
        look.picture = video_track.from_packets(video, track)
        name = look.container.format.name
        if look.picture and not look.picture.doubt and (name not in TRUSTED or look.edits > 1):
            look.picture = video_track.doubted(look.picture, "its packets need not be frames")
        look.rotation = look.rotation if track.rotation is None else track.rotation
    if look.audio in unsettled:
        look.sound = audio_track.from_packets(look.container, look.audio, seen[look.audio.index])
    if budget.spent:
        _take_claims(look, unsettled, UNFINISHED)


def _ask_decoder(look: _Look, again: Any, unsettled: list[Any], budget: Budget) -> None:
    streams = [again.streams[stream.index] for stream in unsettled]
    seen = decode_tracks(again, streams, budget)
    if look.video in unsettled:
        track: Seen = seen[look.video.index]
        look.picture = video_track.from_frames(look.video, track, look.picture)
        look.rotation = track.rotation if look.rotation is None else look.rotation
        look.sizes = max(1, len(track.sizes))
    if look.audio in unsettled:
        track = seen[look.audio.index]
        look.sound = audio_track.from_samples(look.container, look.audio, track, look.sound)


def _doubt(look: _Look, doubt: str) -> None:
    """Let nothing be certain that hangs on time."""
    if look.picture is not None:
        look.picture = video_track.doubted(look.picture, doubt)
    if look.sound is not None:
        look.sound = replace(look.sound, doubt=doubt)


def _facts(look: _Look, content: Content, tracks: int) -> Media:
    learned: dict[str, str] = {}
    uncertain: dict[str, str] = {}
    video = _video_facts(look, tracks, learned, uncertain)
    audio = _audio_facts(look, learned, uncertain)
    return Media(
        source=content.name,
        size_bytes=content.size,
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
