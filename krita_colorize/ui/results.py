"""The strip of results, and the actions for the selected one."""

from __future__ import annotations

from functools import partial

from krita_colorize.app.document import Item
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core import modes
from krita_colorize.core.settings import MAX_SEED
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.widgets import Icons, ToolButton, allow, picture_icon, row

VARIATIONS = 3
_ICON_SIDE = 64
_STRIP_HEIGHT = _ICON_SIDE + 38
_ANY = 16777215  # Qt's largest height
_NUMBER = QtCore.Qt.ItemDataRole.UserRole


class Results(QtWidgets.QWidget):
    """Shows the document's results, newest first."""

    def __init__(self, session: Session, icons: Icons, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._icons = icons
        self._shown: list[tuple[int, bool, int]] = []
        self._init_list()
        self._init_buttons()
        self._more = self._more_button()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._list)
        buttons = row(self._show_check, self._before, self._other, self._discard, self._more, stretch=-1)
        layout.addLayout(buttons)
        session.results_changed.connect(self.refresh)
        session.layers_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        self.refresh()

    @property
    def count(self) -> int:
        """The number of results."""
        return self._list.count()

    @property
    def last(self) -> QtWidgets.QWidget:
        """The last control in the tab order."""
        return self._more

    def use_strip(self, *, strip: bool) -> None:
        """Shows one row that scrolls horizontally, or as many rows as fit."""
        self._list.setWrapping(not strip)
        self._list.setMinimumHeight(_STRIP_HEIGHT if strip else 0)
        self._list.setMaximumHeight(_STRIP_HEIGHT if strip else _ANY)
        policies = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policies.Preferred, policies.Maximum if strip else policies.Preferred)

    @guarded
    def refresh(self) -> None:
        """Shows the results of the active document."""
        model = self._session.document
        results, selected = (model.results, model.selected) if model else ([], None)
        blocker = QtCore.QSignalBlocker(self._list)
        shown = [(item.number, model is not None and model.lies_here(item), item.changes) for item in results]
        if shown != self._shown:
            self._shown = shown
            self._list.clear()
            for item, (_, lies_here, _) in zip(results, shown, strict=True):
                self._list.addItem(_list_item(item, lies_here=lies_here))
        self._list.setCurrentRow(results.index(selected) if selected in results else -1)
        if selected is None:
            self._list.clearSelection()
        blocker.unblock()
        blocker = QtCore.QSignalBlocker(self._show_check)
        self._show_check.setChecked(self._session.show_on_canvas)
        blocker.unblock()
        for widget in (self._discard, self._more, self._before):
            widget.setEnabled(selected is not None)
        several = selected is not None and len(results) > 1
        allow(self._other, when=several, why_not=tr("There is only one result so far."))

    def _init_list(self) -> None:
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("results_list")
        self._list.setAccessibleName(tr("Results"))
        self._list.setToolTip(
            tr("The results so far, the newest first, with their seeds. Select one to see it.")
        )
        self._list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self._list.setFlow(QtWidgets.QListView.Flow.LeftToRight)
        self._list.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self._list.setMovement(QtWidgets.QListView.Movement.Static)
        self._list.setIconSize(QtCore.QSize(_ICON_SIDE, _ICON_SIDE))
        self._list.setGridSize(QtCore.QSize(_ICON_SIDE + 10, _ICON_SIDE + 22))
        self._list.currentRowChanged.connect(self._on_current_row_changed)

    def _init_buttons(self) -> None:
        session = self._session
        self._show_check = ToolButton(
            "show_on_canvas_check",
            tr("On canvas"),
            tr("Show the selected result over the canvas. The picture itself isn't changed."),
            icons=self._icons,
            icon="visible",
        )
        self._show_check.setCheckable(True)
        self._show_check.setChecked(session.show_on_canvas)
        self._show_check.toggled.connect(session.set_show_on_canvas)
        self._discard = ToolButton(
            "discard_button",
            tr("Discard"),
            tr("Remove the selected result from the list."),
            icons=self._icons,
            icon="edit-delete",
        )
        self._discard.clicked.connect(session.discard)
        self._before = ToolButton(
            "before_button", tr("Before"), tr("Hold to see the picture without the result.")
        )
        self._other = ToolButton(
            "other_button", tr("Other"), tr("Hold to see the result that was selected before this one.")
        )
        for button, other in ((self._before, False), (self._other, True)):
            button.pressed.connect(partial(session.peek, other=other))
            button.released.connect(session.peek_ends)

    def _more_button(self) -> ToolButton:
        button = ToolButton("more_results_button", tr("More"), tr("More actions for this result."))
        button.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QtWidgets.QMenu(self)
        menu.setObjectName("more_results_menu")
        for text, slot in (
            (tr("Colour again with these settings"), self._on_again),
            (tr("Variations: the next three seeds"), self._on_variations),
            (tr("Give its settings to the sketch"), self._on_use_settings),
        ):
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(slot)
        button.setMenu(menu)
        return button

    @guarded
    def _on_again(self) -> None:
        model = self._session.document
        if model is not None and model.selected is not None:
            seed = model.selected.result.request.settings.seed
            self._session.job_requests.again(model, model.selected, [seed])

    @guarded
    def _on_variations(self) -> None:
        model = self._session.document
        if model is not None and model.selected is not None:
            seed = model.selected.result.request.settings.seed
            seeds = [(seed + step) % (MAX_SEED + 1) for step in range(1, VARIATIONS + 1)]
            self._session.job_requests.again(model, model.selected, seeds)

    @guarded
    def _on_use_settings(self) -> None:
        model = self._session.document
        if model is not None and model.selected is not None:
            model.take_over(model.selected.result.request.settings)

    @guarded
    def _on_current_row_changed(self, current: int) -> None:
        item = self._list.item(current)
        self._session.select_result(item.data(_NUMBER) if item is not None else None)


_COLOURED_LINES = {
    "borders": "Coloured lines were treated as borders.",
    "roughs": "Coloured lines were treated as roughs and ignored.",
    "trace_lines": "Coloured lines were treated as trace lines.",
}


def _list_item(item: Item, *, lies_here: bool) -> QtWidgets.QListWidgetItem:
    request = item.result.request
    settings = request.settings
    title = tr("seed {seed}", seed=settings.seed)
    shown = QtWidgets.QListWidgetItem(f"✓ {title}" if lies_here else title)
    shown.setData(_NUMBER, item.number)
    shown.setIcon(picture_icon(item.thumbnail))
    lines = [
        item.result.title,
        tr("Sketch: {name}", name=request.sketch.name),
        tr("Mode: {mode}", mode=tr(modes.WORDS[settings.mode].title)),
        tr("Engine: {name}", name=f"{settings.engine} {settings.model}".strip()),
    ]
    if item.result.panels:
        lines.append(tr("{count} panels, coloured independently.", count=item.result.panels))
    if item.result.doubts:
        lines.append(tr("The engine was unsure about {count} regions.", count=item.result.doubts))
    if item.result.coloured_lines in _COLOURED_LINES:
        lines.append(tr(_COLOURED_LINES[item.result.coloured_lines]))
    if lies_here:
        lines.append(tr("Applied."))
    shown.setToolTip("\n".join(lines))
    return shown
