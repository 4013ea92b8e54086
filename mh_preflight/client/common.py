"""What both clients have in common: how they are set up, and which flows they run."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mh_preflight.budget import Ledger, Policy
from mh_preflight.budget.reserving import Confirm
from mh_preflight.client.book import Book, Unbooked
from mh_preflight.client.flows import Flow, Progress, Put, Terms, account_flow, upload_flow
from mh_preflight.client.following import Outcome, book_event, settle_flow, status_flow, wait_flow
from mh_preflight.client.network import Deadline
from mh_preflight.client.reconcile import SUBMITTING_SECONDS, reconcile_flow
from mh_preflight.client.sending import Request, Submission, submit_flow
from mh_preflight.client.token import Token
from mh_preflight.client.transport import BASE_URL, Origin
from mh_preflight.client.uploads import Uploads, kind_by_name, read_copy
from mh_preflight.client.webhooks import Event, event_of
from mh_preflight.errors import InputError, TokenError
from mh_preflight.units import PLANS

if TYPE_CHECKING:
    import ssl

    from mh_preflight.client.answers import Account, Project
    from mh_preflight.client.calls import Medium
    from mh_preflight.client.flows import Tell
    from mh_preflight.flow import Report
    from mh_preflight.jobs import Job
    from mh_preflight.units import Number, Plan

__all__ = [
    "RECONCILE_SECONDS",
    "SUBMIT_SECONDS",
    "TIMEOUT",
    "WAIT_SECONDS",
    "CommonClient",
    "told_pieces",
]

TIMEOUT = 60.0
SUBMIT_SECONDS = 600.0
WAIT_SECONDS = 3_600.0
RECONCILE_SECONDS = 600.0

LONGEST = 10 * 86_400.0


class CommonClient:
    """How a client is set up; `Client` and `AsyncClient` are the ones to use."""

    def __init__(  # noqa: PLR0913  keywords all
        self,
        token: str | None = None,
        *,
        base_url: str = BASE_URL,
        ledger: Ledger | None = None,
        policy: Policy | None = None,
        plan: Plan | None = None,
        uploads: str | os.PathLike[str] | None = None,
        timeout: float = TIMEOUT,
        check_balance: bool = True,
        label: bool = True,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        key = Token.find(token)
        del token  # what shows the variables of this frame shall not show it
        if isinstance(key, TokenError):
            raise key
        origin = Origin.of(base_url)
        rules = Policy() if policy is None else policy
        if not isinstance(rules, Policy):
            raise InputError("policy: must be a Policy", field="policy")
        if ledger is not None and not isinstance(ledger, Ledger):
            raise InputError("ledger: must be a Ledger", field="ledger")
        if rules.budgets and ledger is None:
            raise InputError("policy: its budgets are kept in a ledger: give one", field="ledger")
        chosen = rules.plan if plan is None else plan
        known: Plan | None = next((each for each in PLANS if each == chosen), None)
        if chosen is not None and known is None:
            raise InputError(f"plan: {chosen!r} is none of {', '.join(PLANS)}", field="plan")
        book: Book = Unbooked() if ledger is None else ledger
        self._origin = origin
        self._transport_settings: dict[str, Any] = {
            "token": key,
            "origin": origin,
            "trust_env": trust_env,
            "ssl_context": ssl_context,
        }
        self._terms = Terms(
            token=key,
            book=book,
            uploads=Uploads(_beside(ledger) if uploads is None else uploads),
            account=f"{key.account}@{origin.shown}",
            timeout=_seconds(timeout, "timeout"),
            plan=known,
            policy=rules,
            check_balance=check_balance,
            label=label,
        )

    def __repr__(self) -> str:
        origin: Origin | None = getattr(self, "_origin", None)  # there is none where it was refused
        return f"{type(self).__name__}({origin.shown if origin else ''!r})"

    def _submit(  # noqa: PLR0913  keywords all
        self,
        job: Job | Report,
        *,
        id: str | None,  # noqa: A002
        plan: Plan | None,
        project: str,
        run: str | None,
        max_credits: int | None,
        max_usd: Number | None,
        confirm: Confirm | None,
        deadline: float,
        patience: float,
        progress: Tell | None,
        preflight: Mapping[str, Any] | None,
    ) -> Flow[Submission]:
        waits = _seconds(patience, "patience") if patience else 0.0
        if waits + self._terms.timeout >= SUBMITTING_SECONDS:
            raise InputError(
                f"patience: with timeout it must stay below {SUBMITTING_SECONDS:g} s, after which "
                "a job that is being sent is taken for lost",
                field="patience",
            )
        options = dict(preflight or {})
        for name in ("plan", "max_credits", "max_usd"):
            if name in options:
                raise InputError(f"preflight: {name} is an argument of its own", field="preflight")
        request = Request(
            job, id, plan, project, run, max_credits, max_usd, confirm, waits, progress, options
        )
        return submit_flow(self._terms, request, _deadline(deadline))

    def _upload(
        self,
        path: str | os.PathLike[str],
        kind: Medium | None,
        deadline: float,
        progress: Tell | None,
    ) -> Flow[str]:
        until = _deadline(deadline)

        def flow() -> Flow[str]:
            name = os.fsdecode(path)
            file = read_copy(name, kind or kind_by_name(name), self._terms.uploads.digests)
            return (yield from upload_flow(self._terms, file, until, progress))

        return flow()

    def _account(self) -> Flow[Account]:
        return account_flow(self._terms, Deadline(self._terms.timeout))

    def _status(self, job: Submission | str) -> Flow[Project]:
        return status_flow(self._terms, job, Deadline(self._terms.timeout))

    def _settle(self, job: Submission | str) -> Flow[Outcome]:
        return settle_flow(self._terms, job, Deadline(self._terms.timeout))

    def _wait(
        self,
        job: Submission | str,
        deadline: float,
        progress: Tell | None,
        poll_seconds: float | None,
    ) -> Flow[Project]:
        pause = None if poll_seconds is None else _seconds(poll_seconds, "poll_seconds")
        return wait_flow(self._terms, job, _deadline(deadline), progress, pause)

    def _settle_webhook(self, payload: Event | Mapping[str, Any]) -> Outcome:
        if isinstance(payload, Mapping):
            payload = event_of(payload)
        if not isinstance(payload, Event):
            raise InputError(
                "payload: must be what verify_webhook gave, or the JSON object of one that was "
                "verified",
                field="payload",
            )
        return book_event(self._terms, payload)

    def _reconcile(
        self, deadline: float, submitting_seconds: float = SUBMITTING_SECONDS
    ) -> Flow[tuple[Outcome, ...]]:
        after = _seconds(submitting_seconds, "submitting_seconds")
        return reconcile_flow(self._terms, _deadline(deadline), after)


def told_pieces(put: Put, faults: list[Exception]) -> Generator[bytes, None, None]:
    """Give the bytes of an upload, and tell how far it is.

    Args:
        put: The upload.
        faults: Gets what the one who is told raises, which is no fault of the network.
    """
    done = 0
    for piece in put.file.pieces():
        yield piece
        done += len(piece)
        if put.tell is not None:
            try:
                put.tell(Progress("upload", put.file.path, done, put.file.size))
            except Exception as error:
                faults.append(error)
                raise


def _deadline(seconds: float) -> Deadline:
    return Deadline(_seconds(seconds, "deadline"))


def _seconds(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{field}: must be a number of seconds", field=field)
    if not 0 < value <= LONGEST:
        raise InputError(f"{field}: must be above 0 and at most 10 days", field=field)
    return float(value)


def _beside(ledger: Ledger | None) -> Path | None:
    """Give where uploads are remembered: beside a ledger that is a file."""
    if ledger is None or ledger.path is None:
        return None
    return ledger.path.with_name(f"{ledger.path.name}.uploads")
