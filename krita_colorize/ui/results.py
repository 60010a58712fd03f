"""The strip of results, and what can be done with the selected one."""

from __future__ import annotations

from krita_colorize.app.document import Item
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.widgets import picture_icon, row

_ICON_SIDE = 72
_NUMBER = QtCore.Qt.ItemDataRole.UserRole


class Results(QtWidgets.QWidget):
    """Shows the document's results, the newest first."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._shown: list[tuple[int, bool]] = []
        self._init_strip()
        self._apply = self._button(
            "apply_button", "Apply", "Insert the selected result as a group of layers."
        )
        self._apply.clicked.connect(session.apply)
        self._discard = self._button("discard_button", "Discard", "Drop the selected result.")
        self._discard.clicked.connect(session.discard)
        self._show_check = QtWidgets.QCheckBox("Show on canvas")
        self._show_check.setObjectName("show_on_canvas_check")
        self._show_check.setToolTip(
            "Lay the selected result over the canvas. The picture itself isn't touched."
        )
        self._show_check.setChecked(session.show_on_canvas)
        self._show_check.toggled.connect(session.set_show_on_canvas)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._list)
        layout.addWidget(self._show_check)
        layout.addLayout(row(self._apply, self._discard))
        session.results_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the results of the active document."""
        model = self._session.document
        results, selected = (model.results, model.selected) if model else ([], None)
        blocker = QtCore.QSignalBlocker(self._list)
        shown = [(item.number, bool(item.group_id)) for item in results]
        if shown != self._shown:
            self._shown = shown
            self._list.clear()
            for item in results:
                self._list.addItem(_list_item(item))
        self._list.setCurrentRow(results.index(selected) if selected in results else -1)
        if selected is None:
            self._list.clearSelection()
        blocker.unblock()
        self.setVisible(bool(results))
        self._apply.setEnabled(selected is not None)
        self._discard.setEnabled(selected is not None)

    def _init_strip(self) -> None:
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("results_list")
        self._list.setAccessibleName("Results")
        self._list.setToolTip(
            "What was coloured so far, the newest first, with its seed. Select one to see it."
        )
        self._list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self._list.setFlow(QtWidgets.QListView.Flow.LeftToRight)
        self._list.setWrapping(False)
        self._list.setMovement(QtWidgets.QListView.Movement.Static)
        self._list.setIconSize(QtCore.QSize(_ICON_SIDE, _ICON_SIDE))
        self._list.setGridSize(QtCore.QSize(_ICON_SIDE + 10, _ICON_SIDE + 24))
        self._list.setFixedHeight(_ICON_SIDE + 34)
        self._list.currentRowChanged.connect(self._on_current_row_changed)

    def _button(self, name: str, text: str, tooltip: str) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tooltip)
        return button

    @guarded
    def _on_current_row_changed(self, current: int) -> None:
        item = self._list.item(current)
        self._session.select_result(item.data(_NUMBER) if item is not None else None)


def _list_item(item: Item) -> QtWidgets.QListWidgetItem:
    settings = item.result.request.settings
    shown = QtWidgets.QListWidgetItem(f"✓ seed {settings.seed}" if item.group_id else f"seed {settings.seed}")
    shown.setData(_NUMBER, item.number)
    shown.setIcon(picture_icon(item.thumbnail))
    lines = [item.result.title, f"Mode: {settings.mode.value}"]
    if item.result.doubts:
        lines.append(f"The engine was unsure about {item.result.doubts} regions.")
    if item.group_id:
        lines.append("Applied.")
    shown.setToolTip("\n".join(lines))
    return shown
