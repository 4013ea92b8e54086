"""`mh-preflight batch` as a person and as a program use it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from making import make_sound
from tabling import LIP, PHOTO, names_in, read_rows, write_rows

from mh_preflight.cli.app import run

DAY = ["--as-of", "2026-11-22"]
TESTS = Path(__file__).parents[1]
SURROUNDINGS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Give a function that prices rows, from jobs.jsonl to out.jsonl."""
    monkeypatch.chdir(tmp_path)

    def call(rows: list[dict[str, Any]] | Path, *more: str | Path) -> Ended:
        jobs = rows if isinstance(rows, Path) else write_rows(Path("jobs.jsonl"), rows)
        output = [] if "-o" in more else ["-o", "out.jsonl"]
        arguments = ["batch", jobs, *output, *DAY, "--isolation", "none", *more]
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return call


BAD = {**LIP, "endpoint": "lip-sink"}
FREE = {**LIP, "plan": "free", "mode": "pro"}
UNBOUND = {**LIP, "video": "https://example.com/v.mp4", "video_fps": None}
EARLY = ["--as-of", "2024-01-01"]


def test_the_answers_are_written_and_the_sums_shown(cli: Any, tmp_path: Path) -> None:
    ended = cli([{**LIP, "plan": "creator"}, PHOTO, BAD, {**LIP, "plan": "pro"}])
    assert (ended.code, ended.err) == (0, "")
    rows = read_rows(tmp_path / "out.jsonl")
    assert [row["error_code"] for row in rows] == [None, None, "unknown-endpoint", None]
    assert "3 of 4 jobs priced" in ended.out
    assert "rates of 2026-11-22" in ended.out
    lines = {
        line.split("  ")[1].strip(): line for line in ended.out.splitlines() if line[:2] == "  "
    }
    assert re.split(r"\s{2,}", lines["lip-sync"].strip()) == [
        "lip-sync",
        "2",
        "1,800",
        "1,800",
        "1.80",
    ]
    assert re.split(r"\s{2,}", lines["not known"].strip()) == [
        "not known",
        "1",
        "1",
        "-",
        "-",
        "-",
    ]
    for name in ("all", "ai-talking-photo", "creator", "pro", "none"):
        assert name in lines
    assert re.search(r"fps-above-30 +2\n", ended.out)
    assert re.search(r"Not priced\n +unknown-endpoint +1\n", ended.out)
    assert "1 row has no US$" in ended.out


def test_json_is_one_object_with_all_sums(cli: Any) -> None:
    answer = cli([LIP, LIP, BAD], "--plan", "creator", "--json").json
    assert (answer["schema"], answer["output"], answer["rate_as_of"]) == (
        1,
        "out.jsonl",
        "2026-11-22",
    )
    totals = answer["totals"]
    assert (totals["rows"], totals["not_priced"], totals["hold_credits"]) == (3, 1, 1800)
    assert totals["usd_hold"] == "1.8000"
    assert totals["endpoints"]["lip-sync"]["rows"] == 2
    assert totals["plans"]["creator"]["rows"] == 3
    assert totals["findings"]["fps-above-30"] == 2
    assert totals["errors"] == {"unknown-endpoint": 1}
    assert "error" not in answer


def test_the_same_again_says_that_nothing_was_done(cli: Any) -> None:
    cli([LIP, BAD])
    ended = cli(Path("jobs.jsonl"))
    assert "Answered by an earlier run: 2" in ended.out
    assert cli(Path("jobs.jsonl"), "--json").json["kept_rows"] == 2


def test_a_row_without_price_ends_with_three_only_where_that_is_asked_for(cli: Any) -> None:
    assert cli([LIP, BAD]).code == 0
    ended = cli([LIP, BAD], "--strict")
    assert (ended.code, "1 row has no price" in ended.err) == (3, True)
    assert "1 of 2 jobs priced" in ended.out
    assert cli([LIP], "--strict").code == 0


