from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mmap
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video

from mh_preflight.errors import InputError, MediaError
from mh_preflight.media import Media, probe
from mh_preflight.media.limits import Limits
from mh_preflight.media.origins import InMemory, open_content
from mh_preflight.media.origins.handed import OpenFile


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("handed") / "clip.mp4", Clip(frames=45, sound=1.5))


def facts_of(source: Any) -> dict[str, Any]:
    media = probe(source, isolation="none")
    return media.model_dump(exclude={"source"})


def expected(clip: Path) -> dict[str, Any]:
    facts = facts_of(clip)
    assert facts["video"]["frames"] == 45
    assert facts["uncertain"] == {}
    return facts


class Generous(io.BytesIO):
    """Gives more than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size <= 0 else size + 1000)


class Stingy(io.BytesIO):
    """Gives less than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size <= 0 else (size + 1) // 2)


class Views(io.BytesIO):
    """Gives what only looks like bytes."""

    def read(self, size: int | None = -1, /) -> Any:
        data = super().read(size)
        return data if size == 0 else memoryview(data)


class Broken(io.BytesIO):
    """Fails where it is read beyond its head."""

    fault: Exception = OSError(5, "Input/output error")

    def read(self, size: int | None = -1, /) -> bytes:
        if size and self.tell() >= 64:
            raise self.fault
        return super().read(size)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_read_like_the_file(clip: Path, kind: Callable[[bytes], Any]) -> None:
    media = probe(kind(clip.read_bytes()))
    assert media.model_dump(exclude={"source"}) == expected(clip)
    assert media.source == "<bytes>"
    assert media.identity is None


@pytest.mark.parametrize("kind", [io.BytesIO, Generous, Stingy, Views])
def test_a_file_object_is_read_like_the_file(clip: Path, kind: Callable[[bytes], Any]) -> None:
    file = kind(clip.read_bytes())
    assert facts_of(file) == expected(clip)
    assert probe(file).source == "<open file>"


def test_an_open_file_is_read_and_named(clip: Path) -> None:
    for buffering in (-1, 0):
        with clip.open("rb", buffering=buffering) as file:
            media = probe(file)
            assert media.source == str(clip)
            assert media.model_dump(exclude={"source"}) == expected(clip)


def test_a_file_of_which_only_the_descriptor_is_known_has_no_name(clip: Path) -> None:
    with open(os.open(clip, os.O_RDONLY), "rb") as file:  # noqa: PTH123
        assert probe(file).source == "<open file>"


@pytest.mark.parametrize("packer", [gzip, bz2, lzma])
def test_a_compressed_file_is_read_as_what_it_holds(
    clip: Path, tmp_path: Path, packer: Any
) -> None:
    packed = tmp_path / "clip.mp4.packed"
    packed.write_bytes(packer.compress(clip.read_bytes()))
    with packer.open(packed) as file:
        assert facts_of(file) == expected(clip)


