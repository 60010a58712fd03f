"""`LibKisPort`: the docker's interface to one Krita window. It finds documents and layers, and calls the other modules.

All methods can be called at any time on the GUI thread, except those that insert or change layers: check `busy` first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from krita import Document, Krita, Selection, Window

from krita_colorize.core.port import (
    SELECTION_ID,
    Box,
    Change,
    DocumentInfo,
    Frame,
    LayerInfo,
    NewGroup,
    NewLayer,
    Part,
    Pixels,
)
from krita_colorize.krita_port import (
    animation,
    asked_colours,
    canvas,
    parts,
    replace,
    snapshot,
    store,
    view,
    wrappers,
)
from krita_colorize.krita_port.builder import LayerBuilder, activate_soon
from krita_colorize.krita_port.capabilities import probe
from krita_colorize.krita_port.documents import Documents
from krita_colorize.krita_port.kinds import kind
from krita_colorize.krita_port.overlay import Overlay
from krita_colorize.krita_port.pen import Pen
from krita_colorize.krita_port.picker import Picker
from krita_colorize.krita_port.scratch import ColorSpace, Scratch
from krita_colorize.krita_port.watcher import DocumentState, Watcher
from krita_colorize.qt import QtCore


class LibKisPort:
    """`KritaPort` over libkis. Without a window (kritarunner) there is no overlay and nothing to watch."""

    def __init__(self, window: Window | None = None) -> None:
        self._window = window
        self.documents = Documents()
        self._scratch = Scratch()
        self._capabilities = probe()
        self._builder = LayerBuilder(self._scratch, self._capabilities)
        self._pen = Pen()
        self._overlay = Overlay(window) if window is not None else None
        self._patch = Overlay(window) if window is not None else None
        self._picker = Picker(window) if window is not None else None
        self._watcher = Watcher(window, self._look) if window is not None else None

    def prepare(self) -> None:
        """Creates the hidden documents while Krita starts, so that the first job needn't wait for them."""
        self._scratch.prepare()
        self._builder.prepare()

    @property
    def colorize_masks(self) -> bool:
        """Whether plugins can create Colorize Masks in this Krita (5.2 and later)."""
        return self._capabilities.colorize_masks

    def active_document(self) -> DocumentInfo | None:
        """The document in the window's active view."""
        document = self._active()
        return self.documents.info(document) if document is not None else None

    def layers(self, document: str) -> Sequence[LayerInfo]:
        """All layers and masks, top first, children after their group."""
        opened = self.documents.find(document)
        made, nodes = parts.made(opened), wrappers.walk(opened.rootNode())
        ids = ((wrappers.node_id(node), node, depth) for node, depth in nodes)
        return [
            LayerInfo(key, node.name(), kind(node), depth, node.visible(), ours=key in made)
            for key, node, depth in ids
        ]

    def active_layer(self, document: str) -> str | None:
        """The id of the selected layer."""
        node = self.documents.find(document).activeNode()
        return wrappers.node_id(node) if node is not None else None

    def snapshot(self, document: str, layer_ids: Sequence[str]) -> dict[str, Pixels]:
        """Reads layers as they look alone; see `snapshot.read`."""
        opened = self.documents.find(document)
        pixels = {}
        for layer_id in dict.fromkeys(layer_ids):
            if layer_id == SELECTION_ID:
                pixels[layer_id] = snapshot.read_selection(opened)
            else:
                node = self.documents.node(document, layer_id)
                pixels[layer_id] = snapshot.read(opened, node, self._scratch)
        return pixels

    def fingerprint(self, document: str, layer_id: str) -> bytes:
        """A value that differs after the canvas or the layer has changed; see `snapshot.fingerprint`."""
        node = self.documents.node(document, layer_id)
        return snapshot.fingerprint(self.documents.find(document), node)

    def busy(self) -> bool:
        """Whether the artist's pen is down or was a moment ago."""
        self._follow_canvas()
        return self._pen.busy()

    def insert_group(self, document: str, sketch_id: str, group: NewGroup) -> str:
        """Inserts a group below or above the sketch layer as one undo step; returns its id."""
        opened, sketch = self.documents.find(document), self.documents.node(document, sketch_id)
        group = self._builder.possible(opened, sketch, group)
        group_id = self._builder.insert_group(opened, sketch, group)
        parts.remember(opened, group_id, group)
        self._note_colours(opened)
        return group_id

    def insert_layer(self, document: str, above_id: str, layer: NewLayer) -> str:
        """Inserts one paint layer above another as one undo step; returns its id."""
        opened, above = self.documents.find(document), self.documents.node(document, above_id)
        layer_id = self._builder.insert_layer(opened, above, layer)
        parts.remember_layer(opened, layer_id)
        return layer_id

    def insert_animated_layer(
        self, document: str, sketch_id: str, layer: NewGroup, frames: Sequence[Frame]
    ) -> str:
        """Inserts an animated layer with the sketch's keyframes as one undo step; returns its id."""
        opened, sketch = self.documents.find(document), self.documents.node(document, sketch_id)
        given = {frame.time: frame.pixels for frame in frames}
        if not set(given) <= set(animation.times(opened, sketch)):
            raise ValueError("a frame's time is none of the sketch's keyframes")
        layer_id = self._builder.insert_animated(opened, sketch, layer, given)
        parts.remember_layer(opened, layer_id)
        return layer_id

    def frame_times(self, document: str, layer_id: str) -> Sequence[int]:
        """The times of a layer's keyframes in order; empty for a layer without animation."""
        return animation.times(self.documents.find(document), self.documents.node(document, layer_id))

    def snapshot_frame(self, document: str, layer_id: str, time: int) -> Pixels:
        """Reads a layer like `snapshot`, at a time (frame number)."""
        node = self.documents.node(document, layer_id)
        return animation.read(self.documents.find(document), node, time, self._scratch)

    def group_parts(self, document: str, group_id: str) -> Sequence[Part]:
        """The layers of an applied result's group, bottom to top, each with its mask."""
        return parts.find(self.documents.find(document), self.documents.node(document, group_id))

    def layer_pixels(self, document: str, layer_id: str, box: Box | None = None) -> Pixels:
        """A paint layer's own pixels (in a box), without its masks and opacity; other layers like `snapshot`."""
        opened, node = self.documents.find(document), self.documents.node(document, layer_id)
        area = None if box is None else QtCore.QRect(*box)
        return asked_colours.asked(opened, snapshot.read_own(opened, node, self._scratch, area))

    def replace_pixels(self, document: str, changes: Sequence[tuple[str, Pixels]]) -> None:
        """Writes rectangles of pixels into paint layers of one group as one undo step; see `replace`."""
        opened = self.documents.find(document)
        nodes = [(self.documents.node(document, layer_id), pixels) for layer_id, pixels in changes]
        replace.replace(opened, nodes, self._scratch)
        self._note_colours(opened)

    def activate(self, document: str, layer_id: str) -> None:
        """Makes a layer the active one, now and again after the event loop has run, because then Krita activates a new
        layer."""
        opened = self.documents.find(document)
        opened.setActiveNode(self.documents.node(document, layer_id))
        activate_soon(opened, layer_id)

    def has_selection(self, document: str) -> bool:
        """Whether the document has a selection that isn't empty."""
        return snapshot.has_selection(self.documents.find(document))

    def set_selection(self, document: str, mask: Pixels | None) -> None:
        """Sets the selection to a mask (one byte per pixel); None deselects. No undo step."""
        opened = self.documents.find(document)
        if mask is None or not mask.data:
            opened.setSelection(None)
            return
        selection = Selection()
        selection.setPixelData(mask.data, mask.x, mask.y, mask.width, mask.height)
        opened.setSelection(selection)

    def pick(self, picked: Callable[[str, int, int], None] | None) -> bool:
        """Lets the next click on the canvas call `picked` instead of painting; None cancels that."""
        if self._picker is None:
            return False
        document = self._active()
        if picked is None or document is None:
            self._picker.stop()
            return False
        key, call = self.documents.key(document), picked
        return self._picker.start(lambda x, y: call(key, x, y))

    def look_at(self, document: str, x: int, y: int, width: int, height: int) -> bool:
        """Scrolls the canvas to a rectangle of the picture (image pixels); see `view.look_at`."""
        opened = self.documents.find(document)
        if self._window is None or self._active() != opened:
            return False
        return view.look_at(self._window, opened, QtCore.QRectF(x, y, width, height))

    def on_screen(self, document: str, x: int, y: int) -> tuple[int, int] | None:
        """The screen position of an image pixel; see `view.on_screen`."""
        opened = self.documents.find(document)
        if self._window is None or self._active() != opened:
            return None
        return view.on_screen(self._window, opened, QtCore.QPointF(x + 0.5, y + 0.5))

    def show_overlay(self, document: str, png: bytes, opacity: float = 1.0) -> bool:
        """Shows a PNG over the whole canvas; returns False if that isn't possible."""
        if self._overlay is None:
            return False
        return self._overlay.show(self.documents.find(document), png, opacity)

    def hide_overlay(self) -> None:
        """Hides the overlay."""
        if self._overlay is not None:
            self._overlay.hide()

    def merged(self, document: str, box: Box) -> Pixels:
        """The projection of the whole document in a box; see `snapshot.read_merged`."""
        return snapshot.read_merged(self.documents.find(document), QtCore.QRect(*box), self._scratch)

    def show_patch(self, document: str, png: bytes, box: Box) -> bool:
        """Shows a PNG over a box of the canvas (image pixels), above the overlay; returns False if that isn't
        possible."""
        if self._patch is None:
            return False
        return self._patch.show(self.documents.find(document), png, box=QtCore.QRectF(*box))

    def hide_patch(self) -> None:
        """Hides the patch."""
        if self._patch is not None:
            self._patch.hide()

    def read_note(self, document: str, name: str) -> bytes | None:
        """The bytes that `write_note` has stored in the document under this name, or None."""
        return store.read(self.documents.find(document), name)

    def write_note(self, document: str, name: str, data: bytes) -> None:
        """Stores bytes in the document as an annotation, which is saved in the .kra; marks the document as modified."""
        store.write(self.documents.find(document), name, data)

    def watch(self, callback: Callable[[Change], None]) -> None:
        """Calls `callback` at every change from now on."""
        if self._watcher is not None:
            self._watcher.watch(callback)

    def close(self) -> None:
        """Stops watching, hides the overlay and closes the hidden documents."""
        if self._watcher is not None:
            self._watcher.close()
        self.hide_overlay()
        self.hide_patch()
        self._pen.follow(None)
        if self._picker is not None:
            self._picker.stop()
        self._builder.close()
        self._scratch.close()

    def _note_colours(self, document: Document) -> None:
        asked_colours.note(document, self._scratch.flat_colours(ColorSpace.of(document)))

    def _active(self) -> Document | None:
        if self._window is None:
            document = Krita.instance().activeDocument()
        else:
            shown = self._window.activeView()
            document = shown.document() if shown is not None else None
        # After the last document has been closed, Krita still returns a wrapper of the deleted document.
        return document if document is not None and document in wrappers.documents() else None

    def _follow_canvas(self) -> None:
        if self._window is not None:
            self._pen.follow(canvas.canvas_widget(self._window))

    def _look(self) -> DocumentState:
        self._follow_canvas()
        for overlay in (self._overlay, self._patch):
            if overlay is not None:
                overlay.follow()
        info = self.active_document()
        if info is None:
            return DocumentState()
        return DocumentState(info.key, tuple(self.layers(info.key)), self.active_layer(info.key))