def test_a_finding_ends_with_three_where_that_is_asked_for(cli: Any) -> None:
    assert cli([LIP, FREE]).code == 0
    ended = cli([LIP, FREE], "--fail-on", "mode-needs-paid-plan", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (3, "findings")
    assert ended.json["error"]["message"] == "1 row has mode-needs-paid-plan"
    several = ["--fail-on", "frame-cap", "--fail-on", "fps-above-30", "--fail-on", "fps-above-30"]
    assert cli([LIP, LIP], *several).err.count("2 rows have fps-above-30") == 1
    assert cli([LIP], "--fail-on", "frame-cap").code == 0


def test_over_the_limit_of_all_jobs_ends_with_four(cli: Any) -> None:
    assert cli([LIP, LIP], "--max-credits", "1800").code == 0
    ended = cli([LIP, LIP], "--max-credits", "1799")
    assert (ended.code, "1,800" in ended.out) == (4, True)
    assert "all jobs may cost 1,800 credits, --max-credits allows 1,799" in ended.err
    answer = cli([LIP, LIP], "--max-credits", "1799", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (4, "over-limit")
    assert answer.json["totals"]["hold_credits"] == 1800


def test_a_row_without_bound_is_over_every_limit(cli: Any) -> None:
    ended = cli([LIP, UNBOUND], "--offline", "--max-credits", "1000000")
    assert ended.code == 4
    assert "1 row has no upper bound" in ended.err
    assert "1 row has no upper bound" in ended.out
    early = cli([LIP], *EARLY, "--max-credits", "1000000", "--json")
    assert (early.code, early.json["totals"]["errors"]) == (4, {"unknown-rate": 1})


def test_three_comes_before_four(cli: Any) -> None:
    assert cli([LIP, BAD], "--strict", "--max-credits", "1").code == 3
    assert cli([LIP], "--fail-on", "fps-above-30", "--max-credits", "1").code == 3


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (["--fail-on", "no-such-finding"], "fail_on"),
        (["--max-credits", "-1"], "max_credits"),
        (["--max-credits", "many"], None),
        (["--plan", "gold"], "plan"),
        (["--as-of", "today"], "as_of"),
        (["--usd", "weekly"], "usd"),
        (["--workers", "0"], None),
        (["--workers", "few"], None),
        (["--timeout", "0"], "timeout"),
        (["--rates", "missing.toml"], None),
        (["-o", "out.xls"], None),
        (["-o", "missing/out.csv"], "output"),
        (["-o", "jobs.jsonl"], "output"),
    ],
)
def test_wrong_usage_ends_with_two_and_leaves_nothing(
    cli: Any, tmp_path: Path, more: list[str], field: str | None
) -> None:
    for form in ([], ["--json"]):
        ended = cli([LIP], *more, *form)
        assert ended.code == 2
        assert names_in(tmp_path) == {"jobs.jsonl"}
        if form:
            assert ended.json["error"]["field"] == field
        else:
            assert (ended.out, bool(ended.err)) == ("", True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("jobs.csv", "endpoint,video\nlip-sync\n", "Row #2"),
        ("jobs.csv", "tool,video\nlip-sync,v.mp4\n", "column endpoint: is missing"),
        ("jobs.csv", "", "Empty CSV file"),
        ("jobs.jsonl", "{}\n[]\n", "line 2"),
        ("jobs.parquet", "PAR1", "cannot be read"),
        ("jobs.txt", "", "must end in"),
        (".", None, "must end in"),
        ("missing.csv", None, "No such file"),
    ],
)
def test_jobs_that_cannot_be_read_are_one_error_with_code_two(
    cli: Any, tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        Path(name).write_text(content)
    before = names_in(tmp_path)
    people, program = cli(Path(name)), cli(Path(name), "--json")
    assert (people.code, people.out, program.code) == (2, "", 2)
    assert words in people.err
    assert len(people.err.splitlines()) == 1
    assert words in program.json["error"]["message"]
    assert program.json["error"]["code"] == "bad-table"
    assert names_in(tmp_path) == before


def test_without_a_name_for_the_answers_the_usage_is_shown(capfd: Any) -> None:
    assert run(["batch", "jobs.csv"]) == 2
    assert "--output" in capfd.readouterr().err


def test_the_plan_of_a_row_goes_before_that_of_the_command(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [LIP, {**LIP, "plan": "pro"}, {**LIP, "plan": None}]

    def plans(*more: str) -> dict[str, int]:
        found = cli(rows, *more, "--json").json["totals"]["plans"]
        return {name: sums["rows"] for name, sums in found.items()}

    assert plans() == {"none": 2, "pro": 1}
    monkeypatch.setenv("MH_PREFLIGHT_PLAN", "business")
    assert plans() == {"business": 2, "pro": 1}
    assert plans("--plan", "creator") == {"creator": 2, "pro": 1}


def test_the_day_decides_the_rates(cli: Any, tmp_path: Path) -> None:
    cli([LIP])
    assert read_rows(tmp_path / "out.jsonl")[0]["rate_as_of"] == "2026-11-22"
    cli([LIP], "--as-of", "2025-09-01")
    assert read_rows(tmp_path / "out.jsonl")[0]["rate_as_of"] == "2025-09-01"


def test_offline_nothing_is_asked_for(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def network(*_: Any, **__: Any) -> Any:
        raise AssertionError("a URL was read")

    monkeypatch.setattr("mh_preflight.assets.probe", network)
    monkeypatch.setattr("mh_preflight.assets.probe_youtube", network)
    far = [{**UNBOUND, "note": 1}, {**LIP, "video": None, "youtube": "https://youtu.be/x"}]
    far[1] |= {"video_fps": None, "video_duration_seconds": None}
    totals = cli(far, "--offline", "--json").json["totals"]
    assert (totals["without_bound"], totals["errors"]) == (2, {})
    monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    assert cli(far, "--json").json["totals"] == totals


def test_paths_count_from_the_folder_of_the_jobs(cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    make_sound(folder / "a.wav", 2, "pcm_s16le", rate=8000)
    row = {**LIP, "audio": "a.wav", "audio_duration_seconds": None, "end_seconds": None}
    jobs = write_rows(folder / "jobs.csv", [row])
    assert cli(jobs, "--json").json["totals"]["hold_credits"] == 120  # 2 s at 60 frames a second
    write_rows(tmp_path / "beside.csv", [row])
    assert cli(Path("beside.csv"), "--json").json["totals"]["errors"] == {"not-found": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process")
def test_the_number_of_workers_is_that_of_files_read_at_once(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Threads:
        def __init__(self, workers: int, _: str) -> None:
            seen.append(workers)

        def shutdown(self, **_: Any) -> None:
            pass

    monkeypatch.setattr("mh_preflight.batch.single.ThreadPoolExecutor", Threads)
    monkeypatch.setattr("mh_preflight.batch.single.processors", lambda: 7)
    monkeypatch.setattr("mh_preflight.cli.reading.shared_pool", Idle)
    cli([LIP], "--isolation", "process", "--workers", "3")
    cli([LIP, LIP], "--isolation", "process")
    cli([LIP, LIP, LIP], "--workers", "3")
    assert seen == [3, 7, 1]


class Idle:
    def start(self, workers: int) -> None:
        pass


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_the_sums_are_whole_however_narrow_the_terminal(
    cli: Any, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout", out)
    long = {"end_seconds": 1e8, "video_duration_seconds": 1e8, "audio_duration_seconds": 1e8}
    photo = {**PHOTO, **long, "video_duration_seconds": None}
    assert cli([{**LIP, **long, "plan": "pro"}] * 3 + [photo, BAD]).code == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    (total,) = re.findall(r"^  all .*$", shown, re.MULTILINE)
    hold = sum(row["hold_credits"] or 0 for row in read_rows(Path("out.jsonl")))
    assert hold > 18_000_000_000
    assert f"{hold:,}" in total
    assert "18,000,000.00" in total
    assert "\u2026" not in shown
    assert max(map(len, shown.splitlines())) <= columns


INTERRUPTED = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where tests run
from mh_preflight.batch import table
from mh_preflight.batch.files import run
from mh_preflight.cli import main

run.PART_SECONDS = 0
answer, many = table._answer, 2

def answer_slowly(batch, *rest):
    global many
    if many == 0:
        print("here", flush=True)
        time.sleep(60)
    many -= 1
    return answer(batch, *rest)

table._answer = answer_slowly
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_an_interrupt_says_how_to_go_on_and_the_same_command_does(cli: Any, tmp_path: Path) -> None:
    jobs = write_rows(tmp_path / "jobs.jsonl", [LIP] * 300)
    arguments = ["batch", "jobs.jsonl", "-o", "out.jsonl", *DAY, "--isolation", "none"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        env=SURROUNDINGS,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (1, "")
    assert err == "mh-preflight: stopped; the same command goes on from here\n"
    assert not (tmp_path / "out.jsonl").exists()
    assert cli(jobs.relative_to(tmp_path), "--json").json["kept_rows"] == 128


def test_strict_ends_with_three_where_the_api_would_refuse_a_row(cli: Any) -> None:
    wrong = {**LIP, "video": "v.avi"}
    assert cli([LIP, wrong]).code == 0
    ended = cli([LIP, wrong], "--strict", "--json")
    assert (ended.code, ended.json["totals"]["refused"]) == (3, 1)
    assert ended.json["error"]["message"] == "1 row has a finding that is an error"
    assert "! 1 row has a finding that is an error: the API will refuse" in cli([wrong]).out
    assert cli([LIP], "--strict").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(tmp_path: Path) -> None:
    write_rows(tmp_path / "jobs.jsonl", [LIP] * 300)
    arguments = ["batch", "jobs.jsonl", "-o", "out.jsonl", *DAY, "--isolation", "none", "--json"]
    program = "from mh_preflight.cli import main; main()"
    master, slave = os.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**SURROUNDINGS, "TERM": "xterm", "COLUMNS": "120"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=slave,
        check=False,
    )
    os.close(slave)
    seen = b""
    with suppress(OSError):  # which is how its end is told on Linux
        while part := os.read(master, 100_000):
            seen += part
    os.close(master)
    shown = seen.decode()
    assert ended.returncode == 0
    assert "300/300" in shown
    assert "100%" in shown
    assert json.loads(ended.stdout)["totals"]["rows"] == 300


def test_the_help_has_an_example(cli: Any, capfd: Any) -> None:
    assert run(["batch", "--help"]) == 0
    assert re.search(r"Example:\s+mh-preflight\s+batch", capfd.readouterr().out)
