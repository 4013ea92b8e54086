from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video

from mh_preflight.errors import InputError
from mh_preflight.media import Media, probe


@given(
    st.fractions(min_value=Fraction(1, 100), max_value=1000, max_denominator=10**9),
    st.integers(0, 10**12),
    st.integers(1, 10_000),
)
def test_the_facts_come_back_from_their_json(rate: Fraction, length: int, width: int) -> None:
    seconds = Fraction(length, 1_000_000)
    media = Media.given("video", fps=rate, duration_seconds=seconds, width=width)
    assert Media.model_validate_json(media.model_dump_json()) == media


def test_probed_facts_come_back_from_their_json(tmp_path: Any) -> None:
    stamps = (*(n / 30 for n in range(10)), 0.5, 1.0)
    path = make_video(tmp_path / "a.mp4", Clip(stamps=stamps, codec="libx264"))
    media = probe(path)
    assert media.video is not None
    assert media.video.frame_times is not None
    assert "frame_times" not in media.model_dump_json()
    assert Media.model_validate_json(media.model_dump_json()) == media


def test_a_given_fact_replaces_a_doubtful_one_and_is_certain(tmp_path: Any) -> None:
    media = probe(make_video(tmp_path / "two.mp4", Clip(tracks=2)))
    assert "video.fps" in media.uncertain
    better = media.but_given(fps=25)
    assert better.video is not None
    assert better.video.fps == 25
    assert better.video.frame_times is None
    assert better.learned_from["video.fps"] == "given"
    assert "video.fps" not in better.uncertain
    assert "video.frames" in better.uncertain


def test_a_given_length_is_the_length_of_the_whole() -> None:
    assert Media.given("audio", duration_seconds="3.920042").duration_seconds == 3.920042


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("audio", {"fps": 24}),
        ("image", {"duration_seconds": 3}),
        ("image", {"width": 3}),
        ("film", {}),
        ("video", {"fps": 0}),
        ("video", {"fps": float("nan")}),
        ("video", {"duration_seconds": -1}),
        ("video", {"width": 0}),
        ("video", {"width": True}),
        ("video", {"size_bytes": 1.5}),
    ],
)
def test_a_fact_that_cannot_be_is_refused(kind: Any, facts: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Media.given(kind, **facts)


def test_facts_do_not_change() -> None:
    media = Media.given("video", fps=24)
    with pytest.raises(ValueError, match="frozen"):
        media.kind = "audio"
