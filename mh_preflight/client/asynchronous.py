"""The client for event loops."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mh_preflight.budget.holding import in_thread
from mh_preflight.client.common import (
    RECONCILE_SECONDS,
    SUBMIT_SECONDS,
    WAIT_SECONDS,
    CommonClient,
    told_pieces,
)
from mh_preflight.client.flows import Ask, Flow, Put, Sleep, Step
from mh_preflight.client.reconcile import SUBMITTING_SECONDS
from mh_preflight.client.transport import AsyncTransport, Failure

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

__all__ = ["AsyncClient"]

_Result = TypeVar("_Result")
_END = object()


class AsyncClient(CommonClient):
    """Sends jobs to the API, each at most once, and books what they cost, in an event loop.

    It is `Client` with `await`; that one says what its arguments and methods are. Files are read
    and the ledger is written in threads; `progress` and `confirm` are called there too. A task that
    is canceled while it sends a job marks it unknown, unless no byte of it has left.

    Example:
        >>> AsyncClient("mhk_live_secret")
        AsyncClient('https://api.magichour.ai')
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Forget what was uploaded, where that is remembered in this process only."""
        self._terms.uploads.close()

    async def submit(  # noqa: PLR0913  keywords all
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
        """Send a job, once, as `Client.submit` does."""
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
        return await self._run(flow)

    async def wait(
        self,
        job: Submission | str,
        *,
        deadline: float = WAIT_SECONDS,
        progress: Tell | None = None,
        poll_seconds: float | None = None,
    ) -> Project:
        """Wait until a job has ended, and book what it cost, as `Client.wait` does."""
        return await self._run(self._wait(job, deadline, progress, poll_seconds))

    async def status(self, job: Submission | str) -> Project:
        """Ask once how far a job is, as `Client.status` does."""
        return await self._run(self._status(job))

    async def settle(self, job: Submission | str) -> Outcome:
        """Ask once how far a job is, and book it if it has ended, as `Client.settle` does."""
        return await self._run(self._settle(job))

    async def account(self) -> Account:
        """Ask for balance and plan, as `Client.account` does."""
        return await self._run(self._account())

    async def upload(
        self,
        path: str | os.PathLike[str],
        *,
        kind: Medium | None = None,
        deadline: float = SUBMIT_SECONDS,
        progress: Tell | None = None,
    ) -> str:
        """Upload a file, unless it was in the last seven days, as `Client.upload` does."""
        return await self._run(self._upload(path, kind, deadline, progress))

    async def settle_webhook(self, payload: Event | Mapping[str, Any]) -> Outcome:
        """Book what a webhook tells, as `Client.settle_webhook` does."""
        outcome: Outcome = await in_thread(self._settle_webhook, payload)
        return outcome

    async def reconcile(
        self,
        *,
        deadline: float = RECONCILE_SECONDS,
        submitting_seconds: float = SUBMITTING_SECONDS,
    ) -> tuple[Outcome, ...]:
        """Ask the API about each entry that has not ended, as `Client.reconcile` does."""
        return await self._run(self._reconcile(deadline, submitting_seconds))

    async def _run(self, flow: Flow[_Result]) -> _Result:
        transport = AsyncTransport(**self._transport_settings)
        with closing(flow):
            step, value = await _advanced(flow, flow.send, None)
            while step is not None:
                try:
                    result = await _done(transport, step)
                except BaseException as error:  # noqa: BLE001  the flow says what it means
                    step, value = await _advanced(flow, flow.throw, error)
                else:
                    step, value = await _advanced(flow, flow.send, result)
            answer: _Result = value
            return answer


async def _advanced(
    flow: Flow[_Result], move: Callable[[Any], Step], value: Any
) -> tuple[Step | None, Any]:
    """Let a flow go on in a thread; give its next step, or None and what it gives in the end."""

    def go() -> tuple[Step | None, Any, BaseException | None]:
        try:
            return move(value), None, None
        except StopIteration as end:
            return None, end.value, None
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            return None, None, error

    try:
        step, answer, fault = await in_thread(go)
    except asyncio.CancelledError as error:
        # The thread has ended by now, at a step that nobody will take: the flow has to hear of it.
        if inspect.getgeneratorstate(flow) == inspect.GEN_CLOSED:
            raise
        canceled = error
    else:
        if fault is not None:
            raise fault
        return step, answer
    return await _advanced(flow, flow.throw, canceled)


async def _done(transport: AsyncTransport, step: Step) -> Answer | Failure | None:
    match step:
        case Ask():
            return await transport.ask(step.call, step.deadline, step.marker)
        case Put():
            faults: list[Exception] = []
            pieces = _pieces(step, faults)
            result = await transport.put(step.place.url, pieces, step.file.size, step.deadline)
            if faults:
                raise faults[0]
            return result
        case Sleep():
            await asyncio.sleep(step.seconds)
    return None


async def _pieces(put: Put, faults: list[Exception]) -> AsyncIterator[bytes]:
    with closing(told_pieces(put, faults)) as pieces:
        while (piece := await in_thread(next, pieces, _END)) is not _END:
            yield piece
