"""The button "Same as": copies the settings of another sketch or of a file to the sketch, or saves them to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core import settings_file
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.widgets import Icons, ToolButton, no_icons


class SameSettingsButton(ToolButton):
    """A button with a menu of the document's other sketches that have settings, and of files."""

    def __init__(self, session: Session, icons: Icons = no_icons) -> None:
        tooltip = tr("Take over the mode, references, palette and seed of another sketch layer.")
        super().__init__(
            "same_settings_button", tr("Same as"), tooltip, icons=icons, icon="hamburger_menu_dots"
        )
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
        """Shows the button only if there is a sketch."""
        model = self._session.document
        self.setVisible(model is not None and model.sketch is not None)

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
        menu.addSeparator()
        for text, slot in ((tr("Load settings…"), self._on_load), (tr("Save settings…"), self._on_save)):
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(slot)

    @guarded
    def _on_load(self) -> None:
        model, title = self._session.document, tr("Load settings")
        name, _ = QtWidgets.QFileDialog.getOpenFileName(self, title, "", f"*{settings_file.SUFFIX}")
        if model is not None and name:
            with told_of(name), Path(name).open("rb") as file:
                data = file.read(settings_file.MAX_BYTES + 1)
            model.take_over(settings_file.load(data, model.settings))

    @guarded
    def _on_save(self) -> None:
        model, title = self._session.document, tr("Save settings")
        name, _ = QtWidgets.QFileDialog.getSaveFileName(self, title, f"settings{settings_file.SUFFIX}")
        if model is not None and name:
            with told_of(name):
                Path(name).write_bytes(settings_file.dump(model.settings))

    @guarded
    def _on_chosen(self, layer_id: str) -> None:
        model = self._session.document
        if model is not None:
            model.take_over(model.settings_of(layer_id))


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """Converts an `OSError` of a file to a `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(
            tr("{name} can't be used ({why}).", name=name, why=error.strerror or error)
        ) from error
