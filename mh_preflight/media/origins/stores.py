"""An object in a store, read through fsspec: whatever of it the user has installed."""

from __future__ import annotations

from typing import Any

from mh_preflight.errors import MediaError, MissingExtraError
from mh_preflight.media.limits import Limits
from mh_preflight.media.origins.far import (
    HEAD,
    Deadline,
    Pieces,
    redacted,
    remote_identity,
    shown_url,
)
from mh_preflight.units import one_line

__all__ = ["STORES", "StoredObject"]

STORES = frozenset(
    [
        "abfs",
        "abfss",
        "adl",
        "az",
        "b2",
        "cos",
        "file",
        "gcs",
        "gs",
        "local",
        "memory",
        "oci",
        "obs",
        "oss",
        "s3",
        "s3a",
        "swift",
        "tos",
    ]
)
"""Schemes that name an object in a store; fsspec knows more, which chain, unpack or log in."""


class StoredObject:
    """An object of a store.

    Args:
        url: Such as `s3://bucket/clip.mp4`.
        limits: Time and bytes.

    Raises:
        MissingExtraError: fsspec or its part for this store is not installed.
        MediaError: There is no such object, or it cannot be read.
    """

    far, stored, settled = True, 0, True

    def __init__(self, url: str, limits: Limits) -> None:
        self.name, self._url = shown_url(url), url
        self._deadline = Deadline(limits.remote_seconds, self.name)
        self._store, self._path = self._opened(url)
        facts = self._asked(lambda: self._store.info(self._path))
        if facts.get("type") == "directory" or facts.get("size") is None:
            raise MediaError(
                f"{self.name!r} is a folder, not a file", code="not-a-file", source=self.name
            )
        self.size = int(facts["size"])
        if not self.size:
            raise MediaError(f"{self.name!r} is empty", code="empty", source=self.name)
        self.identity = self._identity(facts)
        self._pieces = Pieces(self.size, self._range, most=limits.remote_bytes, name=self.name)
        self._pieces.keep(0, self._range(0, min(HEAD, int(limits.remote_bytes), self.size)))

    def read_at(self, place: int, length: int) -> bytes:
        """Read bytes: never more than `length`, fewer only where the object ends."""
        return self._pieces.read_at(place, length)

    def check(self) -> None:
        """Make sure that it was not replaced since it was opened."""
        if self.identity is None:
            return
        self._asked(self._store.invalidate_cache)
        facts = self._asked(lambda: self._store.info(self._path))
        if self._identity(facts) != self.identity:
            raise MediaError(
                f"{self.name!r} was changed while it was read", code="changed", source=self.name
            )

    def close(self) -> None:
        """Nothing is open."""

    def _opened(self, url: str) -> tuple[Any, str]:
        try:
            import fsspec
        except ImportError:
            raise MissingExtraError(
                f"{self.name!r} is read through fsspec, which is not installed: "
                "pip install fsspec and its part for this store, such as s3fs or gcsfs",
                source=self.name,
            ) from None
        store, path = self._asked(lambda: fsspec.core.url_to_fs(url))
        return store, str(path)

    def _identity(self, facts: dict[str, Any]) -> str | None:
        version = next((facts[key] for key in ("ETag", "etag", "md5Hash") if facts.get(key)), None)
        if version is None:
            changed = [facts.get(key) for key in ("mtime", "LastModified", "created")]
            version = next((each for each in changed if each is not None), None)
        return None if version is None else remote_identity(self._url, facts["size"], str(version))

    def _range(self, start: int, end: int) -> bytes:
        data = bytes(self._asked(lambda: self._store.cat_file(self._path, start=start, end=end)))
        if len(data) != end - start:
            raise MediaError(
                f"{self.name!r} was sent in other parts than were asked for",
                code="bad-range",
                source=self.name,
            )
        return data

    def _asked(self, work: Any) -> Any:
        try:
            return self._deadline.call(work)
        except MediaError:
            raise
        except ImportError as error:
            reason = one_line(str(error), 200)
            raise MissingExtraError(f"{self.name!r}: {reason}", source=self.name) from None
        except FileNotFoundError as error:
            raise MediaError(
                f"there is no file {self.name!r}", code="not-found", source=self.name
            ) from error
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> MediaError:
        reason = one_line(redacted(str(error)) or type(error).__name__, 200)
        return MediaError(
            f"{self.name!r} cannot be fetched: {reason}", code="network", source=self.name
        )
