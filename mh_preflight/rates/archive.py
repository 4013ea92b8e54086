"""Is this an archive of rates? Flat, small, of TOML files only, and each of them sound."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mh_preflight.errors import RateFileError
from mh_preflight.rates.card import RateCard
from mh_preflight.rates.folder import OTHERS, folder_rates
from mh_preflight.rates.loading import MOST_BYTES
from mh_preflight.rates.soundness import check_file
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_folder", "files_in"]

MOST_FILES = 200
MOST_TOGETHER = 8_000_000
"""Bytes of all files together, unpacked."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\.toml")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
)


def files_in(archive: bytes, name: str) -> Mapping[str, bytes]:
    """Unpack an archive in memory.

    Args:
        archive: A zip file.
        name: What messages call it.

    Raises:
        RateFileError: It is damaged, too large, or has anything in it but files of rates.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            members = packed.infolist()
            _check_members(members, name)
            return {member.filename: _unpacked(packed, member, name) for member in members}
    except RateFileError:
        raise
    except _BROKEN as error:
        reason = one_line(str(error) or type(error).__name__, 160)
        raise _bad(name, f"is no zip file that can be read: {reason}") from None


def _check_members(members: list[zipfile.ZipInfo], name: str) -> None:
    if not 0 < len(members) <= MOST_FILES:
        raise _bad(name, f"holds {len(members):,} files, and may hold 1 to {MOST_FILES}")
    seen: set[str] = set()
    for member in members:
        shown = one_line(member.orig_filename, 80)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not _NAME.fullmatch(member.filename) or member.orig_filename != member.filename:
            raise _bad(name, f"holds {shown!r}, which is no name of a rate file")
        if kind not in {0, stat.S_IFREG} or member.flag_bits & _ENCRYPTED:
            raise _bad(name, f"holds {shown!r}, which is no plain file")
        if member.filename in seen:
            raise _bad(name, f"holds {shown!r} twice")
        if member.compress_type not in _METHODS:
            raise _bad(name, f"holds {shown!r}, packed in an uncommon way")
        if member.file_size > MOST_BYTES:
            raise _bad(name, f"holds {shown!r} of more than {MOST_BYTES:,} bytes")
        seen.add(member.filename)
    if sum(member.file_size for member in members) > MOST_TOGETHER:
        raise _bad(name, f"unpacks to more than {MOST_TOGETHER:,} bytes")


def _unpacked(packed: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    with packed.open(member) as file:
        data = file.read(MOST_BYTES + 1)  # and the checksum, as it is read to its end
    if len(data) != member.file_size:
        raise _bad(name, f"holds {member.filename!r} of another size than it says")
    return data


def check_folder(folder: Path, name: str) -> RateCard:
    """Read all rates of a folder, and look at every one as closely as tests do at the bundled ones.

    Args:
        folder: Files of rates.
        name: What messages call it.

    Raises:
        RateFileError: One of them is not sound; the message names it.
    """
    try:
        card = folder_rates(folder)
        for file in (*card.endpoints.values(), card.plans):
            for source, said in file.sources.items():
                if said.rank == "own":
                    raise _bad(name, f"source {source!r} is one's own, which rates of all are not")
        for endpoint, file in card.endpoints.items():
            check_file(file, folder / f"{endpoint}.toml")
    except RateFileError as error:
        message = error.message.replace(f"{folder}/", "").replace(f"{folder}\\", "")
        message = message.removeprefix(f"{name!r} ")
        hint = ""
        if "is no key of a rate file" in message:
            hint = "; these rates may need a newer mh-preflight"
        raise RateFileError(
            f"{name!r} is refused: {message}{hint}", field=error.field, source=name
        ) from None
    if not card.endpoints:
        raise _bad(name, f"holds no endpoint, only {', '.join(sorted(OTHERS))}")
    return card


def _bad(name: str, reason: str) -> RateFileError:
    return RateFileError(f"{name!r} {reason}", source=name)
