"""A ledger in a file: SQLite, as Python brings it."""

from mh_preflight.budget.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
