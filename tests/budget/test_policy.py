from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mh_preflight as mh
from mh_preflight.budget import Action, Budget, Policy, PolicyError, Rule, Scope

WHOLE = """
plan = "creator"
zone = "Europe/Berlin"
default = "ask"

[[budgets]]
credits = 50_000
per = "month"

[[budgets]]
usd = "12.50"
per = "day"
project = "trailer"
endpoint = "lip-sync"
zone = "UTC"

[[rules]]
action = "allow"
endpoint = ["lip-sync", "ai-talking-photo"]
credits_above = 0

[[rules]]
action = "deny"
plan = ["free"]
finding = "{finding}"
project = "trailer"
usd_above = 5.5
reason = "ask Ann first"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mh-preflight.toml"


def test_a_policy_says_what_its_file_says(path: Path) -> None:
    from mh_preflight.checks import CODES

    finding = next(iter(CODES))
    path.write_text(WHOLE.replace("{finding}", finding))
    policy = Policy.load(path)
    assert policy == Policy(
        budgets=(
            Budget.of(credits=50_000, per="month", zone="Europe/Berlin"),
            Budget.of(usd="12.50", per="day", project="trailer", endpoint="lip-sync"),
        ),
        rules=(
            Rule(
                Action.ALLOW,
                endpoints=frozenset({"lip-sync", "ai-talking-photo"}),
                credits_above=0,
            ),
            Rule(
                Action.DENY,
                projects=frozenset({"trailer"}),
                plans=frozenset({"free"}),
                findings=frozenset({finding}),
                usd_above=Fraction(11, 2),
                reason="ask Ann first",
            ),
        ),
        default=Action.ASK,
        plan="creator",
        source=str(path),
    )


def test_the_example_of_the_module_loads(path: Path) -> None:
    from mh_preflight.budget import policy as module

    lines = (module.__doc__ or "").partition("::\n")[2].partition("Of the rules")[0].splitlines()
    path.write_text("\n".join(line[4:] for line in lines))
    policy = Policy.load(path)
    assert len(policy.budgets) == len(policy.rules) == 1


def test_an_empty_file_allows_everything(path: Path) -> None:
    path.write_text("")
    decision = Policy.load(path).decide(Scope(), credits=None)
    assert (decision.action, decision.reasons, decision.budgets) == ("allow", (), ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plan = 'gold'", "plan must be one of free, creator, pro, business"),
        ("colour = 'red'", "colour is not known; known are budgets, default, plan, rules, zone"),
        ("default = 'maybe'", "default must be one of allow, warn, ask, deny"),
        ("zone = 'Mars'", "zone 'Mars' is no time zone"),
        ("zone = 7", "zone must be a line of text"),
        ("budgets = 7", "budgets must be tables, each headed"),
        ("budgets = [7]", "budgets[0] must be a table"),
        ("[[budgets]]\ncredits = 7", "budgets[0].per is missing: one of job, run, day"),
        ("[[budgets]]\nper = 'day'", "budgets[0].credits or usd must be given"),
        ("[[budgets]]\nper = 'day'\ncredits = 1\nusd = 1", "budgets[0].credits or usd"),
        ("[[budgets]]\nper = 'week'\ncredits = 1", "budgets[0].per must be one of job, run"),
        ("[[budgets]]\nper = 'day'\ncredits = 1.5", "budgets[0].credits must be a whole number"),
        ("[[budgets]]\nper = 'day'\ncredits = true", "budgets[0].credits must be a whole"),
        ("[[budgets]]\nper = 'day'\ncredits = -1", "budgets[0].credits must be a whole number"),
        ("[[budgets]]\nper = 'day'\nusd = nan", "budgets[0].usd not a number"),
        ("[[budgets]]\nper = 'day'\nusd = -1", "budgets[0].usd must be a number, not below 0"),
        ("[[budgets]]\nper = 'day'\nusd = 'x'", "budgets[0].usd 'x' is not a number"),
        (
            "[[budgets]]\nper = 'day'\ncredits = 1\nendpoint = 'lipsync'",
            "is not known: did you mean lip-sync",
        ),
        ("[[budgets]]\nper = 'day'\ncredits = 1\nproject = ''", "budgets[0].project must be"),
        ("[[budgets]]\nper = 'day'\ncredits = 1\nlimit = 5", "budgets[0].limit is not known"),
        ("[[rules]]\nendpoint = 'lip-sync'", "rules[0].action is missing"),
        ("[[rules]]\naction = 'allow'\n[[rules]]\naction = 'no'", "rules[1].action must be one"),
        ("[[rules]]\naction = 'deny'\nendpoint = []", "rules[0].endpoint is an empty list"),
        ("[[rules]]\naction = 'deny'\nendpoint = 7", "rules[0].endpoint '7' is not known"),
        ("[[rules]]\naction = 'deny'\nendpoint = {}", "rules[0].endpoint '{}' is not known"),
        ("[[rules]]\naction = 'deny'\nfinding = 'typo'", "rules[0].finding 'typo' is not known"),
        ("[[rules]]\naction = 'deny'\nplan = 'gold'", "rules[0].plan 'gold' is not known"),
        ("[[rules]]\naction = 'deny'\nproject = [7]", "rules[0].project must be a line of text"),
        ("[[rules]]\naction = 'deny'\ncredits_above = '7'", "rules[0].credits_above must be"),
        ("[[rules]]\naction = 'deny'\nusd_above = inf", "rules[0].usd_above infinity is not"),
        ("[[rules]]\naction = 'deny'\nreason = 7", "rules[0].reason must be a line of text"),
        ("[rules]\naction = 'deny'", "rules must be tables, each headed [[rules]]"),
        ("a = ", "is no TOML"),
        ("a = 1\na = 2", "is no TOML"),
        ("[" * 5000, "is no TOML"),
    ],
)
def test_what_is_not_understood_allows_nothing(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.source == str(path)


def test_what_cannot_be_read_allows_nothing(tmp_path: Path) -> None:
    binary, large, pipe = tmp_path / "binary", tmp_path / "large", tmp_path / "pipe"
    binary.write_bytes(b"plan = '\xff'")
    large.write_bytes(b"#" * (1 << 20) + b"#")
    found = [(binary, "no UTF-8"), (large, "more than"), (tmp_path, "s a directory")]
    found.append((tmp_path / "none", "No such file"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        found.append((pipe, "no regular file"))
    free = os.dup(0)
    os.close(free)
    for path, said in found:
        with pytest.raises(PolicyError, match=said):
            Policy.load(path)
    assert os.dup(0) == free
    os.close(free)  # nothing else was left open


# --------------------------------------------------------------------------------------- decisions

LIP = Scope("trailer", "lip-sync")


def test_the_strictest_rule_counts() -> None:
    rules = (
        Rule(Action.DENY, credits_above=1_000),
        Rule(Action.WARN, endpoints=frozenset({"lip-sync"}), reason="look at it"),
        Rule(Action.ASK, credits_above=500),
    )
    for order in (rules, rules[::-1]):
        policy = Policy(rules=order)
        assert policy.decide(Scope(endpoint="face-swap"), credits=500).action is Action.ALLOW
        assert policy.decide(LIP, credits=500).reasons == ("look at it",)
        assert policy.decide(LIP, credits=501).reasons == ("ask: more than 500 credits",)
        assert policy.decide(LIP, credits=1_001).action is Action.DENY


def test_where_no_rule_speaks_the_default_counts() -> None:
    allowed = Rule(Action.ALLOW, endpoints=frozenset({"lip-sync"}))
    policy = Policy(rules=(allowed,), default=Action.DENY)
    assert policy.decide(LIP, credits=5).action is Action.ALLOW
    decision = policy.decide(Scope(endpoint="face-swap"), credits=5)
    assert (decision.action, decision.reasons) == ("deny", ("deny: no rule allows it",))


@pytest.mark.parametrize("action", list(Action))
def test_what_is_not_known_is_allowed_by_no_rule(action: Action) -> None:
    for rule in (
        Rule(action, credits_above=5),
        Rule(action, usd_above=Fraction(5)),
        Rule(action, plans=frozenset({"pro"})),
        Rule(action, endpoints=frozenset({"lip-sync"})),
    ):
        decision = Policy(rules=(rule,), default=Action.ASK).decide(Scope(), credits=None)
        assert decision.action is (Action.ASK if action is Action.ALLOW else action)


def test_every_condition_of_a_rule_has_to_hold() -> None:
    rule = Rule(
        Action.DENY,
        endpoints=frozenset({"lip-sync"}),
        projects=frozenset({"trailer"}),
        plans=frozenset({"free"}),
        findings=frozenset({"code"}),
        credits_above=10,
        usd_above=Fraction(1),
    )
    policy = Policy(rules=(rule,))
    all_of_it: dict[str, Any] = {"credits": 11, "usd": 2, "plan": "free", "findings": ["code"]}
    assert policy.decide(LIP, **all_of_it).action is Action.DENY
    for scope, change in (
        (Scope("trailer", "face-swap"), {}),
        (Scope("other", "lip-sync"), {}),
        (LIP, {"plan": "pro"}),
        (LIP, {"findings": ["other"]}),
        (LIP, {"credits": 10}),
        (LIP, {"usd": 1}),
    ):
        assert policy.decide(scope, **{**all_of_it, **change}).action is Action.ALLOW
    assert str(rule) == (
        "deny: endpoint lip-sync, project trailer, plan free, finding code, more than 10 credits, "
        "more than $1.00"
    )
    assert str(Rule(Action.WARN)) == "warn: every job"


def test_a_job_that_no_budget_could_hold_is_denied() -> None:
    budgets = (
        Budget.of(credits=100, per="month"),
        Budget.of(usd=1, per="job", project="trailer"),
        Budget.of(credits=5, per="job", project="other"),
    )
    policy = Policy(budgets=budgets, rules=(Rule(Action.WARN),))
    assert policy.decide(LIP, credits=100, usd=1).budgets == budgets[:2]
    assert policy.decide(LIP, credits=100, usd=1).action is Action.WARN
    decision = policy.decide(LIP, credits=101, usd=1)
    assert decision.action is Action.DENY
    assert decision.reasons == (
        "deny: over the budget of 100 credits a month: 101 credits are asked",
    )
    assert policy.decide(LIP, credits=5, usd="1.01").action is Action.DENY
    assert "price in dollars is not known" in policy.decide(LIP, credits=5).reasons[0]
    assert "cost is not known" in policy.decide(Scope(), credits=None).reasons[0]


@pytest.mark.parametrize("credits", [True, 1.5, "7", -1])
def test_a_decision_needs_whole_credits(credits: Any) -> None:
    with pytest.raises(mh.InputError, match="credits"):
        Policy().decide(Scope(), credits=credits)


@given(st.lists(st.sampled_from(list(Action)), max_size=4), st.sampled_from(list(Action)))
def test_no_rule_makes_another_milder(actions: list[Action], default: Action) -> None:
    policy = Policy(rules=tuple(map(Rule, actions)), default=default)
    found = policy.decide(Scope(), credits=1).action
    assert found == max(actions or [default], key=list(Action).index)
