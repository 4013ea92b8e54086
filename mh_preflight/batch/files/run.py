"""How does a run end? With whole answers or none; one that was stopped goes on where it was.

What is done so far lies in a folder beside the answers, in parts, each of them whole. A finished
run leaves there only what it added up, so that the same run is not done again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mh_preflight.batch.columns import ANSWERS, check_schema
from mh_preflight.batch.files.media import media_print
from mh_preflight.batch.files.reading import JobsFile, format_of, open_jobs
from mh_preflight.batch.files.totals import Totals
from mh_preflight.batch.files.writing import whole_file, writer_of
from mh_preflight.batch.table import estimate_batches
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mh_preflight.batch.terms import Terms
    from mh_preflight.rates import RateCard

__all__ = ["Outcome", "run_batch"]

PART_ROWS = 1 << 16
PART_SECONDS = 5.0
"""A part is written after so many rows or so long, whichever comes first."""

LEAST_ROWS = 64
"""Rows that are priced before it is looked whether a part is due, however slow their files are."""

STATE, LOCK = "run.json", "lock"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        output: Where the answers are.
        totals: What all rows cost.
        day: The day whose rates counted.
        kept: Rows that an earlier run had answered.
    """

    output: str
    totals: Totals
    day: date
    kept: int


def run_batch(
    jobs: Path,
    output: Path,
    terms: Terms,
    *,
    begin: Callable[[int, int], None] = lambda _rows, _kept: None,
    done: Callable[[int], None] = lambda _rows: None,
) -> Outcome:
    """Price a file of jobs into a file of answers.

    Relative paths count from the folder of the jobs. The answers appear whole or not at all; where
    the run is stopped, the same call goes on with the rows that are missing, and where it
    has ended, nothing is done again.

    Args:
        jobs: CSV, JSON Lines or Parquet.
        output: The same, by the ending of its name.
        terms: By which terms; without a day, a run that goes on keeps the day on which it began.
        begin: Called once with the number of rows and of those that an earlier run has answered.
        done: Called with the number of rows that were just answered.

    Raises:
        InputError: The jobs cannot be read, a column is missing or of a wrong type, or the answers
            cannot be written; nothing is left behind then.
    """
    format_of(output)
    if jobs.resolve() == output.resolve():
        raise InputError("the answers would overwrite the jobs: give another name", field="output")
    found = open_jobs(jobs)
    check_schema(found.schema)
    _check_names(found.schema.names, output)
    terms = replace(terms, folder="" if jobs.parent == Path() else str(jobs.parent))
    if not output.parent.is_dir():
        raise _unwritable(output, "there is no such folder")
    if output.is_dir():
        raise _unwritable(output, "it is a folder")
    folder = output.with_name(f".{output.name}.mh-preflight")
    with _alone(folder, output):
        try:
            return _run(found, output, terms, folder, begin, done)
        except (OSError, pa.ArrowException) as error:
            shutil.rmtree(folder, ignore_errors=True)
            reason = getattr(error, "strerror", None) or one_line(str(error), 200)
            raise _unwritable(output, reason) from None
        except PreflightError:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _check_names(names: list[str], output: Path) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None and format_of(output) == "jsonl":
        raise InputError(
            f"column {one_line(twice)}: is there twice, and JSON Lines cannot hold that",
            code="bad-table",
            field=one_line(twice),
        )


def _unwritable(output: Path, reason: str) -> InputError:
    name = one_line(str(output))
    return InputError(
        f"{name!r} cannot be written: {reason}", code="unwritable", field="output", source=name
    )


def _run(  # noqa: PLR0913, PLR0917  what a run needs
    jobs: JobsFile,
    output: Path,
    terms: Terms,
    folder: Path,
    begin: Callable[[int, int], None],
    done: Callable[[int], None],
) -> Outcome:
    print_of = _fingerprint(jobs, output, terms)
    state = _state(folder)
    if state.get("of") != print_of:
        _empty(folder)
        state = {"of": print_of, "day": terms.day.isoformat()}
        _keep(folder, state)
    day = date.fromisoformat(state["day"])
    if "totals" in state and state["output"] == _identity(output) and day == terms.day:
        begin(jobs.rows, jobs.rows)
        totals = Totals.from_json(terms.plan, state["totals"])
        return Outcome(str(output), totals, day, jobs.rows)
    if "totals" in state:  # it has ended, but on another day, or its answers are gone
        _empty(folder)
        state, day = {"of": print_of, "day": terms.day.isoformat()}, terms.day
        _keep(folder, state)
    terms = replace(terms, as_of=day)
    kept = _answered(folder)
    begin(jobs.rows, kept)
    _price(jobs, terms, folder, kept, done)
    totals = _assemble(jobs, output, terms, folder)
    _empty(folder)
    _keep(folder, {**state, "output": _identity(output), "totals": totals.to_json()})
    return Outcome(str(output), totals, day, kept)


