"""What the worker may do once it is locked up; each in a process of its own, which ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from making import make_video

from mh_preflight.media.isolation import can_isolate

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this system cannot limit a process")

LOCKED = """
import json, os, socket, sys
from mh_preflight.media.isolation import worker
os.dup2(1, 3)
worker._warm_up()
worker._lock_up()
given = os.dup(1)                      # what is to be read takes the last descriptor
def tried(work):
    try:
        work()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "done"
"""


def locked(program: str, *arguments: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "-c", LOCKED + program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_it_can_open_no_file_no_socket_and_start_no_program(tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mp4")
    answers = locked(
        """
import av, subprocess
print(json.dumps([
    tried(lambda: open(sys.argv[1], "rb")),
    tried(lambda: av.open(sys.argv[1])),
    tried(lambda: av.open("http://127.0.0.1:9/")),
    tried(lambda: av.open("udp://127.0.0.1:9")),
    tried(socket.socket),
    tried(lambda: subprocess.run(["true"])),
    tried(lambda: os.dup(1)),
]))
""",
        str(film),
    )
    assert "done" not in answers
    assert sum("Too many open files" in answer for answer in answers) >= 5


def test_it_can_write_nothing_even_where_a_file_is_open(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    program = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.close(given)
target = os.open(sys.argv[1], os.O_WRONLY)
print(json.dumps(tried(lambda: os.write(target, b"x"))))
"""
    assert "File too large" in locked(program, str(tmp_path / "target"))


def test_all_that_reading_imports_is_there_before_it_is_locked_up(tmp_path: Path) -> None:
    program = """
os.close(given)
from pathlib import Path
from mh_preflight.media.origins import LocalFile
from mh_preflight.media.reading import read_content
before = set(sys.modules)
file = LocalFile.open(sys.argv[1])
media = read_content(file, 5)
print(json.dumps([media.video.frames, sorted(set(sys.modules) - before)]))
"""
    film = make_video(tmp_path / "film.mp4")
    assert locked(program, str(film)) == [30, []]


def test_no_codec_of_text_is_imported_too_late() -> None:
    program = """
names = ("unicode_escape", "utf_16", "utf_32", "cp437", "shift_jis", "mac_roman", "idna")
print(json.dumps([tried(lambda name=name: "x".encode(name)) for name in names]))
"""
    assert set(locked(program)) == {"done"}
