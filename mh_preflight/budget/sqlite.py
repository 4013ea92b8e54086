"""A ledger in a file: SQLite, as Python brings it.

Each change is one transaction in write-ahead mode with `synchronous=FULL`: on the disk before the
call returns. A lock file in front makes the system queue those who wait; SQLite alone lets them
poll, and starves some. The file has to lie on this machine's own disk.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import stat
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from mh_preflight.budget.entries import FINAL, OPEN, Entry, Move, State, is_done
from mh_preflight.budget.store import (
    COLUMNS,
    VERSION,
    Amounts,
    PerProcess,
    Query,
    budget_of,
    entry_of,
    missing,
    moved,
    over,
    row_of,
    share,
    sums_of,
    taken,
)
from mh_preflight.budget.windows import Budget, Counter, checks_of
from mh_preflight.errors import LedgerError, PreflightError
from mh_preflight.units import one_line

fcntl: Any
try:
    import fcntl
except ImportError:  # pragma: no cover  there is none on Windows: SQLite's own lock has to do
    fcntl = None

__all__ = ["SqliteStore"]

Answer = TypeVar("Answer")

APPLICATION = 0x4D485046  # "MHPF": how a ledger is told from any other database
PAGE = 500  # entries that are read at a time, so that reading never keeps a lock

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

_AMOUNTS = ((3, 5), (4, 6))  # where a row has what is held and charged: credits, and dollars
_COLUMNS = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO entries ({_COLUMNS}, open) VALUES ({'?, ' * len(COLUMNS)}1)"  # noqa: S608
_GET = f"SELECT {_COLUMNS} FROM entries WHERE id = ?"  # noqa: S608  names of our own
_OF_ENTRY = """
    WHERE run = '' AND ends > ? AND starts <= ?
        AND (project = '' OR project = ?) AND (endpoint = '' OR endpoint = ?)
"""
_OF_RUN = _OF_ENTRY.replace("run = ''", "run IN (?, '')")
_COUNTERS = f"""
    SELECT run, ends, starts, unit, per, project, endpoint, zone,
        reserved, settled, overrun, unpriced
    FROM counters {_OF_ENTRY}
"""  # noqa: S608
_COUNT = f"""
    UPDATE counters SET
        reserved = reserved + CASE unit WHEN 'credits' THEN ? ELSE ? END,
        settled = settled + CASE unit WHEN 'credits' THEN ? ELSE ? END,
        overrun = overrun + CASE unit WHEN 'credits' THEN ? ELSE ? END,
        unpriced = unpriced + CASE unit WHEN 'credits' THEN ? ELSE ? END
    {_OF_ENTRY}
