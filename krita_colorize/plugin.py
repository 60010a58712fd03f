"""Puts the docker together inside Krita: port, session, widget; the only module that knows all of them.

Nothing happens before `start`, and nothing heavy before a Krita window asks for its docker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from krita_colorize.krita_port.port import LibKisPort
    from krita_colorize.qt import QtWidgets

DOCKER_NAME = "colorize_docker"
TITLE = "Colorize"


def start() -> None:
    """Registers the docker with Krita."""
    from krita_colorize.krita_port import dock

    dock.register(DOCKER_NAME, TITLE, make_docker)


def make_docker(port: LibKisPort) -> QtWidgets.QWidget:
    """The docker's content for one Krita window; ends its session when Krita quits or the widget goes."""
    from krita_colorize.app.session import Session
    from krita_colorize.krita_port import dock
    from krita_colorize.qt import QtCore
    from krita_colorize.ui.docker import DockerWidget

    session = Session(port)  # type: ignore[arg-type] # until krita_port answers the new calls
    widget = DockerWidget(session, icons=dock.icon)
    application = QtCore.QCoreApplication.instance()
    assert application is not None, "Krita is an application"
    application.aboutToQuit.connect(session.close)
    widget.destroyed.connect(session.close)
    return widget
