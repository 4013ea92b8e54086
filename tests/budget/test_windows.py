from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mh_preflight as mh
from mh_preflight.budget import Budget, Period, Scope
from mh_preflight.budget.windows import EVER, LAST_INSTANT, checks_of, window

HOUR = 3_600_000_000
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/Sao_Paulo",  # summer began at midnight
    "America/Havana",  # midnight came twice
    "Asia/Kathmandu",  # 5:45
    "Pacific/Apia",  # a day was left out
    "Australia/Lord_Howe",  # half an hour
    "Africa/Monrovia",  # 44 minutes and a half until 1972
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "instant", "starts", "ends"),
    [
        ("UTC", "2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"),
        ("UTC", "2026-03-28T23:59:59Z", "2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z"),
        ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-01T18:15:00Z", "2026-01-02T18:15:00Z"),
        ("Asia/Kathmandu", "2026-01-01T18:14:59Z", "2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z"),
        # There was no midnight: the day began at one o'clock.
        (
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
        ),
        # There was no 30 December.
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
    ],
)
def test_a_day_goes_from_midnight_to_midnight_in_its_zone(
    zone: str, instant: str, starts: str, ends: str
) -> None:
    assert window(Period.DAY, zone, at(instant)) == (at(starts), at(ends))


def test_a_month_goes_from_its_first_to_the_next_in_its_zone() -> None:
    instant = at("2026-12-31T23:30:00Z")
    assert window(Period.MONTH, "UTC", instant) == (
        at("2026-12-01T00:00:00Z"),
        at("2027-01-01T00:00:00Z"),
    )
    assert window(Period.MONTH, "Europe/Berlin", instant) == (
        at("2026-12-31T23:00:00Z"),
        at("2027-01-31T23:00:00Z"),
    )


@given(
    st.sampled_from([Period.DAY, Period.MONTH]),
    st.sampled_from(ZONES),
    st.integers(0, LAST_INSTANT - 32 * 24 * HOUR),
)
@example(Period.DAY, "America/Havana", at("2026-11-01T04:30:00Z"))
@example(Period.DAY, "America/Sao_Paulo", at("2018-02-18T01:30:00Z"))
def test_windows_follow_one_another_without_gap(per: Period, zone: str, instant: int) -> None:
    starts, ends = window(per, zone, instant)
    assert starts <= instant < ends
    assert window(per, zone, ends - 1) == (starts, ends)
    assert window(per, zone, ends)[0] == ends
    if starts > 0:
        assert window(per, zone, starts) == (starts, ends)


@given(st.sampled_from(ZONES), st.integers(0, 4_000_000_000))
def test_a_day_is_what_the_clock_on_the_wall_shows(zone: str, instant: int) -> None:
    starts, _ = window(Period.DAY, zone, instant * 1_000_000)
    shown = [datetime.fromtimestamp(each, ZoneInfo(zone)) for each in (starts / 1e6, instant)]
    # Where midnight comes twice, the hour before its second belongs to the day that has begun.
    assert abs((shown[0].date() - shown[1].date()).days) <= (shown[1].hour == 23)


def test_a_window_without_end_has_every_instant() -> None:
    for per in (Period.RUN, Period.EVER):
        assert window(per, "UTC", 5) == (0, EVER)


@pytest.mark.parametrize("instant", [-1, LAST_INSTANT + 1])
def test_no_window_has_an_instant_outside_of_time(instant: int) -> None:
    with pytest.raises(mh.InputError, match="clock"):
        window(Period.DAY, "UTC", instant)


@pytest.mark.parametrize("limit", [True, 1.5, "7", float("nan"), -1, 2**63, None])
def test_a_limit_is_a_whole_number(limit: object) -> None:
    with pytest.raises(mh.InputError, match="limit"):
        Budget(limit, Period.DAY)  # type: ignore[arg-type]
    with pytest.raises(mh.InputError):
        Budget.of(credits=limit, per="day")  # type: ignore[arg-type]


@pytest.mark.parametrize("usd", [float("nan"), float("inf"), "-1", "much", True, "1e30"])
def test_a_limit_of_dollars_is_a_number(usd: object) -> None:
    with pytest.raises(mh.InputError, match="usd"):
        Budget.of(usd=usd, per="day")


@pytest.mark.parametrize(
    "wrong",
    [
        {"per": "week"},
        {"per": "day", "zone": "Mars/Olympus"},
        {"per": "day", "zone": "../../etc/passwd"},
        {"per": "day", "zone": ""},
        {"per": "day", "project": ""},
        {"per": "day", "project": "two\nlines"},
        {"per": "day", "endpoint": "x" * 201},
        {"per": "day", "usd": "1"},
    ],
)
def test_a_budget_of_wrong_values_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(mh.InputError):
        Budget.of(credits=1, **wrong)
    with pytest.raises(mh.InputError, match="one of them"):
        Budget.of(per="day")


def test_a_budget_shows_what_it_is() -> None:
    assert str(Budget.of(credits=1_000, per="job")) == "1,000 credits a job"
    assert str(Budget.of(usd="0.5", per="ever", endpoint="lip-sync")) == "$0.50 for lip-sync"
    assert str(Budget.of(usd="1/3", per="run")) == "$0.3333333333 a run"
    berlin = Budget.of(credits=7, per="day", project="a b", zone="Europe/Berlin")
    assert str(berlin) == "7 credits a day of project 'a b' (Europe/Berlin)"


def test_of_two_limits_of_the_same_the_smaller_counts() -> None:
    budgets = [Budget.of(credits=limit, per="day") for limit in (5, 3, 4)]
    now = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1_000_000
    (check,) = checks_of(budgets, Scope(), now, 1, None)
    assert (check.budget.limit, check.asked) == (3, 1)


def test_a_budget_counts_for_what_it_names() -> None:
    both = Budget.of(credits=1, per="day", project="a", endpoint="lip-sync")
    assert both.applies(Scope("a", "lip-sync"))
    assert not both.applies(Scope("a", "face-swap"))
    assert not both.applies(Scope("b", "lip-sync"))
    assert not both.applies(Scope())
    assert Budget.of(credits=1, per="day").applies(Scope())
