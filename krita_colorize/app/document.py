"""The model of one open document: its layers, the sketch, the settings of each sketch, and the results.

Settings are read from the document once and written only when the artist changes them. `jobs` runs jobs; `session`
handles several documents.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from krita_colorize.core import layers as layer_lists
from krita_colorize.core import settings as notes
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import DocumentInfo, KritaPort, LayerInfo
from krita_colorize.core.repair import State
from krita_colorize.core.result import Result
from krita_colorize.core.saved_results import Base, SavedResult
from krita_colorize.core.settings import Reference, Settings, Source
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

RESULTS_BYTES = 512 << 20
"""Limit of the packed size of a document's results; the oldest are dropped first, the newest never."""

FOLLOW = ""
"""Value of `sketch_choice`: the sketch is the active layer."""

MAX_EARLIER = 5
"""Number of stored states of a result before its repairs."""

_numbers = itertools.count(1)


@dataclass
class Item:
    """A result in the strip.

    `group_id` is the group it was last applied as; `base` has the pictures it was made from, None until they are
    packed; `earlier` has its states before repairs, to which an undo returns; `made` is a time in ns since 1970; `path`
    is its file; `seen` is the sketch's fingerprint on the canvas for which all of this holds; `lost` says that the
    canvas has changed since then and the sketch wasn't found on it.
    """

    number: int
    result: Result
    thumbnail: QtGui.QImage
    group_id: str = ""
    base: Base | None = None
    made: int = field(default_factory=time.time_ns)
    path: Path | None = None
    earlier: list[State] = field(default_factory=list)
    changes: int = 0  # number of changes, by which widgets detect a new one
    seen: bytes = b""
    lost: bool = False

    @property
    def states(self) -> list[State]:
        """This state and the earlier ones, newest first; empty until `base` is known."""
        return [State(self.result, self.base), *self.earlier] if self.base is not None else []

    def repaired(self, state: State) -> None:
        """Replaces the state; keeps the last `MAX_EARLIER` ones."""
        if self.base is not None:
            self.earlier = [State(self.result, self.base), *self.earlier][:MAX_EARLIER]
        self.result, self.base = state.result, state.base


@dataclass(frozen=True)
class Restored:
    """A result that was read from disk."""

    kept: SavedResult
    thumbnail: QtGui.QImage
    path: Path


