"""How large is a picture as it is displayed? Pillow, and pillow-heif for HEIC.

PyAV reads an iPhone's HEIC as tiles of 512 x 512 and applies no EXIF orientation, so stills are
never asked of it.
"""

from __future__ import annotations

import struct
import warnings
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mh_preflight.errors import MediaError
from mh_preflight.media.facts import Image, Media, Video
from mh_preflight.media.limits import NEAR
from mh_preflight.media.origins import Stream
from mh_preflight.media.timeline import read_timeline
from mh_preflight.units import one_line, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.media.limits import Budget
    from mh_preflight.media.origins import Content

__all__ = ["image_format", "read_image", "read_webp_animation"]

_FORMATS = {
    "avif": ("AVIF",),
    "gif": ("GIF",),
    "png": ("PNG",),
    "webp": ("WEBP",),
    "still": ("JPEG", "TIFF", "JPEG2000", "BMP"),
}
"""Pillow's names of the formats by what `image_format` says."""

_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_AVIF = (b"avif", b"avis")
_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")
_ORIENTATION = 0x0112  # the EXIF tag
_SIDEWAYS = 5  # EXIF orientations from 5 on swap width and height
_ANMF_HEAD = 16  # bytes before a frame's picture: place, size, delay, flags
_MOST_CHUNKS = 100_000
_TELLING = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")  # chunks of a PNG that may state an orientation
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


def read_image(content: Content, budget: Budget, kind: str) -> tuple[Media, int]:
    """Read a picture's displayed size and the number of its pictures.

    Args:
        content: The source.
        budget: The processor time.
        kind: What `image_format` said.

    Returns:
        The facts as of a still, and how many pictures the file holds.

    Raises:
        MediaError: It is no picture that can be read.
    """
    with _pictures(content, budget) as stream:
        if kind == "heif":
            return _still(content, *_read_heif(stream)), 1
        late = kind == "png" and _says_more_behind_its_picture(content)
        name, shown, orientation, pictures = _read_with_pillow(stream, kind, late=late)
        return _still(content, name, shown, orientation), pictures


def read_webp_animation(content: Content, still: Media, pictures: int) -> Media:
    """Read an animated WebP, which FFmpeg cannot, from its chunks and without decoding.

    Args:
        content: The source.
        still: Its facts as of a still.
        pictures: How many pictures Pillow finds in it; the chunks must agree for certainty.

    Raises:
        MediaError: It holds no picture.
    """
    delays = [delay or _ZERO_DELAY for delay in _webp_delays(content)]
    if not delays:
        raise MediaError(
            f"{content.name!r} holds no picture", code="unreadable", source=content.name
        )
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


def _webp_delays(content: Content) -> Iterator[int]:
    """Give how long each frame is shown, in milliseconds, from the head of its chunk."""
    place = 12
    for _ in range(_MOST_CHUNKS):
        head = content.read_at(place, 8 + _ANMF_HEAD)
        if len(head) < 8:  # noqa: PLR2004  name and length of a chunk
            return
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if name == b"ANMF" and len(head) == 8 + _ANMF_HEAD:
            yield int.from_bytes(head[8 + 12 : 8 + 15], "little")
        place += 8 + length + length % 2


def _read_heif(stream: Any) -> tuple[str, tuple[int, int], Any]:
    import pillow_heif

    heif = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False)
    width, height = heif.size  # as displayed: libheif has turned it
    return "HEIF", (width, height), heif.info.get("original_orientation")


def _says_more_behind_its_picture(content: Content) -> bool:
    """Tell whether a PNG may state its orientation where Pillow finds it only by decoding."""
    if content.far and content.size > NEAR:
        return False
    place, seen = 8, False
    for _ in range(_MOST_CHUNKS):
        head = content.read_at(place, 8)
        name = head[4:8]
        seen = seen or name == b"IDAT"
        if seen and name in _TELLING:
            return True
        if name in {b"", b"IEND"}:
            return False
        place += 12 + int.from_bytes(head[:4], "big")
    return True


def _opened(stream: Any, kind: str) -> Any:
    """Open a picture as what its first bytes say, however large: only its header is read."""
    from PIL import Image as Pillow

    formats = _FORMATS[kind]
    try:
        return Pillow.open(stream, formats=formats)
    except Pillow.DecompressionBombError:
        for name in formats:
            stream.seek(0)
            with suppress(SyntaxError, IndexError, TypeError, struct.error):
                return Pillow.OPEN[name][0](stream, "")
        raise


def _read_with_pillow(
    stream: Any, kind: str, *, late: bool
) -> tuple[str, tuple[int, int], int | None, int]:
    from PIL import Image as Pillow

    with _opened(stream, kind) as picture:
        width, height = picture.size
        # A PNG's own way decodes the whole picture, for what may stand behind it.
        exif = picture.getexif() if late else Pillow.Image.getexif(picture)
        orientation = exif.get(_ORIENTATION)
        if not isinstance(orientation, int) or not 1 <= orientation <= 8:  # noqa: PLR2004  EXIF
            orientation = None
        # Pillow has turned a TIFF already and still says how.
        if orientation and orientation >= _SIDEWAYS and picture.format != "TIFF":
            width, height = height, width
        name, pictures = str(picture.format), getattr(picture, "n_frames", 1)
    return name, (width, height), orientation, pictures


def _still(content: Content, container: str, shown: tuple[int, int], orientation: Any) -> Media:
    return Media(
        source=content.name,
        size_bytes=content.size,
        kind="image",
        container=container,
        image=Image(width=shown[0], height=shown[1], orientation=orientation),
        learned_from={"image.width": "header", "image.height": "header"},
    )


@contextmanager
def _pictures(content: Content, budget: Budget) -> Iterator[Stream]:
    """Give what Pillow and libheif read, and turn what they raise into a `MediaError`."""
    stream = Stream(content, budget)
    stream.opened()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large photos and odd EXIF
            yield stream
    except (MediaError, MemoryError):
        raise
    except Exception as error:
        if stream.failure is not None:
            raise stream.failure from None
        unknown = type(error).__name__ == "UnidentifiedImageError"  # whose text is an address
        reason = "damaged" if unknown else one_line(str(error) or type(error).__name__, 120)
        raise MediaError(
            f"{content.name!r} cannot be read as a picture ({reason})",
            code="unreadable",
            source=content.name,
        ) from error
