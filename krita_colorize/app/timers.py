"""Single-shot timers."""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.qt import QtCore


def single_shot(parent: QtCore.QObject, slot: Callable[[], None]) -> QtCore.QTimer:
    """A timer of `parent` that calls `slot` once after each `start(ms)`; another start restarts it."""
    timer = QtCore.QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
