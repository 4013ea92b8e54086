from __future__ import annotations

import contextlib
import io
import shutil
import socket
import stat
import struct
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from serving import Reply, Route, file_route, only_this_machine, redirect_route, serve

from mh_preflight.errors import InputError, RateFileError
from mh_preflight.rates import bundled_rates, installed, installed_rates
from mh_preflight.rates.archive import MOST_FILES, files_in
from mh_preflight.rates.fetching import MOST_FETCHED, UNREACHABLE, fetch_archive
from mh_preflight.rates.folder import DATA
from mh_preflight.rates.installed import data_folder, go_back, install_rates, update_in_use
from mh_preflight.rates.loading import MOST_BYTES

NEWER, NEWEST = "2099.1.1", "2099.2.1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return data_folder()


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    with only_this_machine():
        yield


def content(version: str = NEWER, **changes: str | None) -> dict[str, bytes]:
    """Give the files of an update, some of them changed or left out."""
    files = {path.name: path.read_bytes() for path in DATA.glob("*.toml")}
    files["card.toml"] = f'version = "{version}"\n'.encode()
    for stem, text in changes.items():
        name = f"{stem.replace('_', '-')}.toml"
        if text is None:
            del files[name]
        else:
            files[name] = text.encode()
    return files


def packed(files: Mapping[str, bytes] | list[tuple[Any, bytes]], method: int = 8) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data)
    return out.getvalue()


def replaced(stem: str, old: str, new: str) -> str:
    text = (DATA / f"{stem}.toml").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


def nothing_is_left(folder: Path) -> None:
    assert [path.name for path in folder.glob("*") if path.name != "lock"] == []
    assert installed_rates() is bundled_rates()


# --------------------------------------------------------------------------------- what is fetched


def test_a_whole_archive_is_fetched_from_a_server_or_a_file(tmp_path: Path) -> None:
    archive = packed(content())
    (tmp_path / "rates.zip").write_bytes(archive)
    assert fetch_archive(str(tmp_path / "rates.zip")) == archive
    with serve({"/rates.zip": file_route(archive)}) as server:
        assert fetch_archive(server.url("/rates.zip"), allow_http=True) == archive
        assert [asked.headers["accept-encoding"] for asked in server.asked] == ["identity"]


def answer(body: bytes, length: int | None, status: int = 200, **headers: str) -> Route:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, [body], length, named)


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (answer(b"PK", 10), "cannot be fetched|did not come whole"),
        (answer(b"PK", None), "without its length"),
        (answer(b"PK", MOST_FETCHED + 1), "larger than"),
        (answer(b"PK", 10**30), "larger than|bad Content-Length"),
        (answer(b"PK", 2, 404), "answered 404"),
        (answer(b"PK", 2, 206), "answered 206"),
        (answer(b"PK", 2, Content_Encoding="gzip"), "only sent compressed"),
        (answer(b"2\r\nPK\r\n0\r\n\r\n", None, Transfer_Encoding="chunked"), "without its length"),
        (redirect_route("/other?key=secret"), "leads on to '/other': give that address"),
        (redirect_route("file:///etc/passwd"), "leads on to"),
        (answer(b"", 0, 301), "answered 301"),
    ],
)
def test_what_does_not_come_whole_or_from_there_is_refused(route: Route, message: str) -> None:
    routes = {"/rates.zip": route, "/other": file_route(packed(content()))}
    with serve(routes) as server:
        with pytest.raises(RateFileError, match=message) as caught:
            fetch_archive(server.url("/rates.zip?key=secret"), allow_http=True)
        assert "secret" not in caught.value.message
        assert len(server.asked) == 1


def test_a_length_that_is_too_short_gives_no_archive() -> None:
    archive = packed(content())
    with serve({"/rates.zip": answer(archive, len(archive) - 10)}) as server:
        cut = fetch_archive(server.url("/rates.zip"), allow_http=True)
    with pytest.raises(RateFileError, match="no zip file"):
        files_in(cut, "rates.zip")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("before", [0.0, 9.0])
