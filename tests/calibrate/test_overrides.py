from __future__ import annotations

import errno
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from settling import CHARGES, calibrated, full, project

from mh_preflight.calibrate import Calibration, write_overrides
from mh_preflight.errors import InputError
from mh_preflight.rates import bundled_rates


def moved() -> Calibration:
    return calibrated(
        full("lip-sync", created_at="2026-11-01T00:00:00Z", credits_charged=190),
        full("lip-sync", id="b", created_at="2026-11-02T00:00:00Z", credits_charged=190),
    )


def test_what_is_written_explains_the_charges(tmp_path: Path) -> None:
    (file,) = write_overrides(moved(), tmp_path / "own.toml")
    card = bundled_rates().with_file(file)
    again = calibrated(
        full("lip-sync", created_at="2026-11-01T00:00:00Z", credits_charged=190), rates=card
    )
    assert again.records[0].verdict == "exact"
    assert again.records[0].explanations[0].sources[0].rank == "own"
    assert write_overrides(again, tmp_path / "more.toml") == ()
    assert not (tmp_path / "more.toml").exists()
    before = calibrated(full("lip-sync"), rates=card)
    assert before.records[0].verdict == "exact"


def test_a_file_is_replaced_only_by_force_and_nothing_is_left_beside(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_overrides(moved(), file)
    assert file.read_text() == "mine"
    write_overrides(moved(), file, force=True)
    assert "overrides" in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["own.toml"]


def test_several_endpoints_go_to_a_folder(tmp_path: Path) -> None:
    found = calibrated(project(credits_charged=144), full("video-to-video", credits_charged=301))
    files = write_overrides(found, tmp_path / "rates")
    assert [path.name for path in files] == ["face-swap.toml", "video-to-video.toml"]
    card = bundled_rates().with_file(files[0]).with_file(files[1])
    assert calibrated(project(credits_charged=144), rates=card).records[0].verdict == "exact"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be a folder"):
        write_overrides(found, tmp_path / "file", force=True)


def test_one_endpoint_may_go_to_a_folder_too(tmp_path: Path) -> None:
    (file,) = write_overrides(moved(), tmp_path)
    assert file == tmp_path / "lip-sync.toml"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_overrides(moved(), tmp_path / "file" / "own.toml")


def test_of_several_files_none_is_written_where_one_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = calibrated(project(credits_charged=144), full("video-to-video", credits_charged=301))
    opened = Path.open

    def full_disk(path: Path, *arguments: Any, **more: Any) -> Any:
        if path.name.startswith(".video-to-video"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", full_disk)
    with pytest.raises(InputError, match=r"video-to-video\.toml: cannot be written: No space"):
        write_overrides(found, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_rate_that_was_not_known_can_be_written(tmp_path: Path) -> None:
    record = full(
        "ai-video-editor",
        request={"model": "ltx-2.5"},
        created_at="2026-10-01T00:00:00Z",
        credits_charged=150,
    )
    (file,) = write_overrides(calibrated(record), tmp_path / "own.toml")
    again = calibrated(record, rates=bundled_rates().with_file(file))
    assert again.records[0].verdict == "exact"
    assert again.records[0].explanations[0].value == Fraction(30)


def test_confirmed_rates_are_not_written(tmp_path: Path) -> None:
    found = calibrated(*(each for each in CHARGES if each["endpoint"] == "face-swap"))
    assert write_overrides(found, tmp_path / "own.toml") == ()


def test_files_of_the_same_endpoint_and_day_go_together(tmp_path: Path) -> None:
    first = full("ai-video-editor", credits_charged=190)
    other = full("ai-video-editor", request={"resolution": "480p"}, credits_charged=95)
    card = bundled_rates()
    for number, record in enumerate((first, other)):
        (file,) = write_overrides(calibrated(record), tmp_path / f"{number}.toml")
        card = card.with_file(file)
    for record in (first, other):
        assert calibrated(record, rates=card).records[0].verdict == "exact"


def test_a_job_that_cost_nothing_is_no_rate_of_nothing(tmp_path: Path) -> None:
    paid = full("lip-sync", created_at="2026-11-20T00:00:00Z", credits_charged=95)
    free = full("lip-sync", id="b", created_at="2026-11-21T00:00:00Z", credits_charged=0)
    for records in ((paid, free), (free,)):
        found = calibrated(*records)
        assert found.groups[0].below == 1
        assert not any(group.writable for group in found.groups)
        assert write_overrides(found, tmp_path / "own.toml") == ()


def voice(day: str, credits: int) -> Any:
    return full(
        "ai-voice-generator",
        request={"style": {"prompt": "a" * 1000, "voice_name": "Elon Musk"}},
        created_at=f"{day}T00:00:00Z",
        credits_charged=credits,
    )


def test_a_rate_of_the_past_ends_where_the_rate_card_has_another(tmp_path: Path) -> None:
    found = calibrated(voice("2026-03-20", 40))
    assert found.groups[0].implied is not None
    assert found.groups[0].implied.ends == date(2026, 8, 16)
    (file,) = write_overrides(found, tmp_path / "own.toml")
    card = bundled_rates().with_file(file)
    for day, value in ((date(2026, 8, 15), "0.04"), (date(2026, 8, 16), "0.1")):
        rate = card.endpoint("ai-voice-generator", day).rate(None, None, None)
        assert rate.value == Fraction(value)


def test_a_rate_of_a_time_without_a_known_one_ends_too(tmp_path: Path) -> None:
    (file,) = write_overrides(calibrated(voice("2025-12-01", 40)), tmp_path / "own.toml")
    assert "from = 2025-12-01\nuntil = 2026-01-24\n" in file.read_text()


def test_what_the_rate_card_would_not_take_is_left_out_and_said(tmp_path: Path) -> None:
    def swapped(size: str, identity: str) -> Any:
        return {
            "endpoint": "body-swap",
            "request": {
                "assets": {"person_file_path": "p.png", "scene_file_path": "s.png"},
                "resolution": size,
            },
            "project": {
                "id": identity,
                "type": "BODY_SWAP",
                "status": "complete",
                "created_at": "2026-11-20T00:00:00Z",
                "credits_charged": 70,
            },
        }

    found = calibrated(swapped("8k", "a"), swapped("2k", "b"))
    left, taken = sorted(found.groups, key=lambda group: group.writable)
    assert left.refused == "rates, entry 1: there is no size '8k'"
    assert (taken.writable, taken.ran.size) == (True, "2k")
    (file,) = write_overrides(found, tmp_path / "own.toml")
    rate = bundled_rates().with_file(file).endpoint("body-swap", date(2026, 11, 20))
    assert rate.rate(None, None, "2k").value == 70
