"""The section "Palette": the colours of the result as swatches: edit, exchange, merge, lock, find, load, save.

A swatch stands for similar colours (`core.swatches`); pointing at it highlights its regions on the canvas.
"""

from __future__ import annotations

from pathlib import Path

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.settings import MAX_SWATCH_MERGE
from krita_colorize.core.swatches import Side, Swatch
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.pages import CollapsibleSection, bring_into_view
from krita_colorize.ui.widgets import FRAME, PictureAlone, ToolButton, allow, column, label_for, row, swatch

_SIDE = 24
_ROWS = 3
_SWATCH = QtCore.Qt.ItemDataRole.UserRole
_SIDES = {Side.FOREGROUND: "Foreground", Side.BACKGROUND: "Background"}


class PalettePanel(QtWidgets.QWidget):
    """Shows and changes the palette of the result that Redo would repair."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.report = session.report
        self._session = session
        self._shown: tuple[tuple[Swatch, ...], tuple[str, ...]] = ((), ())
        self._init_list()
        self._init_buttons()
        self._init_advanced()
        self._say = QtWidgets.QLabel(tr("Colours appear here with the first result."))
        self._say.setWordWrap(True)
        layout = column(self._say, self._list)
        layout.addLayout(row(self._edit, self._exchange, self._merge, stretch=-1))
        layout.addLayout(row(self._lock, self._find, self._file, stretch=-1))
        layout.addWidget(self._advanced)
        self.setLayout(layout)
        for signal in (session.document_changed, session.results_changed, session.settings_changed):
            signal.connect(self.refresh)
        session.swatches.changed.connect(self.refresh)
        session.swatches.picked.connect(self._on_picked)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the palette's swatches."""
        model = self._session.document
        item = model.applied() if model else None
        settings = model.settings_of(item.result.request.sketch.key) if model and item else None
        if self.isVisible():  # computing the map of the colours takes a while
            self._session.swatches.follow(model)
        where = self._session.swatches.map
        colours = item.result.palette if item else ()
        if settings is not None and where is not None and where.colours == colours:
            swatches = where.swatches(settings.swatch_merge)
        else:
            swatches = tuple(Swatch(colour, (colour,), Side.FOREGROUND, 0.0) for colour in colours)
        locked = settings.locked if settings is not None else ()
        self._say.setVisible(not colours)
        self._list.setVisible(bool(colours))
        if (swatches, locked) != self._shown:
            self._shown = (swatches, locked)
            self._fill(swatches, locked)
        self._show_threshold(settings.swatch_merge if settings is not None else 0)
        self._find.setChecked(self._session.swatches.picking)
        self._on_selection()

    def showEvent(self, event: QtGui.QShowEvent | None) -> None:
        """Updates the palette, which isn't done while it is hidden."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QtGui.QHideEvent | None) -> None:
        """Lets clicks on the canvas paint again."""
        super().hideEvent(event)
        self._session.swatches.stop_picking()

    def eventFilter(self, watched: QtCore.QObject | None, event: QtCore.QEvent | None) -> bool:
        """Shows the selected result on the canvas again when the mouse leaves the swatches."""
        if (
            watched is self._list.viewport()
            and event is not None
            and event.type() == QtCore.QEvent.Type.Leave
        ):
            self._session.peek_ends()
        return super().eventFilter(watched, event)

    def _fill(self, swatches: tuple[Swatch, ...], locked: tuple[str, ...]) -> None:
        blocker = QtCore.QSignalBlocker(self._list)
        chosen = {one.colour for one in self._chosen()}
        self._list.clear()
        for number, one in enumerate(swatches):
            if number and one.side is not swatches[number - 1].side:
                self._list.addItem(_separator())
            item = QtWidgets.QListWidgetItem(_icon(one, locked), "")
            words = _words(one, locked)
            item.setToolTip(words)
            item.setData(_SWATCH, one)
            item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, words)
            self._list.addItem(item)
            item.setSelected(one.colour in chosen)
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
        self._list.setItemDelegate(PictureAlone(_SIDE, self._list))
        self._list.setSpacing(1)
        self._list.setFixedHeight((_SIDE + 2 * FRAME + 2) * _ROWS + 6)
        self._list.itemSelectionChanged.connect(self._on_selection)
        self._list.itemActivated.connect(self._on_edit)
        self._list.setMouseTracking(True)
        self._list.itemEntered.connect(self._on_entered)
        viewport = self._list.viewport()
        assert viewport is not None
        viewport.installEventFilter(self)

    def _init_buttons(self) -> None:
        self._edit = self._button(
            "edit_colour_button",
            tr("Edit…"),
            tr("Change the selected colour exactly, everywhere in the result."),
            self._on_edit,
        )
        self._exchange = self._button(
            "exchange_colours_button",
            tr("Exchange"),
            tr("Swap two selected colours."),
            self._on_exchange,
        )
        self._merge = self._button(
            "merge_colours_button",
            tr("Merge"),
            tr("Merge the selected colours into the one with the largest area."),
            self._on_merge,
        )
        self._lock = self._button(
            "lock_colour_button",
            tr("Lock"),
            tr("Locked colours stay when a palette is loaded."),
            self._on_lock,
        )
        self._lock.setCheckable(True)
        self._find = self._button(
            "find_colour_button",
            tr("Find"),
            tr("Clicks on the canvas select the colour there instead of painting."),
            self._on_find,
        )
        self._find.setCheckable(True)
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

    def _button(self, name: str, text: str, tooltip: str, slot: object) -> ToolButton:
        button = ToolButton(name, text, tooltip)
        button.clicked.connect(slot)  # type: ignore[arg-type]
        return button

    def _init_advanced(self) -> None:
        self._threshold = QtWidgets.QSpinBox()
        self._threshold.setObjectName("swatch_merge_spin")
        self._threshold.setAccessibleName(tr("Alike up to"))
        self._threshold.setRange(0, MAX_SWATCH_MERGE)
        self._threshold.setToolTip(
            tr(
                "Colours that differ less (CIE 1976) are one swatch. The layers keep them until you merge them."
            )
        )
        self._threshold.valueChanged.connect(self._on_threshold)
        inside = QtWidgets.QWidget()
        inside.setLayout(row(label_for(self._threshold, tr("Alike up to")), self._threshold, stretch=-1))
        tooltip = tr("How alike colours are that share a swatch.")
        self._advanced = CollapsibleSection(tr("Advanced"), inside, tooltip=tooltip, name="palette_advanced")

    def _show_threshold(self, value: int) -> None:
        blocker = QtCore.QSignalBlocker(self._threshold)
        self._threshold.setValue(value)
        self._threshold.setEnabled(bool(self._shown[0]))
        blocker.unblock()

    def _chosen(self) -> list[Swatch]:
        return [one for item in self._list.selectedItems() if isinstance(one := item.data(_SWATCH), Swatch)]

    def _model(self) -> DocumentModel:
        model = self._session.document
        assert model is not None, "the buttons are off without a document"
        return model

    @guarded
    def _on_selection(self) -> None:
        chosen = self._chosen()
        colours = sum(len(one.members) for one in chosen)
        allow(self._edit, when=len(chosen) == 1, why_not=tr("Select one colour first."))
        allow(self._exchange, when=len(chosen) == 2, why_not=tr("Select two colours first (with Ctrl)."))
        allow(self._merge, when=colours > 1, why_not=tr("Select two colours first (with Ctrl)."))
        allow(self._lock, when=bool(chosen), why_not=tr("Select one colour first."))
        locked = self._shown[1]
        self._lock.setChecked(bool(chosen) and all(set(one.members) <= set(locked) for one in chosen))
        for widget in (self._file, self._find):
            widget.setEnabled(bool(self._shown[0]))

    @guarded
    def _on_entered(self, item: QtWidgets.QListWidgetItem) -> None:
        self._session.swatches.light(item.data(_SWATCH))

    @guarded
    def _on_edit(self) -> None:
        chosen = self._chosen()
        if len(chosen) != 1:
            return
        dialog = QtWidgets.QColorDialog(QtGui.QColor(chosen[0].colour), self)
        dialog.setObjectName("colour_dialog")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._on_colour(chosen[0], colour))
        dialog.setModal(False)
        dialog.show()

    @guarded
    def _on_colour(self, before: Swatch, colour: QtGui.QColor) -> None:
        self._change({before: colour.name()})

    @guarded
    def _on_exchange(self) -> None:
        first, second = self._chosen()
        self._change({first: second.colour, second: first.colour})

    @guarded
    def _on_merge(self) -> None:
        chosen = self._chosen()
        largest = max(chosen, key=lambda one: one.area)
        self._change(dict.fromkeys(chosen, largest.colour))

    def _change(self, edits: dict[Swatch, str]) -> None:
        """Replaces all colours of each swatch by another one."""
        found = {colour: after for one, after in edits.items() for colour in one.members}
        self._session.palettes.edit(self._model(), found)

    @guarded
    def _on_lock(self, on: bool) -> None:  # noqa: FBT001 - a toggle's slot
        for one in self._chosen():
            for colour in one.members:
                self._session.palettes.lock(self._model(), colour, on=on)

    @guarded
    def _on_find(self, on: bool) -> None:  # noqa: FBT001 - a toggle's slot
        self._find.setChecked(False)  # checked only when clicks are received
        if on:
            self._session.swatches.pick()
        else:
            self._session.swatches.stop_picking()

    @guarded
    def _on_picked(self, colour: str) -> None:
        for number in range(self._list.count()):
            item = self._list.item(number)
            one = item.data(_SWATCH) if item is not None else None
            if item is not None and isinstance(one, Swatch) and colour in one.members:
                self._list.setCurrentItem(item)
                self._list.scrollToItem(item)
                bring_into_view(self._list)

    @guarded
    def _on_threshold(self, value: int) -> None:
        model = self._session.document
        item = model.applied() if model is not None else None
        if model is not None and item is not None:
            model.change_for(item.result.request.sketch.key, swatch_merge=value)

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


def _words(one: Swatch, locked: tuple[str, ...]) -> str:
    """The text of a swatch's tooltip, also for screen readers."""
    count = len(one.members)
    words = (
        one.colour if count == 1 else tr("{colour} and {count} like it", colour=one.colour, count=count - 1)
    )
    if set(one.members) & set(locked):
        words = tr("{colour}, locked", colour=words)
    if one.area:
        words = f"{words}\n{tr(_SIDES[one.side])}, {100 * one.area:.1f} %"
    return words


def _icon(one: Swatch, locked: tuple[str, ...]) -> QtGui.QIcon:
    return swatch(QtGui.QColor(one.colour), _SIDE, locked=bool(set(one.members) & set(locked)))


def _separator() -> QtWidgets.QListWidgetItem:
    """The line between the foreground's and the background's swatches."""
    pixmap = QtGui.QPixmap(_SIDE, _SIDE)
    pixmap.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(pixmap)
    painter.setPen(QtGui.QColor(128, 128, 128))
    painter.drawLine(_SIDE // 2, 2, _SIDE // 2, _SIDE - 3)
    painter.end()
    item = QtWidgets.QListWidgetItem(QtGui.QIcon(pixmap), "")
    item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
    return item
