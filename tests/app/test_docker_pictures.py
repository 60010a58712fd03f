"""Pictures between Qt, files and the wire."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.app import pictures
from krita_colorize.app.pictures import Inputs
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import Request, Task
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind
from krita_colorize.qt import QtCore, QtGui

Image = QtGui.QImage
Formats = QtGui.QImage.Format
LINES = Source(SourceKind.LAYER, "lines", "Lines")
SHEET = Source(SourceKind.LAYER, "sheet", "Sheet")
PICTURE = Pixels(3, 2, bytes(range(24)), 5, 6)


def two_colours(width: int = 5, height: int = 3, kind: Formats = Formats.Format_ARGB32) -> QtGui.QImage:
    image = Image(width, height, kind)
    image.fill(QtGui.QColor(10, 20, 30))
    image.setPixelColor(0, 0, QtGui.QColor(200, 100, 50))
    return image


@pytest.mark.parametrize(
    "kind", [Formats.Format_ARGB32, Formats.Format_RGB888, Formats.Format_ARGB32_Premultiplied]
)
def test_pixels_are_bgra(kind: Formats) -> None:
    pixels = pictures.to_pixels(two_colours(kind=kind))
    assert (pixels.width, pixels.height, pixels.channels) == (5, 3, 4)
    assert pixels.data[:8] == bytes([50, 100, 200, 255, 30, 20, 10, 255])


def test_images_and_pixels_are_the_same() -> None:
    assert pictures.to_pixels(pictures.to_image(PICTURE)).data == PICTURE.data


def test_large_pictures_go_in_bands() -> None:
    image = two_colours(3000, 1000)
    image.setPixelColor(2999, 999, QtGui.QColor(1, 2, 3))
    pixels = pictures.to_pixels(image)
    assert len(pixels.data) == 12_000_000
    assert pixels.data[-4:] == bytes([3, 2, 1, 255])


def test_wide_gamut_becomes_srgb(tmp_path: Path) -> None:
    image = two_colours()
    image.setColorSpace(QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.AdobeRgb))
    path = tmp_path / "adobe.png"
    path.write_bytes(pictures.to_png(image))
    blue, green, red, _ = pictures.to_pixels(pictures.read_file(str(path))).data[:4]
    assert red > 210  # Adobe RGB's 200 is beyond sRGB's 210
    assert abs(green - 100) < 10


def test_png_files_come_back() -> None:
    again = pictures.read_data(pictures.to_png(two_colours()), "x")
    assert pictures.to_pixels(again) == pictures.to_pixels(two_colours())


def test_files_are_turned_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    image = two_colours(40, 20, Formats.Format_RGB888)
    assert image.save(str(path), "JPG", 95)
    jpeg = path.read_bytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn right
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    turned = pictures.read_file(str(path))
    assert (turned.width(), turned.height()) == (20, 40)


def test_thumbnails_are_small(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(pictures.to_png(two_colours(400, 100)))
    small = pictures.read_file(str(path), pictures.THUMBNAIL_SIDE)
    assert (small.width(), small.height()) == (96, 24)
    assert pictures.thumbnail(pictures.to_pixels(two_colours(400, 100))).width() == 96


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.png", None, "can't be found"),
        ("empty.png", b"", "can't be read"),
        ("text.png", b"hello", "can't be read"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words) as told:
        pictures.read_file(str(tmp_path / name))
    assert name in str(told.value)


def test_huge_pictures_are_refused_unread(tmp_path: Path) -> None:
    png = bytearray(pictures.to_png(two_colours()))
    png[16:20] = (20_000).to_bytes(4, "big")  # IHDR's width; Qt reads it without checking the sum
    (tmp_path / "huge.png").write_bytes(png)
    with pytest.raises(UserError):
        pictures.read_file(str(tmp_path / "huge.png"))


def test_mask_is_alpha_where_something_is_clear() -> None:
    assert pictures.to_mask(Pixels(3, 1, b"\xff\xff\xff\x00\0\0\0\x80\0\0\0\xff")).data == b"\x00\x80\xff"


def test_mask_is_brightness_where_all_is_opaque() -> None:
    assert (
        pictures.to_mask(Pixels(3, 1, b"\xff\xff\xff\xff\0\0\0\xff\x80\x80\x80\xff")).data == b"\xff\x00\x80"
    )


def test_masks_stay_as_they_are() -> None:
    mask = Pixels(2, 1, b"\x01\x02", 3, 4)
    assert pictures.to_mask(mask) is mask


@given(*[st.integers(-6, 6)] * 2, *[st.integers(1, 8)] * 2)
def test_placing_keeps_what_is_inside(x: int, y: int, width: int, height: int) -> None:
    mask = Pixels(3, 4, bytes(range(1, 13)), 1, -2)
    result = placed(mask, x, y, width, height)
    assert (result.x, result.y, result.width, result.height) == (x, y, width, height)
    for row in range(height):
        for column in range(width):
            inside = 0 <= x + column - 1 < 3 and 0 <= y + row + 2 < 4
            expected = mask.data[(y + row + 2) * 3 + x + column - 1] if inside else 0
            assert result.data[row * width + column] == expected


def request(mask: str = "", **fields: object) -> Request:
    return Request(LINES, 20, 10, Settings(references=(Reference(SHEET, mask),), **fields))  # type: ignore[arg-type]


def test_reference_masks_fit_their_layer() -> None:
    mask = Pixels(20, 10, b"\xff" * 200)
    got = pictures.collect(request("mask"), Inputs({"lines": PICTURE, "sheet": PICTURE, "mask": mask}, {}))
    assert got.references[0][1] == Pixels(3, 2, b"\xff" * 6, 5, 6)


def test_masks_of_files_fit_the_canvas(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    path.write_bytes(pictures.to_png(two_colours()))
    file = Reference(Source(SourceKind.FILE, str(path), "sheet.png"), "mask")
    small = Pixels(2, 2, b"\xff" * 4, 1, 1)
    wanted = Request(LINES, 20, 10, Settings(references=(file,)))
    picture, mask = pictures.collect(wanted, Inputs({"lines": PICTURE, "mask": small}, {})).references[0]
    assert (picture.width, picture.height) == (5, 3)
    assert mask is not None
    assert (mask.width, mask.height, mask.data.count(255)) == (20, 10, 4)


def test_mask_of_a_picture_outside_is_found_as_if_stretched() -> None:
    note = Source(SourceKind.NOTE, "picture/ab", "Clipboard")
    inputs = Inputs({}, {"picture/ab": pictures.to_png(two_colours())})
    sketch = pictures.collect(Request(note, 20, 10, task=Task.MASK), inputs).sketch
    assert (sketch.width, sketch.height) == (20, 10)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "The layer Sheet is empty"),
        ({"sketch_mask": "nothing"}, "foreground mask .* is empty"),
        ({"background": "nothing"}, "background layer is empty"),
    ],
)
def test_empty_layers_are_told(fields: dict, words: str) -> None:
    sheet = PICTURE if fields else Pixels(0, 0, b"")
    layers = {"lines": PICTURE, "sheet": sheet, "nothing": Pixels(0, 0, b"")}
    with pytest.raises(UserError, match=words):
        pictures.collect(request(**fields), Inputs(layers, {}))


def test_lost_notes_are_told() -> None:
    note = Reference(Source(SourceKind.NOTE, "picture/ab", "Clipboard"))
    with pytest.raises(UserError, match="no longer stored"):
        pictures.collect(Request(LINES, 2, 2, Settings(references=(note,))), Inputs({"lines": PICTURE}, {}))


def test_packed_job_is_one_bundle() -> None:
    from krita_colorize.core import bundle

    body = pictures.pack(request(), Inputs({"lines": PICTURE, "sheet": PICTURE}, {}))
    assert isinstance(body, QtCore.QByteArray)
    assert bundle.decode(body.data()).blob(0).data == PICTURE.data
