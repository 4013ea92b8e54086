"""Which ledger, which policy, and which API? What the commands that spend ask for."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mh_preflight.cli.options import POLICY, VARIABLE, chosen_plan, day_from
from mh_preflight.errors import InputError, JobError, LedgerError
from mh_preflight.jobs import model_of

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
    "raise_for_endpoint",
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


def opened_ledger(place: str | None, *, create: bool = False) -> Ledger:
    """Open the ledger: as given, else of the environment, else the user's own.

    Args:
        place: As given.
        create: Whether a file that is named may be made; the user's own always may.

    Raises:
        InputError: That is no place for one.
        LedgerError: It cannot be used, or there is none.
    """
    from mh_preflight.budget import Ledger, find_ledger
    from mh_preflight.budget.places import VARIABLE as PLACE
    from mh_preflight.budget.places import shown_place

    try:
        if not create and (place is not None or os.environ.get(PLACE)):
            found = find_ledger(place)
            if isinstance(found, Path) and _missing(found):
                raise LedgerError(
                    f"there is no ledger at {shown_place(found)!r}: mh-preflight budget set makes "
                    "one, if that is where it shall lie",
                    code="no-ledger",
                )
        return Ledger(place)
    except InputError as error:
        if error.field != "where":
            raise
        message = f"--ledger: {error.message.removeprefix('where: ')}"
        raise InputError(message, code=error.code, field="ledger") from None


def _missing(file: Path) -> bool:
    """Tell whether there surely is no such file; what cannot be looked at is for the ledger."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


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


def raise_for_endpoint(name: str) -> None:
    """Raise where there is no such endpoint.

    Args:
        name: As typed at `--endpoint`.

    Raises:
        InputError: There is none; it says which may be meant.
    """
    try:
        model_of(name)
    except JobError as error:
        message = f"--{error.message}"  # which begins with the field
        raise InputError(message, code=error.code, field="endpoint") from None


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
