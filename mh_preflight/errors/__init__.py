"""Every error that mh_preflight raises.

::

    PreflightError
    ├── InputError          a value handed to the library is wrong
    │   ├── JobError            the job is wrong in itself, at any date and on any plan
    │   ├── RateFileError       a rate file does not load
    │   ├── PolicyError         a policy file does not load
    │   ├── ConflictError       an id, or a project of the API, is taken by something else
    │   └── TokenError          there is no token, or it cannot be one
    ├── MediaError          a file cannot be read as what it should be
    ├── FindingsError       the API would refuse the job
    ├── OverLimitError      the job may cost more than the caller allows
    ├── UnknownRateError    no rate is known, so no price is given
    ├── IsolationError      no process can be had to read files in
    ├── MissingExtraError   an optional part is not installed
    ├── BudgetError         the job does not fit into a budget that the user set
    ├── DeniedError         the user's policy does not allow the job
    ├── StateError          an entry of the ledger may not go where it was asked to
    ├── LedgerError         the ledger cannot be read or written
    ├── WebhookError        a webhook is not from the API, or says what it cannot
    └── ApiError            something goes wrong between this machine and the API
        ├── NotSentError            surely nothing was sent, and nothing created
        │   └── LowBalanceError         the account cannot pay what is queued
        ├── RefusedError            the API said no, and created nothing (400, 404, 413, 422)
        │   ├── UnauthorizedError       401
        │   ├── InsufficientCreditsError 402: says what is missing
        │   ├── ForbiddenError          403
        │   └── TooManyRequestsError    429: says when to come back
        ├── ServerError             5xx, or another status that settles nothing
        ├── BrokenAnswerError       what came back cannot be read
        ├── DeadlineError           the time was up
        ├── UploadError             a file did not arrive whole
        └── UncertainError          the job may have been created: it keeps its credits, and is
            │                       never sent again
            ├── UncertainServerError    a ServerError too
            ├── UncertainAnswerError    a BrokenAnswerError too
            └── UncertainDeadlineError  a DeadlineError too

Each carries a stable `code`, the `field` of the request and the `source` (file or URL) that it
is about, where there is one.
"""

from __future__ import annotations

from mh_preflight.errors.api import (
    ApiError,
    BrokenAnswerError,
    DeadlineError,
    ForbiddenError,
    InsufficientCreditsError,
    LowBalanceError,
    NotSentError,
    RefusedError,
    ServerError,
    TokenError,
    TooManyRequestsError,
    UnauthorizedError,
    UncertainAnswerError,
    UncertainDeadlineError,
    UncertainError,
    UncertainServerError,
    UploadError,
    WebhookError,
)
from mh_preflight.errors.budgets import (
    BudgetError,
    ConflictError,
    DeniedError,
    LedgerError,
    PolicyError,
    StateError,
)
from mh_preflight.errors.pricing import (
    FindingsError,
    InputError,
    IsolationError,
    JobError,
    MediaError,
    MissingExtraError,
    OverLimitError,
    PreflightError,
    RateFileError,
    UnknownRateError,
)

__all__ = [
    "ApiError",
    "BrokenAnswerError",
    "BudgetError",
    "ConflictError",
    "DeadlineError",
    "DeniedError",
    "FindingsError",
    "ForbiddenError",
    "InputError",
    "InsufficientCreditsError",
    "IsolationError",
    "JobError",
    "LedgerError",
    "LowBalanceError",
    "MediaError",
    "MissingExtraError",
    "NotSentError",
    "OverLimitError",
    "PolicyError",
    "PreflightError",
    "RateFileError",
    "RefusedError",
    "ServerError",
    "StateError",
    "TokenError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UncertainAnswerError",
    "UncertainDeadlineError",
    "UncertainError",
    "UncertainServerError",
    "UnknownRateError",
    "UploadError",
    "WebhookError",
]

for _name in __all__:
    # A traceback should name what a caller can import.
    globals()[_name].__module__ = __name__
del _name
