"""Sending from the command line: what is asked, what is told, and with which code it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from billing_server import TOKEN, BillingServer

from mh_preflight.budget import Budget, Ledger, Scope
from mh_preflight.cli.app import run
from mh_preflight.client.sync import Client
from mh_preflight.errors import LedgerError, UncertainError

PICTURE = {
    "image_count": 1,
    "style": {"prompt": "a lighthouse"},
    "model": "z-image-turbo",
    "resolution": "640px",
}


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    server: BillingServer,
) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "costs.sqlite")
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", TOKEN)
    for module in ("flows", "creating"):
        monkeypatch.setattr(f"mh_preflight.client.{module}.PAUSE", 0.01)
    monkeypatch.setattr("mh_preflight.client.following.VIDEO_PAUSE", 0.01)
    monkeypatch.setattr("mh_preflight.client.following.IMAGE_PAUSE", 0.01)

    def call(*arguments: str) -> Ended:
        own = arguments[0] == "budget" or "--base-url" in arguments
        where = [] if own else ["--base-url", server.base_url]
        code = run([*arguments, *where])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        assert TOKEN not in captured.out + captured.err
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def server() -> Iterator[BillingServer]:
    with BillingServer(polls=None) as running:
        yield running


@pytest.fixture
def ledger(cli: Any) -> Iterator[Ledger]:
    with Ledger("costs.sqlite") as opened:
        yield opened


@pytest.fixture
def picture(tmp_path: Path, cli: Any) -> list[str]:
    """Give the command for a job without files, of a known price."""
    (tmp_path / "body.json").write_text(json.dumps(PICTURE))
    return ["submit", "ai-image-generator", "--request", "body.json", "--plan", "creator"]


@pytest.fixture
def lips(samples_folder: Path) -> list[str]:
    """Give the command for a job with two files: it holds 300 credits."""
    files = ["--video", str(samples_folder / "clip.mp4")]
    files += ["--audio", str(samples_folder / "voice.wav")]
    return ["submit", "lip-sync", *files, "--plan", "creator"]


def test_a_job_is_sent_and_told(
    cli: Any, server: BillingServer, ledger: Ledger, lips: list[str]
) -> None:
    answer = cli(*lips, "--id", "row-1", "--project", "trailer", "--run", "r1", "--json").json
    (job,) = server.jobs
    assert answer == answer | {
        "schema": 1,
        "id": "row-1",
        "project_id": job.id,
        "endpoint": "lip-sync",
        "repeated": False,
        "state": "submitted",
        "queued": 150,
        "held": 300,
        "settled": None,
        "ledger": "costs.sqlite",
        "policy": None,
    }
    assert [each["code"] for each in answer["warnings"]] == ["fps-above-30"]
    assert "error" not in answer
    assert len(server.uploads) == 2
    entry = ledger.get("row-1")
    assert entry is not None
    assert (entry.scope.project, entry.scope.run) == ("trailer", "r1")


def test_the_same_id_is_not_sent_twice(cli: Any, server: BillingServer, picture: list[str]) -> None:
    cli(*picture, "--id", "row-1")
    again = cli(*picture, "--id", "row-1", "--json").json
    assert (again["repeated"], again["queued"]) == (True, None)
    assert cli(*picture, "--id", "row-1").out.startswith("Sent before, and not again: ")
    assert len(server.jobs) == 1
    cli(*picture)
    cli(*picture)
    assert len(server.jobs) == 3


def test_an_id_of_another_job_ends_with_two(
    cli: Any, server: BillingServer, picture: list[str], tmp_path: Path
) -> None:
    cli(*picture, "--id", "row-1")
    (tmp_path / "body.json").write_text(json.dumps({**PICTURE, "image_count": 2}))
    ended = cli(*picture, "--id", "row-1", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "conflict")


def test_waiting_books_and_says_where_the_output_is(
    cli: Any, server: BillingServer, ledger: Ledger, picture: list[str]
) -> None:
    server.polls = (1, 1)
    answer = cli(*picture, "--id", "row-1", "--wait", "--json").json
    assert (answer["status"], answer["state"], answer["settled"]) == (
        "complete",
        "settled",
        server.spent,
    )
    assert answer["downloads"][0]["url"].startswith("http")
    shown = cli(*picture, "--wait").out
    assert shown.startswith("Complete: ai-image-generator")
    assert "download" in shown


def test_a_terminal_shows_how_far_it_is(
    cli: Any, server: BillingServer, lips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.polls = (1, 1)
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = cli(*lips, "--wait")
    assert ended.code == 0
    assert "clip.mp4" in ended.err
    assert "waiting" in ended.err
    assert "clip.mp4" not in ended.out


def test_a_job_that_is_not_rendered_ends_with_three(
    cli: Any, server: BillingServer, picture: list[str]
) -> None:
    cli(*picture, "--id", "row-1")
    server.fail(server.jobs[0].id, "no_face")
    ended = cli(*picture, "--id", "row-1", "--wait", "--json")
    assert (ended.code, ended.json["status"], ended.json["settled"]) == (3, "error", 0)
    assert ended.json["error"]["code"] == "no_face"
    assert cli(*picture, "--id", "row-1", "--wait").out.startswith("Failed: ")


def test_a_wait_that_is_over_before_the_job_ends_with_six(
    cli: Any, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = Client.wait
    monkeypatch.setattr(Client, "wait", lambda *given, **more: wait(*given, deadline=0.5, **more))
    ended = cli(*picture, "--wait", "--json")
    assert (ended.code, ended.json["state"]) == (6, "submitted")
    assert ended.json["error"]["code"] == "deadline"
    assert " after 0.5 s" in cli(*picture, "--wait").err


def test_a_lost_answer_ends_with_six_and_is_never_sent_again(
    cli: Any, server: BillingServer, picture: list[str]
) -> None:
    server.order("lost-answer", "POST", "/v1/ai-image-generator")
    ended = cli(*picture, "--id", "row-1", "--json")
    assert (ended.code, ended.json["state"], ended.json["id"]) == (6, "unknown", "row-1")
    assert ended.json["error"]["code"] == "uncertain"
    again = cli(*picture, "--id", "row-1")
    assert (again.code, "budget recover" in again.err) == (6, True)
    assert len(server.jobs) == 1


@pytest.mark.parametrize(("status", "code"), [(401, 3), (402, 3), (422, 3), (429, 3), (500, 6)])
def test_what_the_api_says_has_a_code(
    cli: Any, server: BillingServer, picture: list[str], status: int, code: int
) -> None:
    server.order("status", "POST", "/v1/ai-image-generator", status=status)
    ended = cli(*picture, "--json")
    assert ended.code == code
    state = {3: "released", 6: "unknown"}[code]
    assert ended.json["state"] == state


def test_an_api_that_cannot_be_reached_or_pays_too_little_ends_with_three(
    cli: Any, server: BillingServer, ledger: Ledger, picture: list[str]
) -> None:
    server.balance = 0
    assert cli(*picture, "--json").json["error"]["code"] == "low-balance"
    server.stop()
    ended = cli(*picture, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (3, "not-sent")
    assert list(ledger.entries()) == []


def test_the_token_comes_from_the_environment_alone(
    cli: Any, server: BillingServer, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAGIC_HOUR_API_KEY")
    ended = cli(*picture, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad-token")
    assert "MAGIC_HOUR_API_KEY" in ended.json["error"]["message"]
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", "mhk secret with spaces")
    assert "secret" not in "".join(map(str, cli(*picture)))
    assert cli(*picture, "--token", TOKEN[:3]).code == 2
    assert server.requests == []


def test_findings_limits_and_unknown_rates_have_the_codes_of_estimate(
    cli: Any, server: BillingServer, lips: list[str], picture: list[str], tmp_path: Path
) -> None:
    over = cli(*lips, "--max-credits", "200", "--json")
    assert (over.code, over.json["error"]["code"], over.json["hold"]["credits"]) == (
        4,
        "over-limit",
        300,
    )
    assert over.json["fits"]
    strict = cli(*lips, "--strict")
    assert (strict.code, "fps-above-30" in strict.out) == (3, True)
    (tmp_path / "body.json").write_text(json.dumps({**PICTURE, "model": "tomorrow"}))
    assert cli(*picture).code == 5
    assert cli("submit", "lipsync", "--request", "body.json").code == 2
    assert server.requests_to("POST", "/v1/") == []


NOWHERE = ("--base-url", "http://127.0.0.1:9")


@pytest.fixture
def alone(cli: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what runs a command where there is no token and no API."""
    monkeypatch.delenv("MAGIC_HOUR_API_KEY")
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "costs.sqlite")
    return lambda *arguments: cli(*arguments[:1], *NOWHERE, *arguments[1:])


