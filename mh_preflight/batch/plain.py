"""What do plain rows cost? Rows that run alike and whose facts are known, priced as columns."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.answers import BITS, KINDS, REFUSED, TEN_THOUSANDTHS, Answers, bits_of
from mh_preflight.checks import find_name_problems, find_standing_problems, severity_by
from mh_preflight.errors import InputError
from mh_preflight.frames import Reason, credit_counts, frame_counts, price_frames
from mh_preflight.jobs import SHORTEST_END
from mh_preflight.rates import dollars
from mh_preflight.units import MICROSECOND

if TYPE_CHECKING:
    from mh_preflight.frames import Column
    from mh_preflight.jobs import Job
    from mh_preflight.rates import CreditPrice, RateRange
    from mh_preflight.settings import Settings

__all__ = ["PlainRows", "price_plain", "runs_in_columns"]

LONGEST = 1e12
"""The longest window that is plain, in microseconds; longer ones are priced one by one."""

LARGEST_RATE = 1_000_000
"""The largest part of a rate of a second with which the longest window stays an int64."""

Rows: TypeAlias = npt.NDArray[np.intp]
Flags: TypeAlias = npt.NDArray[np.bool_]
Bits: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameRates:
    """Frame rates that occur in a table; the place -1 stands for none.

    Attributes:
        exact: The rates.
        numerators: Their numerators, and NaN.
        denominators: Their denominators, and NaN.
        places: Their places in the answers, and -1.
    """

    exact: list[Fraction]
    numerators: Column
    denominators: Column
    places: Rows

    @classmethod
    def of(cls, rates: list[Fraction], answers: Answers) -> FrameRates:
        """Take frame rates whose parts a float64 holds."""
        return cls(
            rates,
            np.array([*(float(rate.numerator) for rate in rates), np.nan]),
            np.array([*(float(rate.denominator) for rate in rates), np.nan]),
            np.array([*(answers.place_of(rate) for rate in rates), -1]),
        )


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Rows that run alike.

    Attributes:
        job: A job of theirs, of which window, limit and files do not count.
        settings: What runs.
        rows: Their places in the table.
        start: Start of the window in whole microseconds.
        end: End of the window; NaN for the end of the media.
        video: Length of the video in whole microseconds; NaN where the job has none.
        audio: Length of the audio.
        fps: Place of the source's frame rate in `rates`, or of the tool's own.
        limit: Place of the limit in `rates`, -1 where there is none.
        rates: The frame rates of source and limit.
        paths: Text of each file, by field of `assets`, for all rows of the table.
    """

    job: Job
    settings: Settings
    rows: Rows
    start: Column
    end: Column
    video: Column
    audio: Column
    fps: Rows
    limit: Rows
    rates: FrameRates
    paths: dict[str, pa.Array]

    def of(self, kept: Flags) -> PlainRows:
        """Give some of the rows."""
        changed: dict[str, Any] = {
            name: getattr(self, name)[kept]
            for name in ("rows", "start", "end", "video", "audio", "fps", "limit")
        }
        same = {n: getattr(self, n) for n in ("job", "settings", "rates", "paths")}
        return PlainRows(**same, **changed)


@dataclass(frozen=True, slots=True)
class _Side:
    """Frames and credits, as `Side`; NaN where there is no likeliest value."""

    frames: Column
    frames_low: Column
    frames_high: Column
    credits: Column
    credits_low: Column
    credits_high: Column

    @property
    def exact(self) -> Flags:
        same: Flags = self.credits_low == self.credits_high
        same &= (self.frames_low == self.frames_high) | np.isnan(self.frames_low)
        return same


def runs_in_columns(settings: Settings) -> bool:
    """Tell whether jobs with some settings can be priced as columns; others are priced each."""
    billing = settings.billing
    words = {*(billing.queued or ()), *(billing.settled or ())}
    return (
        billing.at_once in {None, "second"}
        and not words & {"job", "half-source"}
        and not settings.counted
        and not (billing.at_once and settings.frame_cap)
        and settings.on_day.one("durations", model=settings.model) is None
        and settings.on_day.one("min_seconds", mode=settings.mode, model=settings.model) is None
    )


def price_plain(plain: PlainRows, answers: Answers) -> Rows:
    """Price rows that run alike, as `estimate_job` and `find_problems` would each of them.

    Args:
        plain: The rows.
        answers: Where the answers go.

    Returns:
        Rows that are left for another way: those that are wrong, or too large.
    """
    end, there = _ends(plain)
    fine = (end >= SHORTEST_END) & (end > plain.start) & (end - plain.start <= LONGEST)
    left = plain.rows[~fine]
    if left.size:
        plain = plain.of(fine)
        end, there = _ends(plain)
    if plain.rows.size:
        try:
            window = end - plain.start
            if plain.settings.billing.at_once:
                held = np.clip(np.fmin(end, there) - plain.start, 0, None)
                queued = settled = _at_once(plain.settings.price, window, held)
            else:
                queued, settled = _queued(plain, window), _settled(plain, end, there)
        except InputError:  # an amount that no column holds
            return np.concatenate([left, plain.rows])
        _fill(plain, end, queued, settled, answers)
    return left


