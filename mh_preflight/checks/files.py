"""Will the files be taken? Their names, what is in them, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mh_preflight.checks.finding import Finding
from mh_preflight.media import ending_of, is_remote, shown_url

if TYPE_CHECKING:
    from mh_preflight.jobs import AssetKind, Job
    from mh_preflight.media import Media
    from mh_preflight.settings import Settings

__all__ = ["find_file_problems", "find_name_problems"]

_FAMILIES = (
    {"mp4", "m4v", "mov", "m4a", "3gp", "3g2", "qt"},
    {"webm", "weba", "mkv", "mka"},
    {"ogg", "oga", "opus", "ogv"},
    {"jpg", "jpeg", "jfif"},
    {"tif", "tiff"},
    {"heic", "heif", "hif"},
    {"png", "apng"},
    {"mp3", "mpeg"},
    {"jp2", "j2k", "jpx", "jpf", "jpeg2000"},
    {"aif", "aiff", "aifc"},
    {"avif", "avifs"},
)
"""File endings that go by one name."""


def find_file_problems(
    job: Job, media: Mapping[str, Media], settings: Settings
) -> Iterator[Finding]:
    """Look at each file: its name, what is in it, how large it is."""
    for name, path in job.sources().items():
        field, kind = f"assets.{name}", job.kind_of(name)
        known = media.get(name)
        ending = ending_of(path)
        yield from find_name_problems(path, name, kind, settings)
        if known is None or known.error is not None:
            yield Finding("not-probed", "warning", field, _not_probed(path, kind, known))
            continue
        yield from _track(known, kind, field)
        yield from _upload(known, settings, field)
        yield from _pixels(known, settings, field)
        if ending and known.container and not _same_family(ending, known.container):
            message = f"the file is {known.container.split(',')[0]} inside: name it so"
            yield Finding("extension-mismatch", "warning", field, message)


def _not_probed(path: str, kind: AssetKind, media: Media | None) -> str:
    why = (
        f"{shown_url(path)!r} was not looked at"
        if not media or not media.error
        else media.error.message
    )
    if kind == "image":
        return why
    return (
        f"{why}; state what you know of it (--video-fps, --video-duration, --audio-duration; "
        "in code, media=)"
    )


def _track(media: Media, kind: AssetKind, field: str) -> Iterator[Finding]:
    held = f"{shown_url(media.source)!r} holds {media.kind or 'nothing'} only"
    if kind == "video" and media.video is None:
        yield Finding("no-video-track", "error", field, f"{held}: give a video file")
    if kind == "audio" and media.audio is None:
        yield Finding("no-audio-track", "error", field, f"{held}, no sound: give an audio file")
    if kind == "image" and media.kind != "image":
        yield Finding("not-an-image", "error", field, f"{held}: give a still picture")
    if media.cover_art:
        message = "its cover picture is not video and does not count"
        yield Finding("cover-art-ignored", "info", field, message)
    if kind == "video" and media.video and media.video.rotation:
        turned = media.video
        message = (
            f"stored as {turned.coded_width} x {turned.coded_height}, shown turned by "
            f"{turned.rotation} degrees as {turned.width} x {turned.height}"
        )
        yield Finding("rotated", "info", field, message)


def _pixels(media: Media, settings: Settings, field: str) -> Iterator[Finding]:
    cap = settings.on_day.one("max_input_edges", mode=settings.mode, model=settings.model)
    if cap is None or media.image is None or media.image.width is None:
        return
    longest = max(media.image.width, media.image.height or 0)
    if longest > cap.value:
        message = f"the picture's longer side has {longest} px, {cap.value} are taken: shrink it"
        yield Finding("image-too-large", "error", field, message)


def _upload(media: Media, settings: Settings, field: str) -> Iterator[Finding]:
    if settings.upload is None or media.size_bytes is None:
        return
    decimal, binary = settings.upload
    plan = f"the {settings.plan} plan" if settings.plan else "any plan"
    limit = f"{plan} may upload {decimal / 1e6:,.0f} MB, the file has"
    message = f"{limit} {media.size_bytes / 1e6:,.1f} MB: make it smaller"
    if media.size_bytes > binary and not is_remote(media.source or ""):  # what is not uploaded
        yield Finding("file-too-large", "error", field, message)
    elif media.size_bytes > decimal:
        yield Finding("file-too-large", "warning", field, f"{message}, or it may be refused")


def find_name_problems(path: str, name: str, kind: AssetKind, settings: Settings) -> list[Finding]:
    """Find what the API will say of a file's or URL's name.

    Args:
        path: The file or URL.
        name: Its field of `assets`.
        kind: What it has to be.
        settings: What will run.
    """
    field, ending = f"assets.{name}", ending_of(path)
    taken = settings.extensions.get(kind)
    if name == "youtube_url":
        return []
    if not ending and is_remote(path):
        message = f"the path of {shown_url(path)!r} has no file ending, which the API asks of URLs"
        return [Finding("url-without-extension", "warning", field, message)]
    if taken and ending not in taken:
        what = f"the ending .{ending}" if ending else "a name without ending"
        message = f"{what} is not taken for {kind}: convert it to one of {', '.join(taken)}"
        return [Finding("extension-unsupported", "error", field, message)]
    return []


def _same_family(ending: str, container: str) -> bool:
    names = {name.lower() for name in container.replace("_pipe", "").split(",")}
    family = next((family for family in _FAMILIES if ending in family), {ending})
    return bool(family & names)
