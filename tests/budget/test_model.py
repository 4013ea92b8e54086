from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from budget.reckoning import find_violations, read_books
from budget.serving_postgres import sql
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mh_preflight.budget import (
    Budget,
    BudgetError,
    ConflictError,
    Ledger,
    Scope,
    StateError,
    Unit,
)

START = 1_774_742_400_000_000  # a day on which summer begins in Berlin
HOUR = 3_600_000_000
NAMES = st.sampled_from(["one", "two", "three", "four"])
SCOPES = st.builds(
    Scope,
    project=st.sampled_from(["", "a", "b"]),
    endpoint=st.sampled_from([None, "lip-sync"]),
    run=st.sampled_from([None, "r"]),
)
BUDGETS = st.builds(
    Budget,
    limit=st.integers(0, 60) | st.integers(60, 120),
    per=st.sampled_from(["job", "run", "day", "month", "ever"]),
    unit=st.sampled_from(["credits", "usd"]),
    project=st.sampled_from([None, "a"]),
    endpoint=st.sampled_from([None, "lip-sync"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
)
CREDITS = st.integers(0, 30)
USD = st.none() | st.integers(0, 30)
WORDS = st.sampled_from([None, "Ann"])

FROM = {
    "submitting": {"reserved"},
    "submitted": {"submitting", "unknown"},
    "unknown": {"submitting"},
    "settled": {"submitted"},
    "released": {"reserved", "submitting"},
}
HOLDING = {"reserved", "submitting", "submitted", "unknown"}


def window(per: str, zone: str, at: int) -> Any:
    """Give what tells windows apart: what the clock on the wall shows."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    day = shown.astimezone(ZoneInfo(zone)).date()
    return {"day": day, "month": (day.year, day.month)}.get(per)


class Model(RuleBasedStateMachine):
    """A ledger beside a dictionary."""

    place = ""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.entries: dict[str, dict[str, Any]] = {}
        self.budgets: dict[tuple[str, ...], Budget] = {}
        self.sending: set[str] = set()
        self.folder = tempfile.TemporaryDirectory()
        if self.place:
            sql(self.place, "DROP SCHEMA IF EXISTS mh_preflight CASCADE")
        self.where = self.place or str(Path(self.folder.name) / "ledger.sqlite")
        self.ledger = Ledger(self.where, clock=lambda: self.now)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()

    # ---------------------------------------------------------------------------------- the model

    def held(self, budget: Budget, scope: Scope) -> tuple[int, bool]:
        """Give what a budget's window holds, and whether all of it has a price."""
        total, priced = 0, True
        usd = budget.unit is Unit.USD
        for entry in self.entries.values():
            of = entry["scope"]
            if budget.project not in {None, of.project}:
                continue
            if budget.endpoint not in {None, of.endpoint}:
                continue
            if budget.per == "run" and of.run != scope.run:
                continue
            here = window(budget.per, budget.zone, self.now)
            if window(budget.per, budget.zone, entry["at"]) != here:
                continue
            value = 0
            if entry["state"] in HOLDING:
                value = entry["usd" if usd else "credits"]
            elif entry["state"] == "settled":
                value = entry["charged_usd" if usd else "charged"]
            priced &= value is not None
            total += value or 0
        return total, priced

    def fits(self, budget: Budget, scope: Scope, credits: int, usd: int | None) -> bool:
        if budget.project not in {None, scope.project}:
            return True
        if budget.endpoint not in {None, scope.endpoint}:
            return True
        asked = credits if budget.unit is Unit.CREDITS else usd
        if asked is None:
            return False
        if budget.per == "job" or (budget.per == "run" and scope.run is None):
            return asked <= budget.limit
        total, priced = self.held(budget, scope)
        return priced and total + asked <= budget.limit

    def move(  # noqa: C901, PLR0912  the rules, one after another
        self, name: str, to: str, do: Any, *, word: str | None = None, **values: Any
    ) -> None:
        entry = self.entries.get(name)
        allowed = FROM[to] | ({"unknown"} if word and to in {"settled", "released"} else set())
        if to == "released" and not word and name not in self.sending:
            allowed = {"reserved"}
        if entry is None:
            with pytest.raises(StateError):
                do()
        elif entry["state"] in allowed:
            other = [
                each
                for each in self.entries.values()
                if values.get("project_id") and each["project_id"] == values["project_id"]
            ]
            if other and other != [entry]:
                with pytest.raises(ConflictError):
                    do()
                return
            if to == "settled" and values["charged_usd"] is None:
                values["charged_usd"] = self.price(entry, values["charged"])
            entry.update(values, state=to)
            self.check(name, do())
            self.sending = (self.sending | {name}) if to == "submitting" else self.sending - {name}
        elif to == "submitting":
            with pytest.raises(StateError):
                do()
        elif to == "submitted" and entry["project_id"] is not None:
            if entry["project_id"] == values["project_id"]:
                self.check(name, do())
            else:
                with pytest.raises(ConflictError):
                    do()
        elif to == entry["state"] == "settled":
            given = values["charged_usd"]
            if entry["charged"] == values["charged"] and given in {None, entry["charged_usd"]}:
                self.check(name, do())
            else:
                with pytest.raises(ConflictError):
                    do()
        elif to == entry["state"]:
            self.check(name, do())
        else:
            with pytest.raises(StateError):
                do()

    @staticmethod
    def price(entry: dict[str, Any], charged: int) -> Any:
        if not charged:
            return 0
        if entry["usd"] is None or not entry["credits"]:
            return None
        return -(-entry["usd"] * charged // entry["credits"])

    def check(self, name: str, found: Any) -> None:
        assert found is not None
        entry = self.entries[name]
        assert (found.state, found.credits, found.charged) == (
            entry["state"],
            entry["credits"],
            entry["charged"],
        )
        assert found.project_id == entry["project_id"]
        for what in ("usd", "charged_usd"):
            value = getattr(found, what)
            assert (None if value is None else int(value * 10**10)) == entry[what]

    # ---------------------------------------------------------------------------------- the rules

    @rule(
        name=NAMES,
        job=st.sampled_from(["f", "f", "f", "g"]),
        credits=CREDITS,
        usd=USD,
        scope=SCOPES,
        more=st.lists(BUDGETS, max_size=1),
        lasts=st.sampled_from([None, 1.0]),
    )
    def reserve(
        self,
        name: str,
        job: str,
        credits: int,
        usd: int | None,
        scope: Scope,
        more: list[Budget],
        lasts: float | None,
    ) -> None:
        def do() -> Any:
            dollars = None if usd is None else f"{usd}e-10"
            return self.ledger.reserve(
                name, job, credits, usd=dollars, scope=scope, budgets=more, expires_after=lasts
            )

        there = self.entries.get(name)
        if there is not None:
            if there["job"] != job:
                with pytest.raises(ConflictError):
                    do()
                return
            if there["state"] == "reserved" and (there["expires"] or self.now + 1) <= self.now:
                self.expire_all()
            elif there["state"] == "reserved" and there["scope"] != scope:
                with pytest.raises(StateError):
                    do()
                return
            self.check(name, do())
            return
        every = [*self.budgets.values(), *more]
        if not all(self.fits(budget, scope, credits, usd) for budget in every):
            self.expire_all()
        if not all(self.fits(budget, scope, credits, usd) for budget in every):
            with pytest.raises(BudgetError):
                do()
            return
        self.entries[name] = {
            "job": job,
            "state": "reserved",
            "credits": credits,
            "usd": usd,
            "scope": scope,
            "at": self.now,
            "charged": None,
            "charged_usd": None,
            "project_id": None,
            "expires": None if lasts is None else self.now + 1_000_000,
        }
        self.check(name, do())

    def expire_all(self) -> set[str]:
        expired = set()
        for name, entry in self.entries.items():
            if entry["state"] == "reserved" and entry["expires"] is not None:  # noqa: SIM102
                if entry["expires"] <= self.now:
                    entry["state"] = "expired"
                    expired.add(name)
        return expired

    @rule(name=NAMES)
    def submitting(self, name: str) -> None:
        self.move(name, "submitting", lambda: self.ledger.submitting(name))

    @rule(name=NAMES, project=st.sampled_from(["p1", "p2", "p3", "p4"]))
    def submitted(self, name: str, project: str) -> None:
        self.move(
            name, "submitted", lambda: self.ledger.submitted(name, project), project_id=project
        )

    @rule(name=NAMES)
    def unknown(self, name: str) -> None:
        self.move(name, "unknown", lambda: self.ledger.unknown(name))

    @rule(name=NAMES, credits=CREDITS, usd=USD, word=WORDS)
    def settle(self, name: str, credits: int, usd: int | None, word: str | None) -> None:
        dollars = None if usd is None else f"{usd}e-10"
        self.move(
            name,
            "settled",
            lambda: self.ledger.settle(name, credits, usd=dollars, word=word),
            word=word,
            charged=credits,
            charged_usd=usd,
        )

    @rule(name=NAMES, word=WORDS)
    def release(self, name: str, word: str | None) -> None:
        self.move(name, "released", lambda: self.ledger.release(name, word=word), word=word)

    @rule(name=NAMES, credits=CREDITS, times=st.integers(1, 4))
    def go_on(self, name: str, credits: int, times: int) -> None:
        """Go the usual way, which steps by chance seldom do."""
        for _ in range(times):
            state = self.entries.get(name, {}).get("state")
            if state is None:
                self.reserve(name, "f", credits, credits, Scope("a"), [], None)
            elif state == "reserved":
                self.submitting(name)
                self.submitting(name)
            elif state in {"submitting", "unknown"}:
                self.submitted(name, f"project {name}")
            elif state == "submitted":
                self.settle(name, credits, None, None)

    @rule()
    def expire(self) -> None:
        assert {entry.id for entry in self.ledger.expire()} == self.expire_all()

    @rule(hours=st.sampled_from([0.001, 1, 7, 24, 24 * 31, -24 * 40]))
    def wait(self, hours: float) -> None:
        self.now += int(hours * HOUR)

    @rule(budget=BUDGETS)
    def set_budget(self, budget: Budget) -> None:
        self.ledger.set_budget(budget)
        self.budgets[budget.identity] = budget

    @rule(budget=BUDGETS)
    def remove_budget(self, budget: Budget) -> None:
        there = self.budgets.pop(budget.identity, None)
        assert self.ledger.remove_budget(budget) == (there is not None)

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.where, clock=lambda: self.now)
        self.sending = set()

    @rule(run=st.sampled_from([None, "r"]))
    def status(self, run: str | None) -> None:
        standings = self.ledger.status(run=run)
        assert {each.budget for each in standings} == set(self.budgets.values())
        for each in standings:
            if each.budget.per == "job" or (each.budget.per == "run" and run is None):
                continue
            total, priced = self.held(each.budget, Scope(run=run))
            assert each.reserved + each.settled + each.overrun == total
            assert each.left == each.limit - total
            assert (each.unpriced == 0) == priced

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "ledger"):
            return
        books = read_books(self.where)
        # A budget may be set below what was spent before: limits are checked by the model.
        assert find_violations(books._replace(budgets=[])) == []
        assert {row["id"]: row["state"] for row in books.entries} == {
            name: entry["state"] for name, entry in self.entries.items()
        }


def test_a_ledger_does_what_a_dictionary_does() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Model, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_a_ledger_in_postgresql_does_what_a_dictionary_does(postgres_address: str) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    class InPostgres(Model):
        place = postgres_address

    run_state_machine_as_test(
        InPostgres,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
