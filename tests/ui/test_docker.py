"""The docker's widgets: what they show, what they change, and that they fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.modes import Mode
from krita_colorize.core.port import SELECTION_ID, Kind
from krita_colorize.core.settings import MAX_SEED
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.docker import DockerWidget

NAMES = [
    *("status_label", "error_label", "progress_bar", "backend_button", "engine_combo", "model_combo"),
    *("sketch_combo", "reference_list", "add_reference_button", "background_combo", "mode_combo"),
    *("style_detail_check", "background_detail_check", "palette_lock_check", "sketch_mask_combo"),
    *("create_sketch_mask_button", "reference_mask_combo", "create_reference_mask_button", "seed_spin"),
    *("colorize_button", "cancel_button", "redo_button", "results_list", "apply_button", "discard_button"),
]


@pytest.fixture
def docker(session: Session, qtbot: Any) -> DockerWidget:
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    docker.resize(300, 900)
    docker.show()
    return docker


def find(docker: QtWidgets.QWidget, name: str) -> Any:
    (widget,) = docker.findChildren(QtWidgets.QWidget, name)
    return widget


def data(combo: QtWidgets.QComboBox) -> list[str]:
    return [combo.itemData(row) for row in range(combo.count())]


def choose(combo: QtWidgets.QComboBox, value: str) -> None:
    if combo.findData(value) < 0:  # the scripted backend offers other engines than the built-in list
        combo.addItem(value, value)
    assert combo.findData(value) >= 0
    combo.setCurrentIndex(combo.findData(value))


def click(qtbot: Any, widget: QtWidgets.QWidget) -> None:
    qtbot.mouseClick(widget, QtCore.Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("name", NAMES)
def test_widgets_have_their_names(docker: DockerWidget, name: str) -> None:
    assert find(docker, name) is not None


def test_everything_can_be_explained_and_read_out(docker: DockerWidget, page: Page) -> None:
    kinds = (
        QtWidgets.QAbstractButton,
        QtWidgets.QComboBox,
        QtWidgets.QAbstractSpinBox,
        QtWidgets.QListWidget,
    )
    controls = [docker.findChildren(kind) for kind in kinds]
    named = [widget for widgets in controls for widget in widgets if widget.objectName() in NAMES]
    assert len(named) >= 20
    assert [widget.objectName() for widget in named if not (widget.accessibleName() or widget.text())] == []
    assert [
        widget.objectName()
        for widget in named
        if not widget.toolTip() and "results" not in widget.objectName()
    ] == []


def test_nothing_open_leaves_only_the_backend_button(docker: DockerWidget) -> None:
    assert find(docker, "status_label").text() == "Open a picture to colour it"
    enabled = [name for name in NAMES if name.endswith("button") and find(docker, name).isEnabled()]
    assert enabled == ["backend_button"]


def test_combos_hold_layer_ids(docker: DockerWidget, page: Page, port: FakePort, qtbot: Any) -> None:
    mask = port.add_layer(page.document, "Alpha", Kind.MASK)
    qtbot.waitUntil(lambda: mask.id in data(find(docker, "sketch_mask_combo")))
    assert data(find(docker, "sketch_combo")) == ["", page.lines.id, page.sheet.id]
    assert data(find(docker, "sketch_mask_combo")) == [
        "",
        SELECTION_ID,
        mask.id,
        page.lines.id,
        page.sheet.id,
    ]
    assert data(find(docker, "background_combo")) == ["", page.lines.id, page.sheet.id]
    assert data(find(docker, "mode_combo")) == ["whole", "split", "foreground", "background"]


@pytest.mark.parametrize(
    ("combo", "value", "field"),
    [
        ("mode_combo", "split", "mode"),
        ("engine_combo", "match", "engine"),
        ("sketch_mask_combo", SELECTION_ID, "sketch_mask"),
    ],
)
def test_combos_change_the_settings(
    docker: DockerWidget, model: DocumentModel, combo: str, value: str, field: str
) -> None:
    choose(find(docker, combo), value)
    assert getattr(model.settings, field) == value


def test_layers_can_be_background_and_reference_mask(
    docker: DockerWidget, page: Page, model: DocumentModel
) -> None:
    choose(find(docker, "background_combo"), page.sheet.id)
    choose(find(docker, "reference_mask_combo"), page.lines.id)
    assert model.settings.background == page.sheet.id
    assert model.settings.references[0].mask == page.lines.id


def test_checks_and_numbers_change_the_settings(docker: DockerWidget, model: DocumentModel) -> None:
    assert find(docker, "line_gap_spin").text() == "Automatic"
    find(docker, "palette_lock_check").setChecked(False)
    find(docker, "seed_spin").setValue(MAX_SEED)
    find(docker, "line_gap_spin").setValue(3)
    assert not model.settings.options.palette_lock
    assert model.settings.seed == MAX_SEED
    assert model.settings.options.line_gap == pytest.approx(3 / 64)


def test_new_seed_is_another_one(docker: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    click(qtbot, find(docker, "new_seed_button"))
    assert model.settings.seed == find(docker, "seed_spin").value() != 0


def test_each_sketch_shows_its_own_mode(docker: DockerWidget, page: Page, port: FakePort, qtbot: Any) -> None:
    hair = port.add_layer(page.document, "Hair")
    mode, sketch = find(docker, "mode_combo"), find(docker, "sketch_combo")
    qtbot.waitUntil(lambda: hair.id in data(sketch) and hair.name in sketch.currentText())
    choose(mode, "foreground")
    choose(sketch, page.lines.id)
    assert mode.currentData() == "whole"
    choose(sketch, hair.id)
    assert mode.currentData() == "foreground"


def test_showing_settings_writes_nothing(
    docker: DockerWidget, page: Page, port: FakePort, qtbot: Any
) -> None:
    page.document.modified = False
    port.select(page.document, page.lines)
    port.add_layer(page.document, "Hair")
    qtbot.wait(100)
    assert not page.document.modified


def test_colorize_masks_are_offered_only_where_krita_makes_them(
    docker: DockerWidget, session: Session, model: DocumentModel, port: FakePort
) -> None:
    check = find(docker, "colorize_mask_check")
    assert check.isHidden()
    port.colorize_masks = True
    session.settings_changed.emit()
    assert not check.isHidden()
    check.setChecked(True)
    assert model.settings.options.colorize_mask
    find(docker, "palette_lock_check").setChecked(False)
    assert not check.isEnabled()


def test_modes_an_engine_lacks_are_grey(docker: DockerWidget, session: Session, model: DocumentModel) -> None:
    engine = replace(
        session.engines[0], name="figures", modes=frozenset({Mode.FOREGROUND}), options=frozenset()
    )
    session.engines = (*session.engines, engine)
    session.engines_changed.emit()
    choose(find(docker, "engine_combo"), "figures")
    items = find(docker, "mode_combo").model()
    assert [bool(items.item(row).isEnabled()) for row in range(4)] == [False, False, True, False]
    assert not find(docker, "palette_lock_check").isEnabled()


def test_missing_layers_are_shown_as_missing(
    docker: DockerWidget, page: Page, port: FakePort, qtbot: Any
) -> None:
    combo = find(docker, "background_combo")
    choose(find(docker, "sketch_combo"), page.lines.id)
    choose(combo, page.sheet.id)
    page.document.layers.remove(page.sheet)
    port.add_layer(page.document, "Other")
    qtbot.waitUntil(lambda: combo.currentText() == "(no longer there)")


def test_colorize_click_fills_the_strip(
    docker: DockerWidget, session: Session, page: Page, qtbot: Any
) -> None:
    click(qtbot, find(docker, "colorize_button"))
    wait(qtbot, lambda: find(docker, "results_list").count() == 1)
    assert find(docker, "results_list").isVisible()
    assert find(docker, "apply_button").isEnabled()
    assert not find(docker, "error_label").isVisible()


def test_apply_click_inserts_and_discard_click_drops(
    docker: DockerWidget, page: Page, port: FakePort, qtbot: Any
) -> None:
    click(qtbot, find(docker, "colorize_button"))
    wait(qtbot, lambda: find(docker, "results_list").count() == 1)
    click(qtbot, find(docker, "apply_button"))
    wait(qtbot, lambda: port.inserted)
    assert "✓" in find(docker, "results_list").item(0).text()
    click(qtbot, find(docker, "discard_button"))
    assert find(docker, "results_list").count() == 0


def test_selecting_shows_on_canvas_and_the_check_hides(
    docker: DockerWidget, session: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    for count in (1, 2):
        click(qtbot, find(docker, "colorize_button"))
        wait(qtbot, lambda count=count: find(docker, "results_list").count() == count)
    find(docker, "results_list").setCurrentRow(1)
    assert session.document.selected is session.document.results[1]
    assert port.overlay is not None
    find(docker, "show_on_canvas_check").setChecked(False)
    assert port.overlay is None


def test_progress_moves_and_cancel_stops(docker: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    model.change(model="slow")
    bar, values = find(docker, "progress_bar"), []
    bar.valueChanged.connect(values.append)
    click(qtbot, find(docker, "colorize_button"))
    wait(qtbot, lambda: len(values) > 5)
    assert bar.isVisible()
    assert bar.maximum() > bar.minimum()  # never the endless band
    click(qtbot, find(docker, "cancel_button"))
    assert values[:-1] == sorted(values[:-1])
    assert not bar.isVisible()
    assert not find(docker, "cancel_button").isEnabled()


def test_errors_are_shown_and_can_be_hidden(docker: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    model.remove_reference(0)
    click(qtbot, find(docker, "colorize_button"))
    label = find(docker, "error_label")
    assert label.isVisible()
    assert label.text().startswith("Add a reference first")
    click(qtbot, find(docker, "dismiss_error_button"))
    assert (label.text(), label.isVisible()) == ("", False)


def test_mask_button_makes_a_mask_and_chooses_it(docker: DockerWidget, page: Page, qtbot: Any) -> None:
    click(qtbot, find(docker, "create_sketch_mask_button"))
    combo = find(docker, "sketch_mask_combo")
    wait(qtbot, lambda: combo.currentText().strip() == "Foreground mask")
    assert combo.currentData() == page.document.layers[0].id


def test_add_menu_offers_other_layers(docker: DockerWidget, page: Page, model: DocumentModel) -> None:
    model.remove_reference(0)
    menu = find(docker, "add_reference_button").menu()
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == ["Picture file…", "Picture from the clipboard", "Sheet"]
    menu.actions()[-1].trigger()
    assert model.settings.references[0].source.key == page.sheet.id
    assert find(docker, "reference_list").item(0).data(QtCore.Qt.ItemDataRole.UserRole) == page.sheet.id


def test_clipboard_becomes_a_reference(docker: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    picture = QtGui.QImage(8, 8, QtGui.QImage.Format.Format_ARGB32)
    picture.fill(QtGui.QColor("teal"))
    QtWidgets.QApplication.clipboard().setImage(picture)
    menu = find(docker, "add_reference_button").menu()
    menu.aboutToShow.emit()
    menu.actions()[1].trigger()
    wait(qtbot, lambda: find(docker, "reference_list").count() == 2)
    assert find(docker, "reference_list").currentRow() == 1


def test_dropped_pictures_become_references(
    docker: DockerWidget, model: DocumentModel, tmp_path: Any, qtbot: Any
) -> None:
    path = tmp_path / "girl.png"
    picture = QtGui.QImage(8, 8, QtGui.QImage.Format.Format_ARGB32)
    picture.fill(QtGui.QColor("teal"))
    path.write_bytes(pictures.to_png(picture))
    mime = QtCore.QMimeData()
    mime.setUrls([QtCore.QUrl.fromLocalFile(str(path))])
    strip = find(docker, "reference_list")
    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    copy = QtCore.Qt.DropAction.CopyAction
    enter = QtGui.QDragEnterEvent(QtCore.QPoint(5, 5), copy, mime, left, none)
    strip.dragEnterEvent(enter)
    assert enter.isAccepted()
    strip.dropEvent(QtGui.QDropEvent(QtCore.QPointF(5, 5), copy, mime, left, none))
    wait(qtbot, lambda: strip.count() == 2)
    assert strip.item(1).text() == "girl.png"


def test_delete_key_removes_the_selected_reference(
    docker: DockerWidget, model: DocumentModel, qtbot: Any
) -> None:
    strip = find(docker, "reference_list")
    assert strip.currentRow() == 0
    qtbot.keyClick(strip, QtCore.Qt.Key.Key_Delete)
    assert model.settings.references == ()


def test_wheel_over_a_combo_scrolls_instead(docker: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    combo = find(docker, "mode_combo")
    event = QtGui.QWheelEvent(
        QtCore.QPointF(5, 5),
        QtCore.QPointF(combo.mapToGlobal(QtCore.QPoint(5, 5))),
        QtCore.QPoint(),
        QtCore.QPoint(0, -120),
        QtCore.Qt.MouseButton.NoButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QtWidgets.QApplication.sendEvent(combo, event)
    assert combo.currentData() == "whole"


def test_closing_the_session_leaves_nothing_behind(
    session: Session, port: FakePort, docker: DockerWidget
) -> None:
    session.close()
    session.close()
    assert port.closed


def test_icons_follow_the_theme(session: Session, qtbot: Any) -> None:
    def icons(name: str) -> QtGui.QIcon:
        asked.append(name)
        pixmap = QtGui.QPixmap(16, 16)
        pixmap.fill(QtGui.QColor("red"))
        return QtGui.QIcon(pixmap)

    asked: list[str] = []
    docker = DockerWidget(session, icons=icons)
    qtbot.addWidget(docker)
    docker.show()
    asked.clear()
    docker.setPalette(QtGui.QPalette(QtGui.QColor("#d4d4d4")))
    qtbot.waitUntil(lambda: {"list-add", "edit-delete", "view-refresh"} <= set(asked))
