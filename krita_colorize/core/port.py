"""The interface through which the docker uses Krita, and its values; `krita_port` implements it, tests use a fake.

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
"""x, y, width, height, px of the canvas."""


class Change(Enum):
    """The kinds of changes that a watcher reports."""

    DOCUMENT = "document"  # another document became active, or the last one closed
    LAYERS = "layers"  # layers came, went, moved or were renamed
    ACTIVE_LAYER = "active_layer"
    CONTENT = "content"  # something undoable happened: a stroke, an undo, a fill


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
    """An open document; `key` is unique among the open ones and stays the same while it is open."""

    key: str
    name: str
    width: int
    height: int
    color_model: str
    color_depth: str


@dataclass(frozen=True)
class LayerInfo:
    """A layer as the combos list it, top of the stack first; `id` is Krita's uniqueId as a string."""

    id: str
    name: str
    kind: Kind
    depth: int
    visible: bool
    ours: bool = False
    """Whether the docker made it, as this document remembers."""


@dataclass(frozen=True)
class Pixels:
    """A picture (4 bytes a pixel: B, G, R, A, sRGB, not premultiplied) or a mask (1 byte a pixel), placed at x, y."""

    width: int
    height: int
    data: bytes | bytearray
    x: int = 0
    y: int = 0

    @property
    def box(self) -> Box:
        """Where it lies."""
        return self.x, self.y, self.width, self.height

    @property
    def channels(self) -> int:
        """4 for a picture, 1 for a mask, 0 where it is empty."""
        area = self.width * self.height
        return len(self.data) // area if area else 0


@dataclass(frozen=True)
class KeyStroke:
    """The marks of one colour for a Colorize Mask."""

    colour: int  # 0xAARRGGBB, opaque; alpha 128 where nothing is to be painted
    marks: tuple[Pixels, ...]  # masks, 255 on a mark; they don't overlap, and may reach beyond the canvas


@dataclass(frozen=True)
class NewLayer:
    """A layer to make."""

    name: str
    pixels: Pixels
    blend: str = "normal"  # Krita's composite op: normal, multiply, screen, add
    opacity: float = 1.0
    clip: bool = False  # inherit alpha
    mask: Pixels | None = None
    mask_name: str = ""
    role: str = ""  # the wire's; `group_parts` finds the layer by it
    key_strokes: tuple[KeyStroke, ...] = ()  # of the role `KEY_STROKES`, instead of pixels


