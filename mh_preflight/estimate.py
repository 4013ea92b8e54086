"""What will it cost? Frames and credits, queued and settled, with the reason for each range.

The rules and their sources stand in docs/estimation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from mh_preflight.frames import count_between, count_frames, credits_for
from mh_preflight.units import Plan, ceil_div, microseconds, rate_text, seconds

if TYPE_CHECKING:
    from mh_preflight.jobs import AssetKind, Job
    from mh_preflight.media import Media, Video
    from mh_preflight.rates import RateRange
    from mh_preflight.settings import Settings

__all__ = [
    "REASONS",
    "Estimate",
    "Money",
    "Side",
    "estimate_job",
    "explain_estimate",
    "length_of",
    "media_of",
    "settle_job",
]


REASONS: Mapping[str, str] = {
    "queued-by-second-or-frame": "no source says whether seconds or frames at 30 fps are counted",
    "window-past-end": "the window passes the end of the video",
    "audio-shorter": "the audio ends before the window does",
    "frame-rate-varies": "the frame rate varies, and no source says which is billed",
    "frame-rate-uncertain": "the frame rate is not certain",
    "frame-rate-unknown": "the frame rate is not known",
    "rendered-rate-unknown": "no source says at which frame rate it was rendered",
    "rates-disagree": "the sources of the rate contradict each other",
    "rate-is-a-range": "the source of the rate states a range",
    "size-not-known": "the size that comes out decides the rate and is not known",
}
"""Every code of `Side.why`, and what it means."""


@dataclass(frozen=True, slots=True)
class Side:
    """Frames and credits on one side of the job: queued, or settled.

    Attributes:
        kind: `exact`; `range` where low and high differ; `unknown` where there is no upper bound.
        frames: The expected frames; None where a range has no likeliest value.
        frames_low: At least.
        frames_high: At most; None where there is no upper bound.
        credits: The expected credits; None where a range has no likeliest value.
        credits_low: At least.
        credits_high: At most; None where there is no upper bound.
        why: A code for each reason why it is not exact.
    """

    kind: Literal["exact", "range", "unknown"]
    frames: int | None
    frames_low: int
    frames_high: int | None
    credits: int | None
    credits_low: int
    credits_high: int | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """Credits in US dollars, exact.

    Attributes:
        per_credit: US dollars a credit.
        credits: Credits queued at most, settled at least, settled at most, and to hold.
    """

    per_credit: Fraction
    credits: tuple[int, int, int | None, int | None]

    @property
    def queued(self) -> Fraction:
        """The most that is taken when queued."""
        return self.credits[0] * self.per_credit

    @property
    def settled_low(self) -> Fraction:
        """At least, once settled."""
        return self.credits[1] * self.per_credit

    @property
    def settled_high(self) -> Fraction | None:
        """At most, once settled; None where there is no upper bound."""
        return None if self.credits[2] is None else self.credits[2] * self.per_credit

    @property
    def hold(self) -> Fraction | None:
        """What must be affordable; None where there is no upper bound."""
        return None if self.credits[3] is None else self.credits[3] * self.per_credit


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will cost.

    Attributes:
        source_fps: Frame rate of the source; None where unknown, or where the tool has its own.
        output_fps: The smaller of source rate and limit, or the tool's own; None where unknown.
        output_size: Width and height that come out; None where unknown or not decided by the
            source.
        queued: What is taken when the job is created.
        settled: What remains once it is rendered.
        hold: What must be affordable: the larger upper bound; None where there is none.
        usd: US dollars by plan; None where no price is known.
    """

    source_fps: Fraction | None
    output_fps: Fraction | None
    output_size: tuple[int, int] | None
    queued: Side
    settled: Side
    hold: int | None
    usd: Mapping[Plan, Money | None]


def media_of(job: Job, media: Mapping[str, Media], kind: AssetKind) -> Media | None:
    """Find the media of one kind among a job's assets; None where nothing is known of it."""
    for field, wanted in job.asset_kinds.items():
        if wanted == kind and field in media and media[field].error is None:
            return media[field]
    return None


def length_of(job: Job, media: Mapping[str, Media], kind: AssetKind) -> int | None:
    """Give the length of the video or the audio of a job in whole microseconds, where known."""
    found = media_of(job, media, kind)
    facts = None if found is None else found.video if kind == "video" else found.audio
    if facts is None or facts.duration_seconds is None:
        return None
    return microseconds(facts.duration_seconds)


