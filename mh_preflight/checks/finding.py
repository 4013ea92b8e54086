"""What can be found? The codes, and what one finding says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from mh_preflight.rates import Dated

__all__ = ["CODES", "Finding", "Severity", "severity_by"]

Severity: TypeAlias = Literal["error", "warning", "info"]

CODES: Mapping[str, str] = {
    "no-video-track": "the video file holds no video",
    "no-audio-track": "the audio file holds no sound",
    "not-an-image": "the image file is no still picture",
    "extension-unsupported": "the API does not take files with this ending",
    "duration-not-offered": "the model does not make an output of this length",
    "resolution-not-offered": "the model does not make an output of this size",
    "count-not-offered": "the model does not make this number of images",
    "text-too-long": "the text has more characters than are taken",
    "too-many-references": "more files are given than are taken",
    "image-too-large": "the picture has more pixels than are taken",
    "model-needs-paid-plan": "the plan may not ask for this model",
    "window-too-short": "the window is shorter than the API allows",
    "window-too-long": "the window is longer than the API allows",
    "file-too-large": "the file is larger than the plan may upload",
    "mode-needs-paid-plan": "the plan may not ask for this mode",
    "resolution-needs-paid-plan": "the plan may not ask for this size",
    "window-past-end": "the window passes the end of the video",
    "audio-shorter-than-window": "the audio ends before the window does",
    "fps-above-30": "the job settles above what is taken when it is queued",
    "variable-frame-rate": "the video's frames are not evenly spaced",
    "extension-mismatch": "the file is not what its ending says",
    "url-without-extension": "the URL's path does not end in a file ending",
    "rate-conflict": "the sources of the rate contradict each other",
    "rate-inferred": "the rate is concluded, not stated",
    "rate-old": "the rates were last checked long ago",
    "own-rate-older": "a rate of the user's own hides a bundled one that began after it",
    "not-probed": "the file was not looked at",
    "text-empty": "there is no text, which costs nothing by the rate",
    "mode-not-at-date": "the mode did not exist on that day",
    "model-not-at-date": "no model could be asked for on that day",
    "frame-cap": "the job has more frames than the vendor's stated cap",
    "audio-longer-than-window": "the audio goes on after the window",
    "max-fps-limit-no-effect": "the limit is not below the video's own rate",
    "reference-not-offered": "the model takes no references of this kind",
    "end-frame-not-offered": "the model takes no last picture here",
    "audio-not-offered": "the model makes no sound",
    "model-deprecated": "the model's name is an older one, or no longer listed",
    "mode-deprecated": "the mode's name is an older one",
    "field-ignored": "a field of the request does not count",
    "resized": "the output is smaller than the source",
    "rotated": "the video is shown turned",
    "cover-art-ignored": "the file carries a cover picture, which is not video",
    "window-under-one-frame": "the window is shorter than one frame",
    "own-rate": "a file of the user's own decided the rate",
    "plan-not-given": "rules and prices that depend on the plan are left open",
}
"""Every code, and in a few words what it means."""


def severity_by(rule: Dated, *, chosen_here: bool = False) -> Severity:
    """Tell how severe it is to break a rule: what is only concluded must not block valid work.

    Args:
        rule: The entry of the rate card.
        chosen_here: Whether what the rule is about was not asked for, but concluded.
    """
    return "warning" if rule.inferred or chosen_here else "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found about a job.

    Attributes:
        code: A stable word, one of `CODES`.
        severity: `error`: the API will refuse it; `warning`: it may cost or give something else
            than expected; `info`: good to know.
        field: The field of the request, dotted, or None.
        message: One line that says what to do.
    """

    code: str
    severity: Severity
    field: str | None
    message: str
