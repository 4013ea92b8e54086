from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from making import Clip, make_video

import mh_preflight as mh
from mh_preflight.batch import estimate_table

ray = pytest.importorskip("ray")
priced = pytest.importorskip("mh_preflight.batch.ray")
files_room = pytest.importorskip("mh_preflight.batch.ray.files")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),  # it warns of its own settings
]

DAY = date(2026, 11, 22)
ACTOR = b"ray::MapWorker(MapBatches(_Pricer))"
WORKER = b"mh_preflight.media.isolation.worker"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start a Ray of two processors on this machine, and end it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100 << 20,
            _node_ip_address="127.0.0.1",
        )
        try:
            yield
        finally:
            ray.shutdown()


def dataset_of(table: pa.Table) -> Any:
    return ray.data.from_arrow(table)


def table_of(dataset: Any) -> pa.Table:
    return pa.concat_tables(ray.get(dataset.to_arrow_refs()))


def mixed_jobs(count: int) -> pa.Table:
    """Make jobs that are plain, that need their files read, and that are wrong."""
    rows = [
        {
            "number": number,
            "endpoint": "lip-sync" if number % 7 else "lip-sink",
            "video": "clip.mp4" if number % 5 else "gone.mp4",
            "audio": "voice.wav",
            "end_seconds": "soon" if number % 11 == 3 else f"{1 + number % 4}",
            "video_fps": "30000/1001" if number % 2 else None,
            "video_duration_seconds": 6.0 if number % 2 else None,
            "audio_duration_seconds": 5.0 if number % 3 else None,
        }
        for number in range(count)
    ]
    return pa.Table.from_pylist(rows)


def test_a_dataset_is_priced_as_a_table(cluster: None, samples_folder: Path) -> None:
    table = mixed_jobs(200)
    options: Any = {"plan": "creator", "as_of": DAY, "folder": str(samples_folder)}
    answered = priced.estimate_dataset(dataset_of(table), actors=2, rows=32, **options)
    expected = estimate_table(table, **options)
    assert table_of(answered).equals(expected)
    assert {None, "unknown-endpoint", "bad-job", "not-found"} == set(
        expected["error_code"].to_pylist()
    )
    assert not ray.data.DataContext.get_current().execution_options.preserve_order


# -- what goes wrong on the way ---------------------------------------------------------------


def copies(folder: Path, count: int) -> pa.Table:
    """Make jobs, each with a video of its own that has to be read."""
    clip = make_video(folder / "clip.mp4", Clip(frames=30, sound=1.0))
    for number in range(count):
        os.link(clip, folder / f"{number}.mp4")
    return pa.table(
        {
            "number": list(range(count)),
            "endpoint": ["lip-sync"] * count,
            "video": [f"{number}.mp4" for number in range(count)],
            "audio": ["clip.mp4"] * count,
            "end_seconds": [1] * count,
        }
    )


def started(name: bytes) -> set[int]:
    """Give the processes of that name that descend from this one."""
    parents, found = {}, set()
    for place in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            process = int(place.name)
            parents[process] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if name in (place / "cmdline").read_bytes():
                found.add(process)
    return {process for process in found if os.getpid() in ancestors(process, parents)}


def ancestors(process: int, parents: dict[int, int]) -> Iterator[int]:
    while process in parents:
        process = parents[process]
        yield process


def answers_while_killing(dataset: Any, name: bytes) -> tuple[list[dict[str, Any]], set[int]]:
    """Take the answers, and kill a process of that name when the first of them are there."""
    rows: list[dict[str, Any]] = []
    seen: set[int] = set()
    for batch in dataset.iter_batches(batch_size=8, batch_format="pyarrow", prefetch_batches=0):
        there = started(name)
        if not rows:
            os.kill(max(there), signal.SIGKILL)
        seen |= there
        rows += batch.to_pylist()
    return rows, seen


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_actor_loses_no_row_and_repeats_none(cluster: None, tmp_path: Path) -> None:
    table = copies(tmp_path, 800)
    options: Any = {"as_of": DAY, "folder": str(tmp_path)}
    answered = priced.estimate_dataset(dataset_of(table), actors=2, rows=16, **options)
    rows, seen = answers_while_killing(answered, ACTOR)
    assert len(seen) > 2  # another has taken the place of the killed one
    assert rows == estimate_table(table, **options).to_pylist()
    assert {row["settled_credits_high"] for row in rows} == {30}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_worker_costs_at_most_the_file_that_it_read(cluster: None, tmp_path: Path) -> None:
    table = copies(tmp_path, 800)
    answered = priced.estimate_dataset(
        dataset_of(table), actors=2, rows=16, as_of=DAY, folder=str(tmp_path)
    )
    rows, seen = answers_while_killing(answered, WORKER)
    assert len(seen) > 2
    assert [row["number"] for row in rows] == list(range(800))
    crashed = [row["error_code"] for row in rows if row["error_code"] is not None]
    assert crashed in ([], ["crashed"])
    assert [row["settled_credits_high"] for row in rows].count(30) == 800 - len(crashed)


