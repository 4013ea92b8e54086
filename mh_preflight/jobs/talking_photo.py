"""POST /v1/ai-talking-photo: a portrait that speaks an audio file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from mh_preflight.jobs.base import (
    AssetKind,
    Intensity,
    Part,
    Path,
    Pixels,
    WindowedJob,
)

__all__ = ["TalkingPhoto", "TalkingPhotoAssets", "TalkingPhotoStyle"]


class TalkingPhotoAssets(Part):
    """The files of a Talking Photo job; it takes no text to speak.

    Attributes:
        image_file_path: Local path, URL or the `file_path` of an upload.
        audio_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path
    audio_file_path: Path


class TalkingPhotoStyle(Part):
    """How a Talking Photo job is made.

    Attributes:
        generation_mode: `realistic` or `prompted`; the older names are kept by the API.
        intensity: Only for `expressive`; at most 2 decimals.
        prompt: Only for `prompted`.
    """

    generation_mode: (
        Literal["realistic", "prompted", "pro", "standard", "stable", "expressive"] | None
    ) = None
    intensity: Intensity | None = None
    prompt: str | None = None


class TalkingPhoto(WindowedJob):
    """A Talking Photo job, in the words of `POST /v1/ai-talking-photo`.

    Args:
        assets: The files; a dict in the API's form, or `TalkingPhotoAssets`.
        start_seconds: Start of the window in the audio.
        end_seconds: End of the window in the audio, at least 0.1 and after the start.
        name: For your own identification.
        resolution: Output preset, `480p` or `720p`; in the API since 2026-10-20.
        max_resolution: Longest edge in pixels; deprecated since 2026-10-20.
        style: Mode, intensity and prompt; a dict in the API's form, or `TalkingPhotoStyle`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = TalkingPhoto(
        ...     assets={"image_file_path": "face.png", "audio_file_path": "line.mp3"},
        ...     start_seconds=0,
        ...     end_seconds=3.920042,
        ... )
        >>> job.window
        (0, 3920042)
    """

    endpoint: ClassVar[str] = "ai-talking-photo"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"image_file_path": "image", "audio_file_path": "audio"}
    )
    trimmed: ClassVar[AssetKind] = "audio"

    assets: TalkingPhotoAssets
    name: str | None = None
    resolution: Literal["480p", "720p"] | None = None
    max_resolution: Pixels | None = None
    style: TalkingPhotoStyle | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: TalkingPhotoAssets | Mapping[str, object],
            start_seconds: float,
            end_seconds: float,
            name: str | None = None,
            resolution: Literal["480p", "720p"] | None = None,
            max_resolution: int | None = None,
            style: TalkingPhotoStyle | Mapping[str, object] | None = None,
        ) -> None: ...

    @property
    def edge(self) -> int | None:
        """`max_resolution` as it was asked for."""
        return self.max_resolution
