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
from mh_preflight.units import one_line, plain_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mh_preflight.rates.entries import Rate

__all__ = [
    "MOST_BYTES",
    "SERIES",
    "bad",
    "check_file",
    "check_names",
    "check_plans",
    "check_sources",
    "combinations",
    "days_of_change",
    "file_from",
    "parsed",
    "place_text",
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

SERIES: Mapping[str, tuple[str, ...]] = {
    "billing": ("mode",),
    "modes": (),
    "models": ("name",),
    "model_defaults": (),
    "routes": ("size", "longer_than"),
    "sizes": (),
    "offers": ("model",),
    "audio": ("model", "size"),
    "extras": ("given", "model"),
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

MOST_ENTRIES = 2_000
MOST_WORK = 10_000_000
"""Days of change times combinations times rates: about a hundred times what the bundled have."""

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
                    path,
                    f"packs: {pack.name}: has a better source for another price than its own",
                    "packs",
                )


def check_file(file: EndpointFile, path: Path) -> None:
    """Refuse gaps, overlaps, strange names and values without source in an endpoint's file.

    Raises:
        RateFileError: There is one.
    """
    for table in ("billing", "rates"):
        if not getattr(file, table):
            raise bad(path, f"{table}: is required (docs/rates.md has the format)", table)
    _check_common(file, path)
    _check_names(file, path)
    _check_rates(file, path)


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


def place_text(parts: Iterable[str | int]) -> str:
    """Name a place in a file for people.

    Args:
        parts: Keys, and places in lists.

    Example:
        >>> place_text(("rates", 0, "value"))
        'rates, entry 1: value'
    """
    text = ""
    for part in parts:
        if isinstance(part, str) and "[" in part:  # which of several types was tried
            break
        if isinstance(part, int):
            text += f", entry {part + 1}: "
        else:
            text += part if not text or text.endswith(" ") else f".{part}"
    return one_line(text.removesuffix(": "), 200)


def _numbered(file: EndpointFile | PlansFile) -> Iterator[tuple[str, int, Any]]:
    """Give all entries with the name of their table and their place in it."""
    places: dict[str, int] = defaultdict(int)
    for table, entry in file.entries():
        yield table, places[table], entry
        places[table] += 1


def check_sources(
    table: str, place: int, entry: Any, sources: Mapping[str, Source], path: Path
) -> None:
    """Refuse an entry that names a source which there is not.

    Args:
        table: The name of its table.
        place: Its place in it.
        entry: The entry.
        sources: The sources by name.
        path: The file.

    Raises:
        RateFileError: It does.
    """
    for holder in (entry, *getattr(entry, "against", ())):
        for name in holder.sources:
            if name not in sources:
                reason = f"{place_text((table, place))}: there is no source {name!r}"
                raise bad(path, reason, f"{table}.{place}")


def _check_common(file: EndpointFile | PlansFile, path: Path) -> None:
    for table, number, entry in _numbered(file):
        check_sources(table, number, entry, file.sources, path)
    series: dict[tuple[Any, ...], list[Dated]] = defaultdict(list)
    for table, entry in file.entries():
        if table in SERIES:
            series[table, *(getattr(entry, key) for key in SERIES[table])].append(entry)
    for key, entries in series.items():
        _check_follow(entries, key, path)


def _check_follow(entries: list[Dated], key: Sequence[Any], path: Path) -> None:
    table, name = key[0], " ".join(str(part) for part in key if part)
    for before, after in pairwise(entries):
        if before.until is None or before.until > after.since:
            raise bad(path, f"{name}: two values hold on {after.since}", table)
        if before.until < after.since:
            raise bad(path, f"{name}: no value from {before.until} to {after.since}", table)
    if entries[-1].until is not None and table in _ENDLESS:
        raise bad(path, f"{name}: no value from {entries[-1].until} on", table)


def _check_names(file: EndpointFile, path: Path) -> None:
    for table, place, entry in _numbered(file):
        check_names(table, place, entry, file, path)


def check_names(table: str, place: int, entry: Any, file: EndpointFile, path: Path) -> None:
    """Refuse modes, models and sizes that the file does not know, which would never count.

    Args:
        table: The name of the entry's table.
        place: Its place in it.
        entry: The entry.
        file: The file that has to know them.
        path: Where the entry stands.

    Raises:
        RateFileError: There is one.
    """
    if table == "modes":
        return
    known = {
        "mode": {name for each in file.modes for name in (*each.names, *each.aliases)},
        "model": {each.name for each in file.models},
        "size": {name for each in file.sizes for name in each.names},
    }
    used = {
        "mode": {getattr(entry, "mode", None), *getattr(entry, "modes", ())},
        "model": {getattr(entry, "model", None), getattr(entry, "runs", None)},
        "size": {getattr(entry, "size", None), *getattr(entry, "sizes", ())},
    }
    if table == "sizes":
        used["mode"] |= set(entry.defaults)
        used["size"] |= {*entry.defaults.values(), *entry.plan_defaults.values()}
    if table == "model_defaults":
        used["model"] |= {entry.default, *entry.plan_defaults.values()}
    for what, names in used.items():
        for strange in sorted(name for name in names - known[what] if name):
            reason = f"{place_text((table, place))}: there is no {what} {strange!r}"
            raise bad(path, reason, f"{table}.{place}")


def _check_work(file: EndpointFile, path: Path) -> None:
    """Refuse what would take minutes to check: every day has to be asked for every combination."""
    names = [
        max((len(each.names) for each in table), default=1) for table in (file.modes, file.sizes)
    ]
    ways = names[0] * names[1] * (len(file.models) or 1)
    work = len(days_of_change(file, file.rates)) * ways * len(file.rates)
    if work > MOST_WORK:
        raise bad(path, "is too large: it has too many days, models, sizes and rates together")


def _check_rates(file: EndpointFile, path: Path) -> None:
    _check_work(file, path)
    for rate in file.rates:
        _check_ranks(rate, file.sources, path)
    for table in ("rates", "max_seconds", "frame_caps", "billing"):
        _check_coverage(file, table, path)
    for day in days_of_change(file, file.rates):
        units = {rate.unit for rate in file.rates if rate.holds_on(day) and rate.unit}
        for billing in (entry for entry in file.billing if entry.holds_on(day)):
            if billing.at_once is not None:
                for strange in sorted(units - {billing.at_once}):
                    raise bad(
                        path, f"rates: on {day} {strange} is not what is charged for", "rates"
                    )
            elif "second" in units and billing.native is None:
                raise bad(path, f"rates: on {day} a second has no fixed number of frames", "rates")
            elif units - {"frame", "second"}:
                raise bad(path, f"rates: on {day} frames are counted", "rates")


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
                raise bad(path, f"{name}: two values hold for {which} on {day}", name)
            if not found and (whole or not file.models):
                raise bad(path, f"{name}: nothing holds for {which} on {day}", name)


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
                "rates",
            )


def _best(names: Iterable[str], sources: Mapping[str, Source]) -> int:
    return min(RANKS.index(sources[name].rank) for name in names)


def _names_on(table: Iterable[Any], day: date) -> tuple[str | None, ...]:
    for entry in table:
        if entry.holds_on(day):
            return tuple(entry.names)
    return (None,)


def bad(path: Path, reason: str, field: str | None = None) -> RateFileError:
    """Give the error that says what is wrong with a file.

    Args:
        path: The file.
        reason: What is wrong, and where.
        field: Its key, or its table.
    """
    return RateFileError(f"{path}: {reason}", field=field, source=str(path))
