"""The prepared pictures: kept whole, twins left out, pairs found by character or palette."""

from dataclasses import replace

import numpy as np
import pytest
from colorizer.errors import InvalidInput
from colorizer_lab.data.art import library as art
from colorizer_lab.data.art.families import Catalogue, Family, Package
from PIL import Image

from tests.data.drawn_art import figure, fills

FAMILY = Family(
    "toys", "toys", "object", "train", "files", 10, root=".", pattern="*.png", character="^([a-z]+)"
)
OTHERS = Family("cups", "toys", "object", "deciding", "files", 10, root="cups", pattern="*.png")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pictures = tmp_path / "shared" / "toys"
    (pictures / "cups").mkdir(parents=True)
    monkeypatch.setenv("COLORIZE_ART", str(tmp_path / "cache"))
    monkeypatch.setenv("COLORIZE_SHARED", str(tmp_path / "shared"))
    packages = {"toys": Package("shared", "toys", "1", "", "CC0-1.0", "someone")}
    catalogue = Catalogue(packages, (FAMILY, OTHERS))
    for module in ("library", "pictures"):
        monkeypatch.setattr(f"colorizer_lab.data.art.{module}.catalogue", lambda: catalogue)
    return pictures


def test_fills_come_back_as_they_were_written(tmp_path):
    written = fills(shade=True)
    art.write_fills(tmp_path / "one.npz", written)
    read = art.read_fills(tmp_path / "one.npz")
    assert read.outlined == written.outlined
    for name in ("colours", "fills", "lines", "palette", "parts"):
        assert np.array_equal(getattr(read, name), getattr(written, name))


def test_without_a_library_one_is_told_how_to_build_it(folder):
    with pytest.raises(InvalidInput, match=r"python -m colorizer_lab\.data\.art build"):
        art.open_library()


def test_frames_of_one_character_are_partners_and_twins_of_others_are_left_out(folder):
    for name, how in {"ann1": {}, "ann2": {"outlined": True}, "bob1": {"shade": True}}.items():
        Image.fromarray(figure(**how)).save(folder / f"{name}.png")
    Image.fromarray(figure()).save(folder / "cups" / "same.png")
    built = art.build()
    named = {entry.name: [built.entries[mate].name for mate in entry.partners] for entry in built.entries}
    assert named["ann1.png"] == ["ann2.png"]
    assert "same.png" not in named
    assert art.open_library() == built
    assert built.of("deciding") == []


def test_a_picture_that_is_empty_is_left_out(folder):
    Image.fromarray(np.zeros((32, 32, 4), np.uint8)).save(folder / "none.png")
    Image.fromarray(figure()).save(folder / "some.png")
    assert [entry.name for entry in art.build().entries] == ["some.png"]


@pytest.mark.parametrize(
    ("changes", "likely"),
    [({}, [1, 2]), ({"character": ""}, [1]), ({"character": "", "kind": "bust"}, [1, 2])],
    ids=["same character", "shared word", "busts"],
)
def test_likely_partners_show_the_same_kind_of_thing(folder, monkeypatch, changes, likely):
    catalogue = Catalogue({}, (replace(FAMILY, **changes),))
    monkeypatch.setattr("colorizer_lab.data.art.library.catalogue", lambda: catalogue)
    names = ("red cat.png", "cat asleep.png", "dog.png")
    entries = tuple(art.Entry("toys", name, name, name, (1, 2)) for name in names)
    assert art.Library(folder, entries).likely_partners(0) == likely
