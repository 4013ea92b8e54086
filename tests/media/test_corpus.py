"""The probe over real files, where `MH_PREFLIGHT_CORPUS` names a folder with them and their truth.

What is right is counted and printed; what the probe calls certain must be right without exception.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mh_preflight.errors import MediaError
from mh_preflight.media import Media, probe

CORPUS = os.environ.get("MH_PREFLIGHT_CORPUS", "")

pytestmark = pytest.mark.skipif(not CORPUS, reason="MH_PREFLIGHT_CORPUS names no folder")

TO_THE_FRAME = 1.01  # frames that a duration may be off; decoders differ about the last one
SECONDS = 0.06


@dataclass
class Score:
    right: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    right_in_class: Counter[str] = field(default_factory=Counter)
    of_class: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def count(self, what: str, file: str, *, good: bool, shown: str) -> None:
        self.of[what] += 1
        self.right[what] += good
        if not good:
            self.missed.append(f"{what}: {file}: {shown}")

    def hold(self, media: Media, file: str, fact: str, *, good: bool, shown: str) -> None:
        """Hold a fact that is called certain to the truth."""
        if not good and fact not in media.uncertain:
            self.wrong.append(f"{file}: {fact}: {shown}")


def print_scores(score: Score) -> None:
    print("\nreal files read right:")
    for what, of in score.of.items():
        print(f"  {what:8}{score.right[what]:4} of {of}")
    print("frames, by what makes plain metadata wrong:")
    for name, of in score.of_class.most_common():
        print(f"  {score.right_in_class[name]:4} of {of:3}  {name}")
    print("\n".join(f"  missed {line}" for line in score.missed))


def probed(file: str) -> Media | None:
    try:
        return probe(Path(CORPUS) / "files" / file)
    except MediaError as error:
        assert "\n" not in error.message  # noqa: PT017  which files fail is counted
        return None


def score_video(score: Score, file: str, truth: dict[str, Any], media: Media | None) -> None:
    accepted = truth.get("frames_accepted") or []
    video = media.video if media else None
    frames = video.frames if video else None
    score.count("frames", file, good=frames in accepted, shown=f"{frames}, truth {accepted}")
    if media is None or video is None:
        return
    score.hold(media, file, "video.frames", good=frames in accepted, shown=f"{frames} {accepted}")
    size, shown = truth.get("display_size"), [video.width, video.height]
    score.hold(media, file, "video.width", good=size in (None, shown), shown=f"{shown} {size}")
    turned = truth.get("rotation")
    if turned is not None and abs(turned) <= 360:
        good = video.rotation == -turned % 360
        score.hold(media, file, "video.rotation", good=good, shown=f"{video.rotation} {turned}")
    length, frames = truth.get("decoded_duration"), truth.get("frames")
    if length and frames and video.duration_seconds is not None:
        off = abs(video.duration_seconds - length) * frames / length
        shown_length = f"{video.duration_seconds}, truth {length}"
        score.hold(
            media, file, "video.duration_seconds", good=off <= TO_THE_FRAME, shown=shown_length
        )
        rate = float(video.fps or 0) * length
        score.hold(
            media,
            file,
            "video.fps",
            good=abs(rate - frames) <= TO_THE_FRAME,
            shown=f"{video.fps} over {length} s, truth {frames} frames",
        )


def score_audio(
    score: Score, file: str, truth: dict[str, Any], media: Media | None, *, alone: bool
) -> None:
    length = truth.get("decoded_duration")
    found = media.audio.duration_seconds if media and media.audio else None
    good = length is not None and found is not None and abs(found - length) <= SECONDS
    if alone:
        score.count("audio", file, good=good, shown=f"{found}, truth {length}")
    if media is not None and length is not None:
        score.hold(media, file, "audio.duration_seconds", good=good, shown=f"{found} {length}")


def test_real_files_are_read_right_and_what_is_certain_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    score = Score()
    for truth in json.loads((Path(CORPUS) / "truth.json").read_text())["files"]:
        file, kind = truth["file"], truth["kind"]
        media = probed(file)
        if kind in {"video", "anim"} and (truth.get("video") or {}).get("frames_accepted"):
            before, name = score.right["frames"], truth.get("trap") or "nothing"
            score_video(score, file, truth["video"], media)
            score.of_class[name] += 1
            score.right_in_class[name] += score.right["frames"] - before
        for sound in (truth.get("audio") or [])[:1]:
            score_audio(score, file, sound, media, alone=kind == "audio")
        if truth.get("image"):
            size = truth["image"]["size_after_orientation"]
            image = media.image if media else None
            shown = [image.width, image.height] if image else None
            score.count("stills", file, good=shown == size, shown=f"{shown}, truth {size}")
    with capsys.disabled():
        print_scores(score)
    assert score.wrong == []
    assert score.right["frames"] >= 60
    assert score.right["stills"] == score.of["stills"] > 0
    assert score.right["audio"] >= 26
