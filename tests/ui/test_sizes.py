"""The docker fits beside Krita's own dockers on a small screen: in every language, with whatever it has to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from colorizer.protocol.options import ADVANCED
from docker_stage import OPTION_TABLE, Page, wait

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core import translations
from krita_colorize.core.edits import Binding
from krita_colorize.qt import QtGui, QtWidgets
from krita_colorize.ui.docker import DockerWidget
from krita_colorize.ui.form import Form
from krita_colorize.ui.pages import CollapsibleSection, ScrollColumn

WIDTH = 260
"""Of Krita's dockers on a small screen, px."""
LEAST_HEIGHT = 86
"""What Krita's lowest docker asks for below its title, px; with more, ours would make Krita's window higher."""
LOW = 208
"""What the docker gets on a screen of 1067 x 667 px."""


@pytest.fixture(params=translations.languages())
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    translations.use(request.param)
    yield request.param
    translations.use("en")


@pytest.fixture
def docker(ready: Session, page: Page, language: str, qtbot: Any) -> DockerWidget:
    """In Krita's font and size, with icons as in Krita."""
    docker = DockerWidget(ready, icons=square)
    font = QtGui.QFont("DejaVu Sans")
    font.setPixelSize(12)
    docker.setFont(font)
    qtbot.addWidget(docker)
    docker.resize(WIDTH, LOW)
    docker.show()
    return docker


def square(_name: str) -> QtGui.QIcon:
    pixmap = QtGui.QPixmap(16, 16)
    pixmap.fill(QtGui.QColor("red"))
    return QtGui.QIcon(pixmap)


