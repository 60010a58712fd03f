"""Krita's side of the docker's actions: they appear in every window, under "Configure Krita", and have shortcuts.

Texts and default shortcuts come to Krita from `actions/krita_colorize.action`, which installation puts where Krita
looks for it; without that file the actions are there, but have no shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from krita import Extension, Krita, Window

from krita_colorize.core.actions import Action
from krita_colorize.core.words import tr
from krita_colorize.qt import QtWidgets

MENU = "tools/scripts"


def register(actions: Sequence[Action], run: Callable[[QtWidgets.QMainWindow, str], None]) -> None:
    """Adds the actions to every window to come; `run` is called with the window and the action's name."""

    class Actions(Extension):
        """Makes one set of actions for each window."""

        def setup(self) -> None:
            """Nothing is needed before there is a window."""

        def createActions(self, window: Window) -> None:  # noqa: N802 - Krita's name
            """Called by Krita for each new window."""
            for action in actions:
                made = window.createAction(action.id, tr(action.text), MENU)
                made.setText(tr(action.text))
                made.triggered.connect(partial(_trigger, run, window, action.name))

    Krita.instance().addExtension(Actions(Krita.instance()))


def _trigger(
    run: Callable[[QtWidgets.QMainWindow, str], None], window: Window, name: str, *_checked: object
) -> None:
    run(window.qwindow(), name)
