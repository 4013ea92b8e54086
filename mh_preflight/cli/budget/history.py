"""mh-preflight budget history: what was spent, and on what?"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from mh_preflight.cli.ledger import (
    LedgerPlace,
    microseconds_from,
    opened_ledger,
    raise_for_endpoint,
)
from mh_preflight.cli.options import Json, whole_from_one
from mh_preflight.cli.output import show
from mh_preflight.errors import InputError

if TYPE_CHECKING:
    from mh_preflight.budget import Entry

__all__ = ["history"]


def history(  # noqa: PLR0913  one parameter an option
    state: Annotated[
        str | None,
        typer.Option(
            help="Only those in it: reserved, submitting, submitted, unknown, settled, released or "
            "expired.",
            metavar="STATE",
            show_default=False,
        ),
    ] = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only those that hold something.")
    ] = False,
    project: Annotated[
        str | None, typer.Option(help="Only of this project.", metavar="NAME", show_default=False)
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Only of this endpoint.", metavar="ENDPOINT", show_default=False),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Only of this run.", metavar="NAME", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="From this day on, UTC.", metavar="YYYY-MM-DD", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="To the end of this day, UTC.", metavar="YYYY-MM-DD", show_default=False),
    ] = None,
    last: Annotated[
        int, typer.Option(parser=whole_from_one, help="How many a table shows.", metavar="N")
    ] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    ledger: LedgerPlace = None,
    as_json: Json = False,
) -> None:
    """Show the jobs in the ledger, in the order in which they were reserved.

    With --json one a line, with --csv one a row, all of them.
    """
    from mh_preflight.render.entries import Sums, csv_lines, entry_json, history_view

    if as_csv and as_json:
        raise InputError("--csv: or --json, one of them", field="csv")
    first = microseconds_from(since, "--since")
    end = microseconds_from(until, "--until", after=True)
    if first is not None and end is not None and first >= end:
        raise InputError(f"--until: {until} lies before {since}", field="until")
    with opened_ledger(ledger) as opened:
        if endpoint is not None and next(opened.entries(endpoint=endpoint), None) is None:
            raise_for_endpoint(endpoint)  # what was held from Python may have any name
        found = opened.entries(
            state=state,
            open_only=open_only,
            project=project,
            endpoint=endpoint,
            run=run,
            since=first,
            until=end,
        )
        if as_json:
            for entry in found:
                typer.echo(entry_json(entry))
            return
        if as_csv:
            for line in csv_lines(found):
                sys.stdout.write(line)
            return
        shown: deque[Entry] = deque(maxlen=last)
        sums = Sums()
        for entry in found:
            sums.add(entry)
            shown.append(entry)
        filtered = open_only or any((state, project, endpoint, run, since, until))
        view = history_view(shown, sums, filtered=filtered, where=opened.where)
    show(view)
