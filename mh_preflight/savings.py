"""What would cost less? One change at a time, priced again by the same rules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from mh_preflight.checks import find_length_problems, find_request_problems
from mh_preflight.errors import UnknownRateError
from mh_preflight.estimate import Estimate, estimate_job, length_of, settle_job
from mh_preflight.jobs import SHORTEST_END
from mh_preflight.settings import resolve_settings
from mh_preflight.units import MICROSECOND, ceil_div, seconds

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.media import Media
    from mh_preflight.rates import RateCard
    from mh_preflight.settings import Settings

__all__ = ["Saving", "find_fitting", "find_savings", "usable_end"]

FPS_STEPS = (30, 24, 15, 12)
"""Usual limits of the frame rate, the highest first."""

MOST = 3  # savings that are shown

CENTISECOND = MICROSECOND // 100


@dataclass(frozen=True, slots=True)
class Saving:
    """One change that makes a job cheaper.

    Attributes:
        change: Fields of the request body to change.
        credits: What the job then settles at, at most.
        saves: Credits less than before.
        lost: What is given up.
    """

    change: Mapping[str, Any]
    credits: int
    saves: int
    lost: str


def find_savings(
    job: Job,
    media: Mapping[str, Media],
    settings: Settings,
    estimate: Estimate,
    *,
    rates: RateCard,
) -> tuple[Saving, ...]:
    """Find the changes that save most: frame rate, window, mode or size.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`.
        settings: What will run.
        estimate: What it will cost.
        rates: The rate card.

    Returns:
        At most three, the one that saves most first.
    """
    before = estimate.settled.credits_high
    if before is None:
        return ()
    found = []
    for change, lost, changed in _variants(job, media, settings, estimate, rates):
        after = settle_job(job, media, changed).credits_high
        if after is not None and after < before:
            found.append(Saving(change, after, before - after, lost))
    return tuple(sorted(found, key=lambda saving: -saving.saves)[:MOST])


def find_fitting(  # noqa: PLR0913  all that a job is priced from, and the limit
    job: Job,
    media: Mapping[str, Media],
    settings: Settings,
    estimate: Estimate,
    credits: int,
    *,
    rates: RateCard,
) -> tuple[Saving, ...]:
    """Find single changes with which the hold stays within a number of credits.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`.
        settings: What will run.
        estimate: What it will cost.
        credits: What may be spent.
        rates: The rate card.

    Returns:
        Changes that fit; the shorter window last, being the one that loses most.
    """
    fitting = []
    for change, lost, changed in _variants(job, media, settings, estimate, rates):
        after = estimate_job(job, media, changed)
        if after.hold is not None and after.hold <= credits and job.end_field not in change:
            fitting.append(_fit(change, after.hold, estimate, lost))
    start, end = settings.window
    shorter = _longest_end(job, media, settings, credits)
    if shorter is not None and shorter < end:
        after = estimate_job(job, media, replace(settings, window=(start, shorter)))
        lost = f"the last {seconds(end - shorter):g} s"
        change = {job.end_field: _end_value(job, shorter)}
        fitting.append(_fit(change, after.hold or 0, estimate, lost))
    return tuple(fitting)


def _fit(change: Mapping[str, Any], hold: int, estimate: Estimate, lost: str) -> Saving:
    return Saving(change, hold, max(0, (estimate.hold or hold) - hold), lost)


def _variants(
    job: Job,
    media: Mapping[str, Media],
    settings: Settings,
    estimate: Estimate,
    rates: RateCard,
) -> Iterator[tuple[Mapping[str, Any], str, Settings]]:
    """Give each change, what is lost by it, and the settings that it leads to."""
    output = estimate.output_fps
    if "max_fps_limit" in type(job).model_fields:
        highest = settings.fps_limit if output is None else output
        step = next((step for step in FPS_STEPS if highest is None or step < highest), None)
        if step is not None:
            before = "any number of" if highest is None else f"{float(highest):g}"
            lost = f"smoothness: {step} instead of {before} frames a second"
            yield {"max_fps_limit": step}, lost, replace(settings, fps_limit=Fraction(step))
    start, end = settings.window
    there = usable_end(job, media, start)
    if there is not None and there >= SHORTEST_END and start < there < end:
        lost = f"the last {seconds(end - there):g} s, for which there is no media"
        yield {job.end_field: seconds(there)}, lost, replace(settings, window=(start, there))
    if settings.own_fps is not None:
        for step in (step for step in FPS_STEPS if step < settings.own_fps):
            lost = f"smoothness: {step} instead of {float(settings.own_fps):g} frames a second"
            yield {"fps": step}, lost, replace(settings, own_fps=Fraction(step))
    for change, lost in _other_words(job, settings):
        try:
            changed = resolve_settings(
                job.changed(change),
                plan=settings.plan,
                day=settings.day,
                rates=rates,
                basis=settings.basis,
                used=settings.used,
            )
        except UnknownRateError:
            continue
        if not _is_refused(job, changed):
            yield change, lost, changed


def _is_refused(job: Job, changed: Settings) -> bool:
    found = (*find_length_problems(job, changed), *find_request_problems(job, changed))
    return any(finding.severity == "error" for finding in found)


def _other_words(job: Job, settings: Settings) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give changes of mode, size, sound and model that may cost less, and what is lost."""
    on_day, highest = settings.on_day, settings.price.high
    for mode in settings.modes:
        least = None if mode == settings.mode else on_day.least(mode, settings.model)
        if least is not None and least < highest:
            yield nested(job.mode_field, mode), f"the {settings.mode} mode"
    sizes = on_day.sizes
    if sizes is not None and (not sizes.edges or on_day.counts("resolution")):
        offered = on_day.offered(settings.model)
        smaller = offered[: offered.index(settings.sizes[-1])] if settings.sizes else ()
        if sizes.edges and settings.sizes != sizes.names[:1]:
            smaller = sizes.names[:1]
        for size in smaller:
            lost = f"picture size: {size} at the most"
            yield nested(job.size_field, job.size_value(size)), lost
    if settings.audio and "audio" in type(job).model_fields:
        yield {"audio": False}, "the sound"
    if settings.model is not None and "model" in type(job).model_fields:
        yield from _other_models(settings)


