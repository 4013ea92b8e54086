"""What was sent, what was not and why, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mh_preflight.render.budgets import named_budget
from mh_preflight.render.entries import entry_body
from mh_preflight.render.phrases import json_line, when
from mh_preflight.render.terminal import fits_view
from mh_preflight.render.wire import error_body
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from mh_preflight.budget import Budget, BudgetError, Entry
    from mh_preflight.client.answers import Project
    from mh_preflight.client.following import Outcome
    from mh_preflight.client.sending import Submission
    from mh_preflight.errors import PreflightError
    from mh_preflight.flow import Report
    from mh_preflight.savings import Saving

__all__ = [
    "lost_json",
    "outcome_json",
    "reconciled_view",
    "refused_json",
    "refused_view",
    "submission_json",
    "submission_view",
]

DID = {
    "settled": ("settled", "green"),
    "settled-before": ("settled before", "green"),
    "found": ("found", ""),
    "running": ("running", ""),
    "reserved": ("not sent yet", ""),
    "expired": ("given back", "dim"),
    "being-sent": ("being sent", ""),
    "unknown": ("unknown", "yellow"),
    "not-found": ("not found", "yellow"),
    "failed": ("not asked", "red"),
    "not-ours": ("not ours", "dim"),
}


def submission_view(
    sent: Submission,
    entry: Entry,
    project: Project | None,
    *,
    where: str,
    policy: str | None,
) -> RenderableType:
    """Show a job that the API has.

    Args:
        sent: What was sent.
        entry: Its entry, as it is now.
        project: What became of it, where that was waited for.
        where: The ledger.
        policy: The policy's file.
    """
    parts: list[RenderableType] = [_headline(sent, project)]
    table = _numbers()
    if not sent.repeated and sent.credits_charged is not None:
        table.add_row("queued", f"{sent.credits_charged:,}", "taken when created")
    back = max(0, entry.credits - (entry.charged or 0))
    held = "until it is settled" if entry.open else f"{back:,} given back" if back else ""
    table.add_row("held", f"{entry.credits:,}", held)
    if entry.charged is not None:
        note = Text("what it cost")
        if entry.overrun:
            note = Text(f"{entry.overrun:,} more than was held", style="red")
        table.add_row("settled", f"{entry.charged:,}", note)
    parts.append(Padding(table, (1, 0, 1, 2)))
    rest = _grid()
    rest.add_row("project", one_line(sent.id))
    rest.add_row("id", one_line(entry.id))
    rest.add_row("ledger", where)
    if policy is not None:
        rest.add_row("policy", one_line(policy))
    if project is not None and project.error_message:
        rest.add_row("error", Text(one_line(project.error_message), style="red"))
    parts.append(Padding(rest, (0, 0, 0, 2)))
    made = () if project is None else project.downloads
    if made:  # never broken, so that they can be opened
        parts += [Text(""), Text("  Downloads", style="dim")]
        parts += [Text(one_line(each.url, 2000), no_wrap=True, overflow="ignore") for each in made]
    if sent.warnings:
        parts.append(Text(""))
        parts += [
            Text(f"! {found.code}  {one_line(found.message)}", style="yellow")
            for found in sent.warnings
        ]
    if entry.open:
        hint = "mh-preflight reconcile books what it costs once it is rendered."
        parts += [Text(""), Text(hint, style="dim")]
    return Group(*parts)


def submission_json(  # noqa: PLR0913  all of it is the answer
    sent: Submission,
    entry: Entry,
    project: Project | None,
    *,
    where: str,
    policy: str | None,
    error: PreflightError | None = None,
) -> str:
    """Write a job that the API has as one line of JSON; `error` only where there is one.

    Args:
        sent: What was sent.
        entry: Its entry, as it is now.
        project: What became of it, where that was waited for.
        where: The ledger.
        policy: The policy's file.
        error: Why its end is not known, or that it failed.
    """
    queued = None if sent.repeated else sent.credits_charged
    body = {
        "schema": 1,
        "id": entry.id,
        "project_id": sent.id,
        "endpoint": sent.endpoint,
        "repeated": sent.repeated,
        "state": entry.state.value,
        "status": None if project is None else project.status,
        "queued": queued,
        "held": entry.credits,
        "settled": entry.charged,
        "overrun": entry.overrun,
        "warnings": [
            {"code": each.code, "field": each.field, "message": each.message}
            for each in sent.warnings
        ],
        "downloads": []
        if project is None
        else [{"url": made.url, "expires_at": made.expires_at} for made in project.downloads],
        "ledger": where,
        "policy": policy,
    }
    if error is not None:
        body["error"] = _failure(error)
    return json_line(body)


def refused_view(error: BudgetError, report: Report, fits: Sequence[Saving]) -> RenderableType:
    """Show why a job does not fit into a budget, and what would.

    Args:
        error: The budget's word.
        report: What is known of the job.
        fits: What would fit.
    """
    budget = error.budget
    used = error.settled + error.overrun + error.held
    left = max(0, error.limit - used)
    per = named_budget(budget).removeprefix(budget.shown(error.limit)).strip()
    beyond = f"{_amount(error, error.overrun)} of it over what was held" if error.overrun else ""
    rows = [("limit", error.limit, per), ("charged", error.settled + error.overrun, beyond)]
    rows += [("held", error.held, ""), ("left", left, _ends(error))]
    table = _numbers("US$" if budget.unit == "usd" else "credits")
    for name, value, note in rows:
        table.add_row(name, _amount(error, value), one_line(note))
    if error.asked is not None:
        more = Text(f"{_amount(error, error.asked - left)} too many", style="red")
        table.add_row("this job", _amount(error, error.asked), more)
    title = Text(f"Not sent: {report.settings.title} does not fit into the budget", style="bold")
    parts: list[RenderableType] = [title, Padding(table, (1, 0, 0, 2))]
    if error.asked is not None:
        parts.append(fits_view(fits) if fits else Padding(fits_view(fits), (1, 0, 0, 0)))
    return Group(*parts)


def refused_json(error: BudgetError, report: Report, fits: Sequence[Saving], entry_id: str) -> str:
    """Write why a job does not fit into a budget as one line of JSON.

    Args:
        error: The budget's word.
        report: What is known of the job.
        fits: What would fit.
        entry_id: The id that it would have had.
    """
    used = error.settled + error.overrun + error.held
    body = {
        "schema": 1,
        "id": entry_id,
        "endpoint": report.job.endpoint,
        "hold": report.estimate.hold,
        "budget": {
            "budget": str(error.budget),
            "unit": str(error.budget.unit),
            "limit": _plain(error, error.limit),
            "settled": _plain(error, error.settled),
            "overrun": _plain(error, error.overrun),
            "charged": _plain(error, error.settled + error.overrun),
            "held": _plain(error, error.held),
            "left": _plain(error, max(0, error.limit - used)),
            "asked": None if error.asked is None else _plain(error, error.asked),
        },
        "fits": _fits(fits),
        "error": _failure(error),
    }
    return json_line(body)


def lost_json(
    error: PreflightError,
    entry: Entry | None,
    where: str,
    fits: Sequence[Saving] = (),
    *,
    entry_id: str | None = None,
) -> str:
    """Write why a job was not sent, or that nobody knows, as one line of JSON.

    Args:
        error: What happened.
        entry: What the ledger has of it, or None.
        where: The ledger.
        fits: What would fit into a budget of the policy.
        entry_id: The id that it has where the ledger tells of no entry.
    """
    answered = getattr(error, "project_id", None)  # told, also where the ledger does not have it
    return json_line(
        {
            "schema": 1,
            "id": entry_id or getattr(error, "id", None) if entry is None else entry.id,
            "project_id": (None if entry is None else entry.project_id) or answered,
            "state": None if entry is None else entry.state.value,
            "held": None if entry is None else entry.credits,
            "ledger": where,
            "fits": _fits(fits),
            "error": _failure(error),
        }
    )


def reconciled_view(outcomes: Sequence[Outcome], where: str) -> RenderableType:
    """Show what was done about every open entry.

    Args:
        outcomes: What was done.
        where: The ledger.
    """
    ledger = Text(f"ledger {where}", style="dim")
    if not outcomes:
        return Group(Text("Nothing is open: there was nothing to ask.", style="bold"), ledger)
    parts: list[RenderableType] = [Text(_answer(outcomes), style="bold"), Text("")]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("", "held", "charged"):
        justify = "right" if name else "left"
        table.add_column(name, justify=justify, header_style="dim", no_wrap=True)  # type: ignore[arg-type]
    table.add_column("project id", header_style="dim", overflow="fold")
    table.add_column("id", header_style="dim", overflow="fold")
    for each in outcomes:
        name, style = DID[each.did]
        entry = each.entry
        table.add_row(
            Text(name, style=style),
            "" if entry is None else f"{entry.credits:,}",
            "" if entry is None or entry.charged is None else f"{entry.charged:,}",
            "" if entry is None else one_line(entry.project_id or ""),
            "" if entry is None else one_line(entry.id),
        )
    parts.append(Padding(table, (0, 0, 0, 2)))
    parts += _reasons(outcomes)
    if any(each.did == "unknown" for each in outcomes):
        hint = "! a person has to look for the unknown ones: mh-preflight budget recover"
        parts += [Text(""), Text(hint, style="yellow")]
    return Group(*parts, Text(""), ledger)


def outcome_json(outcome: Outcome) -> str:
    """Write what was done about an entry as one line of JSON."""
    entry, project = outcome.entry, outcome.project
    body = {
        "schema": 1,
        "did": outcome.did,
        "status": None if project is None else project.status,
        "reason": outcome.reason,
        **({} if entry is None else entry_body(entry)),
    }
    return json_line(body)


def _answer(outcomes: Sequence[Outcome]) -> str:
    counts: dict[str, int] = {}
    for each in outcomes:
        counts[DID[each.did][0]] = counts.get(DID[each.did][0], 0) + 1
    parts = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    charged = sum(
        each.entry.charged or 0 for each in outcomes if each.did == "settled" and each.entry
    )
    jobs = f"{len(outcomes):,} job{'' if len(outcomes) == 1 else 's'}"
    return f"{jobs}: {parts}" + (f"; {charged:,} credits booked" if charged else "")


def _reasons(outcomes: Sequence[Outcome]) -> Iterator[RenderableType]:
    told = [each for each in outcomes if each.reason and each.did != "unknown"]
    if told:
        yield Text("")
    for each in told:
        name = "" if each.entry is None else f"{one_line(each.entry.id)}: "
        yield Text(f"! {name}{one_line(each.reason or '')}", style="yellow")
    for each in outcomes:
        if each.entry is not None and each.entry.overrun and each.did == "settled":
            more = f"! {one_line(each.entry.id)}: {each.entry.overrun:,} credits more than it held"
            yield Text(more, style="red")


def _headline(sent: Submission, project: Project | None) -> Text:
    if project is None:
        what = "Sent before, and not again" if sent.repeated else "Sent"
    else:
        what = {"complete": "Complete", "error": "Failed", "canceled": "Canceled"}.get(
            project.status, "Running"
        )
    style = "bold" if what not in {"Failed", "Canceled"} else "bold red"
    return Text(f"{what}: {sent.endpoint}", style=style)


def _ends(error: BudgetError) -> str:
    return "" if error.ends is None else f"until {when(error.ends)} UTC"


def _amount(error: BudgetError, value: int) -> str:
    budget: Budget = error.budget
    return budget.shown(value).removesuffix(" credits").removeprefix("$")


def _plain(error: BudgetError, value: int) -> int | str:
    budget: Budget = error.budget
    if budget.unit == "credits":
        return value
    return budget.shown(value).removeprefix("$").replace(",", "")


def _fits(fits: Sequence[Saving]) -> list[dict[str, Any]]:
    return [
        {
            "change": dict(each.change),
            "credits": each.credits,
            "saves": each.saves,
            "lost": each.lost,
        }
        for each in fits
    ]


def _failure(error: PreflightError) -> dict[str, Any]:
    body: dict[str, Any] = error_body(error).error.model_dump()
    return body


def _numbers(unit: str = "credits") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column(unit, justify="right", style="bold", header_style="dim", no_wrap=True)
    table.add_column("", style="dim")
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
