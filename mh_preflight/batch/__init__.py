"""What will millions of jobs cost? Arrow tables in and out, a row a job.

Needs pyarrow: `pip install 'mh-preflight[arrow]'`.
"""

from mh_preflight.errors import MissingExtraError

try:
    import pyarrow  # noqa: F401, ICN001  this room is built on it
except ImportError as error:
    raise MissingExtraError(
        "batches need pyarrow, which is not installed: pip install 'mh-preflight[arrow]'"
    ) from error

from mh_preflight.batch.columns import ANSWERS
from mh_preflight.batch.table import estimate_batches, estimate_table
from mh_preflight.batch.terms import Terms

__all__ = ["ANSWERS", "Terms", "estimate_batches", "estimate_table"]
