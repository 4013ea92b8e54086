"""What became of it? Ask how far a job is, wait for its end, and book what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mh_preflight.budget import ConflictError, Entry, State, StateError
from mh_preflight.budget.latest import LONGEST_NAME, latest
from mh_preflight.client.answers import Project, read_project
from mh_preflight.client.calls import MEDIA, Medium, medium_of, project_call
from mh_preflight.client.flows import Flow, Progress, Sleep, Tell, Terms, ask
from mh_preflight.client.network import Deadline
from mh_preflight.client.sending import Submission, label_of
from mh_preflight.errors import (
    ApiError,
    BrokenAnswerError,
    DeadlineError,
    InputError,
    NotSentError,
    RefusedError,
    TooManyRequestsError,
)
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.client.webhooks import Event

__all__ = [
    "Did",
    "Outcome",
    "book_event",
    "book_project",
    "find_job",
    "settle_flow",
    "status_flow",
    "wait_flow",
]

NOT_FOUND = 404

IMAGE_PAUSE = 2.5
VIDEO_PAUSE, VIDEO_GROWTH, VIDEO_MOST = 3.0, 1.5, 30.0
"""Seconds between two looks, as the API advises."""

Did = Literal[
    "settled",
    "settled-before",
    "found",
    "running",
    "reserved",
    "expired",
    "being-sent",
    "unknown",
    "not-found",
    "failed",
    "not-ours",
]
"""What was done about an entry."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done about a job.

    Attributes:
        did: `settled`: its charge was booked; `settled-before`: it had been; `found`: its id of the
            API is known now; `running`: it has not ended; `reserved`: it was never sent;
            `expired`: it was never sent, and its hold was given back; `being-sent`: a caller may be
            about it; `unknown`: nobody knows whether it was created, and a person has to look;
            `not-found`: the API does not know it, and it keeps its credits; `failed`: it could not
            be found out; `not-ours`: nothing is written of such a job.
        entry: What is written of it; None where nothing is.
        project: What the API said of it, or None.
        reason: More in words, or None.
    """

    did: Did
    entry: Entry | None
    project: Project | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    project_id: str
    media: tuple[Medium, ...]
    entry: Entry | None


def find_job(terms: Terms, given: Submission | str) -> _Known:
    """Find a job by a submission, the caller's id or the API's.

    Args:
        terms: The client's.
        given: One of them.

    Raises:
        StateError: It is not known to have been created.
    """
    if isinstance(given, Submission):
        entry = terms.book.get(given.entry.id)
        return _Known(given.id, (medium_of(given.endpoint),), entry)
    if not given or not isinstance(given, str):
        raise InputError("job: must be a submission or an id", field="job")
    entry = latest(terms.book, given) or next(terms.book.entries(project_id=given), None)
    if entry is None:
        return _Known(given, MEDIA, None)
    if entry.project_id is None:
        raise StateError(
            f"entry {one_line(entry.id)!r} is {entry.state}: the API's id of it is not known",
            entry=entry,
        )
    endpoint = entry.scope.endpoint
    return _Known(entry.project_id, MEDIA if endpoint is None else (medium_of(endpoint),), entry)


def status_flow(terms: Terms, given: Submission | str, deadline: Deadline) -> Flow[Project]:
    """Ask how far a job is.

    Args:
        terms: The client's.
        given: A submission, the caller's id or the API's.
        deadline: By when.
    """
    return (yield from _asked(terms, find_job(terms, given), deadline))


def _asked(terms: Terms, known: _Known, deadline: Deadline) -> Flow[Project]:
    for place, medium in enumerate(known.media, start=1):
        try:
            call = project_call(medium, known.project_id)
        except BrokenAnswerError:
            raise InputError("job: that cannot be an id", field="job") from None
        try:
            answer = yield from ask(terms, call, deadline)
        except RefusedError as error:
            if error.status == NOT_FOUND and place < len(known.media):
                continue
            error.project_id = known.project_id
            raise
        project = read_project(answer, medium, scrub=terms.token)
        if project.id != known.project_id:
            raise BrokenAnswerError("the API answered about another job than was asked for")
        return project
    raise InputError("job: it has no kind", field="job")


def settle_flow(terms: Terms, given: Submission | str, deadline: Deadline) -> Flow[Outcome]:
    """Ask how far a job is, and book what it cost if it has ended.

    Args:
        terms: The client's.
        given: A submission, the caller's id or the API's.
        deadline: By when.
    """
    known = find_job(terms, given)
    project = yield from _asked(terms, known, deadline)
    return book_project(terms, known.entry, project)


def wait_flow(
    terms: Terms,
    given: Submission | str,
    deadline: Deadline,
    tell: Tell | None = None,
    pause: float | None = None,
) -> Flow[Project]:
    """Wait until a job has ended, and book what it cost.

    Args:
        terms: The client's.
        given: A submission, the caller's id or the API's.
        deadline: By when.
        tell: Is told how far it is.
        pause: Seconds between two looks; None for what the API advises.

    Raises:
        DeadlineError: It has not ended; its entry stays as it is.
    """
    known = find_job(terms, given)
    seconds, state, fault = VIDEO_PAUSE, "is not known", ""
    while True:
        try:
            project = yield from _asked(terms, known, deadline)
        except (TooManyRequestsError, NotSentError) as error:
            fault = f": {error.message}"
        except RefusedError:
            raise
        except ApiError as error:  # the API may come back while the job runs
            fault = f": {error.message}"
        else:
            state, fault = f"is {project.status}", ""
            known = _Known(known.project_id, (project.medium,), known.entry)
            if tell is not None:
                waited = deadline.seconds - deadline.left
                tell(Progress("wait", project.id, waited, None, project.status))
            if project.ended:
                book_project(terms, known.entry, project)
                return project
        still = known.media == ("image",) and pause is None
        wait = IMAGE_PAUSE if still else seconds if pause is None else pause
        seconds = min(seconds * VIDEO_GROWTH, VIDEO_MOST)
        if deadline.left > 0:
            yield Sleep(min(wait, deadline.left))
        if deadline.left <= 0:
            break
    raise DeadlineError(
        f"{known.project_id} {state} after {deadline.seconds:g} s{fault}",
        id=None if known.entry is None else known.entry.id,
        project_id=known.project_id,
    )


def book_project(terms: Terms, entry: Entry | None, project: Project) -> Outcome:
    """Book what a job cost, once.

    Args:
        terms: The client's.
        entry: Its entry, or None.
        project: What the API says of it.
    """
    if entry is None:
        return Outcome("not-ours", None, project)
    if not project.ended:
        return Outcome("running", entry, project)
    before = entry.state is State.SETTLED
    try:
        entry = terms.book.settle(entry.id, project.credits_charged)
    except ConflictError as error:  # what is settled stays
        held = error.entry or entry
        return Outcome("settled-before", held, project, error.message)
    except StateError as error:
        return Outcome("failed", error.entry or entry, project, error.message)
    return Outcome("settled-before" if before else "settled", entry, project)


def book_event(terms: Terms, event: Event) -> Outcome:
    """Book what a webhook tells, once, however often and in whatever order it comes.

    A job whose answer was lost is found again by its name, which carries the id of its entry.

    Args:
        terms: The client's.
        event: What was verified.
    """
    project = event.project
    entry = next(terms.book.entries(project_id=project.id), None)
    found = False
    if entry is None:
        entry = _by_name(terms, project)
        if entry is None:
            return Outcome("not-ours", None, project)
        try:
            entry = terms.book.submitted(entry.id, project.id)
        except (ConflictError, StateError) as error:
            return Outcome("failed", entry, project, error.message)
        found = True
    outcome = book_project(terms, entry, project)
    if found and outcome.did == "running":
        return Outcome("found", entry, project)
    return outcome


def _by_name(terms: Terms, project: Project) -> Entry | None:
    """Find the entry whose label a job carries, among those of which no id of the API is known."""
    name, tilde, _ = (project.label or "").rpartition(" ~")
    if not tilde or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        return None
    entry = terms.book.get(name)
    if (
        entry is None
        or label_of(entry) != project.label
        or entry.state not in {State.UNKNOWN, State.SUBMITTING}
        or (entry.scope.endpoint and medium_of(entry.scope.endpoint) != project.medium)
    ):
        return None
    return entry