def test_slow_drops_are_not_waited_for(before: float) -> None:
    def drops(_: Any) -> Reply:
        time.sleep(before and 2)

        def body() -> Iterator[bytes]:
            for _ in range(200):
                time.sleep(0.05)
                yield b"P"

        return Reply(200, body(), 200)

    with serve({"/rates.zip": drops}) as server:
        began = time.monotonic()
        with pytest.raises(RateFileError, match=r"within 0\.5 s|did not come whole|timed out"):
            fetch_archive(server.url("/rates.zip"), allow_http=True, seconds=0.5)
        assert time.monotonic() - began < 1.5


@pytest.mark.timeout(30)
def test_headers_in_slow_drops_are_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(b"HTTP/1.1 200 OK\r\n")
                for number in range(1000):
                    time.sleep(0.05)
                    client.sendall(b"X-%d: y\r\n" % number)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/rates.zip"
        began = time.monotonic()
        with pytest.raises(RateFileError, match=r"did not come whole within 0\.5 s"):
            fetch_archive(url, allow_http=True, seconds=0.5)
        assert time.monotonic() - began < 1.5
        thread.join(5)
        assert not thread.is_alive()  # the connection was given up


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("http://127.0.0.1:1/rates.zip", "only https"),
        ("ftp://127.0.0.1/rates.zip", "only https"),
        ("https://me:secret@127.0.0.1/rates.zip", "password"),
        ("https:///rates.zip", "no host|no URL"),
        ("https://[/rates.zip", "is no URL|cannot be fetched"),
        ("https://127.0.0.1:1/rates.zip", "cannot be fetched"),
        ("https://no-such-host.example/rates.zip", "cannot be fetched"),
        ("none.zip", "cannot be read"),
        ("/dev/zero", "cannot be read"),
    ],
)
def test_what_cannot_be_had_says_why(place: str, message: str) -> None:
    with pytest.raises(RateFileError, match=message) as caught:
        fetch_archive(place)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("https://127.0.0.1:9/x.zip?key=secret#secret", "https://127.0.0.1:9/x.zip"),
        ("https://[::1]:9/x.zip", "https://[::1]:9/x.zip"),
        ("https://127.0.0.1:443/x.zip", "https://127.0.0.1/x.zip"),
        ("http://me:secret@127.0.0.1:9/x.zip", "http://127.0.0.1:9/x.zip"),
    ],
)
def test_a_url_is_shown_with_its_port_and_without_what_may_be_a_key(place: str, shown: str) -> None:
    with pytest.raises(RateFileError) as caught:
        fetch_archive(place)
    assert caught.value.source == shown
    assert caught.value.message.startswith(f"{shown!r} ")
    assert "secret" not in caught.value.message


def test_a_server_that_cannot_be_reached_is_told_from_a_bad_file() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = f"http://127.0.0.1:{listening.getsockname()[1]}/rates.zip"
        with pytest.raises(RateFileError) as caught:
            fetch_archive(silent, allow_http=True, seconds=0.3)
        assert caught.value.code == UNREACHABLE
    with serve({"/503": answer(b"", 0, 503), "/404": answer(b"", 0, 404)}) as server:
        for status, code in (("503", UNREACHABLE), ("404", "bad-rate-file")):
            with pytest.raises(RateFileError, match=status) as caught:
                fetch_archive(server.url(f"/{status}"), allow_http=True)
            assert caught.value.code == code


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "rates.zip").open("wb") as file:
        file.truncate(MOST_FETCHED + 1)
    with pytest.raises(RateFileError, match="larger than"):
        fetch_archive(str(tmp_path / "rates.zip"))


# ----------------------------------------------------------------------------- what is in archives


def linked(target: str) -> bytes:
    info = zipfile.ZipInfo("lip-sync.toml")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return packed([(info, target.encode())])


