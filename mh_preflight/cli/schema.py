"""mh-preflight schema: the JSON Schema of what goes in and comes out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from mh_preflight.cli.options import Json
from mh_preflight.errors import InputError
from mh_preflight.jobs import ENDPOINTS, model_of
from mh_preflight.media import Media
from mh_preflight.rates import file_schema
from mh_preflight.render.wire import ErrorBody, report_schema
from mh_preflight.units import meant, one_line

__all__ = ["schema"]

ANSWERS = ("estimate", "probe", "error")
FILES = ("rates", "plans", "override")


def _known() -> list[str]:
    return [*ANSWERS, *FILES, *ENDPOINTS]


def schema(
    of: Annotated[
        str,
        typer.Argument(
            help="estimate, probe or error (what comes out); an endpoint (its request body); "
            "rates, plans or override (a rate file).",
            autocompletion=_known,
        ),
    ] = "estimate",
    as_json: Json = False,  # the schema is JSON either way; every command takes the flag
) -> None:
    """Print the JSON Schema of an answer, a request body or a rate file.

    Example: mh-preflight schema lip-sync
    """
    del as_json
    if of == "estimate":
        found = report_schema()
    elif of == "probe":
        found = Media.model_json_schema(mode="serialization")
    elif of == "error":
        found = ErrorBody.model_json_schema(mode="serialization")
    elif of in FILES:
        found = file_schema(of)
    elif of in ENDPOINTS:
        found = model_of(of).model_json_schema()
    else:
        others = ", ".join((*ANSWERS, *FILES))
        raise InputError(
            f"there is no schema of {one_line(of, 60)!r}, only of {others} and of each endpoint: "
            f"{meant(of, _known())}",
            field="of",
        )
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
