"""The demo leaves a document, a picture and a screenshot that are what they claim to be."""

import zipfile
from pathlib import Path

import pytest
from colorizer import paths
from colorizer_lab.krita.demo import demo
from PIL import Image

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


def read(path):
    with Image.open(path) as picture:
        return picture.convert("RGB")


def test_demo_leaves_its_three_files(display, tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    stages = []
    demo(Path("out"), lambda name, done, total: stages.append(name))
    assert len(set(stages)) >= 4
    with zipfile.ZipFile(tmp_path / "out" / "demo.kra") as archive:
        layers = archive.read("maindoc.xml").decode()
    assert all(
        f'name="{name}"' in layers for name in ("Lines", "Flats", "Foreground mask", "Background mask")
    )
    picture = read(tmp_path / "out" / "demo.png")
    assert picture.size == read(paths.resource("sample") / "sketch.png").size
    assert len(picture.getcolors(1 << 24)) > 5
    assert read(tmp_path / "out" / "docker.png").width >= 1000
