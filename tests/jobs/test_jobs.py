from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight.errors import JobError
from mh_preflight.jobs import FIELDS, LipSync, TalkingPhoto, job, job_from_fields, model_of

LIP_SYNC: dict[str, Any] = {
    "assets": {
        "audio_file_path": "api-assets/id/1234.mp3",
        "video_file_path": "api-assets/id/1234.mp4",
        "video_source": "file",
    },
    "end_seconds": 15.0,
    "start_seconds": 0.0,
    "height": 960,
    "max_fps_limit": 12.0,
    "name": "Lip Sync video",
    "width": 512,
}
TALKING_PHOTO: dict[str, Any] = {
    "assets": {
        "audio_file_path": "api-assets/id/1234.mp3",
        "image_file_path": "api-assets/id/1234.png",
    },
    "end_seconds": 15.0,
    "start_seconds": 0.0,
    "name": "Talking Photo image",
    "style": {"generation_mode": "expressive", "intensity": 1.5},
}
BODIES = [("lip-sync", LIP_SYNC), ("ai-talking-photo", TALKING_PHOTO)]


@pytest.mark.parametrize(("endpoint", "body"), BODIES)
def test_the_documents_example_comes_back_unchanged(endpoint: str, body: dict[str, Any]) -> None:
    built = job(endpoint, **body)
    assert built.wire_body() == body
    assert type(built).from_json(json.dumps(body)) == built
    assert json.loads(built.model_dump_json(exclude_unset=True)) == body


def test_todays_fields_are_taken() -> None:
    body = {
        **TALKING_PHOTO,
        "resolution": "720p",
        "max_resolution": 1280,
        "style": {"generation_mode": "prompted", "prompt": "smile"},
    }
    assert job("ai-talking-photo", **body).wire_body() == body
    style = {"generation_mode": "pro"}
    assert job("lip-sync", **{**LIP_SYNC, "style": style}).mode == "pro"


@given(st.integers(0, 1000) | st.floats(0, 1000), st.integers(1001, 2000) | st.floats(1001, 2000))
def test_numbers_go_out_as_they_came_in(start: float, end: float) -> None:
    body = {**LIP_SYNC, "start_seconds": start, "end_seconds": end}
    sent = job("lip-sync", **body).wire_body()
    assert sent == body
    assert type(sent["start_seconds"]) is type(start)


WRONG = [
    ({"start_seconds": float("nan")}, "start_seconds"),
    ({"end_seconds": float("inf")}, "end_seconds"),
    ({"start_seconds": -0.5}, "start_seconds"),
    ({"start_seconds": 10**5000}, "start_seconds"),
    ({"end_seconds": 1e12}, "end_seconds"),
    ({"end_seconds": 0.09}, "end_seconds"),
    ({"start_seconds": 15}, "end_seconds"),
    ({"start_seconds": "0"}, "start_seconds"),
    ({"start_seconds": True}, "start_seconds"),
    ({"start_seconds": None}, "start_seconds"),
    ({"surprise": 1}, "surprise"),
    ({"name": 7}, "name"),
    ({"assets": None}, "assets"),
    ({"assets": {}}, "assets.video_source"),
]


@pytest.mark.parametrize(("change", "field"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_at_every_date_is_refused_by_its_field(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(JobError) as caught:
        job("lip-sync", **{**LIP_SYNC, **change})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_fps_limit": 0.99}, "max_fps_limit"),
        ({"max_fps_limit": float("nan")}, "max_fps_limit"),
        ({"width": 0}, "width"),
        ({"width": 1.5}, "width"),
        ({"style": {"generation_mode": "ultra"}}, "style.generation_mode"),
        ({"assets": {**LIP_SYNC["assets"], "video_source": "youtube"}}, "assets.youtube_url"),
        ({"assets": {**LIP_SYNC["assets"], "video_file_path": ""}}, "assets.video_file_path"),
    ],
)
def test_lip_sync_refuses_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(JobError) as caught:
        LipSync(**{**LIP_SYNC, **change})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"style": {"intensity": 1.555}}, "style.intensity"),
        ({"style": {"intensity": -1}}, "style.intensity"),
        ({"style": {"intensity": 1e300}}, "style.intensity"),
        ({"style": {"intensity": 10**400}}, "style.intensity"),
        ({"resolution": "1080p"}, "resolution"),
        ({"max_resolution": 0}, "max_resolution"),
        ({"max_fps_limit": 24}, "max_fps_limit"),
        ({"assets": {"audio_file_path": "a.mp3"}}, "assets.image_file_path"),
    ],
)
def test_talking_photo_refuses_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(JobError) as caught:
        TalkingPhoto(**{**TALKING_PHOTO, **change})
    assert caught.value.field == field


def test_two_decimals_of_intensity_are_decimals_and_not_floats() -> None:
    for hundredths in range(200):
        style = {"intensity": hundredths / 100}
        job = TalkingPhoto(**{**TALKING_PHOTO, "style": style})
        assert job.wire_body()["style"] == style


@pytest.mark.parametrize("name", ["lip-sink", "lipsync", "Lip_Sync"])
def test_an_unknown_endpoint_names_the_nearest_one(name: str) -> None:
    with pytest.raises(JobError, match=r"did you mean lip-sync\? `mh-preflight rates` lists all$"):
        job(name)


def test_an_endpoint_like_none_says_where_all_are_listed() -> None:
    with pytest.raises(JobError, match=r"^endpoint: 'x+\.\.\.' is not known here: `mh-pre"):
        job("x" * 10_000)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '"text"'])
def test_a_body_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(JobError, match="request body"):
        LipSync.from_json(text)


def test_only_the_chosen_video_source_is_read() -> None:
    assets = {**LIP_SYNC["assets"], "video_source": "youtube", "youtube_url": "https://youtu.be/x"}
    assert list(LipSync(**{**LIP_SYNC, "assets": assets}).sources()) == [
        "youtube_url",
        "audio_file_path",
    ]


def test_a_change_changes_only_what_it_names() -> None:
    before = TalkingPhoto(**TALKING_PHOTO)
    after = before.changed({"style": {"generation_mode": "stable"}})
    assert after.wire_body() == {
        **TALKING_PHOTO,
        "style": {"generation_mode": "stable", "intensity": 1.5},
    }
    assert before.wire_body() == TALKING_PHOTO


@pytest.mark.parametrize(
    ("endpoint", "mode", "more"),
    [
        ("video-to-video", "FULL", {"style.art_style": "Ink"}),
        ("character-replace", "animate", {"assets.image_file_path": "i.png"}),
        ("lip-sync", "pro", {"assets.audio_file_path": "a.mp3"}),
    ],
)
def test_a_mode_given_by_itself_goes_to_the_field_of_its_endpoint(
    endpoint: str, mode: str, more: dict[str, str]
) -> None:
    fields = {"assets.video_file_path": "v.mp4", FIELDS["mode"]: mode, "end_seconds": 5, **more}
    assert job_from_fields(model_of(endpoint), fields).mode == mode
