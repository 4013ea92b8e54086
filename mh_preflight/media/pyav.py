"""Where PyAV 17, 18 and 19 differ, and how its errors read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

_REPLACING = 19  # the first version of PyAV that reads any tag

__all__ = ["Codec", "fraction_or_none", "open_container", "read_codec"]

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,apng,asf,av1,avi,caf,eac3,flac,flv,gif,h264,hevc,ivf,"
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,obu,ogg,wav,w64"
)
"""Formats that hold their own media; playlists, which open other files, are not here."""


def fraction_or_none(value: Any) -> Fraction | None:
    """Take a rate or time base from PyAV, whose unset value is None, or 0/1 from PyAV 19 on."""
    if value is None or value.denominator == 0 or value.numerator <= 0:
        return None
    return Fraction(value.numerator, value.denominator)


@dataclass(frozen=True, slots=True)
class Codec:
    """What a track's codec says, read before anything is decoded.

    PyAV 19 forgets the codec where decoding fails, and asking it for the name then ends the
    interpreter.
    """

    name: str
    width: int
    height: int
    sample_rate: int
    channels: int


def read_codec(stream: Any) -> Codec | None:
    """Read the codec of a video or audio track; None without a track, or where it has none."""
    context = stream.codec_context if stream is not None else None
    if context is None:
        return None
    if stream.type == "video":
        return Codec(context.name, context.width, context.height, 0, 0)
    return Codec(context.name, 0, 0, context.sample_rate, context.channels)


@contextmanager
def open_container(path: str, kind: str | None = None) -> Iterator[InputContainer]:
    """Open a local file with PyAV, which may then read that file and nothing else.

    Args:
        path: A local file.
        kind: The format, where its first bytes leave no doubt; saves asking every reader.

    Raises:
        MediaError: FFmpeg does not know the format, or the file is damaged.
    """
    import av

    is_older = int(av.__version__.partition(".")[0]) < _REPLACING
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if is_older else {}
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        with av.open(f"file:{path}", format=kind, options=options, **lenient) as container:
            yield container
    except av.error.FFmpegError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise MediaError(
            f"{path!r} cannot be read as video, audio or image ({reason})",
            code="unreadable",
            source=path,
        ) from error
