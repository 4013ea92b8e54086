"""Images made from an image: edits, upscales, without their background, with colours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias

from pydantic import model_validator

from mh_preflight.errors import InputError
from mh_preflight.jobs.base import AssetKind, Job, Part, Path, chosen
from mh_preflight.jobs.values import Choice, ImageCount, Many, Resolution, ScaleFactor

__all__ = [
    "BackgroundRemover",
    "BackgroundRemoverAssets",
    "ImageEditor",
    "ImageEditorAssets",
    "ImageEditorStyle",
    "ImageUpscaler",
    "ImageUpscalerAssets",
    "ImageUpscalerStyle",
    "PhotoColorizer",
    "PhotoColorizerAssets",
]

AspectRatio: TypeAlias = Literal["16:9", "1:1", "2:3", "3:2", "4:3", "4:5", "9:16", "auto"]


class ImageEditorAssets(Part):
    """The files of an Image Editor job.

    Attributes:
        image_file_path: Deprecated: use `image_file_paths`.
        image_file_paths: Local paths, URLs or the `file_path` of uploads.
    """

    image_file_path: Path | None = None
    image_file_paths: Many[Path] | None = None

    @model_validator(mode="after")
    def _image_is_given(self) -> Self:
        if self.image_file_path is None and not self.image_file_paths:
            raise InputError("needs at least one image", field="image_file_paths")
        return self


class ImageEditorStyle(Part):
    """What an Image Editor job changes.

    Attributes:
        model: Deprecated: use the job's `model`.
        prompt: What is changed.
    """

    model: Choice | None = None
    prompt: str


class ImageEditor(Job):
    """An Image Editor job, in the words of `POST /v1/ai-image-editor`.

    Args:
        assets: The files; a dict in the API's form, or `ImageEditorAssets`.
        style: The prompt; a dict in the API's form, or `ImageEditorStyle`.
        aspect_ratio: Shape of the images.
        image_count: How many images, from 1 to 16; 1 where it is left out.
        model: Name of the model; `default` leaves it to the API.
        name: For your own identification.
        resolution: Longest edge, as a preset such as `1k`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = ImageEditor(
        ...     assets={"image_file_paths": ["me.png", "hat.png"]},
        ...     style={"prompt": "put on the hat"},
        ...     image_count=2,
        ... )
        >>> job.count, job.reference_count
        (2, 1)
    """

    endpoint: ClassVar[str] = "ai-image-editor"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"image_file_path": "image", "image_file_paths": "image"}
    )
    reference_field: ClassVar[str] = "assets.image_file_paths"
    text_field: ClassVar[str] = "style.prompt"

    aspect_ratio: AspectRatio | None = None
    assets: ImageEditorAssets
    image_count: ImageCount | None = None
    model: Choice | None = None
    name: str | None = None
    resolution: Resolution | None = None
    style: ImageEditorStyle

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            assets: ImageEditorAssets | Mapping[str, object],
            style: ImageEditorStyle | Mapping[str, object],
            aspect_ratio: AspectRatio | None = None,
            image_count: float | None = None,
            model: str | None = None,
            name: str | None = None,
            resolution: str | None = None,
        ) -> None: ...

    @property
    def asked_model(self) -> str | None:
        """`model`, else the deprecated `style.model` as the rate card writes it: `style-seedream`.

        Its names are older ones, of which the rate card says what they run.
        """
        older = chosen(self.style.model)
        if self.model is None and older is not None:
            return f"style-{older.lower().replace(' ', '-')}"
        return chosen(self.model)

    @property
    def count(self) -> int:
        """How many images are made."""
        return int(self.image_count or 1)

    @property
    def reference_count(self) -> int:
        """How many images are given besides the first."""
        return max(len(self.assets.image_file_paths or ()) - 1, 0)


class ImageUpscalerAssets(Part):
    """The file of an Image Upscaler job.

    Attributes:
        image_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path


class ImageUpscalerStyle(Part):
    """How an Image Upscaler job is made.

    Attributes:
        enhancement: Deprecated: use `mode`.
        mode: `preserve` keeps to the image, `balanced` and `creative` add to it; `pro` is an older
            name of `preserve`.
        prompt: Only for `creative`.
    """

    enhancement: Literal["Balanced", "Creative", "Resemblance"] | None = None
    mode: Literal["balanced", "creative", "preserve", "pro"] | None = None
    prompt: str | None = None


class ImageUpscaler(Job):
    """An Image Upscaler job, in the words of `POST /v1/ai-image-upscaler`.

    Args:
        assets: The file; a dict in the API's form, or `ImageUpscalerAssets`.
        scale_factor: 2 or 4.
        name: For your own identification.
        style: The mode; a dict in the API's form, or `ImageUpscalerStyle`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = ImageUpscaler(
        ...     assets={"image_file_path": "small.png"}, scale_factor=4, style={"mode": "preserve"}
        ... )
        >>> job.size, job.mode
        ('4x', 'preserve')
    """

    endpoint: ClassVar[str] = "ai-image-upscaler"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"image_file_path": "image"})
    mode_field: ClassVar[str] = "style.mode"
    size_field: ClassVar[str] = "scale_factor"

    assets: ImageUpscalerAssets
    name: str | None = None
    scale_factor: ScaleFactor
    style: ImageUpscalerStyle | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: ImageUpscalerAssets | Mapping[str, object],
            scale_factor: float,
            name: str | None = None,
            style: ImageUpscalerStyle | Mapping[str, object] | None = None,
        ) -> None: ...

    @classmethod
    def size_value(cls, size: str) -> int:
        """Give the `scale_factor` for a size of the rate card, such as `2x`."""
        return int(size.removesuffix("x"))

    @property
    def mode(self) -> str | None:
        """`style.mode`, else the deprecated `style.enhancement` as it was given."""
        return None if self.style is None else self.style.mode or self.style.enhancement

    @property
    def size(self) -> str:
        """`scale_factor` as the rate card writes it: `2x` or `4x`."""
        return f"{int(self.scale_factor)}x"


class BackgroundRemoverAssets(Part):
    """The files of an Image Background Remover job.

    Attributes:
        background_image_file_path: The new background: local path, URL or the `file_path` of an
            upload.
        image_file_path: Local path, URL or the `file_path` of an upload.
    """

    background_image_file_path: Path | None = None
    image_file_path: Path


class BackgroundRemover(Job):
    """An Image Background Remover job, in the words of `POST /v1/image-background-remover`.

    Args:
        assets: The files; a dict in the API's form, or `BackgroundRemoverAssets`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "image-background-remover"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"image_file_path": "image", "background_image_file_path": "image"}
    )

    assets: BackgroundRemoverAssets
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: BackgroundRemoverAssets | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...


class PhotoColorizerAssets(Part):
    """The file of a Photo Colorizer job.

    Attributes:
        image_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path


class PhotoColorizer(Job):
    """A Photo Colorizer job, in the words of `POST /v1/photo-colorizer`.

    Args:
        assets: The file; a dict in the API's form, or `PhotoColorizerAssets`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "photo-colorizer"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"image_file_path": "image"})

    assets: PhotoColorizerAssets
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: PhotoColorizerAssets | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...
