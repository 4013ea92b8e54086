"""How is a job created at most once? One request, and what its answer means for the books.

What is definite and what is not: a request of which no byte left, or that the API refused, is
released. Everything else may have created the job: its entry becomes `unknown`, keeps its credits,
and is never sent again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from mh_preflight.budget import Entry, State, StateError
from mh_preflight.client.answers import Created, read_created
from mh_preflight.client.bodies import Answer
from mh_preflight.client.calls import create_call
from mh_preflight.client.flows import PAUSE, TRIES, Ask, Flow, Sleep, Terms, account_flow
from mh_preflight.client.network import Deadline, Marker
from mh_preflight.client.refusals import REFUSALS, refusal
from mh_preflight.client.transport import Failure
from mh_preflight.errors import (
    ApiError,
    BrokenAnswerError,
    InsufficientCreditsError,
    NotSentError,
    PreflightError,
    TooManyRequestsError,
    UncertainAnswerError,
    UncertainDeadlineError,
    UncertainError,
    UncertainServerError,
)
from mh_preflight.jobs import Job
from mh_preflight.units import one_line

__all__ = ["create_flow"]


def create_flow(  # noqa: PLR0913, PLR0917  what sends one job
    terms: Terms,
    entry: Entry,
    job: Job,
    body: Mapping[str, Any],
    deadline: Deadline,
    patience: float = 0.0,
) -> Flow[tuple[Created, Entry]]:
    """Create a job whose credits are held, once.

    Args:
        terms: The client's.
        entry: Its entry, which `submitting` gave: that call alone may send it.
        job: The job.
        body: Its body, with what was uploaded in the place of local files.
        deadline: By when the request must have begun; its answer then has the client's timeout.
        patience: Seconds to wait in all where the API says 429.

    Raises:
        NotSentError: Nothing left this machine; the entry is released.
        RefusedError: The API refused it; the entry is released.
        UncertainError: It may have been created; the entry is unknown.
    """
    call = create_call(job, body)
    tries, pause, waiting = TRIES, PAUSE, Deadline(patience)
    while True:
        marker = Marker()
        try:
            result: Answer | Failure = yield Ask(call, Deadline(terms.timeout), marker)
        except BaseException as stray:
            _interrupted(terms, entry, marker, stray)
            raise
        wait: float | None = None
        if isinstance(result, Failure) and not result.left:
            tries -= 1
            error: ApiError = NotSentError(f"the job was not sent: {result.reason}")
            if result.late:
                error.code = "deadline"
            if tries and not result.late and pause < deadline.left:
                wait, pause = pause, 2 * pause
        elif isinstance(result, Answer) and result.status in REFUSALS:
            error = refusal(result, scrub=terms.token)
            if isinstance(error, TooManyRequestsError):
                wait = max(1, error.retry_after or 1)
                wait = wait if wait < min(waiting.left, deadline.left) else None
        else:
            return _created(terms, entry, result)
        if wait is None:
            break
        yield from _paused(terms, entry, wait)
        _still_ours(terms, entry, error)
    error.id = entry.id
    _released(terms, entry, error)
    if isinstance(error, InsufficientCreditsError):
        yield from _missing(terms, entry, error)
    raise error


def _paused(terms: Terms, entry: Entry, seconds: float) -> Flow[None]:
    """Wait where it is sure that the job was not created, and give it up where that is broken."""
    try:
        yield Sleep(seconds)
    except BaseException:
        _released(terms, entry)
        raise


def _still_ours(terms: Terms, entry: Entry, error: ApiError) -> None:
    """Send again only what nobody has given up meanwhile, or taken for lost."""
    held = terms.book.get(entry.id)
    if held is None or held.state is not State.SUBMITTING or held.claim != entry.claim:
        raise StateError(
            f"entry {one_line(entry.id)!r} was ended by somebody while the API was waited for: "
            "nothing more was sent",
            entry=held,
        ) from error


def _created(terms: Terms, entry: Entry, result: Answer | Failure) -> tuple[Created, Entry]:
    """Read what came back from a request that the API may have taken."""
    error: UncertainError
    if isinstance(result, Failure):
        kind = UncertainDeadlineError if result.late else UncertainError
        error = kind(f"no answer came to the job, which may have been created: {result.reason}")
    elif result.fine:
        try:
            created = read_created(result)
        except BrokenAnswerError as fault:
            error = UncertainAnswerError(
                f"the job may have been created, but {fault.message}", status=result.status
            )
            if result.late:
                error.code = "uncertain-deadline"
        else:
            return created, _submitted(terms, entry, created)
    else:
        said = refusal(result, scrub=terms.token)
        error = UncertainServerError(
            f"the job may have been created: {said.message}",
            status=result.status,
            api_code=said.api_code,
        )
    error.id = entry.id
    _unknown(terms, entry, error)
    raise error.with_traceback(None)


def _submitted(terms: Terms, entry: Entry, created: Created) -> Entry:
    try:
        return terms.book.submitted(entry.id, created.project_id)
    except PreflightError as error:
        # The job runs: whatever the ledger says, its id must not be lost.
        raise UncertainError(
            f"the job was created as {created.project_id}, which the ledger could not note: "
            f"{error.message}; say so with mh-preflight budget recover {one_line(entry.id)} "
            f"--found {created.project_id}",
            code="unbooked",
            id=entry.id,
            project_id=created.project_id,
        ) from error
    except BaseException as stop:  # interrupted: what the API has said is noted all the same
        with contextlib.suppress(PreflightError):
            terms.book.submitted(entry.id, created.project_id)
        stop.add_note(f"the job was created as {created.project_id}, entry {entry.id}")
        raise


def _interrupted(terms: Terms, entry: Entry, marker: Marker, error: BaseException) -> None:
    if marker.left:
        _unknown(terms, entry, error)
    else:
        _released(terms, entry, error)


def _unknown(terms: Terms, entry: Entry, error: BaseException) -> None:
    try:
        terms.book.unknown(entry.id)
    except PreflightError as fault:
        # It is `submitting` still, or somebody knows more by now: it keeps its credits either way.
        error.add_note(f"entry {entry.id} could not be marked unknown: {fault.message}")


def _released(terms: Terms, entry: Entry, error: BaseException | None = None) -> None:
    try:
        terms.book.release(entry.id)
    except PreflightError as fault:
        if error is not None:
            error.add_note(f"entry {entry.id} could not be released: {fault.message}")


def _missing(terms: Terms, entry: Entry, error: InsufficientCreditsError) -> Flow[None]:
    """Find out what is missing, where the API tells the balance."""
    queued = (entry.estimate or {}).get("queued_high")
    error.needed = queued if isinstance(queued, int) else entry.credits
    try:
        account = yield from account_flow(terms, Deadline(terms.timeout))
    except ApiError:
        return
    error.balance = account.credits
    if error.missing:
        words = f"; {error.missing:,} credits are missing"
        error.message += words
        error.args = (error.message,)
