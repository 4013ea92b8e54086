"""Has it been read before? A small database in the user's cache folder, off unless asked for."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mh_preflight.errors import MediaError
from mh_preflight.media.isolation.messages import pack_answer, unpack_answer
from mh_preflight.units import positive

if TYPE_CHECKING:
    from mh_preflight.media.facts import Media

__all__ = ["ProbeCache", "cache_folder"]

WAITING_SECONDS = 2.0  # for another process; then the file is read again

_SCHEMA = """
CREATE TABLE IF NOT EXISTS probes (
    content TEXT PRIMARY KEY,
    stored REAL NOT NULL,
    answer BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON probes (stored);
"""


def cache_folder() -> Path:
    """Give the folder in which this user's programs keep what can be made again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mh-preflight"


class ProbeCache:
    """What was found in sources that have not changed since.

    A file is known again by device, inode, size and time of change, a URL by its strong ETag, an
    object by its store's. Many processes may use one cache. A cache that cannot be used is as good
    as empty: no probe fails because of it.

    Args:
        path: The database; by default in the user's cache folder.
        most: Sources that are kept; beyond, the oldest are forgotten.

    Raises:
        InputError: `most` is no whole number above 0.

    Example:
        >>> from mh_preflight import probe
        >>> cache = ProbeCache("probes.sqlite")
        >>> probe("clip.mp4", cache=cache) == probe("clip.mp4", cache=cache)
        True
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, most: int = 10_000) -> None:
        self._path = Path(path) if path is not None else cache_folder() / "probes.sqlite"
        self._most = positive(most, field="most")
        # Another version may find something else in the same file.
        parts = ("mh-preflight", "av", "pillow", "pillow-heif")
        self._reader = ",".join(version(part) for part in parts)

    def get(self, identity: str) -> Media | None:
        """Give what was found in this content, if it was read before.

        Args:
            identity: What the content is known by.
        """
        try:
            with closing(self._open()) as database:
                row = database.execute(
                    "SELECT answer FROM probes WHERE content = ?", (self._key(identity),)
                ).fetchone()
            if row is None:
                return None
            return unpack_answer(row[0]).media
        except (sqlite3.Error, OSError, MediaError, TypeError):
            return None

    def put(self, identity: str, media: Media) -> None:
        """Keep what was found.

        Args:
            identity: What the content is known by.
            media: The facts.
        """
        row = (self._key(identity), time.time(), pack_answer(media))
        with suppress(sqlite3.Error, OSError), closing(self._open()) as database, database:
            database.execute("INSERT OR REPLACE INTO probes VALUES (?, ?, ?)", row)
            (kept,) = database.execute("SELECT count(*) FROM probes").fetchone()
            if kept > self._most:
                database.execute(
                    "DELETE FROM probes WHERE content IN "
                    "(SELECT content FROM probes ORDER BY stored LIMIT ?)",
                    (kept - self._most,),
                )

    def clear(self) -> None:
        """Forget everything."""
        with suppress(sqlite3.Error, OSError), closing(self._open()) as database, database:
            database.execute("DELETE FROM probes")

    def _key(self, identity: str) -> str:
        return f"{self._reader}|{identity}"

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=WAITING_SECONDS)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")  # what is lost can be read again
            database.executescript(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database
