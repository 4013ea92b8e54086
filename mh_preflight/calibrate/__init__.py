"""Was it right? Settled jobs against their estimates, and the rates that their charges bear out."""

from mh_preflight.calibrate.answer import (
    Calibration,
    Compared,
    Estimated,
    Explanation,
    Group,
    Implied,
    Problem,
    Ran,
    Verdict,
)
from mh_preflight.calibrate.overrides import write_overrides
from mh_preflight.calibrate.projects import Project, Settled, settled_from
from mh_preflight.calibrate.run import calibrate_files, calibrate_records

__all__ = [
    "Calibration",
    "Compared",
    "Estimated",
    "Explanation",
    "Group",
    "Implied",
    "Problem",
    "Project",
    "Ran",
    "Settled",
    "Verdict",
    "calibrate_files",
    "calibrate_records",
    "settled_from",
    "write_overrides",
]
