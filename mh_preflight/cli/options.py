"""What do several commands ask for? The plan, the day, the rates, and where they come from."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mh_preflight.errors import InputError
from mh_preflight.rates import BASES, Basis, RateCard, bundled_rates
from mh_preflight.units import PLANS, Plan, number_in

__all__ = [
    "AsOf",
    "BasisName",
    "Json",
    "PlanName",
    "RatesFile",
    "chosen_basis",
    "chosen_plan",
    "chosen_rates",
    "day_from",
    "field_of",
    "number_from",
]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
POLICY = "mh-preflight.toml"
VARIABLE = "MH_PREFLIGHT_PLAN"

PlanName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--plan",
        help="free, creator, pro or business. Default: MH_PREFLIGHT_PLAN, then mh-preflight.toml.",
        metavar="PLAN",
        show_default=False,
        autocompletion=lambda: list(PLANS),
    ),
]
AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="The day whose rates count. Default: today, UTC.", metavar="YYYY-MM-DD"
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BasisName: TypeAlias = Annotated[
    str, typer.Option("--usd", help="How credits are paid: annual, monthly or usage.")
]
RatesFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--rates", help="A rate file of your own, which replaces the bundled one."),
]


def chosen_plan(given: str | None) -> Plan | None:
    """Find the plan: as given, else from the environment, else from `mh-preflight.toml`, else none.

    Raises:
        InputError: It is no plan, or the file cannot be read.
    """
    name, place = given, "--plan"
    if name is None:
        name, place = os.environ.get(VARIABLE) or None, VARIABLE
    if name is None:
        name, place = _plan_from_file(Path(POLICY)), POLICY
    if name is None:
        return None
    for plan in PLANS:
        if plan == name.lower():
            return plan
    raise InputError(f"{place}: {name!r} is none of {', '.join(PLANS)}", field="plan")


def _plan_from_file(path: Path) -> str | None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}", source=str(path)) from None
    plan = table.get("plan")
    if plan is not None and not isinstance(plan, str):
        raise InputError(f"{path}: plan must be text", field="plan", source=str(path))
    return plan


def chosen_rates(path: Path | None) -> RateCard:
    """Give the bundled rates, with a file of the user's own where one is given.

    Raises:
        RateFileError: The file does not load.
    """
    return bundled_rates() if path is None else bundled_rates().with_file(path)


def day_from(text: str | None, option: str = "--as-of") -> date | None:
    """Read a day.

    Raises:
        InputError: It is none.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise InputError(f"{option}: {text!r} is no day such as 2026-11-22", field=field_of(option))
    return day


def number_from(text: str | None, option: str) -> int | float | None:
    """Read a number as it is written; the job decides whether it can be used.

    Raises:
        InputError: It is none.
    """
    if text is None:
        return None
    number = number_in(text)
    if number is None:
        raise InputError(f"{option}: {text!r} is not a number", field=field_of(option))
    return number


def field_of(option: str) -> str:
    """Give the name that an option has in JSON."""
    return option.lstrip("-").replace("-", "_")


def chosen_basis(text: str) -> Basis:
    """Read how credits are paid.

    Raises:
        InputError: It is none of the ways.
    """
    for basis in BASES:
        if basis == text:
            return basis
    raise InputError(f"--usd: {text!r} is none of {', '.join(BASES)}", field="usd")
