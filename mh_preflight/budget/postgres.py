"""A ledger that many machines share: PostgreSQL, through psycopg 3.

Each change is one call of a function in the database, and one transaction: a single round trip.
Windows are reckoned here, so that both kinds of ledger have the same days and months; the database
checks that the budgets they were reckoned for are still those that are set.

Every change of an entry takes one lock that all may share, and every new counter or budget takes it
alone, so that no change is missed by what is counted anew. Counters are locked in one order.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mh_preflight.budget.entries import OPEN, Entry, Move, State, is_done
from mh_preflight.budget.places import shown_place
from mh_preflight.budget.store import (
    COLUMNS,
    VERSION,
    Amounts,
    PerProcess,
    Query,
    budget_of,
    entry_of,
    missing,
    over,
    row_of,
    sums_of,
    sums_sql,
    taken,
)
from mh_preflight.budget.windows import Budget, Check, Counter, checks_of
from mh_preflight.errors import BudgetError, InputError, LedgerError, MissingExtraError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresStore"]

PAGE = 500
ATTEMPTS = 20  # budgets would have to change between any two of them
LOST = 2  # connections that may be lost under one call

_LOCK = 0x4D485046  # "MHPF"
_SHARED = f"PERFORM pg_advisory_xact_lock_shared({_LOCK})"
_ALONE = f"PERFORM pg_advisory_xact_lock({_LOCK})"

_STATES = ", ".join(f"'{state}'" for state in State)
_IS_OPEN = "state IN (" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"
_FINAL = ", ".join(f"'{state}'" for state in sorted(set(State) - OPEN))
_COLUMNS = ", ".join(COLUMNS)
_KEY = ", ".join(Counter._fields)
_VALUES = ", ".join(["%s"] * len(COLUMNS))

_OF_ENTRY = """
    c.run IN ('', e.run) AND c.ends > e.reserved_at AND c.starts <= e.reserved_at
    AND c.project IN ('', e.project) AND c.endpoint IN ('', e.endpoint)
"""
_OF_COUNTER = """
    reserved_at >= k.starts AND reserved_at < k.ends AND (k.run = '' OR run = k.run)
    AND (k.project = '' OR project = k.project) AND (k.endpoint = '' OR endpoint = k.endpoint)
