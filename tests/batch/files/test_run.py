"""A run over a file: whole answers or none, and on from where it was stopped."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import make_sound
from tabling import FORMATS, LIP, PHOTO, TERMS, names_in, read_rows, write_rows

from mh_preflight.batch import Terms, table
from mh_preflight.batch.files import run, run_batch
from mh_preflight.errors import InputError
from mh_preflight.rates import bundled_rates

ROWS = 400
PIECE = run.LEAST_ROWS
PYTHONPATH = os.pathsep.join(str(folder) for folder in Path(__file__).parents[2:4])


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Write jobs: most are stated, some have a file that is to be read, or that is missing."""
    make_sound(tmp_path / "a.wav", 2, "pcm_s16le", rate=8000)
    photo = {name: PHOTO[name] for name in ("endpoint", "image", "audio")}
    rows: list[dict[str, Any]] = []
    for number in range(ROWS):
        kinds = {0: {**photo, "audio": "a.wav"}, 1: {**photo, "audio": "missing.wav"}}
        rows.append({"number": number, **kinds.get(number % 9, LIP), "end_seconds": 1 + number % 2})
    return write_rows(tmp_path / "jobs.jsonl", rows)


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rows that are really priced, batch by batch."""
    counts: list[int] = []
    answer = table._answer  # noqa: SLF001

    def counted(batch: pa.RecordBatch, *rest: Any) -> Any:
        counts.append(batch.num_rows)
        return answer(batch, *rest)

    monkeypatch.setattr(table, "_answer", counted)
    return counts


def parts_of(output: Path) -> set[str]:
    return names_in(output.with_name(f".{output.name}.mh-preflight"))


# --------------------------------------------------------------------------- stopped, and gone on

STOPPING = """
import sys, time
from pathlib import Path
from mh_preflight.batch import table
from mh_preflight.batch.files import run
from tabling import TERMS

run.PART_SECONDS = 0
answer, many, jobs, output = table._answer, int(sys.argv[3]), *map(Path, sys.argv[1:3])

def answer_slowly(batch, *rest):
    global many
    if many == 0:
        print("here", flush=True)
        time.sleep(60)
    many -= 1
    return answer(batch, *rest)

