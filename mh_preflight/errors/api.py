"""What goes wrong between this machine and the API."""

from __future__ import annotations

from mh_preflight.errors.pricing import InputError, PreflightError

__all__ = [
    "ApiError",
    "BrokenAnswerError",
    "DeadlineError",
    "ForbiddenError",
    "InsufficientCreditsError",
    "LowBalanceError",
    "NotSentError",
    "RefusedError",
    "ServerError",
    "TokenError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UncertainAnswerError",
    "UncertainDeadlineError",
    "UncertainError",
    "UncertainServerError",
    "UploadError",
    "WebhookError",
]


class TokenError(InputError):
    """There is no token, or it cannot be one; it is never shown."""

    code = "bad-token"


class WebhookError(PreflightError):
    """A webhook is not signed by the API, came too late, or says what it cannot."""

    code = "bad-webhook"


class ApiError(PreflightError):
    """The base of what goes wrong between this machine and the API.

    Attributes:
        status: The HTTP status, or None where none came.
        api_code: The API's own word for it, or None.
        id: The caller's id of the job, where it is about one.
        project_id: The API's id of the job, where it is known.
    """

    code = "api"

    def __init__(  # noqa: PLR0913  all of it is the answer
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        source: str | None = None,
        status: int | None = None,
        api_code: str | None = None,
        id: str | None = None,  # noqa: A002  the word of `submit`
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, field=field, source=source)
        self.status, self.api_code = status, api_code
        self.id, self.project_id = id, project_id


class NotSentError(ApiError):
    """Surely nothing was sent, and nothing created: it can be tried again."""

    code = "not-sent"


class LowBalanceError(NotSentError):
    """The account has fewer credits than are taken when the job is queued.

    Attributes:
        balance: Credits that the account has.
        needed: Credits that are taken at most when the job is queued.
    """

    code = "low-balance"
    balance: int = 0
    needed: int = 0

    @property
    def missing(self) -> int:
        """Credits that are missing."""
        return max(0, self.needed - self.balance)


class RefusedError(ApiError):
    """The API said no, and created nothing."""

    code = "refused"


class UnauthorizedError(RefusedError):
    """The API does not take the token (401)."""

    code = "unauthorized"


class InsufficientCreditsError(RefusedError):
    """The account cannot pay for the job, or its plan does not have it (402).

    Attributes:
        balance: Credits that the account had when it was last asked, or None.
        needed: Credits that the job takes at most when it is queued, or None.
    """

    code = "insufficient-credits"
    balance: int | None = None
    needed: int | None = None

    @property
    def missing(self) -> int | None:
        """Credits that are missing, or None where that is not known."""
        if self.balance is None or self.needed is None or self.needed <= self.balance:
            return None
        return self.needed - self.balance


class ForbiddenError(RefusedError):
    """The API does not allow it to this account (403)."""

    code = "forbidden"


class TooManyRequestsError(RefusedError):
    """The API was asked too often (429).

    Attributes:
        retry_after: Seconds to wait, at most a day; None where the API does not say.
    """

    code = "too-many-requests"
    retry_after: int | None = None


class ServerError(ApiError):
    """The API failed, or answered with a status that settles nothing."""

    code = "server-failed"


class BrokenAnswerError(ApiError):
    """What came back from the API cannot be read."""

    code = "broken-answer"


class DeadlineError(ApiError):
    """The time was up."""

    code = "deadline"


class UploadError(ApiError):
    """A file did not arrive whole where the API keeps it."""

    code = "upload"


class UncertainError(ApiError):
    """The job may have been created: its entry keeps its credits, and it is never sent again."""

    code = "uncertain"


class UncertainServerError(UncertainError, ServerError):
    """The API failed, or answered with a status that settles nothing, after it had the job."""

    code = "uncertain-server-failed"


class UncertainAnswerError(UncertainError, BrokenAnswerError):
    """What the API answered to the job cannot be read."""

    code = "uncertain-broken-answer"


class UncertainDeadlineError(UncertainError, DeadlineError):
    """The time was up after the job may have left."""

    code = "uncertain-deadline"
