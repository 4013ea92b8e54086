"""`mh-preflight plans`, and `--usd usage --used`, as a person and as a program use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mh_preflight.cli.app import run
from mh_preflight.rates import next_reset, pacific_day

DAY = ["--as-of", "2026-11-22"]
EARLIER = ["--as-of", "2026-01-01"]


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ended:
        code = run(list(arguments))
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return call


def test_plans_bands_and_packs_of_a_day_are_shown(cli: Any) -> None:
    out = cli("plans", *DAY).out
    assert "creator    annual          12.00    144.00    12,000          0.001" in out
    assert "from 100,001 on        0.00108   0.001755    0.00225" in out
    assert "standard    12,000        30.00         0.0025   but 27.00 by third-party" in out
    assert "400 credits at sign-up, and 100 a day" in out
    assert "resets  2026-12-01 00:00 PST" in out


def test_the_cheapest_plan_for_a_month_comes_first(cli: Any) -> None:
    out = cli("plans", "--credits", "50000", *DAY).out
    assert out.splitlines()[0] == (
        "50,000 credits a month: US$ 66.00 on business, paid by the year, or 60.00 on creator, by "
        "usage"
    )
    assert "pro        annual      89.00 to 95.00    53,000   2 standard, 1 starter" in out
    assert "free    3,000 credits, if claimed in the web app every day: not enough" in out


def test_a_plan_that_anyone_can_have_stands_alone_where_it_is_the_cheapest(cli: Any) -> None:
    first = cli("plans", "--credits", "12000", *DAY).out.splitlines()[0]
    assert first == "12,000 credits a month: US$ 12.00 on creator, paid by the year"


def test_what_anyone_can_have_is_named_before_what_has_to_be_agreed(cli: Any) -> None:
    first = cli("plans", "--credits", "2500", *DAY).out.splitlines()[0]
    assert first == (
        "2,500 credits a month: US$ 12.00 on creator, paid by the year, or 3.00 on creator, by "
        "usage"
    )


def test_used_credits_say_where_the_next_band_begins(cli: Any) -> None:
    for more in ([], ["--credits", "50000"]):
        out = cli("plans", "--used", "90000", *more, *DAY).out
        assert "after 90,000 credits, 10,000 more to the next: creator 0.00108" in out
    assert "after 50,000,000 credits, the last" in cli("plans", "--used", "50000000", *DAY).out


def test_a_day_before_annual_prices_shows_what_there_was(cli: Any) -> None:
    out = cli("plans", "--credits", "20000", *EARLIER).out
    assert out.startswith("20,000 credits a month: US$ 40.00 on creator, paid by the month")
    assert "usage" not in out
    assert "Usage" not in cli("plans", *EARLIER).out


def test_a_plan_that_lacks_packs_has_no_price(cli: Any, tmp_path: Path) -> None:
    plans = tmp_path / "plans.toml"
    plans.write_text(
        "checked = 2026-11-01\n[sources.page]\nrank = 'reference'\ndate = 2026-10-01\n"
        "what = 'a page'\nwhere = 'https://example.com'\n[[prices]]\nplan = 'pro'\n"
        "basis = 'monthly'\nusd = '39'\ncredits = 25000\nfrom = 2026-01-01\nsources = ['page']\n"
    )
    own = ["--rates", str(plans), *DAY]
    ended = cli("plans", "--credits", "25001", *own)
    assert ended.out.startswith("No plan is known to cover 25,001 credits a month")
    assert "no pack is known" in ended.out
    answer = cli("plans", "--credits", "25001", "--json", *own).json
    assert answer["cheapest"] is answer["cheapest_without_usage"] is answer["free_credits"] is None
    assert answer["plans"][0]["usd"] is None
    assert cli("plans", *own).code == 0


def test_programs_get_json(cli: Any) -> None:
    answer = cli("plans", "--credits", "50000", "--used", "90000", "--json", *DAY).json
    assert answer["cheapest"]["usd"] == "55.20"
    assert answer["cheapest"]["next_band"] == {"credits": 10_000, "per_credit": "0.00108"}
    assert answer["cheapest_without_usage"]["packs"] == {}
    assert answer["resets"] == "2026-12-01T00:00:00-08:00"
    listed = cli("plans", "--json", *DAY).json
    assert [plan["credits"] for plan in listed["plans"][:3]] == [12_000, 25_000, 70_000]
    assert listed["usage"][0]["bands"][1] == {"after": 100_000, "per_credit": "0.00108"}
    assert listed["packs"][-1]["usd"] is None
    assert listed["free"] == [{"plan": "free", "at_sign_up": 400, "per_day": 100}]


def test_today_is_the_day_by_default(cli: Any) -> None:
    answer = cli("plans", "--json").json
    assert answer["as_of"] == datetime.now(UTC).date().isoformat()
    assert answer["resets"] == next_reset(pacific_day(datetime.now(UTC))).isoformat()


@pytest.mark.parametrize("more", [[], ["--credits", "1"], ["--json"]])
def test_a_day_without_prices_ends_with_five(cli: Any, more: list[str]) -> None:
    ended = cli("plans", "--as-of", "2020-01-01", *more)
    assert ended.code == 5
    assert "no price of a plan is known on 2020-01-01" in ended.out + ended.err


@pytest.mark.parametrize("wrong", [["--credits", "-1"], ["--used", "-1"], ["--credits", "1.5"]])
def test_numbers_that_are_none_are_refused(cli: Any, wrong: list[str]) -> None:
    assert cli("plans", *wrong).code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plans", "--credits", "50,000"], "'50,000' is no whole number from 0 on"),
        (["plans", "--credits", "-1"], "'-1' is no whole number from 0 on"),
        (["budget", "set", "--limit", "5.5"], "'5.5' is no whole number, written such as 50000"),
        (["budget", "history", "--last", "0"], "'0' is no whole number from 1 on"),
        (["estimate", "lip-sync", "--max-credits", "many"], "'many' is no whole number"),
        (["rates-update", "a.zip", "--timeout", "soon"], "'soon' is no number such as 30"),
        (["probe", "a.mp4", "--timeout", "soon"], "'soon' is no number such as 30"),
    ],
)
def test_a_number_that_is_none_is_quoted_with_what_is_taken(
    cli: Any, arguments: list[str], said: str
) -> None:
    ended = cli(*arguments, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "usage")
    message = ended.json["error"]["message"]
    assert message.startswith(f"Invalid value for '{arguments[-2]}'")
    assert f": {said}" in message
    shown = " ".join(cli(*arguments).err.replace("│", " ").split())
    assert said in shown
    assert "Input should" not in shown


def estimate(cli: Any, *more: str) -> Ended:
    known = ["--video", "https://h.example/v.mp4", "--audio", "https://h.example/a.mp3"]
    facts = ["--video-fps", "60", "--video-duration", "20", "--audio-duration", "20"]
    options = [*known, *facts, "--end", "15", "--offline", "--plan", "creator", *DAY, *more]
    ended: Ended = cli("estimate", "lip-sync", *options)
    return ended


def test_a_job_is_priced_from_the_credits_used(cli: Any) -> None:
    usage = ["--usd", "usage", "--used", "99500"]
    shown = estimate(cli, *usage, "--json").json["usd"]
    assert shown == {
        "basis": "usage",
        "per_credit": "0.0012",
        "next_band": {"credits": 500, "per_credit": "0.00108"},
        "queued": "0.54",
        "settled_low": "1.032",
        "settled_high": "1.032",
        "hold": "1.032",
    }
    assert "band        after 500 more credits US$ 0.00108 a credit" in estimate(cli, *usage).out
    assert "band" not in estimate(cli).out


def test_a_limit_in_dollars_counts_the_bands(cli: Any) -> None:
    usage = ["--usd", "usage", "--used", "99500"]
    assert estimate(cli, *usage, "--max-usd", "1.032").code == 0
    assert estimate(cli, *usage, "--max-usd", "1.0319").code == 4
