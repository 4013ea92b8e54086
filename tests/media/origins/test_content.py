from __future__ import annotations

import io
import os
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media.limits import Budget
from mh_preflight.media.origins import InMemory, Stream
from mh_preflight.media.origins import content as rules

LONG = 1000.0


class Odd:
    """A content that does not keep to what it promised.

    Args:
        data: What is in it.
        give: Changes what is read.
        fault: What goes wrong, from the second read on.
    """

    name, stored, far, settled = "odd", 0, False, False
    identity: str | None = None

    def __init__(self, data: bytes, more: int = 0, fault: MediaError | None = None) -> None:
        self._data, self._more, self._fault = data, more, fault
        self.size = len(data)
        self.reads: list[tuple[int, int]] = []

    def read_at(self, place: int, length: int) -> bytes:
        self.reads.append((place, length))
        if self._fault is not None and len(self.reads) > 1:
            raise self._fault
        return self._data[place : max(place, place + length + self._more)]

    def check(self) -> None:
        """Nothing to check."""

    def close(self) -> None:
        """Nothing is open."""


def stream_of(content: Any, seconds: float = LONG) -> Stream:
    return Stream(content, Budget(seconds))


moves = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 99), st.just(0)),
    st.tuples(st.just("seek"), st.integers(0, 150), st.just(os.SEEK_SET)),
    st.tuples(st.just("seek"), st.integers(-150, 150), st.just(os.SEEK_CUR)),
    st.tuples(st.just("seek"), st.integers(-150, 150), st.just(os.SEEK_END)),
)


@given(data=st.binary(min_size=1, max_size=100), moves=st.lists(moves, max_size=20))
def test_it_reads_and_seeks_as_a_file_does(data: bytes, moves: list[tuple[str, int, int]]) -> None:
    ours, theirs = stream_of(InMemory(data)), io.BytesIO(data)
    assert ours.seekable()
    assert ours.readable()
    for move, number, whence in moves:
        if move == "read":
            assert ours.read(number) == theirs.read(number)
        else:
            assert ours.seek(number, whence) == theirs.seek(number, whence)
        assert ours.tell() == theirs.tell()


@given(
    data=st.binary(min_size=1, max_size=100),
    more=st.integers(-50, 50),
    lengths=st.lists(st.integers(0, 60), max_size=10),
)
def test_it_never_gives_more_than_was_asked_for(data: bytes, more: int, lengths: list[int]) -> None:
    stream, place = stream_of(Odd(data, more)), 0
    for length in lengths:
        read = stream.read(length)
        assert len(read) <= length
        assert read == data[place : place + len(read)]
        place += len(read)
        assert stream.tell() == place <= len(data)


def test_it_is_no_file_with_a_name() -> None:
    stream = stream_of(InMemory(b"x"))
    assert not hasattr(stream, "name")
    with pytest.raises(OSError, match="fileno"):
        stream.fileno()
    assert not stream.writable()


def test_a_seek_before_the_start_goes_to_the_start() -> None:
    stream = stream_of(InMemory(b"0123456789"))
    assert stream.seek(-5) == 0
    assert stream.seek(-50, os.SEEK_END) == 0
    assert stream.read(3) == b"012"


def test_what_cannot_be_read_is_its_end_and_is_kept() -> None:
    fault = MediaError("gone", code="network")
    content = Odd(b"0123456789", fault=fault)
    stream = stream_of(content)
    assert stream.read(4) == b"0123"
    stream.raise_failure()
    assert stream.read(4) == b""
    assert stream.failure is fault
    stream.seek(0)
    assert stream.read(4) == b""
    assert len(content.reads) == 2
    with pytest.raises(MediaError, match="gone"):
        stream.opened()
    with pytest.raises(MediaError, match="gone"):
        stream.raise_failure()


def test_it_ends_when_the_processor_time_is_spent() -> None:
    stream = stream_of(InMemory(b"0123456789"), seconds=-1.0)
    assert stream.read(4) == b""
    assert stream.failure is not None
    assert stream.failure.code == "too-slow"
    assert stream.failure.source == "<bytes>"
    stream.raise_failure()  # that it was for lack of time shows in the budget
    with pytest.raises(MediaError):
        stream.opened()


def test_it_ends_in_the_middle_when_the_processor_time_is_spent() -> None:
    stream = stream_of(InMemory(bytes(10)), seconds=0.02)
    assert stream.read(4) == bytes(4)
    end = time.thread_time() + 0.03
    while time.thread_time() < end:
        pass
    assert stream.read(4) == b""
    assert stream.failure is not None


def test_not_too_much_is_read_before_it_is_known_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "WHILE_OPENING", 100)
    content = Odd(bytes(1000))
    stream = stream_of(content)
    assert len(stream.read(60)) == 60
    stream.seek(0)
    assert len(stream.read(40)) == 40
    assert stream.read(1) == b""
    assert stream.failure is not None
    assert stream.failure.code == "too-costly"
    assert sum(length for _, length in content.reads) <= 100
    with pytest.raises(MediaError, match="needs too much of the file"):
        stream.opened()


def test_once_it_is_known_what_it_is_all_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "WHILE_OPENING", 100)
    stream = stream_of(InMemory(bytes(1000)))
    assert len(stream.read(100)) == 100
    stream.opened()
    assert len(stream.read()) == 900
    assert stream.failure is None
    stream.raise_failure()


def test_nothing_is_read_at_a_place_that_it_is_kept_out_of() -> None:
    content = Odd(b"0123456789")
    stream = stream_of(content)
    stream.keep_out(range(4, 8))
    stream.seek(4)
    assert stream.read(2) == b""
    assert stream.failure is None
    assert content.reads == []
    stream.seek(8)
    assert stream.read(2) == b"89"
    stream.seek(0)
    assert stream.read(4) == b"0123"
    stream.opened()
    assert stream.read(4) == b"4567"


def test_beyond_the_end_there_is_nothing() -> None:
    content = Odd(b"0123456789")
    stream = stream_of(content)
    assert stream.seek(100) == 100
    assert stream.read(5) == b""
    assert stream.read() == b""
    assert content.reads == []
    assert stream.failure is None
