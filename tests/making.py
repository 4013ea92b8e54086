"""Small media files that the tests make themselves."""

from __future__ import annotations

import base64
import io
import re
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from PIL import Image

__all__ = [
    "Clip",
    "Sound",
    "draw_cover",
    "make_sound",
    "make_video",
    "patch_cover_first",
    "patch_default_duration",
    "patch_display_width",
    "patch_edits",
    "patch_pre_skip",
    "patch_rotation",
    "write_sound",
]

TICK = Fraction(1, 90_000)


@dataclass(frozen=True)
class Clip:
    """What a video file should hold.

    Attributes:
        frames: Number of frames.
        rate: Frames a second.
        stamps: Time stamps in seconds in place of an even rate.
        sound: Seconds of sound; none where 0.
        sound_codec: Its codec.
        codec: The video's codec.
        size: Width and height.
        aspect: Sample aspect ratio.
        options: Options of the container.
        b_frames: Frames that refer forward.
        tracks: Number of video tracks.
        cover: A JPEG for the cover, which the container lists before the video.
    """

    frames: int = 30
    rate: Fraction = Fraction(30)
    stamps: tuple[float, ...] = ()
    sound: float = 0.0
    sound_codec: str = "aac"
    codec: str = "mpeg4"
    size: tuple[int, int] = (64, 48)
    aspect: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)
    b_frames: int = 0
    tracks: int = 1
    cover: bytes = b""


@dataclass(frozen=True)
class Sound:
    """What an audio file should hold.

    Attributes:
        codec: FFmpeg's name of the encoder.
        seconds: Seconds of sound.
        rate: Samples a second.
        uneven: Silence, then noise, in place of an even tone.
        options: Options of the container.
        codec_options: Options of the encoder.
        cover: A JPEG for the cover.
    """

    codec: str
    seconds: float = 3.25
    rate: int = 48_000
    uneven: bool = False
    options: dict[str, str] = field(default_factory=dict)
    codec_options: dict[str, str] = field(default_factory=dict)
    cover: bytes = b""


def make_video(path: Path, clip: Clip = Clip()) -> Path:
    """Write a video file."""
    with av.open(str(path), "w", options=clip.options) as container:
        cover = _add_cover(container, path, clip.cover)
        tracks = [_add_video(container, clip) for _ in range(clip.tracks)]
        sound = None
        if clip.sound:
            sound = container.add_stream(clip.sound_codec, rate=48_000, layout="mono")
        _write_cover(container, cover, clip.cover)
        for number in range(len(clip.stamps) or clip.frames):
            shade = np.full((clip.size[1], clip.size[0], 3), number * 5 % 256, dtype=np.uint8)
            shade[: clip.size[1] // 2, : 1 + number % clip.size[0]] = 255
            for track in tracks:
                frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
                if clip.stamps:
                    frame.pts, frame.time_base = round(clip.stamps[number] / TICK), TICK
                else:
                    frame.pts, frame.time_base = number, 1 / clip.rate
                container.mux(track.encode(frame))
        for track in tracks:
            container.mux(track.encode(None))
        if sound is not None:
            _write_sound(container, sound, clip.sound)
    return path


def make_sound(path: Path, seconds: float, codec: str, rate: int = 48_000) -> Path:
    """Write an audio file."""
    return write_sound(path, Sound(codec, seconds, rate))


def write_sound(path: Path, sound: Sound) -> Path:
    """Write an audio file that is odd in some way."""
    # PyAV lets no JPEG into FFmpeg's own m4a, which differs only in its brand.
    kind = "mp4" if sound.cover and path.suffix == ".m4a" else None
    with av.open(str(path), "w", format=kind, options=sound.options) as container:
        track = container.add_stream(
            sound.codec, rate=sound.rate, layout="mono", options=sound.codec_options
        )
        if path.suffix == ".ogg" and sound.cover:
            track.metadata["METADATA_BLOCK_PICTURE"] = _flac_picture(sound.cover)
        else:
            _write_cover(container, _add_cover(container, path, sound.cover), sound.cover)
        _write_sound(container, track, sound.seconds, uneven=sound.uneven)
    return path


def draw_cover(size: tuple[int, int]) -> bytes:
    """Draw a picture as JPEG."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def patch_rotation(path: Path, degrees: int) -> Path:
    """Turn the picture of an mp4 by 0, 90, 180 or 270 degrees clockwise, as a phone does."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = {
        0: (one, 0, 0, 0, one, 0),
        90: (0, one, 0, -one, 0, 0),
        180: (-one, 0, 0, 0, -one, 0),
        270: (0, -one, 0, one, 0, 0),
    }[degrees]
    struct.pack_into(">6i", data, place, *matrix)
    path.write_bytes(data)
    return path


