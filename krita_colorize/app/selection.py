"""The switch that decides whether the document's selection restricts the docker's actions, like Krita's fill tools."""

from __future__ import annotations

from krita_colorize.app.document import DocumentModel
from krita_colorize.core.port import SELECTION_ID, KritaPort, Pixels
from krita_colorize.qt import QtCore, Signal


class SelectionSwitch(QtCore.QObject):
    """The switch, at first on. `changed` follows when it is switched, and when a selection appears or disappears."""

    changed = Signal()

    def __init__(self, port: KritaPort, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.on = True
        self.there = False
        """Whether the active document has a selection."""
        self._port = port

    @property
    def counts(self) -> bool:
        """Whether a selection restricts the actions now."""
        return self.on and self.there

    def switch(self, *, on: bool) -> None:
        """Switches on or off."""
        self.on = on
        self.changed.emit()

    def look(self, model: DocumentModel | None) -> None:
        """Updates `there`. A selection that is used as a foreground mask doesn't restrict anything."""
        there = False
        if model is not None:
            own = model.settings
            masks = {own.sketch_mask, *(reference.mask for reference in own.references)}
            there = SELECTION_ID not in masks and self._port.has_selection(model.info.key)
        if there != self.there:
            self.there = there
            self.changed.emit()

    def read(self, model: DocumentModel) -> Pixels | None:
        """The selection that restricts the actions, None if there is none."""
        self.look(model)
        if not self.counts:
            return None
        found = self._port.snapshot(model.info.key, [SELECTION_ID])[SELECTION_ID]
        return found if found.data else None
