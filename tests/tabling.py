"""Tables and files of jobs for the tests of batches."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from mh_preflight.batch import Terms

__all__ = ["DAY", "FORMATS", "LIP", "PHOTO", "TERMS", "names_in", "read_rows", "write_rows"]

DAY = date(2026, 11, 22)
TERMS = Terms(plan="creator", as_of=DAY, offline=True, isolation="none")
FORMATS = ("csv", "jsonl", "parquet")

LIP: dict[str, Any] = {
    "endpoint": "lip-sync",
    "video": "v.mp4",
    "audio": "a.mp3",
    "end_seconds": 15,
    "video_fps": "60",
    "video_duration_seconds": 20,
    "audio_duration_seconds": 20,
}
"""A job whose facts are all stated: 15 s at 60 frames a second are 900 frames and credits."""

PHOTO: dict[str, Any] = {
    "endpoint": "ai-talking-photo",
    "image": "i.png",
    "audio": "a.mp3",
    "end_seconds": 15,
    "audio_duration_seconds": 20,
}


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write jobs in the format that the name of the file ends in."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    else:
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        parquet.write_table(table, path)
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read answers; of CSV all as text, and None where a cell is empty."""
    rows: list[dict[str, Any]]
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {name: text or None for name, text in row.items()} for row in csv.DictReader(file)
            ]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = parquet.read_table(path).to_pylist()
    return rows


def names_in(folder: Path) -> set[str]:
    """Give all that lies in a folder, and below."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
