from __future__ import annotations

import json
from pathlib import Path

import pytest
from settling import CHARGES, full, project

from mh_preflight.cli.app import run


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "jobs.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in CHARGES))
    return file


def add(file: Path, *records: object) -> None:
    with file.open("a") as out:
        out.writelines(f"{json.dumps(each)}\n" for each in records)


def test_the_answer_comes_first(jobs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "jobs.jsonl", "--strict"]) == 0
    out = capfd.readouterr().out
    assert out.startswith(f"{len(CHARGES)} jobs, {len(CHARGES)} exact  rates ")
    assert "2 a frame at 30 fps (charge 2026-09-11)" in out
    assert sorted(path.name for path in jobs.parent.iterdir()) == ["jobs.jsonl"]


def test_what_moved_is_a_warning_and_strict_ends_with_three(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(
        jobs,
        full("face-swap", id="n", created_at="2026-11-20T00:00:00Z", credits_charged=144),
        project(id="f", status="error", credits_charged=9),
        project(id="r", status="canceled", credits_charged=0),
        project(id="q", status="queued"),
        project(id="w", type="AVATAR"),
        project(id="d", status="done"),
        project(id="l", type="LIP_SYNC", credits_charged=7, name="[red]x"),
    )
    assert run(["calibrate", "jobs.jsonl"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "not compared: 1 refunded, 1 not finished, 1 not usable" in out
    assert (
        "face-swap: the charges moved: since 2026-11-20 1 job is explained by no known rate, "
        "but by 1.2 a frame" in out
    )
    assert "job n of 2026-11-20: 144 charged, 120 estimated (face-swap)" in out
    assert "job f failed or was canceled, and was charged" in out
    assert "no endpoint is known for type 'AVATAR'" in out
    assert "status: 'done' is not known" in out
    assert "job l of 2026-09-11: 7 charged, 120 to 240 estimated (lip-sync)" in out
    assert run(["calibrate", "jobs.jsonl", "--strict"]) == 3
    said = "mh-preflight: the charges of 1 group have moved; 2 jobs off the estimate, or of no"
    assert capfd.readouterr().err.startswith(said)


def test_json_has_groups_and_records(jobs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add(jobs, project(id="n", created_at="2026-11-20T00:00:00Z", credits_charged=144))
    assert run(["calibrate", "jobs.jsonl", "--json", "--strict"]) == 3
    body = json.loads(capfd.readouterr().out)
    assert (body["schema"], body["jobs"], body["moved"]) == (1, len(CHARGES) + 1, 1)
    group = next(each for each in body["groups"] if each["endpoint"] == "face-swap")
    assert (group["moved"], group["implied"]["value"]) == ("2026-11-20", "1.2")
    assert body["error"]["code"] == "findings"
    assert (group["implied"]["low"], group["implied"]["high"]) == ("143/120", "6/5")
    record = next(each for each in body["records"] if each["id"] == "sr-v2v")
    assert record["estimated"] == {"low": 240, "expected": 300, "high": 300}
    assert [each["fps"] for each in record["explanations"]] == [None, "30"]
    assert "written" not in body


def test_what_one_charge_leaves_open_is_not_written(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "jobs.jsonl", "--write", "own"]) == 0
    out = capfd.readouterr().out
    assert "not written: video-to-video FULL, as more than one known rate gives its" in out
    assert "nothing to write" not in out
    assert not Path("own").exists()


def test_rates_are_written_only_on_command(jobs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    add(jobs, full("video-to-video", id="n", fps=30, credits_charged=375))
    assert run(["calibrate", "jobs.jsonl", "--write", "own", "--json"]) == 0
    written = json.loads(capfd.readouterr().out)["written"]
    assert all(Path(path).is_file() for path in written)
    assert run(["calibrate", "jobs.jsonl", "--write", "own"]) == 2
    assert "--force replaces it" in capfd.readouterr().err
    assert run(["calibrate", "jobs.jsonl", "--write", "own", "--force"]) == 0
    out = capfd.readouterr().out
    assert [f"wrote {path}" in out for path in written] == [True] * len(written)


def test_nothing_to_write_is_said(jobs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jobs.write_text(json.dumps(project()))
    assert run(["calibrate", "jobs.jsonl", "--write", "own.toml"]) == 0
    assert "nothing to write" in capfd.readouterr().out
    assert not Path("own.toml").exists()


def test_a_file_that_is_not_there_ends_with_two(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "gone.json", "--json"]) == 2
    assert json.loads(capfd.readouterr().out)["error"]["source"] == "gone.json"


def test_long_lists_are_cut(jobs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jobs.write_text("")
    add(jobs, *(project(id=str(n), credits_charged=7) for n in range(30)))
    add(jobs, *("bad" for _ in range(30)))
    assert run(["calibrate", "jobs.jsonl"]) == 0
    out = capfd.readouterr().out
    assert "10 more jobs like these" in out
    assert "10 more records cannot be used" in out


def test_a_charge_that_no_known_rate_gives_is_told_also_inside_a_range(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs.write_text("")
    lips = project(type="LIP_SYNC", credits_charged=120)  # lite, or standard
    add(jobs, lips, {**lips, "id": "b", "credits_charged": 180})  # 1.5 a frame
    assert run(["calibrate", "jobs.jsonl", "--strict"]) == 3
    out = " ".join(capfd.readouterr().out.split())
    told = "job b of 2026-09-11: 180 charged, 120 to 240 estimated, and no known rate gives it"
    assert told in out
    assert "job a" not in out
    assert run(["calibrate", "jobs.jsonl", "--json"]) == 0
    records = json.loads(capfd.readouterr().out)["records"]
    assert [each["unexplained"] for each in records] == [False, True]


def test_a_charge_inside_a_rate_that_is_a_range_is_no_riddle(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs.write_text("")
    then = "2026-05-01T00:00:00Z"  # 60 to 100 a minute
    add(jobs, project(type="AUTO_SUBTITLE", created_at=then, end_seconds=60, credits_charged=80))
    assert run(["calibrate", "jobs.jsonl", "--json"]) == 0
    (record,) = json.loads(capfd.readouterr().out)["records"]
    assert (record["verdict"], record["unexplained"]) == ("inside", False)


def test_what_is_written_says_from_how_many_jobs_and_what_else_would_do(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs.write_text("")
    add(jobs, full("ai-voice-generator", credits_charged=3))
    assert run(["calibrate", "jobs.jsonl", "--write", "own.toml"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert (
        "ai-voice-generator: 0.07 a character, from 1 job only; any from 0.04762 to 0.07143" in out
    )


def test_nothing_is_written_where_nothing_is_implied(
    jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs.write_text("")
    add(jobs, project(type="LIP_SYNC", credits_charged=180))
    assert run(["calibrate", "jobs.jsonl", "--write", "own.toml"]) == 0
    assert "nothing to write: no rate is implied" in capfd.readouterr().out
