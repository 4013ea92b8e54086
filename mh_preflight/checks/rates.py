"""Can the rate be relied on? Contradictions, what is only concluded, and its age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mh_preflight.checks.finding import Finding
from mh_preflight.units import one, one_line

if TYPE_CHECKING:
    from mh_preflight.rates import Rate
    from mh_preflight.settings import Settings

__all__ = ["find_rate_problems"]

RATE_IS_OLD = 90  # days since the sources were last compared


def find_rate_problems(settings: Settings) -> Iterator[Finding]:
    """Look at the rate."""
    for entry in settings.rates:
        for other in entry.disputed:
            ours, theirs = (settings.sources[names[0]] for names in (entry.sources, other.sources))
            message = (
                f"{_amount(entry)} credits {one(entry.unit or 'job')} by {ours.rank} "
                f"of {ours.date}, {float(other.value):g} by {theirs.rank} of {theirs.date}: "
                "priced as a range"
            )
            yield Finding("rate-conflict", "warning", None, message)
    for entry in settings.rates:
        name = settings.on_day.file.own_file(entry)
        if name is not None:
            said = settings.sources[entry.sources[0]]
            message = f"your file {name} decided the rate since {entry.since}: {said.what}"
            yield Finding("own-rate", "info", None, one_line(message))
            yield from _newer(settings, entry, name)
    for why in settings.inferred:
        yield Finding("rate-inferred", "warning", None, f"the rate is inferred: {why}")
    if settings.rate_age > RATE_IS_OLD:
        message = (
            f"the rates were last checked on {settings.checked}, {settings.rate_age:,} days "
            "before: get newer ones with `mh-preflight rates-update`, or with a newer mh-preflight"
        )
        yield Finding("rate-old", "warning", None, message)


def _newer(settings: Settings, entry: Rate, name: str) -> Iterator[Finding]:
    """Say that a rate of the user's own hides a bundled one that began after it."""
    began = [
        newer
        for newer in settings.on_day.file.newer_than(entry)
        if newer.since <= settings.day and (newer.unit, newer.range) != (entry.unit, entry.range)
    ]
    for newer in began[-1:]:
        said = settings.sources[newer.sources[0]]
        message = (
            f"your file {name} took the place of a rate that began after it: {_amount(newer)} "
            f"credits {one(newer.unit or 'job')} since {newer.since}, by {said.rank} of "
            f"{said.date}; give your own an until where it no longer holds"
        )
        yield Finding("own-rate-older", "warning", None, one_line(message))


def _amount(entry: Rate) -> str:
    """Show what an entry states, without those who disagree."""
    stated = (entry.low, entry.high) if entry.value is None else (entry.value,)
    return " to ".join(f"{float(value):g}" for value in stated if value is not None)
