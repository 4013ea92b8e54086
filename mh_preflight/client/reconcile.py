"""Does the ledger say what the API says? Walk what is open, ask, and book.

It may run at any time, and several times at once: each change is one that any of them may make. An
entry is never released because the API does not know it: its request may be on its way still.
"""

from __future__ import annotations

import time

from mh_preflight.budget import Entry, State, StateError
from mh_preflight.budget.ledger import SUBMITTING_SECONDS
from mh_preflight.client.flows import Flow, Terms
from mh_preflight.client.following import NOT_FOUND, Did, Outcome, settle_flow
from mh_preflight.client.network import Deadline
from mh_preflight.errors import ApiError, InputError

__all__ = ["SUBMITTING_SECONDS", "reconcile_flow"]

MICROSECONDS = 1_000_000


def reconcile_flow(
    terms: Terms, deadline: Deadline, submitting_seconds: float = SUBMITTING_SECONDS
) -> Flow[tuple[Outcome, ...]]:
    """Ask the API about each entry that has not ended, book what it says, and say what was done.

    Args:
        terms: The client's.
        deadline: By when; what was not asked by then is said to have failed.
        submitting_seconds: After how long a job that was being sent becomes unknown.
    """
    outcomes = [Outcome("expired", entry) for entry in terms.book.expire()]
    for entry in tuple(terms.book.entries(open_only=True)):
        if entry.state is State.SUBMITTED and not deadline.over:
            outcomes.append((yield from _settled(terms, entry, deadline)))
        else:
            outcomes.append(_looked_at(terms, entry, submitting_seconds))
    return tuple(outcomes)


def _settled(terms: Terms, entry: Entry, deadline: Deadline) -> Flow[Outcome]:
    try:
        return (yield from settle_flow(terms, entry.id, deadline))
    except ApiError as error:
        did: Did = "not-found" if error.status == NOT_FOUND else "failed"
        return Outcome(did, entry, None, error.message)
    except (InputError, StateError) as error:  # somebody else was about it
        return Outcome("failed", entry, None, error.message)


def _looked_at(terms: Terms, entry: Entry, submitting_seconds: float) -> Outcome:
    if entry.state is State.RESERVED:
        return Outcome("reserved", entry)
    if entry.state is State.UNKNOWN:
        return Outcome("unknown", entry, None, "a person has to look whether the API has it")
    if entry.state is State.SUBMITTED:
        return Outcome("failed", entry, None, "the time was up")
    age = time.time_ns() // 1000 - entry.changed_at
    if age < submitting_seconds * MICROSECONDS:
        return Outcome("being-sent", entry)
    try:
        return Outcome("unknown", terms.book.unknown(entry.id), None, "its caller is gone")
    except StateError as error:  # its caller was not gone
        return Outcome("being-sent", error.entry or entry, None, error.message)
