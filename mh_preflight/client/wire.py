"""What is said to the API, and what does it say? Pure functions: bytes in, answers out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import Any, Literal, NoReturn, ParamSpec, TypeAlias, TypeVar, get_args

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
from mh_preflight.jobs import Job
from mh_preflight.media.origins.far import redacted
from mh_preflight.units import PLANS, Plan, one_line

__all__ = [
    "FINAL",
    "MEDIA",
    "MOST_BODY",
    "REFUSALS",
    "Account",
    "Answer",
    "Call",
    "Created",
    "Download",
    "Medium",
    "Place",
    "Project",
    "Status",
    "account_call",
    "create_call",
    "medium_of",
    "project_call",
    "read_account",
    "read_created",
    "read_json",
    "read_places",
    "read_project",
    "refusal",
    "retry_after",
    "upload_call",
    "upload_refusal",
    "whole_credits",
]

Medium: TypeAlias = Literal["video", "image", "audio"]
Status: TypeAlias = Literal["draft", "queued", "rendering", "complete", "error", "canceled"]

MEDIA: tuple[Medium, ...] = get_args(Medium)
FINAL: frozenset[Status] = frozenset({"complete", "error", "canceled"})

MOST_BODY = 1 << 20
"""Bytes of an answer; the largest real ones have a few thousand."""

MOST_DEPTH = 32
MOST_CREDITS = 10**12
MOST_WAIT = 86_400
MOST_WORDS = 300
MOST_URL = 8192

REFUSALS = frozenset({400, 401, 402, 403, 404, 413, 422, 429})
"""Statuses after which surely nothing was created."""

_FINE = range(200, 300)
_IMAGES = frozenset(
    {
        "ai-clothes-changer",
        "ai-face-editor",
        "ai-gif-generator",
        "ai-headshot-generator",
        "ai-image-editor",
        "ai-image-generator",
        "ai-image-upscaler",
        "ai-meme-generator",
        "ai-qr-code-generator",
        "body-swap",
        "face-swap-photo",
        "head-swap",
        "image-background-remover",
        "photo-colorizer",
    }
)
_AUDIO = frozenset({"ai-music-generator", "ai-voice-cloner", "ai-voice-generator"})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}", re.ASCII)
_STATUSES: Mapping[str, Status] = {name: name for name in get_args(Status)}
_PLANS: Mapping[str, Plan] = {plan: plan for plan in PLANS}
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")


def _quiet(read: Callable[_Given, _Read]) -> Callable[_Given, _Read]:
    """Let an error go without the frames below, whose variables hold URLs that are keys."""

    @wraps(read)
    def quiet(*given: _Given.args, **named: _Given.kwargs) -> _Read:
        try:
            return read(*given, **named)
        except BrokenAnswerError as error:
            fault = error
        raise fault.with_traceback(None)

    return quiet


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API.

    Attributes:
        method: Such as POST.
        path: Below the base URL, from `/v1/` on.
        body: JSON, or None.
    """

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)


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


