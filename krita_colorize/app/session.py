"""The one thing the widgets see: what the artist can do, and how everything stands.

Glue only: the process is `backend`'s business, the way of a job `jobs`', a document's memory `document`'s, pictures'
ways in `references`', the canvas `canvas`'s. Krita is asked through the port, on the GUI thread.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from krita_colorize.app import backend as processes
from krita_colorize.app import client as http
from krita_colorize.app import home as homes
from krita_colorize.app import pictures
from krita_colorize.app.backend import BackendState
from krita_colorize.app.canvas import Canvas
from krita_colorize.app.client import Client
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.jobs import Job, Jobs, JobState, Services
from krita_colorize.app.references import References
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core import engines
from krita_colorize.core.errors import Told
from krita_colorize.core.port import Change, DocumentInfo, KritaPort
from krita_colorize.core.redo import mask_in_result, was_painted, with_newest_masks
from krita_colorize.core.request import Request, Task
from krita_colorize.core.result import FOREGROUND_MASK_NAME, Result
from krita_colorize.core.settings import Settings, Source, SourceKind
from krita_colorize.qt import QtCore, QtGui, Signal

MAX_JOBS = 4
"""Jobs of one document at a time; each holds its pictures in memory."""

PROGRESS_MS = 100

REFRESH_MS = 30
"""Changes that Krita tells of in a row are looked at together."""


class Session(QtCore.QObject):
    """One docker's session with Krita and the backend. Every signal says "look again"."""

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
        self._paints = False  # since the last job was started
        self._closed = False
        self.backend = processes.acquire(self.home)
        # The backend's child: its last words, that our jobs are no longer wanted, may be sent after we are gone.
        self._client = Client(lambda: self.backend.address, self.backend)
        self._workers = Workers(self.report, self)
        self.canvas = Canvas(port, self._workers, self.report, self)
        self.references = References(port, self._workers, self.report, self)
        self.jobs = Jobs(Services(self.backend, self._client, self._workers), self)
        self._refresh_timer = single_shot(self, self._on_refresh)
        self._progress_timer = single_shot(self, self.state_changed.emit)
        self._shown_job: tuple[Job | None, JobState | None] = (None, None)
        self.jobs.changed.connect(self._on_jobs_changed)
        self.backend.changed.connect(self._on_backend_changed)
        port.watch(self._on_change)
        self._on_backend_changed()
        self._on_change(Change.DOCUMENT)

    # how everything stands

    @property
    def job(self) -> Job | None:
        """The document's job that is shown: its oldest that has not ended."""
        jobs = self.jobs.of(self.document.info.key) if self.document else []
        return jobs[0] if jobs else None

    @property
    def status(self) -> str:
        """What is happening, in words."""
        job = self.job
        if job is not None:
            more = len(self.jobs.of(job.document)) - 1
            return f"{job.words} (+{more} more)" if more else job.words
        if self.backend.state is BackendState.ERROR:
            return "The colour engine isn't running"
        if self.backend.state is BackendState.STARTING:
            return "Starting the colour engine…"
        if self.document is None:
            return "Open a picture to colour it"
        if self.document.sketch is None:
            return "Select the layer with your sketch"
        if self.backend.state is BackendState.STOPPED:
            return "Ready; the colour engine starts with the first job"
        return "Ready"

    @property
    def error(self) -> str:
        """What the artist should know went wrong, "" where nothing did."""
        return self._error or (self.backend.message if self.backend.state is BackendState.ERROR else "")

    @property
    def error_dismissible(self) -> bool:
        """Whether `report("")` takes the error away; the backend's own stays until it runs again."""
        return self._error not in ("", self.backend.message)

    def report(self, sentence: str) -> None:
        """Shows one sentence to the artist."""
        self._error = sentence
        self.state_changed.emit()

    # what the artist can do

    @guarded
    def colorize(self) -> None:
        """Colours the sketch with its settings."""
        self.report("")
        model, settings = self._model(), self._model().settings
        self._start(model, self._request(model, settings))

    @guarded
    def redo(self) -> None:
        """Colours again as the selected (else the newest) result was, with the masks as they are now."""
        self.report("")
        model = self._model()
        item = model.selected or next(iter(model.results), None)
        if item is None:
            raise Told("There is nothing to redo yet: press Colorize first.")
        result, now = item.result, model.settings_of(item.result.request.sketch.key)
        mask = mask_in_result(model.layers, result.request, item.group_id)
        if now.sketch_mask or not mask:
            self._start(model, with_newest_masks(result.request, now))
            return
        pixels = self._port.snapshot(model.info.key, [mask])[mask]

        def then(painted: bool) -> None:  # noqa: FBT001 - a worker's answer
            self._start(model, with_newest_masks(result.request, now, mask if painted else ""))

        self._workers.run(lambda: was_painted(result, pixels), then, self._on_error)

    @guarded
    def cancel(self) -> None:
        """Ends the job that is shown."""
        if self.job is not None:
            self.job.cancel()

    @guarded
    def create_mask(self, reference: int | None = None) -> None:
        """Finds the foreground of the sketch, or of the reference with this index, and lays it down as a layer."""
        self.report("")
        model = self._model()
        request = self._request(model, replace(model.settings, references=()), Task.MASK)
        if reference is not None:
            if not 0 <= reference < len(model.settings.references):
                raise Told("Select a reference in the list first.")
            request = replace(request, sketch=model.settings.references[reference].source)
        sketch = model.sketch
        assert sketch is not None
        job = self._start(model, request)
        job.ended.connect(lambda: self._on_mask_ended(job, sketch.id))

    @guarded
    def select_result(self, number: int | None) -> None:
        """Selects a result and shows it on the canvas."""
        self._model().select(number)
        self._show_selected()

    @guarded
    def apply(self) -> None:
        """Inserts the selected result as a group of layers, as soon as the pen is up."""
        self.report("")
        model = self._model()
        if model.selected is None:
            raise Told("Select a result first.")
        self.canvas.apply(model, model.selected)

    @guarded
    def discard(self) -> None:
        """Drops the selected result."""
        self._model().discard_selected()
        self._show_selected()

    @guarded
    def set_show_on_canvas(self, show: bool) -> None:  # noqa: FBT001 - a toggle's slot
        """Whether the selected result is laid over the canvas."""
        self.show_on_canvas = show
        self._show_selected()

    @guarded
    def toggle_backend(self) -> None:
        """The backend button: starts what is stopped, restarts what failed, stops what runs."""
        self.report("")
        if self.backend.state in (BackendState.STOPPED, BackendState.ERROR):
            self.backend.restart()
        else:
            self.backend.stop()

    def close(self) -> None:
        """Ends everything: for the end of the window or of Krita."""
        if self._closed:
            return
        self._closed = True
        self._refresh_timer.stop()
        self._progress_timer.stop()
        self.canvas.close()
        self.backend.changed.disconnect(self._on_backend_changed)
        self.jobs.close()
        self._workers.close()
        self._port.close()
        processes.release(self.backend)

    # jobs

    def _model(self) -> DocumentModel:
        if self.document is None:
            raise Told("Open a picture first.")
        info = self._port.active_document()
        if info is not None and info.key == self.document.info.key:  # it may have been resized since
            self.document.info = info
        return self.document

    def _request(self, model: DocumentModel, settings: Settings, task: Task = Task.COLORIZE) -> Request:
        sketch = model.sketch
        if sketch is None:
            raise Told("Select the layer with your sketch first.")
        if task is Task.COLORIZE and not settings.references:
            raise Told("Add a reference first: a layer, a picture file, or a picture from the clipboard.")
        source = Source(SourceKind.LAYER, sketch.id, sketch.name)
        return Request(source, model.info.width, model.info.height, settings, task)

    def _start(self, model: DocumentModel, request: Request) -> Job:
        key = model.info.key
        if len(self.jobs.of(key)) >= MAX_JOBS:
            raise Told(f"{MAX_JOBS} jobs of this picture are waiting already. Let one end, or cancel one.")
        layers = self._port.snapshot(key, request.layer_ids)
        sources = [request.sketch, *(reference.source for reference in request.settings.references)]
        names = {source.key for source in sources if source.kind is SourceKind.NOTE}
        notes = {name: self._port.read_note(key, name) for name in names}
        self.references.keep_thumbnails(model, layers)
        inputs = pictures.Inputs(layers, {name: png for name, png in notes.items() if png is not None})
        job = self.jobs.start(key, request, inputs)
        job.ended.connect(lambda: self._on_job_ended(job))
        job.previewed.connect(lambda png: self._on_previewed(job, png))
        self._paints = False
        return job

    @guarded
    def _on_jobs_changed(self) -> None:
        """New states are shown at once, mere progress a few times a second: each time Krita repaints its window."""
        shown = (self.job, self.job.state if self.job else None)
        if shown != self._shown_job:
            self._shown_job = shown
            self.state_changed.emit()
        elif not self._progress_timer.isActive():
            self._progress_timer.start(PROGRESS_MS)

    @guarded
    def _on_job_ended(self, job: Job) -> None:
        model = self._models.get(job.document)
        if job.state is JobState.FAILED:
            self.report(job.error)
        elif job.result is not None and job.request.task is Task.COLORIZE and model is not None:
            self._add_result(model, job.result)
        elif model is not None and model is self.document:
            self._show_selected()

    @guarded
    def _on_mask_ended(self, job: Job, sketch_id: str) -> None:
        model, result = self._models.get(job.document), job.result
        if model is None or result is None:
            return
        source = job.request.sketch
        own = source == Source(SourceKind.LAYER, sketch_id, source.name)
        name = FOREGROUND_MASK_NAME if own else f"{FOREGROUND_MASK_NAME} · {source.name}"
        above_id = source.key if source.kind is SourceKind.LAYER else sketch_id

        def use(mask: str) -> None:
            if own:
                model.change_for(sketch_id, sketch_mask=mask)
            else:
                model.use_reference_mask(sketch_id, source, mask)

        self.canvas.add_mask(model, result, name, above_id, use)

    @guarded
    def _on_previewed(self, job: Job, png: bytes) -> None:
        active = self.document is not None and job.document == self.document.info.key
        if active and self.show_on_canvas and not self._paints:
            self.canvas.show(job.document, png)

    def _add_result(self, model: DocumentModel, result: Result) -> None:
        def then(thumbnail: QtGui.QImage) -> None:
            model.add_result(result, thumbnail)
            self._compact_older(model)
            if model is self.document:
                self._show_selected()

        self._workers.run(
            lambda: pictures.read_data(result.preview_png, "The preview", pictures.THUMBNAIL_SIDE),
            then,
            self._on_error,
        )

    def _on_error(self, error: Exception) -> None:
        self.report(sentence(error))

    def _compact_older(self, model: DocumentModel) -> None:
        """The newest result stays as it came, so that Apply is quick; the one before it is packed on a thread."""
        for item in model.results[1:2]:
            self._workers.run(
                item.result.compact,
                partial(model.replace_result, item),
                lambda error: self.report(sentence(error)),
            )

    def _show_selected(self) -> None:
        model = self.document
        if self.show_on_canvas and model is not None and model.selected is not None:
            self.canvas.show(model.info.key, model.selected.result.preview_png)
        else:
            self.canvas.hide()

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
        if Change.CONTENT in changes:  # the artist paints: whatever lies over the drawing is in the way
            self._paints = True
            self.canvas.hide()

    def _switch_document(self) -> None:
        self._forget_closed_documents()
        info = self._port.active_document()
        before, self.document = self.document, self._model_of(info) if info else None
        if self.document is before:
            return
        self._error = self.document.problem if self.document else ""
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
        model.info = info
        model.refresh()
        return model

    def _forget_closed_documents(self) -> None:
        for key in list(self._models):
            try:
                self._port.layers(key)
            except LookupError:
                self._models.pop(key).deleteLater()
                for job in self.jobs.of(key):
                    job.cancel()

    @guarded
    def _on_backend_changed(self) -> None:
        if self.backend.state is BackendState.READY:
            self._client.get("/v1/engines").done.connect(self._on_engines)
        self.state_changed.emit()

    @guarded
    def _on_engines(self, pieces: list[bytes]) -> None:
        self.engines = engines.read(http.read_json(pieces)) or engines.BUILT_IN
        self.engines_changed.emit()