def _ends(plain: PlainRows) -> tuple[Column, Column]:
    """Give the end of each window, and of what the media holds for it."""
    there = plain.audio
    if plain.job.trimmed == "video":
        there = np.fmin(plain.video, plain.start + plain.audio)
    return np.where(np.isnan(plain.end), there, plain.end), there


def _at_once(rate: RateRange, window: Column, held: Column) -> _Side:
    """Price seconds: a part of one is rounded down to credits, or up to seconds.

    At least what the files hold of the window is charged.
    """
    if max(rate.high.numerator, rate.high.denominator, rate.low.numerator) > LARGEST_RATE:
        raise InputError("a rate has no column that holds it")
    asked, least = window.astype(np.int64), held.astype(np.int64)

    def credits(rate: Fraction, times: npt.NDArray[np.int64], *, down: bool) -> Column:
        product, unit = times * rate.numerator, rate.denominator * MICROSECOND
        rounded: npt.NDArray[np.int64] = product // unit if down else -(-product // unit)
        return rounded.astype(float)

    seconds = -(-asked // MICROSECOND) * MICROSECOND
    none = np.full(len(window), np.nan)
    lows = (credits(rate.low, least, down=down) for down in (True, False))
    return _kinded(
        none,
        none,
        none,
        np.where(least % MICROSECOND, *lows),
        none if rate.expected is None else credits(rate.expected, asked, down=False),
        credits(rate.high, seconds, down=False),
    )


def _queued(plain: PlainRows, window: Column) -> _Side:
    settings = plain.settings
    least, most = cast("tuple[Literal['seconds'] | Fraction, Fraction]", settings.billing.queued)
    high = _counts(most, window)
    if settings.second is None or least != "seconds":
        low = high if least == "seconds" else _counts(least, window)
        return _priced(low, np.where(low == high, high, np.nan), high, settings.price)
    # Seconds may be counted and not frames: then nothing is rounded before the price.
    low = _counts(settings.billing.native or most, window)
    none = np.full(len(window), np.nan)
    amounts = _counts(settings.second.low, window), none, _amounts(high, settings.price.high)
    return _kinded(low, none, high, *amounts)


def _settled(plain: PlainRows, end: Column, there: Column) -> _Side:
    settings = plain.settings
    least, most = cast("tuple[object, object]", settings.billing.settled)
    window = end - plain.start
    held = np.clip(np.fmin(end, there) - plain.start, 0, None)
    if isinstance(least, Fraction) and isinstance(most, Fraction):
        low, high = _counts(least, np.fmin(window, held)), _counts(most, window)
        expected = _counts(least, window) if least == most else np.full(len(window), np.nan)
        return _priced(low, expected, high, settings.price)
    priced = price_frames(
        plain.start,
        end,
        there,
        plain.rates.numerators[plain.fps],
        plain.rates.denominators[plain.fps],
        plain.rates.numerators[plain.limit],
        plain.rates.denominators[plain.limit],
        1,
    )
    if priced.reason.any():
        raise InputError(f"a row has no answer: {Reason(priced.reason.max()).name}")
    return _priced(priced.low, priced.high, priced.high, settings.price)


def _priced(low: Column, expected: Column, high: Column, rate: RateRange) -> _Side:
    none = np.full(len(low), np.nan)
    likeliest = none if rate.expected is None else _amounts(expected, rate.expected)
    return _kinded(
        low, expected, high, _amounts(low, rate.low), likeliest, _amounts(high, rate.high)
    )


def _kinded(  # noqa: PLR0913, PLR0917  both sides of frames and credits
    low: Column,
    expected: Column,
    high: Column,
    credits_low: Column,
    credits: Column,
    credits_high: Column,
) -> _Side:
    side = _Side(expected, low, high, credits, credits_low, credits_high)
    return _Side(
        np.where(side.exact, low, expected),
        low,
        high,
        np.where(side.exact, credits_low, credits),
        credits_low,
        credits_high,
    )


def _counts(rate: Fraction, window: Column) -> Column:
    return frame_counts(rate.numerator, rate.denominator, window)


def _amounts(frames: Column, rate: Fraction) -> Column:
    return credit_counts(frames, rate.numerator, rate.denominator)


def _fill(plain: PlainRows, end: Column, queued: _Side, settled: _Side, answers: Answers) -> None:
    rows, settings = plain.rows, plain.settings
    hold = np.maximum(queued.credits_high, settled.credits_high)
    columns = {
        "queued_frames": queued.frames,
        "queued_credits": queued.credits,
        "settled_frames_low": settled.frames_low,
        "settled_frames_high": settled.frames_high,
        "settled_credits_low": settled.credits_low,
        "settled_credits_high": settled.credits_high,
        "hold_credits": hold,
    }
    for name, column in columns.items():
        known = ~np.isnan(column)
        answers.known[name][rows] = known
        answers.counts[name][rows] = np.where(known, column, 0).astype(np.int64)
    answers.window[rows] = end - plain.start
    answers.kind[rows] = np.where(settled.exact, KINDS.index("exact"), KINDS.index("range"))
    price = settings.prices.get(settings.plan) if settings.plan else None
    if price is not None:
        answers.usd[rows] = _ten_thousandths(hold, price)
    findings = _findings(plain, end, queued, settled)
    native = settings.billing.native
    if settings.billing.at_once:
        answers.findings[rows] = findings
        return
    if native is None:
        outputs, idle = _outputs(plain)
        answers.source_fps[rows] = plain.rates.places[plain.fps]
        answers.output_fps[rows] = plain.rates.places[outputs]
        findings[idle] |= BITS["max-fps-limit-no-effect"]
    else:
        answers.output_fps[rows] = answers.place_of(native)
    for row in np.flatnonzero(settled.frames_high == 1):
        output = plain.rates.exact[outputs[row]] if native is None else native
        if output * int(answers.window[rows[row]]) < MICROSECOND:
            findings[row] |= BITS["window-under-one-frame"]
    answers.findings[rows] = findings


def _ten_thousandths(amounts: Column, price: CreditPrice) -> npt.NDArray[np.int64]:
    """Price credits band after band, and round dollars once, half up, as `dollars` does."""
    shared = math.lcm(*(per_credit.denominator for _, per_credit in price.ahead))
    factors = [int(2 * TEN_THOUSANDTHS * shared * per_credit) for _, per_credit in price.ahead]
    if float(amounts.max()) * max(factors) + shared >= 2**62:
        exactly = [int(dollars(price.cost(int(one))) * TEN_THOUSANDTHS) for one in amounts]
        return np.array(exactly, np.int64)
    left = amounts.astype(np.int64)
    total = np.full(len(left), shared)
    for (room, _), factor in zip(price.ahead, factors, strict=True):
        taken = left if room is None else np.minimum(left, room)
        total += taken * factor
        left = left - taken
    return total // (2 * shared)


def _outputs(plain: PlainRows) -> tuple[Rows, Flags]:
    """Find the frame rate of each output among the rates, and the limits that change nothing."""
    rates, many = plain.rates.exact, len(plain.rates.exact) + 1
    pairs, places = np.unique(plain.fps * many + plain.limit + 1, return_inverse=True)
    outputs, idle = np.empty(len(pairs), np.intp), np.empty(len(pairs), bool)
    for number, pair in enumerate(pairs.tolist()):
        source, limit = pair // many, pair % many - 1
        idle[number] = limit >= 0 and rates[limit] >= rates[source]
        outputs[number] = source if limit < 0 or idle[number] else limit
    return outputs[places], idle[places]


def _findings(plain: PlainRows, end: Column, queued: _Side, settled: _Side) -> Bits:
    job, settings, audio = plain.job, plain.settings, plain.audio
    window = end - plain.start
    needed = end if job.trimmed == "audio" else window
    flags = {
        "audio-shorter-than-window": audio < needed,
        "audio-longer-than-window": audio > needed,
    }
    if settings.frame_cap is not None:
        flags["frame-cap"] = settled.frames_high > settings.frame_cap
    if job.trimmed == "video":
        flags["window-past-end"] = end > plain.video
        flags["fps-above-30"] = settled.credits_high > queued.credits_high
    found = np.full(plain.rows.size, bits_of(find_standing_problems(job, settings)), np.int64)
    for code, where in flags.items():
        found[where] |= BITS[code]
    cap = settings.on_day.one(
        "max_seconds", mode=settings.mode, model=settings.model, plan=settings.plan
    )
    if cap is not None:
        bits = BITS["window-too-long"] | (REFUSED if severity_by(cap) == "error" else 0)
        found[window > cap.value * MICROSECOND] |= bits
    for name in job.sources():
        found |= _names(plain, name)
    return found


def _names(plain: PlainRows, name: str) -> Bits:
    """Look at the names of files: those with a usual ending at once, the others each."""
    kind, settings = plain.job.kind_of(name), plain.settings
    # Nothing of a picture decides a price, so that it is not looked at.
    unread = BITS["not-probed"] if kind == "image" else 0
    found = np.full(plain.rows.size, unread, np.int64)
    if name == "youtube_url":
        return found
    paths = plain.paths[name].take(pa.array(plain.rows))
    taken = settings.extensions.get(kind, ())
    endings = "|".join(re.escape(ending) for ending in taken) or "[a-z0-9]+"
    usual = rf"(?is)^([^:]*|[a-z][a-z0-9+.-]*://[^/?#\[\]\s]+/[^?#\s]*)[^/\\?#\s]\.({endings})$"
    rare = np.flatnonzero(~np.asarray(pc.match_substring_regex(paths, usual)))
    if rare.size:
        encoded = paths.take(pa.array(rare)).dictionary_encode()
        bits = [
            bits_of(find_name_problems(path, name, kind, settings))
            for path in encoded.dictionary.to_pylist()
        ]
        found[rare] |= np.array(bits, np.int64)[np.asarray(encoded.indices)]
    return found
