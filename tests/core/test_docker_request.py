"""The request as a value, and the bundle that carries it."""

from __future__ import annotations

import json

from krita_colorize.core import bundle
from krita_colorize.core.modes import Mode
from krita_colorize.core.port import SELECTION_ID, Pixels
from krita_colorize.core.request import Pictures, Request, Task, bundle_parts
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

SKETCH = Source(SourceKind.LAYER, "{sketch}", "Lines")
LAYER = Reference(Source(SourceKind.LAYER, "{ref}", "Sheet"), mask="{mask}")
FILE = Reference(Source(SourceKind.FILE, "/pictures/girl.png", "girl.png"))
CHOSEN = Settings(Mode.SPLIT, references=(LAYER, FILE), sketch_mask=SELECTION_ID, background="{ref}", seed=7)


def test_survives_json() -> None:
    request = Request(SKETCH, 640, 480, CHOSEN)
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_needs_each_layer_once() -> None:
    assert Request(SKETCH, 1, 1, CHOSEN).layer_ids == ("{sketch}", "{ref}", "{mask}", SELECTION_ID)


def test_a_mask_needs_its_picture_only() -> None:
    assert Request(SKETCH, 1, 1, CHOSEN, Task.MASK).layer_ids == ("{sketch}",)
    assert Request(FILE.source, 1, 1, CHOSEN, Task.MASK).layer_ids == ()


def test_bundle_follows_the_wire() -> None:
    sketch = Pixels(2, 1, bytes(8), x=3, y=-4)
    pictures = Pictures(sketch, Pixels(1, 1, b"m"), ((Pixels(1, 1, bytes(4)), Pixels(1, 1, b"n")),), None)
    decoded = bundle.decode(b"".join(bundle_parts(Request(SKETCH, 640, 480, CHOSEN), pictures)))
    body = decoded.header["request"]
    assert list(body)[:5] == ["api", "task", "engine", "model", "mode"]
    assert list(body)[5:] == [
        "canvas",
        "sketch",
        "sketch_mask",
        "references",
        "background",
        "hints",
        "bindings",
        "corrections",
        "swaps",
        "redo",
        "sequence",
        "seed",
        "options",
    ]
    assert body["sketch"] == {"blob": 0, "x": 3, "y": -4}
    assert body["references"] == [
        {"picture": {"blob": 2, "x": 0, "y": 0}, "mask": {"blob": 3, "x": 0, "y": 0}}
    ]
    assert [entry["format"] for entry in decoded.header["blobs"]] == ["bgra8", "gray8", "bgra8", "gray8"]
    assert (body["canvas"], body["seed"], body["mode"]) == ({"width": 640, "height": 480}, 7, "split")
