"""POST /v1/face-swap and /v1/face-swap-photo: other faces in a video or a photo."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import AssetKind, Job, Part, Path
from mh_preflight.jobs.values import Many
from mh_preflight.jobs.video_source import VideoSourceAssets, VideoSourceJob

__all__ = [
    "FaceMapping",
    "FaceSwap",
    "FaceSwapAssets",
    "FaceSwapPhoto",
    "FaceSwapPhotoAssets",
    "FaceSwapStyle",
    "NewFaces",
]


class FaceMapping(Part):
    """Which face takes the place of which.

    Attributes:
        new_face: Image of the new face: local path, URL or the `file_path` of an upload.
        original_face: Name of the face that it replaces, as face detection gives it; the API has
            this file already.
    """

    new_face: Path
    original_face: Path


class NewFaces(Part):
    """Whose face goes where.

    Attributes:
        face_swap_mode: Whether one new face is used for `all-faces` or `face_mappings` say it for
            `individual-faces`.
        face_mappings: Dicts in the API's form, or `FaceMapping`.
    """

    one_face: ClassVar[str]
    """The field with the new face for all."""

    face_mappings: Many[FaceMapping] | None = None
    face_swap_mode: Literal["all-faces", "individual-faces"] | None = None

    @model_validator(mode="after")
    def _new_faces_are_given(self) -> Self:
        mode = self.face_swap_mode or "all-faces"
        name = self.one_face if mode == "all-faces" else "face_mappings"
        if not getattr(self, name):
            raise InputError(f"is required where face_swap_mode is {mode!r}", field=name)
        return self

    def without_unused(self, sources: Mapping[str, str]) -> dict[str, str]:
        """Leave out the faces that the mode does not use.

        Args:
            sources: Files by their field of `assets`.
        """
        single = self.face_swap_mode == "individual-faces"
        unused = self.one_face if single else "face_mappings"
        return {name: path for name, path in sources.items() if name.split(".")[0] != unused}


class FaceSwapAssets(NewFaces, VideoSourceAssets):
    """The files of a Face Swap job.

    Attributes:
        video_source: Whether `video_file_path` or `youtube_url` is used.
        video_file_path: Local path, URL or the `file_path` of an upload.
        youtube_url: Address of a YouTube video.
        face_swap_mode: Whether `image_file_path` is used for `all-faces` or `face_mappings` are
            for `individual-faces`.
        image_file_path: The new face: local path, URL or the `file_path` of an upload.
        face_mappings: Dicts in the API's form, or `FaceMapping`.
    """

    one_face: ClassVar[str] = "image_file_path"

    image_file_path: Path | None = None


class FaceSwapStyle(Part):
    """How a Face Swap job is made.

    Attributes:
        version: Version of the tool.
    """

    version: Literal["default", "v1", "v2"] | None = None


class FaceSwap(VideoSourceJob):
    """A Face Swap job, in the words of `POST /v1/face-swap`.

    Args:
        assets: The files; a dict in the API's form, or `FaceSwapAssets`.
        end_seconds: End of the window in the video, at least 0.1 and after the start.
        start_seconds: Start of the window in the video.
        height: In pixels; deprecated.
        name: For your own identification.
        style: The version; a dict in the API's form, or `FaceSwapStyle`.
        width: In pixels; deprecated.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = FaceSwap(
        ...     assets={
        ...         "video_source": "file",
        ...         "video_file_path": "clip.mp4",
        ...         "image_file_path": "face.png",
        ...     },
        ...     start_seconds=0,
        ...     end_seconds=5,
        ... )
        >>> job.sources()
        {'video_file_path': 'clip.mp4', 'image_file_path': 'face.png'}
    """

    endpoint: ClassVar[str] = "face-swap"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {
            "video_file_path": "video",
            "youtube_url": "video",
            "image_file_path": "image",
            "face_mappings.new_face": "image",
        }
    )
    trimmed: ClassVar[AssetKind] = "video"
    reference_field: ClassVar[str] = "assets.face_mappings"

    assets: FaceSwapAssets
    name: str | None = None
    style: FaceSwapStyle | None = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: FaceSwapAssets | Mapping[str, object],
            end_seconds: float,
            start_seconds: float,
            height: int | None = None,
            name: str | None = None,
            style: FaceSwapStyle | Mapping[str, object] | None = None,
            width: int | None = None,
        ) -> None: ...

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`."""
        return self.assets.without_unused(super().sources())

    @property
    def reference_count(self) -> int:
        """How many faces are swapped one by one."""
        single = self.assets.face_swap_mode == "individual-faces"
        return len(self.assets.face_mappings or ()) if single else 0


class FaceSwapPhotoAssets(NewFaces):
    """The files of a Face Swap Photo job.

    Attributes:
        target_file_path: The photo: local path, URL or the `file_path` of an upload.
        face_swap_mode: Whether `source_file_path` is used for `all-faces` or `face_mappings` are
            for `individual-faces`.
        source_file_path: The new face: local path, URL or the `file_path` of an upload.
        face_mappings: Dicts in the API's form, or `FaceMapping`.
    """

    one_face: ClassVar[str] = "source_file_path"

    source_file_path: Path | None = None
    target_file_path: Path


class FaceSwapPhoto(Job):
    """A Face Swap Photo job, in the words of `POST /v1/face-swap-photo`.

    Args:
        assets: The files; a dict in the API's form, or `FaceSwapPhotoAssets`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "face-swap-photo"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {
            "target_file_path": "image",
            "source_file_path": "image",
            "face_mappings.new_face": "image",
        }
    )

    assets: FaceSwapPhotoAssets
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: FaceSwapPhotoAssets | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...

    def sources(self) -> dict[str, str]:
        """Give the files and URLs that the job reads, by their field of `assets`."""
        return self.assets.without_unused(super().sources())
