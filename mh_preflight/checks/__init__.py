"""Will it be accepted? What the API will refuse, what will surprise, what should be known.

Only what the API surely refuses is an error: a rule that went stale here must not block valid
work. What each finding means stands in docs/findings.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mh_preflight.checks.files import find_file_problems, find_name_problems
from mh_preflight.checks.finding import CODES, Finding, Severity, severity_by
from mh_preflight.checks.rates import find_rate_problems
from mh_preflight.checks.request import find_request_problems
from mh_preflight.checks.window import (
    find_frame_problems,
    find_length_problems,
    find_window_problems,
)

if TYPE_CHECKING:
    from mh_preflight.estimate import Estimate
    from mh_preflight.jobs import Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = [
    "CODES",
    "Finding",
    "Severity",
    "find_length_problems",
    "find_name_problems",
    "find_problems",
    "find_request_problems",
    "find_standing_problems",
    "severity_by",
]


def find_problems(
    job: Job, media: Mapping[str, Media], settings: Settings, estimate: Estimate
) -> tuple[Finding, ...]:
    """Check a job against what is known of the API, the errors first.

    Args:
        job: The job.
        media: What is known of its files, by field of `assets`.
        settings: What will run.
        estimate: What it will cost.
    """
    found = [
        *find_file_problems(job, media, settings),
        *find_window_problems(job, media, settings),
        *find_frame_problems(job, media, settings, estimate),
        *find_standing_problems(job, settings),
    ]
    order = ("error", "warning", "info")
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def find_standing_problems(job: Job, settings: Settings) -> tuple[Finding, ...]:
    """Find what holds of a job whatever its files and its window are.

    Args:
        job: The job.
        settings: What will run.
    """
    return (*find_request_problems(job, settings), *find_rate_problems(settings))
