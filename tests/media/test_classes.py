"""Each class of odd real file, made small: the probe is right, or says what is not certain."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from making import (
    Clip,
    Sound,
    draw_cover,
    make_sound,
    make_video,
    patch_cover_first,
    patch_default_duration,
    patch_display_width,
    patch_edits,
    patch_pre_skip,
    patch_rotation,
    write_sound,
)

from mh_preflight.errors import MediaError
from mh_preflight.media import Media, probe

RATE = 30
LARGE_COVER = (320, 240)  # larger than the film, so that it would be the better choice by size
HEARD = 0.06  # seconds that codecs differ about where a sound starts and ends
STAMP = 0.0011  # seconds; Matroska writes whole milliseconds

TIMED = {
    "video.frames",
    "video.fps",
    "video.start_seconds",
    "video.duration_seconds",
    "video.variable_frame_rate",
}


def read(path: Path) -> Media:
    return probe(path, isolation="none")


def fact(media: Media, name: str) -> Any:
    found: Any = media
    for part in name.split("."):
        found = getattr(found, part)
    return found


def wrong(media: Media, truth: dict[str, Any]) -> dict[str, str]:
    """Tell which facts are not the truth, though the probe calls them certain."""
    return {
        name: f"{fact(media, name)}, truth {true}"
        for name, true in truth.items()
        if name not in media.uncertain and fact(media, name) != true
    }


def film(frames: int, *, start: float = 0.0, off: float = STAMP, **others: Any) -> dict[str, Any]:
    """State the truth of an even film at 30 frames a second, 64 x 48."""
    return {
        "kind": "video",
        "video.frames": frames,
        "video.fps": RATE,
        "video.start_seconds": pytest.approx(start, abs=off),
        "video.duration_seconds": pytest.approx(frames / RATE, abs=off),
        "video.variable_frame_rate": False,
        "video.width": 64,
        "video.height": 48,
        "video.rotation": 0,
    } | others


def sounding(seconds: float, off: float = HEARD) -> dict[str, Any]:
    return {
        "kind": "audio",
        "video": None,
        "audio.duration_seconds": pytest.approx(seconds, abs=off),
        "audio.sample_rate": 48_000,
        "audio.channels": 1,
        "duration_seconds": pytest.approx(seconds, abs=off),
    }


def decoded_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def decoded_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        return samples / container.streams.audio[0].rate


def packet_sizes(path: Path) -> set[int]:
    with av.open(str(path)) as container:
        return {packet.size for packet in container.demux(audio=0) if packet.size}


def remux(source: Path, path: Path) -> Path:
    """Put the video of a file into another container."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        track = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                new.mux(packet)
    return path


# Edit lists.


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("first", "last"), [(12, 40), (7, 40), (1, 40), (39, 40), (0, 25), (0, 39), (7, 25), (13, 14)]
)
def test_frames_that_an_edit_list_cuts_are_not_counted(
    tmp_path: Path, first: int, last: int, b_frames: int
) -> None:
    clip = Clip(frames=40, codec="libx264", b_frames=b_frames)
    path = make_video(tmp_path / "cut.mp4", clip)
    patch_edits(path, ((last - first) / RATE, first / RATE))
    assert decoded_frames(path) == last - first
    media = read(path)
    assert wrong(media, film(last - first)) == {}
    assert fact(media, "video.frames") == last - first


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("before", [1, 8, 20])
def test_frames_before_the_time_zero_are_not_counted(
    tmp_path: Path, before: int, b_frames: int
) -> None:
    stamps = tuple((number - before) / RATE for number in range(40))
    clip = Clip(stamps=stamps, codec="libx264", b_frames=b_frames)
    path = make_video(tmp_path / "early.mp4", clip)
    assert decoded_frames(path) == 40 - before
    assert wrong(read(path), film(40 - before)) == {}


@pytest.mark.parametrize("start", [0.1, 0.25, 0.49])
def test_an_edit_list_that_cuts_within_a_frame_is_read_as_the_decoder_reads_it(
    tmp_path: Path, start: float
) -> None:
    path = make_video(tmp_path / "within.mp4", Clip(frames=40, codec="libx264"))
    patch_edits(path, (40 / RATE - start - 0.01, start + 0.01))
    shown = decoded_frames(path)
    assert wrong(read(path), film(shown, off=1 / RATE)) == {}


