"""Colours files without Krita: what `colorize run` does.

Reads pictures, asks an engine, writes OpenRaster or PNG. The artist's files are only ever read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.engines.base import ColorizeRequest, Mask, Mode, Options, Picture, Reference
from colorizer.errors import InvalidInput
from colorizer.progress import Progress


@dataclass(frozen=True)
class Job:
    """One sketch file to colour; `reference_masks` is empty or has one for each reference."""

    sketch: Path
    references: tuple[Path, ...]
    output: Path
    engine: str = "match"
    model: str = ""
    mode: Mode = Mode.WHOLE
    sketch_mask: Path | None = None
    reference_masks: tuple[Path, ...] = ()
    background: Path | None = None
    seed: int = 0
    options: Options = Options()
    device: str = "auto"


class _Reporter:
    """An engine's `Report` that moves a progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        self._progress.stage(name, done, total)

    def preview(self, picture: object) -> None:
        """Nobody looks at previews on the command line."""


def colorize_file(job: Job, progress: Progress) -> dict[str, Any]:
    """Colours one file and writes the result; returns the record.

    Raises `ColorizerError` with a sentence for what the artist can put right; nothing is written then.
    """
    from colorizer.engines.device import choose_device
    from colorizer.engines.record import make_record
    from colorizer.engines.registry import get

    engine = get(job.engine)
    start = time.perf_counter()
    progress.stage("Reading the pictures")
    request = read_request(job)
    decoded = time.perf_counter()
    device = choose_device(job.device)
    engine.load(device, job.model)
    result = engine.colorize(request, _Reporter(progress))
    colorized = time.perf_counter()
    progress.stage("Writing the result")
    _write(job, request, result.layers)
    seconds = {
        "decode": decoded - start,
        "colorize": colorized - decoded,
        "encode": time.perf_counter() - colorized,
    }
    record = make_record(engine, request, result, device=device, seconds=seconds)
    return {**record, "output": str(job.output)}


def read_request(job: Job) -> ColorizeRequest:
    """Reads all pictures of a job."""
    from colorizer.imaging.pictures import read_picture

    masks: tuple[Path | None, ...] = job.reference_masks or (None,) * len(job.references)
    references = tuple(
        Reference(read_picture(path), _read_mask(mask))
        for path, mask in zip(job.references, masks, strict=True)
    )
    if job.output.resolve() in {path.resolve() for path in (job.sketch, *job.references)}:
        raise InvalidInput(
            f"{job.output} is one of the pictures that are read. Choose another name for the result."
        )
    return ColorizeRequest(
        sketch=read_picture(job.sketch),
        references=references,
        mode=job.mode,
        sketch_mask=_read_mask(job.sketch_mask),
        background=read_picture(job.background) if job.background else None,
        model=job.model,
        seed=job.seed,
        options=job.options,
    )


def _read_mask(path: Path | None) -> Mask | None:
    from colorizer.imaging.masks import mask_from_picture
    from colorizer.imaging.pictures import read_picture

    return mask_from_picture(read_picture(path)) if path else None


def _write(job: Job, request: ColorizeRequest, layers: Any) -> None:
    from colorizer.imaging.layers import with_lines
    from colorizer.imaging.openraster import write_openraster
    from colorizer.imaging.pictures import write_png

    sketch: Picture = request.sketch
    if job.output.suffix.lower() == ".ora":
        write_openraster(
            job.output, layers, sketch, name=f"Colorized · {job.references[0].stem} · seed {job.seed}"
        )
    else:
        write_png(job.output, with_lines(layers, sketch))
