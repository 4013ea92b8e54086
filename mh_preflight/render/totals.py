"""How a run over a file ended: a summary for people, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mh_preflight.units import one_line, valid_text

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import RenderableType

    from mh_preflight.batch.files import Outcome, Sums
    from mh_preflight.errors import PreflightError

__all__ = ["outcome_json", "outcome_view"]


def outcome_view(outcome: Outcome) -> RenderableType:
    """Show what all jobs cost, and how many have no price."""
    totals = outcome.totals
    priced = totals.all.rows - totals.all.not_priced
    name = one_line(str(outcome.output))
    parts: list[RenderableType] = [
        Text(
            f"{priced:,} of {totals.all.rows:,} jobs priced  rates of {outcome.day}  in {name}",
            style="bold",
        ),
        Text(""),
        _sums_view({"all": totals.all}),
    ]
    for sums in (totals.endpoints, totals.plans):
        if len(sums) > 1:
            parts += [Text(""), _sums_view(sums)]
    if totals.all.without_bound:
        what = "have no upper bound, because a frame rate or a rate is not known"
        parts += [Text(""), Text(f"! {totals.all.without_bound:,} rows {what}: not in the sums")]
    for title, counts in (("Findings", totals.findings), ("Not priced", totals.errors)):
        if counts:
            parts += [Text(""), Text(title, style="bold"), _counts_view(counts)]
    if outcome.kept:
        parts += [Text(""), Text(f"{outcome.kept:,} rows were answered by an earlier run.")]
    return Group(*parts)


def outcome_json(outcome: Outcome, error: PreflightError | None) -> str:
    """Write how a run ended as one line of JSON; `error` only where there is one."""
    body = {
        "schema": 1,
        "output": valid_text(str(outcome.output)),
        "rate_as_of": outcome.day.isoformat(),
        "kept_rows": outcome.kept,
        "totals": outcome.totals.to_json(),
    }
    if error is not None:
        body["error"] = {
            "code": error.code,
            "message": error.message,
            "field": error.field,
            "source": error.source,
        }
    return json.dumps(body, ensure_ascii=False)


def _sums_view(sums: dict[str, Sums]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("jobs", "not priced", "queued", "settled", "hold", "US$ hold"):
        table.add_column(name, justify="right", style=None if name != "hold" else "bold")
    for name, own in sums.items():
        low, high = own.settled_credits_low, own.settled_credits_high
        table.add_row(
            f"  {name}",
            f"{own.rows:,}",
            f"{own.not_priced:,}" if own.not_priced else "",
            f"{own.queued_credits:,}",
            f"{low:,}" if low == high else f"{low:,} to {high:,}",
            f"{own.hold_credits:,}",
            _dollars(own.usd_hold),
        )
    return table


def _dollars(amount: Decimal) -> str:
    return f"{amount:,.2f}" if amount else ""


def _counts_view(counts: dict[str, int]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for code, rows in sorted(counts.items(), key=lambda pair: -pair[1]):
        table.add_row(f"  {code}", Text(f"{rows:,}", justify="right"))
    return table
