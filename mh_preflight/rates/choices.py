"""What may be asked for? Modes, models and sizes, what runs where none is named, and for whom."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from mh_preflight.rates.dated import Dated, Name, Strict, Whole, Word
from mh_preflight.units import PLANS, Plan

__all__ = [
    "FieldDates",
    "Gate",
    "Model",
    "ModelDefault",
    "Modes",
    "Offer",
    "Route",
    "Sizes",
]


class Modes(Dated):
    """The modes of a time.

    Attributes:
        names: The modes.
        default: The one that runs where none is asked for.
        aliases: Older names that are still taken, and what they run.
    """

    names: tuple[Word, ...] = Field(min_length=1, strict=False)
    default: Word
    aliases: dict[Word, Word] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_there(self) -> Self:
        for name in (self.default, *self.aliases.values()):
            if name not in self.names:
                raise ValueError(f"{name!r} is none of the modes")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a mode is named twice")
        return self


class Model(Dated):
    """A model that may be asked for.

    Attributes:
        name: Its name in the request.
        runs: The model that it runs, where the name is an older one that is still taken.
        delisted: The day from which no source names it any more, though it is still taken.
    """

    name: Word
    runs: Word | None = None
    delisted: date | None = None


class ModelDefault(Dated):
    """The model that runs where none is asked for.

    Attributes:
        default: On every plan.
        plan_defaults: By plan.
    """

    default: Word | None = None
    plan_defaults: dict[Plan, Word] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.default is None) == (not self.plan_defaults):
            raise ValueError("needs default, or plan_defaults for every plan")
        if self.plan_defaults and set(self.plan_defaults) != set(PLANS):
            raise ValueError("plan_defaults: a plan is missing")
        return self

    def of(self, plan: Plan) -> str:
        """Give the model that runs on a plan."""
        return self.default or self.plan_defaults[plan]


class Route(Dated):
    """A model that runs in the place of the default, because that one does not take the job.

    Attributes:
        size: For this size.
        longer_than: For more seconds than these.
        model: What runs.
    """

    size: Word | None = None
    longer_than: Whole | None = None
    model: Word


class Sizes(Dated):
    """The output sizes that decide the price.

    Attributes:
        names: The sizes, the smallest first.
        edges: The longest edge, in pixels, up to which each but the last applies; none where a
            size is chosen by name alone.
        may_be_smaller: A picture that is smaller than the size stays smaller.
        defaults: The size of a mode where none is asked for.
        plan_defaults: The size on a plan where none is asked for.
        lowest: Where none is asked for, the smallest that the model offers.
    """

    names: tuple[Word, ...] = Field(min_length=1, strict=False)
    edges: tuple[Whole, ...] = Field(default=(), strict=False)
    may_be_smaller: bool = False
    defaults: dict[Word, Word] = Field(default_factory=dict)
    plan_defaults: dict[Plan, Word] = Field(default_factory=dict)
    lowest: bool = False

    @model_validator(mode="after")
    def _an_edge_between_names(self) -> Self:
        if self.edges and (
            len(self.edges) != len(self.names) - 1 or list(self.edges) != sorted(set(self.edges))
        ):
            raise ValueError("needs one growing edge between each two names")
        if self.plan_defaults and set(self.plan_defaults) != set(PLANS):
            raise ValueError("plan_defaults: a plan is missing")
        return self


class Offer(Dated):
    """The sizes that a model makes.

    Attributes:
        model: The model; None for every model.
        sizes: The sizes.
    """

    model: Word | None = None
    sizes: tuple[Word, ...] = Field(min_length=1, strict=False)


class _GateAgainst(Strict):
    plans: tuple[Plan, ...] = Field(strict=False)
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)


class Gate(Dated):
    """Which plans may ask for a mode, a model or a size.

    Attributes:
        mode: The mode, or None.
        model: The model, or None.
        size: The size, or None; with a model, the size of that model.
        plans: The plans.
        against: Other lists of plans, by sources that disagree.
    """

    mode: Word | None = None
    model: Word | None = None
    size: Word | None = None
    plans: tuple[Plan, ...] = Field(min_length=1, strict=False)
    against: tuple[_GateAgainst, ...] = Field(default=(), strict=False)


class FieldDates(Dated):
    """When a field of the request counts.

    Attributes:
        name: The field, dotted.
        modes: The modes in which it counts; empty for every mode.
    """

    name: Name
    modes: tuple[Word, ...] = Field(default=(), strict=False)
