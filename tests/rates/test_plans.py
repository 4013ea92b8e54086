"""Which plan is the cheapest: packs and bands against a search of everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mh_preflight as mh
from mh_preflight.errors import InputError
from mh_preflight.rates import Comparison, bundled_rates, compare_plans, next_reset, pacific_day
from mh_preflight.rates import plans as plans_module
from mh_preflight.rates.prices import Pack

DAY = date(2026, 11, 22)
CARD = bundled_rates()


def compared(credits: int, day: date = DAY, used: int = 0) -> Comparison:
    return compare_plans(credits, day=day, rates=CARD, used=used)


def usd(found: Comparison, plan: str, basis: str) -> Fraction | None:
    costs = {(cost.plan, cost.basis): cost.usd for cost in found.costs}
    return costs[plan, basis]  # type: ignore[index]


def test_a_load_within_a_plan_costs_the_plan() -> None:
    found = compared(12_000)
    assert usd(found, "creator", "annual") == 12
    assert usd(found, "creator", "monthly") == 19
    assert usd(found, "business", "annual") == 66
    assert usd(found, "creator", "usage") == Fraction("14.4")
    assert found.cheapest is found.cheapest_plan is found.costs[0]
    assert (found.costs[0].plan, found.costs[0].basis) == ("creator", "annual")


def test_what_is_missing_is_bought_in_whole_packs() -> None:
    cost = next(c for c in compared(12_001).costs if (c.plan, c.basis) == ("creator", "annual"))
    assert cost.usd == 12 + 10
    assert cost.credits == 16_000
    assert [(pack.name, count) for pack, count in cost.packs] == [("starter", 1)]


def test_where_sources_of_packs_disagree_there_is_a_range() -> None:
    cost = next(c for c in compared(44_000).costs if (c.plan, c.basis) == ("creator", "annual"))
    assert cost.usd_low == 12 + 64
    assert cost.usd == cost.usd_high == 12 + 80
    large = next(c for c in compared(76_000).costs if (c.plan, c.basis) == ("creator", "annual"))
    assert large.usd == 12 + 160
    assert large.usd_low == 12 + 120  # one pack that only a copy has


def test_usage_is_priced_from_the_credits_used() -> None:
    assert usd(compared(20_000, used=90_000), "creator", "usage") == Fraction("22.8")
    assert usd(compared(20_000, used=90_000), "creator", "annual") == 12 + 20


def test_the_free_plan_gives_what_is_claimed_in_the_month() -> None:
    assert compared(3_000).free == 3_000
    assert compared(3_000, date(2026, 2, 1)).free == 2_800


def test_prices_of_a_day_are_those_of_that_day() -> None:
    found = compared(20_000, date(2026, 1, 1))
    assert usd(found, "creator", "monthly") == 10 + 30
    assert {cost.basis for cost in found.costs} == {"monthly"}


def test_a_day_without_prices_has_no_answer() -> None:
    with pytest.raises(mh.UnknownRateError, match="no price of a plan is known on 2020-01-01"):
        compared(1, date(2020, 1, 1))


@pytest.mark.parametrize("wrong", [{"credits": -1}, {"credits": 1.5}, {"credits": 1, "used": -1}])
def test_only_whole_credits_are_compared(wrong: dict[str, Any]) -> None:
    with pytest.raises(mh.InputError) as error:
        compare_plans(**wrong, day=DAY, rates=CARD)
    assert error.value.field == list(wrong)[-1]


@given(st.integers(0, 10**12), st.integers(0, 10**9))
def test_every_answer_covers_the_load_and_the_cheapest_is_first(load: int, used: int) -> None:
    found = compared(load, used=used)
    prices = [cost.usd for cost in found.costs if cost.usd is not None]
    assert len(prices) == len(found.costs) == 9
    assert prices == sorted(prices)
    for cost in found.costs:
        assert cost.credits >= load
        assert cost.usd_low is not None
        assert cost.usd_high is not None
        assert cost.usd is not None
        assert cost.usd_low <= cost.usd <= cost.usd_high


def pack(thousands: int) -> Pack:
    return Pack.model_validate(
        {
            "name": f"p{thousands}",
            "credits": thousands * 1000,
            "usd": "1",
            "from": DAY,
            "sources": ("s",),
        }
    )


def least(missing: int, offers: Sequence[tuple[Pack, Fraction]]) -> Fraction:
    """Try every combination of packs of which none can be spared."""
    counts = (range(-(-missing // offer.credits) + 1) for offer, _ in offers)
    return min(
        sum((usd * count for (_, usd), count in zip(offers, chosen, strict=True)), Fraction(0))
        for chosen in product(*counts)
        if sum(o.credits * n for (o, _), n in zip(offers, chosen, strict=True)) >= missing
    )


@given(
    st.integers(0, 60_000),
    st.dictionaries(st.integers(3, 12), st.integers(1, 40), min_size=1, max_size=3),
)
def test_no_combination_of_packs_costs_less(missing: int, given: dict[int, int]) -> None:
    offers = [(pack(size), Fraction(price)) for size, price in given.items()]
    bought = plans_module._cheapest(missing, offers)  # noqa: SLF001
    assert bought is not None
    assert sum(each.credits * count for each, _, count in bought) >= missing
    assert sum(usd * count for _, usd, count in bought) == least(missing, offers)


def test_without_packs_nothing_can_be_added() -> None:
    assert plans_module._cheapest(1, []) is None  # noqa: SLF001
    assert plans_module._cheapest(0, []) == []  # noqa: SLF001


@given(st.dates(date(2007, 11, 1), date(2100, 1, 1)))
def test_bands_reset_on_the_first_of_the_next_month(day: date) -> None:
    reset = next_reset(day)
    assert (reset.day, reset.hour, reset.minute) == (1, 0, 0)
    assert timedelta(0) < reset.date() - day <= timedelta(31)
    assert pacific_day(reset.astimezone(UTC)) == reset.date()


def test_the_pacific_day_is_behind_that_of_utc() -> None:
    assert pacific_day(datetime(2026, 12, 1, 7, 59, tzinfo=UTC)) == date(2026, 11, 30)
    assert next_reset(date(2026, 12, 1)).isoformat() == "2027-01-01T00:00:00-08:00"
    assert next_reset(date(2026, 6, 30)).isoformat() == "2026-07-01T00:00:00-07:00"


def test_no_month_comes_after_the_last() -> None:
    assert next_reset(date(9999, 11, 30)).isoformat() == "9999-12-01T00:00:00-08:00"
    with pytest.raises(InputError, match="no month comes after"):
        next_reset(date(9999, 12, 1))


@pytest.mark.parametrize(("one", "other"), [(250, 249), (250, 1)])
def test_any_packs_that_a_file_may_have_are_put_together(one: int, other: int) -> None:
    packs = [(pack(one), Fraction(1000)), (pack(other), Fraction(10001, 10))]
    bought = plans_module._cheapest(999_999_999, packs)  # noqa: SLF001
    assert bought is not None
    assert sum(each.credits * count for each, _, count in bought) >= 999_999_999


def test_without_time_zones_it_is_pst_all_year(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans_module, "ZONE", "Nowhere/At_All")
    assert next_reset(date(2026, 6, 30)).isoformat() == "2026-07-01T00:00:00-08:00"
