from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rates.test_overrides import OWN
from rates.test_updates import NEWER, content, packed, replaced
from serving import file_route, serve

from mh_preflight.cli.app import run
from mh_preflight.rates import bundled_rates, installed_rates
from mh_preflight.rates.installed import data_folder

DAY = ["--as-of", "2026-11-22"]
FACTS = ["--video-fps", "24", "--video-duration", "20", "--audio-duration", "20"]
JOB = ["lip-sync", "--video", "https://x.example/v.mp4", "--audio", "https://x.example/a.mp3"]
JOB += ["--end", "10", "--mode", "pro", "--offline", *FACTS, *DAY]

COLUMNS = (
    "endpoint,video,audio,end_seconds,mode,video_fps,video_duration_seconds,audio_duration_seconds"
)
TABLE = f"{COLUMNS}\nlip-sync,v.mp4,a.mp3,10,pro,24,20,20\nlip-sync,v.mp4,a.mp3,10,lite,24,20,20\n"


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def call(*arguments: str | Path) -> Ended:
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return call


# ---------------------------------------------------------------- rates of one's own


def test_every_answer_that_a_file_changed_names_it_and_no_other(cli: Any) -> None:
    Path("mine.toml").write_text(OWN)
    Path("plans.toml").write_text(
        'overrides = "plans"\n[sources.deal]\nrank = "own"\ndate = 2026-10-01\nwhat = "a deal"\n'
        "[[longest_edges]]\nplan = 'free'\nvalue = 640\nfrom = 2026-11-01\nsources = ['deal']\n"
    )
    before = cli("estimate", *JOB, "--json").json
    answer = cli("estimate", *JOB, "--rates", "mine.toml", "--json").json
    assert (before["settled"]["credits"], answer["settled"]["credits"]) == (480, 360)
    assert answer["rate"]["card_version"] == before["rate"]["card_version"] + "+mine.toml"
    assert answer["rate"]["sources"] == [
        {"rank": "own", "date": "2026-10-01", "what": "our contract", "where": None}
    ]
    assert [each["code"] for each in answer["findings"] if each["code"] == "own-rate"]
    both = cli("estimate", *JOB, "--rates", "mine.toml", "--rates", "plans.toml", "--json").json
    assert both["rate"]["card_version"].endswith("+mine.toml+plans.toml")
    text = cli("estimate", *JOB, "--rates", "mine.toml").out
    assert "own of 2026-10-01; checked 2026" in text
    assert "i own-rate" in text
    other = cli("rates", "ai-talking-photo", "--rates", "mine.toml", "--json").json
    assert other["card_version"] == bundled_rates().version


def test_the_rates_shown_name_a_file_of_ones_own(cli: Any) -> None:
    Path("mine.toml").write_text(OWN)
    history = cli("rates", "lip-sync", "--rates", "mine.toml").out
    assert "own 2026-10-01 (mine.toml)" in history
    assert "+mine.toml, checked 2026-" in history
    changed = cli(
        "rates", "--between", "2026-10-30", "2026-12-01", "--rates", "mine.toml", "lip-sync"
    ).out
    assert "2 a frame -> 1.5 a frame" in changed
    assert "1.5 a frame -> 2 a frame" in changed


def test_a_batch_says_which_rates_of_ones_own_it_used(cli: Any) -> None:
    Path("mine.toml").write_text(OWN)
    Path("jobs.csv").write_text(TABLE)
    ended = cli("batch", "jobs.csv", "-o", "out.jsonl", "--rates", "mine.toml", *DAY)
    assert ended.code == 0
    assert "+mine.toml, checked 2026-" in ended.out
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["settled_credits_high"] for row in rows] == [360, 240]
    assert ["own-rate" in row["findings"] for row in rows] == [True, False]


def test_a_file_that_does_not_load_ends_with_2_and_its_name(cli: Any) -> None:
    Path("mine.toml").write_text(OWN.replace('"1.5"', "1.5"))
    for arguments in (["estimate", *JOB], ["rates"], ["batch", "jobs.csv", "-o", "out.csv"]):
        ended = cli(*arguments, "--rates", "mine.toml", "--json")
        assert ended.code == 2
        assert ended.json["error"]["source"] == "mine.toml"
        assert ended.json["error"]["field"] == "rates.0.value"


