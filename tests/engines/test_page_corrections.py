"""A page's panels have one table of regions, and corrections go to their panel, bubbles included."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.engines.base import ColorizeRequest, Correction, Reference, Result
from colorizer.engines.pages import with_pages
from colorizer.imaging.layers import flatten
from drawn import box_reference
from drawn_pages import WHITE, Page, draw_page
from listening import Silent
from match_stand_ins import SamePlace
from match_stand_ins import engine as match_engine

PINK = (255, 1, 254)


@pytest.fixture(scope="module")
def page() -> Page:
    return draw_page(2, 800, 800, panels=4)


def coloured(page: Page, *corrections: Correction) -> Result:
    request = ColorizeRequest(page.sketch(), (Reference(box_reference()),), corrections=corrections)
    return with_pages(match_engine(SamePlace())).colorize(request, Silent())


@pytest.fixture(scope="module")
def plain(page: Page) -> Result:
    return coloured(page)


def shown(result: Result) -> np.ndarray:
    return flatten(result.layers, 800, 800)[..., :3]


def test_the_table_covers_the_page_and_knows_the_layers(page: Page, plain: Result) -> None:
    table = plain.table
    assert table is not None
    assert table.labels.shape == (800, 800)
    assert set(np.unique(table.labels)) == set(range(table.count))
    for other in {int(one) for others in table.alike for one in others}:
        assert 0 <= other < table.count
    gutter = table.labels[2, 2]
    assert table.on_background[gutter]


@pytest.mark.parametrize("panel", [0, 3])
def test_a_correction_paints_its_region_in_its_panel(page: Page, plain: Result, panel: int) -> None:
    table = plain.table
    assert table is not None
    free = (page.panels[panel] > 0) & (page.labels != WHITE) & (page.lines == 0)
    y, x = np.argwhere(free)[free.sum() // 2]
    told = shown(coloured(page, Correction(int(x), int(y), "#ff01fe")))
    here = table.labels == table.labels[y, x]
    assert (told[here] == PINK).all()
    assert np.array_equal(told[~here], shown(plain)[~here])


def test_a_corrected_bubble_takes_its_colour(page: Page, plain: Result) -> None:
    assert plain.table is not None
    bubbles = (page.labels == WHITE) & (page.panels[0] > 0) & (page.lines == 0)
    y, x = np.argwhere(bubbles)[bubbles.sum() // 2]
    assert plain.table.on_background[plain.table.labels[y, x]]
    assert tuple(shown(coloured(page, Correction(int(x), int(y), "#ff01fe")))[y, x]) == PINK
