"""What is an entry, and where may it go from where it is?

::

    reserved ──> submitting ──> submitted ──────────────────> settled
       │             │  │           ^                            ^
       │             │  │           │ its project is named       │ a person's word
       │             │  └──────> unknown ────────────────────────┤
       │             │ refused      │ a person's word            │
       ├──> released <──────────────┘                            │
       └──> expired                  (a charge of 0 settles too) ┘

`submitting` is on the disk before the first byte of a request is sent, and only one caller gets it.
From there on only the API's word, or a person's, ends an entry; only what was never submitted
expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from mh_preflight.errors import ConflictError, InputError, StateError
from mh_preflight.units import Number, ceil_div, exact, one_line

__all__ = [
    "FINAL",
    "MOST",
    "OPEN",
    "USD",
    "Entry",
    "Move",
    "Scope",
    "State",
    "Unit",
    "amount",
    "charged_dollars",
    "dollars_of",
    "is_done",
    "name",
    "parts_of",
    "scaled_dollars",
]

USD: Final = 10**10
"""Parts of a US dollar that are counted with: credits cost down to millionths, in fractions."""

MOST: Final = {"credits": 10**15, "usd": 10**17}
"""The largest amount of one entry, in credits and parts of a dollar: sums stay far below 2^63."""

LONGEST = 200


class State(StrEnum):
    """Where an entry is."""

    RESERVED = "reserved"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


class Unit(StrEnum):
    """What a budget counts."""

    CREDITS = "credits"
    USD = "usd"


FINAL: Final = frozenset({State.SETTLED, State.RELEASED, State.EXPIRED})
OPEN: Final = frozenset(State) - FINAL

_FROM: Final[Mapping[State, frozenset[State]]] = {
    State.RESERVED: frozenset(),
    State.SUBMITTING: frozenset({State.RESERVED}),
    State.SUBMITTED: frozenset({State.SUBMITTING, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.SUBMITTING}),
    State.SETTLED: frozenset({State.SUBMITTED}),
    State.RELEASED: frozenset({State.RESERVED, State.SUBMITTING}),
    State.EXPIRED: frozenset({State.RESERVED}),
}
_FROM_BY_WORD: Final[Mapping[State, frozenset[State]]] = {
    State.SETTLED: frozenset({State.UNKNOWN}),
    State.RELEASED: frozenset({State.UNKNOWN}),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose job it is: this decides which budgets count.

    Attributes:
        project: The user's name for what it belongs to; empty for none.
        endpoint: The endpoint, as in the URL: `lip-sync`; None where it is not known.
        run: The run that it is part of, or None: then it is a run of its own.
    """

    project: str = ""
    endpoint: str | None = None
    run: str | None = None

    def __post_init__(self) -> None:
        if self.project != "":
            name(self.project, field="project")
        for what in ("endpoint", "run"):
            if getattr(self, what) is not None:
                name(getattr(self, what), field=what)


@dataclass(frozen=True, slots=True)
class Entry:
    """A job in the ledger.

    Attributes:
        id: The caller's.
        fingerprint: What the job is, so that an id is not used for two.
        state: Where it is.
        credits: What it holds, or held.
        usd: The same in US dollars, or None where no price is known.
        charged: Credits that it really cost, once settled.
        charged_usd: The same in US dollars, or None where no price is known.
        scope: Whose job it is.
        project_id: The API's id of it, once known.
        reserved_at: When it was reserved, in microseconds since 1970; its windows are those then.
        changed_at: When it came into its state.
        expires_at: From when on it may expire if it was never submitted; None for never.
        card_version: The version of the rates it was estimated by.
        estimate: What was estimated.
        word: Who or what ended it, where someone said so.
    """

    id: str
    fingerprint: str
    state: State
    credits: int
    usd: Decimal | None
    charged: int | None
    charged_usd: Decimal | None
    scope: Scope
    project_id: str | None
    reserved_at: int
    changed_at: int
    expires_at: int | None
    card_version: str | None
    estimate: Mapping[str, Any] | None
    word: str | None
    claim: str | None = field(default=None, repr=False, compare=False)

    @property
    def open(self) -> bool:
        """Whether it holds credits still."""
        return self.state not in FINAL

    @property
    def overrun(self) -> int:
        """Credits that were charged beyond those held."""
        return max(0, (self.charged or 0) - self.credits)


@dataclass(slots=True)
class Move:
    """Where an entry shall go.

    Attributes:
        to: The state.
        at: When, in microseconds since 1970.
        claim: Which call asks to submit: only one ever gets it.
        project_id: The API's id, for `submitted`.
        charged: Credits, for `settled`.
        charged_usd: Parts of a dollar, for `settled`; None to count them as the credits were.
        word: Who says so.
        due: Only what expires until then, for `expired`.
        unsent: Only what nobody has begun to send, for `released`.
    """

    to: State
    at: int
    claim: str | None = None
    project_id: str | None = None
    charged: int | None = None
    charged_usd: int | None = None
    word: str | None = None
    due: int | None = None
    unsent: bool = False

    @property
    def sources(self) -> frozenset[State]:
        """From which states it may go there."""
        if self.unsent:
            return frozenset({State.RESERVED})
        if self.word is None:
            return _FROM[self.to]
        return _FROM[self.to] | _FROM_BY_WORD.get(self.to, frozenset())


