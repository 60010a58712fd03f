"""Corrections: a click on a region of a result offers its likely colours; the chosen one fills it at once.

The docker itself writes the pixels into the layers in the document, as one undo step, without the backend and beside
running jobs. Corrections are stored in their result (`core.corrections`): Redo keeps them, a new result has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from krita_colorize.app.checks import Checks
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.job_requests import JobRequests, Tools
from krita_colorize.app.repairs import Repairs
from krita_colorize.core import check, corrections
from krita_colorize.core.corrections import Change, Offer, Swatch
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.repair import State, Write
from krita_colorize.core.result import Result
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

NO_REGION = "There is no region to correct at this place."


@dataclass(frozen=True)
class Offered:
    """An offer, with the document and the result that was clicked in."""

    model: DocumentModel
    item: Item
    where: RegionMap
    offer: Offer
    screen: tuple[int, int] | None
    """The clicked position on the screen (logical pixels); None if it isn't known."""


class Corrections(QtCore.QObject):
    """Receives clicks on the canvas while it is `on`. `offered` carries an `Offered`; `changed` follows every change of
    `on`."""

    changed = Signal()
    offered = Signal(object)

    def __init__(
        self,
        tools: Tools,
        job_requests: JobRequests,
        repairs: Repairs,
        checks: Checks,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.on = False
        self._tools = tools
        self._job_requests = job_requests
        self._repairs = repairs
        self._checks = checks
        self._model: DocumentModel | None = None

    def start(self, model: DocumentModel) -> None:
        """Lets clicks on the canvas offer colours instead of painting, until `stop`."""
        _item(model)
        if not self._tools.port.pick(self._on_picked):
            raise UserError(tr("Clicks on this canvas can't be received. Use a hint layer instead."))
        self.on, self._model = True, model
        self.changed.emit()

    def stop(self) -> None:
        """Lets clicks paint again."""
        if self.on:
            self.on, self._model = False, None
            self._tools.port.pick(None)
            self.changed.emit()

    def choose(self, offered: Offered, swatch: Swatch, *, alone: bool = False) -> None:
        """Gives the region a colour, and unless `alone` also the regions that belong to the same part."""
        model, item = offered.model, offered.item
        regions = (offered.offer.region,) if alone else offered.offer.same
        if item not in model.results:
            raise UserError(tr(NO_REGION))
        if model.lies_here(item):
            self._repaint(offered, regions, swatch)
            return
        request, made = item.result.request, Change(offered.where, regions, swatch).corrections
        settings = replace(request.settings, corrections=(*request.settings.corrections, *made))
        self._job_requests.colorize(model, replace(request, settings=settings))

    def next(self, model: DocumentModel, by: int = 1) -> None:
        """Steps to the next place to check (`by` places), and offers the colours of the region to check in it."""
        self._checks.step(model, by)
        item, place = _item(model), self._checks.places[self._checks.index]

        def find(where: RegionMap) -> tuple[int, int] | None:
            return check.doubted(item.result, where, place)

        self._look(model, item, find)

    def _on_picked(self, document: str, x: int, y: int) -> None:
        self._pick(document, x, y)

    @guarded
    def _pick(self, document: str, x: int, y: int) -> None:
        model = self._model
        if not self.on or model is None or model.closed or document != model.info.key:
            self.stop()
            return
        self._tools.port.pick(self._on_picked)  # again, because it receives only one click
        self._look(model, _item(model), lambda _: (x, y))

    def _look(
        self, model: DocumentModel, item: Item, find: Callable[[RegionMap], tuple[int, int] | None]
    ) -> None:
        """Offers the colours at the position that `find` returns; `find` runs on a worker thread."""

        def work() -> tuple[RegionMap, Offer]:
            where = self._regions(item.result)
            place = find(where)
            found = corrections.offer(item.result, where, *place) if place is not None else None
            if found is None:
                raise UserError(tr(NO_REGION))
            return where, found

        def then(made: tuple[RegionMap, Offer]) -> None:
            if not model.closed:
                where, offer = made
                screen = self._tools.port.on_screen(model.info.key, offer.x, offer.y)
                self.offered.emit(Offered(model, item, where, offer, screen))

        self._tools.workers.run(work, then, self._on_error)

    def _regions(self, result: Result) -> RegionMap:
        """The regions of a result. Slow: for worker threads. Raises `UserError` if it has none."""
        found = self._tools.region_maps.of(result)
        if found is None:
            raise UserError(
                tr("This result can't be corrected by clicks. Paint colour hints, then press Redo.")
            )
        return found

    def _repaint(self, offered: Offered, regions: tuple[int, ...], swatch: Swatch) -> None:
        model, item, key = offered.model, offered.item, offered.model.info.key
        if item.base is None:
            raise UserError(tr("This result is still being stored. Try again in a moment."))
        role = offered.where.role(regions[0])
        parts = [part for part in self._tools.port.group_parts(key, item.group_id) if part.role in ROLES]
        part = next((one for one in parts if one.role == role), None)
        if part is None:
            raise UserError(
                tr("The layers of this result are gone or empty. Press Colorize to colour the sketch again.")
            )
        with self._tools.activity.reading(key):
            now = self._tools.port.layer_pixels(key, part.layer_id)
        task, result = self._tools.activity.begin(key), item.result
        change = Change(offered.where, regions, swatch)

        def work() -> tuple[Write, State] | None:
            pixels = change.pixels(corrections.here(result), now)
            if pixels is None:
                return None
            write = Write.into(role, part.layer_id, now, pixels)
            return write, _state(change, item, result, now)

        def then(found: tuple[Write, State] | None) -> None:
            if model.closed or found is None:
                return
            write, state = found
            self._repairs.write(
                model, item, [write], lambda _: self._settle(model, item, change, result, state)
            )

        self._tools.workers.run(work, task.ends(then), task.ends(self._on_error))

    def _settle(
        self,
        model: DocumentModel,
        item: Item,
        change: Change,
        before: Result,
        state: State,
    ) -> None:
        """Stores the result's new state, then packs it on a thread. If another change has replaced the result
        meanwhile, the state is computed again from that one."""
        if model.closed:
            return
        result = item.result
        if result is not before:

            def again(state: State) -> None:
                self._settle(model, item, change, result, state)

            self._tools.workers.run(lambda: _state(change, item, result, None), again, self._on_error)
            return
        item.repaired(state)
        model.result_changed(item)

        def then(compact: Result) -> None:
            if not model.closed and item.result is state.result:
                model.replace_result(item, compact)
                self._tools.history.keep(model, item)

        self._tools.workers.run(state.result.compact, then, self._on_error)

    def _on_error(self, error: Exception) -> None:
        self.report(sentence(error))


def _item(model: DocumentModel) -> Item:
    item = model.applied()
    if item is None:
        raise UserError(tr("There is nothing to correct yet: press Colorize first."))
    return item


def _state(change: Change, item: Item, result: Result, now: Pixels | None) -> State:
    """The result's state after the change is in the document. Slow: for worker threads."""
    assert item.base is not None
    return State(change.made(corrections.here(result), now), item.base.here())