class DocumentModel(QtCore.QObject):
    """One document. A signal says what has changed, without values."""

    layers_changed = Signal()
    settings_changed = Signal()  # the sketch's settings, or another sketch
    results_changed = Signal()

    def __init__(self, port: KritaPort, info: DocumentInfo, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.info = info
        self.layers: list[LayerInfo] = []
        self.sketch_choice = FOLLOW
        self.results: list[Item] = []
        self.selected: Item | None = None
        self.thumbnails: dict[str, QtGui.QImage] = {}
        self.closed = False
        stored = notes.load(port.read_note(info.key, notes.NOTE))
        self.problem = stored.problem
        self.document_id = stored.document or uuid.uuid4().hex
        self.inherited_id = ""
        self._remembered = dict(stored.layers)
        self._port = port
        self._followed: str | None = None
        self._followed_before: str | None = None
        self.refresh()

    @property
    def colorize_masks(self) -> bool:
        """Whether plugins can create Colorize Masks in this Krita (5.2 and later)."""
        return self._port.colorize_masks

    @property
    def document_ids(self) -> list[str]:
        """The document's own id, and that of the document it is a copy of."""
        return [key for key in (self.document_id, self.inherited_id) if key]

    def become_copy(self) -> None:
        """Takes a new id, because another open document has the same one. Results saved under the former id are shown,
        too."""
        self.inherited_id, self.document_id = self.document_id, uuid.uuid4().hex

    @property
    def sketch(self) -> LayerInfo | None:
        """The layer to be coloured."""
        return layer_lists.find(self.layers, self.sketch_choice or self._followed)

    @property
    def settings(self) -> Settings:
        """The sketch's settings."""
        return self.settings_of(self.sketch.id if self.sketch else "")

    def settings_of(self, sketch_id: str) -> Settings:
        """The settings of the sketch with this id."""
        return self._remembered.get(sketch_id, Settings())

    def refresh(self) -> None:
        """Reads the document's layers and the active layer again."""
        layers, active = list(self._port.layers(self.info.key)), self._port.active_layer(self.info.key)
        before = self.sketch
        changed, self.layers = layers != self.layers, layers
        if active != self._followed and layer_lists.follows(layers, active, self._remembered):
            self._followed, self._followed_before = active, self._followed
        elif self._followed is None:  # just opened, and the active layer belongs to a sketch
            self._followed = layer_lists.owner(layers, active, self._remembered)
        if layer_lists.find(layers, self.sketch_choice) is None:
            self.sketch_choice = FOLLOW
        if changed:
            self.layers_changed.emit()
        if changed or before != self.sketch:
            self.settings_changed.emit()

    def choose_sketch(self, choice: str) -> None:
        """Chooses the sketch layer by its id; `FOLLOW` follows the active layer."""
        self.sketch_choice = choice
        self.refresh()
        self.settings_changed.emit()

    def stay_with_sketch(self, dragged_id: str) -> None:
        """Restores the former sketch if a layer became active only by dragging or copying it."""
        before = layer_lists.find(self.layers, self._followed_before or "")
        if self.sketch_choice == FOLLOW and self._followed == dragged_id and before is not None:
            self._followed = before.id
            self.settings_changed.emit()

    def change(self, **fields: Any) -> None:
        """Changes fields of the sketch's settings and stores them in the document. Raises `UserError` without a
        sketch."""
        sketch = self.sketch
        if sketch is None:
            raise UserError(tr("Select the layer with your sketch first."))
        self.change_for(sketch.id, **fields)

    def change_for(self, sketch_id: str, **fields: Any) -> None:
        """As `change`, for the sketch with this id."""
        before = self.settings_of(sketch_id)
        after = replace(before, **fields)
        if after != before:
            self._remembered[sketch_id] = after
            note = notes.dump(self._remembered, self.document_id)
            self._port.write_note(self.info.key, notes.NOTE, note)
            self.settings_changed.emit()

    def sketches(self) -> list[LayerInfo]:
        """The layers with their own settings and a reference that aren't used as a mask or reference."""
        layers = [
            layer for layer in layer_lists.colourable(self.layers) if self.settings_of(layer.id).references
        ]
        used = {key for layer in layers for key in self.settings_of(layer.id).layer_ids}
        return [layer for layer in layers if layer.id not in used]

    def take_over(self, settings: Settings) -> None:
        """Copies another sketch's settings to the sketch, except masks, hints and bindings, which are made for one
        sketch, and corrections, which belong to one result."""
        own = self.settings
        self.change(
            **vars(
                replace(
                    settings,
                    sketch_mask=own.sketch_mask,
                    hints=own.hints,
                    bindings=own.bindings,
                    corrections=(),
                )
            )
        )

    def change_options(self, **fields: Any) -> None:
        """Changes fields of the sketch's options, like `change`."""
        self.change(options=replace(self.settings.options, **fields))

    def add_references(self, *references: Reference) -> None:
        """Adds references that the sketch doesn't have yet. Raises `UserError` if there are too many."""
        known = [reference.source for reference in self.settings.references]
        new = tuple(item for item in references if item.source not in known)
        together = self.settings.references + new
        if len(together) > notes.MAX_REFERENCES:
            raise UserError(
                tr("There can be {count} references at most. Remove one first.", count=notes.MAX_REFERENCES)
            )
        self.change(references=together)

    def use_reference_mask(self, sketch_id: str, source: Source, mask: str) -> None:
        """Gives one of a sketch's references another foreground mask."""
        references = self.settings_of(sketch_id).references
        changed = (replace(item, mask=mask) if item.source == source else item for item in references)
        self.change_for(sketch_id, references=tuple(changed))

    def remove_reference(self, index: int) -> None:
        """Removes one reference."""
        references = self.settings.references
        self.change(references=references[:index] + references[index + 1 :])

    def add_result(self, result: Result, thumbnail: QtGui.QImage, base: Base | None = None) -> Item:
        """Adds a result at the start of the strip and selects it."""
        item = Item(next(_numbers), result, thumbnail, base=base)
        self.results.insert(0, item)
        self.selected = item
        self.results_changed.emit()
        return item

    def add_restored(self, restored: Sequence[Restored]) -> None:
        """Adds saved results after the newer ones, newest first."""
        there = {item.made for item in self.results}
        for one in restored:
            found = one.kept
            if found.made not in there:
                item = Item(
                    next(_numbers), found.result, one.thumbnail, found.group_id, found.base, found.made
                )
                item.path = one.path
                self.results.append(item)
        self.results_changed.emit()

    def applied(self) -> Item | None:
        """The result for Redo and the palette: the selected one, else the newest one whose group is in the document,
        else the newest one; None without results."""
        groups = {layer.id for layer in self.layers}
        lying = next((item for item in self.results if item.group_id in groups), None)
        return self.selected or lying or next(iter(self.results), None)

    def lies_here(self, item: Item) -> bool:
        """Whether the group that a result was applied as is in the document."""
        return any(layer.id == item.group_id for layer in self.layers)

    def replace_result(self, item: Item, compact: Result) -> None:
        """Replaces a result by its packed form; drops the oldest results if all together exceed `RESULTS_BYTES`."""
        item.result = compact
        total = 0
        for index, kept in enumerate(self.results):
            total += kept.result.size_bytes
            if index and total > RESULTS_BYTES:
                del self.results[index:]
                self.results_changed.emit()
                break

    def result_changed(self, item: Item) -> None:
        """Emits that a result was applied, moved or repaired."""
        item.changes += 1
        self.results_changed.emit()

    def select(self, number: int | None) -> None:
        """Selects a result by its number, or none."""
        selected = next((item for item in self.results if item.number == number), None)
        if selected is not self.selected:
            self.selected = selected
            self.results_changed.emit()

    def discard_selected(self) -> None:
        """Removes the selected result; selects no other one, so that the canvas shows the drawing."""
        if self.selected in self.results:
            self.results.remove(self.selected)
        self.selected = None
        self.results_changed.emit()
