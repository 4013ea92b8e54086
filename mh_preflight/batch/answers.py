"""What is answered? The added columns of some rows, filled from both ways of pricing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import ANSWERS
from mh_preflight.checks import CODES
from mh_preflight.rates import dollars
from mh_preflight.units import MICROSECOND, rate_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from mh_preflight.checks import Finding
    from mh_preflight.errors import PreflightError
    from mh_preflight.estimate import Estimate
    from mh_preflight.settings import Settings

__all__ = ["BITS", "COUNTS", "KINDS", "REFUSED", "Answers", "bits_of"]

BITS = {code: 1 << place for place, code in enumerate(CODES)}
"""A bit for each finding, in the order of `CODES`."""

REFUSED = 1 << len(CODES)
"""The bit of a row of which the API will refuse something."""

KINDS = ("exact", "range", "unknown")

COUNTS = tuple(name for name in ANSWERS.names if ANSWERS.field(name).type == pa.int64())

TEN_THOUSANDTHS = 10_000  # of a dollar, which is how exactly dollars are given


def bits_of(findings: tuple[Finding, ...] | list[Finding]) -> int:
    """Give the bits of findings, and of their being errors."""
    bits = 0
    for finding in findings:
        bits |= BITS[finding.code] | (REFUSED if finding.severity == "error" else 0)
    return bits


@dataclass(slots=True)
class Answers:
    """The answers of some rows; what is not filled is null.

    Attributes:
        rows: How many there are.
        day: The day whose rates counted.
        counts: int64 by name of the column.
        known: Which of them are known, by name.
        window: Whole microseconds.
        source_fps: Place in `rates`, or -1.
        output_fps: The same.
        rates: Frame rates as text.
        kind: Place in `KINDS`, or -1 where the row is not priced.
        findings: Their bits.
        usd: Ten thousandths of a dollar, -1 where not known.
        errors: Why a row is not priced, by its place.
    """

    rows: int
    day: date
    counts: dict[str, npt.NDArray[np.int64]] = field(init=False)
    known: dict[str, npt.NDArray[np.bool_]] = field(init=False)
    window: npt.NDArray[np.float64] = field(init=False)
    source_fps: npt.NDArray[np.intp] = field(init=False)
    output_fps: npt.NDArray[np.intp] = field(init=False)
    rates: dict[str, int] = field(default_factory=dict)
    kind: npt.NDArray[np.int8] = field(init=False)
    findings: npt.NDArray[np.int64] = field(init=False)
    usd: npt.NDArray[np.int64] = field(init=False)
    errors: dict[int, PreflightError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.rows
        self.counts = {name: np.zeros(rows, np.int64) for name in COUNTS}
        self.known = {name: np.zeros(rows, bool) for name in COUNTS}
        self.window = np.zeros(rows)
        self.source_fps = np.full(rows, -1)
        self.output_fps = np.full(rows, -1)
        self.kind = np.full(rows, -1, np.int8)
        self.findings = np.zeros(rows, np.int64)
        self.usd = np.full(rows, -1, np.int64)

    def place_of(self, rate: Fraction | None) -> int:
        """Give the place of a frame rate in `rates`; -1 for none."""
        if rate is None:
            return -1
        return self.rates.setdefault(rate_text(rate), len(self.rates))

    def fill(
        self, row: int, settings: Settings, estimate: Estimate, findings: tuple[Finding, ...]
    ) -> None:
        """Fill one row from its estimate."""
        start, end = settings.window
        queued, settled = estimate.queued, estimate.settled
        values = (
            queued.frames,
            queued.credits,
            settled.frames_low,
            settled.frames_high,
            settled.credits_low,
            settled.credits_high,
            estimate.hold,
        )
        for name, value in zip(COUNTS, values, strict=True):
            if value is not None:
                self.counts[name][row], self.known[name][row] = value, True
        self.window[row] = end - start
        self.source_fps[row] = self.place_of(estimate.source_fps)
        self.output_fps[row] = self.place_of(estimate.output_fps)
        self.kind[row] = KINDS.index(settled.kind)
        self.findings[row] = bits_of(findings)
        money = estimate.usd.get(settings.plan) if settings.plan else None
        if money is not None and money.hold is not None:
            self.usd[row] = int(dollars(money.hold) * TEN_THOUSANDTHS)

    def columns(self) -> list[pa.Array]:
        """Give the columns, in the order of `ANSWERS`."""
        priced = self.kind >= 0
        texts = {
            "fps_source": _texts(self.source_fps, list(self.rates)),
            "fps_output": _texts(self.output_fps, list(self.rates)),
            "settled_kind": _texts(self.kind, list(KINDS)),
            "error_code": _errors(self, "code"),
            "error_message": _errors(self, "message"),
        }
        others = {
            "window_seconds": pa.array(self.window / MICROSECOND, mask=~priced),
            "usd_hold": _decimals(self.usd),
            "rate_as_of": _where(priced, pa.scalar(self.day, pa.date32())),
            "findings": _lists(self.findings, priced),
            "refused": pa.array((self.findings & REFUSED) > 0, mask=~priced),
        }
        counts = {n: pa.array(self.counts[n], mask=~self.known[n]) for n in COUNTS}
        every = {**texts, **others, **counts}
        return [every[name] for name in ANSWERS.names]


def _texts(places: npt.NDArray[np.integer], texts: list[str]) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string())).cast(pa.string())


def _errors(answers: Answers, name: str) -> pa.Array:
    if not answers.errors:
        return pa.nulls(answers.rows, pa.string())
    texts = [getattr(error, name) for error in answers.errors.values()]
    places = np.full(answers.rows, -1, np.int32)
    places[list(answers.errors)] = np.arange(len(texts))
    return _texts(places, [text.encode("utf-8", "backslashreplace").decode() for text in texts])


def _where(priced: npt.NDArray[np.bool_], value: pa.Scalar) -> pa.Array:
    return pc.if_else(pa.array(priced), value, pa.scalar(None, value.type))


def _decimals(ten_thousandths: npt.NDArray[np.int64]) -> pa.Array:
    """Make decimals of whole numbers: 16 bytes each, the low half first."""
    halves = np.stack([ten_thousandths, ten_thousandths >> 63], axis=1)
    kind = ANSWERS.field("usd_hold").type
    whole = pa.Array.from_buffers(kind, len(halves), [None, pa.py_buffer(halves.tobytes())])
    known = pa.array(ten_thousandths >= 0)
    return pc.if_else(known, whole, pa.scalar(None, kind))


def _lists(bits: npt.NDArray[np.int64], priced: npt.NDArray[np.bool_]) -> pa.Array:
    """Make lists of codes: each combination once, and its place for each row."""
    combinations, places = np.unique(bits, return_inverse=True)
    lists = [[code for code, bit in BITS.items() if one & bit] for one in combinations.tolist()]
    values = pa.array(lists, pa.list_(pa.string()))
    return values.take(pa.array(places, mask=~priced))
