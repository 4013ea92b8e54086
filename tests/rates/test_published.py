from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from rates import publish
from rates.publish import PUBLISHED, REMEDY, changes_of, digests_of, files_of, published

from mh_preflight.rates import bundled_rates, read_file
from mh_preflight.rates.folder import DATA, version_key

LAST = date(2026, 11, 24)


def changes(
    tmp_path: Path, *edits: tuple[str, str], more: str = "", last: date = LAST
) -> list[str]:
    """Publish the rates of Lip Sync, edit them, and tell what is no longer as it was."""
    text = (DATA / "lip-sync.toml").read_text(encoding="utf-8")
    known = {"lip-sync": digests_of(read_file(DATA / "lip-sync.toml"), last)}
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "lip-sync.toml"
    path.write_text(text + more, encoding="utf-8")
    return list(changes_of(known, {"lip-sync": read_file(path)}, last))


PRO = 'mode = "pro"\nunit = "frame"\nvalue = "2"\nfrom = 2025-09-20\n'
SAID = 'sources = ["sdk-0-90-0", "sdk-modes"]\n'
NEXT = '\n[[rates]]\nmode = "pro"\nunit = "frame"\nvalue = "3"\n'


def test_what_was_published_of_the_past_has_not_changed() -> None:
    _, until, known = published()
    found = list(changes_of(known, files_of(bundled_rates()), until))
    assert not found, "\n".join([*found, REMEDY])


def test_the_published_version_is_not_newer_than_the_rates() -> None:
    version, until, known = published()
    assert version_key(version) <= version_key(bundled_rates().version)
    assert "plans" in known
    assert all(day <= until for days in known.values() for day in days)


def test_the_remedy_names_what_there_is() -> None:
    root = PUBLISHED.parents[2]
    assert (root / "mh_preflight/rates/data/card.toml").exists()
    assert "## Rates" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert tomllib.loads((DATA / "card.toml").read_text())["version"] == bundled_rates().version


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        (PRO, PRO.replace('"2"', '"3"'), date(2025, 9, 20)),
        (PRO, PRO.replace("frame", "frame").replace("2025-09-20", "2025-09-21"), date(2025, 9, 20)),
        (PRO + SAID, PRO + 'sources = ["sdk-modes", "sdk-0-90-0"]\n', date(2025, 9, 20)),
        ("value = 20000", "value = 20001", date(2024, 11, 23)),
        ('shorter_side = "even-up"\n', 'shorter_side = "even-down"\n', date(2025, 4, 20)),
        ('inferred = "one real job: 568.9 became 570"\n', "", date(2025, 4, 20)),
        ("from = 2024-02-14", "from = 2024-02-01", date(2024, 2, 1)),
        ("from = 2024-02-14", "from = 2024-02-15", date(2024, 2, 14)),
        (
            'name = "style"\nfrom = 2025-09-20',
            'name = "style"\nfrom = 2025-10-01',
            date(2025, 9, 20),
        ),
    ],
)
def test_a_change_of_the_past_is_found(tmp_path: Path, old: str, new: str, first: date) -> None:
    if "2025-09-21" in new:  # a day without any rate would be no sound file
        new += SAID + NEXT.replace('"3"', '"5"') + "from = 2025-09-20\nuntil = 2025-09-21\n"
    assert changes(tmp_path, (old, new))[0] == (
        f"lip-sync: what holds on {first} is not what was published"
    )


def test_a_change_between_two_published_days_is_found(tmp_path: Path) -> None:
    old = (
        PRO
        + "until = 2026-07-01\n"
        + SAID
        + NEXT
        + "from = 2026-07-01\nuntil = 2026-07-03\n"
        + SAID
    )
    back = PRO.replace("2025-09-20", "2026-07-03")
    found = changes(tmp_path, (PRO + SAID, f"{old}\n[[rates]]\n{back}{SAID}"))
    assert found[0] == "lip-sync: what holds on 2026-07-01 is not what was published"


def test_what_comes_later_and_other_words_are_no_change(tmp_path: Path) -> None:
    later = LAST + timedelta(days=1)
    ended = (PRO + SAID, f"{PRO}until = {later}\n{SAID}")
    assert changes(tmp_path, ended, more=f"{NEXT}from = {later}\n{SAID}") == []
    words = ('note = "of the web app; the API\'s own is not stated"', 'note = "other words"')
    assert (
        changes(
            tmp_path, words, ("one real job:", "a real job:"), ("checked = 2026", "checked = 2027")
        )
        == []
    )


def test_what_vanishes_is_found_and_what_is_new_is_not() -> None:
    files = files_of(bundled_rates())
    known = {name: digests_of(file, LAST) for name, file in files.items()}
    gone = {name: file for name, file in files.items() if name != "lip-sync"}
    assert list(changes_of(known, gone, LAST)) == ["lip-sync: is gone"]
    del known["lip-sync"]
    assert list(changes_of(known, files, LAST)) == []


def test_the_past_is_published_again_only_for_a_higher_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "published.json"
    monkeypatch.setattr(publish, "PUBLISHED", path)
    assert publish.main(["2026-11-24"]) == 0
    assert publish.main(["2026-11-25"]) == 0  # nothing of the past has changed
    wrong = path.read_text().replace('"until": "2026-11-25"', '"until": "2027-11-25"')
    path.write_text(wrong)
    assert publish.main(["2026-11-25"]) == 1
    assert REMEDY in capsys.readouterr().err
    assert path.read_text() == wrong
    path.write_text(wrong.replace(bundled_rates().version, "2020.1.1"))
    assert publish.main(["2026-11-25"]) == 0
    path.write_text(wrong)
    assert publish.main(["2026-11-25", "--force"]) == 0
    assert '"until": "2026-11-25"' in path.read_text()
