"""Moves the results of a document after the artist has resized, cropped, mirrored, rotated or scaled the canvas.

The change is found by registration (`core/registration`) of the sketch's pixels of now with those that a result was
made from. Results, the pictures they were made from, previews and bindings are moved. If the sketch isn't found, the
artist is told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from krita_colorize.app import pictures
from krita_colorize.app.activity import Activity
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import KritaPort, Pixels
from krita_colorize.core.registration import Sheet, register
from krita_colorize.core.repair import State
from krita_colorize.core.result import Result
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

LOST = (
    "The canvas has changed since this result was made, and its sketch isn't found on it any more. "
    "Choose More ▸ Colour again with these settings."
)

REST_MS = 400

TELLS_LATE_S = 3.0
"""Krita may report a change of the canvas with a delay of up to this many seconds."""


@dataclass(frozen=True)
class _Stale:
    """A result whose sketch has another fingerprint than before: its states, and the new fingerprint."""

    item: Item
    states: tuple[State, ...]
    seen: bytes


@dataclass(frozen=True)
class _Found:
    """The moved result: its states on the present canvas, empty if the sketch wasn't found, and its thumbnail."""

    stale: _Stale
    states: tuple[State, ...]
    thumbnail: QtGui.QImage


class Registration(QtCore.QObject):
    """Moves the results of documents. `moved` carries the model of a document whose results were moved or lost."""

    moved = Signal(object)  # a DocumentModel

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
        self._port = port
        self._workers = workers
        self._activity = activity
        self._moved_s = -math.inf
        self._waiting: DocumentModel | None = None
        self._timer = single_shot(self, self._on_timeout)

    def soon(self, model: DocumentModel | None) -> None:
        """Follows after `REST_MS` without another change; called after every change."""
        self._waiting = model
        self._timer.start(REST_MS)

    def close(self) -> None:
        """Stops following."""
        self._timer.stop()

    def follow(self, model: DocumentModel, then: Callable[[], object] | None = None) -> None:
        """Moves the document's results to its present canvas, then calls `then`; at once if nothing has changed."""
        info = self._port.active_document()
        if info is not None and info.key == model.info.key:
            model.info = info
        stale = self._stale(model)
        if not stale:
            self._call(then)
            return
        key, info = model.info.key, model.info
        with self._activity.reading(key):
            now = self._port.snapshot(key, sorted({_sketch(one.item) for one in stale}))

        def work() -> list[_Found]:
            return [_followed(one, Sheet(now[_sketch(one.item)], info.width, info.height)) for one in stale]

        def done(found: list[_Found]) -> None:
            if not model.closed:
                self._put(model, found)
                self._call(then)

        task = self._activity.begin(key)
        self._workers.run(work, task.ends(done), task.ends(self._on_error))

    def _stale(self, model: DocumentModel) -> list[_Stale]:
        there = {layer.id for layer in model.layers}
        stored = [item for item in model.results if item.base is not None and _sketch(item) in there]
        looks = {
            sketch: self._port.fingerprint(model.info.key, sketch)
            for sketch in dict.fromkeys(map(_sketch, stored))
        }
        return [
            _Stale(item, tuple(item.states), looks[_sketch(item)])
            for item in stored
            if item.seen != looks[_sketch(item)]
        ]

    def _put(self, model: DocumentModel, found: list[_Found]) -> None:
        changed, done = False, set()
        for one in found:
            item, before = one.stale.item, one.stale.states
            if item.result is not before[0].result:
                continue  # a repair has replaced it meanwhile; the next call moves that one
            restored, item.seen, lost = not item.seen, one.stale.seen, item.lost
            item.lost = not one.states
            if item.lost:
                changed = changed or not lost
                continue
            if len(one.states) == len(before) and _placements(one.states) == _placements(before):
                changed = changed or lost
                continue
            changed = True
            if _sketch(item) not in done:
                done.add(_sketch(item))
                self._move_bindings(model, before[0].result, one.states[0].result, restored=restored)
            item.result, item.base, item.earlier = (
                one.states[0].result,
                one.states[0].base,
                list(one.states[1:]),
            )
            item.thumbnail = one.thumbnail
            model.result_changed(item)
        if changed:
            if any(one.stale.item.lost for one in found):
                self.report(tr(LOST))
            self._moved_s = time.monotonic()
            self.moved.emit(model)

    def _move_bindings(self, model: DocumentModel, before: Result, after: Result, *, restored: bool) -> None:
        """Moves the bindings that the result was made with, and all others of its sketch, unless the result is from
        another session, which may have moved those already."""
        made = (after.origin or after).request
        still = Placement(made.width, made.height)
        old, new = before.placement or still, after.placement or still
        known = {one.on(old) or one: one.on(new) for one in made.settings.bindings}
        way = still if restored else new.after(old.back(made.width, made.height))
        bindings = model.settings_of(made.sketch.key).bindings
        moved = [known[one] if one in known else one.on(way) for one in bindings]
        model.change_for(made.sketch.key, bindings=tuple(one for one in moved if one is not None))

    @guarded
    def _on_timeout(self) -> None:
        model = self._waiting
        if model is None or model.closed:
            return
        if self._port.busy():
            self._timer.start(REST_MS)
        else:
            self.follow(model, lambda: self._tell_again(model))

    def _tell_again(self, model: DocumentModel) -> None:
        """Emits `moved` again, because Krita may report the change only now, upon which the overlay is hidden."""
        if time.monotonic() - self._moved_s < TELLS_LATE_S:
            self.moved.emit(model)

    @guarded
    def _call(self, then: Callable[[], object] | None) -> None:
        if then is not None:
            then()

    def _on_error(self, error: Exception) -> None:
        self.report(sentence(error))


def _sketch(item: Item) -> str:
    return item.result.request.sketch.key


def _placements(states: tuple[State, ...]) -> list[Placement | None]:
    return [state.result.placement for state in states]


def _followed(stale: _Stale, now: Sheet) -> _Found:
    """Moves a result's states to the present canvas; drops an earlier state whose sketch isn't found. Slow: for worker
    threads."""
    states = []
    for number, state in enumerate(stale.states):
        made = state.made
        sketch = made.base.get("sketch") or Pixels(0, 0, b"")
        width, height = made.result.request.width, made.result.request.height
        placement = register(Sheet(sketch, width, height), now)
        if placement is not None:
            preview = pictures.moved_preview(made.result.preview_png, placement, width, height)
            states.append(state.on(placement, preview))
        elif number == 0:
            return _Found(stale, (), stale.item.thumbnail)
    preview = states[0].result.preview_png
    return _Found(stale, tuple(states), pictures.read_data(preview, "The preview", pictures.THUMBNAIL_SIDE))
