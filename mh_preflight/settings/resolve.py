"""What exactly will run? A job on a plan and a day becomes mode, size, window, limits and rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import UnknownRateError
from mh_preflight.media import ending_of
from mh_preflight.settings.choice import Asked, Choice, State, choose
from mh_preflight.units import PLANS, Plan

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.rates import (
        Basis,
        Billing,
        CreditPrice,
        EndpointRates,
        Extra,
        ExtraKind,
        PlanRates,
        Priced,
        Rate,
        RateCard,
        RateRange,
        Source,
        Unit,
        Variant,
    )

__all__ = ["Settings", "resolve_settings"]

REFERENCES: Mapping[str, ExtraKind] = {"image": "image-reference", "audio": "audio-reference"}

EDGE_FIELDS = ("width", "height", "max_resolution")


@dataclass(frozen=True, slots=True)
class Settings:
    """What will run, and by which rules it is priced.

    Attributes:
        endpoint: As in the URL.
        title: Its name for people.
        plan: The plan, or None where it was not given.
        day: The day whose rates and rules count.
        mode: The mode that runs.
        asked_mode: The mode as it was asked for, or None.
        mode_state: How the mode that was asked for stands.
        models: The models that may run; more than one where the plan decides.
        model_state: How the model that was asked for stands.
        sizes: The output sizes that may come out, where they decide the price.
        choice_inferred: Why these, where no source says it in so many words.
        plan_decides: Whether the plan, which is not given, decides the model or the size.
        audio: Whether sound is asked for.
        window: Start and end in whole microseconds.
        fps_limit: `max_fps_limit`, exact, or None.
        own_fps: The frame rate that the request states, or None.
        count: How many outputs are made.
        characters: How many characters are charged or limited.
        edges: For each plan that it may be, the longest edge of the output, or None.
        billing: How units are counted, for the estimate and for the final charge.
        unit: What is charged for.
        price: Credits a unit, sound included.
        second: Credits a second of a tool that renders at one frame rate; else None.
        counted: Frame rates at which other sources count, and their prices of a frame.
        extras: What is known of the price of files that are given besides the first.
        rates: The entries of the rate card that decide.
        prices: What credits cost, by plan; None where no price is known.
        basis: How the credits are paid.
        used: Credits that were used this month already.
        on_day: All that holds of the endpoint on that day.
        frame_cap: The largest number of frames, or None.
        modes: The modes of that day.
        upload: The largest upload in bytes (decimal, binary), or None.
        extensions: File name endings that are taken, by kind.
        ignored: Fields of the request that will not count, and why.
        checked: The day on which the sources of the rate were last compared.
        card_version: The version of the rates, and files of the user's own that touch them.
        sources: Sources of the rate by name.
    """

    endpoint: str
    title: str
    plan: Plan | None
    day: date
    mode: str | None
    asked_mode: str | None
    mode_state: State
    models: tuple[str, ...]
    model_state: State
    sizes: tuple[str, ...]
    choice_inferred: tuple[str, ...]
    plan_decides: bool
    audio: bool
    window: tuple[int, int]
    fps_limit: Fraction | None
    own_fps: Fraction | None
    count: int
    characters: int
    edges: tuple[int | None, ...]
    billing: Billing
    unit: Unit
    price: RateRange
    second: RateRange | None
    counted: tuple[tuple[Fraction, Fraction], ...]
    extras: tuple[Extra, ...]
    rates: tuple[Rate, ...]
    prices: Mapping[Plan, CreditPrice | None]
    basis: Basis
    used: int
    on_day: EndpointRates
    frame_cap: int | None
    modes: tuple[str, ...]
    upload: tuple[int, int] | None
    extensions: Mapping[str, tuple[str, ...]]
    ignored: tuple[tuple[str, str], ...]
    checked: date
    card_version: str
    sources: Mapping[str, Source]

    @property
    def rate_age(self) -> int:
        """Days from the last comparison of the sources to the day that is priced, not below 0."""
        return _age(self.on_day)

    @property
    def inferred(self) -> tuple[str, ...]:
        """Why the rate and what runs hold, where no source says it in so many words."""
        entries = (*self.rates, *self.extras)
        reasons = (*(entry.inferred for entry in entries), *self.choice_inferred)
        return tuple(dict.fromkeys(why for why in reasons if why))

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The model and size of each of `rates`, as far as they decide."""
        if len(self.rates) == 1:
            return ((self.model, self.sizes[0] if len(self.sizes) == 1 else None),)
        return tuple((rate.model, rate.size) for rate in self.rates)

    @property
    def units(self) -> int:
        """What is charged for, where that is neither frames nor seconds: characters, images, 1."""
        return {"character": self.characters, "image": self.count}.get(self.unit, 1)

    def kind_of(self, path: str) -> str | None:
        """Tell a file's kind by its name; None where that says nothing, or more than one thing."""
        return kind_by_ending(path, self.extensions)

    @property
    def model(self) -> str | None:
        """The model that runs; None where there is none, or more than one may."""
        return self.models[0] if len(self.models) == 1 else None


