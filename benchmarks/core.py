"""Measure the numeric core, `price_frames`, beside C and what else prices columns of jobs.

All engines take the same eight columns and give the same five answers, which are checked against
ours, and ours in part against fractions, before anything is timed. Engines run in turns in one
process, and figures are medians of rounds: compare ratios, not machines. What is not installed
(C compiler, pandas, polars, duckdb with pyarrow, numexpr, numba) is named and left out.

    python benchmarks/core.py [--sizes 1000 ...] [--engines ours C ...] [--rounds 9]
                              [--one-thread] [--markdown] [--json FILE]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import subprocess
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import ceil, log2, nan
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from speed import rounds_of

from mh_preflight.frames import Column, PricedFrames, Reason, price_frames

NAMES = ("start", "stop", "media_end", "fps", "fps_under", "cap", "cap_under", "rate")
SIZES = [10**3, 10**4, 10**5, 10**6, 10**7]
MOST_OBJECTS = 10**5
SAMPLED = 4000
RATES = [(24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (60000, 1001), (60, 1), (120, 1)]
CAPS = [(nan, nan), (nan, nan), (12, 1), (24, 1), (2997, 100), (30, 1)]
PAST_MEDIA, WITHOUT_RATE = 0.02, 0.001
LARGE = 10**7  # numbers in each array of the triad: far beyond any cache
BYTES = 8 * len(NAMES) + 4 * 8 + 1  # columns read, answers written; not what else an engine moves
FEW_BYTES = 64_000_000
OURS, C, BY_HAND, PLAIN = "ours", "C", "C, by hand", "numpy"

Run: TypeAlias = Callable[[], Any]

# "C" is one loop, as anyone would write it, compiled for the processor at hand as numba compiles:
# only so does gcc use vector instructions for the `ceil` of <math.h>. "C, by hand" is written for
# the compiler (`ceil` as arithmetic, blocks, a second look at odd rows) and told that no comparison
# traps, with which gcc takes the vector instructions out of the one loop. Beyond 2^53 both say
# TOO_LARGE, also of some rows that ours counts exactly: the data has none of either.
FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]
SOURCE = r"""
#include <math.h>
#include <stddef.h>
#define BOUND 9007199254740992.0
#define IN const double *restrict
#define OUT double *restrict
#define COLUMNS IN s, IN e, IN m, IN f, IN fu, IN l, IN lu, IN r, \
    OUT queued, OUT low, OUT high, OUT credits, unsigned char *restrict reason
