"""Files made to fool, hang or misuse a probe, and the canaries that show whether one does."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "PLAYLISTS",
    "Visitors",
    "make_tag_bomb",
    "opened_files",
    "silent_mp3",
    "visited_server",
]

SILENCE = b"\xff\xfb\x90\xc4" + bytes(413)  # one frame of MPEG-1 layer III, 128 kbit/s, 44.1 kHz

PLAYLISTS = {
    "neighbour.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ncanary.ts\n#EXT-X-ENDLIST\n",
    "absolute.m3u8": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{folder}/canary.ts\n#EXT-X-ENDLIST\n"
    ),
    "web.m3u8": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n"
        "#EXT-X-ENDLIST\n"
    ),
    "key.m3u8": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/k"'
        "\n#EXTINF:9,\ncanary.ts\n#EXT-X-ENDLIST\n"
    ),
    "itself.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nitself.m3u8\n",
    "live.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n",
    "list.ffconcat": "ffconcat version 1.0\nfile canary.ts\n",
    "itself.ffconcat": "ffconcat version 1.0\nfile itself.ffconcat\n",
    "web.ffconcat": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.ts\n",
    "session.sdp": (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=video 48998 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    ),
    "manifest.mpd": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        "<BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet></Period>"
        "</MPD>"
    ),
    "index.idx": (
        "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n"
    ),
    "redirect.mov": "RTSPtextRTSP://127.0.0.1:{port}/x\r\n",
    "subtitles.srt": "1\n00:00:00,000 --> 00:00:01,000\nx\n\n",
    "text.txt": "This is plain text and no film.\n" * 100,
    "picture.svg": (
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:{port}/x"/></svg>'
    ),
}
"""What opens other files, the network, or is taken for media though it is text."""


def silent_mp3(frames: int = 40) -> bytes:
    """Give the bytes of some silence."""
    return SILENCE * frames


def make_tag_bomb(path: Path, tags: int) -> Path:
    """Write an MP3 with so many different tags that comparing them takes quadratic time."""
    frames = bytearray()
    for number in range(tags):
        body = b"\0k%06d\0v" % number
        frames += b"TXXX" + struct.pack(">IH", len(body), 0) + body
    size = len(frames)
    packed = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + packed + bytes(frames) + silent_mp3())
    return path


class Visitors:
    """A server on this machine that only counts who connects."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.count = 0
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                visitor, _ = self._door.accept()
            except OSError:
                return
            self.count += 1
            visitor.close()

    def close(self) -> None:
        """Stop counting."""
        self._door.close()


@contextmanager
def visited_server() -> Iterator[Visitors]:
    """Run a server that counts its visitors."""
    visitors = Visitors()
    try:
        yield visitors
    finally:
        visitors.close()


IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")


@contextmanager
def opened_files(folder: Path) -> Iterator[set[str]]:
    """Collect the names of all files of a folder that any process opens, as Linux tells it.

    Yields:
        A set that is filled when the context ends.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), "files cannot be watched")
    names: set[str] = set()
    try:
        yield names
    finally:
        while True:
            try:
                events = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                break
            place = 0
            while place < len(events):
                length = _EVENT.unpack_from(events, place)[3]
                start = place + _EVENT.size
                names.add(os.fsdecode(events[start : start + length].rstrip(b"\0")))
                place = start + length
        os.close(descriptor)
