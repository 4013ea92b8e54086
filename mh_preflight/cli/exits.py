"""How does a command end? Exit codes, and errors as one line for people or JSON for programs.

0 fine · 1 unexpected, or stopped with nothing sent · 2 wrong usage, or a job that is wrong in
itself · 3 an error finding, or media that cannot be read, or an API that refused, or a server that
cannot be reached · 4 over a limit, budget or policy that the user set · 5 no known rate · 6 sent,
and its outcome is not known. Where several apply: 5 before 3 before 4.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mh_preflight.errors import (
    FindingsError,
    MediaError,
    MissingExtraError,
    OverLimitError,
    PreflightError,
    RateFileError,
    UnknownRateError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "FINDING",
    "FINE",
    "OVER_LIMIT",
    "STOPPED",
    "UNCERTAIN",
    "UNEXPECTED",
    "UNKNOWN_RATE",
    "USAGE",
    "exit_code",
    "fail_without_typer",
    "print_error",
]

FINE, UNEXPECTED, USAGE, FINDING, OVER_LIMIT, UNKNOWN_RATE, UNCERTAIN = range(7)

STOPPED = "stopped"
"""The code of the error where a person stopped it."""

_CODES: tuple[tuple[type[PreflightError], int], ...] = (
    (UnknownRateError, UNKNOWN_RATE),
    (MediaError, FINDING),
    (FindingsError, FINDING),
    (OverLimitError, OVER_LIMIT),
)


def exit_code(error: PreflightError) -> int:
    """Give the exit code of an error; 2 for a wrong value, job or rate file."""
    if error.code == STOPPED:
        return UNEXPECTED
    if isinstance(error, RateFileError) and error.code == "unreachable":
        return FINDING  # nothing is known to be wrong with the file
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    return _spending_code(error) if code is None else code


def _spending_code(error: PreflightError) -> int:
    """Give the exit code of an error of budgets, policies and the API; 2 for any other."""
    from mh_preflight.budget import BudgetError
    from mh_preflight.errors import ApiError, UncertainError

    if isinstance(error, BudgetError) or error.code in {"denied", "not-confirmed"}:
        return OVER_LIMIT
    if isinstance(error, UncertainError):
        return UNCERTAIN
    return FINDING if isinstance(error, ApiError) else USAGE


def print_error(error: PreflightError, *, as_json: bool) -> int:
    """Print an error, on stdout for programs or stderr for people, and give its exit code."""
    from mh_preflight.render.wire import error_body

    if as_json:
        print(error_body(error).model_dump_json())  # noqa: T201  the answer
    else:
        from mh_preflight.cli.naming import message_for_people
        from mh_preflight.units import one_line

        print(f"mh-preflight: {one_line(message_for_people(error))}", file=sys.stderr)  # noqa: T201
    return exit_code(error)


def fail_without_typer(missing: str, arguments: Sequence[str]) -> int:
    """Say how to install what the command line needs."""
    error = MissingExtraError(
        f"the command line needs {missing}, which is not installed: pip install 'mh-preflight[cli]'"
    )
    return print_error(error, as_json="--json" in arguments)
