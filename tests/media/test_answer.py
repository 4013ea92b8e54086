from __future__ import annotations

import json
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media import Failure, Media, Video
from mh_preflight.media.answer import pack_answer, unpack_answer


def test_facts_times_and_cover_come_across() -> None:
    video = Video(
        fps=Fraction(30000, 1001), frames=2, frame_times=np.array([0, 33_366], dtype=np.int64)
    )
    media = Media(source="a.mp4", kind="video", video=video, cover_art=True)
    found = unpack_answer(pack_answer(media)).media
    assert found == media
    assert found.cover_art
    assert found.video is not None
    assert found.video.frame_times is not None
    assert found.video.frame_times.tolist() == [0, 33_366]


def test_an_error_comes_across() -> None:
    failure = Failure(code="empty", message="nothing there")
    assert unpack_answer(pack_answer(None, failure)).error == failure


def packed(body: bytes, raw: bytes = b"") -> bytes:
    return struct.pack(">II", len(body), len(raw)) + body + raw


@given(st.binary(max_size=200), st.binary(max_size=40), st.integers(0, 8))
def test_an_answer_that_makes_no_sense_is_one_clear_error(
    body: bytes, raw: bytes, cut: int
) -> None:
    message = packed(body + b"!", raw)
    with pytest.raises(MediaError, match="makes no sense"):
        unpack_answer(message[: len(message) - cut])


def test_times_that_are_no_whole_numbers_make_no_sense() -> None:
    media = Media(source="a.mp4", kind="video", video=Video(frames=1))
    body = pack_answer(media)[8:]
    with pytest.raises(MediaError, match="makes no sense"):
        unpack_answer(packed(body, b"seven b"))


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
        unpack_answer(packed(json.dumps(body).encode()))


@pytest.mark.parametrize("times", [[3, 1], [-1, 5], [1, 2, 3]])
def test_times_that_cannot_be_those_of_the_frames_are_dropped(times: list[int]) -> None:
    video = Video(frames=2, frame_times=np.array(times, dtype=np.int64))
    media = Media(source="a.mp4", kind="video", video=video)
    found = unpack_answer(pack_answer(media)).media
    assert found is not None
    assert found.video is not None
    assert found.video.frame_times is None