static inline double least(double x, double y) { return y < x ? y : x; }
static inline double up(double x) {
  double near = (x + BOUND / 2) - BOUND / 2;
  return near + (near < x ? 1.0 : 0.0);
}
static inline int why(double w, double f, double l, double r, double x, double y, double c) {
  return !(w >= 0) ? 1 : w * 30 >= BOUND ? 5 : !(f > 0) ? 2 : l <= 0 ? 3 : !(r >= 0) ? 4
    : (x >= BOUND) | (y >= BOUND) | (c >= BOUND) ? 5 : 0;
}
void fast(size_t n, COLUMNS) {
  double odd[1024];  /* in blocks, so that the second look finds all in the cache */
  for (size_t from = 0, to; from < n; from = to) {
    to = n - from < 1024 ? n : from + 1024;
    for (size_t i = from; i < to; i++) {
      double w = e[i] - s[i], x = f[i] * w, y = l[i] * w, z = w * 30, most = x > z ? x : z;
      double h = least(up(x / (fu[i] * 1e6)), up(y / (lu[i] * 1e6))), c = h * r[i];
      queued[i] = up(z / 1e6); low[i] = h; high[i] = h; credits[i] = c;
      odd[i - from] = (w >= 0) & (f[i] * fu[i] > 0) & !(l[i] * lu[i] <= 0) & (r[i] >= 0)
        & (most < BOUND) & (c < BOUND) & !(y >= BOUND) & !(m[i] < e[i]) ? 0.0 : 1.0;
    }
    for (size_t i = from; i < to; i++) {
      reason[i] = 0;
      if (odd[i - from] == 0) continue;
      double w = e[i] - s[i], there = m[i] < e[i] ? m[i] - s[i] : w;
      there = there > 0 ? there : 0;
      int k = why(w, f[i] * fu[i], l[i] * lu[i], r[i], f[i] * w, l[i] * w, credits[i]);
      reason[i] = k;
      low[i] = least(up(f[i] * there / (fu[i] * 1e6)), up(l[i] * there / (lu[i] * 1e6)));
      if (k) low[i] = high[i] = credits[i] = NAN;
      if (k == 1 || k == 5) queued[i] = NAN;
    }
  }
}
void one_loop(size_t n, COLUMNS) {
  for (size_t i = 0; i < n; i++) {
    double w = e[i] - s[i], t = m[i] < e[i] ? m[i] - s[i] : w, there = t > 0 ? t : 0;
    double x = f[i] * w, y = l[i] * w, d = fu[i] * 1e6, g = lu[i] * 1e6;
    double h = least(ceil(x / d), ceil(y / g)), c = h * r[i];
    double b = least(ceil(f[i] * there / d), ceil(l[i] * there / g));
    int k = why(w, f[i] * fu[i], l[i] * lu[i], r[i], x, y, c);
    queued[i] = k == 1 || k == 5 ? NAN : ceil(w * 30 / 1e6);
    low[i] = k ? NAN : b; high[i] = k ? NAN : h; credits[i] = k ? NAN : c; reason[i] = k;
  }
}
void triad(size_t n, double factor, OUT a, IN b, IN c) {
  for (size_t i = 0; i < n; i++) a[i] = b[i] + factor * c[i];
}
"""


class SkippedError(Exception):
    """An engine is not there, or not for so many jobs."""


def make_jobs(rows: int) -> list[Column]:
    """Draw jobs as they come, the same each time: columns in the order of NAMES."""
    chance = np.random.default_rng(20260816)
    start = chance.integers(0, 60_000, rows) * 1e3
    stop = start + chance.integers(100, 60_001, rows) * 1e3
    after = stop + chance.integers(0, 100_000, rows) * 1e3
    within = np.rint(start + (stop - start) * chance.random(rows) * 0.999)
    media_end = np.where(chance.random(rows) < PAST_MEDIA, within, after)
    fps = np.array(RATES, float)[chance.integers(0, len(RATES), rows)].T.copy()
    cap = np.array(CAPS, float)[chance.integers(0, len(CAPS), rows)].T.copy()
    fps[0, chance.random(rows) < WITHOUT_RATE] = nan
    return [start, stop, media_end, *fps, *cap, chance.integers(1, 3, rows).astype(float)]


def make_out(rows: int) -> PricedFrames:
    """Allocate answers, once for an engine; its first run, which is not timed, touches them."""
    return PricedFrames._make([*(np.zeros(rows) for _ in range(4)), np.zeros(rows, np.uint8)])


def arrays_of(*columns: Any) -> list[Any]:
    """Give all columns of several in one list."""
    return [array for some in columns for array in some]


def exactly(row: Sequence[float]) -> tuple[float, float, float, float, int]:
    """Price one row of the data with fractions."""
    start, stop, media_end = (int(time) for time in row[:3])
    queued, second = ceil(Fraction(30 * (stop - start), 10**6)), Fraction(1, 10**6)
    if row[3] != row[3]:
        return queued, nan, nan, nan, Reason.NO_FRAME_RATE
    output = Fraction(int(row[3]), int(row[4]))
    if row[5] == row[5]:
        output = min(output, Fraction(int(row[5]), int(row[6])))
    low = ceil(output * max(min(media_end, stop) - start, 0) * second)
    high = ceil(output * (stop - start) * second)
    return queued, low, high, high * int(row[7]), Reason.ANSWERED


def with_ours(jobs: list[Column]) -> Run:
    """Price with `price_frames`."""
    out = make_out(len(jobs[0]))
    return lambda: price_frames(*jobs, out=out)


def compiler() -> str:
    """Find the system's C compiler."""
    if found := shutil.which("cc") or shutil.which("gcc"):
        return found
    raise SkippedError("no C compiler")


