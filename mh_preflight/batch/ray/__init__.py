"""What will it cost on many machines? The same table function, on Ray Data.

Needs Ray: `pip install 'mh-preflight[ray]'`.
"""

from mh_preflight.errors import MissingExtraError

try:
    import ray.data  # noqa: F401  this room is built on it
except ImportError as error:
    raise MissingExtraError(
        "batches on many machines need Ray, which is not installed: pip install 'mh-preflight[ray]'"
    ) from error

from mh_preflight.batch.ray.dataset import estimate_dataset
from mh_preflight.batch.ray.files import Spread, estimate_files

__all__ = ["Spread", "estimate_dataset", "estimate_files"]
