"""What does the user know better? Entries of their own in the place of the bundled ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mh_preflight.rates.dated import Dated, most_specific
from mh_preflight.rates.files import EndpointFile, EndpointOverride, PlansFile, PlansOverride
from mh_preflight.rates.loading import parsed
from mh_preflight.rates.soundness import (
    SERIES,
    bad,
    check_file,
    check_names,
    check_plans,
    check_sources,
    combinations,
    days_of_change,
    place_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mh_preflight.rates.dated import Source
    from mh_preflight.rates.entries import Rate

__all__ = ["merged", "read_override"]

PLANS = "plans"
KEYS: Mapping[str, tuple[str, ...]] = {**SERIES, "rates": ("mode", "model", "size")}
"""What two entries of a table have in common where one of them takes the place of the other."""

D = TypeVar("D", bound=Dated)


def read_override(table: Mapping[str, Any], path: Path) -> EndpointOverride | PlansOverride:
    """Make a file of overrides of its TOML.

    Args:
        table: The TOML, with the key `overrides`.
        path: Where it was read.

    Raises:
        RateFileError: A key is unknown, is missing, or has a wrong value; or it overrides nothing.
    """
    override: EndpointOverride | PlansOverride
    if table["overrides"] == PLANS:
        override = parsed(PlansOverride, table, path)
    else:
        override = parsed(EndpointOverride, table, path)
    if not override.entries():
        raise bad(path, "overrides nothing: it has no entry of any table", "overrides")
    return override


def merged(
    override: EndpointOverride | PlansOverride, base: EndpointFile | PlansFile, path: Path
) -> EndpointFile | PlansFile:
    """Give a file in which the user's entries hold on their days, cut out of all others.

    Args:
        override: The user's entries.
        base: The file that they change.
        path: Where the override was read.

    Raises:
        RateFileError: What comes out is not sound, or an entry would never count.
    """
    changes: dict[str, Any] = {"sources": _all_sources(override, base, path)}
    if override.checked is not None:
        changes["checked"] = max(override.checked, base.checked)
    for table in dict.fromkeys(name for name, _ in override.entries()):
        own: tuple[Dated, ...] = getattr(override, table)
        _refuse_two(table, own, path)
        for place, entry in enumerate(own):
            check_sources(table, place, entry, changes["sources"], path)
        changes[table] = tuple(_in_place(table, own, getattr(base, table)))
    if isinstance(base, PlansFile):
        plans = base.model_copy(update=changes)
        check_plans(plans, path)
        return plans
    rates: tuple[Rate, ...] = getattr(override, "rates", ())
    files = dict.fromkeys(rates, path.name)
    bundled = [rate for rate in base.rates if base.own_file(rate) is None]
    for rate in base.rates:
        file = base.own_file(rate)
        if file is not None:
            files |= dict.fromkeys(_without(rate, [r for r in rates if _alike(r, rate)]), file)
            bundled += base.newer_than(rate)
    newer = {rate: _newer(rate, bundled) for rate in files}
    whole = base.with_own(files, {rate: found for rate, found in newer.items() if found}, **changes)
    for table in sorted(changes.keys() & KEYS.keys()):
        for place, entry in enumerate(getattr(override, table)):
            check_names(table, place, entry, whole, path)
    check_file(whole, path)
    for place, rate in enumerate(rates):
        _refuse_idle(place, rate, whole, path)
    return whole


def _alike(one: Rate, other: Rate) -> bool:
    return all(getattr(one, key) == getattr(other, key) for key in KEYS["rates"])


def _newer(own: Rate, bundled: Iterable[Rate]) -> tuple[Rate, ...]:
    """Give the bundled rates of the same key that begin while a user's own holds."""
    found = {
        rate
        for rate in bundled
        if _alike(own, rate)
        and rate.unknown is None
        and own.since < rate.since
        and (own.until is None or rate.since < own.until)
    }
    return tuple(sorted(found, key=lambda rate: rate.since))


def _all_sources(
    override: EndpointOverride | PlansOverride, base: EndpointFile | PlansFile, path: Path
) -> dict[str, Source]:
    for name, said in override.sources.items():
        if base.sources.get(name, said) != said:
            raise bad(
                path,
                f"sources.{name}: the rates have another source of this name: give it another",
                f"sources.{name}",
            )
    return {**base.sources, **override.sources}


def _refuse_two(table: str, own: Iterable[Dated], path: Path) -> None:
    """Refuse two entries of one key that hold on the same day."""
    before: dict[tuple[Any, ...], Dated] = {}
    for entry in sorted(own, key=lambda entry: entry.since):
        key = tuple(getattr(entry, name) for name in KEYS[table])
        last = before.get(key)
        if last is not None and (last.until is None or last.until > entry.since):
            name = " ".join(str(part) for part in (table, *key) if part)
            raise bad(path, f"{name}: two values hold on {entry.since}", table)
        before[key] = entry


def _in_place(table: str, own: Iterable[Dated], others: Iterable[Dated]) -> list[Dated]:
    """Give all entries of a table, those of one key one after the other."""
    groups: dict[tuple[Any, ...], tuple[list[Dated], list[Dated]]] = {}
    for place, entries in enumerate((others, own)):
        for entry in entries:
            key = tuple(getattr(entry, name) for name in KEYS[table])
            groups.setdefault(key, ([], []))[place].append(entry)
    found: list[Dated] = []
    for old, new in groups.values():
        pieces = [piece for entry in old for piece in _without(entry, new)]
        found += sorted([*pieces, *new], key=lambda entry: entry.since) if new else pieces
    return found


def _without(entry: D, others: Iterable[Dated]) -> list[D]:
    """Cut the days of others out of an entry."""
    pieces = [entry]
    for other in others:
        pieces = [part for piece in pieces for part in _cut(piece, other)]
    return pieces


def _cut(entry: D, other: Dated) -> list[D]:
    apart = (entry.until is not None and entry.until <= other.since) or (
        other.until is not None and other.until <= entry.since
    )
    if apart:
        return [entry]
    parts = []
    if entry.since < other.since:
        parts.append(entry.model_copy(update={"until": other.since}))
    if other.until is not None and (entry.until is None or other.until < entry.until):
        parts.append(entry.model_copy(update={"since": other.until}))
    return parts


def _refuse_idle(place: int, rate: Rate, file: EndpointFile, path: Path) -> None:
    """Refuse a rate that never decides: one would think that it counts."""
    for day in {rate.since, *days_of_change(file, file.rates)}:
        if rate.holds_on(day):
            now = [other for other in file.rates if other.holds_on(day)]
            for mode, model, size in combinations(file, day):
                if rate in most_specific(now, mode=mode, model=model, size=size):
                    return
    name = " ".join(part for part in (rate.mode, rate.model, rate.size) if part) or "every mode"
    raise bad(
        path,
        f"{place_text(('rates', place))}: the one for {name} since {rate.since} decides nothing, "
        "because others are made for a mode, model and size: name those of `mh-preflight rates "
        f"{file.endpoint}`",
        f"rates.{place}",
    )
