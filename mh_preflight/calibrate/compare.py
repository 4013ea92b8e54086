"""Was one job estimated right? What was charged beside what the rates of its day give.

A job of a ledger has its estimate with it; for any other it is made here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mh_preflight.assets import stated_media
from mh_preflight.calibrate.answer import Compared, Estimated, Ran, Verdict
from mh_preflight.calibrate.candidates import Candidate, candidates_of, scale_of
from mh_preflight.calibrate.counting import EXPECTED, Quantity, Scale
from mh_preflight.errors import UnknownRateError
from mh_preflight.estimate import settle_job
from mh_preflight.frames import count_frames
from mh_preflight.rates import Rate, RateCard
from mh_preflight.settings import resolve_settings
from mh_preflight.units import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mh_preflight.assets import Facts
    from mh_preflight.calibrate.projects import Booked, Project, Settled
    from mh_preflight.estimate import Side
    from mh_preflight.jobs import Job
    from mh_preflight.media import Media
    from mh_preflight.rates import Billing, EndpointRates, Unit
    from mh_preflight.settings import Settings

__all__ = ["Case", "compare"]

PRINTED = Fraction(1, 200)
NOT_COUNTED = frozenset({"frame-rate-unknown"})
"""Why the frames of an estimate are no count of anything."""

ROUGHLY = NOT_COUNTED | {
    "audio-shorter",
    "frame-rate-uncertain",
    "frame-rate-varies",
    "window-past-end",
}
"""Why units lie anywhere between two numbers, so that a charge implies no rate."""


@dataclass(frozen=True, slots=True)
class Case:
    """A compared job, and what is needed to find the rate that it implies.

    Attributes:
        compared: The job beside its estimate.
        rate: The entry that decides; None where it is not known.
        unit: What a rate of this job is for.
        scale: What makes the price of a counted unit; None where it is not known.
        quantities: The ways to count; empty where units are not known.
    """

    compared: Compared
    rate: Rate | None
    unit: Unit
    scale: Scale | None
    quantities: tuple[Quantity, ...]


def compare(settled: Settled, rates: RateCard) -> Case:
    """Compare a finished job with its estimate.

    Args:
        settled: The job.
        rates: The rate card.

    Raises:
        InputError: A fact that is stated cannot be.
    """
    project = settled.project
    if project.endpoint is None:
        return _unknown(project, Ran(), f"no endpoint is known for type {project.type!r}")
    if settled.booked is not None:
        return _booked(project, project.endpoint, settled.booked, rates)
    if settled.job is None:
        return _alone(project, project.endpoint, rates)
    return _asked(settled, settled.job, rates)


def _unknown(project: Project, ran: Ran, why: str, *, certain: bool = False) -> Case:
    compared = Compared(
        id=project.id,
        endpoint=project.endpoint or project.type,
        ran=ran,
        certain=certain,
        created=project.created,
        charged=project.charged,
        estimated=None,
        verdict="no-rate",
        difference=None,
        explanations=(),
        why=why,
    )
    return Case(compared, None, "job", None, ())


def _compared(  # noqa: PLR0913  what a comparison is made of
    project: Project,
    ran: Ran,
    estimated: Estimated,
    candidates: list[Candidate],
    on_day: EndpointRates | None,
    *,
    certain: bool,
    roughly: bool = False,
) -> Compared:
    verdict, difference = _verdict(project.charged, estimated)
    sources = {} if on_day is None else on_day.file.sources
    found = (each.explain(project.charged, sources) for each in candidates)
    explanations = tuple(each for each in found if each is not None)
    named = all(each.quantities and each.kind in {"value", "against"} for each in candidates)
    silent = bool(candidates) and named and not (roughly or explanations)
    return Compared(
        id=project.id,
        endpoint=project.endpoint or project.type,
        ran=ran,
        certain=certain,
        created=project.created,
        charged=project.charged,
        estimated=estimated,
        verdict=verdict,
        difference=difference,
        explanations=explanations,
        unexplained=silent and verdict == "inside",
    )


def _verdict(charged: int, estimated: Estimated) -> tuple[Verdict, int]:
    low, expected, high = estimated.low, estimated.expected, estimated.high
    if charged == expected:
        return "exact", 0
    if charged < low:
        return "below", charged - (low if expected is None else expected)
    if high is not None and charged > high:
        return "above", charged - (high if expected is None else expected)
    return "inside", 0 if expected is None else charged - expected


# ------------------------------------------------------------------------- with the whole request


def _asked(settled: Settled, job: Job, rates: RateCard) -> Case:
    project, day = settled.project, settled.project.created.date()
    try:
        settings = resolve_settings(job, plan=settled.plan, day=day, rates=rates)
    except UnknownRateError as error:
        return _unpriced(settled, job, rates, error.message)
    side = settle_job(job, _media(settled, job, settings), settings)
    quantities = _counted(side, settings)
    certain = len(settings.rates) == 1
    ran = _ran(settings)
    start, end = settings.window
    candidates: list[Candidate] = []
    scale = None
    for rate, variant in zip(settings.rates, settings.variants, strict=True):
        own = Ran(settings.mode, *variant, settings.audio)
        scale = scale_of(settings.on_day, settings.billing, rate, own)
        if scale is not None:
            candidates += candidates_of(rate, own, scale, quantities, end - start)
    estimated = Estimated(side.credits_low, side.credits, side.credits_high)
    roughly = bool(ROUGHLY & set(side.why))
    compared = _compared(
        project, ran, estimated, candidates, settings.on_day, certain=certain, roughly=roughly
    )
    rate = settings.rates[0]
    unit = rate.unit or settings.unit
    implying = () if roughly else quantities
    return Case(compared, rate if certain else None, unit, scale, implying)


def _unpriced(settled: Settled, job: Job, rates: RateCard, why: str) -> Case:
    """Count the units of a job of which no rate is known, so that its charge implies one."""
    day = settled.project.created.date()
    file = rates.endpoints.get(job.endpoint)
    if file is None or not any(entry.holds_on(day) for entry in file.billing):
        return _unknown(settled.project, Ran(job.mode, job.asked_model, job.size), why)
    any_price = Rate.model_validate(
        {"unit": "job", "value": "1", "from": date.min, "sources": (next(iter(file.sources)),)}
    )
    stand_in = file.model_copy(update={"rates": (any_price,)})
    card = RateCard(rates.version, MappingProxyType({job.endpoint: stand_in}), rates.plans)
    try:
        settings = resolve_settings(job, plan=settled.plan, day=day, rates=card)
    except UnknownRateError:  # which model runs, or what sound adds, is not known either
        return _unknown(settled.project, Ran(job.mode, job.asked_model, job.size), why)
    known = len(settings.models) < 2 and len(settings.sizes) < 2  # noqa: PLR2004  one or none
    case = _unknown(settled.project, _ran(settings), why, certain=known)
    side = settle_job(job, _media(settled, job, settings), settings)
    scale = scale_of(settings.on_day, settings.billing, any_price, case.compared.ran)
    return replace(case, unit=settings.unit, scale=scale, quantities=_counted(side, settings))


def _ran(settings: Settings) -> Ran:
    size = settings.sizes[0] if len(settings.sizes) == 1 else None
    return Ran(settings.mode, settings.model, size, settings.audio)


def _media(settled: Settled, job: Job, settings: Settings) -> Mapping[str, Media]:
    """Give what is stated of the files; the rendered frame rate stands for the source's."""
    facts = settled.facts
    if settings.billing.from_source and any(job.kind_of(n) == "video" for n in job.sources()):
        facts = replace(facts, video_fps=_source_fps(settled, facts, settings))
    return stated_media(job, {}, facts)