def estimate_job(job: Job, media: Mapping[str, Media], settings: Settings) -> Estimate:
    """Price a job.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`; may lack any.
        settings: What will run.

    Returns:
        Queued and settled frames and credits, the hold and US dollars.
    """
    queued = _queued(settings)
    settled = settle_job(job, media, settings)
    highest = (queued.credits_high, settled.credits_high)
    hold = None if None in highest else max(bound for bound in highest if bound is not None)
    source, output = _rates_of_frames(job, media, settings)
    amounts = queued.credits_high or 0, settled.credits_low, settled.credits_high, hold
    return Estimate(
        source_fps=source,
        output_fps=output,
        output_size=_output_size(job, media, settings),
        queued=queued,
        settled=settled,
        hold=hold,
        usd={
            plan: None if price is None else Money(price, amounts)
            for plan, price in settings.per_credit.items()
        },
    )


def settle_job(job: Job, media: Mapping[str, Media], settings: Settings) -> Side:
    """Price only what remains once a job is rendered; as `estimate_job(...).settled`."""
    frames = _settled_frames(job, media, settings)
    return _side(frames, settings.frame, _rate_reasons(settings))


@dataclass(slots=True)
class _Frames:
    low: int
    expected: int | None
    high: int | None
    why: list[str]

    def at_least(self, low: int, reason: str) -> None:
        self.low = min(self.low, low)
        self.why.append(reason)


def _queued(settings: Settings) -> Side:
    start, end = settings.window
    window = end - start
    least, most = settings.billing.queued
    high = count_frames(most, window)
    reasons = _rate_reasons(settings)
    if settings.second is None or least != "seconds":
        low = count_frames(most if least == "seconds" else least, window)
        expected = high if low == high else None
        return _side(_Frames(low, expected, high, []), settings.frame, reasons)
    # The estimate may count seconds and not frames: then nothing is rounded before the price.
    native = settings.billing.native or most
    frames = _Frames(count_frames(native, window), None, high, ["queued-by-second-or-frame"])
    low = count_frames(settings.second.low, window)
    return _kinded(frames, (low, None, credits_for(high, settings.frame.high)), reasons)


def _settled_frames(job: Job, media: Mapping[str, Media], settings: Settings) -> _Frames:
    start, end = settings.window
    window = end - start
    least, most = settings.billing.settled
    rate: Fraction | None
    if least == "source" or most == "source":
        frames, rate = _source_frames(media_of(job, media, "video"), settings)
    else:
        rate, low, high = least, count_frames(least, window), count_frames(most, window)
        known = least == most
        reasons = [] if known else ["rendered-rate-unknown"]
        frames = _Frames(low, low if known else None, high, reasons)
    trimmed = length_of(job, media, job.trimmed)
    if trimmed is not None and end > trimmed:
        reason = "window-past-end" if job.trimmed == "video" else "audio-shorter"
        frames.at_least(_frames_in(max(0, trimmed - start), rate), reason)
    if job.trimmed != "audio":
        audio = length_of(job, media, "audio")
        if audio is not None and audio < window:
            frames.at_least(_frames_in(audio, rate), "audio-shorter")
    return frames


def _frames_in(there: int, rate: Fraction | None) -> int:
    """Count the frames of what there is; at an unknown rate there is one at the least."""
    return count_frames(rate, there) if rate else min(there, 1)


def _source_frames(media: Media | None, settings: Settings) -> tuple[_Frames, Fraction | None]:
    """Count the frames of a window of a video, and give its output rate where it is known."""
    start, end = settings.window
    limit = settings.fps_limit
    most = None if limit is None else count_frames(limit, end - start)
    video = media.video if media else None
    if media is None or video is None or video.fps is None:
        return _Frames(1, None, most, ["frame-rate-unknown"]), None
    rate = video.fps if limit is None else min(video.fps, limit)
    even = count_frames(rate, end - start)
    if not video.variable_frame_rate and "video.fps" not in media.uncertain:
        return _Frames(even, even, even, []), rate
    reason = "frame-rate-varies" if video.variable_frame_rate else "frame-rate-uncertain"
    counted = _counted(video, start, end)
    if counted is None:
        return _Frames(min(1, even), even, most, [reason]), rate
    counted = counted if most is None else min(counted, most)
    return _Frames(min(even, counted), even, max(even, counted), [reason]), rate


def _counted(video: Video, start: int, end: int) -> int | None:
    return None if video.frame_times is None else count_between(video.frame_times, start, end)


def _rates_of_frames(
    job: Job, media: Mapping[str, Media], settings: Settings
) -> tuple[Fraction | None, Fraction | None]:
    if settings.billing.settled[0] != "source":
        return None, settings.billing.native
    found = media_of(job, media, "video")
    source = found.video.fps if found and found.video else None
    return source, source and min(source, settings.fps_limit or source)


