from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import Clip, make_video
from serving import Asked, Reply, file_route, only_this_machine, page_route, serve

from mh_preflight.errors import MediaError, MissingExtraError
from mh_preflight.media import Media, probe
from mh_preflight.media import youtube as reader
from mh_preflight.media.facts import Video
from mh_preflight.media.limits import Limits
from mh_preflight.media.youtube import is_youtube, probe_youtube

URL = "https://www.youtube.com/watch?v=aaaaaaaaaaa"
USUAL = Limits()
HERE = Limits(allow_private=True, remote_seconds=60)

needs_yt_dlp = pytest.mark.skipif(
    importlib.util.find_spec("yt_dlp") is None, reason="yt-dlp is not installed"
)


@pytest.fixture(autouse=True)
def _no_other_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with only_this_machine():
        yield


class YtDlp:
    """Stands in for the process: gives an answer, and keeps what was asked."""

    def __init__(self, stdout: bytes = b"", stderr: bytes = b"", status: int = 0) -> None:
        self.ended = status, stdout, stderr
        self.asked: list[tuple[list[str], float]] = []

    def run(self, command: list[str], _: str, seconds: float) -> tuple[int, bytes, bytes]:
        self.asked.append((command, seconds))
        return self.ended

    def answer(self, url: str = URL, limits: Limits = USUAL) -> Media:
        """Give what is read of this answer."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader, "_run", self.run)
            return probe_youtube(url, limits)

    def failure(self, url: str = URL, limits: Limits = USUAL) -> MediaError:
        """Give the error that this answer ends in."""
        with pytest.raises(MediaError) as caught:
            self.answer(url, limits)
        assert "\n" not in caught.value.message
        return caught.value


def saying(**facts: Any) -> YtDlp:
    return YtDlp(json.dumps(facts).encode() + b"\n")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.youtube.com/watch?v=x", True),
        ("https://youtube.com/shorts/x", True),
        ("http://youtu.be/x", True),
        ("https://youtu.be/x?t=10", True),
        ("HTTPS://YOUTU.BE/x", True),
        ("https://m.youtube.com/watch?v=x", True),
        ("https://music.youtube.com/watch?v=x", True),
        ("https://www.youtube-nocookie.com/embed/x", True),
        ("https://youtube.com./watch?v=x", True),
        ("https://youtube.com:443/watch?v=x", True),
        ("https://youtu.be.example.com/x", False),
        ("https://example.com/youtu.be/x", False),
        ("https://example.com/?u=https://youtu.be/x", False),
        ("https://notyoutube.com/x", False),
        ("https://youtube.com@example.com/x", False),
        ("https://example.com#youtube.com", False),
        ("https://example.com\\.youtube.com/x", False),
        ("ftp://youtube.com/x", False),
        ("file://youtube.com/x", False),
        ("youtube.com/watch?v=x", False),
        ("youtu.be", False),
        ("", False),
        ("https://", False),
        ("https://[::1/x", False),
        ("https://127.0.0.1/x", False),
    ],
)
def test_an_address_of_youtube_is_told_by_its_host(url: str, expected: bool) -> None:
    assert is_youtube(url) == expected


@given(url=st.text(max_size=60).map("https://{}".format))
def test_any_url_is_youtube_or_not(url: str) -> None:
    assert is_youtube(url) in {True, False}


@pytest.mark.parametrize("url", ["https://example.com/x", "http://127.0.0.1:1/x", "--version", ""])
def test_by_default_no_other_site_is_asked(url: str) -> None:
    yt_dlp = saying(duration=1)
    assert yt_dlp.failure(url).code == "bad-url"
    assert yt_dlp.asked == []


def test_without_yt_dlp_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "yt_dlp" else real(name)
    )
    with pytest.raises(MissingExtraError, match=r"mh-preflight\[youtube\]"):
        probe_youtube(URL, Limits())


@pytest.mark.parametrize("url", [URL, "https://youtu.be/x", "http://m.youtube.com/watch?v=x"])
def test_the_probe_of_a_video_asks_youtube(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stand_in(url: str, limits: Limits) -> Media:
        asked.append((url, limits))
        return Media(source=url, kind="video", video=Video(width=640))

    monkeypatch.setattr(reader, "probe_youtube", stand_in)
    limits = Limits(remote_seconds=5)
    media = probe(url, limits=limits)
    assert asked == [(url, limits)]
    assert media.source == url
    assert media.video is not None
    assert media.video.width == 640


@needs_yt_dlp
def test_what_cannot_be_is_taken_back() -> None:
    video = saying(duration=12, fps=10**5, width=10**8).answer().video
    assert video is not None
    assert (video.fps, video.width, video.duration_seconds) == (None, None, 12)


@needs_yt_dlp
def test_what_the_page_says_is_never_certain() -> None:
    media = saying(duration=12.5, fps=30, width=1920, height=1080, acodec="none").answer()
    assert media.kind == "video"
    assert media.duration_seconds == 12.5
    assert media.video is not None
    assert media.audio is None
    assert media.video.duration_seconds == 12.5
    assert media.video.fps == media.video.nominal_fps == 30
    assert (media.video.width, media.video.height) == (1920, 1080)
    assert media.video.frames is None
    names = {f"video.{name}" for name in ("fps", "nominal_fps", "duration_seconds")}
    names |= {"video.width", "video.height"}
    assert set(media.learned_from) == names
    assert set(media.learned_from.values()) == {"page"}
    assert set(media.uncertain) == names | {"duration_seconds"}


@needs_yt_dlp
def test_a_video_with_sound_has_an_audio_track_that_is_as_long() -> None:
    for facts in ({"acodec": "opus"}, {"acodec": "none", "requested_formats": [{}, {}]}, {}):
        media = saying(duration=3, **facts).answer()
        assert media.audio is not None
        assert media.audio.duration_seconds == 3
        assert "audio.duration_seconds" in media.uncertain


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.sampled_from([0, -1, 1e-9, 1e308, math.nan, math.inf, 10**400, -(10**400), "12"]),
)
named = st.sampled_from(
    ["duration", "fps", "width", "height", "acodec", "requested_formats", "other"]
)


@needs_yt_dlp
@given(facts=st.dictionaries(named, values))
def test_whatever_the_page_says_all_of_it_is_uncertain(facts: dict[str, Any]) -> None:
    media = saying(**facts).answer()
    assert media.video is not None
    for name in ("fps", "nominal_fps", "duration_seconds", "width", "height"):
        if getattr(media.video, name) is not None:
            assert f"video.{name}" in media.uncertain
    assert "duration_seconds" in media.uncertain
    media.model_dump_json()


@needs_yt_dlp
@pytest.mark.parametrize(
    "stdout",
    [b"", b"\n", b"nonsense", b"{", b"[" * 100_000, b"\xff\xfe", b'{"duration": 1' + b"0" * 5000],
)
def test_an_answer_that_makes_no_sense_is_one_error(stdout: bytes) -> None:
    YtDlp(stdout).failure()


@needs_yt_dlp
@pytest.mark.parametrize("stdout", [b"[1]", b"null", b"7", b'"text"', b"{}"])
def test_an_answer_that_says_nothing_says_nothing(stdout: bytes) -> None:
    media = YtDlp(stdout).answer()
    assert media.duration_seconds is None
    assert media.video is not None
    assert media.video.fps is None


@needs_yt_dlp
def test_the_reason_of_a_failure_is_told_in_one_line() -> None:
    stderr = b"WARNING: old\nERROR: [youtube] aaa: Video unavailable\x1b[31m\n"
    error = YtDlp(stderr=stderr, status=1).failure()
    assert error.code == "network"
    assert "[youtube] aaa: Video unavailable" in error.message
    assert "\x1b" not in error.message
    assert "no reason given" in YtDlp(status=1).failure().message
    assert len(YtDlp(stderr=b"x" * 10_000, status=1).failure().message) < 400


@needs_yt_dlp
def test_an_answer_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_ANSWER", 100)
    assert saying(duration=1, title="x" * 100).failure().code == "network"


@needs_yt_dlp
def test_yt_dlp_is_asked_for_facts_only_and_for_no_other_site() -> None:
    yt_dlp = saying(duration=1)
    yt_dlp.answer(limits=Limits(remote_seconds=7))
    ((command, seconds),) = yt_dlp.asked
    assert command[:4] == [sys.executable, "-P", "-m", "yt_dlp"]
    assert command[-2:] == ["--", URL]
    assert {"--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--skip-download"} <= set(
        command
    )
    assert command[command.index("--use-extractors") + 1] == "youtube"
    assert seconds == 7


@needs_yt_dlp
def test_the_options_are_ones_that_yt_dlp_knows() -> None:
    yt_dlp = saying(duration=1)
    yt_dlp.answer()
    ((command, _),) = yt_dlp.asked
    command[command.index("--") :] = ["--version"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


PAGE = """<!doctype html><html><head><title>A clip</title>
<script type="application/ld+json">
{{"@context": "https://schema.org", "@type": "VideoObject", "name": "A clip",
"contentUrl": "{url}", "duration": "PT12S", "width": 320, "height": 240,
"uploadDate": "2026-01-01"}}
</script></head><body>A clip</body></html>"""


@needs_yt_dlp
def test_a_page_that_describes_a_video_is_read(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", Clip(frames=10))
    with serve({"/clip.mp4": file_route(clip.read_bytes())}) as served:
        served.routes["/watch"] = page_route(PAGE.format(url=served.url("/clip.mp4")))
        media = probe_youtube(served.url("/watch"), HERE, any_site=True)
        assert any(each.path == "/watch" for each in served.asked)
    assert media.source == served.url("/watch")
    assert media.duration_seconds == 12
    assert media.video is not None
    assert media.video.duration_seconds == 12
    assert {"video.duration_seconds", "audio.duration_seconds", "duration_seconds"} <= set(
        media.uncertain
    )
    assert set(media.learned_from) <= set(media.uncertain)


@needs_yt_dlp
def test_a_page_without_a_video_is_one_error() -> None:
    with (
        serve({"/watch": page_route("<html><body>no film</body></html>")}) as served,
        pytest.raises(MediaError) as caught,
    ):
        probe_youtube(served.url("/watch?sig=S3CR3T"), HERE, any_site=True)
    assert caught.value.code == "network"
    assert "\n" not in caught.value.message
    assert "cannot be asked for" in caught.value.message
    assert "S3CR3T" not in f"{caught.value!s} {caught.value.source}"


@needs_yt_dlp
def test_a_page_that_does_not_come_is_not_waited_for() -> None:
    held = threading.Event()

    def silence(_: Asked) -> Reply:
        held.wait(30)
        return Reply(500)

    with serve({"/watch": silence}) as served:
        with pytest.raises(MediaError) as caught:
            probe_youtube(served.url("/watch"), Limits(remote_seconds=2), any_site=True)
        held.set()
    assert caught.value.code in {"timeout", "network"}
    assert "\n" not in caught.value.message


def test_what_yt_dlp_has_started_is_not_waited_for_either() -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    slow = program.replace("input()", "import time; time.sleep(8)")
    start = time.monotonic()
    with pytest.raises(MediaError) as caught:
        reader._run([sys.executable, "-c", slow], "page", 1)  # noqa: SLF001
    assert caught.value.code == "timeout"
    assert time.monotonic() - start < 6


@needs_yt_dlp
def test_what_lies_in_the_current_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("yt_dlp.py", "json.py", "sitecustomize.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        serve({"/watch": page_route("<html><body>no film</body></html>")}) as served,
        pytest.raises(MediaError),
    ):
        probe_youtube(served.url("/watch"), HERE, any_site=True)
    assert not (tmp_path / "ran").exists()


@needs_yt_dlp
def test_yt_dlp_is_told_no_key_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", "canary-7f3a")
    shown = "import os; print('canary' in str(os.environ))"
    _, said, _ = reader._run([sys.executable, "-c", shown], "page", 20)  # noqa: SLF001
    assert said.strip() == b"False"
