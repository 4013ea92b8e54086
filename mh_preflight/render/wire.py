"""The JSON of `estimate --json` and of every failure: the contract, filled from a report."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from mh_preflight.errors import OverLimitError, PreflightError
from mh_preflight.media import Media
from mh_preflight.rates import Rate, Source, decimal_text, dollars
from mh_preflight.units import Plan, rate_text, seconds, valid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mh_preflight.estimate import Money, Side
    from mh_preflight.flow import Report
    from mh_preflight.savings import Saving

__all__ = [
    "ErrorBody",
    "ReportBody",
    "error_body",
    "media_line",
    "report_body",
    "report_json",
    "report_schema",
]

Dollars: TypeAlias = Annotated[Decimal, PlainSerializer(str, return_type=str)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class WindowBody(_Body):
    """The window that was priced, in seconds."""

    start_seconds: float
    end_seconds: float
    seconds: float


class FpsBody(_Body):
    """Frame rates, exact: `24` or `30000/1001`."""

    source: str | None
    limit: str | None
    output: str | None


class SizeBody(_Body):
    """Pixels."""

    width: int
    height: int


class SideBody(_Body):
    """Frames and credits, queued or settled; an unknown upper bound is null.

    Frames are null where the tool is not charged by the frame.
    """

    kind: Literal["exact", "range", "unknown"]
    frames: int | None
    frames_low: int | None
    frames_high: int | None
    credits: int | None
    credits_low: int
    credits_high: int | None
    why: list[str]


class HoldBody(_Body):
    """What must be affordable; null where there is no upper bound."""

    credits: int | None


class BandBody(_Body):
    """After how many credits the next band begins, and US dollars a credit from there on."""

    credits: int
    per_credit: Dollars


class UsdBody(_Body):
    """US dollars as decimal text; `next_band` only where usage is billed."""

    basis: str
    per_credit: Dollars
    next_band: BandBody | None
    queued: Dollars
    settled_low: Dollars
    settled_high: Dollars | None
    hold: Dollars | None


class SourceBody(_Body):
    """Where a value is said."""

    rank: str
    date: date
    what: str
    where: str | None


class ConflictBody(_Body):
    """A value that contradicts the one that is used; `outweighed` says why it makes no range."""

    value: str
    sources: list[SourceBody]
    why: str | None
    outweighed: str | None


class RateBody(_Body):
    """The rate that decides; `value` is null where the sources state a range."""

    as_of: date
    valid_from: date
    checked: date
    age_days: int
    card_version: str
    unit: str
    value: str | None
    low: str
    high: str
    sources: list[SourceBody]
    conflicts: list[ConflictBody]


class FindingBody(_Body):
    """One thing that was found about the job."""

    code: str
    severity: Literal["error", "warning", "info"]
    field: str | None
    message: str


class SavingBody(_Body):
    """A change of the request body; `credits` is the new upper bound once settled."""

    change: dict[str, Any]
    credits: int
    saves: int
    lost: str


class FailureBody(_Body):
    """What went wrong."""

    code: str
    message: str
    field: str | None
    source: str | None


class ReportBody(_Body):
    """The answer of `estimate --json`."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    endpoint: str
    plan: Plan | None
    window: WindowBody | None
    fps: FpsBody | None
    output_size: SizeBody | None
    queued: SideBody
    settled: SideBody
    hold: HoldBody
    usd: UsdBody | None
    usd_by_plan: dict[Plan, UsdBody | None] = Field(
        description="US dollars for every plan, where no plan was given; else only for the plan."
    )
    rate: RateBody
    findings: list[FindingBody]
    savings: list[SavingBody]
    media: dict[str, Media | list[Media]]
    error: FailureBody | None = Field(
        default=None, description="Only where there are error findings, or a limit is exceeded."
    )
    fits: list[SavingBody] | None = Field(
        default=None, description="Only over a limit: changes with which the hold fits."
    )


class ErrorBody(_Body):
    """The answer of every command with `--json` that fails."""

    error: FailureBody


def report_body(report: Report, error: PreflightError | None = None) -> ReportBody:
    """Turn a report into the JSON contract.

    Args:
        report: The report.
        error: Why the job must not be sent, if so.
    """
    settings, estimate = report.settings, report.estimate
    start, end = settings.window
    basis = settings.basis
    by_plan = {plan: _usd(money, basis) for plan, money in estimate.usd.items()}
    size = estimate.output_size
    return ReportBody(
        endpoint=settings.endpoint,
        plan=settings.plan,
        window=None
        if report.job.window is None
        else WindowBody(
            start_seconds=seconds(start), end_seconds=seconds(end), seconds=seconds(end - start)
        ),
        fps=None
        if settings.billing.at_once is not None
        else FpsBody(
            source=_fps(estimate.source_fps),
            limit=_fps(settings.fps_limit),
            output=_fps(estimate.output_fps),
        ),
        output_size=None if size is None else SizeBody(width=size[0], height=size[1]),
        queued=_side(estimate.queued),
        settled=_side(estimate.settled),
        hold=HoldBody(credits=estimate.hold),
        usd=by_plan[settings.plan] if settings.plan else None,
        usd_by_plan=by_plan,
        rate=_rate(report),
        findings=[
            FindingBody(
                code=found.code,
                severity=found.severity,
                field=found.field,
                message=found.message,
            )
            for found in report.findings
        ],
        savings=_savings(report.savings),
        media=_media(report.media),
        error=None if error is None else _failure(error),
        fits=_savings(error.fits) if isinstance(error, OverLimitError) else None,
    )


