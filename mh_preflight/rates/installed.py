"""Which rates are newer than the bundled ones? An update's, kept in the user's data folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
import warnings
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mh_preflight.errors import InputError, RateFileError
from mh_preflight.rates.card import RateCard
from mh_preflight.rates.folder import bundled_rates, folder_rates, version_key
from mh_preflight.rates.loading import MOST_BYTES, read_small

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "data_folder",
    "go_back",
    "install_rates",
    "installed_rates",
    "sound_in_use",
    "update_in_use",
]

CURRENT = "current"  # the installed updates, the one in use last, one a line
LOCK = "lock"  # held while that is changed
WAIT_SECONDS = 30.0
SUMS = "sums"  # the SHA-256 of each file, so that damage is seen
_FOLDER = re.compile(r"20[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,3})?(_[0-9]{1,4})?")


def data_folder() -> Path:
    """Give the folder in which this user's programs keep what they need again.

    Raises:
        RateFileError: There is no home.
    """
    try:
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError:
        raise RateFileError("there is no folder for rates: this user has no home") from None
    return Path(base) / "mh-preflight" / "rates"


def installed_rates() -> RateCard:
    """Give the rates of the installed update where they are newer than the bundled ones.

    Nothing is fetched: `mh-preflight rates-update` does that. Where the update is damaged there is
    a warning, and the bundled rates.

    Example:
        >>> installed_rates().endpoints["lip-sync"].title
        'Lip Sync'
    """
    try:
        return update_in_use() or bundled_rates()
    except RateFileError as error:
        warnings.warn(f"{error.message}: the bundled rates count", RuntimeWarning, stacklevel=2)
        return bundled_rates()


def update_in_use() -> RateCard | None:
    """Give the rates of the installed update; None without one that is newer than the bundled.

    Raises:
        RateFileError: It is damaged.
    """
    try:
        place = data_folder()
    except RateFileError:
        return None  # no home, and so no update
    names = _names(place)
    if not names:
        return None
    folder = place / names[-1]
    if version_key(names[-1].partition("_")[0]) <= version_key(bundled_rates().version):
        return None
    _check_sums(folder)
    return folder_rates(folder)


def sound_in_use() -> RateCard | None:
    """Give the rates in use, all read; None where one cannot be, and they are to be replaced."""
    try:
        card = update_in_use() or bundled_rates()
        dict(card.endpoints)
    except RateFileError:
        return None
    return card


def install_rates(archive: bytes, name: str, *, force: bool = False) -> RateCard:
    """Check an archive of rates whole, and put it in the place of the update that is in use.

    Args:
        archive: A zip file of rate files, as they lie in `mh_preflight/rates/data`.
        name: What messages call it.
        force: Take rates older than those of the update in use too, and such as lack an endpoint.

    Returns:
        The rates that are in use now; those that were before, where the archive holds the same.

    Raises:
        RateFileError: It is not sound, is not newer than the bundled rates, is older than what is
            in use, or lacks an endpoint; the rates in use stay as they were.
        InputError: It cannot be written.
    """
    from mh_preflight.rates.archive import check_folder, files_in

    files = files_in(archive, name)
    place = data_folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=place))
    except OSError as error:
        raise _unwritable(place, error) from None
    try:
        _write_all(new, files)
        card = check_folder(new, name)
        with _alone(place):
            now = sound_in_use()
            if card == now:
                return now
            _refuse_overtaken(card, name)
            if not force:
                _refuse_older(card, now or bundled_rates(), name)
            folder = _moved(new, place, card.version)
            before = [each for each in _names(place, strict=False) if each != folder.name]
            _point(place, [*before, folder.name])
    except OSError as error:
        raise _unwritable(place, error) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder_rates(folder)


def go_back() -> RateCard:
    """Use the last sound update before the one in use, or the bundled rates where there is none.

    Raises:
        InputError: No update is in use, or the folder cannot be written.
    """
    place = data_folder()
    if not _names(place, strict=False):
        raise InputError("no update is installed: the bundled rates count already")
    try:
        with _alone(place):
            names = _names(place, strict=False)[:-1]
            while names and not _is_sound(place / names[-1]):
                names.pop()
            _point(place, names)
    except OSError as error:
        raise _unwritable(place, error) from None
    return update_in_use() or bundled_rates()


def _is_sound(folder: Path) -> bool:
    try:
        _check_sums(folder)
    except RateFileError:
        return False
    return True


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep other processes from changing what is in use meanwhile.

    Raises:
        OSError: It cannot be locked, or another process does not end.
    """
    import sqlite3  # a lock on every system, which a process that is killed lets go

    try:
        with closing(sqlite3.connect(place / LOCK, timeout=WAIT_SECONDS)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield
    except sqlite3.Error as error:
        raise OSError(f"{LOCK}: {error}") from None


def _refuse_overtaken(card: RateCard, name: str) -> None:
    """Refuse what would never be used, because the bundled rates count wherever they are newer."""
    bundled = bundled_rates().version
    if version_key(card.version) <= version_key(bundled):
        raise RateFileError(
            f"{name!r} holds rates {card.version}, and only such as are newer than the bundled "
            f"ones, {bundled}, are ever used",
            source=name,
        )


def _refuse_older(card: RateCard, now: RateCard, name: str) -> None:
    if version_key(card.version) < version_key(now.version):
        raise RateFileError(
            f"{name!r} holds rates {card.version}, older than {now.version}, which are in use: "
            "--force takes them, --back goes back to those before",
            source=name,
        )
    lost = sorted(now.endpoints.keys() - card.endpoints.keys())
    if lost:
        raise RateFileError(
            f"{name!r} has no rates of {', '.join(lost)}, which those in use have: --force takes "
            "it",
            source=name,
        )


def _names(place: Path, *, strict: bool = True) -> list[str]:
    """Give the installed updates, the one in use last.

    Raises:
        RateFileError: The list of them is damaged.
    """
    path = place / CURRENT
    try:
        if not path.exists():
            return []
        lines = read_small(path, MOST_BYTES).decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError, RateFileError):
        lines = ["damaged"]
    if all(_FOLDER.fullmatch(line) for line in lines):
        return lines
    if strict:
        raise RateFileError(f"{path}: is damaged", source=str(path))
    return []


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        _write(folder / name, data)
    _write(folder / SUMS, _sums(files).encode())


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sums(files: Mapping[str, bytes]) -> str:
    return "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )


