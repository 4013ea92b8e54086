"""Which model and which size? As asked for, or what runs where nothing is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mh_preflight.errors import UnknownRateError
from mh_preflight.units import MICROSECOND, Plan

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.rates import EndpointRates, Variant

__all__ = ["Asked", "Choice", "State", "choose"]

State: TypeAlias = Literal["current", "deprecated", "not-at-date"]
"""Of a mode or model that is asked for: `deprecated` is an older name that is still taken,
`not-at-date` one that was not known on that day, priced as the default."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The models and sizes that may run, and how they were chosen.

    Attributes:
        variants: The models and sizes.
        model_state: How the model that was asked for stands.
        inferred: Why these, where no source says it in so many words.
        plan_decides: Whether they differ between the plans that it may be.
    """

    variants: tuple[Variant, ...]
    model_state: State
    inferred: tuple[str, ...]
    plan_decides: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request names.

    Attributes:
        mode: The mode that runs.
        size: The size, or None.
        edge: Whether it names a longest edge.
    """

    mode: str | None
    size: str | None
    edge: bool


def choose(
    on_day: EndpointRates, job: Job, asked: Asked, edges: Mapping[Plan, int | None]
) -> Choice:
    """Work out model and size of a job on each plan that it may be.

    Args:
        on_day: The endpoint's rates.
        job: The job.
        asked: What the request names and counts on that day.
        edges: The longest edge by plan.

    Raises:
        UnknownRateError: The model is not known, or which one runs is not published.
    """
    state: State = "current"
    if not on_day.all("models") and on_day.sizes is None:
        state = "current" if job.asked_model is None else "not-at-date"
        return Choice(((None, None),), state, (), plan_decides=False)
    by_plan = {}
    inferred: dict[str, None] = {}
    for plan, edge in edges.items():
        model, state, why = _model(on_day, job, plan, asked.size)
        sizes, why_size = _sizes(on_day, asked, model, plan, edge)
        by_plan[plan] = tuple((model, name) for name in sizes or (None,))
        inferred |= dict.fromkeys(reason for reason in (why, why_size) if reason)
    variants = dict.fromkeys(variant for each in by_plan.values() for variant in each)
    decides = len(set(by_plan.values())) > 1 and not (on_day.sizes and on_day.sizes.edges)
    return Choice(tuple(variants), state, tuple(inferred), decides)


def _model(
    on_day: EndpointRates, job: Job, plan: Plan, size: str | None
) -> tuple[str | None, State, str | None]:
    asked = job.asked_model
    names = {entry.name: entry for entry in on_day.all("models")}
    if asked is not None and names:
        if asked not in names:
            known = ", ".join(sorted(name for name, entry in names.items() if not entry.runs))
            raise UnknownRateError(
                f"no rate is known for model {asked!r} of {job.endpoint} on {on_day.day}; "
                f"known are {known}",
                field="model",
            )
        entry = names[asked]
        if entry.runs:
            return entry.runs, "deprecated", entry.inferred
        gone = entry.delisted is not None and entry.delisted <= on_day.day
        return asked, "deprecated" if gone else "current", None
    if not names:
        return None, "current" if asked is None else "not-at-date", None
    default = on_day.one("model_defaults")
    if default is None:
        raise UnknownRateError(
            f"no rate is known for {job.endpoint} without a model: which one runs is not "
            "published; name one in the request",
            field="model",
        )
    model = default.of(plan)
    route = _route(on_day, job, model, size)
    return (model, "current", None) if route is None else (route.model, "current", route.inferred)


def _route(on_day: EndpointRates, job: Job, model: str, size: str | None) -> Any:
    """Find the model that runs because the default does not take the job; None for none."""
    start, end = job.window or (0, 0)
    for route in on_day.all("routes"):
        if route.size is not None and route.size == size and size not in on_day.offered(model):
            return route
        if route.longer_than is not None and end - start > route.longer_than * MICROSECOND:
            return route
    return None


def _sizes(
    on_day: EndpointRates, asked: Asked, model: str | None, plan: Plan, edge: int | None
) -> tuple[tuple[str, ...], str | None]:
    """Give the sizes that may come out on a plan, and why, where no source says so."""
    sizes = on_day.sizes
    if sizes is None:
        return (), None
    why = sizes.inferred
    if asked.size is not None and (asked.size in sizes.names or not sizes.edges):
        return (asked.size,), why
    if asked.mode in sizes.defaults and not asked.edge:
        return (sizes.defaults[asked.mode],), why
    if sizes.edges:
        last = sum(edge > step for step in sizes.edges) if edge else len(sizes.edges)
        first = 0 if sizes.may_be_smaller or edge is None else last
        return sizes.names[first : last + 1], why
    offered = on_day.offered(model)
    default = offered[0] if sizes.lowest else sizes.plan_defaults.get(plan)
    if default is not None and default not in offered:
        return offered[:1], f"{model} has no {default}, the default: its smallest size runs"
    return offered if default is None else (default,), why
