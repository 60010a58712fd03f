"""One job in the worker: bundle in, engine, bundle out, and the record that says how it came about.

Knows neither pipes nor HTTP. The bundle was checked by the HTTP process, but its pictures are decoded only here.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from colorizer.engines import last_stage, registry
from colorizer.engines.base import (
    Binding,
    Check,
    ColorizeRequest,
    Engine,
    Layer,
    Mask,
    Picture,
    Reference,
    Report,
    Result,
    Role,
    Swap,
)
from colorizer.engines.record import hash_inputs, make_record
from colorizer.engines.runtime.device import choose_device
from colorizer.engines.sequences import SequenceEngine
from colorizer.errors import OutOfMemory
from colorizer.imaging import layers as layering
from colorizer.imaging.masks import fit_mask
from colorizer.imaging.paper import has_dark_paper, has_paper
from colorizer.imaging.values import LayerState, Redo
from colorizer.protocol.request import JobRequest, PlacedBlob
from colorizer.protocol.result import CheckEntry, CheckMask, LayerEntry, LayerMask, PlaceEntry, ResultHeader
from colorizer.server import bundle, limits, pixels, request, surveys
from colorizer.server.bundle import BlobInfo, Bundle
from colorizer.server.pipe import Buffer


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
    hashes = _Hashes(inputs)
    clock.lap("decode")
    engine = registry.get(job.engine)
    device = choose_device()
    report.stage("Loading the model")
    engine.load(device, job.model)
    clock.lap("load")
    done = _work(engine, job, inputs, decode_redo(job, job_bundle), report)
    clock.lap("colorize")
    report.stage("Packing the layers")
    result, sketch = done.result, inputs.sketch
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(_preview, done)
        packed = [_pack_layer(layer) for layer in result.layers]
        paper = {"sketch_has_paper": has_paper(sketch), "sketch_has_dark_paper": has_dark_paper(sketch)}
        preview = making.result()
    clock.lap("encode")
    record = make_record(engine, inputs, result, device=device, seconds=clock.laps, hashes=hashes.get())
    record |= {"task": job.task} | paper
    report.finish(preview, result_bundle(preview, packed, record, result.check), record)


@dataclasses.dataclass(frozen=True)
class _Decoder:
    """The pictures of one job."""

    job: JobRequest
    bundle: Bundle

    def picture(self, placed: PlacedBlob) -> NDArray[np.uint8]:
        return pixels.decode(self.bundle.blobs[placed.blob])

    def on_canvas(self, placed: PlacedBlob) -> Picture:
        return self._placed(self.picture(placed), placed)

    def mask_on_canvas(self, placed: PlacedBlob) -> Mask:
        return self._placed(pixels.as_mask(self.picture(placed)), placed)

    def _placed(self, found: NDArray[np.uint8], placed: PlacedBlob) -> NDArray[np.uint8]:
        return pixels.place(found, placed.x, placed.y, self.job.canvas.width, self.job.canvas.height)


def decode_inputs(job: JobRequest, job_bundle: Bundle) -> ColorizeRequest:
    """The pictures of a job as engines take them: sketch, mask and hints on the canvas, references as they are."""
    decoder = _Decoder(job, job_bundle)
    return ColorizeRequest(
        sketch=decoder.on_canvas(job.sketch),
        references=tuple(
            _reference(decoder.picture(one.picture), decoder.picture(one.mask) if one.mask else None)
            for one in job.references
        ),
        mode=job.mode,
        sketch_mask=decoder.mask_on_canvas(job.sketch_mask) if job.sketch_mask else None,
        background=decoder.picture(job.background) if job.background else None,
        hints=decoder.on_canvas(job.hints) if job.hints else None,
        bindings=tuple(Binding(**binding.model_dump()) for binding in job.bindings),
        swaps=tuple(Swap(swap.before, swap.after) for swap in job.swaps),
        model=job.model,
        seed=job.seed,
        options=job.options,
    )


def decode_redo(job: JobRequest, job_bundle: Bundle) -> Redo | None:
    """The earlier result that is to be repaired, on the canvas."""
    if job.redo is None:
        return None
    decoder = _Decoder(job, job_bundle)
    states = (
        LayerState(Role(one.role), decoder.on_canvas(one.delivered), decoder.on_canvas(one.now))
        for one in job.redo.layers
    )
    return Redo(decoder.mask_on_canvas(job.redo.changed), tuple(states))


def _reference(picture: Picture, mask: NDArray[np.uint8] | None) -> Reference:
    if mask is None:
        return Reference(picture)
    return Reference(picture, fit_mask(pixels.as_mask(mask), picture.shape[1], picture.shape[0]))


@dataclasses.dataclass(frozen=True)
class _Done:
    """A job's result, and what its preview is made of."""

    result: Result
    shown: tuple[Layer, ...]
    lines: Picture


