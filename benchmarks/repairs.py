"""What Redo computes for a hint, a binding and a mask: by an engine that coloured the page before, and by a new one.

    .venv/bin/python benchmarks/repairs.py [--width 2480] [--height 3508]

Seconds by the clock and of the processor, from the request to the layers that change, without the way from and to
Krita (`way.py`). The layers of both engines are compared byte for byte.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace

import cv2
import numpy as np
from colorizer.engines import last_stage
from colorizer.engines.base import Binding, ColorizeRequest, Engine, Reference
from colorizer.engines.last_stage import Repaired
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.pages import with_pages
from colorizer.imaging.recolour import FLAT
from colorizer.imaging.values import LayerState, Picture, Redo
from colorizer.paths import resource
from colorizer_lab.silent import Silent


def read(name: str) -> Picture:
    """A picture of the sample."""
    picture = cv2.imread(str(resource(f"sample/{name}.png")), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    order = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(picture, order), np.uint8)


def new_engine() -> Engine:
    """The built-in engine with its weights in memory, and nothing coloured yet."""
    engine = with_pages(MatchEngine())
    engine.load("cpu")
    return engine


def repairs(request: ColorizeRequest) -> dict[str, tuple[ColorizeRequest, Redo]]:
    """Requests that change one thing, and where."""
    height, width = request.sketch.shape[:2]
    box = (slice(height // 2, height // 2 + 20), slice(width // 2, width // 2 + 20))
    hints, mask = np.zeros_like(request.sketch), np.zeros((height, width), np.uint8)
    hints[box] = (10, 20, 30, 255)
    mask[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = 255
    dot = np.zeros((height, width), np.uint8)
    dot[box] = 255
    bound = (Binding(width // 2, height // 2, 0, 40, 40),)
    return {
        "hint": (replace(request, hints=hints), Redo(dot, ())),
        "binding": (replace(request, bindings=bound), Redo(dot, ())),
        "mask": (replace(request, sketch_mask=mask), Redo(mask, ())),
    }


def redone(engine: Engine, request: ColorizeRequest, redo: Redo) -> tuple[Repaired, float, float]:
    """The repair, and its seconds by the clock and of the processor. The sketch comes anew, as from the wire."""
    request = replace(request, sketch=request.sketch.copy())
    clock, cpu = time.perf_counter(), time.process_time()
    made = last_stage.keep_the_rest(last_stage.colorize(engine, request, Silent()), request, redo)
    return made, time.perf_counter() - clock, time.process_time() - cpu


def main() -> None:
    """Measures every repair and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=2480)
    parser.add_argument("--height", type=int, default=3508)
    options = parser.parse_args()
    sketch = cv2.resize(read("sketch"), (options.width, options.height), interpolation=cv2.INTER_AREA)
    request = ColorizeRequest(np.asarray(sketch, np.uint8), (Reference(read("reference")),))
    print(
        f"{options.width} x {options.height} px, seconds by the clock (of the processor); load {os.getloadavg()[0]:.1f}"
    )
    for name, (asked, redo) in repairs(request).items():
        warm, cold = new_engine(), new_engine()
        first = last_stage.colorize(warm, request, Silent())
        cold.foreground_mask(request.references[0].picture, Silent())  # its libraries are warm, too
        layers = tuple(
            LayerState(one.role, one.pixels, one.pixels) for one in first.layers if one.role in FLAT
        )
        redo = replace(redo, layers=layers)
        anew, clock, cpu = redone(cold, asked, redo)
        again, quick_clock, quick_cpu = redone(warm, asked, redo)
        pairs = zip(anew.result.layers, again.result.layers, strict=True)
        same = all(np.array_equal(one.pixels, other.pixels) for one, other in pairs)
        seconds = f"anew {clock:5.2f} ({cpu:5.2f})   remembered {quick_clock:5.2f} ({quick_cpu:5.2f})"
        print(f"{name:10} {seconds}   same: {same}")


if __name__ == "__main__":
    main()
