"""What is in the file? `probe` reads it; `Media` says what is known, how, and what is not."""

from mh_preflight.media.facts import Audio, Failure, Image, Kind, Media, Video
from mh_preflight.media.source import is_remote, probe

__all__ = ["Audio", "Failure", "Image", "Kind", "Media", "Video", "is_remote", "probe"]
