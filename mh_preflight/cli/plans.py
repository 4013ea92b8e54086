"""mh-preflight plans: what do the plans cost, and which covers a month most cheaply?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mh_preflight.cli.options import (
    AsOf,
    Json,
    RatesFile,
    UsedCredits,
    chosen_rates,
    day_from,
    whole,
)
from mh_preflight.cli.output import show
from mh_preflight.errors import UnknownRateError
from mh_preflight.rates import compare_plans, next_reset, pacific_day

__all__ = ["plans"]


def plans(
    credits: Annotated[
        int | None,
        typer.Option(
            "--credits",
            parser=whole,
            help="The credits of a month: show what they cost on each plan, the cheapest first.",
            metavar="N",
            show_default=False,
        ),
    ] = None,
    used: UsedCredits = 0,
    as_of: AsOf = None,
    rates: RatesFile = None,
    as_json: Json = False,
) -> None:
    """Show what the plans, usage and packs cost, or which plan covers a month most cheaply.

    Example: mh-preflight plans --credits 50000
    """
    from mh_preflight.render.plans import (
        comparison_json,
        comparison_view,
        plans_json,
        plans_view,
    )

    card = chosen_rates(rates)
    now = datetime.now(UTC)
    given = day_from(as_of)
    day = given or now.date()
    reset = next_reset(given or pacific_day(now))
    if credits is not None:
        found = compare_plans(credits, day=day, rates=card, used=used)
        if as_json:
            typer.echo(comparison_json(found, card, reset))
        else:
            show(comparison_view(found, card, reset))
        return
    if not card.plan_rates(day).prices:
        raise UnknownRateError(f"no price of a plan is known on {day}", field="as_of")
    if as_json:
        typer.echo(plans_json(card, day, used=used, reset=reset))
    else:
        show(plans_view(card, day, used=used, reset=reset))
