"""What became of each job? Entries as a table, CSV and JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mh_preflight.budget import Entry, State
from mh_preflight.render.phrases import counted, decimal, iso, json_line, ledger_line, when
from mh_preflight.units import one_line, valid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType


__all__ = ["STYLES", "Sums", "csv_lines", "entry_body", "entry_json", "held_table", "history_view"]


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
            return Group(Text("No job is like that.", style="bold"), ledger_line(where))
        return Group(
            Text("No job was sent yet.", style="bold"),
            Text("Start with: mh-preflight submit lip-sync --video clip.mov --audio line.mp3"),
            ledger_line(where),
        )
    answer = Text(f"{counted(sums.jobs, 'job')}: {sums.charged:,} credits charged", style="bold")
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


def held_table(entries: Sequence[Entry]) -> Table:
    """Show entries that hold something, and since when.

    Args:
        entries: The entries.
    """
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
        "held_usd": decimal(entry.usd),
        "charged_usd": decimal(entry.charged_usd),
        "reserved_at": iso(entry.reserved_at),
        "changed_at": iso(entry.changed_at),
        "expires_at": iso(entry.expires_at),
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
    return json_line({"schema": 1, **entry_body(entry), **(more or {})})


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


def _field(value: Any) -> Any:
    return valid_text(value) if isinstance(value, str) else value