def renamed(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return archive.replace(old, new)


def lying(size: int) -> bytes:
    """Say another unpacked size in the directory than there is."""
    archive = bytearray(packed({"card.toml": b"a" * 100_000}))
    struct.pack_into("<I", archive, archive.index(b"PK\1\2") + 24, size)
    return bytes(archive)


def encrypted() -> bytes:
    archive = bytearray(packed({"card.toml": b"a"}))
    archive[archive.index(b"PK\1\2") + 8] |= 1
    return bytes(archive)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"", "no zip file"),
        (b"PK\3\4" + b"\0" * 100, "no zip file"),
        (b"<html>not found</html>", "no zip file"),
        (packed({"card.toml": b"a" * 100})[:-30], "no zip file"),
        (renamed(packed({"card.toml": b"abc"}, 0), b"abc", b"abd"), "no zip file"),
        (packed({}), "holds 0 files"),
        (packed({f"a{n}.toml": b"" for n in range(MOST_FILES + 1)}), "holds 201 files"),
        (packed({"card.toml": b"\0" * (MOST_BYTES + 1)}), "more than 1,000,000 bytes"),
        (packed({f"a{n}.toml": b"\0" * MOST_BYTES for n in range(9)}), "unpacks to more than"),
        (packed({"../card.toml": b""}), "no name of a rate file"),
        (packed({"/etc/card.toml": b""}), "no name of a rate file"),
        (packed({"rates/card.toml": b""}), "no name of a rate file"),
        (packed({"..\\card.toml": b""}), "no name of a rate file"),
        (packed({"C:card.toml": b""}), "no name of a rate file"),
        (packed({"rates/": b""}), "no name of a rate file"),
        (packed({"CARD.toml": b""}), "no name of a rate file"),
        (packed({"card.py": b""}), "no name of a rate file"),
        (renamed(packed({"cardX.toml": b""}), b"cardX.toml", b"card.toml\0"), "no name"),
        (packed([("card.toml", b"a"), ("card.toml", b"b")]), "'card.toml' twice"),
        (linked("/etc/passwd"), "no plain file"),
        (packed({"card.toml": b"a" * 100}, zipfile.ZIP_LZMA), "uncommon way"),
        (lying(10), "no zip file"),
        (lying(200_000), "no zip file|of another size"),
        (encrypted(), "no plain file|no zip file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "archive",  # one holds the time of day
)
def test_an_archive_of_anything_else_is_refused(folder: Path, archive: bytes, message: str) -> None:
    with pytest.raises(RateFileError, match=message) as caught:
        install_rates(archive, "rates.zip")
    assert "\n" not in caught.value.message
    assert not folder.exists()


def test_every_cut_and_many_flips_of_an_archive_are_refused_or_the_same() -> None:
    files = {"card.toml": b'version = "2099.1.1"\n', "plans.toml": b"# plans\n" * 20}
    archive = packed(files)
    for end in range(len(archive)):
        with pytest.raises(RateFileError):
            files_in(archive[:end], "rates.zip")
    for place in range(len(archive)):
        for bit in (1, 128):
            flipped = bytearray(archive)
            flipped[place] ^= bit
            try:
                found = files_in(bytes(flipped), "rates.zip")
            except RateFileError:
                continue
            assert set(found.values()) <= set(files.values())


# --------------------------------------------------------------------------- what is put to its use


def test_an_update_counts_until_one_goes_back(folder: Path) -> None:
    assert update_in_use() is None
    one = replaced("lip-sync", 'value = "2"', 'value = "7"')
    card = install_rates(packed(content(lip_sync=one)), "rates.zip")
    assert (card.version, installed_rates().version) == (NEWER, NEWER)
    assert {rate.value for rate in installed_rates().endpoints["lip-sync"].rates} == {1, 7}
    assert bundled_rates().version != NEWER
    install_rates(packed(content(NEWEST)), "rates.zip")
    assert installed_rates().version == NEWEST
    assert sorted(path.name for path in folder.iterdir()) == [NEWER, NEWEST, "current", "lock"]
    assert go_back().version == NEWER
    assert installed_rates().version == NEWER
    assert go_back() is bundled_rates()
    assert installed_rates() is bundled_rates()
    with pytest.raises(InputError, match="no update is installed"):
        go_back()


def test_a_damaged_update_is_passed_over_on_the_way_back(folder: Path) -> None:
    for version in ("2099.1.1", "2099.2.1", "2099.3.1"):
        install_rates(packed(content(version)), "rates.zip")
    (folder / "2099.2.1" / "lip-sync.toml").unlink()
    assert go_back().version == "2099.1.1"
    assert installed_rates().version == "2099.1.1"
    install_rates(packed(content("2099.3.1")), "rates.zip")
    (folder / "2099.1.1" / "lip-sync.toml").unlink()
    assert go_back() is bundled_rates()


