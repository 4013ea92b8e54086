"""How do the two processes speak? Lengths and JSON over a socket; never pickles, never code."""

from __future__ import annotations

import socket
import struct

import numpy as np
from pydantic import BaseModel, ConfigDict

from mh_preflight.errors import MediaError
from mh_preflight.media.facts import Failure, Media

__all__ = [
    "READY",
    "Answer",
    "Question",
    "pack_answer",
    "receive_exactly",
    "receive_question",
    "send_question",
    "unpack_answer",
]

READY = b"ready"
LENGTH = struct.Struct(">I")
MOST_QUESTION = 64 << 10


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Question(_Message):
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


class Answer(_Message):
    """What it found: the facts, or why there are none."""

    media: Media | None = None
    cover_art: bool = False
    error: Failure | None = None


def send_question(control: socket.socket, question: Question, descriptor: int) -> None:
    """Send a question with an open descriptor."""
    body = question.model_dump_json().encode()
    socket.send_fds(control, [LENGTH.pack(len(body))], [descriptor])
    control.sendall(body)


def receive_question(control: socket.socket) -> tuple[Question, int] | None:
    """Wait for the next question; None where there is nobody to ask any more."""
    length, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 1)
    if not length or not descriptors:
        return None
    body = receive_exactly(control, min(LENGTH.unpack(length)[0], MOST_QUESTION))
    return Question.model_validate_json(body), descriptors[0]


def receive_exactly(sender: socket.socket, length: int) -> bytes:
    """Receive so many bytes.

    Raises:
        EOFError: The other side has gone.
    """
    parts = []
    while length:
        part = sender.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def pack_answer(media: Media | None, error: Failure | None = None) -> list[bytes]:
    """Write an answer: its length, the JSON, and the times of the frames where they matter."""
    answer = Answer(media=media, cover_art=bool(media and media.cover_art), error=error)
    body = answer.model_dump_json().encode()
    times = media.video.frame_times if media and media.video else None
    raw = b"" if times is None else np.asarray(times, dtype="<i8").tobytes()
    return [LENGTH.pack(len(body)), LENGTH.pack(len(raw)), body, raw]


def unpack_answer(body: bytes, raw: bytes) -> Answer:
    """Read an answer.

    Args:
        body: The JSON.
        raw: The times of the frames, or nothing.

    Raises:
        MediaError: The answer makes no sense.
    """
    try:
        answer = Answer.model_validate_json(body)
        media = answer.media
        if media is None:
            return answer
        changes: dict[str, object] = {"cover_art": answer.cover_art}
        if raw and media.video is not None:
            times = np.frombuffer(raw, dtype="<i8").astype(np.int64)
            changes["video"] = media.video.model_copy(update={"frame_times": times})
    except ValueError as error:
        raise MediaError("the reader's answer makes no sense", code="crashed") from error
    return answer.model_copy(update={"media": media.model_copy(update=changes)})
