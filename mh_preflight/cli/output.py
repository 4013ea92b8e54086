"""Where does output go? Tables for a terminal, plain text for a pipe, colour only where wanted."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from mh_preflight.units import one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

__all__ = ["show", "working"]

WIDTH = 100  # of output that goes to a file or a pipe


def show(view: RenderableType) -> None:
    """Print something for people; rich keeps to `NO_COLOR` and to what the terminal can do."""
    stream = sys.stdout
    if stream.isatty():
        Console(file=stream, highlight=False).print(view)
        return
    plain = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    with plain.capture() as captured:
        plain.print(view)
    lines = (line.rstrip() for line in captured.get().splitlines())
    stream.write("\n".join(lines) + "\n")


def working(what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something takes time, while it does."""
    from rich.text import Text

    return Console(stderr=True).status(Text(one_line(what)))  # a file's name is no markup
