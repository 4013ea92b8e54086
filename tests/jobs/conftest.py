"""The vendor's example body of every endpoint, as published, and as a test changes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mh_preflight.errors import JobError
from mh_preflight.jobs import Job, job

EXAMPLES = Path(__file__).with_name("examples.json")


@pytest.fixture
def body() -> Callable[[str, Mapping[str, Any]], dict[str, Any]]:
    """Give an endpoint's example with fields changed by their dotted name; `...` leaves one out."""

    def changed(endpoint: str, change: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(EXAMPLES.read_text())[endpoint]
        for name, value in change.items():
            *rooms, field = name.split(".")
            room = found
            for each in rooms:
                room = room.setdefault(each, {})
            if value is ...:
                room.pop(field, None)
            else:
                room[field] = value
        return found

    return changed


@pytest.fixture
def built(
    body: Callable[[str, Mapping[str, Any]], dict[str, Any]],
) -> Callable[[str, Mapping[str, Any]], Job]:
    """Build the job of such a body, and see that the body comes back."""

    def build(endpoint: str, change: Mapping[str, Any]) -> Job:
        sent = body(endpoint, change)
        made = job(endpoint, **sent)
        assert made.wire_body() == sent
        return made

    return build


@pytest.fixture
def refused(
    body: Callable[[str, Mapping[str, Any]], dict[str, Any]],
) -> Callable[[str, Mapping[str, Any]], str | None]:
    """Name the field for which such a body is refused."""

    def field(endpoint: str, change: Mapping[str, Any]) -> str | None:
        with pytest.raises(JobError) as caught:
            job(endpoint, **body(endpoint, change))
        assert str(caught.value).startswith(f"{caught.value.field}: ")
        assert "\n" not in str(caught.value)
        return caught.value.field

    return field
