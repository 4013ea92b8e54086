from __future__ import annotations

import datetime as dt
import importlib.util
import ipaddress
import itertools
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from making import Clip, make_video, write_sound
from making import Sound as SoundFile
from serving import (
    Asked,
    Reply,
    Route,
    Served,
    Virtual,
    answer_look_ups,
    file_route,
    find_numeric_hosts,
    only_this_machine,
    page_route,
    redirect_route,
    serve,
    with_hole,
)

from mh_preflight.errors import MediaError, PreflightError
from mh_preflight.media import Media, probe
from mh_preflight.media.isolation import can_isolate, processors
from mh_preflight.media.limits import Limits
from mh_preflight.media.origins import http
from mh_preflight.media.origins.far import HEAD
from mh_preflight.media.origins.http import MOST_REDIRECTS, RemoteFile
from mh_preflight.media.source import Isolation

ISOLATIONS: tuple[Isolation, ...] = ("none", "process") if can_isolate() else ("none",)
HERE = Limits(allow_http=True, allow_private=True)
LARGE = 170 << 20
SECRET = "S3CR3T"  # noqa: S105  to be kept

HOSTILE = os.environ.get("MH_PREFLIGHT_HOSTILE", "")
hostile = pytest.mark.skipif(not HOSTILE, reason="MH_PREFLIGHT_HOSTILE names no folder")
HOSTILE_SECONDS = 2.0
"""Seconds that one hostile answer may take."""

GRACE = 3.0
MOST_MEMORY = 64 << 20


@pytest.fixture(autouse=True)
def _no_other_machine() -> Iterator[None]:
    with only_this_machine():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return make_video(folder / "clip.mp4", Clip(frames=45, sound=1.5, codec="libx264", b_frames=2))


@pytest.fixture
def server() -> Iterator[Served]:
    with serve({}) as served:
        yield served


def read(url: str, limits: Limits = HERE, isolation: Isolation = "none") -> Media:
    return probe(url, limits=limits, isolation=isolation)


def facts_of(media: Media) -> dict[str, Any]:
    return media.model_dump(exclude={"source"})


def video_facts(media: Media) -> dict[str, Any]:
    """Give all facts of the video track, of which each is certain."""
    assert [name for name in media.uncertain if name.startswith("video.")] == []
    assert media.video is not None
    return media.video.model_dump()


def failure(url: str, limits: Limits = HERE, isolation: Isolation = "none") -> MediaError:
    with pytest.raises(MediaError) as caught:
        read(url, limits, isolation)
    assert "\n" not in caught.value.message
    return caught.value


# -- what is read, and how much of it is sent ------------------------------------------------


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_small_file_has_the_facts_of_the_same_file_here(
    clip: Path, server: Served, isolation: Isolation
) -> None:
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    media = read(server.url("/clip.mp4"), isolation=isolation)
    assert facts_of(media) == facts_of(probe(clip))
    assert media.uncertain == {}
    assert media.source == server.url("/clip.mp4")
    assert len(server.asked) == 1


