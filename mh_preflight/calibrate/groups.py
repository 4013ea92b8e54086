"""What do the jobs of one kind say together? How far off, by which rate, and whether it moved."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from mh_preflight.calibrate.answer import Group, Implied, Ran
from mh_preflight.calibrate.counting import Interval, simplest_decimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from mh_preflight.calibrate.answer import Explanation
    from mh_preflight.calibrate.compare import Case
    from mh_preflight.calibrate.counting import Quantity

__all__ = ["grouped"]


def grouped(cases: Iterable[Case]) -> tuple[Group, ...]:
    """Put jobs of the same endpoint, mode, model and size together.

    Args:
        cases: The compared jobs.

    Returns:
        The groups, sorted by these.
    """
    groups: dict[tuple[str, Ran, bool], list[Case]] = defaultdict(list)
    for case in cases:
        found = case.compared
        ran = Ran(found.ran.mode, found.ran.model, found.ran.size)
        groups[found.endpoint, ran, found.certain].append(case)
    names = sorted(groups, key=lambda key: (key[0], str(key[1]), not key[2]))
    return tuple(_group(*name, groups[name]) for name in names)


def _group(endpoint: str, ran: Ran, certain: bool, cases: list[Case]) -> Group:  # noqa: FBT001
    # Where two were created at once, the explained one counts as the later: nothing has moved then.
    cases.sort(key=lambda case: (case.compared.created, bool(case.compared.explanations)))
    records = [case.compared for case in cases]
    verdicts = [record.verdict for record in records]
    differences = [each.difference for each in records if each.difference is not None]
    implied, moved, known = _implied(cases) if certain else (None, None, ())
    return Group(
        endpoint=endpoint,
        ran=ran,
        certain=certain,
        jobs=len(cases),
        exact=verdicts.count("exact"),
        inside=verdicts.count("inside"),
        below=verdicts.count("below"),
        above=verdicts.count("above"),
        no_rate=verdicts.count("no-rate"),
        mean_difference=Fraction(sum(differences), len(differences)) if differences else None,
        worst_difference=max(differences, key=abs) if differences else None,
        explained_by=_shared([record.explanations for record in records]),
        implied=implied,
        moved=moved,
        settled=implied is not None and _is_settled(cases[-1], implied),
        undecided=implied is not None and _is_undecided(known, implied),
    )


def _shared(explanations: Sequence[tuple[Explanation, ...]]) -> tuple[Explanation, ...]:
    """Give the explanations of the first job that are those of all others too."""

    def known(each: Explanation) -> tuple[object, ...]:
        ran = Ran(each.ran.mode, each.ran.model, each.ran.size)
        return ran, each.kind, each.value, each.unit, each.fps, each.sources

    first, *others = explanations
    every = [{known(each) for each in other} for other in others]
    return tuple(each for each in first if all(known(each) in other for other in every))


def _implied(
    cases: list[Case],
) -> tuple[Implied | None, date | None, tuple[Explanation, ...]]:
    """Find the rate that charges agree on, since when no known one explains them, and which do.

    Only the jobs of the latest entry of the rate card are asked: another has another rate. A job
    whose units are not known says nothing.
    """
    known = [case for case in cases if case.quantities and case.scale is not None and _says(case)]
    if not known:
        return None, None, ()
    last = known[-1]
    period = [case for case in known if case.rate == last.rate and case.unit == last.unit]
    late: list[Case] = []
    for case in reversed(period):
        if case.rate is None or case.compared.explanations:
            break
        late.insert(0, case)
    asked = late or period
    implied = _agreed(asked)
    moved = late[0].compared.day if late and implied is not None else None
    return implied, moved, _shared([case.compared.explanations for case in asked])


def _says(case: Case) -> bool:
    """Tell whether a charge says something of a rate: what cost nothing was given or refunded."""
    return case.compared.charged > 0 or Fraction(0) in _known_values(case)


def _agreed(cases: list[Case]) -> Implied | None:
    """Find the rate: a known one, however each job is counted, else the simplest in one way."""
    for value in _known_values(cases[-1]):
        interval = Interval.common(_around(value, case) for case in cases)
        if value in interval and (found := _rate_in(interval, value, cases)):
            return found
    for counted in dict.fromkeys(q.counted for case in cases for q in case.quantities):
        interval = Interval.common(
            _counted(case, counted).rates(case.compared.charged, case.scale)
            for case in cases
            if case.scale is not None
        )
        simplest = simplest_decimal(interval)
        if simplest is not None and (found := _rate_in(interval, simplest, cases)):
            return found
    return None


def _rate_in(interval: Interval, value: Fraction, cases: list[Case]) -> Implied | None:
    if interval.high is None:  # nothing was charged for nothing
        return None
    days = [case.compared.day for case in cases]
    return Implied(
        value=value,
        unit=cases[-1].unit,
        low=interval.low,
        high=interval.high,
        jobs=len(cases),
        since=min(days),
        until=max(days),
    )


def _known_values(case: Case) -> tuple[Fraction, ...]:
    """Give what the rate card says of a rate, the likeliest first."""
    rate = case.rate
    if rate is None:
        return ()
    against = [other.value for other in rate.disputed if other.fps is None]
    every = (rate.value, *against, rate.low, rate.high)
    return tuple(value for value in every if value is not None)


def _around(value: Fraction, case: Case) -> Interval:
    """Give the rates that make a charge, counted in a way in which a value makes it, if any."""
    if case.scale is None:
        return Interval()
    ways = [each.rates(case.compared.charged, case.scale) for each in case.quantities]
    return next((way for way in ways if value in way), ways[0])


def _counted(case: Case, counted: str) -> Quantity:
    """Count a job in one way; where it can be counted in no such way, as expected."""
    return next((q for q in case.quantities if q.counted == counted), case.quantities[0])


def _is_undecided(known: Iterable[Explanation], implied: Implied) -> bool:
    """Tell whether a known rate gives the charges that is not the one that is implied."""
    return any((each.value, each.fps) != (implied.value, None) for each in known)


def _is_settled(case: Case, implied: Implied) -> bool:
    rate = case.rate
    return rate is not None and rate.value == implied.value and not rate.disputed
