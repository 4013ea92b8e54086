"""How was it counted? The arithmetic line by line, with the rate's source and date."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from mh_preflight.estimate.answer import REASONS
from mh_preflight.units import counted, one, rate_text, time_text

if TYPE_CHECKING:
    from mh_preflight.estimate.answer import Estimate, Side
    from mh_preflight.rates import RateRange
    from mh_preflight.settings import Settings

__all__ = ["explain_estimate"]


def explain_estimate(settings: Settings, estimate: Estimate) -> tuple[str, ...]:
    """Write the arithmetic line by line, with the rate's source and date.

    Args:
        settings: What runs.
        estimate: What it costs.
    """
    if settings.billing.at_once is None:
        lines = _lines("queued", _queued_fps(settings), settings, estimate.queued)
        lines += _lines("settled", _settled_fps(settings, estimate), settings, estimate.settled)
    else:
        lines = _lines_at_once(settings, estimate.queued)
    hold = "none, because there is no upper bound" if estimate.hold is None else estimate.hold
    lines.append(f"hold: the larger upper bound = {hold}")
    for entry in settings.rates:
        said = settings.sources[entry.sources[0]]
        where = f" ({said.where})" if said.where else ""
        lines.append(
            f"rate: {_price(entry.range)} {one(entry.unit or 'job')} since {entry.since}, "
            f"by {said.rank} of {said.date}: {said.what}{where}"
        )
    return tuple(lines)


def _lines_at_once(settings: Settings, side: Side) -> list[str]:
    start, end = settings.window
    units = {
        "second": f"{time_text(end - start)} s",
        "character": counted(settings.characters, "character"),
        "image": counted(settings.count, "image"),
        "job": "1 job",
    }[settings.unit]
    credits = _bounds(side.credits_low, side.credits_high)
    line = f"charged at once: {units} at {_price(settings.price)} {one(settings.unit)}"
    return [f"{line} = {credits} credits", *(f"not exact: {REASONS[code]}" for code in side.why)]


def _queued_fps(settings: Settings) -> str:
    least, most = settings.billing.queued or ("job", "job")
    if most == "job":
        return rate_text(settings.own_fps or Fraction(0))
    shown = str(most) if isinstance(most, str) else rate_text(most)
    return shown if least in {most, "seconds"} else f"{least} to {shown}"


def _settled_fps(settings: Settings, estimate: Estimate) -> str:
    least, most = settings.billing.settled or ("job", "job")
    if most == "job":
        return rate_text(settings.own_fps or Fraction(0))
    if isinstance(least, Fraction) and isinstance(most, Fraction):
        return rate_text(least) if least == most else f"{least} to {most}"
    source = "?" if estimate.source_fps is None else rate_text(estimate.source_fps)
    limit = settings.fps_limit
    if least == "half-source":
        return f"{source} / 2 to {source}"
    return source if limit is None else f"min({source}, {rate_text(limit)})"


def _lines(name: str, fps: str, settings: Settings, side: Side) -> list[str]:
    start, end = settings.window
    count = f"ceil({fps} fps x {time_text(end - start)} s)"
    price = _price(settings.price)
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


def _bounds(low: int | None, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"
