"""The docker's head: how things stand, the backend's button, and what went wrong."""

from __future__ import annotations

from krita_colorize.app.backend import BackendState
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.app.setup import Setup
from krita_colorize.core.words import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.setup import pointer
from krita_colorize.ui.setup import SetupPage
from krita_colorize.ui.trouble import TroublePage
from krita_colorize.ui.widgets import ToolButton, column, row, words_label

_BUTTONS = {
    BackendState.STOPPED: ("Start", "Start the colour engine now. Colorize starts it by itself, too."),
    BackendState.STARTING: ("Stop", "Stop the colour engine."),
    BackendState.READY: (
        "Stop",
        "Stop the colour engine and give its memory back. Colorize starts it again.",
    ),
    BackendState.ERROR: ("Restart", "Start the colour engine again."),
}

_REMOTE_BUTTONS = {
    BackendState.STOPPED: ("Connect", "Connect to the chosen machine now. Colorize does it by itself, too."),
    BackendState.STARTING: ("Stop", "Don't try to connect any more."),
    BackendState.READY: ("Disconnect", "Leave the chosen machine. Colorize connects again."),
    BackendState.ERROR: ("Connect", "Try to connect again."),
}


class StatusBar(QtWidgets.QWidget):
    """Shows the session's status and error."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._status = QtWidgets.QLabel()
        self._status.setObjectName("status_label")
        self._status.setAccessibleName(tr("Status"))
        self._status.setWordWrap(True)
        # Room for two lines always: the docker doesn't jump when a sentence gets longer.
        self._status.setMinimumHeight(2 * self._status.fontMetrics().lineSpacing())
        self._button = ToolButton("backend_button", tr("Start"), "")
        self._button.clicked.connect(session.toggle_backend)
        self._setup_button = ToolButton(
            "setup_button", "…", tr("Install, repair or remove the colour engine.")
        )
        self._setup_button.setAccessibleName(tr("Set up Colorize"))
        self._setup_button.clicked.connect(self._on_setup)
        self._setup = Setup(session.backend.local, session.home, self)
        self._setup.changed.connect(self.refresh)
        self._page: SetupPage | None = None
        self._error = words_label("error_label")
        self._error.setAccessibleName(tr("What went wrong"))
        self._details = ToolButton(
            "trouble_button", tr("What happened…"), tr("Why this happened, what to try, and what was kept.")
        )
        self._details.clicked.connect(self._on_details)
        self._trouble: TroublePage | None = None
        self._sign = QtWidgets.QLabel()
        self._error_box = QtWidgets.QFrame()
        self._error_box.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        said = QtWidgets.QWidget()
        said.setLayout(column(self._error, self._details))
        box = row(self._sign, said, self._dismiss_button(), stretch=1)
        box.setContentsMargins(4, 4, 4, 4)
        self._error_box.setLayout(box)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self._status, self._button, self._setup_button))
        layout.addWidget(self._error_box)
        session.state_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        session.settings_changed.connect(self.refresh)
        session.health.changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows how things stand."""
        session = self._session
        idle = session.backend.state in (BackendState.STOPPED, BackendState.ERROR)
        installed = not idle or _is_installed(session)
        self._status.setText(session.status if installed else tr("The colour engine isn't installed yet."))
        self._status.setToolTip(session.health.words)
        self._button.setVisible(installed)
        self._setup_button.setText("…" if installed else tr("Set up…"))
        buttons = _REMOTE_BUTTONS if session.backend.remote else _BUTTONS
        hung = session.job is not None and session.job.hung
        text, tooltip = (
            tr(words) for words in buttons[BackendState.ERROR if hung else session.backend.state]
        )
        self._button.setText(text)
        self._button.setAccessibleName(tooltip)
        self._button.setToolTip(tooltip)
        self._error.setText(session.error)
        self._error.setVisible(bool(session.error))
        self._error_box.setVisible(bool(session.error))
        self._dismiss.setVisible(session.error_dismissible)
        self._details.setVisible(session.trouble is not None)

    def _dismiss_button(self) -> QtWidgets.QToolButton:
        self._dismiss = ToolButton("dismiss_error_button", "×", tr("Hide this message."))
        self._dismiss.setAutoRaise(True)
        self._dismiss.setAccessibleName(tr("Hide this message"))
        self._dismiss.clicked.connect(self._on_dismissed)
        return self._dismiss

    @guarded
    def _on_setup(self) -> None:
        if self._page is None:
            self._page = SetupPage(self._setup, self)
        self._page.show()
        self._page.raise_()

    @guarded
    def _on_details(self) -> None:
        trouble = self._session.trouble
        if trouble is None:
            return
        if self._trouble is None:
            self._trouble = TroublePage(self._session, self._setup, self._on_setup, self)
        self._trouble.show_trouble(trouble)

    @guarded
    def _on_dismissed(self) -> None:
        self._session.report("")

    def changeEvent(self, event: QtCore.QEvent | None) -> None:
        """Draws the sign anew for another theme."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QtCore.QEvent.Type.StyleChange,
            QtCore.QEvent.Type.PaletteChange,
        ):
            self._show_sign()

    def showEvent(self, event: object) -> None:
        """Draws the sign."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._show_sign()

    def _show_sign(self) -> None:
        style = self.style()
        assert style is not None
        icon = style.standardIcon(QtWidgets.QStyle.StandardPixmap.SP_MessageBoxWarning)
        self._sign.setPixmap(icon.pixmap(QtCore.QSize(16, 16)))


def _is_installed(session: Session) -> bool:
    """Whether there is something to start: here, or on a paired machine."""
    current = pointer.read(session.home).current
    return session.backend.remote or (current is not None and current.complete)
