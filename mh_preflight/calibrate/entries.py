"""Which jobs did a ledger settle? Its entries, with what was counted when they were estimated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mh_preflight.budget import State
from mh_preflight.calibrate.answer import Problem
from mh_preflight.calibrate.projects import Booked, Project, Settled
from mh_preflight.errors import InputError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.budget import Entry, Ledger

__all__ = ["read_entries"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_entries(ledger: Ledger) -> Iterator[Settled | Problem]:
    """Read the settled entries of a ledger, the oldest first.

    Args:
        ledger: The ledger; nothing is written to it.

    Yields:
        Each job, or why an entry says too little.

    Raises:
        LedgerError: It cannot be read.
    """
    for entry in ledger.entries(state=State.SETTLED):
        try:
            yield _settled(entry)
        except InputError as error:
            message = f"{ledger.where}, entry {one_line(entry.id)!r}: {error.message}"
            yield Problem(ledger.where, None, message)


def _settled(entry: Entry) -> Settled:
    endpoint = entry.scope.endpoint
    if endpoint is None or entry.estimate is None:
        raise InputError("was reserved without an endpoint and an estimate")
    try:
        booked = Booked.model_validate_json(json.dumps(dict(entry.estimate)))
    except (ValidationError, ValueError, TypeError):
        raise InputError("its estimate does not say what was counted") from None
    start, end = booked.window
    charged = entry.charged or 0
    # The API says that a job has failed, and the ledger only that it cost nothing.
    failed = not charged and booked.settled_high != 0
    project = Project(
        id=entry.project_id or entry.id,
        endpoint=endpoint,
        type=endpoint,
        status="error" if failed else "complete",
        created=EPOCH + timedelta(microseconds=entry.reserved_at),
        charged=charged,
        window=(start, end) if end > start else None,
        fps=None,
        images=None,
    )
    return Settled(project, booked=booked)
