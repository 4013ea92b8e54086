"""What stands in a rate file? The tables of an endpoint, and those of the plans."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, TypeAdapter

from mh_preflight.rates.choices import (
    FieldDates,
    Gate,
    Model,
    ModelDefault,
    Modes,
    Offer,
    Route,
    Sizes,
)
from mh_preflight.rates.dated import Name, Source, Strict, Text
from mh_preflight.rates.entries import Audio, Billing, Extra, Rate
from mh_preflight.rates.limits import (
    Cap,
    Counts,
    Durations,
    EndFrame,
    Extensions,
    Least,
    PlanCap,
    PlanUpload,
    References,
    Resize,
    TextCap,
)
from mh_preflight.rates.prices import Bands, Grant, Pack, Price

__all__ = [
    "EndpointFile",
    "EndpointOverride",
    "PlansFile",
    "PlansOverride",
    "file_schema",
]

_HEADER = {"endpoint", "title", "like", "checked", "sources", "overrides"}


class _File(Strict):
    sources: dict[Name, Source]

    def entries(self) -> list[tuple[str, Any]]:
        """Give all entries with the name of their table."""
        tables = [name for name in type(self).model_fields if name not in _HEADER]
        return [(table, entry) for table in tables for entry in getattr(self, table)]


class _EndpointTables(_File):
    billing: tuple[Billing, ...] = Field(default=(), strict=False)
    modes: tuple[Modes, ...] = Field(default=(), strict=False)
    models: tuple[Model, ...] = Field(default=(), strict=False)
    model_defaults: tuple[ModelDefault, ...] = Field(default=(), strict=False)
    routes: tuple[Route, ...] = Field(default=(), strict=False)
    sizes: tuple[Sizes, ...] = Field(default=(), strict=False)
    offers: tuple[Offer, ...] = Field(default=(), strict=False)
    rates: tuple[Rate, ...] = Field(default=(), strict=False)
    audio: tuple[Audio, ...] = Field(default=(), strict=False)
    extras: tuple[Extra, ...] = Field(default=(), strict=False)
    gates: tuple[Gate, ...] = Field(default=(), strict=False)
    durations: tuple[Durations, ...] = Field(default=(), strict=False)
    min_seconds: tuple[Least, ...] = Field(default=(), strict=False)
    max_seconds: tuple[Cap, ...] = Field(default=(), strict=False)
    frame_caps: tuple[Cap, ...] = Field(default=(), strict=False)
    counts: tuple[Counts, ...] = Field(default=(), strict=False)
    max_characters: tuple[TextCap, ...] = Field(default=(), strict=False)
    max_references: tuple[Cap, ...] = Field(default=(), strict=False)
    reference_kinds: tuple[References, ...] = Field(default=(), strict=False)
    end_frames: tuple[EndFrame, ...] = Field(default=(), strict=False)
    max_input_edges: tuple[Cap, ...] = Field(default=(), strict=False)
    resize: tuple[Resize, ...] = Field(default=(), strict=False)
    extensions: tuple[Extensions, ...] = Field(default=(), strict=False)
    fields: tuple[FieldDates, ...] = Field(default=(), strict=False)


class EndpointFile(_EndpointTables):
    """Everything that is dated about one endpoint.

    Attributes:
        endpoint: As in the URL.
        title: Its name for people.
        like: The endpoint from which come the tables that this file does not have.
        checked: The day on which the sources were last compared.
        sources: By name.
    """

    endpoint: Name
    title: Text
    like: Name | None = None
    checked: date
    # Rates that stand in files of the user's own, and the names of those files.
    _own: dict[Rate, str] = PrivateAttr(default_factory=dict)
    # Of those that took the place of bundled ones which began later: these, the first one first.
    _newer: dict[Rate, tuple[Rate, ...]] = PrivateAttr(default_factory=dict)

    def own_file(self, rate: Rate) -> str | None:
        """Name the user's own file that a rate stands in; None for one that is bundled."""
        return self._own.get(rate) if self._own else None

    def newer_than(self, rate: Rate) -> tuple[Rate, ...]:
        """Give the bundled rates of which a user's own took the place, and which began later."""
        return self._newer.get(rate, ()) if self._newer else ()

    def with_own(
        self,
        own: Mapping[Rate, str],
        newer: Mapping[Rate, tuple[Rate, ...]] | None = None,
        **tables: Any,
    ) -> Self:
        """Give this file with other tables, and rates of the user's own among them.

        Args:
            own: The rates that stand in the user's files, and the names of these files.
            newer: For those that took the place of bundled rates which began later: these.
            tables: What is to be replaced, by its name.
        """
        changed = self.model_copy(update=tables)
        changed._own = dict(own)  # noqa: SLF001  of the same class
        changed._newer = dict(newer or {})  # noqa: SLF001  the same
        changed.__dict__.pop("fields_by_name", None)  # made of the fields as they were
        return changed

    def over(self, base: EndpointFile) -> EndpointFile:
        """Give this file with the tables and sources of another, where it has none of its own."""
        own = self.model_fields_set
        tables = {name for name, _ in base.entries()} - own
        return self.model_copy(
            update={
                **{name: getattr(base, name) for name in tables},
                "sources": {**base.sources, **self.sources},
            }
        )

    @cached_property
    def fields_by_name(self) -> dict[str, tuple[FieldDates, ...]]:
        """The fields that count only between dates, by their name."""
        names = dict.fromkeys(entry.name for entry in self.fields)
        return {name: tuple(e for e in self.fields if e.name == name) for name in names}


class EndpointOverride(_EndpointTables):
    """Entries of the user's own, each in the place of those of the same key on its days.

    Attributes:
        overrides: The endpoint, as in the URL.
        checked: The day on which the user compared the endpoint's other rates too.
        sources: By name, besides those of the file that is overridden.
    """

    overrides: Name
    checked: date | None = None


class _PlanTables(_File):
    longest_edges: tuple[PlanCap, ...] = Field(default=(), strict=False)
    uploads: tuple[PlanUpload, ...] = Field(default=(), strict=False)
    extensions: tuple[Extensions, ...] = Field(default=(), strict=False)
    prices: tuple[Price, ...] = Field(default=(), strict=False)
    bands: tuple[Bands, ...] = Field(default=(), strict=False)
    packs: tuple[Pack, ...] = Field(default=(), strict=False)
    grants: tuple[Grant, ...] = Field(default=(), strict=False)


class PlansFile(_PlanTables):
    """Everything that is dated about the plans.

    Attributes:
        checked: The day on which the sources were last compared.
        sources: By name.
    """

    checked: date


class PlansOverride(_PlanTables):
    """Entries of the user's own about the plans.

    Attributes:
        overrides: `plans`.
        checked: The day on which the user compared what else is said of the plans.
        sources: By name, besides those of the file that is overridden.
    """

    overrides: Literal["plans"]
    checked: date | None = None


def file_schema(of: str) -> dict[str, Any]:
    """Give the JSON Schema of a rate file.

    Args:
        of: `rates` for an endpoint's, `plans`, or `override` for some entries of either.

    Example:
        >>> file_schema("override")["anyOf"]
        [{'$ref': '#/$defs/EndpointOverride'}, {'$ref': '#/$defs/PlansOverride'}]
    """
    kinds: dict[str, Any] = {
        "rates": EndpointFile,
        "plans": PlansFile,
        "override": EndpointOverride | PlansOverride,
    }
    return {"type": "object", **TypeAdapter(kinds[of]).json_schema(by_alias=True)}