def _other_models(settings: Settings) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give cheaper models of the same size, and of the size below where this model has none."""
    on_day, highest = settings.on_day, settings.price.high
    same = settings.sizes[0] if len(settings.sizes) == 1 else None
    for model in on_day.cheaper_models(settings.mode, same, highest)[:MOST]:
        yield {"model": model}, f"what {settings.model} does better than {model}"
    if on_day.sizes is None or same is None:
        return
    names = on_day.sizes.names
    smaller = names[: names.index(same)][-1:]
    if smaller and smaller[0] not in on_day.offered(settings.model):
        for model in on_day.cheaper_models(settings.mode, smaller[0], highest)[:1]:
            lost = f"picture size: {smaller[0]} at the most, and the {settings.model} model"
            yield {"model": model, "resolution": smaller[0]}, lost


def nested(field: str, value: object) -> Mapping[str, Any]:
    """Give a change of one field of the request, dotted.

    Example:
        >>> nested("style.generation_mode", "lite")
        {'style': {'generation_mode': 'lite'}}
    """
    first, dot, rest = field.partition(".")
    return {first: nested(rest, value) if dot else value}


def usable_end(job: Job, media: Mapping[str, Media], start: int) -> int | None:
    """Give the end of what the files hold for the window, or None where it is not known."""
    if job.trimmed is None:
        return None
    trimmed, audio = length_of(job, media, job.trimmed), length_of(job, media, "audio")
    if audio is not None and job.trimmed != "audio":
        audio += start
    return min((end for end in (trimmed, audio) if end is not None), default=None)


def _end_value(job: Job, end: int) -> int | float:
    """Give an end as the request takes it: whole where it always is."""
    return end // MICROSECOND if job.end_field != "end_seconds" else seconds(end)


def _longest_end(
    job: Job, media: Mapping[str, Media], settings: Settings, credits: int
) -> int | None:
    """Find the latest end that may be asked for and whose hold fits."""
    start, end = settings.window
    ends = _ends(job, settings, start, end)

    def hold(end: int) -> int:
        held = estimate_job(job, media, replace(settings, window=(start, end))).hold
        return credits + 1 if held is None else held

    place = bisect_right(ends, credits, key=hold)
    return ends[place - 1] if place else None


def _ends(job: Job, settings: Settings, start: int, end: int) -> Sequence[int]:
    """Give the ends that may be asked for, the earliest first."""
    durations = settings.on_day.one("durations", model=settings.model)
    if durations is not None:
        return [start + s * MICROSECOND for s in durations.seconds if start + s * MICROSECOND < end]
    step = MICROSECOND if job.end_field != "end_seconds" else CENTISECOND
    least = settings.on_day.one("min_seconds", mode=settings.mode, model=settings.model)
    shortest = step if least is None else max(step, ceil(least.value * MICROSECOND))
    first = ceil_div(max(start + shortest, SHORTEST_END), step)
    return range(first * step, end // step * step + 1, step)
