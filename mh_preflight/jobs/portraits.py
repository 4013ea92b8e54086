"""Photos of people: other clothes, another look, a headshot, another head or body."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import StrictBool

from mh_preflight.jobs.base import AssetKind, Job, Part, Path, Pixels
from mh_preflight.jobs.values import Resolution, Slider

__all__ = [
    "BodySwap",
    "BodySwapAssets",
    "ClothesChanger",
    "ClothesChangerAssets",
    "FaceEditor",
    "FaceEditorAssets",
    "FaceEditorStyle",
    "HeadSwap",
    "HeadSwapAssets",
    "HeadshotGenerator",
    "HeadshotGeneratorAssets",
    "HeadshotGeneratorStyle",
]


class ClothesChangerAssets(Part):
    """The files of a Clothes Changer job.

    Attributes:
        garment_file_path: The clothes: local path, URL or the `file_path` of an upload.
        garment_type: What is changed; `dresses` is an older name of `entire_outfit`.
        person_file_path: The person: local path, URL or the `file_path` of an upload.
    """

    garment_file_path: Path
    garment_type: Literal["dresses", "entire_outfit", "lower_body", "upper_body"] | None = None
    person_file_path: Path


class ClothesChanger(Job):
    """A Clothes Changer job, in the words of `POST /v1/ai-clothes-changer`.

    Args:
        assets: The files; a dict in the API's form, or `ClothesChangerAssets`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-clothes-changer"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"person_file_path": "image", "garment_file_path": "image"}
    )

    assets: ClothesChangerAssets
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: ClothesChangerAssets | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...


class FaceEditorAssets(Part):
    """The file of a Face Editor job.

    Attributes:
        image_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path


class FaceEditorStyle(Part):
    """What a Face Editor job changes; every number is from -100 to 100 in steps of 5.

    Attributes:
        enhance_face: Whether the features of the face are enhanced.
        eye_gaze_horizontal: Where the eyes look, sideways.
        eye_gaze_vertical: Where the eyes look, up or down.
        eye_open_ratio: How open the eyes are.
        eyebrow_direction: How the eyebrows stand.
        head_pitch: How far the head nods.
        head_roll: How far the head tilts.
        head_yaw: How far the head turns.
        lip_open_ratio: How open the lips are.
        mouth_grim: How grim the mouth is.
        mouth_position_horizontal: Where the mouth is, sideways.
        mouth_position_vertical: Where the mouth is, up or down.
        mouth_pout: How much the mouth pouts.
        mouth_purse: How pursed the mouth is.
        mouth_smile: How much the mouth smiles.
    """

    enhance_face: StrictBool | None = None
    eye_gaze_horizontal: Slider | None = None
    eye_gaze_vertical: Slider | None = None
    eye_open_ratio: Slider | None = None
    eyebrow_direction: Slider | None = None
    head_pitch: Slider | None = None
    head_roll: Slider | None = None
    head_yaw: Slider | None = None
    lip_open_ratio: Slider | None = None
    mouth_grim: Slider | None = None
    mouth_position_horizontal: Slider | None = None
    mouth_position_vertical: Slider | None = None
    mouth_pout: Slider | None = None
    mouth_purse: Slider | None = None
    mouth_smile: Slider | None = None


class FaceEditor(Job):
    """A Face Editor job, in the words of `POST /v1/ai-face-editor`.

    Args:
        assets: The file; a dict in the API's form, or `FaceEditorAssets`.
        style: What is changed; a dict in the API's form, or `FaceEditorStyle`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-face-editor"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"image_file_path": "image"})

    assets: FaceEditorAssets
    name: str | None = None
    style: FaceEditorStyle

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: FaceEditorAssets | Mapping[str, object],
            style: FaceEditorStyle | Mapping[str, object],
            name: str | None = None,
        ) -> None: ...


class HeadshotGeneratorAssets(Part):
    """The file of a Headshot Generator job.

    Attributes:
        image_file_path: Local path, URL or the `file_path` of an upload.
    """

    image_file_path: Path


class HeadshotGeneratorStyle(Part):
    """How a Headshot Generator job looks.

    Attributes:
        prompt: The look; left to the API where it is left out.
    """

    prompt: str | None = None


class HeadshotGenerator(Job):
    """A Headshot Generator job, in the words of `POST /v1/ai-headshot-generator`.

    Args:
        assets: The file; a dict in the API's form, or `HeadshotGeneratorAssets`.
        name: For your own identification.
        style: The prompt; a dict in the API's form, or `HeadshotGeneratorStyle`.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "ai-headshot-generator"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType({"image_file_path": "image"})

    assets: HeadshotGeneratorAssets
    name: str | None = None
    style: HeadshotGeneratorStyle | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: HeadshotGeneratorAssets | Mapping[str, object],
            name: str | None = None,
            style: HeadshotGeneratorStyle | Mapping[str, object] | None = None,
        ) -> None: ...


class HeadSwapAssets(Part):
    """The files of a Head Swap job.

    Attributes:
        body_file_path: The photo that gets the head: local path, URL or the `file_path` of an
            upload.
        head_file_path: The head: local path, URL or the `file_path` of an upload.
    """

    body_file_path: Path
    head_file_path: Path


class HeadSwap(Job):
    """A Head Swap job, in the words of `POST /v1/head-swap`.

    Args:
        assets: The files; a dict in the API's form, or `HeadSwapAssets`.
        max_resolution: Longest edge in pixels.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.

    Example:
        >>> assets = {"body_file_path": "body.png", "head_file_path": "head.png"}
        >>> HeadSwap(assets=assets, max_resolution=1024).edge
        1024
    """

    endpoint: ClassVar[str] = "head-swap"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"body_file_path": "image", "head_file_path": "image"}
    )

    assets: HeadSwapAssets
    max_resolution: Pixels | None = None
    name: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: HeadSwapAssets | Mapping[str, object],
            max_resolution: int | None = None,
            name: str | None = None,
        ) -> None: ...

    @property
    def edge(self) -> int | None:
        """`max_resolution` as it was asked for."""
        return self.max_resolution


class BodySwapAssets(Part):
    """The files of a Body Swap job.

    Attributes:
        person_file_path: The person: local path, URL or the `file_path` of an upload.
        scene_file_path: The scene: local path, URL or the `file_path` of an upload.
    """

    person_file_path: Path
    scene_file_path: Path


class BodySwap(Job):
    """A Body Swap job, in the words of `POST /v1/body-swap`.

    Args:
        assets: The files; a dict in the API's form, or `BodySwapAssets`.
        resolution: Longest edge, as a preset such as `1k`.
        name: For your own identification.

    Raises:
        JobError: The job is wrong in itself.
    """

    endpoint: ClassVar[str] = "body-swap"
    asset_kinds: ClassVar[Mapping[str, AssetKind]] = MappingProxyType(
        {"person_file_path": "image", "scene_file_path": "image"}
    )

    assets: BodySwapAssets
    name: str | None = None
    resolution: Resolution

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            assets: BodySwapAssets | Mapping[str, object],
            resolution: str,
            name: str | None = None,
        ) -> None: ...

    @property
    def size(self) -> str:
        """`resolution`, which has to be one: `auto` is none here."""
        return self.resolution
