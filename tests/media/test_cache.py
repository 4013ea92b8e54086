from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from making import Clip, make_video

from mh_preflight.errors import InputError
from mh_preflight.media import Limits, Media, ProbeCache, Video, probe
from mh_preflight.media import source as source_module
from mh_preflight.media.cache import cache_folder
from mh_preflight.media.limits import UNFINISHED

LONG_AGO = (1_000_000_000, 1_000_000_000)


def film(path: Path, **clip: Any) -> Path:
    make_video(path, Clip(**clip))
    os.utime(path, LONG_AGO)  # what has just been written may be written to again
    return path


@pytest.fixture
def cache(tmp_path: Path) -> ProbeCache:
    return ProbeCache(tmp_path / "deep" / "probes.sqlite", most=5)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    keep = source_module._keep  # noqa: SLF001  called for whatever was read

    def counted(content: Any, media: Media, cache: ProbeCache | None) -> None:
        names.append(content.name)
        keep(content, media, cache)

    monkeypatch.setattr(source_module, "_keep", counted)
    return names


def test_what_has_not_changed_is_not_read_again(
    tmp_path: Path, cache: ProbeCache, reads: list[str]
) -> None:
    path = film(tmp_path / "a.mp4", stamps=(0, 0.1, 0.4), codec="libx264")
    first, second = probe(path, cache=cache), probe(path, cache=cache)
    assert first == second
    assert second.identity == first.identity
    assert first.video is not None
    assert second.video is not None
    assert first.video.frame_times is not None
    assert second.video.frame_times is not None
    assert first.video.frame_times.tolist() == second.video.frame_times.tolist()
    assert len(reads) == 1


def test_without_a_cache_everything_is_read(tmp_path: Path, reads: list[str]) -> None:
    path = film(tmp_path / "a.mp4")
    probe(path)
    probe(path)
    assert len(reads) == 2


def test_a_copy_under_another_name_is_read_and_named(
    tmp_path: Path, cache: ProbeCache, reads: list[str]
) -> None:
    path = film(tmp_path / "a.mp4")
    probe(path, cache=cache)
    moved = path.rename(tmp_path / "b.mp4")
    assert probe(moved, cache=cache).source == str(moved)
    assert len(reads) == 1


@pytest.mark.parametrize("how", ["written", "replaced"])
def test_what_has_changed_is_read_again(
    tmp_path: Path, cache: ProbeCache, reads: list[str], how: str
) -> None:
    path = film(tmp_path / "a.mp4", frames=30)
    probe(path, cache=cache)
    if how == "written":
        make_video(path, Clip(frames=20))
        os.utime(path, LONG_AGO)  # of the same time, but not of the same size
    else:
        film(tmp_path / "new.mp4", frames=20).replace(path)
    video = probe(path, cache=cache).video
    assert video is not None
    assert video.frames == 20
    assert len(reads) == 2


def test_a_file_that_was_just_written_is_not_kept(
    tmp_path: Path, cache: ProbeCache, reads: list[str]
) -> None:
    path = make_video(tmp_path / "a.mp4")
    probe(path, cache=cache)
    probe(path, cache=cache)
    assert len(reads) == 2


def test_the_oldest_are_forgotten_beyond_the_most(cache: ProbeCache) -> None:
    for number in range(9):
        cache.put(f"content {number}", Media(source=str(number), video=Video(frames=number)))
    found = [cache.get(f"content {number}") for number in range(9)]
    assert [media is not None for media in found] == [False] * 4 + [True] * 5
    cache.clear()
    assert cache.get("content 8") is None


