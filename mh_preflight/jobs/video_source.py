"""What the endpoints that read a video from a file or from YouTube have in common."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import Part, Path, Pixels, WindowedJob

__all__ = ["VideoSourceAssets", "VideoSourceJob"]


class VideoSourceAssets(Part):
    """A video that is a file or is on YouTube.

    Attributes:
        video_source: Whether `video_file_path` or `youtube_url` is used.
        video_file_path: Local path, URL or the `file_path` of an upload.
        youtube_url: Address of a YouTube video.
    """

    video_source: Literal["file", "youtube"]
    video_file_path: Path | None = None
    youtube_url: Path | None = None

    @model_validator(mode="after")
    def _source_is_given(self) -> Self:
        name = "video_file_path" if self.video_source == "file" else "youtube_url"
        if getattr(self, name) is None:
            raise InputError(f"is required where video_source is {self.video_source!r}", field=name)
        return self


class VideoSourceJob(WindowedJob):
    """A job on a piece of a video that is a file or is on YouTube."""

    assets: VideoSourceAssets
    width: Pixels | None = None
    height: Pixels | None = None

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`."""
        unused = "youtube_url" if self.assets.video_source == "file" else "video_file_path"
        return {name: path for name, path in super().sources().items() if name != unused}

    @property
    def edge(self) -> int | None:
        """The larger of `width` and `height`."""
        return max(self.width or 0, self.height or 0) or None
