"""The commands, joined: what `mh-preflight --help` shows."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import typer

from mh_preflight.cli.batch import batch
from mh_preflight.cli.budget import build_budget
from mh_preflight.cli.calibrate import calibrate
from mh_preflight.cli.demo import demo
from mh_preflight.cli.estimate import estimate
from mh_preflight.cli.exits import STOPPED, UNEXPECTED, USAGE, print_error
from mh_preflight.cli.plans import plans
from mh_preflight.cli.probe import probe_files
from mh_preflight.cli.rates import rates
from mh_preflight.cli.reconcile import EPILOG as RECONCILE_EPILOG
from mh_preflight.cli.reconcile import reconcile
from mh_preflight.cli.schema import schema
from mh_preflight.cli.submit import EPILOG as SUBMIT_EPILOG
from mh_preflight.cli.submit import submit
from mh_preflight.cli.update import rates_update
from mh_preflight.errors import InputError, PreflightError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_app", "run"]

USAGE_ERROR: Any = typer.BadParameter.__base__  # click's own, which newer typer carries inside

INTERRUPTED = 130  # what newer typer makes of Ctrl-C

HELP = ["-h", "--help"]

EPILOG = (
    "Exit codes: 0 fine, 1 unexpected, or stopped with nothing sent, 2 wrong usage or job, 3 an "
    "error finding or unreadable media, 4 over your limit or budget, 5 no known rate, 6 sent, and "
    "its outcome is not known."
)


def build_app() -> typer.Typer:
    """Build the application."""
    app = typer.Typer(
        name="mh-preflight",
        help="Know what a Magic Hour job will cost, before anything is sent.",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": HELP},
    )
    app.callback()(_main)
    app.command("demo")(demo)
    app.command("probe")(probe_files)
    app.command("estimate")(estimate)
    app.command("batch")(batch)
    app.add_typer(build_budget(), name="budget")
    app.command("submit", epilog=SUBMIT_EPILOG)(submit)
    app.command("reconcile", epilog=RECONCILE_EPILOG)(reconcile)
    app.command("calibrate")(calibrate)
    app.command("plans")(plans)
    app.command("rates")(rates)
    app.command("rates-update")(rates_update)
    app.command("schema")(schema)
    return app


def _plain_flags(command: Any) -> None:
    """Show no type behind a flag, which takes none: newer typer writes `<bool>` there."""
    context = typer.Context(command, help_option_names=HELP)
    for option in (*command.params, command.get_help_option(context)):
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for one in getattr(command, "commands", {}).values():
        _plain_flags(one)


def _main(
    version: bool = typer.Option(  # noqa: FBT001  how typer declares a flag
        False,  # noqa: FBT003
        "--version",
        help="Show the version and exit.",
        is_eager=True,
        callback=lambda wanted: _show_version() if wanted else None,
    ),
) -> None:
    """Know what a Magic Hour job will cost, before anything is sent."""


def _show_version() -> None:
    from importlib.metadata import version

    typer.echo(f"mh-preflight {version('mh-preflight')}")
    raise typer.Exit


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911  one answer a way to end
    """Run the command line and give its exit code.

    Args:
        arguments: What stands behind the command's name.
    """
    as_json = "--json" in arguments
    command = typer.main.get_command(build_app())
    _plain_flags(command)
    try:
        code = command.main(list(arguments), prog_name="mh-preflight", standalone_mode=False)
    except PreflightError as error:
        return print_error(error, as_json=as_json)
    except USAGE_ERROR as error:
        if as_json:
            return print_error(InputError(error.format_message(), code="usage"), as_json=True)
        error.show()
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return _stopped(as_json=as_json)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, and there is no one to tell
        return UNEXPECTED
    except OSError as error:
        print(f"mh-preflight: the answer cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        return UNEXPECTED
    except Exception as error:  # noqa: BLE001  a fault of ours: shown whole, and as JSON too
        traceback.print_exc()
        if as_json:
            reason = f"unexpected {type(error).__name__}: {error}"
            print_error(PreflightError(reason, code="unexpected"), as_json=True)
        return UNEXPECTED
    if code == INTERRUPTED:
        return _stopped(as_json=as_json)
    return code if isinstance(code, int) else 0


def _stopped(*, as_json: bool) -> int:
    stopped = PreflightError("stopped", code=STOPPED)
    if as_json:
        print_error(stopped, as_json=True)
    print_error(stopped, as_json=False)
    return UNEXPECTED
