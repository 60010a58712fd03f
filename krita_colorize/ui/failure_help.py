"""The window "What happened": the cause of a failure, what to try, what was kept, and the last lines of the logs.

It isn't modal; the docker's error message opens it by a click. It shows a `core.failure_help.FailureHelp`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from krita_colorize.app.backend import BackendState
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.app.setup import Setup
from krita_colorize.core import failure_help as texts
from krita_colorize.core.failure_help import FailureHelp
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.setup import diagnostics
from krita_colorize.ui import keyboard
from krita_colorize.ui.pages import CollapsibleSection
from krita_colorize.ui.widgets import push_button, row, words_label

_SIZE = (460, 400)


class FailureHelpPage(QtWidgets.QDialog):
    """The window for all failures; `show_failure` fills and opens it."""

    def __init__(
        self,
        session: Session,
        setup: Setup,
        on_setup: Callable[[], None],
        parent: QtWidgets.QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session, self._setup = session, setup
        self._failure: FailureHelp | None = None
        self.setObjectName("failure_page")
        self.setWindowTitle(tr("What happened"))
        self.resize(*_SIZE)
        self._title = words_label("failure_title_label", bold=True)
        self._sentence = words_label("failure_sentence_label")
        self._advice = words_label("failure_advice_label")
        self._kept = words_label("failure_kept_label", tr(texts.KEPT))
        self._note = words_label("failure_note_label")
        self._log = QtWidgets.QPlainTextEdit()
        self._log.setObjectName("failure_log_edit")
        self._log.setAccessibleName(tr("Last lines of the logs"))
        self._log.setReadOnly(True)
        self._log.setTabChangesFocus(True)
        self._log.setMinimumHeight(200)
        self._restart = push_button("failure_restart_button", tr("Restart"), self._on_restart)
        self._open_setup = push_button("failure_setup_button", tr("Set up…"), on_setup)
        self._save = push_button("failure_save_button", tr("Save diagnostics…"), self._on_save)
        self._save.setToolTip(
            tr(
                "Writes a report for the person who helps you. Your name, folders and passwords are removed from it."
            )
        )
        self._init_layout()
        session.state_changed.connect(self.refresh)
        setup.changed.connect(self.refresh)

    def show_failure(self, failure: FailureHelp) -> None:
        """Shows a failure with the present last lines of the logs."""
        self._failure = failure
        self._title.setText(tr(texts.TITLES[failure.cause]))
        self._sentence.setText(tr(failure.sentence))
        self._advice.setText("\n".join(f"•  {tr(line)}" for line in texts.ADVICE[failure.cause]))
        local = self._session.backend.local
        self._log.setPlainText(diagnostics.last_lines(self._session.home, local.last_words))
        self._log.moveCursor(QtGui.QTextCursor.MoveOperation.End)
        self.refresh()
        self.show()
        self.raise_()

    @guarded
    def refresh(self) -> None:
        """Shows the possible actions."""
        self._restart.setVisible(self._session.backend.state is BackendState.ERROR)
        note = self._setup.problem or self._setup.note
        self._note.setText(note)
        self._note.setVisible(bool(note))
        keyboard.give_letters(self)

    def _init_layout(self) -> None:
        layout = QtWidgets.QVBoxLayout(self)
        for label in (self._title, self._sentence):
            layout.addWidget(label)
        for heading, label in ((tr("What to try"), self._advice), (tr("What was kept"), self._kept)):
            layout.addSpacing(6)
            layout.addWidget(words_label("", heading, bold=True))
            layout.addWidget(label)
        layout.addSpacing(6)
        tooltip = tr("For whoever helps you.")
        layout.addWidget(
            CollapsibleSection(tr("Last lines of the logs"), self._log, tooltip=tooltip, name="failure_log")
        )
        layout.addStretch(1)
        layout.addLayout(row(self._restart, self._open_setup, self._save, stretch=-1))
        layout.addWidget(self._note)

    @guarded
    def _on_restart(self) -> None:
        self._session.toggle_backend()

    @guarded
    def _on_save(self) -> None:
        name, _ = QtWidgets.QFileDialog.getSaveFileName(
            self, tr("Save diagnostics"), "colorize-diagnostics.txt"
        )
        if name and self._failure is not None:
            happened = f"{self._failure.cause.value}: {self._failure.sentence}"
            version = QtCore.QCoreApplication.applicationVersion()
            self._setup.save_diagnostics(Path(name), {"Krita": version, "happened": happened})
