"""Where does output go? Tables for a terminal, plain text for a pipe, colour only where wanted."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from mh_preflight.units import one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

__all__ = ["show", "working"]

NARROWEST = 60  # a narrower terminal wraps the lines itself: no number is cut
WIDTH = 100  # of output that goes to a file or a pipe
WIDEST, STEP = 1_000, 20
_URL = re.compile(r"\w+://\S+")


def show(view: RenderableType) -> None:
    """Print something for people; rich keeps to `NO_COLOR` and to what the terminal can do."""
    stream = sys.stdout
    if stream.isatty():
        width = max(Console(file=stream).width, NARROWEST)
        Console(file=stream, highlight=False, width=width).print(view, crop=False)
        return
    stream.write(_plain(view))


def _plain(view: RenderableType) -> str:
    """Write a view in lines of the usual width, or of as much more as keeps its URLs whole."""
    text = _written(view, WIDTH)
    if "://" not in text:
        return text
    urls = set(_URL.findall(_written(view, WIDEST)))
    for width in range(WIDTH, WIDEST, STEP):
        text = _written(view, width)
        if all(url in text for url in urls):
            break
    return text


def _written(view: RenderableType, width: int) -> str:
    plain = Console(file=io.StringIO(), width=width, highlight=False)
    with plain.capture() as captured:
        plain.print(view, crop=False)
    lines = (line.rstrip() for line in captured.get().splitlines())
    return "\n".join(lines) + "\n"


def working(what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something takes time, while it does."""
    from rich.text import Text

    return Console(stderr=True).status(Text(one_line(what)))  # a file's name is no markup
