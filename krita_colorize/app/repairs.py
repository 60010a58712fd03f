"""Repairs applied results in place (Redo, palette): replaces only the pixels that a change affects, as one undo step.

The artist's own strokes stay, also those painted while the backend works. `core/repair` builds the request, and the
state of the result afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.job import Job
from krita_colorize.app.job_requests import JobRequests, Tools
from krita_colorize.app.memory import Body
from krita_colorize.app.patches import Patches
from krita_colorize.app.pen_gate import PenGate
from krita_colorize.app.pictures import Inputs
from krita_colorize.core import corrections, forecast, repair
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import ROLES, Part, Pixels
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.repair import Plan, Seen, State, Write
from krita_colorize.core.request import Request
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui

UNSEEN = "The group's own masks stay as they are. Paint the same on them to see it."
"""Krita can't undo what is written into masks."""

GROUP_GONE = "The layers of this result are no longer in the picture. Press Apply to bring them back, then repeat this."

EMPTY = Pixels(0, 0, b"")


class Repairs(QtCore.QObject):
    """Repairs results in place, and writes pixels into their layers."""

    def __init__(
        self,
        tools: Tools,
        job_requests: JobRequests,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._tools = tools
        self._job_requests = job_requests
        self._pen_gate = PenGate(tools.port.busy, report, self)
        self._patches = Patches(tools.port, tools.workers, self)

    def redo(self, model: DocumentModel) -> None:
        """Repairs the selected (else the newest applied, else the newest) result with the present masks, hints and
        bindings: in place if its group is in the document, otherwise as a new result."""
        self._tools.canvas.registration.follow(model, lambda: self._redo(model))

    def _redo(self, model: DocumentModel) -> None:
        item = model.applied()
        if item is None:
            raise UserError(tr("There is nothing to redo yet: press Colorize first."))
        now = model.settings_of(item.result.request.sketch.key)
        request = repair.as_now(item.result.request, now)
        if not model.lies_here(item):
            self._job_requests.colorize(model, request)
            return
        if item.base is None:
            raise UserError(tr("This result is still being stored. Try again in a moment."))
        parts = self._tools.port.group_parts(model.info.key, item.group_id)
        seen = self._look(model, parts)
        kept = corrections.kept(item.result, seen.layers)
        request = replace(request, settings=replace(request.settings, corrections=kept))
        # If only the sketch layer was moved, the result is still at its former position.
        states = [*item.states, *(state.made for state in item.states if state.moved_alone)]
        sketch, base = request.sketch.key, item.base
        gone = layer_lists.find(model.layers, sketch) is None
        selected = self._tools.canvas.selection.read(model)
        read = self._job_requests.read(model, request, sketch=not gone)
        made: list[Plan] = []
        if selected is None:
            self.forecast(model, item, parts, lambda where: self._expected(where, item, request, read, seen))

        def pack() -> Body:
            inputs = read
            if gone:  # the sketch that the result was made from is sent
                inputs = replace(read, layers={**read.layers, sketch: base.get("sketch") or EMPTY})
            made.append(repair.plan(states, request, pictures.collect(request, inputs), seen, selected))
            return pictures.packed(request, made[0].pictures)

        job = self._job_requests.start(model, request, pack)
        # A task runs until the answer is being written, so that the status isn't "Ready" in between.
        held = self._tools.activity.begin(model.info.key)
        job.ended.connect(held.ends(lambda: self._on_ended(model, item, job, made)))

    def forecast(
        self,
        model: DocumentModel,
        item: Item,
        parts: Sequence[Part],
        find: Callable[[RegionMap], Mapping[str, Pixels]],
    ) -> None:
        """Shows an expected change over the canvas, if the result has regions, until `write` or `drop_forecast`. `find`
        returns its pixels by role; it runs on a worker thread."""
        if model.info.width * model.info.height > forecast.MOST_PIXELS:
            return
        ids = {part.role: part.layer_id for part in parts}
        result = item.result

        def changes() -> dict[str, Pixels]:
            where = self._tools.region_maps.of(result)
            found = find(where) if where is not None else {}
            return {ids[role]: pixels for role, pixels in found.items() if role in ids}

        self._patches.forecast(model, item, changes)

    def drop_forecast(self) -> None:
        """Hides the forecast, because there will be no change."""
        self._patches.drop_forecast()

    def write(
        self,
        model: DocumentModel,
        item: Item,
        writes: Sequence[Write],
        then: Callable[[Sequence[Write]], None],
    ) -> None:
        """Writes pixels into a result's layers as one undo step, as soon as the pen is up, except pixels that the
        artist has changed meanwhile. The overlay shows the change until Krita shows the layers. Calls `then` with the
        actual writes."""
        task = self._tools.activity.begin(model.info.key)

        def insert() -> None:
            try:
                self._insert(model, item, writes, then)
            finally:
                self._patches.hide_soon()

        def shown() -> None:
            self._pen_gate.when_pen_is_up(task.ends(insert))

        changes = {write.layer_id: write.pixels for write in writes}
        self._pen_gate.when_pen_is_up(lambda: self._patches.show(model, item, changes, shown))

    def _insert(
        self,
        model: DocumentModel,
        item: Item,
        writes: Sequence[Write],
        then: Callable[[Sequence[Write]], None],
    ) -> None:
        newest = self._newest(model, writes)
        if all(newest[write.layer_id].data == write.now.data for write in writes):
            changes = [(write.layer_id, write.pixels) for write in writes]
            self._tools.port.replace_pixels(model.info.key, changes)
            model.refresh()
            then(writes)
            return
        task = self._tools.activity.begin(model.info.key)
        self._tools.workers.run(
            lambda: [write.onto(newest[write.layer_id]) for write in writes],
            task.ends(lambda found: self.write(model, item, found, then)),
            task.ends(self._on_error),
        )

    def _newest(self, model: DocumentModel, writes: Sequence[Write]) -> dict[str, Pixels]:
        """The present pixels of the rectangles to write to, by layer id. Raises `UserError` if a layer is gone."""
        port, key = self._tools.port, model.info.key
        try:
            return {
                write.layer_id: placed(
                    port.layer_pixels(key, write.layer_id, write.pixels.box), *write.pixels.box
                )
                for write in writes
            }
        except LookupError as error:
            raise UserError(tr(GROUP_GONE)) from error

    def close(self) -> None:
        """Drops the actions that wait for the pen, and hides the patch."""
        self._pen_gate.close()
        self._patches.close()

    def _expected(
        self, where: RegionMap, item: Item, request: Request, read: Inputs, seen: Seen
    ) -> Mapping[str, Pixels]:
        assert item.base is not None
        state = State(corrections.here(item.result), item.base)
        return forecast.repaired(where, state, request, pictures.collect(request, read), seen.layers)

    def _look(self, model: DocumentModel, parts: Sequence[Part]) -> Seen:
        key, port = model.info.key, self._tools.port
        known = [part for part in parts if part.role in ROLES]
        with self._tools.activity.reading(key):
            return Seen(
                {part.role: port.layer_pixels(key, part.layer_id) for part in known},
                {part.role: port.layer_pixels(key, part.mask_id) for part in known if part.mask_id},
            )

    @guarded
    def _on_ended(self, model: DocumentModel, item: Item, job: Job, made: list[Plan]) -> None:
        answer = job.result
        if answer is None or model.closed:
            self.drop_forecast()
            return
        model.refresh()
        if not model.lies_here(item):
            self.drop_forecast()
            raise UserError(tr(GROUP_GONE))
        parts = {part.role: part for part in self._tools.port.group_parts(model.info.key, item.group_id)}

        def work() -> list[Write]:
            seen = made[0].seen.layers
            return [
                Write.into(layer.role, parts[layer.role].layer_id, seen[layer.role], layer.pixels)
                for layer in answer.layers()
                if layer.role in parts and layer.role in seen
            ]

        def then(writes: list[Write]) -> None:
            if not writes:
                self.drop_forecast()
                self.report(tr("The change made no difference: nothing was replaced."))
                self._settle(model, item, job, made[0], [])
                return
            self.write(model, item, writes, lambda put: self._settle(model, item, job, made[0], put))

        task = self._tools.activity.begin(model.info.key)
        self._tools.workers.run(work, task.ends(then), task.ends(self._on_error))

    def _settle(
        self,
        model: DocumentModel,
        item: Item,
        job: Job,
        made: Plan,
        put: Sequence[Write],
    ) -> None:
        """Stores the result's new state."""
        answer = job.result
        assert answer is not None

        def work() -> tuple[State, QtGui.QImage]:
            thumbnail = pictures.read_data(answer.preview_png, "The preview", pictures.THUMBNAIL_SIDE)
            return repair.after(made, answer, put), thumbnail

        def then(found: tuple[State, QtGui.QImage]) -> None:
            if not model.closed:
                state, item.thumbnail = found
                item.repaired(state)
                if answer.bundle.header["redo"]["unseen"]:
                    self.report(tr(UNSEEN))
                self._tools.history.keep(model, item)
                model.result_changed(item)

        self._tools.workers.run(work, then, self._on_error)

    def _on_error(self, error: Exception) -> None:
        self.drop_forecast()
        self.report(sentence(error))
