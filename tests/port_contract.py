"""What every `KritaPort` promises, as plain functions: the fake passes them in tests/app, libkis inside real Krita.

Each takes a `Stage`, which makes documents for the port under test. Only the standard library and
`krita_colorize.core.port` are imported, so that Krita's own Python can run this file.
"""

from __future__ import annotations

from typing import Protocol

from krita_colorize.core.port import SELECTION_ID, Kind, KritaPort, LayerInfo, NewGroup, NewLayer, Pixels

RED = b"\x00\x00\xff\xff"
BLUE = b"\xff\x00\x00\xff"


class Stage(Protocol):
    """Makes and looks at documents where the port under test lives."""

    port: KritaPort

    def open(self, width: int, height: int) -> str:
        """Opens a document without layers that matter; its key."""

    def paint(self, document: str, name: str, bgra: bytes, x: int, y: int, width: int, height: int) -> str:
        """Adds a paint layer on top, with a filled rectangle; its id."""

    def modified(self, document: str) -> bool:
        """Whether the document says it has been changed since the last call of `settle`."""

    def settle(self, document: str) -> None:
        """Makes the document unmodified, as after saving."""

    def close(self, document: str) -> None:
        """Closes the document without saving."""


def _names(layers: list[LayerInfo]) -> list[str]:
    return [layer.name for layer in layers]


def layers_are_listed_top_first(stage: Stage) -> None:
    """The stack's top comes first; ids are texts that stay."""
    key = stage.open(40, 30)
    low = stage.paint(key, "Low", RED, 0, 0, 4, 4)
    high = stage.paint(key, "High", RED, 0, 0, 4, 4)
    layers = list(stage.port.layers(key))
    assert _names(layers)[:2] == ["High", "Low"]
    assert [layer.id for layer in layers[:2]] == [high, low]
    assert layers[0].kind is Kind.PAINT


def snapshot_is_cropped_and_leaves_no_trace(stage: Stage) -> None:
    """A layer is read alone, as BGRA, and the document isn't modified by it."""
    key = stage.open(40, 30)
    layer = stage.paint(key, "Ink", RED, 10, 5, 20, 15)
    stage.paint(key, "Cover", BLUE, 0, 0, 40, 30)
    stage.settle(key)
    assert stage.port.snapshot(key, [layer]) == {layer: Pixels(20, 15, RED * 300, 10, 5)}
    assert not stage.modified(key)


def empty_layers_are_empty(stage: Stage) -> None:
    """A layer without anything on it has no pixels."""
    key = stage.open(40, 30)
    layer = stage.paint(key, "Nothing", RED, 0, 0, 0, 0)
    assert stage.port.snapshot(key, [layer])[layer].data == b""


def group_comes_below_the_sketch(stage: Stage) -> None:
    """A group is inserted right below its sketch, with its layers and masks, and the sketch isn't touched."""
    key = stage.open(40, 30)
    sketch = stage.paint(key, "Lines", RED, 1, 2, 3, 4)
    before = stage.port.snapshot(key, [sketch])
    pixels = Pixels(40, 30, BLUE * 1200)
    flats = NewLayer("Flats", pixels, mask=Pixels(40, 30, b"\xff" * 1200), mask_name="Foreground mask")
    group = NewGroup("Colorized · a · seed 1", (NewLayer("Background", pixels), flats))
    group_id = stage.port.insert_group(key, sketch, group)
    layers = list(stage.port.layers(key))
    names = ["Lines", "Colorized · a · seed 1", "Flats", "Foreground mask", "Background"]
    assert _names(layers)[:5] == names
    assert layers[1].id == group_id
    assert [layer.depth - layers[0].depth for layer in layers[:5]] == [0, 0, 1, 2, 1]
    assert [layers[1].kind, layers[3].kind] == [Kind.GROUP, Kind.MASK]
    assert stage.port.snapshot(key, [sketch]) == before


def group_can_come_above_the_sketch(stage: Stage) -> None:
    """For a sketch with paper the group lies above it."""
    key = stage.open(8, 8)
    sketch = stage.paint(key, "Lines", RED, 0, 0, 8, 8)
    group = NewGroup("Colorized", (NewLayer("Flats", Pixels(8, 8, BLUE * 64)),), "multiply", above=True)
    stage.port.insert_group(key, sketch, group)
    assert _names(list(stage.port.layers(key)))[:3] == ["Colorized", "Flats", "Lines"]


