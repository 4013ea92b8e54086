"""Measure what is promised about the probe: speed beside other tools, bytes read and memory.

All tools read the same files, which are made here, in turns; answers are checked before anything
is timed, and figures are medians of rounds: compare ratios, not machines. Tools that are not
installed (ffprobe, pymediainfo, opencv-python-headless, mutagen) are left out and named.

    python benchmarks/probe.py [--rounds 100] [--markdown]
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import av
import numpy as np
from PIL import Image
from speed import make_mp4, rounds_of

import mh_preflight as mh
from mh_preflight.media import probe_many
from mh_preflight.media.isolation import can_isolate

NEAR_ENOUGH = 0.06  # seconds; tools differ by what an encoder adds to the sound
PLAIN, FFPROBE = "plain PyAV", "ffprobe"
PROBES = INSIDE, ISOLATED = "in process", "isolated"
FILMS, SOUNDS, STILLS = {".mp4", ".webm", ".mkv"}, {".mp3", ".wav"}, {".png", ".jpg"}
SMALL, DISTINCT, SAMPLED = 1000, 99, 51
FREE = 60 << 20

Size: TypeAlias = tuple[int, int]
Table: TypeAlias = tuple[Sequence[str], Sequence[Sequence[str]]]


class Answer(NamedTuple):
    """What a tool says of a file; None where it says nothing."""

    seconds: float | None = None
    frames: int | None = None
    size: Size | None = None


Tool: TypeAlias = Callable[[str], Answer]


@dataclass(frozen=True)
class Sample:
    """A file and what is in it."""

    name: str
    path: str
    truth: Answer

    def check(self, tool: str, answer: Answer) -> None:
        """Make sure that nothing that a tool says is wrong, and that the probe says everything."""
        said = f"{tool} says {answer} of {self.name}"
        assert tool not in PROBES or answer[1:] == self.truth[1:], said
        assert tool not in PROBES or (answer[0] is None) == (self.truth[0] is None), said
        if answer.seconds is not None and self.truth.seconds is not None:
            assert abs(answer.seconds - self.truth.seconds) <= NEAR_ENOUGH, said
        assert answer.frames in {None, self.truth.frames}, said
        assert answer.size in {None, self.truth.size}, said


def with_pyav(path: str) -> Answer:
    """Open a file and read its facts, as anyone who uses PyAV would."""
    with av.open(path) as container:
        seconds = container.duration / av.time_base if container.duration else None
        for sound in container.streams.audio:
            _ = sound.codec_context.name, sound.codec_context.sample_rate, sound.channels
        for video in container.streams.video:
            _ = video.codec_context.name, video.average_rate
            return Answer(seconds, video.frames or None, (video.width, video.height))
        return Answer(seconds)


def with_probe(path: str, *, isolation: Literal["process", "none"]) -> Answer:
    """Probe a file."""
    return facts_of(mh.probe(path, isolation=isolation))


def facts_of(media: mh.Media) -> Answer:
    """Say what a probe found, all of which must be certain."""
    assert media.error is None, media
    assert not media.uncertain, media
    shown = media.video or media.image
    size = (shown.width or 0, shown.height or 0) if shown else None
    return Answer(media.duration_seconds, media.video.frames if media.video else None, size)


def with_ffprobe(path: str) -> Answer:
    """Start ffprobe."""
    command = [FFPROBE, "-v", "error", "-show_format", "-show_streams", "-of", "json", path]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
    pictures = [each for each in said["streams"] if each["codec_type"] == "video"]
    size = (pictures[0]["width"], pictures[0]["height"]) if pictures else None
    frames = int(pictures[0].get("nb_frames", 0)) if pictures else 0
    return Answer(float(said["format"].get("duration", 0)), frames or None, size)


def with_mediainfo(path: str) -> Answer:
    """Ask MediaInfo."""
    said = import_module("pymediainfo").MediaInfo.parse(path)
    for image in said.image_tracks:
        return Answer(size=(image.width, image.height))
    seconds = float(said.general_tracks[0].duration) / 1000
    for video in said.video_tracks:
        return Answer(seconds, int(video.frame_count or 0) or None, (video.width, video.height))
    return Answer(seconds)


def with_opencv(path: str) -> Answer:
    """Ask OpenCV, which works the number of frames out where the header has none."""
    cv2 = import_module("cv2")
    film = cv2.VideoCapture(path)
    frames, rate = film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FPS)
    size = int(film.get(cv2.CAP_PROP_FRAME_WIDTH)), int(film.get(cv2.CAP_PROP_FRAME_HEIGHT))
    film.release()
    return Answer(frames / rate, int(frames) if path.endswith(".mp4") else None, size)


def with_mutagen(path: str) -> Answer:
    """Ask mutagen, which knows nothing of pictures."""
    return Answer(import_module("mutagen").File(path).info.length)


def with_pillow(path: str) -> Answer:
    """Ask Pillow."""
    with Image.open(path) as picture:
        return Answer(size=picture.size)


def find_tools() -> dict[str, tuple[Tool, set[str]]]:
    """Give the tools that are there, and which files each reads; name the others."""
    everything = FILMS | SOUNDS | STILLS
    tools: dict[str, tuple[Tool, set[str]]] = {
        PLAIN: (with_pyav, everything),
        INSIDE: (partial(with_probe, isolation="none"), everything),
        ISOLATED: (partial(with_probe, isolation="process"), everything),
        "Pillow": (with_pillow, STILLS),
        "mutagen": (with_mutagen, {".mp4", *SOUNDS}),
        "MediaInfo": (with_mediainfo, everything),
        "OpenCV": (with_opencv, FILMS),
        FFPROBE: (with_ffprobe, everything),
    }
    modules = {"mutagen": "mutagen", "MediaInfo": "pymediainfo", "OpenCV": "cv2"}
    missing = [name for name, module in modules.items() if find_spec(module) is None]
    for name in [*missing, *([] if shutil.which(FFPROBE) else [FFPROBE])]:
        print(f"{name}: skipped, not installed")
        del tools[name]
    return tools


def make_media(
    path: Path, like: Path, sound_codec: str, codec: str = "", size: Size = (0, 0)
) -> Path:
    """Write the sound of another file, with 10 seconds of a moving pattern if there is a codec."""
    options = {"preset": "ultrafast"} if codec == "libx264" else {"cpu-used": "8"}
    with av.open(str(path), "w") as container, av.open(str(like)) as source:
        video: Any = container.add_stream(codec, rate=30, options=options) if codec else None
        sound: Any = container.add_stream(sound_codec, rate=48_000, layout="mono")
        if codec:
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
            pattern = np.asarray(make_pattern(size))
            for number in range(300):
                moved = np.roll(pattern, number * 4, axis=1)
                container.mux(video.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
            container.mux(video.encode(None))
        for frame in source.decode(audio=0):
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def make_pattern(size: Size) -> Image.Image:
    """Make a picture of soft spots."""
    spots = np.random.default_rng(1).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return Image.fromarray(spots).resize(size)


def move_index(path: Path, like: Path) -> Path:
    """Copy an mp4 with a long empty box before its index, whose offsets stay right."""
    data, place = like.read_bytes(), 0
    while data[place + 4 : place + 8] != b"moov":
        place += int.from_bytes(data[place : place + 4], "big")
    with path.open("wb") as file:
        file.write(data[:place] + FREE.to_bytes(4, "big") + b"free")
        file.seek(place + FREE)
        file.write(data[place:])
    return path


def make_common(folder: Path) -> list[Sample]:
    """Make one common file of each kind."""
    small, large = (320, 240), (1920, 1080)
    short, long = make_mp4(folder / "short.mp4", 10), make_mp4(folder / "long.mp4", 60, rate=1)
    wide = make_media(folder / "wide.mp4", short, "aac", "libx264", large)
    last = move_index(folder / "last.mp4", wide)
    webm = make_media(folder / "a.webm", short, "libopus", "libvpx", small)
    mkv = make_media(folder / "a.mkv", short, "aac", "libx264", small)
    for name in ("a.png", "a.jpg"):
        make_pattern(large).save(folder / name)
    return [
        Sample("mp4, 320 x 240", str(short), Answer(10, 300, small)),
        Sample("mp4, 1080p", str(wide), Answer(10, 300, large)),
        Sample("mp4, 1080p, index after 60 MB", str(last), Answer(10, 300, large)),
        Sample("webm, VP8 and Opus", str(webm), Answer(10, 300, small)),
        Sample("mkv, H.264 and AAC", str(mkv), Answer(10, 300, small)),
        Sample("mp3, 60 s", str(make_media(folder / "a.mp3", long, "libmp3lame")), Answer(60)),
        Sample("wav, 60 s", str(make_media(folder / "a.wav", long, "pcm_s16le")), Answer(60)),
        Sample("png, 1080p", str(folder / "a.png"), Answer(size=large)),
        Sample("jpg, 1080p", str(folder / "a.jpg"), Answer(size=large)),
    ]


def make_many(folder: Path) -> list[Sample]:
    """Make small films, sounds and stills in turns, and copy them until there are enough."""
    made: list[Sample] = []
    for number in range(DISTINCT // 3):
        seconds, size = 1 + number % 4, (320 + number, 240)
        film = make_mp4(folder / f"{number}.mp4", seconds)
        sound = make_media(folder / f"{number}.mp3", film, "libmp3lame")
        still = folder / f"{number}.png"
        make_pattern(size).save(still)
        made += [
            Sample("mp4", str(film), Answer(seconds, seconds * 30, (320, 240))),
            Sample("mp3", str(sound), Answer(seconds)),
            Sample("png", str(still), Answer(size=size)),
        ]
    for number in range(len(made), SMALL):
        like = made[number % DISTINCT]
        copy = shutil.copy(like.path, folder / f"copy{number}.{like.name}")
        made.append(Sample(like.name, str(copy), like.truth))
    return made


def measure_speed(
    samples: list[Sample], tools: Mapping[str, tuple[Tool, set[str]]], rounds: int
) -> Table:
    """Compare all tools, file by file, with plain PyAV."""
    others = [name for name in tools if name != PLAIN]
    rows = []
    for sample in samples:
        work = {}
        for name, (tool, files) in tools.items():
            if Path(sample.path).suffix in files:
                sample.check(name, tool(sample.path))
                work[name] = partial(tool, sample.path)
        # What runs after ffprobe finds the processor's caches cold: once more, and not counted.
        taken = rounds_of({"cold": work[PLAIN], **work}, rounds)
        plain = taken[PLAIN]
        ratios = [f"{taken[name] / plain:.2f}" if name in taken else "" for name in others]
        excess = (taken[ISOLATED] - 1.5 * plain) * 1000
        rows.append((sample.name, f"{plain * 1000:.2f}", *ratios, f"{excess:+.2f}"))
    return ("file", "plain PyAV, ms", *others, "isolated beyond 1.5 x plain, ms"), rows


def measure_many(samples: list[Sample], rounds: int, *, ffprobe: bool) -> Table:
    """Compare `probe_many` of many small files with one ffprobe for each."""

    def probe_all(isolation: Literal["process", "none"]) -> list[Answer]:
        paths = [sample.path for sample in samples]
        return [facts_of(media) for media in probe_many(paths, isolation=isolation, workers=2)]

    started = f"{FFPROBE}, of the first {SAMPLED}"
    work: dict[str, Callable[[], list[Answer]]] = {
        ISOLATED: partial(probe_all, "process"),
        INSIDE: partial(probe_all, "none"),
    }
    if ffprobe:
        work[started] = lambda: [with_ffprobe(sample.path) for sample in samples[:SAMPLED]]
    for name, piece in work.items():
        for sample, answer in zip(samples, piece(), strict=name != started):
            sample.check(name, answer)
    taken = rounds_of(work, rounds)
    each = {name: taken[name] / (SAMPLED if name == started else SMALL) for name in work}
    slowest = each.get(started)
    rows = []
    for name, one in each.items():
        rows.append((name, f"{one * 1000:.2f}", f"{slowest / one:.1f}" if slowest else ""))
    return (f"{SMALL:,} small files, 2 workers", "ms a file", "x as fast as ffprobe"), rows


class CountedFile(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        data = super().read(size) or b""
        self.count += len(data)
        return data


def measure_bytes(samples: list[Sample]) -> Table:
    """Count the bytes that are read of an mp4 that is handed over as an open file."""
    rows = []
    for sample in samples:
        if sample.path.endswith(".mp4"):
            with CountedFile(sample.path) as file, av.open(file):
                plain = file.count
            with CountedFile(sample.path) as file:
                sample.check(INSIDE, facts_of(mh.probe(file, isolation="none")))
                probed = file.count
            whole = Path(sample.path).stat().st_size
            rows.append((sample.name, f"{whole:,}", f"{plain:,}", f"{probed:,}"))
    return ("bytes, as an open file", "whole", f"read by {PLAIN}", "read by the probe"), rows


def measure_memory(samples: list[Sample]) -> Table:
    """Compare the peak memory of a worker with that of fresh processes that read the same."""
    # Not from getrusage, which counts the memory of the process that starts another as its own.
    tell = "print(next(x for x in open('/proc/self/status') if x.startswith('VmHWM')).split()[1])"
    codes = {
        PLAIN: "import sys, av\nfor path in sys.argv[1:]:\n with av.open(path): pass\n",
        INSIDE: "import sys, mh_preflight as mh\n"
        "for path in sys.argv[1:]: mh.probe(path, isolation='none')\n",
    }
    peaks = {}
    for name, code in codes.items():
        command = [sys.executable, "-c", code + tell, *(sample.path for sample in samples)]
        peaks[name] = int(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
    for sample in samples:
        mh.probe(sample.path, isolation="process")
    peaks["worker"] = max(peaks_of_children())
    rows = [(name, f"{kilobytes / 1024:.0f}") for name, kilobytes in peaks.items()]
    return ("peak memory", "MiB"), rows


def peaks_of_children() -> Iterator[int]:
    """Give the peak memory, in kilobytes, of the processes started here, which are the workers."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            lines = Path("/proc", child, "status").read_text().splitlines()
            yield next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def show(table: Table, *, markdown: bool) -> None:
    """Print a table."""
    head, rows = table
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = [["---", *["--:"] * (len(head) - 1)]] if markdown else []
    print()
    for row in (head, *rule, *rows):
        cells = row if markdown else [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="rounds of each measurement")
    parser.add_argument("--markdown", action="store_true", help="print tables for the README")
    options = parser.parse_args()
    if not can_isolate():
        parser.error("only Linux can isolate a probe")
    versions = ", ".join(f"{name} {version(name)}" for name in ("av", "numpy", "pydantic"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    tools = find_tools()
    few = max(3, options.rounds // 20)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        samples, many = make_common(Path(one)), make_many(Path(other))
        show(measure_speed(samples, tools, options.rounds), markdown=options.markdown)
        show(measure_many(many, few, ffprobe=FFPROBE in tools), markdown=options.markdown)
        show(measure_bytes(samples), markdown=options.markdown)
        show(measure_memory(samples), markdown=options.markdown)


if __name__ == "__main__":
    main()
