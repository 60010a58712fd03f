"""The facade for the widgets: all actions of the artist, and the state to show.

It only connects the other modules: `backend` has the process, `jobs` the jobs, `document` a document's state,
`references` the added references, `canvas` the canvas. Krita is called through the port, on the GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from krita_colorize.app import client as http
from krita_colorize.app import home as homes
from krita_colorize.app import servers, status
from krita_colorize.app.activity import Activity
from krita_colorize.app.backend import BackendState
from krita_colorize.app.bindings import Bindings
from krita_colorize.app.canvas import Canvas
from krita_colorize.app.catalogue import Catalogue
from krita_colorize.app.checks import Checks
from krita_colorize.app.client import Client
from krita_colorize.app.corrections import Corrections
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.edits import Edits
from krita_colorize.app.engines import EngineList
from krita_colorize.app.frames import Frames
from krita_colorize.app.guard import OUR_BUG, guarded
from krita_colorize.app.health import Health
from krita_colorize.app.history import History
from krita_colorize.app.job import Job, JobState, Services
from krita_colorize.app.job_requests import JobRequests, Tools
from krita_colorize.app.jobs import Jobs
from krita_colorize.app.palettes import Palettes
from krita_colorize.app.references import References
from krita_colorize.app.repairs import Repairs
from krita_colorize.app.swatches import Swatches
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core import engines
from krita_colorize.core.errors import UserError
from krita_colorize.core.failure_help import Cause, FailureHelp
from krita_colorize.core.port import Change, DocumentInfo, KritaPort
from krita_colorize.core.settings import Settings
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

PROGRESS_MS = 100

REFRESH_MS = 30
"""Changes that Krita reports within this time are handled together."""


class Session(QtCore.QObject):
    """One docker's session with Krita and the backend. A signal says which state has changed, without values."""

    document_changed = Signal()
    layers_changed = Signal()
    settings_changed = Signal()
    results_changed = Signal()
    state_changed = Signal()  # status, progress, error, backend
    engines_changed = Signal()

    def __init__(
        self, port: KritaPort, *, home: Path | None = None, parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.home = home or homes.home()
        self.document: DocumentModel | None = None
        self.engines = engines.BUILT_IN
        self.show_on_canvas = True
        self._port = port
        self._models: dict[str, DocumentModel] = {}
        self._error = ""
        self._changes: set[Change] = set()
        self._compared: Item | None = None  # the result that was selected before
        self._paints = False  # whether the artist has painted since the last job was started
        self._closed = False
        self.backend = servers.acquire(self.home)
        # A child of the backend, so that it can still send the deletion of our jobs after this session is deleted.
        self._client = Client(lambda: self.backend.address, self.backend)
        self._workers = Workers(self.report, self)
        self.activity = Activity(self)
        self.canvas = Canvas(port, self._workers, self.activity, self.report, self)
        self.references = References(port, self._workers, self.report, self)
        services = Services(self.backend, self._client, self._workers)
        self.jobs, self.edits = Jobs(services, self), Edits(services, self.report, self)
        self.history = History(self.home, self._workers, self.report, self)
        beside = (self.canvas, self.references, self.history, self.activity, self.edits)
        tools = Tools(port, self._workers, self.jobs, *beside)
        self.job_requests = JobRequests(tools, self.report, self)
        self.repairs = Repairs(tools, self.job_requests, self.report, self)
        self.frames = Frames(tools, self.job_requests, self.home, self._frames_agree, self.report, self)
        self.palettes = Palettes(tools, self.job_requests, self.repairs, self.report, self)
        self.bindings = Bindings(port, self._workers, self.report, self)
        self.checks = Checks(port, self._workers, self.canvas, self.report, self)
        self.corrections = Corrections(tools, self.job_requests, self.repairs, self.checks, self.report, self)
        self.swatches = Swatches(port, self._workers, self.canvas, self.report, self)
        self.catalogue = Catalogue(self.backend, self._client, self)
        self._engine_list = EngineList(self.backend, self._client, self)
        self.health = Health(self.backend, self._client, self.jobs, self.report, self)
        self._refresh_timer = single_shot(self, self._on_refresh)
        self._progress_timer = single_shot(self, self.state_changed.emit)
        self._shown_job: tuple[Job | None, JobState | None] = (None, None)
        self._connect()
        port.watch(self._on_change)
        self._on_change(Change.DOCUMENT)

    def _connect(self) -> None:
        self.catalogue.models_changed.connect(self._engine_list.ask)
        self._engine_list.changed.connect(self._on_engines)
        self.jobs.changed.connect(self._on_jobs_changed)
        self.job_requests.started.connect(self._on_job_started)
        self.job_requests.ended.connect(self._on_order_ended)
        self.job_requests.previewed.connect(self._on_previewed)
        self.canvas.selection.changed.connect(self.state_changed)
        self.canvas.registration.moved.connect(self.peek_ends)
        self.results_changed.connect(lambda: self.canvas.registration.soon(self.document))
        self.backend.changed.connect(self.state_changed)
        self.activity.changed.connect(self.state_changed)
        self.activity.reads.connect(self.state_changed)

    # how everything stands

    @property
    def job(self) -> Job | None:
        """The job to show: the document's oldest one that has not ended; None without jobs."""
        jobs = self.jobs.of(self.document.info.key) if self.document else []
        return jobs[0] if jobs else None

    @property
    def status(self) -> str:
        """The status as a sentence for the artist."""
        return status.words(self)

    @property
    def error(self) -> str:
        """The error to show, "" without one."""
        return tr(self._error_text)

    @property
    def failure(self) -> FailureHelp | None:
        """Help for the shown error; None if its sentence already says what the artist can do."""
        bug, local = FailureHelp(Cause.FAULT, OUR_BUG), self.backend.local
        ended = FailureHelp(local.cause, local.message) if local.cause else None
        known = (bug, ended, self.job_requests.broke)
        return next((found for found in known if found and found.sentence == self._error_text), None)

    @property
    def _error_text(self) -> str:
        broken = self.backend.message if self.backend.state is BackendState.ERROR else ""
        # A job may report first that the backend doesn't answer; the backend's own message, which says why, follows.
        return broken if broken and self._error in ("", http.GONE) else self._error

    @property
    def error_dismissible(self) -> bool:
        """Whether `report("")` hides the error; the backend's own error stays until it runs again."""
        return self._error_text not in ("", self.backend.message)

    def report(self, sentence: str) -> None:
        """Shows one sentence to the artist."""
        self._error = sentence
        self.state_changed.emit()

    # what the artist can do

    @guarded
    def colorize(self) -> None:
        """Colours the sketch with its settings."""
        self.report("")
        model = self._model()
        self.job_requests.colorize(model, self.job_requests.request(model, model.settings))

    @guarded
    def redo(self) -> None:
        """Repairs the selected (else the newest) result with the present masks, hints and bindings."""
        self.report("")
        self.repairs.redo(self._model())

    @guarded
    def colorize_all(self) -> None:
        """Colours every sketch layer that has references, with its own settings."""
        self.report("")
        self.job_requests.colorize_all(self._model())

    @guarded
    def colorize_frames(self) -> None:
        """Colours every keyframe of the animated sketch into a new animated layer; continues with saved frames."""
        self.report("")
        self.frames.colorize(self._model())

    @guarded
    def cancel(self) -> None:
        """Cancels the shown job, and the colouring of frames."""
        self.frames.cancel()
        if self.job is not None:
            self.job.cancel()

    @guarded
    def create_mask(self, reference: int | None = None) -> None:
        """Finds the foreground of the sketch, or of the reference with this index, and inserts it as a layer."""
        self.report("")
        self.job_requests.find_mask(self._model(), reference)

    @guarded
    def select_result(self, number: int | None) -> None:
        """Selects a result and shows it on the canvas."""
        model = self._model()
        if model.selected is not None and model.selected.number != number:
            self._compared = model.selected
        model.select(number)
        self._show_selected()

    @guarded
    def step_result(self, by: int) -> None:
        """Selects the next (1) or previous (-1) result in the strip."""
        results = self._model().results
        if results:
            selected = self._model().selected
            index = results.index(selected) + by if selected in results else 0
            self.select_result(results[index % len(results)].number)

    @guarded
    def peek(self, *, other: bool) -> None:
        """Hides the selected result, or shows the previously selected one (`other`), until `peek_ends`."""
        model, compared = self.document, self._compared
        shown = other and model is not None and compared in model.results
        self.canvas.show_result(model, compared if shown else None)

    @guarded
    def peek_ends(self) -> None:
        """Shows the selected result again."""
        self._show_selected()

    @guarded
    def apply(self) -> None:
        """Inserts the selected result as a group of layers, as soon as the pen is up."""
        self.report("")
        model = self._model()
        if model.selected is None:
            raise UserError(tr("Select a result first."))
        item = model.selected
        self.canvas.apply(model, item, lambda: self.history.keep(model, item))

    @guarded
    def discard(self) -> None:
        """Removes the selected result and its file."""
        model = self._model()
        if model.selected is not None:
            self.history.forget(model, model.selected)
        model.discard_selected()
        self._show_selected()

    @guarded
    def set_show_on_canvas(self, show: bool) -> None:  # noqa: FBT001 - a toggle's slot
        """Sets whether the selected result is shown over the canvas."""
        self.show_on_canvas = show
        self._show_selected()
        self.results_changed.emit()

    @guarded
    def toggle_backend(self) -> None:
        """The backend button: starts or restarts the backend if it is stopped, has failed or hangs; otherwise stops
        it."""
        self.report("")
        hung = self.job is not None and self.job.hung
        if hung or self.backend.state in (BackendState.STOPPED, BackendState.ERROR):
            self.backend.restart()
        else:
            self.backend.stop()

    def close(self) -> None:
        """Ends all jobs and releases the backend; called when the window is closed or Krita quits."""
        if self._closed:
            return
        self._closed = True
        self._refresh_timer.stop()
        self._progress_timer.stop()
        self.canvas.close()
        self.repairs.close()
        self.frames.close()
        self._engine_list.close()
        self.health.close()
        self.backend.changed.disconnect(self.state_changed)
        self.jobs.close()
        self.edits.close()
        self._workers.close()
        self._port.close()
        servers.release(self.backend)

    # jobs

    def _frames_agree(self, chosen: Settings) -> bool:
        return engines.together(self.engines, chosen)

    def _model(self) -> DocumentModel:
        if self.document is None:
            raise UserError(tr("Open a picture first."))
        info = self._port.active_document()
        if info is not None and info.key == self.document.info.key:  # it may have been resized
            self.document.info = info
        return self.document

    @guarded
    def _on_jobs_changed(self) -> None:
        """Emits at once if the job's state has changed, otherwise every `PROGRESS_MS`, because Krita repaints its
        window."""
        shown = (self.job, self.job.state if self.job else None)
        if shown != self._shown_job:
            self._shown_job = shown
            self.state_changed.emit()
        elif not self._progress_timer.isActive():
            self._progress_timer.start(PROGRESS_MS)

    @guarded
    def _on_job_started(self) -> None:
        self._paints = False

    @guarded
    def _on_order_ended(self, model: DocumentModel) -> None:
        if model is self.document:
            there = model.selected is not None and model.lies_here(model.selected)
            # An applied result is visible in the document, and a repair is about to be written there.
            (self.canvas.hide if there else self._show_selected)()

    @guarded
    def _on_previewed(self, model: DocumentModel, png: bytes) -> None:
        if model is self.document and self.show_on_canvas and not self._paints:
            self.canvas.show(model.info.key, png)

    def _show_selected(self) -> None:
        model = self.document
        item = model.selected if self.show_on_canvas and model is not None else None
        self.canvas.show_result(model, item)

    # Krita and the backend

    def _on_change(self, change: Change) -> None:
        self._changes.add(change)
        if not self._closed:
            self._refresh_timer.start(REFRESH_MS)

    @guarded
    def _on_refresh(self) -> None:
        changes, self._changes = self._changes, set()
        if Change.DOCUMENT in changes:
            self._switch_document()
        if self.document is not None and changes & {Change.LAYERS, Change.ACTIVE_LAYER}:
            self.document.refresh()
        if Change.CONTENT in changes:  # the artist paints, so the overlay is hidden
            self._paints = True
            self.canvas.hide()
        self.canvas.selection.look(self.document)
        self.canvas.registration.soon(self.document)

    def _switch_document(self) -> None:
        self._forget_closed_documents()
        info = self._port.active_document()
        before, self.document = self.document, self._model_of(info) if info else None
        if self.document is before:
            return
        self._error = self.document.problem if self.document else ""
        self.bindings.forget()
        self.corrections.stop()
        self.document_changed.emit()
        self.state_changed.emit()
        self._show_selected()

    def _model_of(self, info: DocumentInfo) -> DocumentModel:
        model = self._models.get(info.key)
        if model is None:
            model = self._models[info.key] = DocumentModel(self._port, info, self)
            model.layers_changed.connect(self.layers_changed)
            model.settings_changed.connect(self.settings_changed)
            model.results_changed.connect(self.results_changed)
            if any(
                other.document_id == model.document_id
                for other in self._models.values()
                if other is not model
            ):
                model.become_copy()
            self.history.restore(model)
        model.info = info
        model.refresh()
        return model

    def _forget_closed_documents(self) -> None:
        for key in list(self._models):
            try:
                self._port.layers(key)
            except LookupError:
                model = self._models.pop(key)
                model.closed = True
                for job in self.jobs.of(key):
                    job.cancel()
                model.deleteLater()

    @guarded
    def _on_engines(self) -> None:
        self.engines = self._engine_list.known
        self.engines_changed.emit()
