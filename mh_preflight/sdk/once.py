"""What went over the wire? A client for one request, which is sent once and remembers how it went.

The SDK has no retries of its own, but the `httpx.Client` that it is given may follow redirects, and
a 307 sends the request again to another host: here it never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

__all__ = ["REFUSALS", "AsyncOnce", "Once", "Verdict", "project_of", "verdict_of"]

REFUSALS: Final = frozenset({400, 401, 402, 403, 404, 413, 422, 429})
"""Statuses after which surely nothing was created."""

_FINE: Final = range(200, 300)
_LEAVES: Final = ".send_request_headers.started"


class Verdict(Enum):
    """What is known of a request to create a job."""

    NOT_SENT = "was not sent"
    REFUSED = "was refused"
    CREATED = "was created"
    UNKNOWN = "may have been created"


@dataclass(slots=True)
class Once:
    """An `httpx.Client`, as far as the SDK uses one, for a single request.

    Attributes:
        client: The SDK's own.
        began: Whether the request was handed to it.
        heard: Whether the transport has told of any step of it.
        left: Whether the transport has begun to write it to the connection.
        response: What came back; None where nothing did.
    """

    client: Any
    began: bool = False
    heard: bool = False
    left: bool = False
    response: Any = None

    def request(self, **settings: Any) -> Any:
        """Send the request."""
        self._begin(settings)
        self.response = self.client.request(**settings, follow_redirects=False)
        return self.response

    def _begin(self, settings: dict[str, Any]) -> None:
        if self.began:
            raise RuntimeError("a request that creates a job is sent once")
        self.client.build_request(**settings)  # what cannot be written is not sent
        settings["extensions"] = {**(settings.get("extensions") or {}), "trace": self.trace}
        self.began = True

    def trace(self, event: str, _info: dict[str, Any]) -> Any:
        """Note a step that the transport tells of, such as `http11.send_request_headers.started`.

        Args:
            event: Its name.
        """
        self.heard = True
        if event.endswith(_LEAVES):
            self.left = True


class AsyncOnce(Once):
    """The same for an `httpx.AsyncClient`."""

    __slots__ = ()

    async def request(self, **settings: Any) -> Any:
        """Send the request."""
        self._begin(settings)
        self.response = await self.client.request(**settings, follow_redirects=False)
        return self.response

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note a step that the transport tells of; it is waited for."""
        Once.trace(self, event, info)


def verdict_of(once: Once, error: BaseException | None) -> Verdict:
    """Tell what is known of a request.

    Args:
        once: What it was sent by.
        error: What it raised, or None.
    """
    if not once.began:
        return Verdict.NOT_SENT
    response = _told(once, error) if once.response is None else once.response
    if response is None:
        return Verdict.NOT_SENT if _left_nothing(once) else Verdict.UNKNOWN
    if response.status_code in REFUSALS:
        return Verdict.REFUSED
    if response.status_code in _FINE and project_of(once) is not None:
        return Verdict.CREATED
    return Verdict.UNKNOWN


def project_of(once: Once) -> str | None:
    """Give the API's id of the job from its answer, also where the SDK cannot use the rest."""
    try:
        answer = once.response.json()
    except (ValueError, RecursionError):
        return None
    project = answer.get("id") if isinstance(answer, dict) else None
    return project if isinstance(project, str) and project else None


def _told(once: Once, error: BaseException | None) -> Any:
    """Give the answer that a hook of the caller made an error; None where there is none.

    A hook may have asked something else meanwhile: an answer to that says nothing.
    """
    import httpx

    if not isinstance(error, httpx.HTTPStatusError):
        return None
    ours = error.response.request.extensions.get("trace") == once.trace
    return error.response if ours else None


def _left_nothing(once: Once) -> bool:
    """Tell whether no byte of the request has left this machine.

    What was raised does not tell it: a hook may raise anything after the answer, and a connection
    may break in any way after the request. The transport tells of each step instead.
    """
    if once.left or not _is_plain(once.client):
        return False
    return once.heard or _passes_on(once.client)


def _passes_on(client: Any) -> bool:
    """Tell whether a client surely sends the request as it is given, so that silence is a word."""
    import httpx

    if type(client) not in {httpx.Client, httpx.AsyncClient}:
        return False
    return client.auth is None and not client.event_hooks["request"]


def _is_plain(client: Any) -> bool:
    """Tell whether httpx's own sends: another transport may have sent it before it failed."""
    import httpx

    own = (httpx.HTTPTransport, httpx.AsyncHTTPTransport)
    found = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    return all(each is None or type(each) in own for each in found) and found[0] is not None
