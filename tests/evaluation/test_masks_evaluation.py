"""Automatic masks are measured against the corpus's, beside a flood from the border."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.engines import registry
from colorizer_lab.evaluation.masks import evaluate_masks, iou, table
from engines.match_stand_ins import SamePlace, engine
from evaluation.corpora import write_corpus


def test_iou() -> None:
    half = np.zeros((4, 4), np.uint8)
    half[:2] = 255
    assert iou(half, half) == 1
    assert iou(half, 255 - half) == 0
    assert iou(np.full((8, 8), 255, np.uint8), half) == 0.5
    assert iou(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)) == 1


def test_every_masked_picture_is_measured(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    figures = evaluate_masks(write_corpus(tmp_path), "match", report=tmp_path / "masks.json")
    assert [(entry["id"], entry["of"]) for entry in figures["items"]] == [
        ("box", "sketch"),
        ("box", "reference"),
    ]
    assert figures["sketch"]["engine"] > 0.8
    assert (tmp_path / "masks.json").is_file()
    assert "sketch       1 pictures" in table(figures)
