"""What is known of a job's files? Read, stated by the caller, or both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from mh_preflight.errors import InputError, MediaError, MissingExtraError
from mh_preflight.estimate import length_of
from mh_preflight.media import (
    Failure,
    Limits,
    Media,
    has_changed,
    is_remote,
    is_upload,
    probe,
    probe_youtube,
    shown_url,
)
from mh_preflight.savings import usable_end
from mh_preflight.units import Number, one, one_line, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mh_preflight.errors import PreflightError
    from mh_preflight.jobs import Job
    from mh_preflight.media import Isolation, ProbeCache

__all__ = [
    "Facts",
    "end_of_media",
    "given_media",
    "media_or_failure",
    "probe_assets",
    "probe_source",
    "raise_if_changed",
    "stated_media",
]

OF_THE_FILE = frozenset({"empty", "no-media", "nonsense", "truncated", "unreadable"})
"""Why a file that was fetched is no media: then the API cannot use it either."""


KINDS = {
    "video": "a video",
    "audio": "sound alone",
    "image": "a still picture",
    "animation": "an animation",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caller states of the files of a job; None where nothing is stated.

    Attributes:
        video_fps: Frames a second of the video, constant.
        video_duration_seconds: Length of the video.
        audio_duration_seconds: Length of the audio.
    """

    video_fps: Number | None = None
    video_duration_seconds: Number | None = None
    audio_duration_seconds: Number | None = None

    def of(self, kind: Literal["video", "audio"]) -> dict[str, Number]:
        """Give what is stated of the video or of the audio."""
        names = [field.name for field in fields(self) if field.name.startswith(kind)]
        stated = {name.removeprefix(f"{kind}_"): getattr(self, name) for name in names}
        return {name: value for name, value in stated.items() if value is not None}

    def settle(self, kind: Literal["video", "audio"]) -> bool:
        """Tell whether all is stated that a price needs of the video or of the audio."""
        return len(self.of(kind)) == (2 if kind == "video" else 1)


def given_media(job: Job, facts: Facts, *, local: bool = False) -> dict[str, Media]:
    """Give the files that need not be read, because all is stated that a price needs of them.

    Args:
        job: The job.
        facts: What is stated.
        local: Do not read files that are here either.
    """
    given = {}
    for kind, name, source in _stated(job, facts):
        here = not is_remote(source) and os.path.lexists(source)
        if facts.settle(kind) and (local or not here):
            given[name] = Media.given(kind, source=source)
    return given


def stated_media(job: Job, media: Mapping[str, Media], facts: Facts) -> dict[str, Media]:
    """Put what is stated in the place of what was read.

    Args:
        job: The job.
        media: What was read, by field of `assets`.
        facts: What is stated.

    Raises:
        InputError: A fact cannot be, or the job has no such file; `field` is the fact's name.
    """
    known = dict(media)
    for kind, name, source in _stated(job, facts):
        held = known.get(name)
        if held is None or held.error is not None:
            held = Media.given(kind, source=source)
        if getattr(held, kind) is None:
            continue  # what is not in the file cannot be told from outside: a finding will say so
        stated = facts.of(kind)
        try:
            known[name] = held.but_given(
                fps=stated.get("fps"), duration_seconds=stated.get("duration_seconds"), track=kind
            )
        except InputError as error:
            fact = f"{kind}_{error.field}"
            reason = error.message.removeprefix(f"{error.field}: ")
            raise InputError(f"{fact}: {reason}", field=fact) from None
    return known


def _stated(job: Job, facts: Facts) -> Iterator[tuple[Literal["video", "audio"], str, str]]:
    """Give kind, field and source of each file of which something is stated."""
    sources = job.sources()
    kinds: tuple[Literal["video", "audio"], ...] = ("video", "audio")
    for kind in kinds:
        if stated := facts.of(kind):
            name = next((name for name in sources if job.kind_of(name) == kind), None)
            if name is None:
                fact = f"{kind}_{next(iter(stated))}"
                raise InputError(f"{fact}: {job.endpoint} has no {kind}", field=fact)
            yield kind, name, sources[name]


def end_of_media(job: Job, media: Mapping[str, Media]) -> int:
    """Find the end of what the files hold for a job, in whole microseconds.

    Raises:
        InputError: It is not known, or lies before the start.
        MediaError: A file is of another kind than is trimmed.
    """
    _refuse_other_kind(job, media)
    start = job.window[0] if job.window else 0
    end = usable_end(job, media, start)
    if end is None or length_of(job, media, job.trimmed) is None:
        raise InputError(
            f"end_seconds: is needed, because the length of the {job.trimmed} is not known"
            f"{_why_unknown(job, media)}",
            field="end_seconds",
        )
    if end <= start:
        raise InputError(
            f"start_seconds: {time_text(start)} s lies after the end of the media, "
            f"{time_text(end)} s",
            field="start_seconds",
        )
    return end


