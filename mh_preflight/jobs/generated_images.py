"""Images made from text: ai-image-generator, GIFs, memes and QR codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AliasChoices, Field, StrictBool

from mh_preflight.jobs.base import Job, Part, chosen
from mh_preflight.jobs.values import Choice, ImageCount, Resolution

__all__ = [
    "GifGenerator",
    "GifGeneratorStyle",
    "ImageGenerator",
    "ImageGeneratorStyle",
    "MemeGenerator",
    "MemeGeneratorStyle",
    "QrCodeGenerator",
    "QrCodeGeneratorStyle",
]


class ImageGeneratorStyle(Part):
    """What an Image Generator job shows.

    Attributes:
        prompt: What the image shows.
        quality_mode: Deprecated: use `model`.
        tool: Name of the tool that the image is made with.
    """

    prompt: str
    quality_mode: Literal["pro", "standard"] | None = None
    tool: Choice | None = None


class ImageGenerator(Job):
    """An Image Generator job, in the words of `POST /v1/ai-image-generator`.

    Args:
        image_count: How many images, from 1 to 16.
        style: The prompt; a dict in the API's form, or `ImageGeneratorStyle`.
        aspect_ratio: Shape of the images.
        model: Name of the model; `default` leaves it to the API.
        name: For your own identification.
        orientation: Deprecated: use `aspect_ratio`.
        resolution: Longest edge, as a preset such as `1k`.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> job = ImageGenerator(image_count=2, style={"prompt": "a lighthouse"}, resolution="1k")
        >>> job.count, job.size, job.asked_model
        (2, '1k', None)
    """

    endpoint: ClassVar[str] = "ai-image-generator"

    aspect_ratio: Literal["16:9", "1:1", "9:16"] | None = None
    image_count: ImageCount
    model: Choice | None = None
    name: str | None = None
    orientation: Literal["landscape", "portrait", "square"] | None = None
    resolution: Resolution | None = None
    style: ImageGeneratorStyle

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the API's own arguments
            self,
            *,
            image_count: int,
            style: ImageGeneratorStyle | Mapping[str, object],
            aspect_ratio: Literal["16:9", "1:1", "9:16"] | None = None,
            model: str | None = None,
            name: str | None = None,
            orientation: Literal["landscape", "portrait", "square"] | None = None,
            resolution: str | None = None,
        ) -> None: ...

    @property
    def asked_model(self) -> str | None:
        """`model`, else the deprecated `style.quality_mode` as it was given."""
        return chosen(self.model or self.style.quality_mode)

    @property
    def count(self) -> int:
        """How many images are made."""
        return int(self.image_count)


class GifGeneratorStyle(Part):
    """What a GIF Generator job shows.

    Attributes:
        prompt: What the GIF shows.
    """

    prompt: str


class GifGenerator(Job):
    """A GIF Generator job, in the words of `POST /v1/ai-gif-generator`.

    Args:
        style: The prompt; a dict in the API's form, or `GifGeneratorStyle`.
        name: For your own identification.
        output_format: Format of the file.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-gif-generator"

    name: str | None = None
    output_format: Literal["gif", "mp4", "webm"] | None = None
    style: GifGeneratorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            style: GifGeneratorStyle | Mapping[str, object],
            name: str | None = None,
            output_format: Literal["gif", "mp4", "webm"] | None = None,
        ) -> None: ...


class MemeGeneratorStyle(Part):
    """What a Meme Generator job shows.

    Attributes:
        search_web: Whether the web is searched for content; `searchWeb` in the request.
        template: Name of the template.
        topic: What the meme is about.
    """

    search_web: StrictBool | None = Field(
        default=None,
        validation_alias=AliasChoices("searchWeb", "search_web"),
        serialization_alias="searchWeb",
    )
    template: Choice
    topic: str


class MemeGenerator(Job):
    """A Meme Generator job, in the words of `POST /v1/ai-meme-generator`.

    Args:
        style: Template and topic; a dict in the API's form, or `MemeGeneratorStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-meme-generator"

    name: str | None = None
    style: MemeGeneratorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            style: MemeGeneratorStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...


class QrCodeGeneratorStyle(Part):
    """How a QR Code Generator job looks.

    Attributes:
        art_style: Name of a style, or your own words for one.
    """

    art_style: Choice


class QrCodeGenerator(Job):
    """A QR Code Generator job, in the words of `POST /v1/ai-qr-code-generator`.

    Args:
        content: What the code says.
        style: How it looks; a dict in the API's form, or `QrCodeGeneratorStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-qr-code-generator"

    content: str
    name: str | None = None
    style: QrCodeGeneratorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            content: str,
            style: QrCodeGeneratorStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...
