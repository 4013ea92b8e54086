"""Budgets and the ledger: what is left first, then who holds the rest, then what to do."""

from __future__ import annotations

import csv
import io
import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mh_preflight.budget import Entry, Period, State, Unit, dollars_of
from mh_preflight.client.sending import label_of
from mh_preflight.units import one_line, valid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

    from mh_preflight.budget import Budget, Standing

__all__ = [
    "Sums",
    "csv_lines",
    "ended_view",
    "entry_body",
    "entry_json",
    "history_view",
    "named_budget",
    "recover_view",
    "set_json",
    "set_view",
    "standing_body",
    "standing_json",
    "status_view",
    "when",
]

START = "mh-preflight budget set --limit 500 --per day"

WIDEST, NARROWEST = 32, 10

STYLES = {
    State.RESERVED: "",
    State.SUBMITTING: "",
    State.SUBMITTED: "",
    State.UNKNOWN: "yellow",
    State.SETTLED: "green",
    State.RELEASED: "dim",
    State.EXPIRED: "dim",
}

COLUMNS = (
    "id",
    "state",
    "endpoint",
    "project",
    "run",
    "project_id",
    "held",
    "charged",
    "overrun",
    "held_usd",
    "charged_usd",
    "reserved_at",
    "changed_at",
    "expires_at",
    "card_version",
    "word",
)


# ----------------------------------------------------------------------------------------- budgets


def set_view(
    budgets: Sequence[Budget], standings: Sequence[Standing], where: str, *, removed: bool
) -> RenderableType:
    """Show what was set or taken away, and how it stands.

    Args:
        budgets: The budgets.
        standings: How those stand that were set.
        where: The ledger.
        removed: Whether they were taken away.
    """
    did = "Removed" if removed else "Set"
    parts: list[RenderableType] = [
        Text(f"{did}: {named_budget(each)}", style="bold") for each in budgets
    ]
    for standing in standings:
        used = standing.limit - standing.left
        if used:
            shown = standing.budget.shown
            parts.append(Text(f"{shown(used)} of it are spent or held already; {_left(standing)}."))
    parts.append(_ledger(where))
    return Group(*parts)


def set_json(budget: Budget, where: str, *, removed: bool) -> str:
    """Write what was set or taken away as one line of JSON."""
    did = "removed" if removed else "set"
    return _line({"schema": 1, "did": did, **_budget_body(budget), "ledger": where})


