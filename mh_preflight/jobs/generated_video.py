"""Videos made from text, an image or audio, and ads in which an actor speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import StrictBool

from mh_preflight.jobs.base import (
    AssetKind,
    OutputJob,
    Part,
    Path,
    Pixels,
    Seconds,
    WindowedJob,
    chosen,
)
from mh_preflight.jobs.values import Choice, Many, Resolution

__all__ = [
    "AudioToVideo",
    "AudioToVideoAssets",
    "AudioToVideoStyle",
    "GeneratedVideo",
    "ImageToVideo",
    "ImageToVideoAssets",
    "ImageToVideoStyle",
    "Reference",
    "TextToVideo",
    "TextToVideoStyle",
    "UgcAd",
    "UgcAdAssets",
]

WITH_AUDIO = "-audio"
"""How the deprecated names of models end that stand for the model with `audio`."""


class GeneratedVideo(OutputJob):
    """What text-to-video and image-to-video have in common."""

    audio: StrictBool | None = None
    model: Choice | None = None
    name: str | None = None
    resolution: Resolution | None = None

    @property
    def asked_model(self) -> str | None:
        """The model as it was asked for, without the deprecated ending `-audio`."""
        return chosen((self.model or "").removesuffix(WITH_AUDIO) or None)

    @property
    def audio_asked(self) -> bool:
        """Whether `audio` is set, or the model has the deprecated ending `-audio`."""
        return bool(self.audio) or (self.model or "").endswith(WITH_AUDIO)

    @property
    def size(self) -> str | None:
        """`resolution`, else what the deprecated `quality_mode` or `high_quality` stands for."""
        if self.resolution is not None:
            return self.resolution
        quality = self.value_of("style.quality_mode")
        high = self.value_of("style.high_quality") if quality is None else quality == "studio"
        if high is None:
            return None
        return "1080p" if high else "720p"


class TextToVideoStyle(Part):
    """What a Text-to-Video job shows.

    Attributes:
        prompt: What the video shows.
        quality_mode: Deprecated: `quick` is `720p`, `studio` is `1080p`.
    """

    prompt: str
    quality_mode: Literal["quick", "studio"] | None = None


class Reference(Part):
    """A file that the prompt can name.

    Attributes:
        name: Its name; the prompt says `@name`.
        file_path: Local path, URL or the `file_path` of an upload.
    """

    name: str
    file_path: Path


class TextToVideo(GeneratedVideo):
    """A Text-to-Video job, in the words of `POST /v1/text-to-video`.

    Args:
        end_seconds: Length of the video in seconds, at least 0.1.
        style: The prompt; a dict in the API's form, or `TextToVideoStyle`.
        aspect_ratio: Shape of the video.
        audio: Whether the video has sound.
        model: Name of the model; `default` leaves it to the API.
        name: For your own identification.
        orientation: Deprecated: use `aspect_ratio`.
        references: Files that the prompt can name; dicts in the API's form, or `Reference`.
        resolution: Output preset, such as `720p`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = TextToVideo(end_seconds=5, style={"prompt": "a dog running"}, model="ltx-2.5")
        >>> job.window, job.asked_model
        ((0, 5000000), 'ltx-2.5')
    """

    endpoint: ClassVar[str] = "text-to-video"

    style: TextToVideoStyle
    aspect_ratio: Literal["16:9", "1:1", "9:16"] | None = None
    orientation: Literal["landscape", "portrait", "square"] | None = None
    references: Many[Reference] | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            end_seconds: float,
            style: TextToVideoStyle | Mapping[str, object],
            aspect_ratio: Literal["16:9", "1:1", "9:16"] | None = None,
            audio: bool | None = None,
            model: str | None = None,
            name: str | None = None,
            orientation: Literal["landscape", "portrait", "square"] | None = None,
            references: Sequence[Reference | Mapping[str, object]] | None = None,
            resolution: str | None = None,
        ) -> None: ...

    @property
    def reference_count(self) -> int:
        """How many references are given."""
        return len(self.references or ())

    @property
    def reference_files(self) -> dict[str, str]:
        """The files that the prompt can name, by their place in the request body."""
        return {
            f"references.{place}.file_path": reference.file_path
            for place, reference in enumerate(self.references or ())
        }


class ImageToVideoAssets(Part):
    """The files of an Image-to-Video job.

    Attributes:
        image_file_path: The first frame: local path, URL or the `file_path` of an upload.
        end_image_file_path: The last frame: local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path
    end_image_file_path: Path | None = None


