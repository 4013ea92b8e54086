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
from mh_preflight.units import MICROSECOND, ceil_div, seconds, time_text

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

COUNT = "image_count"

NOT_OFFERED = {"audio-not-offered", "reference-not-offered"}
"""Warnings for which a change gives something else than what was asked for."""


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

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields to change, dotted, and their new values.

        Example:
            >>> Saving({"style": {"generation_mode": "lite"}}, 450, 450, "the pro mode").fields
            {'style.generation_mode': 'lite'}
        """
        return dict(_dotted(self.change))

    @property
    def shown(self) -> Mapping[str, str]:
        """The same as a person would write it: whole numbers without a point, `false`.

        Example:
            >>> Saving({"end_seconds": 5.0, "audio": False}, 240, 48, "the sound").shown
            {'end_seconds': '5', 'audio': 'false'}
        """
        return {name: _shown(value) for name, value in self.fields.items()}


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
    for change, lost in _changes(job, media, settings, estimate):
        changed = _reprice(job, change, settings, rates)
        after = None if changed is None else settle_job(job, media, changed).credits_high
        if after is not None and changed is not None and after < before:
            words = _with_size(lost, settings, changed)
            found.append(Saving(change, after, before - after, words))
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

    def hold(changed: Settings | None) -> int | None:
        return None if changed is None else estimate_job(job, media, changed).hold

    fitting = []
    for change, lost in (*_changes(job, media, settings, estimate), *_fewer(settings)):
        changed = _reprice(job, change, settings, rates)
        held = hold(changed)
        if changed is None or held is None or held > credits:
            continue
        if job.end_field not in change:
            fitting.append(_fit(change, held, estimate, _with_size(lost, settings, changed)))
            if COUNT in change:
                break
    start, end = settings.window
    within: Settings | None = settings
    while within is not None and within.window[1] > start:
        shorter = _longest_end(job, media, within, credits)
        if shorter is None or shorter >= end:
            break
        change = {job.end_field: _end_value(job, settings, shorter)}
        within = _reprice(job, change, settings, rates)
        held = hold(within)
        if held is not None and held <= credits:
            fitting.append(_fit(change, held, estimate, f"the last {time_text(end - shorter)} s"))
            break
        # A shorter job may run another model, at another price: look below, at that price.
    return tuple(fitting)


def _with_size(lost: str, settings: Settings, changed: Settings) -> str:
    """Say also that the picture gets smaller, where a change brings another size with it."""
    sizes = settings.on_day.sizes
    if sizes is None or not settings.sizes or not changed.sizes or "picture size" in lost:
        return lost
    before, after = (
        max(_place(sizes.names, size) for size in each.sizes) for each in (settings, changed)
    )
    return f"{lost}; picture size: {sizes.names[after]} at the most" if after < before else lost


def _place(names: Sequence[str], size: str) -> int:
    """Give the place of a size; one that is not offered comes after all, for it is refused."""
    return names.index(size) if size in names else len(names)


def _fit(change: Mapping[str, Any], hold: int, estimate: Estimate, lost: str) -> Saving:
    return Saving(change, hold, max(0, (estimate.hold or hold) - hold), lost)


def _reprice(
    job: Job, change: Mapping[str, Any], settings: Settings, rates: RateCard
) -> Settings | None:
    """Settle what a changed job would run; None where it would be refused, or has no rate."""
    limit = change.get("max_fps_limit")
    if limit is not None:  # nothing else depends on it, and most jobs come this way
        return replace(settings, fps_limit=Fraction(limit))
    other = job.changed(change)
    try:
        changed = resolve_settings(
            other,
            plan=settings.plan,
            day=settings.day,
            rates=rates,
            basis=settings.basis,
            used=settings.used,
        )
    except UnknownRateError:
        return None
    found = (*find_length_problems(other, changed), *find_request_problems(other, changed))
    refused = any(f.severity == "error" or f.code in NOT_OFFERED for f in found)
    return None if refused else changed


def _changes(
    job: Job, media: Mapping[str, Media], settings: Settings, estimate: Estimate
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give changes that may cost less, and what is lost by each."""
    output = estimate.output_fps
    if "max_fps_limit" in type(job).model_fields:
        highest = settings.fps_limit if output is None else output
        step = next((step for step in FPS_STEPS if highest is None or step < highest), None)
        if step is not None:
            before = "any number of" if highest is None else f"{float(highest):g}"
            yield {"max_fps_limit": step}, _smoothness(step, before)
    start, end = settings.window
    there = usable_end(job, media, start)
    if there is not None and there >= SHORTEST_END and start < there < end:
        lost = f"the last {time_text(end - there)} s, for which there is no media"
        yield {job.end_field: _end_value(job, settings, there)}, lost
    if settings.own_fps is not None:
        for step in (step for step in FPS_STEPS if step < settings.own_fps):
            yield {"fps": step}, _smoothness(step, f"{float(settings.own_fps):g}")
    yield from _other_words(job, settings)


