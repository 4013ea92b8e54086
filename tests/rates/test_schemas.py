from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mh_preflight.rates import bundled_rates, file_schema
from mh_preflight.rates.folder import DATA

FILES = sorted(path for path in DATA.glob("*.toml") if path.stem != "card")

OVERRIDE = """
overrides = "lip-sync"

[sources.contract]
rank = "own"
date = 2026-10-01
what = "our contract"

[[rates]]
mode = "pro"
unit = "frame"
value = "1.5"
from = 2026-11-01
sources = ["contract"]
"""


def plain(value: Any) -> Any:
    """Write dates as JSON does."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def checker(of: str) -> Any:
    schema = json.loads(json.dumps(file_schema(of)))
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def read(path: Path) -> Any:
    return plain(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_bundled_file_is_of_its_schema(path: Path) -> None:
    checker("plans" if path.stem == "plans" else "rates").validate(read(path))


def test_an_override_is_of_its_schema() -> None:
    checker("override").validate(plain(tomllib.loads(OVERRIDE)))
    plans = {
        "overrides": "plans",
        "sources": {"deal": {"rank": "own", "date": "2026-10-01", "what": "a deal"}},
        "longest_edges": [{"plan": "free", "value": 1, "from": "2026-10-01", "sources": ["deal"]}],
    }
    checker("override").validate(plans)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value = "1.5"', "value = 1.5"),
        ('value = "1.5"', 'value = "-1"'),
        ('value = "1.5"', 'value = "1.5"\nsurprise = 1'),
        ('unit = "frame"', 'unit = "fortnight"'),
        ("from = 2026-11-01", 'from = "November"'),
        ("from = 2026-11-01\n", ""),
        ('sources = ["contract"]', "sources = []"),
        ('rank = "own"', 'rank = "hearsay"'),
        ('rank = "own"', 'rank = "sdk"'),
        ('rank = "own"', 'rank = "own"\nwhere = "http://example.com"'),
        ('overrides = "lip-sync"', 'overrides = "lip-sync"\nsurprise = 1'),
        ('overrides = "lip-sync"', ""),
    ],
)
def test_what_is_refused_is_not_of_the_schema(old: str, new: str) -> None:
    assert old in OVERRIDE
    with pytest.raises(jsonschema.ValidationError):
        checker("override").validate(plain(tomllib.loads(OVERRIDE.replace(old, new))))


@pytest.mark.parametrize("of", ["rates", "plans"])
def test_a_wrong_entry_of_any_table_is_not_of_the_schema(of: str) -> None:
    seen = set()
    for path in FILES:
        if (path.stem == "plans") != (of == "plans"):
            continue
        found = read(path)
        for table, entries in found.items():
            if isinstance(entries, list) and entries and table not in seen:
                seen.add(table)
                wrongs: list[dict[str, Any]] = [{"surprise": 1}, {"from": "today"}, {"sources": []}]
                for wrong in wrongs:
                    changed = {**found, table: [{**entries[0], **wrong}]}
                    assert not checker(of).is_valid(changed), (table, wrong)
    card = bundled_rates()
    files = [card.plans] if of == "plans" else list(card.endpoints.values())
    assert seen == {table for file in files for table, _ in file.entries()}


def test_every_table_is_explained() -> None:
    text = Path(__file__).parents[2].joinpath("docs", "rates.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    card = bundled_rates()
    tables = {table for file in card.endpoints.values() for table, _ in file.entries()}
    tables |= {table for table, _ in card.plans.entries()}
    assert [table for table in sorted(tables) if not any(f"`{table}`" in row for row in rows)] == []
