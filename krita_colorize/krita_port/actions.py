"""Registers the docker's actions in Krita, for every window, with shortcuts that can be configured in Krita.

Krita reads their texts and default shortcuts from `actions/krita_colorize.action`, which the installation copies to
Krita's folder; without that file the actions have no shortcuts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from krita import Extension, Krita, Window

from krita_colorize.core.actions import Action
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtWidgets

log = logging.getLogger("krita_colorize")

MENU = "tools/scripts"


def register(actions: Sequence[Action], run: Callable[[QtWidgets.QMainWindow, str], None]) -> None:
    """Adds the actions to every new window; `run` is called with the window and the action's name."""

    class Actions(Extension):
        """Makes one set of actions for each window."""

        def setup(self) -> None:
            """Called once at Krita's start; does nothing."""

        def createActions(self, window: Window) -> None:  # noqa: N802 - Krita's name
            """Called by Krita for each new window."""
            for action in actions:
                made = window.createAction(action.id, tr(action.text), MENU)
                made.setText(tr(action.text))
                made.triggered.connect(partial(_trigger, run, action.name))

    Krita.instance().addExtension(Actions(Krita.instance()))


def _trigger(run: Callable[[QtWidgets.QMainWindow, str], None], name: str, *_checked: object) -> None:
    try:
        # The wrapper of the window passed to `createActions` no longer exists when the keys are pressed.
        window = Krita.instance().activeWindow()
        if window is not None:
            run(window.qwindow(), name)
    except Exception:  # noqa: BLE001 - event-loop border: Krita would open a modal dialog
        log.exception("the action %s failed", name)
