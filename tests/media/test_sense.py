from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media import Audio, Image, Media, Video
from mh_preflight.media.sense import MOST_FPS, MOST_PIXELS, MOST_SECONDS, sensible

SIZE = 10_000_000


def film(**facts: Any) -> Media:
    known = {"fps": Fraction(30), "frames": 300, "duration_seconds": 10.0, **facts}
    return Media(source="a.mp4", size_bytes=SIZE, kind="video", video=Video(**known))


def voice(**facts: Any) -> Media:
    known = {"duration_seconds": 10.0, "sample_rate": 48_000, "channels": 2, **facts}
    return Media(source="a.wav", size_bytes=SIZE, kind="audio", audio=Audio(**known))


def test_what_can_be_stays_as_it_is() -> None:
    for media in (film(width=1920, height=1080), voice()):
        assert sensible(media) is media


@pytest.mark.parametrize(
    ("facts", "unknown"),
    [
        ({"width": 0}, "width"),
        ({"height": MOST_PIXELS + 1}, "height"),
        ({"coded_width": 65_535}, "coded_width"),
        ({"fps": Fraction(MOST_FPS + 1)}, "fps"),
        ({"fps": Fraction(0)}, "fps"),
        ({"fps": Fraction(-1)}, "fps"),
        ({"duration_seconds": MOST_SECONDS + 1.0}, "duration_seconds"),
        ({"duration_seconds": -1.0}, "duration_seconds"),
        ({"duration_seconds": float("inf")}, "duration_seconds"),
    ],
)
def test_what_no_film_has_becomes_unknown_and_says_why(facts: Any, unknown: str) -> None:
    media = sensible(film(**facts))
    assert getattr(media.video, unknown) is None
    assert "cannot be" in media.uncertain[f"video.{unknown}"]


@pytest.mark.parametrize(
    ("facts", "unknown"),
    [
        ({"channels": 0}, "channels"),
        ({"channels": 65_535}, "channels"),
        ({"sample_rate": 999}, "sample_rate"),
        ({"sample_rate": 4_294_967_295}, "sample_rate"),
        ({"duration_seconds": 8_553_600.0}, "duration_seconds"),
    ],
)
def test_what_no_sound_has_becomes_unknown_and_says_why(facts: Any, unknown: str) -> None:
    media = sensible(voice(**facts))
    assert getattr(media.audio, unknown) is None
    assert "cannot be" in media.uncertain[f"audio.{unknown}"]


def test_a_rate_that_cannot_be_makes_all_that_hangs_on_it_uncertain() -> None:
    times = np.arange(300, dtype=np.int64)
    media = sensible(film(fps=Fraction(10**6), frame_times=times))
    assert {"video.frames", "video.fps", "video.duration_seconds"} <= set(media.uncertain)
    assert media.video is not None
    assert media.video.frame_times is None


def test_a_kilobyte_is_no_film_of_hours() -> None:
    claimed = film(duration_seconds=19_800.0, frames=594_000)
    small = claimed.model_copy(update={"size_bytes": 1000})
    assert "1000 bytes are few" in sensible(small).uncertain["video.frames"]
    silent = voice(duration_seconds=19_800.0).model_copy(update={"size_bytes": 1000})
    assert "1000 bytes are few" in sensible(silent).uncertain["audio.duration_seconds"]


def test_an_animation_may_stand_still_for_long() -> None:
    slow = film(fps=Fraction(1, 100), frames=2, duration_seconds=200.0)
    shown = slow.model_copy(update={"kind": "animation", "size_bytes": 1000})
    assert sensible(shown).uncertain == {}


def test_frames_rate_and_duration_must_agree() -> None:
    assert "disagree" in sensible(film(frames=400)).uncertain["video.frames"]
    assert sensible(film(frames=400, variable_frame_rate=True)).uncertain == {}
    assert sensible(film(frames=301)).uncertain == {}


@pytest.mark.parametrize("size", [(0, 5), (5, 65_536), (-1, -1)])
def test_a_still_of_a_size_that_none_has_is_refused(size: tuple[int, int]) -> None:
    image = Image(width=size[0], height=size[1])
    with pytest.raises(MediaError, match="cannot be") as caught:
        sensible(Media(source="a.png", kind="image", image=image))
    assert caught.value.code == "nonsense"


def test_the_longest_track_cannot_be_longer_than_any_track() -> None:
    media = sensible(film().model_copy(update={"duration_seconds": 1e9}))
    assert media.duration_seconds is None
    assert "cannot be" in media.uncertain["duration_seconds"]


def test_a_name_from_the_file_is_cut_and_escaped() -> None:
    media = sensible(film().model_copy(update={"container": "\x1b[2J" + "x" * 500}))
    assert media.container is not None
    assert "\x1b" not in media.container
    assert len(media.container) <= 80


numbers = st.one_of(st.none(), st.integers(-(2**64), 2**64))
seconds = st.one_of(st.none(), st.floats(allow_nan=False))


@given(numbers, numbers, st.one_of(st.none(), st.fractions()), seconds, numbers, numbers)
def test_nothing_that_cannot_be_is_left(
    width: int | None,
    frames: int | None,
    fps: Fraction | None,
    duration: float | None,
    channels: int | None,
    rate: int | None,
) -> None:
    video = Video(width=width, frames=frames, fps=fps, duration_seconds=duration)
    audio = Audio(channels=channels, sample_rate=rate, duration_seconds=duration)
    found = sensible(Media(source="a", size_bytes=9, kind="video", video=video, audio=audio))
    assert found.video is not None
    assert found.audio is not None
    assert found.video.width is None or 1 <= found.video.width <= MOST_PIXELS
    assert found.video.fps is None or 0 < found.video.fps <= MOST_FPS
    for facts in (found.video, found.audio):
        assert facts.duration_seconds is None or 0 <= facts.duration_seconds <= MOST_SECONDS
    for name in ("width", "fps", "duration_seconds"):
        if getattr(video, name) != getattr(found.video, name):
            assert f"video.{name}" in found.uncertain
    if frames is not None and not 0 <= frames <= MOST_FPS * MOST_SECONDS:
        assert found.video.frames is None
