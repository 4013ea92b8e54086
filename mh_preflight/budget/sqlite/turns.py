"""Whose turn is it to write? A lock file in front of the ledger, at which the system queues.

SQLite alone lets those who wait poll, and starves some of them.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from mh_preflight.errors import LedgerError

fcntl: Any
try:
    import fcntl
except ImportError:  # pragma: no cover  there is none on Windows: SQLite's own lock has to do
    fcntl = None

__all__ = ["Turns"]

Answer = TypeVar("Answer")


class Turns:
    """The turns of one process at a lock file.

    Args:
        path: Where the lock file lies; it is made where there is none.
        where: What messages call the ledger.
        wait_seconds: How long a turn is waited for.
    """

    def __init__(self, path: str, where: str, wait_seconds: float) -> None:
        self._path, self._where, self._wait = path, where, wait_seconds
        self._lock: int | None = None if fcntl is None else _open_lock(path)
        self._queue: queue.SimpleQueue[_Waiting[Any] | None] | None = None

    def alone(self, run: Callable[[], Answer]) -> Answer:
        """Run while no other process does.

        Raises:
            LedgerError: Another process kept the ledger for too long.
        """
        if self._lock is None:  # pragma: no cover  on Windows
            return run()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._in_turn(run)
        try:
            return run()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _in_turn(self, run: Callable[[], Answer]) -> Answer:
        """Queue for the lock in a thread: only so it is both fair and given up after a time.

        The thread also does the work, so that nobody waits for threads to change while it has the
        lock. Where it is given up, the thread lets the lock go as soon as it gets it.
        """
        if self._queue is None:
            self._queue = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._queue,), daemon=True).start()
        waiting = _Waiting(run, self._path)
        try:
            self._queue.put(waiting)
            in_time = waiting.ended.acquire(timeout=self._wait)
        except BaseException:
            waiting.give_up()
            raise
        if not in_time and waiting.give_up():
            raise LedgerError(
                f"{self._where}: another process has the ledger for more than {self._wait:g} s",
                code="busy",
                source=self._where,
            )
        return waiting.answer()

    def close(self) -> None:
        """Let go of the lock file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._queue is not None:
            self._queue.put(None)
            self._queue = None


class _Waiting(Generic[Answer]):
    """Work that is done as soon as the lock is had, unless it is given up before."""

    def __init__(self, run: Callable[[], Answer], lock: str) -> None:
        self._run, self._lock = run, lock
        self._begun, self._over = threading.Lock(), False
        self.ended = threading.Lock()  # an Event would do, and take twice the time
        self.ended.acquire()
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def work(self) -> None:
        """Wait for the lock, and do it."""
        try:
            # A lock of its own: one that was given up must not take away its owner's next.
            lock = _open_lock(self._lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self._begun:
                    if not self._over:
                        self._over = True
                        self._answer = self._run()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # a child of this process may hold it open too
                os.close(lock)
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            self._error, self._over = error, True
        self.ended.release()

    def give_up(self) -> bool:
        """Do nothing any more, unless it has begun: then wait for its end. Tell whether it had."""
        with self._begun:
            given_up, self._over = not self._over, True
            return given_up

    def answer(self) -> Answer:
        """Give what the work gave, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return cast("Answer", self._answer)


def _serve(waiting: queue.SimpleQueue[_Waiting[Any] | None]) -> None:
    """Do work after work; knows nothing of the session, which may be thrown away meanwhile."""
    while (next_one := waiting.get()) is not None:
        next_one.work()
        del next_one


def _open_lock(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
