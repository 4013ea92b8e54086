"""How large is a picture as it is displayed? Pillow, and pillow-heif for HEIC.

PyAV reads an iPhone's HEIC as tiles of 512 x 512 and applies no EXIF orientation, so stills are
never asked of it.
"""

from __future__ import annotations

import os
import warnings
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mh_preflight.errors import MediaError
from mh_preflight.media.facts import Image, Media, Video
from mh_preflight.media.timeline import read_timeline
from mh_preflight.units import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["image_format", "read_image", "read_webp_animation"]

_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_AVIF = (b"avif", b"avis")
_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")
_ORIENTATION = 0x0112  # the EXIF tag
_SIDEWAYS = 5  # EXIF orientations from 5 on swap width and height
_ANMF_HEAD = 16  # bytes before a frame's picture: place, size, delay, flags
_MOST_CHUNKS = 100_000
_ZERO_DELAY = 100  # milliseconds; what browsers show a frame without delay for


def image_format(head: bytes) -> str | None:  # noqa: PLR0911  one answer a format
    """Name the picture format by its first bytes, whatever the file is called.

    Args:
        head: At least the first 32 bytes.

    Returns:
        `heif`, `avif`, `sequence` (an image file that holds a film), `gif`, `png`, `webp` or
        `still`; None where it is no picture.
    """
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _SEQUENCES:
            return "sequence"
        return "heif" if brand in _HEIF else "avif" if brand in _AVIF else None
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    stills = (
        b"\xff\xd8\xff",  # JPEG
        b"II*\x00",  # TIFF
        b"MM\x00*",
        b"II+\x00",  # BigTIFF
        b"\x00\x00\x00\x0cjP  ",  # JPEG 2000
        b"\xff\x4f\xff\x51",
    )
    if head.startswith(stills) or (head.startswith(b"BM") and head[6:10] == bytes(4)):
        return "still"
    return None


def read_image(path: str, size: int, kind: str) -> tuple[Media, int]:
    """Read a picture's displayed size and the number of its pictures.

    Args:
        path: A local file.
        size: Its length in bytes.
        kind: What `image_format` said.

    Returns:
        The facts as of a still, and how many pictures the file holds.

    Raises:
        MediaError: It is no picture that can be read.
    """
    return _read_heif(path, size) if kind == "heif" else _read_with_pillow(path, size)


def read_webp_animation(path: str, still: Media, pictures: int) -> Media:
    """Read an animated WebP, which FFmpeg cannot, from its chunks and without decoding.

    Args:
        path: A local file.
        still: Its facts as of a still.
        pictures: How many pictures Pillow finds in it; the chunks must agree for certainty.

    Raises:
        MediaError: It holds no picture.
    """
    with open(path, "rb") as file:  # noqa: PTH123  a path of any bytes
        delays = [delay or _ZERO_DELAY for delay in _webp_delays(file)]
    if not delays:
        raise MediaError(f"{path!r} holds no picture", code="unreadable", source=path)
    tick = Fraction(1, 1000)
    stamps = np.concatenate(([0], np.cumsum(delays[:-1]))).astype(np.int64)
    timeline = read_timeline(stamps, delays[-1], tick, None)
    image = still.image
    video = Video(
        codec="webp",
        width=image.width if image else None,
        height=image.height if image else None,
        coded_width=image.width if image else None,
        coded_height=image.height if image else None,
        rotation=0,
        fps=timeline.fps,
        frames=len(delays),
        start_seconds=0.0,
        duration_seconds=seconds(timeline.duration),
        variable_frame_rate=timeline.variable,
        frame_times=timeline.times if timeline.variable else None,
    )
    timed = [f"video.{n}" for n in ("frames", "fps", "duration_seconds", "variable_frame_rate")]
    learned = dict.fromkeys(timed, "packets")
    doubt = f"{len(delays)} chunks hold {pictures} pictures"
    return still.model_copy(
        update={
            "uncertain": {} if len(delays) == pictures else dict.fromkeys(timed, doubt),
            "kind": "animation",
            "video": video,
            "duration_seconds": video.duration_seconds,
            "learned_from": {**still.learned_from, **learned},
        }
    )


def _webp_delays(file: BinaryIO) -> Iterator[int]:
    """Give how long each frame is shown, in milliseconds, from the head of its chunk."""
    file.seek(12)
    for _ in range(_MOST_CHUNKS):
        head = file.read(8 + _ANMF_HEAD)
        if len(head) < 8:  # noqa: PLR2004  name and length of a chunk
            return
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if name == b"ANMF" and len(head) == 8 + _ANMF_HEAD:
            yield int.from_bytes(head[8 + 12 : 8 + 15], "little")
        file.seek(length + length % 2 - (len(head) - 8), os.SEEK_CUR)


def _read_heif(path: str, size: int) -> tuple[Media, int]:
    import pillow_heif

    with _errors(path):
        heif = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
        width, height = heif.size  # as displayed: libheif has turned it
        orientation = heif.info.get("original_orientation")
    return _still(path, size, "HEIF", (width, height), orientation), 1


def _read_with_pillow(path: str, size: int) -> tuple[Media, int]:
    from PIL import Image as Pillow

    with _errors(path), Pillow.open(path) as picture:
        width, height = picture.size
        orientation = picture.getexif().get(_ORIENTATION)
        if not isinstance(orientation, int) or not 1 <= orientation <= 8:  # noqa: PLR2004  EXIF
            orientation = None
        # Pillow has turned a TIFF already and still says how.
        if orientation and orientation >= _SIDEWAYS and picture.format != "TIFF":
            width, height = height, width
        name, pictures = str(picture.format), getattr(picture, "n_frames", 1)
    return _still(path, size, name, (width, height), orientation), pictures


def _still(path: str, size: int, container: str, shown: tuple[int, int], orientation: Any) -> Media:
    return Media(
        source=path,
        size_bytes=size,
        kind="image",
        container=container,
        image=Image(width=shown[0], height=shown[1], orientation=orientation),
        learned_from={"image.width": "header", "image.height": "header"},
    )


class _errors:  # noqa: N801  reads as a statement
    """Turn what Pillow and libheif raise on damaged files into a `MediaError`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.quiet = warnings.catch_warnings()

    def __enter__(self) -> None:
        self.quiet.__enter__()
        warnings.simplefilter("ignore")  # a large photo, odd EXIF: the size is right all the same

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.quiet.__exit__(kind, error, trace)
        if isinstance(error, Exception) and not isinstance(error, MediaError):
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MediaError(
                f"{self.path!r} cannot be read as a picture ({reason[:120]})",
                code="unreadable",
                source=self.path,
            ) from error
