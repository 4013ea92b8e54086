"""Measure how many files a second are read and priced: with Ray Data, and by the table alone.

The files are copies of one mp4 (H.264 with B frames and AAC, 5 s, 320 x 240), each in a file of its
own, and every job has one. Each way runs with one and with two processors, over a few files and
over many; what it starts first costs the same both times, so the difference is what the others
took. Ways run in turns, answers are checked, and figures are of the medians of rounds.

How often a file elsewhere is asked for is counted by a server on this machine, of mp4s of 20 s and
more than 8 MiB, with the index before and after the film.

    python benchmarks/scale.py [--files 4000] [--rounds 3] [--markdown]
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pyarrow as pa
import ray
from speed import make_mp4, rounds_of

import mh_preflight as mh
from mh_preflight.batch import estimate_table
from mh_preflight.batch.ray import estimate_dataset

DAY = date(2026, 11, 22)
FEW = 500
SECONDS, FRAMES = 5, 150
ROWS = 50  # that an actor works on at a time: few, so that two of them end together
WAYS = ("Ray Data, actors", "estimate_table, workers")


def make_jobs(folder: Path, count: int) -> pa.Table:
    """Write copies of an mp4, and give a table of jobs that have one each."""
    first = make_mp4(folder / "first.mp4", SECONDS)
    for number in range(count):
        shutil.copyfile(first, folder / f"{number}.mp4")
    return pa.table(
        {
            "endpoint": ["lip-sync"] * count,
            "video": [f"{folder}/{number}.mp4" for number in range(count)],
            "audio": ["line.mp3"] * count,
            "audio_duration_seconds": [float(SECONDS)] * count,
            "end_seconds": [SECONDS] * count,
        }
    )


def by_ray(jobs: pa.Table, actors: int) -> None:
    """Price jobs with actors that are started for them."""
    dataset = ray.data.from_arrow(jobs)
    answered = estimate_dataset(dataset, as_of=DAY, actors=actors, rows=ROWS)
    check(pa.concat_tables(ray.get(answered.to_arrow_refs())), jobs)


def by_table(jobs: pa.Table, workers: int) -> None:
    """Price jobs in this process."""
    check(estimate_table(jobs, as_of=DAY, workers=workers), jobs)


def check(answers: pa.Table, jobs: pa.Table) -> None:
    """Make sure that each row is there, in its place, and right."""
    assert answers["video"].equals(jobs["video"])
    assert answers["settled_frames_low"].to_pylist() == [FRAMES] * jobs.num_rows
    assert answers["settled_kind"].to_pylist() == ["exact"] * jobs.num_rows


def measure(jobs: pa.Table, rounds: int) -> dict[tuple[str, int], tuple[float, float]]:
    """Give files a second, and the seconds before the first, by way and number of processors."""
    few = jobs.slice(0, FEW)
    work: dict[str, Callable[[], object]] = {}
    for way, run in zip(WAYS, (by_ray, by_table), strict=True):
        for processors in (1, 2):
            work[f"{way} {processors} few"] = partial(run, few, processors)
            work[f"{way} {processors} all"] = partial(run, jobs, processors)
    taken = rounds_of(work, rounds)
    found = {}
    for way in WAYS:
        for processors in (1, 2):
            short, long = (taken[f"{way} {processors} {each}"] for each in ("few", "all"))
            rate = (jobs.num_rows - FEW) / (long - short)
            found[way, processors] = rate, short - FEW / rate
    return found


class Served(BaseHTTPRequestHandler):
    """Gives ranges of one file, and counts them."""

    content = b""
    sent: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        """Answer a range."""
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        part = self.content[int(first) : int(last) + 1]
        self.sent.append(len(part))
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        end = int(first) + len(part) - 1
        self.send_header("Content-Range", f"bytes {first}-{end}/{len(self.content)}")
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make_large(path: Path, options: dict[str, str]) -> Path:
    """Write an mp4 of noise, which is large."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 360, 640, 3), dtype=np.uint8)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(600):
            frame = av.VideoFrame.from_ndarray(noise[number % 30], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def count_requests(folder: Path) -> list[tuple[str, float, int, float]]:
    """Give what was asked for: where the index is, MB of the file, requests, KB."""
    limits = mh.Limits(allow_http=True, allow_private=True)
    found = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for where, options in {"before": {"movflags": "faststart"}, "after": {}}.items():
            Served.content = make_large(folder / f"{where}.mp4", options).read_bytes()
            Served.sent.clear()
            address = f"http://127.0.0.1:{server.server_port}/{where}.mp4"
            media = mh.probe(address, limits=limits)
            assert media.video is not None
            assert media.video.frames == 600  # noqa: PLR2004  as written above
            size = len(Served.content) / 1e6
            found.append((where, size, len(Served.sent), sum(Served.sent) / 1e3))
        server.shutdown()
    return found


def start_ray() -> None:
    """Start a Ray of two processors on this machine, which says nothing."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=4000, help=f"files, more than {FEW}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement")
    parser.add_argument("--markdown", action="store_true", help="print a table for the document")
    options = parser.parse_args()
    start_ray()
    try:
        with tempfile.TemporaryDirectory() as folder:
            requests = count_requests(Path(folder))
            found = measure(make_jobs(Path(folder), options.files), options.rounds)
    finally:
        ray.shutdown()
    versions = ", ".join(f"{name} {version(name)}" for name in ("ray", "pyarrow", "av"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"{options.files} files, {options.rounds} rounds\n")
    if options.markdown:
        print("| way | files a second | 2 over 1 | before the first |\n|---|--:|--:|--:|")
    for (way, processors), (rate, start) in found.items():
        gain = "" if processors == 1 else f"{rate / found[way, 1][0]:.2f} x"
        if options.markdown:
            print(f"| {way}: {processors} | {rate:.0f} | {gain} | {start:.1f} s |")
        else:
            print(f"{way + f': {processors}':28}{rate:6.0f} files/s  {gain:8}{start:6.1f} s before")
    print("\nA file elsewhere:")
    for where, size, times, kilobytes in requests:
        print(f"index {where} the film, {size:.1f} MB: {times} requests, {kilobytes:.0f} KB")


if __name__ == "__main__":
    main()
