"""What does the API say? Projects, accounts and places for files, read from its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, get_args

from mh_preflight.client.bodies import (
    MOST_CREDITS,
    MOST_URL,
    MOST_WORDS,
    Answer,
    checked_id,
    clean_line,
    parsed_json,
    whole_credits,
)
from mh_preflight.client.calls import Medium
from mh_preflight.client.token import Masked
from mh_preflight.errors import BrokenAnswerError
from mh_preflight.units import PLANS, Plan, one_line

__all__ = [
    "FINAL",
    "Account",
    "Created",
    "Download",
    "Place",
    "Project",
    "Status",
    "read_account",
    "read_created",
    "read_json",
    "read_places",
    "read_project",
]

Status: TypeAlias = Literal["draft", "queued", "rendering", "complete", "error", "canceled"]
FINAL: frozenset[Status] = frozenset({"complete", "error", "canceled"})
_STATUSES: Mapping[str, Status] = {name: name for name in get_args(Status)}
_PLANS: Mapping[str, Plan] = {plan: plan for plan in PLANS}

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
    return Created(checked_id(given.get("id")), _first_credits(given, names))


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
        id=checked_id(given.get("id")),
        medium=medium,
        status=_STATUSES[status],
        credits_charged=charged,
        name=_name(given.get("name"), scrub),
        error_code=clean_line(fault.get("code"), scrub),
        error_message=clean_line(fault.get("message"), scrub),
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
    return Account(clean_line(given.get("id"), scrub) or "", credits, plan)


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
    value = parsed_json(answer.body, lenient=lenient)
    if not isinstance(value, dict):
        raise BrokenAnswerError("the API's answer is no JSON object", status=answer.status)
    return value


def _first_credits(given: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """Take the first of the names that stands there; the others are deprecated."""
    return next((whole_credits(given[name]) for name in names if name in given), None)


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
        Download(item["url"], clean_line(item.get("expires_at")) or "")
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get("url"), str)
    )
