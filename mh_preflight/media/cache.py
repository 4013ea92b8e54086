"""Has it been read before? A small database in the user's cache folder, off unless asked for."""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.media.answer import pack_answer, unpack_answer
from mh_preflight.units import positive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from mh_preflight.media.facts import Media

__all__ = ["ProbeCache", "cache_folder"]

NAME = "probes.sqlite"

_MAGIC = b"SQLite format 3\0"

MOST_BYTES = 256 << 10
"""The longest answer that is kept; times of frames can be longer."""

WAITING_SECONDS = 2.0  # for another process; then the file is read again

_SCHEMA = """
CREATE TABLE IF NOT EXISTS probes (
    content TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    answer BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON probes (number);
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
        self._given = path
        self._most = positive(most, field="most")

    def get(self, identity: str) -> Media | None:
        """Give what was found in this content, if it was read before.

        Args:
            identity: What the content is known by.
        """
        key = self._key(identity)

        def find(database: sqlite3.Connection) -> Any:
            query = "SELECT answer FROM probes WHERE content = ?"
            return database.execute(query, (key,)).fetchone()

        row = self._done(find)
        try:
            return unpack_answer(row[0]).media if row else None
        except (MediaError, TypeError):
            return None

    def put(self, identity: str, media: Media) -> None:
        """Keep what was found.

        Args:
            identity: What the content is known by.
            media: The facts.
        """
        key, answer = self._key(identity), pack_answer(media)
        if len(answer) > MOST_BYTES:
            return

        def keep(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT OR REPLACE INTO probes "
                "VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM probes), ?)",
                (key, answer),
            )
            (kept,) = database.execute("SELECT count(*) FROM probes").fetchone()
            if kept > self._most:
                database.execute(
                    "DELETE FROM probes WHERE content IN "
                    "(SELECT content FROM probes ORDER BY number LIMIT ?)",
                    (kept - self._most,),
                )

        self._done(keep)

    def clear(self) -> None:
        """Forget everything."""
        self._done(lambda database: database.execute("DELETE FROM probes"))

    def _done(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Do something with the database, or nothing where it cannot be used."""
        import sqlite3

        path = None
        try:
            path = Path(self._given) if self._given is not None else cache_folder() / NAME
            with closing(_opened(path)) as database, database:
                return work(database)
        except sqlite3.DatabaseError as error:
            if path is not None and type(error) is sqlite3.DatabaseError:
                _remove(path)  # it is damaged, or none: the next probe makes another
        except (sqlite3.Error, OSError, RuntimeError):
            pass  # no place, no rights, no home
        return None

    def _key(self, identity: str) -> str:
        return f"{self._reader}|{identity}"

    @cached_property
    def _reader(self) -> str:
        """Name what reads here; another version may find something else in the same content."""
        from importlib.metadata import version

        parts = ("mh-preflight", "av", "pillow", "pillow-heif")
        return ",".join(version(part) for part in parts)


def _opened(path: Path) -> sqlite3.Connection:
    import sqlite3

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=WAITING_SECONDS)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")  # what is lost can be read again
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _remove(path: Path) -> None:
    """Remove a damaged database; what never was one is someone's file and stays."""
    with suppress(OSError), path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + ending).unlink()
