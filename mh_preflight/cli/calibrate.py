"""mh-preflight calibrate: was it right?"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mh_preflight.cli.exits import exit_code, print_error
from mh_preflight.cli.ledger import LedgerPlace, opened_ledger
from mh_preflight.cli.options import Json, RatesFile, chosen_rates
from mh_preflight.cli.output import show
from mh_preflight.errors import FindingsError
from mh_preflight.units import counted

if TYPE_CHECKING:
    from mh_preflight.calibrate import Calibration

__all__ = ["calibrate"]


def calibrate(  # noqa: PLR0913  one parameter an option
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Settled jobs: projects as the API gives them, webhooks' payloads, or requests "
            "with their projects; JSON, JSON Lines, or folders of them. Without any: those of the "
            "ledger. With --ledger: both.",
            show_default=False,
        ),
    ] = None,
    ledger: LedgerPlace = None,
    write: Annotated[
        Path | None,
        typer.Option(
            help="Write the implied rates that the rate card does not have as rates of your own; "
            "a folder, for several endpoints.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --write replace files.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="End with 3 where charges have moved, or are off their estimates."
        ),
    ] = False,
    rates: RatesFile = None,
    as_json: Json = False,
) -> None:
    """Compare what settled jobs were charged with what was estimated for them.

    Nothing is asked of the API, and no rate is changed. Examples:

    mh-preflight calibrate

    mh-preflight calibrate projects.jsonl
    """
    from mh_preflight.calibrate import calibrate_files, write_overrides
    from mh_preflight.render.calibration import calibration_json, calibration_view

    with nullcontext() if files and ledger is None else opened_ledger(ledger) as opened:
        found = calibrate_files(files or (), chosen_rates(rates), ledger=opened)
    written = None if write is None else write_overrides(found, write, force=force)
    error = _off(found) if strict else None
    if as_json:
        typer.echo(calibration_json(found, written, error))
    else:
        show(calibration_view(found, written))
        if error is not None:
            print_error(error, as_json=False)
    if error is not None:
        raise typer.Exit(exit_code(error))


def _off(found: Calibration) -> FindingsError | None:
    reasons = []
    if found.moved:
        reasons.append(f"the charges of {counted(len(found.moved), 'group')} have moved")
    if found.off:
        reasons.append(f"{counted(len(found.off), 'job')} off the estimate, or of no known rate")
    return FindingsError("; ".join(reasons)) if reasons else None
