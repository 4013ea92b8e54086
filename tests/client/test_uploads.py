"""What has to go up does, whole, once in seven days, and without a token."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from billing_server import BillingServer
from clienting import Make, lip_sync

from mh_preflight import LipSync, MediaError, errors
from mh_preflight.budget import Ledger
from mh_preflight.budget.reserving import fingerprint
from mh_preflight.budget.terms import fingerprint_of
from mh_preflight.client.uploads import KEPT_SECONDS, Uploads, kind_by_name, local_files
from mh_preflight.errors import InputError
from mh_preflight.jobs import FaceSwapPhoto, job

ALONE = {"isolation": "none"}


@pytest.fixture
def folder(samples_folder: Path, tmp_path: Path) -> Path:
    for name in ("clip.mp4", "voice.wav"):
        (tmp_path / name).write_bytes((samples_folder / name).read_bytes())
    return tmp_path


def test_local_files_go_up_and_their_paths_are_sent(
    client: Any, server: BillingServer, folder: Path
) -> None:
    told: list[Any] = []
    sent = client.submit(lip_sync(folder), preflight=ALONE, progress=told.append)
    assets = server.job(sent.id).body["assets"]
    assert assets["video_source"] == "file"
    for field, name in (("video_file_path", "clip.mp4"), ("audio_file_path", "voice.wav")):
        data = (folder / name).read_bytes()
        upload = server.uploads[assets[field]]
        assert (upload.size, upload.puts) == (len(data), 1)
        assert upload.sha256 == hashlib.sha256(data).hexdigest()
        assert [each.done for each in told if each.name.endswith(name)][-1] == len(data)
    assert server.leaks == []


def test_a_file_goes_up_once(make: Make, server: BillingServer, folder: Path) -> None:
    for client in (make(), make()):
        client.submit(lip_sync(folder), preflight=ALONE)
        client.submit(lip_sync(folder, 1.0), preflight=ALONE)
    (folder / "copy.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    assert make().upload(folder / "copy.mp4") in server.uploads
    assert len(server.uploads) == 2
    other = make(token="another", ledger=None)  # noqa: S106  another account
    server.token = "another"  # noqa: S105
    other.upload(folder / "clip.mp4")
    assert len(server.uploads) == 3


def test_many_jobs_at_once_upload_a_file_once(
    make: Make, server: BillingServer, folder: Path
) -> None:
    with ThreadPoolExecutor(6) as threads:
        paths = set(threads.map(lambda _: make().upload(folder / "clip.mp4"), range(6)))
    assert len(paths) == len(server.uploads) == 1


def test_what_was_uploaded_or_lies_elsewhere_is_left_alone(
    client: Any, server: BillingServer
) -> None:
    wanted = LipSync(
        assets={
            "video_source": "file",
            "video_file_path": "api-assets/id/1.mp4",
            "audio_file_path": "https://example.com/line.mp3?X-Signature=1",
        },
        start_seconds=0,
        end_seconds=5,
    )
    assert local_files(wanted) == {}
    stored = wanted.changed({"assets": {"video_file_path": "s3://bucket/clip.mp4"}})
    with pytest.raises(InputError, match="download it first") as caught:
        client.submit(stored)
    assert caught.value.field == "assets.video_file_path"


def test_lists_of_files_go_up_too(client: Any, server: BillingServer, samples_folder: Path) -> None:
    portrait = str(samples_folder / "portrait.png")
    wanted = job(
        "ai-image-editor",
        assets={"image_file_paths": [portrait, "api-assets/id/2.png"]},
        style={"prompt": "brighter"},
        image_count=1,
    )
    assert set(local_files(wanted)) == {"assets.image_file_paths.0"}
    body = wanted.wire_body({"assets.image_file_paths.0": "api-assets/new"})
    assert body["assets"]["image_file_paths"] == ["api-assets/new", "api-assets/id/2.png"]
    assert wanted.wire_body()["assets"]["image_file_paths"][0] == portrait


def test_nested_places_are_found() -> None:
    faces = [{"original_face": "0", "new_face": "a.png"}, {"original_face": "1", "new_face": "b"}]
    assets = {"face_mappings": faces, "target_file_path": "c.png"}
    wanted = FaceSwapPhoto(assets={"face_swap_mode": "individual-faces", **assets})
    assert list(wanted.files().values()) == ["c.png", "a.png", "b"]
    changed = wanted.wire_body({"assets.face_mappings.1.new_face": "up"})["assets"]
    assert changed["face_mappings"] == [faces[0], {**faces[1], "new_face": "up"}]
    assert wanted.wire_body()["assets"]["face_mappings"] == faces


def test_every_source_of_a_face_swap_is_placed(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    wanted = FaceSwapPhoto(
        assets={
            "face_swap_mode": "all-faces",
            "source_file_path": str(tmp_path / "a.png"),
            "target_file_path": str(tmp_path / "b.png"),
        }
    )
    files = local_files(wanted)
    body = wanted.wire_body({place: f"up-{place}" for place in files})
    assert body["assets"]["source_file_path"] == "up-assets.source_file_path"
    assert body["assets"]["target_file_path"] == "up-assets.target_file_path"


def test_files_that_a_prompt_names_go_up_too(
    client: Any, server: BillingServer, folder: Path, samples_folder: Path
) -> None:
    portrait = str(samples_folder / "portrait.png")
    wanted = job(
        "text-to-video",
        end_seconds=5,
        style={"prompt": "@cat and @dog"},
        references=[
            {"name": "cat", "file_path": portrait},
            {"name": "dog", "file_path": "https://example.com/dog.png"},
        ],
        model="seedance-2.0",
    )
    sent = server.job(client.submit(wanted, plan="pro", preflight=ALONE).id).body["references"]
    assert sent[0]["file_path"] in server.uploads
    assert sent[1] == {"name": "dog", "file_path": "https://example.com/dog.png"}
    (folder / "cat").write_bytes(b"may be anything")
    vague = wanted.changed({"references": [{"name": "cat", "file_path": str(folder / "cat")}]})
    with pytest.raises(InputError, match=r"ends as those of its kind do") as caught:
        client.submit(vague, plan="pro")
    assert caught.value.field == "references.0.file_path"


def test_the_fingerprint_follows_what_is_in_the_files(folder: Path) -> None:
    def now(name: str = "clip.mp4") -> str:
        wanted = lip_sync(folder).changed({"assets": {"video_file_path": str(folder / name)}})
        held = {place: file.sha256 for place, file in local_files(wanted).items()}
        assert fingerprint(wanted, held) == fingerprint_of(wanted)
        return fingerprint_of(wanted)

    before = now()
    (folder / "moved.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    assert now("moved.mp4") == before
    (folder / "clip.mp4").touch()
    assert now() == before
    with (folder / "clip.mp4").open("ab") as file:
        file.write(b"more")
    assert now() != before


def test_a_file_that_changes_while_it_goes_up_is_not_used(
    make: Make, server: BillingServer, folder: Path, ledger: Ledger
) -> None:
    big = folder / "big.mp4"
    big.write_bytes(bytes(600_000))

    def spoil(progress: Any) -> None:
        with big.open("r+b") as file:
            file.write(b"other")
            file.seek(500_000)
            file.write(b"other")

    with pytest.raises(MediaError) as caught:
        make().upload(big, progress=spoil)
    assert caught.value.code == "changed"
    first = set(server.uploads)
    assert make().upload(big) not in first  # what arrived then is never used


@pytest.mark.parametrize("fault", ["reset-before", "lost-answer", "status"])
@pytest.mark.parametrize("path", ["/v1/files", "/api-assets"])
def test_what_may_be_tried_again_is(
    client: Any, server: BillingServer, folder: Path, fault: Any, path: str
) -> None:
    server.order(fault, "*", path, times=2, status=503)
    place = client.upload(folder / "voice.wav")
    assert server.uploads[place].size == (folder / "voice.wav").stat().st_size


def test_an_upload_that_fails_sends_no_job_and_holds_nothing_for_long(
    make: Make, server: BillingServer, folder: Path, ledger: Ledger
) -> None:
    server.order("status", "PUT", "/api-assets", status=403)
    with pytest.raises(errors.UploadError, match="403"):
        make().submit(lip_sync(folder), id="row-1", deadline=5, preflight=ALONE)
    assert server.jobs == []
    entry = ledger.get("row-1")
    assert entry is not None
    assert entry.state in {"released", "expired", "reserved"}
    if entry.state == "reserved":  # where a ledger cannot take back what nobody sent
        assert entry.expires_at is not None
        assert entry.expires_at - entry.reserved_at < 70_000_000
    sent = make().submit(lip_sync(folder), id="row-1", preflight=ALONE)
    assert len(server.jobs_named(server.job(sent.id).name or "")) == len(server.jobs) == 1


def test_an_upload_has_a_deadline(make: Make, server: BillingServer, folder: Path) -> None:
    server.order("silent", "PUT", "/api-assets")
    with pytest.raises(errors.DeadlineError):
        make().upload(folder / "voice.wav", deadline=0.4)


@pytest.mark.parametrize(
    "items",
    [
        None,
        [],
        [{}],
        [{"upload_url": "", "file_path": "a"}],
        [{"upload_url": "https://a.example", "file_path": "a\nb"}],
        [{"upload_url": "https://a.example", "file_path": 7}],
        [{"upload_url": "http://a.example/x", "file_path": "a"}],
        "no",
    ],
)
def test_places_that_are_none(client: Any, server: BillingServer, folder: Path, items: Any) -> None:
    server.order("status", "POST", "/v1/files", status=200, body={"items": items})
    with pytest.raises(errors.BrokenAnswerError):
        client.upload(folder / "voice.wav")


def test_what_cannot_be_uploaded(client: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kind"):
        client.upload(tmp_path / "a.xyz")
    (tmp_path / "video").write_bytes(b"a")
    with pytest.raises(InputError, match="extension"):
        client.upload(tmp_path / "video", kind="video")
    with pytest.raises(MediaError) as caught:
        client.upload(tmp_path / "none.mp4")
    assert caught.value.code == "not-found"
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError):
        client.upload(tmp_path / "empty.mp4")


def test_uploads_are_remembered_beside_a_ledger_of_any_name(
    make: Make, server: BillingServer, folder: Path
) -> None:
    for _ in range(2):
        with Ledger(folder / "costs\tof\nmine.sqlite") as ledger:
            make(ledger=ledger).upload(folder / "voice.wav")
    assert len(server.uploads) == 1
    assert (folder / "costs\tof\nmine.sqlite.uploads").exists()


def test_kinds_by_name() -> None:
    assert [kind_by_name(f"a.{end}") for end in ("MP4", "heic", "opus")] == [
        "video",
        "image",
        "audio",
    ]


class TestUploads:
    @pytest.fixture(params=["memory", "file"])
    def kept(self, request: pytest.FixtureRequest, tmp_path: Path) -> Uploads:
        self.now = 1e9
        where = tmp_path / "uploads" if request.param == "file" else None
        return Uploads(where, clock=lambda: self.now)

    def test_are_remembered_for_seven_days(self, kept: Uploads) -> None:
        assert kept.find("a") is None
        assert kept.claim("a", 60)
        assert kept.find("a") is None
        kept.keep("a", "api-assets/1")
        self.now += KEPT_SECONDS - 3_700
        assert kept.find("a") == "api-assets/1"
        assert not kept.claim("a", 60)
        self.now += 200  # too close to the end to rely on it
        assert kept.find("a") is None
        assert kept.claim("a", 60)
        kept.close()

    def test_a_clock_that_was_put_back_is_not_believed(self, kept: Uploads) -> None:
        kept.keep("a", "api-assets/1")
        self.now -= 86_400
        assert kept.find("a") is None
        kept.close()

    def test_only_one_is_about_it(self, kept: Uploads) -> None:
        assert kept.claim("a", 60)
        assert not kept.claim("a", 60)
        kept.keep("a", None)
        assert kept.claim("a", 60)
        self.now += 61  # who was about it is gone
        assert kept.claim("a", 60)
        kept.close()

    def test_are_shared_by_threads(self, kept: Uploads) -> None:
        barrier = threading.Barrier(8)

        def one(_: int) -> bool:
            barrier.wait()
            return kept.claim("a", 60)

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(one, range(8))) == 1
        kept.close()

    def test_a_broken_file_costs_only_time(self, tmp_path: Path) -> None:
        (tmp_path / "uploads").write_bytes(b"no database at all" * 100)
        kept = Uploads(tmp_path / "uploads")
        assert kept.claim("a", 60)
        kept.keep("a", "api-assets/1")
        assert kept.find("a") is None


def test_what_is_told_may_raise(client: Any, server: BillingServer, folder: Path) -> None:
    calls: list[Any] = []

    def refuse(progress: Any) -> None:
        calls.append(progress)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.upload(folder / "voice.wav", progress=refuse)
    assert len(calls) == 1
    assert client.upload(folder / "voice.wav") in server.uploads


def test_without_a_ledger_an_upload_that_fails_gives_the_hold_back(
    make: Make, server: BillingServer, folder: Path
) -> None:
    client = make(ledger=None)
    server.order("status", "PUT", "/api-assets", status=403)
    with pytest.raises(errors.UploadError):
        client.submit(lip_sync(folder), id="row-1", preflight=ALONE)
    sent = client.submit(lip_sync(folder), id="row-1", preflight=ALONE)
    assert sent.entry.id == "row-1#2"
    assert client.reconcile()[0].did == "running"
    assert len(server.jobs) == 1
