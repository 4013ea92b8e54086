"""What exactly will run? A job on a plan and a day becomes mode, size, window, limits and rate."""

from mh_preflight.settings.choice import State
from mh_preflight.settings.resolve import Settings, resolve_settings

__all__ = ["Settings", "State", "resolve_settings"]