def _price(
    jobs: JobsFile, terms: Terms, folder: Path, kept: int, done: Callable[[int], None]
) -> None:
    """Answer the rows that are missing, part by part."""
    pieces = _paced(_after(jobs.batches(), kept))
    stream = pa.RecordBatchReader.from_batches(jobs.schema, pieces)
    part: list[pa.RecordBatch] = []
    first, rows, began = kept, 0, time.monotonic()
    try:
        for batch in estimate_batches(stream, terms, done=done):
            part.append(batch)
            rows += batch.num_rows
            if rows >= PART_ROWS or time.monotonic() - began >= PART_SECONDS:
                _write_part(folder, first, part)
                part, first, rows, began = [], first + rows, 0, time.monotonic()
    except KeyboardInterrupt:
        if part:
            _write_part(folder, first, part)
        raise
    if part:
        _write_part(folder, first, part)


def _after(batches: Iterator[pa.RecordBatch], kept: int) -> Iterator[pa.RecordBatch]:
    """Leave out the rows that are answered already."""
    for batch in batches:
        if kept < batch.num_rows:
            yield batch.slice(kept)
        kept = max(0, kept - batch.num_rows)


def _paced(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches into pieces that take less time than a part may, where their files are slow."""
    rows = LEAST_ROWS
    for batch in batches:
        first = 0
        while first < batch.num_rows:
            piece, began = batch.slice(first, rows), time.monotonic()
            yield piece
            first += piece.num_rows
            fast = time.monotonic() - began < PART_SECONDS / 8
            rows = min(rows * 4, PART_ROWS) if fast else max(rows // 4, LEAST_ROWS)


def _assemble(jobs: JobsFile, output: Path, terms: Terms, folder: Path) -> Totals:
    """Write the answers of all parts, and add them up."""
    totals = Totals(terms.plan)
    schema = pa.schema([*jobs.schema, *ANSWERS], jobs.schema.metadata)
    with whole_file(output, folder / "answers") as path:
        writer = writer_of(path, output, schema)
        try:
            for batch in _regrouped(_kept_batches(folder), schema):
                totals.add(batch)
                writer.write(batch)
        finally:
            writer.close()
    return totals


def _kept_batches(folder: Path) -> Iterator[pa.RecordBatch]:
    for part in _parts(folder):
        with pa.OSFile(str(part)) as file:
            yield from pa.ipc.open_stream(file)


def _regrouped(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Give batches of one size, so that the answers are the same bytes however the run was cut."""
    held, rows = [], 0
    for batch in batches:
        first = 0
        while first < batch.num_rows:
            piece = batch.slice(first, PART_ROWS - rows)
            held.append(piece)
            first, rows = first + piece.num_rows, rows + piece.num_rows
            if rows == PART_ROWS:
                yield _joined(held, schema)
                held, rows = [], 0
    if held:
        yield _joined(held, schema)


def _joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches, schema).combine_chunks()
    columns = [column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


# ------------------------------------------------------------------------------ what is kept so far


@contextmanager
def _alone(folder: Path, output: Path) -> Iterator[None]:
    """Keep a second run of the same answers away.

    Raises:
        InputError: There is one, or the folder cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(output, error.strerror or str(error)) from None
    try:
        with suppress(ImportError):  # there is none on Windows
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise _unwritable(output, "another run is at it") from None
    try:
        yield
    finally:
        os.close(lock)


def _fingerprint(jobs: JobsFile, output: Path, terms: Terms) -> dict[str, Any]:
    """Name what a run is of: where it differs, what an earlier one kept is of no use."""
    from importlib.metadata import version

    return {
        "version": version("mh-preflight"),
        "jobs": [str(jobs.path.resolve()), _identity(jobs.path)],
        "media": media_print(jobs, terms.folder),
        "format": format_of(output),
        "plan": terms.plan,
        "as_of": None if terms.as_of is None else terms.as_of.isoformat(),
        "rates": _card_print(terms.card),
        "basis": terms.basis,
        "used_credits": terms.used_credits,
        "max_age_days": terms.max_age_days,
        "reading": [terms.offline, terms.isolation, repr(terms.limits)],
    }


def _card_print(card: RateCard) -> str:
    """Name a rate card by all that stands in it; a file of the user's may have been edited."""
    files = [*card.endpoints.values(), card.plans]
    return sha256("\n".join(file.model_dump_json() for file in files).encode()).hexdigest()


def _identity(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / STATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _keep(folder: Path, state: dict[str, Any]) -> None:
    _write(folder / STATE, lambda path: path.write_text(json.dumps(state), encoding="utf-8"))


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK:
            path.unlink()


def _write(path: Path, write: Callable[[Path], object]) -> None:
    with whole_file(path, path.with_name("new")) as new:
        write(new)


def _write_part(folder: Path, first: int, batches: list[pa.RecordBatch]) -> None:
    rows = sum(batch.num_rows for batch in batches)

    def write(path: Path) -> None:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        # A stream, and not a file: batches of a dictionary column may each have their own.
        with pa.ipc.new_stream(str(path), batches[0].schema, options=options) as file:
            for batch in batches:
                file.write(batch)

    _write(folder / f"{first:015d}-{rows}.part", write)


def _parts(folder: Path) -> Iterator[Path]:
    """Give the parts that follow one another from the first row on."""
    follows = 0
    for path in sorted(folder.glob("*-*.part")):
        first, rows = (int(number) for number in path.stem.split("-"))
        if first == follows:
            follows += rows
            yield path


def _answered(folder: Path) -> int:
    return sum(int(path.stem.split("-")[1]) for path in _parts(folder))
