"""The section "Check": shows the places of the result to check, one after another, circled on the canvas."""

from __future__ import annotations

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.check import PlaceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.widgets import ToolButton, row


class CheckPanel(QtWidgets.QWidget):
    """Shows `app.checks`: the current place, and the buttons to step, circle and select."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._say = QtWidgets.QLabel()
        self._say.setObjectName("check_label")
        self._say.setWordWrap(True)
        self._circle = QtWidgets.QCheckBox(tr("Circle them on the canvas"))
        self._circle.setObjectName("circle_check")
        self._circle.setToolTip(
            tr("Orange: unsure. Pink: unpainted. Red: may leak. Blue: the one you are at.")
        )
        self._circle.toggled.connect(self._on_circle)
        self._previous = ToolButton("previous_place_button", tr("Previous"), tr("Show the place before."))
        self._previous.clicked.connect(lambda: self._step(-1))
        self._next = ToolButton("next_place_button", tr("Next"), tr("Show the next place."))
        self._next.clicked.connect(lambda: self._step(1))
        self._select = ToolButton("select_places_button", tr("As selection"), tr("Select all these places."))
        self._select.clicked.connect(self._on_select)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._say)
        layout.addWidget(self._circle)
        layout.addLayout(row(self._previous, self._next, stretch=-1))
        layout.addLayout(row(self._select, stretch=-1))
        session.checks.changed.connect(self.refresh)
        for signal in (session.document_changed, session.results_changed, session.layers_changed):
            signal.connect(self._on_results)
        self._on_results()

    @guarded
    def refresh(self) -> None:
        """Shows the current place and its number."""
        checks = self._session.checks
        self._say.setText(self._words())
        there = bool(checks.places)
        for widget in (self._circle, self._previous, self._next, self._select):
            widget.setEnabled(there)
        blocker = QtCore.QSignalBlocker(self._circle)
        self._circle.setChecked(checks.shown and there)
        blocker.unblock()

    def _words(self) -> str:
        checks = self._session.checks
        model = self._session.document
        if model is None or model.applied() is None:
            return tr("The places that you should check are listed here with the first result.")
        if not checks.places:
            return tr("Nothing to check in this result.")
        if checks.index < 0:
            return tr("{count} places to check", count=len(checks.places))
        kinds = {
            PlaceKind.DOUBTFUL: tr("unsure of the colour"),
            PlaceKind.UNPAINTED: tr("not painted"),
            PlaceKind.LEAK: tr("the colour may leak here"),
        }
        what = kinds[checks.places[checks.index].kind]
        return tr("{number} of {count}: {what}", number=checks.index + 1, count=len(checks.places), what=what)

    @guarded
    def _on_results(self) -> None:
        self._session.checks.follow(self._session.document)
        self.refresh()

    @guarded
    def _on_circle(self, on: bool) -> None:  # noqa: FBT001 - a toggle's slot
        if self._session.document is not None:
            self._session.checks.show(self._session.document, on=on)

    @guarded
    def _step(self, by: int) -> None:
        if self._session.document is not None:
            self._session.checks.step(self._session.document, by)

    @guarded
    def _on_select(self) -> None:
        if self._session.document is not None:
            self._session.checks.select(self._session.document)
