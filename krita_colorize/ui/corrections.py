"""The button "Correct colours", with which clicks on the canvas offer colours for a region; see `app.corrections`."""

from __future__ import annotations

from krita_colorize.app.corrections import Offered
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.corrections import Swatch
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.colour_popup import ColourPopup
from krita_colorize.ui.widgets import ToolButton, allow, row


class CorrectionsPanel(QtWidgets.QWidget):
    """The buttons, and the popup with the colours."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._offered: Offered | None = None
        self._popup = ColourPopup(session, self)
        self._popup.chosen.connect(self._on_chosen)
        self._popup.next_wanted.connect(self._on_next)
        self._correct = ToolButton(
            "correct_button",
            tr("Correct colours"),
            tr(
                "Click a region on the canvas and choose its colour. Regions recognised as the same part change"
                " with it."
            ),
        )
        self._correct.setCheckable(True)
        self._correct.clicked.connect(self._on_correct)
        self._next = ToolButton(
            "correct_next_button",
            tr("Next"),
            tr("Go to the next place to check and choose its colour (N)."),
        )
        self._next.clicked.connect(self._on_next)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self._correct, self._next, stretch=-1))
        session.corrections.changed.connect(self.refresh)
        session.corrections.offered.connect(self._on_offered)
        for signal in (session.document_changed, session.results_changed):
            signal.connect(self.refresh)
        session.checks.changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows whether clicks are received, and enables the buttons."""
        model = self._session.document
        there = model is not None and model.applied() is not None
        allow(self._correct, when=there, why_not=tr("There is nothing to correct yet: press Colorize first."))
        self._correct.setChecked(self._session.corrections.on)
        why_not = tr("There is nothing to check in this result.")
        allow(self._next, when=there and bool(self._session.checks.places), why_not=why_not)

    def toggle(self) -> None:
        """Like a click on the button."""
        if self._correct.isEnabled():
            self._correct.click()

    @guarded
    def _on_correct(self, on: bool) -> None:  # noqa: FBT001 - a toggle's slot
        self._correct.setChecked(False)  # checked only when clicks are received
        model = self._session.document
        if on and model is not None:
            self._session.report("")
            self._session.corrections.start(model)
        else:
            self._session.corrections.stop()

    @guarded
    def _on_next(self) -> None:
        model = self._session.document
        if model is not None:
            self._session.corrections.next(model)

    @guarded
    def _on_offered(self, offered: Offered) -> None:
        self._offered = offered
        point = QtCore.QPoint(*offered.screen) if offered.screen else QtGui.QCursor.pos()
        self._popup.open_at(offered.offer, point)

    @guarded
    def _on_chosen(self, swatch: Swatch, alone: bool) -> None:  # noqa: FBT001 - a signal's slot
        offered, self._offered = self._offered, None
        if offered is not None:
            self._session.report("")
            self._session.corrections.choose(offered, swatch, alone=alone)
