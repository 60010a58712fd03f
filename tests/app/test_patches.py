"""What a repair changes lies over the canvas until the layers are written: lines stay, the rest is transparent."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.patches import MOST_PIXELS, Flat, patch
from krita_colorize.app.session import Session
from krita_colorize.core.port import LayerInfo, Pixels
from krita_colorize.qt import QtGui

RED, GREEN, BLUE = b"\x20\x30\xe0\xff", b"\x30\xd0\x40\xff", b"\xe0\x40\x30\xff"
NOTHING = bytes(4)


def row(*pixels: bytes, x: int = 0, y: int = 0) -> Pixels:
    return Pixels(len(pixels), 1, b"".join(pixels), x, y)


def colours(png: bytes) -> list[tuple[int, int, int, int]]:
    image = QtGui.QImage.fromData(png)
    found = (image.pixelColor(x, y) for y in range(image.height()) for x in range(image.width()))
    return [(one.blue(), one.green(), one.red(), one.alpha()) for one in found]


def shown(merged: Pixels, *flats: Flat) -> list[tuple[int, int, int, int]]:
    found = patch(merged, flats, merged.box)
    assert found is not None
    return colours(found[0])


def test_only_what_changes_is_shown() -> None:
    merged = row(RED, RED, b"\xff\xff\xff\xff")
    found = shown(merged, Flat(row(RED, RED, NOTHING), row(RED, GREEN, NOTHING)))
    assert found == [(0, 0, 0, 0), tuple(GREEN), (0, 0, 0, 0)]


def test_a_line_over_the_colour_stays() -> None:
    ink, half = b"\x00\x00\x00\xff", bytes(value // 2 for value in RED[:3]) + b"\xff"
    found = shown(row(ink, half), Flat(row(RED, RED), row(GREEN, GREEN)))
    assert found[0] == pytest.approx(tuple(ink), abs=4)
    assert found[1] == pytest.approx([value / 2 for value in GREEN[:3]] + [255], abs=4)


def test_what_another_layer_hides_does_not_change() -> None:
    below = Flat(row(RED, RED), row(GREEN, GREEN))
    above = Flat(row(BLUE, BLUE), row(BLUE, BLUE), Pixels(2, 1, b"\xff\x00"))
    assert shown(row(BLUE, RED), below, above) == [(0, 0, 0, 0), tuple(GREEN)]


def test_a_change_that_is_hidden_altogether_shows_nothing() -> None:
    below = Flat(row(RED), row(GREEN))
    above = Flat(row(BLUE), row(BLUE))
    assert patch(row(BLUE), [below, above], (0, 0, 1, 1)) is None


def test_a_change_of_one_level_is_seen() -> None:
    nearly = bytes([RED[0] + 1]) + RED[1:]
    assert shown(row(RED), Flat(row(RED), row(nearly))) == [tuple(nearly)]


def test_a_part_of_the_box_changes() -> None:
    """Layers are cropped to what they hold."""
    merged = Pixels(2, 2, RED + BLUE + BLUE + BLUE, 5, 7)
    found = shown(merged, Flat(row(RED, x=5, y=7), row(GREEN, x=5, y=7)))
    assert found == [tuple(GREEN), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_a_large_change_is_shown_at_a_lower_resolution() -> None:
    width, height = 2600, 1200
    before, after = (Pixels(width, height, one * (width * height)) for one in (RED, GREEN))
    found = patch(before, [Flat(before, after)], (0, 0, width, height))
    assert found is not None
    image = QtGui.QImage.fromData(found[0])
    assert image.width() * image.height() == pytest.approx(MOST_PIXELS, rel=0.01)
    assert image.pixelColor(image.width() - 1, 0) == QtGui.QColor(GREEN[2], GREEN[1], GREEN[0])


opaque = st.binary(min_size=3, max_size=3).map(lambda bgr: bgr + b"\xff")


@given(before=opaque, after=opaque)
def test_a_colour_without_lines_becomes_exactly_the_new_one(before: bytes, after: bytes) -> None:
    found = patch(row(before), [Flat(row(before), row(after))], (0, 0, 1, 1))
    assert (found is None) == (before == after)
    if found is not None:
        assert colours(found[0]) == [tuple(after)]


def edit(session: Session, model: DocumentModel, item: Item, qtbot: Any) -> str:
    """The first colour of the palette becomes another, which is returned."""
    before, wanted = item.changes, "#123456"
    session.palettes.edit(model, {item.result.palette[0]: wanted})
    wait(qtbot, lambda: item.changes > before or session.error)
    assert not session.error
    return wanted


def test_the_change_lies_over_the_canvas_before_the_layers_are_written(
    ready: Session, page: Page, model: DocumentModel, applied: Item, port: FakePort, qtbot: Any
) -> None:
    at_writing: list[object] = []
    write = port.replace_pixels

    def replace_pixels(*arguments: Any) -> None:
        at_writing.append(port.patch)
        write(*arguments)

    port.replace_pixels = replace_pixels  # type: ignore[method-assign]
    wanted = edit(ready, model, applied, qtbot)
    (found,) = at_writing
    assert found is not None
    png, _ = found  # type: ignore[misc]
    named = {QtGui.QColor(r, g, b).name() for b, g, r, alpha in colours(png) if alpha}
    assert named == {wanted}
    wait(qtbot, lambda: port.patch is None)


def test_nothing_is_shown_of_a_hidden_group(
    ready: Session, page: Page, model: DocumentModel, applied: Item, port: FakePort, qtbot: Any
) -> None:
    for index, layer in enumerate(page.document.layers):
        if layer.id == applied.group_id:
            page.document.layers[index] = LayerInfo(**{**vars(layer), "visible": False})
    model.refresh()
    edit(ready, model, applied, qtbot)
    assert port.patches == []


def test_nothing_is_shown_to_an_artist_who_paints(
    ready: Session,
    page: Page,
    model: DocumentModel,
    applied: Item,
    port: FakePort,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merged = port.merged

    def pen_goes_down(*arguments: Any) -> Pixels:
        port.pen_down = True
        return merged(*arguments)

    monkeypatch.setattr(port, "merged", pen_goes_down)
    before = applied.changes
    ready.palettes.edit(model, {applied.result.palette[0]: "#123456"})
    wait(qtbot, lambda: port.pen_down)
    qtbot.wait(300)
    assert port.patches == []
    port.pen_down = False
    wait(qtbot, lambda: applied.changes > before)
    assert port.patches == []


def test_what_is_waited_for_is_dropped_when_the_docker_closes(
    ready: Session, model: DocumentModel, applied: Item, port: FakePort, qtbot: Any
) -> None:
    ready.palettes.edit(model, {applied.result.palette[0]: "#123456"})
    wait(qtbot, lambda: port.patch is not None)
    ready.close()
    assert port.patch is None