@pytest.fixture
def coloured(docker: DockerWidget, ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    """With two results."""
    model.change(model="masked", bindings=(Binding(10, 12, model.settings.references[0].source.key, 9, 9),))
    for count in (1, 2):
        ready.colorize()
        wait(qtbot, lambda count=count: len(model.results) == count)
    return docker


def find(docker: QtWidgets.QWidget, name: str) -> Any:
    (widget,) = docker.findChildren(QtWidgets.QWidget, name)
    return widget


def pages(docker: DockerWidget) -> QtWidgets.QTabWidget:
    return find(docker, "pages")


def open_folds(docker: DockerWidget) -> None:
    for fold in docker.findChildren(CollapsibleSection):
        fold.findChild(QtWidgets.QToolButton).setChecked(True)


def seen(docker: DockerWidget, name: str) -> bool:
    """Whether all of a widget is seen now, without scrolling."""
    widget = find(docker, name)
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


def test_a_result_or_an_error_asks_for_no_height(coloured: DockerWidget, ready: Session, qtbot: Any) -> None:
    assert coloured.minimumSizeHint().height() <= LEAST_HEIGHT
    ready.report("word " * 900)
    qtbot.wait(50)
    assert coloured.minimumSizeHint().height() <= LEAST_HEIGHT


def test_actions_and_progress_are_seen_at_the_least_height(
    coloured: DockerWidget, ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    coloured.resize(WIDTH, LEAST_HEIGHT)
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: "Painting" in find(coloured, "status_label").text())
    for name in (
        "status_label",
        "progress_bar",
        "cancel_button",
        "colorize_button",
        "redo_button",
        "apply_button",
    ):
        assert seen(coloured, name), name
    ready.cancel()


def test_what_a_job_needs_is_seen_beside_a_result(coloured: DockerWidget, qtbot: Any) -> None:
    qtbot.wait(50)
    for name in ("sketch_combo", "reference_list", "add_reference_button", "mode_combo", "apply_button"):
        assert seen(coloured, name), name


def test_every_page_fits_the_width(
    coloured: DockerWidget, ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    heeded = frozenset({"palette_lock", "line_gap", "steps", "size", *ADVANCED})
    ready.engines = (replace(ready.engines[0], name="scripted", options=heeded, table=OPTION_TABLE),)
    ready.engines_changed.emit()
    ready.bindings.look_at(model, model.settings.references[0].source)
    wait(qtbot, lambda: ready.bindings.view is not None)
    open_folds(coloured)
    for index in range(pages(coloured).count()):
        pages(coloured).setCurrentIndex(index)
        qtbot.wait(20)
        assert coloured.minimumSizeHint().width() <= WIDTH, index


def test_no_tab_is_cut(coloured: DockerWidget) -> None:
    bar = pages(coloured).tabBar()
    assert bar.count() == 3
    for index in range(bar.count()):
        assert bar.tabRect(index).width() > bar.fontMetrics().horizontalAdvance(bar.tabText(index))
    assert bar.tabRect(2).right() <= WIDTH


def test_results_lie_below_the_page_where_there_is_room(coloured: DockerWidget, qtbot: Any) -> None:
    results = find(coloured, "results_list")
    assert not results.isVisible()
    coloured.resize(WIDTH, 700)
    qtbot.wait(50)
    assert results.isVisible()
    assert [pages(coloured).count(), seen(coloured, "discard_button")] == [2, True]
    coloured.resize(WIDTH, LOW)
    assert pages(coloured).count() == 3
    pages(coloured).setCurrentIndex(2)
    assert "(2)" in pages(coloured).tabText(2)
    assert results.isVisible()


def test_an_open_fold_is_scrolled_to(coloured: DockerWidget, qtbot: Any) -> None:
    pages(coloured).setCurrentIndex(1)
    find(coloured, "check_section").setChecked(True)
    wait(qtbot, lambda: seen(coloured, "next_place_button"))


def test_nothing_lies_below_the_scroll_bar(coloured: DockerWidget, qtbot: Any) -> None:
    open_folds(coloured)
    coloured.resize(WIDTH, 300)
    for index in range(2):
        pages(coloured).setCurrentIndex(index)
        area = pages(coloured).widget(index)
        assert isinstance(area, ScrollColumn)
        wait(qtbot, area.verticalScrollBar().isVisible)
        assert area.widget().width() <= area.viewport().width()


def test_no_two_rows_have_the_same_name(docker: DockerWidget) -> None:
    form = docker.findChild(Form)
    names = [label.text() for label in form.findChildren(QtWidgets.QLabel) if label.parentWidget() is form]
    assert len(names) >= 8
    assert sorted(names) == sorted(set(names))


def test_folds_are_explained(docker: DockerWidget) -> None:
    buttons = [fold.findChild(QtWidgets.QToolButton) for fold in docker.findChildren(CollapsibleSection)]
    assert [button.text() for button in buttons if not button.toolTip()] == []


def test_the_list_of_a_narrow_combo_shows_whole_names(docker: DockerWidget, qtbot: Any) -> None:
    combo = find(docker, "mode_combo")
    combo.setFixedWidth(90)
    combo.showPopup()
    wait(qtbot, combo.view().isVisible)
    assert combo.view().viewport().width() >= combo.view().sizeHintForColumn(0)
    combo.hidePopup()


LAYER_BOXES = ("sketch_combo", "sketch_mask_combo", "reference_mask_combo", "background_combo", "hints_combo")


def test_the_usual_names_of_layers_are_not_cut(coloured: DockerWidget, qtbot: Any) -> None:
    open_folds(coloured)
    cut = []
    for index in range(pages(coloured).count()):
        pages(coloured).setCurrentIndex(index)
        qtbot.wait(20)
        for name in LAYER_BOXES:
            box = find(coloured, name)
            if box.isVisible():
                room = edit_field(box).width() - 2
                needed = box.fontMetrics().horizontalAdvance("Background")
                cut += [(name, room, needed)] if room < needed else []
    assert cut == []


def edit_field(box: QtWidgets.QComboBox) -> Any:
    """Where a combo shows its text."""
    option, style = QtWidgets.QStyleOptionComboBox(), QtWidgets.QStyle
    box.initStyleOption(option)
    kind, part = style.ComplexControl.CC_ComboBox, style.SubControl.SC_ComboBoxEditField
    return box.style().subControlRect(kind, option, part, box)