def test_of_updates_at_the_same_time_the_newest_counts(folder: Path) -> None:
    archives = [packed(content(f"2099.{month}.1")) for month in range(1, 7)]

    def install(archive: bytes) -> None:
        with contextlib.suppress(RateFileError):  # older than what is in use by then
            install_rates(archive, "rates.zip")

    for _ in range(4):
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(install, archives))
        assert installed_rates().version == "2099.6.1"
        shutil.rmtree(folder)


def test_the_same_again_and_a_mended_one_of_the_same_version(folder: Path) -> None:
    for _ in range(2):
        install_rates(packed(content()), "rates.zip")
    assert (folder / "current").read_text() == f"{NEWER}\n"
    mended = replaced("lip-sync", 'value = "2"', 'value = "7"')
    install_rates(packed(content(lip_sync=mended)), "rates.zip")
    assert (folder / "current").read_text() == f"{NEWER}\n{NEWER}_2\n"
    assert 7 in {rate.value for rate in installed_rates().endpoints["lip-sync"].rates}
    go_back()
    assert 7 not in {rate.value for rate in installed_rates().endpoints["lip-sync"].rates}


def test_older_rates_and_such_as_lack_an_endpoint_are_taken_by_force_only() -> None:
    install_rates(packed(content(NEWEST)), "rates.zip")
    fewer, older = packed(content(NEWEST, lip_sync=None)), packed(content(NEWER))
    with pytest.raises(RateFileError, match=r"no rates of lip-sync, which those in use have"):
        install_rates(fewer, "rates.zip")
    with pytest.raises(RateFileError, match=r"rates 2099\.1\.1, older than 2099\.2\.1"):
        install_rates(older, "rates.zip")
    assert (installed_rates().version, "lip-sync" in installed_rates().endpoints) == (NEWEST, True)
    install_rates(fewer, "rates.zip", force=True)
    assert (installed_rates().version, "lip-sync" in installed_rates().endpoints) == (NEWEST, False)
    install_rates(older, "rates.zip", force=True)
    assert (installed_rates().version, "lip-sync" in installed_rates().endpoints) == (NEWER, True)


def test_an_update_that_the_bundled_rates_have_overtaken_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_rates(packed(content()), "rates.zip")
    newer = replace(bundled_rates(), version=NEWER)
    monkeypatch.setattr(installed, "bundled_rates", lambda: newer)
    assert installed_rates() is newer
    assert go_back() is newer


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("version", ["2020.1.1", bundled_rates().version])
def test_what_is_not_newer_than_the_bundled_rates_is_refused_even_by_force(
    folder: Path, version: str, force: bool
) -> None:
    other = replaced("lip-sync", 'value = "2"', 'value = "7"')
    for newer in (False, True):
        if newer:
            install_rates(packed(content()), "rates.zip")
        before = installed_rates().version
        with pytest.raises(RateFileError, match="newer than the bundled ones") as caught:
            install_rates(packed(content(version, lip_sync=other)), "rates.zip", force=force)
        assert f"holds rates {version}, " in caught.value.message
        assert "--force" not in caught.value.message
        assert installed_rates().version == before
    assert (folder / "current").read_text() == f"{NEWER}\n"


def test_what_is_in_use_already_is_not_put_there_again(folder: Path) -> None:
    same = packed(content(bundled_rates().version))
    assert install_rates(same, "rates.zip") is bundled_rates()
    nothing_is_left(folder)
    for more in ("", "# a remark\n"):
        card = (DATA / "lip-sync.toml").read_text(encoding="utf-8") + more
        install_rates(packed(content(lip_sync=card)), "rates.zip")
    assert sorted(path.name for path in folder.iterdir()) == [NEWER, "current", "lock"]


