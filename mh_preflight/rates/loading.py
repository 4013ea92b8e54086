"""Is a rate file sound? Refuses unknown keys, gaps, overlaps and values without source."""

from __future__ import annotations

import os
import stat
import tomllib
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from mh_preflight.errors import RateFileError
from mh_preflight.rates.dated import RANKS, Dated, Source, Strict, most_specific
from mh_preflight.rates.files import EndpointFile, PlansFile
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mh_preflight.rates.entries import Rate

__all__ = [
    "MOST_BYTES",
    "SERIES",
    "bad",
    "check_file",
    "check_plans",
    "combinations",
    "days_of_change",
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

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without writer would be waited for
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

SERIES: Mapping[str, tuple[str, ...]] = {
    "billing": ("mode",),
    "modes": (),
    "models": ("name",),
    "model_defaults": (),
    "routes": ("size", "longer_than"),
    "sizes": (),
    "offers": ("model",),
    "audio": ("model", "size"),
    "gates": ("mode", "model", "size"),
    "durations": ("model",),
    "min_seconds": ("mode", "model"),
    "max_seconds": ("mode", "model", "plan"),
    "frame_caps": ("mode", "model", "plan"),
    "counts": ("model",),
    "max_characters": ("mode", "model", "plan"),
    "max_references": ("mode", "model", "plan"),
    "reference_kinds": ("model",),
    "end_frames": ("model",),
    "max_input_edges": ("mode", "model", "plan"),
    "resize": (),
    "fields": ("name",),
    "longest_edges": ("plan",),
    "uploads": ("plan",),
    "extensions": ("kind",),
    "prices": ("plan", "basis"),
    "bands": ("plan",),
    "packs": ("name",),
    "grants": ("plan",),
}
"""Tables whose entries follow one another, day after day, for each of these keys."""

_ENDLESS = {"billing", "modes", "sizes", "model_defaults"}


def read_small(path: Path, most: int) -> bytes:
    """Read a small regular file; nothing else is waited for.

    Args:
        path: Where it lies.
        most: Bytes that it may have.

    Raises:
        RateFileError: It cannot be read, is no file, or is too large.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise bad(path, "cannot be read: it is no regular file")
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, RateFileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise bad(path, f"cannot be read: {reason}") from None
    if len(data) > most:
        raise bad(path, f"is larger than {most:,} bytes and no rate file")
    return data


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


def check_plans(file: PlansFile, path: Path) -> None:
    """Refuse gaps, overlaps, and values without source or with a better one against them.

    Raises:
        RateFileError: There is one.
    """
    _check_common(file, path)
    for pack in file.packs:
        for against in pack.against if pack.usd is not None else ():
            if _best(against.sources, file.sources) < _best(pack.sources, file.sources):
                raise bad(
                    path, f"packs: {pack.name}: has a better source for another price than its own"
                )


def check_file(file: EndpointFile, path: Path) -> None:
    """Refuse gaps, overlaps, strange names and values without source in an endpoint's file.

    Raises:
        RateFileError: There is one.
    """
    for table in ("billing", "rates"):
        if not getattr(file, table):
            raise bad(path, f"{table}: is required (docs/rates.md has the format)")
    _check_common(file, path)
    _check_names(file, path)
    _check_rates(file, path)


def _base_of(name: str, base: Callable[[str], EndpointFile] | None, path: Path) -> EndpointFile:
    if base is not None:
        return base(name)
    found = read_file(path.with_name(f"{name}.toml"), check=False)
    if not isinstance(found, EndpointFile) or found.like is not None:
        raise bad(path, f"like: {name!r} is no endpoint with tables of its own")
    return found


def parsed(model: type[F], table: Mapping[str, Any], path: Path) -> F:
    """Check the keys of a file and their types.

    Args:
        model: What the file should be.
        table: Its TOML.
        path: Where it was read.

    Raises:
        RateFileError: A key is unknown, is missing, or has a wrong value.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = one_line(".".join(str(part) for part in first["loc"]), 200)
        reason = {
            "missing": "is required (docs/rates.md has the format)",
            "extra_forbidden": "is no key of a rate file (docs/rates.md has the format)",
        }.get(first["type"], one_line(first["msg"].removeprefix("Value error, "), 300))
        raise RateFileError(f"{path}: {place}: {reason}", field=place, source=str(path)) from None


def _check_common(file: EndpointFile | PlansFile, path: Path) -> None:
    for table, entry in file.entries():
        for holder in (entry, *getattr(entry, "against", ())):
            for name in holder.sources:
                if name not in file.sources:
                    raise bad(path, f"{table}: there is no source {name!r}")
    series: dict[tuple[Any, ...], list[Dated]] = defaultdict(list)
    for table, entry in file.entries():
        if table in SERIES:
            series[table, *(getattr(entry, key) for key in SERIES[table])].append(entry)
    for key, entries in series.items():
        _check_follow(entries, " ".join(str(part) for part in key if part), path)


def _check_follow(entries: list[Dated], name: str, path: Path) -> None:
    for before, after in pairwise(entries):
        if before.until is None or before.until > after.since:
            raise bad(path, f"{name}: two values hold on {after.since}")
        if before.until < after.since:
            raise bad(path, f"{name}: no value from {before.until} to {after.since}")
    if entries[-1].until is not None and name.split(" ", maxsplit=1)[0] in _ENDLESS:
        raise bad(path, f"{name}: no value from {entries[-1].until} on")


def _check_names(file: EndpointFile, path: Path) -> None:
    """Refuse modes, models and sizes that the file does not know, which would never count."""
    known = {
        "mode": {name for entry in file.modes for name in (*entry.names, *entry.aliases)},
        "model": {entry.name for entry in file.models},
        "size": {name for entry in file.sizes for name in entry.names},
    }
    for table, entry in file.entries():
        if table == "modes":
            continue
        sizes = getattr(entry, "sizes", ())
        used = {
            "mode": {getattr(entry, "mode", None), *getattr(entry, "modes", ())},
            "model": {getattr(entry, "model", None), getattr(entry, "runs", None)},
            "size": {getattr(entry, "size", None), *sizes},
        }
        if table == "sizes":
            used["mode"] |= set(entry.defaults)
            used["size"] |= {*entry.defaults.values(), *entry.plan_defaults.values()}
        if table == "model_defaults":
            used["model"] |= {entry.default, *entry.plan_defaults.values()}
        for what, names in used.items():
            for strange in sorted(name for name in names - known[what] if name):
                raise bad(path, f"{table}: there is no {what} {strange!r}")


def _check_rates(file: EndpointFile, path: Path) -> None:
    for rate in file.rates:
        _check_ranks(rate, file.sources, path)
    for table in ("rates", "max_seconds", "frame_caps", "billing"):
        _check_coverage(file, table, path)
    for day in days_of_change(file, file.rates):
        units = {rate.unit for rate in file.rates if rate.holds_on(day) and rate.unit}
        for billing in (entry for entry in file.billing if entry.holds_on(day)):
            if billing.at_once is not None:
                for strange in sorted(units - {billing.at_once}):
                    raise bad(path, f"rates: on {day} {strange} is not what is charged for")
            elif "second" in units and billing.native is None:
                raise bad(path, f"rates: on {day} a second has no fixed number of frames")
            elif units - {"frame", "second"}:
                raise bad(path, f"rates: on {day} frames are counted")


def _check_coverage(file: EndpointFile, name: str, path: Path) -> None:
    """From its first day on, a table must say one thing for each mode, model and size."""
    table: tuple[Dated, ...] = getattr(file, name)
    whole = name in {"rates", "billing"}
    for day in days_of_change(file, file.rates if name == "billing" else table):
        now = [entry for entry in table if entry.holds_on(day)]
        for mode, model, size in combinations(file, day):
            found = most_specific(now, mode=mode, model=model, size=size)
            which = " ".join(part for part in (mode, model, size) if part) or file.endpoint
            if len(found) > 1 and len({getattr(entry, "plan", None) for entry in found}) == 1:
                raise bad(path, f"{name}: two values hold for {which} on {day}")
            if not found and (whole or not file.models):
                raise bad(path, f"{name}: nothing holds for {which} on {day}")


def combinations(
    file: EndpointFile, day: date
) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Give every mode, model and size that can run on a day."""
    models: list[str | None]
    models = [entry.name for entry in file.models if entry.holds_on(day) and not entry.runs]
    offers = [entry for entry in file.offers if entry.holds_on(day)]
    for mode in _names_on(file.modes, day):
        for model in models or [None]:
            offer = most_specific(offers, model=model)
            sizes = offer[0].sizes if offer else _names_on(file.sizes, day)
            for size in sizes:
                yield mode, model, size


def days_of_change(file: EndpointFile, table: Iterable[Dated]) -> list[date]:
    """Give the days on which entries begin or end, from the first of a table on."""
    first = min((entry.since for entry in table), default=None)
    if first is None:
        return []
    every = (*table, *file.modes, *file.models, *file.sizes, *file.offers, *file.billing)
    days = {day for entry in every for day in (entry.since, entry.until) if day}
    return sorted(day for day in days if day >= first)


def _check_ranks(rate: Rate, sources: Mapping[str, Source], path: Path) -> None:
    """The value that is used must not be one that a better source contradicts."""
    if rate.unknown is not None:
        return
    for against in rate.against:
        if _best(against.sources, sources) < _best(rate.sources, sources):
            raise bad(
                path,
                f"rates: {against.value} since {rate.since} has a better source than the value "
                "that it stands against",
            )


def _best(names: Iterable[str], sources: Mapping[str, Source]) -> int:
    return min(RANKS.index(sources[name].rank) for name in names)


def _names_on(table: Iterable[Any], day: date) -> tuple[str | None, ...]:
    for entry in table:
        if entry.holds_on(day):
            return tuple(entry.names)
    return (None,)


def bad(path: Path, reason: str) -> RateFileError:
    """Give the error that says what is wrong with a file."""
    return RateFileError(f"{path}: {reason}", source=str(path))