"""  # noqa: S608
_NEW_COUNTER = "INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BUDGETS = "SELECT unit, per, project, endpoint, zone, most FROM budgets"


class SqliteStore:
    """Entries in a file.

    Args:
        path: Where it lies; it is made where there is none.
        wait_seconds: How long another process is waited for.

    Raises:
        LedgerError: It cannot be opened, or is no ledger.
    """

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self.where = one_line(str(path))
        full = Path(os.path.realpath(path))  # the log lies beside the file, not beside a link
        opened = partial(_open, full, self.where, wait_seconds)  # no cycle: it ends with this
        self._sessions = PerProcess(opened, _Session.close, self.where, wait_seconds)
        with self._sessions.use():
            pass

    def reserve(self, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        """Write a new entry if it fits into all budgets; give the one of its id if there is one.

        Raises:
            BudgetError: It does not fit.
        """
        row = row_of(entry)
        at, scope = entry.reserved_at, entry.scope

        def work(db: sqlite3.Connection) -> tuple[Any, ...] | None:
            found: tuple[Any, ...] | None = db.execute(_GET, (entry.id,)).fetchone()
            if found is not None:
                return found
            counted = {
                Counter(*each[:8]): Amounts(*each[8:])
                for each in db.execute(*_match(_COUNTERS, row))
            }
            stored = map(budget_of, db.execute(_BUDGETS))
            for check in checks_of([*stored, *budgets], scope, at, entry.credits, row[4]):
                amounts = Amounts()
                if check.counter is not None:
                    amounts = counted.get(check.counter) or _count_anew(db, check.counter)
                refused = over(check, amounts)
                if refused is not None:
                    raise refused
            db.execute(_INSERT, row)
            _count(db, None, row)
            return None

        found = self._change(work)
        return None if found is None else entry_of(found)

    def move(self, entry_id: str, move: Move) -> Entry:
        """Let an entry go where it may go, and give it; also where it has gone there before.

        Raises:
            StateError: It may not, or there is none.
            ConflictError: It went there by other values.
        """
        sources = move.sources

        def work(db: sqlite3.Connection) -> Sequence[Any]:
            found: tuple[Any, ...] | None = db.execute(_GET, (entry_id,)).fetchone()
            if found is None:
                raise missing(entry_id)
            if found[2] not in sources and is_done(entry_of(found), move):
                return found
            if move.due is not None and (found[13] is None or found[13] > move.due):
                return found
            changes = moved(found, move)
            row = [changes.get(column, value) for column, value in zip(COLUMNS, found, strict=True)]
            if move.to in FINAL:
                changes["open"] = None
            sets = ", ".join(f"{column} = ?" for column in changes)
            try:
                db.execute(
                    f"UPDATE entries SET {sets} WHERE id = ?",  # noqa: S608  names of our own
                    (*changes.values(), entry_id),
                )
            except sqlite3.IntegrityError:
                raise _taken(db, move) from None
            if move.to in FINAL:
                _count(db, found, row)
            return row

        return entry_of(self._change(work))

    def get(self, entry_id: str) -> Entry | None:
        """Give an entry."""
        found = self._read(_GET, (entry_id,))
        return entry_of(found[0]) if found else None

    def entries(self, query: Query) -> Iterator[Entry]:
        """Give entries, in the order in which they were reserved."""
        wanted = list(query.conditions())
        states = ", ".join(f"'{state}'" for state in sorted(query.states))
        conditions = [f"state IN ({states})", *(condition for condition, _ in wanted)]
        if query.states <= OPEN:
            conditions.append("open = 1")
        sql = (
            f"SELECT {_COLUMNS}, number FROM entries "  # noqa: S608  names of our own
            f"WHERE number > ? AND {' AND '.join(conditions)} ORDER BY number LIMIT {PAGE}"
        )
        last = 0
        while rows := self._read(sql, (last, *(value for _, value in wanted))):
            for row in rows:
                yield entry_of(row)
            last = rows[-1][-1]

    def amounts(self, counter: Counter) -> Amounts:
        """Give what a window holds."""
        where = " AND ".join(f"{name} = ?" for name in Counter._fields)
        sql = f"SELECT reserved, settled, overrun, unpriced FROM counters WHERE {where}"  # noqa: S608
        found = self._read(sql, counter)
        if not found:
            found = self._read(*sums_of(counter))
        return Amounts(*found[0])

    def budgets(self) -> list[Budget]:
        """Give the budgets that are set."""
        return [budget_of(row) for row in self._read(_BUDGETS, ())]

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew."""
        sql = "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?, ?, ?)"
        self._change(lambda db: db.execute(sql, (*budget.identity, budget.limit)))

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away; tell whether there was one."""
        where = "unit = ? AND per = ? AND project = ? AND endpoint = ? AND zone = ?"
        sql = f"DELETE FROM budgets WHERE {where}"  # noqa: S608
        return bool(self._change(lambda db: db.execute(sql, budget.identity).rowcount))

    def close(self) -> None:
        """Let go of the connection."""
        self._sessions.drop()

    # -------------------------------------------------------------------------------- transactions

    def _change(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        session = self._sessions.take()
        try:
            return session.change(work)
        except (sqlite3.Error, OSError) as error:
            raise _ledger_error(self.where, error) from error
        finally:
            self._sessions.give()

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._sessions.use() as session:
            try:
                session.check_place()
                return session.db.execute(sql, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise _ledger_error(self.where, error) from error


def _open(path: Path, where: str, wait_seconds: float) -> _Session:
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "no file"
            raise LedgerError(
                f"{where}: is {kind}, and no ledger", code="not-a-ledger", source=where
            )
        if path.exists() and path.stat().st_nlink > 1:
            raise _linked(where)
        session = _Session(path, where, wait_seconds)
        try:
            session.alone(session.open)
        except BaseException:
            session.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise _ledger_error(where, error) from error
    return session


def _linked(where: str) -> LedgerError:
    return LedgerError(
        f"{where}: has another name (a hard link), under which it would be another ledger: "
        "keep one name",
        code="linked",
        source=where,
    )


class _Session:
    """The connection of one process."""

    db: sqlite3.Connection

    def __init__(self, path: Path, where: str, wait_seconds: float) -> None:
        self._path, self._where, self._wait = path, where, wait_seconds
        self._files: dict[str, tuple[int, int]] = {}
        self._lock: int | None = None if fcntl is None else _open_lock(f"{path}.lock")
        self._queue: queue.SimpleQueue[_Waiting[Any] | None] | None = None

    def open(self) -> None:
        """Open the file, and make what is missing in it."""
        with contextlib.suppress(FileExistsError):
            # Never opened otherwise: to close it would drop SQLite's locks.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            _sync_folder(self._path.parent)
        known = _identity(self._path)
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
            self._files[f"{self._path}{suffix}"] = _identity(f"{self._path}{suffix}")
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
            for path, (device, number) in self._files.items():
                found = os.stat(path)  # noqa: PTH116  a third of the time, in each transaction
                if found.st_ino != number or found.st_dev != device:
                    break
                if found.st_nlink > 1:
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
        return self.alone(lambda: self._transact(work))

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

    def alone(self, run: Callable[[], Answer]) -> Answer:
        """Run while no other process does.

        Raises:
            LedgerError: Another process kept the ledger for too long.
        """
        if self._lock is None:  # pragma: no cover  on Windows
            return run()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._in_turn(run)
        try:
            return run()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _in_turn(self, run: Callable[[], Answer]) -> Answer:
        """Queue for the lock in a thread: only so it is both fair and given up after a time.

        The thread also does the work, so that nobody waits for threads to change while it has the
        lock. Where it is given up, the thread lets the lock go as soon as it gets it.
        """
        if self._queue is None:
            self._queue = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._queue,), daemon=True).start()
        waiting = _Waiting(run, f"{self._path}.lock")
        self._queue.put(waiting)
        try:
            in_time = waiting.ended.acquire(timeout=self._wait)
        except BaseException:
            waiting.give_up()
            raise
        if not in_time and waiting.give_up():
            raise LedgerError(
                f"{self._where}: another process has the ledger for more than {self._wait:g} s",
                code="busy",
                source=self._where,
            )
        return waiting.answer()

    def close(self) -> None:
        """Close the connection, and then the lock."""
        if hasattr(self, "db"):
            self.db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._queue is not None:
            self._queue.put(None)
            self._queue = None


class _Waiting(Generic[Answer]):
    """Work that is done as soon as the lock is had, unless it is given up before."""

    def __init__(self, run: Callable[[], Answer], lock: str) -> None:
        self._run, self._lock = run, lock
        self._begun, self._over = threading.Lock(), False
        self.ended = threading.Lock()  # an Event would do, and take twice the time
        self.ended.acquire()
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def work(self) -> None:
        """Wait for the lock, and do it."""
        try:
            # A lock of its own: one that was given up must not take away its owner's next.
            lock = _open_lock(self._lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self._begun:
                    if not self._over:
                        self._over = True
                        self._answer = self._run()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # a child of this process may hold it open too
                os.close(lock)
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            self._error, self._over = error, True
        self.ended.release()

    def give_up(self) -> bool:
        """Do nothing any more, unless it has begun: then wait for its end. Tell whether it had."""
        with self._begun:
            given_up, self._over = not self._over, True
            return given_up

    def answer(self) -> Answer:
        """Give what the work gave, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return cast("Answer", self._answer)


