from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from mh_preflight.errors import RateFileError
from mh_preflight.rates import bundled_rates
from mh_preflight.rates.folder import DATA, folder_rates, version_in


def test_threads_that_price_at_once_read_the_same_rates() -> None:
    names, day = sorted(bundled_rates().endpoints), date(2026, 11, 24)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(3):
                card, ready = folder_rates(DATA), threading.Barrier(8)

                def ask(place: int) -> int:
                    ready.wait()  # noqa: B023  all of them are done before the next round
                    turned = names[place:] + names[:place]
                    return sum(bool(card.endpoint(name, day)) for name in turned)  # noqa: B023

                assert list(threads.map(ask, range(8))) == [len(names)] * 8
    finally:
        sys.setswitchinterval(usual)


@pytest.mark.parametrize("like", ["no-such-tool", "image-to-video", "text-to-video"])
def test_a_file_that_is_like_nothing_or_in_a_circle_is_named(tmp_path: Path, like: str) -> None:
    for file in DATA.glob("*.toml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    image, text = (tmp_path / f"{name}-to-video.toml" for name in ("image", "text"))
    old = image.read_text(encoding="utf-8")
    image.write_text(old.replace('like = "text-to-video"', f'like = "{like}"'), encoding="utf-8")
    if like == "text-to-video":
        old = text.read_text(encoding="utf-8")
        text.write_text(old.replace("checked", 'like = "image-to-video"\nchecked', 1))
    card = folder_rates(tmp_path)
    with pytest.raises(RateFileError, match="is no other endpoint") as caught:
        card.endpoint("image-to-video", date(2026, 11, 24))
    assert caught.value.source == str(text if like == "text-to-video" else image)
    assert card.endpoint("lip-sync", date(2026, 11, 24)).rate("pro", None, None).value == 2


@pytest.mark.parametrize("version", ["2026.13.1", "2026.2.30", "2026.0.1", "1999.1.1", "2026.1"])
def test_a_version_is_a_day(tmp_path: Path, version: str) -> None:
    path = tmp_path / "card.toml"
    path.write_text(f'version = "{version}"\n', encoding="utf-8")
    with pytest.raises(RateFileError, match="must be such as"):
        version_in(path)
    path.write_text('version = "2026.2.28.1"\n', encoding="utf-8")
    assert version_in(path) == "2026.2.28.1"
