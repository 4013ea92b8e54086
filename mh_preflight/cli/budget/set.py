"""mh-preflight budget set: how much may be spent?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mh_preflight.cli.exits import print_error
from mh_preflight.cli.ledger import LedgerPlace, opened_ledger, raise_for_endpoint
from mh_preflight.cli.options import Json, whole_or_below
from mh_preflight.cli.output import show
from mh_preflight.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        bool, typer.Option("--remove", help="Take away the one budget that is named so.")
    ] = False,
    ledger: LedgerPlace = None,
    as_json: Json = False,
) -> None:
    """Set a budget, or its limit anew. What was spent in its window before counts.

    Example: mh-preflight budget set --limit 500 --per day --project trailer
    """
    from mh_preflight.budget import Budget
    from mh_preflight.render.budgets import set_json, set_view

    if endpoint is not None:
        raise_for_endpoint(endpoint)
    if not remove and (limit is None) == (usd is None):
        raise InputError("--limit: give it, or --usd, one of them", field="limit")
    try:
        budget = Budget.of(
            credits=0 if limit is None and usd is None else limit,
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
            named = _Named(budget, limit=(limit, usd) != (None, None), zone=zone is not None)
            budget = _removed(opened, named, ledger, as_json=as_json)
        else:
            opened.set_budget(budget)
        standings = [] if remove else [s for s in opened.status() if s.budget == budget]
        where = opened.where
    if as_json:
        typer.echo(set_json(budget, where, removed=remove))
    else:
        show(set_view(budget, standings, where, removed=remove))


def _in_options(error: InputError) -> InputError:
    """Name the option that was typed."""
    option = {"credits": "limit"}.get(error.field or "", error.field)
    message = f"--{option}: {error.message.removeprefix(f'{error.field}: ')}"
    return InputError(message, code=error.code, field=option)


class _Named(NamedTuple):
    """Which budget a person names.

    Attributes:
        like: The budget, as far as it is named.
        limit: Whether its unit and limit are named.
        zone: Whether its zone is.
    """

    like: Budget
    limit: bool
    zone: bool

    def matches(self, budget: Budget) -> bool:
        """Tell whether a budget is all that is named."""
        like = self.like
        return (
            (budget.per, budget.project, budget.endpoint) == (like.per, like.project, like.endpoint)
            and (not self.limit or (budget.unit, budget.limit) == (like.unit, like.limit))
            and (not self.zone or budget.zone == like.zone)
        )


def _removed(ledger: Ledger, named: _Named, place: str | None, *, as_json: bool) -> Budget:
    """Take away the one budget that is named; where there is not one, list what there is."""
    every = ledger.budgets()
    found = [each for each in every if named.matches(each)]
    if len(found) == 1 and ledger.remove_budget(found[0]):
        return found[0]
    commands = [_removing(each, every, place) for each in every]
    several = len(found) > 1
    what = f"{len(found)} budgets are like that" if several else "there is no such budget"
    rest = "say which one" if several else "these are set" if every else "none is set"
    listed = f": {'; '.join(commands)}" if as_json and commands else ""
    error = InputError(
        f"--remove: {what}, and nothing was removed; {rest}{listed}",
        code="several-budgets" if several else "no-budget",
        field="remove",
    )
    code = print_error(error, as_json=as_json)
    if not as_json:
        for command in commands:
            typer.echo(f"  {command}", err=True)
    raise typer.Exit(code)


def _removing(budget: Budget, every: Sequence[Budget], place: str | None) -> str:
    """Give the command that takes away a budget, and no other."""
    from mh_preflight.budget import Period, Unit, dollars_of
    from mh_preflight.budget.places import shown_place

    in_credits = budget.unit is Unit.CREDITS
    words = ["mh-preflight", "budget", "set", "--remove"]
    words += ["--limit" if in_credits else "--usd"]
    words += [str(budget.limit) if in_credits else f"{dollars_of(budget.limit):f}"]
    if budget.per is not Period.EVER:
        words += ["--per", str(budget.per)]
    if budget.project is not None:
        words += ["--project", budget.project]
    if budget.endpoint is not None:
        words += ["--endpoint", budget.endpoint]
    if (
        budget.zone != "UTC"
        or sum(each.identity[:-1] == budget.identity[:-1] for each in every) > 1
    ):
        words += ["--zone", budget.zone]
    if place is not None:
        words += ["--ledger", shown_place(place)]
    return shlex.join(words)