def patch_edits(path: Path, *edits: tuple[float, float | None]) -> Path:
    """Replace the edit list of the first track of an mp4 whose header comes last.

    Args:
        path: The file.
        edits: Length of each piece in seconds, and where it starts in the track; None for a piece
            in which nothing is shown.
    """
    data = path.read_bytes()
    moov = _box(data, b"moov", 0, len(data))
    trak = _box(data, b"trak", *moov)
    media = _box(data, b"mdhd", *_box(data, b"mdia", *trak))[0]
    movie = _box(data, b"mvhd", *moov)[0]
    (film_ticks,) = struct.unpack_from(">I", data, movie + 12)
    (track_ticks,) = struct.unpack_from(">I", data, media + 12)
    old = _box(data, b"edts", *trak)
    (first,) = struct.unpack_from(">i", data, _box(data, b"elst", *old)[0] + 12)
    entries = b"".join(
        struct.pack(
            ">IiHH",
            round(length * film_ticks),
            -1 if start is None else first + round(start * track_ticks),
            1,
            0,
        )
        for length, start in edits
    )
    elst = _boxed(b"elst", struct.pack(">II", 0, len(edits)) + entries)
    total = struct.pack(">I", round(sum(length for length, _ in edits) * film_ticks))
    tkhd = _box(data, b"tkhd", *trak)[0]
    head = data[trak[0] : tkhd + 20] + total + data[tkhd + 24 : old[0] - 8]
    changed = _boxed(b"trak", head + _boxed(b"edts", elst) + data[old[1] : trak[1]])
    before = data[moov[0] : movie + 16] + total + data[movie + 20 : trak[0] - 8]
    rest = data[trak[1] : moov[1]]
    path.write_bytes(data[: moov[0] - 8] + _boxed(b"moov", before + changed + rest))
    return path


def patch_cover_first(path: Path) -> Path:
    """Move the tags of an mp4, in which its cover lies, before its tracks."""
    data = path.read_bytes()
    start, end = _box(data, b"moov", 0, len(data))
    tags, tags_end = _box(data, b"udta", start, end)
    moved = data[tags - 8 : tags_end] + data[start : tags - 8] + data[tags_end:end]
    path.write_bytes(data[:start] + moved + data[end:])
    return path


def patch_default_duration(path: Path) -> Path:
    """Void the duration of a frame in a Matroska file, as many writers never write it."""
    data = path.read_bytes()
    start = data.index(b"\x23\xe3\x83")  # DefaultDuration
    length = data[start + 3] & 0x7F
    void = bytes([0xEC, 0x80 + length + 2]) + bytes(length + 2)
    path.write_bytes(data[:start] + void + data[start + 4 + length :])
    return path


def patch_display_width(path: Path, width: int) -> Path:
    """Let a Matroska file say how wide it is shown, where it named its language."""
    display = b"\x54\xb0\x82" + width.to_bytes(2, "big") + b"\xec\x80"  # as long as the language
    data = path.read_bytes()
    found = re.search(rb"\x22\xb5\x9c\x83und(.*?)\xe0([\x80-\xf0])(?=\xb0)", data, re.DOTALL)
    assert found is not None
    between, size, end = found[1], found[2][0], found.end() + (found[2][0] & 0x7F)
    unit_unknown, unit_pixels = b"\x54\xb2\x81\x04", b"\x54\xb2\x81\x00"
    stored = data[found.end() : end].replace(unit_unknown, unit_pixels)
    video = bytes([0xE0, size + len(display)]) + stored + display
    path.write_bytes(data[: found.start()] + between + video + data[end:])
    return path


