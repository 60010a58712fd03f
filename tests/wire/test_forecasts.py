"""The docker's forecast of a hint or a binding is what the match engine then makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from colorizer.server import run_job
from colorizer.server.pipe import Buffer
from drawn import Picture, box_mask, box_reference, box_sketch
from listening import Silent

from krita_colorize.core import forecast, region_map, repair
from krita_colorize.core import result as results
from krita_colorize.core.edits import Binding
from krita_colorize.core.geometry import pasted
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.repair import Seen, State
from krita_colorize.core.request import Pictures, Request, bundle_parts
from krita_colorize.core.result import Result
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

SIZE = 128
INK, SHEET = (Source(SourceKind.LAYER, key, key) for key in ("{1}", "{2}"))
LEFT, RIGHT, OUTSIDE = (48, 60), (80, 60), (16, 64)
SHEETS_GREEN, SHEETS_BLUE = (80, 64), (10, 10)


class Report(Silent):
    """Keeps the result's bundle."""

    def finish(self, preview: bytes, bundle: Sequence[Buffer], record: dict[str, Any]) -> None:
        self.bundle = b"".join(bytes(part) for part in bundle)


def colored(request: Request, pictures: Pictures) -> Result:
    report = Report()
    run_job.run(b"".join(bytes(part) for part in bundle_parts(request, pictures)), report)
    return results.read(request, report.bundle)


def pixels(picture: Picture) -> Pixels:
    order = picture[..., [2, 1, 0, 3]] if picture.ndim == 3 else picture
    return Pixels(picture.shape[1], picture.shape[0], np.ascontiguousarray(order).tobytes())


def dot(x: int, y: int) -> Pixels:
    hints = np.zeros((SIZE, SIZE, 4), np.uint8)
    hints[y - 3 : y + 3, x - 3 : x + 3] = (10, 200, 120, 255)
    return pixels(hints)


def asked(bindings: tuple[Binding, ...] = ()) -> Request:
    return Request(INK, SIZE, SIZE, Settings(references=(Reference(SHEET),), bindings=bindings))


@pytest.fixture(scope="module")
def first() -> tuple[Result, Pictures]:
    reference, mask = pixels(box_reference()), pixels(box_mask())
    pictures = Pictures(pixels(box_sketch()), mask, references=((reference, mask),))
    return colored(asked(), pictures), pictures


@pytest.mark.parametrize("place", [LEFT, RIGHT, OUTSIDE])
def test_hints(first: tuple[Result, Pictures], place: tuple[int, int]) -> None:
    compare(first, asked(), dot(*place))


@pytest.mark.parametrize(
    ("place", "spot"), [(LEFT, SHEETS_GREEN), (LEFT, SHEETS_BLUE), (OUTSIDE, SHEETS_GREEN)]
)
def test_bindings(first: tuple[Result, Pictures], place: tuple[int, int], spot: tuple[int, int]) -> None:
    compare(first, asked((Binding(*place, SHEET.key, *spot),)), None)


def compare(first: tuple[Result, Pictures], now: Request, hints: Pixels | None) -> None:
    """Forecasts a repair and makes it: both show the same."""
    before, sent = first
    layers = {layer.role: layer for layer in before.layers() if layer.role in ROLES}
    seen = Seen(
        {role: layer.pixels for role, layer in layers.items()},
        {role: layer.mask for role, layer in layers.items() if layer.mask is not None},
    )
    state = State(before, repair.base_of(sent))
    pictures = Pictures(sent.sketch, sent.sketch_mask, sent.references, hints=hints)
    where = region_map.read(before)
    assert where is not None
    expected = forecast.repaired(where, state, now, pictures, seen.layers)
    answer = colored(now, repair.plan([state], now, pictures, seen).pictures)
    found = {layer.role: layer.pixels for layer in answer.layers() if layer.role in seen.layers}
    assert expected
    assert (visible(seen, expected) == visible(seen, found)).all()


def visible(seen: Seen, changes: Mapping[str, Pixels]) -> Picture:
    """The layers above each other, each within its mask: what a mask hides may differ."""
    whole = np.zeros((SIZE, SIZE, 4), np.uint8)
    for role in ROLES:
        if role in seen.layers:
            part, mask = changes.get(role), seen.masks.get(role)
            layer = seen.layers[role] if part is None else pasted(seen.layers[role], part)
            shown = array(layer, 4)
            there = shown[..., 3] > 0
            if mask is not None:
                there &= array(mask, 1)[..., 0] > 127
            whole[there] = shown[there]
    return whole


def array(picture: Pixels, channels: int) -> Picture:
    return np.frombuffer(bytes(picture.data), np.uint8).reshape(SIZE, SIZE, channels)
