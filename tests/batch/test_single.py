"""Rows whose files are read: side by side, each file once, and a bad one costs its row."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import Clip, make_sound, make_video
from tabling import DAY, LIP

from mh_preflight.batch import ANSWERS, estimate_table, single
from mh_preflight.errors import MediaError
from mh_preflight.media import Media
from mh_preflight.media.isolation import Pool
from mh_preflight.media.isolation.asking import Worker
from mh_preflight.media.isolation.messages import send_question

needs_workers = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make 2 s of video at 60 and at 24 frames a second, and 3 s of sound."""
    folder = tmp_path_factory.mktemp("files")
    make_video(folder / "v60.mp4", Clip(frames=120, rate=Clip().rate * 2, size=(32, 32)))
    make_video(folder / "v24.mp4", Clip(frames=48, rate=Clip().rate * 4 / 5, size=(32, 32)))
    make_sound(folder / "a.wav", 3, "pcm_s16le", rate=8000)
    (folder / "empty.mp4").touch()
    shutil.copy(Path(__file__), folder / "text.mp4")
    return folder


def priced(
    folder: Path | str, videos: list[str], audio: str = "a.wav", **more: Any
) -> list[dict[str, Any]]:
    """Price jobs that differ in their video."""
    columns: dict[str, Any] = {"endpoint": ["lip-sync"] * len(videos), "video": videos}
    columns |= {name: more.pop(name) for name in ("video_fps", "end_seconds") if name in more}
    table = pa.table({**columns, "audio": [audio] * len(videos)})
    terms = {"isolation": "none", "plan": "creator", "as_of": DAY, **more}
    rows: list[dict[str, Any]] = estimate_table(table, folder=str(folder), **terms).to_pylist()
    return rows


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each source is read; all of them are 2 s at 60 frames a second."""
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def counted(_: str, source: str, **__: Any) -> Media:
        with lock:
            counts[source] += 1
        if "bad" in source:
            raise MediaError(f"{source!r} is bad", code="truncated", source=source)
        if "fault" in source:
            raise ZeroDivisionError
        kind = "audio" if source.endswith(".wav") else "video"
        return Media.given(
            kind,  # type: ignore[arg-type]
            source=source,
            duration_seconds=2,
            fps=60 if kind == "video" else None,
        )

    monkeypatch.setattr(single, "probe_source", counted)
    return counts


# ------------------------------------------------------------------------------------- real files


def test_the_files_are_read_where_no_facts_are_stated(files: Path) -> None:
    rows = priced(files, ["v60.mp4", "v24.mp4", str(files / "v24.mp4")])
    # 2 s of video; queued at 30 frames a second.
    assert [row["settled_frames_high"] for row in rows] == [120, 48, 48]
    assert [row["hold_credits"] for row in rows] == [120, 60, 60]
    assert [row["fps_source"] for row in rows] == ["60", "24", "24"]


def test_a_fact_that_is_stated_takes_the_place_of_what_was_read(files: Path) -> None:
    first, second = priced(files, ["v60.mp4", "v60.mp4"], video_fps=["30", None])
    assert (first["settled_frames_high"], second["settled_frames_high"]) == (60, 120)


def test_a_bad_file_costs_its_row_and_not_the_run(files: Path) -> None:
    names = ["v60.mp4", "missing.mp4", "empty.mp4", "text.mp4", ".", "nul\0.mp4", "v24.mp4"]
    rows = priced(files, names)
    codes = [row["error_code"] for row in rows]
    assert codes[1:5] == ["not-found", "empty", "unreadable", "not-a-file"]
    assert [row["hold_credits"] for row in rows] == [120, None, None, None, None, None, 60]
    for row in rows[1:6]:
        assert row["error_message"]
        assert {row[name] for name in set(ANSWERS.names) - {"error_code", "error_message"}} == {
            None
        }


def test_relative_paths_count_from_the_folder_in_columns_and_requests(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert priced(files, ["v60.mp4"])[0]["hold_credits"] == 120
    assert priced("", ["v60.mp4"])[0]["error_code"] == "not-found"
    body = (
        '{"assets": {"video_source": "file", "video_file_path": "v60.mp4", '
        '"audio_file_path": "a.wav"}, "start_seconds": 0, "end_seconds": 1}'
    )
    table = pa.table({"endpoint": ["lip-sync"], "request": [body]})
    found = estimate_table(table, folder=str(files), isolation="none", as_of=DAY)
    assert found["hold_credits"].to_pylist() == [60]
    monkeypatch.chdir(files)
    assert priced("", ["v60.mp4"])[0]["hold_credits"] == 120


def test_every_path_of_a_request_counts_from_the_folder(read: Counter[str]) -> None:
    def face(image: str) -> dict[str, str]:
        return {"original_face": "0-0", "new_face": image}

    bodies: list[tuple[str, dict[str, Any]]] = [
        (
            "face-swap-photo",
            {
                "assets": {
                    "face_swap_mode": "individual-faces",
                    "face_mappings": [face("f.png"), face("/abs/g.png")],
                    "target_file_path": "t.png",
                }
            },
        ),
        (
            "ai-image-editor",
            {
                "assets": {"image_file_paths": ["i.png", "https://example.com/j.png"]},
                "model": "qwen-edit",
                "resolution": "640px",
                "style": {"prompt": "x"},
            },
        ),
        ("head-swap", {"assets": {"body_file_path": "b.png", "head_file_path": "h.png"}}),
    ]
    table = pa.table(
        {"endpoint": [e for e, _ in bodies], "request": [json.dumps(b) for _, b in bodies]}
    )
    found = estimate_table(table, folder="/jobs", isolation="none", as_of=DAY, offline=True)
    assert found["error_code"].to_pylist() == [None] * 3
    names = ["/jobs/f.png", "/abs/g.png", "/jobs/t.png", "/jobs/i.png", "/jobs/b.png"]
    assert read == dict.fromkeys([*names, "/jobs/h.png"], 1)


@pytest.mark.parametrize("columns", [{"image": ["missing.png"]}, {}])
def test_a_job_of_pictures_alone_has_them_read_too(files: Path, columns: dict[str, Any]) -> None:
    body = '{"assets": {"image_file_path": "missing.png"}}'
    asked = columns or {"request": [body]}
    table = pa.table({"endpoint": ["photo-colorizer"], **asked})
    (row,) = estimate_table(table, folder=str(files), isolation="none", as_of=DAY).to_pylist()
    assert row["error_code"] == "not-found"


def test_a_job_without_a_window_needs_no_end(read: Counter[str]) -> None:
    table = pa.table({"endpoint": ["photo-colorizer"], "image": ["i.png"]})
    (row,) = estimate_table(table, isolation="none", as_of=DAY).to_pylist()
    assert (row["error_message"], row["hold_credits"]) == (None, 10)


# --------------------------------------------------------------------------------- each file once


def test_a_file_that_many_rows_name_is_read_once(read: Counter[str]) -> None:
    rows = priced("", ["v.mp4", "w.mp4"] * 400)  # several slices of rows
    assert read == {"v.mp4": 1, "w.mp4": 1, "a.wav": 1}
    assert {row["hold_credits"] for row in rows} == {120}


def test_a_bad_file_that_many_rows_name_is_read_once_too(read: Counter[str]) -> None:
    rows = priced("", ["bad.mp4", "fault.mp4", "v.mp4"] * 200)
    assert read == {"bad.mp4": 1, "fault.mp4": 1, "v.mp4": 1, "a.wav": 1}
    assert Counter(row["error_code"] for row in rows) == {
        "truncated": 200,
        "unexpected": 200,
        None: 200,
    }
    assert "ZeroDivisionError" in rows[1]["error_message"]


def test_over_batches_a_file_is_read_once_too(read: Counter[str]) -> None:
    names = {"video": ["v.mp4"] * 600, "audio": ["a.wav"] * 600}
    table = pa.table({"endpoint": ["lip-sync"] * 600, **names})
    chunks = pa.concat_tables([table.slice(first, 100) for first in range(0, 600, 100)])
    estimate_table(chunks, isolation="none", as_of=DAY)
    assert read == {"v.mp4": 1, "a.wav": 1}


def test_files_that_were_not_asked_for_of_late_are_forgotten(
    read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "REMEMBERED", 2)
    monkeypatch.setattr("mh_preflight.batch.table.SLICE", 1)
    priced("", ["v.mp4", "v.mp4", "w.mp4", "v.mp4", "v.mp4"])
    assert read == {"v.mp4": 2, "w.mp4": 1, "a.wav": 1}


def test_only_what_a_price_needs_is_read(read: Counter[str]) -> None:
    columns: dict[str, Any] = {
        "endpoint": ["ai-talking-photo", "ai-talking-photo", "lip-sync", "lip-sync"],
        "image": ["i.png", "j.png", None, None],
        "audio": ["a.wav", "b.wav", "api-assets/id/a.wav", "https://example.com/a.wav"],
        "video": [None, None, "v.mp4", "v.mp4"],
        "audio_duration_seconds": [None, 2, None, None],
        "end_seconds": [1, 1, 1, 1],
    }
    rows = estimate_table(pa.table(columns), isolation="none", as_of=DAY, offline=True).to_pylist()
    # The photo whose sound is stated is not looked at, nor what was uploaded or lies elsewhere.
    assert read == {"i.png": 1, "a.wav": 1, "v.mp4": 1}
    assert [row["error_code"] for row in rows] == [None] * 4
    assert ["not-probed" in row["findings"] for row in rows] == [False, True, True, True]


# ----------------------------------------------------------------------------------- side by side


def overlapping(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Callable[[], bool]:
    """Let two files wait for each other, and tell whether they met."""
    barrier = threading.Barrier(2)
    met: list[bool] = []

    def waiting(name: str, source: str, **_: Any) -> Media:
        try:
            barrier.wait(seconds)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)
        kind: Any = name[:5]
        fps = 60 if kind == "video" else None
        return Media.given(kind, source=source, duration_seconds=2, fps=fps)

    monkeypatch.setattr(single, "probe_source", waiting)
    return lambda: met == [True, True]


@needs_workers
def test_files_are_read_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    met = overlapping(monkeypatch, 30)
    (row,) = priced("", ["v.mp4"], isolation="process", workers=2)
    assert met()
    assert row["hold_credits"] == 120


@pytest.mark.parametrize("terms", [{"isolation": "process", "workers": 1}, {"isolation": "none"}])
def test_with_one_worker_or_in_this_process_one_file_is_read_at_a_time(
    monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any]
) -> None:
    met = overlapping(monkeypatch, 0.2)
    priced("", ["v.mp4"], **terms)
    assert not met()


@needs_workers
def test_real_files_are_read_by_isolated_workers(files: Path) -> None:
    names = ["v60.mp4", "text.mp4", "v24.mp4"]
    assert priced(files, names, isolation="process", workers=2) == priced(files, names)


@needs_workers
def test_a_worker_that_dies_costs_its_row(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(control: Any, question: Any, descriptor: int) -> None:
        if question.name.endswith("v24.mp4"):
            victim = next(one for one in workers if one._control is control)  # noqa: SLF001
            os.kill(victim.process_id, signal.SIGKILL)
            os.waitid(os.P_PID, victim.process_id, os.WEXITED | os.WNOWAIT)
        send_question(control, question, descriptor)

    workers: list[Worker] = []
    start = Worker.__init__

    def started(self: Worker) -> None:
        start(self)
        workers.append(self)

    with monkeypatch.context() as patch:
        own = Pool(2)
        patch.setattr("mh_preflight.media.source.shared_pool", lambda: own)
        patch.setattr(Worker, "__init__", started)
        patch.setattr("mh_preflight.media.isolation.asking.send_question", deadly)
        with own:
            rows = priced(files, ["v60.mp4", "v24.mp4", "v60.mp4"], isolation="process", workers=2)
    assert [row["error_code"] for row in rows] == [None, "crashed", None]
    assert [row["hold_credits"] for row in rows] == [120, None, 120]


def test_an_interrupt_while_files_are_read_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Media:
        raise KeyboardInterrupt

    monkeypatch.setattr(single, "probe_source", interrupted)
    with pytest.raises(KeyboardInterrupt):
        priced("", ["v.mp4"] * 3)


@pytest.mark.parametrize(
    "row",
    [
        {"endpoint": "ai-talking-photo", "image": "i.png", "audio": "a.mp3", "video_fps": 30},
        {"endpoint": "image-to-video", "image": "i.png", "video_duration_seconds": 5},
        {"endpoint": "face-swap", "video": "v.mp4", "image": "i.png", "audio_duration_seconds": 5},
    ],
)
def test_a_fact_of_a_file_that_a_job_does_not_have_is_an_error_of_its_row(
    row: dict[str, Any],
) -> None:
    jobs = [LIP, {**row, "end_seconds": 5}, LIP]
    names = dict.fromkeys(name for each in jobs for name in each)
    table = pa.table(
        {name: [None if name not in each else str(each[name]) for each in jobs] for name in names}
    )
    rows = estimate_table(table, as_of=DAY, offline=True, isolation="none").to_pylist()
    assert [each["error_code"] for each in rows] == [None, "bad-value", None]
    fact = "audio" if "audio_duration_seconds" in row else "video"
    assert f"{row['endpoint']} has no {fact}" in rows[1]["error_message"]
