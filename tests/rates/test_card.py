from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest

from mh_preflight.errors import UnknownRateError
from mh_preflight.rates import bundled_rates


def value(endpoint: str, day: date, mode: str | None, size: str | None = None) -> Fraction | None:
    return bundled_rates().endpoint(endpoint, day).rate(mode, None, size).value


def test_lip_sync_costs_what_its_history_says() -> None:
    assert value("lip-sync", date(2024, 11, 25), "single") == 1
    assert value("lip-sync", date(2025, 9, 19), "single") == 1
    assert value("lip-sync", date(2025, 9, 20), "lite") == 1
    assert value("lip-sync", date(2026, 11, 22), "pro") == 2


def test_talking_photo_costs_what_its_history_says() -> None:
    name = "ai-talking-photo"
    card = bundled_rates()
    assert value(name, date(2025, 8, 22), "expressive", "any") == 1
    old = card.endpoint(name, date(2026, 3, 1))
    assert old.rate("realistic", None, "up-to-720p").low == 10
    assert old.rate("prompted", None, "above-720p").high == 30
    today = card.endpoint(name, date(2026, 11, 22))
    assert today.priced("realistic", ((None, "480p"),)).unit.expected == 2
    assert today.priced("realistic", ((None, "720p"),)).unit.high == 4
    assert today.priced("prompted", ((None, "480p"),)).unit.low == Fraction(20, 24)


@pytest.mark.parametrize(
    ("endpoint", "day"),
    [
        ("lip-sync", date(2024, 11, 24)),
        ("ai-talking-photo", date(2025, 3, 31)),
        ("no-such-tool", date(2026, 11, 22)),
    ],
)
def test_an_unknown_rate_is_never_zero(endpoint: str, day: date) -> None:
    with pytest.raises(UnknownRateError):
        bundled_rates().endpoint(endpoint, day)


@pytest.mark.parametrize("day", [date(2026, 7, 24), date(2026, 8, 15)])
def test_where_the_page_was_withdrawn_there_is_no_rate(day: date) -> None:
    state = bundled_rates().endpoint("ai-talking-photo", day)
    with pytest.raises(UnknownRateError, match="withdrawn"):
        state.rate("realistic", None, "480p")


def test_a_rate_holds_from_its_day_until_the_day_of_the_next() -> None:
    for file in bundled_rates().endpoints.values():
        for table, entry in file.entries():
            assert entry.holds_on(entry.since), table
            assert not entry.holds_on(entry.since - timedelta(days=1)), table
            if entry.until:
                assert entry.holds_on(entry.until - timedelta(days=1)), table
                assert not entry.holds_on(entry.until), table


def test_the_card_cannot_be_changed() -> None:
    card = bundled_rates()
    with pytest.raises(AttributeError):
        card.version = "mine"  # type: ignore[misc]
    with pytest.raises(TypeError):
        card.endpoints["lip-sync"] = None  # type: ignore[index]


def test_every_source_is_used_and_public() -> None:
    card = bundled_rates()
    for file in (*card.endpoints.values(), card.plans):
        holders = [entry for _, entry in file.entries()]
        holders += [other for entry in holders for other in getattr(entry, "against", ())]
        assert {name for holder in holders for name in holder.sources} == set(file.sources)


def test_plans_cost_and_allow_what_their_history_says() -> None:
    card = bundled_rates()
    today, before = card.plan_rates(date(2026, 11, 22)), card.plan_rates(date(2026, 2, 26))
    assert today.prices["creator", "annual"].per_credit == Fraction(12, 12_000)
    assert today.prices["business", "usage"].per_credit == Fraction("0.0025")
    assert ("free", "annual") not in today.prices
    assert before.prices["pro", "monthly"].per_credit == Fraction(49, 50_000)
    assert ("pro", "annual") not in before.prices
    assert (today.edges["free"], card.plan_rates(date(2026, 1, 4)).edges["free"]) == (576, 512)
    assert today.uploads["creator"] == (2 * 10**9, 2 * 2**30)
    assert before.uploads["creator"] == (10**9, 2**30)
    assert "heic" in today.extensions["image"]
    assert "heic" not in before.extensions["image"]
