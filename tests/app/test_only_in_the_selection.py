"""A selection restricts Colorize, Apply and Redo while the switch is on; one that is a mask restricts nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from docker_stage import Page, colorize, wait
from fake_port import EMPTY, FakePort

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.port import SELECTION_ID, Change, Pixels

W, H = 64, 48
SHEET = b"\x10\x80\xf0\xff"
INVERTED = bytes(value ^ 255 for value in SHEET[:3]) + b"\xff"
LEFT = Pixels(W, H, (b"\xff" * 32 + bytes(32)) * H)


def select(page: Page, port: FakePort, selection: Pixels) -> None:
    page.document.selection = selection
    port.tell(Change.CONTENT)


def apply(session: Session, page: Page, qtbot: Any) -> None:
    before = len(page.document.undo)
    session.apply()
    wait(qtbot, lambda: len(page.document.undo) > before)


def flats(page: Page) -> np.ndarray:
    key = page.find("Flats")
    return np.frombuffer(bytes(page.document.pixels[key].data), np.uint8).reshape(H, W, 4)


def test_a_selection_restricts_what_is_applied(
    ready: Session, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    colorize(ready, qtbot)
    select(page, port, LEFT)
    apply(ready, page, qtbot)
    assert (flats(page)[:, :32, 3] == 255).all()
    assert not flats(page)[:, 32:, 3].any()
    wait(qtbot, lambda: ready.status == "Ready, only in the selection")


def test_what_was_coloured_in_a_selection_stays_in_it(
    ready: Session, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    select(page, port, LEFT)
    colorize(ready, qtbot)
    shown = pictures.read_data(model.results[0].result.preview_png, "preview")
    assert shown.pixelColor(3, 3).alpha() == 255
    assert shown.pixelColor(shown.width() - 3, 3).alpha() == 0
    select(page, port, EMPTY)
    apply(ready, page, qtbot)
    assert not flats(page)[:, 32:, 3].any()


def test_redo_repairs_only_what_is_selected(
    ready: Session, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="masked")
    colorize(ready, qtbot)
    apply(ready, page, qtbot)
    item = model.results[0]
    mask = page.find("Foreground mask")
    data = bytearray(page.document.pixels[mask].data)
    for x in (10, 50):
        data[20 * W + x] = 0
    page.document.pixels[mask] = replace(page.document.pixels[mask], data=bytes(data))
    select(page, port, LEFT)
    before = item.changes
    ready.redo()
    wait(qtbot, lambda: item.changes > before)
    assert [flats(page)[20, x].tobytes() for x in (10, 50)] == [INVERTED, SHEET]


@pytest.mark.parametrize("way", ["switched off", "the mask"])
def test_it_can_be_otherwise(
    ready: Session, page: Page, port: FakePort, model: DocumentModel, qtbot: Any, way: str
) -> None:
    if way == "the mask":
        model.change(sketch_mask=SELECTION_ID)
    else:
        ready.canvas.selection.switch(on=False)
    select(page, port, LEFT)
    colorize(ready, qtbot)
    apply(ready, page, qtbot)
    assert (flats(page)[..., 3] == 255).all()
    assert "selection" not in ready.status