@pytest.mark.parametrize("delay", [0.5, 3.0])
@pytest.mark.parametrize("first", [0, 12, 7])
def test_an_edit_list_that_delays_the_start_changes_no_length(
    tmp_path: Path, first: int, delay: float
) -> None:
    path = make_video(tmp_path / "late.mp4", Clip(frames=40, codec="libx264"))
    patch_edits(path, (delay, None), ((40 - first) / RATE, first / RATE))
    assert decoded_frames(path) == 40 - first
    media = read(path)
    assert wrong(media, film(40 - first, start=delay)) == {}
    assert fact(media, "video.frames") == 40 - first


@pytest.mark.parametrize(
    "pieces",
    [
        ((0, 9), (21, 39)),
        ((0, 12), (24, 39)),
        ((0, 6), (9, 12), (30, 33)),
        ((21, 39), (0, 21)),
        ((0, 9), (0, 9)),
    ],
)
def test_an_edit_list_of_several_pieces_is_counted_or_uncertain(
    tmp_path: Path, pieces: tuple[tuple[int, int], ...]
) -> None:
    path = make_video(tmp_path / "pieces.mp4", Clip(frames=40, codec="libx264"))
    patch_edits(path, *(((last - first) / RATE, first / RATE) for first, last in pieces))
    shown = sum(last - first for first, last in pieces)
    assert wrong(read(path), film(shown)) == {}


def test_a_pause_in_an_edit_list_is_shown_or_uncertain(tmp_path: Path) -> None:
    path = make_video(tmp_path / "pause.mp4", Clip(frames=40, codec="libx264"))
    # FFmpeg fills the pause with frames; by the standard nothing new is shown in it.
    patch_edits(path, (0.6, 0), (1, None), (0.6, 0.6))
    truth = film(36) | {
        "video.fps": Fraction(36) / Fraction("2.2"),
        "video.duration_seconds": pytest.approx(2.2, abs=STAMP),
        "video.variable_frame_rate": True,
    }
    assert wrong(read(path), truth) == {}


@pytest.mark.parametrize(
    "edits",
    [
        ((2.0, 1.0),),
        ((2.92, 0.08),),
        ((1.0, 0.0),),
        ((1.0, 1.0),),
        ((0.5, None), (3.0, 0.0)),
        ((0.5, None), (2.0, 1.0)),
        ((1.5, None), (2.0, 1.0)),
    ],
)
def test_an_edit_list_of_a_sound_is_heard_as_it_is_played(
    tmp_path: Path, edits: tuple[tuple[float, float | None], ...]
) -> None:
    path = patch_edits(make_sound(tmp_path / "cut.m4a", 3, "aac"), *edits)
    truth = sounding(decoded_seconds(path))
    assert truth["audio.duration_seconds"] == sum(
        length for length, start in edits if start is not None
    )
    assert wrong(read(path), truth) == {}


# Matroska.


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [("clip.mkv", "libx264", 0), ("clip.mkv", "libx264", 2), ("clip.webm", "libvpx", 0)],
)
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60)])
def test_a_matroska_without_the_duration_of_a_frame_keeps_its_rate(
    tmp_path: Path, name: str, codec: str, b_frames: int, rate: Fraction
) -> None:
    clip = Clip(frames=50, rate=rate, codec=codec, b_frames=b_frames)
    media = read(patch_default_duration(make_video(tmp_path / name, clip)))
    length = pytest.approx(float(50 / rate), abs=2 * STAMP)
    assert wrong(media, film(50) | {"video.fps": rate, "video.duration_seconds": length}) == {}
    assert fact(media, "video.frames") == 50


