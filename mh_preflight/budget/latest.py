"""Which attempt of an id is the last one? Each gets an entry of its own: `job-1`, `job-1#2`, ..."""

from __future__ import annotations

from typing import Protocol

from mh_preflight.budget.entries import Entry, State

__all__ = ["LONGEST_NAME", "latest"]

LONGEST_NAME = 200
_OVER = frozenset({State.RELEASED, State.EXPIRED})


class Book(Protocol):
    """Where entries are found by their id."""

    def get(self, id: str, /) -> Entry | None:  # noqa: A002
        """Give an entry; None where there is none."""


def latest(book: Book, given: str) -> Entry | None:
    """Give the last attempt of a caller's id; None where there is none.

    An entry that was released or has expired never created a job, and is followed by the next.

    Args:
        book: Where they are written.
        given: The caller's id, or that of one attempt.
    """
    if len(given) > LONGEST_NAME:
        return None
    entry = found = book.get(given)
    number = 2
    while found is not None and found.state in _OVER:
        following = f"{given}#{number}"
        found = book.get(following) if len(following) <= LONGEST_NAME else None
        entry, number = found or entry, number + 1
    return entry
