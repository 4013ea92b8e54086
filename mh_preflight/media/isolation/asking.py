"""One worker as its parent sees it: started, asked, served with bytes, and ended."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mh_preflight.errors import IsolationError, MediaError
from mh_preflight.media.answer import unpack_answer
from mh_preflight.media.isolation.messages import (
    MOST_SERVED,
    READ,
    READY,
    SERVED,
    Question,
    receive_answer,
    receive_exactly,
    send_question,
)
from mh_preflight.media.isolation.surroundings import kept_environment
from mh_preflight.media.limits import processor_seconds
from mh_preflight.media.origins import LocalFile
from mh_preflight.units import one_line, valid_text

if TYPE_CHECKING:
    from mh_preflight.media.facts import Media
    from mh_preflight.media.limits import Limits
    from mh_preflight.media.origins import Content

__all__ = ["Worker"]

STARTING_SECONDS = 60.0  # for the start of a worker on a busy machine; half a second is usual
WALL = 2.0  # seconds for each of processor time, since the machine may be busy with other things
GRACE_SECONDS = 3.0
MOST_FILES = 2000  # that one worker reads, so that what FFmpeg leaks stays small

_START = (
    "import sys; sys.path[:] = {path!r}; "
    "from mh_preflight.media.isolation.worker import main; main({descriptor})"
)


class _Ended(Exception):  # noqa: N818  no error of the user's
    """The worker has gone."""


class Worker:
    """One process that reads one source at a time.

    Attributes:
        was_killed: Whether a signal ended it before it could be asked.

    Raises:
        IsolationError: It cannot be started.
    """

    def __init__(self) -> None:
        self._left = MOST_FILES
        self._ready = False
        self.was_killed = False
        own = Path(__file__).parents[3]  # first, so that the worker runs this copy and no other
        path = [str(own), *(str(Path(place).absolute()) for place in sys.path if place)]
        try:
            self._control, theirs = socket.socketpair()
        except OSError as error:
            raise _not_started(str(error)) from error
        start = _START.format(path=path, descriptor=theirs.fileno())
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-I", "-c", start],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env={**kept_environment(), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # an interrupt of the terminal is for the parent
            )
        except OSError as error:
            self._control.close()
            raise _not_started(str(error)) from error
        finally:
            theirs.close()

    @property
    def fit(self) -> bool:
        """Whether it can be asked once more."""
        return self._left > 0 and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Its number."""
        return self._process.pid

    def read(self, content: Content, limits: Limits) -> Media:
        """Have a source read; whatever goes wrong, the worker is ended and says so.

        Raises:
            MediaError: It is no media, or would cost more than is allowed.
            IsolationError: The worker does not start.
        """
        self.wait_until_ready()
        self._left -= 1
        seconds = processor_seconds(limits, content)
        wall = WALL * seconds + GRACE_SECONDS + (limits.remote_seconds if content.far else 0)
        try:
            failure, message = self._asked(content, limits, seconds, wall)
            answer = unpack_answer(message)
        except TimeoutError:
            self.end()
            raise MediaError(
                f"{content.name!r} was not read within {wall:g} s: the machine is busy, or the "
                "source is slow; Limits(processor_seconds=...) gives more time",
                code="too-slow",
                source=content.name,
            ) from None
        except _Ended:
            raise self._post_mortem(content, seconds) from None
        except BaseException:
            self.end()
            raise
        if failure is not None:
            raise failure
        if answer.error is not None:
            if answer.error.code == "too-large":
                self.end()
            reason, code = one_line(answer.error.message), one_line(answer.error.code, 40)
            raise MediaError(reason, code=code, source=content.name)
        if answer.media is None:
            self.end()
            raise MediaError(f"{content.name!r}: the reader gave no answer", source=content.name)
        return answer.media

    def end(self) -> None:
        """End it, whatever it does."""
        self._left = 0
        with contextlib.suppress(OSError):
            self._control.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def wait_until_ready(self) -> None:
        """Wait until it can be asked.

        Raises:
            IsolationError: It does not start.
        """
        if self._ready:
            return
        try:
            end = time.monotonic() + STARTING_SECONDS
            greeting = receive_exactly(self._control, len(READY), end)
        except (OSError, EOFError):
            greeting = b""
        if greeting != READY:
            reason = self._last_words()
            self.was_killed = (self._process.returncode or 0) < 0
            self.end()
            raise _not_started(reason)
        self._ready = True

    def _last_words(self) -> str:
        """Give why it did not start, as far as it says."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        said = self._process.stderr
        if said is None or self._process.returncode is None:
            return "it does not answer"
        lines = said.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
        return one_line(lines[-1] if lines else _status(self._process.returncode), 200)

    def _asked(
        self, content: Content, limits: Limits, seconds: float, wall: float
    ) -> tuple[MediaError | None, bytes]:
        """Ask; give what failed to be served, if anything did, and the answer."""
        served = not isinstance(content, LocalFile)
        question = Question(
            name=one_line(valid_text(content.name), 200),
            size=content.size,
            far=content.far,
            served=served,
            processor_seconds=seconds,
            memory_bytes=int(limits.memory_bytes),
        )
        end = time.monotonic() + wall
        self._control.settimeout(wall)
        try:
            if isinstance(content, LocalFile):
                send_question(self._control, question, content.descriptor)
                return self._received(end, None, content)
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    send_question(self._control, question, theirs.fileno())
                return self._received(end, ours, content)
        except (ConnectionError, EOFError):
            raise _Ended from None

    def _received(
        self, end: float, serving: socket.socket | None, content: Content
    ) -> tuple[MediaError | None, bytes]:
        """Serve reads until the answer comes, then take it."""
        failure = None
        if serving is not None:
            failure = _serve(serving, self._control, content, end)
        return failure, receive_answer(self._control, end)

    def _post_mortem(self, content: Content, seconds: float) -> MediaError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.returncode
        self.end()
        if status in {-signal.SIGPROF, -signal.SIGXCPU}:
            return MediaError(
                f"{content.name!r} needs more than {seconds:g} s of processor time to read",
                code="too-slow",
                source=content.name,
            )
        return MediaError(
            f"{content.name!r} made the process that reads it end ({_status(status)})",
            code="crashed",
            source=content.name,
        )


def _serve(
    serving: socket.socket, control: socket.socket, content: Content, end: float
) -> MediaError | None:
    """Answer the worker's reads until it answers itself; give the first read that failed."""
    failure: MediaError | None = None
    poll = select.poll()
    poll.register(serving, select.POLLIN)
    poll.register(control, select.POLLIN)
    while True:
        left = end - time.monotonic()
        ready = dict(poll.poll(left * 1000)) if left > 0 else {}
        if not ready:
            raise TimeoutError
        if control.fileno() in ready:
            return failure
        try:
            place, length = READ.unpack(receive_exactly(serving, READ.size, end))
        except EOFError:
            poll.unregister(serving)
            continue
        data = b""
        try:
            if failure is None:
                data = content.read_at(place, min(length, MOST_SERVED))[:length]
        except MediaError as error:
            failure = error
        serving.settimeout(max(0.001, end - time.monotonic()))
        serving.sendall(SERVED.pack(-1 if failure else len(data)) + data)


def _not_started(reason: str) -> IsolationError:
    return IsolationError(
        f"no process can be started to read files in ({reason}); "
        "isolation='none' or --isolation none reads them in this one"
    )


def _status(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"code {status}"
