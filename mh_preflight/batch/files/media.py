"""Which local files do the jobs have to be read from? Changed ones make old answers worthless."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mh_preflight.batch.columns import as_text
from mh_preflight.batch.single import FILES, placed
from mh_preflight.errors import PreflightError
from mh_preflight.jobs import json_object, model_of
from mh_preflight.media import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mh_preflight.batch.files.reading import JobsFile

__all__ = ["media_print"]

NEEDED = {
    "video": ("video_fps", "video_duration_seconds"),
    "audio": ("audio_duration_seconds",),
}
"""What has to be stated of a file, so that it is not read."""


def media_print(jobs: JobsFile, folder: str) -> str:
    """Give what is the same as long as the local files are that the jobs are priced from.

    Args:
        jobs: The jobs.
        folder: Where relative paths count from.
    """
    digest = sha256()
    for batch in jobs.batches():
        for path in _paths(batch):
            if not is_remote(path):
                line = f"{path}\0{_identity(placed(path, folder))}\0"
                digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _paths(batch: pa.RecordBatch) -> Iterator[str]:
    read = _rows_to_read(batch)
    if read.any():
        rows, names = batch.filter(pa.array(read)), set(batch.schema.names)
        for name in sorted(FILES & names):
            yield from pc.unique(as_text(rows[name]).drop_null()).to_pylist()
        if {"endpoint", "request"} <= names:
            cells = (as_text(rows[name]).to_pylist() for name in ("endpoint", "request"))
            for endpoint, request in zip(*cells, strict=True):
                if endpoint is not None and request is not None:
                    yield from _paths_in(endpoint, request)


def _rows_to_read(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Find the rows of which a file is read, since not all is stated that a price needs."""

    def valid(name: str) -> npt.NDArray[np.bool_]:
        if name not in batch.schema.names:
            return np.zeros(batch.num_rows, bool)
        return np.asarray(pc.is_valid(batch[name]))

    read: npt.NDArray[np.bool_] = np.zeros(batch.num_rows, bool)
    timed, whole = read.copy(), ~read
    for kind, facts in NEEDED.items():
        stated = np.all([valid(fact) for fact in facts], axis=0)
        read |= valid(kind) & ~stated
        timed |= valid(kind)
        whole &= stated
    read |= valid("image") & ~timed
    read |= valid("request") & ~whole
    return read


def _paths_in(endpoint: str, request: str) -> list[str]:
    found: list[str] = []

    def note(path: Any) -> Any:
        if isinstance(path, str) and path:
            found.append(path)
        return path

    try:
        model_of(endpoint).with_paths(json_object(request), note)
    except PreflightError:  # the row is an error, whatever lies there
        return []
    return found


def _identity(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116  the path goes there and nowhere else
    except (OSError, ValueError):
        return "none"
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
