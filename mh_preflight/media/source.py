"""Read a source, or many: the one way in."""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mh_preflight.errors import InputError, IsolationError, PreflightError
from mh_preflight.media.facts import Failure, Media
from mh_preflight.media.isolation import can_isolate, processors, shared_pool
from mh_preflight.media.limits import UNFINISHED, Limits, processor_seconds
from mh_preflight.media.origins import Source, identity_of, open_content, scheme_of
from mh_preflight.media.sense import sensible
from mh_preflight.units import positive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mh_preflight.media.cache import ProbeCache
    from mh_preflight.media.origins import Content

__all__ = ["Isolation", "has_changed", "probe", "probe_many"]

Isolation: TypeAlias = Literal["process", "none"]

ISOLATIONS = ("process", "none")
AHEAD = 4  # sources in work for each worker, so that none waits for the order of the answers


def probe(
    source: Source,
    *,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    cache: ProbeCache | None = None,
) -> Media:
    """Read what a source holds: size, duration, frame rate, frames.

    Goes from cheap to dear (header, sample index, packets, decoding) and stops as soon as the
    facts are certain; `Media.uncertain` names those that are not, and why.

    Args:
        source: Path of a video, audio or image file; an `https://` URL, which is read by ranges;
            the URL of an object store, through fsspec; a YouTube video's, whose page is asked
            through yt-dlp; the bytes themselves; or an open binary file.
        isolation: `process` reads in a warm worker that can open nothing and is ended when it
            exceeds its limits; `none` reads in this process, for files that are trusted. By
            default `process` where the system can limit one (Linux), else `none`.
        limits: What it may cost, and where it may reach.
        cache: What was found before; a source that has not changed is not read again.

    Raises:
        MediaError: The source is missing, empty, no media, damaged beyond reading, would cost
            more than the limits allow, or cannot be fetched.
        IsolationError: `process`, but this system cannot limit one.
        MissingExtraError: What reads this kind of source is not installed.
        InputError: The source is none of these.

    Example:
        >>> media = probe("clip.mp4")
        >>> media.video.fps, media.video.frames
        (Fraction(60, 1), 360)
    """
    within = limits or Limits()
    isolated = _isolated(isolation)
    if isinstance(source, str) and scheme_of(source) in {"http", "https"}:
        from mh_preflight.media.youtube import is_youtube, probe_youtube

        if is_youtube(source):
            return probe_youtube(source, within)
    with ExitStack() as stack:
        worker = None
        if isolated and isinstance(source, str) and scheme_of(source):
            # First of all, so that the time for the source is not spent on waiting for it.
            worker = stack.enter_context(shared_pool().worker())
        content = open_content(source, within)
        stack.callback(content.close)
        media = _known(content, cache)
        if media is None:
            if worker is not None:
                media = worker.read(content, within)
            elif isolated:
                media = shared_pool().read(content, within)
            else:
                from mh_preflight.media.reading import read_content  # only who reads needs it

                media = read_content(content, processor_seconds(within, content))
            content.check()
            _keep(content, media, cache)
        facts = {
            "source": _named(source, content),
            "size_bytes": content.size,
            "identity": content.identity,
        }
        return sensible(media.model_copy(update=facts))


def probe_many(
    sources: Iterable[Source],
    *,
    isolation: Isolation | None = None,
    limits: Limits | None = None,
    cache: ProbeCache | None = None,
    workers: int | None = None,
) -> Iterator[Media]:
    """Read many sources side by side, and give what they hold in the order of the sources.

    Args:
        sources: As for `probe`; taken a few at a time.
        isolation: As for `probe`.
        limits: As for `probe`, for each source.
        cache: As for `probe`.
        workers: How many are read at once; by default as many as there are processors.

    Yields:
        The facts of each source; one that cannot be read has `error` set and no facts.

    Raises:
        IsolationError: `process`, but this system cannot limit one.
        InputError: An argument cannot be used.

    Example:
        >>> [media.kind for media in probe_many(["clip.mp4", "voice.wav"])]
        ['video', 'audio']
    """
    isolated = _isolated(isolation)
    count = positive(processors() if workers is None else workers, field="workers")
    if not isolated:
        count = 1  # PyAV and Pillow hold the interpreter most of the time
    return _in_order(sources, count, isolation, limits, cache)


def has_changed(media: Media) -> bool:
    """Tell whether a file is no longer the one that was read, by its size and time of change.

    Args:
        media: What `probe` gave for a path; of other sources nothing is told here.

    Example:
        >>> has_changed(probe("clip.mp4"))
        False
    """
    if media.identity is None or scheme_of(media.source):
        return False
    try:
        return identity_of(os.stat(media.source)) != media.identity  # noqa: PTH116  any bytes
    except (OSError, ValueError):
        return True


def _isolated(isolation: Isolation | None) -> bool:
    if isolation is None:
        return can_isolate()
    if isolation not in ISOLATIONS:
        raise InputError(
            f"isolation: {isolation!r} is none of {', '.join(ISOLATIONS)}", field="isolation"
        )
    if isolation == "process" and not can_isolate():
        raise IsolationError(
            "this system cannot limit the memory of a process (only Linux can), so that files "
            "can be read with isolation='none' only",
            field="isolation",
        )
    return isolation == "process"


def _named(source: Source, content: Content) -> str:
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else content.name


def _known(content: Content, cache: ProbeCache | None) -> Media | None:
    if cache is None or content.identity is None:
        return None
    return cache.get(content.identity)


def _keep(content: Content, media: Media, cache: ProbeCache | None) -> None:
    if cache is None or content.identity is None or not content.settled:
        return
    if UNFINISHED not in media.uncertain.values():
        cache.put(content.identity, media)


def _in_order(
    sources: Iterable[Source],
    workers: int,
    isolation: Isolation | None,
    limits: Limits | None,
    cache: ProbeCache | None,
) -> Iterator[Media]:
    def one(source: Source) -> Media:
        try:
            return probe(source, isolation=isolation, limits=limits, cache=cache)
        except PreflightError as error:
            name = source if isinstance(source, str) else error.source or str(source)
            return Media(source=name, error=Failure(code=error.code, message=error.message))

    if workers == 1:
        yield from map(one, sources)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[Any] = deque()
    with ThreadPoolExecutor(workers, "mh-preflight") as threads:
        try:
            for source in sources:
                waiting.append(threads.submit(one, source))
                if len(waiting) >= workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
