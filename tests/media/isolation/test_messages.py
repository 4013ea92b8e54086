from __future__ import annotations

import json
import socket
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media import Failure, Media, Video
from mh_preflight.media.isolation import messages
from mh_preflight.media.isolation.messages import LENGTH, Question


def sent(media: Media | None, error: Failure | None = None) -> tuple[bytes, bytes]:
    body, raw = messages.pack_answer(media, error)[2:]
    return body, raw


def test_facts_times_and_cover_come_across() -> None:
    video = Video(
        fps=Fraction(30000, 1001), frames=2, frame_times=np.array([0, 33_366], dtype=np.int64)
    )
    media = Media(source="a.mp4", kind="video", video=video, cover_art=True)
    found = messages.unpack_answer(*sent(media)).media
    assert found == media
    assert found.cover_art
    assert found.video is not None
    assert found.video.frame_times is not None
    assert found.video.frame_times.tolist() == [0, 33_366]


def test_an_error_comes_across() -> None:
    failure = Failure(code="empty", message="nothing there")
    assert messages.unpack_answer(*sent(None, failure)).error == failure


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_an_answer_that_makes_no_sense_is_one_clear_error(body: bytes, raw: bytes) -> None:
    with pytest.raises(MediaError, match="makes no sense"):
        messages.unpack_answer(body + b"!", raw)


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
        messages.unpack_answer(json.dumps(body).encode(), b"")


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
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(LENGTH.pack(5)[:3])
        with pytest.raises(EOFError):
            messages.receive_exactly(theirs, LENGTH.size)
