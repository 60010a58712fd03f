"""Colours the keyframes of an animated sketch, one after another, into one new animated layer.

If the engine supports it, all frames are surveyed first, so that the same parts get the same colours. Every finished
frame is saved at once (`COLORIZE_HOME/frames`), and the backend stores the surveys: after a cancel or a crash, pressing
the button again continues there. `core/frames` computes the key of a saved frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from krita_colorize.app import files, pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.home import LOG
from krita_colorize.app.job import Job
from krita_colorize.app.job_requests import JobRequests, Tools
from krita_colorize.app.pen_gate import PenGate
from krita_colorize.app.pictures import Inputs
from krita_colorize.core import bundle, frames
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import Frame, NewGroup, Pixels
from krita_colorize.core.request import Pictures, Request, Task
from krita_colorize.core.result import Result
from krita_colorize.core.settings import Settings
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

FOLDER = "frames"
BUDGET_BYTES = 2 << 30
"""Limit of all saved frames, because those of abandoned runs are never used again."""
SUFFIX = ".clz"


@dataclass
class Run:
    """The colouring of one animated sketch: its keyframes, and what is done so far."""

    model: DocumentModel
    request: Request
    times: tuple[int, ...]
    together: bool
    """Whether all frames are surveyed before the first one is coloured."""
    surveys: list[str] = field(default_factory=list)
    """The survey's name of every frame surveyed so far; "" for an empty frame."""
    done: list[Frame] = field(default_factory=list)
    job: Job | None = None
    paths: list[Path] = field(default_factory=list)
    result: Result | None = None

    @property
    def surveying(self) -> bool:
        """Whether frames are still being surveyed."""
        return self.together and len(self.surveys) < len(self.times)

    @property
    def number(self) -> int:
        """The number of the frame in work, from 1."""
        return min(len(self.surveys if self.surveying else self.done) + 1, len(self.times))


