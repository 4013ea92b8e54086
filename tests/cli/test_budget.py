"""Budgets on the command line: set, seen, and put right by a person; and the walk of the page."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from billing_server import TOKEN, BillingServer

from mh_preflight import Media
from mh_preflight.budget import Budget, Ledger, Policy, Scope, State
from mh_preflight.cli.app import run
from mh_preflight.cli.budget import status as status_module
from mh_preflight.client.sending import label_of

PAGE = (Path(__file__).parents[2] / "docs" / "budget.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = 86_400_000_000

UNSTABLE = (
    (r"\bc[0-9a-z]{24}\b", "PROJECT"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME"),
    (r"https?://\S+", "URL"),
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "costs.sqlite")
    monkeypatch.delenv("MAGIC_HOUR_API_KEY", raising=False)

    def call(*arguments: str) -> Ended:
        code = run([*arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def clock() -> list[int]:
    return [time.time_ns() // 1000]


@pytest.fixture
def ledger(cli: Any, clock: list[int]) -> Iterator[Ledger]:
    with Ledger("costs.sqlite", clock=lambda: clock[0]) as opened:
        yield opened


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BillingServer]:
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", TOKEN)
    with BillingServer(polls=(0, 0)) as running:
        running.media[".mp4"] = Media.given(
            "video", fps=60, duration_seconds=6, width=640, height=360
        )
        running.media[".wav"] = Media.given("audio", duration_seconds=5)
        yield running


def reserve(ledger: Ledger, name: str, credits: int, **more: Any) -> None:
    scope = Scope(more.pop("project", ""), more.pop("endpoint", "lip-sync"), more.pop("run", None))
    ledger.reserve(name, f"what {name} is", credits, scope=scope, **more)


def lost(ledger: Ledger, name: str, credits: int = 300, **more: Any) -> None:
    reserve(ledger, name, credits, **more)
    ledger.submitting(name)
    ledger.unknown(name)


def sent(ledger: Ledger, name: str, credits: int, charged: int | None = None, **more: Any) -> None:
    reserve(ledger, name, credits, **more)
    ledger.submitting(name)
    ledger.submitted(name, f"c-{name}")
    if charged is not None:
        ledger.settle(name, charged)


# -------------------------------------------------------------------------------------- the page


def blocks(kind: str) -> list[str]:
    return [code for language, code in FENCE.findall(PAGE) if language == kind]


def stable(text: str) -> str:
    for pattern, name in UNSTABLE:
        text = re.sub(pattern, name, text)
    return text.strip()


def steps(block: str) -> Iterator[tuple[str, str]]:
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = step.partition("\n")
        yield command, shown


def test_the_walk_of_the_page(
    cli: Any,
    server: BillingServer,
    samples_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("clip.mp4", "voice.wav"):
        (tmp_path / name).symlink_to(samples_folder / name)
    code = 0
    commands = 0
    for command, shown in (step for block in blocks("walk") for step in steps(block)):
        words = shlex.split(command)
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("=", 1))
            continue
        if command == "echo $?":
            assert str(code) == shown.strip()
            code = 0
            continue
        assert code == 0, "a code that is not shown"
        if words[1] in {"submit", "reconcile"}:
            words += ["--base-url", server.base_url]
        ended = cli(*words[1:])
        assert stable(ended.out + ended.err) == stable(shown), command
        code, commands = ended.code, commands + 1
    assert (code, commands) == (0, 7)
    assert [each.charged for each in server.jobs] == [120, 300]
    assert server.leaks == []


def test_the_policy_of_the_page_loads(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    (tmp_path / "mh-preflight.toml").write_text(example, encoding="utf-8")
    policy = Policy.load(tmp_path / "mh-preflight.toml")
    assert [str(each) for each in policy.budgets] == [
        "50,000 credits a month (Europe/Berlin)",
        "$5.00 a day of project 'trailer' (Europe/Berlin)",
    ]
    assert [rule.action.value for rule in policy.rules] == ["ask", "warn", "deny"]


def test_the_page_names_every_state() -> None:
    assert re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)[-7:] == [
        str(each) for each in State
    ]


# ------------------------------------------------------------------------------------------- set


def test_a_budget_is_set_changed_and_taken_away(cli: Any, ledger: Ledger) -> None:
    assert cli("budget", "set", "--limit", "500", "--per", "day").out.startswith(
        "Set: 500 credits a day\n"
    )
    cli("budget", "set", "--limit", "400", "--per", "day")
    cli("budget", "set", "--usd", "12.50", "--per", "day", "--zone", "Europe/Berlin")
    cli("budget", "set", "--limit", "9", "--project", "trailer", "--endpoint", "lip-sync")
    assert [str(each) for each in ledger.budgets()] == [
        "400 credits a day",
        "9 credits for lip-sync of project 'trailer'",
        "$12.50 a day (Europe/Berlin)",
    ]
    removed = cli("budget", "set", "--remove", "--limit", "400", "--per", "day", "--json")
    assert [(line["did"], line["budget"]) for line in removed.lines] == [
        ("removed", "400 credits a day")
    ]
    assert cli("budget", "set", "--remove", "--per", "day").out.startswith(
        "Removed: $12.50 a day (Europe/Berlin)\n"
    )
    assert [str(each) for each in ledger.budgets()] == [
        "9 credits for lip-sync of project 'trailer'"
    ]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([], "several-budgets"),
        (["--limit", "100"], "no-budget"),
        (["--usd", "5.01"], "no-budget"),
        (["--limit", "500", "--project", "teaser"], "no-budget"),
        (["--limit", "500", "--per", "month"], "no-budget"),
        (["--limit", "500"], "several-budgets"),
    ],
)
def test_what_is_not_one_budget_is_not_taken_away(
    cli: Any, ledger: Ledger, asked: list[str], code: str
) -> None:
    kept = [
        ["--limit", "500"],
        ["--limit", "500", "--zone", "Europe/Berlin"],
        ["--usd", "5.00"],
        ["--limit", "500", "--per", "day", "--project", "trailer one", "--endpoint", "lip-sync"],
    ]
    for options in kept:
        cli("budget", "set", *options)
    ended = cli("budget", "set", "--remove", *asked, "--json")
    assert (ended.code, ended.json["error"]["code"], ended.json["error"]["field"]) == (
        2,
        code,
        "remove",
    )
    assert len(ledger.budgets()) == 4
    shown = cli("budget", "set", "--remove", *asked).err
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  ")]
    assert len(commands) == 4
    assert all(each in ended.json["error"]["message"] for each in commands)
    for command in commands:
        assert cli(*shlex.split(command)[1:]).code == 0, command
    assert ledger.budgets() == ()
    assert "none is set" in cli("budget", "set", "--remove").err


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], "limit"),
        (["--limit", "5", "--usd", "5"], "limit"),
        (["--limit", "-1"], "limit"),
        (["--usd", "much"], "usd"),
        (["--limit", "5", "--per", "week"], "per"),
        (["--limit", "5", "--zone", "Nowhere/Here"], "zone"),
        (["--limit", "5", "--endpoint", "lipsync"], "endpoint"),
        (["--limit", "5", "--project", ""], "project"),
    ],
)
def test_a_wrong_budget_names_its_option(cli: Any, wrong: list[str], field: str) -> None:
    ended = cli("budget", "set", *wrong, "--json")
    assert (ended.code, ended.json["error"]["field"]) == (2, field)
    assert ended.json["error"]["message"].startswith(f"--{field}: ")


def test_what_was_spent_before_counts_at_once(cli: Any, ledger: Ledger) -> None:
    sent(ledger, "a", 300, 240)
    sent(ledger, "b", 100)
    shown = cli("budget", "set", "--limit", "500").out
    assert "340 credits are spent or held in its window already; 160 credits left." in shown
    again = cli("budget", "set", "--limit", "300").out
    assert "! 40 credits over the limit: nothing more is sent in this window" in again


def test_a_job_without_a_price_stops_a_budget_in_dollars_from_the_first_word_on(
    cli: Any, ledger: Ledger
) -> None:
    sent(ledger, "a", 300, usd="0.3")
    sent(ledger, "b", 100)
    shown = cli("budget", "set", "--usd", "5", "--per", "day").out
    assert "! 1 job without a known price in dollars: nothing more is sent in this win" in shown
    assert "left" not in shown
    assert cli("budget", "status").out.startswith("Nothing more is sent under $5.00 a day; 2 jobs")
    cli("budget", "set", "--limit", "1000")
    assert cli("budget", "status").out.startswith("1 of 2 budgets lets nothing more be sent; 2 ")


# ---------------------------------------------------------------------------------------- status


def test_overruns_are_said_in_words(cli: Any, ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=500, per="ever"))
    sent(ledger, "a", 200, 480)
    sent(ledger, "b", 20)
    ledger.set_budget(Budget.of(credits=450, per="ever"))
    shown = cli("budget", "status").out
    assert shown.startswith("50 above the limit of 450 credits in all; 1 job holds 20 credits.")
    assert "480 charged   20 held   50 over" in shown
    assert "! 480 credits charged, 280 of it over what was held" in shown
    assert "! 50 credits over the limit: nothing more is sent" in shown
    (line,) = cli("budget", "status", "--json").lines
    assert {
        name: line[name] for name in ("limit", "settled", "overrun", "charged", "held", "left")
    } == {
        "limit": 450,
        "settled": 200,
        "overrun": 280,
        "charged": 480,
        "held": 20,
        "left": -50,
    }
    assert [each["id"] for each in line["holders"]] == ["b"]


def test_several_budgets_are_shown_each_with_its_window(cli: Any, ledger: Ledger) -> None:
    for budget in (
        Budget.of(credits=800, per="job"),
        Budget.of(credits=2_000, per="run"),
        Budget.of(credits=5_000, per="month", zone="Europe/Berlin"),
        Budget.of(usd="2.50", per="day"),
    ):
        ledger.set_budget(budget)
    reserve(ledger, "a", 300, run="r1", usd="0.3", project="trailer")
    shown = cli("budget", "status").out
    assert shown.startswith("4 budgets, none over its limit; 1 job holds 300 credits.")
    assert "for each job alone" in shown
    assert "for each run alone; --run NAME shows one" in shown
    assert re.search(r"\$0\.00 charged +\$0\.30 held +\$2\.20 left", shown)
    assert re.search(r"a month \(Europe/Berlin\)  \d{4}-\d\d\n", shown)
    assert "1,700 left" in cli("budget", "status", "--run", "r1").out
    empty = cli("budget", "status", "--run", "foo").out
    assert re.search(r"2,000 credits a run  run 'foo'\n +\S+ +0 charged +0 held +2,000 left", empty)
    assert "--run NAME" not in empty
    dollars = next(e for e in cli("budget", "status", "--json").lines if e["unit"] == "usd")
    assert (dollars["limit"], dollars["held"], dollars["left"]) == ("2.5", "0.3", "2.2")


def test_the_budgets_of_the_policy_are_shown_too(cli: Any, ledger: Ledger) -> None:
    Path("mh-preflight.toml").write_text('[[budgets]]\ncredits = 9\nper = "day"\n')
    assert "of mh-preflight.toml" in cli("budget", "status").out
    Path("mh-preflight.toml").write_text("budget = 3")
    assert cli("budget", "status", "--json").json["error"]["code"] == "bad-policy"


def test_where_no_budget_is_set_it_says_what_is_held(cli: Any, ledger: Ledger) -> None:
    assert cli("budget", "status", "--json").out == ""
    lost(ledger, "a")
    shown = cli("budget", "status").out
    assert shown.startswith("No budget is set, and 1 job holds 300 credits.")
    assert "mh-preflight budget recover" in shown
    for number in range(21):
        reserve(ledger, f"b{number}", 1)
    assert "and 2 more: mh-preflight budget history --open" in cli("budget", "status").out


def test_bars_are_drawn_with_ascii_where_there_is_nothing_else(
    cli: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.set_budget(Budget.of(credits=400, per="ever"))
    sent(ledger, "a", 100, 100)
    sent(ledger, "b", 200)
    assert "████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░ " in cli("budget", "status").out
    monkeypatch.setattr(status_module, "can_draw", lambda: False)
    assert "########================........ " in cli("budget", "status").out


# --------------------------------------------------------------------------------------- history


def test_the_history_can_be_filtered(cli: Any, ledger: Ledger, clock: list[int]) -> None:
    sent(ledger, "a", 200, 480, project="trailer")
    sent(ledger, "b", 50, endpoint="face-swap", run="r1")
    clock[0] += 2 * DAY
    reserve(ledger, "c", 1)
    shown = cli("budget", "history")
    assert shown.out.startswith("3 jobs: 480 credits charged, 51 held, 280 more than was held\n")
    assert "1 older ones" not in shown.out
    assert "2 older ones: --last 3, --csv or --json" in cli("budget", "history", "--last", "1").out
    later = time.strftime("%Y-%m-%d", time.gmtime(clock[0] // 1_000_000))
    for options, ids in {
        ("--open",): "bc",
        ("--state", "settled"): "a",
        ("--project", "trailer"): "a",
        ("--endpoint", "face-swap"): "b",
        ("--run", "r1"): "b",
        ("--since", later): "c",
        ("--since", later, "--until", later): "c",
        ("--since", "1999-01-01", "--until", "1999-01-01"): "",
        (): "abc",
    }.items():
        lines = cli("budget", "history", *options, "--json").lines
        assert "".join(line["id"] for line in lines) == ids, options
    assert cli("budget", "history", "--state", "released").out.startswith("No job is like that.")
    assert cli("budget", "history", "--state", "lost").err.startswith(
        "mh-preflight: --state: must be one of reserved, "
    )
    assert cli("budget", "history", "--since", "yesterday").code == 2


def test_days_the_wrong_way_round_are_no_empty_history(cli: Any, ledger: Ledger) -> None:
    days = ["--since", "2026-12-01", "--until", "2026-11-30"]
    ended = cli("budget", "history", *days, "--json")
    assert (ended.code, ended.json["error"]["field"]) == (2, "until")
    assert cli("budget", "history", "--since", "2026-12-01", "--until", "2026-12-01").code == 0


def test_a_mistyped_endpoint_is_no_empty_history(cli: Any, ledger: Ledger) -> None:
    reserve(ledger, "own", 1, endpoint="lipsync")  # held from Python, under a name of its own
    of = ["budget", "history", "--endpoint"]
    assert [line["id"] for line in cli(*of, "lipsync", "--json").lines] == ["own"]
    assert cli(*of, "face-swap", "--json").lines == []
    for options in ((), ("--csv",), ("--json",)):
        mistyped = cli(*of, "faceswap", *options)
        assert mistyped.code == 2
        assert "--endpoint: " in (mistyped.err or mistyped.out)
        assert "did you mean face-swap?" in (mistyped.err or mistyped.out)


def test_the_history_as_csv(cli: Any, ledger: Ledger) -> None:
    sent(ledger, 'a "b", c', 200, 180, usd="0.2")
    ended = cli("budget", "history", "--csv")
    (row,) = csv.DictReader(io.StringIO(ended.out))
    assert (row["id"], row["held"], row["charged"]) == ('a "b", c', "200", "180")
    assert (row["held_usd"], row["charged_usd"]) == ("0.2", "0.18")
    assert row["reserved_at"].endswith("Z")
    assert cli("budget", "history", "--csv", "--json").code == 2


# --------------------------------------------------------------------------------------- recover


@pytest.mark.parametrize(
    ("word", "state", "said"),
    [
        (["--settled", "240"], "settled", "row-7 is settled at 240 credits; it held 300."),
        (["--released"], "released", "row-7 is released: 300 credits are given back."),
        (["--found", "c-1"], "submitted", "row-7 is submitted as c-1."),
    ],
)
def test_a_person_says_what_became_of_a_job(
    cli: Any, ledger: Ledger, word: list[str], state: str, said: str
) -> None:
    lost(ledger, "row-7")
    assert cli("budget", "recover", "row-7", *word).out.startswith(said)
    entry = ledger.get("row-7")
    assert entry is not None
    assert entry.state == state
    assert entry.word is None if state == "submitted" else "by recover" in str(entry.word)


def test_nothing_is_ended_without_id_and_word(cli: Any, ledger: Ledger) -> None:
    lost(ledger, "row-7")
    for wrong in (["row-7"], ["--released"], ["row-7", "--released", "--settled", "1"]):
        assert cli("budget", "recover", *wrong).code == 2
    assert cli("budget", "recover", "row-8", "--released", "--json").json["error"]["code"] == (
        "no-entry"
    )
    entry = ledger.get("row-7")
    assert entry is not None
    assert entry.state is State.UNKNOWN


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["", "--released"], "ID: must be a line"),
        (["row-7", "--found", "a\nb"], "--found: must be a line"),
        (["row-7", "--settled", str(10**16)], "--settled: is more than any job costs"),
        (["row-7", "--released", "--word", "a\nb"], "--word: must be a line"),
    ],
)
def test_a_person_is_told_what_of_the_word_is_wrong(
    cli: Any, ledger: Ledger, typed: list[str], said: str
) -> None:
    lost(ledger, "row-7")
    ended = cli("budget", "recover", *typed)
    assert (ended.code, said in ended.err) == (2, True)


def test_a_person_s_word_is_about_the_last_attempt(cli: Any, ledger: Ledger) -> None:
    lost(ledger, "row-7")
    assert cli("budget", "recover", "row-7", "--released").code == 0
    for word in (["--released"], ["--released", "--word", "again"]):
        again = cli("budget", "recover", "row-7", *word, "--json")
        assert (again.code, again.json["error"]["code"]) == (2, "unchanged")
    lost(ledger, "row-7#2")
    assert cli("budget", "recover", "row-7", "--settled", "120", "--json").json["id"] == "row-7#2"
    assert cli("budget", "recover", "row-7", "--settled", "120").code == 2
    states = [entry.state for entry in ledger.entries()]
    assert states == [State.RELEASED, State.SETTLED]


def label_there(ledger: Ledger, name: str) -> str:
    entry = ledger.get(name)
    assert entry is not None
    return label_of(entry)


@pytest.mark.parametrize("label", [None, False, True, "scene one"])
def test_a_name_is_told_only_where_it_was_sent(cli: Any, ledger: Ledger, label: Any) -> None:
    lost(ledger, "row-7", estimate=None if label is None else {"label": label})
    shown = " ".join(cli("budget", "recover", "--offline").out.split())
    if label:
        name = label if label == "scene one" else label_there(ledger, "row-7")
        assert f"for {name!r}" in shown
    else:
        assert "by endpoint and time of sending: lip-sync, between 20" in shown
        assert "~" not in shown


def test_what_a_killed_process_was_sending_waits_until_it_is_surely_gone(
    cli: Any, ledger: Ledger, clock: list[int]
) -> None:
    reserve(ledger, "now", 300)
    ledger.submitting("now")
    refused = cli("budget", "recover", "now", "--released")
    assert (refused.code, "just being sent" in refused.err) == (2, True)
    clock[0] -= DAY // 24
    reserve(ledger, "before", 300)
    ledger.submitting("before")
    assert [line["id"] for line in cli("budget", "recover", "--json").lines] == ["before"]
    ended = cli("budget", "recover", "before", "--released", "--word", "Ann looked", "--json")
    assert (ended.json["state"], ended.json["word"]) == ("released", "Ann looked")


def test_the_list_says_what_to_do_and_what_the_balance_was(
    cli: Any,
    ledger: Ledger,
    clock: list[int],
    server: BillingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cli("budget", "recover").out.startswith("Nothing needs a person.")
    lost(ledger, "row 7", estimate={"balance": 100_300, "label": True}, project="trailer")
    clock[0] -= 2 * DAY
    sent(ledger, "old", 100)
    reserve(ledger, "idle", 10, expires_after=None)
    there = ["budget", "recover", "--base-url", server.base_url]
    shown = cli(*there).out
    assert shown.startswith("3 jobs need a person: 410 credits are held until then.")
    assert "Balance: 100,300 credits before it was sent, 100,000 credits now." in shown
    assert "mh-preflight budget recover 'row 7' --settled CREDITS" in shown
    assert repr(label_there(ledger, "row 7")) in " ".join(shown.split())
    assert "The API has it as c-old" in shown
    assert "It holds credits, and was never sent." in shown
    assert {line["balance_now"] for line in cli(*there, "--json").lines} == {100_000}
    assert cli(*there, "--offline", "--json").lines[0]["balance_now"] is None
    monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    assert cli(*there, "--json").lines[0]["balance_now"] is None
    monkeypatch.delenv("MH_PREFLIGHT_OFFLINE")
    server.close()
    gone = cli(*there, "--json")
    assert (gone.code, gone.lines[0]["balance_now"]) == (0, None)
    assert "the balance is not known" in gone.err


# ---------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    "place",
    ["mysql://ann:secret@127.0.0.1:1/costs", "postgresql://ann:secret@127.0.0.1:1/costs", "/n/x"],
)
def test_a_ledger_that_cannot_be_used_is_said_without_its_password(cli: Any, place: str) -> None:
    for options in ([], ["--json"]):
        ended = cli("budget", "status", "--ledger", place, *options)
        assert ended.code == 2
        assert "secret" not in ended.out + ended.err


def test_the_ledger_is_where_the_option_says(cli: Any, tmp_path: Path) -> None:
    cli("budget", "set", "--limit", "5", "--ledger", "mine.sqlite")
    assert (tmp_path / "mine.sqlite").exists()
    assert not (tmp_path / "costs.sqlite").exists()
    assert '"limit": 5' in cli("budget", "status", "--ledger", "mine.sqlite", "--json").out


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_mistyped_place_is_no_healthy_ledger(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    place = tmp_path / "cots.sqlite"
    where = ["--ledger", str(place)] if by == "option" else []
    if by == "environment":
        monkeypatch.setenv("MH_PREFLIGHT_LEDGER", str(place))
    others = ["budget status", "budget history", "budget recover", "reconcile"]
    for command in (*others, "budget set --remove"):
        ended = cli(*command.split(), *where, "--json")
        error = ended.json["error"]
        assert (ended.code, error["code"]) == (2, "no-ledger")
        assert str(place) in error["message"]
        assert "mh-preflight budget set" in error["message"]
    assert not place.exists()
    monkeypatch.delenv("MH_PREFLIGHT_LEDGER")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    assert cli("budget", "status").code == 0


def test_every_command_of_budgets_explains_itself(cli: Callable[..., Ended]) -> None:
    assert "recover" in cli("budget", "--help").out
    for command in ("set", "status", "history", "recover"):
        ended = cli("budget", command, "--help")
        assert ended.code == 0
        assert "--ledger" in ended.out
