"""How do budgets stand? What is left first, then who holds the rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mh_preflight.budget import Entry, Period, State, Unit, dollars_of
from mh_preflight.render.entries import entry_body, held_table
from mh_preflight.render.phrases import (
    counted,
    credits_of,
    decimal,
    inset,
    iso,
    json_line,
    ledger_line,
)
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

    from mh_preflight.budget import Budget, Standing

__all__ = ["named_budget", "set_json", "set_view", "standing_body", "standing_json", "status_view"]


START = "mh-preflight budget set --limit 500 --per day"

WIDEST, NARROWEST = 32, 10


def set_view(
    budget: Budget, standings: Sequence[Standing], where: str, *, removed: bool
) -> RenderableType:
    """Show what was set or taken away, and how it stands.

    Args:
        budget: The budget.
        standings: How it stands, where it was set.
        where: The ledger.
        removed: Whether it was taken away.
    """
    did = "Removed" if removed else "Set"
    parts: list[RenderableType] = [Text(f"{did}: {named_budget(budget)}", style="bold")]
    for standing in standings:
        used = standing.limit - standing.left
        if used:
            shown = standing.budget.shown
            rest = "" if standing.blocked else f"; {shown(standing.left)} left"
            parts.append(Text(f"{shown(used)} are spent or held in its window already{rest}."))
        parts += [Text(f"! {line}", style="red") for line in _stops(standing)]
    parts.append(ledger_line(where))
    return Group(*parts)


def set_json(budget: Budget, where: str, *, removed: bool) -> str:
    """Write what was set or taken away as one line of JSON."""
    did = "removed" if removed else "set"
    return json_line({"schema": 1, "did": did, **_budget_body(budget), "ledger": where})


def status_view(  # noqa: PLR0913  what a page shows
    standings: Sequence[Standing],
    held: Sequence[Entry],
    total: tuple[int, int],
    *,
    spent: bool,
    where: str,
    sources: Mapping[Budget, str | None],
    run: str | None = None,
    plain: bool = False,
) -> RenderableType:
    """Show how budgets stand, and what is held.

    Args:
        standings: Of each budget.
        held: The oldest entries that hold something.
        total: How many entries do, and how many credits in all.
        spent: Whether the ledger has any entry.
        where: The ledger.
        sources: The file of a budget that is not set in the ledger.
        run: The run that is shown, where one was named.
        plain: Draw bars with ASCII.
    """
    parts: list[RenderableType] = [_answer(standings, total, spent=spent)]
    if not standings:
        parts.append(Text(f"Start with: {START}"))
    widths = _widths(standings)
    for standing in standings:
        parts += _standing(standing, widths, sources.get(standing.budget), run, plain=plain)
    if held:
        parts += [Text(""), Text("Held", style="bold"), inset(held_table(held))]
        if total[0] > len(held):
            more = f"and {total[0] - len(held):,} more: mh-preflight budget history --open"
            parts.append(inset(Text(more, style="dim")))
    if any(entry.state is State.UNKNOWN for entry in held):
        hint = "! nobody knows whether the API has the unknown ones: mh-preflight budget recover"
        parts += [Text(""), Text(hint, style="yellow")]
    parts += [Text(""), ledger_line(where)]
    return Group(*parts)


def standing_body(standing: Standing) -> dict[str, Any]:
    """Give how a budget stands as JSON has it."""
    budget = standing.budget
    return {
        **_budget_body(budget),
        "starts": iso(standing.starts),
        "ends": iso(standing.ends),
        "settled": _value(budget, standing.settled),
        "overrun": _value(budget, standing.overrun),
        "charged": _value(budget, standing.charged),
        "held": _value(budget, standing.reserved),
        "left": _value(budget, standing.left),
        "unpriced": standing.unpriced,
    }


def standing_json(standing: Standing, where: str) -> str:
    """Write how a budget stands as one line of JSON."""
    holders = [entry_body(entry) for entry in standing.holders]
    return json_line({"schema": 1, **standing_body(standing), "holders": holders, "ledger": where})


def _answer(standings: Sequence[Standing], total: tuple[int, int], *, spent: bool) -> Text:
    jobs, credits = total
    holding = f"{counted(jobs, 'job')} hold{'s' if jobs == 1 else ''} {credits_of(credits)}"
    blocked = [each for each in standings if each.blocked]
    if not standings:
        rest = holding if jobs else "nothing is held" if spent else "nothing was spent yet"
        return Text(f"No budget is set, and {rest}.", style="bold")
    first = standings[0]
    if len(standings) == 1 and first.budget.counter(0, "any") is not None:
        text = _answer_of(first)
    elif blocked:
        let = "lets" if len(blocked) == 1 else "let"
        text = f"{len(blocked)} of {counted(len(standings), 'budget')} {let} nothing more be sent"
    else:
        text = f"{counted(len(standings), 'budget')}, none over its limit"
    rest = holding if jobs else "nothing is held"
    return Text(f"{text}; {rest}.", style="bold red" if blocked else "bold")


def _answer_of(standing: Standing) -> str:
    """Say first how the one budget stands that there is."""
    named, amount = named_budget(standing.budget), _amount(standing.budget, abs(standing.left))
    if standing.unpriced:
        return f"Nothing more is sent under {named}"
    return f"{amount} {'above the limit' if standing.left < 0 else 'left'} of {named}"


def _standing(
    standing: Standing,
    widths: Sequence[int],
    source: str | None,
    run: str | None,
    *,
    plain: bool,
) -> Iterator[RenderableType]:
    budget = standing.budget
    yield Text("")
    title = Text(named_budget(budget))
    if window := _window(standing, run):
        title.append(f"  {window}", style="dim")
    if source is not None:
        title.append(f"  of {one_line(source, 60)}", style="dim")
    yield title
    if budget.per is Period.JOB:
        yield inset(Text("for each job alone", style="dim"))
        return
    if budget.per is Period.RUN and run is None:
        yield inset(Text("for each run alone; --run NAME shows one", style="dim"))
        return
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column()
    for _ in range(3):
        table.add_column(no_wrap=True)
    numbers = _numbers(standing)
    cells = [
        Text(f"{number:>{width}} {name}", style=style)
        for (number, name, style), width in zip(numbers, widths, strict=True)
    ]
    table.add_row(_Bar(standing, plain=plain), *cells)
    yield inset(table)
    for line in _warnings(standing):
        yield inset(Text(f"! {line}", style="red"))


def _numbers(standing: Standing) -> list[tuple[str, str, str]]:
    """Give what stands beside a bar: number, name and style."""
    budget, left = standing.budget, standing.left
    return [
        (_amount(budget, standing.charged), "charged", "green"),
        (_amount(budget, standing.reserved), "held", "yellow"),
        (
            _amount(budget, abs(left)),
            "over" if left < 0 else "left",
            "bold red" if left < 0 else "",
        ),
    ]


def _widths(standings: Sequence[Standing]) -> list[int]:
    rows = [[len(number) for number, _, _ in _numbers(each)] for each in standings]
    return [max(column) for column in zip(*rows, strict=True)] if rows else []


def _warnings(standing: Standing) -> Iterator[str]:
    budget = standing.budget
    if standing.overrun:
        charged = budget.shown(standing.charged)
        yield f"{charged} charged, {_amount(budget, standing.overrun)} of it over what was held"
    yield from _stops(standing)


def _stops(standing: Standing) -> Iterator[str]:
    """Say why nothing more is sent in a window, where that is so."""
    if standing.left < 0:
        over = standing.budget.shown(-standing.left)
        yield f"{over} over the limit: nothing more is sent in this window"
    if standing.unpriced:
        jobs = counted(standing.unpriced, "job")
        yield f"{jobs} without a known price in dollars: nothing more is sent in this window"


def _window(standing: Standing, run: str | None) -> str:
    """Name the window: a run, or a day or a month of the budget's zone."""
    if standing.budget.per is Period.RUN and run is not None:
        return f"run {one_line(run, 60)!r}"
    if standing.starts is None:
        return ""
    zone = ZoneInfo(standing.budget.zone)
    # Noon is within the day, also where its midnight is left out.
    moment = datetime.fromtimestamp(standing.starts // 1_000_000, zone) + timedelta(hours=12)
    return f"{moment:%Y-%m}" if standing.budget.per is Period.MONTH else f"{moment:%Y-%m-%d}"


class _Bar:
    """A bar: what is settled, what was charged beyond that, what is held, and what is left."""

    def __init__(self, standing: Standing, *, plain: bool) -> None:
        self._parts = (
            (standing.settled, "#" if plain else "█", "green"),
            (standing.overrun, "!" if plain else "█", "red"),
            (standing.reserved, "=" if plain else "▒", "yellow"),
        )
        self._whole = max(standing.limit, standing.limit - standing.left, 1)
        self._free = "." if plain else "░"

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(NARROWEST, WIDEST).clamp(max_width=options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        width = min(options.max_width, WIDEST)
        done = drawn = 0
        for amount, sign, style in self._parts:
            done += amount
            until = min(width, done * width // self._whole)
            if amount:
                until = min(width, max(until, drawn + 1))  # what is there is seen
            yield Segment(sign * (until - drawn), Style.parse(style))
            drawn = until
        yield Segment(self._free * (width - drawn), Style.parse("dim"))


def named_budget(budget: Budget) -> str:
    """Name a budget, also one that has no window."""
    return f"{budget} in all" if budget.per is Period.EVER else str(budget)


def _amount(budget: Budget, value: int) -> str:
    return budget.shown(value).removesuffix(" credits")


def _value(budget: Budget, value: int) -> int | str:
    """Give an amount as JSON has it: whole credits, or dollars as decimal text."""
    if budget.unit is Unit.CREDITS:
        return value
    sign = "-" if value < 0 else ""
    return f"{sign}{decimal(dollars_of(abs(value)))}"


def _budget_body(budget: Budget) -> dict[str, Any]:
    return {
        "budget": str(budget),
        "unit": budget.unit.value,
        "limit": _value(budget, budget.limit),
        "per": budget.per.value,
        "project": budget.project,
        "endpoint": budget.endpoint,
        "zone": budget.zone,
    }
