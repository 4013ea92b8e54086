"""Music and voices: ai-music-generator, ai-voice-generator, ai-voice-cloner."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import StrictBool

from mh_preflight.jobs.base import AssetKind, Job, Part, Path
from mh_preflight.jobs.values import Choice, WholeSeconds
from mh_preflight.units import microseconds

__all__ = [
    "MusicGenerator",
    "MusicGeneratorStyle",
    "VoiceCloner",
    "VoiceClonerAssets",
    "VoiceClonerStyle",
    "VoiceGenerator",
    "VoiceGeneratorStyle",
]


class MusicGeneratorStyle(Part):
    """What a Music Generator job plays.

    Attributes:
        instrumental: Whether nobody sings; then `lyrics` are ignored.
        lyrics: What is sung; left to the API where it is left out.
        prompt: Genre, mood and instruments.
    """

    instrumental: StrictBool | None = None
    lyrics: str | None = None
    prompt: str


class MusicGenerator(Job):
    """A Music Generator job, in the words of `POST /v1/ai-music-generator`.

    Args:
        duration: Length of the track in whole seconds.
        style: What is played; a dict in the API's form, or `MusicGeneratorStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> MusicGenerator(duration=120, style={"prompt": "slow jazz"}).window
        (0, 120000000)
    """

    endpoint: ClassVar[str] = "ai-music-generator"
    end_field: ClassVar[str] = "duration"

    duration: WholeSeconds
    name: str | None = None
    style: MusicGeneratorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            duration: int,
            style: MusicGeneratorStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...

    @property
    def window(self) -> tuple[int, int]:
        """From 0 to `duration`, in whole microseconds."""
        return 0, microseconds(self.duration)


class VoiceGeneratorStyle(Part):
    """What a Voice Generator job says, and who says it.

    Attributes:
        prompt: The words.
        voice_name: Name of the voice.
    """

    prompt: str
    voice_name: Choice


class VoiceGenerator(Job):
    """A Voice Generator job, in the words of `POST /v1/ai-voice-generator`.

    Args:
        style: Words and voice; a dict in the API's form, or `VoiceGeneratorStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> len(VoiceGenerator(style={"prompt": "Good morning.", "voice_name": "Aang"}).text)
        13
    """

    endpoint: ClassVar[str] = "ai-voice-generator"
    text_field: ClassVar[str] = "style.prompt"

    name: str | None = None
    style: VoiceGeneratorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            style: VoiceGeneratorStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...


class VoiceClonerAssets(Part):
    """The file of a Voice Cloner job.

    Attributes:
        audio_file_path: The voice: local path, URL or the `file_path` of an upload.
    """

    audio_file_path: Path


class VoiceClonerStyle(Part):
    """What a Voice Cloner job says.

    Attributes:
        prompt: The words.
    """

    prompt: str


class VoiceCloner(Job):
    """A Voice Cloner job, in the words of `POST /v1/ai-voice-cloner`.

    Args:
        assets: The voice; a dict in the API's form, or `VoiceClonerAssets`.
        style: The words; a dict in the API's form, or `VoiceClonerStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-voice-cloner"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"audio_file_path": "audio"})
    text_field: ClassVar[str] = "style.prompt"

    assets: VoiceClonerAssets
    name: str | None = None
    style: VoiceClonerStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: VoiceClonerAssets | Mapping[str, object],
            style: VoiceClonerStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...
