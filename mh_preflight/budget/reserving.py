"""How is a job reserved? What it is, which entry it has, what the policy says, and what is kept.

One way for the client, the guard and `hold`, so that the same job is the same entry for all.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mh_preflight.budget.entries import Entry, Scope, State, name
from mh_preflight.budget.policy import Action, Decision, Policy
from mh_preflight.errors import ConflictError, DeniedError, InputError, StateError
from mh_preflight.flow import Report
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from fractions import Fraction

    from mh_preflight.jobs import Job

__all__ = ["Confirm", "decide_report", "entry_for", "fingerprint", "kept_estimate", "most_usd"]

Confirm: TypeAlias = Callable[[Report, tuple[str, ...]], bool]
"""Is asked where the policy says `ask`: told the report and the reasons, it says yes or no."""

MOST_ATTEMPTS = 1_000
LONGEST_ID = 180
_ATTEMPT = re.compile(r"#[0-9]+\Z", re.ASCII)


class Book(Protocol):
    """Where entries are found by their id."""

    def get(self, id: str, /) -> Entry | None:  # noqa: A002
        """Give an entry; None where there is none."""

    def expire(self) -> tuple[Entry, ...]:
        """Give back holds that are over and were never submitted."""


def fingerprint(job: Job, contents: Mapping[str, str]) -> str:
    """Give what is the same for the same job, and for no other.

    It is the SHA-256 of the endpoint and the request body, in which each file on this machine
    stands as the SHA-256 of what is in it: a file may be moved, copied or touched.

    Args:
        job: The job.
        contents: The SHA-256 of its files on this machine, in hex, by their place in the body.
    """
    body = job.wire_body({place: f"sha256:{sha256}" for place, sha256 in contents.items()})
    text = json.dumps(body, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{job.endpoint}\n{text}".encode()).hexdigest()


def entry_for(book: Book, given: str | None, fingerprint: str) -> tuple[str, Entry | None]:
    """Find the entry that a job has, or the id of the one that it shall have.

    An entry that was released or has expired never created a job: the next attempt of the same id
    gets an entry of its own, `job-1#2`, for which those who attempt it at once compete.

    Args:
        book: Where it is written.
        given: The caller's id, or None for one that nobody has.
        fingerprint: What the job is.

    Raises:
        InputError: The id is none.
        ConflictError: It belongs to another job.
        StateError: Too many attempts were made.
    """
    if given is None:
        return uuid.uuid4().hex, None
    if len(name(given, field="id")) > LONGEST_ID or _ATTEMPT.search(given):
        raise InputError(
            f"id: must have at most {LONGEST_ID} letters, and not end in # and a number, as "
            "attempts do",
            field="id",
        )
    for attempt in range(1, MOST_ATTEMPTS):
        found = given if attempt == 1 else f"{given}#{attempt}"
        entry = book.get(found)
        if entry is not None and entry.state is State.RESERVED:
            book.expire()  # a hold whose time is up is no attempt any more
            entry = book.get(found)
        if entry is None:
            return found, None
        if entry.fingerprint != fingerprint:
            raise ConflictError(
                f"entry {one_line(found)!r} is another job: an id is for one job alone", entry=entry
            )
        if entry.state not in {State.RELEASED, State.EXPIRED}:
            return found, entry
    raise StateError(f"{one_line(given)!r} was attempted {MOST_ATTEMPTS} times", code="attempts")


def decide_report(  # noqa: PLR0913  all that a policy looks at
    report: Report,
    policy: Policy,
    scope: Scope,
    *,
    credits: int | None,
    usd: Fraction | None,
    confirm: Confirm | None,
) -> Decision:
    """Ask the policy about a job, and a person where it says so.

    Args:
        report: What is known of the job.
        policy: What the user allows.
        scope: What the job belongs to.
        credits: What is to be held.
        usd: The same in dollars, or None where that is not known.
        confirm: Is asked where the policy says `ask`.

    Raises:
        DeniedError: The policy does not allow it, or asked and nobody said yes.
    """
    decision = policy.decide(
        scope,
        credits=credits,
        usd=usd,
        plan=report.settings.plan,
        findings=[finding.code for finding in report.findings],
    )
    reasons = "; ".join(decision.reasons)
    if decision.action is Action.DENY:
        said = reasons.removeprefix("deny: ")
        raise DeniedError(f"the policy denies the job: {said}", decision)
    if decision.action is Action.ASK and (
        confirm is None or confirm(report, decision.reasons) is not True
    ):
        raise DeniedError(
            f"the policy asks for a confirmation, and none was given: {reasons}",
            decision,
            code="not-confirmed",
        )
    return decision


def most_usd(report: Report) -> Fraction | None:
    """Give the most that a job may cost in dollars; None where a price is not known."""
    usd, plan = report.estimate.usd, report.settings.plan
    chosen = [usd.get(plan)] if plan is not None else list(usd.values())
    known = [None if money is None else money.hold for money in chosen]
    found = [each for each in known if each is not None]
    return max(found) if found and len(found) == len(known) else None


def kept_estimate(report: Report, **more: Any) -> dict[str, Any]:
    """Give what an entry keeps of an estimate: with what was counted, so that it can be compared.

    No text of the request and no name of a file is kept.

    Args:
        report: What is known of the job.
        more: What else is to be kept.
    """
    queued, settled, settings = report.estimate.queued, report.estimate.settled, report.settings
    fps = report.estimate.output_fps
    return {
        "plan": settings.plan,
        "mode": settings.mode,
        "variants": settings.variants,
        "audio": settings.audio,
        "window": settings.window,
        "output_fps": None if fps is None else str(fps),
        "units": settings.units,
        "frames": settled.frames,
        "frames_low": settled.frames_low,
        "frames_high": settled.frames_high,
        "queued": queued.credits,
        "queued_low": queued.credits_low,
        "queued_high": queued.credits_high,
        "settled": settled.credits,
        "settled_low": settled.credits_low,
        "settled_high": settled.credits_high,
        "why": sorted({*queued.why, *settled.why}),
        **more,
    }