def test_another_version_reads_again(
    cache: ProbeCache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.put("content", Media(source="a"))
    assert cache.get("content") is not None
    monkeypatch.setattr("importlib.metadata.version", lambda _: "99")
    newer = ProbeCache(tmp_path / "deep" / "probes.sqlite")
    assert newer.get("content") is None


def broken(path: Path, how: str) -> None:
    if how == "no database":
        path.write_bytes(b"this is no database" * 100)
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "another table":
        path.unlink()
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE probes (something)")
    else:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE probes SET answer = ?", (how.encode(),))


@pytest.mark.parametrize(
    "how", ["no database", "folder", "another table", "", "x", "\0\0\0\x04\0\0\0\0nons"]
)
def test_a_cache_that_is_broken_is_as_good_as_empty(
    tmp_path: Path, cache: ProbeCache, reads: list[str], how: str
) -> None:
    path = film(tmp_path / "a.mp4")
    expected = probe(path, cache=cache)
    for left in (tmp_path / "deep").glob("*-*"):
        left.unlink()
    broken(tmp_path / "deep" / "probes.sqlite", how)
    assert probe(path, cache=cache) == expected
    assert len(reads) == 2


def test_a_cache_that_another_process_holds_stops_no_probe(
    tmp_path: Path, cache: ProbeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mh_preflight.media.cache.WAITING_SECONDS", 0.05)
    path = film(tmp_path / "a.mp4")
    probe(path, cache=cache)
    with closing(sqlite3.connect(tmp_path / "deep" / "probes.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert probe(path, cache=cache).video is not None


def work(place: tuple[Path, int]) -> int:
    path, number = place
    cache = ProbeCache(path)
    for step in range(20):
        cache.put(f"{number}:{step}", Media(source="a", video=Video(frames=step)))
    return sum(cache.get(f"{number}:{step}") is not None for step in range(20))


def test_many_processes_use_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "probes.sqlite"
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        kept = list(processes.map(work, [(path, number) for number in range(4)]))
    assert kept == [20] * 4


def test_it_lies_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(variable, "somewhere")
        assert cache_folder() == Path("somewhere") / "mh-preflight"


@pytest.mark.parametrize("most", [0, -1, 1.5, True])
def test_the_most_is_a_whole_number_above_zero(tmp_path: Path, most: Any) -> None:
    with pytest.raises(InputError, match="most"):
        ProbeCache(tmp_path / "probes.sqlite", most=most)


def test_what_was_found_in_a_hurry_is_not_kept(
    tmp_path: Path, cache: ProbeCache, reads: list[str]
) -> None:
    path = film(tmp_path / "a.mkv", frames=900, size=(320, 240))
    hurried = probe(path, cache=cache, limits=Limits(processor_seconds=0.001), isolation="none")
    assert UNFINISHED in hurried.uncertain.values()
    assert probe(path, cache=cache).uncertain == {}
    assert len(reads) == 2


def test_a_file_that_is_no_cache_stays_as_it_is(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, and not ours\n" * 100)
    before = notes.read_bytes()
    assert probe(film(tmp_path / "a.mp4"), cache=ProbeCache(notes)).video is not None
    assert notes.read_bytes() == before


def test_a_damaged_cache_is_made_anew(tmp_path: Path, cache: ProbeCache) -> None:
    path, place = film(tmp_path / "a.mp4"), tmp_path / "deep" / "probes.sqlite"
    probe(path, cache=cache)
    with closing(sqlite3.connect(place)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = place.read_bytes()
    place.write_bytes(data[:100] + b"\xff" * (len(data) - 100))
    for _ in range(3):
        probe(path, cache=cache)
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("SELECT count(*) FROM probes").fetchone() == (1,)


def test_what_cannot_be_is_not_believed_of_a_cache_either(
    tmp_path: Path, cache: ProbeCache
) -> None:
    path = film(tmp_path / "a.mp4")
    identity = probe(path).identity
    assert identity is not None
    mad = Video(fps=Fraction(10**6), frames=7, width=10**9)
    cache.put(identity, Media(source="a", kind="video", container="\x1b[2J", video=mad))
    found = probe(path, cache=cache)
    assert found.video is not None
    assert (found.video.fps, found.video.width) == (None, None)
    assert "\x1b" not in (found.container or "")


def test_without_a_home_nothing_is_kept_and_everything_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert probe(film(tmp_path / "a.mp4"), cache=ProbeCache()).video is not None
