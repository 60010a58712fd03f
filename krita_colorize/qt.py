"""The only module that imports PyQt: it exports the modules of the binding that this Krita uses, PyQt5 or PyQt6.

There is no compatibility layer: the code writes scoped enums (`Qt.AlignmentFlag.AlignLeft`), which both bindings have,
and checks `IS_QT6` where the two differ. Loading the other binding beside Krita's own would crash Krita, so a binding
that is already loaded is used; outside Krita the environment variable `COLORIZE_QT` decides.
"""

from __future__ import annotations

import importlib.util
import os
import sys


def _qt_major_version() -> int:
    """5 or 6: as Krita says, else the loaded binding, else `COLORIZE_QT`, else PyQt5 if it is installed."""
    try:
        import pykrita  # type: ignore[import-not-found, unused-ignore]

        return int(pykrita.qt_major_version())
    except (ImportError, AttributeError):  # outside Krita, or a Krita up to 5.2, which is always Qt 5
        pass
    for major in (5, 6):
        if f"PyQt{major}.QtCore" in sys.modules:
            return major
    wanted = os.environ.get("COLORIZE_QT", "")
    if wanted in ("PyQt5", "PyQt6"):
        return int(wanted[-1])
    return 5 if importlib.util.find_spec("PyQt5") else 6


IS_QT6: bool = _qt_major_version() == 6

if IS_QT6:
    from PyQt6 import QtCore, QtGui, QtNetwork, QtWidgets
else:
    from PyQt5 import QtCore, QtGui, QtNetwork, QtWidgets

Signal = QtCore.pyqtSignal
Slot = QtCore.pyqtSlot

__all__ = ["IS_QT6", "QtCore", "QtGui", "QtNetwork", "QtWidgets", "Signal", "Slot"]
