"""POST /v1/character-replace: another character in a video, or its motion on a character."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import AssetKind, Part, Path, Seconds, WindowedJob
from mh_preflight.jobs.values import Choice, Many, Resolution

__all__ = [
    "CharacterReplace",
    "CharacterReplaceAssets",
    "CharacterReplacePoint",
    "CharacterReplaceStyle",
]


class CharacterReplaceAssets(Part):
    """The files of a Character Replace job.

    Attributes:
        image_file_path: The character: local path, URL or the `file_path` of an upload.
        video_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path
    video_file_path: Path


class CharacterReplacePoint(Part):
    """A mark on the person in the video that is meant.

    Attributes:
        position_x: Pixels from the left edge.
        position_y: Pixels from the top edge.
        time_seconds: When, on the clock of `start_seconds` and `end_seconds`.
    """

    position_x: Annotated[int, Field(strict=True, ge=0)]
    position_y: Annotated[int, Field(strict=True, ge=0)]
    time_seconds: Seconds


class CharacterReplaceStyle(Part):
    """How a Character Replace job is made.

    Attributes:
        mode: `replace` puts the character into the video, `animate` moves it as the video does.
        points: Required where `selection_mode` is `point`; dicts in the API's form, or
            `CharacterReplacePoint`.
        selection_mode: How the person in the video is found.
    """

    mode: Literal["animate", "replace"] | None = None
    points: Many[CharacterReplacePoint] | None = None
    selection_mode: Literal["auto", "point"] | None = None

    @model_validator(mode="after")
    def _points_are_given(self) -> Self:
        if self.selection_mode == "point" and not self.points:
            raise InputError("is required where selection_mode is 'point'", field="points")
        return self


class CharacterReplace(WindowedJob):
    """A Character Replace job, in the words of `POST /v1/character-replace`.

    Args:
        assets: The files; a dict in the API's form, or `CharacterReplaceAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        model: Name of the model.
        name: For your own identification.
        resolution: Output preset, such as `720p`.
        start_seconds: Start of the window in the video; 0 where it is left out.
        style: Mode and selection; a dict in the API's form, or `CharacterReplaceStyle`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = CharacterReplace(
        ...     assets={"image_file_path": "hero.png", "video_file_path": "clip.mp4"},
        ...     end_seconds=5,
        ...     style={"mode": "animate"},
        ... )
        >>> job.window, job.mode
        ((0, 5000000), 'animate')
    """

    endpoint: ClassVar[str] = "character-replace"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"video_file_path": "video", "image_file_path": "image"}
    )
    trimmed: ClassVar[AssetKind] = "video"
    mode_field: ClassVar[str] = "style.mode"

    assets: CharacterReplaceAssets
    model: Choice | None = None
    name: str | None = None
    resolution: Resolution | None = None
    start_seconds: Seconds = 0
    style: CharacterReplaceStyle | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: CharacterReplaceAssets | Mapping[str, object],
            end_seconds: float,
            model: str | None = None,
            name: str | None = None,
            resolution: str | None = None,
            start_seconds: float = 0,
            style: CharacterReplaceStyle | Mapping[str, object] | None = None,
        ) -> None: ...
