"""The simulated artist dots the largest wrong region first, in its middle, with its true colour."""

from __future__ import annotations

import json

import numpy as np
import pytest
from colorizer.engines import registry
from colorizer.imaging.pictures import write_png
from colorizer_lab.evaluation.artist import draw_dots, evaluate_dots, table
from colorizer_lab.evaluation.judge import pose
from drawn import GREEN, RED, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine
from evaluation.corpora import write_corpus


def test_dot_lies_in_the_middle_of_its_region() -> None:
    problem = pose(box_sketch(320), box_reference(320), box_mask(320))
    assert problem is not None
    hints = np.zeros((320, 320, 4), np.uint8)
    draw_dots(problem, np.array([0, 1]), np.array([RED, GREEN], np.uint8), hints)
    for index, colour in enumerate((RED, GREEN)):
        y, x = np.nonzero((hints == (*colour, 255)).all(axis=2))
        assert len(y) > 4
        small = problem.regions[(y * 2).astype(int), (x * 2).astype(int)]
        assert (small == problem.judged[index]).all()


def test_padding_is_taken_back() -> None:
    problem = pose(box_sketch(320)[:, 40:280], box_reference(320)[:, 40:280], None)
    assert problem is not None
    hints = np.zeros((320, 240, 4), np.uint8)
    draw_dots(problem, np.arange(len(problem.judged)), np.full((9, 3), 7, np.uint8), hints)
    assert hints[..., 3].any(axis=0).nonzero()[0].min() > 0


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = write_corpus(tmp_path_factory.mktemp("dots"))
    # Red and green have changed sides, so that the same place is wrong.
    mirrored = np.ascontiguousarray(box_reference(160)[:, ::-1])
    write_png(folder / "r.png", mirrored)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "get", lambda name: engine(SamePlace()))
        return evaluate_dots(folder, "match", [0, 1, 2], report=folder / "dots.json") | {"folder": folder}


def test_curve_rises_to_all_right(figures: dict) -> None:
    curve = list(figures["curve"].values())
    assert curve == sorted(curve)
    assert curve[0] < 1
    assert (curve[2], figures["repaired"]) == (1, 1)


def test_report_is_written(figures: dict) -> None:
    written = json.loads((figures["folder"] / "dots.json").read_text("utf-8"))
    assert [entry["id"] for entry in written["items"]] == ["box"]
    assert "2 1.000" in table(figures)
