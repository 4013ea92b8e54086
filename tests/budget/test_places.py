from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import mh_preflight as mh
from mh_preflight.budget import Ledger, LedgerError, find_ledger
from mh_preflight.budget.places import shown_place


def test_a_ledger_lies_where_it_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MH_PREFLIGHT_LEDGER", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    own = find_ledger()
    assert isinstance(own, Path)
    assert own.parent.is_dir()
    assert own.is_relative_to(tmp_path)
    assert own.name == "ledger.sqlite"
    with Ledger() as ledger:
        ledger.reserve("x", "f", 5)
    assert own.exists()
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "")
    assert find_ledger() == own
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "postgresql://db/costs")
    assert find_ledger() == "postgresql://db/costs"
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", str(tmp_path / "b"))
    assert find_ledger() == tmp_path / "b"
    assert find_ledger(tmp_path / "c") == tmp_path / "c"
    assert find_ledger("postgres://db/costs") == "postgres://db/costs"
    assert find_ledger("~/x") == Path.home() / "x"


@pytest.mark.parametrize("wrong", ["", ":memory:", "nul\0", "mysql://db/costs", b"bytes", 7, True])
def test_what_is_no_place_is_refused(wrong: Any) -> None:
    with pytest.raises(mh.InputError, match=r"where: .*postgresql://"):
        Ledger(wrong)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MH_PREFLIGHT_LEDGER", "mysql://ann:secret@db/costs")
    with pytest.raises(mh.InputError, match="MH_PREFLIGHT_LEDGER: 'mysql://ann@db/costs'"):
        Ledger()


def test_a_user_without_a_folder_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MH_PREFLIGHT_LEDGER", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(Path(os.devnull, "none")))
    monkeypatch.setenv("LOCALAPPDATA", str(Path(os.devnull, "none")))
    monkeypatch.setattr(Path, "home", lambda: Path(os.devnull, "none"))
    with pytest.raises(LedgerError, match="MH_PREFLIGHT_LEDGER can name another") as caught:
        Ledger()
    assert caught.value.code == "unwritable"


def test_no_place_shows_a_password() -> None:
    for place in (
        "postgresql://ann:secret@db/costs",
        "postgresql://ann:secret@[bad/costs",
        "postgresql://ann@db/costs?password=secret",
    ):
        assert "secret" not in shown_place(place)


@pytest.mark.parametrize("wait", [-1, float("nan"), "soon", True])
def test_a_wait_is_a_time(tmp_path: Path, wait: Any) -> None:
    with pytest.raises(mh.InputError, match="wait_seconds"):
        Ledger(tmp_path / "x", wait_seconds=wait)
