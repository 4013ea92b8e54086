from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attacking import make_tag_bomb
from making import Clip, make_sound, make_video
from PIL import Image

from mh_preflight.errors import IsolationError, MediaError
from mh_preflight.media import Limits, Media, probe, probe_many
from mh_preflight.media.isolation import Pool, asking, can_isolate, shared_pool
from mh_preflight.media.isolation import pool as pool_module
from mh_preflight.media.origins import InMemory, LocalFile

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this system cannot limit a process")

LIMITS = Limits()


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    stamps = tuple(n / 30 for n in range(30)) + tuple(1 + n / 10 for n in range(10))
    Image.effect_noise((40, 30), 9).save(folder / "still.png")
    return [
        make_video(folder / "film.mp4", Clip(codec="libx264", b_frames=2, sound=1)),
        make_video(folder / "film.webm", Clip(codec="libvpx")),
        make_video(folder / "uneven.mp4", Clip(stamps=stamps, codec="libx264")),
        make_sound(folder / "voice.mp3", 0.5, "libmp3lame"),
        folder / "still.png",
    ]


def read(pool: Pool, path: Path, limits: Limits = LIMITS) -> Media:
    file = LocalFile.open(str(path))
    try:
        return pool.read(file, limits)
    finally:
        file.close()


def workers_of(pool: Pool) -> list[int]:
    return [worker.process_id for worker in pool._idle]  # noqa: SLF001


def code_of(pool: Pool, content: Any, limits: Limits = LIMITS) -> str:
    with pytest.raises(MediaError) as caught:
        pool.read(content, limits)
    assert "\n" not in caught.value.message
    return caught.value.code


def test_a_worker_finds_what_is_found_without_one(files: list[Path]) -> None:
    isolated = list(probe_many(files, isolation="process", workers=2))
    assert isolated == list(probe_many(files, isolation="none"))
    assert [media.source for media in isolated] == [str(path) for path in files]


def test_the_times_of_uneven_frames_come_across(files: list[Path]) -> None:
    uneven, plain = (probe(files[2], isolation=how).video for how in ("process", "none"))
    assert uneven is not None
    assert plain is not None
    assert uneven.frame_times is not None
    assert plain.frame_times is not None
    assert uneven.frame_times.tolist() == plain.frame_times.tolist()


def test_bytes_are_served_and_give_the_same(pool: Pool, files: list[Path]) -> None:
    for path in files:
        served = pool.read(InMemory(path.read_bytes()), LIMITS)
        assert served.model_copy(update={"source": str(path)}) == probe(path, isolation="none")


def test_one_worker_serves_many_sources(pool: Pool, files: list[Path]) -> None:
    for path in files:
        read(pool, path)
    first = workers_of(pool)
    for path in files:
        read(pool, path)
    assert workers_of(pool) == first


def test_a_file_that_needs_too_much_of_the_processor_ends_its_worker_and_no_other_file(
    pool: Pool, files: list[Path], tmp_path: Path
) -> None:
    bomb = make_tag_bomb(tmp_path / "tags.mp3", 60_000)
    read(pool, files[0])
    before = workers_of(pool)[-1]
    with pytest.raises(MediaError, match="needs more than 1 s of processor time") as caught:
        read(pool, bomb, Limits(processor_seconds=1))
    assert caught.value.code == "too-slow"
    assert before not in workers_of(pool)
    assert read(pool, files[0]).video is not None


