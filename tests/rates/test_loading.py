from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mh_preflight.errors import RateFileError
from mh_preflight.rates import bundled_rates, read_file
from mh_preflight.rates.loading import MOST_BYTES, MOST_ENTRIES

SOUND = """
endpoint = "lip-sync"
title = "Lip Sync"
checked = 2026-11-01

[sources.page]
rank = "reference"
date = 2026-10-01
what = "a page"
where = "https://example.com/page"

[sources.bill]
rank = "charge"
date = 2026-10-02
what = "a bill"
where = "https://example.com/bill"

[[billing]]
from = 2026-01-01
queued = ["30", "30"]
settled = ["source", "source"]
sources = ["page"]

[[modes]]
from = 2026-01-01
names = ["lite", "pro"]
default = "lite"
sources = ["page"]

[[rates]]
unit = "frame"
value = "1"
from = 2026-01-01
until = 2026-06-01
sources = ["page"]

[[rates]]
unit = "frame"
value = "1.5"
from = 2026-06-01
sources = ["bill"]

[[rates.against]]
value = "2"
sources = ["page"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rates.toml"
    path.write_text(text)
    return path


def refused(tmp_path: Path, old: str, new: str) -> str:
    assert old in SOUND
    with pytest.raises(RateFileError) as caught:
        read_file(write(tmp_path, SOUND.replace(old, new)))
    assert caught.value.source == str(tmp_path / "rates.toml")
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_sound_file_loads(tmp_path: Path) -> None:
    assert read_file(write(tmp_path, SOUND)).checked.year == 2026


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Lip Sync"', 'title = "Lip Sync"\nsurprise = 1', "surprise"),
        ('value = "1"\n', 'value = "1"\nsurprise = 1\n', "surprise"),
        ('value = "1"\n', "value = 1.5\n", "decimal number as text"),
        ('value = "1"\n', 'value = "-1"\n', "must not be below 0"),
        ('value = "1"\n', 'value = "1e3"\n', "decimal number as text"),
        ('value = "1"\n', 'value = "nan"\n', "decimal number as text"),
        ('value = "1"\n', "", "needs one of"),
        ('value = "1"\n', 'value = "1"\nunknown = "why"\n', "needs one of"),
        ('value = "1"\n', 'low = "2"\nhigh = "1"\n', "low is above high"),
        ('value = "1"\n', 'low = "2"\n', "needs one of"),
        ("until = 2026-06-01", "until = 2026-05-31", "nothing holds for lite on 2026-05-31"),
        ("until = 2026-06-01", "until = 2026-06-02", "two values hold for lite on 2026-06-01"),
        ("until = 2026-06-01", "until = 2025-06-01", "not after"),
        ("from = 2026-06-01", 'from = "June"', "must be a day such as 2026-11-01"),
        ('sources = ["bill"]\n\n[[rates.against]]', "\n[[rates.against]]", "sources"),
        ('sources = ["bill"]', 'sources = ["rumour"]', "no source 'rumour'"),
        (
            'sources = ["bill"]\n\n[[rates.against]]\nvalue = "2"\nsources = ["page"]',
            'sources = ["page"]\n\n[[rates.against]]\nvalue = "2"\nsources = ["bill"]',
            "better source",
        ),
        ('default = "lite"', 'default = "max"', "none of the modes"),
        ('settled = ["source", "source"]', 'settled = ["source", "24"]', "settled"),
        (
            'queued = ["30", "30"]',
            'queued = ["fast", "30"]',
            "billing, entry 1: queued, entry 1: must be",
        ),
        ('names = ["lite", "pro"]', 'names = ["lite", "lite"]', "named twice"),
        ('value = "1.5"\n', 'value = "1.5"\nmode = "max"\n', "no mode 'max'"),
        ('value = "1.5"\n', 'value = "1.5"\nsize = "8k"\n', "no size '8k'"),
        ('unit = "frame"\nvalue = "1.5"', 'unit = "second"\nvalue = "1.5"', "fixed number"),
        ('value = "1"\n', 'value = "\u0661"\n', "decimal number as text"),
        ("https://example.com/bill", "http://example.com/bill", "where"),
        ('rank = "charge"', 'rank = "hearsay"', "rank"),
        ("checked = 2026-11-01\n", "", "checked"),
    ],
)
def test_what_is_not_sound_is_refused_by_file_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert message in refused(tmp_path, old, new)


def test_two_lists_of_modes_must_follow_one_another(tmp_path: Path) -> None:
    more = '[[modes]]\nfrom = {}\nnames = ["lite", "pro"]\ndefault = "lite"\nsources = ["page"]\n\n'
    first = SOUND.replace(
        "[[modes]]\nfrom = 2026-01-01\n", "[[modes]]\nfrom = 2026-01-01\nuntil = 2026-03-01\n"
    )
    for day, reason in (("2026-02-01", "two values hold"), ("2026-04-01", "no value from")):
        text = first.replace("[[rates]]", more.format(day) + "[[rates]]", 1)
        with pytest.raises(RateFileError, match=reason):
            read_file(write(tmp_path, text))


def test_what_is_no_rate_file_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RateFileError, match="is no TOML"):
        read_file(write(tmp_path, "a = ["))
    with pytest.raises(RateFileError, match="larger than"):
        read_file(write(tmp_path, "#" * (MOST_BYTES + 1)))
    with pytest.raises(RateFileError, match="cannot be read"):
        read_file(tmp_path / "missing.toml")
    with pytest.raises(RateFileError, match="cannot be read"):
        read_file(tmp_path)


def test_a_file_of_the_users_own_replaces_only_its_endpoint(tmp_path: Path) -> None:
    card = bundled_rates()
    own = card.with_file(write(tmp_path, SOUND))
    assert own.version == f"{card.version}+rates.toml"
    assert own.endpoints["lip-sync"] != card.endpoints["lip-sync"]
    assert own.endpoints["ai-talking-photo"] == card.endpoints["ai-talking-photo"]
    assert own.plans == card.plans


def test_a_bad_file_of_the_users_own_leaves_the_rates_as_they_were(tmp_path: Path) -> None:
    card = bundled_rates()
    with pytest.raises(RateFileError):
        card.with_file(write(tmp_path, "checked = 1"))
    assert bundled_rates() is card
    assert "+" not in card.version


def entries(many: int) -> str:
    days = [date(2026, 6, 1) + timedelta(days=number) for number in range(many + 1)]
    return "".join(
        f'\n[[counts]]\nvalues = [1]\nfrom = {day}\nuntil = {until}\nsources = ["page"]\n'
        for day, until in pairwise(days)
    )


def test_a_file_that_would_take_minutes_to_check_is_refused(tmp_path: Path) -> None:
    read_file(write(tmp_path, SOUND + entries(MOST_ENTRIES - 10)))
    with pytest.raises(RateFileError, match="more than 2,000 entries"):
        read_file(write(tmp_path, SOUND + entries(MOST_ENTRIES)))
    names = ", ".join(f'"s{number}"' for number in range(300))
    wide = f'\n[[sizes]]\nfrom = 2026-01-01\nnames = [{names}]\nsources = ["page"]\n'
    models = "".join(
        f'\n[[models]]\nname = "m{number}"\nfrom = 2026-01-01\nsources = ["page"]\n'
        for number in range(300)
    )
    days = [date(2026, 6, 2) + timedelta(days=number) for number in range(200)]
    text = SOUND.replace('mode = "pro"\n', "").replace("from = 2026-06-01", f"from = {days[-1]}")
    dated = "".join(
        f'\n[[rates]]\nunit = "frame"\nvalue = "1"\nfrom = {day}\nuntil = {until}\n'
        'sources = ["page"]\n'
        for day, until in pairwise(days)
    )
    with pytest.raises(RateFileError, match="too many days, models, sizes and rates together"):
        read_file(write(tmp_path, text + wide + models + dated))
