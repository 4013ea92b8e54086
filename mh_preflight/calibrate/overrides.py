"""How is an implied rate put to use? An override file, written only on command, whole or not."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mh_preflight.errors import InputError, RateFileError
from mh_preflight.rates import decimal_text
from mh_preflight.rates.dated import most_specific
from mh_preflight.rates.overrides import merged, read_override
from mh_preflight.rates.soundness import days_of_change
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mh_preflight.calibrate.answer import Calibration, Group, Implied, Ran
    from mh_preflight.rates import EndpointFile, RateCard

__all__ = ["fitted", "override_text", "write_overrides"]


def write_overrides(found: Calibration, path: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write the implied rates that the rate card does not have, a file an endpoint.

    Args:
        found: The comparison.
        path: The file; the folder, where there are several endpoints.
        force: Replace files that are there.

    Returns:
        The files that were written; none where the rate card has every implied rate. A group whose
        charges another known rate gives too is left out: more jobs have to decide.

    Raises:
        InputError: A file is there already, or cannot be written.
    """
    by_endpoint: dict[str, list[Group]] = {}
    for group in found.groups:
        if group.writable:
            by_endpoint.setdefault(group.endpoint, []).append(group)
    files = _names(path, list(by_endpoint))
    for file in files:
        if not force and file.exists():
            raise InputError(
                f"{one_line(str(file))}: is there already; --force replaces it", source=str(file)
            )
    texts = [override_text(endpoint, groups) for endpoint, groups in by_endpoint.items()]
    _write(dict(zip(files, texts, strict=True)))
    return tuple(files)


def fitted(group: Group, rates: RateCard) -> Group:
    """Find out until when an implied rate would hold, and whether a rate card takes it.

    Args:
        group: What some jobs say together.
        rates: The rate card.
    """
    file = rates.endpoints.get(group.endpoint)
    if group.implied is None or file is None:
        return group
    ends = _end(group.ran, group.implied, file)
    changed = replace(group, implied=replace(group.implied, ends=ends))
    if not changed.is_news:
        return changed
    path = Path("own.toml")
    try:
        table = tomllib.loads(override_text(group.endpoint, [changed]))
        merged(read_override(table, path), file, path)
    except RateFileError as error:
        return replace(changed, refused=error.message.removeprefix(f"{path}: "))
    return changed


def _end(ran: Ran, implied: Implied, file: EndpointFile) -> date | None:
    """Find the day on which the entry that the jobs were held against gives way to another rate."""

    def on(day: date) -> tuple[object, ...]:
        keys = {"mode": ran.mode, "model": ran.model, "size": ran.size}
        now = most_specific([each for each in file.rates if each.holds_on(day)], **keys)
        return tuple((each.unit, each.unknown is None and each.range) for each in now[:1])

    before = on(implied.until)
    days = (day for day in days_of_change(file, file.rates) if day > implied.until)
    return next((day for day in days if on(day) != before), None)


def override_text(endpoint: str, groups: Sequence[Group]) -> str:
    """Write an override file of one endpoint.

    Args:
        endpoint: As in the URL.
        groups: Those of its groups whose implied rate is to be used.
    """
    implied = [
        (group, group.implied, _name(group.ran, group.implied))
        for group in groups
        if group.implied is not None
    ]
    lines = [
        "# Written by mh-preflight calibrate: rates that give the charges of settled jobs.",
        f"overrides = {_quoted(endpoint)}",
    ]
    for _, rate, name in implied:
        lines += ["", *_source(name, rate)]
    for group, rate, name in implied:
        lines += ["", *_rate(group, rate, name)]
    return "\n".join(lines) + "\n"


def _names(path: Path, endpoints: list[str]) -> list[Path]:
    if len(endpoints) < 2 and not path.is_dir():  # noqa: PLR2004  one or none
        return [path] * len(endpoints)
    if path.exists() and not path.is_dir():
        raise InputError(
            f"{one_line(str(path))}: must be a folder, for {len(endpoints)} endpoints",
            source=str(path),
        )
    return [path / f"{endpoint}.toml" for endpoint in endpoints]


def _name(ran: Ran, rate: Implied) -> str:
    """Name the source by what it says, so that no other file has another one of this name."""
    said = hashlib.sha256(repr((ran, rate)).encode()).hexdigest()[:8]
    return f"own-{rate.until}-{said}"


def _source(name: str, rate: Implied) -> Iterator[str]:
    jobs = "1 settled job" if rate.jobs == 1 else f"{rate.jobs} settled jobs"
    days = f"of {rate.since}" if rate.since == rate.until else f"of {rate.since} to {rate.until}"
    yield f"[sources.{name}]"
    yield 'rank = "own"'
    yield f"date = {rate.until}"
    yield f"what = {_quoted(f'{jobs} {days}, whose charges this rate gives to the credit')}"


def _rate(group: Group, rate: Implied, name: str) -> Iterator[str]:
    yield "[[rates]]"
    ran = group.ran
    for key, value in (("mode", ran.mode), ("model", ran.model), ("size", ran.size)):
        if value is not None:
            yield f"{key} = {_quoted(value)}"
    yield f"unit = {_quoted(rate.unit)}"
    yield f"value = {_quoted(decimal_text(rate.value))}"
    yield f"from = {rate.since}"
    if rate.ends is not None:
        yield f"until = {rate.ends}"
    yield f"sources = [{_quoted(name)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(texts: Mapping[Path, str]) -> None:
    """Write files that take their places once all of them are whole."""
    parts: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            with _or_input_error(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_name(f".{path.name}.{os.urandom(8).hex()}.part")
                with part.open("x", encoding="utf-8", newline="\n") as file:
                    parts[path] = part
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
        for path, part in parts.items():
            with _or_input_error(path):
                part.replace(path)
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def _or_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{one_line(str(path))}: cannot be written: {error.strerror}", source=str(path)
        ) from None