def _smoothness(step: int, before: str) -> str:
    return f"smoothness: {step} instead of {before} frames a second"


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
        smaller = offered[: _place(offered, settings.sizes[-1])] if settings.sizes else ()
        if sizes.edges and settings.sizes != sizes.names[:1]:
            smaller = sizes.names[:1]
        for size in smaller:
            lost = f"picture size: {size} at the most"
            yield nested(job.size_field, job.size_value(size)), lost
    # An older name of a model asks for sound too.
    named = settings.audio and not job.value_of("audio")
    if settings.audio:
        yield {"model": settings.model} if named else {"audio": False}, "the sound"
    if settings.model is not None and "model" in type(job).model_fields:
        for change, lost in _other_models(settings):
            yield {**change, "audio": True} if named else change, lost


def _other_models(settings: Settings) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give cheaper models of the same size, and of the size below where this model has none."""
    on_day, highest = settings.on_day, settings.price.high
    same = settings.sizes[0] if len(settings.sizes) == 1 else None
    for model in on_day.cheaper_models(settings.mode, same, highest)[:MOST]:
        if model != settings.model:
            yield {"model": model}, f"what {settings.model} does better than {model}"
    if on_day.sizes is None or same is None:
        return
    names = on_day.sizes.names
    smaller = names[: _place(names, same)][-1:]
    if smaller and smaller[0] not in on_day.offered(settings.model):
        for model in on_day.cheaper_models(settings.mode, smaller[0], highest)[:1]:
            lost = f"picture size: {smaller[0]} at the most, and the {settings.model} model"
            yield {"model": model, "resolution": smaller[0]}, lost


def _fewer(settings: Settings) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give smaller numbers of outputs, the largest first."""
    counts = settings.on_day.one("counts", model=settings.model)
    taken = range(1, settings.count) if counts is None else counts.values
    for count in sorted((count for count in taken if count < settings.count), reverse=True):
        yield {COUNT: count}, f"{settings.count - count} of {settings.count} images"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _dotted(change: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in change.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


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


def _only_whole(job: Job, settings: Settings) -> bool:
    """Tell whether the end is a whole number of seconds, always."""
    named = settings.on_day.one("durations", model=settings.model) is not None
    return named or job.end_field != "end_seconds"


def _end_value(job: Job, settings: Settings, end: int) -> int | float:
    """Give an end as the request takes it."""
    return end // MICROSECOND if _only_whole(job, settings) else seconds(end)


def _longest_end(
    job: Job, media: Mapping[str, Media], settings: Settings, credits: int
) -> int | None:
    """Find the latest end before that of some settings which may be asked for and fits by them."""
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
    step = MICROSECOND if _only_whole(job, settings) else CENTISECOND
    least = settings.on_day.one("min_seconds", mode=settings.mode, model=settings.model)
    shortest = step if least is None else max(step, ceil(least.value * MICROSECOND))
    first = ceil_div(max(start + shortest, SHORTEST_END), step)
    return range(first * step, (end - 1) // step * step + 1, step)
