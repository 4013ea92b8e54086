from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video, patch_rotation

from mh_preflight.media import boxes


def read_track(file: bytes, number: int) -> boxes.BoxTrack:
    track = boxes.read_track(file, number)
    assert track is not None
    return track


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_matrix_tells_how_the_picture_is_turned(tmp_path: Path, degrees: int) -> None:
    path = patch_rotation(make_video(tmp_path / "turned.mp4"), degrees)
    assert read_track(path.read_bytes(), 1).rotation == degrees


def test_a_matrix_of_zeros_says_nothing(tmp_path: Path) -> None:
    data = bytearray(make_video(tmp_path / "flat.mp4").read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 24] = bytes(24)
    assert read_track(bytes(data), 1).rotation == 0


def test_the_matrix_of_the_whole_film_turns_its_tracks_too(tmp_path: Path) -> None:
    data = bytearray(patch_rotation(make_video(tmp_path / "turned.mp4"), 90).read_bytes())
    tkhd, mvhd = data.index(b"tkhd") + 44, data.index(b"mvhd") + 40
    data[mvhd : mvhd + 24] = data[tkhd : tkhd + 24]
    assert read_track(bytes(data), 1).rotation == 180


def test_the_sample_tables_are_found(tmp_path: Path) -> None:
    ordered = make_video(tmp_path / "b.mp4", Clip(codec="libx264", b_frames=2))
    assert {b"stts", b"ctts", b"stsz", b"stsc"} <= set(read_track(ordered.read_bytes(), 1).tables)


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_without_fault(data: bytes) -> None:
    assert boxes.read_track(data, 1) is None


@given(st.data())
def test_a_damaged_file_is_walked_without_fault(data: st.DataObject) -> None:
    file = bytearray(b"\0\0\0\x08free\0\0\0\x88moov\0\0\0\x80trak\0\0\0\x5ctkhd" + bytes(100))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    track = boxes.read_track(bytes(file), 0)
    assert track is None or 0 <= track.rotation < 360


def test_a_chain_of_tiny_boxes_ends() -> None:
    assert boxes.read_track(b"\0\0\0\x08free" * 100_000, 1) is None
