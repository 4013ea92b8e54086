"""Videos made from a video: another style, an edit, an upscale, a translation, subtitles."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import AssetKind, Part, Path, Seconds, WindowedJob
from mh_preflight.jobs.values import Choice, Finite, Resolution
from mh_preflight.jobs.video_source import VideoSourceAssets, VideoSourceJob

__all__ = [
    "AutoSubtitles",
    "AutoSubtitlesConfig",
    "AutoSubtitlesStyle",
    "VideoAssets",
    "VideoEditor",
    "VideoEditorStyle",
    "VideoToVideo",
    "VideoToVideoStyle",
    "VideoTranslator",
    "VideoUpscaler",
]


class VideoToVideoStyle(Part):
    """How a Video-to-Video job is made.

    Attributes:
        art_style: Name of the style.
        model: Name of the model that draws.
        prompt: Required where `prompt_type` is `custom` or `append_default`.
        prompt_type: Whether the style's own prompt, yours, or both are used.
        version: Version of the style.
    """

    art_style: Choice
    model: Choice | None = None
    prompt: str | None = None
    prompt_type: Literal["append_default", "custom", "default"] | None = None
    version: Literal["default", "v1", "v2"] | None = None

    @model_validator(mode="after")
    def _prompt_is_given(self) -> Self:
        if self.prompt_type in {"append_default", "custom"} and self.prompt is None:
            raise InputError(
                f"is required where prompt_type is {self.prompt_type!r}", field="prompt"
            )
        return self


class VideoToVideo(VideoSourceJob):
    """A Video-to-Video job, in the words of `POST /v1/video-to-video`.

    Args:
        assets: The video; a dict in the API's form, or `VideoSourceAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        start_seconds: Start of the window in the video.
        style: Style and prompt; a dict in the API's form, or `VideoToVideoStyle`.
        fps_resolution: `FULL` keeps the frame rate of the video, `HALF` halves it.
        height: In pixels; deprecated.
        name: For your own identification.
        width: In pixels; deprecated.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = VideoToVideo(
        ...     assets={"video_source": "file", "video_file_path": "clip.mp4"},
        ...     start_seconds=0,
        ...     end_seconds=5,
        ...     style={"art_style": "Minecraft"},
        ...     fps_resolution="FULL",
        ... )
        >>> job.window, job.mode
        ((0, 5000000), 'FULL')
    """

    endpoint: ClassVar[str] = "video-to-video"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"video_file_path": "video", "youtube_url": "video"}
    )
    trimmed: ClassVar[AssetKind] = "video"
    mode_field: ClassVar[str] = "fps_resolution"

    style: VideoToVideoStyle
    fps_resolution: Literal["FULL", "HALF"] | None = None
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: VideoSourceAssets | Mapping[str, object],
            end_seconds: float,
            start_seconds: float,
            style: VideoToVideoStyle | Mapping[str, object],
            fps_resolution: Literal["FULL", "HALF"] | None = None,
            height: int | None = None,
            name: str | None = None,
            width: int | None = None,
        ) -> None: ...


class VideoAssets(Part):
    """The only file of a job on a video.

    Attributes:
        video_file_path: Local path, URL or the `file_path` of an upload.
    """

    video_file_path: Path


class VideoEditorStyle(Part):
    """What a Video Editor job changes.

    Attributes:
        prompt: What is changed.
    """

    prompt: str


class VideoEditor(WindowedJob):
    """A Video Editor job, in the words of `POST /v1/ai-video-editor`.

    Args:
        assets: The video; a dict in the API's form, or `VideoAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        style: The prompt; a dict in the API's form, or `VideoEditorStyle`.
        model: Name of the model.
        name: For your own identification.
        resolution: Output preset, such as `720p`.
        start_seconds: Start of the window in the video; 0 where it is left out.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = VideoEditor(
        ...     assets={"video_file_path": "clip.mp4"},
        ...     end_seconds=5,
        ...     style={"prompt": "make the car blue"},
        ... )
        >>> job.window
        (0, 5000000)
    """

    endpoint: ClassVar[str] = "ai-video-editor"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"video_file_path": "video"})
    trimmed: ClassVar[AssetKind] = "video"

    assets: VideoAssets
    model: Choice | None = None
    name: str | None = None
    resolution: Resolution | None = None
    start_seconds: Seconds = 0
    style: VideoEditorStyle

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: VideoAssets | Mapping[str, object],
            end_seconds: float,
            style: VideoEditorStyle | Mapping[str, object],
            model: str | None = None,
            name: str | None = None,
            resolution: str | None = None,
            start_seconds: float = 0,
        ) -> None: ...


class VideoUpscaler(WindowedJob):
    """A Video Upscaler job, in the words of `POST /v1/ai-video-upscaler`.

    Args:
        assets: The video; a dict in the API's form, or `VideoAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        resolution: Output preset, such as `1080p`.
        name: For your own identification.
        start_seconds: Start of the window in the video; 0 where it is left out.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-video-upscaler"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"video_file_path": "video"})
    trimmed: ClassVar[AssetKind] = "video"

    assets: VideoAssets
    name: str | None = None
    resolution: Resolution
    start_seconds: Seconds = 0

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: VideoAssets | Mapping[str, object],
            end_seconds: float,
            resolution: str,
            name: str | None = None,
            start_seconds: float = 0,
        ) -> None: ...

    @property
    def size(self) -> str:
        """`resolution` as it was asked for."""
        return self.resolution


