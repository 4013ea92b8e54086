from __future__ import annotations

import io
import unicodedata
from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pricing import TODAY, lip_sync, media, talking_photo
from rich.console import Console

import mh_preflight as mh
from mh_preflight.batch.files import Sums
from mh_preflight.render.rates import history_view, rates_view
from mh_preflight.render.terminal import _dollars, fits_view, media_view, report_view
from mh_preflight.render.totals import _cells
from mh_preflight.units import MOST_LETTERS, one_line


def shown(view: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=110).print(view)
    return out.getvalue()


def test_the_numbers_come_before_everything_else() -> None:
    report = mh.preflight(lip_sync(), plan="creator", as_of=TODAY, media=media({"fps": 60}))
    text = shown(report_view(report, explain=True))
    order = ["queued", "450", "settled", "900", "hold", "window", "Arithmetic", "fps-above-30"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert "max_fps_limit = 30" in text


def test_ranges_and_missing_bounds_are_shown_as_such() -> None:
    known = {**media(), "image_file_path": mh.Media.given("image", width=3, height=4)}
    talk = mh.preflight(talking_photo(), as_of=TODAY, media=known)
    assert "720 to 1,440" in shown(report_view(talk))
    unknown = mh.preflight(lip_sync(), as_of=TODAY, media=media({}))
    text = shown(report_view(unknown))
    assert "1 or more" in text
    assert "no bound" in text


def test_what_would_fit_is_shown_or_said_not_to_be() -> None:
    assert "No single change fits" in shown(fits_view(()))


def test_uncertain_facts_carry_a_mark_and_a_reason() -> None:
    media = mh.Media.given("video", fps=24, source="odd\nname.mp4").model_copy(
        update={"uncertain": {"video.fps": "a reason"}}
    )
    text = shown(media_view(media))
    assert "odd\\nname.mp4" in text
    assert "fps 24?" in text
    assert "video.fps: a reason" in text


def test_the_history_of_an_endpoint_names_its_sources() -> None:
    file = mh.bundled_rates().endpoints["ai-talking-photo"]
    text = shown(history_view(file, file.rates))
    assert "unknown [" in text
    assert "] the page with the rates was withdrawn" in text
    assert "https://github.com/magichourhq/docs" in text


@given(st.text())
def test_text_of_strangers_stays_on_one_line_and_sets_no_terminal(text: str) -> None:
    line = one_line(text)
    assert len(line) <= MOST_LETTERS
    assert all(letter == " " or unicodedata.category(letter)[0] not in "CZ" for letter in line)


def test_sizes_of_which_none_is_left_are_not_named() -> None:
    card = mh.bundled_rates()
    file = card.endpoints["ai-image-editor"]
    for view in (rates_view(card, date(2026, 11, 24), ""), history_view(file, file.rates)):
        lines = shown(view).splitlines()
        assert any("qwen-edit" in line and "others" in line for line in lines)
        lite = [line for line in lines if "nano-banana-2-lite" in line]
        assert [line for line in lite if "50 an image" in line]
        assert not [line for line in lite if "others" in line]


def test_words_fit_what_is_counted_and_dollars_are_as_exact_as_elsewhere() -> None:
    job = mh.job(
        "ai-image-editor",
        assets={"image_file_paths": ["https://example.com/a.png"]},
        model="qwen-edit",
        resolution="640px",
        style={"prompt": "a hat"},
    )
    day = date(2026, 11, 24)
    text = shown(report_view(mh.preflight(job, as_of=day, offline=True), explain=True))
    assert "10 credits an image" in text
    assert "1 image at 10 credits an image" in text
    assert _dollars(Fraction(588, 10_000)) == "0.0588"


def test_a_sum_without_an_upper_bound_says_so() -> None:
    sums = Sums(rows=2, without_bound=1, settled_credits_low=481, settled_credits_high=480)
    assert _cells(sums, " to ")["settled"] == "481 or more"
