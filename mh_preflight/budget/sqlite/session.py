"""Which file is the ledger, and is it still? One process's connection to it.

Each change is one transaction in write-ahead mode with `synchronous=FULL`: on the disk before the
call returns. The file has to lie on this machine's own disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mh_preflight.budget.entries import FINAL, State
from mh_preflight.budget.sqlite.identity import FileId, file_id
from mh_preflight.budget.sqlite.turns import Turns
from mh_preflight.budget.store import VERSION
from mh_preflight.errors import LedgerError
from mh_preflight.units import one_line

__all__ = ["Session", "ledger_error", "open_session"]

Answer = TypeVar("Answer")

APPLICATION = 0x4D485046  # "MHPF": how a ledger is told from any other database

# One look-up in text: a list would be made anew in each statement.
_IN_STATES = f"instr(' {' '.join(State)} ', ' ' || state || ' ')"
_IN_FINAL = f"instr(' {' '.join(sorted(FINAL))} ', ' ' || state || ' ')"

_TABLES = (
    """
    CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        uuid TEXT NOT NULL
    )
    """,
    f"""
    CREATE TABLE entries (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL CHECK ({_IN_STATES}),
        credits INTEGER NOT NULL CHECK (typeof(credits) = 'integer' AND credits >= 0),
        usd INTEGER CHECK (usd IS NULL OR typeof(usd) = 'integer' AND usd >= 0),
        charged INTEGER CHECK (charged IS NULL OR typeof(charged) = 'integer' AND charged >= 0),
        charged_usd INTEGER CHECK (
            charged_usd IS NULL OR typeof(charged_usd) = 'integer' AND charged_usd >= 0
        ),
        project TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        run TEXT NOT NULL,
        project_id TEXT,
        reserved_at INTEGER NOT NULL CHECK (typeof(reserved_at) = 'integer'),
        changed_at INTEGER NOT NULL CHECK (typeof(changed_at) = 'integer'),
        expires_at INTEGER CHECK (expires_at IS NULL OR typeof(expires_at) = 'integer'),
        card_version TEXT,
        estimate TEXT,
        word TEXT,
        claim TEXT,
        open INTEGER CHECK (open IS NULL OR open = 1),
        CHECK ((open IS NULL) = ({_IN_FINAL} > 0)),
        CHECK ((state = 'settled') = (charged IS NOT NULL)),
        CHECK (state <> 'submitted' OR project_id IS NOT NULL)
    )
    """,
    # Touched only where an entry begins or ends: each page more that is written costs time.
    "CREATE INDEX entries_open ON entries (number) WHERE open = 1",
    "CREATE UNIQUE INDEX entries_sent ON entries (project_id) WHERE project_id IS NOT NULL",
    """
    CREATE TABLE budgets (
        unit TEXT NOT NULL CHECK (unit IN ('credits', 'usd')),
        per TEXT NOT NULL CHECK (per IN ('job', 'run', 'day', 'month', 'ever')),
        project TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        zone TEXT NOT NULL,
        most INTEGER NOT NULL CHECK (typeof(most) = 'integer' AND most >= 0),
        PRIMARY KEY (unit, per, project, endpoint, zone)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE counters (
        run TEXT NOT NULL,
        ends INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        unit TEXT NOT NULL,
        per TEXT NOT NULL,
        project TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        zone TEXT NOT NULL,
        reserved INTEGER NOT NULL CHECK (typeof(reserved) = 'integer' AND reserved >= 0),
        settled INTEGER NOT NULL CHECK (typeof(settled) = 'integer' AND settled >= 0),
        overrun INTEGER NOT NULL CHECK (typeof(overrun) = 'integer' AND overrun >= 0),
        unpriced INTEGER NOT NULL CHECK (typeof(unpriced) = 'integer' AND unpriced >= 0),
        PRIMARY KEY (run, ends, starts, unit, per, project, endpoint, zone)
    ) WITHOUT ROWID
    """,
)


def open_session(path: Path, where: str, wait_seconds: float) -> Session:
    """Open a ledger, or make one.

    Args:
        path: Where it lies.
        where: What messages call it.
        wait_seconds: How long another process is waited for.

    Raises:
        LedgerError: It cannot be opened, or is no ledger.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "no file"
            raise LedgerError(
                f"{where}: is {kind}, and no ledger", code="not-a-ledger", source=where
            )
        if path.exists() and path.stat().st_nlink > 1:
            raise _linked(where)
        lock = Path(f"{path}.lock")
        ours = not lock.exists()
        session = Session(path, where, wait_seconds)
        try:
            session.begin()
        except BaseException as error:
            session.close()
            if ours and _is_no_ledger(error):
                lock.unlink(missing_ok=True)  # beside a file of somebody else's
            raise
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(where, error) from error
    return session


def _is_no_ledger(error: BaseException) -> bool:
    return getattr(error, "code", None) == "not-a-ledger" or (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB
    )


def _linked(where: str) -> LedgerError:
    return LedgerError(
        f"{where}: has another name (a hard link), under which it would be another ledger: "
        "keep one name",
        code="linked",
        source=where,
    )


class Session:
    """The connection of one process.

    Attributes:
        db: The connection; what changes something goes through `change`.
    """

    db: sqlite3.Connection

    def __init__(self, path: Path, where: str, wait_seconds: float) -> None:
        self._path, self._where, self._wait = path, where, wait_seconds
        self._files: dict[str, FileId] = {}
        self._turns = Turns(f"{path}.lock", where, wait_seconds)

    def begin(self) -> None:
        """Open the file, and make what is missing in it, while no other process does."""
        self._turns.alone(self._open)

    def _open(self) -> None:
        with contextlib.suppress(FileExistsError):
            # Never opened otherwise: to close it would drop SQLite's locks.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            _sync_folder(self._path.parent)
        known = file_id(str(self._path))
        self.db = sqlite3.connect(
            self._path,
            timeout=self._wait,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        self._know()
        (found,) = self.db.execute("PRAGMA journal_mode = WAL").fetchone()
        if found != "wal":
            raise self._refused("cannot be written ahead: it lies on no disk of this machine")
        for pragma in ("synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF"):
            self.db.execute(f"PRAGMA {pragma}")
        self._transact(self._make_tables)
        # Of another index of the log, two processes would overwrite each other's pages.
        for suffix in ("", "-wal", "-shm"):
            self._files[f"{self._path}{suffix}"] = file_id(f"{self._path}{suffix}")
        self._files[str(self._path)] = known
        self.check_place()

    def _know(self) -> bool:
        """Make sure that it is a ledger of ours, or nothing yet."""
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == APPLICATION and version > VERSION:
            raise LedgerError(
                f"{self._where}: is a ledger of a newer mh-preflight (version {version}, known is "
                f"{VERSION}): update mh-preflight",
                code="newer-ledger",
                source=self._where,
            )
        if (application, version) == (APPLICATION, VERSION):
            return True
        if application or version or tables:
            raise self._refused("is a database of something else")
        return False

    def _refused(self, reason: str) -> LedgerError:
        return LedgerError(f"{self._where}: {reason}", code="not-a-ledger", source=self._where)

    def _make_tables(self, db: sqlite3.Connection) -> None:
        if self._know():
            return
        for sql in _TABLES:
            db.execute(sql)
        db.execute("INSERT INTO meta VALUES (1, ?)", (str(uuid.uuid4()),))
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {VERSION}")

    def check_place(self) -> None:
        """Make sure that the files under the ledger's name are those that are open.

        Raises:
            LedgerError: They were replaced, renamed or deleted: what is written would be lost.
        """
        try:
            for path, known in self._files.items():
                found = file_id(path)
                if found[:2] != known[:2]:
                    break
                if found.names > 1:
                    raise _linked(self._where)
            else:
                return
        except OSError:
            pass
        raise LedgerError(
            f"{self._where}: the ledger was replaced, renamed or deleted while it was open; "
            "nothing was written",
            code="replaced",
            source=self._where,
        )

    def change(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do work in a transaction: all of it or nothing."""
        return self._turns.alone(lambda: self._transact(work))

    def _transact(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            answer = work(self.db)
            self.check_place()
            self.db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
            raise
        return answer

    def close(self) -> None:
        """Close the connection, and then the lock."""
        if hasattr(self, "db"):
            self.db.close()
        self._turns.close()


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on the disk too."""
    with contextlib.suppress(OSError):  # there is no such thing on Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_REASONS = {
    sqlite3.SQLITE_BUSY: ("busy", "another process keeps it locked"),
    sqlite3.SQLITE_LOCKED: ("busy", "another process keeps it locked"),
    sqlite3.SQLITE_FULL: ("full", "the disk is full; nothing was changed: free some and try again"),
    sqlite3.SQLITE_READONLY: ("unwritable", "it cannot be written"),
    sqlite3.SQLITE_CANTOPEN: ("unwritable", "it cannot be opened"),
    sqlite3.SQLITE_PERM: ("unwritable", "it may not be opened"),
    sqlite3.SQLITE_IOERR: ("unwritable", "its disk fails, or is full"),
    sqlite3.SQLITE_NOTADB: ("not-a-ledger", "it is no ledger"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "it is damaged: put back a copy"),
}


def ledger_error(where: str, error: sqlite3.Error | OSError | OverflowError) -> LedgerError:
    """Say what is wrong with a ledger.

    Args:
        where: What messages call it.
        error: What SQLite or the system said.
    """
    if isinstance(error, OverflowError):
        return LedgerError(
            f"{where}: the sums of a window are too large to be kept", code="full", source=where
        )
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return LedgerError(
            f"{where}: the ledger cannot be used: {reason}", code="unwritable", source=where
        )
    number = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    code, reason = _REASONS.get(number, ("ledger", "it cannot be used"))
    return LedgerError(f"{where}: {reason} ({one_line(str(error), 200)})", code=code, source=where)
