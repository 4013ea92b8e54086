"""The tables of plans.toml that are about money: what is refused, and what stands there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mh_preflight.errors import RateFileError
from mh_preflight.rates import bundled_rates, read_file

SOUND = """
checked = 2026-11-01

[sources.page]
rank = "reference"
date = 2026-10-01
what = "a page"
where = "https://example.com/page"

[sources.copy]
rank = "third-party"
date = 2026-10-02
what = "a copy"
where = "https://example.com/copy"

[[prices]]
plan = "pro"
basis = "annual"
usd = "25"
credits = 25000
total = "300"
from = 2026-01-01
sources = ["page"]

[[bands]]
plan = "pro"
steps = [{ after = 0, usd = "0.002" }, { after = 100, usd = "0.001" }]
from = 2026-01-01
sources = ["page"]

[[packs]]
name = "large"
credits = 32000
usd = "80"
from = 2026-01-01
sources = ["page"]

[[packs.against]]
usd = "64"
sources = ["copy"]

[[packs]]
name = "max"
credits = 64000
unknown = "only a copy has it"
from = 2026-01-01
sources = ["copy"]

[[packs.against]]
usd = "120"
sources = ["page"]
"""

WORSE = """usd = "80"
from = 2026-01-01
sources = ["copy"]

[[packs.against]]
usd = "70"
sources = ["page"]"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plans.toml"
    path.write_text(text)
    return path


def test_what_is_said_of_money_can_be_used(tmp_path: Path) -> None:
    rates = bundled_rates().with_file(write(tmp_path, SOUND)).plan_rates(date(2026, 2, 1))
    assert rates.usage["pro"].cost(101) == rates.usage["pro"].cost(100) + rates.usage["pro"].after(
        100
    ).cost(1)
    assert [pack.prices for pack in rates.packs] == [(80, 64), (120,)]


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("after = 0,", "after = 1,", "steps: begin after 0 and grow"),
        ("after = 100,", "after = 0,", "steps: begin after 0 and grow"),
        ("after = 100,", "after = -1,", "steps"),
        ('total = "300"', 'total = "299"', "total: is 12 times usd"),
        ('basis = "annual"', 'basis = "monthly"', "total: is 12 times usd"),
        ('basis = "annual"', 'basis = "usage"', "basis"),
        ('unknown = "only a copy has it"', "", "needs one of: usd; unknown"),
        ('usd = "80"', 'usd = "80"\nunknown = "why"', "needs one of: usd; unknown"),
        ("credits = 32000", "credits = 32001", "multiple of 1000"),
        ('usd = "64"\nsources = ["copy"]', 'usd = "64"\nsources = ["none"]', "no source 'none'"),
        (
            'usd = "80"\nfrom = 2026-01-01\nsources = ["page"]',
            WORSE,
            "packs: large: has a better source for another price",
        ),
    ],
)
def test_what_is_wrong_about_money_is_refused(
    tmp_path: Path, right: str, wrong: str, reason: str
) -> None:
    assert right in SOUND
    with pytest.raises(RateFileError, match=reason):
        read_file(write(tmp_path, SOUND.replace(right, wrong, 1)))


def test_two_bands_of_one_plan_may_not_hold_at_once(tmp_path: Path) -> None:
    more = SOUND[SOUND.index("[[bands]]") : SOUND.index("[[packs]]")]
    with pytest.raises(RateFileError, match="two values hold"):
        read_file(write(tmp_path, SOUND + more))
