"""Measure what is promised about speed: import, probe and estimate.

Everything that is compared runs interleaved in one process (imports: in fresh ones), answers are
checked before anything is timed, and figures are medians of rounds: compare ratios, not machines.

    python benchmarks/speed.py [--rounds 300] [--markdown]
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np

import mh_preflight as mh
from mh_preflight.estimate import estimate_job
from mh_preflight.savings import find_savings
from mh_preflight.settings import resolve_settings

DAY = date(2026, 11, 22)
IMPORTS = {
    "pydantic, httpx, numpy": "import pydantic, httpx, numpy",
    "mh_preflight": "import mh_preflight",
}


def rounds_of(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Give the median seconds of each piece of work, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for piece in work.values():
        piece()
    gc.collect()
    for _ in range(rounds):
        for name, piece in work.items():
            start = time.perf_counter()
            piece()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def make_mp4(path: Path, seconds: int, rate: int = 30) -> Path:
    """Write a common mp4: H.264 with B frames and AAC."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio: Any = container.add_stream("aac", rate=48_000, layout="mono")
        for number in range(seconds * rate):
            shade = np.full((240, 320, 3), number * 3 % 256, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, seconds * 48_000, 1024):
            length = min(1024, seconds * 48_000 - start)
            wave = np.sin(np.arange(start, start + length) / 20) * 9000
            block = av.AudioFrame.from_ndarray(
                wave.astype(np.int16)[None, :], format="s16", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))
    return path


def measure_import(rounds: int) -> list[tuple[str, str, float, str]]:
    """Compare `import mh_preflight` with the import of what it is built on, in fresh processes."""

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  our own

    work = {name: start(code) for name, code in {"python": "pass", **IMPORTS}.items()}
    taken = rounds_of(work, rounds)
    floor, built_on, ours = (taken[name] - taken["python"] for name in work)
    del floor
    return [("import", "of pydantic, httpx, numpy", ours / built_on, "1.3")]


def measure_probe(folder: Path, rounds: int) -> list[tuple[str, str, float, str]]:
    """Compare the probe of an mp4, in this process, with a bare `av.open` of it."""
    rows = []
    for seconds in (5, 10, 25):
        path = str(make_mp4(folder / f"{seconds}.mp4", seconds))
        media = mh.probe(path)
        assert media.video is not None
        assert media.video.frames == seconds * 30
        assert not media.uncertain

        def bare(path: str = path) -> None:
            with av.open(path):
                pass

        inside = partial(mh.probe, path, isolation="none")
        taken = rounds_of({"bare": bare, "probe": inside}, rounds)
        name = f"probe of an mp4 of {seconds} s"
        rows.append((name, "of av.open", taken["probe"] / taken["bare"], "1.6"))
    return rows


def measure_estimate(rounds: int) -> list[tuple[str, str, float, str]]:
    """Time an estimate with savings from known media."""
    assets = {"video_source": "file", "video_file_path": "v.mp4", "audio_file_path": "a.mp3"}
    media = {
        "video_file_path": mh.Media.given("video", fps=60, duration_seconds=20),
        "audio_file_path": mh.Media.given("audio", duration_seconds=20),
    }
    rates = mh.bundled_rates()
    rows = []
    for mode, expected in (("lite", 900), ("pro", 1800)):
        job = mh.LipSync(
            assets=assets, start_seconds=0, end_seconds=15, style={"generation_mode": mode}
        )
        settings = resolve_settings(job, plan="creator", day=DAY, rates=rates)
        assert estimate_job(job, media, settings).settled.credits == expected

        def work(job: mh.LipSync = job, settings: Any = settings) -> object:
            estimate = estimate_job(job, media, settings)
            return find_savings(job, media, settings, estimate, rates=rates)

        taken = rounds_of({"estimate": work}, rounds * 10)["estimate"]
        rows.append((f"estimate and savings, {mode}", "microseconds", taken * 1e6, "100"))
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="rounds of each measurement")
    parser.add_argument("--markdown", action="store_true", help="print a table for the README")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *measure_import(max(10, options.rounds // 10)),
            *measure_probe(Path(folder), options.rounds),
            *measure_estimate(options.rounds),
        ]
    names = ("av", "numpy", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}\n")
    if options.markdown:
        print("| what | measured | at most |\n|---|--:|--:|")
    for what, unit, value, bound in rows:
        shown = f"{value:.0f} {unit}" if unit == "microseconds" else f"{value:.2f} x {unit}"
        line = f"| {what} | {shown} | {bound} |" if options.markdown else f"{what:32}{shown}"
        print(line)


if __name__ == "__main__":
    main()
