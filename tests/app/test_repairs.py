"""Redo of a result that lies in the document: only what a change reaches is replaced, strokes stay, one undo step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.repairs import GROUP_GONE, UNSEEN
from krita_colorize.app.session import Session
from krita_colorize.core.edits import Binding
from krita_colorize.core.port import Kind, Pixels
from krita_colorize.core.settings import Options, Settings

W, H = 64, 48
SHEET = b"\x10\x80\xf0\xff"
INVERTED = bytes(v ^ 255 for v in SHEET[:3]) + b"\xff"
STROKE = b"\x01\x02\x03\xff"


def layer_id(page: Page, name: str) -> str:
    return next(layer.id for layer in page.document.layers if layer.name == name)


def paint(page: Page, name: str, value: bytes, x: int, y: int, width: int = 1, height: int = 1) -> None:
    """A stroke of the artist."""
    key = layer_id(page, name)
    before, size = page.document.pixels[key], len(value)
    data = bytearray(before.data)
    for row in range(y, y + height):
        data[(row * W + x) * size : (row * W + x + width) * size] = value * width
    page.document.pixels[key] = Pixels(W, H, bytes(data))


def pixel(page: Page, x: int, y: int, name: str = "Flats") -> bytes:
    data = page.document.pixels[layer_id(page, name)].data
    return data[(y * W + x) * 4 : (y * W + x) * 4 + 4]


def redo(session: Session, page: Page, qtbot: Any, item: Item) -> None:
    before = item.changes
    session.redo()
    wait(qtbot, lambda: item.changes > before or session.error)


def choose_painted_mask(page: Page, model: DocumentModel, port: FakePort) -> None:
    """A layer of the artist's own is the mask, and one pixel of it isn't figure any more."""
    mask = port.add_layer(page.document, "My mask", Kind.PAINT, b"\xff\xff\xff\xff")
    port.select(page.document, page.lines)
    model.change(sketch_mask=mask.id)
    paint(page, "My mask", b"\x00\x00\x00\xff", 3, 3)


def test_nothing_lies_over_the_picture_while_it_is_repaired(
    ready: Session, page: Page, applied: Item, port: FakePort, qtbot: Any
) -> None:
    wait(qtbot, lambda: port.overlay is None)
    port.overlays.clear()
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    redo(ready, page, qtbot, applied)
    assert port.overlays == []


def test_only_the_painted_part_of_the_mask_changes(
    ready: Session, page: Page, applied: Item, qtbot: Any
) -> None:
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    before = page.document.pixels[layer_id(page, "Flats")].data
    redo(ready, page, qtbot, applied)
    after = page.document.pixels[layer_id(page, "Flats")].data
    changed = {n for n in range(W * H) if before[n * 4 : n * 4 + 4] != after[n * 4 : n * 4 + 4]}
    assert changed == {y * W + x for x in range(10, 14) for y in range(5, 8)}
    assert pixel(page, 11, 6) == INVERTED
    assert page.document.undo == ["Add Layer", page.document.undo[-1]]
    assert len(ready.document.results) == 1


def test_strokes_on_the_result_are_kept(ready: Session, page: Page, applied: Item, qtbot: Any) -> None:
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    paint(page, "Flats", STROKE, 11, 6)
    paint(page, "Flats", STROKE, 40, 40)
    redo(ready, page, qtbot, applied)
    assert [pixel(page, *at) for at in ((11, 6), (40, 40), (12, 6))] == [STROKE, STROKE, INVERTED]
    paint(page, "Foreground mask", b"\xff", 10, 5, 4, 3)  # and once more, back
    redo(ready, page, qtbot, applied)
    assert [pixel(page, *at) for at in ((11, 6), (40, 40), (12, 6))] == [STROKE, STROKE, SHEET]


def test_strokes_painted_while_it_computes_are_kept(
    ready: Session, page: Page, port: FakePort, applied: Item, qtbot: Any
) -> None:
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    port.pen_down = True
    ready.redo()
    wait(qtbot, lambda: ready.job is None)
    paint(page, "Flats", STROKE, 11, 6)
    port.pen_down = False
    wait(qtbot, lambda: applied.changes > 1)
    assert [pixel(page, 11, 6), pixel(page, 12, 6)] == [STROKE, INVERTED]
    paint(page, "Foreground mask", b"\xff", 10, 5, 4, 3)
    redo(ready, page, qtbot, applied)
    assert [pixel(page, 11, 6), pixel(page, 12, 6)] == [STROKE, SHEET]


def test_nothing_changed_is_told(ready: Session, page: Page, applied: Item, qtbot: Any) -> None:
    redo(ready, page, qtbot, applied)
    assert ready.error.startswith("Nothing has changed since")
    assert page.document.undo == ["Add Layer"]


def test_after_an_undo_redo_makes_the_change_again(
    ready: Session, page: Page, applied: Item, qtbot: Any
) -> None:
    before = page.document.pixels[layer_id(page, "Flats")]
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    redo(ready, page, qtbot, applied)
    page.document.pixels[layer_id(page, "Flats")] = before  # the artist's undo
    redo(ready, page, qtbot, applied)
    assert (pixel(page, 11, 6), ready.error) == (INVERTED, "")


def test_hints_and_bindings_reach_their_place(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, applied: Item, qtbot: Any
) -> None:
    hints = port.add_layer(page.document, "Colour hints", Kind.PAINT, b"\x00\x00\x00\x00")
    port.select(page.document, page.lines)
    wait(qtbot, lambda: len(model.layers) > 5)
    paint(page, "Colour hints", STROKE, 20, 20)
    model.change(hints=hints.id, bindings=(Binding(30, 30, page.sheet.id, 7, 7),))
    redo(ready, page, qtbot, applied)
    assert ready.error == ""
    assert [pixel(page, *at) for at in ((20, 20), (30, 30), (31, 30))] == [STROKE, b"\x11\x81\xf1\xff", SHEET]
    model.change(bindings=())
    redo(ready, page, qtbot, applied)
    assert [pixel(page, *at) for at in ((20, 20), (30, 30))] == [STROKE, SHEET]


def test_chosen_mask_that_is_painted_counts(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, applied: Item, qtbot: Any
) -> None:
    choose_painted_mask(page, model, port)
    redo(ready, page, qtbot, applied)
    assert [pixel(page, 3, 3), pixel(page, 4, 3)] == [INVERTED, SHEET]
    paint(page, "My mask", b"\x00\x00\x00\xff", 4, 3)
    redo(ready, page, qtbot, applied)
    assert [pixel(page, 3, 3), pixel(page, 4, 3), pixel(page, 5, 3)] == [INVERTED, INVERTED, SHEET]


def test_key_strokes_of_a_repaired_result_have_its_colours(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    model.change(model="masked", options=Options(colorize_mask=True))
    ready.colorize()
    wait(qtbot, lambda: model.results)
    ready.apply()
    wait(qtbot, lambda: port.inserted and model.results[0].base is not None)
    hints = port.add_layer(page.document, "Colour hints", Kind.PAINT, STROKE)
    port.select(page.document, page.lines)
    model.change(hints=hints.id)
    redo(ready, page, qtbot, model.results[0])
    ready.apply()
    wait(qtbot, lambda: len(port.inserted) == 2)
    colours = [{one.colour for one in group.layers[-1].key_strokes} for group in port.inserted]
    assert colours == [{int.from_bytes(value, "little")} for value in (SHEET, STROKE)]


def test_what_the_groups_own_mask_hides_is_told(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, applied: Item, qtbot: Any
) -> None:
    choose_painted_mask(page, model, port)
    redo(ready, page, qtbot, applied)
    wait(qtbot, lambda: ready.error == UNSEEN)
    for name in ("My mask", "Foreground mask"):
        paint(page, name, b"\x00\x00\x00\xff" if name == "My mask" else b"\x00", 4, 3)
    redo(ready, page, qtbot, applied)
    assert ready.error == ""


def test_a_result_that_was_not_applied_is_made_again(
    ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="noise", seed=5)
    ready.colorize()
    wait(qtbot, lambda: model.results)
    model.change(seed=99)
    ready.redo()
    wait(qtbot, lambda: len(model.results) == 2)
    again, first = (item.result for item in model.results)
    assert again.request == first.request
    assert again.layers() == first.layers()


def test_deleted_layers_are_told(ready: Session, page: Page, applied: Item, qtbot: Any) -> None:
    paint(page, "Foreground mask", b"\x00", 1, 1)
    flats = layer_id(page, "Flats")
    page.document.layers = [layer for layer in page.document.layers if layer.id != flats]
    redo(ready, page, qtbot, applied)
    assert "gone or empty" in ready.error


def test_repaired_results_come_back_with_the_document(
    ready: Session, page: Page, model: DocumentModel, applied: Item, qtbot: Any, scripted_home: Path
) -> None:
    """After a crash of Krita: another session, the same document, and Redo still knows what was delivered."""
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    paint(page, "Flats", STROKE, 11, 6)
    redo(ready, page, qtbot, applied)
    folder = scripted_home / "results" / model.document_id
    wait(qtbot, lambda: ready._workers._pool.waitForDone(1000) and list(folder.glob("*.clz")))
    other_port = FakePort()
    other_port.documents, other_port.active = {page.key: page.document}, page.key
    other_port._ids = 1000
    other = Session(other_port, home=scripted_home)
    wait(qtbot, lambda: other.document is not None and other.document.results)
    (item,) = other.document.results
    assert (item.group_id, item.made) == (applied.group_id, applied.made)
    paint(page, "Foreground mask", b"\xff", 10, 5, 4, 3)
    redo(other, page, qtbot, item)
    assert [pixel(page, 11, 6), pixel(page, 12, 6)] == [STROKE, SHEET]
    other.close()
    other.deleteLater()


def test_settings_are_those_of_the_result(ready: Session, page: Page, applied: Item, qtbot: Any) -> None:
    before: Settings = applied.result.request.settings
    ready.document.change(seed=77)
    paint(page, "Foreground mask", b"\x00", 1, 1)
    redo(ready, page, qtbot, applied)
    assert applied.result.request.settings == before


def test_without_its_sketch_a_result_is_still_repaired(
    ready: Session, page: Page, applied: Item, qtbot: Any
) -> None:
    page.document.layers = [layer for layer in page.document.layers if layer.id != page.lines.id]
    ready.document.refresh()
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    redo(ready, page, qtbot, applied)
    assert ready.error == ""
    assert pixel(page, 11, 6) == INVERTED


def test_layers_undone_meanwhile_are_told(
    ready: Session, page: Page, port: FakePort, applied: Item, qtbot: Any
) -> None:
    paint(page, "Foreground mask", b"\x00", 10, 5, 4, 3)
    ready.redo()
    page.document.layers = [page.lines, page.sheet]
    wait(qtbot, lambda: ready.error)
    assert ready.error == GROUP_GONE
    ready.select_result(applied.number)
    ready.apply()
    wait(qtbot, lambda: page.document.undo == ["Add Layer", "Add Layer"])
