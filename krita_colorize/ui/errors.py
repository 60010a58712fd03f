"""The box for error messages: shows the whole sentence, which can be selected and copied.

It is in the part of the docker that shrinks, so a long sentence never enlarges Krita's window.
"""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.failure_help import FailureHelpPage
from krita_colorize.ui.widgets import ToolButton, column, row

_MOST_LINES = 5


class ErrorBox(QtWidgets.QFrame):
    """Shows the session's error; hidden while there is none."""

    def __init__(
        self,
        session: Session,
        make_page: Callable[[], FailureHelpPage],
        parent: QtWidgets.QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._make_page = make_page
        self._page: FailureHelpPage | None = None
        self._text = ErrorText()
        self._text.setObjectName("error_label")
        self._text.setAccessibleName(tr("What went wrong"))
        self._details = ToolButton(
            "failure_button", tr("What happened…"), tr("Why this happened, what to try, and what was kept.")
        )
        self._details.clicked.connect(self._on_details)
        self._dismiss = ToolButton("dismiss_error_button", "×", tr("Hide this message."))
        self._dismiss.setAutoRaise(True)
        self._dismiss.setAccessibleName(tr("Hide this message"))
        self._dismiss.clicked.connect(lambda: session.report(""))
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        said = QtWidgets.QWidget()
        said.setLayout(column(self._text, self._details))
        layout = row(said, self._dismiss)
        layout.setContentsMargins(4, 2, 2, 2)
        layout.setAlignment(self._dismiss, QtCore.Qt.AlignmentFlag.AlignTop)
        self.setLayout(layout)
        session.state_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the present error, or hides the box."""
        session = self._session
        self._text.setText(session.error)
        self._dismiss.setVisible(session.error_dismissible)
        self._details.setVisible(session.failure is not None)
        self.setVisible(bool(session.error))

    @guarded
    def _on_details(self) -> None:
        failure = self._session.failure
        if failure is None:
            return
        if self._page is None:
            self._page = self._make_page()
        self._page.show_failure(failure)


class ErrorText(QtWidgets.QPlainTextEdit):
    """A read-only text that is up to five lines high and scrolls beyond that; it also wraps long words."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setWordWrapMode(QtGui.QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Maximum)
        viewport, document = self.viewport(), self.document()
        assert viewport is not None
        assert document is not None
        viewport.setAutoFillBackground(False)
        document.setDocumentMargin(1)

    def text(self) -> str:
        """The text, like `QLabel.text`."""
        return self.toPlainText()

    def setText(self, text: str) -> None:  # noqa: N802 - the name in QLabel
        """Shows a text; if it is the same as before, the artist's selection in it stays."""
        if text != self.toPlainText():
            self.setPlainText(text)
            self.updateGeometry()

    def sizeHint(self) -> QtCore.QSize:
        """The height of the text, up to five lines."""
        document = self.document()
        assert document is not None
        lines = round(document.size().height())  # a plain text document counts lines
        return self._lines(min(max(lines, 1), _MOST_LINES))

    def minimumSizeHint(self) -> QtCore.QSize:
        """The height of one line."""
        return self._lines(1)

    def resizeEvent(self, event: QtGui.QResizeEvent | None) -> None:
        """Updates the height, because another width changes the number of lines."""
        super().resizeEvent(event)
        self.updateGeometry()

    def _lines(self, count: int) -> QtCore.QSize:
        return QtCore.QSize(60, count * self.fontMetrics().lineSpacing() + 4)