def report_json(report: Report, error: PreflightError | None = None) -> str:
    """Write a report as one line of JSON; `error` and `fits` only where there are any."""
    body = report_body(report, error)
    left_out = {name for name in ("error", "fits") if getattr(body, name) is None}
    return body.model_dump_json(by_alias=True, exclude=left_out)


def report_schema() -> dict[str, Any]:
    """Give the JSON Schema of `estimate --json`."""
    return ReportBody.model_json_schema(by_alias=True, mode="serialization")


def media_line(media: Media) -> str:
    """Write the facts of one file as one line of JSON."""
    return media.model_dump_json()


def error_body(error: PreflightError) -> ErrorBody:
    """Turn an error into the JSON contract."""
    return ErrorBody(error=_failure(error))


def _media(media: Mapping[str, Media]) -> dict[str, Media | list[Media]]:
    """Put the files of one field that is a list together."""
    found: dict[str, Media | list[Media]] = {}
    for name, known in media.items():
        field = name.partition(".")[0]
        if field == name:
            found[name] = known
        else:
            together = found.setdefault(field, [])
            assert isinstance(together, list)  # noqa: S101  a field is a list or none
            together.append(known)
    return found


def _failure(error: PreflightError) -> FailureBody:
    return FailureBody(
        code=error.code,
        message=valid_text(error.message),
        field=error.field,
        source=None if error.source is None else valid_text(error.source),
    )


def _savings(savings: tuple[Saving, ...]) -> list[SavingBody]:
    return [
        SavingBody(
            change=dict(saving.change),
            credits=saving.credits,
            saves=saving.saves,
            lost=saving.lost,
        )
        for saving in savings
    ]


def _side(side: Side) -> SideBody:
    return SideBody(
        kind=side.kind,
        frames=side.frames,
        frames_low=side.frames_low,
        frames_high=side.frames_high,
        credits=side.credits,
        credits_low=side.credits_low,
        credits_high=side.credits_high,
        why=list(side.why),
    )


def _usd(money: Money | None, basis: str) -> UsdBody | None:
    if money is None:
        return None
    high, hold = money.settled_high, money.hold
    return UsdBody(
        basis=basis,
        per_credit=dollars(money.per_credit, 8),
        next_band=None
        if money.next_band is None
        else BandBody(credits=money.next_band[0], per_credit=dollars(money.next_band[1], 8)),
        queued=dollars(money.queued),
        settled_low=dollars(money.settled_low),
        settled_high=None if high is None else dollars(high),
        hold=None if hold is None else dollars(hold),
    )


def _rate(report: Report) -> RateBody:
    settings = report.settings
    entry = settings.rates[0]
    ranges = [rate.range for rate in settings.rates]
    values = {rate.value for rate in settings.rates}
    return RateBody(
        as_of=settings.day,
        valid_from=max(rate.since for rate in settings.rates),
        checked=settings.checked,
        age_days=settings.rate_age,
        card_version=settings.card_version,
        unit=str(entry.unit),
        value=decimal_text(entry.value) if len(values) == 1 and entry.value is not None else None,
        low=decimal_text(min(each.low for each in ranges)),
        high=decimal_text(max(each.high for each in ranges)),
        sources=_sources(
            dict.fromkeys(n for r in settings.rates for n in r.sources), settings.sources
        ),
        conflicts=_conflicts(settings.rates, settings.sources),
    )


def _conflicts(rates: tuple[Rate, ...], sources: Mapping[str, Source]) -> list[ConflictBody]:
    return [
        ConflictBody(
            value=decimal_text(other.value),
            sources=_sources(other.sources, sources),
            why=other.inferred,
            outweighed=other.outweighed,
        )
        for other in dict.fromkeys(other for rate in rates for other in rate.against)
    ]


def _sources(names: Any, sources: Mapping[str, Source]) -> list[SourceBody]:
    return [
        SourceBody(rank=said.rank, date=said.date, what=said.what, where=said.where)
        for said in (sources[name] for name in names)
    ]


def _fps(rate: Fraction | None) -> str | None:
    return None if rate is None else rate_text(rate)
