"""What may reading one source cost, and where may it reach?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mh_preflight.errors import InputError

if TYPE_CHECKING:
    from mh_preflight.media.origins.content import Content

__all__ = ["NEAR", "SOFT_SHARE", "UNFINISHED", "Budget", "Limits", "processor_seconds"]

NEAR = 8 << 20
"""Bytes up to which a source that lies elsewhere is read whole; beyond, only its header is."""

STORED_A_SECOND = 64 << 20
"""Bytes really on the disk for which one second more of processor time is given."""

MOST_SECONDS = 60.0
"""Processor time that no file gets more than, however long it is."""

MOST = {
    "processor_seconds": 3600.0,
    "memory_bytes": 2.0**40,
    "remote_seconds": 86_400.0,
    "remote_bytes": 2.0**40,
}
"""The highest value of each limit."""

UNFINISHED = "the processor time did not suffice to look at all of it"
"""Why a fact is not certain where a reader stopped for lack of time; another day it may be."""

SOFT_SHARE = 0.8
"""The share of the processor time after which a reader stops by itself and says what it knows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one source may cost, and where it may reach.

    Args:
        processor_seconds: Processor time for one source; a file that really fills more than 64 MiB
            of the disk gets a second more for each, up to a minute.
        memory_bytes: Memory that a worker may take beyond what it has when idle.
        remote_seconds: Time for all that is read of a source that lies elsewhere.
        remote_bytes: Bytes that may be read of it.
        allow_http: Read `http://` URLs too, and not only `https://`.
        allow_private: Connect to addresses of private networks and of this machine too.

    Raises:
        InputError: A limit is no number above 0, or absurdly high.

    Example:
        >>> Limits(remote_seconds=5).allow_http
        False
    """

    processor_seconds: float = 3.0
    memory_bytes: int = 384 << 20
    remote_seconds: float = 20.0
    remote_bytes: int = 32 << 20
    allow_http: bool = False
    allow_private: bool = False

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name}: must be a number", field=name)
            if not 0 < value <= most:
                raise InputError(f"{name}: must be above 0 and at most {most:g}", field=name)


def processor_seconds(limits: Limits, content: Content) -> float:
    """Give the processor time for one source: a long film that is really there gets more.

    A sparse file that only claims to be long has few bytes on the disk.

    Args:
        limits: The limits.
        content: The source.
    """
    more = content.stored // STORED_A_SECOND
    return max(limits.processor_seconds, min(limits.processor_seconds + more, MOST_SECONDS))


class Budget:
    """Processor time that is left for one source.

    Args:
        seconds: How much there is; counted from now, on the calling thread.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    @property
    def spent(self) -> bool:
        """Whether the time is up."""
        return time.thread_time() >= self._end