class ImageToVideoStyle(Part):
    """What an Image-to-Video job shows.

    Attributes:
        prompt: What the video shows.
        high_quality: Deprecated: no is `720p`, yes is `1080p`.
        quality_mode: Deprecated: `quick` is `720p`, `studio` is `1080p`.
    """

    prompt: str | None = None
    high_quality: StrictBool | None = None
    quality_mode: Literal["quick", "studio"] | None = None


class ImageToVideo(GeneratedVideo):
    """An Image-to-Video job, in the words of `POST /v1/image-to-video`.

    Args:
        assets: The files; a dict in the API's form, or `ImageToVideoAssets`.
        end_seconds: Length of the video in seconds, at least 0.1.
        audio: Whether the video has sound.
        height: In pixels; deprecated and ignored.
        model: Name of the model; `default` leaves it to the API.
        name: For your own identification.
        resolution: Output preset, such as `720p`.
        style: The prompt; a dict in the API's form, or `ImageToVideoStyle`.
        width: In pixels; deprecated and ignored.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = ImageToVideo(
        ...     assets={"image_file_path": "first.png"},
        ...     end_seconds=5,
        ...     model="kling-2.5-audio",
        ...     style={"quality_mode": "studio"},
        ... )
        >>> job.asked_model, job.audio_asked, job.size
        ('kling-2.5', True, '1080p')
    """

    endpoint: ClassVar[str] = "image-to-video"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"image_file_path": "image", "end_image_file_path": "image"}
    )

    assets: ImageToVideoAssets
    height: Pixels | None = None
    style: ImageToVideoStyle | None = None
    width: Pixels | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: ImageToVideoAssets | Mapping[str, object],
            end_seconds: float,
            audio: bool | None = None,
            height: int | None = None,
            model: str | None = None,
            name: str | None = None,
            resolution: str | None = None,
            style: ImageToVideoStyle | Mapping[str, object] | None = None,
            width: int | None = None,
        ) -> None: ...


class AudioToVideoAssets(Part):
    """The files of an Audio-to-Video job.

    Attributes:
        audio_file_path: Local path, URL or the `file_path` of an upload.
        image_file_path: The first frame: local path, URL or the `file_path` of an upload.
    """

    audio_file_path: Path
    image_file_path: Path | None = None


class AudioToVideoStyle(Part):
    """What an Audio-to-Video job shows.

    Attributes:
        prompt: What the video shows.
    """

    prompt: str | None = None


class AudioToVideo(WindowedJob):
    """An Audio-to-Video job, in the words of `POST /v1/audio-to-video`.

    Args:
        assets: The files; a dict in the API's form, or `AudioToVideoAssets`.
        end_seconds: End of the window in the audio, at least 0.1 and after the start.
        name: For your own identification.
        resolution: Output preset, such as `720p`.
        start_seconds: Start of the window in the audio; 0 where it is left out.
        style: The prompt; a dict in the API's form, or `AudioToVideoStyle`.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "audio-to-video"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"audio_file_path": "audio", "image_file_path": "image"}
    )
    trimmed: ClassVar[AssetKind] = "audio"

    assets: AudioToVideoAssets
    name: str | None = None
    resolution: Resolution | None = None
    start_seconds: Seconds = 0
    style: AudioToVideoStyle | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: AudioToVideoAssets | Mapping[str, object],
            end_seconds: float,
            name: str | None = None,
            resolution: str | None = None,
            start_seconds: float = 0,
            style: AudioToVideoStyle | Mapping[str, object] | None = None,
        ) -> None: ...


class UgcAdAssets(Part):
    """The file of a UGC Ad job.

    Attributes:
        image_file_path: The actor: local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path


class UgcAd(OutputJob):
    """A UGC Ad job, in the words of `POST /v1/ai-ugc-ad`.

    Args:
        assets: The file; a dict in the API's form, or `UgcAdAssets`.
        end_seconds: Length of the video in seconds, at least 0.1.
        script: The words that the actor speaks.
        model: Name of the model.
        resolution: Output preset, such as `720p`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> UgcAd(assets={"image_file_path": "actor.png"}, end_seconds=4, script=" Hello. ").text
        'Hello.'
    """

    endpoint: ClassVar[str] = "ai-ugc-ad"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"image_file_path": "image"})
    text_field: ClassVar[str] = "script"

    assets: UgcAdAssets
    script: str
    model: Choice | None = None
    resolution: Resolution | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: UgcAdAssets | Mapping[str, object],
            end_seconds: float,
            script: str,
            model: str | None = None,
            resolution: str | None = None,
        ) -> None: ...

    @property
    def text(self) -> str:
        """`script` without the white space around it, which does not count."""
        return self.script.strip()
