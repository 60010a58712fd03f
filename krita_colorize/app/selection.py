"""The switch that decides whether the document's selection restricts the docker's actions, like Krita's fill tools."""

from __future__ import annotations

from krita_colorize.app.document import DocumentModel
from krita_colorize.core.port import SELECTION_ID, KritaPort, Pixels
from krita_colorize.qt import QtCore, Signal


class SelectionSwitch(QtCore.QObject):
    """On until the artist switches it off; `changed` says that a selection came or went, or the switch was pressed."""

    changed = Signal()

    def __init__(self, port: KritaPort, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.on = True
        self.there = False
        """Whether the active document has a selection."""
        self._port = port

    @property
    def counts(self) -> bool:
        """Whether what is done now is restricted."""
        return self.on and self.there

    def switch(self, *, on: bool) -> None:
        """Lets selections count, or not."""
        self.on = on
        self.changed.emit()

    def look(self, model: DocumentModel | None) -> None:
        """Looks whether there is a selection. One that says where the foreground is restricts nothing."""
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