def status_view(  # noqa: PLR0913  what a page shows
    standings: Sequence[Standing],
    held: Sequence[Entry],
    total: tuple[int, int],
    *,
    spent: bool,
    where: str,
    sources: Mapping[Budget, str | None],
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
        plain: Draw bars with ASCII.
    """
    parts: list[RenderableType] = [_answer(standings, total, spent=spent)]
    if not standings:
        parts.append(Text(f"Start with: {START}"))
    widths = _widths(standings)
    for standing in standings:
        parts += _standing(standing, widths, sources.get(standing.budget), plain=plain)
    if held:
        parts += [Text(""), Text("Held", style="bold"), _inset(_held_table(held))]
        if total[0] > len(held):
            more = f"and {total[0] - len(held):,} more: mh-preflight budget history --open"
            parts.append(_inset(Text(more, style="dim")))
    if any(entry.state is State.UNKNOWN for entry in held):
        hint = "! nobody knows whether the API has the unknown ones: mh-preflight budget recover"
        parts += [Text(""), Text(hint, style="yellow")]
    parts += [Text(""), _ledger(where)]
    return Group(*parts)


def standing_body(standing: Standing) -> dict[str, Any]:
    """Give how a budget stands as JSON has it."""
    budget = standing.budget
    return {
        **_budget_body(budget),
        "starts": _iso(standing.starts),
        "ends": _iso(standing.ends),
        "settled": _value(budget, standing.settled),
        "overrun": _value(budget, standing.overrun),
        "held": _value(budget, standing.reserved),
        "left": _value(budget, standing.left),
        "unpriced": standing.unpriced,
    }


def standing_json(standing: Standing, where: str) -> str:
    """Write how a budget stands as one line of JSON."""
    holders = [entry_body(entry) for entry in standing.holders]
    return _line({"schema": 1, **standing_body(standing), "holders": holders, "ledger": where})


def _answer(standings: Sequence[Standing], total: tuple[int, int], *, spent: bool) -> Text:
    jobs, credits = total
    holding = f"{_count(jobs, 'job')} hold{'s' if jobs == 1 else ''} {_credits(credits)}"
    over = [each for each in standings if each.left < 0 and each.budget.per is not Period.JOB]
    if not standings:
        rest = holding if jobs else "nothing is held" if spent else "nothing was spent yet"
        return Text(f"No budget is set, and {rest}.", style="bold")
    first = standings[0]
    if len(standings) == 1 and first.budget.counter(0, "any") is not None:
        left = _amount(first.budget, abs(first.left))
        text = f"{left} {'over' if first.left < 0 else 'left of'} {named_budget(first.budget)}"
    elif over:
        text = f"{len(over)} of {_count(len(standings), 'budget')} {_are(len(over))} over the limit"
    else:
        text = f"{_count(len(standings), 'budget')}, none over its limit"
    rest = holding if jobs else "nothing is held"
    return Text(f"{text}; {rest}.", style="bold red" if over else "bold")


def _standing(
    standing: Standing, widths: Sequence[int], source: str | None, *, plain: bool
) -> Iterator[RenderableType]:
    budget = standing.budget
    yield Text("")
    title = Text(named_budget(budget))
    if window := _window(standing):
        title.append(f"  {window}", style="dim")
    if source is not None:
        title.append(f"  of {one_line(source, 60)}", style="dim")
    yield title
    if budget.per is Period.JOB or (budget.per is Period.RUN and standing.ends is standing.starts):
        if budget.per is Period.JOB:
            yield _inset(Text("for each job alone", style="dim"))
            return
        if standing.reserved + standing.settled + standing.overrun == 0:
            yield _inset(Text("for each run alone; --run NAME shows one", style="dim"))
            return
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column()
    for _ in range(4):
        table.add_column(no_wrap=True)
    numbers = _numbers(standing)
    cells = [
        Text(f"{number:>{width}} {name}", style=style)
        for (number, name, style), width in zip(numbers, widths, strict=False)
        if number
    ]
    table.add_row(_Bar(standing, plain=plain), *cells)
    yield _inset(table)
    for line in _warnings(standing):
        yield _inset(Text(f"! {line}", style="red"))


def _numbers(standing: Standing) -> list[tuple[str, str, str]]:
    """Give what stands beside a bar: number, name and style."""
    budget, left = standing.budget, standing.left
    return [
        (_amount(budget, standing.settled), "settled", "green"),
        (_amount(budget, standing.reserved), "held", "yellow"),
        (
            _amount(budget, abs(left)),
            "over" if left < 0 else "left",
            "bold red" if left < 0 else "",
        ),
        (_amount(budget, standing.overrun) if standing.overrun else "", "overrun", "red"),
    ]


def _widths(standings: Sequence[Standing]) -> list[int]:
    rows = [[len(number) for number, _, _ in _numbers(each)] for each in standings]
    return [max(column) for column in zip(*rows, strict=True)] if rows else []


def _warnings(standing: Standing) -> Iterator[str]:
    budget = standing.budget
    if standing.overrun:
        yield f"jobs cost {budget.shown(standing.overrun)} more than they held"
    if standing.left < 0:
        yield f"{budget.shown(-standing.left)} over the limit: nothing more is sent in this window"
    if standing.unpriced:
        jobs = _count(standing.unpriced, "job")
        yield f"{jobs} without a known price in dollars: nothing more is sent in this window"


def _left(standing: Standing) -> str:
    shown = standing.budget.shown
    return f"{shown(-standing.left)} over" if standing.left < 0 else f"{shown(standing.left)} left"


def _window(standing: Standing) -> str:
    """Name the window: a day, or a month, of the budget's zone."""
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


# ----------------------------------------------------------------------------------------- entries


@dataclass(slots=True)
class Sums:
    """What entries add up to.

    Attributes:
        jobs: How many there are.
        held: Credits that are held still.
        charged: Credits that were charged.
        overrun: Of these, beyond what was held.
    """

    jobs: int = 0
    held: int = 0
    charged: int = 0
    overrun: int = 0

    def add(self, entry: Entry) -> None:
        """Count one more."""
        self.jobs += 1
        self.held += entry.credits if entry.open else 0
        self.charged += entry.charged or 0
        self.overrun += entry.overrun


def history_view(
    shown: Iterable[Entry], sums: Sums, *, filtered: bool, where: str
) -> RenderableType:
    """Show entries, the newest last.

    Args:
        shown: The entries.
        sums: Of all of them, also of those that are not shown.
        filtered: Whether only some were asked for.
        where: The ledger.
    """
    entries = list(shown)
    if not entries:
        if filtered:
            return Group(Text("No job is like that.", style="bold"), _ledger(where))
        return Group(
            Text("No job was sent yet.", style="bold"),
            Text("Start with: mh-preflight submit lip-sync --video clip.mov --audio line.mp3"),
            _ledger(where),
        )
    answer = Text(f"{_count(sums.jobs, 'job')}: {sums.charged:,} credits charged", style="bold")
    answer.append(f", {sums.held:,} held")
    if sums.overrun:
        answer.append(f", {sums.overrun:,} more than was held", style="red")
    parts: list[RenderableType] = [answer, Text(""), _history_table(entries)]
    if sums.jobs > len(entries):
        more = f"{sums.jobs - len(entries):,} older ones: --last {sums.jobs}, --csv or --json"
        parts += [Text(""), Text(more, style="dim")]
    return Group(*parts)


def _history_table(entries: Sequence[Entry]) -> Table:
    overrun = any(entry.overrun for entry in entries)
    projects = any(entry.scope.project for entry in entries)
    columns = ["reserved (UTC)", "state", ">held", ">charged"]
    columns += [">overrun"] if overrun else []
    columns += ["endpoint", *(["project"] if projects else []), "id"]
    table = _table(*columns)
    for entry in entries:
        cells: list[RenderableType] = [
            when(entry.reserved_at)[:16],
            Text(entry.state, style=STYLES[entry.state]),
            Text(f"{entry.credits:,}", style="yellow" if entry.open else "dim"),
            "" if entry.charged is None else f"{entry.charged:,}",
        ]
        if overrun:
            cells.append(Text(f"{entry.overrun:,}" if entry.overrun else "", style="red"))
        cells.append(one_line(entry.scope.endpoint or "", 30))
        if projects:
            cells.append(_cell(entry.scope.project))
        table.add_row(*cells, _cell(entry.id))
    return table


def _held_table(entries: Sequence[Entry]) -> Table:
    projects = any(entry.scope.project for entry in entries)
    table = _table(
        ">credits", "state", "since (UTC)", "endpoint", *(["project"] if projects else []), "id"
    )
    for entry in entries:
        table.add_row(
            Text(f"{entry.credits:,}", style="yellow"),
            Text(entry.state, style=STYLES[entry.state]),
            when(entry.changed_at),
            one_line(entry.scope.endpoint or "", 30),
            *([_cell(entry.scope.project)] if projects else []),
            _cell(entry.id),
        )
    return table


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Write entries as CSV, a row each, under a row of names."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    yield buffer.getvalue()
    for entry in entries:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow({name: _field(value) for name, value in entry_body(entry).items()})
        yield buffer.getvalue()


def entry_body(entry: Entry) -> dict[str, Any]:
    """Give an entry as JSON has it."""
    scope = entry.scope
    return {
        "id": entry.id,
        "state": entry.state.value,
        "endpoint": scope.endpoint,
        "project": scope.project,
        "run": scope.run,
        "project_id": entry.project_id,
        "held": entry.credits,
        "charged": entry.charged,
        "overrun": entry.overrun,
        "held_usd": _decimal(entry.usd),
        "charged_usd": _decimal(entry.charged_usd),
        "reserved_at": _iso(entry.reserved_at),
        "changed_at": _iso(entry.changed_at),
        "expires_at": _iso(entry.expires_at),
        "card_version": entry.card_version,
        "estimate": None if entry.estimate is None else dict(entry.estimate),
        "word": entry.word,
    }


def entry_json(entry: Entry, more: Mapping[str, Any] | None = None) -> str:
    """Write an entry as one line of JSON.

    Args:
        entry: The entry.
        more: What is said of it besides.
    """
    return _line({"schema": 1, **entry_body(entry), **(more or {})})


# ---------------------------------------------------------------------------------------- recovery


def recover_view(waiting: Sequence[Entry], balance: int | None, where: str) -> RenderableType:
    """Show what needs a person, and what each may do.

    Args:
        waiting: The entries.
        balance: The account's credits now; None where that is not known.
        where: The ledger.
    """
    if not waiting:
        return Group(Text("Nothing needs a person.", style="bold"), _ledger(where))
    credits = _credits(sum(entry.credits for entry in waiting))
    needs = "needs" if len(waiting) == 1 else "need"
    parts: list[RenderableType] = [
        Text(
            f"{_count(len(waiting), 'job')} {needs} a person: {credits} are held until then.",
            style="bold",
        )
    ]
    for entry in waiting:
        parts += [Text(""), *_case(entry, balance)]
    parts += [Text(""), _ledger(where)]
    return Group(*parts)


def _case(entry: Entry, balance: int | None) -> Iterator[RenderableType]:
    title = Text(one_line(entry.id), style="bold")
    title.append(f"  {entry.state}", style=STYLES[entry.state] or "yellow")
    title.append(f"  {_credits(entry.credits)}  since {when(entry.changed_at)} UTC")
    whose = [entry.scope.endpoint or "", entry.scope.project and f"project {entry.scope.project}"]
    if known := "  ".join(one_line(part, 60) for part in whose if part):
        title.append(f"  {known}", style="dim")
    yield title
    yield _inset(Text(_story(entry)))
    if entry.state in {State.UNKNOWN, State.SUBMITTING}:
        yield _inset(Text(_balances(entry, balance), style="dim"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    name = shlex.quote(one_line(entry.id))
    for case, word in _words(entry.state):
        table.add_row(case, f"mh-preflight budget recover {name} {word}")
    yield Padding(table, (0, 0, 0, 2))


def _story(entry: Entry) -> str:
    match entry.state:
        case State.UNKNOWN:
            return f"It was sent, and no answer came. {_search(entry)}"
        case State.SUBMITTING:
            return f"The process that was sending it is gone. {_search(entry)}"
        case State.SUBMITTED:
            return (
                f"The API has it as {one_line(str(entry.project_id))}, and for more than a day no "
                "charge was booked: mh-preflight reconcile asks for it."
            )
    return "It holds credits, and was never sent."


def _search(entry: Entry) -> str:
    """Say by what a job is found in the web app: by its label only where that was sent."""
    where = "Look among your projects at magichour.ai"
    label = (entry.estimate or {}).get("label")
    if label:
        name = label if isinstance(label, str) else label_of(entry)
        return f"{where} for {one_line(name)!r}."
    return (
        f"{where} by endpoint and time of sending: {one_line(entry.scope.endpoint or 'any')}, "
        f"between {when(entry.reserved_at)} and {when(entry.changed_at)} UTC."
    )


def _balances(entry: Entry, balance: int | None) -> str:
    before = (entry.estimate or {}).get("balance")
    told = [f"{before:,} credits before it was sent"] if isinstance(before, int) else []
    told += [] if balance is None else [f"{balance:,} credits now"]
    return f"Balance: {', '.join(told)}." if told else "Balance: not known."


def _words(state: State) -> list[tuple[str, str]]:
    if state is State.RESERVED:
        return [("give it back", "--released")]
    if state is State.SUBMITTED:
        return [("it has ended", "--settled CREDITS")]
    return [
        ("it is there, and has ended", "--settled CREDITS"),
        ("it is there, and is running", "--found PROJECT_ID"),
        ("it is not there", "--released"),
    ]


def ended_view(entry: Entry) -> RenderableType:
    """Show what became of an entry by a person's word."""
    name = one_line(entry.id)
    if entry.state is State.SETTLED:
        text = f"{name} is settled at {_credits(entry.charged or 0)}; it held {entry.credits:,}."
    elif entry.state is State.RELEASED:
        text = f"{name} is released: {_credits(entry.credits)} are given back."
    else:
        text = f"{name} is {entry.state} as {one_line(str(entry.project_id))}."
        return Group(
            Text(text, style="bold"), Text("Its charge is booked by: mh-preflight reconcile")
        )
    parts = [Text(text, style="bold")]
    if entry.overrun:
        parts.append(Text(f"! {_credits(entry.overrun)} more than it held", style="red"))
    return Group(*parts)


# ------------------------------------------------------------------------------------------- words


def when(at: int) -> str:
    """Show an instant, in microseconds since 1970, in UTC.

    Example:
        >>> when(1_774_742_400_000_000)
        '2026-03-29 00:00:00'
    """
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat().replace("+00:00", "Z")


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
    return f"{sign}{_decimal(dollars_of(abs(value)))}"


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


def _decimal(value: Any) -> str | None:
    return None if value is None else f"{value:f}"


def _field(value: Any) -> Any:
    return valid_text(value) if isinstance(value, str) else value


def _line(body: Mapping[str, Any]) -> str:
    return valid_text(json.dumps(body, ensure_ascii=False))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _credits(number: int) -> str:
    return _count(number, "credit")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _cell(text: str) -> Text:
    return Text(one_line(text), overflow="fold")


def _table(*columns: str) -> Table:
    """Give a table; a name with `>` is that of a column of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in columns:
        numbers = name.startswith(">")
        last = name in {"id", "project"}
        table.add_column(
            name.removeprefix(">"),
            justify="right" if numbers else "left",
            header_style="dim",
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
        )
    return table


def _inset(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2))


def _ledger(where: str) -> Text:
    return Text(f"ledger {where}", style="dim")
