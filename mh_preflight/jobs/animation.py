"""POST /v1/animation: a video drawn frame by frame, to music or without."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, StrictInt, model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import AssetKind, FpsLimit, OutputJob, Part, Path
from mh_preflight.jobs.values import Choice
from mh_preflight.units import frame_rate

__all__ = ["Animation", "AnimationAssets", "AnimationStyle"]

SOURCES = MappingProxyType({"file": "audio_file_path", "youtube": "youtube_url"})
"""The field that each `audio_source` uses."""


class AnimationAssets(Part):
    """The files of an Animation job.

    Attributes:
        audio_source: Whether `audio_file_path`, `youtube_url` or neither is used.
        audio_file_path: Local path, URL or the `file_path` of an upload.
        youtube_url: Address of a YouTube video, for its sound.
        image_file_path: The first frame: local path, URL or the `file_path` of an upload.
    """

    audio_file_path: Path | None = None
    audio_source: Literal["file", "none", "youtube"]
    image_file_path: Path | None = None
    youtube_url: Path | None = None

    @model_validator(mode="after")
    def _source_is_given(self) -> Self:
        name = SOURCES.get(self.audio_source)
        if name is not None and getattr(self, name) is None:
            raise InputError(f"is required where audio_source is {self.audio_source!r}", field=name)
        return self


class AnimationStyle(Part):
    """How an Animation job is made.

    Attributes:
        art_style: Name of the style.
        art_style_custom: Required where `art_style` is `Custom`.
        camera_effect: Name of the camera's motion.
        prompt: Required where `prompt_type` is `custom`.
        prompt_type: Whether the prompt is yours, follows the lyrics or is left to the API.
        transition_speed: How fast the content changes; more is faster.
    """

    art_style: Choice
    art_style_custom: str | None = None
    camera_effect: Choice
    prompt: str | None = None
    prompt_type: Literal["ai_choose", "custom", "use_lyrics"]
    transition_speed: StrictInt

    @model_validator(mode="after")
    def _texts_are_given(self) -> Self:
        if self.art_style == "Custom" and self.art_style_custom is None:
            raise InputError("is required where art_style is 'Custom'", field="art_style_custom")
        if self.prompt_type == "custom" and self.prompt is None:
            raise InputError("is required where prompt_type is 'custom'", field="prompt")
        return self


class Animation(OutputJob):
    """An Animation job, in the words of `POST /v1/animation`.

    Args:
        assets: The files; a dict in the API's form, or `AnimationAssets`.
        end_seconds: Length of the video in seconds, at least 0.1.
        fps: Frame rate of the video, at least 1.
        height: In pixels, at least 64.
        style: Style, motion and prompt; a dict in the API's form, or `AnimationStyle`.
        width: In pixels, at least 64.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = Animation(
        ...     assets={"audio_source": "none"},
        ...     end_seconds=5,
        ...     fps=12,
        ...     height=512,
        ...     width=768,
        ...     style={
        ...         "art_style": "Painterly Illustration",
        ...         "camera_effect": "Simple Zoom In",
        ...         "prompt_type": "custom",
        ...         "prompt": "a city at night",
        ...         "transition_speed": 5,
        ...     },
        ... )
        >>> job.own_fps, job.edge
        (Fraction(12, 1), 768)
    """

    endpoint: ClassVar[str] = "animation"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"audio_file_path": "audio", "youtube_url": "audio", "image_file_path": "image"}
    )

    assets: AnimationAssets
    fps: FpsLimit
    height: Annotated[int, Field(strict=True, ge=64)]
    name: str | None = None
    style: AnimationStyle
    width: Annotated[int, Field(strict=True, ge=64)]

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: AnimationAssets | Mapping[str, object],
            end_seconds: float,
            fps: float,
            height: int,
            style: AnimationStyle | Mapping[str, object],
            width: int,
            name: str | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _audio_can_lead(self) -> Self:
        if self.assets.audio_source == "none" and self.style.prompt_type != "custom":
            raise InputError(
                f"must be 'file' or 'youtube' where style.prompt_type is "
                f"{self.style.prompt_type!r}",
                field="assets.audio_source",
            )
        return self

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`."""
        unused = {*SOURCES.values()} - {SOURCES.get(self.assets.audio_source)}
        return {name: path for name, path in super().sources().items() if name not in unused}

    @property
    def own_fps(self) -> Fraction:
        """`fps`, exact."""
        return frame_rate(self.fps)

    @property
    def edge(self) -> int:
        """The larger of `width` and `height`."""
        return max(self.width, self.height)
