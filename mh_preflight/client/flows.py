"""What is done in which order, without doing it: generators that ask for requests and pauses.

A flow yields a `Step` and is sent what came of it, so that one flow serves threads and event loops.
What it does itself (reading files, writing the ledger) takes a moment: in an event loop each piece
of it runs in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from mh_preflight.budget import Policy
from mh_preflight.client.answers import Account, Place, read_account, read_places
from mh_preflight.client.bodies import Answer
from mh_preflight.client.book import Book
from mh_preflight.client.calls import Call, account_call, upload_call
from mh_preflight.client.network import Deadline, Marker
from mh_preflight.client.refusals import refusal, upload_refusal
from mh_preflight.client.token import Masked, Token
from mh_preflight.client.transport import Failure
from mh_preflight.client.uploads import LocalCopy, Uploads
from mh_preflight.errors import ApiError, DeadlineError, NotSentError, UploadError
from mh_preflight.units import Plan

__all__ = [
    "Ask",
    "Flow",
    "Progress",
    "Put",
    "Sleep",
    "Step",
    "Tell",
    "Terms",
    "account_flow",
    "ask",
    "upload_flow",
]

TRIES = 3
"""How often something is asked that may be asked twice."""

PAUSE = 0.5
"""Seconds before the second try; twice as many before the third."""

LOOK_AGAIN = 0.1  # seconds, while another thread or process uploads the same file
SLOWEST = 64 << 10  # bytes a second, of an upload
_SERVER = 500
_LATER = 429


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is.

    Attributes:
        stage: `upload`, or `wait`.
        name: The file, or the API's id of the job.
        done: Bytes that were sent, or seconds that were waited.
        total: Bytes in all; None where there is no end to tell.
        status: What the API says of the job, while it is waited for.
    """

    stage: Literal["upload", "wait"]
    name: str
    done: float
    total: float | None
    status: str | None = None


Tell: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the API; what comes of it is an `Answer` or a `Failure`."""

    call: Call
    deadline: Deadline
    marker: Marker


@dataclass(frozen=True, slots=True)
class Put:
    """An upload; what comes of it is an `Answer` or a `Failure`."""

    place: Place
    file: LocalCopy
    deadline: Deadline
    tell: Tell | None


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pause."""

    seconds: float


Step: TypeAlias = Ask | Put | Sleep
Result = TypeVar("Result")
Flow: TypeAlias = Generator[Step, Any, Result]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all flows of a client share.

    Attributes:
        token: The token, to keep it out of messages.
        book: Where it is written what was sent.
        uploads: Which files were uploaded.
        account: What tells one account at one API from another.
        timeout: Seconds for one request and its whole answer.
        plan: The plan, or None to ask the API for it.
        policy: What the user allows.
        check_balance: Ask for the balance before a job is sent.
        label: Give a job that has no name the id of its entry as its name.
    """

    token: Token
    book: Book
    uploads: Uploads
    account: str
    timeout: float
    plan: Plan | None = None
    policy: Policy = field(default_factory=Policy)
    check_balance: bool = True
    label: bool = True


def ask(terms: Terms, call: Call, deadline: Deadline) -> Flow[Answer]:
    """Ask for what may be asked twice, and try again where that may help.

    Args:
        terms: The client's.
        call: What is asked.
        deadline: By when.

    Raises:
        ApiError: There is no answer, or it is no 2xx.
    """
    pause = PAUSE
    for left in reversed(range(TRIES)):
        result: Answer | Failure = yield Ask(call, deadline.at_most(terms.timeout), Marker())
        if isinstance(result, Answer) and result.fine:
            return result
        error = _failed(result, terms.token)
        wait = _pause(result, error, pause)
        if not left or wait is None or wait >= deadline.left:
            break
        yield Sleep(wait)
        pause *= 2
    raise error


def _failed(result: Answer | Failure, token: Masked) -> ApiError:
    if isinstance(result, Answer):
        return refusal(result, scrub=token)
    if result.late:
        return DeadlineError(f"the API did not answer in full in time: {result.reason}")
    if not result.left:
        return NotSentError(f"the API cannot be reached: {result.reason}")
    return ApiError(f"the API did not answer: {result.reason}", code="network")


def _pause(result: Answer | Failure, error: ApiError, usual: float) -> float | None:
    """Give the seconds after which it may be tried again; None where that is of no use."""
    if isinstance(result, Failure):
        return usual
    if result.status == _LATER:
        return max(usual, getattr(error, "retry_after", None) or 0)
    return usual if result.status >= _SERVER else None


def account_flow(terms: Terms, deadline: Deadline) -> Flow[Account]:
    """Ask for balance and plan.

    Args:
        terms: The client's.
        deadline: By when.
    """
    return read_account((yield from ask(terms, account_call(), deadline)), scrub=terms.token)


def upload_flow(terms: Terms, file: LocalCopy, deadline: Deadline, tell: Tell | None) -> Flow[str]:
    """Upload a file, unless that was done in the last seven days; give the API's path for it.

    Args:
        terms: The client's.
        file: The file.
        deadline: By when.
        tell: Is told how far it is.

    Raises:
        ApiError: It did not arrive.
        MediaError: It was changed meanwhile.
    """
    content = f"{terms.account}:{file.content}"
    while True:
        if known := terms.uploads.find(content, deadline.left):
            return known
        within = deadline.at_most(terms.timeout + file.size / SLOWEST)
        if terms.uploads.claim(content, within.left + terms.timeout, deadline.left):
            break
        if deadline.over:
            raise DeadlineError("somebody else is uploading the same file", source=file.path)
        yield Sleep(LOOK_AGAIN)
    path = None
    try:
        call = upload_call([(file.kind, file.extension)])
        (place,) = read_places((yield from ask(terms, call, deadline)), 1)
        yield from _put(place, file, within, tell)
        path = place.file_path
    finally:
        terms.uploads.keep(content, path)
    return path


def _put(place: Place, file: LocalCopy, deadline: Deadline, tell: Tell | None) -> Flow[None]:
    pause = PAUSE
    for left in reversed(range(TRIES)):
        result: Answer | Failure = yield Put(place, file, deadline, tell)
        if isinstance(result, Answer) and result.fine:
            return
        if isinstance(result, Answer):
            error: ApiError = upload_refusal(result)
            again = result.status >= _SERVER
        else:
            late = DeadlineError if result.late else UploadError
            error = late(f"{file.path!r} was not uploaded: {result.reason}", source=file.path)
            again = not result.late
        if not left or not again or pause >= deadline.left:
            break
        yield Sleep(pause)
        pause *= 2
    raise error
