"""What do several commands ask for? The plan, the day, the rates, and where they come from."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mh_preflight.errors import InputError, RateFileError
from mh_preflight.rates import BASES, Basis, RateCard, bundled_rates
from mh_preflight.units import PLANS, Plan, counted, number_in, one_line

__all__ = [
    "AsOf",
    "BasisName",
    "Json",
    "MaxAge",
    "PlanName",
    "RatesFile",
    "UsedCredits",
    "chosen_basis",
    "chosen_plan",
    "chosen_rates",
    "day_from",
    "field_of",
    "number_from",
    "rates_line",
    "seconds_given",
    "whole",
    "whole_from_one",
    "whole_or_below",
]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
POLICY = "mh-preflight.toml"
VARIABLE = "MH_PREFLIGHT_PLAN"


def whole(given: str | int) -> int:
    """Take a whole number from 0 on, as an option has it.

    Raises:
        typer.BadParameter: It is none; typer's own words name neither it nor what is taken.
    """
    return _whole_from(0, given)


def whole_from_one(given: str | int) -> int:
    """Take a whole number from 1 on, in the same way."""
    return _whole_from(1, given)


def whole_or_below(given: str | int) -> int:
    """Take any whole number, where what is asked for says itself why it may not be below 0."""
    return _whole_from(None, given)


def seconds_given(given: str | float) -> float:
    """Take a number of seconds, in the same way."""
    number = number_in(str(given))
    if number is None:
        raise typer.BadParameter(f"{one_line(str(given), 60)!r} is no number such as 30 or 0.5")
    return float(number)


def _whole_from(least: int | None, given: str | int) -> int:
    number = number_in(str(given))
    if isinstance(number, int) and (least is None or number >= least):
        return number
    room = "" if least is None else f" from {least} on"
    shown = one_line(str(given), 60)
    raise typer.BadParameter(f"{shown!r} is no whole number{room}, written such as 50000")


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
    str,
    typer.Option("--usd", help="How credits are paid: annual, monthly or usage.", metavar="HOW"),
]
UsedCredits: TypeAlias = Annotated[
    int,
    typer.Option(
        "--used",
        parser=whole,
        help="Credits that were used this month already; decides the band where usage is billed.",
        metavar="N",
        show_default=False,
    ),
]
RatesFile: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--rates",
        help="A file of your own rates, whole or some entries; may be given more than once.",
        metavar="FILE",
        show_default=False,
    ),
]
MaxAge: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-age",
        parser=whole,
        help="End with 5 where the rates were last checked more days before.",
        metavar="DAYS",
        show_default=False,
    ),
]


def chosen_plan(given: str | None) -> Plan | None:
    """Find the plan: as given, else from the environment, else from `mh-preflight.toml`, else none.

    Raises:
        InputError: It is no plan.
        PolicyError: The file is not sound.
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
    """Read the plan of a policy; one that is not sound is refused here as where it is spent by."""
    if not os.path.lexists(path):
        return None
    from mh_preflight.budget import Policy

    return Policy.load(path).plan


def chosen_rates(paths: Iterable[Path] | None) -> RateCard:
    """Give the rates in use: bundled or of an update, with the files of the user's own.

    Raises:
        RateFileError: A file does not load.
    """
    card = _in_use()
    for path in paths or ():
        card = card.with_file(path)
    return card


def _in_use() -> RateCard:
    """Give the update where there is one that is newer; a damaged one is told of."""
    from mh_preflight.rates.installed import update_in_use

    try:
        return update_in_use() or bundled_rates()
    except RateFileError as error:
        print(  # noqa: T201  for people
            f"mh-preflight: the rates of the update cannot be used, and the bundled ones count: "
            f"{one_line(error.message)}",
            file=sys.stderr,
        )
        return bundled_rates()


def rates_line(card: RateCard, day: date, endpoints: Iterable[str] | None = None) -> str:
    """Say which rates count, and how old they are; of a day in the past, that they came after it.

    Args:
        card: The rates.
        day: The day that is priced.
        endpoints: Those that are priced; all by default.
    """
    names = [name for name in endpoints or card.endpoints if name in card.endpoints]
    checked = min((card.endpoints[name].checked for name in names), default=card.plans.checked)
    age = (day - checked).days
    when = f"after {day}" if age < 0 else f"{counted(age, 'day')} before {day}"
    version = card.version if endpoints is None else card.version_for(*names)
    return f"rates {version}, checked {checked}, {when}"


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
