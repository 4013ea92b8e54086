"""Is a rate file sound? Refuses unknown keys, gaps, overlaps and values without source."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from mh_preflight.errors import RateFileError
from mh_preflight.rates.dated import RANKS, Dated, Source
from mh_preflight.rates.entries import Cap, EndpointFile, PlansFile, Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MOST_BYTES", "read_file", "read_toml"]

MOST_BYTES = 1_000_000
"""The largest rate file; the real ones have a few kilobytes."""

F = TypeVar("F", EndpointFile, PlansFile)

_SERIES = {
    "billing": (),
    "modes": (),
    "sizes": (),
    "gates": ("mode", "size"),
    "max_seconds": ("mode",),
    "frame_caps": ("mode",),
    "fields": ("name",),
    "longest_edges": ("plan",),
    "uploads": ("plan",),
    "extensions": ("kind",),
    "prices": ("plan", "basis"),
}
"""Tables whose entries follow one another, day after day, for each of these keys."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a small TOML file.

    Raises:
        RateFileError: It cannot be read, is too large or is no TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RateFileError(f"{path}: cannot be read: {reason}", source=str(path)) from None
    if len(data) > MOST_BYTES:
        raise RateFileError(
            f"{path}: is larger than {MOST_BYTES:,} bytes and no rate file", source=str(path)
        )
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise RateFileError(f"{path}: is no TOML: {error}", source=str(path)) from None


def read_file(path: Path) -> EndpointFile | PlansFile:
    """Read one rate file: an endpoint's, or the plans'.

    Args:
        path: A TOML file; one with `endpoint` is an endpoint's.

    Raises:
        RateFileError: An unknown key, a gap, an overlap, a value without source, a number that is
            no decimal text, or anything else that is wrong; it names the file and the key.
    """
    table = read_toml(path)
    if "endpoint" in table:
        file = _parsed(EndpointFile, table, path)
        _check_common(file, path)
        _check_names(file, path)
        _check_rates(file, path)
        return file
    plans = _parsed(PlansFile, table, path)
    _check_common(plans, path)
    return plans


def _parsed(model: type[F], table: Mapping[str, Any], path: Path) -> F:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = {
            "missing": "is required (docs/rates.md has the format)",
            "extra_forbidden": "is no key of a rate file (docs/rates.md has the format)",
        }.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise RateFileError(f"{path}: {place}: {reason}", field=place, source=str(path)) from None


def _check_common(file: EndpointFile | PlansFile, path: Path) -> None:
    for table, entry in file.entries():
        for holder in (entry, *getattr(entry, "against", ())):
            for name in holder.sources:
                if name not in file.sources:
                    raise _bad(path, f"{table}: there is no source {name!r}")
    series: dict[tuple[Any, ...], list[Dated]] = defaultdict(list)
    for table, entry in file.entries():
        if table in _SERIES:
            series[table, *(getattr(entry, key) for key in _SERIES[table])].append(entry)
    for key, entries in series.items():
        _check_follow(entries, " ".join(str(part) for part in key if part), path)


def _check_follow(entries: list[Dated], name: str, path: Path) -> None:
    for before, after in pairwise(entries):
        if before.until is None or before.until > after.since:
            raise _bad(path, f"{name}: two values hold on {after.since}")
        if before.until < after.since:
            raise _bad(path, f"{name}: no value from {before.until} to {after.since}")
    if entries[-1].until is not None and name in {"billing", "modes", "sizes"}:
        raise _bad(path, f"{name}: no value from {entries[-1].until} on")


def _check_names(file: EndpointFile, path: Path) -> None:
    """Refuse modes and sizes that the file does not know, which would never take effect."""
    modes = {name for entry in file.modes for name in (*entry.names, *entry.aliases)}
    sizes = {name for entry in file.sizes for name in entry.names}
    for table, entry in file.entries():
        if table in {"modes", "billing"}:
            continue
        used_modes = {getattr(entry, "mode", None), *getattr(entry, "modes", ())}
        used_modes |= set(getattr(entry, "defaults", ()))
        used_sizes = {getattr(entry, "size", None), *getattr(entry, "defaults", {}).values()}
        for strange in sorted(name for name in used_modes - modes if name):
            raise _bad(path, f"{table}: there is no mode {strange!r}")
        for strange in sorted(name for name in used_sizes - sizes if name):
            raise _bad(path, f"{table}: there is no size {strange!r}")


def _check_rates(file: EndpointFile, path: Path) -> None:
    for rate in file.rates:
        _check_ranks(rate, file.sources, path)
    for table in ("rates", "max_seconds", "frame_caps"):
        _check_coverage(file, table, path)
    for day in _days_of_change(file, file.rates):
        billing = next((entry for entry in file.billing if entry.holds_on(day)), None)
        if billing is None:
            raise _bad(path, f"billing: no value on {day}")
        if billing.native is None and any(
            rate.unit == "second" and rate.holds_on(day) for rate in file.rates
        ):
            raise _bad(path, f"rates: on {day} a second has no fixed number of frames")


def _check_coverage(file: EndpointFile, name: str, path: Path) -> None:
    """From its first day on, a table must say one thing for each mode and size."""
    table: tuple[Rate | Cap, ...] = getattr(file, name)
    for day in _days_of_change(file, table):
        for mode in _names_on(file.modes, day):
            for size in _names_on(file.sizes, day):
                matching = [
                    entry
                    for entry in table
                    if entry.holds_on(day)
                    and entry.mode in {mode, None}
                    and getattr(entry, "size", None) in {size, None}
                ]
                if len(matching) != 1:
                    what = "nothing holds" if not matching else "two values hold"
                    which = " ".join(part for part in (mode, size) if part) or file.endpoint
                    raise _bad(path, f"{name}: {what} for {which} on {day}")


def _days_of_change(file: EndpointFile, table: Iterable[Dated]) -> list[date]:
    first = min((entry.since for entry in table), default=None)
    if first is None:
        return []
    every = (*table, *file.modes, *file.sizes, *file.billing)
    days = {day for entry in every for day in (entry.since, entry.until) if day}
    return sorted(day for day in days if day >= first)


def _check_ranks(rate: Rate, sources: Mapping[str, Source], path: Path) -> None:
    """The value that is used must not be one that a better source contradicts."""
    if rate.unknown is not None:
        return
    for against in rate.against:
        if _best(against.sources, sources) < _best(rate.sources, sources):
            raise _bad(
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


def _bad(path: Path, reason: str) -> RateFileError:
    return RateFileError(f"{path}: {reason}", source=str(path))
