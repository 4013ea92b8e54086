"""The client for threads."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mh_preflight.client.common import (
    RECONCILE_SECONDS,
    SUBMIT_SECONDS,
    WAIT_SECONDS,
    CommonClient,
    told_pieces,
)
from mh_preflight.client.flows import Ask, Flow, Put, Sleep, Step
from mh_preflight.client.reconcile import SUBMITTING_SECONDS
from mh_preflight.client.transport import Failure, Transport

if TYPE_CHECKING:
    from mh_preflight.budget.reserving import Confirm
    from mh_preflight.client.answers import Account, Project
    from mh_preflight.client.bodies import Answer
    from mh_preflight.client.calls import Medium
    from mh_preflight.client.flows import Tell
    from mh_preflight.client.following import Outcome
    from mh_preflight.client.sending import Submission
    from mh_preflight.client.webhooks import Event
    from mh_preflight.flow import Report
    from mh_preflight.jobs import Job
    from mh_preflight.units import Number, Plan

__all__ = ["Client"]

_Result = TypeVar("_Result")


class Client(CommonClient):
    """Sends jobs to the API, each at most once, and books what they cost.

    It may be used by threads. `AsyncClient` has the same methods.

    Args:
        token: The API's token; else that of `MAGIC_HOUR_API_KEY`.
        base_url: Where the API is; `http://` for this machine only.
        ledger: Where is written what was sent, before it is sent. Without one nothing outlives the
            process: there is no budget, and only this process knows which ids it sent.
        policy: What the user allows, such as `Policy.load("mh-preflight.toml")`.
        plan: The account's plan; else the policy's, else the API is asked.
        uploads: A file that remembers what was uploaded; by default it lies beside the ledger.
        timeout: Seconds for one request and its whole answer.
        check_balance: Ask for the balance before a job is sent: one that is too low refuses it.
        label: Give a job without a name the id of its entry as its name: by that it is found again
            where the answer to its request was lost.
        trust_env: Take proxies and certificates from the environment.
        ssl_context: What certificates are checked by.

    Raises:
        TokenError: There is no token.
        InputError: An argument cannot be used.

    Example:
        >>> client = Client("mhk_live_secret")
        >>> client
        Client('https://api.magichour.ai')
        >>> client.submit(job, id="row-1", max_credits=500)  # doctest: +SKIP
        >>> client.wait("row-1").status  # doctest: +SKIP
        'complete'
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget what was uploaded, where that is remembered in this process only."""
        self._terms.uploads.close()

    def submit(  # noqa: PLR0913  keywords all
        self,
        job: Job | Report,
        *,
        id: str | None = None,  # noqa: A002  the word of the ledger
        plan: Plan | None = None,
        project: str = "",
        run: str | None = None,
        max_credits: int | None = None,
        max_usd: Number | None = None,
        confirm: Confirm | None = None,
        deadline: float = SUBMIT_SECONDS,
        patience: float = 0.0,
        progress: Tell | None = None,
        preflight: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Send a job, once: price it, hold what it may cost, upload its files, create it.

        The same id with the same job gives the same submission and sends nothing. What may have
        been created is never sent again.

        Args:
            job: The job, or the report of one that was priced before.
            id: Your own id for this job alone; by default one that nobody has.
            plan: The plan; by default the client's.
            project: What it belongs to, for budgets.
            run: The run that it is part of, for budgets.
            max_credits: Refuse the job where it may cost more.
            max_usd: The same in US dollars.
            confirm: Is called with the report and the reasons where the policy says `ask`; only
                True lets the job be sent.
            deadline: Seconds in which the request must have begun; its answer then has `timeout`.
            patience: Seconds to wait in all where the API says that it was asked too often.
            progress: Is told how far uploads are.
            preflight: More arguments for `preflight`, such as `media` or `limits`.

        Raises:
            FindingsError: The API would refuse it.
            OverLimitError: It may cost more than is allowed, or has no upper bound.
            DeniedError: The policy does not allow it.
            BudgetError: It does not fit into a budget.
            ConflictError: The id belongs to another job.
            StateError: Its entry cannot be used; nothing was sent.
            NotSentError: Nothing was sent; `LowBalanceError` where the account cannot pay.
            RefusedError: The API refused it; nothing was created.
            UncertainError: It may have been created, now or before; it keeps its credits. With the
                code `unbooked` it was, as `project_id`, which the ledger could not note.
            ApiError: An upload or the question for the balance failed; nothing was created.
        """
        flow = self._submit(
            job,
            id=id,
            plan=plan,
            project=project,
            run=run,
            max_credits=max_credits,
            max_usd=max_usd,
            confirm=confirm,
            deadline=deadline,
            patience=patience,
            progress=progress,
            preflight=preflight,
        )
        return self._run(flow)

    def wait(
        self,
        job: Submission | str,
        *,
        deadline: float = WAIT_SECONDS,
        progress: Tell | None = None,
        poll_seconds: float | None = None,
    ) -> Project:
        """Wait until a job has ended, and book what it cost.

        Args:
            job: A submission, your own id, or the API's.
            deadline: Seconds.
            progress: Is told what the API says.
            poll_seconds: Seconds between two looks; by default what the API advises.

        Raises:
            DeadlineError: It has not ended by then; its entry stays as it is.
            RefusedError: The API does not know it, or not this token.
            StateError: It is not known to have been created.
        """
        return self._run(self._wait(job, deadline, progress, poll_seconds))

    def status(self, job: Submission | str) -> Project:
        """Ask once how far a job is; nothing is booked.

        Args:
            job: A submission, your own id, or the API's.

        Raises:
            ApiError: There is no answer.
            StateError: It is not known to have been created.
        """
        return self._run(self._status(job))

    def settle(self, job: Submission | str) -> Outcome:
        """Ask once how far a job is, and book what it cost if it has ended.

        Args:
            job: A submission, your own id, or the API's.

        Raises:
            ApiError: There is no answer.
            StateError: It is not known to have been created.
        """
        return self._run(self._settle(job))

    def account(self) -> Account:
        """Ask for balance and plan.

        Raises:
            ApiError: There is no answer.
        """
        return self._run(self._account())

    def upload(
        self,
        path: str | os.PathLike[str],
        *,
        kind: Medium | None = None,
        deadline: float = SUBMIT_SECONDS,
        progress: Tell | None = None,
    ) -> str:
        """Upload a file, unless it was in the last seven days; give what stands in `assets` for it.

        Args:
            path: The file.
            kind: `video`, `audio` or `image`; by default as its name says.
            deadline: Seconds.
            progress: Is told how far it is.

        Raises:
            ApiError: It did not arrive.
            MediaError: It cannot be read, or was changed meanwhile.
        """
        return self._run(self._upload(path, kind, deadline, progress))

    def settle_webhook(self, payload: Event | Mapping[str, Any]) -> Outcome:
        """Book what a webhook tells; the same one twice books once.

        Args:
            payload: What `verify_webhook` gave, or the JSON object of one that was verified.

        Raises:
            WebhookError: It tells nothing of a job.
        """
        return self._settle_webhook(payload)

    def reconcile(
        self,
        *,
        deadline: float = RECONCILE_SECONDS,
        submitting_seconds: float = SUBMITTING_SECONDS,
    ) -> tuple[Outcome, ...]:
        """Ask the API about each entry that has not ended, and book what it says.

        It may run at any time, several times at once. Canceled jobs, of which no webhook tells, are
        found by it. Nothing is released because the API does not know it.

        Args:
            deadline: Seconds.
            submitting_seconds: After how long a job that was being sent counts as unknown, because
                the process that sent it is gone.
        """
        return self._run(self._reconcile(deadline, submitting_seconds))

    def _run(self, flow: Flow[_Result]) -> _Result:
        transport = Transport(**self._transport_settings)
        with closing(flow):
            try:
                step = next(flow)
                while True:
                    try:
                        result = _done(transport, step)
                    except BaseException as error:  # noqa: BLE001  the flow says what it means
                        step = flow.throw(error)
                    else:
                        step = flow.send(result)
            except StopIteration as end:
                answer: _Result = end.value
                return answer


def _done(transport: Transport, step: Step) -> Answer | Failure | None:
    match step:
        case Ask():
            return transport.ask(step.call, step.deadline, step.marker)
        case Put():
            faults: list[Exception] = []
            pieces = told_pieces(step, faults)
            result = transport.put(step.place.url, pieces, step.file.size, step.deadline)
            if faults:
                raise faults[0]
            return result
        case Sleep():
            time.sleep(step.seconds)
    return None
