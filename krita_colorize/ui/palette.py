"""The fold "Palette": the colours of the result as swatches: edit, exchange, lock, load, save."""

from __future__ import annotations

from pathlib import Path

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.words import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.widgets import ToolButton, allow, row, swatch

_SIDE = 24
_ROWS = 3
_COLOUR = QtCore.Qt.ItemDataRole.UserRole


class PalettePanel(QtWidgets.QWidget):
    """Shows and changes the palette of the result that Redo means."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._shown: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self._init_list()
        self._init_buttons()
        self._say = QtWidgets.QLabel(tr("Colours appear here with the first result."))
        self._say.setWordWrap(True)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._say)
        layout.addWidget(self._list)
        layout.addLayout(row(self._edit, self._exchange, stretch=-1))  # in some languages one row is too wide
        layout.addLayout(row(self._lock, self._file, stretch=-1))
        for signal in (session.document_changed, session.results_changed, session.settings_changed):
            signal.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the colours."""
        model = self._session.document
        item = model.applied() if model else None
        colours = item.result.palette if item else ()
        locked = model.settings_of(item.result.request.sketch.key).locked if model and item else ()
        self._say.setVisible(not colours)
        self._list.setVisible(bool(colours))
        if (colours, locked) != self._shown:
            self._shown = (colours, locked)
            self._fill(colours, locked)
        self._on_selection()

    def _fill(self, colours: tuple[str, ...], locked: tuple[str, ...]) -> None:
        blocker = QtCore.QSignalBlocker(self._list)
        chosen = set(self._chosen())
        self._list.clear()
        for colour in colours:
            item = QtWidgets.QListWidgetItem(swatch(QtGui.QColor(colour), _SIDE, locked=colour in locked), "")
            words = tr("{colour}, locked", colour=colour) if colour in locked else colour
            item.setToolTip(words)
            item.setData(_COLOUR, colour)
            item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, words)
            self._list.addItem(item)
            item.setSelected(colour in chosen)
        blocker.unblock()

    def _init_list(self) -> None:
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("palette_list")
        self._list.setAccessibleName(tr("Palette of the result"))
        self._list.setToolTip(tr("The colours of the result. Double-click one to change it everywhere."))
        self._list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self._list.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self._list.setMovement(QtWidgets.QListView.Movement.Static)
        self._list.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.setIconSize(QtCore.QSize(_SIDE, _SIDE))
        self._list.setGridSize(QtCore.QSize(_SIDE + 6, _SIDE + 6))
        self._list.setFixedHeight((_SIDE + 6) * _ROWS + 6)
        self._list.itemSelectionChanged.connect(self._on_selection)
        self._list.itemActivated.connect(self._on_edit)

    def _init_buttons(self) -> None:
        self._edit = ToolButton(
            "edit_colour_button", tr("Edit…"), tr("Change the selected colour, exactly and everywhere.")
        )
        self._edit.clicked.connect(self._on_edit)
        self._exchange = ToolButton(
            "exchange_colours_button", tr("Exchange"), tr("Let two selected colours change places.")
        )
        self._exchange.clicked.connect(self._on_exchange)
        self._lock = ToolButton(
            "lock_colour_button", tr("Lock"), tr("Locked colours stay when a palette is loaded.")
        )
        self._lock.setCheckable(True)
        self._lock.clicked.connect(self._on_lock)
        self._file = ToolButton(
            "palette_file_button",
            tr("File"),
            tr("Load a palette of Krita or GIMP (the nearest colours are taken), or save this one."),
        )
        self._file.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QtWidgets.QMenu(self)
        for text, slot in ((tr("Load…"), self._on_load), (tr("Save…"), self._on_save)):
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(slot)
        self._file.setMenu(menu)

    def _chosen(self) -> list[str]:
        return [str(item.data(_COLOUR)) for item in self._list.selectedItems()]

    def _model(self) -> DocumentModel:
        model = self._session.document
        assert model is not None, "the buttons are off without a document"
        return model

    @guarded
    def _on_selection(self) -> None:
        chosen = self._chosen()
        allow(self._edit, when=len(chosen) == 1, why_not=tr("Select one colour first."))
        allow(self._exchange, when=len(chosen) == 2, why_not=tr("Select two colours first (with Ctrl)."))
        allow(self._lock, when=bool(chosen), why_not=tr("Select one colour first."))
        self._lock.setChecked(bool(chosen) and all(colour in self._shown[1] for colour in chosen))
        self._file.setEnabled(bool(self._shown[0]))

    @guarded
    def _on_edit(self) -> None:
        chosen = self._chosen()
        if len(chosen) != 1:
            return
        dialog = QtWidgets.QColorDialog(QtGui.QColor(chosen[0]), self)
        dialog.setObjectName("colour_dialog")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._on_colour(chosen[0], colour))
        dialog.setModal(False)
        dialog.show()

    @guarded
    def _on_colour(self, before: str, colour: QtGui.QColor) -> None:
        self._session.palettes.edit(self._model(), {before: colour.name()})

    @guarded
    def _on_exchange(self) -> None:
        first, second = self._chosen()
        self._session.palettes.edit(self._model(), {first: second, second: first})

    @guarded
    def _on_lock(self, on: bool) -> None:  # noqa: FBT001 - a toggle's slot
        for colour in self._chosen():
            self._session.palettes.lock(self._model(), colour, on=on)

    @guarded
    def _on_load(self) -> None:
        modes = QtWidgets.QFileDialog
        self._dialog(
            tr("Load a palette"), modes.FileMode.ExistingFile, modes.AcceptMode.AcceptOpen, self._loaded
        )

    @guarded
    def _on_save(self) -> None:
        modes = QtWidgets.QFileDialog
        self._dialog(tr("Save the palette"), modes.FileMode.AnyFile, modes.AcceptMode.AcceptSave, self._saved)

    @guarded
    def _loaded(self, path: str) -> None:
        self._session.palettes.load(self._model(), Path(path))

    @guarded
    def _saved(self, path: str) -> None:
        self._session.palettes.save(self._model(), Path(path))

    def _dialog(
        self,
        title: str,
        mode: QtWidgets.QFileDialog.FileMode,
        accept: QtWidgets.QFileDialog.AcceptMode,
        slot: object,
    ) -> None:
        dialog = QtWidgets.QFileDialog(self, title)
        dialog.setObjectName("palette_file_dialog")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        dialog.setAcceptMode(accept)
        dialog.setDefaultSuffix("kpl")
        dialog.setNameFilter(tr("Palettes (*.kpl *.gpl)"))
        dialog.fileSelected.connect(slot)  # type: ignore[arg-type]
        dialog.setModal(False)
        dialog.show()
