"""What plans cost: for people, or as JSON."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mh_preflight.rates import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from rich.console import RenderableType

    from mh_preflight.rates import Comparison, CreditPrice, Pack, PlanCost, RateCard
    from mh_preflight.units import Plan

__all__ = ["comparison_json", "comparison_view", "plans_json", "plans_view"]

PLACES = 6  # decimals of the price of one credit


def plans_view(card: RateCard, day: date, *, used: int, reset: datetime) -> RenderableType:
    """Show plans, bands and packs of a day.

    Args:
        card: The rates.
        day: The day.
        used: Credits that were used this month already.
        reset: When the bands begin again.
    """
    on_day = card.plan_rates(day)
    parts: list[RenderableType] = [Text(f"Plans on {day}  rates {card.version}", style="bold")]
    if on_day.offers:
        plans = _table("", "paid", ">US$ a month", ">at once", ">credits", ">US$ a credit")
        for offer in sorted(on_day.offers, key=lambda each: (each.credits, each.basis)):
            each = _credit(offer.usd / offer.credits)
            total = "" if offer.total is None else _usd(offer.total)
            cells = (_usd(offer.usd), total, f"{offer.credits:,}", each)
            plans.add_row(offer.plan, offer.basis, *cells)
        parts.append(_indented(plans))
    for grant in on_day.grants:
        text = f"{grant.plan}: {grant.at_sign_up:,} credits at sign-up, and {grant.per_day:,} a day"
        parts.append(_indented(Text(f"{text} that are claimed in the web app")))
    usage = on_day.usage
    if usage:
        parts += [_heading("Usage, US$ a credit"), _indented(_bands(usage)), Text("")]
        parts += _next_bands(usage, used, reset)
    if on_day.packs:
        table = _table("", ">credits", ">US$", ">US$ a credit", "")
        for pack in on_day.packs:
            table.add_row(*_pack_row(pack, card))
        parts += [_heading("Packs, which never expire"), _indented(table)]
    return Group(*parts)


def comparison_view(found: Comparison, card: RateCard, reset: datetime) -> RenderableType:
    """Show what a month's load costs on each plan, the cheapest first.

    Args:
        found: The comparison.
        card: The rates.
        reset: When the bands begin again.
    """
    parts: list[RenderableType] = [_answer(found), Text("")]
    table = _table("", "paid", ">US$", ">credits", "packs")
    for cost in found.costs:
        packs = ", ".join(f"{count:,} {pack.name}" for pack, count in cost.packs)
        table.add_row(cost.plan, cost.basis, _range(cost), f"{cost.credits:,}", packs)
    parts += [Padding(table, (0, 0, 0, 2)), *_notes(found, card)]
    usage = {cost.plan: cost.price for cost in found.costs if cost.basis == "usage"}
    if usage:
        parts += _next_bands(usage, found.used, reset)
    return Group(*parts)


def plans_json(card: RateCard, day: date, *, used: int, reset: datetime) -> str:
    """Write plans, bands and packs of a day as one line of JSON."""
    on_day = card.plan_rates(day)
    usage = on_day.usage
    body = {
        "schema": 1,
        "as_of": day.isoformat(),
        "card_version": card.version,
        "used_credits": used,
        "resets": reset.isoformat(),
        "plans": [
            {
                "plan": offer.plan,
                "basis": offer.basis,
                "usd": str(dollars(offer.usd)),
                "credits": offer.credits,
                "per_credit": str(dollars(offer.usd / offer.credits, 8)),
            }
            for offer in on_day.offers
        ],
        "usage": [
            {
                "plan": plan,
                "bands": [_band(*band) for band in price.bands],
                "per_credit": str(dollars(price.after(used).per_credit, 8)),
                "next_band": _next_band(price.after(used)),
            }
            for plan, price in usage.items()
        ],
        "packs": [
            {
                "name": pack.name,
                "credits": pack.credits,
                "usd": None if pack.usd is None else str(dollars(pack.usd)),
                "others": [
                    {"usd": str(dollars(other.usd)), "sources": list(other.sources)}
                    for other in pack.against
                ],
            }
            for pack in on_day.packs
        ],
        "free": [
            {"plan": grant.plan, "at_sign_up": grant.at_sign_up, "per_day": grant.per_day}
            for grant in on_day.grants
        ],
    }
    return json.dumps(body)


def comparison_json(found: Comparison, card: RateCard, reset: datetime) -> str:
    """Write a comparison as one line of JSON, the cheapest plan first."""
    body = {
        "schema": 1,
        "as_of": found.day.isoformat(),
        "card_version": card.version,
        "credits": found.credits,
        "used_credits": found.used,
        "resets": reset.isoformat(),
        "free_credits": found.free,
        "cheapest": _cost(found.cheapest),
        "cheapest_without_usage": _cost(found.cheapest_plan),
        "plans": [_cost(cost) for cost in found.costs],
    }
    return json.dumps(body)


def _answer(found: Comparison) -> Text:
    load = f"{found.credits:,} credits a month"
    best, plan = found.cheapest, found.cheapest_plan
    if best is None:
        return Text(f"No plan is known to cover {load} on {found.day}.", style="bold")
    first = plan or best  # what anyone can have, before what has to be agreed
    lines = Text(f"{load}: US$ {_range(first)} on {_named(first)}", style="bold")
    if best is not first and best.usd != first.usd:
        lines.append(f", or {_range(best)} on {_named(best)}")
    return lines


def _named(cost: PlanCost) -> str:
    return f"{cost.plan}, {'by usage' if cost.basis == 'usage' else f'paid {_paid(cost.basis)}'}"


def _paid(basis: str) -> str:
    return {"annual": "by the year", "monthly": "by the month"}[basis]


def _notes(found: Comparison, card: RateCard) -> Iterator[RenderableType]:
    bases = {cost.basis for cost in found.costs}
    yield Text("")
    if "annual" in bases:
        yield _note("annual", "a month's share of what is paid at once for a year")
    if "usage" in bases:
        yield _note("usage", "by agreement with the vendor only; not open to everyone")
    if found.free is not None:
        enough = "enough" if found.free >= found.credits else "not enough"
        each = "credits, if claimed in the web app every day"
        yield _note("free", f"{found.free:,} {each}: {enough}")
    if any(cost.usd_low != cost.usd_high for cost in found.costs):
        others = ", ".join(_others(card, found.day))
        yield _note("packs", f"their prices are disputed by {others}, hence the range")


def _others(card: RateCard, day: date) -> Iterator[str]:
    """Name the sources that have other prices of packs."""
    packs = card.plan_rates(day).packs
    for name in dict.fromkeys(n for p in packs for other in p.against for n in other.sources):
        said = card.plans.sources[name]
        yield f"{said.rank} of {said.date}"


def _bands(usage: Mapping[Plan, CreditPrice]) -> Table:
    table = _table("credits of the month", *(f">{plan}" for plan in usage))
    begins = sorted({after for price in usage.values() for after, _ in price.bands})
    for after in begins:
        prices = (price.after(after).per_credit for price in usage.values())
        table.add_row(f"from {after + 1:,} on", *(_credit(each) for each in prices))
    return table


def _next_bands(
    usage: Mapping[Plan, CreditPrice], used: int, reset: datetime
) -> list[RenderableType]:
    """Say after how many credits which band begins, and when all begin again."""
    rooms: dict[int, list[str]] = {}
    for plan, price in usage.items():
        following = price.after(used).next_band
        if following is not None:
            rooms.setdefault(following[0], []).append(f"{plan} {_credit(following[1])}")
    lines = [
        f"after {used:,} credits, {room:,} more to the next: {', '.join(prices)}"
        for room, prices in rooms.items()
    ] or [f"after {used:,} credits, the last"]
    zone = f"{reset:%Y-%m-%d %H:%M} {reset.tzname()}"
    return [*(_note("band", line) for line in lines), _note("resets", zone)]


def _pack_row(pack: Pack, card: RateCard) -> tuple[str, str, str, str, str]:
    others = [
        f"{_usd(other.usd)} by {card.plans.sources[other.sources[0]].rank}"
        f" of {card.plans.sources[other.sources[0]].date}"
        for other in pack.against
    ]
    usd = "not stated" if pack.usd is None else _usd(pack.usd)
    each = "" if pack.usd is None else _credit(pack.usd / pack.credits)
    return pack.name, f"{pack.credits:,}", usd, each, f"but {', '.join(others)}" if others else ""


def _cost(cost: PlanCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {
        "plan": cost.plan,
        "basis": cost.basis,
        "usd": _text(cost.usd),
        "usd_low": _text(cost.usd_low),
        "usd_high": _text(cost.usd_high),
        "credits": cost.credits,
        "packs": {pack.name: count for pack, count in cost.packs},
        "per_credit": str(dollars(cost.price.per_credit, 8)),
        "next_band": _next_band(cost.price),
    }


def _next_band(price: CreditPrice) -> dict[str, Any] | None:
    following = price.next_band
    if following is None:
        return None
    return {"credits": following[0], "per_credit": str(dollars(following[1], 8))}


def _band(after: int, per_credit: Fraction) -> dict[str, Any]:
    return {"after": after, "per_credit": str(dollars(per_credit, 8))}


def _text(usd: Fraction | None) -> str | None:
    return None if usd is None else str(dollars(usd))


def _range(cost: PlanCost) -> str:
    """Write the dollars of a plan, from the lowest to the highest that the sources give."""
    if cost.usd is None or cost.usd_low is None or cost.usd_high is None:
        return "no pack is known"
    return " to ".join(dict.fromkeys((_usd(cost.usd_low), _usd(cost.usd_high))))


def _usd(amount: Fraction) -> str:
    return f"{dollars(amount, 2):,}"


def _credit(amount: Fraction) -> str:
    return str(dollars(amount, PLACES))


def _table(*columns: str) -> Table:
    """Give a table; a name with `>` is that of a column of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in columns:
        numbers = name.startswith(">")
        table.add_column(
            name.removeprefix(">"), justify="right" if numbers else "left", header_style="dim"
        )
    return table


def _indented(part: RenderableType) -> RenderableType:
    return Padding(part, (1, 0, 0, 2))


def _heading(text: str) -> RenderableType:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _note(name: str, text: str) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, width=6)
    table.add_column(overflow="fold")
    table.add_row(name, text)
    return Padding(table, (0, 0, 0, 2))
