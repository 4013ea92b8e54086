"""Which records are in the files? JSON and JSON Lines, of bounded size; what is bad is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mh_preflight.calibrate.answer import Problem
from mh_preflight.calibrate.projects import Settled, settled_from
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["read_settled"]

MOST_BYTES = 64_000_000
"""The largest file; a project has about a kilobyte."""

MOST_FILES = 10_000
"""Files of one folder that are read."""

LINES = frozenset({".jsonl", ".ndjson"})
ENDINGS = LINES | {".json"}


def read_settled(paths: Iterable[Path]) -> Iterator[Settled | Problem]:
    """Read the records of files and folders, one after the other.

    Args:
        paths: JSON, JSON Lines (`.jsonl`, `.ndjson`), or folders of them.

    Yields:
        Each record, or what is wrong with a file, a line or a record.
    """
    for path in paths:
        try:
            files = _files(path)
        except (OSError, ValueError) as error:
            yield _problem(path, None, f"cannot be read: {_reason(error)}")
            continue
        except InputError as error:
            yield _problem(path, None, error.message)
            continue
        for file in files:
            yield from _read(file)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in ENDINGS)
    if not found:
        raise InputError("holds no .json or .jsonl file")
    if len(found) > MOST_FILES:
        raise InputError(f"holds more than {MOST_FILES:,} files")
    return found


def _read(path: Path) -> Iterator[Settled | Problem]:
    try:
        text = _text(path)
        records = _lines(text) if path.suffix.lower() in LINES else _whole(text)
        for place, record in records:
            if isinstance(record, InputError):
                yield _problem(path, place, record.message)
                continue
            try:
                yield settled_from(record)
            except (PreflightError, RecursionError) as error:
                yield _problem(path, place, str(error))
    except (OSError, UnicodeError) as error:
        yield _problem(path, None, f"cannot be read: {_reason(error)}")
    except InputError as error:
        yield _problem(path, None, error.message)


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise InputError("is no file")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES:,} bytes")
    return data.decode("utf-8-sig")


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, _json(line)
            except InputError as error:
                yield number, error


def _whole(text: str) -> Iterator[tuple[int | None, Any]]:
    found = _json(text)
    if isinstance(found, list):
        yield from enumerate(found, 1)
    else:
        yield None, found


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON: {one_line(str(error), 120)}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _problem(path: Path, place: int | None, reason: str) -> Problem:
    name = one_line(str(path), 200)
    if place is not None:
        name += f", {'line' if path.suffix.lower() in LINES else 'record'} {place}"
    return Problem(str(path), place, f"{name}: {one_line(reason)}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
