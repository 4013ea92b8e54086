"""Both clients as one, and jobs that they are tried with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from mh_preflight import LipSync, Media
from mh_preflight.client import AsyncClient
from mh_preflight.jobs import ImageGenerator, Job

__all__ = ["FAR", "Awaited", "Make", "far_lip_sync", "lip_sync", "picture"]

Make: TypeAlias = Callable[..., Any]


class Awaited:
    """An `AsyncClient` whose methods are waited for, each in one loop of its own."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self._runner = asyncio.Runner()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not inspect.iscoroutinefunction(method):
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            return self._runner.run(method(*arguments, **named))

        return call

    def end(self) -> None:
        self._runner.close()


def picture(name: str | None = None, count: int = 1, model: str = "z-image-turbo") -> Job:
    """Give a job without files, of a known price."""
    named: dict[str, Any] = {} if name is None else {"name": name}
    return ImageGenerator(
        image_count=count,
        style={"prompt": "a lighthouse"},
        model=model,
        resolution="640px",
        **named,
    )


def lip_sync(folder: Path, seconds: float = 2.0, **more: Any) -> Job:
    """Give a job with two files of a folder."""
    return LipSync(
        assets={
            "video_source": "file",
            "video_file_path": str(folder / "clip.mp4"),
            "audio_file_path": str(folder / "voice.wav"),
        },
        start_seconds=0,
        end_seconds=seconds,
        **more,
    )


FAR = {
    "media": {
        "video_file_path": Media.given("video", fps=24, duration_seconds=20, width=640, height=360),
        "audio_file_path": Media.given("audio", duration_seconds=20),
    }
}
"""What is stated of files that lie elsewhere."""


def far_lip_sync(seconds: float = 10.0, **more: Any) -> Job:
    """Give a job whose files lie elsewhere: 300 credits are queued, 240 settled."""
    return LipSync(
        assets={
            "video_source": "file",
            "video_file_path": "https://example.com/clip.mp4",
            "audio_file_path": "https://example.com/line.mp3",
        },
        start_seconds=0,
        end_seconds=seconds,
        **more,
    )
