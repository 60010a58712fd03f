"""The list of references, on which layers, files and pictures can be dropped, and the button that adds them."""

from __future__ import annotations

import functools

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.settings import Reference, SourceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets, Signal
from krita_colorize.ui.widgets import FRAME, Icons, PictureAlone, ToolButton, picture_icon

_ICON_SIDE = 44
_HINT = "Drop layers or pictures here"
_KEY = QtCore.Qt.ItemDataRole.UserRole


class ReferenceList(QtWidgets.QListWidget):
    """The sketch's references. The user data of an item is the key of its source: the layer's id, the file's path or
    the annotation's name."""

    selected = Signal()

    def __init__(self, session: Session, icons: Icons, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._icons = icons
        self._shown: tuple[Reference, ...] = ()
        self.setObjectName("reference_list")
        self.setAccessibleName(tr("References"))
        self.setToolTip(
            tr("The pictures the colours come from. Drop layers, picture files or pictures here.")
        )
        self._init_strip()
        self.setAcceptDrops(True)
        self.setDragDropMode(QtWidgets.QAbstractItemView.DragDropMode.DropOnly)
        viewport = self.viewport()
        assert viewport is not None
        viewport.setAcceptDrops(True)  # `setMovement(Static)` has disabled drops
        self.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_context_menu)
        self.currentRowChanged.connect(self._on_current_row_changed)

    @guarded
    def refresh(self) -> None:
        """Shows the sketch's references; the selected one stays selected."""
        model = self._session.document
        references = model.settings.references if model else ()
        if [item.source for item in references] != [item.source for item in self._shown]:
            blocker = QtCore.QSignalBlocker(self)
            row = max(0, self.currentRow())
            if len(references) > len(self._shown):
                row = len(references) - 1  # the added one
            self.clear()
            for reference in references:
                self.addItem(self._item(reference))
            self.setCurrentRow(min(row, len(references) - 1))
            blocker.unblock()
        self._shown = references
        if model is not None:
            self._session.references.load_thumbnails(model)
            for index, reference in enumerate(references):
                self._show_icon(index, reference)
        self.selected.emit()

    @guarded
    def remove_current(self) -> None:
        """Removes the selected reference."""
        if self._session.document is not None and self.currentRow() >= 0:
            self._session.document.remove_reference(self.currentRow())

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:
        """Removes the selected reference with Delete or Backspace."""
        keys = QtCore.Qt.Key
        if event is not None and event.key() in (keys.Key_Delete, keys.Key_Backspace):
            self.remove_current()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent | None) -> None:
        """Accepts everything that may contain a picture."""
        self._accept(event)

    def dragMoveEvent(self, event: QtGui.QDragMoveEvent | None) -> None:
        """Accepts everything that may contain a picture."""
        self._accept(event)

    @guarded
    def dropEvent(self, event: QtGui.QDropEvent | None) -> None:
        """Adds the dropped data as references."""
        mime, model = event.mimeData() if event is not None else None, self._session.document
        if event is not None and mime is not None and model is not None:
            event.setDropAction(QtCore.Qt.DropAction.CopyAction)  # otherwise Krita moves the dragged layer
            event.accept()
            self._session.references.add_mime(model, mime, tr("Dropped picture"))

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:
        """Draws the list, with a hint if it is empty."""
        super().paintEvent(event)
        viewport = self.viewport()
        if self.count() == 0 and viewport is not None:
            painter = QtGui.QPainter(viewport)
            roles, groups = QtGui.QPalette.ColorRole, QtGui.QPalette.ColorGroup
            painter.setPen(self.palette().color(groups.Disabled, roles.Text))
            centred = QtGui.QTextOption(QtCore.Qt.AlignmentFlag.AlignCenter)
            painter.drawText(QtCore.QRectF(viewport.rect()), tr(_HINT), centred)
            painter.end()

    def _init_strip(self) -> None:
        self.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.setFlow(QtWidgets.QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QtWidgets.QListView.Movement.Static)
        self.setIconSize(QtCore.QSize(_ICON_SIDE, _ICON_SIDE))
        self.setSpacing(1)
        self.setFixedHeight(_ICON_SIDE + 2 * FRAME + 6)
        self.setItemDelegate(PictureAlone(_ICON_SIDE, self))

    def _accept(self, event: QtGui.QDragMoveEvent | None) -> None:
        mime = event.mimeData() if event is not None else None
        if event is None or mime is None:
            return
        if self._session.document is not None and (mime.hasImage() or mime.hasUrls()):
            event.setDropAction(QtCore.Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def _item(self, reference: Reference) -> QtWidgets.QListWidgetItem:
        source = reference.source
        item = QtWidgets.QListWidgetItem(source.name)
        item.setData(_KEY, source.key)
        where = {
            SourceKind.LAYER: tr("Layer"),
            SourceKind.FILE: tr("Picture file"),
            SourceKind.NOTE: tr("Stored picture"),
        }
        item.setToolTip(f"{where[source.kind]}: {source.name}")
        return item

    def _show_icon(self, index: int, reference: Reference) -> None:
        item, model = self.item(index), self._session.document
        if item is None or model is None:
            return
        image = model.thumbnails.get(reference.source.key)
        if image is not None and not image.isNull():
            icon = picture_icon(image)
        else:
            icon = self._icons("paintLayer" if reference.source.kind is SourceKind.LAYER else "document-open")
        item.setIcon(icon if not icon.isNull() else self._standard_icon())

    def _standard_icon(self) -> QtGui.QIcon:
        style = self.style()
        assert style is not None
        return style.standardIcon(QtWidgets.QStyle.StandardPixmap.SP_FileIcon)

    @guarded
    def _on_current_row_changed(self) -> None:
        self.selected.emit()

    @guarded
    def _on_context_menu(self, position: QtCore.QPoint) -> None:
        if self.itemAt(position) is None:
            return
        menu = QtWidgets.QMenu(self)
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        remove = menu.addAction(tr("Remove"))
        assert remove is not None
        remove.triggered.connect(self.remove_current)
        menu.popup(self.mapToGlobal(position))


class AddReferenceButton(ToolButton):
    """A button with a menu of the document's layers, picture files and the clipboard."""

    def __init__(self, session: Session, icons: Icons) -> None:
        tooltip = tr("Add a layer, a picture file, or the picture on the clipboard.")
        super().__init__("add_reference_button", tr("Add"), tooltip, icons=icons, icon="list-add")
        self.setAccessibleName(tr("Add a reference"))
        self.report = session.report
        self._session = session
        self.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QtWidgets.QMenu(self)
        menu.setObjectName("add_reference_menu")
        menu.aboutToShow.connect(self._on_about_to_show)
        self.setMenu(menu)

    @guarded
    def _on_about_to_show(self) -> None:
        menu, model = self.menu(), self._session.document
        assert menu is not None
        menu.clear()
        self._add(menu, tr("Picture file…"), self._on_file)
        self._add(menu, tr("Picture from the clipboard"), self._on_clipboard)
        menu.addSeparator()
        layers = layer_lists.colourable(model.layers) if model else []
        for layer in layers:
            if model is not None and model.sketch is not None and layer.id != model.sketch.id:
                text = "    " * layer.depth + layer.name.replace("&", "&&")
                self._add(menu, text, functools.partial(self._on_layer, layer.id))

    def _add(self, menu: QtWidgets.QMenu, text: str, slot: object) -> QtCore.QObject:
        action = menu.addAction(text)
        assert action is not None
        action.triggered.connect(slot)  # type: ignore[arg-type]
        return action

    @guarded
    def _on_layer(self, layer_id: str) -> None:
        model = self._session.document
        layer = layer_lists.find(model.layers, layer_id) if model else None
        if model is not None and layer is not None:
            self._session.references.add_layer(model, layer)

    @guarded
    def _on_clipboard(self) -> None:
        model, clipboard = self._session.document, QtWidgets.QApplication.clipboard()
        mime = clipboard.mimeData() if clipboard is not None else None
        if model is not None and mime is not None:
            self._session.references.add_mime(model, mime, tr("Clipboard"))

    @guarded
    def _on_file(self) -> None:
        dialog = QtWidgets.QFileDialog(self, tr("Choose reference pictures"))
        dialog.setObjectName("reference_file_dialog")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QtWidgets.QFileDialog.FileMode.ExistingFiles)
        formats = " ".join(
            f"*.{bytes(f.data()).decode()}" for f in QtGui.QImageReader.supportedImageFormats()
        )
        dialog.setNameFilter(tr("Pictures ({formats})", formats=formats))
        dialog.filesSelected.connect(self._on_files)
        dialog.setModal(False)
        dialog.show()

    @guarded
    def _on_files(self, paths: list[str]) -> None:
        model = self._session.document
        for path in paths:
            if model is not None:
                self._session.references.add_file(model, path)
