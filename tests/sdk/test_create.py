"""Every tool's `create`, sent by the SDK itself: held before, written down after, settled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from guarding_sdk import FACTS, PRICED, UNPRICED, Both, example, facts_of, only, tool_of

from mh_preflight import (
    FindingsError,
    InputError,
    JobError,
    Media,
    OverLimitError,
    UnknownRateError,
)
from mh_preflight.budget import Budget, BudgetError, Ledger, Policy, Rule, State, StateError
from mh_preflight.budget.policy import Action
from mh_preflight.errors import DeniedError
from mh_preflight.sdk import guard, with_id
from mh_preflight.sdk.spending import Remembered

LIP_SYNC = "lip-sync"


@pytest.mark.parametrize("endpoint", PRICED)
def test_every_tool_is_held_sent_as_it_is_and_settled(
    endpoint: str, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    body = example(endpoint)
    client = sdk.guarded(media=facts_of(endpoint), plan="business")
    created = sdk.call(tool_of(client, endpoint).create, **body)
    plain = sdk.call(tool_of(sdk.raw(), endpoint).create, **example(endpoint))
    guarded, raw = server.jobs
    assert guarded.body == raw.body
    assert type(created) is type(plain)
    assert body == example(endpoint)
    entry = only(ledger)
    assert (entry.state, entry.project_id) == (State.SUBMITTED, created.id)
    assert entry.credits >= created.credits_charged
    assert entry.scope.endpoint == endpoint
    projects = getattr(client.v1, f"{guarded.kind}_projects")
    sdk.call(projects.get, id=created.id)
    assert only(ledger).state is State.SUBMITTED
    made = sdk.call(
        projects.check_result, id=created.id, wait_for_completion=True, download_outputs=False
    )
    entry = only(ledger)
    assert (entry.state, entry.charged) == (State.SETTLED, made.credits_charged)
    assert made.credits_charged == guarded.charged
    assert server.leaks == []


@pytest.mark.parametrize("endpoint", sorted(UNPRICED))
def test_a_tool_without_a_rate_is_not_sent(
    endpoint: str, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    client = sdk.guarded(media=facts_of(endpoint), plan="business")
    with pytest.raises(UnknownRateError):
        sdk.call(tool_of(client, endpoint).create, **example(endpoint))
    assert (server.requests, list(ledger.entries())) == ([], [])


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_what_failed_is_settled_at_what_the_server_says(
    end: str, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    server.polls = None
    client = sdk.guarded(media=facts_of(LIP_SYNC))
    created = sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    getattr(server, end)(created.id)
    said = sdk.call(client.v1.video_projects.get, id=created.id)
    assert said.status in {"error", "canceled"}
    entry = only(ledger)
    assert (entry.state, entry.charged) == (State.SETTLED, server.spent)
    sdk.call(client.v1.video_projects.get, id=created.id)
    sdk.call(client.v1.video_projects.delete, id=created.id)
    assert sdk.call(client.v1.account.list).credits == server.balance


BUDGETS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"budget": 149}, BudgetError),
    ({"budget": Budget.of(credits=149, per="job")}, BudgetError),
    ({"budget": [Budget.of(usd="0.01", per="day")]}, BudgetError),
    ({"budgets": [Budget.of(credits=149, per="ever")]}, BudgetError),
    ({"policy": Policy(budgets=(Budget.of(credits=1, per="month"),))}, DeniedError),
    ({"policy": Policy(rules=(Rule(Action.DENY),))}, DeniedError),
    ({"policy": Policy(default=Action.ASK)}, DeniedError),
    ({"policy": Policy(default=Action.ASK), "confirm": lambda *_: False}, DeniedError),
]


@pytest.mark.parametrize(("terms", "kind"), BUDGETS)
def test_what_does_not_fit_is_refused_before_anything_leaves(
    terms: dict[str, Any], kind: type[Exception], sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    client = sdk.guarded(media=facts_of(LIP_SYNC), **terms)
    with pytest.raises(kind):
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    assert (server.requests, list(ledger.entries())) == ([], [])


def test_a_run_has_one_budget(sdk: Both, server: BillingServer, ledger: Ledger) -> None:
    terms: dict[str, Any] = {"media": facts_of(LIP_SYNC), "budget": 300}
    client = sdk.guarded(**terms)
    for _ in range(2):
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    with pytest.raises(BudgetError, match="a run"):
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    sdk.call(sdk.guarded(**terms).v1.lip_sync.create, **example(LIP_SYNC))
    assert len(server.jobs) == 3
    assert len({entry.scope.run for entry in ledger.entries()}) == 2


def test_a_ledger_is_a_budget_and_confirm_is_told_why(sdk: Both, ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=200, per="day"))
    told: list[Any] = []

    def confirm(*why: Any) -> bool:
        told.append(why)
        return True

    client = sdk.guarded(
        budget=ledger,
        ledger=None,
        confirm=confirm,
        policy=Policy(rules=(Rule(Action.ASK, credits_above=100),), plan="creator"),
        plan=None,
        project="trailer",
        media=facts_of(LIP_SYNC),
    )
    sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    ((report, reasons),) = told
    assert (report.settings.plan, reasons) == ("creator", ("ask: more than 100 credits",))
    assert only(ledger).scope.project == "trailer"
    with pytest.raises(BudgetError):
        sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))


# ---- what is known of files that lie elsewhere


def test_an_upload_of_the_guarded_client_is_known(
    here: Path, sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    client = sdk.guarded()
    with (here / "clip.mp4").open("rb") as file:
        video = sdk.call(client.v1.files.upload_file, file=file)
    audio = sdk.call(client.v1.files.upload_file, file=here / "voice.wav")
    assert sdk.call(client.v1.files.upload_file, file=audio) == audio
    created = sdk.call(
        client.v1.lip_sync.create,
        assets={"video_source": "file", "video_file_path": video, "audio_file_path": audio},
        start_seconds=0,
        end_seconds=2,
    )
    assert (created.credits_charged, only(ledger).credits) == (60, 120)


def test_of_many_uploads_the_last_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mh_preflight.sdk.spending.MOST_REMEMBERED", 2)
    uploads = Remembered()
    for name in "abc":
        uploads.keep(name, FACTS["video"])
    assert [uploads.get(name) for name in "abc"] == [None, FACTS["video"], FACTS["video"]]


def test_a_file_that_is_no_media_is_uploaded_and_known_of_nothing(
    here: Path, sdk: Both, server: BillingServer
) -> None:
    (here / "notes.mp4").write_text("no film")
    client = sdk.guarded()
    path = sdk.call(client.v1.files.upload_file, file=str(here / "notes.mp4"))
    assert path in server.uploads


def test_without_a_bound_it_is_refused_unless_the_caller_says_how_much(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    with pytest.raises(OverLimitError, match="unbounded_credits"):
        sdk.call(sdk.guarded().v1.lip_sync.create, **unlimited())
    assert server.requests == []
    sdk.call(sdk.guarded(unbounded_credits=400).v1.lip_sync.create, **unlimited())
    assert only(ledger).credits == 400
    with pytest.raises(BudgetError):
        sdk.call(sdk.guarded(unbounded_credits=400, budget=399).v1.lip_sync.create, **unlimited())
    facts = {"video_file_path": FACTS["video"]}
    sdk.call(sdk.guarded(media=facts).v1.lip_sync.create, **unlimited())
    assert [entry.credits for entry in ledger.entries()] == [400, 150]


def unlimited() -> dict[str, Any]:
    body = example(LIP_SYNC)
    del body["max_fps_limit"]
    return body


# ---- the caller's own id


def test_an_id_is_sent_once(sdk: Both, server: BillingServer, ledger: Ledger) -> None:
    client = sdk.guarded(media=facts_of(LIP_SYNC))
    mine = with_id(client, "row-1")
    assert type(mine) is type(client)
    created = sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    for again in (mine, with_id(client, "row-1")):
        with pytest.raises(StateError, match=created.id) as raised:
            sdk.call(again.v1.lip_sync.create, **example(LIP_SYNC))
        assert raised.value.code == "sent-before"
    with pytest.raises(InputError, match="another job"):
        sdk.call(mine.v1.lip_sync.create, **unlimited())
    assert [entry.id for entry in ledger.entries()] == ["row-1"]
    assert len(server.jobs) == 1


def test_an_id_that_was_refused_is_sent_again_and_one_that_is_unknown_is_not(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    mine = with_id(sdk.guarded(media=facts_of(LIP_SYNC)), "row-1")
    server.order("status", status=422)
    with pytest.raises(Exception, match="422"):
        sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    server.order("lost-answer")
    with pytest.raises(Exception, match="disconnected"):
        sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    with pytest.raises(StateError, match="unknown"):
        sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    states = {entry.id: entry.state for entry in ledger.entries()}
    assert states == {"row-1": State.RELEASED, "row-1#2": State.UNKNOWN}
    assert len(server.jobs) == 1


def test_another_caller_of_the_same_id_is_not_disturbed(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    client = sdk.guarded(media=facts_of(LIP_SYNC), confirm=lambda *_: ledger.submitting("row-1"))
    mine = with_id(client, "row-1")
    server.stop()
    with pytest.raises(Exception, match=r"[Cc]onnect"):
        sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    ledger.reserve("row-1#2", only(ledger).fingerprint, 150)
    ledger.submitting("row-1#2")
    server.start()
    with pytest.raises(StateError, match="submitting"):
        sdk.call(mine.v1.lip_sync.create, **example(LIP_SYNC))
    entry = ledger.get("row-1#2")
    assert entry is not None
    assert (entry.state, server.jobs) == (State.SUBMITTING, [])


# ---- what it is put into


def test_the_client_that_was_handed_over_stays_as_it_is(sdk: Both, server: BillingServer) -> None:
    raw = sdk.raw()
    client = guard(raw, ledger=sdk.ledger, budget=0)
    sdk.call(raw.v1.lip_sync.create, **example(LIP_SYNC))
    assert len(server.jobs) == 1
    assert isinstance(client.v1.lip_sync, type(raw.v1.lip_sync))
    assert client.v1.lip_sync.generate.__doc__ == raw.v1.lip_sync.generate.__doc__
    assert vars(raw.v1.lip_sync).keys() == {"_base_client"}
    assert "request" not in vars(raw._base_client)  # noqa: SLF001


def test_wrong_arguments_are_refused(sdk: Both, tmp_path: Path) -> None:
    raw, wrong = sdk.raw(), tmp_path / "l.sqlite"
    no: Any
    for no in (
        {"plan": "gold"},
        {"budget": -1},
        {"budget": True},
        {"budget": "500"},
        {"budget": sdk.ledger, "ledger": wrong},
        {"policy": "mh-preflight.toml"},
        {"media": {"x": 1}},
        {"preflight": {"plan": "pro"}},
        {"unbounded_credits": 1.5},
        {"project": ""} | {"run": ""},
    ):
        with pytest.raises(InputError):
            guard(raw, **({"ledger": wrong} | no))
    for client in (object(), raw.v1, guard(raw, ledger=sdk.ledger)):
        with pytest.raises(InputError, match="client"):
            guard(client, ledger=sdk.ledger)
    with pytest.raises(InputError, match="what guard gave"):
        with_id(raw, "row-1")


def test_what_is_not_known_and_may_cost_is_not_sent(sdk: Both, server: BillingServer) -> None:
    base = sdk.guarded()._base_client  # noqa: SLF001  what every part of the SDK sends by
    for method, path in (("POST", "/v1/ai-hologram"), ("PUT", "/v1/lip-sync"), ("post", "/v2/x")):
        with pytest.raises(InputError, match="not known here"):
            sdk.call(base.request, method=method, path=path, cast_to=object)
        with pytest.raises(InputError, match="not known here"):
            base.stream_request(method=method, path=path, cast_to=object)
    with pytest.raises(InputError, match="stream"):
        base.stream_request(method="POST", path="/v1/lip-sync", cast_to=object)
    assert server.requests == []


def test_a_job_that_is_wrong_is_not_sent(sdk: Both, server: BillingServer, ledger: Ledger) -> None:
    client = sdk.guarded(media=facts_of(LIP_SYNC))
    backwards = example(LIP_SYNC) | {"start_seconds": 9.0}
    with pytest.raises(JobError):
        sdk.call(client.v1.lip_sync.create, **backwards)
    short = Media.given("video", fps=24, duration_seconds=1)
    late = example(LIP_SYNC) | {"start_seconds": 3.0, "end_seconds": 4.0}
    with pytest.raises(FindingsError):
        sdk.call(
            sdk.guarded(media={"video_file_path": short}, strict=True).v1.lip_sync.create, **late
        )
    assert (server.requests, list(ledger.entries())) == ([], [])


def test_a_face_is_looked_for_without_a_hold(
    sdk: Both, server: BillingServer, ledger: Ledger
) -> None:
    body = {"assets": {"target_file_path": "api-assets/id/1234.mp4"}}
    given = copy.deepcopy(body)
    with pytest.raises(Exception, match="404"):  # the server has none, but was asked
        sdk.call(sdk.guarded().v1.face_detection.create, **body)
    assert len(server.requests) == 1
    assert (body, list(ledger.entries())) == (given, [])


def test_the_ledger_that_was_opened_here_is_closed(
    sdk: Both, tmp_path: Path, server: BillingServer
) -> None:
    client = sdk.guarded(ledger=tmp_path / "own.sqlite", media=facts_of(LIP_SYNC))
    sdk.call(client.v1.lip_sync.create, **example(LIP_SYNC))
    del client
    with Ledger(tmp_path / "own.sqlite") as ledger:
        assert only(ledger).state is State.SUBMITTED
