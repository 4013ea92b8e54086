# ruff: noqa: SLF001  a fault is planted inside
"""What holds of both kinds of ledger."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from budget.reckoning import find_violations, read_books

import mh_preflight as mh
from mh_preflight.budget import (
    USD,
    Budget,
    BudgetError,
    ConflictError,
    Entry,
    Ledger,
    LedgerError,
    Scope,
    State,
    StateError,
)
from mh_preflight.budget.entries import Move
from mh_preflight.budget.reserving import entry_for

NOW = 1_795_527_367_307_185
DAY = 86_400_000_000


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(place: str, clock: Clock) -> Iterator[Ledger]:
    with Ledger(place, clock=clock, wait_seconds=10) as ledger:
        yield ledger
        ledger.close()
        # A limit may be set below what is held already: here only the sums are checked.
        assert find_violations(read_books(place)._replace(budgets=[])) == []


def send(ledger: Ledger, name: str, credits: int = 10, **more: Any) -> None:
    ledger.reserve(name, f"job {name}", credits, **more)
    ledger.submitting(name)
    ledger.submitted(name, f"project {name}")


def state_of(ledger: Ledger, name: str) -> State:
    entry = ledger.get(name)
    assert entry is not None
    return entry.state


def test_a_glance_refuses_what_a_hold_would_and_holds_nothing(ledger: Ledger, clock: Clock) -> None:
    ledger.set_budget(Budget.of(credits=100, per="day"))
    ledger.reserve("x", "job x", 60, expires_after=5)
    ledger.check(40)
    ledger.check(40)
    for refused in ({"credits": 41}, {"credits": 1, "budgets": [Budget.of(usd=1, per="job")]}):
        with pytest.raises(BudgetError) as glance:
            ledger.check(**refused)
        with pytest.raises(BudgetError) as hold:
            ledger.reserve("y", "job y", **refused)
        assert str(glance.value) == str(hold.value)
    clock.now += 6_000_000
    ledger.check(100)  # the hold is over
    assert [entry.id for entry in ledger.entries()] == ["x"]


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), LedgerError("the disk fails")])
def test_a_claim_that_is_stopped_on_its_way_is_given_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, written: bool, stop: BaseException
) -> None:
    ledger.reserve("x", "job x", 10)
    move = ledger._store.move

    def stopped(entry_id: str, wanted: Move) -> Entry:
        if wanted.to is not State.SUBMITTING:
            return move(entry_id, wanted)
        if written:
            move(entry_id, wanted)
        raise stop

    monkeypatch.setattr(ledger._store, "move", stopped)
    with pytest.raises(type(stop)):
        ledger.submitting("x")
    assert state_of(ledger, "x") is (State.RELEASED if written else State.RESERVED)


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), LedgerError("the disk fails")])
def test_a_claim_that_cannot_be_given_back_is_said(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    ledger.reserve("x", "job x", 10)
    move = ledger._store.move
    stop = KeyboardInterrupt()

    def stopped(entry_id: str, wanted: Move) -> Entry:
        if wanted.to is not State.SUBMITTING:
            raise fault
        move(entry_id, wanted)
        raise stop

    monkeypatch.setattr(ledger._store, "move", stopped)
    with pytest.raises(KeyboardInterrupt):
        ledger.submitting("x")
    assert "which may be held as submitting still" in stop.__notes__[0]


def test_a_claim_of_another_call_stays_where_this_one_is_stopped(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.reserve("x", "job x", 10)
    move = ledger._store.move

    def stopped(entry_id: str, wanted: Move) -> Entry:
        move(entry_id, replace(wanted, claim="another's"))
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger._store, "move", stopped)
    with pytest.raises(KeyboardInterrupt):
        ledger.submitting("x")
    assert state_of(ledger, "x") is State.SUBMITTING


def test_an_entry_keeps_all_that_it_was_given(ledger: Ledger, place: str) -> None:
    given = ledger.reserve(
        "one",
        "lip-sync of clip.mov",
        450,
        usd=Fraction(450, 1000),
        scope=Scope("trailer", "lip-sync", "night"),
        estimate={"queued": 450, "why": ["ä"], "deep": {"low": None}},
        card_version="2026.11.1",
        expires_after=60,
    )
    send(ledger, "two")
    found = ledger.get("one")
    assert found == given
    assert found.usd == Decimal("0.45")
    assert found.estimate == {"queued": 450, "why": ["ä"], "deep": {"low": None}}
    assert (found.state, found.card_version) == (State.RESERVED, "2026.11.1")
    assert (found.reserved_at, found.changed_at, found.expires_at) == (NOW, NOW, NOW + 60_000_000)
    assert pickle.loads(pickle.dumps(found)) == found
    ledger.close()
    assert ledger.get("one") == given  # it is opened anew
    with Ledger(place) as other:
        assert [entry.id for entry in other.entries()] == ["one", "two"]
    assert ledger.get("three") is None


def test_a_job_goes_its_way(ledger: Ledger, clock: Clock) -> None:
    assert ledger.reserve("one", "f", 450, usd="0.45").open
    clock.now += 1
    assert ledger.submitting("one").state is State.SUBMITTING
    clock.now += 1
    entry = ledger.submitted("one", "cuid")
    assert (entry.state, entry.project_id, entry.changed_at) == ("submitted", "cuid", NOW + 2)
    clock.now += 1
    entry = ledger.settle("one", 360)
    assert (entry.state, entry.charged, entry.overrun) == ("settled", 360, 0)
    assert (entry.charged_usd, entry.credits, entry.usd) == (Decimal("0.36"), 450, Decimal("0.45"))
    assert (entry.reserved_at, entry.changed_at) == (NOW, NOW + 3)
    assert ledger.get("one") == entry
    assert not entry.open


TO: dict[str, Callable[[Ledger], Any]] = {
    "reserved": lambda ledger: ledger.reserve("x", "f", 5, expires_after=0),
    "submitting": lambda ledger: ledger.submitting("x"),
    "submitted": lambda ledger: ledger.submitted("x", "p"),
    "unknown": lambda ledger: ledger.unknown("x"),
    "settled": lambda ledger: ledger.settle("x", 4),
    "released": lambda ledger: ledger.release("x"),
    "settled by word": lambda ledger: ledger.settle("x", 4, word="Ann"),
    "released by word": lambda ledger: ledger.release("x", word="Ann"),
    "expired": lambda ledger: ledger.expire(),
}
WAYS = {
    "reserved": [],
    "submitting": ["submitting"],
    "submitted": ["submitting", "submitted"],
    "unknown": ["submitting", "unknown"],
    "settled": ["submitting", "submitted", "settled"],
    "released": ["released"],
    "expired": ["expired"],
}
ALLOWED = {
    "reserved": {"submitting", "released", "released by word", "expired"},
    "submitting": {"submitted", "unknown", "released", "released by word"},
    "submitted": {"submitted", "settled", "settled by word"},
    "unknown": {"unknown", "submitted", "settled by word", "released by word"},
    "settled": {"submitted", "settled", "settled by word"},
    "released": {"released", "released by word"},
    "expired": set(),
}


@pytest.mark.parametrize("state", WAYS)
def test_an_entry_goes_only_where_it_may(ledger: Ledger, state: str) -> None:
    for word in TO.keys() - {"reserved"}:
        name = f"{state} to {word}"

        def go(step: str, name: str = name) -> Any:
            if step == "expired":
                return ledger.expire()
            return {
                "submitting": lambda: ledger.submitting(name),
                "submitted": lambda: ledger.submitted(name, f"p {name}"),
                "unknown": lambda: ledger.unknown(name),
                "settled": lambda: ledger.settle(name, 4),
                "released": lambda: ledger.release(name),
                "settled by word": lambda: ledger.settle(name, 4, word="Ann"),
                "released by word": lambda: ledger.release(name, word="Ann"),
            }[step]()

        ledger.reserve(name, "f", 5, expires_after=0)
        for step in WAYS[state]:
            go(step)
        before = ledger.get(name)
        assert before is not None
        assert before.state == state
        if word == "expired":
            expected = "expired" if state == "reserved" else state
            go(word)
        elif word in ALLOWED[state]:
            go(word)
            expected = word.partition(" ")[0]
            expected = state if state == "settled" else expected
        else:
            with pytest.raises(StateError) as caught:
                go(word)
            assert caught.value.entry == before
            assert state in caught.value.message
            assert ledger.get(name) == before
            expected = state
        after = ledger.get(name)
        assert after is not None
        assert after.state == expected


def test_what_is_not_there_has_no_state(ledger: Ledger) -> None:
    for word, go in TO.items():
        if word in {"reserved", "expired"}:
            continue
        with pytest.raises(StateError, match="no entry 'x'") as caught:
            go(ledger)
        assert caught.value.entry is None
        assert caught.value.code == "no-entry"


def test_only_one_call_gets_to_submit(ledger: Ledger, place: str) -> None:
    ledger.reserve("x", "f", 5)
    got = []
    start = threading.Barrier(8)

    def claim() -> None:
        with Ledger(place) as mine:
            start.wait()
            try:
                mine.submitting("x")
            except StateError as error:
                assert "not sent twice" in error.message  # noqa: PT017
            else:
                got.append(1)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [1]


def test_who_gives_up_frees_nothing_that_another_sends(ledger: Ledger) -> None:
    ledger.reserve("a", "job", 5)
    assert ledger.withdraw("a").state is State.RELEASED
    assert ledger.withdraw("a").state is State.RELEASED
    ledger.reserve("b", "job", 5)
    ledger.submitting("b")
    with pytest.raises(StateError):
        ledger.withdraw("b")
    held = ledger.get("b")
    assert held is not None
    assert held.state is State.SUBMITTING


def test_only_its_sender_says_that_a_job_was_refused(
    ledger: Ledger, place: str, clock: Clock
) -> None:
    ledger.reserve("x", "f", 5)
    with Ledger(place, clock=clock) as other:
        assert other.reserve("x", "f", 5).state is State.RESERVED
        ledger.submitting("x")
        with pytest.raises(StateError, match="being sent by another call") as caught:
            other.release("x")
        assert caught.value.entry == ledger.get("x")
        assert ledger.release("x").state is State.RELEASED
        assert other.release("x").state is State.RELEASED


def test_a_sender_that_ended_is_spoken_for_by_a_person_only(ledger: Ledger, place: str) -> None:
    with Ledger(place) as killed:
        for name in "xy":
            killed.reserve(name, "f", 5)
            killed.submitting(name)
    with pytest.raises(StateError, match="say unknown first"):
        ledger.release("x")
    ledger.unknown("x")
    with pytest.raises(StateError, match="only a person can say"):
        ledger.release("x")
    for name in "xy":
        assert ledger.release(name, word="Ann").state is State.RELEASED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_does_not_speak_for_its_parent(ledger: Ledger) -> None:
    ledger.reserve("x", "f", 5)
    ledger.submitting("x")
    child = os.fork()
    if not child:
        try:
            ledger.release("x")
        except StateError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert ledger.release("x").state is State.RELEASED


def test_the_same_id_is_the_same_job(ledger: Ledger) -> None:
    first = ledger.reserve("x", "f", 5)
    assert ledger.reserve("x", "f", 7) == first
    with pytest.raises(ConflictError, match="another job") as caught:
        ledger.reserve("x", "g", 5)
    assert caught.value.entry == first
    sent = ledger.submitting("x")
    assert ledger.reserve("x", "f", 5) == sent
    ledger.set_budget(Budget.of(credits=0, per="ever"))
    ledger.set_budget(Budget.of(credits=0, per="job"))
    assert ledger.reserve("x", "f", 5) == sent  # it is held already


def test_what_was_said_once_is_not_booked_twice(ledger: Ledger, place: str) -> None:
    ledger.set_budget(Budget.of(credits=100, per="ever"))
    send(ledger, "x", 10)
    assert ledger.submitted("x", "project x").state is State.SUBMITTED
    with pytest.raises(ConflictError, match="'project x' of the API"):
        ledger.submitted("x", "other")
    first = ledger.settle("x", 7, usd="0.07")
    assert ledger.settle("x", 7) == ledger.settle("x", 7, usd="0.07") == first
    assert ledger.submitted("x", "project x") == first  # a webhook may come late
    for credits, usd in ((8, None), (7, "0.08")):
        with pytest.raises(ConflictError, match="settled at 7 credits"):
            ledger.settle("x", credits, usd=usd)
    assert ledger.status()[0].settled == 7


def test_a_project_of_the_api_belongs_to_one_entry(ledger: Ledger) -> None:
    send(ledger, "x")
    ledger.reserve("y", "f", 5)
    ledger.submitting("y")
    with pytest.raises(ConflictError, match="belongs to entry 'x'") as caught:
        ledger.submitted("y", "project x")
    assert caught.value.entry == ledger.get("x")
    assert [entry.id for entry in ledger.entries(project_id="project x")] == ["x"]


# ----------------------------------------------------------------------------------------- budgets


def test_a_budget_is_kept_to_the_credit(ledger: Ledger) -> None:
    budget = Budget.of(credits=100, per="ever")
    ledger.set_budget(budget)
    ledger.reserve("a", "f", 60)
    send(ledger, "b", 30)
    ledger.settle("b", 25)
    with pytest.raises(BudgetError) as caught:
        ledger.reserve("c", "f", 16)
    error = caught.value
    assert (error.budget, error.limit, error.asked) == (budget, 100, 16)
    assert (error.held, error.settled, error.overrun, error.ends) == (60, 25, 0, None)
    assert error.code == "over-budget"
    assert error.message == (
        "over the budget of 100 credits: 16 credits are asked, 60 credits are held by jobs that "
        "have not ended, 25 credits are spent"
    )
    assert pickle.loads(pickle.dumps(error)).held == 60
    assert ledger.get("c") is None
    ledger.reserve("c", "f", 15)
    (standing,) = ledger.status()
    assert (standing.reserved, standing.settled, standing.left) == (75, 25, 0)
    assert [entry.id for entry in standing.holders] == ["a", "c"]
    ledger.release("a")
    ledger.reserve("d", "f", 60)


def test_an_overrun_is_booked_and_counts(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=100, per="ever"))
    ledger.set_budget(Budget.of(usd=1, per="ever"))
    send(ledger, "a", 50, usd="0.5")
    entry = ledger.settle("a", 80)
    assert (entry.overrun, entry.charged_usd) == (30, Decimal("0.8"))
    credits, usd = ledger.status()
    assert (credits.settled, credits.overrun, credits.left) == (50, 30, 20)
    assert (usd.settled, usd.overrun, usd.left) == (USD // 2, USD * 3 // 10, USD // 5)
    with pytest.raises(BudgetError) as caught:
        ledger.reserve("b", "f", 21, usd=0)
    assert (caught.value.settled, caught.value.overrun) == (50, 30)
    send(ledger, "b", 20, usd=0)
    ledger.settle("b", 500)
    assert ledger.status()[0].left == 100 - 80 - 500
    with pytest.raises(BudgetError):
        ledger.reserve("c", "f", 1, usd=0)


def test_several_budgets_count_for_one_job(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=100, per="ever"))
    ledger.set_budget(Budget.of(credits=50, per="ever", project="a"))
    ledger.set_budget(Budget.of(credits=40, per="ever", endpoint="lip-sync"))
    ledger.set_budget(Budget.of(credits=30, per="job"))
    ledger.reserve("1", "f", 30, scope=Scope("a", "lip-sync"))
    for credits, scope, limit in (
        (31, Scope("b"), 30),
        (11, Scope("b", "lip-sync"), 40),
        (21, Scope("a"), 50),
    ):
        with pytest.raises(BudgetError) as caught:
            ledger.reserve("2", "f", credits, scope=scope)
        assert caught.value.limit == limit
    for number in range(2, 4):
        ledger.reserve(str(number), "f", 30, scope=Scope("b"))
    with pytest.raises(BudgetError) as caught:
        ledger.reserve("4", "f", 11)
    assert caught.value.limit == 100


def test_budgets_that_are_handed_in_count_too(ledger: Ledger) -> None:
    mine = Budget.of(credits=20, per="day")
    ledger.reserve("1", "f", 15)  # before anybody counted
    with pytest.raises(BudgetError):
        ledger.reserve("2", "f", 6, budgets=[mine])
    ledger.reserve("2", "f", 5, budgets=[mine])
    ledger.reserve("3", "f", 500)
    assert ledger.budgets() == ()
    (standing,) = ledger.status(budgets=[mine])
    assert (standing.reserved, standing.left) == (520, -500)
    ledger.set_budget(Budget.of(credits=1000, per="day"))
    with pytest.raises(BudgetError):
        ledger.reserve("4", "f", 1, budgets=[mine])  # the smaller one
    with pytest.raises(mh.InputError, match="budgets"):
        ledger.reserve("4", "f", 1, budgets=["much"])  # type: ignore[list-item]


def test_a_budget_that_is_set_later_counts_what_was_before(ledger: Ledger) -> None:
    ledger.reserve("1", "f", 30, scope=Scope("a"))
    send(ledger, "2", 30, scope=Scope("a"))
    ledger.settle("2", 40)
    ledger.reserve("3", "f", 30, scope=Scope("b"))
    ledger.set_budget(Budget.of(credits=80, per="ever", project="a"))
    assert ledger.status()[0].left == 10
    with pytest.raises(BudgetError):
        ledger.reserve("4", "f", 11, scope=Scope("a"))
    ledger.reserve("4", "f", 10, scope=Scope("a"))


def test_a_limit_can_be_changed_and_taken_away(ledger: Ledger, place: str) -> None:
    small, large = (Budget.of(credits=limit, per="day") for limit in (10, 100))
    with Ledger(place, clock=lambda: NOW) as other:
        other.reserve("0", "f", 0)
        ledger.set_budget(small)
        with pytest.raises(BudgetError):
            other.reserve("1", "f", 11)  # at once, in every process
        ledger.set_budget(large)
        other.reserve("1", "f", 11)
        assert other.budgets() == (large,)
        assert ledger.remove_budget(small)
        assert not ledger.remove_budget(small)
        other.reserve("2", "f", 1000)
        ledger.set_budget(small)
        assert other.status()[0].left == 10 - 1011
        ledger.set_budget(Budget.of(credits=10_000, per="day"))
        ledger.set_budget(Budget.of(credits=5, per="job"))
        with pytest.raises(BudgetError, match="a job"):
            other.reserve("3", "f", 6)
        ledger.remove_budget(Budget.of(credits=5, per="job"))
        other.reserve("3", "f", 6)


def test_a_window_ends_and_an_entry_stays_in_its_own(ledger: Ledger, clock: Clock) -> None:
    ledger.set_budget(Budget.of(credits=10, per="day"))
    send(ledger, "1", 10)
    with pytest.raises(BudgetError) as caught:
        ledger.reserve("2", "f", 1)
    first = ledger.status()[0]
    assert caught.value.ends == first.ends
    assert first.ends is not None
    clock.now = first.ends
    ledger.reserve("2", "f", 10)
    ledger.settle("1", 3)  # belongs to the day before
    (today,) = ledger.status()
    assert (today.starts, today.reserved, today.settled) == (first.ends, 10, 0)
    (before,) = ledger.status(at=NOW)
    assert (before.reserved, before.settled, before.left) == (0, 3, 7)
    clock.now = NOW  # the clock is set back
    ledger.reserve("3", "f", 7)
    with pytest.raises(BudgetError):
        ledger.reserve("4", "f", 1)


def test_a_run_has_a_budget_of_its_own(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=10, per="run"))
    for run in ("a", "b"):
        ledger.reserve(f"1 {run}", "f", 7, scope=Scope(run=run))
        with pytest.raises(BudgetError, match="a run"):
            ledger.reserve(f"2 {run}", "f", 4, scope=Scope(run=run))
    for name in ("3", "4"):
        ledger.reserve(name, "f", 10)  # each is a run of its own
    with pytest.raises(BudgetError):
        ledger.reserve("5", "f", 11)
    (standing,) = ledger.status(run="a")
    assert (standing.reserved, standing.starts, standing.ends) == (7, None, None)
    assert [entry.id for entry in standing.holders] == ["1 a"]
    assert ledger.status()[0].reserved == 0


def test_an_unknown_price_is_not_taken_for_nothing(ledger: Ledger) -> None:
    ledger.reserve("1", "f", 5)
    ledger.set_budget(Budget.of(usd=10, per="ever"))
    with pytest.raises(BudgetError, match="price of 1 earlier job") as caught:
        ledger.reserve("2", "f", 5, usd="0.01")
    assert caught.value.code == "unpriced"
    assert ledger.status()[0].unpriced == 1
    ledger.release("1")
    with pytest.raises(BudgetError, match="job's price is not known") as caught:
        ledger.reserve("2", "f", 5)
    assert caught.value.asked is None
    ledger.reserve("2", "f", 0, usd=0)
    ledger.submitting("2")
    ledger.submitted("2", "p2")
    assert ledger.settle("2", 5).charged_usd is None
    assert ledger.status()[0].unpriced == 1
    assert ledger.settle("2", 5) == ledger.get("2")


def test_dollars_are_rounded_up_so_that_no_limit_is_broken(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(usd="1/3", per="ever"))
    with pytest.raises(BudgetError):
        ledger.reserve("1", "f", 1, usd=Fraction(1, 3))
    entry = ledger.reserve("1", "f", 3, usd=Fraction(2, 7))
    assert entry.usd == Decimal("0.2857142858")
    ledger.submitting("1")
    ledger.submitted("1", "p")
    assert ledger.settle("1", 1).charged_usd == Decimal("0.0952380953")


# ---------------------------------------------------------------------------------- what is left


def test_only_what_was_never_submitted_expires(ledger: Ledger, clock: Clock) -> None:
    for name, lasts in (("soon", 1), ("late", 100), ("never", None), ("sent", 1), ("lost", 1)):
        ledger.reserve(name, "f", 5, expires_after=lasts)
    ledger.submitting("sent")
    ledger.submitting("lost")
    ledger.unknown("lost")
    assert ledger.expire() == ()
    clock.now += 1_000_000
    assert [entry.id for entry in ledger.expire()] == ["soon"]
    clock.now += 20 * 365 * DAY
    assert [entry.id for entry in ledger.expire()] == ["late"]
    assert ledger.expire() == ()
    assert {entry.id for entry in ledger.entries(open_only=True)} == {"never", "sent", "lost"}
    with pytest.raises(StateError, match="a new attempt needs a new id"):
        ledger.submitting("soon")


def test_a_hold_that_is_over_is_not_given_again(ledger: Ledger, clock: Clock) -> None:
    ledger.reserve("a", "job", 5, expires_after=60)
    assert ledger.reserve("a", "job", 5).state is State.RESERVED
    clock.now += 61_000_000
    assert ledger.reserve("a", "job", 5).state is State.EXPIRED
    ledger.reserve("b", "job", 5, expires_after=60)
    clock.now += 61_000_000
    assert entry_for(ledger, "b", "job") == ("b#2", None)


def test_a_hold_of_another_run_keeps_out_of_this_ones_budget(ledger: Ledger) -> None:
    ledger.reserve("a", "job", 300, scope=Scope(run="one"))
    with pytest.raises(StateError, match="held for another") as error:
        ledger.reserve("a", "job", 300, scope=Scope(run="two"))
    assert error.value.code == "held-elsewhere"


def test_room_is_made_by_what_is_over(ledger: Ledger, clock: Clock) -> None:
    ledger.set_budget(Budget.of(credits=10, per="ever"))
    ledger.reserve("1", "f", 10, expires_after=5)
    with pytest.raises(BudgetError):
        ledger.reserve("2", "f", 1)
    clock.now += 5_000_000
    ledger.reserve("2", "f", 10)
    assert [entry.state for entry in ledger.entries()] == ["expired", "reserved"]


def test_recovery_lists_what_needs_a_person(ledger: Ledger, clock: Clock) -> None:
    for name in ("reserved", "submitting", "submitted", "unknown", "settled"):
        ledger.reserve(name, "f", 5, expires_after=None)
    for name in ("submitting", "submitted", "unknown", "settled"):
        ledger.submitting(name)
    ledger.unknown("unknown")
    for name in ("submitted", "settled"):
        ledger.submitted(name, name)
    ledger.settle("settled", 5)

    def listed(**ages: float) -> list[str]:
        return [entry.id for entry in ledger.recover(**ages)]

    assert listed() == ["unknown"]
    assert listed(submitting_seconds=0) == ["submitting", "unknown"]
    clock.now += 3600 * 1_000_000
    assert listed() == ["submitting", "unknown"]
    clock.now += DAY
    assert listed() == ["reserved", "submitting", "submitted", "unknown"]
    ledger.unknown("submitting")
    for name in ("submitting", "unknown"):
        with pytest.raises(StateError, match="only a person can say"):
            ledger.release(name)
        with pytest.raises(StateError, match="only a person can say"):
            ledger.settle(name, 5)
    assert ledger.release("submitting", word="Ann looked it up").word == "Ann looked it up"
    settled = ledger.settle("unknown", 4, word="Ann")
    assert (settled.charged, settled.word, settled.project_id) == (4, "Ann", None)
    assert listed() == ["reserved", "submitted"]


def test_entries_are_found_by_what_they_are(ledger: Ledger, clock: Clock) -> None:
    for number in range(1, 5):
        scope = Scope("ab"[number % 2], ["lip-sync", "face-swap"][number // 3], f"run {number}")
        ledger.reserve(str(number), "f", number, scope=scope)
        clock.now += 10
    ledger.release("4")

    def found(**by: Any) -> list[str]:
        return [entry.id for entry in ledger.entries(**by)]

    assert found() == ["1", "2", "3", "4"]
    assert found(project="a") == ["2", "4"]
    assert found(endpoint="lip-sync", project="b") == ["1"]
    assert found(run="run 3") == ["3"]
    assert found(state="released") == found(state=State.RELEASED) == ["4"]
    assert found(open_only=True) == ["1", "2", "3"]
    assert found(since=NOW + 10, until=NOW + 30) == ["2", "3"]
    assert found(state="settled") == []
    with pytest.raises(mh.InputError, match="state"):
        found(state="lost")


def test_many_entries_are_read_in_parts_while_others_write(ledger: Ledger) -> None:
    for number in range(1, 1102):
        ledger.reserve(f"{number}", "f", 1)
    entries = ledger.entries()
    first = [next(entries).id for _ in range(10)]
    ledger.reserve("later", "f", 1)
    seen = [*first, *(entry.id for entry in entries)]
    assert seen == [*map(str, range(1, 1102)), "later"]


# ------------------------------------------------------------------------------------- wrong values


@pytest.mark.parametrize("credits", [True, 1.5, 7.0, "7", float("nan"), -1, 2**63, 10**16, None])
def test_credits_are_whole(ledger: Ledger, credits: Any) -> None:
    with pytest.raises(mh.InputError, match="credits"):
        ledger.reserve("x", "f", credits)
    send(ledger, "x")
    with pytest.raises(mh.InputError, match="credits"):
        ledger.settle("x", credits)
    entry = ledger.get("x")
    assert entry is not None
    assert entry.state is State.SUBMITTED


@pytest.mark.parametrize("usd", [True, "much", float("nan"), float("inf"), -1, 2**63, object()])
def test_dollars_are_numbers(ledger: Ledger, usd: Any) -> None:
    with pytest.raises(mh.InputError, match="usd"):
        ledger.reserve("x", "f", 5, usd=usd)
    send(ledger, "x")
    with pytest.raises(mh.InputError, match="usd"):
        ledger.settle("x", 5, usd=usd)


@pytest.mark.parametrize(
    "wrong", ["", "x" * 201, "two\nlines", "nul\0", "half \ud800", 7, None, b"x"]
)
def test_names_are_one_line(ledger: Ledger, wrong: Any) -> None:
    with pytest.raises(mh.InputError, match="id"):
        ledger.reserve(wrong, "f", 5)
    with pytest.raises(mh.InputError, match="fingerprint"):
        ledger.reserve("x", wrong, 5)
    send(ledger, "x")
    for call in (ledger.get, ledger.submitting, ledger.unknown, ledger.release):
        with pytest.raises(mh.InputError, match="id"):
            call(wrong)
    with pytest.raises(mh.InputError, match="project_id"):
        ledger.submitted("x", wrong)
    if wrong is not None:
        with pytest.raises(mh.InputError, match="word"):
            ledger.release("x", word=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "a"},
        {"estimate": {"low": float("nan")}},
        {"estimate": {"low": object()}},
        {"estimate": [1]},
        {"estimate": {"x": "y" * 70_000}},
        {"card_version": 7},
        {"expires_after": -1},
        {"expires_after": "soon"},
    ],
)
def test_nothing_is_held_by_wrong_values(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with pytest.raises(mh.InputError, match=next(iter(wrong))):
        ledger.reserve("x", "f", 5, **wrong)
    assert ledger.get("x") is None


def test_a_budget_is_a_budget(ledger: Ledger) -> None:
    for call in (ledger.set_budget, ledger.remove_budget):
        with pytest.raises(mh.InputError, match="budget"):
            call("much")  # type: ignore[arg-type]


@pytest.mark.parametrize("now", [-1, 10**20, 1.5, None, True])
def test_a_clock_that_shows_no_time_is_refused(ledger: Ledger, clock: Clock, now: Any) -> None:
    clock.now = now
    with pytest.raises(LedgerError, match="clock"):
        ledger.reserve("x", "f", 5)


def test_names_may_be_of_any_language(ledger: Ledger) -> None:
    name = "Müller's 🎬 '; DROP TABLE entries; -- %s {} \\"
    ledger.reserve(name, name, 5, scope=Scope(name, name, name))
    entry = ledger.get(name)
    assert entry is not None
    assert entry.scope == Scope(name, name, name)
    assert [each.id for each in ledger.entries(project=name)] == [name]


# ------------------------------------------------------------------------------ threads and forks


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=50, per="ever"))
    granted: list[str] = []

    def work(number: int) -> None:
        for each in range(10):
            try:
                send(ledger, f"{number}-{each}", 1)
            except BudgetError:
                continue
            granted.append(ledger.settle(f"{number}-{each}", 1).id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(granted) == len(set(granted)) == 50
    assert ledger.status()[0].settled == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_opens_its_own_and_leaves_the_parents_alone(ledger: Ledger) -> None:
    import gc

    ledger.set_budget(Budget.of(credits=10, per="ever"))
    ledger.reserve("parent", "f", 1)
    child = os.fork()
    if not child:  # pragma: no cover  another process
        code = 1
        try:
            ledger.reserve("child", "f", 1)
            ledger.submitting("child")
            ledger.close()
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    idle = os.fork()
    if not idle:  # pragma: no cover  another process
        del ledger
        gc.collect()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(idle, 0)[1]) == 0
    assert [entry.state for entry in ledger.entries()] == ["reserved", "submitting"]
    ledger.reserve("parent again", "f", 1)
    assert ledger.status()[0].reserved == 3


def test_a_ledger_shows_where_it_lies(ledger: Ledger, place: str) -> None:
    assert repr(ledger).startswith("Ledger('")
    assert place.partition("?")[0] in repr(ledger)
