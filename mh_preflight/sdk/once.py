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
        response: What came back; None where nothing did.
    """

    client: Any
    began: bool = False
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
        self.began = True


class AsyncOnce(Once):
    """The same for an `httpx.AsyncClient`."""

    __slots__ = ()

    async def request(self, **settings: Any) -> Any:
        """Send the request."""
        self._begin(settings)
        self.response = await self.client.request(**settings, follow_redirects=False)
        return self.response


def verdict_of(once: Once, error: BaseException | None) -> Verdict:
    """Tell what is known of a request.

    Args:
        once: What it was sent by.
        error: What it raised, or None.
    """
    if not once.began:
        return Verdict.NOT_SENT
    response = _told(error) if once.response is None else once.response
    if response is None:
        return Verdict.NOT_SENT if _left_nothing(once, error) else Verdict.UNKNOWN
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


def _told(error: BaseException | None) -> Any:
    """Give the answer that a hook of the caller made an error; None where there is none."""
    import httpx

    return error.response if isinstance(error, httpx.HTTPStatusError) else None


def _left_nothing(once: Once, error: BaseException | None) -> bool:
    """Tell whether no byte of the request has left this machine."""
    import httpx

    kinds = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
    )
    return isinstance(error, kinds) and _is_plain(once.client)


def _is_plain(client: Any) -> bool:
    """Tell whether httpx's own sends: another transport may have sent it before it failed."""
    import httpx

    own = (httpx.HTTPTransport, httpx.AsyncHTTPTransport)
    found = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    return all(each is None or type(each) in own for each in found) and found[0] is not None