@dataclass(frozen=True, slots=True)
class Created:
    """A job that the API took.

    Attributes:
        project_id: The API's id of it.
        credits: Credits that were charged; None where the answer does not say in whole credits.
    """

    project_id: str
    credits: int | None


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was made.

    Attributes:
        url: Where it lies for a day; whoever has it can download it, so it is not shown.
        expires_at: Until when, as the API writes it.
    """

    url: str = field(repr=False)
    expires_at: str


@dataclass(frozen=True, slots=True)
class Project:
    """A job at the API.

    Attributes:
        id: The API's id.
        medium: What it makes.
        status: How far it is.
        credits_charged: Credits; an estimate until it has ended.
        name: The name that the request gave it, or None.
        error_code: The API's word for why it failed, or None.
        error_message: The same in a sentence, or None.
        downloads: What was made.
        label: The name as the API gave it, to find the job's entry by; it is not shown.
    """

    id: str
    medium: Medium
    status: Status
    credits_charged: int
    name: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    downloads: tuple[Download, ...] = ()
    label: str | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a token belongs to.

    Attributes:
        id: The API's id of it; empty where it does not say.
        credits: Credits that are left; below 0 where jobs settled at more than there was.
        plan: Its plan, or None where the API names one that is not known here.
    """

    id: str
    credits: int
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file can be uploaded to.

    Attributes:
        url: Where the bytes go; it is a key.
        file_path: What stands in `assets` for them.
    """

    url: Masked
    file_path: str


def medium_of(endpoint: str) -> Medium:
    """Tell what an endpoint makes, which is where its projects are found.

    Example:
        >>> medium_of("lip-sync"), medium_of("ai-gif-generator")
        ('video', 'image')
    """
    if endpoint in _IMAGES:
        return "image"
    return "audio" if endpoint in _AUDIO else "video"


def create_call(job: Job, body: Mapping[str, Any]) -> Call:
    """Ask for a job.

    Args:
        job: The job.
        body: Its body, with what was uploaded in the place of local files.

    Example:
        >>> from mh_preflight import job
        >>> meme = job("ai-meme-generator", style={"template": "Drake", "topic": "tests"})
        >>> create_call(meme, meme.wire_body()).path
        '/v1/ai-meme-generator'
    """
    return Call("POST", f"/v1/{job.endpoint}", _json(body))


def project_call(medium: Medium, project_id: str) -> Call:
    """Ask how far a job is.

    Args:
        medium: What it makes.
        project_id: The API's id.

    Raises:
        BrokenAnswerError: That cannot be an id.
    """
    return Call("GET", f"/v1/{medium}-projects/{_id(project_id)}")


def account_call() -> Call:
    """Ask for balance and plan."""
    return Call("GET", "/v1/account")


def upload_call(items: Sequence[tuple[Medium, str]]) -> Call:
    """Ask for places for files.

    Args:
        items: What each is, and its extension without a dot.
    """
    listed = [{"type": kind, "extension": extension} for kind, extension in items]
    return Call("POST", "/v1/files/upload-urls", _json({"items": listed}))


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


@_quiet
def read_created(answer: Answer) -> Created:
    """Read the answer to a create.

    Args:
        answer: A 2xx.

    Raises:
        BrokenAnswerError: It does not say which job was created.
    """
    given = read_json(answer, lenient=True)
    names = ("credits_charged", "estimated_frame_cost", "frame_cost")
    return Created(_id(given.get("id")), _first_credits(given, names))


@_quiet
def read_project(
    answer: Answer | Mapping[str, Any], medium: Medium, *, scrub: Masked | None = None
) -> Project:
    """Read a project, from an answer or from the payload of a webhook.

    Args:
        answer: What came.
        medium: What it makes.
        scrub: What may not stand in its texts even where the answer repeats it.

    Raises:
        BrokenAnswerError: It is no project.
    """
    given = read_json(answer) if isinstance(answer, Answer) else answer
    status = given.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        raise BrokenAnswerError(f"the API's status {_shown(status)} is not known")
    charged = _first_credits(given, ("credits_charged", "total_frame_cost"))
    if charged is None:
        raise BrokenAnswerError("the API does not say in whole credits what was charged")
    error = given.get("error")
    fault = error if isinstance(error, Mapping) else {}
    return Project(
        id=_id(given.get("id")),
        medium=medium,
        status=_STATUSES[status],
        credits_charged=charged,
        name=_name(given.get("name"), scrub),
        error_code=_line(fault.get("code"), scrub),
        error_message=_line(fault.get("message"), scrub),
        downloads=_downloads(given.get("downloads")),
        label=name if isinstance(name := given.get("name"), str) else None,
    )


@_quiet
def read_account(answer: Answer, *, scrub: Masked | None = None) -> Account:
    """Read balance and plan.

    Args:
        answer: What came.
        scrub: What may not stand in its texts even where the answer repeats it.

    Raises:
        BrokenAnswerError: It is no account.
    """
    given = read_json(answer)
    credits, tier = given.get("credits"), given.get("tier")
    if type(credits) is not int or abs(credits) > MOST_CREDITS:
        raise BrokenAnswerError("the API does not say in whole credits what the balance is")
    plan = _PLANS.get(tier) if isinstance(tier, str) else None
    return Account(_line(given.get("id"), scrub) or "", credits, plan)


@_quiet
def read_places(answer: Answer, count: int) -> tuple[Place, ...]:
    """Read where files can be uploaded to.

    Args:
        answer: What came.
        count: How many were asked for.

    Raises:
        BrokenAnswerError: It is not that.
    """
    items = read_json(answer).get("items")
    if not isinstance(items, list) or len(items) != count:
        raise BrokenAnswerError("the API gave another number of places than were asked for")
    places = []
    for item in items:
        given: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
        url, path = given.get("upload_url"), given.get("file_path")
        if not isinstance(url, str) or not 0 < len(url) <= MOST_URL:
            raise BrokenAnswerError("the API gave no place to upload to")
        if not isinstance(path, str) or not 0 < len(path) <= MOST_URL or not path.isprintable():
            raise BrokenAnswerError("the API gave no path for an upload")
        places.append(Place(Masked(url), path))
    return tuple(places)


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


@_quiet
def read_json(answer: Answer, *, lenient: bool = False) -> dict[str, Any]:
    """Read a JSON object: bounded, without NaN, and with each name once.

    Args:
        answer: What came.
        lenient: Take NaN and infinity as None, so that the rest can be read.

    Raises:
        BrokenAnswerError: It is none.

    Example:
        >>> read_json(Answer(200, body=b'{"id": "c1"}'))
        {'id': 'c1'}
    """
    if answer.fault is not None:
        raise BrokenAnswerError(f"the API's answer {answer.fault}", status=answer.status)
    value = _parsed(answer.body, lenient=lenient)
    if not isinstance(value, dict):
        raise BrokenAnswerError("the API's answer is no JSON object", status=answer.status)
    return value


def _parsed(body: bytes, *, lenient: bool) -> Any:
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


def _first_credits(given: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """Take the first of the names that stands there; the others are deprecated."""
    return next((whole_credits(given[name]) for name in names if name in given), None)


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BrokenAnswerError("the API's answer carries no id of a job")
    return value


def _line(value: object, scrub: Masked | None = None) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # Before it is cut: a part of a token would not be found any more.
    clean = value if scrub is None else scrub.scrub(value)
    return one_line(redacted(clean), MOST_WORDS)


def _name(value: object, scrub: Masked | None) -> str | None:
    """Take the caller's own name of a job as it stands there, by which it is known again."""
    if not isinstance(value, str) or not value:
        return None
    return one_line(value if scrub is None else scrub.scrub(value), MOST_WORDS)


def _shown(value: object) -> str:
    return one_line(repr(value), 60)


def _downloads(given: object) -> tuple[Download, ...]:
    items = given if isinstance(given, list) else []
    return tuple(
        Download(item["url"], _line(item.get("expires_at")) or "")
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get("url"), str)
    )


def _words(answer: Answer, scrub: Masked | None) -> tuple[str, str]:
    """Give message and code of an error, as far as they can be read."""
    try:
        given = _parsed(answer.body, lenient=True)
    except BrokenAnswerError:
        return "", ""
    if not isinstance(given, Mapping):
        return "", ""
    return _line(given.get("message"), scrub) or "", _line(given.get("code"), scrub) or ""


def upload_refusal(answer: Answer) -> UploadError:
    """Give the error of a place that did not take a file; its words may repeat the key."""
    return UploadError(f"the place for the upload answered {answer.status}", status=answer.status)
