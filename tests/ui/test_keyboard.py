"""Docker and windows without a mouse: Tab reaches everything as one reads, letters don't clash, all has a name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from docker_stage import wait

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.app.setup import Machine, Setup
from krita_colorize.core import catalogue, translations
from krita_colorize.core.edits import Binding
from krita_colorize.core.failure_help import Cause, FailureHelp
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.setup import builds
from krita_colorize.ui import keyboard
from krita_colorize.ui.docker import DockerWidget
from krita_colorize.ui.failure_help import FailureHelpPage
from krita_colorize.ui.models import ModelsPage
from krita_colorize.ui.setup import SetupPage

CONTROLS = (
    QtWidgets.QAbstractButton,
    QtWidgets.QComboBox,
    QtWidgets.QAbstractSpinBox,
    QtWidgets.QAbstractItemView,
    QtWidgets.QPlainTextEdit,
)

LETTERED = (QtWidgets.QAbstractButton, QtWidgets.QLabel)

ROW_PX = 40
"""Controls in a row, and those beside a list, end at different heights."""


@pytest.fixture
def docker(ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    """With a result and every fold open."""
    model.change(model="masked", bindings=(Binding(10, 12, model.settings.references[0].source.key, 9, 9),))
    docker = DockerWidget(ready)
    qtbot.addWidget(docker)
    docker.resize(300, 2400)
    docker.show()
    for fold in docker.findChildren(QtWidgets.QToolButton):
        if fold.isCheckable() and fold.arrowType() != QtCore.Qt.ArrowType.NoArrow:
            fold.setChecked(True)
    ready.colorize()
    wait(qtbot, lambda: model.results)
    ready.bindings.look_at(model, model.settings.references[0].source)
    wait(qtbot, lambda: ready.bindings.view is not None)
    docker.activateWindow()
    qtbot.wait(20)
    return docker


def controls(docker: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    """What can be worked with, without the parts that Qt makes controls of."""
    found = [w for w in docker.findChildren(QtWidgets.QWidget) if isinstance(w, CONTROLS)]
    return [w for w in found if w.isVisible() and w.isEnabled() and not isinstance(w.parent(), CONTROLS)]


def named(widget: QtWidgets.QWidget) -> str:
    """What a screen reader says."""
    labels = [
        label.text() for label in widget.window().findChildren(QtWidgets.QLabel) if label.buddy() is widget
    ]
    return widget.accessibleName() or getattr(widget, "text", str)() or "".join(labels)


def test_tab_reaches_every_control(docker: DockerWidget) -> None:
    missed = [widget.objectName() for widget in controls(docker) if widget not in keyboard.stops(docker)]
    assert missed == []


def test_tab_goes_from_top_to_bottom(docker: DockerWidget) -> None:
    tops = [widget.mapTo(docker, QtCore.QPoint(0, widget.height())).y() for widget in keyboard.stops(docker)]
    low = [(above, below) for above, below in itertools.pairwise(tops) if below < above - ROW_PX]
    assert low == []


@pytest.fixture(params=translations.languages())
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    translations.use(request.param)
    yield request.param
    translations.use("en")


@pytest.fixture
def setup(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    """On a computer that is known already."""
    setup = Setup(session.backend.local, session.home)
    setup.machine = Machine(builds.Hardware("Linux", "x86_64", (), 24_000), (), "3.12")
    yield setup
    setup.close()


@pytest.fixture(params=["setup", "failure", "models"])
def window(
    request: pytest.FixtureRequest, language: str, session: Session, setup: Setup, qtbot: Any
) -> QtWidgets.QWidget:
    """One of the windows beside the docker, as it is first seen."""
    made: Any
    if request.param == "setup":
        made = SetupPage(setup)
    elif request.param == "failure":
        made = FailureHelpPage(session, setup, lambda: None)
        made.show_failure(FailureHelp(Cause.KILLED, "It was ended."))
        made.findChild(QtWidgets.QToolButton, "failure_log_section").setChecked(True)
    else:
        made = ModelsPage(session.catalogue)
        session.catalogue.models = catalogue.read_models({"models": [MODEL, MODEL | {"name": "other"}]})
        made.refresh()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.wait(20)
    return made


MODEL = {
    "name": "one", "title": "One", "engine": "colorflow", "state": "installed", "bytes": 1, "downloaded": 1,
    "memory_mb": 1, "good_for": "", "needs": [],
    "licence": {"title": "MIT", "words": "", "commercial": None, "url": ""},
}  # fmt: skip


def letters(window: QtWidgets.QWidget) -> list[str]:
    """What Alt and a letter lead to."""
    texts = [w.text() for w in window.findChildren(QtWidgets.QWidget) if isinstance(w, LETTERED)]
    return [text[text.index("&") + 1].lower() for text in texts if "&" in text]


def unlike_reading(top: QtWidgets.QWidget) -> list[tuple[str, str]]:
    """Stops that come after what is below them, or in the same row right of them."""
    places = []
    for widget in keyboard.stops(top):
        corner = widget.mapTo(top, QtCore.QPoint(0, 0))
        places.append((corner.x(), corner.y() + widget.height() // 2, widget.objectName()))
    return [
        (above[2], below[2])
        for above, below in itertools.pairwise(places)
        if (below[0] < above[0] if abs(below[1] - above[1]) < 8 else below[1] < above[1] - ROW_PX)
    ]


def test_no_two_letters_of_a_window_are_the_same(window: QtWidgets.QWidget) -> None:
    found = letters(window)
    assert found
    assert len(found) == len(set(found))


def test_every_button_of_a_window_has_a_letter(window: QtWidgets.QWidget) -> None:
    buttons = [w for w in controls(window) if isinstance(w, QtWidgets.QAbstractButton) and w.text()]
    bare = [w.objectName() for w in buttons if "&" not in w.text() and not keyboard._in_list(w, window)]
    assert bare == []


def test_tab_goes_through_a_window_as_one_reads(window: QtWidgets.QWidget) -> None:
    assert [w.objectName() for w in controls(window) if w not in keyboard.stops(window)] == []
    assert unlike_reading(window) == []


def test_the_docker_takes_no_letter_from_the_menus(language: str, session: Session, qtbot: Any) -> None:
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    assert letters(docker) == []


def test_a_letter_leads_to_its_field(setup: Setup, qtbot: Any) -> None:
    page = SetupPage(setup)
    qtbot.addWidget(page)
    page.show()
    page.activateWindow()
    wait(qtbot, page.isActiveWindow)
    label = next(one for one in page.findChildren(QtWidgets.QLabel) if one.text().replace("&", "") == "From")
    letter = label.text()[label.text().index("&") + 1]
    qtbot.keyClick(page, letter.lower(), QtCore.Qt.KeyboardModifier.AltModifier)
    wait(qtbot, page.findChild(QtWidgets.QLineEdit, "setup_folder_edit").hasFocus)


def test_tab_goes_through_the_docker_as_one_reads(docker: DockerWidget) -> None:
    assert unlike_reading(docker) == []


def test_every_field_of_the_form_has_a_label_that_leads_to_it(docker: DockerWidget) -> None:
    bare = [
        label.text()
        for label in docker.findChildren(QtWidgets.QLabel)
        if in_form(label) and not label.buddy()
    ]
    assert bare == []


def in_form(label: QtWidgets.QLabel) -> bool:
    forms = label.parentWidget().findChildren(QtWidgets.QFormLayout)
    places = [one.getWidgetPosition(label) for one in forms]
    return bool(label.text()) and any(
        row >= 0 and role == QtWidgets.QFormLayout.ItemRole.LabelRole for row, role in places
    )


def test_every_stop_has_a_name(docker: DockerWidget) -> None:
    assert [widget.objectName() for widget in keyboard.stops(docker) if not named(widget)] == []


def test_tab_goes_round_both_ways(docker: DockerWidget, qtbot: Any) -> None:
    stops = keyboard.stops(docker)
    stops[0].setFocus()
    there = []
    for _ in stops:
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        there.append(QtWidgets.QApplication.focusWidget())
    assert there == [*stops[1:], stops[0]]
    shift = QtCore.Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab, shift)
    assert QtWidgets.QApplication.focusWidget() is stops[-1]


def test_focus_can_be_seen(docker: DockerWidget, qapp: QtWidgets.QApplication, qtbot: Any) -> None:
    qapp.setStyle("Fusion")  # Krita's own
    stops, unseen = keyboard.stops(docker), []
    stops[-1].setFocus()
    for widget in stops:
        before = widget.grab().toImage()
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        if widget.grab().toImage() == before:
            unseen.append(widget.objectName())
    assert unseen == []


def test_a_key_leads_in_and_out(docker: DockerWidget, qtbot: Any) -> None:
    window = QtWidgets.QWidget()
    qtbot.addWidget(window)
    canvas = QtWidgets.QLineEdit(window)
    docker.setParent(window)
    docker.show()
    window.show()
    window.activateWindow()
    canvas.setFocus()
    wait(qtbot, canvas.hasFocus)
    docker.run_action("focus")
    assert docker.focusWidget().objectName() == "colorize_button"
    docker.run_action("focus")
    assert canvas.hasFocus()
    docker.setParent(None)
