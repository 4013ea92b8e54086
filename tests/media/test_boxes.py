from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_video, patch_rotation

from mh_preflight.media.boxes import track_rotations


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_matrix_tells_how_the_picture_is_turned(tmp_path: Path, degrees: int) -> None:
    path = patch_rotation(make_video(tmp_path / "turned.mp4"), degrees)
    assert track_rotations(path.read_bytes()) == {1: degrees}


def test_a_matrix_of_zeros_says_nothing(tmp_path: Path) -> None:
    data = bytearray(make_video(tmp_path / "flat.mp4").read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 24] = bytes(24)
    assert track_rotations(bytes(data)) == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_without_fault(data: bytes) -> None:
    assert track_rotations(data) == {}


@given(st.data())
def test_a_damaged_file_is_walked_without_fault(data: st.DataObject) -> None:
    file = bytearray(b"\0\0\0\x08free\0\0\0\x88moov\0\0\0\x80trak\0\0\0\x5ctkhd" + bytes(100))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    assert all(0 <= degrees < 360 for degrees in track_rotations(bytes(file)).values())


def test_a_chain_of_tiny_boxes_ends() -> None:
    assert track_rotations(b"\0\0\0\x08free" * 100_000) == {}
