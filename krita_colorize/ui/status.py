"""The docker's header: status, the job's progress, and the buttons of job and backend."""

from __future__ import annotations

from krita_colorize.app.backend import BackendState
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.app.setup import Setup
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.setup import pointer
from krita_colorize.ui.failure_help import FailureHelpPage
from krita_colorize.ui.setup import SetupPage
from krita_colorize.ui.widgets import ElidedLabel, Icons, ToolButton, allow, no_icons, row

_STEPS = 1000  # of the progress bar
_PROGRESS_HEIGHT = 5  # px

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
    BackendState.STARTING: ("Stop", "Stop trying to connect."),
    BackendState.READY: ("Disconnect", "Leave the chosen machine. Colorize connects again."),
    BackendState.ERROR: ("Connect", "Try to connect again."),
}


class StatusBar(QtWidgets.QWidget):
    """Shows the session's status in one line, with the progress below it, and ends a job."""

    def __init__(self, session: Session, icons: Icons = no_icons) -> None:
        super().__init__()
        self.report = session.report
        self._session = session
        self._status = ElidedLabel()
        self._status.setObjectName("status_label")
        self._status.setAccessibleName(tr("Status"))
        self._sign = QtWidgets.QLabel()
        self._cancel = ToolButton(
            "cancel_button",
            tr("Cancel"),
            tr("Stop the job that is running."),
            icons=icons,
            icon="dialog-cancel",
        )
        self._cancel.clicked.connect(session.cancel)
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
        self._init_progress()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(
            row(self._sign, self._status, self._cancel, self._button, self._setup_button, stretch=1)
        )
        layout.addWidget(self._progress)
        session.state_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        session.settings_changed.connect(self.refresh)
        session.health.changed.connect(self.refresh)
        session.activity.reads.connect(self._status.repaint)
        self.refresh()

    def make_failure_help_page(self) -> FailureHelpPage:
        """Creates the window about a failure."""
        return FailureHelpPage(self._session, self._setup, self._on_setup, self)

    @guarded
    def refresh(self) -> None:
        """Shows the status, the progress and the possible actions."""
        session = self._session
        idle = session.backend.state in (BackendState.STOPPED, BackendState.ERROR)
        installed = not idle or _is_installed(session)
        self._status.setText(session.status if installed else tr("The colour engine isn't installed yet."))
        told = (self._status.text(), session.health.words)
        self._status.setToolTip("\n".join(text for text in told if text))
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
        self._sign.setVisible(bool(session.error))
        self._sign.setToolTip(session.error)
        job = session.job
        allow(self._cancel, when=job is not None, why_not=tr("No job is running."))
        self._show_progress(round(job.progress.fraction * _STEPS) if job else 0)
        self._progress.setVisible(job is not None)

    def _init_progress(self) -> None:
        self._progress = QtWidgets.QProgressBar()
        self._progress.setObjectName("progress_bar")
        self._progress.setAccessibleName(tr("Progress"))
        self._progress.setRange(0, _STEPS)
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(_PROGRESS_HEIGHT)
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # so that the other widgets don't move when a job starts
        self._progress.setSizePolicy(keep)

    def _show_progress(self, value: int) -> None:
        if value != self._progress.value():
            # Without updates, because Qt would repaint the bar and Krita's window at once instead of in the next frame.
            self._progress.setUpdatesEnabled(False)
            self._progress.setValue(value)
            self._progress.setUpdatesEnabled(True)

    @guarded
    def _on_setup(self) -> None:
        if self._page is None:
            self._page = SetupPage(self._setup, self)
        self._page.show()
        self._page.raise_()

    def changeEvent(self, event: QtCore.QEvent | None) -> None:
        """Updates the warning sign when the theme changes."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QtCore.QEvent.Type.StyleChange,
            QtCore.QEvent.Type.PaletteChange,
        ):
            self._show_sign()

    def showEvent(self, event: object) -> None:
        """Loads the warning sign."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._show_sign()

    def _show_sign(self) -> None:
        style = self.style()
        assert style is not None
        icon = style.standardIcon(QtWidgets.QStyle.StandardPixmap.SP_MessageBoxWarning)
        self._sign.setPixmap(icon.pixmap(QtCore.QSize(16, 16)))


def _is_installed(session: Session) -> bool:
    """Whether a backend is installed here or a paired machine is chosen."""
    current = pointer.read(session.home).current
    return session.backend.remote or (current is not None and current.complete)
