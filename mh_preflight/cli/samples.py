"""Small sample files, made on the spot: a clip with sound, a voice track, a portrait."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from av import AudioStream

__all__ = ["Samples", "make_samples"]

WIDTH, HEIGHT = 640, 360
SAMPLE_RATE = 48_000
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the sample files lie.

    Attributes:
        video: 6 s at 60 fps, with sound.
        voice: 5 s of sound.
        portrait: A picture.
    """

    video: Path
    voice: Path
    portrait: Path


def make_samples(folder: Path) -> Samples:
    """Write the sample files, unless they are there already.

    Args:
        folder: An existing folder.

    Raises:
        OSError: The folder cannot be written to.
    """
    samples = Samples(folder / "clip.mp4", folder / "voice.wav", folder / "portrait.png")
    if not samples.video.exists():
        _write(samples.video, frames=360, seconds=6)
    if not samples.voice.exists():
        _write(samples.voice, frames=0, seconds=5)
    if not samples.portrait.exists():
        from PIL import Image

        Image.fromarray(_picture(0.5)).save(samples.portrait)
    return samples


def _write(path: Path, *, frames: int, seconds: int) -> None:
    import av

    unfinished = path.with_suffix(f".part{path.suffix}")
    with av.open(str(unfinished), "w") as container:
        picture = container.add_stream("mpeg4", rate=60) if frames else None
        codec = "aac" if frames else "pcm_s16le"
        sound = cast("AudioStream", container.add_stream(codec, rate=SAMPLE_RATE, layout="mono"))
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for number in range(frames):
                image = av.VideoFrame.from_ndarray(_picture(number / frames), format="rgb24")
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        for start in range(0, seconds * SAMPLE_RATE, BLOCK):
            length = min(BLOCK, seconds * SAMPLE_RATE - start)
            tone = np.sin(np.arange(start, start + length) * (2 * np.pi * 220 / SAMPLE_RATE))
            samples = (tone * 8000).astype(np.int16)[None, :]
            block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            block.sample_rate, block.pts = SAMPLE_RATE, start
            block.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    unfinished.replace(path)


def _picture(progress: float) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Draw a disc that moves from left to right over a gradient."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[..., 0] = across * 255 // WIDTH
    image[..., 1] = down * 255 // HEIGHT
    image[..., 2] = 96
    middle = 100 + progress * (WIDTH - 200)
    image[(across - middle) ** 2 + (down - HEIGHT / 2) ** 2 < 80**2] = 230
    return image
