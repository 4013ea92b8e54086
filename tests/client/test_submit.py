"""A job is sent once, and its credits are held before and booked after."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from clienting import FAR, Make, far_lip_sync, lip_sync, picture

from mh_preflight import (
    FindingsError,
    OverLimitError,
    Report,
    UnknownRateError,
    errors,
    job,
    preflight,
)
from mh_preflight.budget import (
    Action,
    Budget,
    BudgetError,
    ConflictError,
    Ledger,
    Policy,
    Rule,
    Scope,
    StateError,
)
from mh_preflight.client.bodies import Answer
from mh_preflight.client.refusals import refusal
from mh_preflight.client.sending import label_of
from mh_preflight.client.token import Token
from mh_preflight.errors import InputError
from mh_preflight.jobs import ENDPOINTS


def test_a_job_is_held_created_rendered_and_booked(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    sent = client.submit(far_lip_sync(), id="row-1", project="trailer", preflight=FAR)
    assert (sent.credits_charged, sent.repeated, sent.endpoint) == (300, False, "lip-sync")
    assert server.job(sent.id).body["name"] == label_of(sent.entry)
    held = ledger.get("row-1")
    assert held == sent.entry
    assert held is not None
    assert (held.state, held.credits, held.project_id) == ("submitted", 300, sent.id)
    assert (held.scope.project, held.scope.endpoint) == ("trailer", "lip-sync")
    server.finish(sent.id)
    ended = client.wait(sent)
    assert (ended.status, ended.credits_charged, len(ended.downloads)) == ("complete", 240, 1)
    booked = ledger.get("row-1")
    assert booked is not None
    assert (booked.state, booked.charged) == ("settled", 240)
    assert server.spent == 240


def test_the_same_id_sends_nothing_and_gives_the_same(client: Any, server: BillingServer) -> None:
    first = client.submit(picture(), id="row-1")
    again = client.submit(picture(), id="row-1")
    assert again.repeated
    assert (again.id, again.entry) == (first.id, first.entry)
    server.finish(first.id)
    client.settle("row-1")
    assert client.submit(picture(), id="row-1").credits_charged == server.spent
    assert len(server.jobs) == 1


def test_no_id_is_an_id_that_nobody_has(client: Any, server: BillingServer) -> None:
    assert client.submit(picture()).entry.id != client.submit(picture()).entry.id
    assert len(server.jobs) == 2


def test_an_id_is_for_one_job_alone(client: Any, server: BillingServer) -> None:
    client.submit(picture(), id="row-1")
    with pytest.raises(ConflictError):
        client.submit(picture(count=2), id="row-1")
    assert len(server.jobs) == 1


@pytest.mark.parametrize("wrong", ["", "a\nb", "x" * 300, "row-1#2"])
def test_an_id_is_a_line(client: Any, wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        client.submit(picture(), id=wrong)
    assert caught.value.field == "id"


def test_without_a_ledger_an_id_is_not_sent_twice_either(make: Make, server: BillingServer) -> None:
    client = make(ledger=None)
    first = client.submit(picture(), id="row-1")
    assert client.submit(picture(), id="row-1").id == first.id
    with pytest.raises(ConflictError):
        client.submit(picture(count=2), id="row-1")
    server.finish(first.id)
    assert client.wait("row-1").status == "complete"
    assert client.submit(picture(), id="row-1").credits_charged == server.spent
    assert len(server.jobs) == 1


def test_a_name_of_ones_own_is_left_alone(client: Any, make: Make, server: BillingServer) -> None:
    client.submit(picture("mine"))
    make(label=False).submit(picture())
    assert [each.name for each in server.jobs] == ["mine", None]


def test_what_the_api_would_refuse_is_not_sent(client: Any, server: BillingServer) -> None:
    with pytest.raises(FindingsError):
        client.submit(far_lip_sync(40.0), preflight={**FAR, "strict": True})
    assert server.requests_to("POST", "/v1/") == []


def test_what_may_cost_too_much_or_nobody_knows_what_is_not_sent(
    client: Any, server: BillingServer
) -> None:
    with pytest.raises(OverLimitError):
        client.submit(far_lip_sync(), max_credits=299, preflight=FAR)
    with pytest.raises(OverLimitError, match="no upper bound"):
        client.submit(far_lip_sync(), preflight={"offline": True})
    with pytest.raises(UnknownRateError):
        client.submit(picture(model="tomorrow"))
    with pytest.raises(InputError, match="an argument of its own"):
        client.submit(picture(), preflight={"plan": "pro"})
    assert server.requests_to("POST", "/v1/") == []


def test_a_report_is_sent_as_it_was_priced(client: Any, server: BillingServer) -> None:
    report = preflight(far_lip_sync(), plan="creator", media=FAR["media"])
    assert isinstance(report, Report)
    assert client.submit(report).credits_charged == 300
    with pytest.raises(InputError):
        client.submit("lip-sync")


def test_the_api_is_asked_for_the_plan(make: Make, server: BillingServer, ledger: Ledger) -> None:
    server.plan = "pro"
    sent = make(plan=None).submit(far_lip_sync(), preflight=FAR)
    assert sent.entry.estimate["plan"] == "pro"


def test_too_low_a_balance_refuses_a_job_before_it_is_sent(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    server.balance = 299
    with pytest.raises(errors.LowBalanceError, match="1 are missing") as caught:
        client.submit(far_lip_sync(), preflight=FAR)
    assert (caught.value.balance, caught.value.needed, caught.value.missing) == (299, 300, 1)
    assert server.requests_to("POST", "/v1/") == []
    assert list(ledger.entries()) == []


def test_a_balance_below_the_hold_warns(client: Any, server: BillingServer) -> None:
    media = {**FAR["media"], "video_file_path": FAR["media"]["video_file_path"].but_given(fps=60)}
    server.balance = 300
    sent = client.submit(far_lip_sync(), preflight={"media": media})
    assert sent.entry.credits == 600
    assert "balance-below-hold" in [each.code for each in sent.warnings]


def test_the_balance_is_asked_for_only_where_it_is_to_be(make: Make, server: BillingServer) -> None:
    make(check_balance=False).submit(picture())
    assert server.requests_to("GET", "/v1/account") == []


def test_account(client: Any) -> None:
    found = client.account()
    assert (found.credits, found.plan) == (100_000, "creator")


def test_a_budget_that_is_full_refuses(client: Any, server: BillingServer, ledger: Ledger) -> None:
    ledger.set_budget(Budget.of(credits=500, per="day"))
    client.submit(far_lip_sync(), preflight=FAR)
    with pytest.raises(BudgetError):
        client.submit(far_lip_sync(), preflight=FAR)
    assert len(server.jobs) == 1


def test_what_is_refused_here_is_refused_before_the_api_is_asked(
    make: Make, server: BillingServer, ledger: Ledger
) -> None:
    denying = make(policy=Policy(rules=(Rule(Action.DENY),)))
    with pytest.raises(errors.DeniedError):
        denying.submit(far_lip_sync(), preflight=FAR)
    with pytest.raises(OverLimitError):
        make().submit(far_lip_sync(), max_credits=299, preflight=FAR)
    with pytest.raises(OverLimitError):
        make().submit(far_lip_sync(), max_usd="0.01", preflight=FAR)
    ledger.set_budget(Budget.of(credits=299, per="job"))
    with pytest.raises(BudgetError):
        make().submit(far_lip_sync(), preflight=FAR)
    assert server.requests == []


def test_a_glance_at_the_budgets_does_not_stand_in_for_the_hold(
    client: Any, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.set_budget(Budget.of(credits=299, per="day"))
    monkeypatch.setattr(Ledger, "check", lambda *_, **__: None)
    with pytest.raises(BudgetError):
        client.submit(far_lip_sync(), preflight=FAR)
    assert server.requests_to("POST", "/v1/") == []


def test_room_that_another_caller_of_the_same_id_took_refuses_nobody(
    make: Make, server: BillingServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.set_budget(Budget.of(credits=300, per="day"))
    check = Ledger.check

    def late(*given: Any, **more: Any) -> None:
        monkeypatch.setattr(Ledger, "check", check)
        make().submit(far_lip_sync(), id="row-1", preflight=FAR)
        check(*given, **more)

    monkeypatch.setattr(Ledger, "check", late)
    assert make().submit(far_lip_sync(), id="row-1", preflight=FAR).repeated
    assert len(server.jobs) == 1


def test_a_policy_denies_warns_and_asks(make: Make, server: BillingServer) -> None:
    def under(action: Action) -> Any:
        return make(policy=Policy(rules=(Rule(action, credits_above=100, reason="ask Ann"),)))

    with pytest.raises(errors.DeniedError, match="ask Ann") as denied:
        under(Action.DENY).submit(far_lip_sync(), preflight=FAR)
    assert denied.value.code == "denied"
    for answer in (None, lambda *_: False, lambda *_: "no"):
        with pytest.raises(errors.DeniedError) as asked:
            under(Action.ASK).submit(far_lip_sync(), preflight=FAR, confirm=answer)
        assert asked.value.code == "not-confirmed"
    assert server.jobs == []
    told: list[Any] = []

    def confirm(*given: Any) -> bool:
        told.extend(given)
        return True

    under(Action.ASK).submit(far_lip_sync(), preflight=FAR, confirm=confirm)
    assert isinstance(told[0], Report)
    assert told[1] == ("ask Ann",)
    sent = under(Action.WARN).submit(far_lip_sync(), preflight=FAR)
    assert ("policy", "ask Ann") in [(each.code, each.message) for each in sent.warnings]


def test_budgets_of_a_policy_are_kept_in_a_ledger(make: Make) -> None:
    policy = Policy(budgets=(Budget.of(credits=500, per="day"),))
    with pytest.raises(InputError, match="give one"):
        make(policy=policy, ledger=None)
    client = make(policy=policy)
    client.submit(far_lip_sync(), preflight=FAR)
    with pytest.raises(BudgetError):
        client.submit(far_lip_sync(), preflight=FAR)


def test_many_callers_of_one_id_send_one_job(make: Make, server: BillingServer) -> None:
    def attempt(_: int) -> str:
        client = make()
        try:
            return str(client.submit(picture(), id="row-1").id)
        except errors.UncertainError as error:
            return error.code

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(attempt, range(16)))
    assert len(server.jobs) == 1
    assert found - {"sent-before"} == {server.jobs[0].id}


def test_what_was_refused_may_be_attempted_again(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    for number in (1, 2):
        server.order("status", "POST", "/v1/ai-image", status=402)
        with pytest.raises(errors.InsufficientCreditsError) as caught:
            client.submit(picture(), id="row-1")
        assert caught.value.id == ("row-1" if number == 1 else "row-1#2")
    sent = client.submit(picture(), id="row-1")
    assert sent.entry.id == "row-1#3"
    assert client.submit(picture(), id="row-1").id == sent.id
    assert client.status("row-1").id == sent.id
    assert [each.state for each in ledger.entries()] == ["released", "released", "submitted"]
    with pytest.raises(ConflictError):
        client.submit(picture(count=2), id="row-1")


def test_an_entry_that_was_reserved_at_less_is_not_sent(
    client: Any, ledger: Ledger, server: BillingServer
) -> None:
    from mh_preflight.budget.reserving import fingerprint

    scope = Scope(endpoint="ai-image-generator")
    ledger.reserve("row-1", fingerprint(picture(), {}), 1, scope=scope)
    with pytest.raises(StateError, match="expires by itself"):
        client.submit(picture(), id="row-1")
    assert server.jobs == []


def test_an_entry_that_was_left_reserved_is_sent(
    client: Any, ledger: Ledger, server: BillingServer
) -> None:
    from mh_preflight.budget.reserving import fingerprint

    scope = Scope(endpoint="ai-image-generator")
    ledger.reserve("row-1", fingerprint(picture(), {}), 100, scope=scope)
    assert client.submit(picture(), id="row-1").entry.state == "submitted"


@pytest.mark.parametrize("left", ["submitting", "unknown"])
def test_what_may_have_been_sent_is_not_sent_again(
    client: Any, ledger: Ledger, server: BillingServer, left: str
) -> None:
    from mh_preflight.budget.reserving import fingerprint

    ledger.reserve("row-1", fingerprint(picture(), {}), 100)
    ledger.submitting("row-1")
    if left == "unknown":
        ledger.unknown("row-1")
    with pytest.raises(errors.UncertainError) as caught:
        client.submit(picture(), id="row-1")
    assert caught.value.code == "sent-before"
    with pytest.raises(StateError):
        client.wait("row-1")
    assert server.jobs == []


def test_every_endpoint_has_its_projects_where_the_api_keeps_them() -> None:
    from billing_server import kind_of

    from mh_preflight.client.calls import medium_of

    assert {each: medium_of(each) for each in ENDPOINTS} == {
        each: kind_of(each) for each in ENDPOINTS
    }


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("ai-voice-generator", {"style": {"prompt": "hello there", "voice_name": "Elon Musk"}}),
        ("text-to-video", {"end_seconds": 5, "style": {"prompt": "a lighthouse"}}),
        ("ai-meme-generator", {"style": {"template": "Drake", "topic": "tests"}}),
    ],
)
def test_other_endpoints_are_sent_and_settled(
    make: Make, server: BillingServer, endpoint: str, body: dict[str, Any]
) -> None:
    client = make()
    sent = client.submit(job(endpoint, **body))
    server.finish(sent.id)
    assert client.wait(sent.entry.id).credits_charged == server.spent
    assert client.status(sent.id).ended  # by the API's own id


def test_status_of_a_job_that_the_ledger_does_not_know(make: Make, server: BillingServer) -> None:
    sent = make().submit(picture())
    other = make(ledger=None)
    assert other.status(sent.id).medium == "image"
    with pytest.raises(errors.RefusedError):
        other.status("c0123456789abcdef01234567")
    assert other.settle(sent.id).did == "not-ours"
    for wrong in ("", "a/b", "../account", 7):
        with pytest.raises(InputError):
            other.status(wrong)


def test_a_job_priced_on_another_plan_is_not_sent_where_it_costs_otherwise(
    make: Make, server: BillingServer, ledger: Ledger
) -> None:
    film = job("text-to-video", end_seconds=5, style={"prompt": "a fox"})
    server.plan = "creator"
    with pytest.raises(InputError, match="priced on free, and the account is on creator") as caught:
        make(plan="free").submit(film)
    assert (caught.value.code, caught.value.field) == ("other-plan", "plan")
    assert (server.jobs, list(ledger.entries())) == ([], [])
    server.plan = "free"
    edited = job(
        "ai-video-editor",
        assets={"video_file_path": "https://example.com/v.mp4"},
        end_seconds=5,
        style={"prompt": "rain"},
    )
    with pytest.raises(InputError, match="where it has no known rate"):
        make(plan="creator").submit(edited)
    assert server.jobs == []
    server.plan = "creator"
    same = make(plan="pro").submit(picture())
    assert server.job(same.id).charged == same.credits_charged


def test_wait_tells_and_gives_up(client: Any, server: BillingServer, ledger: Ledger) -> None:
    told: list[str | None] = []
    sent = client.submit(picture(), id="row-1")
    with pytest.raises(errors.DeadlineError) as caught:
        client.wait(
            sent, deadline=0.2, poll_seconds=0.05, progress=lambda each: told.append(each.status)
        )
    assert set(told) == {"queued"}
    assert caught.value.message == f"{sent.id} is queued after 0.2 s"
    assert (caught.value.id, caught.value.project_id) == ("row-1", sent.id)
    entry = ledger.get("row-1")
    assert entry is not None
    assert entry.state == "submitted"


def test_wait_outlasts_a_server_that_fails(client: Any, server: BillingServer) -> None:
    sent = client.submit(picture())
    server.finish(sent.id)
    for fault in ("status", "broken-json", "reset-before", "lost-answer", "deep-json"):
        server.order(fault, "GET", "/v1/image-projects/", times=4)
    assert client.wait(sent, poll_seconds=0.01, deadline=10).status == "complete"


@pytest.mark.parametrize(("end", "status"), [("fail", "error"), ("cancel", "canceled")])
def test_what_failed_or_was_canceled_costs_nothing(
    client: Any, server: BillingServer, ledger: Ledger, end: str, status: str
) -> None:
    sent = client.submit(far_lip_sync(), id="row-1", preflight=FAR)
    getattr(server, end)(sent.id)
    assert client.wait("row-1").status == status
    entry = ledger.get("row-1")
    assert entry is not None
    assert (entry.state, entry.charged) == ("settled", 0)


def test_what_settles_at_more_is_booked_as_more(
    client: Any, server: BillingServer, ledger: Ledger
) -> None:
    sent = client.submit(far_lip_sync(), id="row-1", preflight=FAR)
    server.finish(sent.id, credits=750)
    assert client.settle(sent).did == "settled"
    assert client.settle(sent).did == "settled-before"
    entry = ledger.get("row-1")
    assert entry is not None
    assert (entry.charged, entry.overrun) == (750, 450)


def test_deadlines_are_numbers_of_seconds(client: Any, make: Make) -> None:
    for wrong in (0, -1, float("nan"), float("inf"), True, "5", 10**9):
        with pytest.raises(InputError):
            client.submit(picture(), deadline=wrong)
        with pytest.raises(InputError):
            make(timeout=wrong)


def test_files_that_change_after_they_were_priced_are_not_sent(
    client: Any, server: BillingServer, samples_folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    for name in ("clip.mp4", "voice.wav"):
        (tmp_path / name).write_bytes((samples_folder / name).read_bytes())
    report = preflight(lip_sync(tmp_path), plan="creator", isolation="none")
    with (tmp_path / "voice.wav").open("ab") as file:
        file.write(b"more")
    from mh_preflight import MediaError

    with pytest.raises(MediaError) as caught:
        client.submit(report)
    assert caught.value.code == "changed"
    assert server.requests_to("POST", "/v1/") == []


def test_no_wait_outlives_the_time_after_which_a_job_is_taken_for_lost(
    client: Any, server: BillingServer
) -> None:
    with pytest.raises(InputError, match="taken for lost"):
        client.submit(picture(), id="row-1", patience=3600)
    assert server.jobs == []


def test_what_was_ended_while_the_api_was_waited_for_is_not_sent(
    client: Any, ledger: Ledger, server: BillingServer
) -> None:
    server.order("status", status=429, headers={"Retry-After": "1"})
    real = ledger.get
    ended: list[str] = []

    def get(id: str) -> Any:  # noqa: A002
        entry = real(id)
        if entry is not None and entry.state == "submitting" and not ended:
            ended.append(id)
            ledger.unknown(id)
            ledger.release(id, word="a person")
            entry = real(id)
        return entry

    ledger.get = get  # type: ignore[method-assign]
    with pytest.raises(StateError, match="ended by somebody"):
        client.submit(picture(), id="row-1", patience=30)
    assert server.jobs == []
    assert ended == ["row-1"]


def test_no_part_of_the_token_is_left_where_a_message_is_cut() -> None:
    token = Token("mhk_live_" + "S3CRET" * 8)
    words = "x" * 280 + " " + "mhk_live_" + "S3CRET" * 8
    answer = Answer(422, body=json.dumps({"message": words}).encode())
    assert "S3CRET" not in refusal(answer, scrub=token).message


def test_a_report_is_not_sent_on_another_plan(client: Any) -> None:
    report = preflight(picture(), plan="creator")
    other: list[dict[str, Any]] = [{"plan": "free"}, {"preflight": {"media": {}}}]
    for more in other:
        with pytest.raises(errors.InputError):
            client.submit(report, **more)
