"""Settled jobs beside their estimates: the answer first, a table an endpoint, then warnings."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.console import Group as Parts
from rich.table import Table
from rich.text import Text

from mh_preflight.rates import decimal_text
from mh_preflight.render.phrases import json_line
from mh_preflight.render.wire import error_body
from mh_preflight.units import one, one_line, rate_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from mh_preflight.calibrate import Calibration, Compared, Explanation, Group, Implied, Ran
    from mh_preflight.errors import PreflightError

__all__ = ["calibration_json", "calibration_view"]

MOST_NAMED = 3
MOST_SHOWN = 20


def calibration_view(found: Calibration, written: Sequence[Path] | None = None) -> RenderableType:
    """Show whether the estimates were right.

    Args:
        found: The comparison.
        written: The override files that were written; None where none were asked for.
    """
    parts: list[RenderableType] = [Text(_answer(found), style="bold")]
    if left := _left_out(found):
        parts.append(Text(left, style="dim"))
    by_endpoint: dict[str, list[Group]] = defaultdict(list)
    for group in found.groups:
        by_endpoint[group.endpoint].append(group)
    for endpoint, groups in by_endpoint.items():
        parts += [Text(""), Text(one_line(endpoint, 60), style="bold"), _table(groups)]
    warnings = list(_warnings(found))
    if warnings:
        parts.append(Text(""))
        parts += [Text(f"! {line}", style="yellow") for line in warnings]
    if written is not None:
        parts.append(Text(""))
        parts += [Text(f"wrote {one_line(str(path), 200)}") for path in written]
        if written:
            parts += [Text(_written_text(group)) for group in found.groups if group.writable]
        others = [group for group in found.groups if group.undecided or group.refused]
        parts += [Text(_left_text(group)) for group in others]
        if not written and not others:
            implied = any(group.implied for group in found.groups)
            why = (
                "the rate card has every rate that is implied" if implied else "no rate is implied"
            )
            parts.append(Text(f"nothing to write: {why}"))
    return Parts(*parts)


def calibration_json(
    found: Calibration,
    written: Sequence[Path] | None = None,
    error: PreflightError | None = None,
) -> str:
    """Write the comparison as one line of JSON.

    Args:
        found: The comparison.
        written: The files that were written; None where none were asked for.
        error: Why it is a failure, where it is one.
    """
    body: dict[str, Any] = {
        "schema": 1,
        "card_version": found.card_version,
        "jobs": len(found.records),
        "exact": found.count("exact"),
        "inside": found.count("inside"),
        "below": found.count("below"),
        "above": found.count("above"),
        "no_rate": found.count("no-rate"),
        "moved": len(found.moved),
        "refunded": found.refunded,
        "failed_but_charged": list(found.failed_but_charged),
        "skipped": found.skipped,
        "duplicates": found.duplicates,
        "groups": [_group_body(group) for group in found.groups],
        "records": [_record_body(record) for record in found.records],
        "problems": [
            {"source": each.source or None, "place": each.place, "message": each.message}
            for each in found.problems
        ],
    }
    if written is not None:
        body["written"] = [str(path) for path in written]
    if error is not None:
        body["error"] = error_body(error).error.model_dump()
    return json_line(body)


def _answer(found: Calibration) -> str:
    jobs = len(found.records)
    parts = [f"{jobs:,} job{'' if jobs == 1 else 's'}", f"{found.count('exact'):,} exact"]
    counts = (
        (found.count("inside"), "inside the range"),
        (found.count("below"), "below"),
        (found.count("above"), "above"),
        (found.count("no-rate"), "without a known rate"),
    )
    parts += [f"{number:,} {what}" for number, what in counts if number]
    return ", ".join(parts) + f"  rates {found.card_version}"


def _left_out(found: Calibration) -> str:
    counts = (
        (found.refunded, "refunded"),
        (found.skipped, "not finished"),
        (found.duplicates, "told twice"),
        (len(found.problems), "not usable"),
    )
    parts = [f"{number:,} {what}" for number, what in counts if number]
    return f"not compared: {', '.join(parts)}" if parts else ""


def _table(groups: Sequence[Group]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("what ran")
    for name in ("jobs", "exact", "inside", "off"):
        table.add_column(name, justify="right", header_style="dim")
    table.add_column("worst", justify="right", header_style="dim")
    table.add_column("implied", header_style="dim")
    table.add_column("explained by", header_style="dim")
    for group in groups:
        worst = group.worst_difference
        table.add_row(
            f"  {_ran_text(group)}",
            f"{group.jobs:,}",
            f"{group.exact:,}",
            f"{group.inside:,}",
            f"{group.off:,}",
            "" if worst is None else f"{worst:+,}" if worst else "0",
            "" if group.implied is None else _implied_text(group.implied),
            _explained_text(group),
        )
    return table


def _ran_text(group: Group) -> str:
    return one_line(str(group.ran), 80) or ("any" if group.certain else "not known")


def _implied_text(implied: Implied) -> str:
    return f"{_amount(implied.value)} {one(implied.unit)}"


def _explained_text(group: Group) -> str:
    lines = dict.fromkeys(_explanation_text(each, group) for each in group.explained_by)
    named = list(lines)[:MOST_NAMED]
    if len(lines) > MOST_NAMED:
        named.append(f"{len(lines) - MOST_NAMED} more")
    return "\n".join(named)


def _explanation_text(each: Explanation, group: Group) -> str:
    price = f"{_amount(each.value)} {one(each.unit)}"
    if each.fps is not None:
        price += f" at {rate_text(each.fps)} fps"
    said = each.sources[0]
    ran = "" if group.certain else str(each.ran)
    return " ".join(part for part in (ran, price, f"({said.rank} {said.date})") if part)


def _warnings(found: Calibration) -> Iterator[str]:
    for group in found.moved:
        assert group.implied is not None  # noqa: S101  what has moved implies a rate
        name = " ".join(part for part in (group.endpoint, str(group.ran)) if part)
        number = group.implied.jobs
        jobs = "1 job is" if number == 1 else f"{number:,} jobs are"
        yield (
            f"{name}: the charges moved: since {group.moved} {jobs} explained by no known rate, "
            f"but by {_implied_text(group.implied)}; {_span_text(group.implied)}"
        )
    for record in found.off[:MOST_SHOWN]:
        yield _off_text(record)
    if len(found.off) > MOST_SHOWN:
        yield f"{len(found.off) - MOST_SHOWN:,} more jobs like these (see --json)"
    for reason in dict.fromkeys(each.why for each in found.records if each.why):
        yield one_line(reason)
    for name in found.failed_but_charged[:MOST_SHOWN]:
        yield f"job {one_line(name, 60)} failed or was canceled, and was charged"
    for problem in found.problems[:MOST_SHOWN]:
        yield problem.message
    if len(found.problems) > MOST_SHOWN:
        yield f"{len(found.problems) - MOST_SHOWN:,} more records cannot be used (see --json)"


def _span_text(implied: Implied) -> str:
    low, high = (f"{float(end):.4g}" for end in (implied.low, implied.high))
    return f"any from {low} to {high} would do" if low != high else "no other would do"


def _written_text(group: Group) -> str:
    implied = group.implied
    assert implied is not None  # noqa: S101  what is written is implied
    name = " ".join(part for part in (group.endpoint, str(group.ran)) if part)
    jobs = "1 job only" if implied.jobs == 1 else f"{implied.jobs:,} jobs"
    return f"  {name}: {_implied_text(implied)}, from {jobs}; {_span_text(implied)}"


def _left_text(group: Group) -> str:
    name = " ".join(part for part in (group.endpoint, str(group.ran)) if part)
    if group.refused is not None:
        return f"not written: {name}, as the rate card would not take it: {group.refused}"
    return f"not written: {name}, as more than one known rate gives its charges"


def _off_text(record: Compared) -> str:
    estimated = record.estimated
    assert estimated is not None  # noqa: S101  without an estimate nothing is off it
    low, high = estimated.low, estimated.high
    span = f"{low:,}" if low == high else f"{low:,} or more" if high is None else f"{low:,} to "
    if high is not None and low != high:
        span += f"{high:,}"
    name = " ".join(part for part in (record.endpoint, str(record.ran)) if part)
    silent = ", and no known rate gives it" if record.unexplained else ""
    return (
        f"job {one_line(record.id, 60)} of {record.day}: {record.charged:,} charged, {span} "
        f"estimated{silent} ({name})"
    )


def _amount(value: Fraction) -> str:
    return decimal_text(value)


def _ran_body(ran: Ran) -> dict[str, Any]:
    return {"mode": ran.mode, "model": ran.model, "size": ran.size}


def _explanation_body(each: Explanation) -> dict[str, Any]:
    return {
        **_ran_body(each.ran),
        "audio": each.ran.audio,
        "kind": each.kind,
        "value": decimal_text(each.value),
        "unit": each.unit,
        "fps": None if each.fps is None else rate_text(each.fps),
        "counted": each.counted,
        "sources": [
            {
                "rank": said.rank,
                "date": said.date.isoformat(),
                "what": said.what,
                "where": said.where,
            }
            for said in each.sources
        ],
    }


def _group_body(group: Group) -> dict[str, Any]:
    implied = group.implied
    mean = group.mean_difference
    return {
        "endpoint": group.endpoint,
        **_ran_body(group.ran),
        "certain": group.certain,
        "jobs": group.jobs,
        "exact": group.exact,
        "inside": group.inside,
        "below": group.below,
        "above": group.above,
        "no_rate": group.no_rate,
        "mean_difference": None if mean is None else str(mean),
        "worst_difference": group.worst_difference,
        "explained_by": [_explanation_body(each) for each in group.explained_by],
        "implied": None
        if implied is None
        else {
            "value": decimal_text(implied.value),
            "unit": implied.unit,
            "low": str(implied.low),
            "high": str(implied.high),
            "jobs": implied.jobs,
            "since": implied.since.isoformat(),
            "until": implied.until.isoformat(),
            "ends": None if implied.ends is None else implied.ends.isoformat(),
        },
        "moved": None if group.moved is None else group.moved.isoformat(),
        "undecided": group.undecided,
        "refused": group.refused,
    }


def _record_body(record: Compared) -> dict[str, Any]:
    estimated = record.estimated
    return {
        "id": record.id,
        "endpoint": record.endpoint,
        **_ran_body(record.ran),
        "audio": record.ran.audio,
        "certain": record.certain,
        "day": record.day.isoformat(),
        "charged": record.charged,
        "estimated": None
        if estimated is None
        else {"low": estimated.low, "expected": estimated.expected, "high": estimated.high},
        "verdict": record.verdict,
        "difference": record.difference,
        "explanations": [_explanation_body(each) for each in record.explanations],
        "why": record.why,
        "unexplained": record.unexplained,
    }
