"""What does a dataset of jobs cost? A pool of actors prices its blocks, and keeps workers warm."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy

from mh_preflight.batch.columns import check_schema
from mh_preflight.batch.table import estimate_table
from mh_preflight.batch.terms import Terms
from mh_preflight.errors import InputError
from mh_preflight.media import is_remote
from mh_preflight.rates import Basis, RateCard, bundled_rates
from mh_preflight.units import Plan, positive

if TYPE_CHECKING:
    from ray.data import Dataset

    from mh_preflight.media import Isolation, Limits

__all__ = ["ROWS", "SHARE", "check_known", "estimate_dataset"]

ROWS = 1024
"""Rows that an actor works on at a time, and once more where it is killed."""

SHARE = 0.5
"""Of a processor, in Ray's books, for each actor.

An actor keeps a whole one busy. But if actors could book all of them, nothing would be left for the
tasks that cut, read and write blocks, and Ray would wait for ever.
"""


def estimate_dataset(  # noqa: PLR0913  what prices depend on
    dataset: Dataset,
    *,
    plan: Plan | None = None,
    as_of: date | None = None,
    rates_file: str | Path | None = None,
    rates: RateCard | None = None,
    basis: Basis = "annual",
    folder: str = "",
    offline: bool = False,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    actors: int | tuple[int, int] | None = None,
    rows: int = ROWS,
    used_credits: int = 0,
    max_age_days: int | None = None,
) -> Dataset:
    """Price a Ray dataset of jobs, one a row, as `estimate_table` does.

    Nothing is read before the answers are asked for. Rows and their order stay, also where an actor
    is killed: its block is priced once more, by another. The dataset's own context is told to keep
    the order; the one of the whole program stays as it is.

    Args:
        dataset: Jobs, with the columns that `estimate_table` reads.
        plan: The plan of rows that name none.
        as_of: The day whose rates and rules count; by default the day (UTC) of this call, on
            whatever day a row is priced.
        rates_file: A file of the user's own rates, which is read here and sent along.
        rates: The rate card that they change; the bundled one by default.
        basis: How credits are paid, for the US dollars: `annual`, `monthly` or `usage`.
        folder: Where relative paths count from, on every machine; the working directory of this one
            by default. May be a URL.
        offline: Read nothing but local files.
        isolation: As for `probe`.
        limits: As for `probe`.
        workers: Files that an actor reads at once; more than one where they lie elsewhere.
        actors: How many there are, or the fewest and the most; from one to the number of
            processors that Ray has now by default.
        rows: Rows that an actor works on at a time.
        used_credits: As for `estimate_table`.
        max_age_days: As for `estimate_table`.

    Returns:
        The dataset with the columns of `ANSWERS`.

    Raises:
        InputError: A column is missing or of a wrong type, as far as that is known now; or an
            argument cannot be used.

    Example::

        dataset = ray.data.read_parquet("s3://bucket/jobs")
        estimate_dataset(dataset, plan="creator").write_parquet("s3://bucket/answers")
    """
    card = bundled_rates() if rates is None else rates
    if rates_file is not None:
        card = card.with_file(rates_file)
    reading = (_everywhere(folder), offline, isolation, limits, None, workers)
    terms = Terms(plan, as_of, card, basis, *reading, max_age_days, used_credits)
    pool = _pool(actors)
    check_known(dataset, fetch=False)
    cut = dataset.repartition(target_num_rows_per_block=positive(rows, field="rows"), strict=True)
    priced = cut.map_batches(
        _Pricer,
        batch_size=None,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=SHARE,
        fn_constructor_kwargs={
            "rates": None if card is bundled_rates() else card,
            "options": _options(terms),
        },
        udf_modifying_row_count=False,
    )
    priced.context.execution_options.preserve_order = True
    return priced


class _Pricer:
    """Prices blocks, one after the other; the process it lives in keeps its workers warm.

    Args:
        rates: The rate card; None for the bundled one.
        options: The other arguments of `estimate_table`.
    """

    def __init__(self, rates: RateCard | None, options: dict[str, Any]) -> None:
        self._options = {**options, "rates": rates}

    def __call__(self, jobs: pa.Table) -> pa.Table:
        return estimate_table(jobs, **self._options)


def _options(terms: Terms) -> dict[str, Any]:
    names = ("plan", "basis", "folder", "offline", "isolation", "limits", "workers")
    known = {name: getattr(terms, name) for name in (*names, "max_age_days", "used_credits")}
    return {"as_of": terms.day, **known}


def _everywhere(folder: str) -> str:
    """Give a folder that means the same in another working directory."""
    return folder if is_remote(folder) else str(Path(folder).absolute())


def _pool(actors: int | tuple[int, int] | None) -> ActorPoolStrategy:
    """Say how many actors there are.

    Raises:
        InputError: There cannot be so many.
    """
    if isinstance(actors, int):
        return ActorPoolStrategy(size=positive(actors, field="actors"))
    if actors is None:
        processors = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
        return ActorPoolStrategy(min_size=1, max_size=max(1, int(processors)))
    fewest, most = (positive(number, field="actors") for number in actors)
    if fewest > most:
        raise InputError("actors: the fewest are more than the most", field="actors")
    return ActorPoolStrategy(min_size=fewest, max_size=most)


def check_known(dataset: Dataset, *, fetch: bool) -> None:
    """Refuse a dataset that holds no jobs.

    Args:
        dataset: The dataset.
        fetch: Look its columns up where they are not known.

    Raises:
        InputError: A column is missing or of a wrong type.
    """
    schema = dataset.schema(fetch_if_missing=fetch)
    if schema is not None and isinstance(schema.base_schema, pa.Schema):
        check_schema(schema.base_schema)
