"""The same request again, with the masks as they are now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from krita_colorize.core import bundle, redo, result
from krita_colorize.core.bundle import Blob, Format
from krita_colorize.core.port import Kind, LayerInfo, Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

SHEET = Reference(Source(SourceKind.LAYER, "{sheet}", "Sheet"))
REQUEST = Request(Source(SourceKind.LAYER, "{lines}", "Lines"), 3, 2, Settings(references=(SHEET,), seed=7))
LAYERS = [
    LayerInfo("{group}", "Colorized · Sheet · seed 7", Kind.GROUP, 0, visible=True),
    LayerInfo("{flats}", "Flats", Kind.PAINT, 1, visible=True),
    LayerInfo("{mask}", "Foreground mask", Kind.MASK, 2, visible=True),
    LayerInfo("{lines}", "Lines", Kind.PAINT, 0, visible=True),
]


def with_mask(mask: str) -> Request:
    return replace(REQUEST, settings=replace(REQUEST.settings, sketch_mask=mask))


def test_only_masks_are_taken_from_now() -> None:
    now = Settings(references=(replace(SHEET, mask="{m}"),), sketch_mask="{n}", seed=99)
    again = redo.with_newest_masks(REQUEST, now)
    assert again.settings == replace(REQUEST.settings, references=now.references, sketch_mask="{n}")


def test_chosen_mask_wins_over_painted() -> None:
    assert redo.with_newest_masks(REQUEST, Settings(sketch_mask="{n}"), "{p}").settings.sketch_mask == "{n}"
    assert redo.with_newest_masks(REQUEST, Settings(), "{p}").settings.sketch_mask == "{p}"


@pytest.mark.parametrize(
    ("used", "group", "mask"),
    [
        ("", "{group}", "{mask}"),
        ("{mask}", "", "{mask}"),
        ("{lines}", "", ""),
        ("", "", ""),
        ("{gone}", "{gone}", ""),
    ],
)
def test_mask_is_found_in_this_or_the_earlier_result(used: str, group: str, mask: str) -> None:
    assert redo.mask_in_result(LAYERS, with_mask(used), group) == mask


def test_painted_means_different_on_the_canvas() -> None:
    layer = {"name": "Flats", "role": "figure", "blob": 1, "x": 1, "y": 0, "blend": "normal", "opacity": 1.0}
    header = {
        "preview": 0,
        "layers": [{**layer, "clip": False, "mask": {"blob": 2, "name": "Foreground mask"}}],
        "record": {},
    }
    blobs = [
        Blob(Format.PNG, 1, 1, b"p"),
        Blob(Format.BGRA8, 1, 2, bytes(8)),
        Blob(Format.GRAY8, 1, 2, b"\xff\x00"),
    ]
    came = result.read(REQUEST, b"".join(bundle.encode(header, blobs)))
    assert not redo.was_painted(came, Pixels(3, 2, b"\x00\xff\x00\x00\x00\x00"))
    assert not redo.was_painted(came, Pixels(1, 1, b"\xff", 1, 0))
    assert redo.was_painted(came, Pixels(3, 2, b"\x00\xff\x00\x00\x01\x00"))
