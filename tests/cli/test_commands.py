"""The command line as a person and as a program use it: output, errors and exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from making import Clip, make_sound, make_video

from mh_preflight.cli.app import run
from mh_preflight.rates.loading import MOST_BYTES

DAY = ["--as-of", "2026-11-22"]


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

    def call(*arguments: str | Path) -> Ended:
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make_video(folder / "v60.mp4", Clip(frames=900, rate=Clip().rate * 2, size=(32, 32)))
    make_video(folder / "v24.mp4", Clip(frames=240, rate=Clip().rate * 4 / 5, size=(32, 32)))
    make_sound(folder / "a15.wav", 15, "pcm_s16le", rate=8000)
    make_sound(folder / "a8.wav", 8, "pcm_s16le", rate=8000)
    shutil.copy(Path(__file__), folder / "text.mp4")
    (folder / "empty.mp4").touch()
    return folder


def lip(
    files: Path, *more: str | Path, video: str = "v60.mp4", audio: str = "a15.wav"
) -> list[Any]:
    known = ["--video", files / video, "--audio", files / audio, *DAY]
    return ["estimate", "lip-sync", *known, *more]


# ---------------------------------------------------------------------------------- estimate


def test_a_real_sixty_frames_file_with_limit_twelve(cli: Any, files: Path) -> None:
    ended = cli(*lip(files, "--start", "0", "--end", "15", "--max-fps-limit", "12", "--json"))
    assert ended.code == 0
    assert ended.json["queued"]["credits"] == 450
    assert ended.json["settled"]["credits"] == 180


def test_a_real_sixty_frames_file_without_limit(cli: Any, files: Path) -> None:
    answer = cli(*lip(files, "--start", "0", "--end", "15", "--json")).json
    assert (answer["queued"]["credits"], answer["settled"]["credits"]) == (450, 900)
    assert "fps-above-30" in [finding["code"] for finding in answer["findings"]]


def test_the_end_is_that_of_the_shorter_file_and_is_shown(cli: Any, files: Path) -> None:
    assert cli(*lip(files, "--json")).json["window"]["end_seconds"] == 15
    shorter = lip(files, "--json", video="v24.mp4", audio="a8.wav")
    assert cli(*shorter).json["window"]["end_seconds"] == 8
    assert "0 to 8 s" in cli(*shorter[:-1]).out


def test_talking_photo_ends_with_its_audio(cli: Any, files: Path, samples_folder: Path) -> None:
    portrait = samples_folder / "portrait.png"
    known = ["--image", portrait, "--audio", files / "a8.wav", *DAY, "--plan", "creator"]
    answer = cli("estimate", "ai-talking-photo", *known, "--json").json
    assert answer["settled"]["credits"] == 384
    assert answer["plan"] == "creator"


def test_a_request_body_is_taken_as_it_is(cli: Any, files: Path, tmp_path: Path) -> None:
    assets = {
        "video_source": "file",
        "video_file_path": str(files / "v24.mp4"),
        "audio_file_path": "https://example.com/line.mp3",
    }
    body = {"assets": assets, "start_seconds": 0, "end_seconds": 5, "max_fps_limit": 11.9}
    (tmp_path / "body.json").write_text(json.dumps(body))
    ended = cli("estimate", "lip-sync", "--request", "body.json", "--json", *DAY)
    assert ended.json["settled"]["credits"] == 60
    assert "not-probed" in [finding["code"] for finding in ended.json["findings"]]
    both = cli("estimate", "lip-sync", "--request", "body.json", "--end", "5")
    assert both.code == 2
    missing = cli("estimate", "lip-sync", "--request", "missing.json", "--json")
    assert (missing.code, "cannot be read" in missing.json["error"]["message"]) == (2, True)


@pytest.mark.timeout(30)
def test_a_request_body_is_a_small_regular_file(cli: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.json").write_bytes(b" " * 2_000_000)
    for name, reason in (
        ("pipe", "cannot be read: it is no regular file"),
        ("/dev/zero", "cannot be read: it is no regular file"),
        ("large.json", "is larger than 1,000,000 bytes"),
    ):
        ended = cli("estimate", "lip-sync", "--request", name, "--json")
        assert ended.code == 2
        assert ended.json["error"]["message"] == f"--request: {name!r} {reason}"


def test_the_mode_goes_to_the_field_of_the_tool(cli: Any) -> None:
    files = ["--video", "https://example.com/v.mp4", "--image", "https://example.com/i.png"]
    facts = ["--video-fps", "24", "--video-duration", "9"]
    base = ["--end", "5", "--plan", "creator", "--offline", "--json", *DAY]
    for endpoint, taken in (("character-replace", "animate"), ("face-swap", None)):
        command = ["estimate", endpoint, *files, *facts, *base]
        wrong = cli(*command, "--mode", "x")
        assert (wrong.code, wrong.json["error"]["message"].partition(" ")[0]) == (2, "--mode:")
        if taken is not None:
            assert cli(*command, "--mode", taken).json["hold"]["credits"]


def test_facts_of_files_that_are_not_here_are_given(cli: Any) -> None:
    base = ["estimate", "lip-sync", "--youtube", "https://youtu.be/x", *DAY, "--json"]
    base += ["--audio", "https://example.com/line.mp3"]
    facts = ["--video-fps", "30000/1001", "--video-duration", "20", "--audio-duration", "10"]
    answer = cli(*base, *facts).json
    assert (answer["fps"]["source"], answer["settled"]["credits"]) == ("30000/1001", 300)
    lost = cli(*base)
    assert (lost.code, lost.json["error"]["field"]) == (2, "end_seconds")
    unknown = cli(*base, "--end", "10").json
    assert (unknown["settled"]["kind"], unknown["hold"]["credits"]) == ("unknown", None)


def test_over_the_limit_the_numbers_come_first_and_the_code_is_four(cli: Any, files: Path) -> None:
    ended = cli(*lip(files, "--max-credits", "500"))
    assert ended.code == 4
    assert "900" in ended.out
    assert "What would fit" in ended.out
    assert "--max-credits allows 500" in ended.err
    answer = cli(*lip(files, "--max-usd", "0.5", "--plan", "creator", "--json"))
    assert (answer.code, answer.json["error"]["code"]) == (4, "over-limit")
    assert cli(*lip(files, "--max-credits", "900")).code == 0


def test_an_error_finding_ends_with_three_even_over_a_limit(cli: Any, files: Path) -> None:
    paid = lip(files, "--mode", "pro", "--plan", "free")
    ended = cli(*paid, "--json")
    assert ended.code == 3
    assert ended.json["findings"][0]["code"] == "mode-needs-paid-plan"
    assert ended.json["error"]["code"] == "findings"
    assert cli(*paid, "--max-credits", "1").code == 3
    assert cli(*lip(files, "--strict")).code == 3


def test_an_unknown_rate_ends_with_five_before_all_else(cli: Any, files: Path) -> None:
    ended = cli(*lip(files, "--end", "5", "--as-of", "2024-01-01", "--json"))
    assert (ended.code, ended.json["error"]["code"]) == (5, "unknown-rate")
    missing = ["--image", "no.png", "--audio", "no.mp3", "--end", "5", "--as-of", "2026-08-01"]
    assert cli("estimate", "ai-talking-photo", *missing).code == 5


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        (["--start", "nan"], 2, "start_seconds"),
        (["--start", "-1"], 2, "start_seconds"),
        (["--end", "1e30"], 2, "end_seconds"),
        (["--end", "0"], 2, "end_seconds"),
        (["--end", "soon"], 2, "end"),
        (["--end", "1_0"], 2, "end"),
        (["--start", "99"], 2, "start_seconds"),
        (["--youtube", "https://youtu.be/x"], 2, "assets.youtube_url"),
        (["--max-fps-limit", "0"], 2, "max_fps_limit"),
        (["--mode", "ultra"], 2, "style.generation_mode"),
        (["--height", "0"], 2, "height"),
        (["--image", "a.png"], 2, "assets.image_file_path"),
        (["--video-fps", "0"], 2, "video_fps"),
        (["--video-fps", "nan"], 2, "video_fps"),
        (["--plan", "gold"], 2, "plan"),
        (["--as-of", "today"], 2, "as_of"),
        (["--as-of", "2026-W47-7"], 2, "as_of"),
        (["--usd", "weekly"], 2, "usd"),
        (["--max-usd", "nan"], 2, "max_usd"),
        (["--max-credits", "-1"], 2, "max_credits"),
        (["--max-credits", "many"], 2, None),
        (["--no-such-option"], 2, None),
    ],
)
def test_wrong_usage_is_one_error_that_names_its_field(
    cli: Any, files: Path, more: list[str], code: int, field: str | None
) -> None:
    ended = cli(*lip(files, *more, "--json"))
    assert (ended.code, ended.json["error"]["field"]) == (code, field)
    people = cli(*lip(files, *more))
    assert (people.code, people.out) == (code, "")
    assert people.err


def test_facts_that_are_stated_stand_for_files_that_are_not_there(cli: Any) -> None:
    gone = ["estimate", "lip-sync", "--video", "lost.mp4", "--audio", "lost.wav", *DAY]
    stated = ["--video-fps", "25", "--video-duration", "10", "--audio-duration", "10"]
    ended = cli(*gone, *stated, "--json")
    assert (ended.code, ended.json["settled"]["credits"]) == (0, 250)
    assert cli(*gone, *stated[:2], "--json").json["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    ("video", "more", "why"),
    [
        ("https://example.com/x.mp4", ["--offline"], "'https://example.com/x.mp4' was not read"),
        ("http://127.0.0.1:9/x.mp4", ["--allow-http"], "--allow-private"),
    ],
)
def test_why_the_length_is_not_known_is_said(
    cli: Any, samples_folder: Path, tmp_path: Path, video: str, more: list[str], why: str
) -> None:
    for name in ("portrait.png", "voice.wav"):
        shutil.copy(samples_folder / name, tmp_path / name)
    ended = cli("estimate", "lip-sync", "--video", video, "--audio", "voice.wav", *more, *DAY)
    assert ended.code == 2
    assert "--end: is needed, because the length of the video is not known: " in ended.err
    assert why in " ".join(ended.err.split())


def test_a_file_of_another_kind_is_said_to_be_one(cli: Any, samples_folder: Path) -> None:
    for video, audio, said in (
        ("portrait.png", "voice.wav", "'portrait.png' is a still picture: give a video file"),
        ("voice.wav", "clip.mp4", "'voice.wav' is sound alone: give a video file"),
    ):
        given = ["--video", samples_folder / video, "--audio", samples_folder / audio]
        ended = cli("estimate", "lip-sync", *given, *DAY)
        assert ended.code == 3
        assert said in ended.err.replace(f"{samples_folder}/", "")
        error = cli("estimate", "lip-sync", *given, *DAY, "--json").json["error"]
        assert (error["code"], error["field"]) == ("other-kind", "assets.video_file_path")


def test_a_request_comes_from_stdin_too(
    cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = b'{"end_seconds": 5, "style": {"prompt": "a fox"}, "model": "ltx-2.5"}'
    for text, code in ((body, 0), (b"", 2), (b" " * (MOST_BYTES + 1), 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        asked = cli("estimate", "text-to-video", "--request", "-", "--plan", "pro", *DAY, "--json")
        assert asked.code == code
    monkeypatch.setattr("sys.stdin", None)
    assert "there is no stdin" in cli("estimate", "text-to-video", "--request", "-").err


def test_a_body_with_a_key_twice_or_a_misspelt_one_says_which(cli: Any, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    for text, said in (
        ('{"end_seconds": 5, "end_seconds": 6}', "end_seconds: stands twice in the request body"),
        (
            '{"end_secnds": 5, "style": {"prompt": "a"}}',
            "end_secnds: text-to-video has no such field: did you mean end_seconds?",
        ),
        (
            '{"end_seconds": 5, "style": {"promt": "a"}, "a\\nb": 1}',
            "style.promt: text-to-video has no such field: did you mean prompt? (and a\\nb)",
        ),
        (
            '{"style": {}}',
            "end_seconds: is required (and style.prompt)",
        ),
        (
            '{"end_secnds": 5, "end_seconds": "x", "style": {"prompt": "a"}}',
            "did you mean end_seconds?; end_seconds: must be a number",
        ),
    ):
        body.write_text(text)
        ended = cli("estimate", "text-to-video", "--request", body)
        assert ended.code == 2
        assert ended.err.strip().endswith(said)


def test_a_stated_fact_that_a_file_contradicts_counts_and_is_told_of(cli: Any, files: Path) -> None:
    fine = cli(*lip(files, "--video-fps", "60", "--json"))
    assert (fine.code, fine.err) == (0, "")
    ended = cli(*lip(files, "--video-fps", "12", "--audio-duration", "1", "--json"))
    assert ended.json["fps"]["source"] == "12"
    told = ended.err.splitlines()
    assert re.fullmatch(r"mh-preflight: --video-fps 12 counts, and '.*' has 60", told[0])
    assert re.fullmatch(r"mh-preflight: --audio-duration 1 counts, and '.*' has \S+", told[1])


def test_no_flag_shows_a_type(cli: Any) -> None:
    for command in ([], ["estimate"], ["batch"], ["budget", "set"]):
        assert "<bool>" not in cli(*command, "--help").out


def test_an_error_finding_is_told_on_stderr_too(cli: Any, files: Path) -> None:
    ended = cli(*lip(files, "--strict"))
    assert (ended.code, ended.out != "") == (3, True)
    assert ended.err.startswith("mh-preflight: ")


def test_all_that_is_missing_is_named_with_the_way_to_give_it(cli: Any, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    ended = cli("estimate", "ai-image-generator", "--request", body)
    assert (ended.code, ended.err) == (2, "mh-preflight: image_count: is required (and style)\n")
    ended = cli("estimate", "text-to-video", "--end", "5")
    assert "style: is required; --request takes the whole body, as JSON" in ended.err
    body.write_text("{")
    assert f"--request: {str(body)!r}: the request body is no JSON" in " ".join(
        cli("estimate", "lip-sync", "--request", body).err.split()
    )


def test_a_policy_that_is_not_sound_gives_no_plan(cli: Any, files: Path, tmp_path: Path) -> None:
    (tmp_path / "mh-preflight.toml").write_text('plan = "pro"\npln = "creator"\n')
    ended = cli(*lip(files, "--end", "5"))
    assert (ended.code, ended.out) == (2, "")
    assert "mh-preflight.toml: pln is not known" in ended.err
    assert cli(*lip(files, "--end", "5", "--plan", "pro")).code == 0


def test_a_saving_shows_every_field_to_change(cli: Any, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    asked = {"assets": {"image_file_path": "api-assets/id/a.png"}, "end_seconds": 5}
    body.write_text(json.dumps(asked))
    ended = cli("estimate", "image-to-video", "--request", body, "--plan", "creator", *DAY)
    assert "model = ltx-2.5, resolution = 480p  settles at 120, saves 120" in ended.out


def test_dollars_of_each_plan_are_those_of_what_it_runs(cli: Any, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    asked = {"assets": {"image_file_path": "api-assets/id/a.png"}, "end_seconds": 5}
    body.write_text(json.dumps(asked))
    ask = ["estimate", "image-to-video", "--request", body, "--json", *DAY]
    every = cli(*ask).json
    assert every["hold"]["credits"] == 240
    for plan in ("creator", "pro", "business"):
        assert every["usd_by_plan"][plan] == cli(*ask, "--plan", plan).json["usd"]


@pytest.mark.parametrize("rate", ["1000", "1/1000"])
def test_odd_frame_rates_are_counted(cli: Any, files: Path, rate: str) -> None:
    answer = cli(*lip(files, "--end", "1.5", "--video-fps", rate, "--json")).json
    assert answer["settled"]["credits"] == (1500 if rate == "1000" else 1)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.mp4", "not-found"),
        (".", "not-a-file"),
        ("empty.mp4", "empty"),
        ("text.mp4", "unreadable"),
    ],
)
def test_a_bad_file_ends_with_three_and_is_named(
    cli: Any, files: Path, name: str, code: str
) -> None:
    ended = cli(*lip(files, "--end", "5", "--json", video=name))
    assert ended.code == 3
    error = ended.json["error"]
    assert (error["code"], error["field"]) == (code, "assets.video_file_path")
    assert error["source"] == str(files / name)


def test_the_wrong_kind_of_file_is_an_error_finding(
    cli: Any, files: Path, samples_folder: Path
) -> None:
    still = cli(*lip(files, "--end", "5", "--json", video=str(samples_folder / "portrait.png")))
    sound = cli(*lip(files, "--end", "5", "--json", video="a8.wav"))
    silent = cli(*lip(files, "--end", "5", "--json", audio="v24.mp4"))
    told = cli(*lip(files, "--end", "5", "--json", "--video-fps", "30", video="a8.wav"))
    assert told.code == 3
    assert "no-video-track" in [finding["code"] for finding in told.json["findings"]]
    told = cli(*lip(files, "--end", "5", "--json", "--audio-duration", "9", audio="v24.mp4"))
    assert "no-audio-track" in [finding["code"] for finding in told.json["findings"]]
    for ended, code in (
        (still, "no-video-track"),
        (sound, "no-video-track"),
        (silent, "no-audio-track"),
    ):
        assert ended.code == 3
        assert code in [finding["code"] for finding in ended.json["findings"]]


def test_a_name_with_line_breaks_is_shown_on_one_line(cli: Any, files: Path) -> None:
    ended = cli(*lip(files, "--end", "5", video="two\nlines.mp4"))
    assert ended.code == 3
    assert len(ended.err.splitlines()) == 1


def test_the_plan_comes_from_the_environment_or_a_file(
    cli: Any, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli(*lip(files, "--json")).json["plan"] is None
    (tmp_path / "mh-preflight.toml").write_text('plan = "pro"\n')
    assert cli(*lip(files, "--json")).json["plan"] == "pro"
    monkeypatch.setenv("MH_PREFLIGHT_PLAN", "creator")
    assert cli(*lip(files, "--json")).json["plan"] == "creator"
    assert cli(*lip(files, "--json", "--plan", "business")).json["plan"] == "business"
    monkeypatch.setenv("MH_PREFLIGHT_PLAN", "")
    (tmp_path / "mh-preflight.toml").write_text("plan = ")
    assert cli(*lip(files, "--json")).code == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_working_folder_is_no_obstacle(cli: Any, files: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert cli(*lip(files)).code == 0
    finally:
        tmp_path.chmod(0o700)


# ---------------------------------------------------------------- probe, rates, schema, demo


def test_probe_goes_on_after_a_bad_file_in_the_order_of_its_arguments(
    cli: Any, files: Path
) -> None:
    names = [files / name for name in ("v24.mp4", "empty.mp4", "a8.wav")]
    ended = cli("probe", "--json", *names)
    assert ended.code == 3
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["source"] for line in lines] == [str(name) for name in names]
    assert lines[0]["video"]["fps"] == "24"
    assert lines[0]["error"] is None
    assert lines[1]["error"]["code"] == "empty"
    assert lines[2]["kind"] == "audio"
    assert list(lines[0]) == [
        "source",
        "size_bytes",
        "kind",
        "container",
        "duration_seconds",
        "video",
        "audio",
        "image",
        "learned_from",
        "uncertain",
        "error",
    ]
    people = cli("probe", *names)
    assert (people.code, "fps 24" in people.out) == (3, True)


def test_rates_show_a_day_a_history_and_what_changed(cli: Any) -> None:
    assert "2 a frame" in cli("rates", *DAY).out
    history = cli("rates", "lip-sync", "--json").json["endpoints"][0]
    assert [rate["mode"] for rate in history["rates"]] == ["single", "lite", "standard", "pro"]
    assert history["sources"]
    between = ("--between", "2026-08-16", "2026-11-01", "--json")
    changed = cli("rates", "ai-talking-photo", *between).json["endpoints"]
    assert {rate["from"] for file in changed for rate in file["rates"]} == {
        "2026-08-16",
        "2026-08-23",
    }
    assert cli("rates", "--as-of", "1990-01-01", "--json").code == 5
    assert "nothing changed" in cli("rates", "--between", "2026-11-01", "2026-11-02").out
    assert cli("rates", "no-such-tool", "--json").code == 2
    assert cli("rates", "--between", "2026-08-16", "2026-01-01").code == 2


@pytest.mark.parametrize(
    "of",
    ["estimate", "probe", "error", "lip-sync", "ai-talking-photo", "rates", "plans", "override"],
)
def test_schemas_are_json_schemas(cli: Any, of: str) -> None:
    assert cli("schema", of).json["type"] == "object"


def test_an_unknown_schema_names_the_known(cli: Any) -> None:
    assert "only of estimate, probe, error, rates" in cli("schema", "nothing").err


def test_the_demo_shows_both_jobs_and_leaves_nothing_behind(cli: Any, tmp_path: Path) -> None:
    ended = cli("demo")
    assert ended.code == 0
    for word in ("Lip Sync", "Talking Photo", "queued", "settled", "hold", "US$", "max_fps_limit"):
        assert word in ended.out
    assert list(tmp_path.iterdir()) == []
    answers = cli("demo", "--json", "--keep", "kept").json
    assert [answer["settled"]["credits"] for answer in answers] == [300, 240]
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "clip.mp4",
        "voice.wav",
        "portrait.png",
    }


def test_every_command_helps_with_an_example(cli: Any) -> None:
    assert "Exit codes" in cli("--help").out
    for command in ("demo", "probe", "estimate", "rates", "schema"):
        assert re.search(rf"Example:\s+mh-preflight\s+{command}", cli(command, "--help").out)


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_the_numbers_are_whole_however_narrow_the_terminal(
    files: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout", out)
    assert run([str(argument) for argument in lip(files)]) == 0
    for word in ("queued", "settled", "hold", "450", "900", "creator", "0.90"):
        assert word in out.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(("wish", "colour"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colour_where_it_is_wanted(
    files: Path, wish: dict[str, str], colour: bool
) -> None:
    program = "from mh_preflight.cli import main; main()"
    master, slave = os.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", program, *(str(argument) for argument in lip(files))],
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | wish,
        stdout=slave,
        check=False,
    )
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    assert ended.returncode == 0
    assert bool(re.search(r"\x1b\[(\d+;)*3\d", shown)) == colour


def test_a_pipe_gets_no_colour(cli: Any, files: Path) -> None:
    assert "\x1b" not in cli(*lip(files)).out


def test_names_that_the_terminal_cannot_show_are_escaped_and_json_is_utf8(
    samples_folder: Path, tmp_path: Path
) -> None:
    name = "\u6620\u50cf \U0001f3ac.mp4"
    shutil.copy(samples_folder / "clip.mp4", tmp_path / name)
    program = "from mh_preflight.cli import main; main()"
    surroundings = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    for more, expected in (([], rb"\u6620\u50cf \U0001f3ac.mp4"), (["--json"], name.encode())):
        ended = subprocess.run(
            [sys.executable, "-c", program, "probe", name, *more],
            cwd=tmp_path,
            env=surroundings,
            capture_output=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert expected in ended.stdout


def test_a_name_that_is_no_text_is_written_as_json(
    cli: Any, samples_folder: Path, tmp_path: Path
) -> None:
    name = os.fsdecode(b"bad\xff.mp4")
    try:
        shutil.copy(samples_folder / "clip.mp4", tmp_path / name)
    except OSError:
        pytest.skip("this file system takes no such name")
    assert cli("probe", "--json", name).json["source"] == "bad\\udcff.mp4"
    assert cli("probe", "--json", name + "x").json["error"]["code"] == "not-found"


def test_a_fault_of_ours_is_unexpected_and_json_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("surprise")

    monkeypatch.setattr("mh_preflight.cli.probe.probe_many", broken)
    assert run(["probe", "--json", "a.mp4"]) == 1
    captured = capfd.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "unexpected"
    assert "RuntimeError: surprise" in captured.err


def test_without_the_extra_the_command_says_how_to_install_it() -> None:
    block = "import sys; sys.modules['typer'] = None; from mh_preflight.cli import main; "
    program = f"{block}sys.argv = ['mh-preflight', 'demo'] + {{}}; main()"
    for more, stream in (([], "stderr"), (["--json"], "stdout")):
        ended = subprocess.run(
            [sys.executable, "-c", program.format(more)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 2
        assert "pip install 'mh-preflight[cli]'" in getattr(ended, stream)


# ------------------------------------------------------------------------- how files are read


@pytest.mark.parametrize(
    ("options", "field"),
    [(["--isolation", "some"], "isolation"), (["--timeout", "0"], "timeout")],
)
@pytest.mark.parametrize("command", ["probe", "estimate"])
def test_a_wrong_way_of_reading_is_named(
    cli: Any, files: Path, command: str, options: list[str], field: str
) -> None:
    base = ["probe", files / "v24.mp4"] if command == "probe" else lip(files)
    ended = cli(*base, *options, "--json")
    assert (ended.code, ended.json["error"]["field"]) == (2, field)


def test_a_url_needs_to_be_allowed_where_it_is_not_https_or_not_public(cli: Any) -> None:
    answers = [
        cli("probe", "--json", "http://127.0.0.1:9/a.mp4").json["error"]["code"],
        cli("probe", "--json", "https://127.0.0.1:9/a.mp4").json["error"]["code"],
        cli("probe", "--json", "--allow-private", "https://127.0.0.1:9/a.mp4").json["error"][
            "code"
        ],
    ]
    assert answers == ["bad-url", "address-refused", "network"]


def test_files_are_read_in_this_process_where_that_is_asked_for(cli: Any, files: Path) -> None:
    inside = cli("probe", "--json", "--isolation", "none", files / "v24.mp4")
    assert inside.json == cli("probe", "--json", files / "v24.mp4").json
    assert inside.err == ""


def test_where_no_process_can_be_limited_the_command_says_so(
    cli: Any, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mh_preflight.cli.reading.can_isolate", lambda: False)
    ended = cli("probe", "--json", files / "v24.mp4")
    assert ended.json["video"]["frames"] == 240
    assert "cannot limit a process" in ended.err
    assert cli("probe", "--json", "--isolation", "none", files / "v24.mp4").err == ""


def test_what_was_found_is_remembered_where_that_is_asked_for(
    cli: Any, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    os.utime(files / "v24.mp4", (1e9, 1e9))
    answers = [cli("probe", "--json", "--cache", files / "v24.mp4").json for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(list(tmp_path.rglob("probes.sqlite"))) == (sys.platform == "linux")


def test_offline_no_url_is_read(cli: Any, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mh_preflight.assets.probe_youtube", None)
    base = ["estimate", "lip-sync", "--youtube", "https://youtu.be/x", *DAY, "--json"]
    base += ["--audio", str(files / "a8.wav"), "--end", "5"]
    found = cli(*base, "--offline").json
    assert "was not looked at" in found["findings"][0]["message"]
    monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    assert cli(*base).json == found


@pytest.mark.parametrize("by", ["option", "environment"])
def test_offline_a_url_is_refused_and_what_is_here_is_read(
    cli: Any, files: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "environment":
        monkeypatch.setenv("MH_PREFLIGHT_OFFLINE", "1")
    options = ["--offline"] if by == "option" else []
    url = "https://127.0.0.1:9/clip.mp4?key=secret"
    ended = cli("probe", "--json", *options, url, files / "v24.mp4")
    refused, read = map(json.loads, ended.out.splitlines())
    assert (ended.code, refused["error"]["code"], read["error"]) == (3, "offline", None)
    assert "MH_PREFLIGHT_OFFLINE" in refused["error"]["message"]
    assert "secret" not in refused["error"]["message"]
