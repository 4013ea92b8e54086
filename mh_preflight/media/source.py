"""What is it, by its first bytes? Opens a source and hands it to the reader of its kind."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from mh_preflight.errors import InputError, MediaError
from mh_preflight.media.container import INDEXED, read_container
from mh_preflight.media.facts import Media
from mh_preflight.media.still import image_format, read_image, read_webp_animation

if TYPE_CHECKING:
    from mh_preflight.media.facts import Image

__all__ = ["is_remote", "probe"]

_HEAD = 64  # bytes that tell what a file is


def is_remote(source: str) -> bool:
    """Tell whether a source is a URL, or the path that the API gave an uploaded file.

    Example:
        >>> is_remote("https://example.com/a.mp4"), is_remote("api-assets/id/1.mp4")
        (True, True)
    """
    scheme, separator, _ = source.partition("://")
    if separator and scheme.isalnum():
        return True
    return source.startswith("api-assets/") and not os.path.exists(source)  # noqa: PTH110


def probe(source: str | os.PathLike[str]) -> Media:
    """Read what a local file holds: size, duration, frame rate, frames.

    Goes from cheap to dear (header, sample index, packets, decoding) and stops as soon as the
    facts are certain; `Media.uncertain` names those that are not, and why.

    Args:
        source: Path of a video, audio or image file.

    Raises:
        MediaError: The file is missing, empty, no file, no media, or damaged beyond reading.
        InputError: The source is no path.

    Example:
        >>> media = probe("clip.mp4")
        >>> media.video.fps, media.video.frames
        (Fraction(60, 1), 360)
    """
    try:
        path = os.fsdecode(source)
    except TypeError:
        raise InputError(f"source: {type(source).__name__} is no path", field="source") from None
    if is_remote(path):
        raise MediaError(
            f"{path!r} is not on this machine, and only local files are read: "
            "state its facts with Media.given(...)",
            code="not-local",
            source=path,
        )
    size = _size(path)
    try:
        # Unbuffered, because 64 bytes are all that is wanted.
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  a path of any bytes
            head = file.read(_HEAD)
    except OSError as error:
        raise _unreadable(path, error) from error
    kind = image_format(head)
    if kind is None:
        return read_container(path, size, INDEXED if head[4:8] == b"ftyp" else None)
    if kind == "sequence":
        return _animation(read_container(path, size), _cover(path, size))
    still, pictures = read_image(path, size, kind)
    if pictures == 1:
        return still
    if kind == "webp":
        return read_webp_animation(path, still, pictures)
    if kind in {"gif", "png"}:
        return _animation(read_container(path, size), still.image)
    return still


def _size(path: str) -> int:
    try:
        status = os.stat(path)  # noqa: PTH116  a path of any bytes
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path!r} is a folder, not a file", code="not-a-file", source=path)
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path!r} is not a regular file", code="not-a-file", source=path)
    if status.st_size == 0:
        raise MediaError(f"{path!r} is empty", code="empty", source=path)
    return status.st_size


def _unreadable(path: str, error: Exception) -> MediaError:
    if isinstance(error, FileNotFoundError):
        return MediaError(f"there is no file {path!r}", code="not-found", source=path)
    reason = getattr(error, "strerror", None) or str(error)
    return MediaError(f"{path!r} cannot be opened: {reason}", code="unreadable", source=path)


def _cover(path: str, size: int) -> Image | None:
    """Read the still that stands for a film in an image file, where Pillow can."""
    try:
        return read_image(path, size, "avif")[0].image
    except MediaError:
        return None


def _animation(media: Media, image: Image | None) -> Media:
    return media.model_copy(update={"kind": "animation", "image": image})
