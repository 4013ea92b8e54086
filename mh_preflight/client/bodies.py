"""What is in an answer? The JSON of a stranger: bounded, exact, and safe to show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from mh_preflight.client.token import Masked
from mh_preflight.errors import BrokenAnswerError
from mh_preflight.media.origins.far import redacted
from mh_preflight.units import one_line

__all__ = [
    "MOST_BODY",
    "MOST_CREDITS",
    "MOST_URL",
    "MOST_WORDS",
    "Answer",
    "checked_id",
    "clean_line",
    "parsed_json",
    "whole_credits",
]

MOST_BODY = 1 << 20
"""Bytes of an answer; the largest real ones have a few thousand."""
MOST_DEPTH = 32
MOST_CREDITS = 10**12
MOST_WORDS = 300
MOST_URL = 8192
_FINE = range(200, 300)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}", re.ASCII)
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: By name in small letters.
        body: The bytes.
        fault: Why the body did not come whole, or could not be taken; None where it did.
        late: Whether the time was up.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    fault: str | None = None
    late: bool = False

    @property
    def fine(self) -> bool:
        """Whether it is a 2xx."""
        return self.status in _FINE


def parsed_json(body: bytes, *, lenient: bool) -> Any:
    """Read the JSON of a body.

    Args:
        body: The bytes.
        lenient: Whether NaN and infinities are read, as nothing.

    Raises:
        BrokenAnswerError: It is none, or too large or too deep.
    """
    if len(body) > MOST_BODY or _depth(body) > MOST_DEPTH:
        raise BrokenAnswerError("the API's answer is too large or too deep")
    try:
        return json.loads(
            body,
            parse_constant=_nothing if lenient else _refuse,
            parse_float=Decimal,
            object_pairs_hook=_once,
        )
    except (ValueError, ArithmeticError, RecursionError):
        fault = "the API's answer is no JSON, or has a number in it that is none"
    raise BrokenAnswerError(fault)


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for found in _BRACKETS.finditer(body):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_DEPTH:
                break
        elif mark in b"]}":
            depth -= 1
    return deepest


def _nothing(_: str) -> None:
    return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def whole_credits(value: object) -> int | None:
    """Take a whole number of credits; None where it is none.

    Example:
        >>> whole_credits(450), whole_credits(Decimal("450.0")), whole_credits(4.5)
        (450, 450, None)
    """
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 15 or value != int(value):  # noqa: PLR2004
            return None
        value = int(value)
    if type(value) is not int or not 0 <= value <= MOST_CREDITS:
        return None
    return value


def checked_id(value: object) -> str:
    """Take the API's id of a job.

    Raises:
        BrokenAnswerError: It is none.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BrokenAnswerError("the API's answer carries no id of a job")
    return value


def clean_line(value: object, scrub: Masked | None = None) -> str | None:
    """Take a line of text that may be shown: no keys in it; None where there is none.

    Args:
        value: What may be one.
        scrub: What may not stand in it.
    """
    if not isinstance(value, str) or not value:
        return None
    # Before it is cut: a part of a token would not be found any more.
    clean = value if scrub is None else scrub.scrub(value)
    return one_line(redacted(clean), MOST_WORDS)
