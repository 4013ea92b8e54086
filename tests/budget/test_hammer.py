from __future__ import annotations

import os
from pathlib import Path

import pytest
from budget.bugs import BUGS
from budget.hammering import budgets_of, hammer, read_jobs, resolve
from budget.reckoning import Job, find_violations, read_books

from mh_preflight.budget import FINAL, Ledger

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed by fork")


def violations(place: str, folder: Path) -> list[str]:
    lines = (folder / "jobs").read_text().splitlines()
    jobs = [Job(*line.split()) for line in lines]
    seen = [tuple(line.split()) for line in (folder / "seen").read_text().splitlines()]
    return find_violations(
        read_books(place), jobs=jobs, seen=[(name, state) for name, state in seen]
    )


def run(place: str, folder: Path, seconds: float) -> None:
    hammer(place, folder, seconds, seed=7)
    assert violations(place, folder) == []
    books = read_books(place)
    states = {entry["state"] for entry in books.entries}
    assert len(books.entries) > 5 * seconds
    assert {"settled", "released", "expired"} <= states
    assert (folder / "refused").exists()
    assert any(entry["charged"] > entry["credits"] for entry in books.entries if entry["charged"])

    with Ledger(place, clock=lambda: 4_000_000_000_000_000) as ledger:
        ledger.expire()
        listed = {entry.id for entry in ledger.recover()}
        waiting = {entry["id"] for entry in books.entries if entry["state"] not in FINAL}
        assert {entry.id for entry in ledger.entries(open_only=True)} == listed <= waiting
        resolve(ledger, read_jobs(folder))
        assert ledger.recover(submitting_seconds=0, submitted_seconds=0) == ()
        assert not list(ledger.entries(open_only=True))
        assert set(ledger.budgets()) == set(budgets_of(seconds))

    assert violations(place, folder) == []
    settled = {e["id"]: e["charged"] for e in read_books(place).entries if e["state"] == "settled"}
    assert settled == {name: charge for name, (_, charge) in read_jobs(folder).items()}


def test_nothing_is_lost_or_overspent_where_processes_are_killed(
    place: str, tmp_path: Path
) -> None:
    run(place, tmp_path, 4.0)


@pytest.mark.slow
def test_nothing_is_lost_or_overspent_in_a_minute_of_killing(place: str, tmp_path: Path) -> None:
    run(place, tmp_path, 60.0)


@pytest.mark.parametrize("bug", BUGS)
def test_the_hammer_finds_a_ledger_with(bug: str, tmp_path: Path) -> None:
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        place = str(folder / "ledger.sqlite")
        hammer(place, folder, 2.5, seed, bug)
        if violations(place, folder):
            return
    pytest.fail(f"{bug} was not found")
