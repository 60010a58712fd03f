"""Runs one job in the worker: decodes the bundle, calls the engine, and packs the result with its record.

Independent of pipes and HTTP. The HTTP process has checked the bundle; its pictures are decoded only here.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from colorizer.engines import last_stage, registry
from colorizer.engines.base import (
    Binding,
    ColorizeRequest,
    Correction,
    Engine,
    Layer,
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
from colorizer.imaging.paper import Paper, find_paper
from colorizer.protocol.request import JobRequest
from colorizer.protocol.result import RedoAnswer
from colorizer.server import bundle, limits, packing, pixels, redo, request, surveys
from colorizer.server.bundle import Bundle
from colorizer.server.delivered import Decoder
from colorizer.server.packing import Blobs
from colorizer.server.pipe import Buffer
from colorizer.server.redo import Repairing


class JobReport(Report, Protocol):
    """An engine's report that also receives the result."""

    def finish(self, preview: bytes, bundle: list[Buffer], record: dict[str, Any]) -> None:
        """Receives the flattened result as PNG, the result's bundle and its record."""


def run(data: Buffer, report: JobReport) -> None:
    """Runs one job from its bundle. Raises `ColorizerError`."""
    clock = _Clock()
    report.stage("Reading the pictures")
    job_bundle = bundle.read(data)
    job = request.read(job_bundle)
    _check_memory(job, job_bundle)
    inputs = decode_inputs(job, job_bundle)
    repairing = redo.decode(job, decoder_of(job, job_bundle), inputs)
    if repairing is not None:
        inputs = repairing.inputs
    facts = _Facts(inputs)
    clock.lap("decode")
    engine = registry.get(job.engine)
    device = choose_device()
    report.stage("Loading the model")
    engine.load(device, job.model)
    clock.lap("load")
    done = _work(engine, job, inputs, repairing, report)
    clock.lap("colorize")
    report.stage("Packing the layers")
    result, paper = done.result, facts.paper
    packed = packing.pack(lambda: _preview(done, paper), result, done.redo)
    clock.lap("encode")
    record = make_record(engine, inputs, result, device=device, seconds=clock.laps, hashes=facts.hashes)
    record |= {"task": job.task}
    record |= {"sketch_has_paper": paper.is_painted, "sketch_has_dark_paper": paper.is_dark}
    report.finish(packed.preview, packed.bundle(record), record)


def decoder_of(job: JobRequest, job_bundle: Bundle) -> Decoder:
    """The decoder for the pictures of one job."""
    return Decoder(job_bundle, job.canvas.width, job.canvas.height)


def decode_inputs(job: JobRequest, job_bundle: Bundle) -> ColorizeRequest:
    """Decodes the pictures of a job for the engines: sketch, mask and hints on the canvas, references in their own
    size.
    """
    decoder = decoder_of(job, job_bundle)
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
        corrections=tuple(Correction(one.x, one.y, one.colour) for one in job.corrections),
        swaps=tuple(Swap(swap.before, swap.after) for swap in job.swaps),
        model=job.model,
        seed=job.seed,
        options=job.options,
    )


def _reference(picture: Picture, mask: NDArray[np.uint8] | None) -> Reference:
    if mask is None:
        return Reference(picture)
    return Reference(picture, fit_mask(pixels.as_mask(mask), picture.shape[1], picture.shape[0]))


@dataclasses.dataclass(frozen=True)
class _Done:
    """A job's result, and the layers and lines of its preview."""

    result: Result
    shown: tuple[Layer, ...]
    lines: Picture
    redo: Callable[[Blobs], RedoAnswer] | None = None


def _work(
    engine: Engine, job: JobRequest, inputs: ColorizeRequest, repairing: Repairing | None, report: Report
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
    if repairing is None:
        return _Done(last_stage.with_key_strokes(result, inputs), result.layers, inputs.sketch)
    report.stage("Keeping the rest")
    repaired = last_stage.keep_the_rest(result, inputs, repairing.redo)
    answer = partial(repairing.answer, repaired)
    return _Done(repairing.checked(repaired), repaired.shown, inputs.sketch, answer)


def _coloured(engine: Engine, job: JobRequest, inputs: ColorizeRequest, report: Report) -> Result:
    if not job.sequence:
        return last_stage.colorize(engine, inputs, report)
    assert isinstance(engine, SequenceEngine)
    result = surveys.colorize(engine, inputs, job.sequence, choose_device(), report)
    return last_stage.with_edits(result, inputs)


def _preview(done: _Done, paper: Paper) -> bytes:
    return pixels.encode_preview(layering.preview(done.shown, done.lines, limits.PREVIEW_PX, paper))


def _check_memory(job: JobRequest, job_bundle: Bundle) -> None:
    """Refuses a job if the memory isn't enough for its pictures (inputs, sketch on its canvas, one result layer)."""
    import psutil

    canvas_bytes = job.canvas.width * job.canvas.height * 4
    needed = sum(blob.info.decoded_bytes for blob in job_bundle.blobs) + 2 * canvas_bytes
    free = psutil.virtual_memory().available
    if needed > free:
        raise OutOfMemory(
            f"This job needs at least {needed / 2**30:.1f} GiB of memory, but only {free / 2**30:.1f} GiB are free. "
            "Close other programs or use smaller pictures."
        )


class _Facts:
    """What the record says of a job's pictures, computed on a thread while the engine works."""

    def __init__(self, inputs: ColorizeRequest) -> None:
        pool = ThreadPoolExecutor(1)
        self._paper = pool.submit(find_paper, inputs.sketch)
        self._hashes = pool.submit(hash_inputs, inputs)
        pool.shutdown(wait=False)

    @property
    def paper(self) -> Paper:
        """The sketch's paper. Waits until it is found."""
        return self._paper.result()

    @property
    def hashes(self) -> dict[str, Any]:
        """The hashes by the fields of the request. Waits until they are computed."""
        return self._hashes.result()


class _Clock:
    """Measures the seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 4)
        self._last = now
