from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

import pytest
from pricing import TODAY, estimated, lip_sync, media, settings, talking_photo, uneven_video

from mh_preflight import Media
from mh_preflight.checks import CODES, Finding, find_problems
from mh_preflight.jobs import Job
from mh_preflight.jobs import job as make

CLIP = {"fps": 24, "duration_seconds": 1000}
UNEVEN = uneven_video([n / 10 for n in range(10)] + [1 + n / 30 for n in range(30)], 2)


def found(
    job: Job, known: Mapping[str, Media], plan: Any = "creator", day: date = TODAY
) -> dict[str, Finding]:
    estimate = estimated(job, known, plan, day)
    problems = find_problems(job, known, settings(job, plan, day), estimate)
    for finding in problems:
        assert finding.code in CODES
        assert finding.message
        assert "\n" not in finding.message
    order = [("error", "warning", "info").index(finding.severity) for finding in problems]
    assert order == sorted(order)
    return {finding.code: finding for finding in reversed(problems)}


def clip(**changes: Any) -> dict[str, Media]:
    """Give the media of a clip whose facts are changed."""
    known = media(CLIP, audio=15)
    video = known["video_file_path"]
    assert video.video is not None
    own = {name: changes.pop(name) for name in list(changes) if name in Media.model_fields}
    changed = video.video.model_copy(update=changes)
    known["video_file_path"] = video.model_copy(update={"video": changed, **own})
    return known


def portrait(**changes: Any) -> dict[str, Media]:
    face = Media.given("image", width=600, height=800).model_copy(update=changes)
    return {**media(audio=15), "image_file_path": face}


def named(video: str = "v.mp4", audio: str = "a.mp3", **body: Any) -> Job:
    assets = {"video_source": "file", "video_file_path": video, "audio_file_path": audio}
    return lip_sync(assets=assets, **body)


def style(mode: str, **more: Any) -> dict[str, Any]:
    return {"style": {"generation_mode": mode, **more}}


Case: TypeAlias = tuple[str, str, str | None, Job, Mapping[str, Media], Any, date]

SOUND_ONLY = {**media(audio=15), "video_file_path": Media.given("audio", duration_seconds=15)}
STILL = {**media(audio=15), "video_file_path": Media.given("image", width=2, height=2)}
SILENT = {**media(CLIP), "audio_file_path": Media.given("video", fps=24, duration_seconds=15)}
UNDATED = date(2026, 2, 1)

