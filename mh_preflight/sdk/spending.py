"""One job that the SDK creates: priced and held before, sent once, and written down after."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mh_preflight.budget import Entry, State, StateError
from mh_preflight.budget.reserving import entry_for
from mh_preflight.budget.terms import Holding, fingerprint_of, reserve_report
from mh_preflight.errors import InputError, PreflightError
from mh_preflight.flow import Report, preflight
from mh_preflight.jobs import Job
from mh_preflight.media import Media, is_upload
from mh_preflight.media.origins import scheme_of
from mh_preflight.sdk.once import Once, Verdict, project_of, verdict_of
from mh_preflight.units import one_line

if TYPE_CHECKING:
    from mh_preflight.units import Plan

__all__ = ["FINAL_STATUSES", "Remembered", "Spending", "Terms", "settle_project"]

FINAL_STATUSES = frozenset({"complete", "error", "canceled"})

MOST_REMEMBERED = 10_000


class Remembered:
    """What is in the files that were uploaded, by the path that the API gave them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Media] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, path: str, media: Media) -> None:
        """Remember what was uploaded.

        Args:
            path: The API's path for it.
            media: What is in it.
        """
        with self._lock:
            self._known[path] = media
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)

    def get(self, path: str) -> Media | None:
        """Give what is in an upload; None where that is not known."""
        with self._lock:
            return self._known.get(path)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a guarded client spends.

    Attributes:
        holding: On what terms credits are held.
        media: What the caller says of files: by what stands in `assets`, or by its field.
        options: Arguments for `preflight`.
        plan: The plan, or None.
        uploads: What is in the files that were uploaded.
    """

    holding: Holding
    media: Mapping[str, Media]
    options: Mapping[str, Any]
    plan: Plan | None
    uploads: Remembered = field(default_factory=Remembered)

    def known(self, job: Job) -> dict[str, Media]:
        """Give what is known of the files of a job before they are read."""
        found: dict[str, Media] = {}
        for name, source in job.sources().items():
            media = self.media.get(source) or self.media.get(name)
            if media is None and is_upload(source):
                media = self.uploads.get(source)
            if media is not None:
                found[name] = media
        return found


class Spending:
    """One job, from its price to its charge.

    Args:
        terms: On what terms.
        given: The caller's id for it, or None for one that nobody has.
        job: The job, with the files on this machine where there are any.

    Attributes:
        job: The job.
        project_id: The API's id, where it was created before and is not sent again.
    """

    def __init__(self, terms: Terms, given: str | None, job: Job) -> None:
        self.job = job
        self.project_id: str | None = None
        self._terms, self._given = terms, given
        self._ledger = terms.holding.ledger
        self._report: Report | None = None
        self._entry: Entry | None = None
        self._claimed = self._ended = False

    def prepare(self) -> None:
        """Price the job and hold what it may cost; nothing was sent by then.

        Raises:
            PreflightError: It may not be sent.
        """
        # Without an id of the caller's there is nothing to be found, and it is priced at once.
        report = self._priced() if self._given is None else None
        fingerprint = fingerprint_of(self.job)
        name, entry = entry_for(self._ledger, self._given, fingerprint)
        if entry is None or entry.state is State.RESERVED:
            self._report = report or self._priced()
            entry = reserve_report(self._report, self._terms.holding, name, fingerprint)
        self._entry = entry
        if entry.state is not State.RESERVED:
            self.project_id = entry.project_id
            if self.project_id is None:
                raise StateError(
                    f"entry {one_line(entry.id)!r} is {entry.state}: it may have been sent "
                    "already, and is not sent twice",
                    entry=entry,
                    code="sent-before",
                )

    def _priced(self) -> Report:
        terms = self._terms
        report = preflight(self.job, plan=terms.plan, media=terms.known(self.job), **terms.options)
        report.raise_for_findings()
        return report

    def refuse_again(self) -> None:
        """Raise where the job was created before: the SDK's answer of then is gone."""
        if self.project_id is not None and self._entry is not None:
            raise StateError(
                f"entry {one_line(self._entry.id)!r} was sent before, and is project "
                f"{self.project_id}: ask the API for that one",
                entry=self._entry,
                code="sent-before",
            )

    def claim(self, sent: Job) -> None:
        """Claim the right to send, on the disk before the first byte leaves.

        Args:
            sent: What is about to be sent, with uploads in the place of files.

        Raises:
            StateError: Another call sends it.
            MediaError: A file was changed since it was priced.
            InputError: It is not the job that was priced, or names a file on this machine.
        """
        entry, report = self._entry, self._report
        if entry is None or report is None:
            raise StateError("the job was not prepared")
        report.raise_for_changes()
        given = self.job.files()
        for place, source in sent.files().items():
            reachable = is_upload(source) or scheme_of(source) in {"http", "https"}
            if source == given.get(place) and not reachable:
                raise InputError(
                    f"{place}: {source!r} is out of the API's reach, and the SDK does not upload "
                    "it: upload it, and give the path that the API gives for it; nothing was sent",
                    field=place,
                )
        if _without_files(sent) != _without_files(self.job):
            raise InputError("what the SDK sends is not the job that was priced: nothing was sent")
        self._entry = self._ledger.submitting(entry.id)
        self._claimed = True

    def answered(self, once: Once, error: BaseException | None = None) -> None:
        """Write down what became of the request.

        Args:
            once: What it was sent by.
            error: What the SDK raised, or None; what cannot be written is noted there.

        Raises:
            PreflightError: It cannot be written, where the SDK raised nothing.
        """
        entry = self._entry
        if entry is None or self._ended:
            return
        if not self._claimed:
            self.leave(error)
            return
        self._ended = True
        verdict = verdict_of(once, error)
        try:
            if verdict is Verdict.CREATED:
                project = project_of(once)
                words = f"its project is {project}"
                self._entry = self._ledger.submitted(entry.id, str(project))
            elif verdict is Verdict.UNKNOWN:
                words = f"it is unknown, and keeps its {entry.credits:,} credits"
                self._entry = self._ledger.unknown(entry.id)
            else:
                words = "its credits are released"
                self._entry = self._ledger.release(entry.id)
        except PreflightError as fault:
            words = f"that could not be written: {fault.message}"
            if error is None:
                fault.add_note(f"the job {verdict.value}: {project_of(once)}, entry {entry.id}")
                raise
        if error is not None:
            error.add_note(f"entry {entry.id} of the ledger: the job {verdict.value}; {words}")
        elif verdict is not Verdict.CREATED:
            raise StateError(
                f"the API's answer names no project: entry {one_line(entry.id)!r} is unknown",
                entry=self._entry,
                code="no-project",
            )

    def leave(self, error: BaseException | None = None) -> None:
        """Give back what is held where nothing was sent.

        Args:
            error: Why nothing was; what cannot be written is noted there.
        """
        entry = self._entry
        if entry is None or self._claimed or self._ended or entry.state is not State.RESERVED:
            return
        self._ended = True
        words = "its credits are released"
        try:
            self._entry = self._ledger.withdraw(entry.id)
        except StateError:
            words = "another call sends it"
        except PreflightError as fault:
            words = f"that could not be written: {fault.message}"
        if error is not None:
            error.add_note(f"entry {entry.id} of the ledger: the job was not sent; {words}")


def settle_project(holding: Holding, project_id: str, status: object, credits: object) -> None:
    """Book what a job cost, once the API says that it has ended.

    Args:
        holding: Where it is written.
        project_id: The API's id of the job.
        status: As the API names it.
        credits: What the API says was charged.

    Raises:
        LedgerError: It cannot be written.
    """
    if status not in FINAL_STATUSES or type(credits) is not int or credits < 0:
        return
    for entry in tuple(holding.ledger.entries(project_id=project_id)):
        if entry.state is State.SUBMITTED:
            holding.ledger.settle(entry.id, credits)


def _without_files(job: Job) -> dict[str, Any]:
    return job.with_paths(job.wire_body(), lambda _: "")
