"""Small media files that the tests make themselves."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

__all__ = ["Clip", "make_sound", "make_video", "patch_rotation"]

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


def make_video(path: Path, clip: Clip = Clip()) -> Path:
    """Write a video file."""
    with av.open(str(path), "w", options=clip.options) as container:
        tracks = [_add_video(container, clip) for _ in range(clip.tracks)]
        sound = None
        if clip.sound:
            sound = container.add_stream(clip.sound_codec, rate=48_000, layout="mono")
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
    with av.open(str(path), "w") as container:
        _write_sound(container, container.add_stream(codec, rate=rate, layout="mono"), seconds)
    return path


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


def _write_sound(container: Any, track: Any, seconds: float) -> None:
    rate = track.codec_context.sample_rate
    block = 1024
    for start in range(0, round(seconds * rate), block):
        length = min(block, round(seconds * rate) - start)
        wave = np.sin(np.arange(start, start + length) / 20) * 10_000
        samples = cast("Any", wave.astype(np.int16)[None, :])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))