@cache
def compiled(*more: str) -> Any:
    """Compile the C functions, with more flags than all have, and load them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, library = Path(folder, "core.c"), Path(folder, "core.so")
        source.write_text(SOURCE)
        command = [compiler(), *FLAGS, *more, str(source), "-o", str(library), "-lm"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise SkippedError(f"the compiler says {done.stderr.strip()[:200]!r}")
        try:
            return ctypes.CDLL(str(library))
        except OSError as error:
            raise SkippedError(f"cannot be loaded: {error}") from error


def with_c(jobs: list[Column], name: str = "one_loop", *more: str) -> Run:
    """Price with C: the loop that anyone would write, or the one made for the compiler."""
    function, out = getattr(compiled(*more), name), make_out(len(jobs[0]))
    arrays = [ctypes.c_void_p(array.ctypes.data) for array in arrays_of(jobs, out)]

    def run() -> PricedFrames:
        function(ctypes.c_size_t(len(jobs[0])), *arrays)
        return out

    return run


def with_numpy(jobs: list[Column]) -> Run:
    """Price with whole columns, as anyone would write it. It does not look for the bound."""

    def run() -> list[Any]:
        start, stop, media_end, fps, fps_under, cap, cap_under, rate = jobs
        window = stop - start
        there = np.maximum(np.fmin(media_end, stop) - start, 0)
        low, high = (
            np.fmin(np.ceil(fps * w / (fps_under * 1e6)), np.ceil(cap * w / (cap_under * 1e6)))
            for w in (there, window)
        )
        no_window, no_rate = ~(window >= 0), ~((fps > 0) & (fps_under > 0))
        reason = np.where(no_window, 1, np.where(no_rate, 2, 0)).astype(np.uint8)
        queued = np.where(no_window, nan, np.ceil(window * 30 / 1e6))
        answers = (np.where(reason > 0, nan, column) for column in (low, high, high * rate))
        return [queued, *answers, reason]

    return run


def with_pandas(jobs: list[Column]) -> Run:
    """Price with a data frame (whose arithmetic uses numexpr where that is installed)."""
    frame = import_module("pandas").DataFrame(dict(zip(NAMES, jobs, strict=True)))

    def count(d: Any, window: Any) -> Any:
        counted = np.ceil(d.fps * window / (d.fps_under * 1e6))
        limited = np.ceil(d.cap * window / (d.cap_under * 1e6))
        return limited.where(limited < counted, counted)

    def run() -> Any:
        d, window = frame, frame.stop - frame.start
        there = (d.media_end.where(d.media_end < d.stop, d.stop) - d.start).clip(lower=0)
        no_window, high = ~(window >= 0), count(d, window)
        missing = no_window | ~((d.fps > 0) & (d.fps_under > 0))
        reason = (missing.astype("uint8") * 2).mask(no_window, 1)
        queued = np.ceil(window * 30 / 1e6).mask(no_window)
        counts = count(d, there).mask(missing), high.mask(missing), (high * d.rate).mask(missing)
        return [queued, *counts, reason]

    return run


def with_polars(jobs: list[Column]) -> Run:
    """Price with polars, which works on several columns at once, with threads of its own."""
    pl = import_module("polars")
    frame = pl.DataFrame(dict(zip(NAMES, jobs, strict=True))).lazy()
    start, stop, media_end, fps, fps_under, cap, cap_under, rate = map(pl.col, NAMES)

    def count(window: Any) -> Any:
        counted = (fps * window / (fps_under * 1e6)).ceil()
        limited = (cap * window / (cap_under * 1e6)).ceil()
        # NaN is the largest number of all here.
        return pl.when(limited < counted).then(limited).otherwise(counted)

    window, there = stop - start, pl.when(media_end < stop).then(media_end).otherwise(stop) - start
    no_window = window.is_nan() | (window < 0)
    no_rate = fps.is_nan() | fps_under.is_nan() | (fps <= 0) | (fps_under <= 0)
    there = pl.when(there > 0).then(there).otherwise(0.0)
    counts = {"low": count(there), "high": count(window), "credits": count(window) * rate}
    reason = pl.when(no_window).then(1).otherwise(pl.when(no_rate).then(2).otherwise(0))
    columns = {
        "queued": pl.when(no_window).then(nan).otherwise((window * 30 / 1e6).ceil()),
        **{n: pl.when(no_window | no_rate).then(nan).otherwise(c) for n, c in counts.items()},
        "reason": reason.cast(pl.UInt8),
    }
    # Lazily, so that what occurs twice is computed once.
    return lambda: frame.select(**columns).collect().get_columns()


QUERY = """
WITH known AS (
  SELECT *, stop - start AS w, greatest(least(media_end, stop) - start, 0) AS there,
    CASE WHEN isnan(stop - start) OR stop < start THEN 1
      WHEN isnan(fps) OR isnan(fps_under) OR fps <= 0 OR fps_under <= 0 THEN 2 ELSE 0 END AS why
  FROM jobs),
counted AS (
  SELECT *, least(ceil(fps * w / (fps_under * 1e6)), ceil(cap * w / (cap_under * 1e6))) AS h,
    least(ceil(fps * there / (fps_under * 1e6)), ceil(cap * there / (cap_under * 1e6))) AS l
  FROM known)
