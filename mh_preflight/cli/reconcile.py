"""mh-preflight reconcile: does the ledger say what the API says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mh_preflight.cli.exits import FINDING
from mh_preflight.cli.ledger import BASE_URL, BaseUrl, LedgerPlace, opened_ledger
from mh_preflight.cli.options import Json
from mh_preflight.cli.output import show, working

if TYPE_CHECKING:
    from mh_preflight.client.following import Outcome

__all__ = ["EPILOG", "reconcile"]

EPILOG = (
    "The token of the API is read from MAGIC_HOUR_API_KEY. Ends with 3 where the API could not be "
    "asked about a job; the others are booked all the same."
)


def reconcile(
    ledger: LedgerPlace = None, base_url: BaseUrl = BASE_URL, as_json: Json = False
) -> None:
    """Ask the API about every job that has not ended, book what it says, and say what was done.

    It may run at any time, several times at once. With --json, one job a line.

    Nothing is released because the API does not know it.
    """
    from mh_preflight.client import Client
    from mh_preflight.render.submission import outcome_json, reconciled_view

    with opened_ledger(ledger) as opened:
        outcomes: tuple[Outcome, ...] = ()
        if next(opened.entries(open_only=True), None) is not None:
            with (
                working("asking about what is open"),
                Client(base_url=base_url, ledger=opened) as client,
            ):
                outcomes = client.reconcile()
        where = opened.where
    if as_json:
        for each in outcomes:
            typer.echo(outcome_json(each))
    else:
        show(reconciled_view(outcomes, where))
    if any(each.did == "failed" for each in outcomes):
        raise typer.Exit(FINDING)
