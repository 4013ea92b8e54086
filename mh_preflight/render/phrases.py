"""How are instants, numbers and cells shown? What all pages about the ledger share."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from mh_preflight.units import valid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType


__all__ = ["counted", "credits_of", "decimal", "inset", "iso", "json_line", "ledger_line", "when"]


def when(at: int) -> str:
    """Show an instant, in microseconds since 1970, in UTC.

    Example:
        >>> when(1_774_742_400_000_000)
        '2026-03-29 00:00:00'
    """
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def iso(at: int | None) -> str | None:
    """Give an instant, in microseconds since 1970, as ISO 8601 has it; None where there is none."""
    if at is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat().replace("+00:00", "Z")


def decimal(value: Any) -> str | None:
    """Give a number of dollars as decimal text; None where there is none."""
    return None if value is None else f"{value:f}"


def json_line(body: Mapping[str, Any]) -> str:
    """Write a body as one line of JSON."""
    return valid_text(json.dumps(body, ensure_ascii=False))


def counted(number: int, what: str) -> str:
    """Say a number of things.

    Example:
        >>> counted(1_200, "job")
        '1,200 jobs'
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def credits_of(number: int) -> str:
    """Say a number of credits."""
    return counted(number, "credit")


def inset(part: RenderableType) -> RenderableType:
    """Move a part to the right."""
    return Padding(part, (0, 0, 0, 2))


def ledger_line(where: str) -> Text:
    """Say which ledger it is."""
    return Text(f"ledger {where}", style="dim")
