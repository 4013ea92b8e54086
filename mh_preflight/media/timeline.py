"""What do the time stamps say? Frame rate, its steadiness and the duration of one track."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from mh_preflight.units import MICROSECOND

if TYPE_CHECKING:
    import numpy.typing as npt

_LARGEST_SUM = 2**62  # beyond it, Python's own integers count

__all__ = ["USUAL_RATES", "Timeline", "read_timeline"]

USUAL_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
    Fraction(120),
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """One track's frames in time.

    Attributes:
        fps: Frames a second, exact; None for a track without length.
        variable: A time stamp is further than half a frame from the even grid at `fps`.
        open_ended: Nothing says how long the last frame is shown.
        even: Every stamp lies within a tick of that grid, and no place of it is empty.
        duration: First stamp to end of the last frame, whole microseconds.
        offsets: Sorted int64 ticks from the first frame; None where the frames were not looked at.
        tick: Seconds a tick.
    """

    fps: Fraction | None
    variable: bool
    even: bool
    open_ended: bool
    duration: int
    offsets: npt.NDArray[np.int64] | None
    tick: Fraction

    @property
    def times(self) -> npt.NDArray[np.int64] | None:
        """Sorted int64 microseconds from the first frame."""
        if self.offsets is None:
            return None
        times: npt.NDArray[np.int64] = np.rint(
            self.offsets * float(self.tick * MICROSECOND)
        ).astype(np.int64)
        return times


def read_timeline(
    stamps: npt.NDArray[np.int64], last: int, tick: Fraction, declared: Fraction | None
) -> Timeline:
    """Derive rate, steadiness and duration from presentation time stamps.

    Args:
        stamps: Sorted int64 time stamps in ticks; at least one.
        last: How long the last frame is shown, in ticks; 0 where the file does not say.
        tick: Seconds a tick.
        declared: The frame rate that the file declares, or None.
    """
    offsets = stamps - stamps[0]
    length = int(offsets[-1])
    fps = fitting = _fitting_rate(offsets, tick, declared)
    open_ended = last <= 0 and fitting is None
    if last <= 0:
        last = _usual_step(offsets, tick, fitting or declared)
    duration = (length + last) * tick
    variable = even = False
    if fitting:
        frames_a_tick = tick * fitting
        even = round(length * frames_a_tick) == len(offsets) - 1
        # Off by a tick at the most: more than half a frame only where a tick is that long.
        variable = 2 * frames_a_tick > 1 and _off_by(offsets, frames_a_tick) > Fraction(1, 2)
    elif duration > 0:
        fps = len(offsets) / duration
        variable = _off_by(offsets, tick * fps) > Fraction(1, 2)
    return Timeline(
        fps=fps,
        variable=variable,
        even=even,
        open_ended=open_ended,
        duration=round(duration * MICROSECOND),
        offsets=offsets,
        tick=tick,
    )


def _fitting_rate(
    offsets: npt.NDArray[np.int64], tick: Fraction, declared: Fraction | None
) -> Fraction | None:
    """Give the rate from which no stamp is further than a tick: the declared or a usual one."""
    if declared and _fits(offsets, tick, declared):
        return declared
    if len(offsets) == 1 or offsets[-1] == 0:
        return None
    measured = Fraction(len(offsets) - 1) / (int(offsets[-1]) * tick)
    by_distance = sorted(USUAL_RATES, key=lambda rate: abs(rate - measured))
    return next((rate for rate in by_distance if _fits(offsets, tick, rate)), None)


def _fits(offsets: npt.NDArray[np.int64], tick: Fraction, rate: Fraction) -> bool:
    frames_a_tick = tick * rate
    return _off_by(offsets, frames_a_tick) <= frames_a_tick


def _off_by(offsets: npt.NDArray[np.int64], frames_a_tick: Fraction) -> Fraction:
    """Give the largest distance of a stamp from the even grid, in frames."""
    top, bottom = frames_a_tick.numerator, frames_a_tick.denominator
    places = np.arange(len(offsets))
    if max(int(offsets[-1]) * top, len(offsets) * bottom) >= _LARGEST_SUM:
        offsets, places = offsets.astype(object), places.astype(object)
    return Fraction(int(np.abs(offsets * top - places * bottom).max()), bottom)


def _usual_step(offsets: npt.NDArray[np.int64], tick: Fraction, rate: Fraction | None) -> int:
    if rate:
        return max(1, round(1 / (rate * tick)))
    return int(np.median(np.diff(offsets))) if len(offsets) > 1 else 0
