"""The words that every room shares: whole microseconds, exact frame rates, plan names.

A time is a whole number of microseconds, rounded from the decimal text that prints it. A float
counts as that decimal: 11.9 is 119/10, and not the binary fraction beside it. A frame rate is a
fraction.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from numbers import Rational
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from mh_preflight.errors import InputError

__all__ = [
    "MAX_SECONDS",
    "MICROSECOND",
    "PLANS",
    "Number",
    "Plan",
    "age_in_days",
    "ceil_div",
    "counted",
    "exact",
    "frame_rate",
    "meant",
    "microseconds",
    "nearest",
    "number_in",
    "one",
    "one_line",
    "plain_reason",
    "positive",
    "rate_text",
    "seconds",
    "time_text",
    "valid_text",
]

Number: TypeAlias = int | float | Decimal | Fraction | str
Plan: TypeAlias = Literal["free", "creator", "pro", "business"]

PLANS: tuple[Plan, ...] = get_args(Plan)

MICROSECOND = 1_000_000

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)

MAX_SHOWN_BITS = 200

MOST_LETTERS = 400
"""Letters of one line that a message may have."""

MOST_DIGITS = 80
"""The longest number that is read from text, and the furthest its point may lie."""

MAX_SECONDS = 1_000_000_000
"""The longest time that is counted with (31 years), so that microseconds stay whole in a float."""

MAX_FRAME_RATE = 1_000_000
"""The highest frame rate that is counted with: a frame a microsecond."""


def exact(value: Number, *, field: str | None = None) -> Fraction:
    """Take a number as the decimal that prints it.

    Args:
        value: A whole number, float, `Decimal`, `Fraction`, or text such as `"30000/1001"`.
        field: The name that an error should carry.

    Raises:
        InputError: It is no number, or not a finite one.

    Example:
        >>> exact(11.9)
        Fraction(119, 10)
    """
    try:
        return _exact(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, InvalidOperation):
        raise InputError(f"{_named(field)}{_shown(value)} is not a number", field=field) from None


def _exact(value: object) -> Fraction:
    if isinstance(value, bool):
        raise TypeError  # a yes or no is not a number, although Python can add it
    if isinstance(value, Rational):  # numpy's whole numbers too, which would wrap later
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, float):
        return Fraction(repr(float(value)))
    if isinstance(value, str) and "/" in value and len(value) <= MOST_DIGITS:
        return Fraction(value)
    if not isinstance(value, Decimal | str) or (
        isinstance(value, str) and len(value) > MOST_DIGITS
    ):
        raise TypeError
    decimal = Decimal(value)
    if abs(decimal.adjusted()) > MOST_DIGITS:  # 1e1000000000 is short to write and endless to count
        raise OverflowError
    return Fraction(decimal)


def microseconds(value: Number, *, field: str | None = None) -> int:
    """Round a time in seconds to whole microseconds.

    Args:
        value: Seconds, from 0 to 1,000,000,000.
        field: The name that an error should carry.

    Raises:
        InputError: It is no number, negative, infinite, NaN or too large.

    Example:
        >>> microseconds(3.920042)
        3920042
    """
    if type(value) is int and 0 <= value <= MAX_SECONDS:
        return value * MICROSECOND
    if isinstance(value, float) and 0 <= value <= MAX_SECONDS:
        scaled = value * MICROSECOND
        whole = round(scaled)
        # Up to 10^9 s the product is off the decimal by less than 1/8: away from a half, it rounds
        # to the same number.
        if abs(scaled - whole) < 0.35:  # noqa: PLR2004  1/2 - 1/8, with room
            return int(whole)
    given = exact(value, field=field)
    if given < 0:
        raise InputError(f"{_named(field)}{_shown(value)} is below 0", field=field)
    if given > MAX_SECONDS:
        raise InputError(
            f"{_named(field)}{_shown(value)} is more than {MAX_SECONDS:,} seconds", field=field
        )
    return round(given * MICROSECOND)


def frame_rate(value: Number, *, field: str | None = None) -> Fraction:
    """Take frames a second as an exact fraction.

    Args:
        value: Above 0 and at most 1,000,000 frames a second; text may be a fraction.
        field: The name that an error should carry.

    Raises:
        InputError: It is no number, not above 0, infinite, NaN or too large.

    Example:
        >>> frame_rate("30000/1001")
        Fraction(30000, 1001)
    """
    rate = exact(value, field=field)
    if rate <= 0:
        raise InputError(f"{_named(field)}a frame rate must be above 0", field=field)
    if rate > MAX_FRAME_RATE:
        raise InputError(
            f"{_named(field)}{_shown(value)} is more than {MAX_FRAME_RATE:,} frames a second",
            field=field,
        )
    return rate


def seconds(whole_microseconds: int) -> float:
    """Give whole microseconds as seconds, in the float that prints them exactly.

    Example:
        >>> seconds(3_920_042)
        3.920042
    """
    return whole_microseconds / MICROSECOND


def positive(value: object, *, field: str) -> int:
    """Take a whole number above 0.

    Args:
        value: What may be one.
        field: The name that an error should carry.

    Raises:
        InputError: It is none.

    Example:
        >>> positive(3, field="workers")
        3
    """
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InputError(f"{field}: must be a whole number above 0", field=field)
    return value


def number_in(text: str) -> int | float | None:
    """Read a number as it is written: whole where it is written so, else a float; None if none.

    Example:
        >>> number_in("15"), number_in("11.9"), number_in("soon")
        (15, 11.9, None)
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def rate_text(rate: Fraction) -> str:
    """Write a frame rate exactly, as a whole number or a fraction.

    Example:
        >>> rate_text(Fraction(30000, 1001)), rate_text(Fraction(24))
        ('30000/1001', '24')
    """
    return str(rate)


