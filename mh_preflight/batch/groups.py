"""Which rows run alike? The plain rows of a table, in groups of the same settings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import FACTS, as_times, fractions_of
from mh_preflight.batch.plain import FrameRates, PlainRows, runs_in_columns
from mh_preflight.batch.single import chosen_plan
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.jobs import FIELDS, job_from_fields, model_of
from mh_preflight.settings import resolve_settings
from mh_preflight.units import frame_rate, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.batch.answers import Answers
    from mh_preflight.batch.columns import JobColumns
    from mh_preflight.batch.terms import Terms
    from mh_preflight.frames import Column
    from mh_preflight.jobs import Job

__all__ = ["plain_rows"]

FILES = ("video", "audio", "image", "youtube")
ALIKE = ("endpoint", "plan", "mode", "resolution", "width", "height")
"""Columns in which rows that run alike have the same."""

WIDEST = 1 << 62  # of a key that is put together from the columns

LARGEST = 1 << 53  # of a part of a frame rate that is priced in a column


@dataclass(frozen=True, slots=True)
class _Values:
    """What differs among rows that run alike: times in whole microseconds, NaN for none."""

    odd: npt.NDArray[np.bool_]
    times: dict[str, Column]
    fps: npt.NDArray[np.intp]
    limit: npt.NDArray[np.intp]
    rates: FrameRates


def plain_rows(
    columns: JobColumns, terms: Terms, answers: Answers
) -> tuple[list[PlainRows], npt.NDArray[np.intp]]:
    """Find the rows whose values are sound and whose facts are all stated.

    Args:
        columns: The columns of the table.
        terms: By which terms it is priced.
        answers: Where the answers will go.

    Returns:
        The plain rows in groups, and the rows that are left.
    """
    values = _values(columns, answers)
    groups, left = [], [np.flatnonzero(values.odd)]
    for rows in _alike(columns, np.flatnonzero(~values.odd)):
        try:
            job, group = _group(columns, rows, values, terms)
        except PreflightError:  # each is refused by itself, for the first thing that is wrong
            left.append(rows)
            continue
        if not runs_in_columns(group.settings):
            left.append(rows)
            continue
        stated = _stated(job, group)
        left.append(rows[~stated])
        if stated.any():
            groups.append(group.of(stated))
    return groups, np.concatenate(left)


def _group(
    columns: JobColumns, rows: npt.NDArray[np.intp], values: _Values, terms: Terms
) -> tuple[Job, PlainRows]:
    """Settle what rows that are alike will run.

    Raises:
        PreflightError: They cannot run, or have no known rate.
    """
    cells = {
        name: value for name, value in columns.cells(int(rows[0])).items() if name not in FACTS
    }
    asked_plan = cells.pop("plan", None)
    model = model_of(cells.pop("endpoint"))
    same = {name: value for name, value in cells.items() if not name.endswith("_seconds")}
    job = job_from_fields(model, {FIELDS[name]: value for name, value in same.items()})
    plan = chosen_plan(asked_plan, terms.plan)
    settings = resolve_settings(job, plan=plan, **terms.pricing)
    times = {name: column[rows] for name, column in values.times.items()}
    paths = {
        field.removeprefix("assets."): columns.arrays[name]
        for name, field in FIELDS.items()
        if name in FILES and name in cells
    }
    return job, PlainRows(
        job=job,
        settings=settings,
        rows=rows,
        start=np.nan_to_num(times["start_seconds"]),
        end=times["end_seconds"],
        video=times["video_duration_seconds"],
        audio=times["audio_duration_seconds"],
        fps=values.fps[rows],
        limit=values.limit[rows],
        rates=values.rates,
        paths=paths,
    )


def _stated(job: Job, group: PlainRows) -> npt.NDArray[np.bool_]:
    """Tell in which rows exactly those facts are stated that the job has files for."""
    kinds = {job.kind_of(name) for name in job.sources()}
    if kinds == {"image"}:  # of which nothing is stated, so that they are looked at
        return np.zeros(group.rows.size, bool)
    wanted = {"video": "video" in kinds, "audio": "audio" in kinds}
    fine: npt.NDArray[np.bool_] = np.isnan(group.video) != wanted["video"]
    fine &= (group.fps >= 0) == wanted["video"]
    fine &= np.isnan(group.audio) != wanted["audio"]
    return fine


def _values(columns: JobColumns, answers: Answers) -> _Values:
    rows = columns.rows
    odd = columns.valid("request") | ~columns.valid("endpoint")
    times = {}
    for name in (*(name for name in FIELDS if name.endswith("_seconds")), *FACTS[1:]):
        array = columns.arrays.get(name)
        if array is None:
            times[name] = np.full(rows, np.nan)
        else:
            read = as_times(array)
            times[name] = read.whole
            odd |= read.odd
    for name in FILES:
        if name in columns.arrays:
            odd |= np.asarray(pc.binary_length(columns.arrays[name]).fill_null(1)) == 0
    rates: list[Fraction] = []
    places = {}
    for name, read_rate in (("video_fps", frame_rate), ("max_fps_limit", _limit)):
        array = columns.arrays.get(name, pa.nulls(rows, pa.string()))
        place, found = fractions_of(array, read_rate)
        sound = [max(rate.numerator, rate.denominator) <= LARGEST for rate in found]
        odd |= ~np.array([*sound, True])[place]
        places[name] = np.where(place < 0, -1, place + len(rates))
        rates += [rate if fine else Fraction(1) for rate, fine in zip(found, sound, strict=True)]
    rates_of_rows = FrameRates.of(rates, answers)
    return _Values(odd, times, places["video_fps"], places["max_fps_limit"], rates_of_rows)


def _limit(value: Any) -> Fraction:
    """Read a limit as the job does."""
    number = number_in(value) if isinstance(value, str) else value
    if number is None or number < 1:
        raise InputError("max_fps_limit: is no number of at least 1", field="max_fps_limit")
    return frame_rate(number)


def _alike(columns: JobColumns, rows: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Give the rows that have the same in the columns of `ALIKE`, and give the same fields."""
    if not rows.size:
        return
    keys, width = np.zeros(columns.rows, np.int64), 1
    for name in (*ALIKE, *FILES, "max_fps_limit"):
        array = columns.arrays.get(name)
        if array is None:
            continue
        if name in ALIKE:
            encoded = array.dictionary_encode()
            codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64) + 1
            many = len(encoded.dictionary) + 1
        else:
            codes, many = columns.valid(name).astype(np.int64), 2
        if width * many > WIDEST:
            keys = np.unique(keys, return_inverse=True)[1]
            width = len(keys)
        keys, width = keys * many + codes, width * many
    order = np.argsort(keys[rows], kind="stable")
    edges = np.flatnonzero(np.diff(keys[rows][order])) + 1
    yield from np.split(rows[order], edges)
