from __future__ import annotations

import os
import pickle
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from pricing import lip_sync, media

import mh_preflight as mh
from mh_preflight.errors import RateFileError, UnknownRateError
from mh_preflight.rates import EndpointFile, RateCard, bundled_rates, decimal_text
from mh_preflight.rates.folder import DATA
from mh_preflight.rates.loading import MOST_BYTES
from mh_preflight.rates.soundness import combinations, days_of_change

DAY = date(2026, 11, 22)

OWN = """
overrides = "lip-sync"

[sources.contract]
rank = "own"
date = 2026-10-01
what = "our contract"

[[rates]]
mode = "pro"
unit = "frame"
value = "1.5"
from = 2026-11-01
until = 2026-12-01
sources = ["contract"]
"""


def write(folder: Path, text: str | bytes, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(folder: Path, text: str | bytes) -> str:
    card = bundled_rates()
    before = pickle.dumps(card.endpoints["lip-sync"])
    path = write(folder, text)
    with pytest.raises(RateFileError) as caught:
        card.with_file(path)
    assert caught.value.source == str(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in caught.value.message
    assert pickle.dumps(card.endpoints["lip-sync"]) == before
    assert bundled_rates() is card
    return caught.value.message.removeprefix(f"{path}: ")


def pro(card: RateCard, day: date) -> Fraction | None:
    return card.endpoint("lip-sync", day).rate("pro", None, None).value


def test_an_override_holds_on_its_days_and_the_rates_around_it_stay(tmp_path: Path) -> None:
    card = bundled_rates().with_file(write(tmp_path, OWN))
    found = [
        pro(card, date(2026, month, day)) for month, day in ((10, 31), (11, 1), (11, 30), (12, 1))
    ]
    assert found == [2, Fraction(3, 2), Fraction(3, 2), 2]
    assert card.endpoints["lip-sync"].checked == bundled_rates().endpoints["lip-sync"].checked
    assert pro(bundled_rates(), DAY) == 2


def test_only_answers_that_a_file_touches_name_it(tmp_path: Path) -> None:
    card = bundled_rates().with_file(write(tmp_path, OWN))
    known = media({"fps": 24})
    changed = mh.preflight(
        lip_sync(style={"generation_mode": "pro"}), rates=card, as_of=DAY, media=known
    )
    assert changed.settings.card_version == f"{bundled_rates().version}+mine.toml"
    found = next(each for each in changed.findings if each.code == "own-rate")
    assert found.severity == "info"
    assert "mine.toml" in found.message
    assert "our contract" in found.message
    other = mh.preflight(
        lip_sync(style={"generation_mode": "lite"}), rates=card, as_of=DAY, media=known
    )
    assert "own-rate" not in {each.code for each in other.findings}
    assert card.version_for("ai-talking-photo") == bundled_rates().version
    later = mh.preflight(
        lip_sync(style={"generation_mode": "pro"}), rates=card, as_of=date(2026, 12, 1), media=known
    )
    assert "own-rate" not in {each.code for each in later.findings}


def test_a_bundled_rate_that_began_later_is_told_of(tmp_path: Path) -> None:
    endless = OWN.replace("until = 2026-12-01\n", "").replace("2026-11-01", "2025-01-01")
    began = max(
        rate.since for rate in bundled_rates().endpoints["lip-sync"].rates if rate.mode == "pro"
    )
    card = bundled_rates().with_file(write(tmp_path, endless))
    other = OWN.replace('mode = "pro"', 'mode = "lite"').replace("contract", "news")
    for rates in (card, card.with_file(write(tmp_path, other, "b.toml"))):
        for day, told in ((began - timedelta(days=1), False), (began, True)):
            report = mh.preflight(
                lip_sync(style={"generation_mode": "pro"}),
                rates=rates,
                as_of=day,
                media=media({"fps": 24}),
            )
            found = [each for each in report.findings if each.code == "own-rate-older"]
            assert bool(found) == told
    assert found[0].severity == "warning"
    assert f"2 credits a frame since {began}" in found[0].message


def test_a_file_decides_also_by_a_source_that_all_can_see(tmp_path: Path) -> None:
    public = OWN.replace('rank = "own"', 'rank = "sdk"\nwhere = "https://example.com/"')
    card = bundled_rates().with_file(write(tmp_path, public))
    rate = card.endpoint("lip-sync", DAY).rate("pro", None, None)
    assert card.endpoints["lip-sync"].own_file(rate) == "mine.toml"


def test_of_several_files_the_last_counts_and_each_is_named(tmp_path: Path) -> None:
    second = OWN.replace("contract", "news").replace("1.5", "3").replace("2026-11-01", "2026-11-20")
    card = (
        bundled_rates().with_file(write(tmp_path, OWN)).with_file(write(tmp_path, second, "b.toml"))
    )
    days = [date(2026, 11, 19), date(2026, 11, 20), date(2026, 12, 1)]
    assert [pro(card, day) for day in days] == [Fraction(3, 2), 3, 2]
    assert card.version_for("lip-sync").endswith("+mine.toml+b.toml")
    file = card.endpoints["lip-sync"]
    deciding = [card.endpoint("lip-sync", day).rate("pro", None, None) for day in days]
    assert [file.own_file(rate) for rate in deciding] == ["mine.toml", "b.toml", None]


def test_a_whole_file_takes_the_place_of_what_was_overridden_before(tmp_path: Path) -> None:
    whole = (DATA / "lip-sync.toml").read_text().replace('value = "2"', 'value = "4"')
    card = (
        bundled_rates().with_file(write(tmp_path, OWN)).with_file(write(tmp_path, whole, "w.toml"))
    )
    assert pro(card, DAY) == 4
    assert card.version == card.version_for("lip-sync") == f"{bundled_rates().version}+w.toml"
    rate = card.endpoint("lip-sync", DAY).rate("pro", None, None)
    assert card.endpoints["lip-sync"].own_file(rate) == "w.toml"
    both = card.with_file(write(tmp_path, OWN))
    assert [pro(both, day) for day in (DAY, date(2026, 12, 1))] == [Fraction(3, 2), 4]


def test_any_table_can_be_overridden(tmp_path: Path) -> None:
    cap = OWN[: OWN.index("[[rates]]")] + (
        "[[frame_caps]]\nvalue = 9\nfrom = 2026-11-01\nsources = ['contract']\n"
        "[[max_seconds]]\nplan = 'free'\nvalue = 7\nfrom = 2026-11-01\nsources = ['contract']\n"
    )
    card = bundled_rates().with_file(write(tmp_path, cap))
    assert card.endpoint("lip-sync", DAY).one("frame_caps").value == 9
    assert card.endpoint("lip-sync", date(2026, 10, 31)).one("frame_caps").value == 120_000
    assert card.endpoint("lip-sync", DAY).one("max_seconds", plan="free").value == 7
    assert pro(card, DAY) == 2


def test_what_the_plans_cost_can_be_overridden_and_touches_every_endpoint(tmp_path: Path) -> None:
    text = (
        'overrides = "plans"\n[sources.deal]\nrank = "own"\ndate = 2026-10-01\nwhat = "a deal"\n'
        "[[longest_edges]]\nplan = 'free'\nvalue = 640\nfrom = 2026-11-01\nsources = ['deal']\n"
    )
    card = bundled_rates().with_file(write(tmp_path, text))
    assert card.plan_rates(DAY).edges["free"] == 640
    assert card.plan_rates(date(2026, 10, 31)).edges["free"] == 576
    assert card.version_for("lip-sync") == f"{bundled_rates().version}+mine.toml"


def test_the_day_of_checking_is_the_users_where_they_say_so(tmp_path: Path) -> None:
    text = OWN.replace('overrides = "lip-sync"', 'overrides = "lip-sync"\nchecked = 2027-01-01')
    card = bundled_rates().with_file(write(tmp_path, text))
    assert card.endpoints["lip-sync"].checked == date(2027, 1, 1)


def test_a_card_with_own_files_can_be_sent(tmp_path: Path) -> None:
    card = bundled_rates().with_file(write(tmp_path, OWN))
    sent = pickle.loads(pickle.dumps(card))
    assert pro(sent, DAY) == Fraction(3, 2)
    rate = sent.endpoint("lip-sync", DAY).rate("pro", None, None)
    assert sent.endpoints["lip-sync"].own_file(rate) == "mine.toml"
    assert sent.version_for("lip-sync") == card.version_for("lip-sync")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('overrides = "lip-sync"', 'overrides = "lip-sync"\nsurprise = 1', "surprise: is no key"),
        (
            'overrides = "lip-sync"',
            'overrides = "lip-sync"\nendpoint = "lip-sync"',
            "endpoint: is no",
        ),
        ('overrides = "lip-sync"', 'overrides = "no-such-tool"', "no rates are known for"),
        ('overrides = "lip-sync"', "overrides = 1", "overrides"),
        ('unit = "frame"', 'unit = "frame"\nsurprise = 1', "rates, entry 1: surprise: is no key"),
        ('value = "1.5"', 'value = "-1"', "rates, entry 1: value: must not be below 0"),
        ('value = "1.5"', "value = 1.5", "rates, entry 1: value: must be a decimal number as text"),
        (
            "from = 2026-11-01",
            'from = "November"',
            "entry 1: from: must be a day such as 2026-11-01",
        ),
        ("from = 2026-11-01", "from = 2026-11-01T00:00:00", "entry 1: from: must be a day such as"),
        ("until = 2026-12-01", "until = 2026-11-01", "not after"),
        ('mode = "pro"', 'mode = "max"', "rates, entry 1: there is no mode 'max'"),
        ('mode = "pro"\n', "", "rates, entry 1: the one for every mode since 2026-11-01 decides"),
        ('mode = "pro"', 'mode = "single"', "decides nothing"),
        ('unit = "frame"', 'unit = "image"', "must be frame or second"),
        ('["contract"]', '["rumour"]', "rates, entry 1: there is no source 'rumour'"),
        ("sources.contract", "sources.sdk-0-90-0", "another source of this name"),
        ('rank = "own"', 'rank = "sdk"', "where: is required"),
        ("from = 2026-11-01", "from = 2020-01-01", "nothing holds"),
        (OWN[OWN.index("[[rates]]") :], "", "overrides nothing"),
    ],
)
def test_what_is_not_sound_is_refused_by_file_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in OWN
    assert message in refused(tmp_path, OWN.replace(old, new))
    with pytest.raises(RateFileError) as caught:
        bundled_rates().with_file(tmp_path / "mine.toml")
    assert caught.value.field is not None


