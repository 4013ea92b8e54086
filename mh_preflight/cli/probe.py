"""mh-preflight probe: what is in these files?"""

from __future__ import annotations

from typing import Annotated

import typer

from mh_preflight.cli.exits import FINDING
from mh_preflight.cli.options import Json
from mh_preflight.cli.output import show, working
from mh_preflight.cli.reading import (
    OFFLINE,
    AllowHttp,
    AllowPrivate,
    Cached,
    IsolationName,
    Offline,
    Timeout,
    reading,
)
from mh_preflight.media import Failure, Media, is_remote, probe_many, shown_url
from mh_preflight.render.wire import media_line

__all__ = ["probe_files"]


def probe_files(  # noqa: PLR0913  one parameter an option
    files: Annotated[
        list[str],
        typer.Argument(
            help="Video, audio or image files: paths, https:// URLs, s3:// and other object "
            "stores, YouTube videos."
        ),
    ],
    isolation: IsolationName = None,
    allow_http: AllowHttp = False,
    allow_private: AllowPrivate = False,
    timeout: Timeout = 20.0,
    cached: Cached = False,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Show what files hold: duration, frame rate, frames, size, and what is not certain.

    Goes on after a file that cannot be read, and ends with 3 then.

    Example: mh-preflight probe clip.mov line.mp3 face.heic
    """
    how = reading(isolation, http=allow_http, private=allow_private, timeout=timeout, cached=cached)
    failed = False
    far = {name for name in files if offline and is_remote(name)}
    answers = probe_many([name for name in files if name not in far], **how.arguments)
    for name in files:
        with working(f"reading {name}"):
            media = _unread(name) if name in far else next(answers)
        failed = failed or media.error is not None
        if as_json:
            typer.echo(media_line(media))
        else:
            from mh_preflight.render.terminal import media_view

            show(media_view(media))
    if failed:
        raise typer.Exit(FINDING)


def _unread(source: str) -> Media:
    """Say that a source is not read, because it lies elsewhere."""
    where = f"{shown_url(source)!r} lies elsewhere"
    message = f"{where}, and only local files are read (--offline, or {OFFLINE})"
    return Media(source=source, error=Failure(code="offline", message=message))
