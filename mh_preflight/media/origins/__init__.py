"""Where do the bytes come from? A file, bytes, an open file, a URL or an object store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from mh_preflight.errors import InputError, MediaError
from mh_preflight.media.origins.content import Content, Stream
from mh_preflight.media.origins.far import shown_url
from mh_preflight.media.origins.handed import InMemory, OpenFile
from mh_preflight.media.origins.local import LocalFile, identity_of

if TYPE_CHECKING:
    from mh_preflight.media.limits import Limits

__all__ = [
    "Content",
    "InMemory",
    "LocalFile",
    "Source",
    "Stream",
    "ending_of",
    "identity_of",
    "is_remote",
    "is_upload",
    "open_content",
    "scheme_of",
]

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Any"
"""A path, a URL, the bytes themselves, or an open binary file."""


def open_content(source: Source, limits: Limits) -> Content:
    """Open a source, without looking at what it holds.

    Args:
        source: A path, URL, bytes, or an open binary file.
        limits: What may be reached.

    Raises:
        MediaError: It cannot be opened, or may not be.
        MissingExtraError: What reads it is not installed.
        InputError: It is none of these.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return InMemory(source)
    if hasattr(source, "read") and not isinstance(source, os.PathLike):
        return OpenFile(source)
    try:
        path = os.fsdecode(source)
    except TypeError:
        raise InputError(
            f"source: {type(source).__name__} is no path, URL, bytes or open file", field="source"
        ) from None
    scheme = scheme_of(path)
    if is_upload(path):
        raise MediaError(
            f"{path!r} was uploaded to the API and is not on this machine: read the file that it "
            "was made from, or state its facts with Media.given(...)",
            code="not-local",
            source=path,
        )
    if scheme is None:
        return LocalFile.open(path)
    if scheme in {"http", "https"}:
        from mh_preflight.media.origins.http import RemoteFile

        return RemoteFile(path, limits)
    from mh_preflight.media.origins.stores import STORES, StoredObject

    if scheme in STORES:
        return StoredObject(path, limits)
    raise MediaError(
        f"{shown_url(path)!r} is not read: {scheme} names neither a web server nor an object store",
        code="bad-url",
        source=shown_url(path),
    )


def is_remote(source: str) -> bool:
    """Tell whether a source is a URL, or a file that was uploaded to the API.

    Example:
        >>> is_remote("https://example.com/a.mp4"), is_remote("api-assets/id/1.mp4")
        (True, True)
    """
    return scheme_of(source) is not None or is_upload(source)


def is_upload(source: str) -> bool:
    """Tell whether a source is the path that the API gave a file when it was uploaded.

    Example:
        >>> is_upload("api-assets/id/1.mp4")
        True
    """
    return source.startswith("api-assets/") and not os.path.exists(source)  # noqa: PTH110


def scheme_of(source: str) -> str | None:
    """Give the scheme of a URL, in small letters; None where it is a path.

    Example:
        >>> scheme_of("HTTPS://example.com/a.mp4"), scheme_of("C:/clips/a.mp4")
        ('https', None)
    """
    scheme, separator, _ = source.partition("://")
    return scheme.lower() if separator and scheme.isalnum() else None


def ending_of(path: str) -> str:
    """Give the ending of a file's or URL's name, in small letters; empty where it has none."""
    try:
        name = urlsplit(path).path if "://" in path else path
    except ValueError:  # it looks like a URL and is none
        name = ""
    stem, dot, ending = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return ending.lower() if dot and stem else ""
