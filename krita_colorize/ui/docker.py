"""The docker's content, from top to bottom: status, settings (scrolling where the docker is low), actions, results."""

from __future__ import annotations

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.errors import Told
from krita_colorize.core.words import tr
from krita_colorize.qt import QtWidgets
from krita_colorize.ui import keyboard
from krita_colorize.ui.check import CheckPanel
from krita_colorize.ui.form import Form
from krita_colorize.ui.hints import HintsPanel
from krita_colorize.ui.palette import PalettePanel
from krita_colorize.ui.results import Results
from krita_colorize.ui.servers import ServersPanel
from krita_colorize.ui.status import StatusBar
from krita_colorize.ui.widgets import Fold, Icons, ScrollColumn, allow, no_icons, row

_STEPS = 1000  # of the progress bar


class DockerWidget(QtWidgets.QWidget):
    """Everything inside the docker's frame. `icons` gives Krita's icons, where there are any."""

    def __init__(
        self, session: Session, parent: QtWidgets.QWidget | None = None, *, icons: Icons = no_icons
    ) -> None:
        super().__init__(parent)
        self.report = session.report
        self.session = session
        self._times: tuple[int, ...] = ()  # of the sketch's keyframes; asking Krita takes a while
        self._way = keyboard.Way(self)
        self._init_actions()
        self._progress = QtWidgets.QProgressBar()
        self._progress.setObjectName("progress_bar")
        self._progress.setAccessibleName(tr("Progress"))
        self._progress.setRange(0, _STEPS)
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(8)
        self._init_layout(icons)
        for signal in (session.document_changed, session.layers_changed, session.settings_changed):
            signal.connect(self._on_sketch)
        session.state_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        session.results_changed.connect(self.refresh)
        session.settings_changed.connect(self.refresh)
        self._on_sketch()
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows what can be done now and how far the job is."""
        session, job = self.session, self.session.job
        model = session.document
        sketch = model.sketch if model is not None else None
        allow(self._colorize, when=sketch is not None, why_not=tr("Select the layer with your sketch first."))
        there = model is not None and bool(model.results)
        allow(self._redo, when=there, why_not=tr("There is no result to repair yet."))
        count = len(model.sketches()) if model is not None else 0
        self._all.setText(tr("All ({count})", count=count))
        self._all.setVisible(count > 1)
        self._show_frames()
        allow(self._cancel, when=job is not None, why_not=tr("No job is running."))
        self._show_progress(round(job.progress.fraction * _STEPS) if job else 0)
        self._progress.setVisible(job is not None)

    @guarded
    def run_action(self, name: str) -> None:
        """Does what one of `core.actions` says; pressing its keys is the same as clicking."""
        session = self.session
        model = session.document
        steps = {"next_result": 1, "previous_result": -1, "next_place": 1, "previous_place": -1}
        if name in ("colorize", "redo", "cancel", "apply"):
            getattr(session, name)()
        elif name.endswith("_result"):
            session.step_result(steps[name])
        elif name == "create_mask":
            session.create_mask()
        elif name == "focus":
            self._way.go(self._colorize)
        elif name == "overlay":
            session.set_show_on_canvas(not session.show_on_canvas)
        elif model is None:
            raise Told(tr("Open a picture first."))
        elif name == "create_hints":
            session.orders.make_hints(model)
        else:
            session.checks.step(model, steps[name])

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: FBT001, N802 - Qt's name and arguments
        """Tab and Shift+Tab go round inside; see `keyboard`."""
        return keyboard.step(self, forward=forward)

    @guarded
    def _on_sketch(self) -> None:
        self._times = self.session.frames.times(self.session.document)
        self._show_frames()

    def _show_frames(self) -> None:
        frames, times = self.session.frames, self._times
        self._frames.setVisible(bool(times))
        self._frames.setEnabled(frames.run is None)
        if frames.run is not None:
            number, count = frames.run.number, len(frames.run.times)
            if frames.run.surveying:
                self._frames.setText(tr("Looking at frame {number} of {count}", number=number, count=count))
            else:
                self._frames.setText(tr("Frame {number} of {count}", number=number, count=count))
        else:
            self._frames.setText(tr("Colour {count} frames", count=len(times)))

    def _show_progress(self, value: int) -> None:
        if value != self._progress.value():
            # Qt would repaint the bar at once, and with it Krita's whole window; so it waits for the next frame.
            self._progress.setUpdatesEnabled(False)
            self._progress.setValue(value)
            self._progress.setUpdatesEnabled(True)

    def _init_actions(self) -> None:
        self._colorize = QtWidgets.QPushButton(tr("Colorize"))
        self._colorize.setObjectName("colorize_button")
        self._colorize.setToolTip(
            tr("Colour the sketch from the references. Nothing in the picture changes yet.")
        )
        font = self._colorize.font()
        font.setBold(True)
        self._colorize.setFont(font)
        self._colorize.setMinimumHeight(32)
        self._colorize.clicked.connect(self.session.colorize)
        self._all = QtWidgets.QPushButton()
        self._all.setObjectName("colorize_all_button")
        self._all.setToolTip(tr("Colour every sketch layer that has settings, each in its own mode."))
        self._all.clicked.connect(self.session.colorize_all)
        self._frames = QtWidgets.QPushButton()
        self._frames.setObjectName("colorize_frames_button")
        self._frames.setToolTip(
            tr(
                "Colour every keyframe of this animated sketch into a new animated layer. Cancel, and go on later."
            )
        )
        self._frames.clicked.connect(self.session.colorize_frames)
        self.session.frames.changed.connect(self.refresh)
        self._redo = QtWidgets.QPushButton(tr("Redo"))
        self._redo.setObjectName("redo_button")
        self._redo.setToolTip(
            tr("Repair the result where its masks, hints or bindings changed. Nothing else is touched.")
        )
        self._redo.clicked.connect(self.session.redo)
        self._cancel = QtWidgets.QPushButton(tr("Cancel"))
        self._cancel.setObjectName("cancel_button")
        self._cancel.setToolTip(tr("Stop the job that is running."))
        self._cancel.clicked.connect(self.session.cancel)
        for button in (self._all, self._redo, self._cancel):
            button.setMinimumHeight(32)

    def _init_layout(self, icons: Icons) -> None:
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # nothing jumps when a job starts
        self._progress.setSizePolicy(keep)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(StatusBar(self.session))
        layout.addWidget(ScrollColumn(self._settings(icons)))
        layout.addLayout(row(self._colorize, self._all, self._redo, self._cancel))
        layout.addWidget(self._frames)
        layout.addWidget(self._progress)
        layout.addWidget(Results(self.session))
        layout.addStretch(1)

    def _settings(self, icons: Icons) -> QtWidgets.QWidget:
        """The form, and what is folded away below it."""
        column = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(Form(self.session, icons))
        hints = tr("Say the colour of regions: by dots on a layer, or by a spot of the reference.")
        layout.addWidget(Fold(tr("Hints"), HintsPanel(self.session), tooltip=hints, name="hints"))
        palette = tr("The colours of the result: change and exchange them.")
        layout.addWidget(Fold(tr("Palette"), PalettePanel(self.session), tooltip=palette, name="palette"))
        check = tr("Go through the places that should be looked at.")
        layout.addWidget(Fold(tr("Check"), CheckPanel(self.session), tooltip=check, name="check"))
        servers = tr("Where the colours are computed: on this computer or on another one.")
        panel = ServersPanel(self.session.backend)
        layout.addWidget(Fold(tr("Computer"), panel, tooltip=servers, name="servers"))
        return column
