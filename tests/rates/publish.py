"""What was published of the past? Writes `published.json`, against which the rates are tested.

`python tests/rates/publish.py [DAY]` writes what holds up to today, or up to a day. Where that
changes what was published of the past, it does so only for a higher version of the rates
(`mh_preflight/rates/data/card.toml`), or with `--force`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mh_preflight.rates import EndpointFile, PlansFile, RateCard, bundled_rates
from mh_preflight.rates.folder import version_key

__all__ = ["PUBLISHED", "REMEDY", "changes_of", "digests_of", "files_of", "published"]

PUBLISHED = Path(__file__).with_name("published.json")

REMEDY = (
    "What has been published of the past stays as it was, because prices of that time were given "
    "by it. If something has changed since: end the old entry (`until`) on the day of the change, "
    "and add one `from` that day. If the past itself was wrong: raise the version in "
    "mh_preflight/rates/data/card.toml, write what was corrected under `## Rates` in "
    "CHANGELOG.md, and run `python tests/rates/publish.py`."
)

WORDING = {"inferred", "unknown"}


def files_of(card: RateCard) -> dict[str, EndpointFile | PlansFile]:
    """Give all files of a card by name."""
    return {**dict(card.endpoints), "plans": card.plans}


def digests_of(file: EndpointFile | PlansFile, last: date) -> dict[date, str]:
    """Give a digest of what holds, for each day up to a last one on which something changes."""
    entries = [(table, entry, _said(entry)) for table, entry in file.entries()]
    days = {day for _, entry, _ in entries for day in (entry.since, entry.until) if day}
    return {
        day: _digest([table, said] for table, entry, said in entries if entry.holds_on(day))
        for day in sorted(days)
        if day <= last
    }


def changes_of(
    known: Mapping[str, Mapping[date, str]],
    files: Mapping[str, EndpointFile | PlansFile],
    last: date,
) -> Iterator[str]:
    """Tell what is no longer as it was published.

    Args:
        known: The published digests, by file and day of change.
        files: The files as they are.
        last: The day up to which they were published.
    """
    for name, before in known.items():
        if name not in files:
            yield f"{name}: is gone"
            continue
        now = digests_of(files[name], last)
        for day in sorted({*before, *now}):
            if _on(before, day) != _on(now, day):
                yield f"{name}: what holds on {day} is not what was published"


def published() -> tuple[str, date, dict[str, dict[date, str]]]:
    """Read the version, the last day and the digests that were published."""
    table = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    known = {
        name: {date.fromisoformat(day): digest for day, digest in days.items()}
        for name, days in table["files"].items()
    }
    return table["version"], date.fromisoformat(table["until"]), known


def _said(entry: Any) -> dict[str, Any]:
    """Give what an entry says: that something is unknown or inferred, and not in which words."""
    said = entry.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"note", "until"}
    )
    return {name: True if name in WORDING else value for name, value in said.items()}


def _digest(entries: Iterable[Any]) -> str:
    lines = sorted(json.dumps(each, sort_keys=True, ensure_ascii=False) for each in entries)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


NOTHING = _digest([])


def _on(digests: Mapping[date, str], day: date) -> str:
    """Give the digest of the last change up to a day."""
    before = [each for each in digests if each <= day]
    return digests[max(before)] if before else NOTHING


def main(arguments: list[str]) -> int:
    """Write what holds up to a day."""
    days = [date.fromisoformat(each) for each in arguments if each != "--force"]
    last = days[0] if days else datetime.now(UTC).date()
    card = bundled_rates()
    files = files_of(card)
    if PUBLISHED.exists():
        version, until, known = published()
        changes = list(changes_of(known, files, until))
        print("\n".join(changes) or "nothing of the past has changed")
        raised = version_key(card.version) > version_key(version)
        if (changes or last < until) and not raised and "--force" not in arguments:
            print(f"not written: {card.version} is published already. {REMEDY}", file=sys.stderr)
            return 1
    table = {
        "version": card.version,
        "until": last.isoformat(),
        "files": {
            name: {day.isoformat(): digest for day, digest in digests_of(file, last).items()}
            for name, file in sorted(files.items())
        },
    }
    PUBLISHED.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"written: {len(files)} files, up to {last}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
