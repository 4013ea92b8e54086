from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from settling import CHARGES, full, project

from mh_preflight.calibrate import calibrate_files, reading, settled_from
from mh_preflight.errors import InputError


def test_all_forms_and_files_are_read(tmp_path: Path) -> None:
    webhook = {"type": "video.completed", "payload": project(id="w")}
    (tmp_path / "a.json").write_text(json.dumps(CHARGES))
    (tmp_path / "b.jsonl").write_text(f"{json.dumps(webhook)}\n\n{json.dumps(project())}\n")
    (tmp_path / "c.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(project(id="c")).encode())
    (tmp_path / "notes.txt").write_text("no")
    found = calibrate_files([tmp_path])
    assert (len(found.records), found.problems) == (len(CHARGES) + 3, ())


def test_what_is_bad_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [json.dumps(project()), "{", '{"id": NaN}', "[1]", "7", "[" * 100_000, "\xff"]
    file = tmp_path / "jobs.jsonl"
    file.write_bytes("\n".join(lines[:-1]).encode())
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(b"\xff\xfe")
    empty = tmp_path / "empty"
    empty.mkdir()
    gone = tmp_path / "gone.json"
    found = calibrate_files([file, broken, gone, empty])
    assert len(found.records) == 1
    assert [each.place for each in found.problems] == [2, 3, 4, 5, 6, None, None, None]
    for each in found.problems:
        assert each.source in each.message
        assert "\n" not in each.message


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps(CHARGES))
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="larger than 100 bytes"):
        calibrate_files([file])


def test_a_folder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(project(id=name)))
    monkeypatch.setattr(reading, "MOST_FILES", 1)
    with pytest.raises(InputError, match="more than 1 files"):
        calibrate_files([tmp_path])


def test_without_records_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no record"):
        calibrate_files([])
    with pytest.raises(InputError, match=r"gone.json: cannot be read.*and 1 more"):
        calibrate_files([tmp_path / "gone.json", Path("/dev/null")])


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (project(id=""), "id: is required"),
        (project(id=7), "id: is required"),
        (project(type=None), "type: is required"),
        (project(status="done"), "status: 'done' is not known"),
        (project(created_at="soon"), "created_at: 'soon' is no time"),
        (project(created_at="0001-01-01T00:00:00+23:00"), "created_at: .* is no time"),
        (project(credits_charged=None), "credits_charged: must be a whole number"),
        (project(credits_charged=1.5), "credits_charged: must be a whole number"),
        (project(credits_charged=True), "credits_charged: must be a whole number"),
        (project(credits_charged=-1), "credits_charged: must be a whole number"),
        (project(credits_charged=10**12 + 1), "credits_charged: is more than"),
        (project(fps="fast"), "fps: 'fast' is not a number"),
        (project(fps=True), "fps: True is not a number"),
        (project(end_seconds="long"), "end_seconds"),
        ({"type": "video.completed", "payload": 7}, "must be a JSON object"),
        (full("lip-sync") | {"project": 7}, "must be a JSON object"),
        (full("lip-sync") | {"request": 7}, "request: must be a JSON object"),
        (full("lip-sync") | {"endpoint": 7}, "endpoint: must be text"),
        (full("lip-sync") | {"endpoint": "lipsync"}, "is not known here"),
        (full("lip-sync") | {"endpoint": "face-swap"}, "is required|has no such field"),
        (full("lip-sync") | {"plan": "gold"}, "plan: must be one of"),
        (full("lip-sync") | {"note": 1}, "note: is no field"),
        (full("lip-sync", type="FACE_SWAP"), "type: 'FACE_SWAP' is no job of lip-sync"),
        ({"endpoint": "lip-sync", "project": project()}, "request: is required"),
        (None, "must be a JSON object"),
    ],
)
def test_what_cannot_be_is_refused(record: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        settled_from(record)


def test_older_records_are_understood() -> None:
    old = project(total_frame_cost=120)
    del old["credits_charged"]
    assert settled_from(old).project.charged == 120
    assert settled_from(project(created_at="2026-09-11")).project.created.tzinfo is not None
    night = settled_from(project(created_at="2026-09-11T23:30:00-07:00"))
    assert night.project.created.date().isoformat() == "2026-09-12"
    assert settled_from(project(fps=-1, start_seconds=5)).project.window is None
    assert settled_from(project(fps=-1)).project.fps is None
    event = {"type": "image.completed", "payload": project()}
    assert settled_from(event).project.endpoint == "face-swap-photo"
