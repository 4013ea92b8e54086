"""Can the rate be relied on? Contradictions, what is only concluded, and its age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mh_preflight.checks.finding import Finding
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.settings import Settings

__all__ = ["find_rate_problems"]

RATE_IS_OLD = 90  # days since the sources were last compared


def find_rate_problems(settings: Settings) -> Iterator[Finding]:
    """Look at the rate."""
    for entry in settings.rates:
        for other in entry.against:
            ours, theirs = (settings.sources[names[0]] for names in (entry.sources, other.sources))
            held = "" if entry.value is None else f"{float(entry.value):g}"
            message = (
                f"{held} credits a {entry.unit} by {ours.rank} of {ours.date}, "
                f"{float(other.value):g} by {theirs.rank} of {theirs.date}: priced as a range"
            )
            yield Finding("rate-conflict", "warning", None, message)
    for entry in settings.rates:
        name = settings.on_day.file.own_file(entry)
        if name is not None:
            said = settings.sources[entry.sources[0]]
            message = f"your file {name} decided the rate since {entry.since}: {said.what}"
            yield Finding("own-rate", "info", None, one_line(message))
    for why in settings.inferred:
        yield Finding("rate-inferred", "warning", None, f"the rate is inferred: {why}")
    if settings.rate_age > RATE_IS_OLD:
        message = (
            f"the rates were last checked {settings.rate_age} days before, on {settings.checked}: "
            "get newer ones with `mh-preflight rates-update`, or with a newer mh-preflight"
        )
        yield Finding("rate-old", "warning", None, message)
