"""What is asked for credits? Plans, what usage costs, packs, and what costs nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import Field, model_validator

from mh_preflight.rates.dated import Amount, Dated, Name, Strict, Text, Whole
from mh_preflight.rates.money import CreditPrice
from mh_preflight.units import Plan

__all__ = ["BASES", "Bands", "Basis", "Grant", "Pack", "PackAgainst", "Price"]

Basis: TypeAlias = Literal["annual", "monthly", "usage"]
BASES: tuple[Basis, ...] = get_args(Basis)

MONTHS = 12
LARGEST_PACK = 250_000  # how packs are put together is looked at one by one


class Price(Dated):
    """What a plan costs a month, and the credits that come with it.

    Attributes:
        plan: The plan.
        basis: Paid by the year (a month's share of it), or by the month.
        usd: US dollars a month.
        credits: The credits of a month.
        total: US dollars that are paid at once, for a year.
    """

    plan: Plan
    basis: Literal["annual", "monthly"]
    usd: Amount
    credits: Whole
    total: Amount | None = None

    @model_validator(mode="after")
    def _totals_a_year(self) -> Self:
        if self.total is not None and (self.basis, self.total) != ("annual", MONTHS * self.usd):
            raise ValueError("total: is 12 times usd, and of annual only")
        return self


class Step(Strict):
    """A band of the credits of a month.

    Attributes:
        after: The credits of the month after which it begins.
        usd: US dollars a credit.
    """

    after: Annotated[int, Field(ge=0, le=10**12)]
    usd: Amount


class Bands(Dated):
    """What a credit costs where usage is billed.

    Attributes:
        plan: The plan.
        steps: The bands, of which each credit is in one.
    """

    plan: Plan
    steps: Annotated[tuple[Step, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _follow_one_another(self) -> Self:
        begins = [step.after for step in self.steps]
        if begins[0] or any(before >= after for before, after in pairwise(begins)):
            raise ValueError("steps: begin after 0 and grow")
        return self

    @property
    def price(self) -> CreditPrice:
        """The price of the credits of a month."""
        return CreditPrice(tuple((step.after, step.usd) for step in self.steps))


class PackAgainst(Strict):
    """A price that contradicts that of a pack.

    Attributes:
        usd: US dollars.
        sources: Names of the sources that say so.
    """

    usd: Amount
    sources: tuple[Name, ...] = Field(min_length=1, strict=False)


class Pack(Dated):
    """Credits that are bought besides.

    Attributes:
        name: What it is called.
        credits: The credits in it.
        usd: US dollars; None where no source is believed.
        unknown: Why none is.
        against: Prices that contradict it.
    """

    name: Name
    credits: Annotated[int, Field(ge=1000, le=LARGEST_PACK, multiple_of=1000)]
    usd: Amount | None = None
    unknown: Text | None = None
    against: tuple[PackAgainst, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.usd is None) == (self.unknown is None):
            raise ValueError("needs one of: usd; unknown")
        return self

    @property
    def prices(self) -> tuple[Fraction, ...]:
        """Every price that is said, the believed one first."""
        own = () if self.usd is None else (self.usd,)
        return (*own, *(entry.usd for entry in self.against))


class Grant(Dated):
    """Credits of a plan that cost nothing.

    Attributes:
        plan: The plan.
        usd: US dollars a month, which are none.
        at_sign_up: Credits that are given once.
        per_day: Credits that can be claimed every day.
    """

    plan: Plan
    usd: Amount
    at_sign_up: Whole
    per_day: Whole