"""

_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS mh_preflight;
SET LOCAL search_path = mh_preflight, pg_catalog;

CREATE TABLE meta (
    one integer PRIMARY KEY CHECK (one = 1),
    uuid text NOT NULL,
    version integer NOT NULL,
    generation bigint NOT NULL
);

CREATE TABLE entries (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    fingerprint text NOT NULL,
    state text NOT NULL CHECK (state IN ({_STATES})),
    credits bigint NOT NULL CHECK (credits >= 0),
    usd bigint CHECK (usd >= 0),
    charged bigint CHECK (charged >= 0),
    charged_usd bigint CHECK (charged_usd >= 0),
    project text NOT NULL,
    endpoint text NOT NULL,
    run text NOT NULL,
    project_id text,
    reserved_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    expires_at bigint,
    card_version text,
    estimate text,
    word text,
    claim text,
    CHECK ((state = 'settled') = (charged IS NOT NULL)),
    CHECK (state <> 'submitted' OR project_id IS NOT NULL)
);
CREATE INDEX entries_open ON entries (number)
    WHERE {_IS_OPEN};
CREATE UNIQUE INDEX entries_sent ON entries (project_id) WHERE project_id IS NOT NULL;

CREATE TABLE budgets (
    unit text NOT NULL CHECK (unit IN ('credits', 'usd')),
    per text NOT NULL CHECK (per IN ('job', 'run', 'day', 'month', 'ever')),
    project text NOT NULL,
    endpoint text NOT NULL,
    zone text NOT NULL,
    most bigint NOT NULL CHECK (most >= 0),
    PRIMARY KEY (unit, per, project, endpoint, zone)
);

CREATE TABLE counters (
    run text NOT NULL,
    ends bigint NOT NULL,
    starts bigint NOT NULL,
    unit text NOT NULL,
    per text NOT NULL,
    project text NOT NULL,
    endpoint text NOT NULL,
    zone text NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    settled bigint NOT NULL CHECK (settled >= 0),
    overrun bigint NOT NULL CHECK (overrun >= 0),
    unpriced bigint NOT NULL CHECK (unpriced >= 0),
    PRIMARY KEY ({_KEY})
) WITH (fillfactor = 50);

-- What an entry adds to a window: reserved, settled, overrun, unpriced.
CREATE FUNCTION share(state text, held bigint, charged bigint) RETURNS bigint[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN state = 'settled' THEN ARRAY[
            0, LEAST(COALESCE(charged, 0), COALESCE(held, 0)),
            GREATEST(COALESCE(charged, 0) - COALESCE(held, 0), 0), (charged IS NULL)::int
        ]::bigint[]
        WHEN state IN ({_FINAL}) THEN ARRAY[0, 0, 0, 0]::bigint[]
        ELSE ARRAY[COALESCE(held, 0), 0, 0, (held IS NULL)::int]::bigint[]
    END
$$;

-- Count an entry in all its windows; their counters are locked in one order.
CREATE FUNCTION count_entry(e entries, credits bigint[], usd bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
BEGIN
    PERFORM 1 FROM counters c WHERE {_OF_ENTRY} ORDER BY {_KEY} FOR UPDATE;
    UPDATE counters c SET
        reserved = reserved + CASE unit WHEN 'credits' THEN credits[1] ELSE usd[1] END,
        settled = settled + CASE unit WHEN 'credits' THEN credits[2] ELSE usd[2] END,
        overrun = overrun + CASE unit WHEN 'credits' THEN credits[3] ELSE usd[3] END,
        unpriced = unpriced + CASE unit WHEN 'credits' THEN credits[4] ELSE usd[4] END
    WHERE {_OF_ENTRY};
END
$$;

-- Hold an entry if it fits. Says granted, exists, stale (other budgets are set than were reckoned
-- with), uncounted (a window has no counter yet) or over, with the window that it does not fit in.
CREATE FUNCTION reserve(
    e entries, generation bigint, windows text[], asked bigint[], most bigint[],
    OUT verdict text, OUT place integer, OUT amounts bigint[]
) LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
DECLARE
    w jsonb;
    counted counters;
    used numeric;
BEGIN
    {_SHARED};
    IF NOT EXISTS (SELECT 1 FROM meta m WHERE m.generation = reserve.generation) THEN
        verdict := 'stale';
        RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM entries o WHERE o.id = e.id) THEN
        verdict := 'exists';
        RETURN;
    END IF;
    PERFORM 1 FROM counters c WHERE {_OF_ENTRY} ORDER BY {_KEY} FOR UPDATE;
    FOR i IN 1 .. COALESCE(array_length(windows, 1), 0) LOOP
        w := windows[i]::jsonb;
        SELECT * INTO counted FROM counters o WHERE
            o.run = w->>0 AND o.ends = (w->>1)::bigint AND o.starts = (w->>2)::bigint
            AND o.unit = w->>3 AND o.per = w->>4 AND o.project = w->>5 AND o.endpoint = w->>6
            AND o.zone = w->>7;
        IF NOT FOUND THEN
            verdict := 'uncounted';
            RETURN;
        END IF;
        used := counted.reserved::numeric + counted.settled + counted.overrun;
        IF asked[i] IS NULL OR counted.unpriced > 0 OR used + asked[i] > most[i] THEN
            verdict := 'over';
            place := i - 1;
            amounts := ARRAY[counted.reserved, counted.settled, counted.overrun, counted.unpriced];
            RETURN;
        END IF;
    END LOOP;
    INSERT INTO entries ({_COLUMNS}) VALUES (
        {", ".join(f"e.{column}" for column in COLUMNS)}
    ) ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        verdict := 'exists';
        RETURN;
    END IF;
    PERFORM count_entry(e, share(e.state, e.credits, NULL), share(e.state, e.usd, NULL));
    verdict := 'granted';
END
$$;

-- Let an entry go to another state from one of some; gives it, or nothing where it is in another.
CREATE FUNCTION move(
    entry_id text, sources text[], target text, at bigint, by_claim text, of_project text,
    charge bigint, charge_usd bigint, by_word text, due bigint
) RETURNS SETOF entries LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
DECLARE
    was entries;
    e entries;
BEGIN
    {_SHARED};
    SELECT * INTO was FROM entries o
        WHERE o.id = entry_id AND o.state = ANY (sources) AND (due IS NULL OR o.expires_at <= due)
        FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE entries o SET
        state = target,
        changed_at = at,
        claim = COALESCE(by_claim, o.claim),
        project_id = COALESCE(of_project, o.project_id),
        charged = charge,
        charged_usd = CASE
            WHEN charge IS NULL THEN NULL
            WHEN charge_usd IS NOT NULL THEN charge_usd
            WHEN charge = 0 THEN 0
            WHEN o.credits > 0 THEN div(o.usd::numeric * charge + o.credits - 1, o.credits)::bigint
        END,
        word = COALESCE(by_word, o.word)
    WHERE o.id = entry_id
    RETURNING * INTO e;
    IF target IN ({_FINAL}) THEN
        PERFORM count_entry(
            e,
            ARRAY(SELECT b - a FROM unnest(share(was.state, was.credits, NULL),
                                           share(e.state, e.credits, e.charged)) AS t (a, b)),
            ARRAY(SELECT b - a FROM unnest(share(was.state, was.usd, NULL),
                                           share(e.state, e.usd, e.charged_usd)) AS t (a, b))
        );
    END IF;
    RETURN NEXT e;
END
$$;

-- Begin to count windows, with what is in them already.
CREATE FUNCTION count_anew(windows text[]) RETURNS void
LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
DECLARE
    k counters;
    w jsonb;
BEGIN
    {_ALONE};
    FOR i IN 1 .. array_length(windows, 1) LOOP
        w := windows[i]::jsonb;
        k := ROW(w->>0, w->>1, w->>2, w->>3, w->>4, w->>5, w->>6, w->>7, 0, 0, 0, 0);
        IF k.unit = 'credits' THEN
            SELECT {sums_sql("credits")} INTO k.reserved, k.settled, k.overrun, k.unpriced
                FROM entries WHERE {_OF_COUNTER};
        ELSE
            SELECT {sums_sql("usd")} INTO k.reserved, k.settled, k.overrun, k.unpriced
                FROM entries WHERE {_OF_COUNTER};
        END IF;
        INSERT INTO counters VALUES (k.*) ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

CREATE FUNCTION set_budget(
    a_unit text, a_per text, a_project text, an_endpoint text, a_zone text, a_most bigint
) RETURNS void LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
BEGIN
    {_ALONE};
    INSERT INTO budgets VALUES (a_unit, a_per, a_project, an_endpoint, a_zone, a_most)
        ON CONFLICT (unit, per, project, endpoint, zone) DO UPDATE SET most = a_most;
    UPDATE meta SET generation = generation + 1;
END
$$;

CREATE FUNCTION remove_budget(
    a_unit text, a_per text, a_project text, an_endpoint text, a_zone text
) RETURNS boolean LANGUAGE plpgsql SET search_path = mh_preflight, pg_catalog AS $$
BEGIN
    {_ALONE};
    DELETE FROM budgets WHERE (unit, per, project, endpoint, zone)
        = (a_unit, a_per, a_project, an_endpoint, a_zone);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE meta SET generation = generation + 1;
    RETURN true;
END
$$;
"""  # noqa: S608  names of our own

