from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.media import nal
from mh_preflight.media.nal import Words, chain_is_whole, samples_are_whole
from mh_preflight.media.origins import InMemory

UNITS = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=4)


def sample(units: list[bytes], length_bytes: int) -> bytes:
    return b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in units)


def words_of(file: bytes, *, piecewise: bool = False) -> Words:
    with pytest.MonkeyPatch.context() as patch:
        if piecewise:
            patch.setattr(nal, "READ_WHOLE", -1)
            patch.setattr(nal, "MOST_WHOLE", -1)
        return Words(InMemory(file), 1)


@given(st.binary(min_size=4, max_size=64), st.data())
def test_words_are_the_same_whether_the_file_is_read_whole_or_not(
    file: bytes, data: st.DataObject
) -> None:
    places = np.array(data.draw(st.lists(st.integers(0, len(file)), max_size=9)), dtype=np.int64)
    padded = file + bytes(4)
    expected = [int.from_bytes(padded[place : place + 4], "big") for place in places.tolist()]
    assert words_of(file).at(places).tolist() == expected
    assert words_of(file, piecewise=True).at(places).tolist() == expected


@given(UNITS, st.sampled_from([1, 2, 4]))
def test_a_sample_whose_units_fill_it_is_whole(units: list[bytes], length_bytes: int) -> None:
    assert chain_is_whole(sample(units, length_bytes), length_bytes)


@given(
    st.lists(UNITS, min_size=1, max_size=6),
    st.sampled_from([1, 2, 4]),
    st.data(),
)
def test_looking_at_all_samples_gives_the_answer_of_looking_at_each(
    samples: list[list[bytes]], length_bytes: int, data: st.DataObject
) -> None:
    parts = [bytearray(sample(units, length_bytes)) for units in samples]
    if data.draw(st.booleans(), "damage"):
        part = data.draw(st.sampled_from(parts))
        part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    sizes = np.array([len(part) for part in parts])
    positions = np.cumsum(sizes) - sizes
    file = b"".join(map(bytes, parts))
    expected = all(chain_is_whole(bytes(part), length_bytes) for part in parts)
    words = words_of(file, piecewise=data.draw(st.booleans(), "piecewise"))
    whole = samples_are_whole(words, positions, positions + sizes, length_bytes)
    assert whole == (expected and len(file) >= 4)


def test_a_sample_past_the_end_of_the_file_is_not_whole() -> None:
    file = sample([b"abc"], 4)
    words = words_of(file)
    assert samples_are_whole(words, np.array([0]), np.array([len(file)]), 4)
    assert not samples_are_whole(words, np.array([0]), np.array([len(file) + 1]), 4)
    assert not samples_are_whole(words, np.array([-1]), np.array([len(file)]), 4)
