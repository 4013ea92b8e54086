"""What do files of jobs cost? Files in, by path, pattern or URL, and a folder of answers out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray.data
from pyarrow import fs
from ray.data import SaveMode
from ray.data.block import BlockAccessor
from ray.data.datasource import BlockBasedFileDatasink, FileBasedDatasource

from mh_preflight.batch.columns import NUMBERS
from mh_preflight.batch.files import Totals
from mh_preflight.batch.files.reading import FORMATS, format_of, open_jobs
from mh_preflight.batch.files.writing import writer_of
from mh_preflight.batch.ray.dataset import ROWS, SHARE, check_known, estimate_dataset
from mh_preflight.batch.terms import Terms
from mh_preflight.errors import InputError
from mh_preflight.media import shown_url
from mh_preflight.media.origins.far import redacted
from mh_preflight.rates import Basis, RateCard
from mh_preflight.units import Plan, one_line

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.data.datasource.datasink import WriteResult

    from mh_preflight.media import Isolation, Limits

__all__ = ["Spread", "estimate_files", "find_jobs"]

FILE_ROWS = 1 << 16
"""Rows that a file of answers has at least, where there are so many."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a run over many files ended.

    Attributes:
        output: The folder of the answers.
        totals: What all rows cost.
        day: The day whose rates counted.
        files: How many files of jobs there were.
    """

    output: str
    totals: Totals
    day: date
    files: int


def estimate_files(  # noqa: PLR0913  what prices depend on
    jobs: str | Path,
    output: str | Path,
    *,
    plan: Plan | None = None,
    as_of: date | None = None,
    rates_file: str | Path | None = None,
    rates: RateCard | None = None,
    basis: Basis = "annual",
    folder: str | None = None,
    offline: bool = False,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    actors: int | tuple[int, int] | None = None,
    rows: int = ROWS,
    used_credits: int = 0,
    max_age_days: int | None = None,
) -> Spread:
    """Price files of jobs with Ray, into a folder of files of answers.

    The names of the answers follow one another as the jobs do. Where the run fails, the folder
    holds a part of them, and has to be removed before the next run.

    Args:
        jobs: A file (CSV, JSON Lines, Parquet), a folder of them, or a pattern of either with `*`;
            a path that every machine has, or a URL of an object store.
        output: A folder that is not there yet. `.csv`, `.jsonl` or `.parquet` at the end of its
            name says the format of the files in it, which is that of the jobs otherwise.
        plan: As for `estimate_dataset`, as the others that are not named here.
        as_of: The same.
        rates_file: The same.
        rates: The same.
        basis: The same.
        folder: Where relative paths count from; the folder of the jobs by default.
        offline: The same.
        isolation: The same.
        limits: The same.
        workers: The same.
        actors: The same.
        rows: The same.
        used_credits: The same.
        max_age_days: The same.

    Raises:
        InputError: There are no jobs, they cannot be read, a column is missing or of a wrong type,
            the folder of answers is there already, or an argument cannot be used.

    Example::

        estimate_files("s3://bucket/jobs/*.parquet", "s3://bucket/answers", plan="creator").totals
    """
    found = find_jobs(str(jobs))
    sink = _sink(str(output), found.kind, plan)
    with _own_errors():
        dataset = _read(found)
        check_known(dataset, fetch=True)
        day = Terms(as_of=as_of).day
        priced = estimate_dataset(
            dataset,
            plan=plan,
            as_of=day,
            rates_file=rates_file,
            rates=rates,
            basis=basis,
            folder=found.folder if folder is None else folder,
            offline=offline,
            isolation=isolation,
            limits=limits,
            workers=workers,
            actors=actors,
            rows=rows,
            used_credits=used_credits,
            max_age_days=max_age_days,
        )
        priced.write_datasink(sink)
    return Spread(str(output), sink.totals, day, len(found.files))


@contextmanager
def _own_errors() -> Iterator[None]:
    """Raise what one of our functions found wrong elsewhere as if it had been found here."""
    try:
        yield
    except Exception as error:
        own = _cause(error)
        if own is None or own is error:
            raise
        raise own from None


def _cause(error: BaseException | None) -> InputError | None:
    while error is not None:
        if type(error).__module__.startswith("mh_preflight.") and isinstance(error, InputError):
            return error
        error = getattr(error, "cause", None) or error.__cause__
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """Files of jobs, all of one format.

    Attributes:
        store: Where they lie.
        files: Their paths there.
        kind: Their format.
        folder: Where relative paths in them count from.
    """

    store: fs.FileSystem
    files: list[str]
    kind: str
    folder: str


def find_jobs(jobs: str) -> _Found:
    """Find the files that a path, a folder or a pattern means.

    Args:
        jobs: The path, also of an object store.

    Raises:
        InputError: There are none, or they are of several formats.
    """
    # What follows a question mark tells how a store is reached, and belongs to each URL in it.
    named, mark, how = jobs.partition("?") if "://" in jobs else (jobs, "", "")
    folder, pattern = _without_pattern(named)
    store, path = _store_of(f"{folder}{mark}{how}", field="jobs")
    if store.get_file_info(path).type == fs.FileType.File:
        files, folder = [path], folder.rpartition("/")[0] or "."
    else:
        files = _listed(store, path, pattern)
    if not files:
        raise _no_jobs(jobs, "there are no jobs; names end in .csv, .jsonl or .parquet")
    kinds = sorted({format_of(Path(file)) for file in files})
    if len(kinds) > 1:
        raise _no_jobs(jobs, f"there are several formats, {', '.join(kinds)}: name one, as *.csv")
    return _Found(store, files, kinds[0], folder)


def _no_jobs(jobs: str, reason: str) -> InputError:
    shown = shown_url(one_line(jobs))
    return InputError(f"{shown!r}: {reason}", code="bad-table", field="jobs", source=shown)


def _without_pattern(named: str) -> tuple[str, str]:
    """Part a pattern from the folder that it stands in."""
    before, star, _ = named.partition("*")
    if not star:
        return named, ""
    folder, slash, _ = before.rpartition("/")
    return folder or slash or ".", named[len(folder) + len(slash) :]


def _store_of(place: str, *, field: str) -> tuple[fs.FileSystem, str]:
    """Give a file system and a path in it: Arrow's own, or fsspec's for what Arrow does not know.

    Raises:
        InputError: There is none.
    """
    if "://" not in place:
        return fs.LocalFileSystem(), Path(place).absolute().as_posix()
    for address in (place, f"fsspec+{place}"):
        try:
            store, path = fs.FileSystem.from_uri(address)
        except (pa.ArrowException, ImportError, ValueError) as error:
            reason = redacted(one_line(str(error), 200))
        else:
            return store, path
    shown = shown_url(one_line(place))
    message = f"{shown!r} cannot be reached: {reason}"
    raise InputError(message, code="bad-url", field=field, source=shown)


def _listed(store: fs.FileSystem, path: str, pattern: str) -> list[str]:
    """List the jobs in a folder and in those in it, in the order of their names."""
    wanted = []
    for info in store.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True)):
        parts = info.path.removeprefix(path).lstrip("/").split("/")
        hidden = any(part.startswith((".", "_")) for part in parts)
        if info.type == fs.FileType.File and not hidden and _matches(parts, pattern):
            wanted.append(info.path)
    return sorted(wanted)


def _matches(parts: list[str], pattern: str) -> bool:
    """Tell whether a file, or a folder that it is in, is meant by a pattern."""
    wanted = pattern.split("/") if pattern else []
    if len(parts) < len(wanted):
        return False
    if len(parts) > len(wanted) and Path(parts[-1]).suffix.lower() not in FORMATS:
        return False
    return all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False))


def _sink(output: str, kind: str, plan: Plan | None) -> _Answers:
    """Give what writes the answers.

    Raises:
        InputError: The folder is there already, or cannot be reached.
    """
    store, path = _store_of(output, field="output")
    if store.get_file_info(path).type != fs.FileType.NotFound:
        shown = shown_url(one_line(output))
        message = f"{shown!r} is there already: give another folder, or remove it"
        raise InputError(message, code="unwritable", field="output", source=shown)
    ending = Path(path).suffix.lower()
    return _Answers(path, store, FORMATS.get(ending, kind), plan)


def _read(found: _Found) -> Dataset:
    if found.kind == "parquet":
        return ray.data.read_parquet(found.files, filesystem=found.store)
    jobs = _Jobs(found.files, filesystem=found.store)
    dataset: Dataset = ray.data.read_datasource(jobs, num_cpus=SHARE)
    return dataset


class _Jobs(FileBasedDatasource):
    """CSV and JSON Lines, read by the same functions as on one machine."""

    def _read_stream(self, f: pa.NativeFile, path: str) -> Iterator[pa.Table]:
        # They look through a file before they read it, so it has to lie on the disk.
        with TemporaryDirectory(prefix="mh-preflight-") as folder:
            copy = Path(folder, Path(path).name)
            with copy.open("wb") as file:
                shutil.copyfileobj(f, file, 1 << 20)
            try:
                for batch in open_jobs(copy).batches():
                    yield _alike(pa.Table.from_batches([batch]))
            except InputError as error:
                message = error.message.replace(str(copy), path)
                raise InputError(message, code=error.code, source=path) from None


def _alike(jobs: pa.Table) -> pa.Table:
    """Give numbers as text, so that a column is of one type whatever a file of it holds."""
    for place, field in enumerate(jobs.schema):
        if field.name in NUMBERS and not pa.types.is_string(field.type):
            jobs = jobs.set_column(place, field.name, jobs[field.name].cast(pa.string()))
    return jobs


class _Answers(BlockBasedFileDatasink):
    """Writes blocks by the same functions as on one machine, and adds up what is in them.

    Args:
        path: The folder.
        store: Where it is.
        kind: The format.
        plan: The plan of rows that name none.
    """

    def __init__(self, path: str, store: fs.FileSystem, kind: str, plan: Plan | None) -> None:
        super().__init__(
            path,
            filesystem=store,
            file_format=kind,
            min_rows_per_file=FILE_ROWS,
            mode=SaveMode.ERROR,
        )
        self._plan = plan
        self.totals = Totals(plan)

    def write(self, blocks: Iterable[Any], ctx: Any) -> Any:
        """Write blocks to a file; a task that is done again writes the same one."""
        tables = [BlockAccessor.for_block(block).to_arrow() for block in blocks]
        super().write(tables, ctx)
        totals = Totals(self._plan)
        for table in tables:
            for batch in table.to_batches():
                totals.add(batch)
        return totals

    def write_block_to_file(self, block: BlockAccessor, file: pa.NativeFile) -> None:
        """Write a block to an open file."""
        table = block.to_arrow()
        with TemporaryDirectory(prefix="mh-preflight-") as folder:
            path = Path(folder, f"answers.{self.file_format}")
            writer = writer_of(path, path, table.schema)
            for batch in table.to_batches():
                writer.write(batch)
            writer.close()
            with path.open("rb") as whole:
                shutil.copyfileobj(whole, file, 1 << 20)

    def on_write_complete(self, write_result: WriteResult[Any]) -> None:
        """Add up what the tasks have written, each once however often it was begun."""
        for totals in write_result.write_returns:
            self.totals.merge(totals)
        super().on_write_complete(write_result)
