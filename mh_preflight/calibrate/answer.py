"""What is answered? Each job beside its estimate, and what the jobs of one kind say together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal, TypeAlias

from mh_preflight.rates import Source, Unit

__all__ = [
    "Calibration",
    "Compared",
    "Estimated",
    "Explanation",
    "Group",
    "Implied",
    "Kind",
    "Problem",
    "Ran",
    "Verdict",
]

Verdict: TypeAlias = Literal["exact", "inside", "below", "above", "no-rate"]
"""`exact`: the expected credits were charged; `inside`: others that the estimate allows; `below`
and `above`: fewer or more than it allows; `no-rate`: no rate is known, so there is no estimate."""

Kind: TypeAlias = Literal["value", "against", "low", "high"]
"""Where in an entry of the rate card a value stands."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran.

    Attributes:
        mode: The mode, or None.
        model: The model, or None.
        size: The size, or None.
        audio: Whether sound was asked for.
    """

    mode: str | None = None
    model: str | None = None
    size: str | None = None
    audio: bool = False

    def __str__(self) -> str:
        sound = "with sound" if self.audio else None
        return " ".join(part for part in (self.mode, self.model, self.size, sound) if part)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A known rate that gives the charge to the credit.

    Attributes:
        ran: What would have run.
        kind: Where in the entry of the rate card the value stands.
        value: Credits a unit, as in the rate card.
        unit: What the credits are for.
        fps: The frame rate at which this source counts, where it has its own.
        counted: How units were counted: `expected`, or another way that is not ruled out.
        sources: Who says so.
    """

    ran: Ran
    kind: Kind
    value: Fraction
    unit: Unit
    fps: Fraction | None
    counted: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Estimated:
    """The credits that were estimated.

    Attributes:
        low: At least.
        expected: The likeliest; None where there is none.
        high: At most; None where there is no bound.
    """

    low: int
    expected: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One settled job beside its estimate.

    Attributes:
        id: The project's id.
        endpoint: As in the URL; the project's `type` where no endpoint is known for it.
        ran: What ran, as far as it is known.
        certain: Whether it is known which entry of the rate card decides.
        created: When the job was created.
        charged: The credits that were charged.
        estimated: The credits that were estimated; None where no rate is known.
        verdict: How they compare.
        difference: Charged less expected, or less the nearest bound; None without an estimate.
        explanations: The known rates that give the charge to the credit.
        why: Why no rate is known.
        unexplained: Whether it lies inside of its estimate, and yet none of the rates gives it,
            however its units are counted.
    """

    id: str
    endpoint: str
    ran: Ran
    certain: bool
    created: datetime
    charged: int
    estimated: Estimated | None
    verdict: Verdict
    difference: int | None
    explanations: tuple[Explanation, ...]
    why: str | None = None
    unexplained: bool = False

    @property
    def day(self) -> date:
        """The day whose rates count."""
        return self.created.date()


@dataclass(frozen=True, slots=True)
class Implied:
    """The rate that gives every one of some charges to the credit.

    Attributes:
        value: Credits a unit: a known rate where one is possible, else the simplest decimal.
        unit: What the credits are for.
        low: No possible rate is below.
        high: No possible rate is above.
        jobs: How many jobs it gives.
        since: The day of the first of them.
        until: The day of the last of them.
        ends: The day from which the rate card has another rate; None where it has none.
    """

    value: Fraction
    unit: Unit
    low: Fraction
    high: Fraction
    jobs: int
    since: date
    until: date
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What the jobs of one endpoint, mode, model and size say together.

    Attributes:
        endpoint: As in the URL.
        ran: What ran; what is None is not known, or the endpoint has none.
        certain: Whether it is known which entry of the rate card decides.
        jobs: How many there are.
        exact: Charged as expected.
        inside: Charged otherwise, but as the estimate allows.
        below: Charged less than the estimate allows.
        above: Charged more than the estimate allows.
        no_rate: Without a known rate.
        mean_difference: Charged less estimated, on average; None without an estimate.
        worst_difference: The largest difference, with its sign; None without an estimate.
        explained_by: The known rates that give every charge to the credit.
        implied: The rate that the charges agree on; None where they agree on none.
        moved: The day since which no known rate explains the charges, though they agree on one.
        settled: Whether the rate card already has the implied rate, and no other beside it.
        undecided: Whether another known rate gives the charges from which the rate is implied.
        refused: Why the rate card would not take the implied rate; None where it would.
    """

    endpoint: str
    ran: Ran
    certain: bool
    jobs: int
    exact: int
    inside: int
    below: int
    above: int
    no_rate: int
    mean_difference: Fraction | None
    worst_difference: int | None
    explained_by: tuple[Explanation, ...]
    implied: Implied | None
    moved: date | None
    settled: bool
    undecided: bool
    refused: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether the rate card does not have the implied rate, and no known one would do."""
        return self.implied is not None and not self.settled and not self.undecided

    @property
    def writable(self) -> bool:
        """Whether the implied rate is news, and the rate card takes it."""
        return self.is_news and self.refused is None

    @property
    def off(self) -> int:
        """Charged less or more than the estimate allows."""
        return self.below + self.above


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, a line, a record or an entry of a ledger that cannot be used.

    Attributes:
        source: The file, or the ledger.
        place: The line, or the number of the record in it; None where the message says which.
        message: One line that names both and says why.
    """

    source: str
    place: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What settled jobs say of the estimates.

    Attributes:
        groups: By endpoint, mode, model and size.
        records: The finished jobs, in the order of their creation.
        refunded: Jobs that failed or were canceled, and cost nothing.
        failed_but_charged: The ids of jobs that failed or were canceled, and cost something.
        skipped: Jobs that are not finished.
        duplicates: Records of a job of which a later record is there.
        problems: What cannot be used.
        card_version: The version of the rates.
    """

    groups: tuple[Group, ...]
    records: tuple[Compared, ...]
    refunded: int
    failed_but_charged: tuple[str, ...]
    skipped: int
    duplicates: int
    problems: tuple[Problem, ...]
    card_version: str

    def count(self, *verdicts: Verdict) -> int:
        """Count the jobs of some verdicts."""
        return sum(record.verdict in verdicts for record in self.records)

    @property
    def moved(self) -> tuple[Group, ...]:
        """The groups whose charges have moved."""
        return tuple(group for group in self.groups if group.moved is not None)

    @property
    def off(self) -> tuple[Compared, ...]:
        """The jobs outside of their estimates, and those that no known rate gives."""
        return tuple(
            each for each in self.records if each.unexplained or each.verdict in {"below", "above"}
        )

    @property
    def wrong(self) -> bool:
        """Whether a charge has moved, is outside of its estimate, or of no known rate."""
        return bool(self.moved) or bool(self.off)
