"""What will a job cost? Its units are counted, and priced on both sides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from mh_preflight.estimate.answer import Estimate, Money, Side
from mh_preflight.estimate.assets import length_of, media_of
from mh_preflight.estimate.size import output_size
from mh_preflight.frames import count_between, count_frames, credits_for
from mh_preflight.units import MICROSECOND

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.media import Media, Video
    from mh_preflight.settings import Settings

__all__ = ["estimate_job", "settle_job"]


def estimate_job(job: Job, media: Mapping[str, Media], settings: Settings) -> Estimate:
    """Price a job.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`; may lack any.
        settings: What will run.

    Returns:
        Queued and settled frames and credits, the hold and US dollars.
    """
    settled = settle_job(job, media, settings)
    queued = settled if settings.billing.at_once else _queued(settings)
    highest = (queued.credits_high, settled.credits_high)
    hold = None if None in highest else max(bound for bound in highest if bound is not None)
    source, output = _rates_of_frames(job, media, settings)
    amounts = queued.credits_high or 0, settled.credits_low, settled.credits_high, hold
    return Estimate(
        source_fps=source,
        output_fps=output,
        output_size=output_size(job, media, settings),
        queued=queued,
        settled=settled,
        hold=hold,
        usd={
            plan: None if price is None else Money(price, amounts)
            for plan, price in settings.prices.items()
        },
    )


def settle_job(job: Job, media: Mapping[str, Media], settings: Settings) -> Side:
    """Price only what remains once a job is rendered; as `estimate_job(...).settled`."""
    if settings.billing.at_once:
        return _at_once(job, media, settings)
    return _priced(_settled_frames(job, media, settings), settings)


@dataclass(slots=True)
class _Frames:
    low: int
    expected: int | None
    high: int | None
    why: list[str]

    def at_least(self, low: int, reason: str) -> None:
        self.low = min(self.low, low)
        self.why.append(reason)


@dataclass(frozen=True, slots=True)
class _Credits:
    low: int
    expected: int | None
    high: int | None
    why: tuple[str, ...] = ()


def _at_once(job: Job, media: Mapping[str, Media], settings: Settings) -> Side:
    """Price a job that is charged in full when it is created."""
    price, reasons = settings.price, _rate_reasons(settings)
    if settings.unit == "second":
        return _side(None, _seconds(job, media, settings), reasons)
    units = settings.units
    expected = None if price.expected is None else credits_for(units, price.expected)
    credits = _Credits(credits_for(units, price.low), expected, credits_for(units, price.high))
    return _side(None, credits, reasons)


def _seconds(job: Job, media: Mapping[str, Media], settings: Settings) -> _Credits:
    """Price seconds: those asked for, and at least those that the files hold."""
    start, end = settings.window
    price, asked = settings.price, Fraction(end - start, MICROSECOND)
    low, why = asked, []
    for there, reason in _held(job, media, settings):
        low = min(low, Fraction(there, MICROSECOND))
        why.append(reason)
    # A part of a second is rounded down to credits, or up to seconds: no source says which.
    if asked.denominator != 1:
        why.append("rounding-not-stated")
    return _Credits(
        low=(math.ceil if low.denominator == 1 else math.floor)(price.low * low),
        expected=None if price.expected is None else math.ceil(price.expected * asked),
        high=math.ceil(price.high * math.ceil(asked)),
        why=tuple(why),
    )


def _held(job: Job, media: Mapping[str, Media], settings: Settings) -> Iterator[tuple[int, str]]:
    """Give how much of the window the files hold, where that is less, and why."""
    start, end = settings.window
    if job.trimmed is None:
        return
    trimmed = length_of(job, media, job.trimmed)
    if trimmed is not None and end > trimmed:
        reason = "window-past-end" if job.trimmed == "video" else "audio-shorter"
        yield max(0, trimmed - start), reason
    if job.trimmed != "audio":
        audio = length_of(job, media, "audio")
        if audio is not None and audio < end - start:
            yield audio, "audio-shorter"


def _queued(settings: Settings) -> Side:
    start, end = settings.window
    window = end - start
    least, most = settings.billing.queued or ("job", "job")
    fastest = _fps(most, settings)
    high = count_frames(fastest, window)
    if least != "seconds" or settings.second is None:
        low = high if least == "seconds" else count_frames(_fps(least, settings), window)
        return _priced(_Frames(low, high if low == high else None, high, []), settings)
    # The estimate may count seconds and not frames: then nothing is rounded before the price.
    native = settings.billing.native or fastest
    frames = _Frames(count_frames(native, window), None, high, ["queued-by-second-or-frame"])
    low = count_frames(settings.second.low, window)
    credits = _Credits(low, None, credits_for(high, settings.price.high))
    return _side(frames, credits, _rate_reasons(settings))


def _fps(word: str | Fraction, settings: Settings) -> Fraction:
    """Give the frame rate that a word of the rate card stands for."""
    if isinstance(word, Fraction):
        return word
    assert settings.own_fps is not None  # noqa: S101  only a job that states its rate is so billed
    return settings.own_fps


def _settled_frames(job: Job, media: Mapping[str, Media], settings: Settings) -> _Frames:
    start, end = settings.window
    window = end - start
    least, most = settings.billing.settled or ("job", "job")
    rate: Fraction | None
    if settings.billing.from_source:
        found = media_of(job, media, "video")
        frames, rate = _source_frames(found, settings)
        if least == "half-source":
            half, rate = _source_frames(found, settings, Fraction(1, 2))
            why = [*half.why, "half-or-full"]
            frames = _Frames(half.low, half.expected, frames.high, why)
    else:
        rate = _fps(least, settings)
        low, high = count_frames(rate, window), count_frames(_fps(most, settings), window)
        known = least == most
        reasons = [] if known else ["rendered-rate-unknown"]
        frames = _Frames(low, low if known else None, high, reasons)
    for there, reason in _held(job, media, settings):
        frames.at_least(_frames_in(there, rate), reason)
    return frames


def _frames_in(there: int, rate: Fraction | None) -> int:
    """Count the frames of what there is; at an unknown rate there is one at the least."""
    return count_frames(rate, there) if rate else min(there, 1)


def _source_frames(
    media: Media | None, settings: Settings, share: Fraction = Fraction(1)
) -> tuple[_Frames, Fraction | None]:
    """Count the frames of a window of a video, and give its output rate where it is known."""
    start, end = settings.window
    limit = settings.fps_limit
    most = None if limit is None else count_frames(limit, end - start)
    video = media.video if media else None
    if media is None or video is None or video.fps is None:
        return _Frames(1, None, most, ["frame-rate-unknown"]), None
    rate = share * (video.fps if limit is None else min(video.fps, limit))
    even = count_frames(rate, end - start)
    if not video.variable_frame_rate and "video.fps" not in media.uncertain:
        return _Frames(even, even, even, []), rate
    reason = "frame-rate-varies" if video.variable_frame_rate else "frame-rate-uncertain"
    counted = _counted(video, start, end, share)
    if counted is None:
        return _Frames(min(1, even), even, most, [reason]), rate
    counted = counted if most is None else min(counted, most)
    return _Frames(min(even, counted), even, max(even, counted), [reason]), rate


def _counted(video: Video, start: int, end: int, share: Fraction) -> int | None:
    if video.frame_times is None:
        return None
    return math.ceil(share * count_between(video.frame_times, start, end))


def _rates_of_frames(
    job: Job, media: Mapping[str, Media], settings: Settings
) -> tuple[Fraction | None, Fraction | None]:
    billing = settings.billing
    if not billing.from_source:
        return None, billing.native or settings.own_fps
    found = media_of(job, media, "video")
    source = found.video.fps if found and found.video else None
    if source is None:
        return None, None
    output = min(source, settings.fps_limit or source)
    return source, output / 2 if billing.settled and "half-source" in billing.settled else output


def _priced(frames: _Frames, settings: Settings) -> Side:
    """Price frames, by the rate and by sources that count at another frame rate."""
    price = settings.price
    expected = None
    if frames.expected is not None and price.expected is not None:
        expected = credits_for(frames.expected, price.expected)
    low = credits_for(frames.low, price.low)
    high = None if frames.high is None else credits_for(frames.high, price.high)
    start, end = settings.window
    others = [credits_for(count_frames(fps, end - start), each) for fps, each in settings.counted]
    credits = _Credits(
        min((low, *others)), expected, None if high is None else max((high, *others))
    )
    return _side(frames, credits, _rate_reasons(settings))


def _side(frames: _Frames | None, credits: _Credits, reasons: tuple[str, ...]) -> Side:
    low, high = (None, None) if frames is None else (frames.low, frames.high)
    kind: Literal["exact", "range", "unknown"] = "range"
    if credits.high is None:
        kind = "unknown"
    elif credits.low == credits.high and low == high:
        kind = "exact"
    exact = kind == "exact"
    likeliest = None if frames is None else frames.expected
    why = (*(frames.why if frames else ()), *credits.why)
    return Side(
        kind=kind,
        frames=low if exact else likeliest,
        frames_low=low,
        frames_high=high,
        credits=credits.low if exact else credits.expected,
        credits_low=credits.low,
        credits_high=credits.high,
        why=() if exact else (*why, *(reasons if credits.low != credits.high else ())),
    )


def _rate_reasons(settings: Settings) -> tuple[str, ...]:
    reasons = []
    if settings.price.low != settings.price.high or settings.counted:
        if any(entry.disputed for entry in settings.rates):
            reasons.append("rates-disagree")
        if any(entry.value is None for entry in settings.rates):
            reasons.append("rate-is-a-range")
        if any(extra.times for extra in settings.extras):
            reasons.append("extra-may-cost")
        if len(settings.rates) > 1:
            reasons.append("plan-decides" if settings.plan_decides else "size-not-known")
    return tuple(reasons)