SELECT CASE WHEN why = 1 THEN 'nan'::DOUBLE ELSE ceil(w * 30 / 1e6) END AS queued,
  CASE WHEN why > 0 THEN 'nan'::DOUBLE ELSE l END AS low,
  CASE WHEN why > 0 THEN 'nan'::DOUBLE ELSE h END AS high,
  CASE WHEN why > 0 THEN 'nan'::DOUBLE ELSE h * rate END AS credits, why::UTINYINT AS reason
FROM counted"""  # NaN is the largest number of all here.


def with_duckdb(jobs: list[Column], threads: int | None = None) -> Run:
    """Price with one query over an Arrow table that shares our columns; it has its own threads."""
    connection = import_module("duckdb").connect(config={"threads": threads} if threads else {})
    table = import_module("pyarrow").table(dict(zip(NAMES, jobs, strict=True)))
    connection.register("jobs", table)
    return lambda: connection.sql(QUERY).to_arrow_table().columns


def with_numexpr(jobs: list[Column]) -> Run:
    """Price with numexpr, an expression for each answer; it has its own threads."""
    evaluate = import_module("numexpr").evaluate
    there = "where(media_end < stop, where(media_end < start, 0, media_end - start), stop - start)"
    count = "where({1} < {0}, {1}, {0})".format(
        "ceil(fps * ({0}) / (fps_under * 1e6))", "ceil(cap * ({0}) / (cap_under * 1e6))"
    )
    out = make_out(len(jobs[0]))
    known = {"nan": nan, **dict(zip(NAMES, jobs, strict=True)), **out._asdict()}
    rated = "where((fps > 0) & (fps_under > 0), 0, 2)"
    # In this order: what stands in a column is used for the next ones.
    expressions = {
        "reason": f"where(stop - start >= 0, {rated}, 1)",
        "queued": "where(reason == 1, nan, ceil((stop - start) * 30 / 1e6))",
        "low": f"where(reason > 0, nan, {count.format(there)})",
        "high": f"where(reason > 0, nan, {count.format('stop - start')})",
        "credits": "high * rate",
    }

    def run() -> PricedFrames:
        for name, expression in expressions.items():
            evaluate(expression, known, {}, out=getattr(out, name), casting="unsafe")
        return out

    return run


def price_loop(jobs: Any, out: Any) -> None:
    """Price row by row; numba compiles it. It does not look for the bound."""
    start, stop, media_end, fps, fps_under, cap, cap_under, rate = jobs
    queued, low, high, amounts, reason = out
    for i in range(len(start)):
        window = stop[i] - start[i]
        there = max(media_end[i] - start[i], 0.0) if media_end[i] < stop[i] else window
        divisor, under = fps_under[i] * 1e6, cap_under[i] * 1e6
        counted, limited = np.ceil(fps[i] * window / divisor), np.ceil(cap[i] * window / under)
        seen, cut = np.ceil(fps[i] * there / divisor), np.ceil(cap[i] * there / under)
        # `min` gives the first where the second is NaN: a missing limit is none.
        most, least = min(counted, limited), min(seen, cut)
        no_window, no_rate = not window >= 0, not (fps[i] > 0 and fps_under[i] > 0)
        missing = no_window or no_rate
        queued[i] = nan if no_window else np.ceil(window * 30 / 1e6)
        low[i], high[i] = (nan, nan) if missing else (least, most)
        amounts[i] = nan if missing else most * rate[i]
        reason[i] = 1 if no_window else 2 if no_rate else 0


@cache
def compiled_loop() -> Any:
    """Hand the loop to numba, dividing as numpy does: without a look for zero."""
    return import_module("numba").njit(error_model="numpy")(price_loop)


def with_numba(jobs: list[Column]) -> Run:
    """Price with numba, which compiles for the processor at hand."""
    loop, out = compiled_loop(), make_out(len(jobs[0]))

    def run() -> PricedFrames:
        loop(tuple(jobs), tuple(out))
        return out

    return run


@dataclass(frozen=True, slots=True)
class Job:
    """A job as an object, with whole numbers, of which `fps` and `cap` may be missing."""

    start: int
    stop: int
    media_end: int
    fps: int | None
    fps_under: int
    cap: int | None
    cap_under: int
    rate: int

    def count(self, fps: int, window: int) -> int:
        """Count frames."""
        counted = -(-fps * window // (self.fps_under * 1_000_000))
        if self.cap is None:
            return counted
        return min(counted, -(-self.cap * window // (self.cap_under * 1_000_000)))

    def price(self) -> tuple[float, ...]:
        """Price it."""
        window = self.stop - self.start
        if window < 0:
            return nan, nan, nan, nan, 1
        queued = -(-30 * window // 1_000_000)
        if self.fps is None:
            return queued, nan, nan, nan, 2
        high = low = self.count(self.fps, window)
        if self.media_end < self.stop:
            low = self.count(self.fps, max(self.media_end - self.start, 0))
        return queued, low, high, high * self.rate, 0


def with_objects(jobs: list[Column]) -> Run:
    """Price Python objects with whole numbers."""
    if len(jobs[0]) > MOST_OBJECTS:
        raise SkippedError(f"only up to {MOST_OBJECTS:,} jobs")
    columns = ([None if n != n else int(n) for n in column.tolist()] for column in jobs)  # noqa: PLR0124
    objects = [Job(*row) for row in zip(*columns, strict=True)]
    return lambda: [job.price() for job in objects]


ENGINES: dict[str, Callable[[list[Column]], Run]] = {
    OURS: with_ours,
    C: with_c,
    BY_HAND: lambda jobs: with_c(jobs, "fast", "-fno-trapping-math"),
    PLAIN: with_numpy,
    "pandas": with_pandas,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "numexpr": with_numexpr,
    "numba": with_numba,
    "Python objects": with_objects,
}


def find_engines(names: Sequence[str], jobs: list[Column]) -> dict[str, Run]:
    """Make the engines that are there ready, name the others, and compare all answers."""
    runs = {}
    for name in [OURS, *(name for name in names if name != OURS)]:
        try:
            runs[name] = ENGINES[name](jobs)
        except (SkippedError, ImportError) as error:
            print(f"{name}: skipped, {error}")
    ours = runs[OURS]()
    check_sample(jobs, ours)
    for name, run in runs.items():
        answers: Any = run()
        answers = zip(*answers, strict=True) if isinstance(answers[0], tuple) else answers
        for what, column, own in zip(ours._fields, answers, ours, strict=True):
            same = np.array_equal(np.asarray(column, float), own.astype(float), equal_nan=True)
            assert same, f"{name} gives other {what}"
    return runs


def check_sample(jobs: list[Column], priced: PricedFrames) -> None:
    """Compare some thousand rows of ours, and some that lack a rate, with fractions."""
    odd, some = np.flatnonzero(priced.reason)[:100], max(1, len(jobs[0]) // SAMPLED)
    rows = np.concatenate([odd, np.arange(0, len(jobs[0]), some)])
    wanted = [exactly(row) for row in zip(*(c[rows].tolist() for c in jobs), strict=True)]
    for column, expected in zip(arrays_of(priced), zip(*wanted, strict=True), strict=True):
        np.testing.assert_array_equal(column[rows].astype(float), np.array(expected, float))


def measure_triad() -> tuple[float, str]:
    """Give gigabytes a second of a = b + s x c in one thread, and say by what."""
    a, b, c = (np.ones(LARGE) for _ in range(3))
    arrays = [ctypes.c_void_p(array.ctypes.data) for array in (a, b, c)]
    try:
        triad = partial(compiled().triad, ctypes.c_size_t(LARGE), ctypes.c_double(3), *arrays)
        return 24 * LARGE / rounds_of({"": triad}, 7)[""] / 1e9, "C"
    except SkippedError:

        def passes() -> None:
            np.add(b, np.multiply(c, 3, out=a), out=a)

        return 40 * LARGE / rounds_of({"": passes}, 7)[""] / 1e9, "numpy, in two passes"


def measure_memory(jobs: list[Column]) -> int:
    """Count the bytes that ours needs beyond columns and answers."""
    out = make_out(len(jobs[0]))
    tracemalloc.start()
    price_frames(*jobs, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Measured(NamedTuple):
    """What an engine takes for a job, and how many times that of C."""

    n: int
    engine: str
    ns_per_job: float
    ratio_to_c: float | None


def measure(rows: int, names: Sequence[str], rounds: int) -> tuple[list[Measured], int]:
    """Measure one size and print its table; give also the memory that ours needs."""
    print(f"\n{rows:,} jobs, {rounds} rounds")
    jobs = make_jobs(rows)
    runs = find_engines(names, jobs)
    speed, by = measure_triad()
    taken = rounds_of(runs, rounds)
    base = taken.get(C)
    measured = [
        Measured(rows, name, seconds / rows * 1e9, seconds / base if base else None)
        for name, seconds in taken.items()
    ]
    print(f"a = b + s x c on {LARGE:,} numbers, by {by}: {speed:.1f} GB a second\n")
    print(f"{'':16}{'ns a job':>10}{'bytes':>7}{'of that':>9}{'x C':>9}   4 marks: twice as long")
    for _, name, ns, ratio in measured:
        times = f"{ratio:.2f}" if ratio else ""
        bar = "#" * (1 + round(4 * log2(max(ratio, 1)))) if ratio else ""
        print(f"{name:16}{ns:10.2f}{BYTES:7}{BYTES / ns / speed:9.0%}{times:>9}   {bar}")
    memory = measure_memory(jobs)
    print(f"ours needs {memory / 1e6:.1f} MB beyond columns and answers")
    return measured, memory


def check_goals(measured: Sequence[Measured], memory: int | None) -> Iterator[str]:
    """Say of each goal what was measured, and whether it holds."""
    taken = {(each.n, each.engine): each.ns_per_job for each in measured}
    goals = [(n, OURS, C, 1.8) for n in SIZES[-2:]]
    goals += [(n, name, OURS, 3) for n in SIZES[-2:] for name in ("polars", "pandas", "duckdb")]
    said = {True: "holds", False: "does not hold"}
    for n, one, other, bound in [*goals, (10**5, PLAIN, OURS, 4.0)]:
        if (n, one) in taken and (n, other) in taken:
            ratio = taken[n, one] / taken[n, other]
            word, holds = ("most", ratio <= bound) if one == OURS else ("least", ratio >= bound)
            goal = f"{n:,} jobs: {one} takes at {word} {bound:g} x {other}"
            yield f"{goal} | {ratio:.2f} x | {said[holds]}"
    if memory is not None:
        goal = f"{LARGE:,} jobs: ours needs less than 64 MB beyond columns and answers"
        yield f"{goal} | {memory / 1e6:.1f} MB | {said[memory < FEW_BYTES]}"


def show_markdown(measured: Sequence[Measured]) -> None:
    """Print nanoseconds a job, and in brackets the ratio to C, for the README."""
    sizes = sorted({each.n for each in measured})
    print(f"\n| ns a job (x C) | {' | '.join(f'{n:,}' for n in sizes)} |")
    print(f"| --- |{' --: |' * len(sizes)}")
    for name in ENGINES:
        cells = dict.fromkeys(sizes, "")
        for n, engine, ns, ratio in measured:
            if engine == name:
                cells[n] = f"{ns:.1f}" + (f" ({ratio:.2f})" if ratio else "")
        if any(cells.values()):
            print(f"| {name} | {' | '.join(cells.values())} |")


def versions() -> str:
    """Name what is measured."""
    said = [platform.machine(), f"Python {platform.python_version()}"]
    for name in ("numpy", "pandas", "polars", "duckdb", "numexpr", "numba"):
        with suppress(PackageNotFoundError):
            said.append(f"{name} {version(name)}")
    with suppress(SkippedError):
        command = [compiler(), "--version"]
        said.append(subprocess.check_output(command, text=True).splitlines()[0])  # noqa: S603
    return ", ".join(said)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of jobs")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--rounds", type=int, help="rounds of each size; fewer for more jobs")
    parser.add_argument(
        "--one-thread", action="store_true", help="give polars, duckdb and numexpr one thread too"
    )
    parser.add_argument("--markdown", action="store_true", help="print a table for the README")
    parser.add_argument("--json", type=Path, help="write a JSON line for each engine and size")
    options = parser.parse_args()
    if options.one_thread:
        os.environ |= dict.fromkeys(("POLARS_MAX_THREADS", "NUMEXPR_NUM_THREADS"), "1")
        ENGINES["duckdb"] = partial(with_duckdb, threads=1)
    print(versions())
    measured, memory = [], None
    for rows in options.sizes:
        rounds = options.rounds or min(300, max(9, int(20_000 / rows**0.5)))
        added, needed = measure(rows, options.engines, rounds)
        measured += added
        memory = needed if rows == LARGE else memory
    if options.markdown:
        show_markdown(measured)
        print("\n| goal | measured | |\n| --- | --: | --- |")
    else:
        print()
    for line in check_goals(measured, memory):
        print(f"| {line} |" if options.markdown else line)
    if options.json:
        options.json.write_text("".join(f"{json.dumps(each._asdict())}\n" for each in measured))


if __name__ == "__main__":
    main()
