"""What goes wrong before anything is spent."""

from __future__ import annotations

from typing import Any

__all__ = [
    "FindingsError",
    "InputError",
    "IsolationError",
    "JobError",
    "MediaError",
    "MissingExtraError",
    "OverLimitError",
    "PreflightError",
    "RateFileError",
    "UnknownRateError",
]


class PreflightError(Exception):
    """The base of every error that mh_preflight raises.

    Args:
        message: One line that says what is wrong and what to do.
        code: A stable word for programs; the class's own where not given.
        field: The field of the request, dotted (`assets.video_file_path`), or None.
        source: The file or URL, or None.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field
        self.source = source

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(cls: type[PreflightError], message: str, state: dict[str, object]) -> PreflightError:
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class InputError(PreflightError, ValueError):
    """A value handed to the library cannot be used."""

    code = "bad-value"


class JobError(InputError):
    """The job is wrong in itself, whatever the date and the plan."""

    code = "bad-job"


class RateFileError(InputError):
    """A rate file does not load; the rates in use stay as they were."""

    code = "bad-rate-file"


class MediaError(PreflightError):
    """A file cannot be read as the media it should be."""

    code = "unreadable"


class FindingsError(PreflightError):
    """The job has findings of severity error.

    Attributes:
        findings: The findings that stopped it.
    """

    code = "findings"

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class OverLimitError(PreflightError):
    """The job may cost more than the caller allows.

    Attributes:
        report: The whole report, so that the numbers can be shown.
        fits: What would fit under the limit, as changes of the request; may be empty.
    """

    code = "over-limit"

    def __init__(self, message: str, report: Any = None, fits: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.report = report
        self.fits = fits


class UnknownRateError(PreflightError):
    """No rate is known for this job at this date, and an unknown price is never taken for zero."""

    code = "unknown-rate"


class IsolationError(PreflightError):
    """No process of its own can be had to read a file in, and none was not allowed."""

    code = "no-isolation"


class MissingExtraError(PreflightError):
    """An optional part of mh_preflight is not installed."""

    code = "missing-extra"
