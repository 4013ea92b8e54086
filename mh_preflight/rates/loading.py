"""What stands in a rate file? Read whole, its keys and their types checked, and then the rest."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from mh_preflight.errors import RateFileError
from mh_preflight.rates.dated import Strict
from mh_preflight.rates.files import EndpointFile, PlansFile
from mh_preflight.rates.soundness import bad, check_file, check_plans, place_text
from mh_preflight.units import one_line, plain_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = [
    "MOST_BYTES",
    "file_from",
    "parsed",
    "read_file",
    "read_small",
    "read_toml",
]

MOST_BYTES = 1_000_000
"""The largest rate file; the real ones have a few kilobytes."""

LONGEST_LINE = 5_000
"""Letters of a line; a name of very many parts would take the parser very long."""

F = TypeVar("F", bound=Strict)

# A pipe without writer would be waited for, and a terminal taken over.
_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

MOST_ENTRIES = 2_000


def read_small(path: Path, most: int) -> bytes:
    """Read a small regular file; nothing else is waited for.

    Args:
        path: Where it lies.
        most: Bytes that it may have.

    Raises:
        RateFileError: It cannot be read, is no file, or is too large.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise bad(path, "cannot be read: it is no regular file")
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, RateFileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise bad(path, f"cannot be read: {reason}") from None
    if len(data) > most:
        raise bad(path, f"is larger than {most:,} bytes")
    return data


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a small TOML file.

    Raises:
        RateFileError: It cannot be read, is too large or is no TOML; it names the line.
    """
    data = read_small(path, MOST_BYTES)
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) > LONGEST_LINE:
            raise bad(path, f"is no rate file: line {number} has more than {LONGEST_LINE:,} bytes")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line_of = data.count(b"\n", 0, error.start) + 1
        raise bad(path, f"is no TOML: no UTF-8 in line {line_of}") from None
    except ValueError as error:
        raise bad(path, f"is no TOML: {one_line(str(error), 200)}") from None
    except RecursionError:
        raise bad(path, "is no TOML that can be read: it is nested too deeply") from None


def read_file(
    path: Path, base: Callable[[str], EndpointFile] | None = None, *, check: bool = True
) -> EndpointFile | PlansFile:
    """Read one rate file: an endpoint's, or the plans'.

    Args:
        path: A TOML file; one with `endpoint` is an endpoint's.
        base: Gives the file of the endpoint that this one is like; by default its neighbour.
        check: Look for gaps, overlaps and strange names too, which the bundled files do not have.

    Raises:
        RateFileError: An unknown key, a gap, an overlap, a value without source, a number that is
            no decimal text, or anything else that is wrong; it names the file and the key.
    """
    return file_from(read_toml(path), path, base, check=check)


def file_from(
    table: Mapping[str, Any],
    path: Path,
    base: Callable[[str], EndpointFile] | None = None,
    *,
    check: bool = True,
) -> EndpointFile | PlansFile:
    """Make a rate file of its TOML.

    Args:
        table: The TOML.
        path: Where it was read.
        base: As for `read_file`.
        check: As for `read_file`.

    Raises:
        RateFileError: Something is wrong with it.
    """
    if "endpoint" not in table:
        plans = parsed(PlansFile, table, path)
        check_plans(plans, path)
        return plans
    file = parsed(EndpointFile, table, path)
    if file.like is not None:
        file = file.over(_base_of(file.like, base, path))
    if check:
        check_file(file, path)
    return file


def _base_of(name: str, base: Callable[[str], EndpointFile] | None, path: Path) -> EndpointFile:
    if base is not None:
        return base(name)
    found = read_file(path.with_name(f"{name}.toml"), check=False)
    if not isinstance(found, EndpointFile) or found.like is not None:
        raise bad(path, f"like: {name!r} is no endpoint with tables of its own", "like")
    return found


def parsed(model: type[F], table: Mapping[str, Any], path: Path) -> F:
    """Check the keys of a file and their types.

    Args:
        model: What the file should be.
        table: Its TOML.
        path: Where it was read.

    Raises:
        RateFileError: A key is unknown, is missing, or has a wrong value; or there are too many
            entries.
    """
    if sum(len(entries) for entries in table.values() if isinstance(entries, list)) > MOST_ENTRIES:
        raise bad(path, f"is too large: it has more than {MOST_ENTRIES:,} entries")
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        unknown = first["type"] == "extra_forbidden"
        reason = "is no key of a rate file" if unknown else one_line(plain_reason(first), 300)
        if unknown or first["type"] == "missing":
            reason += " (docs/rates.md has the format)"
        field = one_line(".".join(str(part) for part in first["loc"]), 200)
        raise bad(path, f"{place_text(first['loc'])}: {reason}", field) from None
