"""Know what a Magic Hour job will cost, from the files on your disk, before anything is sent.

>>> import mh_preflight as mh
>>> mh.Media.given("video", fps=24, duration_seconds=5).video.fps
Fraction(24, 1)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mh_preflight.checks import Finding
from mh_preflight.errors import (
    FindingsError,
    InputError,
    IsolationError,
    JobError,
    MediaError,
    MissingExtraError,
    OverLimitError,
    PreflightError,
    RateFileError,
    UnknownRateError,
)
from mh_preflight.estimate import Estimate
from mh_preflight.flow import Report, preflight
from mh_preflight.jobs import LipSync, TalkingPhoto, job
from mh_preflight.media import Limits, Media, ProbeCache, probe, probe_many

if TYPE_CHECKING:
    from mh_preflight.budget import Budget, Ledger, hold
    from mh_preflight.client import AsyncClient, Client
    from mh_preflight.rates import RateCard, bundled_rates
    from mh_preflight.sdk import guard

__all__ = [
    "AsyncClient",
    "Budget",
    "Client",
    "Estimate",
    "Finding",
    "FindingsError",
    "InputError",
    "IsolationError",
    "JobError",
    "Ledger",
    "Limits",
    "LipSync",
    "Media",
    "MediaError",
    "MissingExtraError",
    "OverLimitError",
    "PreflightError",
    "ProbeCache",
    "RateCard",
    "RateFileError",
    "Report",
    "TalkingPhoto",
    "UnknownRateError",
    "bundled_rates",
    "guard",
    "hold",
    "job",
    "preflight",
    "probe",
    "probe_many",
]

# Loaded when they are first asked for: the rates with the first price, and what spends where a
# program does not only want to know.
_LATER = {
    "AsyncClient": "client",
    "Budget": "budget",
    "Client": "client",
    "Ledger": "budget",
    "RateCard": "rates",
    "bundled_rates": "rates",
    "guard": "sdk",
    "hold": "budget",
}

if not TYPE_CHECKING:  # a type checker knows the names above, and should find a misspelt one

    def __getattr__(name: str) -> Any:
        """Load a name of a room that is not loaded yet."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)

    def __dir__() -> list[str]:
        """Name what there is, loaded or not."""
        return sorted({*globals(), *__all__})
