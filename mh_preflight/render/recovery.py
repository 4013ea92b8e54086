"""What has nobody heard of? Each such entry, its story, and the words that end it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mh_preflight.budget import Entry, State
from mh_preflight.client.sending import label_of
from mh_preflight.render.entries import STYLES
from mh_preflight.render.phrases import counted, credits_of, inset, ledger_line, when
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType


__all__ = ["ended_view", "recover_view"]


def recover_view(waiting: Sequence[Entry], balance: int | None, where: str) -> RenderableType:
    """Show what needs a person, and what each may do.

    Args:
        waiting: The entries.
        balance: The account's credits now; None where that is not known.
        where: The ledger.
    """
    if not waiting:
        return Group(Text("Nothing needs a person.", style="bold"), ledger_line(where))
    credits = credits_of(sum(entry.credits for entry in waiting))
    needs = "needs" if len(waiting) == 1 else "need"
    parts: list[RenderableType] = [
        Text(
            f"{counted(len(waiting), 'job')} {needs} a person: {credits} are held until then.",
            style="bold",
        )
    ]
    for entry in waiting:
        parts += [Text(""), *_case(entry, balance)]
    parts += [Text(""), ledger_line(where)]
    return Group(*parts)


def _case(entry: Entry, balance: int | None) -> Iterator[RenderableType]:
    title = Text(one_line(entry.id), style="bold")
    title.append(f"  {entry.state}", style=STYLES[entry.state] or "yellow")
    title.append(f"  {credits_of(entry.credits)}  since {when(entry.changed_at)} UTC")
    whose = [entry.scope.endpoint or "", entry.scope.project and f"project {entry.scope.project}"]
    if known := "  ".join(one_line(part, 60) for part in whose if part):
        title.append(f"  {known}", style="dim")
    yield title
    yield inset(Text(_story(entry)))
    if entry.state in {State.UNKNOWN, State.SUBMITTING}:
        yield inset(Text(_balances(entry, balance), style="dim"))
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
        text = f"{name} is settled at {credits_of(entry.charged or 0)}; it held {entry.credits:,}."
    elif entry.state is State.RELEASED:
        text = f"{name} is released: {credits_of(entry.credits)} are given back."
    else:
        text = f"{name} is {entry.state} as {one_line(str(entry.project_id))}."
        return Group(
            Text(text, style="bold"), Text("Its charge is booked by: mh-preflight reconcile")
        )
    parts = [Text(text, style="bold")]
    if entry.overrun:
        parts.append(Text(f"! {credits_of(entry.overrun)} more than it held", style="red"))
    return Group(*parts)
