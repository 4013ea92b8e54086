"""What may processes not share? A connection does not survive a fork: each has its own."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mh_preflight.errors import LedgerError

__all__ = ["PerProcess"]

Held = TypeVar("Held")


class PerProcess(Generic[Held]):
    """Something of which each process needs its own: a connection does not survive a fork.

    What a parent opened is never used, closed or thrown away in a child: it would end the parent's
    session, or drop its locks. Threads share one, and take turns.

    Args:
        make: Opens one.
        close: Closes one, in the process that opened it.
        where: What messages call it.
        wait_seconds: How long a thread waits for its turn.
    """

    def __init__(
        self,
        make: Callable[[], Held],
        close: Callable[[Held], None],
        where: str,
        wait_seconds: float,
    ) -> None:
        self._make, self._close, self._where = make, close, where
        self._wait = wait_seconds
        self._turns: dict[int, _Turn[Held]] = {}

    @contextlib.contextmanager
    def use(self) -> Iterator[Held]:
        """Give it to one thread at a time; it is opened where it is not.

        Raises:
            LedgerError: It cannot be opened, or another thread has it for too long.
        """
        held = self.take()
        try:
            yield held
        finally:
            self.give()

    def take(self) -> Held:
        """Wait for a turn, and give what is to be used in it.

        Raises:
            LedgerError: It cannot be opened, or another thread has it for too long.
        """
        turn = self._turn()
        if not turn.lock.acquire(timeout=self._wait):
            raise LedgerError(
                f"{self._where}: another thread has the ledger for more than {self._wait:g} s",
                code="busy",
                source=self._where,
            )
        if turn.held is None:
            try:
                turn.held = self._make()
                turn.keep(self, self._close)
            except BaseException:
                turn.lock.release()
                raise
        return turn.held

    def give(self) -> None:
        """End a turn."""
        self._turn().lock.release()

    def drop(self) -> None:
        """Close it; it is opened anew when it is used again."""
        self._turn().let_go()

    def _turn(self) -> _Turn[Held]:
        # One dictionary call, so that two threads of a child cannot each make their own.
        return self._turns.get(os.getpid()) or self._turns.setdefault(os.getpid(), _Turn())


class _Turn(Generic[Held]):
    """What one process has."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.held: Held | None = None
        self._end: weakref.finalize[[], PerProcess[Held]] | None = None

    def keep(self, owner: PerProcess[Held], close: Callable[[Held], None]) -> None:
        held, pid = self.held, os.getpid()
        assert held is not None  # noqa: S101  it was just opened
        _immortal(held)

        def end() -> None:
            if os.getpid() == pid:
                close(held)
                _mortal(held)

        self._end = weakref.finalize(owner, end)

    def let_go(self) -> None:
        with self.lock:
            self.held = None
            if self._end is not None:
                self._end()
                self._end = None


def _immortal(thing: object) -> None:
    """Keep a child from throwing away what its parent uses: that would close it."""
    with contextlib.suppress(ImportError, AttributeError):  # there is no such count elsewhere
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _mortal(thing: object) -> None:
    with contextlib.suppress(ImportError, AttributeError):
        import ctypes

        ctypes.pythonapi.Py_DecRef(ctypes.py_object(thing))