@pytest.mark.parametrize("plan", ["creator", None])
@pytest.mark.parametrize("by", ["credits", "dollars", "policy", "budget"])
def test_what_a_person_does_not_allow_is_refused_without_token_and_network(
    alone: Any, server: BillingServer, ledger: Ledger, lips: list[str], by: str, plan: str | None
) -> None:
    command = [*lips] if plan else lips[:-2]
    if by == "credits":
        command += ["--max-credits", "200"]
    elif by == "dollars":
        command += ["--max-usd", "0.02"]
    elif by == "policy":
        policy("[[budgets]]", "credits = 200", 'per = "day"')
    else:
        ledger.set_budget(Budget.of(credits=200, per="day"))
    ended = alone(*command, "--json")
    assert ended.code == 4
    assert ended.json["fits"]
    shown = alone(*command)
    assert (shown.code, "What would fit" in shown.out) == (4, True)
    assert ("so on each plan" in shown.err) == (plan is None)
    assert server.requests == []
    assert list(ledger.entries()) == []


def test_what_asks_or_is_unsound_is_refused_without_token_and_network(
    alone: Any, server: BillingServer, lips: list[str]
) -> None:
    policy("[[rules]]", 'action = "ask"', 'reason = "ask first"')
    assert alone(*lips, "--json").json["error"]["code"] == "not-confirmed"
    assert alone(*lips, "--yes", "--json").json["error"]["code"] == "bad-token"
    Path("mh-preflight.toml").unlink()
    assert (alone(*lips, "--strict").code, alone(*lips[:-2], "--strict").code) == (3, 3)
    assert alone(*lips, "--max-usd", "much").code == 2
    assert server.requests == []


