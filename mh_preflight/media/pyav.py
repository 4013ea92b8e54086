"""What may PyAV read and decode, where do 17, 18 and 19 differ, and how do its errors read?"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import MediaError
from mh_preflight.media.origins import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

    from mh_preflight.media.limits import Budget
    from mh_preflight.media.origins import Content

_REPLACING = 19  # the first version of PyAV that reads any tag

__all__ = [
    "OPTIONS",
    "Codec",
    "can_decode",
    "fraction_or_none",
    "is_decoder",
    "limit_decoder",
    "open_container",
    "read_codec",
    "too_large",
]

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,apng,asf,av1,avi,caf,eac3,flac,flv,gif,h264,hevc,ivf,"
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,obu,ogg,wav,w64"
)
"""Formats that hold their own media; playlists, which open other files, are not here."""

DECODERS = (
    "aac,aac_latm,ac3,ac3_fixed,alac,amrnb,amrwb,ape,apng,av1,cfhd,cinepak,dca,"
    "dnxhd,dvvideo,eac3,ffv1,ffvhuff,flac,flashsv,flashsv2,flv,gif,gsm,gsm_ms,"
    "h263,h263i,h263p,h264,hap,hevc,huffyuv,jpeg2000,libaom-av1,libdav1d,libgsm,"
    "libgsm_ms,libopencore_amrnb,libopencore_amrwb,libopus,libspeex,libvorbis,libvpx-"
    "vp9,libvpx,magicyuv,mjpeg,mjpegb,mlp,mp1,mp1float,mp2,mp2float,mp3,mp3float,"
    "mpeg1video,mpeg2video,mpeg4,mpegvideo,msmpeg4,msmpeg4v1,msmpeg4v2,nellymoser,"
    "opus,png,prores,qdm2,qtrle,rawvideo,rpza,speex,svq1,svq3,theora,truehd,tscc,"
    "tta,utvideo,v210,vc1,vorbis,vp3,vp6,vp6a,vp6f,vp8,vp9,vvc,wavpack,"
    "wmalossless,wmapro,wmav1,wmav2,wmv1,wmv2,wmv3,zmbv"
)
"""Decoders that strangers' bytes are given to; the families of PCM and ADPCM besides."""

FAMILIES = ("pcm_", "adpcm_")

MOST_DECODED = {"max_pixels": str(16384 * 16384)}
"""The largest picture that a decoder makes room for."""

_DECODERS = frozenset(DECODERS.split(","))

OPTIONS = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "none",  # what it reads is handed to it: it opens nothing by itself
    "max_streams": "64",
    **MOST_DECODED,
    "threads": "1",  # so that the processor time of one thread is all that is used
}


def is_decoder(name: str) -> bool:
    """Tell whether a decoder may be given strangers' bytes.

    Args:
        name: FFmpeg's name for it.

    Example:
        >>> is_decoder("h264"), is_decoder("pcm_s16le"), is_decoder("ansi")
        (True, True, False)
    """
    return name in _DECODERS or name.startswith(FAMILIES)


def can_decode(stream: Any) -> bool:
    """Tell whether a track has a decoder that may be given strangers' bytes."""
    return stream.codec_context is not None and is_decoder(stream.codec_context.name)


def limit_decoder(stream: Any) -> None:
    """Bound what decoding a track may take, before its first packet is decoded."""
    stream.codec_context.thread_count = 1  # so that the thread's own clock counts it all
    stream.codec_context.options = MOST_DECODED


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
def open_container(
    content: Content, budget: Budget, kind: str | None = None, unread: range = range(0)
) -> Iterator[InputContainer]:
    """Open a content with PyAV, which may then read it and nothing else.

    Args:
        content: The source.
        budget: The processor time, after which the content seems to end.
        kind: The format, where its first bytes leave no doubt; saves asking every reader.
        unread: Places of which nothing is needed to open it.

    Raises:
        MediaError: FFmpeg does not know the format, or the file is damaged or cannot be read.
    """
    import av

    is_older = int(av.__version__.partition(".")[0]) < _REPLACING
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if is_older else {}
    stream = Stream(content, budget)
    stream.keep_out(unread)
    options = {**OPTIONS, "codec_whitelist": _decoders()}
    try:
        with av.open(
            stream,
            mode="r",
            format=kind,
            options=options,
            io_open=partial(_refuse, content.name),
            **lenient,
        ) as container:
            stream.opened()
            yield container
    except av.error.FFmpegError as error:
        if stream.failure is not None:
            raise stream.failure from None
        if isinstance(error, MemoryError):
            raise too_large(content.name) from error
        reason = (error.strerror or type(error).__name__).lower()
        raise MediaError(
            f"{content.name!r} cannot be read as video, audio or image ({reason})",
            code="unreadable",
            source=content.name,
        ) from error
    stream.raise_failure()


@cache
def _decoders() -> str:
    """Name all decoders that may be used, in FFmpeg's way."""
    import av

    return ",".join(sorted(name for name in av.codecs_available if is_decoder(name)))


def too_large(name: str) -> MediaError:
    """Give the error of a source that needs too much memory."""
    return MediaError(
        f"{name!r} needs more memory to read than is allowed", code="too-large", source=name
    )


def _refuse(name: str, *_: Any) -> Any:
    raise MediaError(f"{name!r} would open another file", code="unreadable", source=name)
