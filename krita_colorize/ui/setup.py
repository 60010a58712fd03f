"""The set-up page: installs, repairs, updates and removes the colour engine; one button is enough for most artists.

It is a separate window, because the docker is narrow. It shows `app.setup` and has no state of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from krita_colorize.app.guard import guarded
from krita_colorize.app.setup import Setup
from krita_colorize.app.updates import Updates
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.setup import install
from krita_colorize.setup.builds import Build
from krita_colorize.ui import keyboard
from krita_colorize.ui.widgets import Choice, allow, label_for, push_button, row, words_label

_STEPS = 1000  # of the progress bar
_SIZE = (520, 420)


class SetupPage(QtWidgets.QDialog):
    """The window. Each `show` detects the hardware if it isn't known yet."""

    def __init__(self, setup: Setup, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = setup.report
        self._setup = setup
        self.setObjectName("setup_page")
        self.setWindowTitle(tr("Set up Colorize"))
        self.resize(*_SIZE)
        self._state = words_label("setup_state_label", bold=True)
        self._found = words_label("setup_found_label")
        self._needs = words_label("setup_needs_label")
        self._problem = words_label("setup_problem_label")
        self._note = words_label("setup_note_label")
        self._progress_words = words_label("setup_progress_label")
        self._build = Choice("setup_build_combo", tr("Build"), tr("The build of torch to install."))
        self._build.chosen.connect(self.refresh)
        self._updates = Updates(self)
        self._updates_words = words_label("updates_label")
        self._updates.changed.connect(lambda: self._updates_words.setText(self._updates.words))
        self._init_source()
        self._init_buttons()
        self._bar = QtWidgets.QProgressBar()
        self._bar.setObjectName("setup_progress_bar")
        self._bar.setAccessibleName(tr("Progress"))
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._init_layout()
        setup.changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QtGui.QShowEvent | None) -> None:
        """Detects the hardware."""
        super().showEvent(event)
        self._setup.look()
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the present state and enables the possible actions."""
        setup = self._setup
        self._show_machine()
        pointed = setup.pointer
        self._state.setText(self._state_words())
        self._install.setText(self._verb())
        can = not setup.busy and self.build() is not None and bool(setup.brought)
        allow(self._install, when=can, why_not="" if setup.brought else tr(install.NO_BUNDLE))
        self._cancel.setVisible(setup.busy)
        self._back.setVisible(pointed.previous is not None and pointed.previous.complete)
        if pointed.previous is not None:
            self._back.setText(tr("Go back to {version}", version=pointed.previous.version))
        self._remove.setVisible(pointed.current is not None and bool(pointed.current.folder))
        for widget in (self._back, self._remove, self._build, self._folder, self._choose):
            widget.setEnabled(not setup.busy)
        allow(
            self._log, when=setup.log_file.is_file(), why_not=tr("Nothing has been installed from here yet.")
        )
        progress = setup.progress
        self._bar.setVisible(progress is not None)
        self._progress_words.setText(progress.words if progress else "")
        self._bar.setValue(round(progress.fraction * _STEPS) if progress else 0)
        for label, text in ((self._problem, setup.problem), (self._note, setup.note)):
            label.setText(text)
            label.setVisible(bool(text))
        keyboard.give_letters(self)

    def build(self) -> Build | None:
        """The chosen build; None if there is none for this machine."""
        machine = self._setup.machine
        fitting = machine.builds if machine is not None else ()
        return next((b for b in fitting if b.name == self._build.currentData()), None)

    # what is shown

    def _state_words(self) -> str:
        setup, current = self._setup, self._setup.pointer.current
        if setup.unfinished and (current is None or not current.complete):
            return tr("An installation was interrupted. Nothing is lost: press Install to continue it.")
        if current is None:
            return tr("The colour engine isn't installed yet.")
        if not current.complete:
            return tr("The colour engine is broken: a part of it is missing. Install it again.")
        if not current.folder:
            return tr("The colour engine of a clone (version {version}) is in use.", version=current.version)
        if setup.brought and setup.brought != current.version:
            return tr(
                "Version {old} is installed; this docker brings {new}.",
                old=current.version,
                new=setup.brought,
            )
        return tr("Version {version} is installed.", version=current.version)

    def _verb(self) -> str:
        setup, current = self._setup, self._setup.pointer.current
        if setup.unfinished or current is None or not current.folder:  # as `core.failure_help` calls it
            return tr("Install")
        return tr("Repair") if setup.brought in ("", current.version) else tr("Update")

    def _show_machine(self) -> None:
        machine = self._setup.machine
        if machine is None:
            self._found.setText(tr("Looking at this computer…"))
            return
        gigabytes = round(machine.hardware.memory_mb / 1024)
        words = tr(
            "Found: {hardware}, {memory} GB of memory.", hardware=machine.hardware.words, memory=gigabytes
        )
        if not machine.python:
            words += " " + tr("Python is missing and will be downloaded, too.")
        self._found.setText(words)
        entries = [(build.title, build.name) for build in machine.builds]
        if entries:
            now, names = str(self._build.currentData() or ""), [name for _, name in entries]
            self._build.show_choice(entries, now if now in names else names[0])
        build = self.build()
        self._needs.setText(self._needs_words(build, machine.hardware.memory_mb) if build else "")

    def _needs_words(self, build: Build, memory_mb: int) -> str:
        folder = self._setup.home
        while not folder.exists():
            folder = folder.parent
        words = tr(
            "It downloads about {download} MB and needs {disk} GB on the disk ({free} GB are free) "
            "and {memory} GB of memory.",
            download=0 if self._folder.text().strip() else build.download_mb,
            disk=f"{build.disk_mb / 1000:.1f}",
            free=f"{shutil.disk_usage(folder).free / 1e9:.1f}",
            memory=build.memory_mb // 1000,
        )
        if 0 < memory_mb < build.memory_mb:
            words += " " + tr("This computer has little memory for it: large pictures may fail.")
        return words

    # parts

    def _init_source(self) -> None:
        self._folder = QtWidgets.QLineEdit()
        self._folder.setObjectName("setup_folder_edit")
        self._folder.setAccessibleName(tr("Folder to install from"))
        self._folder.setPlaceholderText(tr("From the internet, or a folder"))
        self._folder.setToolTip(
            tr("For computers without internet: the folder that `pip download` has filled on another one.")
        )
        self._folder.textChanged.connect(self.refresh)
        self._choose = push_button("setup_folder_button", tr("Folder…"), self._on_choose)

    def _init_buttons(self) -> None:
        setup = self._setup
        self._install = push_button("setup_install_button", tr("Install"), self._on_install)
        self._install.setDefault(True)
        self._install.setMinimumHeight(32)
        self._cancel = push_button("setup_cancel_button", tr("Cancel"), setup.cancel)
        self._back = push_button("setup_back_button", "", setup.roll_back)
        self._remove = push_button("setup_remove_button", tr("Remove"), self._on_remove)
        self._remove.setToolTip(tr("Removes the colour engine. Models, results and settings stay."))
        self._log = push_button("setup_log_button", tr("Show log"), self._on_log)
        self._diagnostics = push_button(
            "setup_diagnostics_button", tr("Save diagnostics…"), self._on_diagnostics
        )
        self._diagnostics.setToolTip(
            tr(
                "Writes a report for the person who helps you. Your name, folders and passwords are removed from it."
            )
        )

        self._updates_button = push_button("updates_button", tr("Look for an update"), self._updates.ask)
        self._updates_button.setToolTip(
            tr("Asks pypi.org for the latest version, only when you press this. Nothing about you is sent.")
        )

    def _init_layout(self) -> None:
        layout = QtWidgets.QVBoxLayout(self)
        for widget in (self._state, self._found):
            layout.addWidget(widget)
        form = QtWidgets.QFormLayout()
        form.addRow(label_for(self._build, tr("Build")), self._build)
        form.addRow(label_for(self._folder, tr("From")), row(self._folder, self._choose))
        layout.addLayout(form)
        layout.addWidget(self._needs)
        layout.addLayout(row(self._install, self._cancel))
        for below in (self._progress_words, self._bar, self._problem, self._note):
            layout.addWidget(below)
        layout.addStretch(1)
        layout.addLayout(row(self._back, self._remove))
        layout.addLayout(row(self._log, self._diagnostics, self._updates_button))
        layout.addWidget(self._updates_words)

    # slots

    @guarded
    def _on_install(self) -> None:
        build, text = self.build(), self._folder.text().strip()
        if build is not None and not self._setup.busy:
            self._setup.install(build, Path(text) if text else None)

    @guarded
    def _on_choose(self) -> None:
        name = QtWidgets.QFileDialog.getExistingDirectory(self, tr("Choose the folder to install from"))
        if name:
            self._folder.setText(name)

    @guarded
    def _on_remove(self) -> None:
        question = tr("Remove the colour engine from this computer? Models and results stay.")
        answer = QtWidgets.QMessageBox.question(self, tr("Remove"), question)
        if answer == QtWidgets.QMessageBox.StandardButton.Yes:
            self._setup.uninstall()

    @guarded
    def _on_log(self) -> None:
        QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(self._setup.log_file)))

    @guarded
    def _on_diagnostics(self) -> None:
        name, _ = QtWidgets.QFileDialog.getSaveFileName(
            self, tr("Save diagnostics"), "colorize-diagnostics.txt"
        )
        if name:
            application = QtCore.QCoreApplication.applicationVersion()
            self._setup.save_diagnostics(Path(name), {"Krita": application})