def resolve_settings(  # noqa: PLR0913  what a price depends on
    job: Job,
    *,
    plan: Plan | None,
    day: date,
    rates: RateCard,
    basis: Basis = "annual",
    used: int = 0,
    max_age_days: int | None = None,
) -> Settings:
    """Work out what a job will run and by which rules it is priced.

    Args:
        job: The job.
        plan: The plan; None where it is not known, and what it decides becomes a range.
        day: The day whose rates and rules count, from 00:00 UTC.
        rates: The rate card.
        basis: How the credits are paid.
        used: Credits that were used this month already, which decide the band where usage is
            billed.
        max_age_days: Days before that day within which the sources must have been compared.

    Raises:
        UnknownRateError: No rate is known for the job on that day, or none that is young enough.
    """
    on_day, plans = rates.endpoint(job.endpoint, day), rates.plan_rates(day)
    _refuse_old(on_day, max_age_days)
    possible = (plan,) if plan else PLANS
    mode, state = _mode(on_day, job.mode)
    ignored = dict(_ignored(on_day, job, mode))
    edge = None if ignored.keys() & set(EDGE_FIELDS) else job.edge
    size = None if "resolution" in ignored else job.size
    if size and edge:
        ignored["max_resolution"] = "beside resolution, which overrides it"
        edge = None
    edges = {name: _edge(plans, on_day, name, edge) for name in possible}
    choice = choose(on_day, job, Asked(mode, size, edge is not None), edges)
    extensions = _extensions(plans, on_day)
    priced = _priced(on_day, job, mode, choice, _extras(job, extensions))
    billing = on_day.billing(mode)
    model = choice.variants[0][0] if choice.variants else None
    uploads = [plans.uploads[name] for name in possible if name in plans.uploads]
    return Settings(
        endpoint=job.endpoint,
        title=on_day.file.title,
        plan=plan,
        day=day,
        mode=mode,
        asked_mode=job.mode,
        mode_state=state,
        models=tuple(dict.fromkeys(name for name, _ in choice.variants if name)),
        model_state=choice.model_state,
        sizes=tuple(dict.fromkeys(name for _, name in choice.variants if name)),
        choice_inferred=choice.inferred,
        plan_decides=choice.plan_decides,
        audio=job.audio_asked,
        window=job.window or (0, 0),
        fps_limit=job.fps_limit,
        own_fps=job.own_fps,
        count=job.count,
        characters=len(job.text),
        edges=tuple(dict.fromkeys(edges.values())),
        billing=billing,
        unit=billing.at_once or "frame",
        price=priced.unit,
        second=priced.second,
        counted=priced.counted,
        extras=priced.extras,
        rates=priced.entries,
        prices={name: _price(plans, name, basis, used) for name in possible},
        basis=basis,
        used=used,
        on_day=on_day,
        frame_cap=_value(on_day.one("frame_caps", mode=mode, model=model, plan=plan)),
        modes=on_day.modes.names if on_day.modes else (),
        upload=max(uploads) if len(uploads) == len(possible) else None,
        extensions=extensions,
        ignored=tuple(ignored.items()),
        checked=on_day.file.checked,
        card_version=rates.version_for(job.endpoint),
        sources=on_day.file.sources,
    )


