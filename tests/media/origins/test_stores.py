from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from making import Clip, make_video
from serving import only_this_machine, page_route, serve, with_hole

from mh_preflight.errors import InputError, MediaError, MissingExtraError
from mh_preflight.media import Media, probe
from mh_preflight.media.isolation import can_isolate
from mh_preflight.media.limits import Limits
from mh_preflight.media.origins.far import HEAD
from mh_preflight.media.origins.stores import STORES, StoredObject
from mh_preflight.media.source import Isolation

ISOLATIONS: tuple[Isolation, ...] = ("none", "process") if can_isolate() else ("none",)


@pytest.fixture(autouse=True)
def _no_other_machine() -> Iterator[None]:
    with only_this_machine():
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = Clip(frames=45, sound=1.5, codec="libx264", b_frames=2)
    return make_video(tmp_path_factory.mktemp("stores") / "clip.mp4", film)


@pytest.fixture
def memory() -> Iterator[Any]:
    """Give fsspec's store in memory, empty; there is one for the whole process."""
    MemoryFileSystem.store.clear()
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()


def read(url: str, isolation: Isolation = "none", **limits: Any) -> Media:
    return probe(url, isolation=isolation, limits=Limits(**limits))


def facts_of(media: Media) -> dict[str, Any]:
    return media.model_dump(exclude={"source"})


def failure(url: str, **limits: Any) -> MediaError:
    with pytest.raises(MediaError) as caught:
        read(url, **limits)
    assert "\n" not in caught.value.message
    return caught.value


class Fake:
    """A store that behaves as a test wants.

    Args:
        data: The one object that it holds.
        more: Facts of that object beside its size.
    """

    def __init__(self, data: bytes, **more: Any) -> None:
        self.data, self.more = data, more
        self.reads: list[tuple[int, int]] = []

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": len(self.data), "type": "file", **self.more}

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self.reads.append((start, end))
        return self.data[start:end]

    def invalidate_cache(self) -> None:
        """Nothing is cached."""


def use(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda _: (store, "bucket/clip.mp4"))


# -- memory and files ------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_an_object_has_the_facts_of_the_same_file_here(
    clip: Path, memory: Any, isolation: Isolation
) -> None:
    memory.pipe_file("/folder/clip.mp4", clip.read_bytes())
    media = read("memory://folder/clip.mp4", isolation)
    assert facts_of(media) == facts_of(probe(clip))
    assert media.uncertain == {}
    assert media.source == "memory://folder/clip.mp4"
    assert media.identity is not None


def test_an_object_that_is_missing_a_folder_or_empty_has_its_own_code(memory: Any) -> None:
    memory.pipe_file("/folder/empty.mp4", b"")
    memory.pipe_file("/folder/text.mp4", b"this is no film\n" * 50)
    assert failure("memory://folder/missing.mp4").code == "not-found"
    assert failure("memory://folder").code == "not-a-file"
    assert failure("memory://folder/empty.mp4").code == "empty"
    assert failure("memory://folder/text.mp4").code == "unreadable"


def test_a_file_url_is_read_like_the_file(clip: Path) -> None:
    media = read(clip.as_uri())
    assert facts_of(media) == facts_of(probe(clip))
    assert facts_of(read(f"local://{clip}")) == facts_of(media)