def test_an_unknown_endpoint_names_the_nearest_wherever_it_is_asked_for(cli: Any) -> None:
    Path("over.toml").write_text(OWN.replace('"lip-sync"', '"lipsync"'))
    Path("policy.toml").write_text("[[rules]]\nendpoint = 'lipsync'\naction = 'deny'\n")
    for arguments in (
        ["estimate", "lipsync"],
        ["rates", "lipsync"],
        ["rates", "--rates", "over.toml"],
        ["schema", "lipsync"],
        ["budget", "set", "--limit", "5", "--endpoint", "lipsync"],
        ["budget", "status", "--policy", "policy.toml"],
    ):
        error = cli(*arguments, "--json").json["error"]
        assert "did you mean lip-sync? `mh-preflight rates` lists all" in error["message"]
        assert len(error["message"]) < 200
    assert cli("schema", "overide").err.count("did you mean override?") == 1


def test_between_two_days_no_other_day_is_taken(cli: Any) -> None:
    ended = cli("rates", "--between", "2026-08-16", "2026-11-01", *DAY, "--json")
    assert (ended.code, ended.json["error"]["field"]) == (2, "as_of")
    assert "--between" in ended.json["error"]["message"]


def test_urls_stay_whole_in_a_pipe(cli: Any) -> None:
    for name, file in bundled_rates().endpoints.items():
        used = cli("rates", name, "--json").json["endpoints"][0]["sources"].values()
        lines = [line.strip() for line in cli("rates", name).out.splitlines()]
        assert {each["where"] for each in used} <= set(lines), file.title
    assert max(map(len, cli("rates").out.splitlines())) <= 100


# ---------------------------------------------------------------- their age


