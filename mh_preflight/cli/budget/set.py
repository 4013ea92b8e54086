"""mh-preflight budget set: how much may be spent?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mh_preflight.cli.ledger import LedgerPlace, opened_ledger
from mh_preflight.cli.options import Json, whole_or_below
from mh_preflight.cli.output import show
from mh_preflight.errors import InputError, JobError
from mh_preflight.jobs import model_of

if TYPE_CHECKING:
    from mh_preflight.budget import Budget, Ledger

__all__ = ["set_budget"]


def set_budget(  # noqa: PLR0913  one parameter an option
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", parser=whole_or_below, help="Credits.", metavar="CREDITS", show_default=False
        ),
    ] = None,
    usd: Annotated[
        str | None,
        typer.Option(
            "--usd", help="US dollars, in place of --limit.", metavar="DOLLARS", show_default=False
        ),
    ] = None,
    per: Annotated[
        str,
        typer.Option(
            "--per",
            help="job, run, day, month or ever.",
            metavar="PERIOD",
            autocompletion=lambda: ["job", "run", "day", "month", "ever"],
        ),
    ] = "ever",
    project: Annotated[
        str | None,
        typer.Option(help="Only jobs of this project.", metavar="NAME", show_default=False),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Only jobs of this endpoint.", metavar="ENDPOINT", show_default=False),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Where days and months begin, such as Europe/Berlin. Default: UTC.",
            metavar="ZONE",
            show_default=False,
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the budget away; needs no limit.")
    ] = False,
    ledger: LedgerPlace = None,
    as_json: Json = False,
) -> None:
    """Set a budget, or its limit anew. What was spent in its window before counts.

    Example: mh-preflight budget set --limit 500 --per day --project trailer
    """
    from mh_preflight.budget import Budget, Unit
    from mh_preflight.render.budgets import set_json, set_view

    if endpoint is not None:
        try:
            model_of(endpoint)
        except JobError as error:
            message = f"--{error.message}"  # which begins with the field
            raise InputError(message, code=error.code, field="endpoint") from None
    if not remove and (limit is None) == (usd is None):
        raise InputError("--limit: give it, or --usd, one of them", field="limit")
    unit = None if limit is None and usd is None else Unit.CREDITS if usd is None else Unit.USD
    try:
        budget = Budget.of(
            credits=0 if remove and usd is None else limit,
            usd=usd,
            per=per,
            project=project,
            endpoint=endpoint,
            zone=zone or "UTC",
        )
    except InputError as error:
        raise _in_options(error) from None
    with opened_ledger(ledger, create=not remove) as opened:
        if remove:
            found = _removed(opened, budget, unit, any_zone=zone is None)
        else:
            opened.set_budget(budget)
            found = [budget]
        standings = [] if remove else [s for s in opened.status() if s.budget == budget]
        where = opened.where
    if as_json:
        for each in found:
            typer.echo(set_json(each, where, removed=remove))
    else:
        show(set_view(found, standings, where, removed=remove))


def _in_options(error: InputError) -> InputError:
    """Name the option that was typed."""
    option = {"credits": "limit"}.get(error.field or "", error.field)
    message = f"--{option}: {error.message.removeprefix(f'{error.field}: ')}"
    return InputError(message, code=error.code, field=option)


def _removed(ledger: Ledger, like: Budget, unit: str | None, *, any_zone: bool) -> list[Budget]:
    """Take away the budgets that are meant, whatever their limit is."""
    meant = [
        each
        for each in ledger.budgets()
        if (each.per, each.project, each.endpoint) == (like.per, like.project, like.endpoint)
        and unit in {None, each.unit}
        and (any_zone or each.zone == like.zone)
    ]
    removed = [each for each in meant if ledger.remove_budget(each)]
    if not removed:
        known = "; ".join(str(each) for each in ledger.budgets())
        raise InputError(
            f"--remove: there is no such budget; {f'set are: {known}' if known else 'none is set'}",
            code="no-budget",
            field="remove",
        )
    return removed
