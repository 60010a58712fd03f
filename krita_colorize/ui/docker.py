"""The docker's content: status and progress on top, pages in the middle, the actions at the bottom.

If the docker is low, only the pages shrink: status, progress and actions are always visible, and need less height than
Krita's own dockers. If the docker is high, the results are below the pages; otherwise they are a page of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtGui, QtWidgets
from krita_colorize.ui import keyboard
from krita_colorize.ui.check import CheckPanel
from krita_colorize.ui.corrections import CorrectionsPanel
from krita_colorize.ui.errors import ErrorBox
from krita_colorize.ui.form import Form
from krita_colorize.ui.hints import HintsPanel
from krita_colorize.ui.pages import CollapsibleSection, GivesWay, PageTabs, ScrollColumn
from krita_colorize.ui.palette import PalettePanel
from krita_colorize.ui.results import Results
from krita_colorize.ui.servers import ServersPanel
from krita_colorize.ui.status import StatusBar
from krita_colorize.ui.widgets import ActionButton, Icons, ToolButton, allow, column, no_icons, row

_HIGH = 360
"""Minimum height in pixels of a docker that shows the results below the pages."""


class DockerWidget(QtWidgets.QWidget):
    """The docker's content. `icons` returns Krita's icons by name."""

    def __init__(
        self, session: Session, parent: QtWidgets.QWidget | None = None, *, icons: Icons = no_icons
    ) -> None:
        super().__init__(parent)
        self.report = session.report
        self.session = session
        self._times: tuple[
            int, ...
        ] = ()  # of the sketch's keyframes; cached, because Krita needs a while for them
        self._focus_shortcut = keyboard.FocusShortcut(self)
        self._init_actions()
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
        """Enables the possible actions, and shows the numbers of sketches, frames and results."""
        model = self.session.document
        sketch = model.sketch if model is not None else None
        allow(self._colorize, when=sketch is not None, why_not=tr("Select the layer with your sketch first."))
        there = model is not None and bool(model.results)
        allow(self._redo, when=there, why_not=tr("There is no result to repair yet."))
        count = len(model.sketches()) if model is not None else 0
        self._all.setText(tr("All ({count})", count=count))
        self._all.setVisible(count > 1)
        self._show_frames()
        selection = self.session.canvas.selection
        self._selection.setVisible(selection.there)
        self._selection.setChecked(selection.on)
        chosen = model is not None and model.selected is not None
        allow(self._apply, when=chosen, why_not=tr("Select a result first."))
        self._show_count(len(model.results) if model is not None else 0)

    @guarded
    def run_action(self, name: str) -> None:
        """Runs an action of `core.actions` by its name, like a click on its button."""
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
            self._focus_shortcut.go(self._colorize)
        elif name == "overlay":
            session.set_show_on_canvas(not session.show_on_canvas)
        elif model is None:
            raise UserError(tr("Open a picture first."))
        elif name == "create_hints":
            session.job_requests.make_hints(model)
        elif name == "correct":
            self._corrections.toggle()
        elif session.corrections.on:
            session.corrections.next(model, steps[name])
        else:
            session.checks.step(model, steps[name])

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: FBT001, N802 - Qt's name and arguments
        """Lets Tab and Shift+Tab wrap around inside the docker; see `keyboard`."""
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

    def _init_actions(self) -> None:
        session = self.session
        self._colorize = self._action("colorize_button", tr("Colorize"), session.colorize)
        self._colorize.setToolTip(
            tr("Colour the sketch from the references. Nothing in the picture changes yet.")
        )
        font = self._colorize.font()
        font.setBold(True)
        self._colorize.setFont(font)
        self._redo = self._action("redo_button", tr("Redo"), session.redo)
        self._redo.setToolTip(
            tr("Update the result where its masks, hints or bindings have changed. The rest stays unchanged.")
        )
        self._apply = self._action("apply_button", tr("Apply"), session.apply)
        self._apply.setToolTip(tr("Insert the selected result as a group of layers."))
        self._all = self._action("colorize_all_button", "", session.colorize_all)
        self._all.setToolTip(tr("Colour every sketch layer that has settings, each in its own mode."))
        self._frames = self._action("colorize_frames_button", "", session.colorize_frames)
        self._frames.setToolTip(
            tr(
                "Colour every keyframe of this animated sketch into a new animated layer. Cancel, and go on later."
            )
        )
        session.frames.changed.connect(self.refresh)

    def _init_selection(self, icons: Icons) -> None:
        switch = self.session.canvas.selection
        self._selection = ToolButton(
            "selection_button",
            tr("Sel."),
            tr("Colorize, Redo and Apply work only inside the selection. Press to let them work everywhere."),
            icons=icons,
            icon="select",
        )
        self._selection.setAccessibleName(tr("Only in the selection"))
        self._selection.setCheckable(True)
        self._selection.toggled.connect(lambda on: switch.switch(on=on))

    def _action(self, name: str, text: str, slot: Callable[[], None]) -> ActionButton:
        button = ActionButton(text)
        button.setObjectName(name)
        button.clicked.connect(slot)
        return button

    def _init_layout(self, icons: Icons) -> None:
        status = StatusBar(self.session, icons)
        self._init_selection(icons)
        self._results = Results(self.session, icons)
        self._tabs = PageTabs()
        self._tabs.addTab(self._colours(icons), tr("Colour"))
        self._tabs.addTab(self._repair(), tr("Repair"))
        self._pages = GivesWay(ErrorBox(self.session, status.make_failure_help_page), self._tabs)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(3)
        layout.addWidget(status)
        layout.addWidget(self._pages, 1)
        layout.addLayout(row(self._selection, self._colorize, self._redo, self._apply))
        self._high: bool | None = None
        self._place_results()

    def resizeEvent(self, event: QtGui.QResizeEvent | None) -> None:
        """Moves the results to or from their own page, depending on the height."""
        super().resizeEvent(event)
        self._place_results()

    def _place_results(self) -> None:
        """Puts the results below the pages if the docker is high enough, otherwise on a page of their own."""
        high = self.height() >= _HIGH
        if high is self._high:
            return
        self._high = high
        if high:
            page = self._tabs.indexOf(self._results)
            self._tabs.removeTab(page)
            self._pages.add(self._results)
        else:
            self._tabs.addTab(self._results, "")
        self._results.use_strip(strip=high)
        chain = [self._results.last, self._colorize, self._redo, self._apply]
        # Qt puts a widget that is moved at the end of the tab order.
        for before, after in itertools.pairwise(chain):
            QtWidgets.QWidget.setTabOrder(before, after)
        self._show_count(self._results.count)

    def _show_count(self, count: int) -> None:
        """Shows the number of results in the tab's title; below the pages, hides the list if it is empty."""
        page = self._tabs.indexOf(self._results)
        if page >= 0:
            self._tabs.setTabText(page, tr("Results ({count})", count=count) if count else tr("Results"))
        else:
            self._results.setVisible(count > 0)

    def _colours(self, icons: Icons) -> QtWidgets.QWidget:
        """The page "Colour": the settings of a job."""
        servers = tr("Where the colours are computed: on this computer or on another one.")
        panel = ServersPanel(self.session.backend)
        form = Form(self.session, icons, row(self._all, self._frames))
        return _page(form, CollapsibleSection(tr("Computer"), panel, tooltip=servers, name="servers"))

    def _repair(self) -> QtWidgets.QWidget:
        """The page "Repair": corrections, hints, palette and check of a result."""
        session = self.session
        hints = tr("Say the colour of regions: by dots on a layer, or by a spot of the reference.")
        palette = tr("The colours of the result: change and exchange them.")
        check = tr("Go through the places that you should check.")
        self._corrections = CorrectionsPanel(session)
        return _page(
            self._corrections,
            CollapsibleSection(tr("Hints"), HintsPanel(session), tooltip=hints, name="hints"),
            CollapsibleSection(tr("Palette"), PalettePanel(session), tooltip=palette, name="palette"),
            CollapsibleSection(tr("Check"), CheckPanel(session), tooltip=check, name="check"),
        )


def _page(*widgets: QtWidgets.QWidget) -> ScrollColumn:
    """A page: widgets below each other in a scroll area."""
    inside = QtWidgets.QWidget()
    layout = column(*widgets)
    layout.addStretch(1)
    inside.setLayout(layout)
    return ScrollColumn(inside)
