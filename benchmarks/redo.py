"""What a Redo costs beside the engine: in the docker (without Krita's own calls) and in the backend, by step.

    PYTHONPATH=. .venv/bin/python benchmarks/redo.py [--side 4096]

Seconds of the processor and by the clock, the best of three. One small change of a mask on a result of two layers.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import cv2
import numpy as np
from colorizer.engines import last_stage
from colorizer.engines.base import ColorizeRequest, Mode, Reference, Result
from colorizer.server import bundle, packing, pixels, request, run_job
from colorizer.server import redo as repairing
from colorizer_lab.silent import Silent
from repairs import new_engine, read

from krita_colorize.core import repair, result
from krita_colorize.core.modes import Mode as DockerMode
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.repair import Seen, State, Write
from krita_colorize.core.request import Pictures, Request, bundle_parts
from krita_colorize.core.settings import Reference as DockerReference
from krita_colorize.core.settings import Settings, Source, SourceKind

INK = Source(SourceKind.LAYER, "{1}", "Ink")
T = TypeVar("T")


def timed(name: str, work: Callable[[], T]) -> T:
    """What `work` gives; prints its best time of three."""
    best = (float("inf"), 0.0)
    for _ in range(3):
        cpu, clock = time.process_time(), time.perf_counter()
        found = work()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - clock))
    print(f"  {name:34} cpu {best[0]:.3f}  clock {best[1]:.3f}")
    return found


def painted(result_: result.Result) -> Seen:
    """The document: strokes on the layers, and a corner painted out of each mask."""
    layers, masks = {}, {}
    for layer in result_.layers():
        if layer.role in ROLES:
            data = bytearray(layer.pixels.data)
            data[4000:4400] = bytes(400)
            layers[layer.role] = replace(layer.pixels, data=bytes(data))
            if layer.mask is not None:
                mask = bytearray(layer.mask.data)
                for row in range(60):
                    mask[row * layer.mask.width : row * layer.mask.width + 60] = bytes(60)
                masks[layer.role] = replace(layer.mask, data=bytes(mask))
    return Seen(layers, masks)


def main() -> None:
    """Measures every step and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=4096)
    side = parser.parse_args().side
    sketch = np.asarray(cv2.resize(read("sketch"), (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    asked = ColorizeRequest(sketch, (Reference(read("reference")),), mode=Mode.SPLIT)
    made = last_stage.colorize(new_engine(), asked, Silent())
    print(f"{side} x {side} px; load {os.getloadavg()[0]:.1f}")
    preview = partial(pixels.encode_preview, sketch)
    packed = timed("backend: packs a result", lambda: packing.pack(preview, made).bundle({"report": {}}))
    settings = Settings(mode=DockerMode.SPLIT, references=(DockerReference(INK),))
    wanted = Request(INK, side, side, settings)
    before = result.read(wanted, b"".join(bytes(part) for part in packed))
    timed("docker: unpacks it for Apply", before.layers)
    own = Pixels(side, side, np.ascontiguousarray(sketch[..., [2, 1, 0, 3]]).tobytes())
    pictures = Pictures(own, references=((Pixels(2, 2, bytes(16)), None),))
    states, seen = [State(before, repair.base_of(pictures))], painted(before)
    plan = timed("docker: builds what is sent", lambda: repair.plan(states, wanted, pictures, seen))
    sent = bundle.read(b"".join(bytes(part) for part in bundle_parts(wanted, plan.pictures)))
    job = request.read(sent)

    def compared() -> repairing.Repairing:
        inputs = run_job.decode_inputs(job, sent)
        found = repairing.decode(job, run_job.decoder_of(job, sent), inputs)
        assert found is not None
        return found

    begun = timed("backend: decodes and compares", compared)
    swapped = tuple(
        replace(layer, pixels=np.ascontiguousarray(layer.pixels[..., [1, 2, 0, 3]])) for layer in made.layers
    )
    fresh = Result(swapped, made.report, made.check, regions=made.regions)
    repaired = timed("backend: repairs", lambda: last_stage.keep_the_rest(fresh, begun.inputs, begun.redo))
    answer = partial(begun.answer, repaired)
    parts = timed(
        "backend: packs the answer",
        lambda: packing.pack(preview, begun.checked(repaired), answer).bundle({"report": {}}),
    )
    came = result.read(wanted, b"".join(bytes(part) for part in parts))
    puts = [Write(layer.role, layer.role, seen.layers[layer.role], layer.pixels) for layer in came.layers()]
    timed("docker: keeps what is delivered now", lambda: repair.after(plan, came, puts))


if __name__ == "__main__":
    main()
