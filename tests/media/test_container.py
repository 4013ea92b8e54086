from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from making import Clip, make_sound, make_video, patch_rotation

from mh_preflight.errors import MediaError
from mh_preflight.media import Media, packets, probe
from mh_preflight.media.limits import Budget
from mh_preflight.media.nal import READ_WHOLE

NTSC = Fraction(30000, 1001)


def facts(media: Media) -> tuple[Any, ...]:
    video = media.video
    assert video is not None
    return video.fps, video.frames, video.duration_seconds, video.variable_frame_rate


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), NTSC, Fraction(60)])
def test_an_mp4_is_certain_from_its_index_alone(tmp_path: Path, rate: Fraction) -> None:
    path = make_video(tmp_path / "clip.mp4", Clip(frames=50, rate=rate, sound=1))
    media = probe(path)
    assert facts(media) == (rate, 50, pytest.approx(float(50 / rate), abs=1e-6), False)
    assert media.uncertain == {}
    assert media.learned_from["video.frames"] == "index"
    assert media.kind == "video"


def test_a_file_too_large_to_be_read_whole_is_read_in_places(tmp_path: Path) -> None:
    path = make_video(tmp_path / "large.mp4", Clip(frames=40, codec="libx264", sound=1))
    data = path.read_bytes()
    padding = READ_WHOLE.to_bytes(4, "big") + b"free" + bytes(READ_WHOLE - 8)
    path.write_bytes(data + padding)  # behind the media, so that no place in it changes
    media = probe(path)
    assert media.size_bytes == len(data) + READ_WHOLE
    assert media.learned_from["video.frames"] == "index"
    assert facts(media)[:2] == (30, 40)


def test_b_frames_do_not_disturb_the_count(tmp_path: Path) -> None:
    path = make_video(tmp_path / "b.mp4", Clip(frames=40, codec="libx264", b_frames=2))
    assert facts(probe(path))[:2] == (30, 40)


@pytest.mark.parametrize("rate", [Fraction(60), Fraction(60000, 1001), Fraction(24000, 1001)])
def test_a_webm_with_millisecond_stamps_keeps_its_rate(tmp_path: Path, rate: Fraction) -> None:
    path = make_video(tmp_path / "clip.webm", Clip(frames=120, rate=rate, codec="libvpx"))
    media = probe(path)
    assert facts(media)[:2] == (rate, 120)
    assert media.uncertain == {}


def test_a_live_webm_without_duration_is_counted(tmp_path: Path) -> None:
    clip = Clip(frames=45, codec="libvpx", options={"live": "1"})
    media = probe(make_video(tmp_path / "live.webm", clip))
    assert facts(media)[:2] == (30, 45)
    assert media.video is not None
    assert media.video.duration_seconds == pytest.approx(1.5, abs=0.002)


def test_a_fragmented_mp4_is_counted(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = make_video(tmp_path / "fragments.mp4", Clip(frames=75, options=options))
    assert facts(probe(path))[:2] == (30, 75)


def test_a_variable_rate_gives_the_times_of_its_frames(tmp_path: Path) -> None:
    stamps = tuple(n / 30 for n in range(30)) + tuple(1 + n / 10 for n in range(10))
    media = probe(make_video(tmp_path / "vfr.mp4", Clip(stamps=stamps, codec="libx264")))
    assert media.video is not None
    assert media.video.variable_frame_rate
    assert media.video.frames == 40
    assert media.video.fps is not None
    assert float(media.video.fps) == pytest.approx(40 / (media.video.duration_seconds or 0))
    assert media.video.frame_times is not None
    times = [round(time / 1000) for time in media.video.frame_times.tolist()]
    assert times == [round(stamp * 1000) for stamp in stamps]


def test_a_film_that_starts_late_is_as_long_as_its_own_frames(tmp_path: Path) -> None:
    stamps = tuple(2 + n / 25 for n in range(25))
    clip = Clip(stamps=stamps, rate=Fraction(25), codec="libx264", sound=5)
    video = probe(make_video(tmp_path / "late.mp4", clip)).video
    assert video is not None
    assert video.frames == 25
    assert video.duration_seconds == pytest.approx(1, abs=0.001)
    assert video.start_seconds == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_a_turned_film_is_as_wide_as_it_is_shown(tmp_path: Path, name: str, degrees: int) -> None:
    video = probe(patch_rotation(make_video(tmp_path / name), degrees)).video
    assert video is not None
    shown = (64, 48) if degrees == 180 else (48, 64)
    assert (video.rotation, video.width, video.height) == (degrees, *shown)
    assert (video.coded_width, video.coded_height) == (64, 48)


def test_wide_pixels_widen_the_shown_picture(tmp_path: Path) -> None:
    clip = Clip(aspect=Fraction(4, 3), codec="libx264")
    video = probe(make_video(tmp_path / "wide.mp4", clip)).video
    assert video is not None
    assert (video.width, video.height) == (85, 48)


def test_several_video_tracks_make_the_count_uncertain(tmp_path: Path) -> None:
    media = probe(make_video(tmp_path / "two.mp4", Clip(tracks=2)))
    assert {"video.frames", "video.fps", "video.width"} <= set(media.uncertain)
    assert media.uncertain["video.frames"] == "there are 2 video tracks"


def test_a_cut_mp4_does_not_promise_what_is_not_there(tmp_path: Path) -> None:
    options = {"movflags": "faststart"}
    path = make_video(tmp_path / "cut.mp4", Clip(frames=90, codec="libx264", options=options))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    media = probe(path)
    assert media.video is not None
    assert media.video.frames is not None
    assert media.video.frames < 90
    assert "video.frames" in media.uncertain


def test_a_film_with_an_overwritten_frame_is_not_certain_from_its_index(tmp_path: Path) -> None:
    path = make_video(tmp_path / "hole.mp4", Clip(frames=60, codec="libx264"))
    with av.open(str(path)) as container:
        entry = container.streams.video[0].index_entries[30]
        place = entry.pos
    data = bytearray(path.read_bytes())
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    media = probe(path)
    assert media.learned_from["video.frames"] != "index"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("voice.mp3", "libmp3lame"),
        ("voice.m4a", "aac"),
        ("voice.aac", "aac"),
        ("voice.wav", "pcm_s16le"),
        ("voice.flac", "flac"),
        ("voice.opus", "libopus"),
        ("voice.ogg", "libopus"),
        ("voice.aiff", "pcm_s16be"),
    ],
)
def test_sound_is_as_long_as_its_samples(tmp_path: Path, name: str, codec: str) -> None:
    media = probe(make_sound(tmp_path / name, 3.25, codec))
    assert media.kind == "audio"
    assert media.video is None
    assert media.audio is not None
    assert media.audio.duration_seconds == pytest.approx(3.25, abs=0.06)
    assert (media.audio.sample_rate, media.audio.channels) == (48_000, 1)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8", "pcm_mulaw"])