def test_what_one_plan_allows_waits_for_the_word_of_the_api(
    cli: Any, server: BillingServer, lips: list[str], tmp_path: Path
) -> None:
    policy("[[rules]]", 'action = "deny"', 'plan = ["free", "creator", "pro"]')
    denied = cli(*lips[:-2], "--json")
    assert (denied.code, denied.json["error"]["code"]) == (4, "denied")
    assert len(server.requests_to("GET", "/v1/account")) == 1
    server.plan = "business"
    assert cli(*lips[:-2]).code == 0


def test_what_was_sent_before_is_told_whatever_is_left(
    cli: Any, server: BillingServer, ledger: Ledger, lips: list[str]
) -> None:
    cli(*lips, "--id", "row-1")
    ledger.set_budget(Budget.of(credits=1, per="ever"))
    assert cli(*lips, "--id", "row-1", "--max-credits", "1", "--json").json["repeated"]
    assert cli(*lips, "--id", "row-2").code == 4
    assert len(server.jobs) == 1


def test_the_most_in_dollars_counts_as_for_estimate(
    cli: Any, server: BillingServer, lips: list[str]
) -> None:
    over = cli(*lips, "--max-usd", "0.29", "--json")
    assert (over.code, over.json["error"]["code"]) == (4, "over-limit")
    assert cli(*lips, "--max-usd", "0.30").code == 0
    assert len(server.jobs) == 1


def test_a_job_without_an_upper_bound_says_which_option_states_it(
    cli: Any, server: BillingServer, samples_folder: Path
) -> None:
    far = ["submit", "lip-sync", "--youtube", "https://youtu.be/x", "--end", "3"]
    far += ["--audio", str(samples_folder / "voice.wav"), "--plan", "creator"]
    ended = cli(*far)
    assert (ended.code, "state it with --video-fps" in ended.err) == (4, True)
    assert cli(*far, "--json").code == 4
    assert cli(*far, "--video-fps", "24", "--json").json["held"] == 90


