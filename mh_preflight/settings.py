"""What exactly will run? A job on a plan and a day becomes mode, size, window, limits and rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from mh_preflight.rates import (
    Basis,
    Billing,
    EndpointRates,
    PlanRates,
    Rate,
    RateCard,
    RateRange,
    Source,
)
from mh_preflight.units import PLANS, Plan

if TYPE_CHECKING:
    from mh_preflight.jobs import Job

__all__ = ["Settings", "resolve_settings"]

EDGE_FIELDS = ("width", "height", "max_resolution")


@dataclass(frozen=True, slots=True)
class Settings:
    """What will run, and by which rules it is priced.

    Attributes:
        endpoint: As in the URL.
        title: Its name for people.
        plan: The plan, or None where it was not given.
        day: The day whose rates and rules count.
        mode: The mode that runs.
        asked_mode: The mode as it was asked for, or None.
        mode_state: `current`; `deprecated` (an older name that is still taken); `not-at-date`
            (not known on that day, priced as the default).
        sizes: The output sizes that may come out, where they decide the price.
        size_inferred: Why these, where no source says it in so many words.
        window: Start and end in whole microseconds.
        fps_limit: `max_fps_limit`, exact, or None.
        edges: For each plan that it may be, the longest edge of the output, or None.
        billing: How frames are counted, for the estimate and for the final charge.
        frame: Credits a frame.
        second: Credits a second; None where the frame rate is the source's.
        rates: The entries of the rate card that decide.
        per_credit: US dollars a credit, by plan; None where no price is known.
        basis: How the credits are paid.
        max_seconds: The longest window, or None.
        frame_cap: The largest number of frames, or None.
        modes: The modes of that day.
        allowed_plans: The plans that may ask for the mode.
        disputed_plans: Plans about which a source disagrees.
        size_plans: The plans that may ask for the size that was asked for.
        upload: The largest upload in bytes (decimal, binary), or None.
        extensions: File name endings that are taken, by kind.
        ignored: Fields of the request that will not count, and why.
        checked: The day on which the sources of the rate were last compared.
        card_version: The version of the rates.
        sources: Sources of the rate by name.
    """

    endpoint: str
    title: str
    plan: Plan | None
    day: date
    mode: str | None
    asked_mode: str | None
    mode_state: Literal["current", "deprecated", "not-at-date"]
    sizes: tuple[str, ...]
    size_inferred: str | None
    window: tuple[int, int]
    fps_limit: Fraction | None
    edges: tuple[int | None, ...]
    billing: Billing
    frame: RateRange
    second: RateRange | None
    rates: tuple[Rate, ...]
    per_credit: Mapping[Plan, Fraction | None]
    basis: Basis
    max_seconds: int | None
    frame_cap: int | None
    modes: tuple[str, ...]
    allowed_plans: tuple[Plan, ...]
    disputed_plans: frozenset[Plan]
    size_plans: tuple[Plan, ...]
    upload: tuple[int, int] | None
    extensions: Mapping[str, tuple[str, ...]]
    ignored: tuple[tuple[str, str], ...]
    checked: date
    card_version: str
    sources: Mapping[str, Source]

    @property
    def rate_age(self) -> int:
        """Days from the last comparison of the sources to the day that is priced, not below 0."""
        return max(0, (self.day - self.checked).days)

    @property
    def inferred(self) -> tuple[str, ...]:
        """Why the rate and its size hold, where no source says it in so many words."""
        reasons = (*(rate.inferred for rate in self.rates), self.size_inferred)
        return tuple(dict.fromkeys(why for why in reasons if why))


def resolve_settings(
    job: Job, *, plan: Plan | None, day: date, rates: RateCard, basis: Basis = "annual"
) -> Settings:
    """Work out what a job will run and by which rules it is priced.

    Args:
        job: The job.
        plan: The plan; None where it is not known, and what it decides becomes a range.
        day: The day whose rates and rules count, from 00:00 UTC.
        rates: The rate card.
        basis: How the credits are paid.

    Raises:
        UnknownRateError: No rate is known for the job on that day.
    """
    on_day, plans = rates.endpoint(job.endpoint, day), rates.plan_rates(day)
    possible = (plan,) if plan else PLANS
    mode, state = _mode(on_day, job.mode)
    ignored = dict(_ignored(on_day, job, mode))
    edge = None if ignored.keys() & set(EDGE_FIELDS) else job.edge
    size = None if "resolution" in ignored else job.size
    if size and edge:
        ignored["max_resolution"] = "resolution overrides it"
        edge = None
    edges = tuple(dict.fromkeys(_edge(plans, name, edge) for name in possible))
    sizes = _sizes(on_day, mode, size, edges, asked_for=edge is not None)
    priced = on_day.priced(mode, sizes)
    gate = next((gate for gate in on_day.gates if mode and gate.mode == mode), None)
    size_gate = next((gate for gate in on_day.gates if size and gate.size == size), None)
    uploads = [plans.uploads[name] for name in possible if name in plans.uploads]
    return Settings(
        endpoint=job.endpoint,
        title=on_day.file.title,
        plan=plan,
        day=day,
        mode=mode,
        asked_mode=job.mode,
        mode_state=state,
        sizes=sizes,
        size_inferred=on_day.sizes.inferred if on_day.sizes else None,
        window=job.window or (0, 0),
        fps_limit=job.fps_limit,
        edges=edges,
        billing=on_day.billing,
        frame=priced.frame,
        second=priced.second,
        rates=priced.entries,
        per_credit={name: plans.per_credit.get((name, basis)) for name in possible},
        basis=basis,
        max_seconds=next((c.value for c in on_day.max_seconds if c.mode in {mode, None}), None),
        frame_cap=on_day.frame_cap,
        modes=on_day.modes.names if on_day.modes else (),
        allowed_plans=gate.plans if gate else PLANS,
        disputed_plans=frozenset(
            plan for other in gate.against for plan in set(gate.plans) ^ set(other.plans)
        )
        if gate
        else frozenset(),
        size_plans=size_gate.plans if size_gate else PLANS,
        upload=max(uploads) if len(uploads) == len(possible) else None,
        extensions=plans.extensions,
        ignored=tuple(ignored.items()),
        checked=on_day.file.checked,
        card_version=rates.version,
        sources=on_day.file.sources,
    )


def _mode(
    on_day: EndpointRates, asked: str | None
) -> tuple[str | None, Literal["current", "deprecated", "not-at-date"]]:
    modes = on_day.modes
    if modes is None:
        return asked, "current"
    if asked is None:
        return modes.default, "current"
    if asked in modes.names:
        return asked, "current"
    if asked in modes.aliases:
        return modes.aliases[asked], "deprecated"
    return modes.default, "not-at-date"


def _ignored(on_day: EndpointRates, job: Job, mode: str | None) -> Iterator[tuple[str, str]]:
    for name, why, modes in on_day.bounded_fields:
        if job.gives(name):
            if why is not None:
                yield name, why
            elif not {mode, job.mode} & set(modes):
                yield name, f"in {mode} mode"


def _edge(plans: PlanRates, plan: Plan, asked: int | None) -> int | None:
    return min((edge for edge in (plans.edges.get(plan), asked) if edge), default=None)


def _sizes(
    on_day: EndpointRates,
    mode: str | None,
    asked: str | None,
    edges: tuple[int | None, ...],
    *,
    asked_for: bool,
) -> tuple[str, ...]:
    sizes = on_day.sizes
    if sizes is None:
        return ()
    if asked in sizes.names:
        return (asked,) if asked else ()
    if mode in sizes.defaults and not asked_for:
        return (sizes.defaults[mode],)
    reached = set()
    for edge in edges:
        last = sum(edge > step for step in sizes.edges) if edge else len(sizes.edges)
        first = 0 if sizes.may_be_smaller or edge is None else last
        reached |= set(range(first, last + 1))
    return tuple(sizes.names[place] for place in sorted(reached))