def test_two_values_for_one_day_are_refused(tmp_path: Path) -> None:
    more = (
        OWN[OWN.index("[[rates]]") :]
        .replace("2026-11-01", "2026-11-30")
        .replace("2026-12", "2027-01")
    )
    assert refused(tmp_path, OWN + more) == "rates pro: two values hold on 2026-11-30"
    apart = more.replace("2026-11-30", "2026-12-01")
    assert pro(bundled_rates().with_file(write(tmp_path, OWN + apart)), date(2026, 12, 2)) == 1.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'overrides = "lip-sync"\nx = "\xff"\n', "no UTF-8 in line 2"),
        (b'overrides = "lip-sync"\nx = 1 2\n', "line 2"),
        (b"x = " + b"[" * 4000 + b"]" * 900, "nested too deeply"),
        (b"a" + b".a" * 400_000 + b" = 1", "line 1 has more than"),
        (b"a = " + b"1" * 4990, "digits"),
        (b"a = 1\0", "line 1"),
        (b"#" * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_rate_file_is_refused_by_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    assert message in refused(tmp_path, content)


def test_a_file_of_very_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(RateFileError, match="larger than"):
        bundled_rates().with_file(path)


@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "none", "a\0b"):
        with pytest.raises(RateFileError, match="cannot be read"):
            bundled_rates().with_file(place)