def _why_unknown(job: Job, media: Mapping[str, Media]) -> str:
    """Say why the length of what is trimmed is not known, as far as that can be told."""
    for name, source in job.sources().items():
        if job.kind_of(name) == job.trimmed:
            held, shown = media.get(name), one_line(shown_url(source), 100)
            if held is None:
                return f": {shown!r} was not read"
            if held.error is not None:
                return f": {one_line(held.error.message)}"
    return ""


def _refuse_other_kind(job: Job, media: Mapping[str, Media]) -> None:
    for name, held in media.items():
        trimmed = job.kind_of(name) == job.trimmed
        if trimmed and held.kind is not None and getattr(held, job.trimmed or "") is None:
            shown = one_line(shown_url(held.source or ""), 100)
            raise MediaError(
                f"{shown!r} is {KINDS[held.kind]}: give {one(job.trimmed or '')} file",
                code="other-kind",
                field=f"assets.{name}",
                source=held.source,
            )


def probe_assets(  # noqa: PLR0913  what `probe` takes besides
    job: Job,
    given: Mapping[str, Media],
    *,
    offline: bool = False,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    cache: ProbeCache | None = None,
) -> dict[str, Media]:
    """Read the files of a job.

    Args:
        job: The job.
        given: Facts that are known already, by field of `assets`; these are not read again.
        offline: Read nothing but local files.
        isolation: As for `probe`.
        limits: As for `probe`.
        cache: As for `probe`.

    Returns:
        What is known, by field of `assets`. What lies elsewhere and could not be fetched has
        `error` set; what was uploaded, and with `offline` all that is not here, is left out.

    Raises:
        MediaError: A file cannot be read, or was changed since its facts were found; its `field`
            says which.
        InputError: A fact is given for a field that the job does not have.
    """
    sources = job.sources()
    if strange := set(given) - set(sources):
        name = min(strange)
        raise InputError(
            f"media: the job has no assets.{name}; it has {', '.join(sources)}", field="media"
        )
    known = {}
    for name, source in sources.items():
        if name in given:
            if not isinstance(given[name], Media):
                raise InputError(f"media: {name} must be Media, from probe or Media.given")
            raise_if_changed(name, given[name])
            known[name] = given[name]
        elif not (is_upload(source) or (offline and is_remote(source))):
            try:
                known[name] = probe_source(
                    name, source, isolation=isolation, limits=limits, cache=cache
                )
            except (MediaError, MissingExtraError) as error:
                error.field = error.field or f"assets.{name}"
                known[name] = media_or_failure(source, error)
    _look_for_references(job)
    return known


def _look_for_references(job: Job) -> None:
    """Raise where a file that a prompt can name is not there; nothing in it decides a price."""
    for place, path in job.reference_files.items():
        if not (is_remote(path) or is_upload(path) or os.path.isfile(path)):  # noqa: PTH113  as given
            raise MediaError(
                f"there is no file {path!r}",
                code="not-found",
                field=place,
                source=path,
            )


def probe_source(
    name: str,
    source: str,
    *,
    isolation: Isolation | None,
    limits: Limits | None,
    cache: ProbeCache | None,
) -> Media:
    """Read one file of a job, as `probe` does; what stands in `youtube_url` is asked of YouTube.

    Args:
        name: The field of `assets`.
        source: What stands in it.
        isolation: As for `probe`.
        limits: As for `probe`.
        cache: As for `probe`.
    """
    if name == "youtube_url":
        return probe_youtube(source, limits or Limits())
    return probe(source, isolation=isolation, limits=limits, cache=cache)


def media_or_failure(source: str, error: PreflightError) -> Media:
    """Raise an error again where the file is at fault; else say that it could not be fetched.

    Args:
        source: What was to be read.
        error: Why it was not.
    """
    if not is_remote(source) or error.code in OF_THE_FILE:
        raise error.with_traceback(None)
    return Media(source=source, error=Failure(code=error.code, message=error.message))


def raise_if_changed(name: str, media: Media) -> None:
    """Raise where a file is no longer the one that was read.

    Args:
        name: The field of `assets`.
        media: What was read.

    Raises:
        MediaError: It was changed or removed.
    """
    if has_changed(media):
        raise MediaError(
            f"{media.source!r} is not what it was when it was read: read it again",
            code="changed",
            field=f"assets.{name}",
            source=media.source,
        )
