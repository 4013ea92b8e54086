"""What can go wrong with a ledger in a file."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from budget.reckoning import find_violations, read_books

from mh_preflight.budget import Budget, Ledger, LedgerError

fcntl = pytest.importorskip("fcntl", reason="its lock is not there")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def fails(code: str, do: Callable[[], object], *, within: float = 20.0) -> LedgerError:
    begun = time.monotonic()
    with pytest.raises(LedgerError) as caught:
        do()
    assert time.monotonic() - begun < within
    assert caught.value.code == code, caught.value
    return caught.value


def forked(work: Callable[[], object]) -> int:
    """Start a process that works and ends with 0, or 1 where it fails."""
    process = os.fork()
    if not process:  # pragma: no cover  another process
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  a child must not go on as its parent
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return process


def ended(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_new_ledger_is_the_users_own(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.reserve("x", "f", 5)
        assert path.stat().st_mode & 0o777 == 0o600
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("SELECT count(uuid) FROM meta").fetchone() == (1,)
    database.close()


def test_a_change_waits_for_the_disk(path: Path) -> None:
    with Ledger(path) as ledger, ledger._store._sessions.use() as session:  # type: ignore[attr-defined]  # noqa: SLF001
        assert session.db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("moved", ["renamed", "deleted", "replaced", "-wal", "-shm"])
def test_a_ledger_that_was_moved_takes_nothing(path: Path, moved: str) -> None:
    with Ledger(path) as ledger:
        ledger.reserve("before", "f", 5)
        away = path.with_name("away")
        if moved.startswith("-"):
            Path(f"{path}{moved}").rename(away)
        elif moved == "deleted":
            path.rename(away)
        else:
            path.rename(away)
            if moved == "replaced":
                shutil.copy(away, path)
        for do in (
            lambda: ledger.reserve("after", "f", 5),
            lambda: ledger.submitting("before"),
            lambda: ledger.set_budget(Budget.of(credits=1, per="day")),
            lambda: list(ledger.entries()),
            lambda: ledger.get("before"),
        ):
            assert "replaced, renamed or deleted" in fails("replaced", do).message
        away.replace(f"{path}{moved}" if moved.startswith("-") else path)
        assert [entry.id for entry in ledger.entries()] == ["before"]
        ledger.reserve("after", "f", 5)
    assert find_violations(read_books(str(path)), seen=[("after", "reserved")]) == []


def test_a_ledger_with_two_names_takes_nothing(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.reserve("before", "f", 5)
        other = path.with_name("other")
        other.hardlink_to(path)
        assert "hard link" in fails("linked", lambda: ledger.reserve("after", "f", 5)).message
        assert "hard link" in fails("linked", lambda: Ledger(other)).message
        other.unlink()
        ledger.reserve("after", "f", 5)


def test_a_link_to_a_ledger_is_the_ledger(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.reserve("before", "f", 5)
        link = path.with_name("link")
        link.symlink_to(path)
        with Ledger(link) as same:
            assert same.get("before") == ledger.get("before")


@contextmanager
def locked(path: Path, *, stop: bool = False) -> Iterator[Callable[[], None]]:
    """Let another process have the lock, until it is told to let go."""
    read, write = os.pipe()
    ready, say = os.pipe()

    def hold() -> None:
        os.close(write)
        lock = os.open(f"{path}.lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(say, b"x")
        os.read(read, 1)

    holder = forked(hold)
    os.read(ready, 1)
    if stop:
        os.kill(holder, signal.SIGSTOP)
    try:
        yield lambda: os.kill(holder, signal.SIGKILL)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        for descriptor in (read, write, ready, say):
            os.close(descriptor)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("stop", [False, True])
def test_a_process_that_keeps_the_lock_is_waited_for_only_so_long(path: Path, stop: bool) -> None:
    with Ledger(path, wait_seconds=0.3) as ledger:
        ledger.reserve("x", "f", 5)
        with locked(path, stop=stop):
            for _ in range(3):
                error = fails("busy", lambda: ledger.submitting("x"), within=5)
            assert "another process has the ledger for more than 0.3 s" in error.message
            assert [entry.state for entry in ledger.entries()] == ["reserved"]  # reading goes on
            fails("busy", lambda: Ledger(path, wait_seconds=0.2), within=5)
        # Those who gave up let go at once, and did nothing.
        assert ledger.submitting("x").state == "submitting"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_call_that_is_stopped_as_it_joins_the_queue_writes_nothing_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopping(queue.SimpleQueue[Any]):
        def put(self, item: Any, *more: Any) -> None:
            super().put(item, *more)
            if item is not None:
                raise KeyboardInterrupt

    with Ledger(path, wait_seconds=10) as ledger:
        ledger.reserve("x", "job x", 10)
        monkeypatch.setattr("mh_preflight.budget.sqlite.turns.queue.SimpleQueue", Stopping)
        with locked(path) as let_go:
            with pytest.raises(KeyboardInterrupt):
                ledger.submitting("x")
            let_go()
        monkeypatch.undo()
        ledger.reserve("y", "job y", 10)  # after those who waited
        entry = ledger.get("x")
        assert entry is not None
        assert entry.state == "reserved"


def test_a_second_name_that_comes_while_the_ledger_is_opened_is_seen(path: Path) -> None:
    Ledger(path).close()
    other = path.with_name("other")
    faults: list[LedgerError] = []

    def open_it() -> None:
        try:
            Ledger(path, wait_seconds=10).close()
        except LedgerError as error:
            faults.append(error)

    with locked(path) as let_go:
        opening = threading.Thread(target=open_it)
        opening.start()
        time.sleep(0.3)
        other.hardlink_to(path)
        let_go()
        opening.join(20)
    assert [error.code for error in faults] == ["linked"]


def test_sums_that_no_column_holds_are_refused_and_nothing_is_lost(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.set_budget(Budget.of(usd=10**6, per="month"))
        names = [f"j{number}" for number in range(93)]
        for name in names:
            ledger.reserve(name, name, 0, usd=0)
            ledger.submitting(name)
            ledger.submitted(name, name)
        for name in names[:-1]:
            ledger.settle(name, 1, usd=10**7)
        assert "too large" in fails("full", lambda: ledger.settle("j92", 1, usd=10**7)).message
        entry = ledger.get("j92")
        assert entry is not None
        assert entry.state == "submitted"


def test_a_lock_is_had_once_its_owner_is_gone(path: Path) -> None:
    with Ledger(path) as ledger, locked(path) as let_go:
        timer = threading.Timer(0.3, let_go)
        timer.start()
        assert ledger.reserve("x", "f", 5).state == "reserved"
        timer.join()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_who_waits_can_be_interrupted(path: Path) -> None:
    class Interrupted(Exception):  # noqa: N818  nothing went wrong
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    with Ledger(path) as ledger:
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with locked(path):
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                with pytest.raises(Interrupted):
                    ledger.reserve("x", "f", 5)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert ledger.get("x") is None
        ledger.reserve("y", "f", 5)
        assert [entry.id for entry in ledger.entries()] == ["y"]


def test_another_program_that_keeps_sqlite_locked_is_waited_for_only_so_long(path: Path) -> None:
    with Ledger(path, wait_seconds=0.3) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        fails("busy", lambda: ledger.reserve("x", "f", 5), within=5)
        other.execute("ROLLBACK")
        other.close()
        ledger.reserve("x", "f", 5)


def test_a_thread_that_keeps_the_ledger_is_waited_for_only_so_long(path: Path) -> None:
    with Ledger(path, wait_seconds=0.3) as ledger:
        done, has = threading.Event(), threading.Event()

        def keep() -> None:
            with ledger._store._sessions.use():  # type: ignore[attr-defined]  # noqa: SLF001
                has.set()
                done.wait(20)

        thread = threading.Thread(target=keep)
        thread.start()
        has.wait(20)
        error = fails("busy", lambda: ledger.reserve("x", "f", 5), within=5)
        assert "another thread" in error.message
        done.set()
        thread.join()
        ledger.reserve("x", "f", 5)


FULL = """
import resource, signal, sys
from mh_preflight.budget import Ledger, LedgerError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger(sys.argv[1])
for number in range(20):
    ledger.reserve(str(number), "f", 5)
    ledger.submitting(str(number))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