def test_no_bundled_value_is_of_a_source_of_ones_own() -> None:
    card = bundled_rates()
    for file in (*card.endpoints.values(), card.plans):
        assert {said.rank for said in file.sources.values()} & {"own"} == set()
        assert all(said.where for said in file.sources.values())


# -------------------------------------------------------- any override changes what it says only


def prices(card: RateCard, name: str, day: date) -> dict[Any, Any]:
    """Give every price of a day, or why there is none."""
    found: dict[Any, Any] = {}
    state = card.endpoint(name, day)
    for mode, model, size in combinations(card.endpoints[name], day):
        try:
            found[mode, model, size] = state.rate(mode, model, size)
        except UnknownRateError:
            found[mode, model, size] = None
    return found


@cache
def first_day(name: str) -> date:
    file = bundled_rates().endpoints[name]
    return days_of_change(file, file.rates)[0]


def key_of(rate: Any) -> tuple[str | None, str | None, str | None]:
    return rate.mode, rate.model, rate.size


def said(rate: Any) -> Any:
    """Give what a rate says; its days may have been cut."""
    return rate if rate is None else rate.model_copy(update={"since": DAY, "until": None})


@given(st.data())
def test_any_override_leaves_every_other_price_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    card = bundled_rates()
    name = data.draw(st.sampled_from(sorted(card.endpoints)))
    file: EndpointFile = card.endpoints[name]
    first = first_day(name)
    days = st.dates(first, date(2027, 12, 31))
    start = data.draw(days)
    mode, model, size = data.draw(st.sampled_from(list(combinations(file, start))))
    key = data.draw(
        st.sampled_from(
            [(mode, model, size), *(key_of(r) for r in file.rates if r.holds_on(start))]
        )
    )
    end = data.draw(st.none() | st.dates(start + timedelta(days=1), date(2028, 12, 31)))
    value = Fraction(data.draw(st.integers(0, 10**6)), 1000)
    units = [rate.unit for rate in file.rates if rate.holds_on(start) and rate.unit]
    billing = card.endpoint(name, start).billing(mode)
    unit = billing.at_once or ("frame" if billing.native is None else units[0])
    lines = [
        f'{field} = "{part}"'
        for field, part in zip(("mode", "model", "size"), key, strict=True)
        if part
    ]
    text = "\n".join(
        [
            f'overrides = "{name}"\n[sources.mine]\nrank = "own"\ndate = 2026-01-01\nwhat = "mine"',
            f'[[rates]]\nunit = "{unit}"\nvalue = "{decimal_text(value)}"\nfrom = {start}',
            'sources = ["mine"]',
            *([f"until = {end}"] if end else []),
            *lines,
        ]
    )
    path = write(tmp_path_factory.mktemp("own"), text + "\n")
    try:
        changed = card.with_file(path)
    except RateFileError as error:
        # Where it holds longer than the names, the billing or other rates that it needs.
        known = [
            *("nothing holds", "two values hold", "is not what is charged", "decides nothing"),
            *("no fixed number", "must be frame or second"),
        ]
        assert any(word in error.message for word in known), error.message  # noqa: PT017
        event("refused")
        return
    decided = 0
    edges = {day for rate in file.rates for day in (rate.since, rate.until) if day and day >= first}
    edges |= {start, *([end] if end else [])}
    for day in {day for edge in edges for day in (edge, edge - timedelta(days=1)) if day >= first}:
        before, after = prices(card, name, day), prices(changed, name, day)
        assert before.keys() == after.keys()
        on = start <= day and (end is None or day < end)
        for combination, rate in after.items():
            if on and rate is not None and key_of(rate) == key:
                assert rate.value == value
                assert changed.endpoints[name].own_file(rate) == path.name
                decided += 1
            else:
                assert said(rate) == said(before[combination])
                assert rate is None or changed.endpoints[name].own_file(rate) is None
        if on and key in after:
            assert after[key].value == value
    assert decided
    for other in sorted(card.endpoints.keys() - {name})[:2]:
        assert changed.endpoints[other] is card.endpoints[other]


