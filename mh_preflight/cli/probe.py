"""mh-preflight probe: what is in these files?"""

from __future__ import annotations

from typing import Annotated

import typer

from mh_preflight.cli.exits import FINDING
from mh_preflight.cli.options import Json
from mh_preflight.cli.output import show, working
from mh_preflight.cli.reading import (
    AllowHttp,
    AllowPrivate,
    Cached,
    IsolationName,
    Timeout,
    reading,
)
from mh_preflight.media import probe_many
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
    as_json: Json = False,
) -> None:
    """Show what files hold: duration, frame rate, frames, size, and what is not certain.

    Goes on after a file that cannot be read, and ends with 3 then.

    Example: mh-preflight probe clip.mov line.mp3 face.heic
    """
    how = reading(isolation, http=allow_http, private=allow_private, timeout=timeout, cached=cached)
    failed = False
    answers = probe_many(files, **how.arguments)
    for name in files:
        with working(f"reading {name}"):
            media = next(answers)
        failed = failed or media.error is not None
        if as_json:
            typer.echo(media_line(media))
        else:
            from mh_preflight.render.terminal import media_view

            show(media_view(media))
    if failed:
        raise typer.Exit(FINDING)
