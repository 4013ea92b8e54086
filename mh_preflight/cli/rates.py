"""mh-preflight rates: what does it cost, since when, and who says so?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mh_preflight.cli.options import AsOf, Json, RatesFile, chosen_rates, day_from, rates_line
from mh_preflight.cli.output import show
from mh_preflight.errors import InputError, UnknownRateError
from mh_preflight.units import meant, one_line

if TYPE_CHECKING:
    from mh_preflight.rates import EndpointFile, Rate, RateCard

__all__ = ["rates"]


def rates(
    endpoint: Annotated[str | None, typer.Argument(help="Show the history of one.")] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Show only what changed after one day and up to another.", metavar="DAY DAY"
        ),
    ] = None,
    as_of: AsOf = None,
    rates_file: RatesFile = None,
    as_json: Json = False,
) -> None:
    """Show the rates of a day, or the history of one endpoint with its sources.

    Example: mh-preflight rates lip-sync
    """
    if between is not None and as_of is not None:
        raise InputError(
            "--as-of: goes not with --between, which names its own days", field="as_of"
        )
    card = chosen_rates(rates_file)
    day = day_from(as_of) or datetime.now(UTC).date()
    days = _days(between)
    files = _files(card, endpoint)
    whole = endpoint is not None and as_of is None
    rates_of = {file.endpoint: _chosen(file, days, None if whole else day) for file in files}
    if days is None and not any(rates_of.values()):
        raise UnknownRateError(f"no rate is known on {day}")
    if as_json:
        shown = [_table(file, rates_of[file.endpoint]) for file in files]
        version = card.version if endpoint is None else card.version_for(endpoint)
        answer = {"card_version": version, "endpoints": shown}
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    from mh_preflight.render.rates import changes_view, history_view, rates_view

    known = rates_line(card, day, [file.endpoint for file in files])
    if days is not None:
        show(changes_view(files, *days, known))
    elif endpoint is None:
        show(rates_view(card, day, known))
    else:
        for file in files:
            show(history_view(file, rates_of[file.endpoint], known))


def _days(between: tuple[str, str] | None) -> tuple[date, date] | None:
    if between is None:
        return None
    first, last = (day_from(text, "--between") for text in between)
    if first is None or last is None or first > last:
        raise InputError("--between: the first day must not be after the second", field="between")
    return first, last


def _files(card: RateCard, endpoint: str | None) -> list[EndpointFile]:
    if endpoint is None:
        return list(card.endpoints.values())
    if endpoint not in card.endpoints:
        raise InputError(
            f"no rates are known for {one_line(endpoint, 60)!r}: {meant(endpoint, card.endpoints)}",
            field="endpoint",
        )
    return [card.endpoints[endpoint]]


def _chosen(file: EndpointFile, between: tuple[date, date] | None, day: date | None) -> list[Rate]:
    if between is not None:
        return [rate for rate in file.rates if rate.changed_between(*between)]
    return [rate for rate in file.rates if day is None or rate.holds_on(day)]


def _table(file: EndpointFile, rates: list[Rate]) -> dict[str, Any]:
    used = {name for rate in rates for name in rate.sources}
    used |= {name for rate in rates for other in rate.against for name in other.sources}
    return {
        "endpoint": file.endpoint,
        "checked": file.checked.isoformat(),
        "rates": [rate.model_dump(mode="json", by_alias=True, exclude_none=True) for rate in rates],
        "sources": {
            name: said.model_dump(mode="json")
            for name, said in file.sources.items()
            if name in used
        },
    }