LIKE = """
endpoint = "lip-sync"
title = "Lip Sync"
like = "%s"
checked = 2026-11-01

[sources.contract]
rank = "own"
date = 2026-10-01
what = "our contract"

[[frame_caps]]
value = 9
from = 2026-10-01
sources = ["contract"]
"""


def test_a_file_that_is_like_another_claims_only_the_rates_that_stand_in_it(tmp_path: Path) -> None:
    card = bundled_rates().with_file(write(tmp_path, LIKE % "lip-sync"))
    known = media({"fps": 24}, audio=15)
    report = mh.preflight(lip_sync(), media=known, plan="pro", rates=card, as_of=DAY)
    codes = {each.code for each in report.findings}
    assert "frame-cap" in codes
    assert "own-rate" not in codes
    said = refused(tmp_path, LIKE % "lipsync")
    assert said.startswith("like: no rates are known for 'lipsync': did you mean lip-sync?")


FLAT = """
overrides = "%s"
[sources.contract]
rank = "own"
date = 2026-10-01
what = "our contract"
[[rates]]
unit = "%s"
value = "%s"
%sfrom = 2026-10-24
sources = ["contract"]
"""


def priced(folder: Path, endpoint: str, rate: tuple[str, str, str], **body: Any) -> mh.Report:
    """Price a job that has no public rate, by one of the user's own."""
    card = bundled_rates().with_file(write(folder, FLAT % (endpoint, *rate)))
    plan = body.pop("plan", "pro")
    job = mh.job(endpoint, **body)
    facts = {
        "video": mh.Media.given("video", fps=24, duration_seconds=10),
        "image": mh.Media.given("image", width=640, height=640),
    }
    given = {name: facts[job.kind_of(name)] for name in job.sources()}
    return mh.preflight(job, plan=plan, media=given, rates=card, as_of=DAY, offline=True)


