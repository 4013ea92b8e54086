from __future__ import annotations

import os
from pathlib import Path

import pytest

from mh_preflight.budget.sqlite import identity
from mh_preflight.budget.sqlite.identity import file_id


@pytest.fixture(params=["as the system tells it", "by stat"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by stat":
        monkeypatch.setattr(identity, "_statx", lambda: None)


def test_a_file_is_itself_under_each_of_its_names(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    found = os.stat(file)  # noqa: PTH116  what is compared with
    assert file_id(str(file)) == (found.st_dev, found.st_ino, 1)
    (tmp_path / "link").symlink_to(file)
    assert file_id(str(tmp_path / "link")) == file_id(str(file))
    (tmp_path / "other").hardlink_to(file)
    assert file_id(str(tmp_path / "other")) == file_id(str(file))
    assert file_id(str(file)).names == 2


def test_a_file_that_takes_the_place_of_another_is_another(tmp_path: Path) -> None:
    file, new = tmp_path / "ä", tmp_path / "new"
    file.write_text("x")
    new.write_text("x")
    before = file_id(str(file))
    new.replace(file)
    assert file_id(str(file))[:2] != before[:2]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        file_id(str(tmp_path / "none"))
