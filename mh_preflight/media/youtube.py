"""What does YouTube say of a video? yt-dlp's metadata, without downloading, never certain."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mh_preflight.errors import InputError, MediaError, MissingExtraError
from mh_preflight.media.facts import Audio, Media, Video
from mh_preflight.media.isolation.surroundings import kept_environment
from mh_preflight.media.origins.far import redacted, shown_url
from mh_preflight.media.sense import sensible
from mh_preflight.units import frame_rate, microseconds, one_line, seconds

if TYPE_CHECKING:
    from fractions import Fraction

    from mh_preflight.media.limits import Limits

__all__ = ["is_youtube", "probe_youtube"]

HOSTS = ("youtube.com", "youtu.be", "youtube-nocookie.com")

APPROXIMATE = "YouTube's page says so, and the API may fetch another version of the video"

MOST_ANSWER = 32 << 20
MOST = 10**9  # no duration, size or rate is larger

_HOST = re.compile(r"[a-z0-9.-]+")
_OPTIONS = (
    "--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-playlist", "--no-warnings",
    "--no-progress", "--skip-download", "--dump-json", "--playlist-items", "1",
    "--retries", "1", "--extractor-retries", "1", "--format", "bestvideo*/best",
    "--ignore-no-formats-error",
)  # fmt: skip


def is_youtube(url: str) -> bool:
    """Tell whether a URL leads to YouTube.

    Example:
        >>> is_youtube("https://youtu.be/x"), is_youtube("https://youtu.be.example.com/x")
        (True, False)
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    known = any(host == each or host.endswith(f".{each}") for each in HOSTS)
    return known and _HOST.fullmatch(host) is not None and parts.scheme in {"http", "https"}


def probe_youtube(url: str, limits: Limits, *, any_site: bool = False) -> Media:
    """Ask YouTube for a video's duration, frame rate and size, without downloading it.

    yt-dlp runs as a process of its own, which is ended when the time is up. All that it says is
    uncertain.

    Args:
        url: Address of the video.
        limits: How long it may take.
        any_site: Let yt-dlp ask other sites too, wherever they lie: only for addresses of your own.

    Raises:
        MissingExtraError: yt-dlp is not installed.
        MediaError: There is no such video, or it cannot be asked for.
    """
    name = shown_url(url)
    if not is_youtube(url) and not any_site:
        raise MediaError(f"{name!r} is no address of YouTube", code="bad-url", source=name)
    if importlib.util.find_spec("yt_dlp") is None:
        raise MissingExtraError(
            "YouTube is asked through yt-dlp, which is not installed: "
            "pip install 'mh-preflight[youtube]', or state what you know of the video",
            source=name,
        )
    extractors = "all" if any_site else "youtube"
    # -P: a yt_dlp.py in the current folder is not the one that is meant.
    command = [sys.executable, "-P", "-m", "yt_dlp", *_OPTIONS, "--use-extractors", extractors]
    command += ["--socket-timeout", f"{limits.remote_seconds:g}", "--", url]
    code, answer, complaints = _run(command, name, limits.remote_seconds)
    if code or len(answer) > MOST_ANSWER:
        lines = complaints.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        reason = redacted(lines[-1].removeprefix("ERROR: "))
        raise MediaError(
            f"{name!r} cannot be asked for: {one_line(reason, 200)}",
            code="network",
            source=name,
        )
    try:
        facts = json.loads(answer.splitlines()[0])
    except (ValueError, IndexError, RecursionError) as error:
        raise MediaError(f"{name!r}: yt-dlp's answer makes no sense", source=name) from error
    return _media(url, facts if isinstance(facts, dict) else {})


def _run(command: list[str], name: str, seconds: float) -> tuple[int, bytes, bytes]:
    """Run yt-dlp, and end it and all that it started where it takes too long."""
    process = subprocess.Popen(  # noqa: S603  yt-dlp; the URL cannot be taken for an option
        command,
        env=kept_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            answer, complaints = process.communicate(timeout=seconds)
        except BaseException as error:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise MediaError(
                f"{name!r} did not answer in full within {seconds:g} s",
                code="timeout",
                source=name,
            ) from None
    return process.returncode, answer, complaints


def _media(url: str, facts: dict[str, Any]) -> Media:
    fps, length = _rate(facts.get("fps")), _length(facts.get("duration"))
    video = Video(
        fps=fps,
        nominal_fps=fps,
        duration_seconds=length,
        width=_edge(facts.get("width")),
        height=_edge(facts.get("height")),
    )
    audio = (
        None
        if facts.get("acodec") == "none" and not facts.get("requested_formats")
        else Audio(duration_seconds=length)
    )
    stated = {
        f"video.{name}": getattr(video, name)
        for name in ("fps", "nominal_fps", "duration_seconds", "width", "height")
    }
    names = [name for name, value in stated.items() if value is not None]
    names += ["audio.duration_seconds"] if audio and length is not None else []
    media = Media(
        source=url,
        kind="video",
        duration_seconds=length,
        video=video,
        audio=audio,
        learned_from=dict.fromkeys(names, "page"),
        uncertain=dict.fromkeys([*names, "duration_seconds"], APPROXIMATE),
    )
    return sensible(media)


def _rate(value: Any) -> Fraction | None:
    try:
        return frame_rate(value, field="fps") if _is_number(value) else None
    except InputError:
        return None


def _length(value: Any) -> float | None:
    return seconds(microseconds(value)) if _is_number(value) and value > 0 else None


def _edge(value: Any) -> int | None:
    return int(value) if _is_number(value) and value >= 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST < value < MOST
