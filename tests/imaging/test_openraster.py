"""The content of an OpenRaster file: what the standard asks for, and what the artist gave, untouched."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from colorizer.imaging.layers import with_lines
from colorizer.imaging.openraster import write_openraster
from colorizer.imaging.values import Blend, Layer, Role
from drawn import BLUE, RED, blank, box_mask, box_sketch
from PIL import Image

SKETCH = box_sketch()
LAYERS = [
    Layer(
        "Background",
        Role.BACKGROUND,
        blank(128, 128, BLUE),
        mask=255 - box_mask(),
        mask_name="Background mask",
    ),
    Layer("Flats", Role.FOREGROUND, blank(128, 128, RED), mask=box_mask(), mask_name="Foreground mask"),
    Layer(
        "Shading", Role.SHADING, blank(40, 30, (90, 90, 90)), x=20, y=40, blend=Blend.MULTIPLY, opacity=0.5
    ),
    Layer("Light", Role.LIGHT, blank(128, 128, (30, 30, 30)), blend=Blend.SCREEN, clip=True),
]


@pytest.fixture
def archive(tmp_path: Path) -> zipfile.ZipFile:
    write_openraster(tmp_path / "a.ora", LAYERS, SKETCH, name="Colorized · a · seed 1")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ora"]
    return zipfile.ZipFile(tmp_path / "a.ora")


def picture(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGBA"))


def stack(archive: zipfile.ZipFile) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read("stack.xml"))


def test_type_comes_first_and_plain(archive: zipfile.ZipFile) -> None:
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert archive.read("mimetype") == b"image/openraster"


def test_group_under_lines(archive: zipfile.ZipFile) -> None:
    image = stack(archive)
    assert (image.get("w"), image.get("h")) == ("128", "128")
    lines, group = list(image[0])
    assert (lines.get("name"), lines.get("composite-op")) == ("Lines", "svg:multiply")
    assert (group.get("name"), group.get("isolation")) == ("Colorized · a · seed 1", "isolate")
    assert [entry.get("name") for entry in group] == ["Light", "Shading", "Flats", "Background"]


def test_blend_opacity_place_kept(archive: zipfile.ZipFile) -> None:
    shading = stack(archive)[0][1][1]
    assert shading.get("composite-op") == "svg:multiply"
    assert (shading.get("opacity"), shading.get("x"), shading.get("y")) == ("0.5", "20", "40")
    assert picture(archive, str(shading.get("src"))).shape[:2] == (30, 40)


def test_lines_untouched(archive: zipfile.ZipFile) -> None:
    assert (picture(archive, "data/lines.png") == SKETCH).all()


def test_mask_in_alpha(archive: zipfile.ZipFile) -> None:
    flats = picture(archive, str(stack(archive)[0][1][2].get("src")))
    assert (flats[..., 3] == box_mask()).all()
    assert (flats[..., :3] == RED).all()


def test_clipping_in_alpha(tmp_path: Path) -> None:
    below = replace(LAYERS[1], x=10)
    write_openraster(tmp_path / "b.ora", [below, replace(LAYERS[3], y=5)], SKETCH)
    with zipfile.ZipFile(tmp_path / "b.ora") as archive:
        light = picture(archive, "data/layer001.png")[..., 3]
    wanted = np.zeros((128, 128), np.uint8)
    wanted[: 128 - 5, 10:] = box_mask()[5:, :-10]
    assert (light == wanted).all()


def test_merged_image_is_what_is_shown(archive: zipfile.ZipFile) -> None:
    assert (picture(archive, "mergedimage.png") == with_lines(LAYERS, SKETCH)).all()
    assert max(picture(archive, "Thumbnails/thumbnail.png").shape[:2]) <= 256


def test_transparent_lines_not_multiplied(tmp_path: Path) -> None:
    sketch = SKETCH.copy()
    sketch[..., 3] = 255 - sketch[..., 0]
    write_openraster(tmp_path / "c.ora", LAYERS, sketch)
    with zipfile.ZipFile(tmp_path / "c.ora") as archive:
        assert stack(archive)[0][0].get("composite-op") == "svg:src-over"
