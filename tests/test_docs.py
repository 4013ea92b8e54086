"""The documents say what the code does: examples run, commands print what is shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mh_preflight.checks import CODES
from mh_preflight.cli.app import run
from mh_preflight.estimate import REASONS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (document.name, code)
        for document in DOCUMENTS
        for kind, code in FENCE.findall(document.read_text(encoding="utf-8"))
        if kind == language
    ]


@pytest.mark.parametrize(("name", "code"), blocks("python"))
def test_the_examples_run(
    name: str, code: str, own_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_samples)
    exec(compile(code, name, "exec"), {})  # noqa: S102  the document's own example


@pytest.mark.parametrize(("name", "session"), blocks("console"))
def test_the_commands_print_what_is_shown(
    name: str,
    session: str,
    own_samples: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(own_samples)
    command, _, expected = session.partition("\n")
    assert command.startswith("$ mh-preflight ")
    assert run(shlex.split(command)[2:]) == 0
    assert capfd.readouterr().out.strip() == expected.strip()


def test_there_are_examples_to_run() -> None:
    assert blocks("python")
    assert blocks("console")


def test_every_finding_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z0-9-]+)` ", text, re.MULTILINE) == list(CODES)


def test_every_reason_of_a_range_is_explained() -> None:
    text = (ROOT / "docs" / "estimation.md").read_text(encoding="utf-8")
    assert [code for code in REASONS if f"`{code}`" not in text] == []


def test_the_changelog_names_the_version_of_the_rates() -> None:
    card = tomllib.loads((ROOT / "mh_preflight/rates/data/card.toml").read_text())
    assert f"### {card['version']}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_the_page_of_endpoints_is_what_the_rates_say() -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "docs" / "coverage.py"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8"), (
        "run: python docs/coverage.py > docs/endpoints.md"
    )