def test_a_file_url_that_leads_to_no_file_has_its_own_code(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert failure(f"file://{tmp_path}/missing.mp4").code == "not-found"
    assert failure(f"file://{tmp_path}").code == "not-a-file"
    assert failure(f"file://{tmp_path}/empty.mp4").code == "empty"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_file_url_of_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert failure(f"file://{tmp_path}/pipe.mp4").code in {"not-a-file", "empty"}


@pytest.mark.parametrize("names", [("a#1.mp4", "a#2.mp4"), ("a" * 210, "a" * 209 + "b")])
def test_files_of_different_names_have_different_identities(
    clip: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    identities = set()
    for name in names:
        path = tmp_path / name
        path.write_bytes(clip.read_bytes())
        os.utime(path, (10**9, 10**9))
        identities.add(read(f"file://{path}").identity)
    assert len(identities) == 2


# -- how much is read ------------------------------------------------------------------------


def test_of_a_large_object_only_the_index_is_read(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = with_hole(clip.read_bytes(), 170 << 20)

    class Virtually(Fake):
        def info(self, path: str) -> dict[str, Any]:
            return {"name": path, "size": film.size, "type": "file", "ETag": "1"}

        def cat_file(self, path: str, start: int, end: int) -> bytes:
            self.reads.append((start, end))
            return film.read(start, end)

    store = Virtually(b"")
    use(store, monkeypatch)
    media = read("s3://bucket/clip.mp4")
    assert media.video == probe(clip).video
    assert [name for name in media.uncertain if name.startswith("video.")] == []
    assert len(store.reads) <= 3
    assert sum(end - start for start, end in store.reads) <= 700_000
    error = failure("s3://bucket/clip.mp4", remote_bytes=66_000)
    assert error.code == "too-costly"


def test_the_bytes_are_those_of_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(5 * HEAD + 7)
    use(Fake(data), monkeypatch)
    file = StoredObject("s3://bucket/clip.mp4", Limits())
    assert file.size == len(data)
    for place, length in [(0, 10), (len(data) - 3, 10), (HEAD - 5, 10), (0, 10**9), (10**9, 5)]:
        assert file.read_at(place, length) == data[place : place + length]
    file.close()


# -- what is not opened ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/clip.mp4",
        "sftp://127.0.0.1/clip.mp4",
        "zip://clip.mp4::memory://clips.zip",
        "tar://clip.mp4::file:///clips.tar",
        "simplecache::memory://clip.mp4",
        "filecache::file:///clip.mp4",
        "blockcache://clip.mp4",
        "reference://clip.mp4",
        "github://user:project@main/clip.mp4",
        "git://clip.mp4",
        "smb://127.0.0.1/clip.mp4",
        "hdfs://127.0.0.1/clip.mp4",
        "ssh://127.0.0.1/clip.mp4",
        "data://clip.mp4",
        "jupyter://127.0.0.1/clip.mp4",
        "odd://clip.mp4",
    ],
)
def test_what_is_no_store_is_refused_unopened(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert failure(url).code in {"bad-url", "not-found"}  # or the name of a file that is missing


@pytest.mark.parametrize("store", ["memory", "file", "local"])
def test_an_url_that_chains_stores_reaches_nothing_behind_the_first(
    clip: Path, memory: Any, store: str
) -> None:
    memory.pipe_file("/secret.mp4", clip.read_bytes())
    with serve({"/secret.mp4": page_route("secret")}) as served:
        for behind in (
            "memory://secret.mp4",
            clip.as_uri(),
            f"zip://secret.mp4::{clip.as_uri()}",
            served.url("/secret.mp4"),
            f"simplecache::{served.url('/secret.mp4')}",
        ):
            assert failure(f"{store}://nothing.mp4::{behind}").code in {"not-found", "bad-url"}
        assert served.asked == []


@pytest.mark.parametrize("url", ["memory://", "file://", "local://", "memory://\n", "file://\0"])
def test_an_url_without_a_path_is_one_error(url: str, memory: Any) -> None:
    failure(url)


# -- what is missing, changes, hangs or fails ------------------------------------------------


def test_without_fsspec_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="pip install fsspec") as caught:
        probe("s3://bucket/clip.mp4")
    assert caught.value.source == "s3://bucket/clip.mp4"


def test_without_the_part_for_a_store_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match="gcsfs") as caught:
        probe("gs://bucket/clip.mp4")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("scheme", sorted(STORES - {"s3", "s3a", "memory", "file", "local"}))
