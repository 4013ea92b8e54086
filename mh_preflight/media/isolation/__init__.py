"""Who reads it? A warm worker process that can open nothing, where the system allows it."""

from mh_preflight.media.isolation.pool import Pool, can_isolate, processors, shared_pool

__all__ = ["Pool", "can_isolate", "processors", "shared_pool"]
