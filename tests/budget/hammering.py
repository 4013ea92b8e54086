"""Processes that reserve, send and settle, and are killed at random moments.

`python hammering.py PLACE FOLDER SECONDS SEED [BUG]` runs 8 of them and a reconciler against one
ledger. FOLDER/jobs is the server: a line a job that was created there. FOLDER/seen has a line for
each change that the ledger acknowledged. With a BUG, the ledger is one that has it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mh_preflight.budget import (
    Budget,
    BudgetError,
    Ledger,
    Scope,
    State,
    StateError,
)

__all__ = ["Fake", "budgets_of", "hammer", "read_jobs", "resolve"]

WORKERS = 8


def budgets_of(seconds: float) -> tuple[Budget, ...]:
    """Give budgets that are used up some time before the end."""
    most = int(60 * seconds)
    return (
        Budget.of(credits=most, per="ever"),
        Budget.of(credits=most // 2, per="ever", project="a"),
        Budget.of(credits=most // 2, per="month", endpoint="lip-sync", zone="Asia/Kathmandu"),
        Budget.of(usd=most * 9 // 1000, per="day"),
        Budget.of(credits=19, per="job"),
    )


class Fake:
    """A server that has neither keys nor a list: a file of what was sent to it."""

    def __init__(self, folder: Path, *, overruns: bool = True) -> None:
        self._overruns = overruns
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._jobs = os.open(folder / "jobs", flags, 0o600)
        self._seen = os.open(folder / "seen", flags, 0o600)

    def create(self, entry: str, credits: int) -> str:
        project = f"project-{entry}"
        os.write(self._jobs, f"{entry} {project} {self.charge(entry, credits)}\n".encode())
        return project

    def charge(self, entry: str, credits: int) -> int:
        """Most jobs fail and cost nothing, so that there is room for others; some cost more."""
        beyond = 3 if self._overruns else 0
        choices = [0, 0, 0, 0, 0, 0, 1, credits // 2, credits, credits + beyond]
        return random.Random(entry).choice(choices)

    def see(self, entry: str, state: str) -> None:
        os.write(self._seen, f"{entry} {state}\n".encode())


def hammer(place: str, folder: Path, seconds: float, seed: int, bug: str = "") -> None:
    """Let it run for a while; it ends all that it started."""
    command = [sys.executable, "-W", "ignore", __file__, place, str(folder), str(seconds)]
    command += [str(seed), *([bug] if bug else [])]
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, *sys.path])
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert not ended.stderr, ended.stderr[-3000:]


def resolve(ledger: Ledger, jobs: dict[str, tuple[str, int]]) -> None:
    """Say of each entry that recovery lists what became of it, as a person would."""
    for entry in ledger.recover(submitting_seconds=0, submitted_seconds=0):
        _resolve(ledger, entry.id, entry.state, jobs)


def _resolve(ledger: Ledger, name: str, state: State, jobs: dict[str, tuple[str, int]]) -> None:
    with contextlib.suppress(StateError):
        if state is State.RESERVED:
            ledger.release(name)
            return
        if state is State.SUBMITTING:
            ledger.unknown(name)
        if name not in jobs:
            ledger.release(name, word="it is not in the file")
            return
        project, charge = jobs[name]
        ledger.submitted(name, project)
        ledger.settle(name, charge)


# -------------------------------------------------------------------------------- in its processes


def _work(place: str, folder: Path, chance: random.Random, *, overruns: bool) -> None:
    ledger, server, number = Ledger(place), Fake(folder, overruns=overruns), 0
    while True:
        number += 1
        name, shared = f"{os.getpid()}-{number}", chance.random() < 0.2
        if shared:  # an id that others use too, and at the same time
            name = f"shared-{time.monotonic_ns() // 50_000_000}"
        try:
            _send(ledger, server, name, shared, chance)
        except BudgetError:
            (folder / "refused").touch()
        except StateError:
            pass  # another process was faster with a shared id


def _send(ledger: Ledger, server: Fake, name: str, shared: bool, chance: random.Random) -> None:
    same = random.Random(name) if shared else chance
    scope = Scope(same.choice("ab"), same.choice(["lip-sync", "face-swap"]))
    credits = same.randint(1, 20)
    pause, gives_up = (0.005, 0.3) if shared else (0.0, 0.05)  # others come between
    entry = ledger.reserve(
        name, f"job {name}", credits, usd=f"0.{credits:02d}", scope=scope, expires_after=0.3
    )
    server.see(name, "reserved")
    if chance.random() < 0.05:
        return  # forgotten: it expires
    time.sleep(chance.uniform(0, pause))
    if chance.random() < gives_up:
        ledger.release(name)
        server.see(name, "released")
        return
    ledger.submitting(name)
    server.see(name, "submitting")
    time.sleep(chance.uniform(0, pause))
    if chance.random() < 0.05:  # refused
        ledger.release(name)
        server.see(name, "released")
        return
    project = server.create(name, entry.credits)
    if chance.random() < 0.1:  # the answer is lost
        ledger.unknown(name)
        server.see(name, "unknown")
        return
    ledger.submitted(name, project)
    server.see(name, "submitted")
    if chance.random() < 0.8:
        ledger.settle(name, server.charge(name, entry.credits))
        server.see(name, "settled")


def read_jobs(folder: Path) -> dict[str, tuple[str, int]]:
    with contextlib.suppress(FileNotFoundError):
        lines = (folder / "jobs").read_text().splitlines()
        return {line.split()[0]: (line.split()[1], int(line.split()[2])) for line in lines}
    return {}


def _reconcile(place: str, folder: Path) -> None:
    """Expire what is over, and say what became of the jobs of processes that are gone."""
    ledger = Ledger(place)
    while True:
        ledger.expire()
        entries = ledger.recover(submitting_seconds=0, submitted_seconds=0)
        gone = [entry for entry in entries if not _alive(entry.id)]
        jobs = read_jobs(folder)
        for entry in gone:
            if entry.state is not State.RESERVED:
                _resolve(ledger, entry.id, entry.state, jobs)
        time.sleep(0.05)


def _alive(name: str) -> bool:
    owner = name.partition("-")[0]
    if owner == "shared":
        return True  # it is not known whose it is
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    return True


def _main(place: str, folder: Path, seconds: float, seed: int, bug: str) -> None:
    if bug:  # without overruns, which leave room that no limit counts
        from budget.bugs import plant

        plant(bug)
    chance = random.Random(seed)
    with Ledger(place) as ledger:
        for budget in budgets_of(seconds):
            ledger.set_budget(budget)
    started: dict[int, int] = {}
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            for slot in set(range(WORKERS + 1)) - set(started.values()):
                seed = chance.randrange(1 << 30)
                started[_start(slot, place, folder, seed, overruns=not bug)] = slot
            time.sleep(chance.uniform(0, 0.1))
            if chance.random() < 0.9:
                _end(started, chance.choice(list(started)))
    finally:
        for process in list(started):
            _end(started, process)


def _start(slot: int, place: str, folder: Path, seed: int, *, overruns: bool) -> int:
    process = os.fork()
    if process:
        return process
    try:
        if slot == WORKERS:
            _reconcile(place, folder)
        else:
            _work(place, folder, random.Random(seed), overruns=overruns)
    except BaseException:  # noqa: BLE001  a child must not go on as its parent
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _end(started: dict[int, int], process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    del started[process]


def _arguments(place: str, folder: str, seconds: str, seed: str, bug: str = "") -> Any:
    return place, Path(folder), float(seconds), int(seed), bug


if __name__ == "__main__":
    _main(*_arguments(*sys.argv[1:]))
