"""Files from strangers: nothing else is opened, nothing hangs, and every end is a clear one.

The most telling cases are written here; a larger set is read too where `MH_PREFLIGHT_HOSTILE` names
a folder with the script that writes it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from attacking import (
    PLAYLISTS,
    Visitors,
    make_tag_bomb,
    opened_files,
    silent_mp3,
    visited_server,
)
from making import Clip, make_video

from mh_preflight.errors import MediaError
from mh_preflight.media import Isolation, Limits, Media, probe
from mh_preflight.media.isolation import Pool, can_isolate
from mh_preflight.media.origins import InMemory, LocalFile

HOSTILE = os.environ.get("MH_PREFLIGHT_HOSTILE", "")

STRACE = shutil.which("strace") or ""

MOST_WALL = 6.0
MOST_MEMORY = 512  # MiB

ON_LINUX = pytest.mark.skipif(not can_isolate(), reason="only Linux limits and watches a process")


@pytest.fixture(params=["process", "none"] if can_isolate() else ["none"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    how: Isolation = request.param
    return how


@pytest.fixture
def visitors() -> Iterator[Visitors]:
    with visited_server() as server:
        yield server


def code_of(source: Path | bytes, isolation: Isolation) -> str:
    with pytest.raises(MediaError) as caught:
        probe(source, isolation=isolation)
    assert "\n" not in caught.value.message
    return caught.value.code


@ON_LINUX
@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("ending", ["own", "mp4"])
def test_what_names_other_files_is_refused_and_none_of_them_is_opened(
    tmp_path: Path, visitors: Visitors, isolation: Isolation, name: str, ending: str
) -> None:
    (tmp_path / "canary.ts").write_bytes(b"\x47" + bytes(187))
    (tmp_path / "index.sub").write_bytes(b"\0\0\1\xba" + bytes(2044))
    path = tmp_path / (name if ending == "own" else "film.mp4")
    text = PLAYLISTS[name].replace("{port}", str(visitors.port))
    path.write_text(text.replace("{folder}", str(tmp_path)))
    with opened_files(tmp_path) as opened:
        assert code_of(path, isolation) == "unreadable"
        assert code_of(path.read_bytes(), isolation) == "unreadable"
    assert opened == {path.name}
    assert visitors.count == 0


@ON_LINUX
def test_the_canaries_sing(tmp_path: Path, visitors: Visitors) -> None:
    import av

    (tmp_path / "canary.ts").write_bytes(b"\x47" + bytes(187))
    for name in ("list.ffconcat", "web.m3u8"):
        (tmp_path / name).write_text(PLAYLISTS[name].replace("{port}", str(visitors.port)))
    with opened_files(tmp_path) as opened:
        with pytest.raises(av.error.FFmpegError):
            av.open(str(tmp_path / "list.ffconcat"))
        with (tmp_path / "web.m3u8").open("rb") as file, pytest.raises(av.error.FFmpegError):
            av.open(file, timeout=3)
    assert "canary.ts" in opened
    assert visitors.count > 0


@ON_LINUX
def test_a_name_that_is_a_pattern_opens_no_neighbour(tmp_path: Path, isolation: Isolation) -> None:
    film = make_video(tmp_path / "film%03d.mp4")
    shutil.copy(film, tmp_path / "film001.mp4")
    with opened_files(tmp_path) as opened:
        assert probe(film, isolation=isolation).video is not None
    assert opened == {"film%03d.mp4"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["pipe.mp4", "/dev/zero", "/dev/null", "/dev/stdin"])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(
    tmp_path: Path, isolation: Isolation, name: str
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert code_of(tmp_path / name, isolation) in {"not-a-file", "unreadable", "not-found"}


@pytest.mark.parametrize(
    "name",
    ["pipe:0", "concat:a|b", "subfile,,start,0,end,9,,:x", "data:video/mp4;base64,AAAA", "fd:0"],
)
def test_a_protocol_is_just_a_name(tmp_path: Path, isolation: Isolation, name: str) -> None:
    assert code_of(tmp_path / name, isolation) == "not-found"


@pytest.mark.parametrize("name", ["udp://127.0.0.1:9", "tcp://127.0.0.1:9?listen=1", "cache:http"])
def test_no_other_protocol_than_https_is_spoken(isolation: Isolation, name: str) -> None:
    with pytest.raises(MediaError) as caught:
        probe(name, isolation=isolation)
    assert caught.value.code in {"bad-url", "not-found"}


def sparse(path: Path, head: bytes) -> Path:
    """Write a file that claims 5 GB and has only its head on the disk."""
    path.write_bytes(head)
    os.truncate(path, 5 << 30)
    return path


@ON_LINUX
@pytest.mark.parametrize("kind", ["zeros.mp4", "film.ts", "film.mkv", "voice.mp3", "film.mp4"])
def test_a_file_that_claims_to_be_huge_takes_neither_time_nor_memory(
    tmp_path: Path, kind: str
) -> None:
    ending = kind.partition(".")[2]
    head = b""
    if kind == "voice.mp3":
        head = silent_mp3()
    elif kind != "zeros.mp4":
        codec = "mpeg2video" if ending == "ts" else "mpeg4"
        head = make_video(tmp_path / f"head.{ending}", Clip(codec=codec)).read_bytes()
    path = sparse(tmp_path / kind, head)
    with Pool(1) as pool:
        took, memory, _ = read_alone(pool, path)
    assert took < MOST_WALL
    assert memory < MOST_MEMORY


@ON_LINUX
def test_tags_that_take_quadratic_time_are_stopped(tmp_path: Path) -> None:
    with Pool(1) as pool:
        took, memory, found = read_alone(pool, make_tag_bomb(tmp_path / "tags.mp3", 60_000))
    assert isinstance(found, MediaError)
    assert found.code == "too-slow"
    assert took < MOST_WALL
    assert memory < MOST_MEMORY


def patched_sample_count(path: Path, count: int) -> Path:
    """Let an mp4 claim many samples of one constant size, of which it holds none."""
    data = bytearray(make_video(path).read_bytes())
    place = data.index(b"stsz") + 8
    data[place : place + 8] = (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    path.write_bytes(data)
    return path


@ON_LINUX
@pytest.mark.parametrize("count", [5_000_000, 60_000_000, 2**32 - 1])
def test_an_index_that_claims_millions_of_samples_is_bounded(tmp_path: Path, count: int) -> None:
    path = patched_sample_count(tmp_path / "film.mp4", count)
    with Pool(1) as pool:
        took, memory, found = read_alone(pool, path)
    assert took < MOST_WALL
    assert memory < MOST_MEMORY
    if isinstance(found, Media):
        assert "video.frames" in found.uncertain


def read_alone(pool: Pool, path: Path) -> tuple[float, float, Media | MediaError]:
    """Read one file; give seconds, MiB at the worker's peak, and what was found."""
    found: Media | MediaError
    file = LocalFile.open(str(path))
    pool.read(InMemory(silent_mp3()), Limits())  # the start of a worker is not the file's fault
    (worker,) = pool._idle  # noqa: SLF001
    with peak_of(worker.process_id) as peak:
        start = time.monotonic()
        try:
            found = pool.read(file, Limits())
        except MediaError as error:
            found = error
        took = time.monotonic() - start
    file.close()
    return took, peak[-1], found


