from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video, patch_edits

from mh_preflight.media.boxes import find_tables, read_layout, read_tracks
from mh_preflight.media.origins import InMemory
from mh_preflight.media.sample_table import SampleTable, read_samples


def table(path: Path, count: int) -> SampleTable | None:
    header = read_layout(InMemory(path.read_bytes())).header
    return read_samples(header, find_tables(header, read_tracks(header)[1]), count)


@pytest.mark.parametrize("sound", [0, 2])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_tables_say_what_the_packets_are(tmp_path: Path, b_frames: int, sound: float) -> None:
    clip = Clip(frames=70, codec="libx264", b_frames=b_frames, sound=sound)
    path = make_video(tmp_path / "clip.mp4", clip)
    found = table(path, 70)
    assert found is not None
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    stamps = sorted(packet.pts or 0 for packet in packets)
    assert (found.shown - found.shown[0]).tolist() == [stamp - stamps[0] for stamp in stamps]
    assert found.places.tolist() == [packet.pos for packet in packets]
    assert (found.ends - found.places).tolist() == [packet.size for packet in packets]


@pytest.mark.parametrize("length", [0.5, 1.13, 2, 3])
@pytest.mark.parametrize("start", [0, 0.03, 0.08, 0.3])
@pytest.mark.parametrize("b_frames", [0, 2, 3])
def test_where_an_edit_list_discards_anything_it_discards_what_is_shown_first_or_last(
    tmp_path: Path, b_frames: int, start: float, length: float
) -> None:
    path = make_video(tmp_path / "clip.mp4", Clip(frames=60, codec="libx264", b_frames=b_frames))
    patch_edits(path, (0.7, None), (length, start))
    found = table(path, 60)
    assert found is not None
    with av.open(str(path)) as container:
        discarded = [entry.is_discard for entry in container.streams.video[0].index_entries]
    if len(discarded) == 60:  # else the index itself is short, which is no less telling
        ends = found.stamps.argmin(), found.stamps.argmax()
        assert any(discarded) == any(discarded[int(place)] for place in ends)


def test_another_number_of_samples_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4")
    assert table(path, 30) is not None
    assert table(path, 29) is None
    assert table(path, 0) is None
    assert table(path, 10**9) is None


def box(*numbers: int) -> bytes:
    return bytes(4) + struct.pack(f">{len(numbers)}I", *numbers)


def laid_out(boxes: dict[bytes, bytes]) -> tuple[bytes, dict[bytes, tuple[int, int]]]:
    file, tables = b"", {}
    for kind, contents in boxes.items():
        tables[kind] = (len(file), len(file) + len(contents))
        file += contents
    return file, tables


SOUND = {
    b"stts": box(2, 2, 10, 1, 20),
    b"stsz": box(0, 3, 5, 6, 7),
    b"stsc": box(2, 1, 2, 1, 2, 1, 1),
    b"stco": box(2, 100, 200),
}


def test_samples_are_spread_over_chunks() -> None:
    found = read_samples(*laid_out(SOUND), 3)
    assert found is not None
    assert found.shown.tolist() == [0, 10, 20]
    assert found.places.tolist() == [100, 105, 200]
    assert found.ends.tolist() == [105, 111, 207]


def test_one_size_for_all_and_long_offsets_are_read() -> None:
    wide = {k: v for k, v in SOUND.items() if k != b"stco"}
    wide |= {b"stsz": box(9, 3), b"co64": box(2, 1, 0, 2, 0)}
    found = read_samples(*laid_out(wide), 3)
    assert found is not None
    assert found.places.tolist() == [2**32, 2**32 + 9, 2**33]


@pytest.mark.parametrize(
    "change",
    [
        {b"stts": box(1, 2, 10)},
        {b"stts": box(9, 2, 10)},
        {b"stsz": box(0, 4, 5, 6, 7)},
        {b"stsz": box(0, 3, 5, 6)},
        {b"stsc": box(1, 2, 3, 1)},
        {b"stsc": box(1, 1, 0, 1)},
        {b"stsc": box(0)},
        {b"stsc": box(2, 1, 2, 1, 9, 1, 1)},
        {b"stco": box(1, 100)},
        {b"stco": b""},
        {b"ctts": box(1, 2, 0)},
    ],
)
def test_tables_that_do_not_agree_are_refused(change: dict[bytes, bytes]) -> None:
    assert read_samples(*laid_out({**SOUND, **change}), 3) is None


@given(st.dictionaries(st.sampled_from([*SOUND, b"ctts", b"co64"]), st.binary(max_size=40)))
def test_any_bytes_are_tables_or_none(change: dict[bytes, bytes]) -> None:
    found = read_samples(*laid_out({**SOUND, **change}), 3)
    assert found is None or len(found.shown) == len(found.places) == len(found.ends) == 3
    assert found is None or bool(np.all(np.diff(found.shown) >= 0))
