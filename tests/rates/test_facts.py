"""Every number that was collected from public sources stands in the rate files, or is left out for
a reason. The collection is no part of the project: MH_PREFLIGHT_FACTS names its folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mh_preflight.rates import bundled_rates
from mh_preflight.rates.files import EndpointFile, PlansFile

FACTS = os.environ.get("MH_PREFLIGHT_FACTS")

needs_facts = pytest.mark.skipif(not FACTS, reason="MH_PREFLIGHT_FACTS names no folder")

UNITS = {
    "USD",
    "USD/credit",
    "USD/s",
    "chars",
    "credits",
    "credits/char",
    "credits/frame",
    "credits/frame at 24 fps",
    "credits/image",
    "credits/min",
    "credits/s",
    "fps",
    "frames",
    "images",
    "items",
    "mappings",
    "px",
    "s",
    "x",
    "x credits",
    "x source fps",
}
WITHOUT_UNIT = {"credit_pack", "max_upload_bytes"}

TABLES = {
    "allowed_durations": ("durations",),
    "audio_multiplier": ("audio",),
    "audio_surcharge": ("audio",),
    "credits_per_char": ("rates",),
    "credits_per_frame": ("rates",),
    "credits_per_image": ("rates",),
    "credits_per_minute": ("rates",),
    "credits_per_second": ("rates",),
    "estimate_fps": ("billing",),
    "failed_generation_cost": (),
    "failed_job_cost": (),
    "flat_credits": ("rates",),
    "flat_credits_from": ("rates",),
    "image_count_max": ("counts",),
    "longest_edge_px": ("resize", "sizes", "longest_edges"),
    "max_chars": ("max_characters",),
    "max_clip_seconds": ("max_seconds",),
    "max_face_mappings": ("max_references",),
    "max_frames": ("frame_caps",),
    "max_input_images": ("max_references",),
    "max_input_px": ("max_input_edges",),
    "max_prompt_chars": ("max_characters",),
    "max_references": ("max_references",),
    "max_script_chars": ("max_characters",),
    "min_clip_seconds": ("min_seconds",),
}
"""Where the numbers of a quantity belong; those of any other may stand in any table or text."""

IN_TEXT_TOO = (
    "approximate",
    "bucket",
    "contradicted",
    "illustrative",
    "inferred",
    "launch",
    "removed",
)
"""Facts that a text may mention in the place of a table: what was not used, and why."""

TIMES = {"credits_per_second": ("frame", 24), "credits_per_minute": ("second", 60)}
"""Prices that are published of more than the unit that is charged for."""

LEFT_OUT = {
    "* failed_generation_cost 0": "a rule of the code: a failed job costs nothing",
    "* failed_job_cost 0": "a rule of the code: a failed job costs nothing",
    "POST /v1/files/upload-urls flat_credits 0": "an upload is no job",
    "account/plan hard_caps 1344": "of one tool, whose file has it",
    "ai-image-editor max_input_images 10": "the picture itself and the 9 references it may have",
    "ai-photo-editor flat_credits 10": "the endpoint is gone since 2026-01-27",
    "face-detection flat_credits 0": "finds faces for a swap and is no job of its own",
    "http sdk_poll_interval_seconds 0.5": "of the SDK, and no rate",
    "http sdk_timeout_seconds 60": "of the SDK, and no rate",
    "image-to-video audio_multiplier 2": "since 2026-06-11; the API has the model since 2026-07-10",
    "image-to-video max_references 10": "of Text to Video: Image to Video takes no references",
    "lip-sync free_resolution_cap 576": "of the plan, which has it",
    "text-to-video audio_multiplier 2": "since 2026-06-11; the API has the model since 2026-07-10",
}
"""Numbers that no rate file has, as `endpoint quantity number`, and why."""

NUMBER = re.compile(r"\$?(\d[\d,]*(?:\.\d+)?)(?:fps|px|s|x|%)?")
SIZE = re.compile(r"(\d+)(MB|GB)")


@cache
def facts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((Path(FACTS or "") / "facts.json").read_text())
    return [f for f in found if f["unit"] in UNITS or f["quantity"] in WITHOUT_UNIT]


def in_text(text: str) -> set[Fraction]:
    """Numbers as words of a text: no versions, dates, models or sizes such as 480p."""
    words = re.split(r"(?<=\d)[-x](?=\d)|[\s()<>=;:/+]+", re.sub(r"\d+-\d+-\d+", "", text))
    numbers = (NUMBER.fullmatch(word.strip(",.'\"")) for word in words)
    return {Fraction(found[1].replace(",", "")) for found in numbers if found}


def in_value(value: Any) -> set[Fraction | None]:
    """Numbers of a collected fact; None where it says that the number is not known."""
    if isinstance(value, dict):
        return set().union(*(in_value(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(in_value(each) for each in value))
    if isinstance(value, str):
        size = SIZE.fullmatch(value)
        return {size_of(size)} if size else set(in_text(value))
    return {None if value is None else Fraction(str(value))}


def size_of(found: re.Match[str]) -> Fraction:
    return Fraction(int(found[1]) * 1000 ** {"MB": 2, "GB": 3}[found[2]])


def in_entry(entry: Any) -> Iterator[Fraction]:
    if isinstance(entry, BaseModel):
        for name in type(entry).model_fields:
            yield from in_entry(getattr(entry, name))
    elif isinstance(entry, dict):
        yield from (number for each in entry.values() for number in in_entry(each))
    elif isinstance(entry, tuple | list):
        yield from (number for each in entry for number in in_entry(each))
    elif isinstance(entry, int | Fraction) and not isinstance(entry, bool):
        yield Fraction(entry)


@dataclass(frozen=True)
class Card:
    """The entries of a rate file, and the numbers in its texts."""

    entries: list[tuple[str, Any]]
    texts: set[Fraction]


def card_of(file: EndpointFile | PlansFile) -> Card:
    texts = {n for source in file.sources.values() for n in in_text(source.what)}
    for _, entry in file.entries():
        for holder in (entry, *getattr(entry, "against", ())):
            for name in ("note", "inferred", "unknown"):
                texts |= in_text(getattr(holder, name, None) or "")
    return Card(file.entries(), texts)


@cache
def cards_of(endpoint: str) -> list[Card]:
    rates = bundled_rates()
    if endpoint == "account/plan":
        return [card_of(rates.plans)]
    if endpoint == "*":
        return [card_of(file) for file in rates.endpoints.values()]
    return [card_of(rates.endpoints[endpoint])] if endpoint in rates.endpoints else []


def entries_of(card: Card, fact: dict[str, Any]) -> Iterator[Any]:
    """The entries that a fact is about: of its table and day, and of what it names."""
    words = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(fact["conditions"])))
    tables = TABLES.get(fact["quantity"], {name for name, _ in card.entries})
    exact = fact["date_precision"] == "exact" and fact["first_seen"]
    day = date.fromisoformat(fact["first_seen"]) if exact else None
    entries = [
        entry
        for table, entry in card.entries
        if table in tables and (day is None or entry.holds_on(day))
    ]
    named = {
        key: {getattr(entry, key, None) for entry in entries} & words
        for key in ("mode", "model", "size", "plan")
    }
    for entry in entries:
        if all(not named[key] or getattr(entry, key, None) in {None, *named[key]} for key in named):
            yield entry


def numbers_of(entry: Any, quantity: str) -> set[Fraction]:
    numbers = set(in_entry(entry))
    unit, factor = TIMES.get(quantity, ("", 1))
    return (
        numbers | {n * factor for n in numbers} if getattr(entry, "unit", "") == unit else numbers
    )


def is_there(fact: dict[str, Any], number: Fraction | None) -> bool:
    quantity = fact["quantity"]
    about = f"{fact['status']} {fact['conditions']} {fact['date_precision']}"
    in_texts = quantity not in TABLES or any(word in about for word in IN_TEXT_TOO)
    for card in cards_of(fact["endpoint"]):
        entries = list(entries_of(card, fact))
        if number is None:
            if any(getattr(entry, "unknown", None) for entry in entries) or not entries:
                return True
        elif (in_texts and number in card.texts) or any(
            number in numbers_of(entry, quantity) for entry in entries
        ):
            return True
    return False


@cache
def missing() -> dict[str, str]:
    found = {}
    for fact in facts():
        for number in in_value(fact["value"]):
            if not is_there(fact, number):
                shown = "unknown" if number is None else f"{float(number):.12g}"
                key = f"{fact['endpoint']} {fact['quantity']} {shown}"
                found[key] = f"{fact['first_seen']} {fact['conditions']} ({fact['source']})"
    return found


@needs_facts
def test_every_collected_number_stands_in_its_rate_file() -> None:
    lost = {key: about for key, about in missing().items() if key not in LEFT_OUT}
    assert not lost, "\n".join(["", *(f"{key}: {about}" for key, about in lost.items())])


@needs_facts
def test_nothing_is_left_out_in_vain() -> None:
    assert set(LEFT_OUT) <= set(missing())


def test_a_file_is_named_after_its_endpoint() -> None:
    for name, file in bundled_rates().endpoints.items():
        assert file.endpoint == name