def test_a_matroska_of_varying_rate_without_the_duration_of_a_frame_is_counted(
    tmp_path: Path,
) -> None:
    stamps = tuple(n / 30 for n in range(30)) + tuple(1 + n / 10 for n in range(10))
    clip = Clip(stamps=stamps, codec="libx264")
    media = read(patch_default_duration(make_video(tmp_path / "vfr.mkv", clip)))
    assert fact(media, "video.frames") == 40
    length = fact(media, "video.duration_seconds")
    assert length == pytest.approx(2, abs=0.1)
    truth = film(40) | {
        "video.fps": pytest.approx(40 / length, rel=1e-6),
        "video.duration_seconds": pytest.approx(2, abs=0.1),
        "video.variable_frame_rate": True,
    }
    assert wrong(media, truth) == {}


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_matroska_is_as_wide_as_it_is_shown(tmp_path: Path, degrees: int) -> None:
    phone = patch_rotation(make_video(tmp_path / "phone.mp4", Clip(codec="libx264")), degrees)
    media = read(remux(phone, tmp_path / "turned.mkv"))
    width, height = (64, 48) if degrees == 180 else (48, 64)
    turned = {"video.width": width, "video.height": height, "video.rotation": degrees}
    assert wrong(media, film(30) | turned) == {}
    assert fact(media, "video.width") == width


@pytest.mark.parametrize("width", [85, 128, 57, 32])
@pytest.mark.parametrize(("name", "codec"), [("wide.webm", "libvpx"), ("wide.mkv", "libx264")])
def test_a_matroska_is_as_wide_as_it_says_that_it_is_shown(
    tmp_path: Path, name: str, codec: str, width: int
) -> None:
    path = patch_display_width(make_video(tmp_path / name, Clip(codec=codec)), width)
    media = read(path)
    assert wrong(media, film(30) | {"video.width": width}) == {}
    assert (fact(media, "video.width"), fact(media, "video.coded_width")) == (width, 64)


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(8, 9), Fraction(2)])
def test_wide_pixels_of_the_codec_widen_the_shown_picture_of_a_matroska(
    tmp_path: Path, aspect: Fraction
) -> None:
    media = read(make_video(tmp_path / "wide.mkv", Clip(codec="libx264", aspect=aspect)))
    assert wrong(media, film(30) | {"video.width": round(64 * aspect)}) == {}


# Cover art.


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("song.mp3", "libmp3lame"),
        ("song.m4a", "aac"),
        ("song.flac", "flac"),
        ("song.ogg", "libopus"),
        ("song.mka", "libopus"),
    ],
)
def test_a_sound_with_a_cover_is_no_video(tmp_path: Path, name: str, codec: str) -> None:
    sound = Sound(codec, seconds=3, cover=draw_cover(LARGE_COVER))
    media = read(write_sound(tmp_path / name, sound))
    assert media.cover_art
    assert (media.kind, media.video) == ("audio", None)
    assert wrong(media, sounding(3)) == {}


def test_a_sound_with_a_cover_before_its_track_is_no_video(tmp_path: Path) -> None:
    sound = Sound("aac", seconds=3, cover=draw_cover(LARGE_COVER))
    media = read(patch_cover_first(write_sound(tmp_path / "song.m4a", sound)))
    assert media.cover_art
    assert (media.kind, media.video) == ("audio", None)
    assert wrong(media, sounding(3)) == {}


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
@pytest.mark.parametrize("sound", [0, 1])
def test_the_cover_is_never_the_film(tmp_path: Path, name: str, sound: int) -> None:
    clip = Clip(codec="libx264", sound=sound, cover=draw_cover(LARGE_COVER))
    media = read(make_video(tmp_path / name, clip))
    assert wrong(media, film(30)) == {}
    assert (media.kind, fact(media, "video.width"), fact(media, "video.frames")) == (
        "video",
        64,
        30,
    )
    assert media.cover_art


@pytest.mark.parametrize("sound", [0, 1])
def test_a_cover_before_the_film_is_not_the_film(tmp_path: Path, sound: int) -> None:
    clip = Clip(codec="libx264", sound=sound, cover=draw_cover(LARGE_COVER))
    path = patch_cover_first(make_video(tmp_path / "film.mp4", clip))
    with av.open(str(path)) as container:
        first = container.streams.video[0]
        assert (first.codec_context.name, first.width) == ("mjpeg", LARGE_COVER[0])
    media = read(path)
    assert media.cover_art
    assert wrong(media, film(30)) == {}
    assert (fact(media, "video.width"), fact(media, "video.frames")) == (64, 30)


# Sound whose header is silent or lies.


