"""The process that reads strangers' files: it can open nothing, and is limited in all it does.

The parent hands it one open file at a time, or a socket on which it may ask for bytes. It answers
with facts. Where it needs too much of the processor or the memory, it ends, and only the file that
was read then is affected.
"""

from __future__ import annotations

import contextlib
import encodings
import importlib
import io
import math
import os
import pkgutil
import resource
import signal
import socket
import time

from mh_preflight.errors import MediaError
from mh_preflight.media.answer import pack_answer
from mh_preflight.media.facts import Failure
from mh_preflight.media.isolation.messages import (
    MOST_SERVED,
    READ,
    READY,
    SERVED,
    Question,
    receive_exactly,
    receive_question,
)
from mh_preflight.media.origins import Content, InMemory, LocalFile
from mh_preflight.media.reading import read_content
from mh_preflight.units import one_line

__all__ = ["ServedContent", "main"]

LARGEST_KEPT = 16 << 20  # a picture of 4K in most formats
CONTROL = 3  # the descriptor behind standard input, output and error


def main(descriptor: int) -> None:
    """Read what is asked for until nobody asks any more.

    Args:
        descriptor: The socket on which questions come.
    """
    if descriptor != CONTROL:
        os.dup2(descriptor, CONTROL, inheritable=False)
        os.close(descriptor)
    control = socket.socket(fileno=CONTROL)
    _warm_up()
    _lock_up()
    idle = _virtual_memory()
    control.sendall(READY)
    while (asked := receive_question(control)) is not None:
        question, given = asked
        _limit(question, idle)
        content = _content(question, given)
        try:
            answer = _answer(content, question)
        finally:
            content.close()
            signal.setitimer(signal.ITIMER_PROF, 0)
        control.sendall(answer)


def _answer(content: Content, question: Question) -> bytes:
    try:
        return pack_answer(read_content(content, question.processor_seconds))
    except MediaError as error:
        return pack_answer(None, Failure(code=error.code, message=error.message))
    except Exception as fault:  # noqa: BLE001  a fault of ours must not stop the others' files
        said = one_line(f"{type(fault).__name__}: {fault}", 120)
        reason = f"{question.name!r} made the reader fail ({said})"
        return pack_answer(None, Failure(code="crashed", message=reason))


def _content(question: Question, given: int) -> Content:
    if not question.served:
        return LocalFile(given, question.name)
    return ServedContent(question, socket.socket(fileno=given))


class ServedContent:
    """A source that the parent reads for the worker.

    Args:
        question: What is known of it.
        server: The socket on which the parent serves bytes.
    """

    stored, settled = 0, False
    identity: str | None = None

    def __init__(self, question: Question, server: socket.socket) -> None:
        self.name, self.size, self.far = question.name, question.size, question.far
        self._server = server

    def read_at(self, place: int, length: int) -> bytes:
        """Ask the parent for bytes."""
        parts = []
        while length > 0:
            self._server.sendall(READ.pack(place, min(length, MOST_SERVED)))
            (served,) = SERVED.unpack(receive_exactly(self._server, SERVED.size))
            if served < 0:
                raise MediaError(f"{self.name!r} cannot be read", source=self.name)
            if served == 0:
                break
            parts.append(receive_exactly(self._server, served))
            place, length = place + served, length - served
        return b"".join(parts)

    def check(self) -> None:
        """The parent does that."""

    def close(self) -> None:
        """Close the socket."""
        self._server.close()


def _warm_up() -> None:
    """Import all that is imported while reading: afterwards no file can be opened."""
    import av
    import pillow_heif
    from PIL import Image

    # PyAV and Python import some parts at the first need only.
    for package in (av, encodings):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):  # an encoding of another system
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
    av.logging.set_level(None)
    Image.preinit()  # the common formats first, in the order in which they are tried
    Image.init()
    for format_name in ("PNG", "JPEG", "WEBP", "GIF", "TIFF"):
        picture = io.BytesIO()
        frames = [Image.new("RGB", (2, 2), color) for color in ("red", "blue")]
        more = {"save_all": True, "append_images": frames[1:]} if format_name != "JPEG" else {}
        frames[0].save(picture, format_name, **more)
        read_content(InMemory(picture.getvalue()), 60)
    heif = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(heif)
    read_content(InMemory(heif.getvalue()), 60)
    read_content(InMemory(_sound()), 60)
    # glibc keeps memory of twice the size of what was freed last, instead of giving the pictures of
    # each film back to the system, and taking them again for the next.
    bytes(LARGEST_KEPT)


def _sound() -> bytes:
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    return file.getvalue()


def _lock_up() -> None:
    """Leave one free descriptor, which what is to be read takes: nothing else can be opened."""
    free = os.dup(CONTROL)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, free + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit(question: Question, idle: int) -> None:
    """Let the kernel end this process where one source needs too much."""
    signal.setitimer(signal.ITIMER_PROF, question.processor_seconds)  # to the tick
    used = math.ceil(time.process_time())
    _set_soft(resource.RLIMIT_CPU, used + math.ceil(question.processor_seconds) + 1)
    _set_soft(resource.RLIMIT_AS, idle + question.memory_bytes)


def _set_soft(what: int, limit: int) -> None:
    """Set a limit that the next source may have another of, within what this system allows."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _virtual_memory() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123
        pages = int(file.read(64).split()[0])
    return pages * resource.getpagesize()
