"""Which ledger, which policy, and which API? What the commands that spend ask for."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mh_preflight.cli.options import POLICY, VARIABLE, chosen_plan, day_from
from mh_preflight.errors import InputError

if TYPE_CHECKING:
    from mh_preflight.budget import Ledger, Policy
    from mh_preflight.units import Plan

__all__ = [
    "BaseUrl",
    "LedgerPlace",
    "PolicyFile",
    "chosen_policy",
    "microseconds_from",
    "opened_ledger",
    "plan_with",
]

BASE_URL = "https://api.magichour.ai"

LedgerPlace: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="A file, or a postgresql:// address. Default: MH_PREFLIGHT_LEDGER, which also keeps a "
        "password out of your history; then a file in your data folder.",
        metavar="PLACE",
        show_default=False,
    ),
]
PolicyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="What is allowed. Default: mh-preflight.toml of this folder, where there is one.",
        metavar="FILE",
        show_default=False,
    ),
]
BaseUrl: TypeAlias = Annotated[
    str, typer.Option("--base-url", help="Where the API is.", metavar="URL")
]


def opened_ledger(place: str | None) -> Ledger:
    """Open the ledger: as given, else of the environment, else the user's own.

    Raises:
        InputError: That is no place for one.
        LedgerError: It cannot be used.
    """
    from mh_preflight.budget import Ledger

    try:
        return Ledger(place)
    except InputError as error:
        if error.field != "where":
            raise
        message = f"--ledger: {error.message.removeprefix('where: ')}"
        raise InputError(message, code=error.code, field="ledger") from None


def chosen_policy(path: Path | None) -> Policy | None:
    """Read the policy: as given, else that of this folder, else none.

    Raises:
        PolicyError: It is not sound: nothing is allowed by what could not be read.
    """
    from mh_preflight.budget import Policy

    if path is None and not os.path.lexists(POLICY):
        return None
    return Policy.load(POLICY if path is None else path)


def plan_with(policy: Policy | None, given: str | None) -> Plan | None:
    """Find the plan: as given, of the environment, of the policy, of this folder; else none.

    Raises:
        InputError: It is no plan.
    """
    if given is None and not os.environ.get(VARIABLE) and policy is not None and policy.plan:
        return chosen_plan(policy.plan)
    return chosen_plan(given)


def microseconds_from(text: str | None, option: str, *, after: bool = False) -> int | None:
    """Read a day as the microseconds since 1970 at which it begins, or ends, UTC.

    Args:
        text: The day.
        option: How it was typed.
        after: Its end instead.

    Raises:
        InputError: It is none.
    """
    day = day_from(text, option)
    if day is None:
        return None
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=int(after))
    return int(moment.timestamp()) * 1_000_000
