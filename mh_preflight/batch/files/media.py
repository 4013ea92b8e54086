"""Is a file that the jobs name another one by now? Then what was answered of it is of no use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mh_preflight.batch.columns import as_text
from mh_preflight.batch.single import FILES, placed
from mh_preflight.errors import PreflightError
from mh_preflight.jobs import json_object, model_of
from mh_preflight.media import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from mh_preflight.batch.files.reading import JobsFile

__all__ = ["changed_since"]


def changed_since(began: int, jobs: JobsFile, folder: str) -> bool:
    """Tell whether a local file that the jobs name was written, or put there, since a moment.

    Args:
        began: Nanoseconds since 1970.
        jobs: The jobs.
        folder: Where relative paths count from.
    """
    seen: set[str] = set()
    for batch in jobs.batches():
        for path in _paths(batch):
            if path not in seen and not is_remote(path):
                seen.add(path)
                if _is_newer(placed(path, folder), began):
                    return True
    return False


def _paths(batch: pa.RecordBatch) -> Iterator[str]:
    names = batch.schema.names
    for name in sorted(FILES & set(names)):
        yield from pc.unique(as_text(batch[name]).drop_null()).to_pylist()
    if "request" in names and "endpoint" in names:
        endpoints, requests = (as_text(batch[name]).to_pylist() for name in ("endpoint", "request"))
        for endpoint, request in zip(endpoints, requests, strict=True):
            if endpoint is not None and request is not None:
                yield from _paths_in(endpoint, request)


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


def _is_newer(path: str, began: int) -> bool:
    """Look at both times: a file that is moved there keeps the one of its last write."""
    try:
        status = os.stat(path)  # noqa: PTH116  the path goes there and nowhere else
    except (OSError, ValueError):
        return False
    return max(status.st_mtime_ns, status.st_ctime_ns) > began