def masks_are_read_as_one_byte_a_pixel(stage: Stage) -> None:
    """The mask of an applied result can be read back."""
    key = stage.open(8, 8)
    sketch = stage.paint(key, "Lines", RED, 0, 0, 8, 8)
    mask = Pixels(8, 8, bytes(32) + b"\xff" * 32)
    flats = NewLayer("Flats", Pixels(8, 8, BLUE * 64), mask=mask, mask_name="Foreground mask")
    stage.port.insert_group(key, sketch, NewGroup("Colorized", (flats,)))
    found = next(layer for layer in stage.port.layers(key) if layer.kind is Kind.MASK)
    read = stage.port.snapshot(key, [found.id])[found.id]
    assert read.channels == 1
    assert b"\xff" in read.data


def layer_comes_above_another(stage: Stage) -> None:
    """A single layer is inserted right above the one named."""
    key = stage.open(8, 8)
    low = stage.paint(key, "Low", RED, 0, 0, 8, 8)
    stage.paint(key, "High", RED, 0, 0, 8, 8)
    new = stage.port.insert_layer(key, low, NewLayer("Foreground mask", Pixels(2, 2, BLUE * 4, 3, 3)))
    assert _names(list(stage.port.layers(key)))[:3] == ["High", "Foreground mask", "Low"]
    assert stage.port.snapshot(key, [new])[new] == Pixels(2, 2, BLUE * 4, 3, 3)


def own_pixels_are_read_without_mask(stage: Stage) -> None:
    """`layer_pixels` reads what is on the layer, also where its mask hides it; masks are read as by `snapshot`."""
    key, flats, mask = _applied(stage)
    assert stage.port.layer_pixels(key, flats) == Pixels(8, 6, BLUE * 48)
    assert stage.port.layer_pixels(key, mask).data[-8:] == b"\xff" * 8


def _applied(stage: Stage) -> tuple[str, str, str]:
    """A document with an applied group; its key, the layer Flats and the mask of that."""
    key = stage.open(8, 6)
    sketch = stage.paint(key, "Lines", RED, 0, 0, 8, 6)
    mask = Pixels(8, 6, bytes(24) + b"\xff" * 24)
    flats = NewLayer("Flats", Pixels(8, 6, BLUE * 48), mask=mask, mask_name="Foreground mask", role="figure")
    back = NewLayer("Background", Pixels(8, 6, RED * 48), role="background")
    group = stage.port.insert_group(key, sketch, NewGroup("Colorized", (back, flats)))
    found = {part.role: part for part in stage.port.group_parts(key, group)}
    assert list(found) == ["background", "figure"]
    assert found["background"].mask_id == ""
    return key, found["figure"].layer_id, found["figure"].mask_id


def parts_of_a_group_are_found(stage: Stage) -> None:
    """`group_parts` tells which layers of a group are what, bottom to top, and their masks."""
    key, flats, mask = _applied(stage)
    names = {layer.id: layer.name for layer in stage.port.layers(key)}
    assert (names[flats], names[mask]) == ("Flats", "Foreground mask")


def rectangles_replace_pixels(stage: Stage) -> None:
    """`replace_pixels` writes into layers; what is beside the rectangles, ids and masks stay."""
    key, flats, mask = _applied(stage)
    below = next(layer.id for layer in stage.port.layers(key) if layer.name == "Background")
    clear = Pixels(2, 1, bytes(8), 1, 2)
    stage.port.replace_pixels(key, [(flats, Pixels(3, 2, RED * 6, 4, 1)), (below, clear)])
    rows = [BLUE * 8, *[BLUE * 4 + RED * 3 + BLUE] * 2, *[BLUE * 8] * 3]
    assert stage.port.layer_pixels(key, flats).data == b"".join(rows)
    rows = [RED * 8] * 2 + [RED + bytes(8) + RED * 5] + [RED * 8] * 3
    assert stage.port.layer_pixels(key, below).data == b"".join(rows)
    assert stage.port.layer_pixels(key, mask).data[-8:] == b"\xff" * 8
    assert stage.modified(key)


