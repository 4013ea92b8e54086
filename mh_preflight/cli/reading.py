"""How may files be read? The options that every command has that reads files."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mh_preflight.cli.options import seconds_given
from mh_preflight.errors import InputError
from mh_preflight.media import Isolation, Limits, ProbeCache
from mh_preflight.media.isolation import can_isolate, shared_pool

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "OFFLINE",
    "PANEL",
    "AllowHttp",
    "AllowPrivate",
    "Cached",
    "IsolationName",
    "Offline",
    "Reading",
    "Timeout",
    "reading",
]

PANEL = "How files are read"

OFFLINE = "MH_PREFLIGHT_OFFLINE"

IsolationName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--isolation",
        help="process: in a worker that can open nothing and is limited (default on Linux). "
        "none: in this process, for files that you trust.",
        metavar="HOW",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
AllowHttp: TypeAlias = Annotated[
    bool, typer.Option("--allow-http", help="Read http:// URLs too.", rich_help_panel=PANEL)
]
AllowPrivate: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Connect to private addresses and to this machine too.",
        rich_help_panel=PANEL,
    ),
]
Timeout: TypeAlias = Annotated[
    float,
    typer.Option(
        "--timeout",
        parser=seconds_given,
        help="Time for each source that lies elsewhere.",
        metavar="SECONDS",
        rich_help_panel=PANEL,
    ),
]
Cached: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--cache",
        help="Remember what was found, and do not read again what has not changed.",
        rich_help_panel=PANEL,
    ),
]

Offline: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Read local files only.",
        envvar=OFFLINE,
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read, as `probe` takes it."""

    isolation: Isolation
    limits: Limits
    cache: ProbeCache | None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `probe`."""
        return {"isolation": self.isolation, "limits": self.limits, "cache": self.cache}


def reading(
    isolation: str | None, *, http: bool, private: bool, timeout: float, cached: bool
) -> Reading:
    """Read the options, and start a worker at once where one will be needed.

    Says so where this system cannot limit a process, and nothing else was asked for.

    Raises:
        InputError: An option has no such value.
    """
    if not 0 < timeout < math.inf:
        raise InputError("--timeout: must be a number above 0", field="timeout")
    limits = Limits(remote_seconds=timeout, allow_http=http, allow_private=private)
    chosen: Isolation
    if isolation is None:
        chosen = "process" if can_isolate() else "none"
        if chosen == "none":
            print(  # noqa: T201
                "mh-preflight: this system cannot limit a process, so that files are read in this "
                "one: read only files that you trust (--isolation none says that you do)",
                file=sys.stderr,
            )
    elif isolation in {"process", "none"}:
        chosen = "process" if isolation == "process" else "none"
    else:
        raise InputError(f"--isolation: {isolation!r} is none of process, none", field="isolation")
    if chosen == "process" and can_isolate():
        shared_pool().start(1)
    return Reading(chosen, limits, ProbeCache() if cached else None)
