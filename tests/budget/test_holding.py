"""A hold around code that spends in ways of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mh_preflight import (
    FindingsError,
    InputError,
    LipSync,
    Media,
    MediaError,
    OverLimitError,
    Report,
    job,
    preflight,
)
from mh_preflight.budget import (
    Budget,
    BudgetError,
    ConflictError,
    Entry,
    Ledger,
    LedgerError,
    Policy,
    Rule,
    Scope,
    State,
    StateError,
)
from mh_preflight.budget.holding import Held, HoldWarning, hold
from mh_preflight.budget.policy import Action
from mh_preflight.budget.terms import Holding, fingerprint_of
from mh_preflight.errors import DeniedError

FAR = {
    "video_file_path": Media.given("video", fps=24, duration_seconds=60),
    "audio_file_path": Media.given("audio", duration_seconds=60),
}


def report(seconds: float = 5, media: Any = FAR, **more: Any) -> Report:
    """Give a job that queues 150 credits, and settles at 120."""
    lip_sync = LipSync(
        assets={
            "video_source": "file",
            "video_file_path": "api-assets/id/clip.mp4",
            "audio_file_path": "api-assets/id/line.mp3",
        },
        start_seconds=0,
        end_seconds=seconds,
        **more,
    )
    return preflight(lip_sync, plan="creator", media=media)


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger(tmp_path / "holding.sqlite") as opened:
        yield opened


def only(ledger: Ledger) -> Entry:
    (entry,) = ledger.entries()
    return entry


def enter(asked: Any) -> Held:
    with asked as entry:
        entry.release()
    assert isinstance(entry, Held)
    return entry


def test_it_is_on_the_disk_before_the_block_and_settled_in_it(ledger: Ledger) -> None:
    asked = report()
    with hold(asked, ledger=ledger, project="trailer", run="r") as entry:
        found = only(ledger)
        assert (found.state, found.credits, found.id) == (State.SUBMITTING, 150, entry.id)
        assert (found.scope.project, found.scope.run) == ("trailer", "r")
        assert found.scope.endpoint == "lip-sync"
        assert found.estimate is not None
        assert (found.estimate["queued"], found.estimate["settled"]) == (150, 120)
        assert entry.report is asked
        money = asked.estimate.usd["creator"]
        assert money is not None
        assert money.hold is not None
        assert found.usd is not None
        assert 0 <= Fraction(found.usd) - money.hold < Fraction(1, 10**10)
        assert repr(entry) == f"Held('{entry.id}', 'submitting')"
        assert entry.settle(120) == only(ledger)
    assert (only(ledger).state, only(ledger).charged) == (State.SETTLED, 120)
    assert only(ledger).word == "the caller of hold"


def test_the_project_is_named_and_settled_later(ledger: Ledger) -> None:
    with hold(report(), ledger=ledger) as entry:
        entry.submitted("cuid-1")
    assert only(ledger).state is State.SUBMITTED
    with hold(report(), ledger=ledger) as entry:
        entry.submitted("cuid-2")
        entry.settle(120)
    (second,) = ledger.entries(project_id="cuid-2")
    assert (second.charged, second.word) == (120, None)


def test_left_without_a_word_it_keeps_its_credits_and_says_so(ledger: Ledger) -> None:
    with pytest.warns(HoldWarning, match="150 credits"), hold(report(), ledger=ledger):
        pass
    assert only(ledger).state is State.UNKNOWN


def test_left_by_an_error_it_keeps_its_credits_and_the_error_says_so(ledger: Ledger) -> None:
    with pytest.raises(TimeoutError) as raised, hold(report(), ledger=ledger) as entry:
        raise TimeoutError
    assert raised.value.__notes__ == [f"entry {entry.id} of the ledger is unknown"]
    assert only(ledger).state is State.UNKNOWN


def test_what_was_refused_is_released(ledger: Ledger) -> None:
    def refused(entry: Held) -> None:
        entry.release()
        raise PermissionError

    with pytest.raises(PermissionError) as raised, hold(report(), ledger=ledger) as entry:
        refused(entry)
    assert raised.value.__notes__ == [f"entry {entry.id} of the ledger is released"]
    assert only(ledger).state is State.RELEASED


def test_announced_what_was_not_sent_is_given_back(ledger: Ledger) -> None:
    def fail(entry: Held, *, sent: bool) -> None:
        assert entry.state is State.RESERVED
        if sent:
            entry.submitting()
        raise OSError("as a test ordered")

    with (
        pytest.raises(OSError, match="ordered"),
        hold(report(), ledger=ledger, announced=True) as e,
    ):
        fail(e, sent=False)
    assert only(ledger).state is State.RELEASED
    with hold(report(), ledger=ledger, announced=True):
        pass
    with (
        pytest.raises(OSError, match="ordered"),
        hold(report(), ledger=ledger, announced=True) as e,
    ):
        fail(e, sent=True)
    with hold(report(), ledger=ledger, announced=True) as e:
        e.settle(100)
    states = [entry.state for entry in ledger.entries()]
    assert states == [State.RELEASED, State.RELEASED, State.UNKNOWN, State.SETTLED]


def test_said_to_be_unknown_it_is_silent(ledger: Ledger) -> None:
    with hold(report(), ledger=ledger) as entry:
        entry.unknown()
    assert only(ledger).state is State.UNKNOWN


def test_in_an_event_loop(ledger: Ledger) -> None:
    async def spend() -> None:
        async with hold(report(), ledger=ledger, id="row-1") as entry:
            entry.settle(120)
        with pytest.raises(StateError):
            async with hold(report(), ledger=ledger, id="row-1"):
                raise AssertionError
        with pytest.raises(TimeoutError):
            async with hold(report(), ledger=ledger, id="row-2"):
                raise TimeoutError

    asyncio.run(spend())
    states = {entry.id: entry.state for entry in ledger.entries()}
    assert states == {"row-1": State.SETTLED, "row-2": State.UNKNOWN}


def test_a_task_that_is_canceled_as_it_enters_gives_it_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, submitting = threading.Event(), ledger.submitting

    def slow(id: str) -> Entry:  # noqa: A002  as the ledger's
        entered.set()
        time.sleep(0.1)
        return submitting(id)

    async def spend() -> None:
        async with hold(report(), ledger=ledger):
            raise AssertionError

    async def canceled() -> None:
        task = asyncio.ensure_future(spend())
        await asyncio.to_thread(entered.wait)
        task.cancel()
        await task

    monkeypatch.setattr(ledger, "submitting", slow)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(canceled())
    assert only(ledger).state is State.RELEASED


def test_a_task_that_is_canceled_is_canceled_also_where_its_work_fails(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def failing(id: str) -> Entry:  # noqa: A002  as the ledger's
        entered.set()
        go_on.wait(5)
        raise LedgerError(f"{id} cannot be written")

    async def spend() -> None:
        async with hold(report(), ledger=ledger):
            raise AssertionError

    async def canceled() -> asyncio.Task[None]:
        task = asyncio.ensure_future(spend())
        await asyncio.to_thread(entered.wait)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait([task])
        return task

    monkeypatch.setattr(ledger, "submitting", failing)
    task = asyncio.run(canceled())
    assert task.cancelled()
    assert only(ledger).state is State.RESERVED


# ---- what is refused


def test_what_does_not_fit_does_not_begin(ledger: Ledger) -> None:
    cases: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"budgets": [Budget.of(credits=149, per="day")]}, BudgetError),
        ({"policy": Policy(rules=(Rule(Action.DENY),))}, DeniedError),
        ({"policy": Policy(default=Action.ASK)}, DeniedError),
        ({"policy": Policy(default=Action.ASK), "confirm": lambda *_: 1}, DeniedError),
        ({"id": "row#2"}, InputError),
        ({"id": ""}, InputError),
        ({"id": "x" * 181}, InputError),
    ]
    for terms, kind in cases:
        with pytest.raises(kind):
            enter(hold(report(), ledger=ledger, **terms))
    assert list(ledger.entries()) == []
    ledger.set_budget(Budget.of(credits=150, per="ever"))
    confirmed = hold(
        report(), ledger=ledger, policy=Policy(default=Action.ASK), confirm=lambda *_: True
    )
    with confirmed as entry:
        with pytest.raises(BudgetError):
            enter(hold(report(), ledger=ledger))
        entry.settle(150)
    with pytest.raises(StateError):
        enter(confirmed)
    assert entry.state is State.SETTLED


def test_without_a_bound_the_caller_says_how_much(ledger: Ledger) -> None:
    unbounded = report(media={})
    assert unbounded.estimate.hold is None
    with pytest.raises(OverLimitError, match="unbounded_credits"):
        enter(hold(unbounded, ledger=ledger))
    assert enter(hold(unbounded, ledger=ledger, unbounded_credits=700)).entry.credits == 700


def test_an_error_of_the_report_or_another_thing(ledger: Ledger, tmp_path: Path) -> None:
    wrong: Any = {"video_file_path": Media.given("audio", duration_seconds=9)} | {
        "audio_file_path": FAR["audio_file_path"]
    }
    with pytest.raises(FindingsError):
        enter(hold(report(media=wrong), ledger=ledger))
    nothing: Any = None
    with pytest.raises(InputError):
        hold(nothing, ledger=ledger)
    with pytest.raises(InputError, match="project"):
        hold(report(), ledger=ledger, project="a\nb")
    gone = job("photo-colorizer", assets={"image_file_path": str(tmp_path / "gone.png")})
    with pytest.raises(MediaError):
        fingerprint_of(gone)


# ---- the caller's own id


def test_an_id_is_entered_once(ledger: Ledger) -> None:
    enter(hold(report(), ledger=ledger, id="row-1"))
    with hold(report(), ledger=ledger, id="row-1") as entry:
        assert entry.id == "row-1#2"
        with pytest.raises(StateError, match="submitting"):
            enter(hold(report(), ledger=ledger, id="row-1"))
        entry.submitted("cuid-1")
    with pytest.raises(StateError, match="submitted"):
        enter(hold(report(), ledger=ledger, id="row-1"))
    again = hold(report(), ledger=ledger, id="row-1", announced=True)
    with pytest.raises(StateError, match="submitted"), again:
        raise AssertionError
    with pytest.raises(ConflictError):
        enter(hold(report(6), ledger=ledger, id="row-1"))


def test_a_hold_that_is_left_to_another_is_not_taken_from_it(ledger: Ledger) -> None:
    with hold(report(), ledger=ledger, id="row-1", announced=True):
        ledger.submitting("row-1")
    assert only(ledger).state is State.SUBMITTING


def test_a_smaller_hold_of_the_same_id_does_not_do(ledger: Ledger) -> None:
    scope = Scope(endpoint="lip-sync")
    ledger.reserve("row-1", fingerprint_of(report().job), 149, scope=scope)
    with pytest.raises(StateError, match="149"):
        enter(hold(report(), ledger=ledger, id="row-1"))


def test_a_fingerprint_is_of_what_is_in_the_files(tmp_path: Path) -> None:
    def of(file: str, content: bytes, **more: Any) -> str:
        (tmp_path / file).write_bytes(content)
        asked = {"assets": {"image_file_path": str(tmp_path / file)}}
        return fingerprint_of(job("photo-colorizer", **asked, **more))

    first = of("a.png", b"one")
    assert of("b.png", b"one") == first
    assert of("a.png", b"two") != first
    assert of("a.png", b"one", name="x") != first


# ---- a ledger that fails, and one that is opened here


def test_a_ledger_that_fails_at_the_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> Entry:
        raise LedgerError("the disk is full")

    with pytest.raises(LedgerError), hold(report(), ledger=ledger):
        monkeypatch.setattr(ledger, "unknown", full)
    with pytest.raises(TimeoutError) as raised, hold(report(), ledger=ledger):
        raise TimeoutError
    assert "the disk is full" in raised.value.__notes__[0]
    assert {entry.state for entry in ledger.entries()} == {State.SUBMITTING}


def test_a_ledger_may_be_a_path(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(report(), ledger=tmp_path / "own.sqlite") as entry:
            entry.settle(0)
    with pytest.raises(BudgetError):
        enter(hold(report(), ledger=str(tmp_path / "own.sqlite"), budgets=[Budget(1, "job")]))  # type: ignore[arg-type]
    with Ledger(tmp_path / "own.sqlite") as ledger:
        assert [entry.charged for entry in ledger.entries()] == [0, 0]


def test_terms_of_a_budget(ledger: Ledger) -> None:
    by_run = Holding.of(budget=500, ledger=ledger)
    assert [str(each) for each in by_run.budgets] == ["500 credits a run"]
    day = Budget.of(credits=5, per="day")
    assert Holding.of(budget=day, ledger=ledger).run is None
    assert Holding.of(budget=[day], budgets=[day], ledger=ledger).budgets == (day, day)
    assert not Holding.of(budget=ledger).own
    again = Holding.of(budget=5, ledger=ledger, run="mine")
    assert again.run == "mine"
