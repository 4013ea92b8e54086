"""How many frames, and how many credits? Exact whole numbers, one job or whole columns.

The rule (settled charges of 2026-09-11, and the Lip Sync document of 2025-07-29): the frames of a
job are ``ceil(frame rate x window)`` and its credits are ``ceil(frames x rate)``, rounded up in
that order. Computed on floats the first is one frame too many for every fourth window that is
given in tenths of a second, so nothing here is rounded on its way.
"""

from mh_preflight.frames.columns import Column, credit_counts, frame_counts
from mh_preflight.frames.one import count_between, count_frames, credits_for
from mh_preflight.frames.pricing import PricedFrames, Reason, price_frames

__all__ = [
    "Column",
    "PricedFrames",
    "Reason",
    "count_between",
    "count_frames",
    "credit_counts",
    "credits_for",
    "frame_counts",
    "price_frames",
]
