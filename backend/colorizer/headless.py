"""Colours files without Krita, for `colorize run`.

Reads the pictures, lets an engine colour them and writes OpenRaster or PNG. The artist's files are never changed.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colorizer.engines.base import (
    Binding,
    ColorizeRequest,
    Mask,
    Mode,
    Options,
    Picture,
    Reference,
    Result,
    Swap,
)
from colorizer.errors import InvalidInput
from colorizer.progress import ProgressBar


@dataclass(frozen=True)
class Job:
    """One sketch file to colour, with the options of `colorize run`."""

    sketch: Path
    references: tuple[Path, ...]
    output: Path
    engine: str = "match"
    model: str = ""
    mode: Mode = Mode.WHOLE
    sketch_mask: Path | None = None
    reference_masks: tuple[Path, ...] = ()
    """Empty, or one for each reference."""
    background: Path | None = None
    hints: Path | None = None
    bindings: tuple[Binding, ...] = ()
    swaps: tuple[Swap, ...] = ()
    seed: int = 0
    options: Options = Options()
    device: str = "auto"


class _Reporter:
    """An engine's `Report` that moves a progress bar."""

    def __init__(self, progress: ProgressBar) -> None:
        self._progress = progress

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        self._progress.stage(name, done, total)

    def preview(self, picture: object) -> None:
        """Does nothing: the command line can't show previews."""


def colorize_file(job: Job, progress: ProgressBar) -> dict[str, Any]:
    """Colours one file, writes the result and returns its record.

    Raises `ColorizerError` if the input can't be used or the colouring fails; then nothing is written.
    """
    from colorizer.engines.last_stage import colorize
    from colorizer.engines.record import make_record
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    engine = get(job.engine)
    start = time.perf_counter()
    progress.stage("Reading the pictures")
    request = read_request(job)
    decoded = time.perf_counter()
    device = choose_device(job.device)
    engine.load(device, job.model)
    result = colorize(engine, request, _Reporter(progress))
    colorized = time.perf_counter()
    progress.stage("Writing the result")
    _write(job, request, result)
    seconds = {
        "decode": decoded - start,
        "colorize": colorized - decoded,
        "encode": time.perf_counter() - colorized,
    }
    record = make_record(engine, request, result, device=device, seconds=seconds)
    places = (
        [asdict(place) | {"kind": place.kind.value} for place in result.check.places]
        if result.check
        else None
    )
    return {**record, "check": places, "output": str(job.output)}


def read_request(job: Job) -> ColorizeRequest:
    """Reads all pictures of a job."""
    from colorizer.imaging.pictures import read_picture

    masks: tuple[Path | None, ...] = job.reference_masks or (None,) * len(job.references)
    read = (job.sketch, *job.references, *masks, job.sketch_mask, job.background, job.hints)
    if job.output.resolve() in {path.resolve() for path in read if path is not None}:
        raise InvalidInput(f"{job.output} is one of the input pictures. Choose another name for the result.")
    references = tuple(
        Reference(read_picture(path), _read_mask(mask))
        for path, mask in zip(job.references, masks, strict=True)
    )
    sketch = read_picture(job.sketch)
    return ColorizeRequest(
        sketch=sketch,
        references=references,
        mode=job.mode,
        sketch_mask=_read_mask(job.sketch_mask),
        background=read_picture(job.background) if job.background else None,
        hints=_read_hints(job.hints, sketch) if job.hints else None,
        bindings=job.bindings,
        swaps=job.swaps,
        model=job.model,
        seed=job.seed,
        options=job.options,
    )


def _read_mask(path: Path | None) -> Mask | None:
    from colorizer.imaging.masks import mask_from_picture
    from colorizer.imaging.pictures import read_picture

    return mask_from_picture(read_picture(path)) if path else None


def _read_hints(path: Path, sketch: Picture) -> Picture:
    from colorizer.imaging.pictures import read_picture

    hints = read_picture(path)
    if hints.shape != sketch.shape:
        raise InvalidInput(
            f"{path} is {hints.shape[1]} x {hints.shape[0]} px, but the sketch is {sketch.shape[1]} x"
            f" {sketch.shape[0]} px. Give a picture of hints that has the sketch's size."
        )
    if hints[..., 3].min() > 127:
        raise InvalidInput(f"{path} is opaque everywhere. Draw the hints on a transparent picture.")
    return hints


def read_binding(words: str) -> Binding:
    """Parses "X,Y=REFERENCE:X,Y"; references are numbered from 1. Raises `ValueError` with a sentence."""
    found = re.fullmatch(r"(\d+),(\d+)=([1-9]\d*):(\d+),(\d+)", words)
    if found is None:
        raise ValueError(f"{words!r} is not of the form 10,20=1:30,40")
    x, y, reference, reference_x, reference_y = (int(number) for number in found.groups())
    return Binding(x, y, reference - 1, reference_x, reference_y)


def read_swap(words: str) -> Swap:
    """Parses "#rrggbb=#rrggbb". Raises `ValueError` with a sentence."""
    found = re.fullmatch(r"(#[0-9a-f]{6})=(#[0-9a-f]{6})", words.lower())
    if found is None:
        raise ValueError(f"{words!r} is not of the form #aabbcc=#112233")
    return Swap(*found.groups())


def _write(job: Job, request: ColorizeRequest, result: Result) -> None:
    from colorizer.imaging.check import check_layer
    from colorizer.imaging.layers import with_lines
    from colorizer.imaging.lines import clean_lines
    from colorizer.imaging.openraster import write_openraster
    from colorizer.imaging.pictures import write_png

    layers, sketch = result.layers, clean_lines(request.sketch, result.report.get("coloured_lines", ""))
    if job.output.suffix.lower() == ".ora":
        name = f"Colorized · {job.references[0].stem} · seed {job.seed}"
        hidden = [check_layer(result.check)] if result.check else []
        write_openraster(job.output, layers, sketch, name=name, hidden=hidden)
    else:
        write_png(job.output, with_lines(layers, sketch))
