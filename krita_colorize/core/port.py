"""The interface through which the docker uses Krita, and its value types. `krita_port` implements it; tests use a fake.

Both implementations pass the same contract tests. This module imports neither Qt nor Krita. All methods are called on
the GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

BACKGROUND, FOREGROUND = "background", "figure"
ROLES = (BACKGROUND, FOREGROUND)
"""The roles of the layers with colours, which a repair can change."""

APART = "Colours · "
"""Prefix of a layer's name if the artist has a layer of the same name."""

KEY_STROKES = "key_strokes"
"""The role of a layer that isn't shown: it becomes a Colorize Mask."""

SELECTION_ID = "selection"
"""Used instead of a layer's id for the document's selection."""


Box = tuple[int, int, int, int]
"""x, y, width, height in image pixels."""


class Change(Enum):
    """The kinds of changes that a watcher reports."""

    DOCUMENT = "document"  # another document became active, or the last one closed
    LAYERS = "layers"  # layers were added, removed, moved or renamed
    ACTIVE_LAYER = "active_layer"
    CONTENT = "content"  # the undo history changed: a stroke, a fill, an undo


class Kind(Enum):
    """Kinds of layers that the docker tells apart."""

    PAINT = "paint"
    GROUP = "group"
    VECTOR = "vector"
    CLONE = "clone"
    FILE = "file"
    FILL = "fill"
    MASK = "mask"  # transparency and selection masks
    OTHER = "other"  # filter, transform and colorize masks or layers: nothing to colour


@dataclass(frozen=True)
class DocumentInfo:
    """An open document. `key` is unique among the open documents and stays the same while it is open. Sizes in
    pixels."""

    key: str
    name: str
    width: int
    height: int
    color_model: str
    color_depth: str


@dataclass(frozen=True)
class LayerInfo:
    """A layer or mask. `id` is Krita's `uniqueId` as a string; `depth` is 0 at the top level and grows inside
    groups."""

    id: str
    name: str
    kind: Kind
    depth: int
    visible: bool
    ours: bool = False
    """Whether the docker has inserted it, according to the document's annotations."""


@dataclass(frozen=True)
class Pixels:
    """A picture (4 bytes per pixel: B, G, R, A; sRGB, not premultiplied) or a mask (1 byte per pixel), row by row.

    `x` and `y` are the position of its top left corner on the canvas, in image pixels.
    """

    width: int
    height: int
    data: bytes | bytearray
    x: int = 0
    y: int = 0

    @property
    def box(self) -> Box:
        """Its rectangle on the canvas."""
        return self.x, self.y, self.width, self.height

    @property
    def channels(self) -> int:
        """Bytes per pixel: 4 for a picture, 1 for a mask, 0 if it is empty."""
        area = self.width * self.height
        return len(self.data) // area if area else 0

    def pixel(self, x: int, y: int) -> bytes:
        """A picture's pixel at a position on the canvas; transparent outside its rectangle."""
        x, y = x - self.x, y - self.y
        if not (0 <= x < self.width and 0 <= y < self.height):
            return bytes(4)
        place = (y * self.width + x) * 4
        return bytes(self.data[place : place + 4])


@dataclass(frozen=True)
class KeyStroke:
    """The marks of one colour for a Colorize Mask."""

    colour: int  # 0xAARRGGBB, opaque; alpha 128 marks areas that stay transparent
    marks: tuple[Pixels, ...]  # masks, 255 on a mark; they don't overlap, and may reach beyond the canvas


@dataclass(frozen=True)
class NewLayer:
    """A paint layer to insert."""

    name: str
    pixels: Pixels
    blend: str = "normal"  # Krita's composite op: normal, multiply, screen, add
    opacity: float = 1.0
    clip: bool = False  # inherit alpha
    mask: Pixels | None = None
    mask_name: str = ""
    role: str = ""  # its role on the wire (docs/wire.md), by which `group_parts` finds it
    key_strokes: tuple[KeyStroke, ...] = ()  # instead of pixels, if the role is `KEY_STROKES`


@dataclass(frozen=True)
class Frame:
    """The pixels of one keyframe; `time` is its frame number, from 0."""

    time: int
    pixels: Pixels


@dataclass(frozen=True)
class NewGroup:
    """A group to insert as one undo step; `layers` are from bottom to top."""

    name: str
    layers: tuple[NewLayer, ...]
    blend: str = "normal"
    above: bool = False  # above the sketch layer instead of below it

    def without_sketch(self) -> NewGroup:
        """The group for insertion above any layer, without parts that are made from the sketch layer."""
        layers = tuple(layer for layer in self.layers if layer.role != KEY_STROKES)
        return replace(self, layers=layers, above=True)


@dataclass(frozen=True)
class Part:
    """One layer of an applied result, found by the ids stored with its group, or by its name."""

    role: str  # "background", "figure", "shading" or "light"
    layer_id: str
    mask_id: str = ""


