"""How do the two processes speak? Lengths and JSON over a socket; never pickles, never code."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from typing import NamedTuple

from mh_preflight.media.answer import LENGTHS

__all__ = [
    "MOST_SERVED",
    "READ",
    "READY",
    "SERVED",
    "Question",
    "receive_answer",
    "receive_exactly",
    "receive_question",
    "send_question",
]

READ = struct.Struct(">QI")
"""How bytes are asked for: place and length."""

SERVED = struct.Struct(">i")
"""How many bytes follow; below 0 where they cannot be read."""

MOST_SERVED = 1 << 20

READY = b"ready"
MOST_ANSWER = 64 << 20

_LENGTH = struct.Struct(">I")
_AT_ONCE = 64 << 10  # most messages are shorter, and come with one call


class Question(NamedTuple):
    """What the worker is asked to read; the descriptor of it comes along.

    Attributes:
        name: What messages call it.
        size: Its bytes.
        far: Each read costs a request.
        served: The descriptor is a socket on which reads are asked for, and not a file.
        processor_seconds: After which the worker is ended.
        memory_bytes: Beyond what the idle worker has.
    """

    name: str
    size: int
    far: bool
    served: bool
    processor_seconds: float
    memory_bytes: int


def send_question(control: socket.socket, question: Question, descriptor: int) -> None:
    """Send a question with an open descriptor."""
    body = json.dumps(question).encode()
    message = _LENGTH.pack(len(body)) + body
    sent = socket.send_fds(control, [message], [descriptor])
    if sent < len(message):
        control.sendall(message[sent:])


def receive_question(control: socket.socket) -> tuple[Question, int] | None:
    """Wait for the next question; None where there is nobody to ask any more.

    Raises:
        EOFError: The other side has gone in the middle of it.
    """
    message, descriptors, _, _ = socket.recv_fds(control, _AT_ONCE, 1)
    if not message or not descriptors:
        return None
    message += receive_exactly(control, max(0, _LENGTH.size - len(message)))
    (length,) = _LENGTH.unpack_from(message)
    message += receive_exactly(control, _LENGTH.size + length - len(message))
    return Question(*json.loads(message[_LENGTH.size :])), descriptors[0]


def receive_exactly(sender: socket.socket, length: int, end: float = math.inf) -> bytes:
    """Receive so many bytes.

    Args:
        sender: Where they come from.
        length: How many.
        end: By when all of them must be there, on the clock of `time.monotonic`.

    Raises:
        EOFError: The other side has gone.
        TimeoutError: The time is up.
    """
    parts = []
    while length > 0:
        _wait_until(sender, end)
        part = sender.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def receive_answer(control: socket.socket, end: float = math.inf) -> bytes:
    """Wait for an answer.

    Args:
        control: Where it comes from.
        end: By when all of it must be there.

    Raises:
        EOFError: The other side has gone, or sends more than any answer has.
        TimeoutError: The time is up.
    """
    _wait_until(control, end)
    message = control.recv(_AT_ONCE)
    if not message:
        raise EOFError
    message += receive_exactly(control, LENGTHS.size - len(message), end)
    body, raw = LENGTHS.unpack_from(message)
    if body + raw > MOST_ANSWER:
        raise EOFError
    return message + receive_exactly(control, LENGTHS.size + body + raw - len(message), end)


def _wait_until(sender: socket.socket, end: float) -> None:
    """Let the next call on a socket wait no longer than until then."""
    if end < math.inf:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sender.settimeout(left)
