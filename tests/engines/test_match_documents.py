"""Every kind of document comes out right: the reference shows the same pose, so nothing is left to guess but lines."""

from __future__ import annotations

import pytest
from colorizer.engines.base import ColorizeRequest, Engine, Reference
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.pages import with_pages
from colorizer.imaging.layers import with_lines
from colorizer.imaging.lines import clean_lines
from documents import cases
from listening import Silent

SIZE, SEED = 640, 3
NAMES = tuple(cases(32, SEED))
FLOOR, PARTS = 0.985, 0.9
PARTS_OF = {"small figure": 0.85, "small figure with notes": 0.85}
"""Its eyes are narrower than the strokes around them, as what is left between strokes of hatching is."""


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
