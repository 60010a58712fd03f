"""One job in the worker: bundle in, engine, bundle out, and the record that says how it came about.

Knows neither pipes nor HTTP. The bundle was checked by the HTTP process, but its pictures are decoded only here.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from colorizer.engines import registry
from colorizer.engines.base import (
    ColorizeRequest,
    Engine,
    Layer,
    Mask,
    Mode,
    Options,
    Picture,
    Reference,
    Report,
    Result,
    Role,
)
from colorizer.engines.device import choose_device
from colorizer.engines.record import make_record
from colorizer.errors import OutOfMemory
from colorizer.imaging import layers as layering
from colorizer.imaging.lines import has_dark_paper, has_paper
from colorizer.imaging.masks import fit_mask
from colorizer.server import bundle, limits, pixels, request
from colorizer.server.bundle import BlobInfo, Bundle
from colorizer.server.pipe import Buffer
from colorizer.server.request import JobRequest, PlacedBlob


class JobReport(Report, Protocol):
    """What a job reports to: an engine's report, and where the result goes."""

    def finish(self, preview: bytes, bundle: list[Buffer], record: dict[str, Any]) -> None:
        """Takes the flattened result as PNG, the result's bundle, and its record."""


def run(data: Buffer, report: JobReport) -> None:
    """Runs one job from its bundle. Raises `ColorizerError` for what the artist should read."""
    clock = _Clock()
    report.stage("Reading the pictures")
    job_bundle = bundle.read(data)
    job = request.read(job_bundle)
    _check_memory(job, job_bundle)
    inputs = decode_inputs(job, job_bundle)
    clock.lap("decode")
    engine = registry.get(job.engine)
    report.stage("Loading the model")
    device = choose_device()
    engine.load(device, job.model)
    clock.lap("load")
    result = _work(engine, job, inputs, report)
    clock.lap("colorize")
    report.stage("Packing the layers")
    sketch = inputs.sketch
    preview = pixels.encode_preview(layering.preview(result.layers, sketch, limits.PREVIEW_PX))
    packed = [_pack_layer(layer) for layer in result.layers]
    clock.lap("encode")
    record = make_record(engine, inputs, result, device=device, seconds=clock.laps)
    record |= {
        "request": job.model_dump(),
        "sketch_has_paper": has_paper(sketch),
        "sketch_has_dark_paper": has_dark_paper(sketch),
    }
    report.finish(preview, result_bundle(preview, packed, record), record)


def decode_inputs(job: JobRequest, job_bundle: Bundle) -> ColorizeRequest:
    """The pictures of a job as the engine takes them: sketch and sketch mask on the canvas, references as they are."""

    def decoded(placed: PlacedBlob) -> NDArray[np.uint8]:
        return pixels.decode(job_bundle.blobs[placed.blob])

    def on_canvas(placed: PlacedBlob, convert: Callable[[NDArray[np.uint8]], Mask]) -> NDArray[np.uint8]:
        found = convert(decoded(placed))
        return pixels.place(found, placed.x, placed.y, job.canvas.width, job.canvas.height)

    return ColorizeRequest(
        sketch=on_canvas(job.sketch, lambda picture: picture),
        references=tuple(
            _reference(decoded(one.picture), decoded(one.mask) if one.mask else None)
            for one in job.references
        ),
        mode=Mode(job.mode),
        sketch_mask=on_canvas(job.sketch_mask, pixels.as_mask) if job.sketch_mask else None,
        background=decoded(job.background) if job.background else None,
        model=job.model,
        seed=job.seed,
        options=Options(**job.options.model_dump()),
    )


def _reference(picture: Picture, mask: NDArray[np.uint8] | None) -> Reference:
    if mask is None:
        return Reference(picture)
    return Reference(picture, fit_mask(pixels.as_mask(mask), picture.shape[1], picture.shape[0]))


def _work(engine: Engine, job: JobRequest, inputs: ColorizeRequest, report: Report) -> Result:
    if job.task == "colorize":
        return engine.colorize(inputs, report)
    mask = engine.foreground_mask(inputs.sketch, report)
    white: Picture = np.full((*mask.shape, 4), 255, np.uint8)
    white[..., 3] = mask
    return Result((Layer("Foreground mask", Role.MASK, white),))


def _check_memory(job: JobRequest, job_bundle: Bundle) -> None:
    """Refuses a job whose pictures alone (inputs, sketch on its canvas, one result layer) won't fit into memory."""
    import psutil

    canvas_bytes = job.canvas.width * job.canvas.height * 4
    needed = sum(blob.info.decoded_bytes for blob in job_bundle.blobs) + 2 * canvas_bytes
    free = psutil.virtual_memory().available
    if needed > free:
        raise OutOfMemory(
            f"This job needs at least {needed / 2**30:.1f} GiB of memory and {free / 2**30:.1f} GiB are free. "
            "Close other programs or use smaller pictures."
        )


@dataclasses.dataclass(frozen=True)
class _PackedLayer:
    layer: Layer
    pixels: tuple[BlobInfo, Buffer]
    mask: tuple[BlobInfo, Buffer] | None


def _pack_layer(layer: Layer) -> _PackedLayer:
    mask = None if layer.mask is None else pixels.encode(layer.mask)
    return _PackedLayer(layer, pixels.encode(layer.pixels), mask)


def result_bundle(preview: bytes, packed: list[_PackedLayer], record: dict[str, Any]) -> list[Buffer]:
    """The result of docs/wire.md in pieces: blob 0 is the preview, then each layer's pixels and mask."""
    width, height = np.frombuffer(preview, ">u4", count=2, offset=16).tolist()
    blobs: list[tuple[BlobInfo, Buffer]] = [
        (BlobInfo(format="png", width=width, height=height, encoding="raw", bytes=len(preview)), preview)
    ]
    described = []
    for one in packed:
        entry: dict[str, Any] = {
            "name": one.layer.name,
            "role": one.layer.role.value,
            "blob": len(blobs),
            "x": one.layer.x,
            "y": one.layer.y,
            "blend": one.layer.blend.value,
            "opacity": one.layer.opacity,
            "clip": one.layer.clip,
            "mask": None,
        }
        blobs.append(one.pixels)
        if one.mask is not None:
            entry["mask"] = {"blob": len(blobs), "name": one.layer.mask_name}
            blobs.append(one.mask)
        described.append(entry)
    return bundle.write({"preview": 0, "layers": described, "record": record}, blobs)


class _Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 4)
        self._last = now