def _serve(waiting: queue.SimpleQueue[_Waiting[Any] | None]) -> None:
    """Do work after work; knows nothing of the session, which may be thrown away meanwhile."""
    while (next_one := waiting.get()) is not None:
        next_one.work()
        del next_one


def _open_lock(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def _match(sql: str, row: Sequence[Any]) -> tuple[str, list[Any]]:
    """Give SQL about the counters of an entry, and the values at its end."""
    values = [row[11], row[11], row[7], row[8]]
    if not row[9]:
        return sql, values
    return sql.replace(_OF_ENTRY, _OF_RUN), [row[9], *values]


def _count(db: sqlite3.Connection, before: Sequence[Any] | None, after: Sequence[Any]) -> None:
    """Count an entry in all its windows, as it is after a change."""
    sql, values = _match(_COUNT, after)
    db.execute(sql, [*_deltas(before, after), *values])


def _deltas(before: Sequence[Any] | None, after: Sequence[Any]) -> list[int]:
    """Give by how much the counters change: each of credits and of dollars, in turns."""
    found = []
    new = [share(after[2], after[held], after[charged]) for held, charged in _AMOUNTS]
    old = [(0, 0, 0, 0)] * 2
    if before is not None:
        old = [share(before[2], before[held], before[charged]) for held, charged in _AMOUNTS]
    for credits, usd, old_credits, old_usd in zip(*new, *old, strict=True):
        found += [credits - old_credits, usd - old_usd]
    return found


def _count_anew(db: sqlite3.Connection, counter: Counter) -> Amounts:
    """Begin to count a window, with what is in it already."""
    amounts = db.execute(*sums_of(counter)).fetchone()
    db.execute(_NEW_COUNTER, (*counter, *amounts))
    return Amounts(*amounts)


def _taken(db: sqlite3.Connection, move: Move) -> PreflightError:
    sql = f"SELECT {_COLUMNS} FROM entries WHERE project_id = ?"  # noqa: S608
    found = db.execute(sql, (move.project_id,)).fetchone()
    if found is None:
        return LedgerError("the ledger refuses a value that breaks its own rules", code="damaged")
    return taken(entry_of(found))


def _identity(path: str | Path) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


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


def _ledger_error(where: str, error: sqlite3.Error | OSError) -> LedgerError:
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return LedgerError(
            f"{where}: the ledger cannot be used: {reason}", code="unwritable", source=where
        )
    number = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    code, reason = _REASONS.get(number, ("ledger", "it cannot be used"))
    return LedgerError(f"{where}: {reason} ({one_line(str(error), 200)})", code=code, source=where)
