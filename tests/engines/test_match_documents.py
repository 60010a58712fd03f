"""Every kind of document comes out right: the reference shows the same pose, so nothing is left to guess but lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.engines.base import ColorizeRequest, Engine, Reference
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.pages import with_pages
from colorizer.imaging.layers import with_lines
from colorizer.imaging.lines import clean_lines
from documents import CAT, PAPER, Part, broken, cases, draw, faded_out
from listening import Silent

SIZE, SEED = 640, 3
NAMES = tuple(cases(32, SEED))
FLOOR, PARTS = 0.985, 0.9
PARTS_OF = {"small figure": 0.85, "small figure with notes": 0.85}
"""Its eyes are narrower than the strokes around them, as what is left between strokes of hatching is."""

DOLL = (
    Part((70, 80, 150), corners=((0.34, 0.72), (0.47, 0.72), (0.47, 0.96), (0.33, 0.96))),  # legs
    Part((70, 80, 150), corners=((0.53, 0.72), (0.66, 0.72), (0.67, 0.96), (0.53, 0.96))),
    Part((190, 70, 60), corners=((0.30, 0.40), (0.70, 0.40), (0.68, 0.76), (0.32, 0.76))),  # coat
    Part((245, 210, 180), ellipse=(0.5, 0.25, 0.17, 0.18, 0)),  # head
    Part((60, 40, 30), ellipse=(0.44, 0.25, 0.03, 0.04, 0)),  # eyes
    Part((60, 40, 30), ellipse=(0.56, 0.25, 0.03, 0.04, 0)),
    Part((240, 200, 80), ellipse=(0.5, 0.55, 0.03, 0.03, 0)),  # button
)
ROBOT = (
    Part((90, 90, 100), corners=((0.10, 0.45), (0.22, 0.45), (0.22, 0.75), (0.10, 0.75))),  # arms
    Part((90, 90, 100), corners=((0.78, 0.45), (0.90, 0.45), (0.90, 0.75), (0.78, 0.75))),
    Part((200, 60, 40), corners=((0.24, 0.40), (0.76, 0.40), (0.70, 0.85), (0.30, 0.85))),  # body
    Part((240, 220, 120), corners=((0.34, 0.50), (0.66, 0.50), (0.66, 0.68), (0.34, 0.68))),  # panel
    Part((40, 90, 220), ellipse=(0.5, 0.59, 0.04, 0.04, 0)),  # lamp
    Part((120, 190, 220), corners=((0.30, 0.10), (0.70, 0.10), (0.74, 0.40), (0.26, 0.40))),  # head
    Part((250, 250, 240), ellipse=(0.40, 0.24, 0.06, 0.06, 0)),  # eyes
    Part((250, 250, 240), ellipse=(0.60, 0.24, 0.06, 0.06, 0)),
)

FISH = (
    Part((210, 90, 40), corners=((0.70, 0.50), (0.92, 0.33), (0.87, 0.50), (0.92, 0.67))),  # tail
    Part((230, 140, 50), corners=((0.42, 0.66), (0.50, 0.80), (0.58, 0.65))),  # fin below
    Part((70, 140, 200), ellipse=(0.45, 0.50, 0.31, 0.20, 0)),  # body
    Part((240, 240, 250), corners=((0.40, 0.306), (0.45, 0.302), (0.45, 0.698), (0.40, 0.694))),  # stripes
    Part((240, 240, 250), corners=((0.54, 0.314), (0.59, 0.325), (0.59, 0.675), (0.54, 0.686))),
    Part((30, 30, 30), ellipse=(0.22, 0.45, 0.03, 0.03, 0)),  # eye
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return with_pages(MatchEngine())


@pytest.mark.parametrize("name", NAMES)
def test_document_comes_out_right(engine: Engine, name: str) -> None:
    document = cases(SIZE, SEED)[name]()
    result = engine.colorize(ColorizeRequest(document.sketch, (Reference(document.reference),)), Silent())
    lines = clean_lines(document.sketch, result.report.get("coloured_lines", ""))
    pixels, parts = document.right(with_lines(result.layers, lines))
    assert pixels >= FLOOR
    assert parts >= PARTS_OF.get(name, PARTS)


@pytest.mark.parametrize("height", [0.88, 0.9, 0.92])
@pytest.mark.parametrize("parts", [CAT, DOLL], ids=["cat", "doll"])
def test_reference_shows_where_a_drawing_that_is_cut_off_ends(
    engine: Engine, parts: tuple[Part, ...], height: float
) -> None:
    document = faded_out(draw(SIZE, 3, parts), height)
    result = engine.colorize(ColorizeRequest(document.sketch, (Reference(document.reference),)), Silent())
    got = with_lines(result.layers, clean_lines(document.sketch))
    assert document.right(got)[0] >= FLOOR
    paper = (document.labels == PAPER) & (cv2.dilate(document.lines, np.ones((5, 5), np.uint8)) < 20)
    assert (got[paper][:, :3] > 235).all(axis=1).mean() > 0.99


@pytest.mark.parametrize("height", [0.58, 0.62, 0.69])
def test_figure_that_is_cut_off_goes_on_along_its_outline_and_parts(engine: Engine, height: float) -> None:
    document = faded_out(draw(512, 2, FISH), height)
    result = engine.colorize(ColorizeRequest(document.sketch, (Reference(document.reference),)), Silent())
    assert document.right(with_lines(result.layers, clean_lines(document.sketch)))[0] >= 0.97


@pytest.mark.parametrize(("dots", "seed"), [(8, 0), (8, 3), (9, 1), (9, 2)])
def test_reference_shows_borders_of_which_a_third_is_missing(engine: Engine, dots: int, seed: int) -> None:
    document = broken(draw(440, 3, ROBOT), np.random.default_rng(seed), dots=dots, lost=0.3)
    result = engine.colorize(ColorizeRequest(document.sketch, (Reference(document.reference),)), Silent())
    pixels, parts = document.right(with_lines(result.layers, clean_lines(document.sketch)))
    assert pixels >= FLOOR
    assert parts == 1
