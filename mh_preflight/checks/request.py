"""Will what is asked for be taken? Modes, models, sizes, plans, numbers and texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mh_preflight.checks.finding import Finding, severity_by
from mh_preflight.media import shown_url
from mh_preflight.units import MICROSECOND, time_text

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.rates.choices import Gate
    from mh_preflight.rates.dated import Dated
    from mh_preflight.settings import Settings
    from mh_preflight.units import Plan

__all__ = ["find_request_problems"]


def find_request_problems(job: Job, settings: Settings) -> Iterator[Finding]:
    """Look at the words and numbers of a request."""
    yield from _words(job, settings)
    yield from _plans(job, settings)
    yield from _offers(job, settings)
    yield from _numbers(job, settings)
    for name, why in settings.ignored:
        yield Finding("field-ignored", "info", name, f"{name} does not count {why}")


def _words(job: Job, settings: Settings) -> Iterator[Finding]:
    mode = settings.asked_mode or settings.mode
    if settings.mode_state == "not-at-date":
        message = f"{mode!r} was no mode on {settings.day}: priced as {settings.mode!r}"
        yield Finding("mode-not-at-date", "warning", job.mode_field, message)
    if settings.mode_state == "deprecated":
        message = f"{mode!r} runs {settings.mode!r}: ask for that"
        yield Finding("mode-deprecated", "info", job.mode_field, message)
    if settings.model_state == "not-at-date":
        asked = job.asked_model
        message = f"no model could be asked for on {settings.day}: priced without {asked!r}"
        yield Finding("model-not-at-date", "warning", "model", message)
    if settings.model_state == "deprecated":
        runs = settings.model
        message = f"{job.asked_model!r} runs {runs!r}: ask for that"
        if runs == job.asked_model:
            message = f"{job.asked_model!r} is listed no more, though the API still takes its name"
        yield Finding("model-deprecated", "warning", "model", message)


def _plans(job: Job, settings: Settings) -> Iterator[Finding]:
    plan = settings.plan
    if plan is None:
        message = "rules of a plan are not checked, dollars are shown for each plan with a price"
        yield Finding("plan-not-given", "info", None, message)
        return
    mode, model = settings.mode, settings.model
    size = settings.sizes[0] if len(settings.sizes) == 1 else None
    for code, name, field, gate in (
        (
            "mode-needs-paid-plan",
            settings.asked_mode or mode,
            job.mode_field,
            _gate_of(settings, mode=mode),
        ),
        ("model-needs-paid-plan", model, "model", _gate_of(settings, model=model)),
        ("resolution-needs-paid-plan", size, job.size_field, _size_gate(settings, job, size)),
    ):
        if name is not None and gate is not None:
            yield from _gated(code, name, field, gate, plan)


def _gate_of(settings: Settings, **key: str | None) -> Gate | None:
    """Find the gate of a mode or a model alone."""
    ((name, value),) = key.items()
    gates: tuple[Gate, ...] = settings.on_day.all("gates")
    for gate in gates:
        if value is not None and getattr(gate, name) == value and gate.size is None:
            return gate
    return None


def _size_gate(settings: Settings, job: Job, size: str | None) -> Gate | None:
    """Find the gate of a size that is asked for, or of one that a name chooses."""
    sizes = settings.on_day.sizes
    if size is None or (sizes is not None and sizes.edges and job.size is None):
        return None
    gates: tuple[Gate, ...] = settings.on_day.all("gates")
    of_size = [each for each in gates if each.size == size]
    of_model = [each for each in of_size if each.model == settings.model]
    return next(iter(of_model or [each for each in of_size if each.model is None]), None)


def _gated(code: str, name: str, field: str, gate: Gate, plan: Plan) -> Iterator[Finding]:
    disputed = {one for other in gate.against for one in set(gate.plans) ^ set(other.plans)}
    if plan in disputed:
        message = f"the sources disagree whether the {plan} plan may ask for {name!r}"
        yield Finding(code, "warning", field, message)
    elif plan not in gate.plans:
        message = f"{name!r} needs the {' or '.join(gate.plans)} plan, this is {plan}"
        yield Finding(code, severity_by(gate), field, message)


def _offers(job: Job, settings: Settings) -> Iterator[Finding]:
    on_day, model = settings.on_day, settings.model
    effect = on_day.one("audio", model=model) if settings.audio else None
    if effect is not None and effect.effect == "none":
        message = f"{model} makes no sound"
        yield Finding("audio-not-offered", "warning", "audio", message)
    offered = on_day.offered(model)
    rule: Dated = on_day.one("offers", model=model) or on_day.one("sizes")
    for size in (size for size in settings.sizes if size not in offered):
        message = f"{model or settings.title} makes {', '.join(offered)}, not {size}"
        yield Finding("resolution-not-offered", severity_by(rule), job.size_field, message)
    yield from _end_frame(job, settings)


def _end_frame(job: Job, settings: Settings) -> Iterator[Finding]:
    field = "assets.end_image_file_path"
    rule = settings.on_day.one("end_frames", model=settings.model)
    if rule is None or rule.model != settings.model or not job.gives(field):
        return
    start, end = settings.window
    if not set(settings.sizes) <= set(rule.sizes):
        where = f"only at {', '.join(rule.sizes)}" if rule.sizes else "at no size"
        message = f"{settings.model} takes a last picture {where}"
        yield Finding("end-frame-not-offered", severity_by(rule), field, message)
    elif rule.max_seconds is not None and end - start > rule.max_seconds * MICROSECOND:
        message = f"{settings.model} takes a last picture up to {rule.max_seconds} s"
        yield Finding("end-frame-not-offered", severity_by(rule), field, message)


def _numbers(job: Job, settings: Settings) -> Iterator[Finding]:
    on_day, keys = settings.on_day, {"mode": settings.mode, "model": settings.model}
    name = settings.model or settings.title
    counts = on_day.one("counts", model=settings.model)
    if counts is not None and settings.count not in counts.values:
        taken = ", ".join(str(value) for value in counts.values)
        message = f"{name} makes {taken} at a time, not {settings.count}"
        yield Finding("count-not-offered", severity_by(counts), "image_count", message)
    if settings.unit == "character" and not settings.characters:
        message = "there is no text, and what the API makes of that is not published"
        yield Finding("text-empty", "warning", job.text_field, message)
    cap = on_day.one("max_characters", **keys)
    if cap is not None and settings.characters > min(cap.values):
        said = " or ".join(f"{value:,}" for value in cap.values)
        taken = f"{said} are taken" if len(cap.values) == 1 else f"{said} by sources that disagree"
        severity = severity_by(cap) if settings.characters > max(cap.values) else "warning"
        message = f"{settings.characters:,} characters, {taken}: shorten it"
        yield Finding("text-too-long", severity, job.text_field, message)
    cap = on_day.one("max_references", **keys)
    if cap is not None and job.reference_count > cap.value:
        message = f"{job.reference_count} are given, {name} takes {cap.value}"
        yield Finding("too-many-references", severity_by(cap), job.reference_field, message)
    yield from _references(job, settings)


def _references(job: Job, settings: Settings) -> Iterator[Finding]:
    """Look at files that a prompt can name: which kinds of them a model takes."""
    files = job.reference_files
    if not files or settings.model is None or not settings.on_day.all("reference_kinds"):
        return
    rule = settings.on_day.one("reference_kinds", model=settings.model)
    kinds = rule.kinds if rule is not None and rule.model == settings.model else ()
    for place, path in files.items():
        kind = settings.kind_of(path)
        if kind is not None and kind not in kinds:
            takes = f"{' and '.join(kinds)} files only" if kinds else "no references"
            message = f"{settings.model} takes {takes}, {shown_url(path)!r} is {kind}"
            yield Finding("reference-not-offered", "warning", place, message)
    start, end = settings.window
    only = None if rule is None else rule.only_seconds
    if only is not None and end - start != only * MICROSECOND:
        message = f"{settings.model} with references makes {only} s, not {time_text(end - start)} s"
        yield Finding("duration-not-offered", severity_by(rule), job.end_field, message)