def _extensions(plans: PlanRates, on_day: EndpointRates) -> Mapping[str, tuple[str, ...]]:
    more = {entry.kind: entry.value for entry in on_day.all("extensions")}
    if not more:
        return plans.extensions
    return {kind: (*own, *more.get(kind, ())) for kind, own in plans.extensions.items()}


def _extras(job: Job, extensions: Mapping[str, tuple[str, ...]]) -> tuple[ExtraKind, ...]:
    """Tell which kinds of files are given besides the first; of an unclear one, the dearest."""
    found: dict[ExtraKind, None] = {}
    for path in job.reference_files.values():
        kind = kind_by_ending(path, extensions)
        found[REFERENCES.get(kind or "", "video-reference")] = None
    if job.gives("assets.end_image_file_path"):
        found["end-frame"] = None
    return tuple(found)


def kind_by_ending(path: str, extensions: Mapping[str, tuple[str, ...]]) -> str | None:
    """Tell a file's kind by its name; None where that says nothing, or more than one thing."""
    ending = ending_of(path)
    kinds = [kind for kind, endings in extensions.items() if ending in endings]
    return kinds[0] if len(kinds) == 1 else None


def _priced(
    on_day: EndpointRates,
    job: Job,
    mode: str | None,
    choice: Choice,
    extras: tuple[ExtraKind, ...],
) -> Priced:
    try:
        return on_day.priced(mode, choice.variants, audio=job.audio_asked, extras=extras)
    except UnknownRateError as error:
        sizes = {size for _, size in choice.variants}
        if job.size is None and len(sizes) > 1 and not choice.plan_decides:
            hint = f"; which {job.size_field} runs by default is not published: name one"
            raise UnknownRateError(f"{error.message}{hint}", field=job.size_field) from None
        raise


def _price(plans: PlanRates, plan: Plan, basis: Basis, used: int) -> CreditPrice | None:
    price = plans.prices.get((plan, basis))
    return None if price is None else price.after(used)


def _age(on_day: EndpointRates) -> int:
    return max(0, (on_day.day - on_day.file.checked).days)


def _refuse_old(on_day: EndpointRates, max_age_days: int | None) -> None:
    age = _age(on_day)
    if max_age_days is not None and age > max_age_days:
        raise UnknownRateError(
            f"the rates of {on_day.file.endpoint} were last checked {age:,} days before "
            f"{on_day.day}, on {on_day.file.checked}, and max_age_days allows {max_age_days:,}: "
            "get newer ones with `mh-preflight rates-update`, or with a newer mh-preflight",
            code="rates-too-old",
            field="max_age_days",
        )


def _value(entry: Any) -> int | None:
    return None if entry is None else entry.value


def _mode(on_day: EndpointRates, asked: str | None) -> tuple[str | None, State]:
    modes = on_day.modes
    if modes is None:
        return asked, "current"
    if asked is None:
        return modes.default, "current"
    if asked in modes.names:
        return asked, "current"
    if asked in modes.aliases:
        return modes.aliases[asked], "deprecated"
    return modes.default, "not-at-date"


def _ignored(on_day: EndpointRates, job: Job, mode: str | None) -> Iterator[tuple[str, str]]:
    for name, why, modes in on_day.bounded_fields:
        if job.gives(name):
            if why is not None:
                yield name, why
            elif not {mode, job.mode} & set(modes):
                yield name, f"in {mode} mode"


def _edge(plans: PlanRates, on_day: EndpointRates, plan: Plan, asked: int | None) -> int | None:
    resize = on_day.one("resize")
    own = resize.longest_edge if resize else None
    return min((edge for edge in (plans.edges.get(plan), asked, own) if edge), default=None)
