"""By which terms is a table priced? Plan, day, rates, and how files are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import InputError
from mh_preflight.rates import BASES, Basis, RateCard, bundled_rates, whole_credits
from mh_preflight.units import PLANS, Plan, age_in_days

if TYPE_CHECKING:
    from mh_preflight.media import Isolation, Limits, ProbeCache

__all__ = ["Terms"]


@dataclass(frozen=True, slots=True)
class Terms:
    """By which terms rows are priced, and how their files are read.

    Attributes:
        plan: The plan of rows that name none.
        as_of: The day whose rates and rules count; today (UTC) by default.
        rates: The rate card; the bundled one by default.
        basis: How credits are paid, for the US dollars: `annual`, `monthly` or `usage`.
        folder: Where relative paths count from; the working directory by default.
        offline: Read nothing but local files.
        isolation: As for `probe`.
        limits: As for `probe`.
        cache: As for `probe`.
        workers: Files that are read at once; by default as many as there are processors.
        max_age_days: Days before the day that is priced within which the sources of the rates must
            have been compared; a row with older ones has no price.
        used_credits: Credits that were used this month already; where usage is billed, each row is
            priced from the next one on.

    Raises:
        InputError: A value cannot be used.
    """

    plan: Plan | None = None
    as_of: date | None = None
    rates: RateCard | None = None
    basis: Basis = "annual"
    folder: str = ""
    offline: bool = False
    isolation: Isolation | None = None
    limits: Limits | None = None
    cache: ProbeCache | None = None
    workers: int | None = None
    max_age_days: int | None = None
    used_credits: int = 0
    day: date = field(init=False)
    card: RateCard = field(init=False)

    def __post_init__(self) -> None:
        if self.plan is not None and self.plan not in PLANS:
            raise InputError(f"plan: {self.plan!r} is none of {', '.join(PLANS)}", field="plan")
        if self.basis not in BASES:
            raise InputError(f"basis: {self.basis!r} is none of {', '.join(BASES)}", field="basis")
        if isinstance(self.as_of, datetime) or not isinstance(self.as_of, date | None):
            raise InputError("as_of: must be a date", field="as_of")
        age_in_days(self.max_age_days)
        whole_credits(self.used_credits, field="used_credits")
        object.__setattr__(self, "day", self.as_of or datetime.now(UTC).date())
        object.__setattr__(self, "card", self.rates or bundled_rates())

    @property
    def pricing(self) -> dict[str, Any]:
        """The arguments of `resolve_settings` that are the same for every row."""
        return {
            "day": self.day,
            "rates": self.card,
            "basis": self.basis,
            "used": self.used_credits,
            "max_age_days": self.max_age_days,
        }
