from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from settling import CHARGES, calibrated, full, project

from mh_preflight import Ledger, Media, RateCard, Report, bundled_rates, job, preflight
from mh_preflight.budget import Scope
from mh_preflight.budget.terms import Holding, reserve_report
from mh_preflight.calibrate import Calibration, calibrate_files
from mh_preflight.cli.app import run
from mh_preflight.errors import InputError

BODIES = json.loads((Path(__file__).parents[1] / "jobs" / "examples.json").read_text())
NO_PUBLIC_RATE = {"ai-ugc-ad", "ai-video-editor", "ai-video-translator", "ai-video-upscaler"}


class Books:
    """A ledger in which jobs of the past are settled."""

    def __init__(self, where: Path) -> None:
        self.now = 0
        self.ledger = Ledger(where, clock=lambda: self.now)

    def settle(self, record: dict[str, Any]) -> None:
        """Book a record of a project with its request, as if it had been sent."""
        told = record["project"]
        created = datetime.fromisoformat(told["created_at"])
        self.now = int(created.timestamp()) * 1_000_000
        asked = job(record["endpoint"], **record["request"])
        seconds, fps = record.get("video_duration_seconds", 3600), told.get("fps") or 30
        stated = {
            "video": Media.given("video", fps=fps, duration_seconds=seconds),
            "audio": Media.given("audio", duration_seconds=seconds),
            "image": Media.given("image", width=1024, height=1024),
        }
        kinds = {name: asked.kind_of(name) for name in asked.sources()}
        report = preflight(
            asked,
            plan=record.get("plan"),
            as_of=created.date(),
            media={name: stated[kind] for name, kind in kinds.items()},
        )
        self.book(report, told["id"], told["credits_charged"])

    def book(self, report: Report, name: str, charged: int) -> None:
        """Book a job that was charged."""
        terms = Holding.of(ledger=self.ledger, unbounded_credits=1_000)
        reserve_report(report, terms, name, name)
        self.ledger.submitting(name)
        self.ledger.submitted(name, name)
        self.ledger.settle(name, charged)

    def calibrated(self, *files: Path) -> Calibration:
        return calibrate_files(files, ledger=self.ledger)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    kept = Books(tmp_path / "costs.sqlite")
    with kept.ledger:
        yield kept


@pytest.mark.parametrize("record", CHARGES, ids=[each["endpoint"] for each in CHARGES])
def test_an_entry_says_what_its_record_says(books: Books, record: dict[str, Any]) -> None:
    books.settle(record)
    found, told = books.calibrated(), calibrated(record)
    assert found.problems == ()
    compared, same = found.records[0], told.records[0]
    assert (compared.verdict, compared.ran, compared.certain) == ("exact", same.ran, same.certain)
    assert compared.explanations == same.explanations
    assert found.groups[0].implied == told.groups[0].implied


@pytest.mark.parametrize("endpoint", sorted(set(BODIES) - NO_PUBLIC_RATE))
def test_every_endpoint_is_compared_by_what_its_entry_keeps(books: Books, endpoint: str) -> None:
    report = preflight(job(endpoint, **BODIES[endpoint]), plan="creator", as_of=date(2026, 11, 24))
    settled = report.estimate.settled
    charged = settled.credits_low if settled.credits is None else settled.credits
    books.now = 1_795_500_000_000_000  # 2026-11-24
    books.book(report, endpoint, charged)
    found = books.calibrated()
    assert found.problems == ()
    compared = found.records[0]
    assert compared.verdict == ("inside" if settled.credits is None else "exact")
    # Where nobody knows the frame rate, what was charged is no count of anything.
    assert bool(compared.explanations) == ("frame-rate-unknown" not in settled.why)


def test_a_charge_beside_its_estimate_is_off_and_has_moved(books: Books) -> None:
    books.settle(full("face-swap", created_at="2026-11-20T00:00:00Z", credits_charged=144))
    found = books.calibrated()
    assert (found.records[0].verdict, found.records[0].difference) == ("above", 24)
    assert found.records[0].explanations == ()
    implied = found.groups[0].implied
    assert implied is not None
    assert (implied.value, found.groups[0].moved) == (Fraction(6, 5), date(2026, 11, 20))


