"""mh-preflight budget status: how much is left, and who holds the rest?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mh_preflight.cli.ledger import LedgerPlace, PolicyFile, chosen_policy, opened_ledger
from mh_preflight.cli.options import Json
from mh_preflight.cli.output import show

if TYPE_CHECKING:
    from mh_preflight.budget import Entry, Ledger

__all__ = ["can_draw", "status"]

MOST_HELD = 20


def status(
    run: Annotated[
        str | None,
        typer.Option(help="The run, for budgets a run.", metavar="NAME", show_default=False),
    ] = None,
    policy: PolicyFile = None,
    ledger: LedgerPlace = None,
    as_json: Json = False,
) -> None:
    """Show how every budget stands, and what is held, by whom and since when.

    Those of the policy count as well. With --json, one budget a line.
    """
    from mh_preflight.render.budgets import standing_json, status_view

    rules = chosen_policy(policy)
    with opened_ledger(ledger) as opened:
        standings = opened.status(budgets=rules.budgets if rules else (), run=run)
        if as_json:
            for standing in standings:
                typer.echo(standing_json(standing, opened.where))
            return
        held, count, credits = _held(opened)
        spent = count > 0 or next(opened.entries(), None) is not None
        own = set(opened.budgets())
        view = status_view(
            standings,
            held,
            (count, credits),
            spent=spent,
            where=opened.where,
            sources={} if rules is None else dict.fromkeys({*rules.budgets} - own, rules.source),
            run=run,
            plain=not can_draw(),
        )
    show(view)


def can_draw() -> bool:
    """Tell whether what is printed to can show bars of blocks."""
    try:
        "█▒░".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _held(ledger: Ledger) -> tuple[list[Entry], int, int]:
    """Give the oldest entries that hold something, how many do, and how many credits in all."""
    first: list[Entry] = []
    count = credits = 0
    for entry in ledger.entries(open_only=True):
        count += 1
        credits += entry.credits
        if len(first) < MOST_HELD:
            first.append(entry)
    return first, count, credits