class Frames(QtCore.QObject):
    """Colours one animated sketch at a time. `changed` follows every change of `run`."""

    changed = Signal()

    def __init__(
        self,
        tools: Tools,
        job_requests: JobRequests,
        home: Path,
        together: Callable[[Settings], bool],
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.run: Run | None = None
        self._tools = tools
        self._job_requests = job_requests
        self._folder = home / FOLDER
        self._together = together
        self._pen_gate = PenGate(tools.port.busy, report, self)

    def times(self, model: DocumentModel | None) -> tuple[int, ...]:
        """The times (frame numbers) of the sketch's keyframes; empty if it isn't animated."""
        if model is None or model.sketch is None:
            return ()
        return tuple(self._tools.port.frame_times(model.info.key, model.sketch.id))

    def colorize(self, model: DocumentModel) -> None:
        """Starts, or continues with the saved frames. Raises `UserError`."""
        if self.run is not None:
            raise UserError(tr("The frames of a picture are being coloured already."))
        times = self.times(model)
        if not times:
            raise UserError(tr("This sketch layer has no keyframes."))
        request = self._job_requests.request(model, model.settings)
        self.run = Run(model, request, times, self._together(model.settings))
        self._next()

    def cancel(self) -> None:
        """Stops; the finished frames stay saved."""
        run, self.run = self.run, None
        if run is not None and run.job is not None:
            run.job.cancel()
        self.changed.emit()

    def close(self) -> None:
        """Stops, and drops the action that waits for the pen."""
        self.cancel()
        self._pen_gate.close()

    def _next(self) -> None:
        run = self.run
        assert run is not None
        self.changed.emit()
        if run.model.closed:
            self.cancel()
            return
        if run.surveying:
            self._survey(run)
        elif len(run.done) == len(run.times):
            self._insert(run)
        else:
            self._colour(run)

    def _read(self, run: Run, time: int) -> Inputs | None:
        """The inputs of a frame; None if it is empty."""
        inputs = self._job_requests.read(run.model, run.request)
        drawn = self._tools.port.snapshot_frame(run.model.info.key, run.request.sketch.key, time)
        return Inputs({**inputs.layers, run.request.sketch.key: drawn}, inputs.notes) if drawn.data else None

    def _survey(self, run: Run) -> None:
        inputs = self._read(run, run.times[len(run.surveys)])
        if inputs is None:
            self._surveyed(run, "")
            return
        request = replace(run.request, task=Task.SURVEY)
        run.job = job = self._job_requests.start(run.model, request, lambda: pictures.pack(request, inputs))
        job.ended.connect(lambda: self._on_surveyed(run, job))

    @guarded
    def _on_surveyed(self, run: Run, job: Job) -> None:
        run.job = None
        if run is not self.run:
            return
        if job.result is None:  # cancelled, or failed and reported by `JobRequests`
            self.cancel()
            return
        self._surveyed(run, job.result.survey)

    def _surveyed(self, run: Run, name: str) -> None:
        run.surveys.append(name)
        if not run.surveying:
            run.request = replace(run.request, sequence=tuple(name for name in run.surveys if name))
        self._next()

    def _colour(self, run: Run) -> None:
        time = run.times[len(run.done)]
        inputs = self._read(run, time)
        if inputs is None:  # an empty keyframe stays empty
            run.done.append(Frame(time, Pixels(0, 0, b"")))
            self._next()
            return

        def work() -> tuple[Path, Pixels | None, Pictures]:
            seen = pictures.collect(run.request, inputs)
            path = self._folder / f"{frames.fingerprint(run.request, seen)}{SUFFIX}"
            return path, _read(path), seen

        self._tools.workers.run(work, lambda found: self._on_read(run, *found), self._on_error)

    @guarded
    def _on_read(self, run: Run, path: Path, kept: Pixels | None, seen: Pictures) -> None:
        if run is not self.run:
            return
        run.paths.append(path)
        if kept is not None:
            self._take(run, kept)
            return
        job = self._job_requests.start(run.model, run.request, lambda: pictures.packed(run.request, seen))
        run.job = job
        job.ended.connect(lambda: self._on_ended(run, job, path))

    @guarded
    def _on_ended(self, run: Run, job: Job, path: Path) -> None:
        result, run.job = job.result, None
        if run is not self.run:
            return
        if result is None:  # cancelled, or failed and reported by `JobRequests`
            self.cancel()
            return
        run.result = result

        def work() -> Pixels:
            pixels = frames.flat(result)
            try:
                _write(path, pixels)
            except OSError as error:  # for example a full disk, which must not stop the run
                LOG.warning("a frame can't be kept: %s", error)
            return pixels

        self._tools.workers.run(work, lambda pixels: self._take(run, pixels), self._on_error)

    def _take(self, run: Run, pixels: Pixels) -> None:
        if run is self.run:
            run.done.append(Frame(run.times[len(run.done)], pixels))
            self._next()

    def _insert(self, run: Run) -> None:
        references = run.request.settings.references
        paper = run.result is None or bool(run.result.record.get("sketch_has_paper"))
        group = NewGroup(
            f"Colours · {references[0].source.name}", (), "multiply" if paper else "normal", above=paper
        )

        def insert() -> None:
            if run is self.run and not run.model.closed:
                self.run = None
                port = self._tools.port
                port.insert_animated_layer(run.model.info.key, run.request.sketch.key, group, run.done)
                run.model.refresh()
                self._tools.workers.run(lambda: _remove(run.paths), lambda _: None, self._on_error)
                self.changed.emit()

        self._pen_gate.when_pen_is_up(insert)

    def _on_error(self, error: Exception) -> None:
        self.cancel()
        self.report(sentence(error))


def _write(path: Path, pixels: Pixels) -> None:
    packed = bundle.decode([bytes(part) for part in bundle.encode({}, [bundle.Blob.from_pixels(pixels)])])
    files.put(path, packed.compact().parts())
    files.prune(path.parent.glob(f"*{SUFFIX}"), BUDGET_BYTES, path)


def _read(path: Path) -> Pixels | None:
    """A saved frame; None if there is none or it is damaged."""
    try:
        return bundle.decode(path.read_bytes()).blob(0).to_pixels()
    except (OSError, bundle.BundleError):
        return None


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
