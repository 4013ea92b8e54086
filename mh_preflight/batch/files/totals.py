"""What do all rows cost together? Sums over answers, and how many rows have none."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import as_text
from mh_preflight.jobs import ENDPOINTS
from mh_preflight.units import PLANS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mh_preflight.units import Plan

__all__ = ["Sums", "Totals"]

NONE = "none"  # in the place of a plan that was not given
OTHER = "not known"  # and of an endpoint or a plan that there is not


@dataclass(slots=True)
class Sums:
    """Sums over rows that have a price.

    Attributes:
        rows: Rows, priced or not.
        not_priced: Rows that have an error and no price.
        without_bound: Rows whose cost has no known upper bound: their frame rate is not known, or
            their rate.
        without_usd: Rows with a bound whose plan is not given, or has no price.
        refused: Rows of which the API will refuse something.
        settled_credits_low: Sum of the least that remains.
        settled_credits_high: Sum of the most that remains, of rows that have a bound.
        hold_credits: Sum of what must be affordable, of rows that have a bound.
        usd_hold: The same in US dollars, of rows whose plan has a price.
    """

    rows: int = 0
    not_priced: int = 0
    without_bound: int = 0
    without_usd: int = 0
    refused: int = 0
    settled_credits_low: int = 0
    settled_credits_high: int = 0
    hold_credits: int = 0
    usd_hold: Decimal = Decimal(0)

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows with their answers."""
        unpriced = pc.is_null(rows["settled_kind"])
        codes = rows["error_code"]
        costs = pc.and_(pc.is_null(rows["hold_credits"]), pc.is_null(codes))
        unknown = pc.is_in(codes, pa.array(["unknown-rate", "rates-too-old"]))
        self.rows += rows.num_rows
        self.not_priced += _sum(unpriced)
        self.without_bound += _sum(costs) + _sum(unknown)
        self.without_usd += rows["usd_hold"].null_count - rows["hold_credits"].null_count
        self.refused += _sum(rows["refused"])
        for name in ("settled_credits_low", "settled_credits_high", "hold_credits"):
            setattr(self, name, getattr(self, name) + _sum(rows[name]))
        self.usd_hold += pc.sum(rows["usd_hold"]).as_py() or Decimal(0)

    def merge(self, more: Sums) -> None:
        """Add the sums over other rows."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(more, name))

    @property
    def no_price(self) -> bool:
        """Whether there are rows, and none of them has a price."""
        return 0 < self.rows == self.not_priced

    @property
    def hold(self) -> int | None:
        """What must be affordable for all rows that have a price; None where there is no bound."""
        return None if self.without_bound or self.no_price else self.hold_credits

    @property
    def usd(self) -> Decimal | None:
        """The same in US dollars; None also where no row has a price in them."""
        without = self.not_priced + self.without_usd
        return None if self.hold is None or (self.rows and self.rows == without) else self.usd_hold

    def shown(self) -> dict[str, Any]:
        """Give the sums as others read them: what is not known is None, and never 0."""
        usd = None if self.usd is None else str(self.usd)
        found = {**self.to_json(), "hold_credits": self.hold, "usd_hold": usd}
        if self.hold is None:
            found["settled_credits_high"] = None
        if self.no_price:
            found["settled_credits_low"] = None
        return found

    def to_json(self) -> dict[str, Any]:
        """Give the sums as JSON holds them, to be read back."""
        names = self.__slots__
        return {name: _plain(getattr(self, name)) for name in names}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Read sums back."""
        return cls(**{**given, "usd_hold": Decimal(given["usd_hold"])})


@dataclass(slots=True)
class Totals:
    """Sums over all rows, and over those of each endpoint and plan.

    Attributes:
        plan: The plan of rows that name none.
        all: Over all rows.
        endpoints: By endpoint.
        plans: By plan.
        findings: Rows by finding.
        errors: Rows by error.
    """

    plan: Plan | None
    all: Sums = field(default_factory=Sums)
    endpoints: dict[str, Sums] = field(default_factory=dict)
    plans: dict[str, Sums] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows with their answers."""
        self.all.add(rows)
        names = pa.array(ENDPOINTS)
        _add_each(self.endpoints, rows, _among(names, rows["endpoint"], OTHER))
        given = rows["plan"] if "plan" in rows.schema.names else pa.nulls(rows.num_rows)
        _add_each(self.plans, rows, _among(pa.array(PLANS), given, self.plan or NONE))
        _count(self.findings, pc.list_flatten(rows["findings"]))
        _count(self.errors, rows["error_code"].drop_null())

    def merge(self, more: Totals) -> None:
        """Add the totals of other rows."""
        self.all.merge(more.all)
        for held, others in ((self.endpoints, more.endpoints), (self.plans, more.plans)):
            for key, sums in others.items():
                held.setdefault(key, Sums()).merge(sums)
        for counts, each in ((self.findings, more.findings), (self.errors, more.errors)):
            for code, count in each.items():
                counts[code] = counts.get(code, 0) + count

    def shown(self) -> dict[str, Any]:
        """Give the totals as others read them."""
        return self._each(Sums.shown)

    def to_json(self) -> dict[str, Any]:
        """Give the totals as JSON holds them, to be read back."""
        return self._each(Sums.to_json)

    def _each(self, written: Callable[[Sums], dict[str, Any]]) -> dict[str, Any]:
        return {
            **written(self.all),
            "endpoints": {name: written(sums) for name, sums in self.endpoints.items()},
            "plans": {name: written(sums) for name, sums in self.plans.items()},
            "findings": dict(sorted(self.findings.items())),
            "errors": dict(sorted(self.errors.items())),
        }

    @classmethod
    def from_json(cls, plan: Plan | None, given: Mapping[str, Any]) -> Self:
        """Read totals back."""
        parts = {name: given[name] for name in ("findings", "errors")}
        for name in ("endpoints", "plans"):
            parts[name] = {key: Sums.from_json(sums) for key, sums in given[name].items()}
        sums = {name: value for name, value in given.items() if name not in parts}
        return cls(plan, Sums.from_json(sums), **parts)


def _among(known: pa.Array, names: pa.Array, none: str) -> pa.Array:
    """Give names, so that strange ones in a table do not each have sums of their own."""
    names = as_text(names)
    fine = pc.or_(pc.is_in(names, known), pc.is_null(names))
    return pc.if_else(fine, names, OTHER).fill_null(none)


def _add_each(held: dict[str, Sums], rows: pa.RecordBatch, names: pa.Array) -> None:
    encoded = names.dictionary_encode()
    places = np.asarray(encoded.indices)
    for place, name in enumerate(encoded.dictionary.to_pylist()):
        own = rows if len(encoded.dictionary) == 1 else rows.filter(pa.array(places == place))
        held.setdefault(name, Sums()).add(own)


def _sum(column: pa.Array) -> int:
    return int(pc.sum(column).as_py() or 0)


def _count(held: dict[str, int], codes: pa.Array) -> None:
    for each in pc.value_counts(codes).to_pylist():
        held[each["values"]] = held.get(each["values"], 0) + each["counts"]


def _plain(value: int | Decimal) -> int | str:
    return str(value) if isinstance(value, Decimal) else value
