"""The button "Correct colours" and its popup, by mouse and by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.session import Session
from krita_colorize.core.corrections import Offer, Swatch
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.colour_popup import ColourPopup, SwatchButton
from krita_colorize.ui.docker import DockerWidget

KEYS, SHIFT = QtCore.Qt.Key, QtCore.Qt.KeyboardModifier.ShiftModifier
RED, GREEN, BLUE = (Swatch(colour, colour) for colour in ("#ff0000", "#00ff00", "#0000ff"))


@pytest.fixture
def popup(ready: Session, qtbot: Any) -> Iterator[ColourPopup]:
    holder = QtWidgets.QWidget()
    qtbot.addWidget(holder)
    made = ColourPopup(ready, holder)
    palette = tuple(Swatch(f"#0000{shade:02x}", f"#0000{shade:02x}") for shade in range(30))
    made.open_at(Offer(1, 2, 0, (0, 3, 4), (GREEN, BLUE), palette), QtCore.QPoint(100, 100))
    wait(qtbot, made.isVisible)
    yield made
    holder.close()


@pytest.fixture
def chosen(popup: ColourPopup) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    popup.chosen.connect(lambda swatch, alone: found.append((swatch.shown, alone)))
    return found


def test_the_likely_colours_come_first_and_are_large(popup: ColourPopup) -> None:
    buttons = popup.findChildren(SwatchButton)
    assert [button.swatch.shown for button in buttons[:4]] == ["#00ff00", "#0000ff", "", "#000000"]
    assert buttons[0].width() > buttons[3].width()
    assert all(button.accessibleName() and button.toolTip() for button in buttons)
    assert "2" in popup.findChild(QtWidgets.QLabel, "colour_popup_label").text()


def test_it_opens_beside_the_pointer_and_on_the_screen(popup: ColourPopup) -> None:
    assert not popup.geometry().contains(QtCore.QPoint(100, 100))
    screen = QtWidgets.QApplication.primaryScreen().availableGeometry()
    popup.open_at(Offer(1, 2, 0, (0,), (GREEN,), ()), screen.bottomRight())
    assert screen.contains(popup.geometry())
    assert not popup.geometry().contains(screen.bottomRight())


@pytest.mark.parametrize(
    ("keys", "colour"),
    [
        ([KEYS.Key_2], "#0000ff"),
        ([KEYS.Key_Return], "#00ff00"),
        ([KEYS.Key_Right, KEYS.Key_Right, KEYS.Key_Right, KEYS.Key_Return], ""),
        ([KEYS.Key_Down, KEYS.Key_Right, KEYS.Key_Space], "#000001"),
        ([KEYS.Key_Down, KEYS.Key_Down, KEYS.Key_Up, KEYS.Key_Return], "#000000"),
    ],
)
def test_keys_choose(popup: ColourPopup, chosen: list, qtbot: Any, keys: list, colour: str) -> None:
    for key in keys:
        qtbot.keyClick(popup, key)
    assert chosen == [(colour, False)]
    assert not popup.isVisible()


def test_clicks_choose_and_shift_means_this_one_alone(popup: ColourPopup, chosen: list, qtbot: Any) -> None:
    qtbot.keyClick(popup, KEYS.Key_Return, SHIFT)
    popup.show()
    qtbot.mouseClick(popup.findChildren(SwatchButton)[1], QtCore.Qt.MouseButton.LeftButton)
    assert chosen == [("#00ff00", True), ("#0000ff", False)]


def test_escape_closes_and_n_goes_on(popup: ColourPopup, chosen: list, qtbot: Any) -> None:
    qtbot.keyClick(popup, KEYS.Key_Escape)
    assert not popup.isVisible()
    popup.show()
    with qtbot.waitSignal(popup.next_wanted):
        qtbot.keyClick(popup, KEYS.Key_N)
    assert (chosen, popup.isVisible()) == ([], False)


@pytest.fixture
def docker(ready: Session, page: Page, qtbot: Any) -> DockerWidget:
    widget = DockerWidget(ready)
    qtbot.addWidget(widget)
    widget.resize(300, 700)
    widget.show()
    return widget


@pytest.fixture
def item(docker: DockerWidget, ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:
    model.change(model="regions")
    ready.colorize()
    wait(qtbot, lambda: model.results or ready.error)
    wait(qtbot, lambda: model.results[0].base is not None)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    return model.results[0]


def find(docker: QtWidgets.QWidget, name: str) -> Any:
    return docker.findChild(QtWidgets.QWidget, name)


def test_the_button_needs_a_result(docker: DockerWidget) -> None:
    assert not find(docker, "correct_button").isEnabled()
    assert not find(docker, "correct_next_button").isEnabled()


def test_a_click_on_the_canvas_opens_the_popup_and_a_key_repaints(
    docker: DockerWidget, ready: Session, page: Page, port: FakePort, item: Item, qtbot: Any
) -> None:
    docker.run_action("correct")
    assert find(docker, "correct_button").isChecked()
    port.click_canvas(8, 20)
    popup = find(docker, "colour_popup")
    wait(qtbot, popup.isVisible)
    steps, before = len(page.document.undo), item.changes
    qtbot.keyClick(popup, KEYS.Key_1)
    wait(qtbot, lambda: item.changes > before or ready.error)
    assert len(page.document.undo) == steps + 1
    assert {one.colour for one in item.result.request.settings.corrections} == {"#00c800"}
    docker.run_action("correct")
    assert not ready.corrections.on
    assert port.picked is None


def test_the_next_place_offers_its_colours(
    docker: DockerWidget, ready: Session, port: FakePort, item: Item, qtbot: Any
) -> None:
    wait(qtbot, find(docker, "correct_next_button").isEnabled)
    docker.run_action("correct")
    docker.run_action("next_place")
    popup = find(docker, "colour_popup")
    wait(qtbot, popup.isVisible)
    assert port.looked_at == (18, 2, 4, 4)
    qtbot.keyClick(popup, KEYS.Key_N)
    wait(qtbot, lambda: port.looked_at == (50, 2, 4, 4) and popup.isVisible())
