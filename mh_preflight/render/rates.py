"""The rates as a person reads them: those of a day, the history of one endpoint, what changed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mh_preflight.rates.dated import most_specific
from mh_preflight.rates.soundness import combinations, days_of_change
from mh_preflight.units import one, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from rich.console import RenderableType

    from mh_preflight.rates import EndpointFile, Rate, RateCard

__all__ = ["changes_view", "history_view", "rates_view"]

MOST_NAMED = 4  # endpoints of which nothing is told


def rates_view(card: RateCard, day: date, known: str) -> RenderableType:
    """Show the rates of all endpoints on a day.

    Args:
        card: The rates.
        day: The day.
        known: Which rates count, and how old they are.
    """
    table = _table("model or mode", "size", "credits", "since", "by")
    for file in card.endpoints.values():
        rates = [rate for rate in file.rates if rate.holds_on(day) and _is_left(rate, file, [day])]
        if rates:
            table.add_row(Text(file.endpoint, style="bold"))
        for rate in _sorted(rates, file):
            table.add_row(
                f"  {_name(rate, file)}",
                _size(rate, file),
                _amount(rate),
                str(rate.since),
                _by(rate, file),
            )
    hint = "Where a rate is unknown, `mh-preflight rates ENDPOINT` says why."
    return Group(Text(f"Credits on {day}", style="bold"), _dim(known), Text(""), table, _dim(hint))


def history_view(file: EndpointFile, rates: Sequence[Rate], known: str = "") -> RenderableType:
    """Show rates of one endpoint over time, with their sources.

    Args:
        file: The endpoint's file.
        rates: Those of its rates that should be shown.
        known: Which rates count, and how old they are.
    """
    table = _table("model or mode", "size", "credits", "since", "until", "by")
    used: dict[str, None] = {}
    notes: dict[str, int] = {}
    days_of = days_of_change(file, file.rates)
    left = [rate for rate in rates if _is_left(rate, file, [rate.since, *days_of])]
    for rate in _sorted(left, file):
        marks = [notes.setdefault(why, len(notes) + 1) for why in _reasons(rate, file)]
        mark = "".join(f" [{number}]" for number in marks)
        days = str(rate.since), str(rate.until or "")
        amount = Text(f"{_amount(rate)}{mark}")
        table.add_row(_name(rate, file), _size(rate, file), amount, *days, _by(rate, file))
        used |= dict.fromkeys((*rate.sources, *(n for a in rate.against for n in a.sources)))
    parts: list[RenderableType] = [Text(f"{file.title}: {file.endpoint}", style="bold")]
    parts += [_dim(known), Text("")] if known else []
    parts.append(table)
    if notes:
        lines = [Text(f"[{number}] {one_line(why)}") for why, number in notes.items()]
        parts.append(_section("Unknown, inferred, or said otherwise", lines))
    if used:
        parts.append(_section("Sources", []))
        parts += [line for name in used for line in _source(name, file)]
    return Group(*parts)


def _reasons(rate: Rate, file: EndpointFile) -> Iterator[str]:
    """Give why a rate is not known or only inferred, and which other values are not believed."""
    if why := rate.unknown or rate.inferred:
        yield why
    for other in rate.against:
        if other.outweighed is not None:
            said = file.sources[other.sources[0]]
            value = f"{float(other.value):g} by {said.rank} of {said.date}"
            yield f"{value} is not believed: {other.outweighed}"


def changes_view(
    files: Iterable[EndpointFile], first: date, last: date, known: str
) -> RenderableType:
    """Show what changed after one day and up to another: what was, and what is.

    Args:
        files: The endpoints.
        first: The first day, which is what is compared with.
        last: The last.
        known: Which rates count, and how old they are.
    """
    parts: list[RenderableType] = []
    same: list[str] = []
    for file in files:
        table = _table("on", "model or mode", "size", "credits", "by")
        for day, rate, change in _changes(file, first, last):
            table.add_row(f"  {day}", _name(rate, file), _size(rate, file), change, _by(rate, file))
        others = _others(file, first, last)
        if not table.row_count and not others:
            same.append(file.title)
            continue
        parts.append(Text(f"{file.title}: {file.endpoint}", style="bold"))
        parts += [table] if table.row_count else []
        parts += [Padding(_dim(line), (0, 0, 0, 2)) for line in others]
        parts.append(Text(""))
    if same:
        other = "other " if parts else ""
        names = ", ".join(same) if len(same) < MOST_NAMED else f"{len(same)} {other}endpoints"
        parts.append(Text(f"{names}: nothing changed"))
    return Group(*parts, _dim(known))


def _changes(file: EndpointFile, first: date, last: date) -> Iterator[tuple[date, Rate, str]]:
    """Give what changed of the rates: the day, the rate (a new one, or the one that ended)."""
    found: list[tuple[date, Rate, str]] = []
    for key in dict.fromkeys(_key(rate) for rate in file.rates):
        series = [rate for rate in file.rates if _key(rate) == key]
        days = {day for rate in series for day in (rate.since, rate.until) if day}
        for day in (each for each in days if first < each <= last):
            before = _on(series, day - timedelta(days=1))
            now = _on(series, day)
            if now is None:
                if before is not None:
                    found.append((day, before, f"{_amount(before)} ended"))
            elif before is None:
                found.append((day, now, f"{_amount(now)} added"))
            else:
                found.append((day, now, _from_to(before, now)))
    yield from sorted(found, key=lambda each: (each[0], _order(each[1], file)))


def _from_to(before: Rate, now: Rate) -> str:
    old, new = _amount(before), _amount(now)
    if old != new:
        return f"{old} -> {new}"
    return f"{new}, by {'another source' if before.sources != now.sources else 'the same source'}"


def _others(file: EndpointFile, first: date, last: date) -> Iterable[str]:
    """Name what else changed, table by table."""
    changed: dict[str, dict[str, None]] = {}
    for table, entry in file.entries():
        if table != "rates" and entry.changed_between(first, last):
            named = changed.setdefault(table, {})
            named |= dict.fromkeys([_what(entry)])
    return [
        f"{table.replace('_', ' ')}: {', '.join(name for name in names if name) or 'changed'}"
        for table, names in changed.items()
    ]


def _what(entry: Any) -> str:
    names = ("name", "mode", "model", "size", "plan")
    return " ".join(str(part) for name in names if (part := getattr(entry, name, None)))


def _key(rate: Rate) -> tuple[str | None, str | None, str | None]:
    return rate.model, rate.mode, rate.size


def _on(series: Iterable[Rate], day: date) -> Rate | None:
    return next((rate for rate in series if rate.holds_on(day)), None)


def _sorted(rates: Iterable[Rate], file: EndpointFile) -> list[Rate]:
    return sorted(rates, key=lambda rate: (*_order(rate, file), rate.since))


def _order(rate: Rate, file: EndpointFile) -> tuple[str, str, int]:
    sizes = [None, *dict.fromkeys(name for entry in reversed(file.sizes) for name in entry.names)]
    return rate.model or "", rate.mode or "", sizes.index(rate.size) if rate.size in sizes else 99


def _name(rate: Rate, file: EndpointFile) -> str:
    name = " ".join(part for part in (rate.model, rate.mode) if part)
    return name or ("others" if any(r.model or r.mode for r in _beside(rate, file)) else "any")


def _size(rate: Rate, file: EndpointFile) -> str:
    like = [r for r in _beside(rate, file) if (r.model, r.mode) == (rate.model, rate.mode)]
    return rate.size or ("others" if any(each.size for each in like) else "")


def _is_left(rate: Rate, file: EndpointFile, days: Iterable[date]) -> bool:
    """Tell whether a rate of other sizes has any on some days, beside those that have their own."""
    if not rate.size and _size(rate, file):
        for day in filter(rate.holds_on, days):
            now = [other for other in file.rates if other.holds_on(day)]
            for mode, model, size in combinations(file, day):
                if rate in most_specific(now, mode=mode, model=model, size=size):
                    return True
        return False
    return True


def _beside(rate: Rate, file: EndpointFile) -> list[Rate]:
    """Give the rates of the same days."""
    return [
        other
        for other in file.rates
        if (rate.until is None or other.since < rate.until)
        and (other.until is None or rate.since < other.until)
    ]


def _amount(rate: Rate) -> str:
    if rate.unknown is not None:
        return "unknown"
    low, high = (f"{float(value):.6g}" for value in (rate.range.low, rate.range.high))
    inferred = " (inferred)" if rate.inferred else ""
    return f"{' to '.join(dict.fromkeys((low, high)))} {one(str(rate.unit))}{inferred}"


def _by(rate: Rate, file: EndpointFile) -> str:
    if not rate.sources:
        return ""
    said = file.sources[rate.sources[0]]
    name = file.own_file(rate)
    return f"{said.rank} {said.date}" + (f" ({name})" if name else "")


def _source(name: str, file: EndpointFile) -> Iterator[RenderableType]:
    """Show what is said where; an address is never broken, so that it can be opened."""
    said = file.sources[name]
    what = Text(f"{said.rank}, {said.date}: {one_line(said.what)}", overflow="fold")
    yield Padding(what, (0, 0, 0, 2))
    if said.where:
        yield Text(f"    {said.where}", no_wrap=True, overflow="ignore")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        whole = column not in {"credits", "by"}
        table.add_column(column, header_style="dim", no_wrap=whole, overflow="fold")
    return table


def _dim(text: str) -> Text:
    return Text(one_line(text), style="dim")


def _section(title: str, lines: Iterable[RenderableType]) -> RenderableType:
    return Group(
        Padding(Text(title, style="bold"), (1, 0, 0, 0)), Padding(Group(*lines), (0, 0, 0, 2))
    )