_RESERVE = f"""
    SELECT verdict, place, amounts FROM mh_preflight.reserve(
        ROW(0, {_VALUES})::mh_preflight.entries, %s, %s::text[], %s::bigint[], %s::bigint[]
    )
"""  # noqa: S608
_MOVE = f"""
    SELECT {_COLUMNS} FROM mh_preflight.move(
        %s, %s::text[], %s, %s, %s, %s, %s::bigint, %s::bigint, %s, %s::bigint
    )
"""  # noqa: S608
_HAS_TABLES = """
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'mh_preflight' AND c.relname = 'meta'
"""
_GET = f"SELECT {_COLUMNS} FROM mh_preflight.entries WHERE id = %s"  # noqa: S608
_BUDGETS = "SELECT unit, per, project, endpoint, zone, most FROM mh_preflight.budgets"
_WITH_GENERATION = """
    SELECT m.generation, b.unit, b.per, b.project, b.endpoint, b.zone, b.most
    FROM mh_preflight.meta m LEFT JOIN mh_preflight.budgets b ON true
"""


class PostgresStore:
    """Entries in a PostgreSQL database, in a schema `mh_preflight` of their own.

    Args:
        address: Begins with `postgresql://`.
        wait_seconds: How long the server, or another session, is waited for.

    Raises:
        MissingExtraError: psycopg is not installed.
        InputError: It is no address.
        LedgerError: The server cannot be reached, or holds no ledger of this version.
    """

    def __init__(self, address: str, wait_seconds: float) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise MissingExtraError(
                "a ledger in PostgreSQL needs psycopg, which is not installed: "
                "pip install 'mh-preflight[postgres]'"
            ) from None
        self.where = shown_place(address)
        opened = partial(_open, address, self.where, wait_seconds)  # no cycle: it ends with this
        self._sessions = PerProcess(opened, _Session.close, self.where, wait_seconds)
        self._known: tuple[int, list[Budget]] | None = None
        self._rows("SELECT 1", ())

    def reserve(self, entry: Entry, budgets: Sequence[Budget]) -> Entry | None:
        """Write a new entry if it fits into all budgets; give the one of its id if there is one.

        Raises:
            BudgetError: It does not fit.
        """
        row = row_of(entry)
        for _ in range(ATTEMPTS):
            generation, stored = self._known or self._look_up()
            checks = checks_of(
                [*stored, *budgets], entry.scope, entry.reserved_at, entry.credits, row[4]
            )
            alone = next((each for each in map(_alone, checks) if each is not None), None)
            counted = [check for check in checks if check.counter is not None]
            if alone is not None:
                # Even so the id may be taken, or the budgets others: then that is the answer.
                found = self.get(entry.id)
                if found is not None:
                    return found
                if self._known == self._look_up():
                    raise alone
                continue
            windows = [json.dumps(check.counter) for check in counted]
            asked, most = [c.asked for c in counted], [c.budget.limit for c in counted]
            ((verdict, place, amounts),) = self._rows(
                _RESERVE, (*row, generation, windows, asked, most)
            )
            if verdict == "granted":
                return None
            if verdict == "exists":
                return self.get(entry.id)
            if verdict == "over":
                refused = over(counted[place], Amounts(*amounts))
                assert refused is not None  # noqa: S101  the database reckons as `over` does
                raise refused
            if verdict == "uncounted":
                self._rows("SELECT mh_preflight.count_anew(%s::text[])", (windows,))
            else:
                self._known = None
        raise LedgerError(
            f"{self.where}: the budgets change faster than a job can be reserved",
            code="busy",
            source=self.where,
        )

    def move(self, entry_id: str, move: Move) -> Entry:
        """Let an entry go where it may go, and give it; also where it has gone there before.

        Raises:
            StateError: It may not, or there is none.
            ConflictError: It went there by other values.
        """
        values = (
            entry_id,
            sorted(move.sources),
            move.to.value,
            move.at,
            move.claim,
            move.project_id,
            move.charged,
            move.charged_usd,
            move.word,
            move.due,
        )
        from psycopg.errors import UniqueViolation

        for _ in range(ATTEMPTS):
            try:
                found = self._rows(_MOVE, values)
            except LedgerError as error:
                if isinstance(error.__cause__, UniqueViolation):
                    for other in self.entries(Query(project_id=move.project_id)):
                        raise taken(other) from None
                raise
            if found:
                return entry_of(found[0])
            entry = self.get(entry_id)
            if entry is None:
                raise missing(entry_id)
            if is_done(entry, move):
                return entry
            if move.due is not None and (entry.expires_at is None or entry.expires_at > move.due):
                return entry
        raise LedgerError(  # pragma: no cover  it would have to change between any two attempts
            f"{self.where}: the entry changes too fast", code="busy", source=self.where
        )

    def get(self, entry_id: str) -> Entry | None:
        """Give an entry."""
        found = self._rows(_GET, (entry_id,))
        return entry_of(found[0]) if found else None

    def entries(self, query: Query) -> Iterator[Entry]:
        """Give entries, in the order in which they were reserved."""
        wanted = [(each.replace("?", "%s"), value) for each, value in query.conditions()]
        conditions = ["state = ANY (%s)", *(condition for condition, _ in wanted)]
        if query.states <= OPEN:
            conditions.append(_IS_OPEN)
        sql = (
            f"SELECT {_COLUMNS}, number FROM mh_preflight.entries "  # noqa: S608  names of our own
            f"WHERE number > %s AND {' AND '.join(conditions)} ORDER BY number LIMIT {PAGE}"
        )
        last, states = 0, sorted(query.states)
        while rows := self._rows(sql, (last, states, *(value for _, value in wanted))):
            for row in rows:
                yield entry_of(row)
            last = rows[-1][-1]

    def amounts(self, counter: Counter) -> Amounts:
        """Give what a window holds."""
        where = " AND ".join(f"{name} = %s" for name in Counter._fields)
        sql = (
            f"SELECT reserved, settled, overrun, unpriced FROM mh_preflight.counters WHERE {where}"  # noqa: S608
        )
        found = self._rows(sql, counter)
        if not found:
            found = self._rows(*sums_of(counter, "mh_preflight.entries", "%s", "LEAST"))
        return Amounts(*map(int, found[0]))

    def budgets(self) -> list[Budget]:
        """Give the budgets that are set."""
        return [budget_of(row) for row in self._rows(_BUDGETS, ())]

    def set_budget(self, budget: Budget) -> None:
        """Set a budget, or its limit anew."""
        values = (*map(str, budget.identity), budget.limit)
        self._rows("SELECT mh_preflight.set_budget(%s, %s, %s, %s, %s, %s)", values)
        self._known = None

    def remove_budget(self, budget: Budget) -> bool:
        """Take a budget away; tell whether there was one."""
        values = tuple(map(str, budget.identity))
        ((found,),) = self._rows("SELECT mh_preflight.remove_budget(%s, %s, %s, %s, %s)", values)
        self._known = None
        return bool(found)

    def close(self) -> None:
        """Let go of the connection."""
        self._sessions.drop()

    # --------------------------------------------------------------------------------- the database

    def _look_up(self) -> tuple[int, list[Budget]]:
        rows = self._rows(_WITH_GENERATION, ())
        self._known = rows[0][0], [budget_of(row[1:]) for row in rows if row[1] is not None]
        return self._known

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """Ask the database; a second time where the connection was lost.

        It may have done what was asked before it was lost, and says so the second time: each change
        names what is to become of which entry, and by which call.
        """
        import psycopg

        for attempt in range(1, LOST + 1):
            try:
                with self._sessions.use() as session:
                    return session.rows(sql, values)
            except psycopg.Error as error:
                if isinstance(error, psycopg.errors.DeadlockDetected) and attempt < LOST:
                    continue
                if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                    with self._sessions.use() as session:
                        lost = session.is_lost
                    if lost:
                        self._sessions.drop()
                        if attempt < LOST:
                            continue
                raise _ledger_error(self.where, error) from error
        raise AssertionError  # pragma: no cover  the last attempt returns or raises


def _open(address: str, where: str, wait_seconds: float) -> _Session:
    import psycopg

    try:
        return _Session(address, where, wait_seconds)
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # its message shows the address, with the password
            raise InputError(
                f"where: {where!r} is no address of a database", field="where"
            ) from None
        raise _ledger_error(where, error) from error
    except psycopg.Error as error:
        raise _ledger_error(where, error) from error


class _Session:
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
                self._db.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
                if self._version() is None:
                    self._db.execute(_TABLES)
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


def _alone(check: Check) -> BudgetError | None:
    return None if check.counter is not None else over(check, Amounts())


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


def _ledger_error(where: str, error: psycopg.Error) -> LedgerError:
    state = error.sqlstate or ""
    code, reason = _REASONS.get(state) or _CLASSES.get(state[:2], ("ledger", "it cannot be used"))
    said = str(error).strip().partition("\n")[0]
    return LedgerError(f"{where}: {reason} ({one_line(said, 200)})", code=code, source=where)
