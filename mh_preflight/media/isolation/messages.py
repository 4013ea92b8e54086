"""How do the two processes speak? Lengths and JSON over a socket; never pickles, never code."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from mh_preflight.errors import MediaError
from mh_preflight.media.facts import Failure, Media

__all__ = [
    "READY",
    "Answer",
    "Question",
    "pack_answer",
    "receive_answer",
    "receive_exactly",
    "receive_question",
    "send_question",
    "unpack_answer",
]

READY = b"ready"
MOST_ANSWER = 64 << 20

_LENGTH = struct.Struct(">I")
_LENGTHS = struct.Struct(">II")
_AT_ONCE = 64 << 10  # most messages are shorter, and come with one call


@dataclass(frozen=True, slots=True)
class Question:
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


class Answer(BaseModel):
    """What it found: the facts, or why there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    media: Media | None = None
    cover_art: bool = False
    error: Failure | None = None


def send_question(control: socket.socket, question: Question, descriptor: int) -> None:
    """Send a question with an open descriptor."""
    body = json.dumps(asdict(question)).encode()
    message = _LENGTH.pack(len(body)) + body
    sent = socket.send_fds(control, [message], [descriptor])
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
    return Question(**json.loads(message[_LENGTH.size :])), descriptors[0]


def receive_exactly(sender: socket.socket, length: int) -> bytes:
    """Receive so many bytes.

    Raises:
        EOFError: The other side has gone.
    """
    parts = []
    while length > 0:
        part = sender.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def pack_answer(media: Media | None, error: Failure | None = None) -> bytes:
    """Write an answer: lengths, the JSON, and the times of the frames where they matter."""
    answer = Answer(media=media, cover_art=bool(media and media.cover_art), error=error)
    body = answer.model_dump_json().encode()
    times = media.video.frame_times if media and media.video else None
    raw = b"" if times is None else np.asarray(times, dtype="<i8").tobytes()
    return _LENGTHS.pack(len(body), len(raw)) + body + raw


def receive_answer(control: socket.socket) -> bytes:
    """Wait for an answer.

    Raises:
        EOFError: The other side has gone, or sends more than any answer has.
    """
    message = control.recv(_AT_ONCE)
    if not message:
        raise EOFError
    message += receive_exactly(control, _LENGTHS.size - len(message))
    body, raw = _LENGTHS.unpack_from(message)
    if body + raw > MOST_ANSWER:
        raise EOFError
    return message + receive_exactly(control, _LENGTHS.size + body + raw - len(message))


def unpack_answer(message: bytes) -> Answer:
    """Read an answer.

    Args:
        message: What `pack_answer` wrote, or something that pretends to be that.

    Raises:
        MediaError: It makes no sense.
    """
    try:
        body, raw = _LENGTHS.unpack_from(message)
        whole = len(message) == _LENGTHS.size + body + raw
        text = message[_LENGTHS.size : _LENGTHS.size + body] if whole else b""
        answer = Answer.model_validate_json(text)
        media = answer.media
        if media is None:
            return answer
        changes: dict[str, object] = {"cover_art": answer.cover_art}
        if raw and media.video is not None:
            times = np.frombuffer(message, dtype="<i8", offset=_LENGTHS.size + body)
            facts = {"frame_times": times.astype(np.int64)}
            changes["video"] = media.video.model_copy(update=facts)
    except (ValueError, struct.error) as error:
        raise MediaError("the reader's answer makes no sense", code="crashed") from error
    return answer.model_copy(update={"media": media.model_copy(update=changes)})
