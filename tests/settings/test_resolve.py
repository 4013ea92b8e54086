from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from pricing import TODAY, lip_sync, settings, talking_photo


@pytest.mark.parametrize(
    ("asked", "day", "runs", "state"),
    [
        (None, date(2025, 8, 1), "expressive", "current"),
        ("stable", date(2025, 8, 1), "stable", "current"),
        ("prompted", date(2025, 8, 1), "expressive", "not-at-date"),
        (None, date(2025, 9, 20), "pro", "current"),
        ("stable", date(2025, 9, 20), "pro", "deprecated"),
        (None, date(2026, 1, 25), "realistic", "current"),
        ("pro", date(2026, 1, 24), "pro", "current"),
        ("pro", date(2026, 1, 25), "realistic", "deprecated"),
        ("expressive", TODAY, "prompted", "deprecated"),
    ],
)
def test_the_mode_that_runs_depends_on_the_day(
    asked: Any, day: date, runs: str, state: str
) -> None:
    body: dict[str, Any] = {"style": {"generation_mode": asked}} if asked else {}
    found = settings(talking_photo(**body), "creator", day)
    assert found.mode == runs
    assert found.mode_state == state


@pytest.mark.parametrize(
    ("plan", "body", "sizes"),
    [
        ("free", {}, ("480p",)),
        ("creator", {}, ("480p",)),
        ("pro", {}, ("720p",)),
        ("business", {}, ("720p",)),
        (None, {}, ("480p", "720p")),
        ("pro", {"max_resolution": 1279}, ("480p",)),
        ("pro", {"max_resolution": 1280}, ("720p",)),
        ("creator", {"max_resolution": 4000}, ("480p",)),
        ("pro", {"resolution": "480p"}, ("480p",)),
        ("pro", {"resolution": "480p", "max_resolution": 4000}, ("480p",)),
        ("pro", {"style": {"generation_mode": "prompted"}}, ("480p",)),
    ],
)
def test_the_size_that_decides_the_price_comes_from_request_and_plan(
    plan: Any, body: dict[str, Any], sizes: tuple[str, ...]
) -> None:
    assert settings(talking_photo(**body), plan).sizes == sizes


def test_a_smaller_picture_stayed_smaller_while_the_price_had_two_steps() -> None:
    old = date(2026, 3, 1)
    assert settings(talking_photo(), "business", old).sizes == ("up-to-720p", "above-720p")
    assert settings(talking_photo(), "creator", old).sizes == ("up-to-720p",)
    assert settings(talking_photo(max_resolution=1280), "pro", old).sizes == ("up-to-720p",)


def test_the_longest_edge_is_the_smaller_of_plan_and_request() -> None:
    small = lip_sync(width=512, height=960)
    assert settings(small, "creator", date(2025, 8, 16)).edges == (960,)
    assert settings(small, "creator", date(2025, 8, 17)).edges == (1024,)
    assert settings(lip_sync(), None).edges == (576, 1024, 1472, 4096)


def test_limits_are_those_of_mode_and_day() -> None:
    assert settings(lip_sync(), "pro").frame_cap == 120_000
    assert settings(lip_sync(), "pro", date(2025, 11, 27)).frame_cap == 20_000


def test_a_rate_a_second_is_the_same_a_frame_at_the_tools_own_rate() -> None:
    found = settings(talking_photo(style={"generation_mode": "prompted"}), "creator")
    assert found.second is not None
    assert found.second.low == 20
    assert found.second.high == found.second.expected == 24
    assert found.price.low == Fraction(20, 24)
    assert found.price.high == 1


def test_rates_grow_old_only_after_they_were_checked() -> None:
    assert settings(lip_sync(), "pro", date(2026, 11, 20)).rate_age == 0
    assert settings(lip_sync(), "pro", date(2026, 11, 30)).rate_age == 9
