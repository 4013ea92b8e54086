"""What will it cost? Frames and credits, queued and settled, with the reason for each range.

The rules and their sources stand in docs/estimation.md.
"""

from mh_preflight.estimate.answer import REASONS, Estimate, Money, Side
from mh_preflight.estimate.assets import length_of, media_of
from mh_preflight.estimate.explain import explain_estimate
from mh_preflight.estimate.job import estimate_job, settle_job

__all__ = [
    "REASONS",
    "Estimate",
    "Money",
    "Side",
    "estimate_job",
    "explain_estimate",
    "length_of",
    "media_of",
    "settle_job",
]