@pytest.mark.parametrize("by", ["option", "environment"])
def test_offline_what_lies_elsewhere_is_not_read_before_it_is_sent(
    cli: Any,
    server: BillingServer,
    samples_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    monkeypatch.setattr("mh_preflight.assets.probe_youtube", None)
    far = ["submit", "lip-sync", "--youtube", "https://youtu.be/x", "--end", "3"]
    far += ["--audio", str(samples_folder / "voice.wav"), "--plan", "creator"]
    if by == "environment":
        monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    else:
        far.append("--offline")
    assert cli(*far).code == 4  # it has no upper bound
    assert cli(*far, "--video-fps", "24", "--json").json["held"] == 90


def test_over_a_budget_the_numbers_and_what_would_fit_are_told(
    cli: Any, server: BillingServer, ledger: Ledger, lips: list[str]
) -> None:
    ledger.set_budget(Budget.of(credits=500, per="day"))
    cli(*lips, "--id", "row-1")
    ended = cli(*lips, "--id", "row-2", "--json")
    assert ended.code == 4
    assert ended.json["budget"] == {
        "budget": "500 credits a day",
        "unit": "credits",
        "limit": 500,
        "settled": 0,
        "overrun": 0,
        "charged": 0,
        "held": 300,
        "left": 200,
        "asked": 300,
    }
    assert ended.json["error"]["code"] == "over-budget"
    assert [each["credits"] <= 200 for each in ended.json["fits"]]
    shown = cli(*lips, "--id", "row-2")
    assert (shown.code, "100 too many" in shown.out) == (4, True)
    assert "until " in shown.out
    ledger.set_budget(Budget.of(credits=300, per="day"))
    assert "No single change fits" in cli(*lips, "--id", "row-2").out
    assert len(server.jobs) == 1


def test_a_budget_in_dollars(cli: Any, ledger: Ledger, lips: list[str]) -> None:
    ledger.set_budget(Budget.of(usd="0.20", per="day"))
    ended = cli(*lips, "--json")
    assert (ended.json["budget"]["asked"], ended.json["budget"]["left"]) == ("0.30", "0.20")
    assert ended.json["fits"][0]["credits"] <= 200
    assert "0.10 too many" in cli(*lips).out


# ---------------------------------------------------------------------------------------- policy


def policy(*lines: str) -> None:
    Path("mh-preflight.toml").write_text("\n".join(lines))


def test_the_policy_of_the_folder_counts_and_is_named(
    cli: Any, server: BillingServer, picture: list[str]
) -> None:
    policy('plan = "pro"', "[[rules]]", 'action = "warn"', 'reason = "mind the cost"')
    answer = cli(*picture, "--json").json
    assert answer["policy"] == "mh-preflight.toml"
    assert {"code": "policy", "field": None, "message": "mind the cost"} in answer["warnings"]
    assert "policy   mh-preflight.toml" in cli(*picture).out
    policy("[[rules]]", 'action = "deny"', 'endpoint = "ai-image-generator"')
    denied = cli(*picture, "--json", "--yes")
    assert (denied.code, denied.json["error"]["code"]) == (4, "denied")
    policy("rules = 3")
    assert cli(*picture).code == 2
    Path("other.toml").write_text('default = "allow"')
    assert cli(*picture, "--policy", "other.toml", "--json").json["policy"] == "other.toml"
    assert cli(*picture, "--policy", "missing.toml").code == 2
    assert len(server.jobs) == 3


def test_a_job_that_is_more_than_a_budget_of_the_policy_is_told_what_would_fit(
    cli: Any, server: BillingServer, lips: list[str]
) -> None:
    policy("[[budgets]]", "credits = 200", 'per = "day"', "[[budgets]]", "usd = 9", 'per = "day"')
    ended = cli(*lips, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (4, "denied")
    assert [each["credits"] <= 200 for each in ended.json["fits"]]
    assert "What would fit" in cli(*lips).out
    assert server.jobs == []


def test_what_asks_is_refused_where_nobody_can_answer(
    cli: Any, server: BillingServer, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy("[[rules]]", 'action = "ask"', 'reason = "ask Ann first"')
    ended = cli(*picture, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (4, "not-confirmed")
    assert "--yes confirms it" in cli(*picture).err
    assert cli(*picture, "--yes").code == 0
    asked: list[str] = []
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    assert cli(*picture).code == 0
    assert asked[0].startswith("Send it, and hold ")
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert cli(*picture).code == 4
    assert len(server.jobs) == 2


def test_the_plan_is_the_accounts_where_nobody_names_it(
    cli: Any, server: BillingServer, ledger: Ledger, picture: list[str]
) -> None:
    server.plan = "pro"
    command = [word for word in picture if word not in {"--plan", "creator"}]
    cli(*command, "--id", "a")
    policy('plan = "business"')
    cli(*command, "--id", "b")
    assert [(each.estimate or {})["plan"] for each in ledger.entries()] == ["pro", "business"]


def test_a_person_who_stops_it_is_told_what_is_known(
    cli: Any, ledger: Ledger, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "wait", stop)
    waited = cli(*picture, "--wait")
    assert (waited.code, "the job goes on" in waited.err) == (6, True)
    monkeypatch.setattr(Client, "submit", stop)
    stopped = cli(*picture)
    assert (stopped.code, "nothing was sent" in stopped.err) == (1, True)
    ledger.reserve("x", "what it is", 5)
    ledger.submitting("x")
    ledger.unknown("x")
    lost = cli(*picture, "--id", "x")
    assert (lost.code, "keeps its 5 credits" in lost.err) == (6, True)


def test_stopping_has_an_answer_for_programs(
    cli: Any, ledger: Ledger, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Client, "wait", stop)
        waited = cli(*picture, "--wait", "--json")
    assert (waited.code, waited.json["error"]["code"]) == (6, "stopped")
    assert waited.json["project_id"]
    with monkeypatch.context() as patched:
        patched.setattr(Client, "account", stop)
        asked = cli(*picture[:-2], "--json")
    assert (asked.code, asked.json["error"]["code"]) == (1, "stopped")
    monkeypatch.setattr(Client, "submit", stop)
    ledger.reserve("x", "what it is", 5)
    ledger.release("x")
    unsent = cli(*picture, "--id", "x", "--json")
    assert (unsent.code, unsent.json["error"]["code"]) == (1, "stopped")
    ledger.reserve("x#2", "what it is", 5)
    ledger.submitting("x#2")
    lost = cli(*picture, "--id", "x", "--json")  # the last attempt counts
    assert (lost.code, lost.json["id"], lost.json["state"]) == (6, "x#2", "submitting")


def test_a_ledger_that_does_not_answer_is_no_word_that_nothing_was_sent(
    cli: Any, ledger: Ledger, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(Ledger, "get", _broken)
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "submit", stop)
    stopped = cli(*picture, "--id", "x", "--json")
    assert (stopped.code, stopped.json["id"], stopped.json["error"]["code"]) == (6, "x", "stopped")


def test_the_api_s_id_is_told_whatever_the_ledger_says(
    cli: Any, server: BillingServer, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Client.submit

    def then_broken(*given: Any, **terms: Any) -> Any:
        sent = submit(*given, **terms)
        monkeypatch.setattr(Ledger, "get", _broken)
        return sent

    monkeypatch.setattr(Client, "submit", then_broken)
    assert cli(*picture, "--json").json["project_id"] == server.jobs[-1].id


def test_a_job_that_could_not_be_booked_ends_with_six_and_its_id(
    cli: Any, ledger: Ledger, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unbooked(*_: Any, **__: Any) -> None:
        raise UncertainError("not written down", code="unbooked", id="x", project_id="c-1")

    monkeypatch.setattr(Client, "submit", unbooked)
    told = cli(*picture, "--id", "x", "--json")
    assert (told.code, told.json["id"], told.json["project_id"]) == (6, "x", "c-1")
    assert "budget recover x --found c-1" in cli(*picture, "--id", "x").err


def _broken(*_: Any, **__: Any) -> None:
    raise LedgerError("the disk is gone")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-usd", "much"], "--max-usd: 'much' is not a number"),
        (["--max-usd", "-1"], "--max-usd: must not be negative"),
        (["--max-credits", "1"], "may cost 5 credits, --max-credits allows 1"),
        (["--base-url", "http://example.com"], "--base-url: 'http://example.com' is not enc"),
        (["--run", "a\nb"], "--run: must be a line"),
        (["--project", "a\nb"], "--project: must be a line"),
        (["--id", "row-1#2"], "--id: must have at most"),
    ],
)
def test_people_are_told_of_the_option_that_they_typed(
    cli: Any, picture: list[str], options: list[str], said: str
) -> None:
    ended = cli(*picture, *options)
    assert ended.code in {2, 4}
    assert said in ended.err
    field = cli(*picture, *options, "--json").json["error"]["field"]
    assert field in {None, options[0].lstrip("-").replace("-", "_")}


def test_people_are_told_of_the_variable_of_the_token(
    cli: Any, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAGIC_HOUR_API_KEY")
    assert cli(*picture).err == "mh-preflight: MAGIC_HOUR_API_KEY is not set\n"
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", "with spaces")
    assert "mh-preflight: MAGIC_HOUR_API_KEY: must be at most" in cli(*picture).err
    assert cli(*picture, "--json").json["error"]["field"] == "token"


def test_a_field_of_the_request_keeps_its_name(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps({**PICTURE, "image_count": "many"}))
    ended = cli("submit", "ai-image-generator", "--request", "body.json", "--plan", "creator")
    assert (ended.code, "image_count" in ended.err) == (2, True)


# ------------------------------------------------------------------------------------- reconcile


def test_reconcile_walks_what_is_open_and_says_what_it_did(
    cli: Any, server: BillingServer, ledger: Ledger, lips: list[str], picture: list[str]
) -> None:
    assert cli("reconcile").out.startswith("Nothing is open: there was nothing to ask.\n")
    assert server.requests == []
    cli(*lips, "--id", "done")
    cli(*picture, "--id", "runs")
    server.finish(server.jobs[0].id, 330)
    ledger.reserve("lost", "what it is", 7)
    ledger.submitting("lost")
    ledger.unknown("lost")
    shown = cli("reconcile")
    assert shown.out.startswith("3 jobs: 1 settled, 1 running, 1 unknown; 330 credits booked")
    assert "! done: 30 credits more than it held" in shown.out
    assert "mh-preflight budget recover" in shown.out
    lines = [json.loads(line) for line in cli("reconcile", "--json").out.splitlines()]
    assert [(line["id"], line["did"]) for line in lines] == [
        ("runs", "running"),
        ("lost", "unknown"),
    ]


def test_reconcile_ends_with_three_where_the_api_cannot_be_asked(
    cli: Any, server: BillingServer, picture: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli(*picture, "--id", "row-1")
    server.stop()
    ended = cli("reconcile")
    assert (ended.code, "1 not asked" in ended.out) == (3, True)
    assert "cannot be reached" in ended.out
    monkeypatch.delenv("MAGIC_HOUR_API_KEY")
    assert cli("reconcile").code == 2


def test_what_was_sent_by_a_person_s_word_is_found(
    cli: Any, server: BillingServer, ledger: Ledger, picture: list[str]
) -> None:
    server.order("lost-answer", "POST", "/v1/ai-image-generator")
    cli(*picture, "--id", "row-1")
    (job,) = server.jobs
    cli("budget", "recover", "row-1", "--found", job.id)
    server.finish(job.id)
    cli("reconcile")
    entry = ledger.get("row-1")
    assert entry is not None
    assert (entry.state, entry.charged) == ("settled", server.spent)


def test_commands_that_send_explain_their_codes(cli: Any) -> None:
    assert "MAGIC_HOUR_API_KEY" in cli("submit", "--help").out
    assert "MAGIC_HOUR_API_KEY" in cli("reconcile", "--help").out


def test_a_hold_of_another_project_is_left_alone(
    cli: Any, ledger: Ledger, picture: list[str]
) -> None:
    ledger.set_budget(Budget.of(credits=10, per="ever", project="a"))
    ledger.reserve("x", "what it is", 10, scope=Scope("a"))
    assert cli(*picture, "--project", "b").code == 0
    assert cli(*picture, "--project", "a").code == 4
