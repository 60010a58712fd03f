"""Swatches on the canvas: one lights its regions, a click finds one; the next result has its own."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.app.swatches import SHADE, lit
from krita_colorize.core.errors import UserError
from krita_colorize.core.swatches import NONE, ColourMap, Side, Swatch
from krita_colorize.qt import QtGui

SHEET = "#f08010"


@pytest.fixture
def known(ready: Session, model: DocumentModel, qtbot: Any) -> Session:
    """With a result whose colours were looked for."""
    ready.colorize()
    wait(qtbot, lambda: model.results and ready.status == "Ready")
    ready.swatches.follow(model)
    wait(qtbot, lambda: ready.swatches.map)
    return ready


def test_a_swatch_lights_its_regions_and_no_others() -> None:
    where = ColourMap(("#ff0000", "#fe0000", "#0000ff"), 4, 1, 400, 100, bytes([0, 1, 2, NONE]), {})
    image = lit(where, Swatch("#ff0000", ("#ff0000", "#fe0000"), Side.FOREGROUND, 0.5))
    assert [image.pixel(x, 0) for x in range(4)] == [
        *(QtGui.QColor(colour).rgba() for colour in ("#ff0000", "#fe0000")),
        SHADE,
        SHADE,
    ]


def test_lighting_changes_the_overlay_only(known: Session, page: Page, port: FakePort, qtbot: Any) -> None:
    shown, undo = port.overlay, list(page.document.undo)
    (only,) = known.swatches.map.swatches(5)
    known.swatches.light(only)
    wait(qtbot, lambda: port.overlay != shown)
    known.peek_ends()
    wait(qtbot, lambda: port.overlay == shown)
    assert page.document.undo == undo


def test_clicks_find_colours_until_it_is_stopped(known: Session, page: Page, port: FakePort) -> None:
    found: list[str] = []
    known.swatches.picked.connect(found.append)
    known.swatches.pick()
    for x in (3, 40):
        port.picked(page.key, x, 5)
    port.picked(page.key, -1, 5)  # beside the picture
    assert found == [SHEET, SHEET]
    known.swatches.stop_picking()
    assert port.picked is None


def test_another_result_ends_picking_and_is_looked_at(
    known: Session, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    known.swatches.pick()
    model.change(seed=5)
    known.colorize()
    wait(qtbot, lambda: len(model.results) == 2)
    known.swatches.follow(model)
    assert (known.swatches.map, port.picked) == (None, None)
    wait(qtbot, lambda: known.swatches.map)


def test_without_a_result_there_is_nothing_to_find(ready: Session, model: DocumentModel) -> None:
    ready.swatches.follow(model)
    with pytest.raises(UserError, match="no palette yet"):
        ready.swatches.pick()