def _work(
    engine: Engine, job: JobRequest, inputs: ColorizeRequest, redo: Redo | None, report: Report
) -> _Done:
    if job.task == "mask":
        mask = engine.foreground_mask(inputs.sketch, report)
        white: Picture = np.full((*mask.shape, 4), 255, np.uint8)
        white[..., 3] = mask
        layer = Layer("Foreground mask", Role.MASK, white)
        return _Done(Result((layer,)), (layer,), inputs.sketch)
    if job.task == "survey":
        assert isinstance(engine, SequenceEngine)
        name = surveys.survey(engine, inputs, choose_device(), report)
        return _Done(Result((), {"survey": name}), (), inputs.sketch)
    result = _coloured(engine, job, inputs, report)
    if redo is None:
        return _Done(last_stage.with_key_strokes(result, inputs), result.layers, inputs.sketch)
    report.stage("Keeping the rest")
    repaired = last_stage.keep_the_rest(result, inputs, redo)
    return _Done(repaired.result, repaired.shown, inputs.sketch)


def _coloured(engine: Engine, job: JobRequest, inputs: ColorizeRequest, report: Report) -> Result:
    if not job.sequence:
        return last_stage.colorize(engine, inputs, report)
    assert isinstance(engine, SequenceEngine)
    result = surveys.colorize(engine, inputs, job.sequence, choose_device(), report)
    return last_stage.with_edits(result, inputs)


def _preview(done: _Done) -> bytes:
    return pixels.encode_preview(layering.preview(done.shown, done.lines, limits.PREVIEW_PX))


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


def result_bundle(
    preview: bytes, packed: list[_PackedLayer], record: dict[str, Any], check: Check | None = None
) -> list[Buffer]:
    """The result of docs/wire.md in pieces: first the preview, then each layer's pixels and mask, last the check's."""
    width, height = np.frombuffer(preview, ">u4", count=2, offset=16).tolist()
    blobs: list[tuple[BlobInfo, Buffer]] = [
        (BlobInfo(format="png", width=width, height=height, encoding="raw", bytes=len(preview)), preview)
    ]
    described = []
    for one in packed:
        mask = None
        layer, number = one.layer, len(blobs)
        blobs.append(one.pixels)
        if one.mask is not None:
            mask = LayerMask(blob=len(blobs), name=layer.mask_name)
            blobs.append(one.mask)
        described.append(
            LayerEntry(
                name=layer.name,
                role=layer.role,
                blob=number,
                x=layer.x,
                y=layer.y,
                blend=layer.blend,
                opacity=layer.opacity,
                clip=layer.clip,
                mask=mask,
            )
        )
    header = ResultHeader(preview=0, layers=described, check=_check_entry(check, len(blobs)), record=record)
    if check is not None:
        blobs.append(pixels.encode(check.mask))
    return bundle.write(header.model_dump(mode="json"), blobs)


def _check_entry(check: Check | None, blob: int) -> CheckEntry | None:
    if check is None:
        return None
    places = [PlaceEntry(**dataclasses.asdict(place)) for place in check.places]
    return CheckEntry(mask=CheckMask(blob=blob), places=places)


class _Hashes:
    """The hashes of a job's pictures, made on a thread beside the engine."""

    def __init__(self, inputs: ColorizeRequest) -> None:
        self._made: dict[str, Any] = {}
        self._thread = threading.Thread(target=lambda: self._made.update(hash_inputs(inputs)), daemon=True)
        self._thread.start()

    def get(self) -> dict[str, Any]:
        """Waits for them."""
        self._thread.join()
        return self._made


class _Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 4)
        self._last = now
