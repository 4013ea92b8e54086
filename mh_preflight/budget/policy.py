"""May this job be sent? One answer for Python, the command line and the guard.

::

    # mh-preflight.toml
    plan = "creator"
    zone = "Europe/Berlin"        # where days and months begin; UTC where not given
    default = "allow"             # where no rule speaks

    [[budgets]]
    credits = 50_000              # or usd = "25.00"
    per = "month"                 # job, run, day, month or ever
    project = "trailer"           # all projects where not given
    endpoint = "lip-sync"         # all endpoints where not given

    [[rules]]
    action = "ask"                # allow, warn, ask or deny
    endpoint = "face-swap"        # or a list; each condition that is given has to hold
    plan = "free"
    project = "trailer"
    finding = "fps-above-30"
    credits_above = 1_000
    usd_above = "5.00"
    reason = "ask Ann first"

Of the rules that match, the strictest counts, in whatever order they stand. An amount that is not
known is above any limit.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from mh_preflight.budget.entries import Scope, Unit, amount, name, scaled_dollars
from mh_preflight.budget.windows import Budget, Period
from mh_preflight.checks import CODES
from mh_preflight.errors import InputError, PolicyError
from mh_preflight.jobs import ENDPOINTS
from mh_preflight.units import PLANS, Number, exact, meant, one_line

__all__ = ["FILE", "Action", "Decision", "Policy", "Rule"]

FILE: Final = "mh-preflight.toml"

MOST_BYTES = 1 << 20

_TOP = {"plan", "zone", "default", "budgets", "rules"}
_BUDGET = {"credits", "usd", "per", "project", "endpoint", "zone"}
_RULE = {
    "action",
    "endpoint",
    "plan",
    "project",
    "finding",
    "credits_above",
    "usd_above",
    "reason",
}


class Action(StrEnum):
    """What is done with a job, the mildest first."""

    ALLOW = "allow"
    WARN = "warn"
    ASK = "ask"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        """How strict it is, from 0 for allow to 3 for deny."""
        return list(Action).index(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with jobs of a kind; each condition that is given has to hold.

    Attributes:
        action: What is done.
        endpoints: The endpoint is one of these.
        projects: The user's project is one of these.
        plans: The plan is one of these; a plan that is not known is.
        findings: One of these was found.
        credits_above: It may cost more credits than that; one of unknown cost may.
        usd_above: The same in US dollars.
        reason: What people are told.
    """

    action: Action
    endpoints: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    credits_above: int | None = None
    usd_above: Fraction | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.reason is not None:
            return self.reason
        parts = [
            f"{what[:-1]} {' or '.join(sorted(getattr(self, what)))}"
            for what in ("endpoints", "projects", "plans", "findings")
            if getattr(self, what)
        ]
        if self.credits_above is not None:
            parts.append(f"more than {self.credits_above:,} credits")
        if self.usd_above is not None:
            parts.append(f"more than ${float(self.usd_above):,.2f}")
        return f"{self.action}: {', '.join(parts) or 'every job'}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a job, and why.

    Attributes:
        action: What is done.
        reasons: Why, a line each; empty where it is simply allowed.
        budgets: The budgets that count for it: the ledger is asked to keep them.
    """

    action: Action
    reasons: tuple[str, ...]
    budgets: tuple[Budget, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allows.

    Attributes:
        budgets: Limits.
        rules: What is done with which jobs.
        default: What is done where no rule speaks.
        plan: The user's plan, where the file names it.
        source: The file, or None.

    Example:
        >>> policy = Policy(rules=(Rule(Action.ASK, credits_above=1_000),))
        >>> policy.decide(Scope(endpoint="lip-sync"), credits=1_200)
        Decision(action=<Action.ASK: 'ask'>, reasons=('ask: more than 1,000 credits',), budgets=())
    """

    budgets: tuple[Budget, ...] = ()
    rules: tuple[Rule, ...] = ()
    default: Action = Action.ALLOW
    plan: str | None = None
    source: str | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str] = FILE) -> Policy:
        """Read a policy file, strictly: what is not understood allows nothing.

        Args:
            path: The file.

        Raises:
            PolicyError: It cannot be read or is not sound; it names the file and the key.
        """
        shown = one_line(os.fspath(path))
        try:
            return _policy(tomllib.loads(_text(Path(path))), shown)
        except PolicyError:
            raise
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
        except UnicodeDecodeError:
            reason = "is no TOML: it is no UTF-8"
        except (ValueError, RecursionError) as error:
            reason = f"is no TOML: {one_line(str(error), 200)}"
        raise PolicyError(f"{shown}: {reason}", source=shown) from None

    def decide(
        self,
        scope: Scope,
        *,
        credits: int | None,
        usd: Number | None = None,
        plan: str | None = None,
        findings: Iterable[str] = (),
    ) -> Decision:
        """Decide about a job; what was spent before is the ledger's to know.

        Args:
            scope: Whose job it is.
            credits: The most that it may cost; None where that is not known.
            usd: The same in US dollars; None where that is not known.
            plan: On which plan; None where that is not known.
            findings: Codes of what was found.

        Raises:
            InputError: A value is wrong.

        Example:
            >>> policy = Policy(budgets=(Budget.of(credits=500, per="job"),))
            >>> policy.decide(Scope(), credits=600).action
            <Action.DENY: 'deny'>
        """
        if credits is not None:
            amount(credits, field="credits")
        dollars = None if usd is None else exact(usd, field="usd")
        codes = frozenset(findings)
        matching = [
            rule for rule in self.rules if _matches(rule, scope, credits, dollars, plan, codes)
        ]
        found = [(rule.action, str(rule)) for rule in matching]
        budgets = tuple(budget for budget in self.budgets if budget.applies(scope))
        asked = {Unit.CREDITS: credits, Unit.USD: scaled_dollars(usd)}
        found += [
            (Action.DENY, f"deny: {reason}")
            for budget in budgets
            if (reason := _beyond(budget, asked[budget.unit])) is not None
        ]
        actions = [action for action, _ in found] or [self.default]
        action = max(actions, key=lambda each: each.strictness)
        if not found and action is not Action.ALLOW:
            found = [(action, f"{action}: no rule allows it")]
        reasons = tuple(
            reason for each, reason in found if each is action and each is not Action.ALLOW
        )
        return Decision(action, reasons, budgets)


