"""What did a person type? The option, or the variable, in the place of an argument's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mh_preflight.errors import (
    InputError,
    JobError,
    OverLimitError,
    PreflightError,
    TokenError,
    UnknownRateError,
)

__all__ = ["message_for_people"]

TOKEN: Final = "MAGIC_HOUR_API_KEY"  # noqa: S105  the name of a variable

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "as_of": "--as-of",
        "base_url": "--base-url",
        "credits": "--credits",
        "id": "--id",
        "max_age_days": "--max-age",
        "max_credits": "--max-credits",
        "max_usd": "--max-usd",
        "project": "--project",
        "run": "--run",
        "state": "--state",
        "token": TOKEN,
        "used_credits": "--used",
        "word": "--word",
    }
)
"""What is typed for the arguments of the library that commands hand on."""

_UNMISTAKABLE: Final = "|".join(name for name in OPTIONS if "_" in name)
_WITHIN: Final = re.compile(rf"(?<![\w./-])({_UNMISTAKABLE})(?![\w./-])")


def message_for_people(error: PreflightError) -> str:
    """Give the message of an error with what a person typed; programs get `field`.

    Args:
        error: The error.

    Example:
        >>> message_for_people(InputError("base_url: must be a URL", field="base_url"))
        '--base-url: must be a URL'
    """
    message = error.message
    if isinstance(error, JobError) or not isinstance(
        error, InputError | OverLimitError | UnknownRateError
    ):
        return message  # a field of the request stays one
    if isinstance(error, TokenError):
        message = message.removeprefix("token: is not given, and ")
    name, colon, rest = message.partition(": ")
    if colon and name == error.field and name in OPTIONS:
        message = f"{OPTIONS[name]}: {rest}"
    return _WITHIN.sub(lambda found: OPTIONS[found[0]], message)
