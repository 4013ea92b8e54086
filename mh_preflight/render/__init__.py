"""Show it: JSON for programs, text for people. Formatting only, no arithmetic."""

from mh_preflight.render.wire import (
    ErrorBody,
    ReportBody,
    error_body,
    media_line,
    report_body,
    report_json,
    report_schema,
)

__all__ = [
    "ErrorBody",
    "ReportBody",
    "error_body",
    "media_line",
    "report_body",
    "report_json",
    "report_schema",
]
