"""Shows overlays on the canvas and inserts groups and layers, as soon as the pen is up.

Pixels are unpacked on worker threads; each insertion is one undo step.
"""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app.activity import Activity
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.pen_gate import PenGate
from krita_colorize.app.registration import LOST, Registration
from krita_colorize.app.selection import SelectionSwitch
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import KritaPort, NewGroup, NewLayer, Pixels
from krita_colorize.core.result import Result
from krita_colorize.core.selection import limited_group
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

HIDE_MS = 100
"""Time after an insertion until the overlay is hidden; by then Krita has repainted the canvas."""

VEIL = (140, 140, 255)
"""The colour of new mask layers: B, G, R."""

SKETCH_GONE = (
    "The sketch layer of this result is no longer in the picture: its colours lie above all other layers."
)


class Canvas(QtCore.QObject):
    """Shows overlays and inserts layers. `changed` is emitted when the overlay is shown or hidden."""

    changed = Signal()

    def __init__(
        self,
        port: KritaPort,
        workers: Workers,
        activity: Activity,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.overlay_shown = False
        self._port = port
        self._workers = workers
        self._activity = activity
        self._pen_gate = PenGate(port.busy, report, self)
        self.selection = SelectionSwitch(port, self)
        self.registration = Registration(port, workers, activity, report, self)
        self._wanted: tuple[str, bytes] | None = None
        self._inserted: tuple[str, bytes] | None = None
        self._waiting = False
        self._hide_timer = single_shot(self, self._on_painted)

    def show(self, document: str, png: bytes) -> None:
        """Shows a picture over the document's canvas as soon as the pen is up; only the last call has an effect."""
        self._wanted = (document, png)
        if not self._waiting:
            self._waiting = True
            self._pen_gate.when_pen_is_up(self._on_calm)

    def show_result(self, model: DocumentModel | None, item: Item | None) -> None:
        """Shows a result's preview over the canvas; hides the overlay if there is no result or its position is
        unknown."""
        if model is not None and item is not None and not item.lost:
            self.show(model.info.key, item.result.preview_png)
        else:
            self.hide()

    def hide(self) -> None:
        """Hides the overlay at once."""
        self._wanted = None
        self._update_overlay()

    def apply(self, model: DocumentModel, item: Item, then: Callable[[], None]) -> None:
        """Inserts a result as a group below or above its sketch, at the sketch's present position, then calls `then`.
        Until Krita shows the layers, the overlay shows the result."""
        self.registration.follow(model, lambda: self._apply(model, item, then))

    def _apply(self, model: DocumentModel, item: Item, then: Callable[[], None]) -> None:
        if item.lost:
            raise UserError(tr(LOST))
        task = self._activity.begin(model.info.key)
        if self._wanted != (model.info.key, item.result.preview_png):
            self.show_result(model, item)

        def insert(group: NewGroup) -> None:
            model.refresh()
            sketch = item.result.request.sketch.key
            gone = layer_lists.find(model.layers, sketch) is None
            if gone and model.layers:  # the topmost layer replaces the sketch
                sketch, group = model.layers[0].id, group.without_sketch()
            group = layer_lists.named_by_place(group, model.layers, sketch)
            group = layer_lists.named_apart(group, model.layers)
            item.group_id = self._port.insert_group(model.info.key, sketch, group)
            model.refresh()
            model.result_changed(item)
            if gone:
                self.report(tr(SKETCH_GONE))
            then()

        def when_pen_is_up(group: NewGroup) -> None:
            self._pen_gate.when_pen_is_up(task.ends(lambda: self._uncovered(lambda: insert(group))))

        def failed(error: Exception) -> None:
            self._uncovered(lambda: self._on_error(error))

        base, selected = item.base, self.selection.read(model)

        def work() -> NewGroup:
            coloured = base.get("selection") if base is not None else None
            return limited_group(item.result.group(), (coloured, selected))

        self._workers.run(work, when_pen_is_up, task.ends(failed))

    def _uncovered(self, act: Callable[[], None]) -> None:
        """Calls a function and hides the overlay once Krita has repainted the canvas."""
        self._inserted = self._wanted
        try:
            act()
        finally:
            self._hide_timer.start(HIDE_MS)

    @guarded
    def _on_painted(self) -> None:
        if self._wanted is self._inserted:  # otherwise another picture is shown by now
            self.hide()

    def add_mask(
        self, model: DocumentModel, result: Result, name: str, above_id: str, then: Callable[[str], None]
    ) -> None:
        """Inserts the layer of a mask result above another layer, calls `then` with its id and makes it active.

        It is tinted and has the blend mode Multiply, so that the lines below it stay visible.
        """

        def work() -> NewLayer:
            layers = result.layers()
            if not layers:
                raise UserError(
                    tr("No foreground was found. Paint the mask yourself on a layer and choose it here.")
                )
            return NewLayer(name, _tinted(layers[0].pixels), blend="multiply")

        def add(layer: NewLayer) -> None:
            self.add_layer(model, layer, above_id, then)

        task = self._activity.begin(model.info.key)
        self._workers.run(work, task.ends(add), task.ends(self._on_error))

    def add_layer(
        self, model: DocumentModel, layer: NewLayer, above_id: str, then: Callable[[str], None]
    ) -> None:
        """Inserts a paint layer above another one, calls `then` with its id and makes it active."""

        def insert() -> None:
            layer_id = self._port.insert_layer(model.info.key, above_id, layer)
            model.refresh()
            then(layer_id)
            self._port.activate(model.info.key, layer_id)

        self._pen_gate.when_pen_is_up(self._activity.begin(model.info.key).ends(insert))

    def close(self) -> None:
        """Drops the actions that wait for the pen."""
        self._wanted = None
        self._hide_timer.stop()
        self._pen_gate.close()
        self.registration.close()

    def _on_error(self, error: Exception) -> None:
        self.report(sentence(error))

    def _on_calm(self) -> None:
        self._waiting = False
        self._update_overlay()

    def _update_overlay(self) -> None:
        if self._wanted is not None:
            shown = self._port.show_overlay(*self._wanted)
        else:
            shown = False
            if self.overlay_shown:
                self._port.hide_overlay()
        if shown != self.overlay_shown:
            self.overlay_shown = shown
            self.changed.emit()


def _tinted(mask: Pixels) -> Pixels:
    """The mask in the colour `VEIL`, which is light because the brightness of an opaque layer is read as its mask."""
    data = bytearray(mask.data)
    for channel, value in enumerate(VEIL):
        data[channel::4] = bytes([value]) * (len(data) // 4)
    return Pixels(mask.width, mask.height, data, mask.x, mask.y)
