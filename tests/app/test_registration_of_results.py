"""Results, previews, bindings and Redo follow a canvas that was turned, resized or mirrored; else that is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.registration import LOST
from krita_colorize.app.session import Session
from krita_colorize.core.edits import Binding
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Change, Pixels

W, H = 64, 48
TURNED = Placement(H, W, 0, -1, 1, 0, H, 0)
SHEET, STROKE = b"\x10\x80\xf0\xff", b"\x01\x02\x03\xff"
INVERTED = bytes(value ^ 255 for value in SHEET[:3]) + b"\xff"
SHIFTED = Placement(90, 70, dx=11, dy=9)
MIRRORED = Placement(W, H, -1, 0, 0, 1, W, 0)


def drawing() -> Pixels:
    picture = np.zeros((H, W, 4), np.uint8)
    chance = np.random.default_rng(3)
    for _ in range(60):
        x, y = chance.integers(0, W - 6), chance.integers(0, H - 2)
        picture[y : y + 2, x : x + 6] = (0, 0, 0, 255)
    return Pixels(W, H, picture.tobytes())


@pytest.fixture
def drawn(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:
    """A result of a sketch with lines."""
    page.document.pixels[page.lines.id] = drawing()
    model.change(model="masked", bindings=(Binding(5, 6, page.sheet.id, 1, 1),))
    ready.colorize()
    wait(qtbot, lambda: model.results and model.results[0].base is not None)
    return model.results[0]


def change_canvas(port: FakePort, page: Page, placement: Placement) -> None:
    """As Krita does: every layer follows, the canvas has another size."""
    document = page.document
    document.info = replace(document.info, width=placement.width, height=placement.height)
    for key, pixels in document.pixels.items():
        document.pixels[key] = placed(placement.moved(pixels), 0, 0, placement.width, placement.height)
    document.undo.append("Change canvas")
    port.tell(Change.CONTENT)


def canvas(item: Item) -> tuple[int, int]:
    return item.result.request.width, item.result.request.height


@pytest.mark.parametrize("placement", [TURNED, SHIFTED, MIRRORED], ids=["turned", "shifted", "mirrored"])
def test_an_applied_result_lies_where_the_sketch_does(
    ready: Session, page: Page, port: FakePort, drawn: Item, qtbot: Any, placement: Placement
) -> None:
    before = {layer.role: layer for layer in drawn.result.layers()}
    change_canvas(port, page, placement)
    ready.apply()
    wait(qtbot, lambda: len(page.document.undo) == 2)
    (group,) = port.inserted
    for layer in group.layers:
        assert layer.pixels == placement.moved(before[layer.role].pixels)
        mask = before[layer.role].mask
        assert layer.mask == (placement.moved(mask) if mask is not None else None)
    assert ready.error == ""


def test_overlay_thumbnail_and_bindings_follow(
    ready: Session, page: Page, port: FakePort, drawn: Item, model: DocumentModel, qtbot: Any
) -> None:
    wide = (drawn.thumbnail.width(), drawn.thumbnail.height())
    change_canvas(port, page, TURNED)
    wait(qtbot, lambda: canvas(drawn) == (H, W) and port.overlay == drawn.result.preview_png)
    assert (drawn.thumbnail.height(), drawn.thumbnail.width()) == wide
    shown = pictures.read_data(port.overlay or b"", "overlay")
    assert shown.height() > shown.width()
    assert [(one.x, one.y) for one in model.settings.bindings] == [(H - 6 - 1, 5)]
    change_canvas(port, page, TURNED.back(W, H))  # an undo
    wait(qtbot, lambda: canvas(drawn) == (W, H))
    assert drawn.result.placement is None
    assert [(one.x, one.y) for one in model.settings.bindings] == [(5, 6)]


def put(page: Page, layer: str, x: int, y: int, value: bytes) -> None:
    """Paints a pixel of a layer."""
    pixels = page.document.pixels[layer]
    data, start = bytearray(pixels.data), (y * pixels.width + x) * len(value)
    data[start : start + len(value)] = value
    page.document.pixels[layer] = replace(pixels, data=bytes(data))


def test_redo_after_a_resize_keeps_strokes_and_changes_the_rest(
    ready: Session, page: Page, port: FakePort, drawn: Item, qtbot: Any
) -> None:
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    change_canvas(port, page, SHIFTED)
    names = {layer.name: layer.id for layer in page.document.layers}
    page.document.pixels[page.sheet.id] = Pixels(90, 70, SHEET * 6300)
    put(page, names["Foreground mask"], 30, 20, b"\x00")
    put(page, names["Flats"], 33, 20, STROKE)
    changes = drawn.changes
    ready.redo()
    wait(qtbot, lambda: "Replace pixels" in page.document.undo or ready.error)
    assert ready.error == ""
    flats = page.document.pixels[names["Flats"]]
    found = np.frombuffer(flats.data, np.uint8).reshape(70, 90, 4)[9:57, 11:75]
    assert found[11, 19].tobytes() == INVERTED
    assert found[11, 22].tobytes() == STROKE
    wait(qtbot, lambda: drawn.changes > changes + 1)
    assert canvas(drawn) == (90, 70)
    assert drawn.result.placement is None  # it counts as made on this canvas now


def test_another_drawing_on_another_canvas_is_told(
    ready: Session, page: Page, port: FakePort, drawn: Item, model: DocumentModel, qtbot: Any
) -> None:
    change_canvas(port, page, SHIFTED)
    page.document.pixels[page.lines.id] = Pixels(90, 70, b"\x10\x20\x30\xff" * 6300)
    wait(qtbot, lambda: ready.error)
    assert ready.error == LOST
    assert port.overlay is None
    ready.apply()
    wait(qtbot, lambda: ready.error)
    assert ready.error == LOST
    assert not port.inserted
    ready.job_requests.again(model, drawn, [0])
    wait(qtbot, lambda: len(model.results) == 2)
    assert canvas(model.results[0]) == (90, 70)


def test_kept_results_follow_after_reopening(
    ready: Session, page: Page, port: FakePort, drawn: Item, model: DocumentModel, qtbot: Any
) -> None:
    change_canvas(port, page, TURNED)
    wait(qtbot, lambda: canvas(drawn) == (H, W))
    ready.history.keep(model, drawn)
    wait(qtbot, lambda: drawn.path is not None and drawn.path.exists())
    bindings = model.settings.bindings
    model.results.clear()
    ready.history.restore(model)
    wait(qtbot, lambda: model.results and canvas(model.results[0]) == (H, W))
    assert model.settings.bindings == bindings
