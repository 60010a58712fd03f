"""How the docker looks in Krita's dark and light themes. With COLORIZE_SCREENSHOTS=DIR the pictures are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from colorizer.protocol.options import ADVANCED
from docker_stage import OPTION_TABLE, Page, wait
from fake_port import FakePort

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.edits import Binding
from krita_colorize.core.port import Pixels
from krita_colorize.qt import QtGui, QtWidgets
from krita_colorize.ui.docker import DockerWidget

THEMES = {
    "dark": {
        "window": "#474747",
        "base": "#373737",
        "text": "#e0e0e0",
        "button": "#505050",
        "highlight": "#5a7fa8",
    },
    "light": {
        "window": "#d4d4d4",
        "base": "#f2f2f2",
        "text": "#202020",
        "button": "#dedede",
        "highlight": "#7ba7d6",
    },
}


def palette(theme: dict[str, str]) -> QtGui.QPalette:
    roles, groups = QtGui.QPalette.ColorRole, QtGui.QPalette.ColorGroup
    palette = QtGui.QPalette(QtGui.QColor(theme["button"]), QtGui.QColor(theme["window"]))
    palette.setColor(roles.Base, QtGui.QColor(theme["base"]))
    palette.setColor(roles.Highlight, QtGui.QColor(theme["highlight"]))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        palette.setColor(role, QtGui.QColor(theme["text"]))
        palette.setColor(groups.Disabled, role, QtGui.QColor("#858585"))
    return palette


@pytest.fixture(params=sorted(THEMES))
def docker(
    request: pytest.FixtureRequest, session: Session, qtbot: Any, qapp: QtWidgets.QApplication
) -> DockerWidget:
    qapp.setStyle("Fusion")
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    docker.setPalette(palette(THEMES[request.param]))
    docker.setAutoFillBackground(True)
    font = QtGui.QFont("DejaVu Sans")
    font.setPixelSize(12)
    docker.setFont(font)
    docker.resize(300, 860)
    docker.show()
    docker.setObjectName(request.param)
    return docker


@dataclass(frozen=True)
class Stage:
    """What a state is made with."""

    docker: DockerWidget
    session: Session
    page: Page
    model: DocumentModel
    qtbot: Any


def working(on: Stage) -> None:
    on.model.change(model="slow")
    on.session.colorize()
    wait(on.qtbot, lambda: "Painting" in on.session.status)


def result(on: Stage) -> None:
    for seed in (0, 7):
        on.model.change(seed=seed)
        on.session.colorize()
        wait(on.qtbot, lambda seed=seed: len(on.model.results) == 1 + bool(seed))


def folds(on: Stage) -> None:
    sheet = on.model.settings.references[0].source
    on.model.change(model="masked", bindings=(Binding(10, 12, sheet.key, 9, 9),))
    on.session.colorize()
    wait(on.qtbot, lambda: on.model.results)
    on.docker.resize(300, 1280)
    for name in ("hints", "palette", "check"):
        on.docker.findChild(QtWidgets.QToolButton, f"{name}_section").click()
    on.session.bindings.look_at(on.model, sheet)
    on.session.checks.step(on.model, 1)
    wait(on.qtbot, lambda: on.session.bindings.view is not None)


def error(on: Stage) -> None:
    on.model.remove_reference(0)
    on.session.colorize()


def frames(on: Stage) -> None:
    lines = on.page.lines.id
    on.page.document.frames[lines] = dict.fromkeys(range(12), on.page.document.pixels[lines])
    on.model.change(model="slow")
    on.session.colorize_frames()
    wait(on.qtbot, lambda: "Painting" in on.session.status)


def diffusion(on: Stage) -> None:
    heeded = {"palette_lock", "line_gap", "steps", "size", *ADVANCED}
    missing = "No ColorizeDiffusion model is installed. Get one by “Models…”."
    told = {
        "name": on.model.settings.engine,
        "options": frozenset(heeded),
        "table": OPTION_TABLE,
        "missing": missing,
    }
    on.session.engines = (replace(on.session.engines[0], title="ColorizeDiffusion", **told),)
    on.session.engines_changed.emit()
    on.docker.resize(300, 1500)
    fold = next(one for one in on.docker.findChildren(QtWidgets.QToolButton) if one.text() == "Advanced")
    fold.setChecked(True)


STATES: dict[str, Callable[[Stage], None] | None] = {
    "nothing open": None,
    "ready": lambda on: None,
    "working": working,
    "result": result,
    "folds": folds,
    "error": error,
    "frames": frames,
    "diffusion": diffusion,
}


def draw(page: Page, port: FakePort) -> None:
    """Something to see in the thumbnails."""
    image = QtGui.QImage(64, 48, QtGui.QImage.Format.Format_ARGB32)
    image.fill(QtGui.QColor("white"))
    painter = QtGui.QPainter(image)
    painter.drawEllipse(12, 6, 36, 36)
    painter.end()
    bits = image.constBits()
    page.document.pixels[page.lines.id] = Pixels(64, 48, bits.asstring(image.sizeInBytes()))


@pytest.mark.parametrize("state", STATES)
def test_every_state_shows_text_that_can_be_read(
    docker: DockerWidget,
    state: str,
    session: Session,
    port: FakePort,
    qtbot: Any,
    request: pytest.FixtureRequest,
) -> None:
    show = STATES[state]
    if show is not None:
        page, model = (request.getfixturevalue(name) for name in ("page", "model"))
        draw(page, port)
        show(Stage(docker, session, page, model, qtbot))
    qtbot.wait(50)
    picture = docker.grab().toImage()
    folder = os.environ.get("COLORIZE_SCREENSHOTS")
    if folder:
        picture.save(str(Path(folder) / f"docker-{docker.objectName()}-{state.replace(' ', '-')}.png"))
    colours = {picture.pixel(x, y) for x in range(0, 300, 2) for y in range(0, 860, 2)}
    lightness = [QtGui.QColor(colour).lightness() for colour in colours]
    assert max(lightness) - min(lightness) > 100
    session.cancel()