LIKE = 'like = "text-to-video"'
OWN = 'rank = "own"\ndate = 2026-09-11'


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"card": None}, "card.toml: cannot be read"),
        ({"plans": None}, "plans.toml: cannot be read"),
        ({"card": 'version = "newest"'}, "card.toml: version"),
        ({"card": 'version = "../../2099.1.1"'}, "card.toml: version"),
        ({"card": "version = 2099"}, "card.toml: version"),
        ({"card": 'version = "2099.1.1"\nmore = 1'}, "card.toml: version"),
        ({"lip_sync": "["}, "lip-sync.toml: is no TOML"),
        ({"lip_sync": ""}, "lip-sync.toml"),
        ({"lip_sync": 'overrides = "lip-sync"'}, "lip-sync.toml"),
        ({"body_swap": replaced("lip-sync", "checked", "checked")}, "body-swap"),
        ({"plans": replaced("plans", 'usd = "', 'usd = "-')}, "plans.toml: prices"),
        ({"lip_sync": replaced("lip-sync", 'unit = "frame"', "unit = 1")}, "rates, entry 1: unit"),
        (
            {"lip_sync": replaced("lip-sync", 'title = "Lip Sync"', 'title = "L"\nnew = 1')},
            "may need a newer mh-preflight",
        ),
        (
            {"lip_sync": replaced("lip-sync", "until = 2025-09-20\nnames", "names")},
            "lip-sync.toml: modes: two values",
        ),
        (
            {"lip_sync": replaced("lip-sync", 'rank = "charge"\ndate = 2026-09-11', OWN)},
            "one's own",
        ),
        (
            {"image_to_video": replaced("image-to-video", LIKE, 'like = "no-such-tool"')},
            "no other endpoint",
        ),
        (
            {"image_to_video": replaced("image-to-video", LIKE, 'like = "image-to-video"')},
            "no other end",
        ),
        ({"text_to_video": None}, "like: 'text-to-video' is no other endpoint"),
    ],
)
def test_an_update_with_one_wrong_file_replaces_nothing(
    folder: Path, changes: dict[str, str | None], message: str
) -> None:
    files = content(**changes)  # type: ignore[arg-type]
    with pytest.raises(RateFileError, match=message) as caught:
        install_rates(packed(files), "rates.zip")
    assert caught.value.source == "rates.zip"
    assert str(folder) not in caught.value.message
    nothing_is_left(folder)


def spoil_file(folder: Path) -> None:
    path = folder / NEWER / "lip-sync.toml"
    path.write_text(path.read_text().replace('value = "2"', 'value = "3"'))


def lose_file(folder: Path) -> None:
    (folder / NEWER / "lip-sync.toml").unlink()


def add_file(folder: Path) -> None:
    (folder / NEWER / "new.toml").write_text('endpoint = "new"')


def lose_sums(folder: Path) -> None:
    (folder / NEWER / "sums").unlink()


def lose_all(folder: Path) -> None:
    (folder / NEWER).rename(folder / "elsewhere")


def wrong_pointer(folder: Path) -> None:
    (folder / "current").write_text("../../elsewhere\n")


def odd_pointer(folder: Path) -> None:
    (folder / "current").write_bytes(b"\xff\0")


@pytest.mark.parametrize(
    "damage",
    [spoil_file, lose_file, add_file, lose_sums, lose_all, wrong_pointer, odd_pointer],
)
def test_a_damaged_update_is_told_of_and_does_not_count(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    install_rates(packed(content()), "rates.zip")
    damage(folder)
    with pytest.raises(RateFileError):
        update_in_use()
    with pytest.warns(RuntimeWarning, match="the bundled rates count"):
        assert installed_rates() is bundled_rates()
    install_rates(packed(content()), "rates.zip")  # and can be mended
    assert installed_rates().version == NEWER


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "mh-preflight").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        install_rates(packed(content()), "rates.zip")


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("linux", "XDG_DATA_HOME", ("mh-preflight", "rates")),
        ("win32", "LOCALAPPDATA", ("mh-preflight", "rates")),
        ("darwin", "HOME", ("Library", "Application Support", "mh-preflight", "rates")),
    ],
)
def test_the_folder_is_the_systems_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variable: str,
    end: tuple[str, ...],
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert data_folder() == tmp_path.joinpath(*end)


def test_without_a_home_there_is_no_update(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert installed_rates() is bundled_rates()
    with pytest.raises(RateFileError, match="has no home"):
        install_rates(packed(content()), "rates.zip")
