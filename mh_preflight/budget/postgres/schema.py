"""How does a ledger lie in a database? Its tables, and the functions that change them.

Every change of an entry takes one lock that all may share, and every new counter or budget takes it
alone, so that no change is missed by what is counted anew. Counters are locked in one order.
"""

from __future__ import annotations

from mh_preflight.budget.entries import OPEN, State
from mh_preflight.budget.store import COLUMNS, sums_sql
from mh_preflight.budget.windows import Counter

__all__ = ["COLUMN_NAMES", "IS_OPEN", "LOCK", "TABLES"]

LOCK = 0x4D485046  # "MHPF"
_SHARED = f"PERFORM pg_advisory_xact_lock_shared({LOCK})"
_ALONE = f"PERFORM pg_advisory_xact_lock({LOCK})"

_STATES = ", ".join(f"'{state}'" for state in State)
IS_OPEN = "state IN (" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"
_FINAL = ", ".join(f"'{state}'" for state in sorted(set(State) - OPEN))
COLUMN_NAMES = ", ".join(COLUMNS)
_KEY = ", ".join(Counter._fields)

_OF_ENTRY = """
    c.run IN ('', e.run) AND c.ends > e.reserved_at AND c.starts <= e.reserved_at
    AND c.project IN ('', e.project) AND c.endpoint IN ('', e.endpoint)
"""
_OF_COUNTER = """
    reserved_at >= k.starts AND reserved_at < k.ends AND (k.run = '' OR run = k.run)
    AND (k.project = '' OR project = k.project) AND (k.endpoint = '' OR endpoint = k.endpoint)
"""

TABLES = f"""
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
    WHERE {IS_OPEN};
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
    INSERT INTO entries ({COLUMN_NAMES}) VALUES (
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
