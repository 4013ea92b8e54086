"""What is it, by its first bytes? Hands a source to the reader of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mh_preflight.errors import MediaError
from mh_preflight.media.container import INDEXED, read_container
from mh_preflight.media.limits import SOFT_SHARE, Budget
from mh_preflight.media.pyav import too_large
from mh_preflight.media.still import image_format, read_image, read_webp_animation

if TYPE_CHECKING:
    from mh_preflight.media.facts import Image, Media
    from mh_preflight.media.origins import Content

__all__ = ["read_content"]

_HEAD = 64  # bytes that tell what a file is


def read_content(content: Content, seconds: float) -> Media:
    """Read what a source holds, from cheap to dear, in this process.

    Args:
        content: The source.
        seconds: The processor time that it may take; most of it before it stops by itself.

    Raises:
        MediaError: It is no media, damaged beyond reading, or needs too much memory.
    """
    try:
        return _read(content, Budget(seconds * SOFT_SHARE))
    except MemoryError as error:
        raise too_large(content.name) from error


def _read(content: Content, budget: Budget) -> Media:
    head = content.read_at(0, _HEAD)
    kind = image_format(head)
    if kind is None:
        return read_container(content, budget, INDEXED if head[4:8] == b"ftyp" else None)
    if kind == "sequence":
        return _animation(read_container(content, budget), _cover(content, budget))
    still, pictures = read_image(content, budget, kind)
    if pictures == 1:
        return still
    if kind == "webp":
        return read_webp_animation(content, still, pictures)
    if kind in {"gif", "png"}:
        return _animation(read_container(content, budget), still.image)
    return still


def _cover(content: Content, budget: Budget) -> Image | None:
    """Read the still that stands for a film in an image file, where Pillow can."""
    try:
        return read_image(content, budget, "avif")[0].image
    except MediaError:
        return None


def _animation(media: Media, image: Image | None) -> Media:
    return media.model_copy(update={"kind": "animation", "image": image})
