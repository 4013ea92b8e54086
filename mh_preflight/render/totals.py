"""How a run over a file ended: a summary for people, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mh_preflight.render.wire import error_body
from mh_preflight.units import one_line, valid_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

    from mh_preflight.batch.files import Outcome, Sums, Totals
    from mh_preflight.errors import PreflightError

__all__ = ["outcome_json", "outcome_view"]

COLUMNS = ("jobs", "not priced", "settled", "hold", "US$")
LAYOUTS = ((COLUMNS, " to "), (COLUMNS, " to\n"), (("jobs", "hold", "US$"), " to "))
"""Columns of the sums and what stands between two numbers, from wide terminals to narrow ones."""

UNKNOWN = "-"

ENDLESS = 1000  # letters, more than a line of ours has


def outcome_view(outcome: Outcome, rates: str) -> RenderableType:
    """Show what all jobs cost, and how many have no price.

    Args:
        outcome: How the run ended.
        rates: Which rates counted, and how old they are.
    """
    totals = outcome.totals
    priced = totals.all.rows - totals.all.not_priced
    name = one_line(outcome.output)
    parts: list[RenderableType] = [
        Text(
            f"{priced:,} of {totals.all.rows:,} jobs priced  rates of {outcome.day}  in {name}",
            style="bold",
        ),
        Text(one_line(rates), style="dim"),
        Text(""),
        _SumsView(totals),
    ]
    sums = totals.all
    notes = (
        (sums.without_bound, "no upper bound, as a frame rate or a rate is not known"),
        (
            0 if sums.usd is None else sums.without_usd,
            "no US$, as their plan is not given or has no price: not in that sum",
        ),
        (sums.refused, "a finding that is an error: the API will refuse them"),
    )
    for rows, what in notes:
        if rows:
            held = "1 row has" if rows == 1 else f"{rows:,} rows have"
            parts += [Text(""), Text(f"! {held} {what}")]
    for title, counts in (("Findings", totals.findings), ("Not priced", totals.errors)):
        if counts:
            parts += [Text(""), Text(title, style="bold"), _counts_view(counts)]
    if outcome.kept:
        parts += [Text(""), Text(f"Answered by an earlier run: {outcome.kept:,}")]
    return Group(*parts)


def outcome_json(outcome: Outcome, error: PreflightError | None) -> str:
    """Write how a run ended as one line of JSON; `error` only where there is one."""
    body = {
        "schema": 1,
        "output": valid_text(outcome.output),
        "rate_as_of": outcome.day.isoformat(),
        "kept_rows": outcome.kept,
        "totals": outcome.totals.shown(),
    }
    if error is not None:
        body["error"] = error_body(error).error.model_dump()
    return json.dumps(body, ensure_ascii=False)


class _SumsView:
    """Sums in columns, of which some are left out where the terminal has no room for them."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        anywhere = options.update(max_width=ENDLESS)
        for names, between in LAYOUTS:
            table = _sums_table(self._totals, names, between)
            if Measurement.get(console, anywhere, table).maximum <= options.max_width:
                break
        yield table


def _sums_table(totals: Totals, names: Sequence[str], between: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in names:
        style = "bold" if name == "hold" else None
        table.add_column(name, justify="right", style=style, no_wrap=True)
    _add_sums(table, {"all": totals.all}, names, between)
    for title, sums in (("by endpoint", totals.endpoints), ("by plan", totals.plans)):
        if len(sums) > 1:
            table.add_row()
            table.add_row(Text(title, style="dim"))
            _add_sums(table, sums, names, between)
    return table


def _add_sums(table: Table, sums: dict[str, Sums], names: Sequence[str], between: str) -> None:
    for name, own in sorted(sums.items()):
        cells = _cells(own, between)
        table.add_row(f"  {name}", *(cells[each] for each in names))


def _cells(sums: Sums, between: str) -> dict[str, str]:
    low, high = sums.settled_credits_low, sums.settled_credits_high
    settled = f"{low:,}" if low == high else f"{low:,}{between}{high:,}"
    if sums.no_price:
        settled = UNKNOWN
    elif sums.without_bound:
        settled = f"{low:,} or more"
    return {
        "jobs": f"{sums.rows:,}",
        "not priced": f"{sums.not_priced:,}" if sums.not_priced else "",
        "settled": settled,
        "hold": UNKNOWN if sums.hold is None else f"{sums.hold:,}",
        "US$": UNKNOWN if sums.usd is None else f"{sums.usd:,.2f}",
    }


def _counts_view(counts: dict[str, int]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for code, rows in sorted(counts.items(), key=lambda pair: -pair[1]):
        table.add_row(f"  {code}", Text(f"{rows:,}", justify="right"))
    return table
