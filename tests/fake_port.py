"""A Krita of dictionaries: the real interface, scriptable. It passes the contract that real Krita passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from krita_colorize.core.geometry import placed
from krita_colorize.core.port import (
    KEY_STROKES,
    SELECTION_ID,
    Box,
    Change,
    DocumentInfo,
    Frame,
    Kind,
    LayerInfo,
    NewGroup,
    NewLayer,
    Part,
    Pixels,
)

ROLES = {
    "Background": "background",
    "Flats": "figure",
    "Colours": "figure",
    "Shading": "shading",
    "Light": "light",
}

EMPTY = Pixels(0, 0, b"")


@dataclass
class FakeDocument:
    """One open document; `undo` holds a name per undo step."""

    info: DocumentInfo
    layers: list[LayerInfo] = field(default_factory=list)
    pixels: dict[str, Pixels] = field(default_factory=dict)
    active: str | None = None
    notes: dict[str, bytes] = field(default_factory=dict)
    undo: list[str] = field(default_factory=list)
    modified: bool = False
    selection: Pixels = EMPTY
    frames: dict[str, dict[int, Pixels]] = field(default_factory=dict)


class FakePort:
    """Answers as Krita would; tests change its documents and call `tell`."""

    def __init__(self) -> None:
        self.documents: dict[str, FakeDocument] = {}
        self.active: str | None = None
        self.pen_down = False
        self.overlay: bytes | None = None
        self.overlays: list[bytes] = []
        self.patch: tuple[bytes, Box] | None = None
        self.patches: list[tuple[bytes, Box]] = []
        self.inserted: list[NewGroup | NewLayer] = []
        self.closed = False
        self.colorize_masks = False
        self.picked: Callable[[str, int, int], None] | None = None
        self.looked_at: tuple[int, int, int, int] | None = None
        self._callbacks: list[Callable[[Change], None]] = []
        self._ids = 0

    # for tests

    def open(self, name: str = "page.kra", width: int = 64, height: int = 48) -> FakeDocument:
        key = f"{name}#{len(self.documents)}"
        document = FakeDocument(DocumentInfo(key, name, width, height, "RGBA", "U8"))
        self.documents[key] = document
        self.active = key
        self.tell(Change.DOCUMENT)
        return document

    def close_document(self, key: str) -> None:
        del self.documents[key]
        self.active = next(iter(self.documents), None)
        self.tell(Change.DOCUMENT)

    def add_layer(
        self, document: FakeDocument, name: str, kind: Kind = Kind.PAINT, color: bytes = b"\x10\x20\x30\xff"
    ) -> LayerInfo:
        info = LayerInfo(self._new_id(), name, kind, 0, visible=True)
        document.layers.insert(0, info)
        width, height = document.info.width, document.info.height
        document.pixels[info.id] = Pixels(width, height, color * (width * height))
        document.active = info.id
        self.tell(Change.LAYERS)
        return info

    def select(self, document: FakeDocument, layer: LayerInfo) -> None:
        document.active = layer.id
        self.tell(Change.ACTIVE_LAYER)

    def tell(self, change: Change) -> None:
        for callback in self._callbacks:
            callback(change)

    def click_canvas(self, x: int, y: int) -> None:
        picked, self.picked = self.picked, None
        if picked is not None:
            picked(self.active, x, y)

    # KritaPort

    def active_document(self) -> DocumentInfo | None:
        return self.documents[self.active].info if self.active else None

    def layers(self, document: str) -> Sequence[LayerInfo]:
        return list(self._find(document).layers)

    def active_layer(self, document: str) -> str | None:
        return self._find(document).active

    def snapshot(self, document: str, layer_ids: Sequence[str]) -> dict[str, Pixels]:
        found = self._find(document)
        for layer_id in layer_ids:
            if layer_id not in found.pixels and layer_id != SELECTION_ID:
                raise LookupError("A layer is no longer there; choose another one.")
        return {key: found.selection if key == SELECTION_ID else found.pixels[key] for key in layer_ids}

    def fingerprint(self, document: str, layer_id: str) -> bytes:
        found = self._find(document)
        self._index(found, layer_id)
        pixels, info = found.pixels[layer_id], found.info
        place = repr((info.width, info.height, pixels.x, pixels.y, pixels.width, pixels.height))
        return place.encode("ascii") + pixels.data

    def busy(self) -> bool:
        return self.pen_down

    def insert_group(self, document: str, sketch_id: str, group: NewGroup) -> str:
        assert not self.pen_down
        found = self._find(document)
        index = self._index(found, sketch_id)
        start = index if group.above else index + 1
        group_id, depth = self._new_id(), found.layers[index].depth
        rows = [LayerInfo(group_id, group.name, Kind.GROUP, depth, visible=True, ours=True)]
        for layer in reversed([layer for layer in group.layers if layer.role != KEY_STROKES]):
            rows.append(LayerInfo(self._new_id(), layer.name, Kind.PAINT, depth + 1, visible=True))
            found.pixels[rows[-1].id] = layer.pixels
            if layer.mask is not None:
                rows.append(LayerInfo(self._new_id(), layer.mask_name, Kind.MASK, depth + 2, visible=True))
                found.pixels[rows[-1].id] = layer.mask
        found.layers[start:start] = rows
        self._changed(found, "Add Layer", group)
        return group_id

    def insert_layer(self, document: str, above_id: str, layer: NewLayer) -> str:
        assert not self.pen_down
        found = self._find(document)
        index = self._index(found, above_id)
        depth = found.layers[index].depth
        info = LayerInfo(self._new_id(), layer.name, Kind.PAINT, depth, visible=True, ours=True)
        found.layers.insert(index, info)
        found.pixels[info.id] = layer.pixels
        self._changed(found, "Add Layer", layer)
        return info.id

    def frame_times(self, document: str, layer_id: str) -> Sequence[int]:
        found = self._find(document)
        self._index(found, layer_id)
        return sorted(found.frames.get(layer_id, {}))

    def snapshot_frame(self, document: str, layer_id: str, time: int) -> Pixels:
        times = [key for key in self.frame_times(document, layer_id) if key <= time]
        if not times:
            return self.snapshot(document, [layer_id])[layer_id]
        return self._find(document).frames[layer_id][times[-1]]

    def insert_animated_layer(
        self, document: str, sketch_id: str, layer: NewGroup, frames: Sequence[Frame]
    ) -> str:
        given = {frame.time: frame.pixels for frame in frames}
        times = self.frame_times(document, sketch_id)
        if not set(given) <= set(times):
            raise ValueError("a frame's time is none of the layer's keyframes")
        new = self.insert_layer(document, sketch_id, NewLayer(layer.name, given.get(times[0], EMPTY)))
        self._find(document).frames[new] = {time: given.get(time, EMPTY) for time in times}
        return new

    def group_parts(self, document: str, group_id: str) -> Sequence[Part]:
        found = self._find(document)
        index = self._index(found, group_id)
        parts: list[Part] = []
        for layer in found.layers[index + 1 :]:
            if layer.depth <= found.layers[index].depth:
                break
            if layer.kind is Kind.MASK and parts:
                parts[-1] = Part(parts[-1].role, parts[-1].layer_id, layer.id)
            elif layer.name in ROLES:
                parts.append(Part(ROLES[layer.name], layer.id))
        return parts[::-1]

    def layer_pixels(self, document: str, layer_id: str, box: Box | None = None) -> Pixels:
        found = self.snapshot(document, [layer_id])[layer_id]
        return found if box is None or not found.data else placed(found, *box)

    def replace_pixels(self, document: str, changes: Sequence[tuple[str, Pixels]]) -> None:
        assert not self.pen_down
        found = self._find(document)
        for layer_id, pixels in changes:
            self._index(found, layer_id)
            whole = placed(found.pixels[layer_id], 0, 0, found.info.width, found.info.height)
            data, row = bytearray(whole.data), pixels.width * 4
            for y in range(pixels.height):
                start = ((pixels.y + y) * whole.width + pixels.x) * 4
                data[start : start + row] = pixels.data[y * row : (y + 1) * row]
            found.pixels[layer_id] = Pixels(whole.width, whole.height, bytes(data))
        found.undo.append("Replace pixels")
        found.modified = True
        self.tell(Change.CONTENT)

    def activate(self, document: str, layer_id: str) -> None:
        found = self._find(document)
        self._index(found, layer_id)
        found.active = layer_id
        self.tell(Change.ACTIVE_LAYER)

    def has_selection(self, document: str) -> bool:
        return bool(self._find(document).selection.data)

    def set_selection(self, document: str, mask: Pixels | None) -> None:
        self._find(document).selection = mask or EMPTY

    def pick(self, picked: Callable[[str, int, int], None] | None) -> bool:
        self.picked = picked
        return True

    def look_at(self, document: str, x: int, y: int, width: int, height: int) -> bool:
        self._find(document)
        self.looked_at = (x, y, width, height)
        return True

    def on_screen(self, document: str, x: int, y: int) -> tuple[int, int] | None:
        self._find(document)
        return (x, y)

    def show_overlay(self, document: str, png: bytes, opacity: float = 1.0) -> bool:
        assert not self.pen_down
        self._find(document)
        self.overlay = png
        self.overlays.append(png)
        return True

    def hide_overlay(self) -> None:
        self.overlay = None

    def merged(self, document: str, box: Box) -> Pixels:
        """The topmost visible opaque pixels, without masks."""
        found = self._find(document)
        data = bytearray(4 * box[2] * box[3])
        for layer in reversed(found.layers):
            pixels = found.pixels.get(layer.id, EMPTY)
            if layer.kind is not Kind.PAINT or not layer.visible or pixels.channels != 4:
                continue
            over = placed(pixels, *box).data
            for start in range(0, len(data), 4):
                if over[start + 3] == 255:
                    data[start : start + 4] = over[start : start + 4]
        return Pixels(box[2], box[3], bytes(data), box[0], box[1])

    def show_patch(self, document: str, png: bytes, box: Box) -> bool:
        assert not self.pen_down
        self._find(document)
        self.patch = png, box
        self.patches.append(self.patch)
        return True

    def hide_patch(self) -> None:
        self.patch = None

    def read_note(self, document: str, name: str) -> bytes | None:
        return self._find(document).notes.get(name)

    def write_note(self, document: str, name: str, data: bytes) -> None:
        found = self._find(document)
        found.notes[name] = data
        found.modified = True

    def watch(self, callback: Callable[[Change], None]) -> None:
        self._callbacks.append(callback)

    def close(self) -> None:
        self._callbacks.clear()
        self.overlay = None
        self.closed = True

    # inside

    def _find(self, document: str) -> FakeDocument:
        if document not in self.documents:
            raise LookupError("The picture has been closed.")
        return self.documents[document]

    def _index(self, document: FakeDocument, layer_id: str) -> int:
        for index, layer in enumerate(document.layers):
            if layer.id == layer_id:
                return index
        raise LookupError("A layer is no longer there; choose another one.")

    def _changed(self, document: FakeDocument, step: str, inserted: NewGroup | NewLayer) -> None:
        document.undo.append(step)
        document.modified = True
        self.inserted.append(inserted)
        self.tell(Change.LAYERS)
        self.tell(Change.CONTENT)

    def _new_id(self) -> str:
        self._ids += 1
        return f"{{{self._ids:08d}}}"
