"""The strip of results: comparing, going through them, variations, several sketches, the same settings, actions."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.actions import ACTIONS
from krita_colorize.core.modes import Mode
from krita_colorize.core.port import Change
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.docker import DockerWidget


@pytest.fixture
def docker(ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    docker = DockerWidget(ready)
    qtbot.addWidget(docker)
    docker.resize(300, 1000)
    docker.show()
    return docker


@pytest.fixture
def two(docker: DockerWidget, ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    model.change(model="noise")
    for seed in (1, 2):
        model.change(seed=seed)
        ready.colorize()
        wait(qtbot, lambda seed=seed: len(model.results) == seed)
    return docker


def find(docker: QtWidgets.QWidget, name: str) -> Any:
    (widget,) = docker.findChildren(QtWidgets.QWidget, name)
    return widget


def entry(docker: DockerWidget, name: str, text: str) -> Any:
    menu = find(docker, name)
    menu.aboutToShow.emit()
    return next(action for action in menu.actions() if action.text().startswith(text))


def test_holding_before_shows_the_picture_alone(two: DockerWidget, port: FakePort, qtbot: Any) -> None:
    shown = port.overlay
    find(two, "before_button").pressed.emit()
    assert port.overlay is None
    find(two, "before_button").released.emit()
    assert port.overlay == shown


def test_holding_other_shows_the_one_selected_before(
    two: DockerWidget, model: DocumentModel, port: FakePort, ready: Session
) -> None:
    newest, oldest = (item.result.preview_png for item in model.results)
    ready.step_result(1)
    assert port.overlay == oldest
    find(two, "other_button").pressed.emit()
    assert port.overlay == newest
    find(two, "other_button").released.emit()
    assert port.overlay == oldest


def test_variations_take_the_next_seeds(two: DockerWidget, model: DocumentModel, qtbot: Any) -> None:
    entry(two, "more_results_menu", "Variations").trigger()
    wait(qtbot, lambda: len(model.results) == 5)
    assert {item.result.request.settings.seed for item in model.results} == {1, 2, 3, 4, 5}


def test_a_results_settings_come_back(two: DockerWidget, model: DocumentModel, ready: Session) -> None:
    model.change(mode=Mode.SPLIT, seed=99)
    ready.step_result(1)
    entry(two, "more_results_menu", "Give").trigger()
    assert (model.settings.mode, model.settings.seed) == (Mode.WHOLE, 1)


def test_another_sketch_takes_over_settings_but_no_masks(
    docker: DockerWidget, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    model.change(mode=Mode.BACKGROUND, sketch_mask="{mine}", seed=7)
    other = port.add_layer(page.document, "Lines 2")
    wait(qtbot, lambda: model.sketch.id == other.id)
    assert not find(docker, "same_settings_button").isHidden()
    entry(docker, "same_settings_menu", "Lines").trigger()
    taken = model.settings_of(other.id)
    assert (taken.mode, taken.seed, taken.sketch_mask) == (Mode.BACKGROUND, 7, "")
    assert taken.references == model.settings_of(page.lines.id).references


def test_all_sketches_are_coloured_each_in_its_mode(
    docker: DockerWidget, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    other = port.add_layer(page.document, "Lines 2")
    wait(qtbot, lambda: model.sketch.id == other.id)
    model.take_over(model.settings_of(page.lines.id))
    model.change(mode=Mode.FOREGROUND)
    assert find(docker, "colorize_all_button").text() == "All (2)"
    find(docker, "colorize_all_button").click()
    wait(qtbot, lambda: len(model.results) == 2)
    made = {item.result.request.sketch.name: item.result.request.settings.mode for item in model.results}
    assert made == {"Lines": Mode.WHOLE, "Lines 2": Mode.FOREGROUND}


@pytest.mark.parametrize("name", [action.name for action in ACTIONS])
def test_actions_do_what_their_buttons_do(
    two: DockerWidget, name: str, model: DocumentModel, qtbot: Any
) -> None:
    two.session.report("")
    two.run_action(name)
    told = {"next_place": "nothing to check", "previous_place": "nothing to check"}
    assert told.get(name, "") in two.session.error
    if name not in told:
        assert two.session.error == ""
    two.session.cancel()


def test_the_overlay_action_shows_in_the_check_box(two: DockerWidget, port: FakePort) -> None:
    two.run_action("overlay")
    assert port.overlay is None
    assert not find(two, "show_on_canvas_check").isChecked()


def test_frames_have_a_button_where_there_are_some(
    docker: DockerWidget, page: Page, model: DocumentModel, port: FakePort, ready: Session, qtbot: Any
) -> None:
    button = find(docker, "colorize_frames_button")
    assert button.isHidden()
    page.document.frames[page.lines.id] = dict.fromkeys((0, 5), page.document.pixels[page.lines.id])
    model.change(seed=3)
    assert (button.isHidden(), button.text()) == (False, "Colour 2 frames")
    button.click()
    wait(qtbot, lambda: len(page.document.frames) == 2)
    assert sorted(next(reversed(page.document.frames.values()))) == [0, 5]


def test_the_tick_goes_where_the_group_goes(
    two: DockerWidget, ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    def texts() -> list[str]:
        return [find(two, "results_list").item(row).text() for row in range(2)]

    ready.apply()
    wait(qtbot, lambda: texts() == ["✓ seed 2", "seed 1"])
    page.document.layers = [page.lines, page.sheet]  # undone
    port.tell(Change.LAYERS)
    wait(qtbot, lambda: texts() == ["seed 2", "seed 1"])
