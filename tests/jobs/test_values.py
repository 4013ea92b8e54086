from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mh_preflight.errors import JobError
from mh_preflight.jobs import BodySwap
from mh_preflight.jobs.values import (
    Choice,
    Finite,
    ImageCount,
    Many,
    Resolution,
    ScaleFactor,
    Slider,
    WholeSeconds,
)


class Held(BaseModel):
    choice: Choice | None = None
    finite: Finite | None = None
    count: ImageCount | None = None
    many: Many[Choice] | None = None
    resolution: Resolution | None = None
    scale: ScaleFactor | None = None
    slider: Slider | None = None
    whole: WholeSeconds | None = None


def fits(field: str, value: object) -> bool:
    try:
        held = Held.model_validate({field: value})
    except ValidationError:
        return False
    back = held.model_dump()[field]
    assert back == value
    assert type(back) is type(value)
    return True


@pytest.mark.parametrize("field", ["finite", "count", "scale", "slider", "whole"])
@pytest.mark.parametrize(
    "value", [True, False, float("nan"), float("inf"), float("-inf"), "2", b"2", [2], {}, 2j]
)
def test_a_number_is_a_finite_number(field: str, value: object) -> None:
    assert not fits(field, value)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_it_came_in(number: float) -> None:
    assert fits("finite", number)


@given(st.integers(-200, 200) | st.floats(-200, 200))
def test_a_slider_has_steps_of_5(number: float) -> None:
    assert fits("slider", number) == (number in range(-100, 101, 5))


@given(st.integers(-5, 20) | st.floats(-5, 20))
def test_from_1_to_16_images_are_made(number: float) -> None:
    assert fits("count", number) == (number in range(1, 17))


@given(st.integers(-1, 400) | st.floats(-1, 400))
def test_a_track_has_whole_seconds(number: float) -> None:
    assert fits("whole", number) == (number in range(1, 401))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": "720P"}, "resolution: must be small letters and digits, such as 720p"),
        ({"resolution": 720}, "resolution: must be text"),
        ({"name": 7}, "name: must be text"),
        ({"assets": 7}, "assets: must have named fields"),
        ({"resolution": ...}, "resolution: is required"),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(changes: dict[str, Any], message: str) -> None:
    assets = {"person_file_path": "p.png", "scene_file_path": "s.png"}
    body = {"assets": assets, "resolution": "1k", **changes}
    with pytest.raises(JobError) as caught:
        BodySwap(**{name: value for name, value in body.items() if value is not ...})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("field", "value", "good"),
    [
        ("count", 1.0, True),
        ("count", 10**400, False),
        ("count", 1e308, False),
        ("slider", -100.0, True),
        ("slider", 10**400, False),
        ("whole", 1_000_000_000, True),
        ("whole", 1_000_000_001, False),
        ("whole", 10**400, False),
        ("scale", 2, True),
        ("scale", 4.0, True),
        ("scale", 3, False),
        ("scale", 0, False),
        ("choice", "a model of tomorrow", True),
        ("choice", "", False),
        ("choice", b"bytes", False),
        ("choice", 7, False),
        ("resolution", "720p", True),
        ("resolution", "8k", True),
        ("resolution", "", False),
        ("resolution", "720P", False),
        ("resolution", "720p\n", False),
        ("resolution", "7 20", False),
    ],
)
def test_a_value_fits_or_does_not(field: str, value: object, good: bool) -> None:
    assert fits(field, value) == good


def test_many_are_kept_in_a_tuple_and_go_out_as_a_list() -> None:
    held = Held(many=("a", "b"))
    assert held.many == ("a", "b")
    assert held.model_dump()["many"] == ["a", "b"]
    assert Held.model_validate_json('{"many": ["a"]}').many == ("a",)
    assert not fits("many", "ab")
    assert not fits("many", ["a", ""])
