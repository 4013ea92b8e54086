"""Know what a Magic Hour job will cost, from the files on your disk, before anything is sent.

>>> import mh_preflight as mh
>>> mh.Media.given("video", fps=24, duration_seconds=5).video.fps
Fraction(24, 1)
"""

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
from mh_preflight.rates import RateCard, bundled_rates

__all__ = [
    "Estimate",
    "Finding",
    "FindingsError",
    "InputError",
    "IsolationError",
    "JobError",
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
    "job",
    "preflight",
    "probe",
    "probe_many",
]
