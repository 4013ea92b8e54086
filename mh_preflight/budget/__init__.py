"""May we spend it? Budgets, a policy, and a ledger of what is held and what was spent."""

from mh_preflight.budget.entries import FINAL, OPEN, USD, Entry, Scope, State, Unit, dollars_of
from mh_preflight.budget.holding import Held, HoldWarning, hold
from mh_preflight.budget.ledger import Ledger, Standing
from mh_preflight.budget.places import find_ledger
from mh_preflight.budget.policy import Action, Decision, Policy, Rule
from mh_preflight.budget.windows import Budget, Period
from mh_preflight.errors import (
    BudgetError,
    ConflictError,
    DeniedError,
    LedgerError,
    PolicyError,
    StateError,
)

__all__ = [
    "FINAL",
    "OPEN",
    "USD",
    "Action",
    "Budget",
    "BudgetError",
    "ConflictError",
    "Decision",
    "DeniedError",
    "Entry",
    "Held",
    "HoldWarning",
    "Ledger",
    "LedgerError",
    "Period",
    "Policy",
    "PolicyError",
    "Rule",
    "Scope",
    "Standing",
    "State",
    "StateError",
    "Unit",
    "dollars_of",
    "find_ledger",
    "hold",
]