def _source_fps(settled: Settled, facts: Facts, settings: Settings) -> Fraction | None:
    from mh_preflight.units import frame_rate

    stated = None
    if facts.video_fps is not None:
        stated = frame_rate(facts.video_fps, field="video_fps")
    rendered = settled.project.fps
    if rendered is None:
        return stated
    half = settings.billing.settled is not None and "half-source" in settings.billing.settled
    if half:
        rendered *= 2
    if stated is not None:
        limited = min(stated, settings.fps_limit or stated)
        if abs(limited - rendered) < PRINTED:  # the same, and stated exactly
            return stated
    return rendered


def _counted(side: Side, settings: Settings) -> tuple[Quantity, ...]:
    start, end = settings.window
    if settings.billing.at_once is not None:
        return _at_once(settings.unit, settings.units, end - start)
    if NOT_COUNTED & set(side.why):
        return ()
    return _frames(side.frames, side.frames_low, side.frames_high)


def _frames(expected: int | None, low: int | None, high: int | None) -> tuple[Quantity, ...]:
    """Give the ways to count frames; of two with the same number the first."""
    found: dict[int, Quantity] = {}
    for name, count in ((EXPECTED, expected), ("fewest", low), ("most", high)):
        if count is not None:
            found.setdefault(count, Quantity(name, Fraction(count)))
    return tuple(found.values())


def _at_once(unit: Unit, units: int | None, window: int | None) -> tuple[Quantity, ...]:
    if unit != "second":
        return () if units is None else (Quantity(EXPECTED, Fraction(units)),)
    if window is None:
        return ()
    exact = Fraction(window, MICROSECOND)
    if exact.denominator == 1:
        return (Quantity(EXPECTED, exact),)
    return (
        Quantity(EXPECTED, exact),
        Quantity("rounded down", exact, down=True),
        Quantity("whole seconds", Fraction(math.ceil(exact))),
    )


# --------------------------------------------------------------------- with a project or an entry


def _alone(project: Project, endpoint: str, rates: RateCard) -> Case:
    """Compare a job of which only the project is known, with all that may have run."""
    start, end = project.window or (0, 0)
    window = end - start if project.window else None
    try:
        on_day = rates.endpoint(endpoint, project.created.date())
        may_run = tuple(_combinations(on_day))
        candidates = _possible(
            on_day, may_run, window, lambda billing: _units(project, billing, window)
        )
    except UnknownRateError as error:
        return _unknown(project, Ran(), error.message)
    certain, ran = len(may_run) == 1, _common(may_run)
    estimated = _estimated(candidates)
    compared = _compared(project, ran, estimated, candidates, on_day, certain=certain)
    return _case(compared, candidates)


