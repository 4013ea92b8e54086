"""Each option refuses something: FFmpeg takes a misspelt one without a word."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import pytest
from attacking import PLAYLISTS, visited_server
from making import Clip, make_video

from mh_preflight.errors import MediaError
from mh_preflight.media import probe, pyav
from mh_preflight.media.limits import Budget
from mh_preflight.media.origins import InMemory
from mh_preflight.media.pyav import fraction_or_none, is_decoder, limit_decoder, open_container

needs_18 = pytest.mark.skipif(
    int(av.__version__.partition(".")[0]) < 18,
    reason="PyAV 17 ends the interpreter where it is asked for a picture's format and knows none",
)


def opened(
    monkeypatch: pytest.MonkeyPatch,
    data: bytes,
    without: str = "",
    kind: str | None = None,
    **changed: str,
) -> tuple[int, list[Any]]:
    """Open with our options, but for one; give the number of tracks and the pictures' formats."""
    options = {name: value for name, value in pyav.OPTIONS.items() if name != without} | changed
    monkeypatch.setattr(pyav, "OPTIONS", options)
    with open_container(InMemory(data), Budget(20), kind) as container:
        pictures = [cast("Any", stream).pix_fmt for stream in container.streams.video]
        return len(container.streams), pictures


def test_the_white_list_of_formats_refuses_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PLAYLISTS["subtitles.srt"] * 20).encode()
    with pytest.raises(MediaError, match="cannot be read"):
        opened(monkeypatch, text)
    assert opened(monkeypatch, text, "format_whitelist") == (1, [])


def test_every_format_on_the_white_list_is_one_that_ffmpeg_knows() -> None:
    known = {part for name in av.formats_available for part in name.split(",")}
    named = set(pyav.FORMATS.split(","))
    assert len(named - known) <= 2  # those of builds that have no AMR or raw AV1


@needs_18
def test_the_white_list_of_decoders_refuses_those_that_nobody_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not is_decoder("asv1")
    film = make_video(tmp_path / "film.avi", Clip(codec="asv1"))
    assert opened(monkeypatch, film.read_bytes()) == (1, [None])
    monkeypatch.setattr(pyav, "is_decoder", lambda _: True)
    pyav._decoders.cache_clear()  # noqa: SLF001
    assert opened(monkeypatch, film.read_bytes()) == (1, ["yuv420p"])
    pyav._decoders.cache_clear()  # noqa: SLF001


def test_a_film_whose_decoder_is_not_allowed_is_never_decoded(tmp_path: Path) -> None:
    media = probe(make_video(tmp_path / "film.avi", Clip(codec="asv1")))
    assert media.learned_from["video.frames"] == "packets"
    assert {"video.frames", "video.width"} <= set(media.uncertain)


def test_no_protocol_is_spoken_and_no_file_is_opened_from_within(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with visited_server() as visitors:
        playlist = PLAYLISTS["web.m3u8"].replace("{port}", str(visitors.port)).encode()
        formats = {"format_whitelist": "hls,mpegts"}
        with pytest.raises(MediaError):
            opened(monkeypatch, playlist, kind="hls")
        monkeypatch.setattr(pyav, "partial", lambda *_: None)  # io_open lets FFmpeg open
        with suppress(MediaError):
            opened(monkeypatch, playlist, kind="hls", **formats)
        assert visitors.count == 0
        with suppress(MediaError):
            opened(monkeypatch, playlist, "protocol_whitelist", kind="hls", **formats)
        assert visitors.count > 0


def test_what_opens_a_file_from_within_is_refused_whatever_the_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with visited_server() as visitors:
        playlist = PLAYLISTS["web.m3u8"].replace("{port}", str(visitors.port)).encode()
        formats = {"format_whitelist": "hls,mpegts"}
        with pytest.raises(MediaError, match="would open another file"):
            opened(monkeypatch, playlist, "protocol_whitelist", kind="hls", **formats)
        assert visitors.count == 0


def test_the_number_of_tracks_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    film = make_video(tmp_path / "many.mkv", Clip(frames=1, tracks=70, size=(32, 32)))
    try:
        tracks = opened(monkeypatch, film.read_bytes())[0]
    except MediaError as error:
        assert error.code == "too-large"  # noqa: PT017  so FFmpeg said until PyAV 17
    else:
        assert tracks == 64
    assert opened(monkeypatch, film.read_bytes(), "max_streams")[0] == 70


@needs_18
def test_the_size_of_a_picture_is_bounded_while_opening(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = make_video(tmp_path / "film.mov", Clip(codec="mpeg2video")).read_bytes()
    assert opened(monkeypatch, film) == (1, ["yuv420p"])
    assert opened(monkeypatch, film, max_pixels="100") == (1, [None])


def test_the_size_of_a_picture_is_bounded_while_decoding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = make_video(tmp_path / "film.mov").read_bytes()

    def decoded() -> int:
        with open_container(InMemory(film), Budget(20)) as container:
            stream = container.streams.video[0]
            limit_decoder(stream)
            return sum(len(packet.decode()) for packet in container.demux(stream))

    assert decoded() == 30
    monkeypatch.setattr(pyav, "MOST_DECODED", {"max_pixels": "100"})
    with pytest.raises((av.error.FFmpegError, MediaError)):
        decoded()


def test_tags_that_are_no_text_hinder_nothing(tmp_path: Path) -> None:
    title = b"caf\xe9"
    body = b"\0\0\0\x01\0\0\0\0" + title
    data = (8 + len(body)).to_bytes(4, "big") + b"data" + body
    item = (8 + len(data)).to_bytes(4, "big") + b"\xa9nam" + data
    path = make_video(tmp_path / "film.mp4")
    whole = path.read_bytes()
    assert whole[whole.index(b"mdat") :].count(b"moov") == 1  # the header is last
    ilst = (8 + len(item)).to_bytes(4, "big") + b"ilst" + item
    handler = bytes(8) + b"mdirappl" + bytes(9)
    hdlr = (8 + len(handler)).to_bytes(4, "big") + b"hdlr" + handler
    meta = (12 + len(hdlr) + len(ilst)).to_bytes(4, "big") + b"meta" + bytes(4) + hdlr + ilst
    udta = (8 + len(meta)).to_bytes(4, "big") + b"udta" + meta
    place = whole.index(b"moov") - 4
    size = int.from_bytes(whole[place : place + 4], "big") + len(udta)
    path.write_bytes(whole[:place] + size.to_bytes(4, "big") + whole[place + 4 :] + udta)
    video = probe(path).video
    assert video is not None
    assert video.frames == 30


@pytest.mark.parametrize("unset", [None, Fraction(0, 1), Fraction(-1, 2)])
def test_an_unset_rate_is_none(unset: Fraction | None) -> None:
    assert fraction_or_none(unset) is None


def test_pyav_copies_what_it_is_given_so_that_a_stream_never_gives_more(tmp_path: Path) -> None:
    class Generous(InMemory):
        def read_at(self, place: int, length: int) -> bytes:
            return super().read_at(place, length + 1_000_000)

    data = make_video(tmp_path / "film.mp4", Clip(frames=200, size=(320, 240))).read_bytes()
    with open_container(Generous(data), Budget(20)) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 200