def patch_pre_skip(path: Path, samples: int) -> Path:
    """Let more of the first samples of an Opus track, in Ogg or WebM, be thrown away."""
    data = bytearray(path.read_bytes())
    head = data.index(b"OpusHead")
    struct.pack_into("<H", data, head + 10, samples)
    if data.startswith(b"OggS"):
        page = data.rindex(b"OggS", 0, head)
        end = head + sum(data[page + 27 : page + 27 + data[page + 26]])
        struct.pack_into("<I", data, page + 22, 0)
        struct.pack_into("<I", data, page + 22, _ogg_checksum(bytes(data[page:end])))
    else:
        delay = data.index(b"\x56\xaa\x83") + 3
        data[delay : delay + 3] = (samples * 10**9 // 48_000).to_bytes(3, "big")
    path.write_bytes(data)
    return path


def _box(data: bytes, kind: bytes, start: int, end: int) -> tuple[int, int]:
    """Find where the contents of the first box of a kind start and end."""
    while start < end:
        length, found = struct.unpack_from(">I4s", data, start)
        if found == kind:
            return start + 8, start + length
        start += length
    raise AssertionError(kind)


def _boxed(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(contents), kind) + contents


def _ogg_checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def _add_cover(container: Any, path: Path, cover: bytes) -> Any:
    """Announce a cover; in Matroska it is an attachment, elsewhere a track of one picture."""
    if not cover:
        return None
    if path.suffix in {".mkv", ".mka"}:
        container.add_attachment("cover.jpg", "image/jpeg", cover)
        return None
    track = container.add_stream("mjpeg", rate=1)
    track.width, track.height = Image.open(io.BytesIO(cover)).size
    track.pix_fmt = "yuvj420p"
    track.disposition = av.stream.Disposition.attached_pic
    return track


def _flac_picture(cover: bytes) -> str:
    """Wrap a cover as the tags of Ogg hold it."""
    kind = b"image/jpeg"
    block = struct.pack(">2I", 3, len(kind)) + kind + struct.pack(">5I", *[0] * 5)
    return base64.b64encode(block + struct.pack(">I", len(cover)) + cover).decode()


def _write_cover(container: Any, track: Any, cover: bytes) -> None:
    if track is None:
        return
    container.start_encoding()
    packet = av.Packet(cover)
    packet.stream, packet.pts, packet.dts = track, 0, 0
    packet.time_base = TICK
    container.mux(packet)


def _add_video(container: Any, clip: Clip) -> Any:
    track = container.add_stream(clip.codec, rate=clip.rate)
    track.width, track.height = clip.size
    track.pix_fmt = "yuv420p"
    track.codec_context.time_base = TICK if clip.stamps else 1 / clip.rate
    if clip.codec in {"libx264", "mpeg4"}:
        track.codec_context.max_b_frames = clip.b_frames
    if clip.aspect is not None:
        track.codec_context.sample_aspect_ratio = clip.aspect
        track.sample_aspect_ratio = clip.aspect
    return track


def _write_sound(container: Any, track: Any, seconds: float, *, uneven: bool = False) -> None:
    rate = track.codec_context.sample_rate
    noise = np.random.default_rng(1)
    block = 1024
    for start in range(0, round(seconds * rate), block):
        length = min(block, round(seconds * rate) - start)
        wave = np.sin(np.arange(start, start + length) / 20) * 10_000
        if uneven:
            wave = noise.uniform(-1, 1, length) * (12_000 if 2 * start > seconds * rate else 0)
        samples = cast("Any", wave.astype(np.int16)[None, :])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))
