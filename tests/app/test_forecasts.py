"""While the backend computes a change, what it will probably be lies over the canvas; the answer replaces it."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, colorize, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.repairs import Repairs
from krita_colorize.app.session import Session
from krita_colorize.core import forecast
from krita_colorize.core.port import Box, Kind, Pixels
from krita_colorize.qt import QtGui

OLD, GREEN = "#f08010", b"\x00\xc8\x00\xff"
STRIPES = (8, 24, 40, 56)  # a column of each; the first and the third are the same part


@pytest.fixture
def item(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:
    model.change(model="regions")
    found = colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: page.document.undo and found.base is not None)
    return found


@pytest.fixture
def hinted(page: Page, model: DocumentModel, port: FakePort, item: Item, qtbot: Any) -> Item:
    """A green dot on the first stripe."""
    hints = port.add_layer(page.document, "Colour hints", Kind.PAINT, bytes(4))
    port.select(page.document, page.lines)
    wait(qtbot, lambda: any(layer.id == hints.id for layer in model.layers))
    data = bytearray(64 * 48 * 4)
    for y in range(18, 24):
        data[(y * 64 + 5) * 4 : (y * 64 + 11) * 4] = GREEN * 6
    page.document.pixels[hints.id] = Pixels(64, 48, bytes(data))
    model.change(hints=hints.id)
    return item


def colours(patch: tuple[bytes, Box]) -> list[str]:
    """What a patch shows on the stripes, "" where it is transparent."""
    png, (left, top, _, _) = patch
    image = QtGui.QImage.fromData(png)
    found = []
    for x in STRIPES:
        inside = image.valid(x - left, 20 - top)
        colour = image.pixelColor(x - left, 20 - top) if inside else QtGui.QColor(0, 0, 0, 0)
        found.append(colour.name() if colour.alpha() else "")
    return found


def edit(session: Session, model: DocumentModel, item: Item, qtbot: Any) -> None:
    """Another colour for all stripes."""
    before = item.changes
    session.palettes.edit(model, {OLD: "#123456"})
    wait(qtbot, lambda: item.changes > before)


def test_a_hint_is_seen_before_the_backend_answers(
    ready: Session, hinted: Item, port: FakePort, qtbot: Any
) -> None:
    ready.redo()
    wait(qtbot, lambda: port.patches or ready.error)
    assert colours(port.patches[0]) == ["#00c800", "", "#00c800", ""]
    assert ready.status != "Ready"


def test_it_disappears_if_nothing_changes(ready: Session, hinted: Item, port: FakePort, qtbot: Any) -> None:
    """The scripted engine doesn't follow hints."""
    ready.redo()
    wait(qtbot, lambda: ready.error)
    assert ready.error.startswith("The change made no difference")
    wait(qtbot, lambda: port.patch is None)
    assert len(port.patches) == 1


def test_it_disappears_when_the_job_is_cancelled(
    ready: Session, hinted: Item, port: FakePort, qtbot: Any
) -> None:
    ready.redo()
    wait(qtbot, lambda: port.patch is not None)
    if ready.job is not None:
        ready.job.cancel()
    wait(qtbot, lambda: port.patch is None)


def test_it_gives_way_to_the_pen(
    ready: Session, hinted: Item, port: FakePort, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Repairs, "_on_ended", lambda *_: None)  # the answer never comes
    ready.redo()
    wait(qtbot, lambda: port.patch is not None)
    port.pen_down = True
    wait(qtbot, lambda: port.patch is None)
    port.pen_down = False
    qtbot.wait(150)
    assert port.patch is None


def test_nothing_is_forecast_while_the_artist_paints(
    ready: Session, hinted: Item, port: FakePort, qtbot: Any
) -> None:
    port.pen_down = True
    ready.redo()
    wait(qtbot, lambda: ready.error)
    assert port.patches == []


def test_the_answer_shows_what_was_forecast(
    ready: Session, page: Page, model: DocumentModel, item: Item, port: FakePort, qtbot: Any
) -> None:
    edit(ready, model, item, qtbot)
    assert [colours(patch) for patch in port.patches] == [["#123456"] * 4] * 2
    wait(qtbot, lambda: port.patch is None)


def test_a_forecast_that_fails_is_not_shown_and_stops_nothing(
    ready: Session,
    model: DocumentModel,
    item: Item,
    port: FakePort,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> Pixels:
        raise RuntimeError("no projection")

    monkeypatch.setattr(port, "merged", broken)
    edit(ready, model, item, qtbot)
    assert port.patches == []
    wait(qtbot, lambda: not ready.activity.of(model.info.key))
    assert ready.error == ""


def test_results_without_regions_have_no_forecast(
    ready: Session, applied: Item, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    before = applied.changes
    ready.palettes.edit(model, {applied.result.palette[0]: "#123456"})
    wait(qtbot, lambda: applied.changes > before)
    assert len(port.patches) == 1


def test_nothing_is_forecast_on_a_huge_canvas(
    ready: Session,
    model: DocumentModel,
    item: Item,
    port: FakePort,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecast, "MOST_PIXELS", 64 * 48 - 1)
    edit(ready, model, item, qtbot)
    assert len(port.patches) == 1


def test_nothing_is_forecast_in_a_selection(
    ready: Session, page: Page, hinted: Item, port: FakePort, qtbot: Any
) -> None:
    """Only the backend knows what a change reaches in it."""
    page.document.selection = Pixels(64, 48, b"\xff" * (64 * 24) + bytes(64 * 24))
    ready.redo()
    wait(qtbot, lambda: ready.error)
    assert port.patches == []


def test_a_forecast_does_not_hide_a_stroke_that_began_when_the_answer_came(
    ready: Session,
    model: DocumentModel,
    item: Item,
    port: FakePort,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The layers are written once the pen is up."""
    merged, before = port.merged, item.changes

    def pen_goes_down(*arguments: Any) -> Pixels:
        port.pen_down = bool(port.patches)
        return merged(*arguments)

    monkeypatch.setattr(port, "merged", pen_goes_down)
    ready.palettes.edit(model, {OLD: "#123456"})
    wait(qtbot, lambda: port.pen_down)
    wait(qtbot, lambda: port.patch is None)
    assert item.changes == before
    port.pen_down = False
    wait(qtbot, lambda: item.changes > before)