def test_a_file_that_needs_too_much_memory_is_refused(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "large.webp"
    Image.new("RGB", (4000, 4000)).save(path, lossless=True)
    frames = [Image.new("RGB", (4000, 4000), (n, 0, 0)) for n in range(2)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(MediaError):
        read(pool, path, Limits(memory_bytes=24 << 20))
    assert read(pool, path).image is not None


class Killer(InMemory):
    """Bytes that end the worker when it asks for them."""

    def __init__(self, data: bytes, victim: int, number: signal.Signals) -> None:
        super().__init__(data)
        self._victim, self._number = victim, number

    def read_at(self, place: int, length: int) -> bytes:
        os.kill(self._victim, self._number)
        return super().read_at(place, length)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_is_one_clear_error_and_is_replaced(
    pool: Pool, files: list[Path], number: signal.Signals
) -> None:
    read(pool, files[0])
    content = Killer(files[0].read_bytes(), workers_of(pool)[-1], number)
    with pytest.raises(MediaError, match=number.name) as caught:
        pool.read(content, LIMITS)
    assert caught.value.code == "crashed"
    assert read(pool, files[0]).video is not None


def test_a_worker_that_died_while_it_was_idle_is_no_fault_of_the_next_file(
    pool: Pool, files: list[Path]
) -> None:
    read(pool, files[0])
    for worker in list(pool._idle):  # noqa: SLF001
        os.kill(worker.process_id, signal.SIGKILL)
        os.waitid(os.P_PID, worker.process_id, os.WEXITED | os.WNOWAIT)
    assert read(pool, files[0]).video is not None


class Broken(InMemory):
    """Bytes that cannot be read to their end."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        super().__init__(data)
        self._error = error

    def read_at(self, place: int, length: int) -> bytes:
        if place:
            raise self._error
        return super().read_at(place, length)


@pytest.mark.parametrize("killed", [1, 2])
def test_a_worker_that_is_killed_as_it_starts_is_replaced_once(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, killed: int
) -> None:
    start, left = pool_module._start, iter(range(killed))  # noqa: SLF001  a fault is planted

    def killed_at_first() -> asking.Worker:
        worker = start()
        if next(left, None) is not None:
            os.kill(worker._process.pid, signal.SIGKILL)  # noqa: SLF001
        return worker

    monkeypatch.setattr(pool_module, "_start", killed_at_first)
    with Pool(1) as pool:
        if killed > 1:
            with pytest.raises(IsolationError):
                read(pool, files[0])
        assert read(pool, files[0]).video is not None


def test_what_cannot_be_served_is_the_error_that_is_raised(pool: Pool, files: list[Path]) -> None:
    read(pool, files[0])
    before = workers_of(pool)
    error = MediaError("the line is dead", code="network")
    assert code_of(pool, Broken(files[0].read_bytes(), error)) == "network"
    assert workers_of(pool) == before


def test_an_interrupt_while_serving_ends_the_worker(pool: Pool, files: list[Path]) -> None:
    read(pool, files[0])
    before = workers_of(pool)[-1]
    with pytest.raises(KeyboardInterrupt):
        pool.read(Broken(files[0].read_bytes(), KeyboardInterrupt()), LIMITS)
    assert before not in workers_of(pool)
    assert read(pool, files[0]).video is not None


class Slow(InMemory):
    """Bytes that come too late."""

    def read_at(self, place: int, length: int) -> bytes:
        time.sleep(0.4)
        return super().read_at(place, length)


def test_wall_time_is_limited_too(
    pool: Pool, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(asking, "WALL", 1)
    content = Slow(files[1].read_bytes())
    assert code_of(pool, content, Limits(processor_seconds=0.5)) == "too-slow"


def test_no_key_of_the_user_is_in_the_worker(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", "canary-7f3a")
    with Pool(1) as pool:
        read(pool, files[0])
        (worker,) = workers_of(pool)
        surroundings = Path(f"/proc/{worker}/environ").read_bytes()
        assert b"OPENBLAS_NUM_THREADS" in surroundings
        assert b"canary" not in surroundings


def test_a_worker_ends_with_those_who_ask_it(files: list[Path]) -> None:
    pool = Pool(1)
    read(pool, files[0])
    (worker,) = pool._idle  # noqa: SLF001
    worker._control.close()  # noqa: SLF001  as it is closed when the parent ends
    assert worker._process.wait(10) == 0  # noqa: SLF001
    pool.close()


def test_a_worker_is_replaced_after_many_files(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_FILES", 3)
    with Pool(1) as pool:
        seen = set()
        for _ in range(7):
            read(pool, files[3])
            seen |= set(workers_of(pool))
        assert len(seen) == 3


def test_threads_share_the_workers(pool: Pool, files: list[Path]) -> None:
    expected = [probe(path, isolation="none") for path in files] * 8
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda path: read(pool, path), files * 8))
    assert found == expected
    assert len(workers_of(pool)) <= 2


def test_no_descriptor_and_no_process_is_left_behind(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with Pool(1) as pool:
        read(pool, files[0])
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(20):
            read(pool, files[0])
            pool.read(InMemory(files[3].read_bytes()), LIMITS)
            with pytest.raises(MediaError):
                read(pool, tmp_path / "text.mp4")
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
        (worker,) = workers_of(pool)
    assert not Path(f"/proc/{worker}").exists()


def test_after_a_fork_the_copy_has_workers_of_its_own(files: list[Path]) -> None:
    probe(files[0], isolation="process")
    ours = set(workers_of(shared_pool()))
    child = os.fork()
    if child == 0:
        try:
            probe(files[0], isolation="process")
            own = workers_of(shared_pool())
            shared_pool().close()
            os._exit(0 if own and not ours & set(own) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert probe(files[0], isolation="process").video is not None
    assert ours <= set(workers_of(shared_pool()))


def test_where_no_process_can_be_started_it_says_what_to_do(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("/bin/false", "/no/such/program"):
        monkeypatch.setattr(sys, "executable", program)
        with Pool(1) as pool, pytest.raises(IsolationError, match="isolation='none'"):
            read(pool, files[0])


def test_where_no_process_can_be_limited_isolation_must_not_be_asked_for(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mh_preflight.media.source.can_isolate", lambda: False)
    assert probe(files[0]).video is not None
    with pytest.raises(IsolationError, match="isolation='none'"):
        probe(files[0], isolation="process")


def test_why_a_worker_does_not_start_is_said(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_START", "raise ImportError('no such part')")
    with Pool(1) as pool, pytest.raises(IsolationError, match="ImportError: no such part"):
        read(pool, files[0])


def test_limits_that_the_system_sets_already_are_kept_to(files: list[Path]) -> None:
    program = """
import resource, sys
import mh_preflight as mh
resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for _ in range(2):
    print(mh.probe(sys.argv[1], isolation="process").video.frames)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(files[0])], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("30\n30\n", "")
