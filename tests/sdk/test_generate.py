"""Every tool's `generate`: priced from local files, then uploaded, created, awaited, downloaded."""

from __future__ import annotations

import copy
import functools
import importlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from billing_server import BillingServer
from guarding_sdk import PRICED, Both, local_example, magic_hour, only, tool_of

from mh_preflight import InputError, MediaError
from mh_preflight.budget import BudgetError, Ledger, State
from mh_preflight.sdk import with_id

LIP_SYNC = "lip-sync"


def lip_sync(folder: Path, **more: Any) -> dict[str, Any]:
    """Give a job of 60 credits, which settles at 120: the clip has 60 frames a second."""
    body = {
        "assets": {
            "video_source": "file",
            "video_file_path": str(folder / "clip.mp4"),
            "audio_file_path": str(folder / "voice.wav"),
        },
        "start_seconds": 0,
        "end_seconds": 2,
    }
    return body | more


LEFT = {
    "image-background-remover": "background_image_file_path",
    "image-to-video": "end_image_file_path",
}
"""Files that version 0.90.0 of the SDK sends as they are, where they lie on this machine."""

SOME = ("lip-sync", "ai-talking-photo", "face-swap", "text-to-video", "ai-image-generator",
        "ai-voice-generator", "ai-voice-cloner", "head-swap", "image-to-video")  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "sdk"),
    [(each, "sync") for each in PRICED] + [(each, "async") for each in SOME],
    indirect=["sdk"],
)
def test_every_tool_is_priced_from_local_files_and_settled(
    endpoint: str, sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.only_uploaded = True
    body = local_example(endpoint, here)
    body.get("assets", {}).pop(LEFT.get(endpoint), None)
    if "end_seconds" in body:
        body["end_seconds"] = body.get("start_seconds", 0) + 1
    given = copy.deepcopy(body)
    client = sdk.guarded(plan="business")
    out = here / "out"
    out.mkdir()
    made = sdk.call(tool_of(client, endpoint).generate, **body, download_directory=str(out))
    assert body == given
    assert type(made).__name__.endswith("GetResponseWithDownloads")
    assert [Path(each).read_bytes() for each in made.downloaded_paths] == [server.output]
    (billed,) = server.jobs
    entry = only(ledger)
    assert (entry.state, entry.project_id) == (State.SETTLED, billed.id)
    assert entry.charged == made.credits_charged == billed.charged <= entry.credits
    assert len({each.sha256 for each in server.uploads.values()}) <= len(server.uploads)
    assert server.leaks == []


@pytest.mark.parametrize("endpoint", LEFT)
def test_a_file_that_the_sdk_does_not_upload_is_refused_and_costs_nothing(
    endpoint: str, sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    field = f"assets.{LEFT[endpoint]}"
    with pytest.raises(InputError, match="does not upload it") as caught:
        sdk.call(
            tool_of(sdk.guarded(plan="pro"), endpoint).generate, **local_example(endpoint, here)
        )
    assert caught.value.field == field
    assert (server.jobs, only(ledger).state) == ([], State.RELEASED)


def test_a_file_that_a_prompt_names_is_refused_where_the_sdk_does_not_upload_it(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    local = [{"name": "voice", "file_path": str(here / "voice.wav")}]
    body = {"end_seconds": 5, "style": {"prompt": "@voice"}, "references": local}
    with pytest.raises(InputError, match=r"references\.0\.file_path: .* does not upload it"):
        sdk.call(sdk.guarded(plan="pro").v1.text_to_video.generate, **body)
    assert (server.jobs, only(ledger).state) == ([], State.RELEASED)


def test_what_is_sent_is_what_the_sdk_sends_alone(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    body = lip_sync(here, max_fps_limit=24, name="mine", style={"generation_mode": "lite"})
    client, raw = sdk.guarded(), sdk.raw()
    guarded = sdk.call(client.v1.lip_sync.generate, **copy.deepcopy(body), download_outputs=False)
    alone = sdk.call(raw.v1.lip_sync.generate, **copy.deepcopy(body), download_outputs=False)
    assert type(guarded) is type(alone)
    one, other = (each.body for each in server.jobs)
    assert {**one, "assets": 0} == {**other, "assets": 0}
    assert one["assets"].keys() == other["assets"].keys()
    assert guarded.credits_charged == only(ledger).charged == 48


def test_over_budget_nothing_leaves(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    client = sdk.guarded(budget=119)
    with pytest.raises(BudgetError):
        sdk.call(client.v1.lip_sync.generate, **lip_sync(here))
    assert (server.requests, list(ledger.entries())) == ([], [])


def test_paths_may_be_paths_and_open_files_may_not(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    body = lip_sync(here)
    body["assets"]["video_file_path"] = here / "clip.mp4"
    sdk.call(sdk.guarded().v1.lip_sync.generate, **body, download_outputs=False)
    assert body["assets"]["video_file_path"] == here / "clip.mp4"
    assert only(ledger).charged == 120
    with (here / "clip.mp4").open("rb") as file:
        body["assets"]["video_file_path"] = file
        with pytest.raises(InputError, match="open file"):
            sdk.call(sdk.guarded().v1.lip_sync.generate, **body)
    body["assets"]["video_file_path"] = "nowhere.mp4"
    with pytest.raises(MediaError):
        sdk.call(sdk.guarded().v1.lip_sync.generate, **body)
    with pytest.raises(TypeError):
        sdk.call(sdk.guarded().v1.lip_sync.generate, **lip_sync(here), colour="red")
    assert len(server.jobs) == 1


def test_a_failed_job_settles_at_nothing(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.polls = None
    created = sdk.call(
        sdk.guarded().v1.lip_sync.generate, **lip_sync(here), wait_for_completion=False
    )
    assert only(ledger).state is State.SUBMITTED
    server.fail(created.id)
    client = sdk.guarded()
    sdk.call(client.v1.video_projects.get, id=created.id)
    entry = only(ledger)
    assert (entry.state, entry.charged) == (State.SETTLED, server.spent)


def test_a_download_that_fails_is_settled_all_the_same(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", "GET", "/downloads", status=503)
    with pytest.raises(httpx.HTTPStatusError):
        sdk.call(sdk.guarded().v1.lip_sync.generate, **lip_sync(here))
    entry = only(ledger)
    assert (entry.state, entry.charged) == (State.SETTLED, 120)


# ---- what goes wrong before it is created


def test_an_upload_that_fails_gives_the_hold_back(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", "POST", "/v1/files/upload-urls", status=503, skip=1)
    with pytest.raises(Exception, match="503") as raised:
        sdk.call(sdk.guarded().v1.lip_sync.generate, **lip_sync(here))
    assert only(ledger).state is State.RELEASED
    assert "was not sent; its credits are released" in raised.value.__notes__[0]
    assert server.jobs == []


def test_a_file_that_changes_while_it_is_uploaded_is_not_sent(
    sdk: Both,
    here: Path,
    server: BillingServer,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files: Any = importlib.import_module("magic_hour.resources.v1.files.client")
    prepare = files._prepare_file_for_upload  # noqa: SLF001  there is no other place to stand

    def changing(file_path: Any, file_to_upload: Any) -> bytes:
        found: bytes = prepare(file_path, file_to_upload)
        Path(file_path).write_bytes(found + b"more")
        return found

    monkeypatch.setattr(files, "_prepare_file_for_upload", changing)
    with pytest.raises(MediaError) as raised:
        sdk.call(sdk.guarded().v1.lip_sync.generate, **lip_sync(here))
    assert raised.value.code == "changed"
    assert only(ledger).state is State.RELEASED
    assert server.jobs == []


def test_what_the_sdk_would_send_besides_is_not_sent(
    sdk: Both,
    here: Path,
    server: BillingServer,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = type(sdk.raw().v1.lip_sync)
    generate = kind.generate

    @functools.wraps(generate)
    def longer(self: Any, **arguments: Any) -> Any:
        return generate(self, **arguments | {"end_seconds": 4})

    monkeypatch.setattr(kind, "generate", longer)
    with pytest.raises(InputError, match="not the job that was priced"):
        sdk.call(sdk.guarded().v1.lip_sync.generate, **lip_sync(here))
    assert (only(ledger).state, server.jobs) == (State.RELEASED, [])


# ---- the caller's own id


def test_an_id_that_was_sent_is_awaited_and_downloaded_and_not_sent_again(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", "GET", "/v1/video-projects", status=503)
    mine = with_id(sdk.guarded(), "row-1")
    with pytest.raises(Exception, match="503"):
        sdk.call(mine.v1.lip_sync.generate, **lip_sync(here))
    assert only(ledger).state is State.SUBMITTED
    before = len(server.uploads)
    for _ in range(2):
        again = with_id(sdk.guarded(), "row-1")
        made = sdk.call(again.v1.lip_sync.generate, **lip_sync(here), download_directory=str(here))
        assert (made.id, made.status) == (server.jobs[0].id, "complete")
        assert Path(made.downloaded_paths[0]).read_bytes() == server.output
        assert (only(ledger).id, only(ledger).charged) == ("row-1", 120)
    assert (len(server.jobs), len(server.uploads)) == (1, before)
    (here / "clip.mp4").write_bytes(b"another film")
    with pytest.raises(InputError, match="another job"):
        sdk.call(again.v1.lip_sync.generate, **lip_sync(here))


@pytest.mark.parametrize("endpoint", ["ai-image-editor", "face-swap", "ai-voice-cloner"])
def test_other_tools_too_upload_nothing_again(
    endpoint: str, sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    body = local_example(endpoint, here)
    if "end_seconds" in body:
        body["end_seconds"] = body.get("start_seconds", 0) + 1
    mine = with_id(sdk.guarded(plan="business"), "row-1")
    ids = set()
    for _ in range(2):
        made = sdk.call(tool_of(mine, endpoint).generate, **body, download_outputs=False)
        ids.add(made.id)
        uploads = len(server.uploads)
    assert ids == {server.jobs[0].id}
    assert (len(server.jobs), len(server.uploads)) == (1, uploads)
    assert only(ledger).state is State.SETTLED


def test_an_id_that_was_given_up_is_tried_again(
    sdk: Both, here: Path, server: BillingServer, ledger: Ledger
) -> None:
    server.order("status", "POST", "/v1/lip-sync", status=429)
    mine = with_id(sdk.guarded(), "row-1")
    with pytest.raises(Exception, match="429"):
        sdk.call(mine.v1.lip_sync.generate, **lip_sync(here))
    sdk.call(mine.v1.lip_sync.generate, **lip_sync(here), download_outputs=False)
    states = {entry.id: entry.state for entry in ledger.entries()}
    assert states == {"row-1": State.RELEASED, "row-1#2": State.SETTLED}


def test_the_sdk_is_the_one_that_is_tested() -> None:
    from importlib.metadata import version

    assert version("magic-hour") == "0.90.0"
    assert magic_hour.Client
