from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video, patch_rotation

from mh_preflight.media import boxes
from mh_preflight.media.origins import InMemory


def read_track(file: bytes, number: int) -> boxes.BoxTrack | None:
    return boxes.read_tracks(boxes.read_layout(InMemory(file)).header).get(number)


def track_of(path: Path) -> boxes.BoxTrack:
    track = read_track(path.read_bytes(), 1)
    assert track is not None
    return track


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_matrix_tells_how_the_picture_is_turned(tmp_path: Path, degrees: int) -> None:
    path = patch_rotation(make_video(tmp_path / "turned.mp4"), degrees)
    assert track_of(path).rotation == degrees


def test_a_matrix_of_zeros_says_nothing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "flat.mp4")
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 24] = bytes(24)
    path.write_bytes(data)
    assert track_of(path).rotation == 0


def test_the_matrix_of_the_whole_film_turns_its_tracks_too(tmp_path: Path) -> None:
    path = patch_rotation(make_video(tmp_path / "turned.mp4"), 90)
    data = bytearray(path.read_bytes())
    tkhd, mvhd = data.index(b"tkhd") + 44, data.index(b"mvhd") + 40
    data[mvhd : mvhd + 24] = data[tkhd : tkhd + 24]
    path.write_bytes(data)
    assert track_of(path).rotation == 180


def test_the_sample_tables_are_found(tmp_path: Path) -> None:
    ordered = make_video(tmp_path / "b.mp4", Clip(codec="libx264", b_frames=2))
    header = boxes.read_layout(InMemory(ordered.read_bytes())).header
    found = boxes.find_tables(header, track_of(ordered))
    assert {b"stts", b"ctts", b"stsz", b"stsc"} <= set(found)


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_without_fault(data: bytes) -> None:
    assert boxes.read_tracks(data) == {}
    assert data == b"" or read_track(data, 1) is None


@given(st.data())
def test_a_damaged_file_is_walked_without_fault(data: st.DataObject) -> None:
    file = bytearray(b"\0\0\0\x08free\0\0\0\x88moov\0\0\0\x80trak\0\0\0\x5ctkhd" + bytes(100))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    track = read_track(bytes(file), 0)
    assert track is None or 0 <= track.rotation < 360


def test_a_chain_of_tiny_boxes_ends() -> None:
    assert read_track(b"\0\0\0\x08free" * 100_000, 1) is None


def with_boxes(*boxes_: tuple[bytes, bytes]) -> bytes:
    return b"".join((8 + len(body)).to_bytes(4, "big") + kind + body for kind, body in boxes_)


def test_a_box_that_runs_past_the_end_of_the_file_shows_that_it_is_cut(tmp_path: Path) -> None:
    data = make_video(tmp_path / "whole.mp4").read_bytes()
    assert not boxes.read_layout(InMemory(data)).cut
    assert boxes.read_layout(InMemory(data[:-1])).cut


def test_header_and_media_are_found_wherever_they_lie() -> None:
    file = with_boxes((b"ftyp", b"isom"), (b"mdat", b"abc"), (b"moov", b"xyz"))
    layout = boxes.read_layout(InMemory(file))
    assert (layout.header, layout.media, layout.fragments) == (b"xyz", range(20, 23), False)
    assert boxes.read_layout(InMemory(file + with_boxes((b"moof", b"")))).fragments


def test_a_box_to_the_end_and_one_of_a_long_length_are_walked() -> None:
    long = (1).to_bytes(4, "big") + b"mdat" + (19).to_bytes(8, "big") + b"abc"
    open_ended = bytes(4) + b"moov" + b"xyz"
    layout = boxes.read_layout(InMemory(long + open_ended))
    assert (layout.header, layout.media, layout.cut) == (b"xyz", range(16, 19), False)
