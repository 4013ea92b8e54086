from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import MediaError
from mh_preflight.media.origins.far import (
    BLOCK,
    HEAD,
    JUMP,
    MOST_AHEAD,
    TAIL,
    Deadline,
    Pieces,
    shown_url,
)

DATA = random.Random(1).randbytes(6 << 20)
SECRET = "S3CR3T"  # noqa: S105  to be kept


class Shelf:
    """What is fetched from, and a record of it."""

    def __init__(self, size: int, most: int = 1 << 30) -> None:
        self.size = size
        self.fetched: list[tuple[int, int]] = []
        self.pieces = Pieces(size, self.fetch, most=most, name="far")

    def fetch(self, start: int, end: int) -> bytes:
        assert 0 <= start < end <= self.size
        self.fetched.append((start, end))
        return DATA[start:end]

    @property
    def lengths(self) -> list[int]:
        return [end - start for start, end in self.fetched]


sizes = st.one_of(
    st.integers(1, 3 * BLOCK),
    st.integers(1, len(DATA)),
    st.sampled_from([BLOCK, BLOCK + 1, HEAD, TAIL, TAIL + BLOCK, len(DATA)]),
)
reads = st.lists(
    st.tuples(
        st.one_of(st.integers(0, len(DATA) + 9), st.integers(0, 99).map(lambda n: n * BLOCK)),
        st.one_of(st.integers(0, 99), st.integers(0, 3 * BLOCK), st.integers(0, len(DATA))),
    ),
    max_size=12,
)


@given(size=sizes, head=st.booleans(), asked=reads)
def test_any_reads_give_the_bytes_that_lie_there(
    size: int, head: bool, asked: list[tuple[int, int]]
) -> None:
    shelf = Shelf(size)
    if head:
        shelf.pieces.keep(0, DATA[: min(HEAD, size)])
    for place, length in asked:
        assert shelf.pieces.read_at(place, length) == DATA[place : min(place + length, size)]


@given(size=sizes, most=st.integers(1, 4 << 20), asked=reads)
def test_no_more_is_fetched_than_is_allowed(
    size: int, most: int, asked: list[tuple[int, int]]
) -> None:
    shelf = Shelf(size, most)
    for place, length in asked:
        try:
            data = shelf.pieces.read_at(place, length)
        except MediaError as error:
            assert error.code == "too-costly"  # noqa: PT017  that there is an error is no news
            assert error.source == "far"  # noqa: PT017
        else:
            assert data == DATA[place : min(place + length, size)]
        assert sum(shelf.lengths) <= most


def test_what_is_kept_counts_as_fetched() -> None:
    shelf = Shelf(1 << 20, most=HEAD + BLOCK)
    shelf.pieces.keep(0, DATA[:HEAD])
    assert shelf.pieces.read_at(0, HEAD) == DATA[:HEAD]
    with pytest.raises(MediaError, match="download it first"):
        shelf.pieces.read_at(HEAD, 1)
    assert shelf.fetched == []
    assert shelf.pieces.read_at(9, 9) == DATA[9:18]


def test_reading_straight_on_takes_ever_larger_pieces() -> None:
    shelf = Shelf(len(DATA))
    for place in range(0, len(DATA), BLOCK):
        shelf.pieces.read_at(place, BLOCK)
    but_the_last = shelf.lengths[:-1]
    assert but_the_last == sorted(but_the_last)
    assert but_the_last[0] == JUMP
    assert all(length <= MOST_AHEAD for length in shelf.lengths)
    assert sum(shelf.lengths) == len(DATA)
    assert len(shelf.fetched) <= 6


def test_after_a_jump_little_is_read_ahead() -> None:
    shelf = Shelf(len(DATA))
    for place in range(0, 2 << 20, BLOCK):
        shelf.pieces.read_at(place, BLOCK)
    shelf.pieces.read_at(4 << 20, 10)
    assert shelf.fetched[-1] == (4 << 20, (4 << 20) + JUMP)


def test_near_the_end_all_the_rest_is_read() -> None:
    shelf = Shelf(len(DATA))
    shelf.pieces.read_at(len(DATA) - TAIL, 16)
    assert shelf.fetched == [(len(DATA) - TAIL, len(DATA))]
    shelf.pieces.read_at(len(DATA) - 100, 100)
    assert len(shelf.fetched) == 1


def test_what_was_read_is_not_fetched_again() -> None:
    shelf = Shelf(len(DATA))
    for _ in range(3):
        shelf.pieces.read_at(1_000_000, 500_000)
    assert len(shelf.fetched) == 1


def test_one_long_read_is_one_request() -> None:
    shelf = Shelf(len(DATA))
    assert shelf.pieces.read_at(0, len(DATA)) == DATA
    assert len(shelf.fetched) == 1


def test_what_fails_to_be_fetched_is_asked_for_again() -> None:
    faults = [MediaError("lost", code="network")]

    def fetch(start: int, end: int) -> bytes:
        if faults:
            raise faults.pop()
        return DATA[start:end]

    pieces = Pieces(len(DATA), fetch, most=1 << 30, name="far")
    with pytest.raises(MediaError, match="lost"):
        pieces.read_at(0, 10)
    assert pieces.read_at(0, 10) == DATA[:10]


def test_what_does_not_end_is_given_up() -> None:
    held = threading.Event()
    with pytest.raises(MediaError, match=r"'far' did not answer in full within 0\.05 s") as caught:
        Deadline(0.05, "far").call(lambda: held.wait(60))
    held.set()
    assert caught.value.code == "timeout"
    assert caught.value.source == "far"


def test_nothing_is_begun_when_the_time_is_up() -> None:
    late = Deadline(1e-9, "far")
    with pytest.raises(MediaError) as caught:
        late.call(lambda: 1)
    assert caught.value.code == "timeout"
    with pytest.raises(MediaError):
        late.left  # noqa: B018


def test_answers_and_faults_come_through() -> None:
    deadline = Deadline(60, "far")
    assert deadline.call(lambda: "answer") == "answer"
    assert deadline.call(lambda: None) is None
    with pytest.raises(KeyError):
        deadline.call(lambda: {"a": 1}["b"])
    with pytest.raises(SystemExit):
        deadline.call(lambda: exec("raise SystemExit"))  # noqa: S102
    assert 0 < deadline.left <= 60


_odd = st.text(alphabet="a0:/@?#&=%.+ \\\n", max_size=8)
_userinfo = st.text(alphabet="a0:%.+!$&=", max_size=8)  # what RFC 3986 lets stand before the @
_hidden = st.builds("{}{}{}".format, _odd, st.just(SECRET), _odd)
_login = st.builds("{}{}{}@".format, _userinfo, st.just(SECRET), _userinfo)


@given(
    scheme=st.sampled_from(["https", "http", "s3", "memory"]),
    login=st.one_of(st.just(""), _login),
    host=st.sampled_from(["example.com", "example.com:8443", "[::1]:80", "bucket"]),
    path=st.sampled_from(["", "/", "/a.mp4", "/b/@c.mp4"]),
    query=st.one_of(st.just(""), _hidden.map("?{}".format)),
    fragment=st.one_of(st.just(""), _hidden.map("#{}".format)),
)
def test_a_secret_is_never_shown(
    scheme: str, login: str, host: str, path: str, query: str, fragment: str
) -> None:
    shown = shown_url(f"{scheme}://{login}{host}{path}{query}{fragment}")
    assert SECRET not in shown
    assert shown == f"{scheme}://{host}{path}"


@given(url=st.text(max_size=400))
def test_any_url_is_shown_shortly(url: str) -> None:
    assert len(shown_url(url)) <= 200