def _output_size(
    job: Job, media: Mapping[str, Media], settings: Settings
) -> tuple[int, int] | None:
    """Fit the source into the longest edge: never enlarged, its shorter side rounded up to even.

    720 x 1296 came out as 570 x 1024 (a real job of 2026-09-11).
    """
    found = media_of(job, media, "video")
    if job.trimmed != "video" or not found or not found.video:
        return None
    width, height = found.video.width, found.video.height
    if width is None or height is None:
        return None
    fitted = {_fit(width, height, edge) for edge in settings.edges}
    return fitted.pop() if len(fitted) == 1 else None


def _fit(width: int, height: int, edge: int | None) -> tuple[int, int] | None:
    if edge is None:
        return None
    longer, shorter = max(width, height), min(width, height)
    if longer <= edge:
        return width, height
    short = min(2 * ceil_div(shorter * edge, 2 * longer), shorter, edge)
    return (edge, short) if width >= height else (short, edge)


def _side(frames: _Frames, rate: RateRange, reasons: tuple[str, ...]) -> Side:
    expected = None
    if frames.expected is not None and rate.expected is not None:
        expected = credits_for(frames.expected, rate.expected)
    high = None if frames.high is None else credits_for(frames.high, rate.high)
    return _kinded(frames, (credits_for(frames.low, rate.low), expected, high), reasons)


def _kinded(
    frames: _Frames, amounts: tuple[int, int | None, int | None], reasons: tuple[str, ...]
) -> Side:
    low, expected, high = amounts
    kind: Literal["exact", "range", "unknown"] = "range"
    if high is None:
        kind = "unknown"
    elif low == high and frames.low == frames.high:
        kind = "exact"
    exact = kind == "exact"
    return Side(
        kind=kind,
        frames=frames.low if exact else frames.expected,
        frames_low=frames.low,
        frames_high=frames.high,
        credits=low if exact else expected,
        credits_low=low,
        credits_high=high,
        why=() if exact else (*frames.why, *(reasons if low != high else ())),
    )


def _rate_reasons(settings: Settings) -> tuple[str, ...]:
    reasons = []
    if settings.frame.low != settings.frame.high:
        if any(entry.against for entry in settings.rates):
            reasons.append("rates-disagree")
        if any(entry.value is None for entry in settings.rates):
            reasons.append("rate-is-a-range")
        if len(settings.rates) > 1:
            reasons.append("size-not-known")
    return tuple(reasons)


def explain_estimate(settings: Settings, estimate: Estimate) -> tuple[str, ...]:
    """Write the arithmetic line by line, with the rate's source and date.

    Args:
        settings: What runs.
        estimate: What it costs.
    """
    least, most = settings.billing.queued
    counted = rate_text(most) if least in {most, "seconds"} else f"{least} to {most}"
    lines = _lines("queued", counted, settings, estimate.queued)
    lines += _lines("settled", _settled_fps(settings, estimate), settings, estimate.settled)
    hold = "none, because there is no upper bound" if estimate.hold is None else estimate.hold
    lines.append(f"hold: the larger upper bound = {hold}")
    for entry in settings.rates:
        said = settings.sources[entry.sources[0]]
        lines.append(
            f"rate: {_price(entry.range)} a {entry.unit} since {entry.since}, by {said.rank} of "
            f"{said.date}: {said.what} ({said.where})"
        )
    return tuple(lines)


def _settled_fps(settings: Settings, estimate: Estimate) -> str:
    least, most = settings.billing.settled
    if isinstance(least, Fraction) and isinstance(most, Fraction):
        return rate_text(least) if least == most else f"{least} to {most}"
    source = "?" if estimate.source_fps is None else rate_text(estimate.source_fps)
    limit = settings.fps_limit
    return source if limit is None else f"min({source}, {rate_text(limit)})"


def _lines(name: str, fps: str, settings: Settings, side: Side) -> list[str]:
    start, end = settings.window
    count = f"ceil({fps} fps x {seconds(end - start):g} s)"
    price = _price(settings.frame)
    if side.kind == "exact":
        return [
            f"{name}: {count} = {side.frames} frames, at {price} a frame = {side.credits} credits"
        ]
    frames = _bounds(side.frames_low, side.frames_high)
    credits = _bounds(side.credits_low, side.credits_high)
    line = f"{name}: {count}, {frames} frames at {price} a frame, {credits} credits"
    return [line, *(f"{name} is not exact: {REASONS[code]}" for code in side.why)]


def _price(rate: RateRange) -> str:
    low, high = (str(v) if v.denominator == 1 else f"{float(v):.6g}" for v in (rate.low, rate.high))
    amount = low if low == high else f"{low} to {high}"
    return f"{amount} credit" if amount == "1" else f"{amount} credits"


def _bounds(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"