def test_rates_that_are_too_old_give_no_price(cli: Any) -> None:
    checked = bundled_rates().endpoints["lip-sync"].checked
    job = [*JOB, "--as-of", "2028-01-01"]
    ended = cli("estimate", *job, "--max-age", "90", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (5, "rates-too-old")
    assert f"on {checked}" in ended.json["error"]["message"]
    assert "rates-update" in ended.json["error"]["message"]
    assert cli("estimate", *job, "--max-age", "9000").code == 0
    assert cli("estimate", *JOB, "--max-age", "-1").code == 2


def test_a_batch_with_rates_that_are_too_old_ends_with_5(cli: Any) -> None:
    Path("jobs.csv").write_text(TABLE)
    arguments = ["batch", "jobs.csv", "-o", "out.csv", "--as-of", "2028-01-01"]
    assert cli(*arguments, "--max-age", "9000").code == 0
    ended = cli(*arguments, "--max-age", "90", "--max-credits", "1000000", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (5, "rates-too-old")
    assert ended.json["totals"]["errors"] == {"rates-too-old": 2}
    assert ended.json["totals"]["without_bound"] == 2


def test_every_text_says_how_old_the_rates_are(cli: Any) -> None:
    Path("jobs.csv").write_text(TABLE)
    batch = ["batch", "jobs.csv", "-o", "out.csv", *DAY]
    for arguments in (["rates"], ["rates", "lip-sync"], ["rates", *DAY], batch):
        out = cli(*arguments).out
        assert f"rates {bundled_rates().version}, checked 2026-" in out, arguments
        assert " before 2" in out
    assert "; checked 2026-" in cli("estimate", *JOB).out


def test_rates_that_were_checked_after_the_day_say_so(cli: Any) -> None:
    Path("jobs.csv").write_text(TABLE)
    checked = bundled_rates().endpoints["lip-sync"].checked
    past = ["--as-of", "2025-10-01"]
    batch = ["batch", "jobs.csv", "-o", "out.csv", *past]
    for arguments in (["rates", *past], ["rates", "lip-sync", *past], batch):
        out = cli(*arguments).out
        assert f", checked {checked}, after 2025-10-01\n" in out, arguments
        assert "days before" not in out
    same = cli("rates", "lip-sync", "--as-of", str(checked)).out
    assert f", checked {checked}, 0 days before {checked}\n" in same
    answer = cli("estimate", *JOB, *past, "--json").json
    assert answer["rate"]["age_days"] == 0


# ---------------------------------------------------------------- updates


def test_an_update_is_fetched_used_and_taken_back(cli: Any) -> None:
    archive = packed(content(lip_sync=replaced("lip-sync", 'value = "2"', 'value = "7"')))
    before = cli("estimate", *JOB, "--json").json
    with serve({"/rates.zip": file_route(archive)}) as server:
        url = server.url("/rates.zip?key=secret")
        refused = cli("rates-update", url, "--json")
        assert refused.code == 2
        assert "--allow-http" in refused.json["error"]["message"]
        assert server.asked == []
        ended = cli("rates-update", url, "--allow-http")
        assert ended.code == 0
        assert f"in use: rates {NEWER}, checked" in ended.out
        assert len(server.asked) == 1
        answer = cli("estimate", *JOB, "--json").json
        assert answer["rate"]["card_version"] == NEWER
        assert answer["settled"]["credits"] == before["settled"]["credits"] * 7 // 2
        assert NEWER in cli("rates").out
        assert len(server.asked) == 1  # nothing else is ever fetched
    assert cli("rates-update", "--back", "--json").json["card_version"] == bundled_rates().version
    assert cli("estimate", *JOB, "--json").json == before
    assert cli("rates-update", "--back").code == 2


def test_a_server_that_cannot_be_reached_ends_with_3(cli: Any) -> None:
    ended = cli("rates-update", "https://127.0.0.1:9/x.zip?key=secret", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (3, "unreachable")
    assert ended.json["error"]["source"] == "https://127.0.0.1:9/x.zip"
    assert "secret" not in ended.out
    Path("bad.zip").write_bytes(b"no archive")
    bad = cli("rates-update", "bad.zip", "--json")
    assert (bad.code, bad.json["error"]["code"]) == (2, "bad-rate-file")


def test_what_is_said_to_be_in_use_is_what_the_commands_use(cli: Any) -> None:
    bundled = bundled_rates().version
    versions = {"old": "2020.1.1", "same": bundled, "newer": NEWER, "newest": "2099.2.1"}
    for name, version in versions.items():
        Path(f"{name}.zip").write_bytes(packed(content(version)))
    steps = (
        (["old.zip", "--force"], 2, "newer than the bundled ones", bundled),
        (["same.zip"], 0, "nothing is new; in use: .* of the bundled rates", bundled),
        (["newer.zip"], 0, "^in use: .* of this update", NEWER),
        (["newer.zip"], 0, "nothing is new; in use: .* of this update", NEWER),
        (["newest.zip"], 0, "^in use: .* of this update", "2099.2.1"),
        (["newer.zip"], 2, "--force takes them", "2099.2.1"),
        (["--back"], 0, "^in use: .* of an earlier update", NEWER),
        (["--back"], 0, "^in use: .* of the bundled rates", bundled),
    )
    for arguments, code, said, version in steps:
        ended = cli("rates-update", *arguments)
        assert ended.code == code
        assert re.search(said, ended.out + ended.err), arguments
        assert code or f"in use: rates {version}, checked" in ended.out
        assert cli("rates", "--json").json["card_version"] == version
        assert installed_rates().version == version


def test_programs_are_told_whether_anything_is_new(cli: Any) -> None:
    Path("rates.zip").write_bytes(packed(content()))
    for arguments, bundled, changed in (
        (["rates.zip"], False, True),
        (["rates.zip"], False, False),
        (["--back"], True, True),
    ):
        answer = cli("rates-update", *arguments, "--json").json
        assert (answer["bundled"], answer["changed"]) == (bundled, changed)


def test_an_update_from_a_file_goes_with_files_of_ones_own_and_into_batches(cli: Any) -> None:
    Path("rates.zip").write_bytes(packed(content()))
    Path("mine.toml").write_text(OWN)
    Path("jobs.csv").write_text(TABLE)
    assert cli("rates-update", "rates.zip").code == 0
    answer = cli("estimate", *JOB, "--rates", "mine.toml", "--json").json
    assert answer["rate"]["card_version"] == f"{NEWER}+mine.toml"
    assert f"rates {NEWER}, checked" in cli("batch", "jobs.csv", "-o", "out.csv", *DAY).out


def test_a_damaged_update_is_told_of_and_the_bundled_rates_count(cli: Any) -> None:
    Path("rates.zip").write_bytes(packed(content()))
    cli("rates-update", "rates.zip")
    (data_folder() / NEWER / "lip-sync.toml").write_text("")
    ended = cli("estimate", *JOB, "--json")
    assert ended.code == 0
    assert ended.json["rate"]["card_version"] == bundled_rates().version
    assert "the bundled ones count" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.zip", "--back"],
        ["none.zip"],
        ["a.zip", "--timeout", "0"],
        ["a.zip", "--timeout", "nan"],
    ],
)
def test_wrong_usage_ends_with_2_and_changes_nothing(cli: Any, arguments: list[str]) -> None:
    Path("a.zip").write_bytes(packed(content()))
    assert cli("rates-update", *arguments, "--json").code == 2
    assert not data_folder().exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write")
def test_a_folder_that_may_not_be_written_is_told_of(cli: Any, tmp_path: Path) -> None:
    Path("a.zip").write_bytes(packed(content()))
    tmp_path.chmod(0o500)
    try:
        assert cli("rates-update", "a.zip").code == 2
    finally:
        tmp_path.chmod(0o700)


def test_nothing_is_fetched_where_the_user_says_so(cli: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    ended = cli("rates-update", "https://example.com/rates.zip", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "offline")
    assert "no regular file" not in ended.err
    assert cli("rates-update", "nowhere.zip", "--json").json["error"]["code"] != "offline"