CASES: list[Case] = [
    ("no-video-track", "error", "assets.video_file_path", lip_sync(), SOUND_ONLY, "creator", TODAY),
    ("no-video-track", "error", "assets.video_file_path", lip_sync(), STILL, "creator", TODAY),
    ("no-audio-track", "error", "assets.audio_file_path", lip_sync(), SILENT, "creator", TODAY),
    (
        "not-an-image",
        "error",
        "assets.image_file_path",
        talking_photo(),
        portrait(kind="video", image=None),
        "creator",
        TODAY,
    ),
    (
        "extension-unsupported",
        "error",
        "assets.video_file_path",
        named("v.mkv"),
        clip(),
        "pro",
        TODAY,
    ),
    ("extension-unsupported", "error", "assets.video_file_path", named("v"), clip(), "pro", TODAY),
    (
        "extension-unsupported",
        "error",
        "assets.audio_file_path",
        named(audio="a.mp4"),
        clip(),
        "pro",
        TODAY,
    ),
    ("window-too-long", "error", "end_seconds", talking_photo(0, 300.01), portrait(), "pro", TODAY),
    (
        "window-too-long",
        "error",
        "end_seconds",
        talking_photo(0, 61),
        portrait(),
        "pro",
        date(2026, 6, 4),
    ),
    (
        "file-too-large",
        "error",
        "assets.video_file_path",
        lip_sync(),
        clip(size_bytes=2 * 2**30 + 1),
        "creator",
        TODAY,
    ),
    (
        "file-too-large",
        "error",
        "assets.video_file_path",
        lip_sync(),
        clip(size_bytes=10 * 2**30 + 1),
        None,
        TODAY,
    ),
    (
        "file-too-large",
        "warning",
        "assets.video_file_path",
        lip_sync(),
        clip(size_bytes=2 * 10**9 + 1),
        "creator",
        TODAY,
    ),
    (
        "file-too-large",
        "warning",
        "assets.video_file_path",
        named("https://example.com/v.mp4"),
        clip(size_bytes=9 * 2**30, source="https://example.com/v.mp4"),
        "creator",
        TODAY,
    ),
    (
        "mode-needs-paid-plan",
        "error",
        "style.generation_mode",
        lip_sync(**style("pro")),
        clip(),
        "free",
        TODAY,
    ),
    (
        "mode-needs-paid-plan",
        "error",
        "style.generation_mode",
        lip_sync(**style("standard")),
        clip(),
        "free",
        date(2026, 10, 4),
    ),
    (
        "mode-needs-paid-plan",
        "warning",
        "style.generation_mode",
        lip_sync(**style("standard")),
        clip(),
        "free",
        date(2026, 10, 5),
    ),
    (
        "resolution-needs-paid-plan",
        "error",
        "resolution",
        talking_photo(resolution="720p"),
        portrait(),
        "free",
        TODAY,
    ),
    (
        "window-past-end",
        "warning",
        "end_seconds",
        lip_sync(),
        media({"fps": 24, "duration_seconds": 14}),
        "pro",
        TODAY,
    ),
    (
        "audio-shorter-than-window",
        "warning",
        "assets.audio_file_path",
        lip_sync(),
        media(CLIP, audio=14),
        "pro",
        TODAY,
    ),
    (
        "audio-shorter-than-window",
        "warning",
        "assets.audio_file_path",
        talking_photo(5, 16),
        portrait(),
        "pro",
        TODAY,
    ),
    ("fps-above-30", "warning", "max_fps_limit", lip_sync(), clip(fps=60), "creator", TODAY),
    (
        "variable-frame-rate",
        "warning",
        "assets.video_file_path",
        lip_sync(),
        media(UNEVEN),
        "pro",
        TODAY,
    ),
    (
        "extension-mismatch",
        "warning",
        "assets.video_file_path",
        lip_sync(),
        clip(container="matroska,webm"),
        "pro",
        TODAY,
    ),
    (
        "url-without-extension",
        "warning",
        "assets.video_file_path",
        named("https://example.com/v?f=a.mp4"),
        clip(),
        "pro",
        TODAY,
    ),
    ("rate-conflict", "warning", None, talking_photo(), portrait(), "pro", TODAY),
    ("rate-inferred", "warning", None, talking_photo(), portrait(), None, date(2025, 8, 1)),
    ("rate-old", "warning", None, lip_sync(), clip(), "pro", date(2027, 2, 20)),
    (
        "not-probed",
        "warning",
        "assets.video_file_path",
        named("https://example.com/v.mp4"),
        media(),
        "pro",
        TODAY,
    ),
    (
        "mode-not-at-date",
        "warning",
        "style.generation_mode",
        lip_sync(**style("pro")),
        clip(),
        "pro",
        date(2025, 9, 19),
    ),
    ("frame-cap", "warning", "end_seconds", lip_sync(end=5000.1), clip(), "pro", TODAY),
    (
        "audio-longer-than-window",
        "info",
        "assets.audio_file_path",
        lip_sync(),
        media(CLIP, audio=16),
        "pro",
        TODAY,
    ),
    (
        "max-fps-limit-no-effect",
        "info",
        "max_fps_limit",
        lip_sync(max_fps_limit=24),
        clip(),
        "pro",
        TODAY,
    ),
    (
        "mode-deprecated",
        "info",
        "style.generation_mode",
        talking_photo(**style("stable")),
        portrait(),
        "pro",
        TODAY,
    ),
    (
        "field-ignored",
        "info",
        "width",
        lip_sync(width=9, height=9),
        clip(),
        "pro",
        date(2025, 8, 17),
    ),
    (
        "field-ignored",
        "info",
        "resolution",
        talking_photo(resolution="480p"),
        portrait(),
        "pro",
        date(2026, 10, 19),
    ),
    (
        "field-ignored",
        "info",
        "style.prompt",
        talking_photo(**style("realistic", prompt="x")),
        portrait(),
        "pro",
        TODAY,
    ),
    (
        "field-ignored",
        "info",
        "max_resolution",
        talking_photo(resolution="480p", max_resolution=9),
        portrait(),
        "pro",
        TODAY,
    ),
    (
        "resized",
        "info",
        "assets.video_file_path",
        lip_sync(),
        clip(width=1920, height=1080),
        "creator",
        TODAY,
    ),
    (
        "rotated",
        "info",
        "assets.video_file_path",
        lip_sync(),
        clip(rotation=90, width=3, height=4, coded_width=4, coded_height=3),
        "pro",
        TODAY,
    ),
    (
        "cover-art-ignored",
        "info",
        "assets.video_file_path",
        lip_sync(),
        clip(cover_art=True),
        "pro",
        TODAY,
    ),
    ("window-under-one-frame", "info", "end_seconds", lip_sync(1, 1.01), clip(), "pro", TODAY),
    ("plan-not-given", "info", None, lip_sync(), clip(), None, TODAY),
]


