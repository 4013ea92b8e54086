"""Which rates lie in a folder? Its files, each read when it is first asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path

from mh_preflight.errors import RateFileError
from mh_preflight.rates.card import RateCard
from mh_preflight.rates.files import EndpointFile, PlansFile
from mh_preflight.rates.loading import read_file, read_toml

__all__ = ["DATA", "OTHERS", "bundled_rates", "folder_rates", "version_in", "version_key"]

DATA = Path(__file__).parent / "data"
VERSION = re.compile(r"20[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,3})?")

OTHERS = frozenset({"card", "plans"})
"""Files of the data that are no endpoint's."""


@cache
def bundled_rates() -> RateCard:
    """Give the rates that come with the package; a file of them is read when it is first needed.

    Raises:
        RateFileError: The installation is damaged.
    """
    return folder_rates(DATA)


def folder_rates(folder: Path) -> RateCard:
    """Give the rates of a folder of rate files; one of them is read when it is first needed.

    Args:
        folder: Files of endpoints, `plans.toml` and `card.toml`.

    Raises:
        RateFileError: The version or the plans cannot be read.
    """
    version = version_in(folder / "card.toml")
    plans = read_file(folder / "plans.toml", check=False)
    if not isinstance(plans, PlansFile):
        path = folder / "plans.toml"
        raise RateFileError(f"{path}: is not of the plans", source=str(path))
    return RateCard(version, FolderFiles(folder), plans)


def version_in(path: Path) -> str:
    """Read the version of rates.

    Raises:
        RateFileError: There is none, such as `2026.11.21`.
    """
    table = read_toml(path)
    version = table.get("version")
    if not _is_version(version) or table.keys() != {"version"}:
        raise RateFileError(
            f'{path}: version: must be such as "2026.11.21", and nothing else stands here',
            field="version",
            source=str(path),
        )
    return str(version)


def _is_version(version: object) -> bool:
    if not isinstance(version, str) or VERSION.fullmatch(version) is None:
        return False
    year, month, day, *_ = version_key(version)
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def version_key(version: str) -> tuple[int, ...]:
    """Give what versions of rates are ordered by.

    Example:
        >>> version_key("2026.11.21+mine.toml") < version_key("2026.12.1")
        True
    """
    return tuple(int(part) for part in version.partition("+")[0].split("."))


class FolderFiles(Mapping[str, EndpointFile]):
    """The endpoints' files of a folder, each read when it is first asked for.

    Threads may share it: at worst, two of them read the same file.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = {
            path.stem: path for path in sorted(folder.glob("*.toml")) if path.stem not in OTHERS
        }
        self._files: dict[str, EndpointFile] = {}

    def __getitem__(self, name: str) -> EndpointFile:
        return self._file(name, ())

    def _file(self, name: str, before: tuple[str, ...]) -> EndpointFile:
        """Give a file, which those before it are like."""
        if name not in self._files:
            path, within = self._paths[name], (*before, name)

            def base(other: str) -> EndpointFile:
                if other not in self._paths or other in within:
                    raise RateFileError(
                        f"{path}: like: {other!r} is no other endpoint", source=str(path)
                    )
                return self._file(other, within)

            file = read_file(path, base, check=False)
            if not isinstance(file, EndpointFile) or file.endpoint != name:
                raise RateFileError(f"{path}: is not of {name}", source=str(path))
            self._files[name] = file
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
