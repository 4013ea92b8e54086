from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_sound, make_video

from mh_preflight.errors import MediaError
from mh_preflight.media import is_remote, probe


def code_of(source: str | Path) -> str:
    with pytest.raises(MediaError) as caught:
        probe(source)
    assert "\n" not in caught.value.message
    assert caught.value.source == str(source)
    return caught.value.code


def test_each_bad_file_has_its_own_code(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no film\n" * 50)
    assert code_of(tmp_path / "missing.mp4") == "not-found"
    assert code_of(tmp_path) == "not-a-file"
    assert code_of(tmp_path / "empty.mp4") == "empty"
    assert code_of(tmp_path / "text.mp4") == "unreadable"
    assert code_of("nul\0byte.mp4") == "unreadable"


def test_what_was_uploaded_is_not_read() -> None:
    assert code_of("api-assets/id/1234.mp4") == "not-local"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert code_of(tmp_path / "pipe.mp4") == "not-a-file"


@pytest.mark.parametrize(
    "name",
    [
        "con:cat.mp4",
        "file:clip.mp4",
        "-i.mp4",
        "%03d.mp4",
        "two\nlines.mp4",
        "видео 映像 🎬.mp4",
        "concat:a|b.mp4",
        "c,lavfi.mp4",
    ],
)
def test_any_name_is_just_a_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(tmp_path / "plain.mp4").rename(tmp_path / name)
    video = probe(tmp_path / name).video
    assert video is not None
    assert video.frames == 30
    monkeypatch.chdir(tmp_path)
    relative = probe(name).video
    assert relative == video


def test_a_name_that_is_no_text_is_just_a_name(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\xfe.wav")
    path = make_sound(tmp_path / "plain.wav", 0.5, "pcm_s16le")
    try:
        path.rename(name)
    except OSError:
        pytest.skip("this file system takes no such name")
    audio = probe(name).audio
    assert audio is not None
    assert audio.duration_seconds == pytest.approx(0.5)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    make_video(tmp_path / "secret.mp4")
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    assert code_of(tmp_path / "list.m3u8") == "unreadable"
    assert code_of(tmp_path / "list.ffconcat") == "unreadable"


@given(data=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_media_or_one_clear_error(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(data)
    try:
        probe(path)
    except MediaError as error:
        assert "\n" not in error.message  # noqa: PT017  that there is an error is no news


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("https://example.com/a.mp4", True),
        ("s3://bucket/a.mp4", True),
        ("api-assets/id/1234.mp4", True),
        ("clip.mp4", False),
        ("C:/clips/a.mp4", False),
        ("odd://\nname", True),
    ],
)
def test_what_is_on_this_machine_is_told_by_its_name(source: str, remote: bool) -> None:
    assert is_remote(source) == remote
