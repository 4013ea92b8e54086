"""How large does it come out? The source, fitted into the longest edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mh_preflight.estimate.assets import media_of
from mh_preflight.units import ceil_div

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mh_preflight.jobs import Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = ["output_size"]


def output_size(job: Job, media: Mapping[str, Media], settings: Settings) -> tuple[int, int] | None:
    """Fit the source into the longest edge: never enlarged, its shorter side made even.

    720 x 1296 came out as 570 x 1024 (lip sync) and 568 x 1024 (face swap) in real jobs of
    2026-09-11.

    Args:
        job: The job.
        media: What is known of its files.
        settings: What runs.

    Returns:
        Width and height; None where they are not known, or the source does not decide them.
    """
    resize = settings.on_day.one("resize")
    found = media_of(job, media, "video") if job.trimmed == "video" else None
    if resize is None or resize.shorter_side is None or found is None or found.video is None:
        return None
    width, height = found.video.width, found.video.height
    if width is None or height is None:
        return None
    up = resize.shorter_side == "even-up"
    fitted = {_fit(width, height, edge, up=up) for edge in settings.edges}
    return fitted.pop() if len(fitted) == 1 else None


def _fit(width: int, height: int, edge: int | None, *, up: bool) -> tuple[int, int] | None:
    if edge is None:
        return None
    longer, shorter = max(width, height), min(width, height)
    if longer <= edge:
        return width, height
    short = ceil_div(shorter * edge, 2 * longer) if up else shorter * edge // (2 * longer)
    short = max(1, min(2 * short, shorter, edge))
    return (edge, short) if width >= height else (short, edge)
