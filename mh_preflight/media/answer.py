"""What was found, as bytes: for the process that asked, or for a cache. Never pickles."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from mh_preflight.errors import MediaError
from mh_preflight.media.facts import Failure, Media

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LENGTHS", "Answer", "pack_answer", "unpack_answer"]

LENGTHS = struct.Struct(">II")
"""How long the JSON is, and the times of the frames behind it."""


class Answer(BaseModel):
    """What was found: the facts, or why there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    media: Media | None = None
    cover_art: bool = False
    error: Failure | None = None


def pack_answer(media: Media | None, error: Failure | None = None) -> bytes:
    """Write an answer: lengths, the JSON, and the times of the frames where they matter."""
    answer = Answer(media=media, cover_art=bool(media and media.cover_art), error=error)
    body = answer.model_dump_json().encode()
    times = media.video.frame_times if media and media.video else None
    raw = b"" if times is None else np.asarray(times, dtype="<i8").tobytes()
    return LENGTHS.pack(len(body), len(raw)) + body + raw


def unpack_answer(message: bytes) -> Answer:
    """Read an answer.

    Args:
        message: What `pack_answer` wrote, or something that pretends to be that.

    Raises:
        MediaError: It makes no sense.
    """
    try:
        body, raw = LENGTHS.unpack_from(message)
        whole = len(message) == LENGTHS.size + body + raw
        text = message[LENGTHS.size : LENGTHS.size + body] if whole else b""
        answer = Answer.model_validate_json(text)
        media = answer.media
        if media is None:
            return answer
        changes: dict[str, object] = {
            "cover_art": answer.cover_art,
            "identity": None,
            "error": None,
        }
        if media.video is not None:
            times = None  # in most answers there are none
            if raw:
                every = np.frombuffer(message, dtype="<i8", offset=LENGTHS.size + body)
                times = _sorted_or_none(every.astype(np.int64), media.video.frames)
            changes["video"] = media.video.model_copy(update={"frame_times": times})
    except (ValueError, struct.error) as error:
        raise MediaError("the reader's answer makes no sense", code="crashed") from error
    return answer.model_copy(update={"media": media.model_copy(update=changes)})


def _sorted_or_none(
    times: npt.NDArray[np.int64], frames: int | None
) -> npt.NDArray[np.int64] | None:
    """Give the times, or None where there are none or they cannot be those of the frames."""
    if not len(times) or len(times) != frames or int(times[0]) < 0 or (np.diff(times) < 0).any():
        return None
    return times
