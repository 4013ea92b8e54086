"""POST /v1/lip-sync: a video whose lips follow an audio file."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from mh_preflight.jobs.base import (
    AssetKind,
    FpsLimit,
    Part,
    Path,
)
from mh_preflight.jobs.video_source import VideoSourceAssets, VideoSourceJob
from mh_preflight.units import frame_rate

__all__ = ["LipSync", "LipSyncAssets", "LipSyncStyle"]


class LipSyncAssets(VideoSourceAssets):
    """The files of a Lip Sync job.

    Attributes:
        video_source: Whether `video_file_path` or `youtube_url` is used.
        video_file_path: Local path, URL or the `file_path` of an upload.
        youtube_url: Address of a YouTube video.
        audio_file_path: Local path, URL or the `file_path` of an upload.
    """

    audio_file_path: Path


class LipSyncStyle(Part):
    """How a Lip Sync job is made.

    Attributes:
        generation_mode: `lite`, `standard` or `pro`; in the API since 2025-09-20.
    """

    generation_mode: Literal["lite", "standard", "pro"] | None = None


class LipSync(VideoSourceJob):
    """A Lip Sync job, in the words of `POST /v1/lip-sync`.

    Args:
        assets: The files; a dict in the API's form, or `LipSyncAssets`.
        start_seconds: Start of the window in the video.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        max_fps_limit: Highest frame rate of the output, at least 1.
        width: Counted until 2025-08-17, when it went with `height` only; ignored since.
        height: Counted until 2025-08-17, when it went with `width` only; ignored since.
        name: For your own identification.
        style: The generation mode; a dict in the API's form, or `LipSyncStyle`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = LipSync(
        ...     assets={
        ...         "video_source": "file",
        ...         "video_file_path": "clip.mp4",
        ...         "audio_file_path": "line.mp3",
        ...     },
        ...     start_seconds=0,
        ...     end_seconds=15,
        ...     max_fps_limit=12,
        ... )
        >>> job.window, job.fps_limit
        ((0, 15000000), Fraction(12, 1))
    """

    endpoint: ClassVar[str] = "lip-sync"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"video_file_path": "video", "youtube_url": "video", "audio_file_path": "audio"}
    )
    trimmed: ClassVar[AssetKind] = "video"

    assets: LipSyncAssets
    max_fps_limit: FpsLimit | None = None
    name: str | None = None
    style: LipSyncStyle | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: LipSyncAssets | Mapping[str, object],
            start_seconds: float,
            end_seconds: float,
            max_fps_limit: float | None = None,
            width: int | None = None,
            height: int | None = None,
            name: str | None = None,
            style: LipSyncStyle | Mapping[str, object] | None = None,
        ) -> None: ...

    @property
    def edge(self) -> int | None:
        """The larger of `width` and `height`, which count together only."""
        return None if None in {self.width, self.height} else super().edge

    @property
    def fps_limit(self) -> Fraction | None:
        """`max_fps_limit`, exact."""
        return None if self.max_fps_limit is None else frame_rate(self.max_fps_limit)
