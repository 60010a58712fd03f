"""Builds job requests for a document and handles their results: results in the strip, or mask layers.

It reads the pictures from Krita, starts the job, and stores or inserts its result. `jobs` runs the job; `repairs`
repairs applied results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from krita_colorize.app import pictures
from krita_colorize.app.activity import Activity
from krita_colorize.app.canvas import Canvas
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.edits import Edits
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.history import History
from krita_colorize.app.job import Job, JobState
from krita_colorize.app.jobs import Jobs
from krita_colorize.app.memory import Body
from krita_colorize.app.pictures import Inputs
from krita_colorize.app.references import References
from krita_colorize.app.region_maps import RegionMaps
from krita_colorize.app.workers import Workers
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.errors import UserError
from krita_colorize.core.failure_help import FailureHelp
from krita_colorize.core.port import KritaPort, NewLayer, Pixels
from krita_colorize.core.repair import base_of
from krita_colorize.core.request import Pictures, Request, Task
from krita_colorize.core.result import FOREGROUND_MASK_NAME, Result
from krita_colorize.core.saved_results import Base
from krita_colorize.core.settings import Settings, Source, SourceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

MAX_JOBS = 16
"""Limit of the jobs of one document, because each has its pictures in memory."""

SKETCH_GONE = (
    "The sketch layer of this result is no longer in the picture. "
    "Undo its deletion, or choose another sketch and press Colorize."
)

HINTS_NAME = "Colour hints"


@dataclass
class _Origin:
    """The pictures of a job: `pictures` as sent, then `base`, packed for its result. `seen` is the sketch's
    fingerprint."""

    seen: bytes
    selection: Pixels | None = None
    pictures: Pictures | None = None
    base: Base | None = None
    item: Item | None = None

    def pack(self) -> Base:
        """Packs the pictures and releases the originals. Slow: for worker threads."""
        sent, self.pictures = self.pictures, None
        assert sent is not None
        return base_of(sent, self.selection)


@dataclass(frozen=True)
class Tools:
    """The services that job requests, repairs and palettes use."""

    port: KritaPort
    workers: Workers
    jobs: Jobs
    canvas: Canvas
    references: References
    history: History
    activity: Activity
    edits: Edits
    region_maps: RegionMaps = field(default_factory=RegionMaps)


class JobRequests(QtCore.QObject):
    """Starts jobs. `ended` follows the end of each job and each new result; `previewed` carries a preview (PNG)."""

    started = Signal()
    ended = Signal(object)  # a DocumentModel
    previewed = Signal(object, object)  # a DocumentModel, bytes

    def __init__(
        self, tools: Tools, report: Callable[[str], None], parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.broke: FailureHelp | None = None
        """Help for the last failed job, if the backend was the cause."""
        self._tools = tools

    def request(self, model: DocumentModel, settings: Settings, task: Task = Task.COLORIZE) -> Request:
        """The request for the sketch's settings. Raises `UserError` if something is missing."""
        sketch = model.sketch
        if sketch is None:
            raise UserError(tr("Select the layer with your sketch first."))
        return self.request_for(model, Source(SourceKind.LAYER, sketch.id, sketch.name), settings, task)

    def request_for(
        self, model: DocumentModel, sketch: Source, settings: Settings, task: Task = Task.COLORIZE
    ) -> Request:
        """Like `request`, for any picture as the sketch."""
        if task is Task.COLORIZE and not settings.references:
            raise UserError(
                tr("Add a reference first: a layer, a picture file, or a picture from the clipboard.")
            )
        return Request(sketch, model.info.width, model.info.height, settings, task)

    def colorize(self, model: DocumentModel, request: Request) -> Job:
        """Starts colouring; the result is added to the strip."""
        if layer_lists.find(model.layers, request.sketch.key) is None:
            raise UserError(tr(SKETCH_GONE))
        request = replace(request, width=model.info.width, height=model.info.height)
        inputs = self.read(model, request)
        seen = self._tools.port.fingerprint(model.info.key, request.sketch.key)
        origin = _Origin(seen, self._tools.canvas.selection.read(model))

        def pack() -> Body:
            origin.pictures = pictures.collect(request, inputs)
            return pictures.packed(request, origin.pictures)

        job = self.start(model, request, pack)
        # Packed while the engine works, because Apply needs the threads as soon as there is a result.
        job.accepted.connect(
            lambda: self._tools.workers.run(origin.pack, self._keeper(model, origin), self._on_error)
        )
        job.ended.connect(lambda: self._on_result(model, job, origin))
        job.previewed.connect(lambda png: self.previewed.emit(model, png))
        return job

    def find_mask(self, model: DocumentModel, reference: int | None = None) -> None:
        """Finds the foreground of the sketch, or of the reference with this index, and inserts it as a layer."""
        request = self.request(model, replace(model.settings, references=()), Task.MASK)
        if reference is not None:
            if not 0 <= reference < len(model.settings.references):
                raise UserError(tr("Select a reference in the list first."))
            request = replace(request, sketch=model.settings.references[reference].source)
        sketch = model.sketch
        assert sketch is not None
        inputs = self.read(model, request)
        job = self.start(model, request, lambda: pictures.pack(request, inputs))
        job.ended.connect(lambda: self._on_mask(model, job, sketch.id))

    def make_hints(self, model: DocumentModel) -> None:
        """Inserts an empty layer for colour hints above the sketch and selects it."""
        sketch = model.sketch
        if sketch is None:
            raise UserError(tr("Select the layer with your sketch first."))
        layer = NewLayer(HINTS_NAME, Pixels(0, 0, b""))

        def use(hints: str) -> None:
            model.change_for(sketch.id, hints=hints)

        self._tools.canvas.add_layer(model, layer, _topmost(model, sketch.id), use)

    def again(self, model: DocumentModel, item: Item, seeds: Sequence[int]) -> None:
        """Colours again with a result's settings, once with each of these seeds."""
        for seed in seeds:
            settings = replace(item.result.request.settings, seed=seed)
            self.colorize(model, replace(item.result.request, settings=settings))

    def colorize_all(self, model: DocumentModel) -> int:
        """Colours every sketch layer (at most `MAX_JOBS`) with its own settings; returns their number."""
        chosen = model.sketches()[:MAX_JOBS]
        for layer in chosen:
            source = Source(SourceKind.LAYER, layer.id, layer.name)
            self.colorize(model, self.request_for(model, source, model.settings_of(layer.id)))
        return len(chosen)

    def read(self, model: DocumentModel, request: Request, *, sketch: bool = True) -> Inputs:
        """Reads a request's layers, the sketch only if `sketch`, and its stored pictures from the document."""
        key, port = model.info.key, self._tools.port
        ids = [layer for layer in request.layer_ids if sketch or layer != request.sketch.key]
        with self._tools.activity.reading(key):
            layers = port.snapshot(key, ids)
        sources = [request.sketch, *(reference.source for reference in request.settings.references)]
        names = {source.key for source in sources if source.kind is SourceKind.NOTE}
        notes = {name: port.read_note(key, name) for name in names}
        self._tools.references.keep_thumbnails(model, layers)
        return Inputs(layers, {name: png for name, png in notes.items() if png is not None})

    def start(self, model: DocumentModel, request: Request, pack: Callable[[], Body]) -> Job:
        """Starts a job and reports its failure; the caller handles its result."""
        key = model.info.key
        if len(self._tools.jobs.of(key)) >= MAX_JOBS:
            raise UserError(
                tr(
                    "{count} jobs of this picture are waiting already. Wait until one is done, or cancel one.",
                    count=MAX_JOBS,
                )
            )
        job = self._tools.jobs.start(key, request, pack)
        job.ended.connect(lambda: self._on_ended(model, job))
        self.started.emit()
        return job

    @guarded
    def _on_ended(self, model: DocumentModel, job: Job) -> None:
        if job.state is JobState.FAILED:
            self.broke = FailureHelp(job.cause, job.error) if job.cause is not None else None
            self.report(job.error)
        self.ended.emit(model)

    @guarded
    def _on_result(self, model: DocumentModel, job: Job, origin: _Origin) -> None:
        whole = job.result
        if whole is None:
            return

        def work() -> tuple[Result, QtGui.QImage]:
            result = whole
            if origin.selection is not None:
                preview = pictures.limited_preview(whole.preview_png, origin.selection)
                result = replace(whole, preview_png=preview)
            return result, pictures.read_data(result.preview_png, "The preview", pictures.THUMBNAIL_SIDE)

        def then(found: tuple[Result, QtGui.QImage]) -> None:
            result, thumbnail = found
            if not model.closed:
                origin.item = model.add_result(result, thumbnail)
                origin.item.seen = origin.seen
                self._keep(model, origin)
                self._compact_older(model)
                self.ended.emit(model)

        task = self._tools.activity.begin(model.info.key)
        self._tools.workers.run(work, task.ends(then), task.ends(self._on_error))

    def _keeper(self, model: DocumentModel, origin: _Origin) -> Callable[[Base], None]:
        def then(base: Base) -> None:
            origin.base = base
            self._keep(model, origin)

        return then

    def _keep(self, model: DocumentModel, origin: _Origin) -> None:
        """Saves the result once both the result and the pictures it was made from are available."""
        if origin.item is not None and origin.base is not None:
            origin.item.base = origin.base
            self._tools.history.keep(model, origin.item)

    @guarded
    def _on_mask(self, model: DocumentModel, job: Job, sketch_id: str) -> None:
        result = job.result
        if result is None or model.closed:
            return
        source = job.request.sketch
        own = source == Source(SourceKind.LAYER, sketch_id, source.name)
        name = FOREGROUND_MASK_NAME if own else f"{FOREGROUND_MASK_NAME} · {source.name}"
        layer_id = source.key if source.kind is SourceKind.LAYER else sketch_id
        above_id = _topmost(model, layer_id)

        def use(mask: str) -> None:
            if own:
                model.change_for(sketch_id, sketch_mask=mask)
            else:
                model.use_reference_mask(sketch_id, source, mask)

        self._tools.canvas.add_mask(model, result, name, above_id, use)

    def _compact_older(self, model: DocumentModel) -> None:
        """Packs the second newest result on a worker thread; the newest one stays unpacked, so that Apply is quick."""
        for item in model.results[1:2]:
            then = partial(self._on_compact, model, item, item.result)
            self._tools.workers.run(item.result.compact, then, self._on_error)

    def _on_compact(self, model: DocumentModel, item: Item, before: Result, compact: Result) -> None:
        if not model.closed and item.result is before:  # otherwise a repair has replaced it
            model.replace_result(item, compact)

    def _on_error(self, error: Exception) -> None:
        self.report(sentence(error))


def _topmost(model: DocumentModel, layer_id: str) -> str:
    """The id of the topmost one of a layer and its applied results, above which a new layer is visible."""
    groups = {item.group_id for item in model.results if item.result.request.sketch.key == layer_id}
    lying = [layer for layer in model.layers if layer.id in {layer_id, *groups}]  # top first
    depth = next((layer.depth for layer in lying if layer.id == layer_id), 0)
    return next((layer.id for layer in lying if layer.depth == depth), layer_id)