def _booked(project: Project, endpoint: str, booked: Booked, rates: RateCard) -> Case:
    """Compare a job of a ledger with the estimate that it keeps."""
    start, end = booked.window
    may_run = tuple(Ran(booked.mode, *variant, booked.audio) for variant in booked.variants)

    def counted(billing: Billing) -> tuple[Quantity, ...]:
        if billing.at_once is not None:
            return _at_once(billing.at_once, booked.units, end - start)
        if NOT_COUNTED & set(booked.why):
            return ()
        return _frames(booked.frames, booked.frames_low, booked.frames_high)

    estimated = Estimated(booked.settled_low, booked.settled, booked.settled_high)
    certain, ran = len(may_run) == 1, _common(may_run)
    try:
        on_day = rates.endpoint(endpoint, project.created.date())
        candidates = _possible(on_day, may_run, end - start, counted)
    except UnknownRateError:  # these rates do not know it any more, or not yet
        compared = _compared(project, ran, estimated, [], None, certain=certain)
        return Case(compared, None, "job", None, ())
    roughly = bool(ROUGHLY & set(booked.why))
    compared = _compared(
        project, ran, estimated, candidates, on_day, certain=certain, roughly=roughly
    )
    case = _case(compared, candidates)
    return replace(case, quantities=()) if roughly else case


def _possible(
    on_day: EndpointRates,
    may_run: tuple[Ran, ...],
    window: int | None,
    counted: Callable[[Billing], tuple[Quantity, ...]],
) -> list[Candidate]:
    """Give all values of what may have run.

    Raises:
        UnknownRateError: There is none.
    """
    found: list[Candidate] = []
    for ran in may_run:
        try:
            rate = on_day.rate(ran.mode, ran.model, ran.size)
        except UnknownRateError:
            continue
        billing: Billing | None = on_day.billing(ran.mode)
        if billing is None:
            continue
        scale = scale_of(on_day, billing, rate, ran)
        if scale is not None:
            found += candidates_of(rate, ran, scale, counted(billing), window)
    if not found:
        raise UnknownRateError(f"no rate is known for {on_day.file.endpoint} on {on_day.day}")
    return found


def _common(may_run: tuple[Ran, ...]) -> Ran:
    """Give what all that may have run has in common."""

    def same(name: str) -> Any:
        values = {getattr(ran, name) for ran in may_run}
        return values.pop() if len(values) == 1 else None

    return Ran(same("mode"), same("model"), same("size"), bool(same("audio")))


def _case(compared: Compared, candidates: list[Candidate]) -> Case:
    first = candidates[0]
    unit = first.rate.unit or "job"
    if not compared.certain:
        return Case(compared, None, unit, None, ())
    return Case(compared, first.rate, unit, first.scale, first.quantities)


def _combinations(on_day: EndpointRates) -> Iterator[Ran]:
    modes: tuple[str | None, ...] = on_day.modes.names if on_day.modes else (None,)
    models = [entry.name for entry in on_day.all("models") if not entry.runs] or [None]
    for mode in modes:
        for model in models:
            for size in on_day.offered(model) or (None,):
                yield Ran(mode, model, size)
                effect = on_day.one("audio", model=model, size=size)
                if effect is not None and effect.effect == "adds":
                    yield Ran(mode, model, size, audio=True)


def _units(project: Project, billing: Billing, window: int | None) -> tuple[Quantity, ...]:
    if billing.at_once is not None:
        units = {"image": project.images, "job": 1}
        return _at_once(billing.at_once, units.get(billing.at_once), window)
    if window is None:
        return ()
    # The rendered rate is half of the source's where half of the frames are made.
    words: Mapping[object, Fraction | None] = {
        "job": project.fps,
        "half-source": project.fps,
        "source": project.fps,
    }
    half = "half-source" in (billing.settled or ())
    rates = []
    for word in billing.settled or ():
        rate = word if isinstance(word, Fraction) else words[word]
        if rate is None:
            return ()
        rates.append(2 * rate if half and word == "source" else rate)
    low, high = (Fraction(count_frames(rate, window)) for rate in rates)
    if low == high:
        return (Quantity(EXPECTED, low),)
    return (Quantity("fewest", low), Quantity("most", high))


def _estimated(candidates: list[Candidate]) -> Estimated:
    charges: list[int] = []
    likeliest: set[int | None] = set()
    bounded = True
    for each in candidates:
        price = each.price
        if not each.quantities:
            bounded = False
            charges.append(math.ceil(price))  # of one unit
        charges += [quantity.charge(price) for quantity in each.quantities]
        if each.kind == "value":
            expected = [q for q in each.quantities if q.counted == EXPECTED]
            likeliest.add(expected[0].charge(price) if expected else None)
        elif each.kind == "low":
            likeliest.add(None)
    expected_credits = likeliest.pop() if len(likeliest) == 1 else None
    return Estimated(min(charges), expected_credits, max(charges) if bounded else None)