def test_a_store_that_fsspec_does_not_know_is_one_error(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(url: str) -> Any:
        raise ValueError(f"Protocol not known: {url.partition(':')[0]}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", unknown)
    with pytest.raises((MediaError, MissingExtraError), match=scheme):
        probe(f"{scheme}://bucket/clip.mp4")


@pytest.mark.parametrize("longer", [False, True])
def test_an_object_that_is_replaced_while_it_is_read_is_a_change(
    clip: Path, memory: Any, longer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/clip.mp4", clip.read_bytes())
    real = MemoryFileSystem.cat_file

    def cat_file(self: Any, path: str, **more: Any) -> Any:
        data = real(self, path, **more)
        self.pipe_file(path, clip.read_bytes() + b"x" * longer)
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    assert failure("memory://clip.mp4").code == "changed"


@pytest.mark.parametrize("name", ["ETag", "etag", "md5Hash", "mtime", "LastModified", "created"])
def test_whatever_a_store_tells_versions_by_shows_a_change(
    clip: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Fake(clip.read_bytes(), **{name: "1"})
    use(store, monkeypatch)
    file = StoredObject("s3://bucket/clip.mp4", Limits())
    first = file.identity
    assert first is not None
    file.check()
    store.more[name] = "2"
    with pytest.raises(MediaError) as caught:
        file.check()
    assert caught.value.code == "changed"
    assert StoredObject("s3://bucket/clip.mp4", Limits()).identity != first


def test_an_object_of_which_nothing_tells_the_version_has_no_identity(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Fake(clip.read_bytes()), monkeypatch)
    media = read("s3://bucket/clip.mp4")
    assert media.identity is None
    assert media.uncertain == {}


@pytest.mark.parametrize("what", ["info", "cat_file", "url_to_fs"])
def test_a_store_that_hangs_is_not_waited_for(
    clip: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    store = Fake(clip.read_bytes())
    use(store, monkeypatch)
    place = fsspec.core if what == "url_to_fs" else store
    monkeypatch.setattr(place, what, lambda *_, **__: held.wait(5))
    start = time.monotonic()
    try:
        assert failure("s3://bucket/clip.mp4", remote_seconds=0.2).code == "timeout"
        assert time.monotonic() - start < 4
    finally:
        held.set()


def test_a_store_that_hangs_in_the_middle_is_not_waited_for(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    data = with_hole(clip.read_bytes(), 300_000)

    class Hanging(Fake):
        def cat_file(self, path: str, start: int, end: int) -> bytes:
            if start:
                held.wait(60)
            return super().cat_file(path, start, end)

    use(Hanging(data.read(0, data.size)), monkeypatch)
    for isolation in ISOLATIONS:
        with pytest.raises(MediaError) as caught:
            read("s3://bucket/clip.mp4", isolation, remote_seconds=1)
        assert caught.value.code == "timeout"
    held.set()


@pytest.mark.parametrize("fault", [OSError("first\nsecond\x1b[31m"), RuntimeError(), KeyError("x")])
@pytest.mark.parametrize("what", ["info", "cat_file", "url_to_fs"])
def test_whatever_a_store_fails_with_is_one_error(
    clip: Path, what: str, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault

    store = Fake(clip.read_bytes())
    use(store, monkeypatch)
    monkeypatch.setattr(fsspec.core if what == "url_to_fs" else store, what, fail)
    error = failure("s3://bucket/clip.mp4")
    assert error.code == "network"
    assert error.source == "s3://bucket/clip.mp4"
    assert "\x1b" not in error.message


def test_an_object_that_is_removed_while_it_is_read_is_not_found(
    clip: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/clip.mp4", clip.read_bytes())
    real = MemoryFileSystem.cat_file

    def cat_file(self: Any, path: str, **more: Any) -> Any:
        data = real(self, path, **more)
        self.rm_file(path)
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    assert failure("memory://clip.mp4").code in {"not-found", "changed"}


@pytest.mark.parametrize("off", [-1, 1, -(10**9)])
def test_a_store_that_sends_other_bytes_than_were_asked_for_is_one_error(
    clip: Path, off: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(Fake):
        def cat_file(self, path: str, start: int, end: int) -> bytes:
            data = self.data + bytes(9)
            return data[start : max(start, end + off)]

    use(Careless(clip.read_bytes()), monkeypatch)
    assert failure("s3://bucket/clip.mp4").code == "bad-range"


@pytest.mark.parametrize("facts", [{"size": None}, {"type": "directory"}])
def test_what_has_no_size_is_no_file(
    clip: Path, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Fake(clip.read_bytes(), **facts), monkeypatch)
    assert failure("s3://bucket/clip.mp4").code == "not-a-file"


def test_a_password_in_an_url_is_not_shown(memory: Any) -> None:
    error = failure("memory://me:S3CR3T@bucket/missing.mp4?sig=S3CR3T")
    assert "S3CR3T" not in f"{error!s} {error!r} {error.source}"


def test_a_limit_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError):
        Limits(remote_seconds=0)


# -- a server that speaks S3 -----------------------------------------------------------------


@contextmanager
def serve_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a server that speaks S3 and has one bucket; give a client of it."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        client = boto3.client("s3", endpoint_url=url)
        client.create_bucket(Bucket="bucket")
        yield client
        client.close()
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.mark.filterwarnings("ignore")  # of what is installed beside us
def test_an_object_in_s3_has_the_facts_of_the_same_file_here(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = with_hole(clip.read_bytes(), 9 << 20)
    with serve_s3(monkeypatch) as client:
        client.upload_file(str(clip), "bucket", "folder/clip.mp4")
        client.put_object(Bucket="bucket", Key="film.mp4", Body=film.read(0, film.size))
        client.put_object(Bucket="bucket", Key="empty.mp4", Body=b"")
        for isolation in ISOLATIONS:
            media = read("s3://bucket/folder/clip.mp4", isolation)
            assert facts_of(media) == facts_of(probe(clip))
        etag = client.head_object(Bucket="bucket", Key="folder/clip.mp4")["ETag"]
        assert media.identity is not None
        assert etag in media.identity
        assert read("s3://bucket/film.mp4").video == media.video
        assert failure("s3://bucket/folder/missing.mp4").code == "not-found"
        assert failure("s3://missing/clip.mp4").code == "not-found"
        assert failure("s3://bucket/folder").code == "not-a-file"
        assert failure("s3://bucket").code == "not-a-file"
        assert failure("s3://bucket/empty.mp4").code == "empty"
