from __future__ import annotations

import json
import socket
import struct
import threading
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media import Failure, Media, Video
from mh_preflight.media.isolation import messages
from mh_preflight.media.isolation.messages import Question


def test_facts_times_and_cover_come_across() -> None:
    video = Video(
        fps=Fraction(30000, 1001), frames=2, frame_times=np.array([0, 33_366], dtype=np.int64)
    )
    media = Media(source="a.mp4", kind="video", video=video, cover_art=True)
    found = messages.unpack_answer(messages.pack_answer(media)).media
    assert found == media
    assert found.cover_art
    assert found.video is not None
    assert found.video.frame_times is not None
    assert found.video.frame_times.tolist() == [0, 33_366]


def test_an_error_comes_across() -> None:
    failure = Failure(code="empty", message="nothing there")
    assert messages.unpack_answer(messages.pack_answer(None, failure)).error == failure


def packed(body: bytes, raw: bytes = b"") -> bytes:
    return struct.pack(">II", len(body), len(raw)) + body + raw


@given(st.binary(max_size=200), st.binary(max_size=40), st.integers(0, 8))
def test_an_answer_that_makes_no_sense_is_one_clear_error(
    body: bytes, raw: bytes, cut: int
) -> None:
    message = packed(body + b"!", raw)
    with pytest.raises(MediaError, match="makes no sense"):
        messages.unpack_answer(message[: len(message) - cut])


def test_times_that_are_no_whole_numbers_make_no_sense() -> None:
    media = Media(source="a.mp4", kind="video", video=Video(frames=1))
    body = messages.pack_answer(media)[8:]
    with pytest.raises(MediaError, match="makes no sense"):
        messages.unpack_answer(packed(body, b"seven b"))


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": "x"},
        {"kind": "program"},
        {"strange": 1},
        {"video": {"fps": "1/0"}},
        {"video": {"fps": "NaN"}},
        {"video": {"frames": 1.5}},
        {"duration_seconds": []},
    ],
)
def test_a_worker_that_lies_about_the_form_is_not_believed(change: dict[str, Any]) -> None:
    body = {"media": {"source": "a.mp4", **change}, "cover_art": False, "error": None}
    with pytest.raises(MediaError, match="makes no sense"):
        messages.unpack_answer(packed(json.dumps(body).encode()))


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
    answer = messages.pack_answer(Media(source="a.mp4"))
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
    answer = messages.pack_answer(media)
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
