"""The public face as a user writes it; only the type checker reads this."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import assert_type

import mh_preflight as mh

media = mh.probe("clip.mov")
assert_type(media, mh.Media)
assert media.video is not None
assert_type(media.video.fps, Fraction | None)
assert_type(media.video.frames, int | None)

job = mh.LipSync(
    assets={
        "video_source": "file",
        "video_file_path": "clip.mov",
        "audio_file_path": "line.mp3",
    },
    start_seconds=0,
    end_seconds=15,
    max_fps_limit=24,
    style={"generation_mode": "lite"},
)
assert_type(job.assets.video_file_path, str | None)
photo = mh.TalkingPhoto(
    assets={"image_file_path": "face.png", "audio_file_path": "line.mp3"},
    start_seconds=0.5,
    end_seconds=15,
    resolution="480p",
)
mh.TalkingPhoto(
    assets={"image_file_path": "face.png", "audio_file_path": "line.mp3"},
    start_seconds=0,
    end_seconds=15,
    resolution="1080p",  # type: ignore[arg-type]
)

report = mh.preflight(
    job,
    plan="creator",
    as_of=date(2026, 11, 22),
    rates=mh.bundled_rates(),
    media={"video_file_path": media, "audio_file_path": mh.Media.given("audio")},
    max_credits=500,
)
mh.preflight(job, plan="gold")  # type: ignore[arg-type]
mh.preflight(mh.job("lip-sync", start_seconds=0), media={})
assert_type(report, mh.Report)
assert_type(report.estimate.queued.credits, int | None)
assert_type(report.estimate.hold, int | None)
assert_type(report.findings, tuple[mh.Finding, ...])
report.raise_for_findings()
assert_type(mh.Ledger("costs.sqlite"), mh.Ledger)
assert_type(mh.Client("token").submit(job).id, str)
