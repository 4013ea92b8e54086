"""What does one row cost? Any row, by the same steps as a single job, its files read besides."""

from __future__ import annotations

import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mh_preflight.assets import (
    Facts,
    end_of_media,
    given_media,
    media_or_failure,
    probe_source,
    stated_media,
)
from mh_preflight.batch.columns import FACTS
from mh_preflight.checks import find_problems
from mh_preflight.errors import InputError, JobError, PreflightError
from mh_preflight.estimate import estimate_job
from mh_preflight.jobs import FIELDS, job_from_fields, json_object, model_of
from mh_preflight.media import is_remote, is_upload
from mh_preflight.media.isolation import can_isolate, processors
from mh_preflight.settings import resolve_settings
from mh_preflight.units import PLANS, Plan, one_line, positive, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mh_preflight.batch.answers import Answers
    from mh_preflight.batch.terms import Terms
    from mh_preflight.jobs import Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = [
    "FILES",
    "Asked",
    "Reader",
    "answer_row",
    "ask_row",
    "chosen_plan",
    "placed",
    "unexpected",
]

FILES = frozenset({"video", "audio", "image"})
"""The columns that hold paths."""

REMEMBERED = 10_000
"""Files whose facts are kept, so that one that comes again is not read again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A row that is a job with a known rate.

    Attributes:
        row: Its place.
        job: The job.
        settings: What runs.
        facts: What the row states of its files.
        sources: The files that have to be read, by field of `assets`.
        to_end: The window ends with the media.
    """

    row: int
    job: Job
    settings: Settings
    facts: Facts
    sources: Mapping[str, str]
    to_end: bool


class Reader:
    """Reads the files of rows, side by side, each once.

    Args:
        terms: How files are read.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        isolated = can_isolate() if terms.isolation is None else terms.isolation == "process"
        # In process, PyAV and Pillow hold the interpreter most of the time.
        workers = _workers(terms) if isolated else 1
        self._threads = ThreadPoolExecutor(workers, "mh-preflight")
        self._known: OrderedDict[tuple[bool, str], Media | PreflightError] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def media(self, rows: Iterable[Asked]) -> Mapping[tuple[bool, str], Media | PreflightError]:
        """Read the files of some rows that are not known yet.

        Returns:
            Facts or failure by kind of source (YouTube's or not) and source.
        """
        needed = {
            _key(name, source): (name, source)
            for asked in rows
            for name, source in asked.sources.items()
        }
        futures = {
            key: self._threads.submit(self._read, *wanted)
            for key, wanted in needed.items()
            if key not in self._known
        }
        answers = {key: self._known[key] for key in needed if key in self._known}
        answers |= {key: future.result() for key, future in futures.items()}
        for key, answer in answers.items():
            self._known[key] = answer
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return answers

    def _read(self, name: str, source: str) -> Media | PreflightError:
        terms = self._terms
        try:
            return probe_source(
                name, source, isolation=terms.isolation, limits=terms.limits, cache=terms.cache
            )
        except PreflightError as error:
            # It is kept, without the frames that led to it.
            return PreflightError(error.message, code=error.code, source=error.source)
        except Exception as error:  # noqa: BLE001  a fault of ours costs its row and not the run
            return unexpected(error)


def unexpected(error: Exception) -> PreflightError:
    """Make a row's error of a fault of ours."""
    reason = f"unexpected {type(error).__name__}: {one_line(str(error))}"
    return PreflightError(reason, code="unexpected")


def ask_row(row: int, cells: Mapping[str, Any], terms: Terms) -> Asked:
    """Make a job of the cells of a row, and find its rate.

    Args:
        row: Its place.
        cells: What stands in it, by column.
        terms: The terms.

    Raises:
        InputError: A cell cannot be used, or the job is wrong in itself.
        UnknownRateError: No rate is known for it.
    """
    given = dict(cells)
    asked_plan = given.pop("plan", None)
    facts = Facts(**{name: given.pop(name, None) for name in FACTS})
    endpoint = given.pop("endpoint", None)
    if endpoint is None:
        raise JobError("endpoint: is missing", code="unknown-endpoint", field="endpoint")
    model = model_of(endpoint)
    request = given.pop("request", None)
    if request is None:
        fields = {
            FIELDS[name]: placed(value, terms.folder) if name in FILES else value
            for name, value in given.items()
        }
        job = job_from_fields(model, fields)
    elif given:
        name = next(iter(given))
        raise JobError(
            f"{name}: request already has the whole body; leave one of them out", field=name
        )
    else:
        body = json_object(request)
        job = model(**model.with_paths(body, lambda path: placed(path, terms.folder)))
    plan = chosen_plan(asked_plan, terms.plan)
    settings = resolve_settings(job, plan=plan, **terms.pricing)
    to_end = request is None and job.trimmed is not None and "end_seconds" not in given
    return Asked(row, job, settings, facts, _to_read(job, facts, terms), to_end)


def _to_read(job: Job, facts: Facts, terms: Terms) -> dict[str, str]:
    """Give the files of a row that have to be read, by field of `assets`."""
    given = given_media(job, facts, local=True)
    stated = bool(given) and len(given) == sum(kind != "image" for kind in _kinds(job))
    return {
        name: source
        for name, source in job.sources().items()
        if name not in given
        and not is_upload(source)
        and not (terms.offline and is_remote(source))
        and not (stated and job.kind_of(name) == "image")
    }


def answer_row(
    asked: Asked,
    media: Mapping[tuple[bool, str], Media | PreflightError],
    terms: Terms,
    answers: Answers,
) -> None:
    """Price a row whose files were read.

    Args:
        asked: The row.
        media: What was read.
        terms: The terms.
        answers: Where the answer goes.

    Raises:
        PreflightError: The row cannot be priced.
    """
    job, settings = asked.job, asked.settings
    known = given_media(job, asked.facts, local=True)
    for name, source in asked.sources.items():
        found = media[_key(name, source)]
        known[name] = (
            media_or_failure(source, found) if isinstance(found, PreflightError) else found
        )
    known = stated_media(job, known, asked.facts)
    if asked.to_end:
        job = job.changed({"end_seconds": seconds(end_of_media(job, known))})
        settings = resolve_settings(job, plan=settings.plan, **terms.pricing)
    estimate = estimate_job(job, known, settings)
    answers.fill(asked.row, settings, estimate, find_problems(job, known, settings, estimate))


def chosen_plan(given: str | None, default: Plan | None) -> Plan | None:
    """Take the plan of a row, or the one of all rows.

    Raises:
        InputError: It is none.
    """
    if given is None:
        return default
    for plan in PLANS:
        if plan == given:
            return plan
    raise InputError(f"plan: {one_line(given)!r} is none of {', '.join(PLANS)}", field="plan")


def _workers(terms: Terms) -> int:
    return positive(processors() if terms.workers is None else terms.workers, field="workers")


def _kinds(job: Job) -> list[str]:
    return [job.kind_of(name) for name in job.sources()]


def _key(name: str, source: str) -> tuple[bool, str]:
    return name == "youtube_url", source


def placed(path: Any, folder: str) -> Any:
    """Count a relative path from the folder of the jobs.

    Args:
        path: The path, or what stands in its place.
        folder: The folder; empty for the one of the process.
    """
    if not folder or not path or not isinstance(path, str) or is_remote(path):
        return path
    return os.path.join(folder, path)  # noqa: PTH118