@pytest.mark.slow
def test_a_table_without_jobs_is_refused_before_anything_starts(cluster: None) -> None:
    with pytest.raises(mh.InputError, match="column endpoint: is missing") as caught:
        priced.estimate_dataset(dataset_of(pa.table({"endpiont": ["lip-sync"]})))
    assert caught.value.code == "bad-table"
    with pytest.raises(mh.InputError, match="actors: the fewest are more than the most"):
        priced.estimate_dataset(dataset_of(mixed_jobs(2)), actors=(3, 2))


# -- files ------------------------------------------------------------------------------------


def write_jobs(folder: Path, kind: str, table: pa.Table) -> None:
    folder.mkdir()
    half = table.num_rows // 2
    for number, part in enumerate((table.slice(0, half), table.slice(half))):
        path = folder / f"part-{number}.{kind}"
        if kind == "csv":
            pa.csv.write_csv(part, path)
        elif kind == "parquet":
            pa.parquet.write_table(part, path)
        else:
            lines = [json.dumps(row) for row in part.to_pylist()]
            path.write_text("\n".join(lines), encoding="utf-8")


def read_answers(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".csv":
            rows += pa.csv.read_csv(path).to_pylist()
        elif path.suffix == ".parquet":
            rows += pa.parquet.read_table(path).to_pylist()
        else:
            rows += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_files_of_jobs_become_files_of_answers(
    kind: str,
    cluster: None,
    samples_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files_room, "FILE_ROWS", 32)
    table = mixed_jobs(120)
    write_jobs(tmp_path / "jobs", kind, table)
    for name in ("clip.mp4", "voice.wav"):
        shutil.copy(samples_folder / name, tmp_path / "jobs" / name)
    ended = priced.estimate_files(
        tmp_path / "jobs", tmp_path / "answers", plan="creator", as_of=DAY, actors=2, rows=32
    )
    expected = estimate_table(
        table, plan="creator", as_of=DAY, folder=str(tmp_path / "jobs")
    ).to_pylist()
    answers = read_answers(tmp_path / "answers")
    assert [path.suffix for path in (tmp_path / "answers").iterdir()] == [f".{kind}"] * 4
    for name in ("number", "settled_credits_high", "hold_credits"):
        assert [row[name] for row in answers] == [row[name] for row in expected]
    assert [row["error_code"] or None for row in answers] == [row["error_code"] for row in expected]
    assert (ended.day, ended.files, ended.totals.all.rows) == (DAY, 2, 120)
    holds = [row["hold_credits"] for row in expected]
    assert ended.totals.all.hold_credits == sum(hold or 0 for hold in holds)
    assert ended.totals.all.not_priced == sum(row["settled_kind"] is None for row in expected)


@pytest.mark.slow
def test_files_need_not_have_the_same_columns(cluster: None, tmp_path: Path) -> None:
    files: tuple[dict[str, Any], ...] = (
        {"endpoint": "lip-sync", "video": "a.mp4", "audio": "a.mp3", "end_seconds": 15, "own": 1},
        {"endpoint": "lip-sync", "video": "a.mp4", "audio": "a.mp3", "video_fps": "30000/1001"},
        {"endpoint": "lip-sync", "video": "a.mp4", "audio": "a.mp3", "end_seconds": 1.5},
        {"endpoint": "lip-sink", "own": 2},
    )
    (tmp_path / "jobs").mkdir()
    for number, row in enumerate(files):
        known = {"video_duration_seconds": 20, "audio_duration_seconds": 20.5, "video_fps": 24}
        line = json.dumps({**known, **row})
        (tmp_path / "jobs" / f"{number}.jsonl").write_text(line, encoding="utf-8")
    priced.estimate_files(tmp_path / "jobs", tmp_path / "answers", as_of=DAY, actors=1)
    rows = read_answers(tmp_path / "answers")
    assert [row["settled_credits_high"] for row in rows] == [360, 600, 36, None]
    assert [row["own"] for row in rows] == [1, None, None, 2]


@pytest.mark.slow
def test_the_name_of_the_answers_says_their_format(cluster: None, tmp_path: Path) -> None:
    write_jobs(tmp_path / "jobs", "csv", mixed_jobs(8))
    pattern, output = f"{tmp_path}/jobs/part-*.csv", tmp_path / "answers.jsonl"
    priced.estimate_files(pattern, output, as_of=DAY, actors=1)
    assert [row["number"] for row in read_answers(output)] == [f"{each}" for each in range(8)]
    with pytest.raises(mh.InputError, match="is there already"):
        priced.estimate_files(pattern, output, as_of=DAY)


@pytest.mark.slow
def test_a_file_without_jobs_is_refused_by_name(cluster: None, tmp_path: Path) -> None:
    write_jobs(tmp_path / "jobs", "csv", mixed_jobs(8))
    (tmp_path / "jobs" / "part-0.csv").write_text("endpiont\nlip-sync\n")
    with pytest.raises(mh.InputError, match="column endpoint: is missing"):
        priced.estimate_files(tmp_path / "jobs", tmp_path / "answers", actors=1)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jsonl").write_text("{")
    with pytest.raises(mh.InputError, match=r"broken/a\.jsonl': line 1 is no JSON object"):
        priced.estimate_files(tmp_path / "broken", tmp_path / "answers", actors=1)


@pytest.mark.slow
def test_jobs_and_answers_may_lie_in_an_object_store(cluster: None, tmp_path: Path) -> None:
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        client = boto3.client(
            "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys
        )
        client.create_bucket(Bucket="bucket")
        write_jobs(tmp_path / "jobs", "csv", mixed_jobs(8))
        for path in (tmp_path / "jobs").iterdir():
            client.upload_file(str(path), "bucket", f"jobs/{path.name}")
        how = f"scheme=http&endpoint_override={host}:{port}&region=us-east-1"
        store = "s3://key:secret@bucket"
        ended = priced.estimate_files(
            f"{store}/jobs/*.csv?{how}", f"{store}/answers?{how}", as_of=DAY, actors=1, offline=True
        )
        listed = client.list_objects_v2(Bucket="bucket", Prefix="answers/")["Contents"]
        assert [each["Size"] > 0 for each in listed if each["Key"].endswith(".csv")] == [True]
        assert ended.totals.all.rows == 8
        with pytest.raises(
            mh.InputError, match=r"^'s3://bucket/answers' is there already"
        ) as caught:
            priced.estimate_files(f"{store}/jobs/*.csv?{how}", f"{store}/answers?{how}")
        assert "secret" not in str(caught.value)
        client.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["a.csv", "b.csv", "day=1/c.csv"]),
        ("/a.csv", ["a.csv"]),
        ("/*", ["a.csv", "b.csv", "day=1/c.csv"]),
        ("/?.csv", []),
        ("/*.csv", ["a.csv", "b.csv"]),
        ("/day=*", ["day=1/c.csv"]),
        ("/*/*.csv", ["day=1/c.csv"]),
    ],
)
def test_a_path_a_folder_or_a_pattern_means_files(
    pattern: str, found: list[str], tmp_path: Path
) -> None:
    for name in ("a.csv", "b.csv", "day=1/c.csv", ".hidden/d.csv", "_part.csv", "day=1/clip.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    if not found:
        with pytest.raises(mh.InputError, match="there are no jobs"):
            files_room.find_jobs(f"{tmp_path}{pattern}")
        return
    files = files_room.find_jobs(f"{tmp_path}{pattern}")
    assert files.files == [f"{tmp_path}/{name}" for name in found]
    assert (files.kind, files.folder) == ("csv", str(tmp_path))


def test_jobs_of_several_formats_are_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "b.parquet"):
        (tmp_path / name).touch()
    with pytest.raises(mh.InputError, match=r"several formats, csv, parquet: name one, as \*\.csv"):
        priced.estimate_files(tmp_path, tmp_path / "answers")


def test_a_store_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mh.InputError, match=r"^'nowhere://jobs/a\.csv' cannot be reached"):
        priced.estimate_files("nowhere://me:secret@jobs/a.csv?key=1", tmp_path / "answers")