def test_parts_of_a_second_are_counted_in_every_way(books: Books) -> None:
    editor = full("ai-video-editor", request={"end_seconds": 4.5}, credits_charged=180)
    books.settle(editor)
    compared = books.calibrated().records[0]
    assert compared.verdict == "inside"
    assert [each.counted for each in compared.explanations] == ["whole seconds"]


VIDEO = {"video_source": "file", "video_file_path": "v.mp4", "audio_file_path": "a.mp3"}


def lip_sync(books: Books, video: Media | None, charged: int, **more: Any) -> Calibration:
    """Book a Lip Sync job of 5 s whose source may say little."""
    upload = "api-assets/id/v.mp4" if video is None else "v.mp4"
    media = {"audio_file_path": Media.given("audio", duration_seconds=100)}
    if video is not None:
        media["video_file_path"] = video
    asked = job(
        "lip-sync",
        **{
            "assets": {**VIDEO, "video_file_path": upload},
            "start_seconds": 0,
            "end_seconds": 5,
            "style": {"generation_mode": "lite"},
            **more,
        },
    )
    report = preflight(asked, plan="creator", as_of=date(2026, 11, 24), media=media)
    books.now = 1_795_500_000_000_000  # 2026-11-24
    books.book(report, "a", charged)
    return books.calibrated()


SHORT = Media.given("video", fps=30, duration_seconds=3)
UNSURE = Media.given("video", fps=30, duration_seconds=30)
UNSURE = UNSURE.model_copy(update={"uncertain": {"video.fps": "why"}})


@pytest.mark.parametrize(
    ("video", "charged", "more"),
    [(None, 120, {"max_fps_limit": 30}), (UNSURE, 149, {"max_fps_limit": 30}), (SHORT, 105, {})],
    ids=["unknown frame rate", "uncertain frame rate", "window past the end"],
)
def test_a_charge_inside_a_range_of_frames_implies_no_rate(
    books: Books, video: Media | None, charged: int, more: dict[str, Any]
) -> None:
    found = lip_sync(books, video, charged, **more)
    assert found.records[0].verdict == "inside"
    group = found.groups[0]
    assert (group.implied, group.moved, group.writable, found.wrong) == (None, None, False, False)


def test_what_failed_is_refunded_even_where_it_might_have_cost_nothing(books: Books) -> None:
    found = lip_sync(books, SHORT, 0, start_seconds=4)
    assert (found.refunded, found.records) == (1, ())


def test_the_estimate_counts_where_these_rates_know_none(books: Books) -> None:
    books.settle(full("face-swap", credits_charged=999))
    known = bundled_rates()
    bare = RateCard(known.version, {}, known.plans)
    found = calibrate_files([], bare, ledger=books.ledger)
    compared = found.records[0]
    assert (compared.verdict, compared.difference, compared.explanations) == ("above", 879, ())
    assert found.wrong
    assert found.groups[0].implied is None


def test_what_all_that_may_have_run_has_in_common_is_kept(books: Books) -> None:
    for size in ("480p", "720p"):
        scene = {
            "endpoint": "text-to-video",
            "request": {"end_seconds": 5, "resolution": size, "style": {"prompt": "Rain."}},
            "project": project(id=size, type="TEXT_TO_VIDEO", credits_charged=120),
        }
        books.settle(scene)
    assert [group.ran.size for group in books.calibrated().groups] == ["480p", "720p"]


@pytest.mark.parametrize(
    "changes",
    [
        {"audio": "yes"},
        {"frames": "5"},
        {"units": True},
        {"window": [5_000_000, 0]},
        {"settled_low": 200},
        {"variants": []},
        {"why": None},
    ],
    ids=str,
)
def test_an_estimate_that_cannot_be_is_named(books: Books, changes: dict[str, Any]) -> None:
    books.settle(full("face-swap"))
    entry = books.ledger.get(full("face-swap")["project"]["id"])
    assert entry is not None
    estimate = {**(entry.estimate or {}), **changes}
    books.ledger.reserve("own", "own", 5, scope=Scope(endpoint="face-swap"), estimate=estimate)
    books.ledger.submitting("own")
    books.ledger.submitted("own", "own")
    books.ledger.settle("own", 5)
    (problem,) = books.calibrated().problems
    assert "entry 'own': its estimate does not say what was counted" in problem.message


