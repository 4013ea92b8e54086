"""mh-preflight budget recover: what needs a person, and what did the person find?"""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from mh_preflight.cli.ledger import BASE_URL, BaseUrl, LedgerPlace, opened_ledger
from mh_preflight.cli.naming import message_for_people
from mh_preflight.cli.options import Json, whole
from mh_preflight.cli.output import show, working
from mh_preflight.cli.reading import OFFLINE
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mh_preflight.budget import Entry, Ledger

__all__ = ["recover"]


def recover(  # noqa: PLR0913  one parameter an option
    entry_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="End this one, as you found it.", show_default=False),
    ] = None,
    settled: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="The API has it, and it cost so many credits; 0 where it failed.",
            metavar="CREDITS",
            show_default=False,
        ),
    ] = None,
    released: Annotated[
        bool, typer.Option("--released", help="The API surely does not have it.")
    ] = False,
    found: Annotated[
        str | None,
        typer.Option(
            help="The API has it under this id, and reconcile shall book it.",
            metavar="PROJECT_ID",
            show_default=False,
        ),
    ] = None,
    word: Annotated[
        str | None,
        typer.Option(help="Who says so, and why.", metavar="TEXT", show_default=False),
    ] = None,
    ledger: LedgerPlace = None,
    base_url: BaseUrl = BASE_URL,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask for the balance.", envvar=OFFLINE)
    ] = False,
    as_json: Json = False,
) -> None:
    """List what needs a person: jobs of which nobody knows whether the API has them, and the like.

    Nothing is changed without an ID and a person's word.

    Where MAGIC_HOUR_API_KEY is set, the API is asked for the account's balance.

    Example: mh-preflight budget recover row-7 --settled 240
    """
    from mh_preflight.render.entries import entry_json
    from mh_preflight.render.recovery import ended_view, recover_view

    words = (settled is not None) + released + (found is not None)
    if (entry_id is not None, words) not in {(True, 1), (False, 0)}:
        raise InputError(
            "give an id and one of --settled, --released and --found; or none of them, for the "
            "list",
            field="id",
        )
    with opened_ledger(ledger) as opened:
        if entry_id is not None:
            try:
                said = _ended(opened, entry_id, settled, found, word or f"{_person()}, by recover")
            except InputError as error:
                error.message = _as_typed(error)
                raise
            if as_json:
                typer.echo(entry_json(said))
            else:
                show(ended_view(said))
            return
        waiting = opened.recover()
        balance = None if offline else _balance(waiting, base_url)
        where = opened.where
    if as_json:
        for entry in waiting:
            typer.echo(entry_json(entry, {"balance_now": balance}))
    else:
        show(recover_view(waiting, balance, where))


def _ended(
    ledger: Ledger, entry_id: str, settled: int | None, found: str | None, word: str
) -> Entry:
    from mh_preflight.budget import StateError
    from mh_preflight.budget.latest import latest

    entry = latest(ledger, entry_id)
    if entry is None:
        raise StateError(f"the ledger has no entry {one_line(entry_id)!r}", code="no-entry")
    said = _said(ledger, entry, settled, found, word)
    if said == entry:
        raise StateError(
            f"entry {one_line(entry.id)!r} is {entry.state} already: nothing was changed",
            code="unchanged",
            entry=entry,
        )
    return said


def _as_typed(error: InputError) -> str:
    """Name what was typed here for an argument of the ledger."""
    typed = {"id": "ID", "credits": "--settled", "project_id": "--found"}
    name, colon, rest = error.message.partition(": ")
    return f"{typed.get(name, name)}{colon}{rest}" if name == error.field else error.message


def _said(ledger: Ledger, entry: Entry, settled: int | None, found: str | None, word: str) -> Entry:
    """Write down what a person says of an entry."""
    from mh_preflight.budget import State, StateError

    if entry.state is State.SUBMITTING:
        if entry.id not in {each.id for each in ledger.recover()}:
            raise StateError(
                f"entry {one_line(entry.id)!r} is just being sent: wait for 15 minutes, until its "
                "process is surely gone",
                entry=entry,
            )
        ledger.unknown(entry.id)
    if found is not None:
        return ledger.submitted(entry.id, found)
    if settled is not None:
        return ledger.settle(entry.id, settled, word=word)
    return ledger.release(entry.id, word=word)


def _balance(waiting: Sequence[Entry], base_url: str) -> int | None:
    """Ask for the balance, where a token is set and an entry may have changed it."""
    from mh_preflight.budget import State
    from mh_preflight.client import Client
    from mh_preflight.client.token import VARIABLE

    lost = {State.UNKNOWN, State.SUBMITTING}
    if not os.environ.get(VARIABLE) or not lost & {entry.state for entry in waiting}:
        return None
    try:
        with working("asking for the balance"), Client(base_url=base_url) as client:
            return client.account().credits
    except PreflightError as error:
        reason = one_line(message_for_people(error))
        typer.echo(f"mh-preflight: the balance is not known: {reason}", err=True)
        return None


def _person() -> str:
    try:
        return one_line(getpass.getuser(), 60)
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "a person"
