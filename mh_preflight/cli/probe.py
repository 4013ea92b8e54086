"""mh-preflight probe: what is in these files?"""

from __future__ import annotations

from typing import Annotated

import typer

from mh_preflight.cli.exits import FINDING
from mh_preflight.cli.options import Json
from mh_preflight.cli.output import show
from mh_preflight.errors import MediaError
from mh_preflight.media import Failure, Media, probe
from mh_preflight.render.wire import media_line

__all__ = ["probe_files"]


def probe_files(
    files: Annotated[list[str], typer.Argument(help="Video, audio or image files.")],
    as_json: Json = False,
) -> None:
    """Show what files hold: duration, frame rate, frames, size, and what is not certain.

    Goes on after a file that cannot be read, and ends with 3 then.

    Example: mh-preflight probe clip.mov line.mp3 face.heic
    """
    failed = False
    for name in files:
        media = _probed(name)
        failed = failed or media.error is not None
        if as_json:
            typer.echo(media_line(media))
        else:
            from mh_preflight.render.terminal import media_view

            show(media_view(media))
    if failed:
        raise typer.Exit(FINDING)


def _probed(name: str) -> Media:
    try:
        return probe(name)
    except MediaError as error:
        return Media(source=name, error=Failure(code=error.code, message=error.message))