@pytest.mark.parametrize(
    "codec_options",
    [{}, {"flags": "+qscale", "global_quality": "236"}],
    ids=["constant", "varying"],
)
def test_an_mp3_without_a_table_is_as_long_as_its_samples(
    tmp_path: Path, codec_options: dict[str, str]
) -> None:
    sound = Sound(
        "libmp3lame",
        seconds=8,
        uneven=True,
        options={"write_xing": "0"},
        codec_options=codec_options,
    )
    path = write_sound(tmp_path / "bare.mp3", sound)
    assert not any(mark in path.read_bytes() for mark in (b"Xing", b"Info"))
    assert (len(packet_sizes(path)) > 1) == bool(codec_options)
    media = read(path)
    assert wrong(media, sounding(decoded_seconds(path))) == {}
    assert fact(media, "audio.duration_seconds") == pytest.approx(8, abs=0.1)


def test_an_aac_stream_of_varying_bit_rate_is_as_long_as_its_samples(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "bare.aac", Sound("aac", seconds=8, uneven=True))
    sizes = packet_sizes(path)
    assert max(sizes) > 5 * min(sizes)
    media = read(path)
    assert wrong(media, sounding(decoded_seconds(path))) == {}
    assert fact(media, "audio.duration_seconds") == pytest.approx(8, abs=HEARD)


@pytest.mark.parametrize(
    ("name", "skipped"),
    [("voice.opus", 0), ("voice.opus", 3840), ("voice.webm", 0), ("voice.webm", 768)],
)
@pytest.mark.parametrize("seconds", [0.5, 3.25])
def test_opus_sounds_without_the_samples_that_are_thrown_away(
    tmp_path: Path, name: str, skipped: int, seconds: float
) -> None:
    path = make_sound(tmp_path / name, seconds, "libopus")
    truth = seconds
    if skipped:
        head = path.read_bytes().index(b"OpusHead") + 10
        usual = int.from_bytes(path.read_bytes()[head : head + 2], "little")
        patch_pre_skip(path, skipped)
        truth -= (skipped - usual) / 48_000
    assert decoded_seconds(path) == pytest.approx(truth, abs=0.001)
    media = read(path)
    assert wrong(media, sounding(truth, off=0.01)) == {}
    assert fact(media, "audio.duration_seconds") == pytest.approx(truth, abs=0.01)


# Files that were cut.


@pytest.mark.parametrize("sound", [0, 3])
@pytest.mark.parametrize(
    "share", [0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999]
)
def test_a_cut_mp4_is_never_certain(tmp_path: Path, share: float, sound: int) -> None:
    clip = Clip(frames=90, codec="libx264", sound=sound, options={"movflags": "faststart"})
    path = make_video(tmp_path / "cut.mp4", clip)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    try:
        media = read(path)
    except MediaError as error:
        assert error.code == "truncated"  # noqa: PT017  it may also be uncertain
        return
    assert set(media.uncertain) >= TIMED | {"duration_seconds"}
    if sound:
        assert "audio.duration_seconds" in media.uncertain


# Names that lie.


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx")]
)
@pytest.mark.parametrize("wrong_name", ["b.mp4", "b.webm", "b.avi", "b.mp3", "b.png", "b.txt", "b"])
def test_a_film_is_read_by_what_it_is_and_not_by_its_name(
    tmp_path: Path, name: str, codec: str, wrong_name: str
) -> None:
    path = make_video(tmp_path / name, Clip(codec=codec, sound=0)).rename(tmp_path / wrong_name)
    media = read(path)
    assert wrong(media, film(30)) == {}
    assert fact(media, "video.frames") == 30


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp3", "libmp3lame"),
        ("a.m4a", "aac"),
        ("a.aac", "aac"),
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.ogg", "libopus"),
    ],
)
@pytest.mark.parametrize("wrong_name", ["b.mp3", "b.wav", "b.mp4", "b.ogg", "b.jpg", "b"])
def test_a_sound_is_read_by_what_it_is_and_not_by_its_name(
    tmp_path: Path, name: str, codec: str, wrong_name: str
) -> None:
    path = make_sound(tmp_path / name, 2, codec).rename(tmp_path / wrong_name)
    media = read(path)
    assert wrong(media, sounding(2)) == {}
    assert fact(media, "audio.duration_seconds") == pytest.approx(2, abs=HEARD)