STYLE = {"style": {"prompt": "a fox"}}
PICTURE = {"assets": {"image_file_path": "i.png"}}


def clip_of(model: str | None = "ltx-2.5", seconds: float = 8, **body: Any) -> Job:
    named = {} if model is None else {"model": model}
    return make("text-to-video", **{"end_seconds": seconds, **named, **STYLE, **body})


def moved(**body: Any) -> Job:
    assets = {"image_file_path": "i.png", "end_image_file_path": "j.png"}
    return make("image-to-video", **{"assets": assets, "end_seconds": 8, **body})


def drawn(many: int = 1, **body: Any) -> Job:
    body = {"image_count": many, "resolution": "640px", **STYLE, **body}
    return make("ai-image-generator", **body)


def edited(seconds: float, **body: Any) -> Job:
    assets = {"video_file_path": "v.mp4"}
    body = {"model": "gemini-omni-1.1", "resolution": "720p", **STYLE, **body}
    return make("ai-video-editor", assets=assets, end_seconds=seconds, **body)


HUGE = {"image_file_path": Media.given("image", width=4097, height=100)}
SPOKEN = {"style": {"prompt": "x" * 1001, "voice_name": "GLaDOS"}}
MANY = [{"name": f"r{number}", "file_path": "r.png"} for number in range(11)]
SOUND = [{"name": "song", "file_path": "r.mp3"}]

REQUESTS: list[Case] = [
    ("model-not-at-date", "warning", "model", clip_of("kling-3.0", 5), {}, "pro", date(2025, 8, 1)),
    ("duration-not-offered", "error", "end_seconds", clip_of("kling-3.0", 16), {}, "pro", TODAY),
    ("duration-not-offered", "error", "end_seconds", clip_of(seconds=2.5), {}, "pro", TODAY),
    ("count-not-offered", "error", "image_count", drawn(2, model="krea-2"), {}, "pro", TODAY),
    (
        "text-too-long",
        "error",
        "style.prompt",
        make("ai-voice-generator", **SPOKEN),
        {},
        "pro",
        TODAY,
    ),
    (
        "text-empty",
        "warning",
        "style.prompt",
        make("ai-voice-generator", style={"prompt": "", "voice_name": "GLaDOS"}),
        {},
        "pro",
        TODAY,
    ),
    ("too-many-references", "error", "references", clip_of(references=MANY), {}, "pro", TODAY),
    (
        "image-too-large",
        "error",
        "assets.image_file_path",
        make("ai-image-upscaler", **PICTURE, scale_factor=2),
        HUGE,
        "pro",
        TODAY,
    ),
    (
        "model-needs-paid-plan",
        "error",
        "model",
        drawn(model="nano-banana-2-lite"),
        {},
        "free",
        TODAY,
    ),
    (
        "resolution-needs-paid-plan",
        "error",
        "resolution",
        clip_of(resolution="1080p"),
        {},
        "free",
        TODAY,
    ),
    (
        "resolution-needs-paid-plan",
        "warning",
        "resolution",
        clip_of("veo3.1", resolution="720p"),
        {},
        "free",
        TODAY,
    ),
    ("window-too-short", "error", "end_seconds", edited(2.9), {}, "pro", TODAY),
    (
        "window-too-short",
        "error",
        "duration",
        make("ai-music-generator", duration=14, **STYLE),
        {},
        "pro",
        TODAY,
    ),
    ("window-too-long", "error", "end_seconds", edited(10.1), {}, "pro", TODAY),
    (
        "reference-not-offered",
        "warning",
        "references.0.file_path",
        clip_of("veo3.1", resolution="720p", references=SOUND),
        {},
        "pro",
        TODAY,
    ),
    (
        "reference-not-offered",
        "warning",
        "references.0.file_path",
        clip_of("wan-2.2", references=MANY[:1]),
        {},
        "pro",
        TODAY,
    ),
    (
        "end-frame-not-offered",
        "error",
        "assets.end_image_file_path",
        moved(model="wan-2.2"),
        {},
        "pro",
        TODAY,
    ),
    (
        "end-frame-not-offered",
        "error",
        "assets.end_image_file_path",
        moved(model="veo3.1", end_seconds=16),
        {},
        "pro",
        TODAY,
    ),
    ("audio-not-offered", "warning", "audio", clip_of("wan-2.2", audio=True), {}, "pro", TODAY),
    ("model-deprecated", "warning", "model", clip_of("sora-2"), {}, "pro", TODAY),
    ("model-deprecated", "warning", "model", drawn(model="seedream"), {}, "pro", TODAY),
]
CASES += REQUESTS


