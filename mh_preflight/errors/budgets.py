"""What budgets, the policy and the ledger refuse."""

from __future__ import annotations

from typing import Any

from mh_preflight.errors.pricing import InputError, PreflightError

__all__ = [
    "BudgetError",
    "ConflictError",
    "DeniedError",
    "LedgerError",
    "PolicyError",
    "StateError",
]


class PolicyError(InputError):
    """A policy file does not load; nothing is allowed by what could not be read."""

    code = "bad-policy"


class ConflictError(InputError):
    """An id is taken by another job, or was ended in another way.

    Attributes:
        entry: What the ledger holds under it.
    """

    code = "conflict"

    def __init__(self, message: str, *, entry: Any = None, field: str = "id") -> None:
        super().__init__(message, field=field)
        self.entry = entry


class BudgetError(PreflightError):
    """The job does not fit into a budget that the user set; nothing was reserved.

    Amounts are credits, or ten-billionths of a US dollar where the budget is in dollars.

    Attributes:
        budget: The budget.
        limit: What it allows.
        held: What entries hold of it that have not ended.
        settled: What was charged, overruns left out.
        overrun: What was charged beyond what was held.
        asked: What the job asks; None where its dollars are not known.
        ends: When its window ends, in microseconds since 1970, or None if never.
    """

    code = "over-budget"

    def __init__(  # noqa: PLR0913  all of it is the answer
        self,
        message: str,
        *,
        budget: Any,
        held: int,
        settled: int,
        overrun: int,
        asked: int | None,
        ends: int | None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.budget, self.limit = budget, budget.limit
        self.held, self.settled, self.overrun = held, settled, overrun
        self.asked, self.ends = asked, ends


class StateError(PreflightError):
    """An entry is not in a state from which it may go where it was asked to.

    Attributes:
        entry: What the ledger holds; None where it has no such entry.
    """

    code = "bad-state"

    def __init__(self, message: str, *, entry: Any = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.entry = entry


class LedgerError(PreflightError):
    """The ledger cannot be read or written; what it acknowledged before still stands."""

    code = "ledger"


class DeniedError(PreflightError):
    """The user's policy does not allow the job, or asked and nobody said yes.

    Attributes:
        decision: What the policy said.
    """

    code = "denied"

    def __init__(self, message: str, decision: Any, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.decision = decision
