"""Where does the ledger lie? A file, or a database that many machines share."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from mh_preflight.errors import InputError, LedgerError, PreflightError
from mh_preflight.units import one_line

__all__ = ["VARIABLE", "find_ledger", "is_address", "shown_place"]

VARIABLE = "MH_PREFLIGHT_LEDGER"

_SCHEMES = ("postgresql://", "postgres://")


def find_ledger(where: str | os.PathLike[str] | None = None) -> str | Path:
    """Find where the ledger lies: as given, else from the environment, else the user's own.

    Args:
        where: A path, or an address that begins with `postgresql://`.

    Raises:
        InputError: It is neither.
        LedgerError: The user has no folder for it, or it cannot be made.

    Example:
        >>> find_ledger("postgresql://db.example/costs")
        'postgresql://db.example/costs'
    """
    given = where if where is not None else os.environ.get(VARIABLE) or None
    field = "where" if where is not None else VARIABLE
    if given is None:
        return _own()
    try:
        text: object = os.fspath(given)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text or text.startswith(":memory:"):
        raise InputError(
            f"{field}: must be a path or a postgresql:// address: a ledger has to outlive its "
            "process",
            field=field,
        )
    if is_address(text):
        return text
    if "://" in text:
        raise InputError(
            f"{field}: {shown_place(text)!r} is no ledger's address: only postgresql:// is known",
            field=field,
        )
    return Path(text).expanduser()


def is_address(where: str | Path) -> bool:
    """Tell whether a place is a database that many machines share."""
    return isinstance(where, str) and where.lower().startswith(_SCHEMES)


def shown_place(where: str | Path) -> str:
    """Show a place without its password.

    Example:
        >>> shown_place("postgresql://ann:secret@db.example/costs?sslmode=require")
        'postgresql://ann@db.example/costs'
    """
    text = str(where)
    if "://" not in text:
        return one_line(text)
    try:
        parts = urlsplit(text)
        user = f"{parts.username}@" if parts.username else ""
        place = parts.netloc.rpartition("@")[2]
    except ValueError:
        return one_line(text.partition("://")[0] + "://...")
    return one_line(f"{parts.scheme}://{user}{place}{parts.path}")


def _own() -> Path:
    from mh_preflight.rates.installed import data_folder

    try:
        folder = data_folder().parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except PreflightError:
        raise LedgerError("there is no folder for a ledger: this user has no home") from None
    except OSError as error:
        raise LedgerError(
            f"there is no folder for a ledger: {error.strerror or error}; {VARIABLE} can name "
            "another place",
            code="unwritable",
        ) from None
    return folder / "ledger.sqlite"