@pytest.mark.parametrize(
    ("code", "severity", "field", "job", "known", "plan", "day"),
    CASES,
    ids=[f"{number} {case[0]}" for number, case in enumerate(CASES)],
)
def test_each_finding_is_found_where_it_belongs(
    code: str,
    severity: str,
    field: str | None,
    job: Job,
    known: Mapping[str, Media],
    plan: Any,
    day: date,
) -> None:
    finding = found(job, known, plan, day)[code]
    assert (finding.severity, finding.field) == (severity, field)


VIDEO_REFERENCE = [{"name": "r", "file_path": "r.mp4"}]


def test_what_is_only_concluded_does_not_block() -> None:
    default = make("text-to-video", end_seconds=2, **STYLE)
    assert found(default, {})["duration-not-offered"].severity == "warning"
    gone = clip_of("sora-2", 5)
    assert found(gone, {})["duration-not-offered"].severity == "warning"
    long = make(
        "character-replace",
        assets={"video_file_path": "v.mp4", "image_file_path": "i.png"},
        end_seconds=61,
    )
    assert found(long, {})["window-too-long"].severity == "warning"


def test_veo_with_references_makes_eight_seconds() -> None:
    body: dict[str, Any] = {"resolution": "720p", "references": MANY[:1]}
    assert found(clip_of("veo3.1", 16, **body), {})["duration-not-offered"].severity == "error"
    assert "duration-not-offered" not in found(clip_of("veo3.1", 8, **body), {})


def test_a_gif_is_taken_by_face_swap_alone() -> None:
    assets = {"video_source": "file", "video_file_path": "v.gif", "image_file_path": "i.png"}
    swap = make("face-swap", assets=assets, start_seconds=0, end_seconds=5)
    assert "extension-unsupported" not in found(swap, media(CLIP, audio=None))
    assert "extension-unsupported" in found(named("v.gif"), clip())


def test_a_cap_of_frames_advises_what_the_job_has() -> None:
    slow = {**ANIMATED, "fps": 10, "end_seconds": 1001}
    words = make("auto-subtitle-generator", **SUBTITLED, end_seconds=400)
    assets = {"video_source": "file", "video_file_path": "v.mp4", "image_file_path": "i.png"}
    swap = make("face-swap", assets=assets, start_seconds=0, end_seconds=3334)
    fast = media({"fps": 60, "duration_seconds": 5000}, audio=None)
    for job, known, advice in (
        (lip_sync(end=5000.1), clip(), "split the window or lower max_fps_limit"),
        (swap, fast, "split the window"),
        (make("animation", **slow), {}, "split the window or lower fps"),
        (words, media({"fps": 30}, audio=None), "split the window"),
    ):
        finding = found(job, known, "business")["frame-cap"]
        assert finding.message.endswith(f": {advice}")
    assert "12,000 frames" in finding.message
    fits = make("auto-subtitle-generator", **SUBTITLED, end_seconds=333)
    assert "frame-cap" not in found(fits, media({"fps": 30}, audio=None))


ANIMATED: dict[str, Any] = {
    "assets": {"audio_source": "none"},
    "width": 512,
    "height": 512,
    "style": {
        "art_style": "Painterly Illustration",
        "camera_effect": "Simple Zoom In",
        "prompt_type": "custom",
        "prompt": "a fox",
        "transition_speed": 5,
    },
}
SUBTITLED: dict[str, Any] = {
    "assets": {"video_file_path": "v.mp4"},
    "style": {"template": "karaoke"},
    "start_seconds": 0,
}


