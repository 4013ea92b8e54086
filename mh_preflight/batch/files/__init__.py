"""From a file of jobs to a file of answers: read, price, write, and go on after a stop."""

from mh_preflight.batch.files.run import Outcome, run_batch
from mh_preflight.batch.files.totals import Sums, Totals

__all__ = ["Outcome", "Sums", "Totals", "run_batch"]
