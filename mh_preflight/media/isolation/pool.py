"""Warm workers: started when they are needed, kept for the next source, and replaced."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING, Self

from mh_preflight.errors import IsolationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.media.facts import Media
    from mh_preflight.media.isolation.asking import Worker
    from mh_preflight.media.limits import Limits
    from mh_preflight.media.origins import Content

__all__ = ["Pool", "can_isolate", "processors", "shared_pool"]


def can_isolate() -> bool:
    """Tell whether this system can limit a process: Linux, and a Python that can be started."""
    return sys.platform == "linux" and bool(sys.executable) and not getattr(sys, "frozen", False)


class Pool:
    """A few workers, started when they are needed and kept for the next source.

    Args:
        size: Workers at most; whoever comes then waits.
    """

    def __init__(self, size: int) -> None:
        self._owner = os.getpid()
        self._places = threading.BoundedSemaphore(size)
        self._idle: list[Worker] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, workers: int) -> None:
        """Start workers now, so that they are warm when they are needed.

        Raises:
            IsolationError: They cannot be started.
        """
        for _ in range(workers - len(self._idle)):
            self._put(_start())

    @contextlib.contextmanager
    def worker(self) -> Iterator[Worker]:
        """Give a worker that is warm, for one source.

        Raises:
            IsolationError: None can be started.
        """
        with self._places:
            worker = self._warm()
            try:
                yield worker
            finally:
                self._put(worker)

    def read(self, content: Content, limits: Limits) -> Media:
        """Have a source read by a worker.

        Args:
            content: The source.
            limits: What it may cost.

        Raises:
            MediaError: It is no media, or would cost more than is allowed.
            IsolationError: No worker can be started.
        """
        with self.worker() as worker:
            return worker.read(content, limits)

    def close(self) -> None:
        """End the workers; those of a process that this one was copied from are not ours."""
        with self._lock:
            workers, self._idle = self._idle, []
        if os.getpid() == self._owner:
            for worker in workers:
                worker.end()

    def _warm(self) -> Worker:
        """Give a worker that can be asked; one that was killed as it started is no file's fault."""
        again = True
        while True:
            worker = self._take() or _start()
            try:
                worker.wait_until_ready()
            except IsolationError:
                if not (again and worker.was_killed):
                    raise
                again = False
            except BaseException:
                self._put(worker)
                raise
            else:
                return worker

    def _take(self) -> Worker | None:
        """Take an idle worker, but none that has died meanwhile: that is no file's fault."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                worker = self._idle.pop()
            if worker.fit:
                return worker
            worker.end()

    def _put(self, worker: Worker) -> None:
        if worker.fit:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.end()


def processors() -> int:
    """Tell how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shared_pool() -> Pool:
    """Give this process's own pool, so that its workers stay warm from one probe to the next."""
    return _pool_of(os.getpid())


def _start() -> Worker:
    from mh_preflight.media.isolation.asking import Worker  # only who reads a file needs it

    return Worker()


@cache
def _pool_of(process_id: int) -> Pool:
    """Make the pool of one process: after a fork, the copy needs workers of its own."""
    del process_id
    pool = Pool(processors())
    atexit.register(pool.close)
    return pool