@contextmanager
def peak_of(process_id: int) -> Iterator[list[float]]:
    """Watch the most memory in MiB that a process ever had, until it ends or the context does."""
    peaks, stop = [0.0], Event()

    def watch() -> None:
        while True:
            last = stop.wait(0.02)
            with suppress(OSError):
                status = Path(f"/proc/{process_id}/status").read_text().split()
                if "VmHWM:" in status:
                    peaks.append(int(status[status.index("VmHWM:") + 1]) / 1024)
            if last:
                return

    thread = Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


@ON_LINUX
@pytest.mark.skipif(not HOSTILE, reason="MH_PREFLIGHT_HOSTILE names no folder")
@pytest.mark.slow
def test_all_hostile_files_end_as_they_should(tmp_path: Path, visitors: Visitors) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "files"
    secret.mkdir()
    (secret / "passwords").write_text("CANARY")
    script = Path(HOSTILE) / "make_hostile.py"
    told = ["--port", str(visitors.port), "--secret", str(secret / "passwords")]
    subprocess.run([sys.executable, script, folder, *told], check=True, capture_output=True)
    wrong = []
    with Pool(1) as pool, opened_files(secret) as leaked:
        for each in json.loads((folder / "manifest.json").read_text()):
            path = folder / each["name"]
            with opened_files(folder) as opened:
                try:
                    took, memory, found = read_alone(pool, path)
                except MediaError as error:  # it does not even open
                    took, memory, found = 0.0, 0.0, error
            ended = "reject" if isinstance(found, MediaError) else "accept"
            if each["want"] not in {"any", ended}:
                wrong.append(f"{path.name}: {ended}, wanted {each['want']}")
            if took > MOST_WALL or memory > MOST_MEMORY:
                wrong.append(f"{path.name}: {took:.1f} s, {memory:.0f} MiB")
            if opened - {path.name}:
                wrong.append(f"{path.name} opened {opened}")
            if isinstance(found, MediaError) and "\n" in found.message:
                wrong.append(f"{path.name}: {found.message!r}")
    assert wrong == []
    assert leaked == set()
    assert visitors.count == 0


@ON_LINUX
@pytest.mark.skipif(not STRACE, reason="strace is not installed")
def test_the_worker_succeeds_in_opening_nothing(tmp_path: Path, visitors: Visitors) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "canary.ts").write_bytes(b"\x47" + bytes(187))
    with Pool(1) as pool:
        pool.read(InMemory(silent_mp3()), Limits())
        (worker,) = pool._idle  # noqa: SLF001
        trace = "trace=open,openat,creat,socket,connect,bind,execve,fork,vfork"
        tracer = subprocess.Popen(
            [STRACE, "-f", "-qq", "-e", trace, "-o", calls, "-p", str(worker.process_id)],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        if tracer.poll() is not None:
            pytest.skip("this system lets no process be traced")
        for name, text in PLAYLISTS.items():
            path = tmp_path / name
            path.write_text(text.replace("{port}", str(visitors.port)))
            for content in (LocalFile.open(str(path)), InMemory(path.read_bytes())):
                with pytest.raises(MediaError):
                    pool.read(content, Limits())
                content.close()
        assert pool.read(InMemory(silent_mp3()), Limits()).audio is not None
    tracer.wait(10)
    done = [line for line in calls.read_text().splitlines() if "= -1" not in line]
    assert [line for line in done if "killed by SIGKILL" not in line] == []  # that was the end