class KritaPort(Protocol):
    """The docker's interface to Krita. `document` arguments are `DocumentInfo.key`s.

    All methods raise `LookupError` with a sentence for the artist if the document or layer no longer exists.
    """

    @property
    def colorize_masks(self) -> bool:
        """Whether plugins can create Colorize Masks in this Krita (5.2 and later)."""

    def active_document(self) -> DocumentInfo | None:
        """The document in the active view; None if there is none."""

    def layers(self, document: str) -> Sequence[LayerInfo]:
        """All layers and masks, top first, children after their group."""

    def active_layer(self, document: str) -> str | None:
        """The id of the selected layer."""

    def snapshot(self, document: str, layer_ids: Sequence[str]) -> dict[str, Pixels]:
        """Reads layers as if all others were hidden, cropped to their content inside the canvas; masks and the
        selection as one byte per pixel of the canvas. No side effects: no undo step, no flicker, no modified mark.
        Safe during a stroke."""

    def fingerprint(self, document: str, layer_id: str) -> bytes:
        """A value to compare with an earlier one, quickly computed. It differs after the canvas has been resized,
        mirrored, rotated or scaled, and after most strokes on the layer; after nothing else."""

    def busy(self) -> bool:
        """Whether the artist's pen is down or was a moment ago; layers mustn't be inserted or changed then."""

    def insert_group(self, document: str, sketch_id: str, group: NewGroup) -> str:
        """Inserts a group below or above the sketch layer as exactly one undo step; keeps the active layer; returns its
        id.

        A layer of the role `KEY_STROKES` becomes a hidden copy of the sketch layer with a Colorize Mask on it; it is
        left out if this Krita can't create such masks."""

    def insert_layer(self, document: str, above_id: str, layer: NewLayer) -> str:
        """Inserts one paint layer above another as exactly one undo step; keeps the active layer; returns its id.
        An empty layer is `NewLayer(name, Pixels(0, 0, b""))`."""

    def group_parts(self, document: str, group_id: str) -> Sequence[Part]:
        """The layers of an applied result's group, bottom to top, each with its mask. They are found also after
        renaming, saving and reopening; in a copy of the group, by their names. Deleted layers are left out."""

    def layer_pixels(self, document: str, layer_id: str, box: Box | None = None) -> Pixels:
        """A paint layer's own pixels, without its masks and opacity, cropped to its content inside the canvas (and the
        box); other layers like `snapshot`. No side effects."""

    def replace_pixels(self, document: str, changes: Sequence[tuple[str, Pixels]]) -> None:
        """Writes rectangles of pixels into paint layers, all as exactly one undo step. All other pixels and the masks
        stay the same byte for byte. The caller checks `busy` first. Raises `ValueError` unless it is one layer, or all
        of them are in the same group."""

    def activate(self, document: str, layer_id: str) -> None:
        """Makes a layer the active one, like a click in the Layers docker; after an insertion it takes a moment."""

    def has_selection(self, document: str) -> bool:
        """Whether the document has a selection that isn't empty. Quick."""

    def set_selection(self, document: str, mask: Pixels | None) -> None:
        """Sets the selection to a mask (one byte per pixel); None deselects. No undo step."""

    def pick(self, picked: Callable[[str, int, int], None] | None) -> bool:
        """Lets the next click on the canvas call `picked` with the document and the position (image pixels) instead of
        painting, once; None cancels that. Returns False if clicks can't be received."""

    def on_screen(self, document: str, x: int, y: int) -> tuple[int, int] | None:
        """The screen position (Qt's logical pixels) of an image pixel; None if it isn't visible or its position is
        unknown, as on a rotated canvas."""

    def frame_times(self, document: str, layer_id: str) -> Sequence[int]:
        """The times (frame numbers) of a layer's keyframes, in order; empty if it isn't animated."""

    def snapshot_frame(self, document: str, layer_id: str, time: int) -> Pixels:
        """Reads a layer like `snapshot`, at a time (frame number), without moving the artist's playhead."""

    def insert_animated_layer(
        self, document: str, sketch_id: str, layer: NewGroup, frames: Sequence[Frame]
    ) -> str:
        """Inserts one animated layer below or above the animated sketch as exactly one undo step, with a keyframe at
        each keyframe of the sketch: with the pixels of the frame of that time, or empty if there is none. Of `layer`,
        only name, blend mode and position are used. Keeps the active layer and the playhead; returns the new layer's
        id. Raises `ValueError` if the sketch has no keyframe at a frame's time."""

    def look_at(self, document: str, x: int, y: int, width: int, height: int) -> bool:
        """Scrolls the canvas so that a rectangle of the picture (image pixels) is in the middle, unless all of it is
        visible. Returns False if its position is unknown, as on a rotated canvas."""

    def show_overlay(self, document: str, png: bytes, opacity: float = 1.0) -> bool:
        """Shows a PNG over the whole canvas, with an opacity of 0..1, without changing the document; returns False if
        that isn't possible."""

    def hide_overlay(self) -> None:
        """Hides the overlay."""

    def merged(self, document: str, box: Box) -> Pixels:
        """The projection of the whole document (all visible layers) in a box inside the canvas."""

    def show_patch(self, document: str, png: bytes, box: Box) -> bool:
        """Shows a PNG over a box of the canvas (image pixels), above the overlay, without changing the document;
        returns False if that isn't possible."""

    def hide_patch(self) -> None:
        """Hides the patch."""

    def read_note(self, document: str, name: str) -> bytes | None:
        """The bytes that `write_note` has stored in the document under this name, or None."""

    def write_note(self, document: str, name: str, data: bytes) -> None:
        """Stores bytes in the document as the annotation `krita_colorize/NAME`, which is saved in the .kra; marks the
        document as modified."""

    def watch(self, callback: Callable[[Change], None]) -> None:
        """Calls `callback` at every change from now on."""

    def close(self) -> None:
        """Stops watching and hides the overlay."""
