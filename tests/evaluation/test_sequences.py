"""Consistency over frames: the truth has none to lose, one wrong frame shows, one colour alone is no merit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, EngineInfo, Layer, Options, Result, Role
from colorizer.errors import InvalidInput
from colorizer_lab.evaluation.judge import pose
from colorizer_lab.evaluation.sequences import Strip, evaluate_sequences, pose_strip, table
from drawn import blank, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine
from evaluation.corpora import write_corpus


@pytest.fixture(scope="module")
def strip() -> Strip:
    problems = [pose(box_sketch(size), box_reference(size), box_mask(size)) for size in (160, 176, 192)]
    return pose_strip([problem for problem in problems if problem is not None])


def test_labels_are_true_colours(strip: Strip) -> None:
    assert len(strip.frame) == 6
    assert len(np.unique(strip.label)) == 2
    assert (np.bincount(strip.frame) == 2).all()


def test_truth_is_consistent_and_right(strip: Strip) -> None:
    figures = strip.judge([box_reference(size) for size in (160, 176, 192)])
    assert figures.largest < 1
    assert (figures.differing, figures.area_within_10) == (0, 1)
    assert strip.of_truth().largest < 1


def test_one_wrong_frame_shows(strip: Strip) -> None:
    wrong = blank(176, 176, (255, 255, 255))
    figures = strip.judge([box_reference(160), wrong, box_reference(192)])
    assert figures.largest > 20
    assert figures.differing == pytest.approx(2 / 3, abs=0.05)
    assert figures.area_within_10 == pytest.approx(2 / 3, abs=0.05)


def test_one_colour_is_consistent_but_wrong(strip: Strip) -> None:
    figures = strip.judge([blank(size, size) for size in (160, 176, 192)])
    assert (figures.largest, figures.area_within_10) == (0, 0)


def test_sequences_of_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    figures = evaluate_sequences(write_corpus(tmp_path), "match", report=tmp_path / "report.json")
    assert [entry["id"] for entry in figures["items"]] == ["run"]
    assert figures["mean"].keys() == {"truth", "frame_by_frame", "together"}
    assert "together" in table(figures)
    assert (tmp_path / "report.json").is_file()


class PageByPage:
    """An engine without agreement; hears what it is asked, paints all one colour."""

    info = EngineInfo("other", "Other", (), 1, (), (), 4096, 1)

    def __init__(self) -> None:
        self.heard: list[ColorizeRequest] = []
        self.loaded = ""

    def load(self, _device: str, model: str = "") -> None:
        self.loaded = model

    def colorize(self, request: ColorizeRequest, _report: object) -> Result:
        self.heard.append(request)
        height, width = request.sketch.shape[:2]
        return Result((Layer("Colours", Role.FOREGROUND, blank(height, width)),))


def test_page_by_page_engines_have_match_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, options = PageByPage(), Options(steps=3, size=64)
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()) if name == "match" else other)
    figures = evaluate_sequences(write_corpus(tmp_path), "colorflow", model="mine", options=options)
    assert figures["mean"].keys() == {"truth", "match", "frame_by_frame"}
    assert figures["mean"]["match"] != figures["mean"]["frame_by_frame"]
    assert (figures["model"], other.loaded) == ("mine", "mine")
    assert {(request.model, request.options) for request in other.heard} == {("mine", options)}
    assert [len(request.references) for request in other.heard] == [1], "of a pool of two"


def test_corpus_without_sequences_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"items": []}')
    with pytest.raises(InvalidInput, match="contains no sequence"):
        evaluate_sequences(tmp_path, "match")
