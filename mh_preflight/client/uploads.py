"""Which files have to be uploaded, and which were? A file goes up once in seven days.

A file is known by the SHA-256 of what is in it: a copy, or one that was only touched, is not
uploaded again, and one that was changed is.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mh_preflight.client.calls import Medium
from mh_preflight.errors import InputError, MediaError
from mh_preflight.jobs import Job
from mh_preflight.media.origins import LocalFile, is_remote, is_upload, scheme_of
from mh_preflight.media.origins.far import shown_url

__all__ = ["KEPT_SECONDS", "LocalCopy", "Uploads", "local_files", "read_copy"]

KEPT_SECONDS = 7 * 86_400
"""For how long the API keeps an upload."""

MARGIN_SECONDS = 3_600
"""What is about to go is uploaded again: the job that needs it has to start first."""

PIECE = 256 << 10
MOST_KNOWN = 1_000
WAITING_SECONDS = 1.0

_EXTENSION = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_KINDS: Mapping[Medium, frozenset[str]] = {
    "video": frozenset({"mp4", "m4v", "mov", "webm"}),
    "audio": frozenset(
        {"mp3", "wav", "aac", "flac", "weba", "m4a", "opus", "ogg", "oga", "aiff", "amr"}
    ),
    "image": frozenset(
        {
            "png",
            "jpg",
            "jpeg",
            "jfif",
            "heic",
            "heif",
            "webp",
            "avif",
            "jp2",
            "tiff",
            "tif",
            "bmp",
            "gif",
        }
    ),
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    content TEXT PRIMARY KEY,
    file_path TEXT,
    until REAL NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A file on this machine, as it was read.

    Attributes:
        path: Where it lies.
        kind: What it has to be.
        extension: Without a dot, in small letters.
        size: Bytes.
        sha256: Of its bytes, in hex.
    """

    path: str
    kind: Medium
    extension: str
    size: int
    sha256: str

    @property
    def content(self) -> str:
        """What is the same as long as the API would take it for the same file."""
        return f"{self.kind}:{self.extension}:{self.size}:{self.sha256}"

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes, and make sure that they are the ones that were read before.

        Raises:
            MediaError: It was changed since, or cannot be read.
        """
        digest, length = hashlib.sha256(), 0
        with closing(LocalFile.open(self.path)) as file:
            while length < self.size:
                piece = file.read_at(length, min(PIECE, self.size - length))
                if not piece:
                    break
                digest.update(piece)
                length += len(piece)
                yield piece
            if file.size != self.size or digest.hexdigest() != self.sha256:
                raise MediaError(
                    f"{self.path!r} was changed while it was uploaded: submit it again once it "
                    "is finished",
                    code="changed",
                    source=self.path,
                )


def kind_by_name(path: str) -> Medium:
    """Tell by its name what a file is.

    Args:
        path: Where it lies.

    Raises:
        InputError: Its name does not tell.

    Example:
        >>> kind_by_name("clip.MOV")
        'video'
    """
    extension = _extension(path)
    for kind, extensions in _KINDS.items():
        if extension in extensions:
            return kind
    raise InputError(f"kind: {path!r} may be anything; say video, audio or image", field="kind")


def _extension(path: str) -> str:
    extension = os.path.splitext(path)[1].removeprefix(".").lower()  # noqa: PTH122  any bytes
    if not _EXTENSION.fullmatch(extension):
        raise InputError(
            f"{path!r} cannot be uploaded: the API asks for a file name extension, such as .mp4",
            source=path,
        )
    return extension


def read_copy(path: str, kind: Medium, known: dict[str, str] | None = None) -> LocalCopy:
    """Read a file, to know what is in it.

    Args:
        path: Where it lies.
        kind: What it has to be.
        known: What was read before, so that a file is not read again for each job that names it.

    Raises:
        MediaError: It cannot be read, or was written to meanwhile.
        InputError: Its name has no extension.
    """
    extension = _extension(path)
    with closing(LocalFile.open(path)) as file:
        before = known if known is not None and file.settled else {}
        found = before.get(file.identity or "")
        if found is None:
            digest, length = hashlib.sha256(), 0
            while piece := file.read_at(length, PIECE):
                digest.update(piece)
                length += len(piece)
            file.check()
            found = digest.hexdigest()
            if len(before) >= MOST_KNOWN:
                before.clear()
            before[file.identity or ""] = found
        return LocalCopy(path, kind, extension, file.size, found)


def local_files(job: Job, known: dict[str, str] | None = None) -> dict[str, LocalCopy]:
    """Give the files of a job that have to be uploaded, by their place in the request body.

    Args:
        job: The job.
        known: As for `read_copy`.

    Raises:
        InputError: The API cannot read a source, and it is not on this machine either.
        MediaError: A file cannot be read.
    """
    found = {}
    for place, source in job.files().items():
        if is_upload(source) or scheme_of(source) in {"http", "https"}:
            continue
        if is_remote(source):
            raise InputError(
                f"{place}: {shown_url(source)!r} is out of the API's reach: download it "
                "first, or give an https:// URL",
                field=place,
            )
        try:
            found[place] = read_copy(source, _kind_at(place, job, source), known)
        except (MediaError, InputError) as error:
            error.field = error.field or place
            raise
    return found


def _kind_at(place: str, job: Job, source: str) -> Medium:
    asset = place.removeprefix("assets.")
    if asset != place:
        return job.kind_of(asset)
    try:
        return kind_by_name(source)
    except InputError:
        raise InputError(
            f"{place}: {source!r} may be anything: give it a name that ends as those of its kind "
            "do, such as .png, .mp4 or .mp3",
            field=place,
        ) from None


class Uploads:
    """Which files were uploaded, for seven days; several processes may share the file.

    What cannot be remembered is uploaded again, which costs nothing but time.

    Args:
        where: A file, made where there is none; None to remember in this process only.
        clock: Seconds since 1970.

    Attributes:
        digests: What is in the files that this process has read.
    """

    def __init__(
        self, where: str | os.PathLike[str] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._where = None if where is None else Path(where)
        self._clock = clock
        self._lock = threading.Lock()
        self._own: sqlite3.Connection | None = None
        self._end: weakref.finalize[[], Uploads] | None = None
        self.digests: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Uploads({str(self._where)!r})" if self._where else "Uploads()"

    def close(self) -> None:
        """Forget what is remembered in this process only."""
        with self._lock:
            if self._end is not None:
                self._end()
            self._own = self._end = None

    def find(self, content: str, most: float = WAITING_SECONDS) -> str | None:
        """Give the path that the API gave a file; None where it has to be uploaded.

        Args:
            content: What is in the file, and whose account it is.
            most: Seconds to wait for the file at most.
        """
        try:
            with self._using(most) as database:
                row = database.execute(
                    "SELECT file_path FROM uploads WHERE content = ? AND until > ? AND until <= ?",
                    (content, self._clock() + MARGIN_SECONDS, self._clock() + KEPT_SECONDS),
                ).fetchone()
        except (sqlite3.Error, OSError):
            return None
        return None if row is None else row[0]

    def claim(self, content: str, seconds: float, most: float = WAITING_SECONDS) -> bool:
        """Take on an upload; False where somebody else is about it.

        Args:
            content: What is in the file, and whose account it is.
            seconds: For how long at most.
            most: Seconds to wait for the file at most.
        """
        now = self._clock()
        try:
            with self._using(most) as database:
                # A claim has no path; one whose time is over, as an upload's, is anybody's.
                database.execute(
                    "DELETE FROM uploads WHERE content = ? AND until <= "
                    "CASE WHEN file_path IS NULL THEN ? ELSE ? END",
                    (content, now, now + MARGIN_SECONDS),
                )
                done = database.execute(
                    "INSERT OR IGNORE INTO uploads VALUES (?, NULL, ?)", (content, now + seconds)
                )
                return done.rowcount == 1
        except (sqlite3.Error, OSError):
            return True

    def keep(self, content: str, file_path: str | None) -> None:
        """End what was taken on.

        Args:
            content: What is in the file, and whose account it is.
            file_path: The path that the API gave it; None where it was not uploaded.
        """
        until = self._clock() + KEPT_SECONDS
        try:
            with self._using() as database:
                if file_path is None:
                    database.execute(
                        "DELETE FROM uploads WHERE content = ? AND file_path IS NULL", (content,)
                    )
                else:
                    database.execute(
                        "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?)",
                        (content, file_path, until),
                    )
        except (sqlite3.Error, OSError):
            return

    @contextmanager
    def _using(self, most: float = WAITING_SECONDS) -> Iterator[sqlite3.Connection]:
        """Open the file for one change, so that a fork or another thread finds nothing open."""
        if self._where is None:
            with self._lock:
                if self._own is None:
                    self._own = sqlite3.connect(":memory:", check_same_thread=False)
                    # Where nobody closes the client.
                    self._end = weakref.finalize(self, self._own.close)
                    self._own.execute(_SCHEMA)
                with self._own:
                    yield self._own
            return
        waits = max(0.0, min(WAITING_SECONDS, most))
        with closing(sqlite3.connect(self._where, timeout=waits)) as database:
            with database:
                database.execute(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database
