"""The button "Same as": gives the sketch the settings of another sketch of this document."""

from __future__ import annotations

from functools import partial

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.words import tr
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.widgets import ToolButton


class SameSettingsButton(ToolButton):
    """Offers the document's other sketches that have settings."""

    def __init__(self, session: Session) -> None:
        tooltip = tr("Take over the mode, references, palette and seed of another sketch layer.")
        super().__init__("same_settings_button", tr("Same as"), tooltip)
        self.report = session.report
        self._session = session
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QtWidgets.QMenu(self)
        menu.setObjectName("same_settings_menu")
        menu.aboutToShow.connect(self._on_about_to_show)
        self.setMenu(menu)
        for signal in (session.document_changed, session.layers_changed, session.settings_changed):
            signal.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Is only there where there is another sketch."""
        self.setVisible(bool(self._others()))

    def _others(self) -> list[tuple[str, str]]:
        model = self._session.document
        if model is None or model.sketch is None:
            return []
        own = model.sketch.id
        return [(layer.id, layer.name) for layer in model.sketches() if layer.id != own]

    @guarded
    def _on_about_to_show(self) -> None:
        menu = self.menu()
        assert menu is not None
        menu.clear()
        for layer_id, name in self._others():
            action = menu.addAction(name.replace("&", "&&"))
            assert action is not None
            action.triggered.connect(partial(self._on_chosen, layer_id))

    @guarded
    def _on_chosen(self, layer_id: str) -> None:
        model = self._session.document
        if model is not None:
            model.take_over(model.settings_of(layer_id))
