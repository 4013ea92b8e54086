"""What is a process told that meets strangers' data? What it needs, and no key or password."""

from __future__ import annotations

import os

__all__ = ["kept_environment"]

_KEPT = (
    "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "PATH", "SYSTEMROOT", "TMPDIR", "TZ",
)  # fmt: skip


def kept_environment() -> dict[str, str]:
    """Give the part of the environment that is handed on.

    Example:
        >>> "MAGIC_HOUR_API_KEY" in kept_environment()
        False
    """
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
