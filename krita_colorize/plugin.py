"""Creates the docker inside Krita from port, session and widget; the only module that imports all of them.

Importing it does nothing; `start` registers the docker, and Krita then asks for its widget once per window.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from krita_colorize.krita_port.port import LibKisPort
    from krita_colorize.qt import QtWidgets

DOCKER_NAME = "colorize_docker"
TITLE = "Colorize"


def start() -> None:
    """Registers the docker and its actions with Krita, in Krita's language."""
    from krita_colorize.core import translations
    from krita_colorize.core.actions import ACTIONS
    from krita_colorize.krita_port import actions, dock
    from krita_colorize.qt import QtCore

    # Krita puts the language that was chosen in its own settings into LANGUAGE.
    translations.use(os.environ.get("LANGUAGE", "").partition(":")[0] or QtCore.QLocale().name())
    dock.register(DOCKER_NAME, TITLE, make_docker)
    actions.register(ACTIONS, run_action)


def run_action(window: QtWidgets.QMainWindow, name: str) -> None:
    """Runs an action in the docker of this window; does nothing if the docker doesn't exist yet."""
    from krita_colorize.qt import QtWidgets
    from krita_colorize.ui.docker import DockerWidget

    frame = window.findChild(QtWidgets.QDockWidget, DOCKER_NAME)
    docker = frame.widget() if frame is not None else None
    if isinstance(docker, DockerWidget):
        docker.run_action(name)


def make_docker(port: LibKisPort) -> QtWidgets.QWidget:
    """The docker's widget for one Krita window; its session is closed when Krita quits or the widget is deleted."""
    from krita_colorize.app.session import Session
    from krita_colorize.krita_port import dock
    from krita_colorize.qt import QtCore
    from krita_colorize.ui.docker import DockerWidget

    session = Session(port)
    widget = DockerWidget(session, icons=dock.icon)
    application = QtCore.QCoreApplication.instance()
    assert application is not None, "Krita is an application"
    application.aboutToQuit.connect(session.close)
    widget.destroyed.connect(session.close)
    return widget
