"""The palette of a result: edits, exchanges, locks, loads and saves its colours.

An edit is exact: every flat pixel of one colour gets another one. If the result is in the document, its layers are
changed as one undo step; otherwise the sketch is coloured again. Edits are stored with the sketch's settings, so that
they apply to its next results, and to sketches that copy these settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import sentence
from krita_colorize.app.job_requests import JobRequests, Tools
from krita_colorize.app.memory import Body, body_of
from krita_colorize.app.repairs import Repairs
from krita_colorize.core import corrections, edit_request, forecast, palette, repair, saved_results
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.edit_request import Edited
from krita_colorize.core.edits import Swap, compose
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.repair import State, Write
from krita_colorize.core.result import Result
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore


@dataclass
class _Edit:
    """A running edit of a result in the document: `edits` maps shown colours to new ones (#rrggbb), `swaps` are all
    swaps of the sketch after it."""

    model: DocumentModel
    item: Item
    edits: Mapping[str, str]
    swaps: tuple[Swap, ...]

    @property
    def made(self) -> tuple[Swap, ...]:
        """The edits in the form that the backend takes."""
        return tuple(Swap(before, after) for before, after in self.edits.items())

    def result(self, put: Sequence[Write], delivered: Mapping[str, DeliveredLayer]) -> Result:
        """The result with the delivered layers after the edit. Slow: for worker threads."""
        before = self.item.result
        settings = replace(before.request.settings, swaps=self.swaps)
        colours = list(dict.fromkeys(self.edits.get(colour, colour) for colour in before.palette))
        result = replace(before, request=replace(before.request, settings=settings)).with_palette(colours)
        return saved_results.with_delivered(result, repair.with_strokes(before, delivered, put))


class Palettes(QtCore.QObject):
    """Changes palettes of results."""

    def __init__(
        self,
        tools: Tools,
        job_requests: JobRequests,
        repairs: Repairs,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._tools = tools
        self._job_requests = job_requests
        self._repairs = repairs

    def edit(self, model: DocumentModel, edits: Mapping[str, str]) -> None:
        """Replaces shown colours (#rrggbb) by others, all at once."""
        item = _item(model)
        edits = {before: after for before, after in edits.items() if before != after}
        if not edits:
            return
        sketch = item.result.request.sketch.key
        before = model.settings_of(sketch)
        swaps = compose(before.swaps, edits)
        if model.lies_here(item):
            self._recolour(_Edit(model, item, edits, swaps))
        else:
            settings = replace(item.result.request.settings, swaps=swaps)
            self._job_requests.colorize(model, replace(item.result.request, settings=settings))
        locked = tuple(edits.get(colour, colour) for colour in before.locked)
        model.change_for(sketch, swaps=swaps, locked=tuple(dict.fromkeys(locked)))

    def lock(self, model: DocumentModel, colour: str, *, on: bool) -> None:
        """Locks or unlocks a colour; `load` doesn't replace locked colours."""
        sketch = _item(model).result.request.sketch.key
        others = tuple(locked for locked in model.settings_of(sketch).locked if locked != colour)
        model.change_for(sketch, locked=(*others, colour) if on else others)

    def load(self, model: DocumentModel, path: Path) -> None:
        """Replaces the result's colours by the nearest ones of a palette file, except locked colours."""
        item = _item(model)
        locked = model.settings_of(item.result.request.sketch.key).locked
        self.edit(model, palette.snapped(item.result.palette, palette.read(path), locked))

    def save(self, model: DocumentModel, path: Path) -> None:
        """Writes the result's palette as .kpl or .gpl."""
        palette.write(path, _item(model).result.palette, path.stem)

    def _recolour(self, edit: _Edit) -> None:
        key, port, activity = edit.model.info.key, self._tools.port, self._tools.activity
        parts = [part for part in port.group_parts(key, edit.item.group_id) if part.role in ROLES]
        with activity.reading(key):
            layers = [(part, port.layer_pixels(key, part.layer_id)) for part in parts]
        layers = [(part, now) for part, now in layers if now.data]
        if not layers:
            raise UserError(
                tr("The layers of this result are gone or empty. Press Colorize to colour the sketch again.")
            )
        sent, task = {part.role: now for part, now in layers}, activity.begin(key)

        def expected(where: RegionMap) -> dict[str, Pixels]:
            return forecast.recoloured(where, corrections.here(edit.item.result), edit.edits, sent)

        self._repairs.forecast(edit.model, edit.item, parts, expected)

        def unpack(pieces: list[bytes]) -> tuple[Edited, list[Write]]:
            edited = edit_request.read(pieces)
            return edited, [
                Write.into(part.role, part.layer_id, now, edited.layers[part.role]) for part, now in layers
            ]

        def read(pieces: list[bytes]) -> None:
            self._tools.workers.run(lambda: unpack(pieces), task.ends(write), task.ends(self._on_error))

        def write(found: tuple[Edited, list[Write]]) -> None:
            edited, writes = found
            if not edit.model.closed:
                self._repairs.write(
                    edit.model, edit.item, writes, partial(self._settle, edit, edited.delivered)
                )

        def pack() -> Body:
            return body_of(edit_request.parts(sent, edit.made, edit.item.result))

        self._tools.edits.make(pack, read, task.ends(self._on_error))

    def _settle(self, edit: _Edit, delivered: Mapping[str, DeliveredLayer], put: Sequence[Write]) -> None:
        """Stores the result's new state: its delivered layers and its palette."""
        base = edit.item.base
        if base is None:
            return

        def work() -> State:
            return State(edit.result(put, delivered), base.here())

        def then(state: State) -> None:
            if not edit.model.closed:
                edit.item.repaired(state)
                self._tools.history.keep(edit.model, edit.item)
                edit.model.result_changed(edit.item)

        self._tools.workers.run(work, then, self._on_error)

    def _on_error(self, error: Exception) -> None:
        self._repairs.drop_forecast()
        self.report(sentence(error))


def _item(model: DocumentModel) -> Item:
    item = model.applied()
    if item is None:
        raise UserError(tr("There is no palette yet: press Colorize first."))
    return item