def selection_is_set_and_dropped(stage: Stage) -> None:
    """`set_selection` selects what a mask says, and nothing."""
    key = stage.open(8, 6)
    stage.port.set_selection(key, Pixels(2, 1, b"\xff\x80", 3, 4))
    selected = stage.port.snapshot(key, [SELECTION_ID])[SELECTION_ID]
    at = [row * selected.width + column for row, column in ((4 - selected.y, 3 - selected.x), (0, 0))]
    assert selected.data[at[0] : at[0] + 2] == b"\xff\x80"
    assert sum(selected.data) == 255 + 128


def no_selection_selects_nothing(stage: Stage) -> None:
    """None deselects."""
    key = stage.open(8, 6)
    stage.port.set_selection(key, None)
    assert not any(stage.port.snapshot(key, [SELECTION_ID])[SELECTION_ID].data)


def layers_without_frames_have_none(stage: Stage) -> None:
    """A still layer has no keyframes and looks the same at all times."""
    key = stage.open(8, 6)
    layer = stage.paint(key, "Ink", RED, 0, 0, 8, 6)
    assert list(stage.port.frame_times(key, layer)) == []
    assert stage.port.snapshot_frame(key, layer, 7) == Pixels(8, 6, RED * 48)


def notes_come_back(stage: Stage) -> None:
    """Notes are bytes by name; reading one that isn't there gives None and modifies nothing."""
    key = stage.open(8, 8)
    stage.settle(key)
    assert stage.port.read_note(key, "state.json") is None
    assert not stage.modified(key)
    stage.port.write_note(key, "state.json", b"\x00\xff{}")
    stage.port.write_note(key, "picture/ab", b"png")
    assert stage.port.read_note(key, "state.json") == b"\x00\xff{}"
    assert stage.port.read_note(key, "picture/ab") == b"png"
    assert stage.modified(key)


def closed_documents_are_told(stage: Stage) -> None:
    """Whatever is asked about a document that has gone raises `LookupError` with a sentence."""
    key = stage.open(8, 8)
    layer = stage.paint(key, "Ink", RED, 0, 0, 8, 8)
    stage.close(key)
    new = NewLayer("x", Pixels(1, 1, BLUE))
    for call in (
        lambda: stage.port.layers(key),
        lambda: stage.port.active_layer(key),
        lambda: stage.port.snapshot(key, [layer]),
        lambda: stage.port.insert_group(key, layer, NewGroup("Colorized", (new,))),
        lambda: stage.port.insert_layer(key, layer, new),
        lambda: stage.port.read_note(key, "a"),
        lambda: stage.port.write_note(key, "a", b""),
    ):
        _raises_lookup_error(call)


def missing_layers_are_told(stage: Stage) -> None:
    """A layer that has gone raises `LookupError` with a sentence."""
    key = stage.open(8, 8)
    gone = "{00000000-0000-0000-0000-000000000000}"
    _raises_lookup_error(lambda: stage.port.snapshot(key, [gone]))
    _raises_lookup_error(lambda: stage.port.insert_layer(key, gone, NewLayer("x", Pixels(1, 1, BLUE))))


def _raises_lookup_error(call: object) -> None:
    raised: BaseException | None = None
    try:
        call()  # type: ignore[operator]
    except LookupError as error:
        raised = error
    assert type(raised) is LookupError, "KeyError and IndexError are bugs"
    assert str(raised).endswith("."), "the message is a sentence"


CASES = (
    layers_are_listed_top_first,
    snapshot_is_cropped_and_leaves_no_trace,
    empty_layers_are_empty,
    group_comes_below_the_sketch,
    group_can_come_above_the_sketch,
    masks_are_read_as_one_byte_a_pixel,
    layer_comes_above_another,
    own_pixels_are_read_without_mask,
    parts_of_a_group_are_found,
    rectangles_replace_pixels,
    selection_is_set_and_dropped,
    no_selection_selects_nothing,
    layers_without_frames_have_none,
    notes_come_back,
    closed_documents_are_told,
    missing_layers_are_told,
)