def test_a_mode_that_these_rates_do_not_know_ends_nothing(books: Books) -> None:
    books.settle(full("video-to-video"))
    entry = books.ledger.get(full("video-to-video")["project"]["id"])
    assert entry is not None
    estimate = {**(entry.estimate or {}), "mode": None}
    scope = Scope(endpoint="video-to-video")
    books.ledger.reserve("own", "own", 300, scope=scope, estimate=estimate)
    books.ledger.submitting("own")
    books.ledger.submitted("own", "own")
    books.ledger.settle("own", 300)
    assert [each.verdict for each in books.calibrated().records] == ["exact", "exact"]


def test_without_a_plan_it_is_not_certain_what_ran(books: Books) -> None:
    scene = {
        "endpoint": "text-to-video",
        "request": {"end_seconds": 5, "style": {"prompt": "Rain."}},
        "project": project(type="TEXT_TO_VIDEO", credits_charged=240),
    }
    books.settle(scene)
    found = books.calibrated()
    assert (found.groups[0].certain, found.groups[0].implied) == (False, None)
    compared = found.records[0]
    assert compared.verdict == "inside"
    assert [each.ran.model for each in compared.explanations] == ["kling-3.0"]


def test_what_cost_nothing_has_failed(books: Books) -> None:
    books.settle(full("lip-sync", credits_charged=0))
    found = books.calibrated()
    assert (found.refunded, found.records) == (1, ())


def test_entries_that_say_too_little_are_named(books: Books) -> None:
    books.settle(full("lip-sync"))
    for name, scope, estimate in (
        ("bare", Scope(), None),
        ("own", Scope(endpoint="lip-sync"), {"credits": 5}),
    ):
        books.ledger.reserve(name, name, 5, scope=scope, estimate=estimate)
        books.ledger.submitting(name)
        books.ledger.submitted(name, name)
        books.ledger.settle(name, 5)
    found = books.calibrated()
    assert len(found.records) == 1
    assert [each.message.partition(", ")[2] for each in found.problems] == [
        "entry 'bare': was reserved without an endpoint and an estimate",
        "entry 'own': its estimate does not say what was counted",
    ]


def test_of_a_job_that_is_also_in_a_file_the_file_says_more(books: Books, tmp_path: Path) -> None:
    record = full("lip-sync", fps=12, credits_charged=48)
    books.settle(full("lip-sync", credits_charged=48))
    assert books.calibrated().records[0].verdict == "below"
    file = tmp_path / "told.json"
    file.write_text(json.dumps(record))
    found = books.calibrated(file)
    assert (found.duplicates, len(found.records)) == (1, 1)
    assert found.records[0].verdict == "exact"


@pytest.mark.parametrize("status", ["queued", "rendering", "draft"])
def test_a_job_that_had_not_ended_in_a_file_stays_as_the_ledger_has_it(
    books: Books, tmp_path: Path, status: str
) -> None:
    books.settle(full("lip-sync"))
    file = tmp_path / "told.json"
    file.write_text(json.dumps(full("lip-sync", status=status)["project"]))
    found = books.calibrated(file)
    assert ([each.verdict for each in found.records], found.skipped) == (["exact"], 0)


def test_a_project_alone_leaves_what_the_ledger_knows_of_the_request(
    books: Books, tmp_path: Path
) -> None:
    books.settle(full("lip-sync"))
    file = tmp_path / "told.json"
    file.write_text(json.dumps(full("lip-sync", credits_charged=7)["project"]))
    (record,) = books.calibrated(file).records
    assert (record.charged, record.verdict, record.certain) == (7, "below", True)


def test_what_is_not_settled_is_not_compared(books: Books) -> None:
    books.ledger.reserve("open", "open", 5)
    with pytest.raises(InputError, match=r"no job is settled in the ledger .*costs\.sqlite"):
        books.calibrated()


def test_the_ledger_is_read_where_no_file_is_named(
    books: Books, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    books.settle(full("face-swap"))
    where = books.ledger.where
    assert run(["calibrate", "--ledger", where]) == 0
    assert capfd.readouterr().out.startswith("1 job, 1 exact  rates ")
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", where)
    assert run(["calibrate", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["exact"] == 1
    assert run(["calibrate", "--ledger", f"{where}.none", "--json"]) != 0
    assert json.loads(capfd.readouterr().out)["error"]["code"] == "no-ledger"
