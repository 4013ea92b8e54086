"""mh-preflight rates-update: newer rates, fetched when asked for and never otherwise."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Annotated

import typer

from mh_preflight.cli.options import Json, rates_line, seconds_given
from mh_preflight.cli.output import working
from mh_preflight.cli.reading import OFFLINE
from mh_preflight.errors import InputError

__all__ = ["rates_update"]


def rates_update(  # noqa: PLR0913  one parameter an option
    place: Annotated[
        str | None,
        typer.Argument(
            help="A .zip of rate files: an https:// URL, or a file.",
            metavar="URL_OR_FILE",
            show_default=False,
        ),
    ] = None,
    back: Annotated[
        bool,
        typer.Option("--back", help="Use the rates before these again; at last the bundled ones."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Take rates older than those of the update in use too, though never older than "
            "the bundled ones, and such as lack an endpoint.",
        ),
    ] = False,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Fetch http:// URLs too.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", parser=seconds_given, help="Time for the whole fetch.", metavar="SECONDS"
        ),
    ] = 30.0,
    offline: Annotated[bool, typer.Option("--offline", envvar=OFFLINE, hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Fetch newer rates, check them whole, and use them from now on.

    Nothing is ever fetched but by this command. Example:

    mh-preflight rates-update https://example.com/rates-2026.12.1.zip
    """
    from mh_preflight.rates import bundled_rates
    from mh_preflight.rates.fetching import fetch_archive
    from mh_preflight.rates.installed import go_back, install_rates, sound_in_use

    if (place is None) != back:
        raise InputError("give a URL or a file, or --back", code="usage")
    if not 0 < timeout < math.inf:
        raise InputError("--timeout: must be a number above 0", field="timeout")
    if offline and place is not None and "://" in place:
        raise InputError(f"{OFFLINE} is set: nothing is fetched; give a file", code="offline")
    before = sound_in_use()
    if place is None:
        card = go_back()
    else:
        with working("fetching the rates"):
            archive = fetch_archive(place, allow_http=allow_http, seconds=timeout)
        card = install_rates(archive, _name(place), force=force)
    bundled, changed = card is bundled_rates(), card != before
    if as_json:
        names = sorted(card.endpoints)
        said = {"card_version": card.version, "endpoints": names}
        typer.echo(json.dumps({**said, "bundled": bundled, "changed": changed}))
        return
    line = rates_line(card, datetime.now(UTC).date())
    which = "the bundled rates" if bundled else "an earlier update" if back else "this update"
    new = "" if changed else "nothing is new; "
    typer.echo(f"{new}in use: {line}; {len(card.endpoints)} endpoints, of {which}")


def _name(place: str) -> str:
    """Name an archive by what stands last in its path; a query may be a key."""
    path = place.partition("?")[0].partition("#")[0] if "://" in place else place
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2][:100] or "archive"
