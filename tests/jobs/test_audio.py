from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mh_preflight.jobs import Job

Built = Callable[[str, dict[str, Any]], Job]
Refused = Callable[[str, dict[str, Any]], str | None]

MUSIC, SPEAK, CLONE = "ai-music-generator", "ai-voice-generator", "ai-voice-cloner"


@pytest.mark.parametrize("duration", [1, 15, 300, 3600, 20.0])
def test_the_duration_is_the_window(built: Built, duration: float) -> None:
    job = built(MUSIC, {"duration": duration})
    assert job.window == (0, int(duration) * 1_000_000)
    assert job.trimmed is None
    assert job.end_field == "duration"
    assert job.changed({"duration": 7}).window == (0, 7_000_000)


@pytest.mark.parametrize("endpoint", [SPEAK, CLONE])
def test_the_words_are_the_text(built: Built, endpoint: str) -> None:
    job = built(endpoint, {"style.prompt": " Good morning. "})
    assert (job.text_field, job.text) == ("style.prompt", " Good morning. ")
    assert job.window is None


def test_a_cloned_voice_is_read(built: Built) -> None:
    job = built(CLONE, {})
    assert job.sources() == {"audio_file_path": "api-assets/id/1234.mp3"}
    assert (job.kind_of("audio_file_path"), job.trimmed) == ("audio", None)


@pytest.mark.parametrize(
    ("endpoint", "change", "field"),
    [
        (MUSIC, {"duration": ...}, "duration"),
        (MUSIC, {"duration": 0}, "duration"),
        (MUSIC, {"duration": 15.5}, "duration"),
        (MUSIC, {"duration": "15"}, "duration"),
        (MUSIC, {"duration": True}, "duration"),
        (MUSIC, {"style.prompt": ...}, "style.prompt"),
        (MUSIC, {"style.instrumental": "no"}, "style.instrumental"),
        (MUSIC, {"end_seconds": 5}, "end_seconds"),
        (SPEAK, {"style.voice_name": ""}, "style.voice_name"),
        (SPEAK, {"style.voice_name": ...}, "style.voice_name"),
        (SPEAK, {"style.prompt": ...}, "style.prompt"),
        (CLONE, {"style.prompt": ...}, "style.prompt"),
        (CLONE, {"assets": ...}, "assets"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    refused: Refused, endpoint: str, change: dict[str, Any], field: str
) -> None:
    assert refused(endpoint, change) == field