table._answer = answer_slowly
run.run_batch(jobs, output, TERMS)
"""


def killed(jobs: Path, output: Path, pieces: int) -> None:
    """Start a run in a process of its own, and kill it when some pieces are priced."""
    with subprocess.Popen(
        [sys.executable, "-c", STOPPING, jobs, output, str(pieces)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
        finally:
            process.kill()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, jobs: Path, priced: list[int], ending: str
) -> None:
    unbroken = tmp_path / f"unbroken.{ending}"
    whole = run_batch(jobs, unbroken, TERMS)
    assert sum(priced) == ROWS
    priced.clear()
    output = tmp_path / f"out.{ending}"
    killed(jobs, output, 3)
    assert not output.exists()
    # What a kill at another moment leaves does not disturb.
    folder = output.with_name(f".{output.name}.mh-preflight")
    for name in ("new", "answers"):
        (folder / name).write_bytes(b"half")
    begun = []
    outcome = run_batch(jobs, output, TERMS, begin=lambda *rows: begun.append(rows))
    assert (outcome.kept, begun) == (3 * PIECE, [(ROWS, 3 * PIECE)])
    assert sum(priced) == ROWS - 3 * PIECE
    assert output.read_bytes() == unbroken.read_bytes()
    assert outcome.totals == whole.totals
    assert parts_of(output) == {"run.json", "lock"}


def interrupt(_: Path, output: Path, jobs: Path, terms: Terms = TERMS, after: int = 128) -> None:
    """Stop a run as Ctrl-C does, once some rows are priced."""
    left = after

    def done(rows: int) -> None:
        nonlocal left
        left -= rows
        if left <= 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(jobs, output, terms, done=done)


def test_an_interrupt_keeps_what_is_done(tmp_path: Path, jobs: Path, priced: list[int]) -> None:
    output = tmp_path / "out.csv"
    interrupt(tmp_path, output, jobs)
    assert not output.exists()
    priced.clear()
    outcome = run_batch(jobs, output, TERMS)
    assert outcome.kept >= PIECE
    assert sum(priced) == ROWS - outcome.kept
    assert [row["number"] for row in read_rows(output)] == [str(n) for n in range(ROWS)]


def test_a_part_is_due_after_a_time_however_slow_the_files_are(
    tmp_path: Path, jobs: Path, priced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PART_SECONDS", 0)
    seen = set()
    output = tmp_path / "out.csv"
    run_batch(jobs, output, TERMS, done=lambda _: seen.update(parts_of(output)))
    assert set(priced) == {PIECE, ROWS % PIECE}
    assert {f"{0:015d}-{PIECE}.part", f"{PIECE:015d}-{PIECE}.part"} <= seen


# -------------------------------------------------------------------------- finished, and changed


def test_a_finished_run_repeats_nothing(tmp_path: Path, jobs: Path, priced: list[int]) -> None:
    output = tmp_path / "out.csv"
    first = run_batch(jobs, output, TERMS)
    stamp, before = output.stat(), names_in(tmp_path)
    assert (sum(priced), first.kept) == (ROWS, 0)
    again = run_batch(jobs, output, TERMS)
    assert (sum(priced), again.kept) == (ROWS, ROWS)
    assert again.totals == first.totals
    assert (output.stat().st_mtime_ns, names_in(tmp_path)) == (stamp.st_mtime_ns, before)


def test_answers_that_were_removed_or_changed_are_written_again(
    tmp_path: Path, jobs: Path, priced: list[int]
) -> None:
    output = tmp_path / "out.csv"
    run_batch(jobs, output, TERMS)
    whole = output.read_bytes()
    output.unlink()
    assert run_batch(jobs, output, TERMS).kept == 0
    assert output.read_bytes() == whole
    output.write_text("other")
    run_batch(jobs, output, TERMS)
    assert output.read_bytes() == whole
    assert sum(priced) == 3 * ROWS


@pytest.mark.parametrize(
    "change",
    [
        {"plan": "pro"},
        {"as_of": date(2025, 9, 1)},
        {"basis": "monthly"},
        {"offline": False},
        {"rates": "edited"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_terms_start_again_even_where_some_rows_were_kept(
    tmp_path: Path, jobs: Path, priced: list[int], change: dict[str, Any]
) -> None:
    mine = tmp_path / "mine.toml"
    data = Path(sys.modules["mh_preflight.rates.card"].__file__ or "").parent / "data"
    text = (data / "lip-sync.toml").read_text(encoding="utf-8")
    mine.write_text(text, encoding="utf-8")
    terms = replace(TERMS, rates=bundled_rates().with_file(mine))
    if "rates" in change:
        edited = text.replace("a real job", "a job", 1)
        assert edited != text
        mine.write_text(edited, encoding="utf-8")
        change = {"rates": bundled_rates().with_file(mine)}
    output = tmp_path / "out.csv"
    interrupt(tmp_path, output, jobs, terms)
    priced.clear()
    assert run_batch(jobs, output, replace(terms, **change)).kept == 0
    assert sum(priced) == ROWS


def test_changed_jobs_start_again(tmp_path: Path, jobs: Path, priced: list[int]) -> None:
    output = tmp_path / "out.csv"
    run_batch(jobs, output, TERMS)
    write_rows(jobs, [LIP] * 5)
    assert run_batch(jobs, output, TERMS).kept == 0
    assert len(read_rows(output)) == 5


def exchanged(clip: Path) -> None:
    other = clip.with_name("other.mp4")
    other.write_bytes(b"two")
    os.utime(other, (0, 0))
    other.replace(clip)


def linked_elsewhere(clip: Path) -> None:
    clip.unlink()
    clip.symlink_to(clip.with_name("beside.mp4"))


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "finished"])
@pytest.mark.parametrize("form", ["columns", "request"])
@pytest.mark.parametrize("change", [exchanged, linked_elsewhere, Path.unlink])
def test_a_local_file_that_was_changed_starts_again(
    tmp_path: Path, stopped: bool, form: str, change: Callable[[Path], None], priced: list[int]
) -> None:
    clip, beside = tmp_path / "clip.mp4", tmp_path / "beside.mp4"
    beside.write_bytes(b"nobody asks for it")
    clip.write_bytes(b"one")
    os.utime(clip, (2**32, 2**32))  # by a clock that is ahead
    jobs, output = write_rows(tmp_path / "named.jsonl", read_from(form)), tmp_path / "out.csv"
    if stopped:
        interrupt(tmp_path, output, jobs, TERMS)
    else:
        run_batch(jobs, output, TERMS)
        assert run_batch(jobs, output, TERMS).kept == ROWS
    change(clip)
    assert run_batch(jobs, output, TERMS).kept == 0
    beside.touch()
    priced.clear()
    if change is not linked_elsewhere:
        assert run_batch(jobs, output, TERMS).kept == ROWS
        assert priced == []


def read_from(form: str) -> list[dict[str, Any]]:
    """Give jobs whose clip has to be read."""
    body = {
        "assets": {
            "video_source": "file",
            "video_file_path": "clip.mp4",
            "audio_file_path": "https://example.com/a.mp3",
        },
        "start_seconds": 0,
        "end_seconds": 15,
    }
    row: dict[str, Any] = {"endpoint": "lip-sync", "request": json.dumps(body)}
    if form == "columns":
        row = {name: LIP[name] for name in ("endpoint", "audio", "audio_duration_seconds")}
        row["video"] = "clip.mp4"
    return [row] * ROWS


def test_files_of_which_all_is_stated_are_not_looked_at(tmp_path: Path, priced: list[int]) -> None:
    (tmp_path / "v.mp4").write_bytes(b"one")
    jobs, output = write_rows(tmp_path / "named.jsonl", [LIP, PHOTO]), tmp_path / "out.csv"
    run_batch(jobs, output, TERMS)
    (tmp_path / "v.mp4").write_bytes(b"other")
    assert run_batch(jobs, output, TERMS).kept == 2


def test_a_run_that_goes_on_keeps_its_day_and_one_that_ended_takes_the_new(
    tmp_path: Path, jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terms(day: date) -> Terms:
        today = replace(TERMS, as_of=None)
        object.__setattr__(today, "day", day)
        return today

    first, second = date(2026, 11, 22), date(2026, 11, 23)
    monkeypatch.setattr(run, "replace", lambda given, **more: replaced(given, more))

    def replaced(given: Terms, more: dict[str, Any]) -> Terms:
        kept = replace(given, **more)
        object.__setattr__(kept, "day", kept.as_of or given.day)
        return kept

    output = tmp_path / "out.jsonl"
    interrupt(tmp_path, output, jobs, terms(first))
    assert run_batch(jobs, output, terms(second)).day == first
    assert {row["rate_as_of"] for row in read_rows(output)} == {first.isoformat(), None}
    outcome = run_batch(jobs, output, terms(second))
    assert (outcome.day, outcome.kept) == (second, 0)
    assert {row["rate_as_of"] for row in read_rows(output)} == {second.isoformat(), None}


# ------------------------------------------------------------------------------- in others' way


@pytest.mark.skipif(sys.platform == "win32", reason="no locks")
def test_a_second_run_of_the_same_answers_is_refused_and_the_first_unharmed(
    tmp_path: Path, jobs: Path
) -> None:
    unbroken = tmp_path / "unbroken.csv"
    run_batch(jobs, unbroken, TERMS)
    output, refused = tmp_path / "out.csv", []

    def meanwhile(_: int) -> None:
        before = names_in(tmp_path)
        with pytest.raises(InputError, match="another run is at it") as caught:
            run_batch(jobs, output, TERMS)
        refused.append(caught.value.code)
        assert names_in(tmp_path) == before

    run_batch(jobs, output, TERMS, done=meanwhile)
    assert set(refused) == {"unwritable"}
    assert output.read_bytes() == unbroken.read_bytes()


def test_answers_do_not_overwrite_their_jobs(tmp_path: Path, jobs: Path) -> None:
    content, before = jobs.read_bytes(), names_in(tmp_path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(jobs)
    for output in (jobs, tmp_path / "." / "jobs.jsonl", link):
        with pytest.raises(InputError, match="would overwrite the jobs"):
            run_batch(jobs, output, TERMS)
    assert jobs.read_bytes() == content
    assert names_in(tmp_path) == before | {"link.jsonl"}


def refused(folder: Path, jobs: Path, output: Path, words: str) -> None:
    before = names_in(folder)
    with pytest.raises(InputError, match=words) as caught:
        run_batch(jobs, output, TERMS)
    assert (caught.value.code, caught.value.field) == ("unwritable", "output")
    assert names_in(folder) == before


def test_a_place_that_cannot_be_written_to_is_named_before_anything_is_priced(
    tmp_path: Path, jobs: Path, priced: list[int]
) -> None:
    refused(tmp_path, jobs, tmp_path / "missing" / "out.csv", "there is no such folder")
    refused(tmp_path, jobs, jobs / "out.csv", "there is no such folder")
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path, jobs, tmp_path / "folder.csv", "it is a folder")
    if sys.platform == "linux":
        refused(tmp_path, jobs, Path("/proc/out.csv"), "cannot be written")
    assert priced == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_folder_is_one_clear_error(tmp_path: Path, jobs: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(0o500)
    refused(tmp_path, jobs, folder / "out.csv", "Permission denied")


# ------------------------------------------------------------------------------------ a full disk


class Full:
    """A writer on a disk that is full."""

    def write(self, batch: pa.RecordBatch) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self.write(None)


@pytest.mark.parametrize("place", ["answers", "part", "state", "sync"])
def test_a_full_disk_is_one_clear_error_and_leaves_the_old_answers(
    tmp_path: Path, jobs: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    before = names_in(tmp_path)

    def full(*_: Any, **__: Any) -> Any:
        return Full().close()

    with monkeypatch.context() as patch:
        if place == "answers":
            patch.setattr(run, "writer_of", lambda *_: Full())
        else:
            names = {"part": (run, "_write_part"), "state": (run, "_keep"), "sync": (os, "fsync")}
            patch.setattr(*names[place], full)
        with pytest.raises(InputError, match="No space left on device") as caught:
            run_batch(jobs, output, TERMS)
    assert caught.value.code == "unwritable"
    assert (names_in(tmp_path), output.read_text()) == (before, "old")
    run_batch(jobs, output, TERMS)
    assert len(read_rows(output)) == ROWS


LIMITED = """
import resource, sys
from pathlib import Path
from mh_preflight.batch.files import run_batch
from mh_preflight.errors import InputError
from tabling import TERMS

most = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    run_batch(Path(sys.argv[1]), Path(sys.argv[2]), TERMS)
except InputError as error:
    print(error.code, error.message)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit")
@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_may_grow_no_further_leaves_nothing_behind(tmp_path: Path, ending: str) -> None:
    jobs = write_rows(
        tmp_path / "jobs.jsonl", [{**LIP, "note": os.urandom(40).hex()} for _ in range(2000)]
    )
    output = tmp_path / f"out.{ending}"
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, jobs, output, "60000"],
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("unwritable ")
    assert names_in(tmp_path) == {"jobs.jsonl"}


SMALL_DISK = """
import sys
from pathlib import Path
from mh_preflight.batch.files import run_batch
from mh_preflight.errors import InputError
from tabling import TERMS

disk = Path(sys.argv[2])
try:
    run_batch(Path(sys.argv[1]), disk / "out.csv", TERMS)
except InputError as error:
    print(error.code, error.message, [path.name for path in disk.iterdir()])
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no disk can be made")
def test_a_disk_that_is_really_full_is_left_as_it_was(tmp_path: Path, jobs: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=40k none "$0" && exec "$@"']
    if subprocess.run([*mounted, disk, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be made")
    write_rows(jobs, [{**LIP, "note": os.urandom(40).hex()} for _ in range(2000)])
    ended = subprocess.run(
        [*mounted, disk, sys.executable, "-c", SMALL_DISK, jobs, disk],
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "unwritable" in ended.stdout
    assert "No space left on device []" in ended.stdout


# ------------------------------------------------------------------------------------------ memory

MEASURED = """
import resource, sys
from pathlib import Path
from mh_preflight.batch.files import run_batch
from tabling import TERMS

