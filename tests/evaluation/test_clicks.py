"""The simulated artist corrects the largest wrong region: a likely colour where one is right, else the palette's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from colorizer.engines import registry
from colorizer.imaging.pictures import write_png
from colorizer_lab.evaluation.clicks import chosen, evaluate_clicks, table
from drawn import BLUE, GREEN, RED, YELLOW, box_reference
from engines.match_stand_ins import SamePlace, engine
from evaluation.corpora import write_corpus

LIKELY = np.array([BLUE, GREEN, YELLOW, RED], np.uint8)
TRUTH = np.array(RED, np.uint8)


def test_a_right_colour_among_the_first_three_is_taken() -> None:
    found = chosen(LIKELY[[0, 3, 1]], np.array([YELLOW], np.uint8), TRUTH + np.uint8(1))
    assert found == ("#{:02x}{:02x}{:02x}".format(*RED), 2)


@pytest.mark.parametrize(
    ("likely", "palette", "rank"),
    [(LIKELY, LIKELY[3:], 4), (LIKELY[:3], LIKELY, 0), (LIKELY[:2], LIKELY[2:3], -1)],
)
def test_else_the_nearest_of_the_palette_is(likely: np.ndarray, palette: np.ndarray, rank: int) -> None:
    colour, found = chosen(likely, palette, TRUTH)
    assert found == rank
    assert (colour == "#{:02x}{:02x}{:02x}".format(*RED)) == (rank >= 0)


def test_where_there_is_no_colour_nothing_is_taken() -> None:
    assert chosen(LIKELY[:0], LIKELY[:0], TRUTH) == (None, -1)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = write_corpus(tmp_path_factory.mktemp("clicks"))
    # Red and green have changed sides, so that the same place is wrong.
    write_png(folder / "r.png", np.ascontiguousarray(box_reference(160)[:, ::-1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "get", lambda name: engine(SamePlace()))
        return evaluate_clicks(folder, "match", [0, 1, 2], report=folder / "clicks.json") | {"folder": folder}


def test_each_click_puts_a_region_right(figures: dict) -> None:
    curve = list(figures["curve"].values())
    assert curve[0] < curve[1] < curve[2] == 1
    assert figures["clicks"] == 2


def test_report_and_table_tell_the_ranks(figures: dict) -> None:
    written = json.loads((figures["folder"] / "clicks.json").read_text("utf-8"))
    assert len(written["items"][0]["ranks"]) == 2
    assert written["first"] == figures["first"]
    assert list(figures["first"].values()) == sorted(figures["first"].values())
    assert "2 1.000" in table(figures)
    assert "among the first 1: " in table(figures)
