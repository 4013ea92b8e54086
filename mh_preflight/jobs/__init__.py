"""What is asked? One frozen model per endpoint, in the API's own wire names.

Only Lip Sync and Talking Photo are loaded at once; the module of another endpoint is loaded when
its model is first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mh_preflight.errors import JobError
from mh_preflight.jobs.base import SHORTEST_END, AssetKind, Job, Part
from mh_preflight.jobs.body import json_object
from mh_preflight.jobs.fields import FIELDS, job_from_fields
from mh_preflight.jobs.lip_sync import LipSync, LipSyncAssets, LipSyncStyle
from mh_preflight.jobs.talking_photo import TalkingPhoto, TalkingPhotoAssets, TalkingPhotoStyle
from mh_preflight.units import meant, one_line

if TYPE_CHECKING:
    from mh_preflight.jobs.animation import Animation
    from mh_preflight.jobs.audio import MusicGenerator, VoiceCloner, VoiceGenerator
    from mh_preflight.jobs.character_replace import CharacterReplace
    from mh_preflight.jobs.edited_images import (
        BackgroundRemover,
        ImageEditor,
        ImageUpscaler,
        PhotoColorizer,
    )
    from mh_preflight.jobs.edited_video import (
        AutoSubtitles,
        VideoEditor,
        VideoToVideo,
        VideoTranslator,
        VideoUpscaler,
    )
    from mh_preflight.jobs.face_swap import FaceSwap, FaceSwapPhoto
    from mh_preflight.jobs.generated_images import (
        GifGenerator,
        ImageGenerator,
        MemeGenerator,
        QrCodeGenerator,
    )
    from mh_preflight.jobs.generated_video import AudioToVideo, ImageToVideo, TextToVideo, UgcAd
    from mh_preflight.jobs.portraits import (
        BodySwap,
        ClothesChanger,
        FaceEditor,
        HeadshotGenerator,
        HeadSwap,
    )

__all__ = [
    "ENDPOINTS",
    "FIELDS",
    "SHORTEST_END",
    "Animation",
    "AssetKind",
    "AudioToVideo",
    "AutoSubtitles",
    "BackgroundRemover",
    "BodySwap",
    "CharacterReplace",
    "ClothesChanger",
    "FaceEditor",
    "FaceSwap",
    "FaceSwapPhoto",
    "GifGenerator",
    "HeadSwap",
    "HeadshotGenerator",
    "ImageEditor",
    "ImageGenerator",
    "ImageToVideo",
    "ImageUpscaler",
    "Job",
    "LipSync",
    "LipSyncAssets",
    "LipSyncStyle",
    "MemeGenerator",
    "MusicGenerator",
    "Part",
    "PhotoColorizer",
    "QrCodeGenerator",
    "TalkingPhoto",
    "TalkingPhotoAssets",
    "TalkingPhotoStyle",
    "TextToVideo",
    "UgcAd",
    "VideoEditor",
    "VideoToVideo",
    "VideoTranslator",
    "VideoUpscaler",
    "VoiceCloner",
    "VoiceGenerator",
    "job",
    "job_from_fields",
    "json_object",
    "model_of",
]

MODELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lip-sync": ("lip_sync", "LipSync"),
        "ai-talking-photo": ("talking_photo", "TalkingPhoto"),
        "ai-clothes-changer": ("portraits", "ClothesChanger"),
        "ai-face-editor": ("portraits", "FaceEditor"),
        "ai-gif-generator": ("generated_images", "GifGenerator"),
        "ai-headshot-generator": ("portraits", "HeadshotGenerator"),
        "ai-image-editor": ("edited_images", "ImageEditor"),
        "ai-image-generator": ("generated_images", "ImageGenerator"),
        "ai-image-upscaler": ("edited_images", "ImageUpscaler"),
        "ai-meme-generator": ("generated_images", "MemeGenerator"),
        "ai-music-generator": ("audio", "MusicGenerator"),
        "ai-qr-code-generator": ("generated_images", "QrCodeGenerator"),
        "ai-ugc-ad": ("generated_video", "UgcAd"),
        "ai-video-editor": ("edited_video", "VideoEditor"),
        "ai-video-translator": ("edited_video", "VideoTranslator"),
        "ai-video-upscaler": ("edited_video", "VideoUpscaler"),
        "ai-voice-cloner": ("audio", "VoiceCloner"),
        "ai-voice-generator": ("audio", "VoiceGenerator"),
        "animation": ("animation", "Animation"),
        "audio-to-video": ("generated_video", "AudioToVideo"),
        "auto-subtitle-generator": ("edited_video", "AutoSubtitles"),
        "body-swap": ("portraits", "BodySwap"),
        "character-replace": ("character_replace", "CharacterReplace"),
        "face-swap": ("face_swap", "FaceSwap"),
        "face-swap-photo": ("face_swap", "FaceSwapPhoto"),
        "head-swap": ("portraits", "HeadSwap"),
        "image-background-remover": ("edited_images", "BackgroundRemover"),
        "image-to-video": ("generated_video", "ImageToVideo"),
        "photo-colorizer": ("edited_images", "PhotoColorizer"),
        "text-to-video": ("generated_video", "TextToVideo"),
        "video-to-video": ("edited_video", "VideoToVideo"),
    }
)
"""The module and the class of every endpoint's model."""

ENDPOINTS: tuple[str, ...] = tuple(MODELS)
"""The endpoints that there are models of, named as in the URL."""


if not TYPE_CHECKING:  # a type checker knows the names above, and should find a misspelt one

    def __getattr__(name: str) -> type[Job]:
        """Load the model of an endpoint when it is first asked for."""
        for module, model in MODELS.values():
            if model == name:
                return _loaded(module, model)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _loaded(module: str, model: str) -> type[Job]:
    loaded: type[Job] = getattr(import_module(f"{__name__}.{module}"), model)
    return loaded


def model_of(endpoint: str) -> type[Job]:
    """Find the model of an endpoint.

    Args:
        endpoint: As in the URL: `lip-sync`.

    Raises:
        JobError: There is no such endpoint here.
    """
    if endpoint in ENDPOINTS:
        return _loaded(*MODELS[endpoint])
    shown = one_line(str(endpoint), 60)
    raise JobError(
        f"endpoint: {shown!r} is not known here: {meant(str(endpoint), ENDPOINTS)}",
        code="unknown-endpoint",
        field="endpoint",
    )


def job(endpoint: str, /, **body: Any) -> Job:
    """Build the job of any endpoint from its request body.

    Args:
        endpoint: As in the URL: `lip-sync`.
        body: The fields of the API's request body.

    Raises:
        JobError: There is no such endpoint here, or the job is wrong in itself.

    Example:
        >>> job(
        ...     "ai-talking-photo",
        ...     assets={"image_file_path": "face.png", "audio_file_path": "line.mp3"},
        ...     start_seconds=0,
        ...     end_seconds=5,
        ... ).endpoint
        'ai-talking-photo'
    """
    return model_of(endpoint)(**body)
