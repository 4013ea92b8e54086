"""Why does the API refuse? Its statuses and words as errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mh_preflight.client.bodies import Answer, clean_line, parsed_json
from mh_preflight.client.token import Masked
from mh_preflight.errors import (
    ApiError,
    BrokenAnswerError,
    ForbiddenError,
    InsufficientCreditsError,
    RefusedError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UploadError,
)

__all__ = ["REFUSALS", "refusal", "retry_after", "upload_refusal"]

MOST_WAIT = 86_400
REFUSALS = frozenset({400, 401, 402, 403, 404, 413, 422, 429})
"""Statuses after which surely nothing was created."""


def refusal(answer: Answer, *, scrub: Masked | None = None) -> ApiError:
    """Give the error that a status stands for.

    Args:
        answer: What came, with a status that is no 2xx.
        scrub: What may not stand in the message even where the answer repeats it.

    Example:
        >>> refusal(Answer(402, body=b'{"message": "no credits left"}'))
        InsufficientCreditsError('the API answered 402: no credits left')
    """
    message, code = _words(answer, scrub)
    text = f"the API answered {answer.status}{': ' if message else ''}{message}"
    kinds: Mapping[int, type[ApiError]] = {
        401: UnauthorizedError,
        402: InsufficientCreditsError,
        403: ForbiddenError,
        429: TooManyRequestsError,
    }
    kind = kinds.get(answer.status, RefusedError if answer.status in REFUSALS else ServerError)
    error = kind(text, status=answer.status, api_code=code or None)
    if isinstance(error, TooManyRequestsError):
        error.retry_after = retry_after(answer.headers.get("retry-after"))
    return error


def retry_after(text: str | None, now: datetime | None = None) -> int | None:
    """Read for how long to stay away: whole seconds or a date, at most a day.

    Args:
        text: The header, or None.
        now: The present; the clock's by default.

    Example:
        >>> retry_after("7"), retry_after("1e9"), retry_after("999999999")
        (7, None, 86400)
    """
    if text is None:
        return None
    given = text.strip()
    if re.fullmatch(r"[0-9]{1,18}", given, re.ASCII):
        return min(int(given), MOST_WAIT)
    try:
        moment = parsedate_to_datetime(given[:100])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int((moment - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0, seconds), MOST_WAIT)


def _words(answer: Answer, scrub: Masked | None) -> tuple[str, str]:
    """Give message and code of an error, as far as they can be read."""
    try:
        given = parsed_json(answer.body, lenient=True)
    except BrokenAnswerError:
        return "", ""
    if not isinstance(given, Mapping):
        return "", ""
    return clean_line(given.get("message"), scrub) or "", clean_line(given.get("code"), scrub) or ""


def upload_refusal(answer: Answer) -> UploadError:
    """Give the error of a place that did not take a file; its words may repeat the key."""
    return UploadError(f"the place for the upload answered {answer.status}", status=answer.status)