class VideoTranslator(WindowedJob):
    """A Video Translator job, in the words of `POST /v1/ai-video-translator`.

    Args:
        assets: The video; a dict in the API's form, or `VideoAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        target_language: Name of the language that is spoken afterwards.
        name: For your own identification.
        resolution: Output preset, such as `720p`.
        start_seconds: Start of the window in the video; 0 where it is left out.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-video-translator"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"video_file_path": "video"})
    trimmed: ClassVar[AssetKind] = "video"

    assets: VideoAssets
    name: str | None = None
    resolution: Resolution | None = None
    start_seconds: Seconds = 0
    target_language: Choice

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: VideoAssets | Mapping[str, object],
            end_seconds: float,
            target_language: str,
            name: str | None = None,
            resolution: str | None = None,
            start_seconds: float = 0,
        ) -> None: ...


class AutoSubtitlesConfig(Part):
    """How subtitles look, in place of a template or on top of it.

    Attributes:
        font: Name of a font of Google Fonts.
        font_size: In pixels; chosen by the size of the video where it is left out.
        font_style: Such as `normal` or `italic`.
        highlighted_text_color: Colour of the words being spoken.
        horizontal_position: Such as `left` or `center`.
        stroke_color: Colour of the outline.
        stroke_width: Width of the outline in pixels.
        text_color: Colour of the text.
        vertical_position: Such as `top` or `bottom`.
    """

    font: Choice | None = None
    font_size: Finite | None = None
    font_style: Choice | None = None
    highlighted_text_color: Choice | None = None
    horizontal_position: Choice | None = None
    stroke_color: Choice | None = None
    stroke_width: Finite | None = None
    text_color: Choice | None = None
    vertical_position: Choice | None = None


NEEDED = ("font", "text_color", "vertical_position", "horizontal_position")
"""What a configuration has to say where it stands alone."""


class AutoSubtitlesStyle(Part):
    """How subtitles look: a template, a configuration, or both.

    Attributes:
        custom_config: Replaces single values of the template; a dict in the API's form, or
            `AutoSubtitlesConfig`.
        template: Name of the template.
    """

    custom_config: AutoSubtitlesConfig | None = None
    template: Choice | None = None

    @model_validator(mode="after")
    def _look_is_given(self) -> Self:
        if self.template is not None:
            return self
        if self.custom_config is None:
            raise InputError("is required where custom_config is not given", field="template")
        for name in NEEDED:
            if getattr(self.custom_config, name) is None:
                raise InputError(
                    "is required where template is not given", field=f"custom_config.{name}"
                )
        return self


class AutoSubtitles(WindowedJob):
    """An Auto Subtitle Generator job, in the words of `POST /v1/auto-subtitle-generator`.

    Args:
        assets: The video; a dict in the API's form, or `VideoAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        start_seconds: Start of the window in the video.
        style: How they look; a dict in the API's form, or `AutoSubtitlesStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "auto-subtitle-generator"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"video_file_path": "video"})
    trimmed: ClassVar[AssetKind] = "video"

    assets: VideoAssets
    name: str | None = None
    style: AutoSubtitlesStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: VideoAssets | Mapping[str, object],
            end_seconds: float,
            start_seconds: float,
            style: AutoSubtitlesStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...
