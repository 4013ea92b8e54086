"""How is the database reached? One process's connection, which is given up in time."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mh_preflight.budget.postgres.schema import LOCK, TABLES
from mh_preflight.budget.store import VERSION
from mh_preflight.errors import InputError, LedgerError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    import psycopg

__all__ = ["Session", "ledger_error", "open_session"]

_HAS_TABLES = """
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'mh_preflight' AND c.relname = 'meta'
"""


def open_session(address: str, where: str, wait_seconds: float) -> Session:
    """Connect to a ledger, or make one.

    Args:
        address: Begins with `postgresql://`.
        where: What messages call it.
        wait_seconds: How long the server, or another session, is waited for.

    Raises:
        InputError: It is no address.
        LedgerError: The server cannot be reached, or holds no ledger of this version.
    """
    import psycopg

    try:
        return Session(address, where, wait_seconds)
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # its message shows the address, with the password
            raise InputError(
                f"where: {where!r} is no address of a database", field="where"
            ) from None
        raise ledger_error(where, error) from error
    except psycopg.Error as error:
        raise ledger_error(where, error) from error


class Session:
    """The connection of one process."""

    def __init__(self, address: str, where: str, wait_seconds: float) -> None:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        self._where, self._wait = where, max(1, int(wait_seconds))
        given = conninfo_to_dict(address)
        chosen: dict[str, Any] = {"connect_timeout": self._wait, "application_name": "mh-preflight"}
        chosen = {key: value for key, value in chosen.items() if key not in given}
        self._db: psycopg.Connection[Any]
        self._db = psycopg.connect(make_conninfo(address, **chosen), autocommit=True)
        self._watch = _Watch(self._db, self._wait + 1)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._db.closed or self._db.broken

    def rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """Ask the database, and give its rows."""
        with self._watch:
            found = self._db.execute(sql, values or None)
            return list(found.fetchall())

    def _prepare(self) -> None:
        """Choose what the ledger relies on, and make what is missing."""
        milliseconds = str(self._wait * 1000)
        self.rows(
            """
            SELECT set_config('lock_timeout', %s, false),
                set_config('statement_timeout', %s, false),
                set_config('default_transaction_isolation', 'read committed', false),
                set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                    WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
            """,
            (milliseconds, milliseconds),
        )
        with self._watch:
            known = self._version()
        if known is None:
            with self._watch, self._db.transaction():
                self._db.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                if self._version() is None:
                    self._db.execute(TABLES)
                    self._db.execute(
                        "INSERT INTO mh_preflight.meta VALUES (1, %s, %s, 0)",
                        (str(uuid.uuid4()), VERSION),
                    )
        with self._watch:
            version = self._version()
        if version is None or version > VERSION:
            raise LedgerError(
                f"{self._where}: holds a ledger of a newer mh-preflight (version {version}, known "
                f"is {VERSION}): update mh-preflight",
                code="newer-ledger",
                source=self._where,
            )

    def _version(self) -> int | None:
        # Not to_regclass: it may remember that there was none before the lock was waited for.
        if self._db.execute(_HAS_TABLES).fetchone() is None:
            return None
        found = self._db.execute("SELECT version FROM mh_preflight.meta").fetchone()
        return None if found is None else int(found[0])

    def close(self) -> None:
        """Close the connection."""
        self._watch.end()
        self._db.close()


class _Watch:
    """Cuts a connection whose server does not answer, which would be waited for forever."""

    def __init__(self, db: psycopg.Connection[Any], seconds: float) -> None:
        self._db, self._seconds = db, seconds
        self._until: float | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def __enter__(self) -> None:
        self._until = time.monotonic() + self._seconds

    def __exit__(self, *_: object) -> None:
        self._until = None

    def end(self) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(min(1.0, self._seconds / 4)):
            until = self._until
            if until is not None and time.monotonic() > until:
                with contextlib.suppress(Exception):
                    _cut(self._db.fileno())
                self._until = None


def _cut(descriptor: int) -> None:
    import os
    import socket

    with socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)


_REASONS = {
    "55P03": ("busy", "another session keeps it locked"),
    "57014": ("busy", "it does not answer in time"),
    "40P01": ("busy", "two sessions wait for each other"),
    "53100": ("full", "the server's disk is full; nothing was changed"),
    "25006": ("unwritable", "it is read-only there"),
    "42501": ("unwritable", "this user may not do that"),
    "28P01": ("unwritable", "the password is wrong"),
    "28000": ("unwritable", "this user may not log in"),
    "3D000": ("unwritable", "there is no such database"),
}

_CLASSES = {
    "": ("unreachable", "the database does not answer"),
    "08": ("unreachable", "the database does not answer"),
    "57": ("unreachable", "the database does not answer"),
    "22": ("damaged", "it refuses a value"),
    "23": ("damaged", "it refuses a value"),
}


def ledger_error(where: str, error: psycopg.Error) -> LedgerError:
    """Say what is wrong with a ledger.

    Args:
        where: What messages call it.
        error: What the server or psycopg said.
    """
    state = error.sqlstate or ""
    code, reason = _REASONS.get(state) or _CLASSES.get(state[:2], ("ledger", "it cannot be used"))
    said = str(error).strip().partition("\n")[0]
    return LedgerError(f"{where}: {reason} ({one_line(said, 200)})", code=code, source=where)