def test_larger_pictures_need_a_paid_plan() -> None:
    swapped = {"assets": {"person_file_path": "p.png", "scene_file_path": "s.png"}}
    for size, plan, refused in (("640px", "free", 0), ("1k", "free", 1), ("1k", "creator", 0)):
        gated = found(make("body-swap", **swapped, resolution=size), {}, plan)
        assert ("resolution-needs-paid-plan" in gated) == refused
    before = found(make("body-swap", **swapped, resolution="1k"), {}, "free", date(2026, 8, 15))
    assert "resolution-needs-paid-plan" not in before


def test_a_field_that_does_not_count_is_said_in_whole_sentences() -> None:
    named = clip_of("kling-3.0", 5, references=[{"name": "a", "file_path": "a.png"}])
    early = found(named, {}, day=date(2026, 10, 11))["field-ignored"]
    assert early.message == "references does not count before 2026-10-12"
    assert "field-ignored" not in found(named, {}, day=date(2026, 10, 12))
    wide = found(lip_sync(width=512), clip())["field-ignored"]
    assert wide.message == "width does not count since 2025-08-17"
    both = make(
        "ai-talking-photo",
        assets={"image_file_path": "i.png", "audio_file_path": "a.mp3"},
        start_seconds=0,
        end_seconds=5,
        style={"generation_mode": "realistic"},
        resolution="720p",
        max_resolution=512,
    )
    said = found(both, portrait())["field-ignored"].message
    assert said == "max_resolution does not count beside resolution, which overrides it"


def test_every_code_has_its_case() -> None:
    elsewhere = {  # tests/rates/test_overrides.py
        "own-rate",
        "own-rate-older",
        "resolution-not-offered",
    }
    assert {case[0] for case in CASES} == set(CODES) - elsewhere


def test_a_sound_job_has_no_findings() -> None:
    assert found(lip_sync(), clip()) == {}


@pytest.mark.parametrize(
    ("job", "known", "plan", "day"),
    [
        (talking_photo(0, 300), portrait(), "creator", TODAY),
        (lip_sync(), clip(size_bytes=2 * 10**9), "creator", TODAY),
        (lip_sync(**style("pro")), clip(), "creator", TODAY),
        (lip_sync(), media({"fps": 30, "duration_seconds": 15}, audio=15), "creator", TODAY),
        (lip_sync(max_fps_limit=30), clip(fps=60), "creator", TODAY),
        (lip_sync(), clip(container="mov,mp4,m4a,3gp,3g2,mj2"), "creator", TODAY),
        (lip_sync(width=9, height=9), clip(), "creator", UNDATED.replace(2025, 8, 16)),
    ],
)
def test_on_the_limit_there_is_no_error_or_warning(
    job: Job, known: Mapping[str, Media], plan: Any, day: date
) -> None:
    if "image_file_path" in known:
        known = {**known, **media(audio=1000)}
    severe = {code for code, f in found(job, known, plan, day).items() if f.severity != "info"}
    assert severe <= {"rate-inferred"}


def test_a_variable_rate_may_settle_above_what_was_queued_and_a_limit_has_its_effect() -> None:
    fast = uneven_video([n / 20 for n in range(20)] + [1 + n / 40 for n in range(40)], 2)
    assert "fps-above-30" in found(lip_sync(1, 2), media(fast))
    limited = found(lip_sync(1, 2, max_fps_limit=30), media(fast))
    assert not {"fps-above-30", "max-fps-limit-no-effect"} & set(limited)


def test_a_list_that_is_not_known_for_a_day_refuses_nothing() -> None:
    assert "extension-unsupported" not in found(named("v.mkv"), clip(), "pro", UNDATED)


def test_a_youtube_address_needs_no_ending() -> None:
    assets = {
        "video_source": "youtube",
        "youtube_url": "https://youtu.be/x",
        "audio_file_path": "a.mp3",
    }
    known = {"youtube_url": Media.given("video", fps=24, duration_seconds=99), **media(audio=15)}
    assert found(lip_sync(assets=assets), known) == {}


def test_an_ending_in_capitals_is_the_same_ending() -> None:
    assert found(named("V.MP4"), clip()) == {}
