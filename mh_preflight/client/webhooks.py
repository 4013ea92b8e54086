"""Is it really the API that says so? What is posted to a webhook, checked before it is believed."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mh_preflight.client.answers import Project, read_json, read_project
from mh_preflight.client.bodies import Answer
from mh_preflight.client.calls import MEDIA, Medium
from mh_preflight.client.token import Masked
from mh_preflight.errors import BrokenAnswerError, WebhookError

__all__ = ["SIGNATURE", "TIMESTAMP", "TOLERANCE_SECONDS", "Event", "event_of", "verify_webhook"]

SIGNATURE = "magic-hour-event-signature"
TIMESTAMP = "magic-hour-event-timestamp"

TOLERANCE_SECONDS = 300

Happening: TypeAlias = Literal["started", "completed", "errored"]

_HAPPENINGS: Mapping[str, Happening] = {
    "started": "started",
    "completed": "completed",
    "errored": "errored",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells.

    Attributes:
        happening: `started`, `completed` or `errored`.
        project: The job, as it was then.
    """

    happening: Happening
    project: Project


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """Make sure that a webhook was signed by the API a short time ago, and read it.

    Args:
        body: The raw bytes, as they came: what a framework parsed and wrote again is signed by
            nobody.
        headers: The request's; their names in capitals or small letters.
        secret: The webhook's; several while they are changed.
        tolerance: Seconds that its time may differ from this machine's.
        now: Seconds since 1970; the clock's by default.

    Raises:
        WebhookError: It is not from the API, too old, or says what it cannot.

    Example:
        >>> verify_webhook(b"{}", {}, "secret")
        Traceback (most recent call last):
        ...
        mh_preflight.errors.WebhookError: the webhook carries no signature or no time
    """
    keys = [Masked(each) for each in ([secret] if isinstance(secret, str) else secret)]
    del secret  # what shows the variables of this frame shall not show it
    if not isinstance(body, bytes | bytearray):
        raise WebhookError("body: must be the raw bytes of the request", field="body")
    if not keys or not all(each.reveal() for each in keys):
        raise WebhookError("secret: must not be empty", field="secret")
    known = {str(name).lower(): value for name, value in headers.items()}
    signature, stamp = known.get(SIGNATURE), known.get(TIMESTAMP)
    if not signature or not stamp:
        raise WebhookError("the webhook carries no signature or no time")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004
        raise WebhookError("the webhook's time is no number of seconds")
    signed = stamp.encode() + b"." + bytes(body)
    given = signature.strip().encode("utf-8", "replace")
    matches = [
        hmac.compare_digest(
            hmac.new(each.reveal().encode(), signed, hashlib.sha256).hexdigest().encode(), given
        )
        for each in keys
    ]
    if not any(matches):
        raise WebhookError("the webhook was not signed with this secret")
    moment = time.time() if now is None else now
    if abs(moment - int(stamp)) > tolerance:
        raise WebhookError("the webhook is too old, or this machine's clock is wrong", code="stale")
    try:
        return event_of(read_json(Answer(200, body=bytes(body))))
    except BrokenAnswerError as error:
        fault = error.message
    raise WebhookError(f"the webhook cannot be read: {fault}")


def event_of(payload: Mapping[str, Any]) -> Event:
    """Read what a webhook tells; of one that was verified before.

    Args:
        payload: The JSON object: `{"type": "video.completed", "payload": {...}}`.

    Raises:
        WebhookError: It is none.

    Example:
        >>> told = {"id": "c1", "status": "complete", "credits_charged": 360}
        >>> event_of({"type": "video.completed", "payload": told}).project.credits_charged
        360
    """
    kind, told = payload.get("type"), payload.get("payload")
    medium, _, happening = str(kind).partition(".")
    known = next((each for each in MEDIA if each == medium), None)
    if known is None or happening not in _HAPPENINGS or not isinstance(told, Mapping):
        raise WebhookError("the webhook tells nothing of a job: its type is not known")
    return Event(_HAPPENINGS[happening], _project(told, known))


def _project(told: Mapping[str, Any], medium: Medium) -> Project:
    try:
        return read_project(told, medium)
    except BrokenAnswerError as error:
        fault = error.message
    raise WebhookError(f"the webhook's job cannot be read: {fault}")