@dataclass(frozen=True)
class Frame:
    """A picture at one point of the timeline; `time` is the number of the frame, from 0."""

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
    """Krita, as far as the docker knows it. `document` arguments are `DocumentInfo.key`s.

    A document or layer that has gone raises `LookupError` with a sentence for the artist.
    """

    @property
    def colorize_masks(self) -> bool:
        """Whether this Krita lets others make Colorize Masks (5.2 and later)."""

    def active_document(self) -> DocumentInfo | None:
        """The document the artist is looking at."""

    def layers(self, document: str) -> Sequence[LayerInfo]:
        """All layers and masks, top first, children after their group."""

    def active_layer(self, document: str) -> str | None:
        """The id of the selected layer."""

    def snapshot(self, document: str, layer_ids: Sequence[str]) -> dict[str, Pixels]:
        """Reads layers as they look alone, cropped to what they hold inside the canvas; masks and the selection as
        one byte a pixel. Leaves no trace: no undo step, no flicker, not marked as modified; safe mid-stroke."""

    def fingerprint(self, document: str, layer_id: str) -> bytes:
        """Tells quickly whether a layer lies on the canvas as before: another value after the canvas was resized,
        mirrored, turned or scaled, mostly after a stroke on the layer, and after nothing else."""

    def busy(self) -> bool:
        """Whether the artist's pen is down or was a moment ago: nothing may be inserted then."""

    def insert_group(self, document: str, sketch_id: str, group: NewGroup) -> str:
        """Inserts a group beside the sketch layer as exactly one undo step; keeps the active layer; returns its id.

        A layer of the role `KEY_STROKES` becomes a hidden copy of the sketch layer with a Colorize Mask on it, or
        nothing where this Krita can't."""

    def insert_layer(self, document: str, above_id: str, layer: NewLayer) -> str:
        """Inserts one paint layer above another as exactly one undo step; keeps the active layer; returns its id.
        An empty one, to paint on, is `NewLayer(name, Pixels(0, 0, b""))`."""

    def group_parts(self, document: str, group_id: str) -> Sequence[Part]:
        """The layers of an applied result's group, bottom to top, each with its mask; also after renaming, saving and
        reopening. What the artist deleted is missing; in a copy of the group layers are known by their names."""

    def layer_pixels(self, document: str, layer_id: str, box: Box | None = None) -> Pixels:
        """A paint layer's own pixels, without its masks and its opacity, cropped to what it holds inside the canvas
        (and inside a box); a mask's as `snapshot` gives them. Leaves no trace."""

    def replace_pixels(self, document: str, changes: Sequence[tuple[str, Pixels]]) -> None:
        """Puts rectangles of pixels into paint layers, all together as exactly one undo step. The rest of each layer,
        its masks and everything else stay byte for byte. The layers are one layer or lie in one group: else
        `ValueError`. Ask `busy` first."""

    def activate(self, document: str, layer_id: str) -> None:
        """Selects a layer like a click in the Layers docker; after an insertion it takes a moment."""

    def has_selection(self, document: str) -> bool:
        """Whether anything is selected. Quick."""

    def set_selection(self, document: str, mask: Pixels | None) -> None:
        """Selects what the mask (one byte a pixel, placed) says, None deselects. No undo step."""

    def pick(self, picked: Callable[[str, int, int], None] | None) -> bool:
        """The next click on the canvas doesn't paint: it calls `picked` with the document and the place in its pixels,
        once. None ends the waiting. False where clicks can't be caught."""

    def on_screen(self, document: str, x: int, y: int) -> tuple[int, int] | None:
        """Where a pixel of the picture lies on the screen, px as Qt counts them; None if that can't be told, as on a
        rotated canvas, or where it is out of sight."""

    def frame_times(self, document: str, layer_id: str) -> Sequence[int]:
        """The times of a layer's keyframes in order; empty for a layer without animation."""

    def snapshot_frame(self, document: str, layer_id: str, time: int) -> Pixels:
        """Like `snapshot`, at a point of the timeline, without moving the artist's playhead."""

    def insert_animated_layer(
        self, document: str, sketch_id: str, layer: NewGroup, frames: Sequence[Frame]
    ) -> str:
        """Inserts one animated layer beside the animated sketch as exactly one undo step: a keyframe wherever the
        sketch has one, with the frame of that time, or empty where none is given. Of `layer` counts what counts of a
        group: name, blend mode, above or below. Keeps the active layer and the playhead; returns its id. Raises
        `ValueError` where a frame's time is none of the sketch's keyframes."""

    def look_at(self, document: str, x: int, y: int, width: int, height: int) -> bool:
        """Scrolls the canvas so that a rectangle of the picture (px) is in the middle, unless all of it is in sight.
        False if that can't be told, as on a rotated canvas."""

    def show_overlay(self, document: str, png: bytes, opacity: float = 1.0) -> bool:
        """Lays a picture over the whole canvas without touching the document; False if that isn't possible."""

    def hide_overlay(self) -> None:
        """Takes the picture away."""

    def merged(self, document: str, box: Box) -> Pixels:
        """The picture that all layers together make, in a box inside the canvas."""

    def show_patch(self, document: str, png: bytes, box: Box) -> bool:
        """Lays a picture over a box of the canvas without touching the document, above the overlay; False if that
        isn't possible."""

    def hide_patch(self) -> None:
        """Takes the patch away."""

    def read_note(self, document: str, name: str) -> bytes | None:
        """Reads what `write_note` stored in the document."""

    def write_note(self, document: str, name: str, data: bytes) -> None:
        """Stores bytes in the document under `krita_colorize/name`; saved with the .kra, marks it as modified."""

    def watch(self, callback: Callable[[Change], None]) -> None:
        """Calls back on every change from now on."""

    def close(self) -> None:
        """Stops watching and hides the overlay."""
