"""The command `mh-preflight`; one file a command. Needs the extra `cli`."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        import rich  # noqa: F401  named here, so that what is missing can be told from a fault
        import typer  # noqa: F401
    except ImportError as error:
        from mh_preflight.cli.exits import fail_without_typer

        sys.exit(fail_without_typer(error.name or "typer", sys.argv[1:]))
    from mh_preflight.cli.app import run

    if sys.stdout is None:
        sys.exit("mh-preflight: there is nowhere to write the answer to")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # JSON is UTF-8 everywhere; text for people is what their terminal can show.
            encoding = "utf-8" if "--json" in sys.argv else None
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