number, refused = 0, None
while refused is None:
    try:
        ledger.reserve(f"more {number}", "f", 5)
        print(f"more {number}", flush=True)
        number += 1
    except LedgerError as error:
        refused = error
assert refused.code in {"full", "unwritable"}, refused
for number in range(20):
    try:
        ledger.submitted(str(number), f"p{number}")
        print(number, flush=True)
    except LedgerError as error:
        assert error.code in {"full", "unwritable"}, error
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for number in range(20):
    ledger.submitted(str(number), f"p{number}")
    ledger.settle(str(number), 5)
ledger.close()
"""


def test_a_full_disk_loses_nothing(path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL, path],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    more = [line for line in run.stdout.splitlines() if line.startswith("more")]
    assert len(more) > 10
    seen = [(name, "reserved") for name in more] + [(str(each), "settled") for each in range(20)]
    books = read_books(str(path))
    assert find_violations(books, seen=seen) == []
    assert len(books.entries) == 20 + len(more)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_may_not_be_written_is_refused(what: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mh-ro-"))
    path = folder / "ledger.sqlite"
    try:
        with Ledger(path) as ledger:
            ledger.reserve("x", "f", 5)
        for each in folder.iterdir():
            each.chmod(0o444)
        folder.chmod(0o555 if what == "folder" else 0o777)

        def work() -> None:
            if os.geteuid() == 0:  # who may write everything
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            error = fails("unwritable", lambda: Ledger(path).submitting("x"))
            assert str(path) in error.message

        assert ended(forked(work)) == 0
        folder.chmod(0o700)
        for each in folder.iterdir():
            each.chmod(0o600)
        with Ledger(path) as ledger:
            assert [entry.state for entry in ledger.entries()] == ["reserved"]
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_what_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a diary, and no ledger. " * 100)
    other = tmp_path / "other"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE entries (id)")
    database.close()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (text, other, tmp_path, pipe, Path(os.devnull)):
        before = path.read_bytes() if path.is_file() else None
        error = fails("not-a-ledger", lambda path=path: Ledger(path))  # type: ignore[misc]
        assert str(path) in error.message
        assert before is None or path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "pipe", "text"]
    error = fails("unwritable", lambda: Ledger(tmp_path / "none" / "ledger"))
    assert "No such file" in error.message


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path) -> None:
    Ledger(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    assert "update mh-preflight" in fails("newer-ledger", lambda: Ledger(path)).message


def test_a_damaged_ledger_is_refused(path: Path) -> None:
    with Ledger(path) as ledger:
        for number in range(200):
            ledger.reserve(str(number), "f", 5)
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 200)
    with pytest.raises(LedgerError) as caught:
        Ledger(path).reserve("x", "f", 5)
    assert caught.value.code in {"damaged", "not-a-ledger"}


@pytest.mark.parametrize("wrong", ["1.5", "'many'", "-1", "NULL", "x'00'"])
def test_the_file_itself_refuses_amounts_that_are_not_whole(path: Path, wrong: str) -> None:
    with Ledger(path) as ledger:
        ledger.set_budget(Budget.of(credits=100, per="ever"))
        ledger.reserve("x", "f", 5)
    database = sqlite3.connect(path)
    for change in (
        f"UPDATE entries SET credits = {wrong}",  # noqa: S608
        f"UPDATE counters SET reserved = {wrong}",  # noqa: S608
        f"UPDATE budgets SET most = {wrong}",  # noqa: S608
        "UPDATE entries SET state = 'lost'",
        "UPDATE entries SET state = 'settled'",
        "UPDATE entries SET state = 'submitted'",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(change)
    database.close()


def test_many_processes_may_make_it_at_once(path: Path) -> None:
    program = "import sys; from mh_preflight.budget import Ledger; Ledger(sys.argv[1]).reserve("
    program += "sys.argv[2], 'f', 1)"
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", program, path, str(number)])
        for number in range(6)
    ]
    assert [process.wait(60) for process in started] == [0] * 6
    with Ledger(path) as ledger:
        assert len(list(ledger.entries())) == 6


def test_ledgers_that_are_thrown_away_are_closed(path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("open files cannot be counted here")

    def open_files() -> int:
        return sum(
            str(path) in str(each.readlink()) for each in folder.iterdir() if each.is_symlink()
        )

    for number in range(5):
        Ledger(path).reserve(str(number), "f", 1)
    assert open_files() == 0