def is_done(entry: Entry, move: Move) -> bool:
    """Tell whether an entry has made a move already; False where it may make it now.

    Args:
        entry: As the ledger holds it.
        move: What is asked.

    Raises:
        ConflictError: It went there by other values.
        StateError: It may not go there from where it is.
    """
    if entry.state in move.sources:
        return False
    if move.to is State.SUBMITTING and entry.state is State.SUBMITTING:
        if entry.claim == move.claim:
            return True
    elif move.to is State.SUBMITTED and entry.project_id is not None:
        if entry.project_id == move.project_id:
            return True
        raise ConflictError(
            f"{_shown(entry)} is project {one_line(entry.project_id)!r} of the API, not "
            f"{one_line(str(move.project_id))!r}",
            entry=entry,
            field="project_id",
        )
    elif move.to is State.SETTLED and entry.state is State.SETTLED:
        usd = entry.charged_usd
        same_usd = move.charged_usd is None or parts_of(usd) == move.charged_usd
        if entry.charged == move.charged and same_usd:
            return True
        raise ConflictError(
            f"{_shown(entry)} was settled at {entry.charged:,} credits, and what is settled stays: "
            f"{move.charged:,} is another charge",
            entry=entry,
            field="credits",
        )
    elif move.to is entry.state:
        return True
    raise StateError(f"{_shown(entry)} {_why_not(entry, move)}", entry=entry)


def _why_not(entry: Entry, move: Move) -> str:
    if move.to is State.SUBMITTING:
        if entry.state in FINAL:
            return f"is {entry.state}: a new attempt needs a new id"
        return f"is {entry.state}: it may have been sent already, and is not sent twice"
    if entry.state is State.SUBMITTING and move.unsent:
        return (
            "is being sent by another call, or was when that one was ended: the API may have it "
            "(say unknown first, and then who knows that it has not)"
        )
    if entry.state is State.UNKNOWN and move.word is None:
        return f"is unknown: only a person can say that it is {move.to} (give a word)"
    return f"is {entry.state}, and cannot become {move.to} from there"


def _shown(entry: Entry) -> str:
    return f"entry {one_line(entry.id)!r}"


def amount(value: object, *, field: str, unit: Unit = Unit.CREDITS) -> int:
    """Take a whole number of credits, from 0 on.

    Args:
        value: What may be one.
        field: The name that an error should carry.
        unit: What it counts.

    Raises:
        InputError: It is none, or larger than any job's.

    Example:
        >>> amount(450, field="credits")
        450
    """
    if type(value) is not int or value < 0:
        raise InputError(f"{field}: must be a whole number, not below 0", field=field)
    if value > MOST[unit]:
        raise InputError(f"{field}: is more than any job costs", field=field)
    return value


def scaled_dollars(value: Number | None, *, field: str = "usd") -> int | None:
    """Take US dollars as whole parts of a dollar, rounded up.

    Args:
        value: US dollars from 0 on, or None where they are not known.
        field: The name that an error should carry.

    Raises:
        InputError: It is no number, negative, infinite, NaN, or more than any job costs.

    Example:
        >>> scaled_dollars("1/3")
        3333333334
    """
    if value is None:
        return None
    dollars = exact(value, field=field)
    if dollars < 0:
        raise InputError(f"{field}: must not be below 0", field=field)
    scaled = ceil_div(dollars.numerator * USD, dollars.denominator)
    return amount(scaled, field=field, unit=Unit.USD)


def parts_of(usd: Decimal | None) -> int | None:
    """Give US dollars that an entry holds as whole parts of a dollar; `dollars_of` made them."""
    if usd is None:
        return None
    above, below = usd.as_integer_ratio()
    return above * USD // below


@lru_cache(maxsize=1024)
def dollars_of(scaled: int | None) -> Decimal | None:
    """Give parts of a dollar as US dollars; exact.

    Example:
        >>> dollars_of(2_500_000_000)
        Decimal('0.25')
    """
    if scaled is None:
        return None
    whole, part = divmod(scaled, USD)
    return Decimal(f"{whole}.{part:010d}".rstrip("0").rstrip("."))


def charged_dollars(credits: int, usd: int | None, charged: int) -> int | None:
    """Give parts of a dollar for a charge, at the price that a credit had when it was reserved.

    Args:
        credits: What was held.
        usd: The same in parts of a dollar, or None where no price is known.
        charged: Credits that were charged.

    Example:
        >>> charged_dollars(450, 4_500, 360)
        3600
    """
    if not charged:
        return 0
    if usd is None or not credits:
        return None
    return ceil_div(usd * charged, credits)


def name(value: object, *, field: str) -> str:
    """Take a name: one line of text, not too long.

    Args:
        value: What may be one.
        field: The name that an error should carry.

    Raises:
        InputError: It is no text, empty, longer than 200 letters, or cannot be shown.

    Example:
        >>> name("trailer", field="project")
        'trailer'
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise InputError(
            f"{field}: must be a line of text of at most {LONGEST} letters", field=field
        )
    return str(value)
