"""The report as a person reads it: the numbers first, then why, then what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mh_preflight.estimate import REASONS
from mh_preflight.rates import dollars
from mh_preflight.units import one, one_line, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from mh_preflight.checks import Finding
    from mh_preflight.estimate import Money, Side
    from mh_preflight.flow import Report
    from mh_preflight.media import Media
    from mh_preflight.savings import Saving
    from mh_preflight.units import Plan

__all__ = ["fits_view", "media_view", "report_view"]

MARKS = {"error": ("x", "bold red"), "warning": ("!", "yellow"), "info": ("i", "dim")}


def report_view(report: Report, *, explain: bool = False) -> RenderableType:
    """Show a report.

    Args:
        report: The report.
        explain: Show the arithmetic line by line as well.
    """
    parts: list[RenderableType] = [_title(report), _numbers(report), _terms(report)]
    if explain:
        parts.append(_section("Arithmetic", [Text(line) for line in report.explain()]))
    if report.findings:
        parts.append(_section("Findings", [_findings(report.findings)]))
    if report.savings:
        parts.append(_section("What would cost less", [_savings(report.savings, "settles at")]))
    return Group(*parts)


def fits_view(fits: Sequence[Saving]) -> RenderableType:
    """Show the changes with which a job fits under a limit."""
    if not fits:
        return Text("No single change fits under the limit.")
    return _section("What would fit", [_savings(fits, "holds")])


def media_view(media: Media) -> RenderableType:
    """Show what is known of one file."""
    title = Text(one_line(media.source), style="bold")
    if media.error is not None:
        return Group(title, Padding(Text(one_line(media.error.message), style="red"), (0, 0, 1, 2)))
    table = _grid()
    size = "" if media.size_bytes is None else f", {media.size_bytes:,} bytes"
    table.add_row("kind", f"{media.kind} ({media.container}){size}")
    for room in ("video", "audio", "image"):
        facts = getattr(media, room)
        if facts is not None:
            table.add_row(room, _facts(facts.model_dump(), room, media))
    reasons = dict.fromkeys(media.uncertain.values())
    for reason in reasons:
        names = ", ".join(name for name, why in media.uncertain.items() if why == reason)
        table.add_row("uncertain", Text(f"{names}: {one_line(reason)}", style="yellow"))
    return Group(title, Padding(table, (0, 0, 1, 2)))


def _title(report: Report) -> Text:
    settings = report.settings
    models = " or ".join(settings.models)
    parts = [settings.title, models, settings.mode or "", ", ".join(settings.sizes)]
    parts.append("with sound" if settings.audio else "")
    parts.append(f"{settings.plan} plan" if settings.plan else "no plan given")
    parts.append(f"rates of {settings.day}")
    return Text("  ".join(part for part in parts if part not in {"", "any"}), style="bold")


def _numbers(report: Report) -> RenderableType:
    settings, estimate = report.settings, report.estimate
    money = estimate.usd.get(settings.plan) if settings.plan else None
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("credits", justify="right", style="bold", header_style="dim", no_wrap=True)
    framed = settings.billing.at_once is None
    if framed:
        table.add_column("frames", justify="right", header_style="dim", no_wrap=True)
    if money is not None:
        table.add_column("US$", justify="right", header_style="dim", no_wrap=True)
    table.add_column("", style="dim")
    hold = "no bound" if estimate.hold is None else f"{estimate.hold:,}"
    rows = (
        ("queued", _credits(estimate.queued), _frames(estimate.queued), "when created"),
        ("settled", _credits(estimate.settled), _frames(estimate.settled), _settled_note(report)),
        ("hold", hold, "", "must be affordable"),
    )
    for (name, credits, frames, note), dollar in zip(rows, _dollar_cells(money), strict=True):
        cells = [frames] if framed else []
        table.add_row(name, credits, *cells, *([] if money is None else [dollar]), note)
    parts: list[RenderableType] = [table]
    if settings.plan is None and any(estimate.usd.values()):
        parts += [Text(""), _dollars_by_plan(estimate.usd)]
    return Padding(Group(*parts), (1, 0, 1, 2))


def _dollars_by_plan(usd: Mapping[Plan, Money | None]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("US$", header_style="dim", style="dim", no_wrap=True)
    for name in ("queued", "settled", "hold"):
        table.add_column(name, justify="right", header_style="dim", no_wrap=True)
    for plan, money in usd.items():
        if money is not None:
            table.add_row(plan, *_dollar_cells(money))
    return table


def _dollar_cells(money: Money | None) -> tuple[str, str, str]:
    """Give what is queued, settled and held in US dollars."""
    if money is None:
        return "", "", ""
    hold = "no bound" if money.hold is None else _dollars(money.hold)
    return _dollars(money.queued), _settled(money), hold


def _settled_note(report: Report) -> str:
    settled = report.estimate.settled
    if report.settings.billing.at_once is not None:
        return "charged in full when created"
    if settled.kind == "exact" or settled.credits is None:
        return "when rendered"
    return f"{settled.credits:,} expected"


def _terms(report: Report) -> RenderableType:
    settings, estimate = report.settings, report.estimate
    table = _grid()
    for name, line in _counted(report):
        table.add_row(name, line)
    if band := _band_line(estimate.usd.values()):
        table.add_row("band", band)
    for code in dict.fromkeys((*estimate.queued.why, *estimate.settled.why)):
        table.add_row("not exact", REASONS[code])
    if estimate.output_size:
        table.add_row("size", "{} x {}".format(*estimate.output_size))
    entry = settings.rates[0]
    said = settings.sources[entry.sources[0]]
    price = settings.price
    amount = " to ".join(dict.fromkeys((_amount(price.low), _amount(price.high))))
    unit = "credit" if amount == "1" else "credits"
    table.add_row(
        "rate",
        f"{amount} {unit} {one(settings.unit)} since {entry.since}, by {said.rank} of {said.date}; "
        f"checked {settings.checked}",
    )
    return Padding(table, (0, 0, 0, 2))


def _band_line(usd: Iterable[Money | None]) -> str:
    """Say where the next band begins, where usage is billed on one plan."""
    known = [money.next_band for money in usd if money is not None]
    if len(known) != 1 or known[0] is None:
        return ""
    return f"after {known[0][0]:,} more credits US$ {dollars(known[0][1], 6)} a credit"


def _counted(report: Report) -> Iterator[tuple[str, str]]:
    """Say what is counted."""
    settings = report.settings
    start, end = settings.window
    if report.job.window is not None:
        length = time_text(end - start)
        yield "window", f"{time_text(start)} to {time_text(end)} s ({length} s)"
    if settings.billing.at_once is None:
        yield "frame rate", _fps_line(report)
    if settings.unit == "character":
        yield "characters", f"{settings.characters:,}"
    if settings.unit == "image":
        yield "images", f"{settings.count}"


def _fps_line(report: Report) -> str:
    estimate, limit = report.estimate, report.settings.fps_limit
    least, most = report.settings.billing.settled or ("job", "job")
    if most == "job":
        return f"{_rate(report.settings.own_fps or Fraction(0))} fps, as asked for"
    if isinstance(least, Fraction) and least != most:
        return f"{least} to {most} fps, the tool's own"
    if estimate.output_fps is None:
        bound = "" if limit is None else f", at most {_rate(limit)}"
        return f"not known{bound}"
    if estimate.source_fps is None:
        return f"{_rate(estimate.output_fps)} fps, the tool's own"
    line = f"{_rate(estimate.output_fps)} fps"
    if estimate.output_fps != estimate.source_fps:
        line += f", from {_rate(estimate.source_fps)} in the source"
    return line


def _findings(findings: Sequence[Finding]) -> RenderableType:
    table = _grid()
    for found in findings:
        mark, style = MARKS[found.severity]
        where = f"{found.field}: " if found.field else ""
        message = Text(one_line(f"{where}{found.message}"))
        table.add_row(Text(f"{mark} {found.code}", style=style), message)
    return table


def _savings(savings: Sequence[Saving], verb: str) -> RenderableType:
    table = _grid()
    for saving in savings:
        table.add_row(
            Text(", ".join(f"{name} = {v}" for name, v in saving.shown.items()), style="green"),
            f"{verb} {saving.credits:,}, saves {saving.saves:,}; loses {one_line(saving.lost)}",
        )
    return table


def _facts(facts: Mapping[str, Any], room: str, media: Media) -> str:
    known = {
        name.removesuffix("_seconds").replace("_", " "): _fact(name, value)
        for name, value in facts.items()
        if value is not None and value is not False
    }
    return "  ".join(
        f"{name} {value}{'?' if f'{room}.{name}' in media.uncertain else ''}"
        for name, value in known.items()
    )


def _fact(name: str, value: Any) -> str:
    if isinstance(value, Fraction):
        return str(value)
    if name.endswith("_seconds"):
        return f"{value:g} s"
    return "yes" if value is True else one_line(str(value))


def _credits(side: Side) -> str:
    return _bounds(side.credits_low, side.credits_high)


def _frames(side: Side) -> str:
    return _bounds(side.frames_low, side.frames_high)


def _bounds(low: int | None, high: int | None) -> str:
    if low is None:
        return ""
    if high is None:
        return f"{low:,} or more"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _settled(money: Money) -> str:
    low = _dollars(money.settled_low)
    if money.settled_high is None:
        return f"{low} or more"
    high = _dollars(money.settled_high)
    return low if low == high else f"{low} to {high}"


def _dollars(amount: Fraction) -> str:
    return f"{dollars(amount):,}"


def _amount(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _rate(rate: Fraction) -> str:
    return str(rate) if rate.denominator == 1 else f"{rate} ({float(rate):.3f})"


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _section(title: str, lines: Iterable[RenderableType]) -> RenderableType:
    return Group(
        Padding(Text(title, style="bold"), (1, 0, 0, 0)), Padding(Group(*lines), (0, 0, 0, 2))
    )