def test_a_size_that_is_not_made_is_refused_also_where_a_rate_has_no_size(tmp_path: Path) -> None:
    report = priced(
        tmp_path,
        "ai-video-upscaler",
        ("second", "10", ""),
        assets={"video_file_path": "v.mp4"},
        start_seconds=0,
        end_seconds=5,
        resolution="480p",
    )
    assert report.estimate.settled.credits == 50
    (finding,) = (each for each in report.findings if each.severity == "error")
    assert (finding.code, finding.field) == ("resolution-not-offered", "resolution")
    assert "720p, 1080p, 2k, 4k, not 480p" in finding.message


def test_a_size_needs_a_paid_plan_also_of_a_model_that_all_may_ask_for(tmp_path: Path) -> None:
    keys = 'model = "z-image-turbo"\nsize = "1k"\n'
    body = {"model": "z-image-turbo", "resolution": "1k", "image_count": 1}
    for plan, gated in (("free", True), ("creator", False)):
        report = priced(
            tmp_path,
            "ai-image-generator",
            ("image", "7", keys),
            **body,
            style={"prompt": "a fox"},
            plan=plan,
        )
        codes = {each.code for each in report.findings}
        assert ("resolution-needs-paid-plan" in codes) == gated
        assert "model-needs-paid-plan" not in codes


@pytest.mark.parametrize(
    ("characters", "severity"),
    [(2304, None), (2305, "warning"), (2500, "warning"), (2501, "error")],
)
def test_a_limit_that_the_sources_dispute_is_an_error_only_beyond_both(
    tmp_path: Path, characters: int, severity: str | None
) -> None:
    report = priced(
        tmp_path,
        "ai-ugc-ad",
        ("second", "7", ""),
        assets={"image_file_path": "actor.png"},
        model="kling-3.0",
        resolution="720p",
        end_seconds=10,
        script="a" * characters,
    )
    found = {each.code: each.severity for each in report.findings}
    assert found.get("text-too-long") == severity