def test_a_member_of_an_archive_is_read(clip: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clips.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(clip, "clip.mp4")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive, archive.open("clip.mp4") as file:
        assert facts_of(file) == expected(clip)


def test_a_mapped_file_is_read(clip: Path) -> None:
    with clip.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert facts_of(mapped) == expected(clip)


def test_a_file_that_rolls_over_to_the_disk_is_read(clip: Path) -> None:
    with tempfile.SpooledTemporaryFile(max_size=100) as file:
        file.write(clip.read_bytes())
        assert facts_of(file) == expected(clip)


@pytest.mark.parametrize("place", [0, 7, 10**9])
def test_where_a_file_stands_is_the_same_afterwards(clip: Path, place: int) -> None:
    file = io.BytesIO(clip.read_bytes())
    file.seek(place)
    assert facts_of(file) == expected(clip)
    assert file.tell() == place
    assert not file.closed


def test_where_a_file_stands_is_the_same_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "text.bin"
    path.write_bytes(b"this is no film\n" * 50)
    with path.open("rb") as file:
        file.seek(5)
        with pytest.raises(MediaError):
            probe(file)
        assert file.tell() == 5
    with path.open("r", encoding="utf-8") as text:
        assert text.read(3) == "thi"
        with pytest.raises(InputError):
            probe(text)
        assert text.read(4) == "s is"


def test_a_buffer_can_grow_again_afterwards(clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    probe(data)
    data += b"more"
    for bad in (bytearray(b"no film"), bytearray()):
        with pytest.raises(MediaError):
            probe(bad)
        bad.extend(b"more")


@pytest.mark.parametrize("nothing", [b"", bytearray(), memoryview(b""), io.BytesIO()])
def test_nothing_is_empty(nothing: Any) -> None:
    with pytest.raises(MediaError) as caught:
        probe(nothing)
    assert caught.value.code == "empty"


def failure(source: Any) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe(source, isolation="none")
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("fault", [OSError(5, "Input/output error"), ValueError("x"), EOFError()])
def test_a_file_object_that_fails_is_one_error(clip: Path, fault: Exception) -> None:
    file = Broken(clip.read_bytes())
    file.fault = fault
    error = failure(file)
    assert error.code == "unreadable"
    assert error.source == "<open file>"
    assert "cannot be read" in error.message


def test_a_fault_of_several_lines_is_told_in_one(clip: Path) -> None:
    file = Broken(clip.read_bytes())
    file.fault = OSError("first\nsecond\x1b[31m")
    message = failure(file).message
    assert "\x1b" not in message


def spoiled(packed: bytes) -> bytes:
    """Damage what was packed, behind its header."""
    return packed[:16] + b"\xff" * 64 + packed[80:]


def cut(packed: bytes) -> bytes:
    """Lose the second half of what was packed."""
    return packed[: len(packed) // 2]


@pytest.mark.parametrize("packer", [gzip, bz2, lzma])
@pytest.mark.parametrize("harm", [spoiled, cut])
def test_a_damaged_compressed_file_is_one_error(
    clip: Path, packer: Any, harm: Callable[[bytes], bytes]
) -> None:
    harmed = io.BytesIO(harm(packer.compress(clip.read_bytes())))
    with packer.open(harmed) as file, pytest.raises((MediaError, InputError)) as caught:
        probe(file, isolation="none")
    assert "\n" not in caught.value.message


def test_a_file_that_is_closed_while_it_is_read_is_one_error(clip: Path) -> None:
    file = io.BytesIO(clip.read_bytes())
    content = OpenFile(file)
    file.close()
    with pytest.raises(MediaError, match="cannot be read"):
        content.read_at(0, 10)


class Unseekable(io.RawIOBase):
    """As a pipe or the body of an answer is."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return b"x"


def refusal(source: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        probe(source)
    assert "\n" not in caught.value.message
    assert caught.value.field == "source"
    return caught.value


def test_a_file_that_is_open_as_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("no film", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        assert "not as bytes" in refusal(file).message
    assert "not as bytes" in refusal(io.StringIO("no film")).message


def test_a_file_that_cannot_go_back_is_refused() -> None:
    refusal(Unseekable())
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123
        refusal(pipe)


def test_a_closed_file_is_refused() -> None:
    file = io.BytesIO(b"no film")
    file.close()
    refusal(file)


def test_a_file_open_for_writing_only_is_refused_and_stands_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "new.bin"
    path.write_bytes(b"0123456789")
    with path.open("r+b") as file, open(file.fileno(), "wb", closefd=False) as only:
        only.seek(3)
        refusal(only)
        assert only.tell() == 3


@pytest.mark.parametrize("other", [None, 7, 1.5, [b"x"], object(), {"read": 1}])
def test_what_is_no_source_is_refused(other: Any) -> None:
    assert "is no path, URL, bytes or open file" in refusal(other).message


def test_a_view_with_gaps_is_refused_or_read(clip: Path) -> None:
    doubled = b"".join(bytes([each, 0]) for each in clip.read_bytes())
    try:
        facts = facts_of(memoryview(doubled)[::2])
    except InputError as error:
        assert error.field == "source"  # noqa: PT017  either is an answer
    else:
        assert facts == expected(clip)


@given(
    data=st.binary(min_size=1, max_size=400),
    reads=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=8),
)
def test_any_part_of_what_is_handed_over_is_given(
    data: bytes, reads: list[tuple[int, int]]
) -> None:
    files: list[InMemory | OpenFile] = [InMemory(data)]
    files += [OpenFile(kind(data)) for kind in (io.BytesIO, Generous, Stingy)]
    for content in files:
        assert content.size == len(data)
        for place, length in reads:
            assert content.read_at(place, length) == data[place : place + length]
        content.close()


def test_a_worker_reads_what_is_handed_over(clip: Path) -> None:
    def read(source: Any) -> Media:
        return probe(source, isolation=None)

    facts = expected(clip)
    for source in (clip.read_bytes(), Generous(clip.read_bytes()), Stingy(clip.read_bytes())):
        assert read(source).model_dump(exclude={"source"}) == facts
    with pytest.raises(MediaError, match="cannot be read") as caught:
        read(Broken(clip.read_bytes()))
    assert caught.value.code == "unreadable"


def test_opening_looks_at_nothing_but_the_size() -> None:
    content = open_content(Broken(b"x" * 100), Limits())
    assert content.size == 100
    content.close()