def _beyond(budget: Budget, asked: int | None) -> str | None:
    """Tell why one job alone is more than a budget allows; None if it is not."""
    if asked is None:
        what = "cost" if budget.unit is Unit.CREDITS else "price in dollars"
        return f"the {what} is not known, so that the budget of {budget} cannot be kept"
    if asked > budget.limit:
        return f"over the budget of {budget}: {budget.shown(asked)} are asked"
    return None


def _matches(  # noqa: PLR0913, PLR0917  what a rule may ask for
    rule: Rule,
    scope: Scope,
    credits: int | None,
    usd: Fraction | None,
    plan: str | None,
    codes: frozenset[str],
) -> bool:
    stricter = rule.action is not Action.ALLOW  # what is not known must not allow anything
    return (
        (not rule.endpoints or _is_in(scope.endpoint, rule.endpoints, stricter))
        and (not rule.projects or scope.project in rule.projects)
        and (not rule.plans or _is_in(plan, rule.plans, stricter))
        and (not rule.findings or bool(rule.findings & codes))
        and (rule.credits_above is None or _is_above(credits, rule.credits_above, stricter))
        and (rule.usd_above is None or _is_above(usd, rule.usd_above, stricter))
    )


def _is_in(value: str | None, known: frozenset[str], unknown: bool) -> bool:  # noqa: FBT001
    return unknown if value is None else value in known


def _is_above(value: Fraction | int | None, most: Fraction | int, unknown: bool) -> bool:  # noqa: FBT001
    return unknown if value is None else value > most


# ---------------------------------------------------------------------------------------- the file


def _text(path: Path) -> str:
    with open(path, "rb", opener=_open) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(0, f"it has more than {MOST_BYTES:,} bytes")
    return data.decode()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # no pipe is waited for


def _said_of(word: str, known: Iterable[str]) -> str:
    if known is ENDPOINTS:
        return f": {meant(word, ENDPOINTS)}"
    return f"; known are {', '.join(known)}"