run_batch(Path(sys.argv[1]), Path(sys.argv[2]), TERMS)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("ending", FORMATS)
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, ending: str) -> None:
    """Ten times as many rows take less than half as much memory again."""
    few, many = (peak(tmp_path, ending, rows) for rows in (200_000, 2_000_000))
    assert many < 1.5 * few


def peak(folder: Path, ending: str, rows: int) -> int:
    """Give the most memory that a run took, in KiB."""
    first = write_rows(folder / f"one.{ending}", [{"number": n, **LIP} for n in range(1000)])
    jobs = folder / f"jobs.{ending}"
    if ending == "parquet":
        from pyarrow import parquet

        piece = parquet.read_table(first)
        with parquet.ParquetWriter(jobs, piece.schema) as writer:
            for _ in range(rows // 10_000):
                writer.write_table(pa.concat_tables([piece] * 10))
    else:
        lines = first.read_bytes().splitlines(keepends=True)
        head, body = (lines[:1], lines[1:]) if ending == "csv" else ([], lines)
        with jobs.open("wb") as file:
            file.writelines(head)
            for _ in range(rows // 1000):
                file.writelines(body)
    output = folder / f"out.{ending}"
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, jobs, output],
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        check=True,
    )
    output.unlink()
    shutil.rmtree(folder / f".out.{ending}.mh-preflight")
    return int(ended.stdout)