def _check_sums(folder: Path) -> None:
    """Refuse an update of which a file was changed, lost or added since it was checked."""
    files = {path.name: read_small(path, MOST_BYTES) for path in folder.glob("*.toml")}
    if read_small(folder / SUMS, MOST_BYTES) != _sums(files).encode():
        raise RateFileError(f"{folder}: the rates in it were changed", source=str(folder))


def _moved(new: Path, place: Path, version: str) -> Path:
    """Give the folder its name: that of the version, with a number where another has it."""
    sums = (new / SUMS).read_bytes()
    for number in range(1, 1000):
        folder = place / (version if number == 1 else f"{version}_{number}")
        with suppress(OSError, RateFileError):
            if (folder / SUMS).read_bytes() == sums:
                _check_sums(folder)
                return folder  # the same was installed before
        if not folder.exists():
            new.rename(folder)
            return folder
    raise FileExistsError(17, f"there are too many folders of {version}")


def _point(place: Path, names: list[str]) -> None:
    descriptor, path = tempfile.mkstemp(prefix="new-", dir=place)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{name}\n" for name in names)
        file.flush()
        os.fsync(file.fileno())
    Path(path).replace(place / CURRENT)


def _unwritable(place: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"{place}: the rates cannot be written: {reason}", code="unwritable", source=str(place)
    )
