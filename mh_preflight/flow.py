"""From a job to a report, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from mh_preflight.assets import probe_assets, raise_if_changed
from mh_preflight.checks import Finding, find_problems
from mh_preflight.errors import (
    FindingsError,
    InputError,
    OverLimitError,
    UnknownRateError,
)
from mh_preflight.estimate import Estimate, Money, estimate_job, explain_estimate
from mh_preflight.jobs import Job
from mh_preflight.media import Isolation, Limits, Media, ProbeCache
from mh_preflight.savings import Saving, find_fitting, find_savings
from mh_preflight.settings import Settings, resolve_settings
from mh_preflight.units import PLANS, Number, Plan, age_in_days, exact

if TYPE_CHECKING:
    from mh_preflight.rates import Basis, RateCard

__all__ = ["Report", "preflight"]


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a job before it is sent.

    Attributes:
        job: The job.
        media: What is known of its files, by field of `assets`; one that lies elsewhere and could
            not be read has `error` set.
        settings: What will run.
        estimate: What it will cost.
        findings: What was found, the errors first.
        savings: What would cost less, the one that saves most first.
        rates: The rate card that priced it.
    """

    job: Job
    media: Mapping[str, Media]
    settings: Settings
    estimate: Estimate
    findings: tuple[Finding, ...]
    savings: tuple[Saving, ...]
    rates: RateCard

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the API would refuse the job."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def explain(self) -> tuple[str, ...]:
        """Write the arithmetic line by line, with the rate's source and date."""
        return explain_estimate(self.settings, self.estimate)

    def raise_for_findings(self) -> None:
        """Raise where the API would refuse the job.

        Raises:
            FindingsError: There are findings of severity error.
        """
        if errors := self.errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            field = f"{first.field}: " if first.field else ""
            raise FindingsError(f"{field}{first.message} [{first.code}]{more}", errors)

    def raise_for_changes(self) -> None:
        """Raise where a file is no longer the one that was priced; to be called before sending.

        Raises:
            MediaError: A file was changed or removed since it was read.
        """
        for name, known in self.media.items():
            raise_if_changed(name, known)

    def raise_over_limit(
        self, *, max_credits: int | None = None, max_usd: Number | None = None
    ) -> None:
        """Raise where the job may cost more than is allowed.

        Args:
            max_credits: Credits that may be held.
            max_usd: US dollars that may be held.

        Raises:
            OverLimitError: The hold is larger, or has no upper bound.
            UnknownRateError: A limit in dollars, but no price of a credit is known.
            InputError: A limit is no number, or negative.
        """
        allowed, words = self._allowed(max_credits, max_usd)
        hold = self.estimate.hold
        if allowed is None or (hold is not None and hold <= allowed):
            return
        fits = find_fitting(
            self.job, self.media, self.settings, self.estimate, allowed, rates=self.rates
        )
        what = (
            "has no upper bound, because its frame rate is not known"
            if hold is None
            else f"may cost {hold:,} credits"
        )
        hint = f"; {_in_words(fits[0])} would fit" if fits else ""
        raise OverLimitError(f"the job {what}, {words}{hint}", self, fits)

    def _allowed(self, max_credits: int | None, max_usd: Number | None) -> tuple[int | None, str]:
        allowed: list[tuple[int, str]] = []
        if max_credits is not None:
            if isinstance(max_credits, bool) or not isinstance(max_credits, int):
                raise InputError("max_credits: must be a whole number", field="max_credits")
            if max_credits < 0:
                raise InputError("max_credits: must not be negative", field="max_credits")
            allowed.append((max_credits, f"max_credits allows {max_credits:,}"))
        if max_usd is not None:
            usd = exact(max_usd, field="max_usd")
            if usd < 0:
                raise InputError("max_usd: must not be negative", field="max_usd")
            prices = [price for price in self.settings.prices.values() if price is not None]
            if not prices:
                plan = f"the {self.settings.plan} plan" if self.settings.plan else "any plan"
                raise UnknownRateError(
                    f"no price of a credit is known for {plan} on {self.settings.day}: "
                    "max_usd cannot be kept, max_credits can",
                    field="max_usd",
                )
            each = [price.affordable(usd) for price in prices]
            if bought := [number for number in each if number is not None]:
                from mh_preflight.rates import dollars

                words = f"max_usd allows US$ {dollars(usd)}, {min(bought):,} credits"
                if len(bought) > 1:
                    plan = next(
                        plan
                        for plan, price in self.settings.prices.items()
                        if price is not None and price.affordable(usd) == min(bought)
                    )
                    words += f" on {plan}, the dearest of the plans that it may be"
                allowed.append((min(bought), words))
        return min(allowed, default=(None, ""))