def test_stored_samples_are_counted_by_their_bytes(tmp_path: Path, codec: str) -> None:
    media = probe(make_sound(tmp_path / "voice.wav", 1.5, codec))
    assert media.audio is not None
    assert media.audio.duration_seconds == 1.5
    assert media.learned_from["audio.duration_seconds"] == "packets"
    assert media.uncertain == {}


def test_silence_is_no_hole_in_a_file(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "silence.wav", 1.5, "pcm_s16le")
    data = path.read_bytes()
    start = data.index(b"data") + 8
    path.write_bytes(data[:start] + bytes(len(data) - start))
    assert probe(path).uncertain == {}


def test_a_cut_wav_is_as_long_as_what_is_left(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "cut.wav", 4, "pcm_s16le")
    path.write_bytes(path.read_bytes()[: 2 * 96_000])
    audio = probe(path).audio
    assert audio is not None
    assert audio.duration_seconds == pytest.approx(2, abs=0.01)


def test_an_mp3_that_says_what_is_padding_needs_no_decoding(tmp_path: Path) -> None:
    media = probe(make_sound(tmp_path / "voice.mp3", 3.25, "libmp3lame"))
    assert media.audio is not None
    assert media.audio.duration_seconds == pytest.approx(3.25, abs=0.001)
    assert media.learned_from["audio.duration_seconds"] == "packets"


def test_an_mp3_without_its_length_is_measured(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "whole.mp3", 4, "libmp3lame")
    data = path.read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(data[: len(data) // 2])
    media = probe(cut)
    assert media.audio is not None
    assert media.audio.duration_seconds == pytest.approx(2, abs=0.1)


def test_a_broken_head_is_one_clear_error(tmp_path: Path) -> None:
    path = make_video(tmp_path / "broken.mp4")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MediaError, match=r"broken\.mp4.*cannot be read"):
        probe(path)


def test_a_lack_of_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Packets:
        def demux(self, _: Any) -> Iterator[Any]:
            return self

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            raise av.error.MemoryError(12, "Cannot allocate memory")

    with pytest.raises(MemoryError):
        packets.scan_tracks(Packets(), [], Budget(9))

    def out_of_memory(*_: Any) -> Any:
        raise MemoryError

    path = make_video(tmp_path / "film.ts", Clip(codec="mpeg2video"))
    with monkeypatch.context() as patch:
        patch.setattr("mh_preflight.media.container.decode_tracks", out_of_memory)
        media = probe(path, isolation="none")
    assert media.video is not None
    assert media.video.frames == 30  # what the packets say
    assert "memory" in media.uncertain["video.frames"]
    monkeypatch.setattr("mh_preflight.media.container.scan_tracks", out_of_memory)
    with pytest.raises(MediaError, match="needs more memory") as caught:
        probe(path, isolation="none")
    assert caught.value.code == "too-large"


def test_some_samples_of_a_long_film_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mh_preflight.media.video_track.MOST_SAMPLES", 10)
    path = make_video(tmp_path / "film.mp4", Clip(frames=300, codec="libx264"))
    assert probe(path, isolation="none").uncertain == {}
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start + 2000 : start + 4000] = bytes(2000)
    path.write_bytes(data)
    assert probe(path, isolation="none").learned_from["video.frames"] != "index"
