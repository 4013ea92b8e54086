"""From settled jobs to an answer, in one call."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from mh_preflight.calibrate.answer import Calibration, Problem
from mh_preflight.calibrate.compare import Case, compare
from mh_preflight.calibrate.entries import read_entries
from mh_preflight.calibrate.groups import grouped
from mh_preflight.calibrate.overrides import fitted
from mh_preflight.calibrate.reading import read_settled
from mh_preflight.errors import InputError
from mh_preflight.rates import RateCard, bundled_rates
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mh_preflight.budget import Ledger
    from mh_preflight.calibrate.projects import Settled

__all__ = ["calibrate_files", "calibrate_records"]

ENDED = frozenset({"complete", "error", "canceled"})


def calibrate_files(
    paths: Iterable[Path], rates: RateCard | None = None, *, ledger: Ledger | None = None
) -> Calibration:
    """Compare the settled jobs of files, and of a ledger, with their estimates.

    Args:
        paths: JSON, JSON Lines, or folders of them.
        rates: The rate card; the bundled one by default.
        ledger: A ledger whose settled entries count too. Where a job is also in a file, and has
            ended by it, the file's word counts.

    Raises:
        InputError: There is no record that can be used.
        LedgerError: The ledger cannot be read.
    """
    records: list[Settled] = []
    problems: list[Problem] = []
    for found in chain(() if ledger is None else read_entries(ledger), read_settled(paths)):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            records.append(found)
    if not records:
        first = problems[0] if problems else None
        missing = "there is no record of a job"
        if ledger is not None:
            missing = f"no job is settled in the ledger {ledger.where}"
        reason = first.message if first else missing
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"{reason}{more}", source=first.source if first else None)
    return calibrate_records(records, rates, problems=tuple(problems))


def calibrate_records(
    records: Iterable[Settled],
    rates: RateCard | None = None,
    *,
    problems: tuple[Problem, ...] = (),
) -> Calibration:
    """Compare settled jobs with their estimates.

    Args:
        records: The jobs; of two with the same id the later one counts.
        rates: The rate card; the bundled one by default.
        problems: What could not be read.

    Example:
        >>> from mh_preflight.calibrate import settled_from
        >>> project = {
        ...     "id": "a",
        ...     "type": "FACE_SWAP",
        ...     "status": "complete",
        ...     "created_at": "2026-09-11T06:31:51Z",
        ...     "start_seconds": 0,
        ...     "end_seconds": 5,
        ...     "fps": 24,
        ...     "credits_charged": 120,
        ... }
        >>> calibrate_records([settled_from(project)]).records[0].verdict
        'exact'
    """
    card = bundled_rates() if rates is None else rates
    number = 0
    by_id: dict[str, Settled] = {}
    for record in records:
        number += 1
        by_id[record.project.id] = _later(by_id.get(record.project.id), record)
    cases: list[Case] = []
    found = list(problems)
    refunded = skipped = 0
    kept: list[str] = []
    for record in by_id.values():
        status = record.project.status
        if status in {"error", "canceled"}:
            if record.project.charged:
                kept.append(record.project.id)
            else:
                refunded += 1
        elif status != "complete":
            skipped += 1
        else:
            try:
                cases.append(compare(record, card))
            except InputError as error:
                name = one_line(record.project.id, 60)
                found.append(Problem("", None, f"job {name}: {one_line(error.message)}"))
    compared = sorted((case.compared for case in cases), key=lambda each: each.created)
    return Calibration(
        groups=tuple(fitted(group, card) for group in grouped(cases)),
        records=tuple(compared),
        refunded=refunded,
        failed_but_charged=tuple(kept),
        skipped=skipped,
        duplicates=number - len(by_id),
        problems=tuple(found),
        card_version=card.version,
    )


def _later(before: Settled | None, after: Settled) -> Settled:
    """Give what is known of a job that was told before: what a ledger keeps is not forgotten."""
    if before is None or before.booked is None or after.booked is not None:
        return after
    if after.project.status not in ENDED:
        return before
    if after.job is not None:
        return after
    endpoint = after.project.endpoint or before.project.endpoint
    return replace(after, project=replace(after.project, endpoint=endpoint), booked=before.booked)
