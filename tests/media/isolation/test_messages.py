from __future__ import annotations

import socket
import struct
import threading
import time

import numpy as np
import pytest

from mh_preflight.media import Media, Video
from mh_preflight.media.answer import pack_answer
from mh_preflight.media.isolation import messages
from mh_preflight.media.isolation.messages import Question


def test_a_question_comes_with_its_descriptor() -> None:
    question = Question(
        name="a\udcff".encode("utf-8", "backslashreplace").decode(),
        size=3,
        far=False,
        served=True,
        processor_seconds=3,
        memory_bytes=1,
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        messages.send_question(ours, question, ours.fileno())
        asked = messages.receive_question(theirs)
        assert asked is not None
        assert asked[0] == question
        with socket.socket(fileno=asked[1]) as given_along:
            given_along.sendall(b"x")
            assert theirs.recv(1) == b"x"
        ours.shutdown(socket.SHUT_RDWR)
        assert messages.receive_question(theirs) is None


def test_a_message_that_is_cut_off_is_noticed() -> None:
    answer = pack_answer(Media(source="a.mp4"))
    for length in (0, 3, 8, len(answer) - 1):
        ours, theirs = socket.socketpair()
        with theirs:
            with ours:
                ours.sendall(answer[:length])
            with pytest.raises(EOFError):
                messages.receive_answer(theirs)


def test_a_long_answer_comes_in_pieces() -> None:
    times = np.arange(300_000, dtype=np.int64)
    media = Media(source="a.mp4", kind="video", video=Video(frame_times=times))
    answer = pack_answer(media)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=ours.sendall, args=[answer])
        sender.start()
        assert messages.receive_answer(theirs) == answer
        sender.join()


def test_an_answer_without_end_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack(">II", 2**32 - 1, 2**32 - 1))
        with pytest.raises(EOFError):
            messages.receive_answer(theirs)


def test_a_message_that_drips_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip() -> None:
        ours.sendall(struct.pack(">II", 1000, 0))
        while not stop.wait(0.05):
            ours.sendall(b"x")

    thread = threading.Thread(target=drip)
    with ours, theirs:
        thread.start()
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            messages.receive_answer(theirs, start + 0.5)
        stop.set()
        thread.join()
    assert time.monotonic() - start < 5
