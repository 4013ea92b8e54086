"""Is a rate file sound? Refuses gaps, overlaps, strange names and values without source."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import RateFileError
from mh_preflight.rates.dated import RANKS, Dated, Source, most_specific
from mh_preflight.rates.files import EndpointFile, PlansFile
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mh_preflight.rates.entries import Rate

__all__ = [
    "SERIES",
    "bad",
    "check_file",
    "check_names",
    "check_plans",
    "check_sources",
    "combinations",
    "days_of_change",
    "place_text",
]

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

MOST_WORK = 10_000_000
"""Days of change times combinations times rates: about a hundred times what the bundled have."""

_ENDLESS = {"billing", "modes", "sizes", "model_defaults"}


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
                raise bad(
                    path,
                    f"rates: on {day} the unit must be frame or second, because the tool is billed "
                    "by frames",
                    "rates",
                )


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
