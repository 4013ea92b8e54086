"""Whatever happens in whatever order: one job an id, and no credit unseen."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer, FaultKind
from clienting import FAR, Awaited, far_lip_sync, picture
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mh_preflight import PreflightError, errors
from mh_preflight.budget import ConflictError, Ledger, State, StateError
from mh_preflight.client import AsyncClient, Client
from mh_preflight.client.flows import Ask, Terms
from mh_preflight.client.network import Deadline
from mh_preflight.client.sending import Request, submit_flow
from mh_preflight.client.token import Token
from mh_preflight.client.transport import Origin, Transport
from mh_preflight.client.uploads import Uploads

NAMES = [f"row-{number}" for number in range(6)]
IDS = st.sampled_from(NAMES)
FAULTS: st.SearchStrategy[FaultKind] = st.sampled_from(
    [
        "lost-answer",
        "reset-before",
        "reset-after-headers",
        "status",
        "broken-json",
        "not-json",
        "deep-json",
        "nan-credits",
        "wrong-length",
    ]
)
STATUSES = st.sampled_from([307, 400, 402, 404, 409, 422, 429, 500, 503])
PATHS = st.sampled_from(["/v1/lip-sync", "/v1/ai-image", "/v1/account", "/v1/video", "/v1/image"])


class Paying(RuleBasedStateMachine):
    """A client whose process comes and goes, and a server that fails."""

    @initialize(kind=st.sampled_from(["sync", "async"]))
    def begin(self, kind: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.where = Path(self.folder.name) / "ledger.sqlite"
        self.server = BillingServer(polls=None)
        self.server.start()
        self.kind = kind
        self.ledger = Ledger(self.where)
        self.killed: list[Any] = []
        self.clients: list[Awaited] = []
        self.jobs = {
            name: far_lip_sync(number + 1.0) if number % 2 else picture(count=number // 2 + 1)
            for number, name in enumerate(NAMES)
        }
        self.client = self.made()

    def made(self) -> Any:
        options: dict[str, Any] = {
            "base_url": self.server.base_url,
            "ledger": self.ledger,
            "plan": "creator",
            "timeout": 5.0,
        }
        if self.kind == "sync":
            return Client(self.server.token, **options)
        self.clients.append(Awaited(AsyncClient(self.server.token, **options)))
        return self.clients[-1]

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        for flow in self.killed:
            flow.close()
        for client in self.clients:
            client.end()
        self.ledger.close()
        self.server.close()
        self.folder.cleanup()

    # ---- what callers do

    @rule(name=IDS)
    def submit(self, name: str) -> None:
        options = FAR if self.jobs[name].endpoint == "lip-sync" else None
        before = len(self.server.jobs)
        try:
            sent = self.client.submit(self.jobs[name], id=name, preflight=options)
        except errors.UncertainError:
            return
        except (errors.ApiError, StateError):
            assert len(self.server.jobs) == before
            return
        assert len(self.server.jobs) == before + (not sent.repeated)
        assert self.server.job(sent.id).name is not None

    @rule(name=IDS, kind=FAULTS, status=STATUSES, done=st.booleans())
    def submit_and_fail(self, name: str, kind: FaultKind, status: int, done: bool) -> None:
        self.fail_next(kind, f"/v1/{self.jobs[name].endpoint}", status, done)
        self.submit(name)
        self.submit(name)

    @rule(name=IDS)
    def submit_another_job(self, name: str) -> None:
        before = len(self.server.jobs)
        if self.ledger.get(name) is None:
            return
        with pytest.raises(ConflictError):
            self.client.submit(picture(count=4), id=name)
        assert len(self.server.jobs) == before

    @rule(name=IDS, leaves=st.booleans())
    def kill_while_it_submits(self, name: str, leaves: bool) -> None:
        """Let a process die just before, or just after, its request."""
        token, origin = Token(self.server.token), Origin.of(self.server.base_url)
        terms = Terms(
            token=token,
            book=self.ledger,
            uploads=Uploads(),
            account="",
            timeout=5.0,
            plan="creator",
            check_balance=False,
        )
        options = FAR if self.jobs[name].endpoint == "lip-sync" else {}
        request = Request(self.jobs[name], id=name, options=options)
        flow = submit_flow(terms, request, Deadline(60))
        try:
            step = next(flow)
        except (StopIteration, PreflightError):
            return
        assert isinstance(step, Ask) and step.call.method == "POST"  # noqa: PT018  one thing
        self.killed.append(flow)
        step.marker.left = True
        if leaves:
            Transport(token, origin).ask(step.call, step.deadline, step.marker)

    @rule()
    def come_back(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.where)
        self.client = self.made()

    @rule()
    def reconcile(self) -> None:
        self.client.reconcile(submitting_seconds=0.001)

    @rule(name=IDS)
    def settle(self, name: str) -> None:
        try:
            self.client.settle(name)
        except (errors.ApiError, StateError):
            return

    # ---- what the server does

    @rule(kind=FAULTS, path=PATHS, status=STATUSES, done=st.booleans())
    def fail_next(self, kind: FaultKind, path: str, status: int, done: bool) -> None:
        # A server that refuses with a definite no has done nothing: that is what the no means.
        definite = kind == "status" and status in {400, 402, 404, 422, 429}
        self.server.order(kind, "*", path, status=status, done=done and not definite)

    @rule(place=st.integers(0, 5), how=st.sampled_from(["render", "finish", "fail", "cancel"]))
    def move_on(self, place: int, how: str) -> None:
        if self.server.jobs:
            getattr(self.server, how)(self.server.jobs[place % len(self.server.jobs)].id)

    @rule(place=st.integers(0, 5), times=st.integers(1, 2))
    def post_a_webhook(self, place: int, times: int) -> None:
        if not self.server.jobs:
            return
        billed = self.server.jobs[place % len(self.server.jobs)]
        happened = {"complete": "completed", "error": "errored"}.get(billed.status, "started")
        if billed.status == "canceled":
            return  # of which no webhook tells
        event = self.server.webhook_event(billed.id, f"{billed.kind}.{happened}")
        for _ in range(times):
            self.client.settle_webhook(event)

    # ---- what always holds

    @invariant()
    def there_is_one_job_an_id(self) -> None:
        if not hasattr(self, "server"):
            return
        names = [
            (each.name or "").partition(" ~")[0].partition("#")[0] for each in self.server.jobs
        ]
        assert len(names) == len(set(names))

    @invariant()
    def the_ledger_says_what_the_server_says(self) -> None:
        if not hasattr(self, "server"):
            return
        entries = list(self.ledger.entries())
        booked = 0
        for entry in entries:
            booked += entry.credits if entry.open else entry.charged or 0
            if entry.project_id is None:
                assert entry.state is not State.SETTLED
                continue
            billed = self.server.job(entry.project_id)
            assert (billed.name or "").startswith(f"{entry.id} ~")
            if entry.state is State.SETTLED:
                assert billed.status in {"complete", "error", "canceled"}
                assert entry.charged == billed.charged
        assert self.server.spent <= booked
        assert self.server.leaks == []


Paying.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestPaying = Paying.TestCase


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mh_preflight.client.flows.PAUSE", 0.001)
    monkeypatch.setattr("mh_preflight.client.creating.PAUSE", 0.001)
