"""What is in the file? `probe` reads it; `Media` says what is known, how, and what is not."""

from mh_preflight.media.cache import ProbeCache
from mh_preflight.media.facts import Audio, Failure, Image, Kind, Media, Video
from mh_preflight.media.limits import Limits
from mh_preflight.media.origins import ending_of, is_remote, is_upload
from mh_preflight.media.origins.far import shown_url
from mh_preflight.media.source import Isolation, has_changed, probe, probe_many
from mh_preflight.media.youtube import probe_youtube

__all__ = [
    "Audio",
    "Failure",
    "Image",
    "Isolation",
    "Kind",
    "Limits",
    "Media",
    "ProbeCache",
    "Video",
    "ending_of",
    "has_changed",
    "is_remote",
    "is_upload",
    "probe",
    "probe_many",
    "probe_youtube",
    "shown_url",
]
