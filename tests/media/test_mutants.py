"""Damaged files end in facts or in one clear error, whatever the damage is."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import Clip, make_sound, make_video
from PIL import Image

from mh_preflight.media import Media, probe_many

MUTANTS = 20_000
SMALL = 300_000  # bytes of a real file, so that most of the time goes into reading and not copying

FAIR = {"no-media", "truncated", "nonsense", "too-slow", "too-large", "too-costly", "empty"}
"""Why a damaged file may be refused, besides being unreadable."""


def originals(folder: Path) -> list[Path]:
    Image.effect_noise((32, 24), 50).save(folder / "still.png")
    Image.effect_noise((32, 24), 50).save(folder / "still.jpg")
    pictures = [Image.new("RGB", (16, 16), (n * 60, 0, 0)) for n in range(4)]
    pictures[0].save(folder / "film.webp", save_all=True, append_images=pictures[1:])
    pictures[0].save(folder / "film.gif", save_all=True, append_images=pictures[1:])
    small = Clip(frames=20, size=(32, 32), codec="libx264", b_frames=2, sound=0.5)
    return [
        *folder.iterdir(),
        make_video(folder / "film.mp4", small),
        make_video(folder / "film.webm", Clip(frames=20, size=(32, 32), codec="libvpx")),
        make_video(folder / "film.avi", Clip(frames=20, size=(32, 32))),
        make_video(folder / "film.ts", Clip(frames=20, size=(32, 32), codec="mpeg2video")),
        make_sound(folder / "voice.mp3", 0.5, "libmp3lame"),
        make_sound(folder / "voice.wav", 0.5, "pcm_s16le"),
        make_sound(folder / "voice.opus", 0.5, "libopus"),
    ]


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 4, 16, 64))):
        place = chance.randrange(len(changed))
        what = chance.randrange(4)
        if what == 0:
            changed[place] = chance.randrange(256)
        elif what == 1:
            changed[place : place + 8] = bytes(8)
        elif what == 2:
            changed[place : place + 4] = b"\xff\xff\xff\xff"
        else:
            del changed[place + 1 : place + chance.randrange(2, 40)]
    return bytes(
        changed[: chance.randrange(1, len(changed) + 1)] if chance.random() < 0.2 else changed
    )


def real_files() -> list[Path]:
    corpus = os.environ.get("MH_PREFLIGHT_CORPUS", "")
    files = [path for path in Path(corpus, "files").rglob("*") if path.is_file()] if corpus else []
    return sorted(path for path in files if path.stat().st_size <= SMALL)


@pytest.mark.slow
@pytest.mark.timeout(800)
def test_mutated_files_end_in_facts_or_one_clear_error(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    (tmp_path / "whole").mkdir()
    files = [*originals(tmp_path / "whole"), *real_files()]
    contents = [path.read_bytes() for path in files]

    def mutants() -> Iterator[bytes]:
        for number in range(MUTANTS):
            yield mutated(contents[number % len(contents)], chance)

    codes: Counter[str] = Counter()
    for media in probe_many(mutants()):
        assert media.error is None or "\n" not in media.error.message
        codes[media.error.code if media.error else "read"] += 1
        assert Media.model_validate_json(media.model_dump_json()) == media
    assert codes.total() == MUTANTS
    assert codes["crashed"] == 0
    assert min(codes["read"], codes["unreadable"]) > MUTANTS / 20
    assert set(codes) <= {"read", "unreadable", *FAIR}, codes
