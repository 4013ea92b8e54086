"""What asks for the client loads what it needs, and nothing else does."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mh_preflight.client


def test_names_are_loaded_when_they_are_asked_for() -> None:
    for name in mh_preflight.client.__all__:
        assert getattr(mh_preflight.client, name) is not None
    with pytest.raises(AttributeError):
        mh_preflight.client.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_webhooks_and_errors_load_nothing_that_sends() -> None:
    program = (
        "import sys, mh_preflight.client, mh_preflight.errors; "
        "mh_preflight.client.verify_webhook; "
        "print(sorted({'httpx', 'httpcore', 'anyio', 'rich'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stdout.strip() == b"[]"
