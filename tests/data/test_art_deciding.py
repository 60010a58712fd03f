"""The deciding pairs are a corpus that `colorize evaluate` reads, and the same one however often they were begun."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from colorizer_lab.data.art import deciding
from colorizer_lab.data.art.families import Catalogue, Family, Package
from colorizer_lab.data.art.library import build
from colorizer_lab.evaluation.corpus import read_corpus
from PIL import Image

from tests.data.drawn_art import figure

FAMILY = Family("toys", "toys", "object", "deciding", "files", 10, pattern="*.png", character="^([a-z]+)")


@pytest.fixture
def library(tmp_path, monkeypatch):
    pictures = tmp_path / "shared" / "toys"
    pictures.mkdir(parents=True)
    monkeypatch.setenv("COLORIZE_ART", str(tmp_path / "cache"))
    monkeypatch.setenv("COLORIZE_SHARED", str(tmp_path / "shared"))
    catalogue = Catalogue({"toys": Package("shared", "toys", "1", "", "CC0-1.0", "someone")}, (FAMILY,))
    for module in ("library", "pictures", "deciding"):
        monkeypatch.setattr(f"colorizer_lab.data.art.{module}.catalogue", lambda: catalogue)
    monkeypatch.setattr(deciding, "_REGIONS", 1)  # these figures have few
    monkeypatch.setattr(deciding, "_LARGEST", 1.0)
    for number in range(3):
        Image.fromarray(np.rot90(figure(shade=True), number)).save(pictures / f"ann{number}.png")
    return build()


@pytest.mark.parametrize(
    ("regions", "largest"), [(99, 1), (1, 0.01)], ids=["few regions", "one large region"]
)
def test_a_pair_that_one_region_decides_is_left_out(library, monkeypatch, regions, largest):
    monkeypatch.setattr(deciding, "_REGIONS", regions)
    monkeypatch.setattr(deciding, "_LARGEST", largest)
    assert read_corpus(deciding.write_deciding(library)) == []


def digests(folder):
    files = (file for file in folder.rglob("*.png") if ".part" not in str(file))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_items_are_triplets_named_by_family_and_kind(library):
    folder = deciding.write_deciding(library)
    items = read_corpus(folder)
    assert Counter(item.id.split("_")[0] for item in items) == {"toys-cross": 3, "toys-self": 3}
    assert all(item.kind == "triplet" and item.cases[0].truth is not None for item in items)


def test_what_was_interrupted_becomes_the_same_corpus(library):
    folder = deciding.write_deciding(library)
    whole = digests(folder)
    (folder / "manifest.json").unlink()
    next(folder.glob("toys-self_*")).rename(folder / ".half.part")
    assert digests(deciding.write_deciding(library)) == whole