def preflight(  # noqa: PLR0913  what a price depends on
    job: Job,
    *,
    plan: Plan | None = None,
    as_of: date | None = None,
    rates: RateCard | None = None,
    media: Mapping[str, Media] | None = None,
    offline: bool = False,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    cache: ProbeCache | None = None,
    basis: Basis = "annual",
    used_credits: int = 0,
    strict: bool = False,
    max_credits: int | None = None,
    max_usd: Number | None = None,
    max_age_days: int | None = None,
) -> Report:
    """Find out what a job will cost and whether the API will take it, without sending anything.

    Args:
        job: The job, for instance `LipSync(...)`.
        plan: `free`, `creator`, `pro` or `business`; without it, what the plan decides is a range.
        as_of: The day whose rates and rules count; today (UTC) by default.
        rates: The rate card; the bundled one by default.
        media: Facts by field of `assets`, for files that were probed already or are not here.
        offline: Read nothing but local files. What lies elsewhere and is not read, or cannot be,
            becomes the finding `not-probed`.
        isolation: As for `probe`.
        limits: As for `probe`.
        cache: As for `probe`.
        basis: How credits are paid, for the US dollars: `annual`, `monthly` or `usage`.
        used_credits: Credits that were used this month already; they decide the band where usage is
            billed, and nothing else.
        strict: Turn warnings into errors.
        max_credits: Raise where the hold is above this.
        max_usd: Raise where the hold is above this.
        max_age_days: Raise where the sources of the rates were last compared more days before.

    Raises:
        MediaError: A file cannot be read, or was changed since it was probed.
        UnknownRateError: No rate is known for the job on that day, or none that is young enough.
        OverLimitError: The job may cost more than `max_credits` or `max_usd`.
        InputError: An argument cannot be used.

    Example:
        >>> from mh_preflight import LipSync, Media, preflight
        >>> job = LipSync(
        ...     assets={
        ...         "video_source": "youtube",
        ...         "youtube_url": "https://youtu.be/x",
        ...         "audio_file_path": "https://example.com/line.mp3",
        ...     },
        ...     start_seconds=0,
        ...     end_seconds=15,
        ...     max_fps_limit=24,
        ... )
        >>> facts = {"youtube_url": Media.given("video", fps=60, duration_seconds=20)}
        >>> report = preflight(job, plan="creator", media=facts)
        >>> report.estimate.queued.credits, report.estimate.settled.credits
        (450, 360)
    """
    # Not before the first price is asked for: the models of the rates take a while to build.
    from mh_preflight.rates import BASES, RateCard, bundled_rates, whole_credits

    if not isinstance(job, Job):
        raise InputError("job: must be a job, such as LipSync(...) or job(endpoint, **body)")
    if plan is not None and plan not in PLANS:
        raise InputError(f"plan: {plan!r} is none of {', '.join(PLANS)}", field="plan")
    if basis not in BASES:
        raise InputError(f"basis: {basis!r} is none of {', '.join(BASES)}", field="basis")
    if isinstance(as_of, datetime) or not isinstance(as_of, date | None):  # a datetime is a date
        raise InputError("as_of: must be a date", field="as_of")
    card = bundled_rates() if rates is None else rates
    if not isinstance(card, RateCard):
        raise InputError(
            "rates: must be a RateCard, such as bundled_rates().with_file(path)", field="rates"
        )
    day = datetime.now(UTC).date() if as_of is None else as_of
    used = whole_credits(used_credits, field="used_credits")
    settings = resolve_settings(
        job,
        plan=plan,
        day=day,
        rates=card,
        basis=basis,
        used=used,
        max_age_days=age_in_days(max_age_days),
    )
    known = probe_assets(
        job, media or {}, offline=offline, isolation=isolation, limits=limits, cache=cache
    )
    estimate = estimate_job(job, known, settings)
    if len(settings.prices) > 1 and len(settings.rates) > 1:  # another rate on another plan
        estimate = replace(estimate, usd=_usd_by_plan(job, known, settings, card))
    findings = find_problems(job, known, settings, estimate)
    if strict:
        findings = tuple(
            replace(finding, severity="error") if finding.severity == "warning" else finding
            for finding in findings
        )
    savings = find_savings(job, known, settings, estimate, rates=card)
    report = Report(job, known, settings, estimate, findings, savings, card)
    report.raise_over_limit(max_credits=max_credits, max_usd=max_usd)
    return report


def _in_words(saving: Saving) -> str:
    names = ((name.rpartition(".")[2], value) for name, value in saving.shown.items())
    return ", ".join(f"{name} {value}" for name, value in names)


def _usd_by_plan(
    job: Job, media: Mapping[str, Media], settings: Settings, rates: RateCard
) -> Mapping[Plan, Money | None]:
    """Give US dollars for what would run on each plan, where the plan is not known."""
    found: dict[Plan, Money | None] = {}
    for plan in settings.prices:
        own = resolve_settings(
            job,
            plan=plan,
            day=settings.day,
            rates=rates,
            basis=settings.basis,
            used=settings.used,
        )
        found[plan] = estimate_job(job, media, own).usd[plan]
    return found