class _Table:
    """A table of the file, and where it stands, so that an error can name both."""

    def __init__(self, values: object, place: str, source: str, known: set[str]) -> None:
        self._place, self._source = place, source
        if not isinstance(values, Mapping):
            raise self.wrong("", "must be a table")
        self.values: Mapping[str, Any] = values
        for key in values:
            if key not in known:
                raise self.wrong(str(key), f"is not known; known are {', '.join(sorted(known))}")

    def wrong(self, key: str, what: str) -> PolicyError:
        place = ".".join(part for part in (self._place, key) if part)
        return PolicyError(
            f"{self._source}: {one_line(place, 100)} {what}", field=place, source=self._source
        )

    def checked(self, key: str, take: Any) -> Any:
        """Give what `take` makes of a value, and None where there is none."""
        if key not in self.values:
            return None
        try:
            return take(self.values[key])
        except InputError as error:
            raise self.wrong(key, error.message.partition(": ")[2] or error.message) from None

    def word(self, key: str, words: Iterable[str]) -> str | None:
        known = list(words)
        value = self.values.get(key)
        if value is not None and value not in known:
            raise self.wrong(key, f"must be one of {', '.join(known)}")
        return None if value is None else str(value)

    def words(self, key: str, known: Iterable[str] | None) -> frozenset[str]:
        if key not in self.values:
            return frozenset()
        given = self.values[key]
        every = given if isinstance(given, list) else [given]
        if not every:
            raise self.wrong(key, "is an empty list, and would match nothing")
        for each in every:
            if known is None:
                self.checked(key, lambda _, each=each: name(each, field=key))
            elif not isinstance(each, str) or each not in set(known):
                shown = one_line(str(each), 60)
                raise self.wrong(key, f"{shown!r} is not known{_said_of(str(each), known)}")
        return frozenset(every)

    def tables(self, key: str) -> list[Any]:
        found = self.values.get(key, [])
        if not isinstance(found, list):
            raise self.wrong(key, f"must be tables, each headed [[{key}]]")
        return found


def _policy(values: Mapping[str, Any], source: str) -> Policy:
    top = _Table(values, "", source, _TOP)
    zone = top.checked("zone", lambda value: Budget(0, Period.DAY, zone=value).zone) or "UTC"
    return Policy(
        budgets=tuple(
            _budget(_Table(each, f"budgets[{number}]", source, _BUDGET), zone)
            for number, each in enumerate(top.tables("budgets"))
        ),
        rules=tuple(
            _rule(_Table(each, f"rules[{number}]", source, _RULE))
            for number, each in enumerate(top.tables("rules"))
        ),
        default=Action(top.word("default", Action) or Action.ALLOW),
        plan=top.word("plan", PLANS),
        source=source,
    )


def _budget(table: _Table, zone: str) -> Budget:
    per = table.word("per", Period)
    if per is None:
        raise table.wrong("per", f"is missing: one of {', '.join(Period)}")
    if ("credits" in table.values) == ("usd" in table.values):
        raise table.wrong("credits", "or usd must be given, one of them")
    key = "credits" if "credits" in table.values else "usd"
    table.words("endpoint", ENDPOINTS)
    endpoint = table.checked("endpoint", lambda value: name(value, field="endpoint"))
    project = table.checked("project", lambda value: name(value, field="project"))
    zone = table.checked("zone", lambda value: Budget(0, Period.DAY, zone=value).zone) or zone
    limited: Budget = table.checked(
        key,
        lambda value: Budget.of(
            per=per, project=project, endpoint=endpoint, zone=zone, **{key: value}
        ),
    )
    return limited


def _rule(table: _Table) -> Rule:
    action = table.word("action", Action)
    if action is None:
        raise table.wrong("action", f"is missing: one of {', '.join(Action)}")
    return Rule(
        action=Action(action),
        endpoints=table.words("endpoint", ENDPOINTS),
        projects=table.words("project", None),
        plans=table.words("plan", PLANS),
        findings=table.words("finding", sorted(CODES)),
        credits_above=table.checked(
            "credits_above", lambda value: amount(value, field="credits_above")
        ),
        usd_above=table.checked("usd_above", _dollars),
        reason=table.checked("reason", lambda value: name(value, field="reason")),
    )


def _dollars(value: Any) -> Fraction:
    scaled_dollars(value, field="usd_above")
    return exact(value, field="usd_above")