def counted(number: int, word: str) -> str:
    """Write a number of things.

    Example:
        >>> counted(1, "image"), counted(1_200, "character")
        ('1 image', '1,200 characters')
    """
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def one(word: str) -> str:
    """Write a word with its article.

    Example:
        >>> one("image"), one("frame")
        ('an image', 'a frame')
    """
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def time_text(time: int) -> str:
    """Write a time in seconds, exactly and without an exponent.

    Args:
        time: Whole microseconds.

    Example:
        >>> time_text(3_920_042), time_text(15_000_000)
        ('3.920042', '15')
    """
    whole, part = divmod(time, MICROSECOND)
    return f"{whole}.{part:06d}".rstrip("0").removesuffix(".")


def valid_text(text: str) -> str:
    r"""Give text that can be written as UTF-8; a file name may hold bytes that are no text.

    Example:
        >>> valid_text("bad\udcff.mp4")
        'bad\\udcff.mp4'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str, most: int = MOST_LETTERS) -> str:
    r"""Show text with control characters escaped, and cut to a length.

    Args:
        text: Anything; it may come from a stranger's file.
        most: Letters that are shown.

    Example:
        >>> one_line("two\nlines")
        'two\\nlines'
    """
    shown = text
    if not text.isprintable():
        shown = "".join(
            letter
            if letter.isprintable()
            else letter.encode("unicode_escape", "backslashreplace").decode()
            for letter in text
        )
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def meant(endpoint: str, known: Iterable[str]) -> str:
    """Say which endpoint is nearest to one that is not known, and where all of them are listed.

    Args:
        endpoint: What was asked for.
        known: What there is.

    Example:
        >>> meant("lipsync", ["lip-sync", "face-swap"])
        'did you mean lip-sync? `mh-preflight rates` lists all'
        >>> meant("nothing", ["lip-sync", "face-swap"])
        '`mh-preflight rates` lists all'
    """
    near = nearest(endpoint.lower().replace("_", "-"), known)
    asked = f"did you mean {near}? " if near else ""
    return f"{asked}`mh-preflight rates` lists all"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the word that was probably meant; None where none is near.

    Args:
        word: What was written.
        known: What there is.

    Example:
        >>> nearest("end_secnds", ["end_seconds", "style"])
        'end_seconds'
    """
    return _nearest(word[:MOST_DIGITS], tuple(known))


@lru_cache(maxsize=128)  # a table may have the same word in a million rows
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1)), None)


_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is required",
        "string_type": "must be text",
        "string_too_long": "must have at most {max_length} letters",
        "string_pattern_mismatch": "has letters that are not taken",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "float_parsing": "must be a number",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "greater_than": "must be above {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be below {lt}",
        "less_than_equal": "must be at most {le}",
        "literal_error": "must be {expected}",
        "tuple_type": "must be a list",
        "list_type": "must be a list",
        "too_short": "has {actual_length} and needs at least {min_length}",
        "too_long": "has {actual_length} and may have at most {max_length}",
        "dict_type": "must have named fields",
        "mapping_type": "must have named fields",
        "model_type": "must have named fields",
        "model_attributes_type": "must have named fields",
    }
)

_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "^[a-z0-9]+$": "must be small letters and digits, such as 720p",
        "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "must be a word of letters, digits, points and hyphens",
        "^[a-z0-9][a-z0-9_.-]*$": "must be a word of small letters, digits, points and hyphens",
        r"^https://\S+$": "must be an address that begins with https://",
    }
)


def plain_reason(detail: Mapping[str, Any]) -> str:
    """Say in plain words what pydantic found wrong.

    Args:
        detail: One of the errors of its `ValidationError`.

    Example:
        >>> plain_reason({"type": "int_type", "msg": "Input should be a valid integer"})
        'must be a whole number'
    """
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if kind == "string_pattern_mismatch" and context.get("pattern") in _FORMS:
        return _FORMS[context["pattern"]]
    if kind == "string_too_short":
        least = context.get("min_length", 1)
        return "must not be empty" if least == 1 else f"must have at least {least} letters"
    if kind.startswith("date_"):
        return "must be a day such as 2026-11-01"
    if kind in _REASONS:
        return _REASONS[kind].format_map(context)
    return str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def age_in_days(value: object) -> int | None:
    """Check how old rates may be.

    Args:
        value: Days, from 0 on; None for any age.

    Raises:
        InputError: It is no whole number, or negative.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError("max_age_days: must be a whole number, not below 0", field="max_age_days")
    return value


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide whole numbers and round up, exactly.

    Example:
        >>> ceil_div(7, 2)
        4
    """
    return -(-dividend // divisor)


def _named(field: str | None) -> str:
    return f"{field}: " if field else ""


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number (NaN)" if math.isnan(value) else "infinity"
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN_BITS:
        return "a number of more than 60 digits"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004  a line stays a line
