from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, features

from mh_preflight.errors import MediaError
from mh_preflight.media import Isolation, probe

SIDEWAYS = range(5, 9)


def picture(size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.radial_gradient("L").resize(size).convert("RGB")


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def shown(path: Path) -> tuple[int, int]:
    image = probe(path).image
    assert image is not None
    return image.width, image.height


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["face.jpg", "face.png", "face.webp"])
def test_a_still_is_as_wide_as_it_is_shown(tmp_path: Path, name: str, orientation: int) -> None:
    path = tmp_path / name
    picture().save(path, exif=oriented(orientation))
    assert shown(path) == ((40, 60) if orientation in SIDEWAYS else (60, 40))
    image = probe(path).image
    assert image is not None
    assert image.orientation == orientation


@pytest.mark.parametrize("name", ["a.bmp", "a.tiff", "a.jpg", "a.png", "a.webp"])
def test_the_size_is_read_by_what_the_file_is_and_not_by_its_name(
    tmp_path: Path, name: str
) -> None:
    picture().save(tmp_path / name)
    renamed = (tmp_path / name).rename(tmp_path / "wrong.mp4")
    assert shown(renamed) == (60, 40)


@pytest.mark.parametrize("behind", [False, True])
def test_a_png_may_state_its_orientation_behind_its_picture(tmp_path: Path, behind: bool) -> None:
    path = tmp_path / "face.png"
    picture().save(path, exif=oriented(6))
    data = path.read_bytes()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    assert start < data.index(b"IDAT")
    if behind:
        path.write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    assert shown(path) == (40, 60)


def test_a_png_is_not_decoded_to_learn_its_size(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    picture().save(path)
    data = bytearray(path.read_bytes())
    place = data.index(b"IDAT") + 4
    data[place : place + 20] = bytes(20)
    path.write_bytes(data)
    assert shown(path) == (60, 40)


def test_a_turned_tiff_is_not_turned_twice(tmp_path: Path) -> None:
    path = tmp_path / "turned.tiff"
    picture().save(path, tiffinfo={0x0112: 6})
    assert shown(path) == (40, 60)


def test_a_heic_has_the_size_of_its_picture(tmp_path: Path) -> None:
    path = tmp_path / "face.heic"
    heif: Any = pillow_heif.from_pillow(picture((1030, 520)))
    heif.save(path)
    assert shown(path) == (1030, 520)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_an_avif_has_the_size_of_its_picture(tmp_path: Path) -> None:
    picture().save(tmp_path / "face.avif")
    assert shown(tmp_path / "face.avif") == (60, 40)


def animated(path: Path, delays: list[int]) -> Path:
    frames = [Image.new("RGB", (20, 10), (number * 40, 0, 99)) for number in range(len(delays))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0)
    return path


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp"])
def test_an_animation_has_the_frames_and_delays_of_its_file(tmp_path: Path, name: str) -> None:
    media = probe(animated(tmp_path / name, [100, 200, 100, 300]))
    assert media.kind == "animation"
    assert media.video is not None
    assert media.image is not None
    assert media.video.frames == 4
    assert media.video.duration_seconds == pytest.approx(0.7, abs=0.001)
    assert (media.image.width, media.image.height) == (20, 10)


def test_a_gif_without_delays_is_shown_a_tenth_of_a_second_each(tmp_path: Path) -> None:
    video = probe(animated(tmp_path / "hasty.gif", [0, 0, 0])).video
    assert video is not None
    assert video.duration_seconds == pytest.approx(0.3)


def test_a_gif_of_one_picture_is_a_still(tmp_path: Path) -> None:
    picture().save(tmp_path / "one.gif")
    assert probe(tmp_path / "one.gif").kind == "image"


def test_a_cut_picture_is_one_clear_error(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    picture().save(buffer, "PNG")
    path = tmp_path / "cut.png"
    path.write_bytes(buffer.getvalue()[:20])
    with pytest.raises(MediaError, match=r"cut\.png.*cannot be read as a picture"):
        probe(path)


@pytest.mark.parametrize("isolation", ["none", None])
def test_a_photo_of_two_hundred_megapixels_is_no_bomb(
    tmp_path: Path, isolation: Isolation | None
) -> None:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = (12_240).to_bytes(2, "big") + (16_320).to_bytes(2, "big")
    path = tmp_path / "large.jpg"
    path.write_bytes(data)
    image = probe(path, isolation=isolation).image
    assert image is not None
    assert (image.width, image.height) == (16_320, 12_240)


@pytest.mark.parametrize("name", ["large.webp", "large.heic", "large.avif"])
def test_a_picture_that_would_be_read_whole_is_bounded(tmp_path: Path, name: str) -> None:
    brand = {"large.heic": b"heic", "large.avif": b"avif"}.get(name)
    head = b"\0\0\0\x18ftyp" + brand + bytes(12) if brand else b"RIFF\0\0\0\x40WEBPVP8 "
    path = tmp_path / name
    path.write_bytes(head)
    os.truncate(path, 1 << 30)
    with pytest.raises(MediaError) as caught:
        probe(path, isolation="none")
    assert caught.value.code in {"too-large", "unreadable", "too-costly"}


def test_an_error_is_the_same_from_run_to_run(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    messages = set()
    for _ in range(3):
        with pytest.raises(MediaError) as caught:
            probe(tmp_path / "cut.jpg", isolation="none")
        messages.add(caught.value.message)
    assert len(messages) == 1
    assert "0x" not in messages.pop()
