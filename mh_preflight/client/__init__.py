"""Spend it: send jobs to the API, each at most once, and book what they really cost.

What sends requests is loaded when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mh_preflight.client.answers import Account, Download, Project
    from mh_preflight.client.asynchronous import AsyncClient
    from mh_preflight.client.flows import Progress
    from mh_preflight.client.following import Outcome
    from mh_preflight.client.sending import Submission
    from mh_preflight.client.sync import Client
    from mh_preflight.client.webhooks import Event, verify_webhook

__all__ = [
    "Account",
    "AsyncClient",
    "Client",
    "Download",
    "Event",
    "Outcome",
    "Progress",
    "Project",
    "Submission",
    "verify_webhook",
]

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "Account": "answers",
        "AsyncClient": "asynchronous",
        "Client": "sync",
        "Download": "answers",
        "Event": "webhooks",
        "Outcome": "following",
        "Progress": "flows",
        "Project": "answers",
        "Submission": "sending",
        "verify_webhook": "webhooks",
    }
)


if not TYPE_CHECKING:  # a type checker knows the names above, and should find a misspelt one

    def __getattr__(name: str) -> Any:
        """Load a name of the client when it is first asked for."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