@pytest.mark.parametrize("size", [1, HEAD - 1, HEAD, HEAD + 1, 5 * HEAD + 7])
def test_the_bytes_are_those_of_the_file(server: Served, size: int) -> None:
    data = os.urandom(size)
    server.routes["/a"] = file_route(data)
    file = RemoteFile(server.url("/a"), HERE)
    assert file.size == size
    for place, length in [(0, 10), (size - 3, 10), (size // 2, size), (0, size), (size, 5)]:
        place = max(place, 0)  # noqa: PLW2901
        assert file.read_at(place, length) == data[place : place + length]
    file.check()
    file.close()
    file.close()


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("front", [False, True])
def test_of_a_large_film_only_the_index_is_read(
    folder: Path, server: Served, front: bool, isolation: Isolation
) -> None:
    options = {"movflags": "faststart"} if front else {}
    film = Clip(frames=90, sound=3.0, codec="libx264", b_frames=2, options=options)
    path = make_video(folder / f"film-{front}-{isolation}.mp4", film)
    data = path.read_bytes()
    assert (data.index(b"moov") < data.index(b"mdat")) == front
    server.routes["/film.mp4"] = file_route(with_hole(data, LARGE))
    media = read(server.url("/film.mp4"), isolation=isolation)
    assert media.size_bytes == len(data) + LARGE + 8
    assert video_facts(media) == video_facts(probe(path))
    assert media.audio is not None
    assert media.audio.duration_seconds == pytest.approx(3.0, abs=0.05)
    assert len(server.asked) <= (1 if front else 3)
    assert server.sent <= 700_000


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9", "mpeg2video", "mpeg4"])
def test_of_any_codec_the_index_is_enough(folder: Path, server: Served, codec: str) -> None:
    path = make_video(folder / f"{codec}.mp4", Clip(codec=codec))
    server.routes["/film.mp4"] = file_route(with_hole(path.read_bytes(), LARGE))
    media = read(server.url("/film.mp4"))
    assert video_facts(media) == video_facts(probe(path))
    assert server.sent <= 700_000


def test_an_index_of_many_frames_is_read_in_few_pieces(folder: Path, server: Served) -> None:
    film = Clip(frames=8000, size=(16, 16), codec="libx264", b_frames=2)
    path = make_video(folder / "many.mp4", film)
    data = path.read_bytes()
    index = len(data) - data.index(b"moov")
    assert index > HEAD
    server.routes["/many.mp4"] = file_route(with_hole(data, LARGE))
    media = read(server.url("/many.mp4"))
    assert video_facts(media) == video_facts(probe(path))
    assert len(server.asked) <= 3
    assert server.sent <= HEAD + index + (1 << 20)


def test_no_more_bytes_are_read_than_are_allowed(clip: Path, server: Served) -> None:
    server.routes["/film.mp4"] = file_route(with_hole(clip.read_bytes(), LARGE))
    for most in (65_536, 66_000):
        error = failure(server.url("/film.mp4"), replace(HERE, remote_bytes=most))
        assert error.code == "too-costly"
        assert "download it first" in error.message
    assert server.sent <= 2 * HEAD


def test_an_index_that_is_announced_but_too_long_is_not_read(server: Served) -> None:
    head = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + (20 << 20).to_bytes(4, "big") + b"moov"
    server.routes["/mad.mp4"] = file_route(Virtual(head, LARGE))
    error = failure(server.url("/mad.mp4"), replace(HERE, remote_bytes=4 << 20))
    assert error.code == "too-costly"
    assert server.sent <= 4 << 20


def test_of_a_large_webm_the_header_is_believed_but_not_called_certain(
    folder: Path, server: Served
) -> None:
    path = make_video(folder / "clip.webm", Clip(frames=60, codec="libvpx"))
    here = probe(path).video
    void = b"\xec\x01" + (20 << 20).to_bytes(7, "big")
    server.routes["/large.webm"] = file_route(Virtual(path.read_bytes(), void, 20 << 20))
    media = read(server.url("/large.webm"))
    assert here is not None
    assert media.video is not None
    assert (media.video.width, media.video.height) == (here.width, here.height)
    assert media.video.fps == here.fps
    assert media.duration_seconds == pytest.approx(2.0, abs=0.05)
    for name in ("frames", "fps", "duration_seconds"):
        assert "elsewhere" in media.uncertain[f"video.{name}"]
        assert media.learned_from[f"video.{name}"] == "header"
    assert "duration_seconds" in media.uncertain
    assert server.sent <= 4 << 20


def test_a_sound_file_and_a_still_are_read(folder: Path, server: Served) -> None:
    sound = write_sound(folder / "voice.wav", SoundFile("pcm_s16le", 1.0))
    from PIL import Image

    still = folder / "still.png"
    Image.new("RGB", (40, 30)).save(still)
    for path in (sound, still):
        server.routes["/" + path.name] = file_route(path.read_bytes())
        assert facts_of(read(server.url("/" + path.name))) == facts_of(probe(path))


def test_without_ranges_a_small_file_is_read_whole(clip: Path, server: Served) -> None:
    server.routes["/clip.mp4"] = file_route(clip.read_bytes(), ranges=False)
    assert facts_of(read(server.url("/clip.mp4"))) == facts_of(probe(clip))
    assert len(server.asked) == 1


def test_without_ranges_a_small_file_of_unknown_length_is_read_whole(
    clip: Path, server: Served
) -> None:
    server.routes["/clip.mp4"] = lambda _: Reply(200, [clip.read_bytes()], None)
    assert facts_of(read(server.url("/clip.mp4"))) == facts_of(probe(clip))


@pytest.mark.parametrize("told", [True, False])
def test_without_ranges_a_large_file_is_not_read(server: Served, told: bool) -> None:
    good = file_route(Virtual(LARGE), ranges=False)
    server.routes["/film.mp4"] = (
        good if told else lambda asked: Reply(200, good(asked).body, length=None)
    )
    error = failure(server.url("/film.mp4"))
    assert error.code == "no-ranges"
    assert "download it first" in error.message


def test_without_ranges_no_more_is_read_than_is_allowed(clip: Path, server: Served) -> None:
    server.routes["/clip.mp4"] = file_route(clip.read_bytes(), ranges=False)
    error = failure(server.url("/clip.mp4"), replace(HERE, remote_bytes=1000))
    assert error.code == "no-ranges"


def test_an_empty_file_is_empty(server: Served) -> None:
    server.routes["/empty"] = lambda _: Reply(200)
    assert failure(server.url("/empty")).code == "empty"


def test_an_empty_file_of_which_a_range_cannot_be_sent_is_empty(server: Served) -> None:
    server.routes["/empty"] = file_route(b"")
    assert failure(server.url("/empty")).code in {"empty", "http-status"}


# -- what may be reached ---------------------------------------------------------------------


def code_of(url: str, limits: Limits = HERE) -> str:
    return failure(url, limits).code


def test_by_default_only_https_and_public_addresses_are_read(clip: Path, server: Served) -> None:
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    assert code_of(server.url("/clip.mp4"), Limits()) == "bad-url"
    https = f"https://127.0.0.1:{server.port}/clip.mp4"
    assert code_of(https, Limits()) == "address-refused"
    assert code_of(https.replace("127.0.0.1", "localhost"), Limits()) == "address-refused"
    assert code_of(server.url("/clip.mp4"), Limits(allow_http=True)) == "address-refused"
    assert code_of(server.url("/clip.mp4"), Limits(allow_private=True)) == "bad-url"
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass@127.0.0.1:1/a",
        "http://user@127.0.0.1:1/a",
        "https://:pass@example.com/a",
        "http://",
        "http:///a",
        "http://127.0.0.1:99999/a",
        "http://127.0.0.1:port/a",
        "http://[::1/a",
        "http://127.0.0.1/a\nb",
        "http://127.0.0.1/" + "a" * 9000,
        "http://" + "a" * 300 + "/",
        "http://xn--/",
        "http://\ud800/",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    assert code_of(url) in {"bad-url", "network"}


@pytest.mark.parametrize("password", ["user:pass@", "user@", ":pass@"])
def test_a_url_with_a_password_is_refused(server: Served, password: str) -> None:
    url = server.url("/a", f"{password}127.0.0.1")
    assert code_of(url) == "bad-url"
    assert server.asked == []


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "127。0。0。1", "127.0.0.1", "①②⑦.0.0.1"]
)
def test_this_machine_is_refused_however_it_is_spelled(
    server: Served, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    code = code_of(server.url("/a", host), Limits(allow_http=True))
    assert code in {"address-refused", "bad-url"}
    assert server.asked == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "[::ffff:169.254.169.254]", "[fe80::1]", "224.0.0.1"]
)
def test_where_clouds_keep_their_keys_nothing_is_ever_read(
    host: str, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    assert code_of(f"http://{host}/latest/meta-data/") == "address-refused"
    server.routes["/there"] = redirect_route(f"http://{host}/latest/meta-data/")
    assert code_of(server.url("/there")) == "address-refused"


def test_a_name_is_looked_up_once_and_its_address_is_the_one_connected_to(
    clip: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def look_up(host: str) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["10.0.0.1"]

    answer_look_ups(monkeypatch, look_up)
    server.routes["/film.mp4"] = file_route(with_hole(clip.read_bytes(), LARGE))
    read(server.url("/film.mp4", "films.example"))
    assert looked_up == ["films.example"]
    assert len(server.asked) > 1
    assert {each.headers["host"] for each in server.asked} == {f"films.example:{server.port}"}


def test_where_an_address_does_not_answer_the_next_is_tried(
    clip: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_look_ups(monkeypatch, lambda _: ["127.0.0.77", "::1", "127.0.0.1"])
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    assert read(server.url("/clip.mp4", "films.example")).uncertain == {}


def test_nobody_there_is_a_network_error(server: Served) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a"
        assert code_of(url) == "network"
    assert code_of("http://nowhere.example/a") == "network"


def test_a_proxy_of_the_surroundings_is_not_asked(
    clip: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    assert read(server.url("/clip.mp4")).uncertain == {}


# -- redirects -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(clip: Path, server: Served, status: int) -> None:
    server.routes["/old"] = redirect_route("/new/clip.mp4?a=1", status)
    server.routes["/new/clip.mp4"] = file_route(with_hole(clip.read_bytes(), LARGE))
    media = read(server.url("/old"))
    assert video_facts(media) == video_facts(probe(clip))
    assert media.source == server.url("/old")
    paths = [each.path for each in server.asked]
    assert paths.count("/old") == 1
    assert set(paths[1:]) == {"/new/clip.mp4?a=1"}


@pytest.mark.parametrize("target", ["clip.mp4", "./clip.mp4", "//127.0.0.1:{port}/a/clip.mp4"])
def test_a_redirect_may_be_relative(clip: Path, server: Served, target: str) -> None:
    server.routes["/a/old"] = redirect_route(target.format(port=server.port))
    server.routes["/a/clip.mp4"] = file_route(clip.read_bytes())
    assert read(server.url("/a/old")).uncertain == {}


def test_a_few_redirects_are_followed_and_no_more(clip: Path, server: Served) -> None:
    for number in range(1, 9):
        server.routes[f"/{number}"] = redirect_route(f"/{number - 1}")
    server.routes["/0"] = file_route(clip.read_bytes())
    assert read(server.url(f"/{MOST_REDIRECTS}")).uncertain == {}
    assert code_of(server.url(f"/{MOST_REDIRECTS + 1}")) == "redirects"
    server.routes["/loop"] = redirect_route("/loop")
    assert code_of(server.url("/loop")) == "redirects"
    assert sum(each.path == "/loop" for each in server.asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "file:///secret.mp4",
        "ftp://127.0.0.1/a",
        "data:video/mp4;base64,AAAA",
        "gopher://127.0.0.1/a",
        "http://user:pass@127.0.0.1/a",
        "http://[::1/a",
        "http://127.0.0.1:port/",
    ],
)
def test_a_redirect_to_what_is_not_read_is_refused(server: Served, target: str) -> None:
    server.routes["/old"] = redirect_route(target)
    assert code_of(server.url("/old")) == "bad-url"


def test_a_redirect_without_a_target_is_one_error(server: Served) -> None:
    server.routes["/old"] = lambda _: Reply(302)
    assert code_of(server.url("/old")) in {"redirects", "bad-url"}


def test_a_redirect_in_the_middle_is_a_change(clip: Path, server: Served) -> None:
    good = file_route(with_hole(clip.read_bytes(), LARGE))
    moved = redirect_route("/other")
    server.routes["/film.mp4"] = lambda asked: (good if asked.number == 1 else moved)(asked)
    assert code_of(server.url("/film.mp4")) == "changed"


def test_the_body_of_a_redirect_is_not_waited_for(clip: Path, server: Served) -> None:
    endless = Reply(302, itertools.repeat(bytes(1 << 16)), 1 << 40, {"Location": "/clip.mp4"})
    server.routes["/old"] = lambda _: endless
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    assert read(server.url("/old")).uncertain == {}


# -- changes, and what a server may not say --------------------------------------------------


def changing(first: Route, then: Route) -> Route:
    return lambda asked: (first if asked.number == 1 else then)(asked)


def test_another_version_in_the_middle_is_a_change(clip: Path, server: Served) -> None:
    file = with_hole(clip.read_bytes(), LARGE)
    longer = with_hole(clip.read_bytes(), LARGE + 1)
    first = file_route(file)
    for then in (
        file_route(file, etag='"2"'),
        file_route(file, etag=None),
        file_route(longer),
        file_route(longer, etag='"2"'),
    ):
        with serve({"/film.mp4": changing(first, then)}) as served:
            assert code_of(served.url("/film.mp4")) == "changed"


def test_a_server_that_forgets_ranges_in_the_middle_is_one_error(
    clip: Path, server: Served
) -> None:
    file = with_hole(clip.read_bytes(), LARGE)
    server.routes["/film.mp4"] = changing(file_route(file), file_route(file, ranges=False))
    assert code_of(server.url("/film.mp4")) in {"changed", "http-status", "no-ranges"}
    assert server.sent <= 4 << 20


@pytest.mark.parametrize(
    ("etag", "known"), [('"1"', True), ('W/"1"', False), (None, False), ("1", True)]
)
def test_only_a_strong_etag_identifies_a_file(
    clip: Path, server: Served, etag: str | None, known: bool
) -> None:
    server.routes["/clip.mp4"] = file_route(clip.read_bytes(), etag=etag)
    media = read(server.url("/clip.mp4"))
    assert (media.identity is not None) == known


def test_files_of_different_hosts_have_different_identities(
    clip: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_look_ups(monkeypatch, lambda _: ["127.0.0.1"])
    for path in ("/clip.mp4", "/"):
        server.routes[path] = file_route(clip.read_bytes())
    good = f"http://good.example:{server.port}/clip.mp4"
    evil = f"http://evil.example:{server.port}?@good.example:{server.port}/clip.mp4"
    assert read(good).identity is not None
    assert read(good).identity != read(evil).identity


@pytest.mark.parametrize(
    ("span", "code"),
    [
        (None, "bad-range"),
        ("bytes 1-65536/1000000", "bad-range"),
        ("bytes 0-65535/*", "bad-range"),
        ("bytes */1000000", "bad-range"),
        ("bytes 0-10/1000000", "bad-range"),
        ("bytes 0-65536/1000000", "bad-range"),
        ("bytes 0-65535/" + "9" * 5000, "bad-range"),
        ("bytes 0-65535/100", "bad-range"),
        ("bytes -1-65535/1000000", "bad-range"),
        ("bytes 0-65535/1_000_000", "bad-range"),
        ("items 0-65535/1000000", "bad-range"),
    ],
)
def test_a_part_that_is_not_the_one_asked_for_is_refused(
    server: Served, span: str | None, code: str
) -> None:
    headers = {} if span is None else {"Content-Range": span}
    server.routes["/a"] = lambda _: Reply(206, [bytes(HEAD)], HEAD, headers)
    assert code_of(server.url("/a")) == code


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_a_status_that_is_no_file_is_told(server: Served, status: int) -> None:
    headers = {"Retry-After": "soon\x1b[31m"}
    server.routes["/a"] = lambda _: Reply(status, headers=headers)
    error = failure(server.url("/a"))
    assert error.code == "http-status"
    assert str(status) in error.message
    assert "\x1b" not in error.message


def test_what_is_sent_compressed_is_not_unpacked(server: Served) -> None:
    server.routes["/a"] = lambda _: Reply(200, [b"x"], 1, {"Content-Encoding": "gzip"})
    assert code_of(server.url("/a")) == "encoded"


def test_a_web_page_is_no_media(server: Served) -> None:
    server.routes["/a"] = page_route("<html>please log in</html>")
    assert code_of(server.url("/a")) == "unreadable"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_server_that_falls_silent_is_not_waited_for(
    clip: Path, server: Served, isolation: Isolation
) -> None:
    held = threading.Event()

    def silence(_: Asked) -> Reply:
        held.wait(20)
        return Reply(500)

    server.routes["/film.mp4"] = changing(file_route(with_hole(clip.read_bytes(), LARGE)), silence)
    start = time.monotonic()
    error = failure(server.url("/film.mp4"), replace(HERE, remote_seconds=0.5), isolation)
    assert time.monotonic() - start < 10
    held.set()
    assert error.code == "timeout"
    assert "within 0.5 s" in error.message


# -- what is told to the server, and what to the log -----------------------------------------


def test_a_request_says_no_more_than_it_must(
    clip: Path, server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server.routes["/old"] = redirect_route("/film.mp4")  # which sets a cookie
    server.routes["/film.mp4"] = file_route(with_hole(clip.read_bytes(), LARGE))
    read(server.url("/old"))
    assert len(server.asked) >= 3
    for asked in server.asked:
        assert asked.method == "GET"
        assert set(asked.headers) <= {"host", "accept", "accept-encoding", "range", "user-agent"}
        assert asked.headers["accept-encoding"] == "identity"
        assert asked.headers["user-agent"] == "mh-preflight"
        assert re.fullmatch(r"bytes=\d+-\d+", asked.headers["range"])


def test_a_path_cannot_break_out_of_the_request(clip: Path, server: Served) -> None:
    server.routes["/old"] = redirect_route("/a%0d%0aX-Injected:1 HTTP/1.1")
    code_of(server.url("/old"))
    for asked in server.asked:
        assert "x-injected" not in asked.headers


def told(run: Callable[[], object], caplog: pytest.LogCaptureFixture) -> str:
    """Give all that a caller could see of a failure, or of a success."""
    caplog.clear()
    shown = []
    try:
        run()
    except PreflightError as error:
        shown = [str(error), repr(error), str(error.source), *traceback.format_exception(error)]
    return "\n".join([*shown, caplog.text])


@pytest.fixture
def talkative(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(1)
    for name in ("httpcore", "httpx", "mh_preflight", "asyncio"):
        caplog.set_level(1, name)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("httpcore"):
            caplog.set_level(1, name)
    return caplog


@pytest.mark.parametrize(
    "url",
    [
        "/clip.mp4?sig={}",
        "/missing?sig={}",
        "/page?sig={}#{}",
        "/large?sig={}",
        "/loop?sig={}",
        "/reset?sig={}",
        "/silent?sig={}",
        "/film.mp4?sig={}",
        "?sig=/{}",
    ],
)
def test_a_signed_query_is_told_nobody(
    clip: Path, server: Served, url: str, talkative: pytest.LogCaptureFixture
) -> None:
    held = threading.Event()
    server.routes |= {
        "/clip.mp4": file_route(clip.read_bytes()),
        "/film.mp4": file_route(with_hole(clip.read_bytes(), LARGE)),
        "/page": page_route("no film"),
        "/large": file_route(Virtual(LARGE), ranges=False),
        "/loop": redirect_route("/loop"),
        "/reset": lambda _: Reply(200, [b"x"], 100),
        "/silent": lambda _: Reply(200 + 4 * held.wait(20)),
    }
    limits = replace(HERE, remote_seconds=1, remote_bytes=66_000)
    signed = server.url(url.format(SECRET, SECRET))
    assert SECRET not in told(lambda: read(signed, limits), talkative)
    assert SECRET not in told(lambda: read(signed, Limits()), talkative)
    held.set()


@pytest.mark.parametrize(
    "url",
    [
        "http://me:{}@127.0.0.1:1/a",
        "http://{}@127.0.0.1:1/a",
        "http://127.0.0.1:1/a?sig={}",
        "http://nowhere.example/a?sig={}",
        "http://127.0.0.1:port/a?sig={}",
        "http://[::1/a?sig={}",
        "https://127.0.0.1:1/a?sig=/{}",
        "https://example.com?sig=/{}",
        "https://example.com?sig=@{}",
        "ftp://me:{}@example.com/a",
        "ftp://example.com/a?sig={}",
    ],
)
def test_a_secret_in_a_url_that_is_refused_is_told_nobody(
    url: str, talkative: pytest.LogCaptureFixture
) -> None:
    for limits in (HERE, Limits()):
        shown = told(lambda limits=limits: read(url.format(SECRET), limits), talkative)  # type: ignore[misc]
        assert "MediaError" in shown
        assert SECRET not in shown


def test_the_signed_target_of_a_redirect_is_not_in_an_error(server: Served) -> None:
    for target in (
        f"/missing?sig={SECRET}",
        f"/loop?sig={SECRET}",
        f"http://me:{SECRET}@127.0.0.1/a",
        f"file:///a?sig={SECRET}",
        f"http://127.0.0.1:port/{SECRET}",
        f"http://{SECRET}.example/a",
    ):
        server.routes["/old"] = server.routes["/loop"] = redirect_route(target)
        error = failure(server.url("/old"))
        shown = [str(error), repr(error), str(error.source), *traceback.format_exception(error)]
        assert f"sig={SECRET}" not in "".join(shown)
        assert f":{SECRET}" not in "".join(shown)


def test_the_signed_target_of_a_redirect_is_not_in_the_log(
    clip: Path, server: Served, talkative: pytest.LogCaptureFixture
) -> None:
    server.routes["/old"] = redirect_route(f"/clip.mp4?sig={SECRET}")
    server.routes["/clip.mp4"] = file_route(clip.read_bytes())
    talkative.set_level(logging.INFO)  # whoever logs every header asked for them
    read(server.url("/old"))
    assert SECRET not in talkative.text


# -- TLS -------------------------------------------------------------------------------------


@contextmanager
def serve_tls(routes: dict[str, Route], folder: Path, host: str) -> Iterator[tuple[Served, Path]]:
    """Run a server with a certificate that it signed itself; give the certificate too."""
    x509 = pytest.importorskip("cryptography.x509")
    primitives = "cryptography.hazmat.primitives"
    hashes = pytest.importorskip(f"{primitives}.hashes")
    serialization = pytest.importorskip(f"{primitives}.serialization")
    curves = pytest.importorskip(f"{primitives}.asymmetric.ec")
    key = curves.generate_private_key(curves.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, host)])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    path = folder / f"{host}.pem"
    path.write_bytes(
        certificate.public_bytes(encoding)
        + key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with serve(routes, context) as served:
        yield served, path


def test_a_certificate_that_nobody_vouches_for_is_refused(clip: Path, tmp_path: Path) -> None:
    routes = {"/clip.mp4": file_route(clip.read_bytes())}
    with serve_tls(routes, tmp_path, "localhost") as (served, _):
        error = failure(f"https://localhost:{served.port}/clip.mp4", Limits(allow_private=True))
        assert error.code == "network"
        assert "certificate" in error.message.lower()
        assert served.asked == []


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("other.example", False)])
def test_a_certificate_must_be_for_the_name_that_was_asked_for(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, fits: bool
) -> None:
    routes = {"/film.mp4": file_route(with_hole(clip.read_bytes(), LARGE))}
    with serve_tls(routes, tmp_path, host) as (served, path):
        monkeypatch.setattr(http, "_ssl_context", lambda: ssl.create_default_context(cafile=path))
        url = f"https://localhost:{served.port}/film.mp4"
        if fits:
            assert video_facts(read(url, Limits(allow_private=True))) == video_facts(probe(clip))
        else:
            assert failure(url, Limits(allow_private=True)).code == "network"
            assert served.asked == []


# -- servers that mean harm ------------------------------------------------------------------


def hostile_routes() -> list[str]:
    spec = importlib.util.spec_from_file_location("http_hostile", Path(HOSTILE) / "http_hostile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.ROUTES)


@pytest.fixture(scope="module")
def hostile_server(folder: Path, clip: Path) -> Iterator[str]:
    """Run the hostile server as a process of its own; give where it listens."""
    file = with_hole(clip.read_bytes(), 300_000)
    path = folder / "padded.mp4"
    path.write_bytes(file.read(0, file.size))
    command = [sys.executable, str(Path(HOSTILE) / "http_hostile.py")]
    command += ["--port", "0", "--file", str(path), "--max-seconds", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert found is not None
        yield f"http://127.0.0.1:{found[1]}"
        process.kill()


EXPECTED = {
    "ok": None,
    "ok_mp4": None,
    "norange": None,
    "100_flood": "timeout",
    "401": "http-status",
    "429": "http-status",
    "416": "http-status",
    "chain": "redirects",
    "loop": "redirects",
    "chunked_inf": "no-ranges",
    "cl_two": "network",
    "cl_neg": "network",
    "close": "network",
    "drip": "no-ranges",
    "drip206": "timeout",
    "drip_headers": "timeout",
    "etag": "changed",
    "gzip206": "encoded",
    "headers_huge": "network",
    "headers_many": "network",
    "html": "unreadable",
    "norange_1g": "no-ranges",
    "range_empty": "bad-range",
    "range_more": "no-ranges",
    "range_multi": "bad-range",
    "range_none": "no-ranges",
    "range_one": "bad-range",
    "range_zero": "bad-range",
    "reset": "network",
    "reset_now": "network",
    "silent": "timeout",
    "stall": "timeout",
    "tb": "no-ranges",
    "to_file": "bad-url",
    "to_ftp": "bad-url",
    "to_metadata": "address-refused",
    "to_userinfo": "bad-url",
}
"""What some of the routes must end in; None where the facts are had."""


def visit(server: str, route: str, isolation: Isolation) -> str:
    """Probe one route; give what is wrong with how that ended, or nothing."""
    limits = replace(HERE, remote_seconds=HOSTILE_SECONDS)
    start, code, message = time.monotonic(), None, ""
    try:
        read(f"{server}/{route}", limits, isolation)
    except MediaError as error:
        code, message = error.code, error.message
    except Exception as error:  # noqa: BLE001  whatever comes out is told with its route
        return f"/{route}: {error!r}"
    seconds = time.monotonic() - start
    if seconds > HOSTILE_SECONDS + GRACE:
        return f"/{route}: took {seconds:.1f} s"
    if "\n" in message or len(message) > 500:
        return f"/{route}: {message!r}"
    if code != EXPECTED.get(route, code):
        return f"/{route}: {code} ({message}) in place of {EXPECTED[route]}"
    return ""


@hostile
@pytest.mark.parametrize(
    "isolation",
    [
        pytest.param(each, marks=pytest.mark.slow if each == "process" else ())
        for each in ISOLATIONS
    ],
)
def test_no_hostile_server_does_harm(
    hostile_server: str, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    routes = hostile_routes()
    assert len(routes) > 70
    # No more at once than there are workers, or the time would go into waiting for one.
    many = processors() if isolation == "process" else 8
    with ThreadPoolExecutor(many) as threads:
        # The start of a worker is not the server's doing either.
        list(threads.map(lambda _: visit(hostile_server, "ok", isolation), range(many)))
        results = threads.map(lambda route: visit(hostile_server, route, isolation), routes)
        assert [wrong for wrong in results if wrong] == []


@hostile
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_hostile_server_makes_us_take_much_memory(
    hostile_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_numeric_hosts(monkeypatch)
    visit(hostile_server, "ok", "none")  # what is imported is not the server's doing
    greedy = {}
    tracemalloc.start()
    try:
        for route in hostile_routes():
            tracemalloc.reset_peak()
            visit(hostile_server, route, "none")
            peak = tracemalloc.get_traced_memory()[1]
            if peak > MOST_MEMORY:
                greedy[route] = peak
    finally:
        tracemalloc.stop()
    assert greedy == {}


def test_no_address_of_a_test_lies_elsewhere() -> None:
    with (
        pytest.raises(AssertionError),
        only_this_machine(),
        socket.socket() as lost,
        pytest.raises(OSError, match="no other machine"),
    ):
        lost.connect((str(ipaddress.IPv4Address(0xA9FEA9FE)), 80))
