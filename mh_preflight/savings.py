"""What would cost less? One change at a time, priced again by the same rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

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
        if after.hold is not None and after.hold <= credits and "end_seconds" not in change:
            fitting.append(_fit(change, after.hold, estimate, lost))
    start, end = settings.window
    shorter = _longest_end(job, media, settings, credits)
    if shorter is not None and shorter < end:
        after = estimate_job(job, media, replace(settings, window=(start, shorter)))
        lost = f"the last {seconds(end - shorter):g} s"
        change = {"end_seconds": seconds(shorter)}
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
        yield {"end_seconds": seconds(there)}, lost, replace(settings, window=(start, there))
    for change, lost in _other_words(settings, rates):
        try:
            changed = resolve_settings(
                job.changed(change),
                plan=settings.plan,
                day=settings.day,
                rates=rates,
                basis=settings.basis,
            )
        except UnknownRateError:
            continue
        if not _is_refused(changed):
            yield change, lost, changed


def _is_refused(changed: Settings) -> bool:
    start, end = changed.window
    too_long = changed.max_seconds is not None and end - start > changed.max_seconds * MICROSECOND
    return too_long or (changed.plan is not None and changed.plan not in changed.allowed_plans)


def _other_words(settings: Settings, rates: RateCard) -> Iterator[tuple[Mapping[str, Any], str]]:
    on_day = rates.endpoint(settings.endpoint, settings.day)
    for mode in settings.modes:
        if mode != settings.mode and on_day.least(mode) < settings.frame.high:
            yield {"style": {"generation_mode": mode}}, f"the {settings.mode} mode"
    sizes = on_day.sizes
    if sizes and on_day.counts("resolution") and settings.sizes != sizes.names[:1]:
        yield {"resolution": sizes.names[0]}, f"picture size: {sizes.names[0]} at the most"


def usable_end(job: Job, media: Mapping[str, Media], start: int) -> int | None:
    """Give the end of what the files hold for the window, or None where it is not known."""
    trimmed, audio = length_of(job, media, job.trimmed), length_of(job, media, "audio")
    if audio is not None and job.trimmed != "audio":
        audio += start
    return min((end for end in (trimmed, audio) if end is not None), default=None)


def _longest_end(
    job: Job, media: Mapping[str, Media], settings: Settings, credits: int
) -> int | None:
    """Find the latest end, in whole hundredths of a second, whose hold fits."""
    start, end = settings.window

    def fits(hundredths: int) -> bool:
        window = (start, hundredths * CENTISECOND)
        hold = estimate_job(job, media, replace(settings, window=window)).hold
        return hold is not None and hold <= credits

    low = ceil_div(max(start + CENTISECOND, SHORTEST_END), CENTISECOND)
    high = end // CENTISECOND
    if low > high or not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low * CENTISECOND
