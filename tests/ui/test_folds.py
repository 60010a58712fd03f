"""The folds of the docker: hints and bindings, the palette, the check view."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app import checks
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.check import Place, PlaceKind
from krita_colorize.core.edits import Binding, Swap
from krita_colorize.core.swatches import ColourMap, Side
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.docker import DockerWidget


@pytest.fixture
def docker(ready: Session, page: Page, qtbot: Any) -> DockerWidget:
    docker = DockerWidget(ready)
    qtbot.addWidget(docker)
    docker.resize(300, 1200)
    docker.show()
    for name in ("hints", "palette", "check"):
        find(docker, f"{name}_section").click()
    find(docker, "pages").setCurrentIndex(1)
    return docker


@pytest.fixture
def coloured(docker: DockerWidget, ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    model.change(model="masked")
    ready.colorize()
    wait(qtbot, lambda: model.results)
    return docker


def find(docker: QtWidgets.QWidget, name: str) -> Any:
    (widget,) = docker.findChildren(QtWidgets.QWidget, name)
    return widget


def test_a_hint_layer_is_made_chosen_and_selected(
    docker: DockerWidget, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    find(docker, "create_hints_button").click()
    wait(qtbot, lambda: model.settings.hints)
    assert page.document.layers[0].name == "Colour hints"
    assert page.document.active == model.settings.hints == find(docker, "hints_combo").currentData()
    qtbot.wait(100)
    assert model.sketch.id == page.lines.id  # painting hints is still work on the same sketch


def test_two_clicks_bind_a_region_to_a_spot(
    docker: DockerWidget, page: Page, model: DocumentModel, port: FakePort, ready: Session, qtbot: Any
) -> None:
    find(docker, "show_reference_button").click()
    picture = find(docker, "reference_picture")
    wait(qtbot, picture.isVisible)
    qtbot.mouseClick(picture, QtCore.Qt.MouseButton.LeftButton, pos=picture.rect().center())
    assert ready.bindings.waiting
    assert "Now click" in find(docker, "binding_label").text()
    port.picked(page.key, 10, 12)
    (binding,) = model.settings.bindings
    assert (binding.x, binding.y, binding.reference) == (10, 12, page.sheet.id)
    assert abs(binding.reference_x - 32) <= 1
    assert abs(binding.reference_y - 24) <= 1
    assert not ready.bindings.waiting
    find(docker, "remove_binding_button").click()
    assert model.settings.bindings == ()


def test_spots_can_be_chosen_with_the_keyboard(
    docker: DockerWidget, ready: Session, port: FakePort, qtbot: Any
) -> None:
    find(docker, "show_reference_button").click()
    picture = find(docker, "reference_picture")
    wait(qtbot, picture.isVisible)
    keys = QtCore.Qt.Key
    for key in (keys.Key_Right, keys.Key_Down, keys.Key_Return):
        qtbot.keyClick(picture, key)
    assert ready.bindings.spot == (33, 25)
    find(docker, "stop_binding_button").click()
    assert (ready.bindings.spot, port.picked) == (None, None)


def test_bindings_of_a_removed_reference_do_not_disturb(
    docker: DockerWidget, page: Page, model: DocumentModel, ready: Session, qtbot: Any
) -> None:
    model.change(bindings=(Binding(1, 1, "{gone}", 2, 2), Binding(3, 3, page.sheet.id, 4, 4)))
    ready.colorize()
    wait(qtbot, lambda: model.results or ready.error)
    assert ready.error == ""


def test_palette_is_shown_and_edited(coloured: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    swatches = find(coloured, "palette_list")
    assert swatches.count() == 1
    swatches.item(0).setSelected(True)
    find(coloured, "edit_colour_button").click()
    dialog = coloured.findChild(QtWidgets.QColorDialog, "colour_dialog")
    dialog.colorSelected.emit(QtGui.QColor("#112233"))
    dialog.close()
    wait(qtbot, lambda: len(model.results) == 2)
    assert model.settings.swaps == (Swap("#f08010", "#112233"),)
    assert "#112233" in swatches.item(0).toolTip()


def test_locks_are_kept_with_the_sketch(coloured: DockerWidget, model: DocumentModel) -> None:
    find(coloured, "palette_list").item(0).setSelected(True)
    find(coloured, "lock_colour_button").click()
    assert model.settings.locked == ("#f08010",)
    assert "locked" in find(coloured, "palette_list").item(0).toolTip()


def test_places_are_circled_one_after_the_other(
    coloured: DockerWidget, port: FakePort, ready: Session, page: Page, qtbot: Any
) -> None:
    label, forward = find(coloured, "check_label"), find(coloured, "next_place_button")
    assert label.text() == "2 places to check"
    preview = port.overlay
    forward.click()
    wait(qtbot, lambda: port.overlay != preview)
    assert label.text() == "1 of 2: not painted"
    assert port.looked_at == tuple(vars(ready.checks.places[0]).values())[1:]
    forward.click()
    assert label.text() == "2 of 2: unsure of the colour"
    find(coloured, "previous_place_button").click()
    assert label.text().startswith("1 of 2")
    circles = QtGui.QImage.fromData(port.overlay)
    assert (circles.width(), circles.height()) == (64, 48)


def test_the_place_one_is_at_is_seen_where_others_have_its_outline() -> None:
    twice = (Place(PlaceKind.DOUBTFUL, 10, 10, 20, 20),) * 2
    image = checks._circles(twice, 0, 64, 64, b"")
    colours = {image.pixelColor(x, y).name() for x in range(64) for y in range(64)}
    assert checks.CURRENT in colours


def test_places_become_the_selection(coloured: DockerWidget, page: Page, qtbot: Any) -> None:
    find(coloured, "select_places_button").click()
    wait(qtbot, lambda: page.document.selection.data)
    assert page.document.selection.data == b"\xff" * (64 * 48)


def test_a_swatch_under_the_mouse_is_lit(
    coloured: DockerWidget, ready: Session, port: FakePort, qtbot: Any
) -> None:
    wait(qtbot, lambda: ready.swatches.map)
    swatches, shown = find(coloured, "palette_list"), port.overlay
    wait(qtbot, lambda: "%" in swatches.item(0).toolTip())
    swatches.itemEntered.emit(swatches.item(0))
    wait(qtbot, lambda: port.overlay != shown)
    QtWidgets.QApplication.sendEvent(swatches.viewport(), QtCore.QEvent(QtCore.QEvent.Type.Leave))
    wait(qtbot, lambda: port.overlay == shown)


def test_a_click_on_the_canvas_selects_its_swatch(
    coloured: DockerWidget, ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    wait(qtbot, lambda: ready.swatches.map)
    button, swatches = find(coloured, "find_colour_button"), find(coloured, "palette_list")
    button.click()
    assert button.isChecked()
    port.picked(page.key, 10, 10)
    assert [item.toolTip().split("\n")[0] for item in swatches.selectedItems()] == ["#f08010"]
    button.click()
    assert (button.isChecked(), port.picked) == (False, None)


def test_an_edit_reaches_every_colour_of_a_swatch(
    coloured: DockerWidget, ready: Session, model: DocumentModel, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    wait(qtbot, lambda: ready.swatches.map)
    brown, near, sky = "#804020", "#814121", "#a0c0f0"
    counts = {(brown, Side.FOREGROUND): 9, (near, Side.FOREGROUND): 3, (sky, Side.BACKGROUND): 5}
    where = ColourMap((brown, near, sky), 3, 1, 3, 1, bytes([0, 1, 2]), counts)
    item = model.results[0]
    item.result = item.result.with_palette(where.colours)
    ready.swatches.map = where
    edits: list[dict[str, str]] = []
    monkeypatch.setattr(ready.palettes, "edit", lambda _model, found: edits.append(found))
    ready.swatches.changed.emit()
    swatches = find(coloured, "palette_list")
    assert swatches.count() == 3  # two swatches, and a line between foreground and background
    assert "and 1 like it" in swatches.item(0).toolTip()
    swatches.item(0).setSelected(True)
    find(coloured, "merge_colours_button").click()
    find(coloured, "edit_colour_button").click()
    coloured.findChild(QtWidgets.QColorDialog, "colour_dialog").colorSelected.emit(QtGui.QColor("#112233"))
    find(coloured, "swatch_merge_spin").setValue(0)
    assert model.settings.swatch_merge == 0
    assert swatches.count() == 4
    assert edits == [{brown: brown, near: brown}, {brown: "#112233", near: "#112233"}]
