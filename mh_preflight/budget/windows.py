"""How much may be spent, of what, and in which window of time?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from mh_preflight.budget.entries import Scope, Unit, dollars_of, name
from mh_preflight.errors import InputError
from mh_preflight.units import MICROSECOND, one_line

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["EVER", "Budget", "Check", "Counter", "Period", "checks_of", "window"]

EVER: Final = 2**63 - 1
"""The end of a window that has none."""

LAST_INSTANT: Final = 253_000_000_000 * MICROSECOND  # in 9987: a day and a month later are dates

HOUR: Final = 3_600 * MICROSECOND

MOST_LIMIT: Final = 9 * 10**18


class Period(StrEnum):
    """For how long a limit holds."""

    JOB = "job"
    RUN = "run"
    DAY = "day"
    MONTH = "month"
    EVER = "ever"


class Counter(NamedTuple):
    """What is counted together: the window of a budget, whatever its limit is."""

    run: str
    ends: int
    starts: int
    unit: str
    per: str
    project: str
    endpoint: str
    zone: str


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that the user sets, and that no reservation may break.

    Attributes:
        limit: Credits, or ten-billionths of a US dollar; `Budget.of` takes dollars.
        per: For each job or run, or in a day or month, or ever.
        unit: What it counts.
        project: Only what belongs to it; None for all.
        endpoint: Only this endpoint; None for all.
        zone: Where days and months begin at midnight; an IANA name.

    Example:
        >>> print(Budget.of(credits=5_000, per="day", project="trailer"))
        5,000 credits a day of project 'trailer'
        >>> print(Budget.of(usd="12.50", per="month", zone="Europe/Berlin"))
        $12.50 a month (Europe/Berlin)
    """

    limit: int
    per: Period
    unit: Unit = Unit.CREDITS
    project: str | None = None
    endpoint: str | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if type(self.limit) is not int or not 0 <= self.limit <= MOST_LIMIT:
            raise InputError("limit: must be a whole number from 0 to 9 * 10^18", field="limit")
        for what, kind in (("per", Period), ("unit", Unit)):
            try:
                object.__setattr__(self, what, kind(getattr(self, what)))
            except ValueError:
                words = ", ".join(kind)
                raise InputError(f"{what}: must be one of {words}", field=what) from None
        for what in ("project", "endpoint"):
            if getattr(self, what) is not None:
                name(getattr(self, what), field=what)
        zone_of(name(self.zone, field="zone"))

    @classmethod
    def of(  # noqa: PLR0913  keywords all
        cls,
        *,
        per: str,
        credits: int | None = None,
        usd: object = None,
        project: str | None = None,
        endpoint: str | None = None,
        zone: str = "UTC",
    ) -> Budget:
        """Make a budget of credits or of dollars.

        Args:
            per: job, run, day, month or ever.
            credits: Credits that may be spent, or None.
            usd: US dollars that may be spent, or None.
            project: Only what belongs to it; None for all.
            endpoint: Only this endpoint; None for all.
            zone: Where days and months begin at midnight; an IANA name.

        Raises:
            InputError: Not one of credits and dollars is given, or a value is wrong.
        """
        from mh_preflight.units import exact

        if (credits is None) == (usd is None):
            raise InputError("credits: give a budget in credits or in usd, one of them")
        if usd is None:
            limit, unit = credits, Unit.CREDITS
        else:
            # A limit is rounded down, as what is asked is rounded up.
            limit, unit = int(exact(usd, field="usd") * 10**10 // 1), Unit.USD  # type: ignore[arg-type]
        if type(limit) is not int or not 0 <= limit <= MOST_LIMIT:
            raise InputError(
                f"{unit}: must be a {'whole ' if usd is None else ''}number, not below 0, and not "
                "larger than anyone can spend",
                field=str(unit),
            )
        return cls(limit, Period(per) if per in set(Period) else per, unit, project, endpoint, zone)  # type: ignore[arg-type]

    def __str__(self) -> str:
        text = _amount(self.limit, self.unit)
        text += {"job": " a job", "run": " a run", "day": " a day", "month": " a month"}.get(
            self.per, ""
        )
        if self.endpoint is not None:
            text += f" for {one_line(self.endpoint)}"
        if self.project is not None:
            text += f" of project {one_line(self.project)!r}"
        if self.per in {Period.DAY, Period.MONTH} and self.zone != "UTC":
            text += f" ({self.zone})"
        return text

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What a limit is of: setting another limit of the same replaces it."""
        return (self.unit, self.per, self.project or "", self.endpoint or "", self.zone)

    def applies(self, scope: Scope) -> bool:
        """Tell whether it counts for a job."""
        return (self.project is None or self.project == scope.project) and (
            self.endpoint is None or self.endpoint == scope.endpoint
        )

    def counter(self, at: int, run: str | None) -> Counter | None:
        """Give the window of an instant; None where each job is looked at alone.

        Args:
            at: The instant, in microseconds since 1970.
            run: The run, for a budget a run.
        """
        if self.per is Period.JOB or (self.per is Period.RUN and run is None):
            return None
        starts, ends = window(self.per, self.zone, at)
        return Counter(
            run=(run or "") if self.per is Period.RUN else "",
            ends=ends,
            starts=starts,
            unit=self.unit,
            per=self.per,
            project=self.project or "",
            endpoint=self.endpoint or "",
            zone=self.zone,
        )

    def shown(self, value: int) -> str:
        """Show an amount in its unit."""
        return _amount(value, self.unit)


class Check(NamedTuple):
    """One budget that a job has to fit into.

    Attributes:
        budget: The budget.
        counter: Its window; None where the job is looked at alone.
        asked: What the job asks of it; None where its dollars are not known.
    """

    budget: Budget
    counter: Counter | None
    asked: int | None


def checks_of(
    budgets: Iterable[Budget], scope: Scope, at: int, credits: int, usd: int | None
) -> list[Check]:
    """Give the budgets that a job has to fit into, each once.

    Args:
        budgets: Those that are set; of two of the same the smaller one counts.
        scope: Whose job it is.
        at: When, in microseconds since 1970.
        credits: What it asks.
        usd: The same in parts of a dollar, or None where no price is known.
    """
    found: dict[tuple[str, ...], Budget] = {}
    for budget in budgets:
        if budget.applies(scope):
            other = found.get(budget.identity)
            if other is None or budget.limit < other.limit:
                found[budget.identity] = budget
    return [
        Check(
            budget,
            budget.counter(at, scope.run),
            credits if budget.unit is Unit.CREDITS else usd,
        )
        for budget in found.values()
    ]


def window(per: Period, zone: str, at: int) -> tuple[int, int]:
    """Give the window of an instant: its first microsecond, and the first after it.

    A day begins when the zone's clock first shows its midnight, or what follows where that is left
    out.

    Args:
        per: How long windows are.
        zone: Where they begin at midnight.
        at: The instant, in microseconds since 1970.

    Raises:
        InputError: It is before 1970 or thousands of years ahead.

    Example:
        >>> starts, ends = window(Period.DAY, "Europe/Berlin", 1_774_742_400_000_000)
        >>> (ends - starts) // 3_600_000_000  # the day on which summer begins
        23
    """
    if not 0 <= at <= LAST_INSTANT:
        raise InputError("the clock is wrong: it shows no day between 1970 and 9987")
    if per not in {Period.DAY, Period.MONTH}:
        return 0, EVER
    starts, ends = _bounds(per, zone, at // HOUR)
    if not starts <= at < ends:  # midnight lies within the hour, as in Nepal
        starts, ends = _exact_bounds(per, zone, at)
    return starts, ends


@lru_cache(maxsize=256)
def _bounds(per: Period, zone: str, hour: int) -> tuple[int, int]:
    return _exact_bounds(per, zone, hour * HOUR)


def _exact_bounds(per: Period, zone: str, at: int) -> tuple[int, int]:
    place = zone_of(zone)
    day = datetime.fromtimestamp(at // MICROSECOND, place).date()
    first = day.replace(day=1) if per is Period.MONTH else day
    while at < _midnight(first, place):
        first = _step(first, per, -1)
    while at >= _midnight(_step(first, per, 1), place):
        first = _step(first, per, 1)
    return _midnight(first, place), _midnight(_step(first, per, 1), place)


def _step(day: date, per: Period, steps: int) -> date:
    if per is Period.DAY:
        return day + timedelta(days=steps)
    months = day.year * 12 + day.month - 1 + steps
    return date(months // 12, months % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    shown = datetime.combine(day, time(), zone).astimezone(UTC)
    return (shown - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@lru_cache(maxsize=64)
def zone_of(zone: str) -> ZoneInfo:
    """Find a zone by its IANA name.

    Raises:
        InputError: There is none of that name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"zone: {one_line(zone)!r} is no time zone that is known here, such as Europe/Berlin",
            field="zone",
        ) from None


def _amount(value: int, unit: Unit) -> str:
    if unit is Unit.CREDITS:
        return f"{value:,} credits"
    whole, _, part = f"{dollars_of(value):,f}".partition(".")
    return f"${whole}.{part:0<2}"
