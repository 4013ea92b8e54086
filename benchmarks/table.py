"""Measure what a row of a table costs whose facts are stated, so that no file is read.

Two in three jobs are Lip Sync, the others Talking Photo, in several modes, frame rates and limits.
A sample of rows is compared with `preflight` before anything is timed; the figure is the median of
rounds.

    python benchmarks/table.py [--rows 1000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

import mh_preflight as mh
from mh_preflight.batch import estimate_table

DAY = date(2026, 11, 22)
MOST = 2.0  # microseconds a row
SAMPLE = 500
LIMITED, WITH_MODE = 0.6, 0.7  # of the jobs that may have a limit, and of all


def make_jobs(rows: int) -> pa.Table:
    """Draw jobs as they come, the same each time."""
    chance = np.random.default_rng(20260816)
    lip = chance.random(rows) < 2 / 3
    start = chance.integers(0, 10_000, rows) / 1000
    fps = np.array(["24", "25", "30000/1001", "30", "60"])[chance.integers(0, 5, rows)]
    modes = np.array(["lite", "standard", "pro"])[chance.integers(0, 3, rows)]

    def given(values: Any, where: Any) -> pa.Array:
        return pa.array(values, mask=~where)

    return pa.table(
        {
            "endpoint": np.where(lip, "lip-sync", "ai-talking-photo"),
            "video": given(np.char.add(np.arange(rows).astype(str), ".mp4"), lip),
            "image": given(np.full(rows, "face.png"), ~lip),
            "audio": np.full(rows, "line.mp3"),
            "start_seconds": start,
            "end_seconds": np.round(start + chance.integers(200, 30_000, rows) / 1000, 3),
            "max_fps_limit": given(
                np.array([12, 24, 30, 29.97])[chance.integers(0, 4, rows)],
                lip & (chance.random(rows) < LIMITED),
            ),
            "mode": given(np.where(lip, modes, "realistic"), chance.random(rows) < WITH_MODE),
            "video_fps": given(fps, lip),
            "video_duration_seconds": given(np.full(rows, 35.0), lip),
            "audio_duration_seconds": np.full(rows, 35.0),
        }
    )


def check(jobs: pa.Table, answers: pa.Table) -> None:
    """Compare some rows with the price of each job alone."""
    rows = list(range(0, jobs.num_rows, max(1, jobs.num_rows // SAMPLE)))
    holds = answers["hold_credits"].take(rows).to_pylist()
    for job, hold in zip(jobs.take(rows).to_pylist(), holds, strict=True):
        assert hold == alone(job), job


def alone(row: dict[str, Any]) -> int | None:
    """Give the hold of one job."""
    assets = {f"{kind}_file_path": row[kind] for kind in ("video", "image", "audio") if row[kind]}
    media = {"audio_file_path": mh.Media.given("audio", duration_seconds=35)}
    if row["video"]:
        assets["video_source"] = "file"
        media["video_file_path"] = mh.Media.given(
            "video", fps=row["video_fps"], duration_seconds=35
        )
    else:
        media["image_file_path"] = mh.Media.given("image")
    body = {name: row[name] for name in ("start_seconds", "end_seconds")}
    body |= {"max_fps_limit": row["max_fps_limit"]} if row["max_fps_limit"] else {}
    body |= {"style": {"generation_mode": row["mode"]}} if row["mode"] else {}
    job = mh.job(row["endpoint"], assets=assets, **body)
    return mh.preflight(job, plan="creator", as_of=DAY, media=media).estimate.hold


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    jobs = make_jobs(options.rows)
    check(jobs, estimate_table(jobs, plan="creator", as_of=DAY))
    taken = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        estimate_table(jobs, plan="creator", as_of=DAY)
        taken.append(time.perf_counter() - start)
    figure = statistics.median(taken) / options.rows * 1e6
    word = "holds" if figure <= MOST else "does not hold"
    print(f"{options.rows:,} rows: {figure:.2f} microseconds a row; at most {MOST:g}: {word}")


if __name__ == "__main__":
    main()
