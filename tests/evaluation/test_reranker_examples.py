"""The reranker's examples are the network's own answers on pairs of the training families, judged by the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colorizer import paths
from colorizer_lab.data.art import deciding
from colorizer_lab.data.art.families import Catalogue, Family, Package
from colorizer_lab.data.art.library import build
from colorizer_lab.data.region_examples import Examples
from colorizer_lab.evaluation import reranker_examples
from PIL import Image

from tests.data.drawn_art import figure

FAMILY = Family("toys", "toys", "object", "train", "files", 10, pattern="*.png", character="^([a-z]+)")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = tmp_path / "shared" / "toys"
    pictures.mkdir(parents=True)
    monkeypatch.setenv("COLORIZE_ART", str(tmp_path / "cache"))
    monkeypatch.setenv("COLORIZE_SHARED", str(tmp_path / "shared"))
    catalogue = Catalogue({"toys": Package("shared", "toys", "1", "", "CC0-1.0", "someone")}, (FAMILY,))
    for module in (
        "data.art.library",
        "data.art.pictures",
        "data.art.deciding",
        "evaluation.reranker_examples",
    ):
        monkeypatch.setattr(f"colorizer_lab.{module}.catalogue", lambda: catalogue)
    monkeypatch.setattr(deciding, "_REGIONS", 1)  # these figures have few
    monkeypatch.setattr(deciding, "_LARGEST", 1.0)
    for number in range(3):
        Image.fromarray(np.rot90(figure(shade=True), number)).save(pictures / f"ann{number}.png")
    build()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("masked", [0.0, 1.0], ids=["without masks", "with masks"])
def test_examples_are_judged_and_an_interrupted_run_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, masked: float
) -> None:
    monkeypatch.setattr(reranker_examples, "_MASKED", masked)
    model, out = paths.resource("weights/match"), tmp_path / "examples"
    monkeypatch.setattr("sys.argv", ["reranker_examples", str(model), "--out", str(out)])
    reranker_examples.main()
    files = sorted(out.iterdir())
    assert {file.name.split("_")[0] for file in files} == {"toys-cross", "toys-self"}
    found = [Examples.read(file) for file in files]
    assert sum(one.weight.sum() for one in found) == pytest.approx(len(found))
    assert all((one.features[..., 2] != one.features[..., 3]).any() for one in found), "the figure's own view"
    chosen = np.concatenate([one.right[:, 0] for one in found])
    assert chosen.mean() > 0.5, "the pictures are easy"
    content, written = files[1].read_bytes(), files[0].stat().st_mtime_ns
    files[1].unlink()
    reranker_examples.main()
    assert files[0].stat().st_mtime_ns == written
    assert files[1].read_bytes() == content
