"""A ledger that many machines share: PostgreSQL, through psycopg 3."""

from mh_preflight.budget.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
