"""Evaluates an engine on a benchmark of the papers, as a row of their tables: CLIP-IS, FID, PSNR, SSIM, and more.

Results are compared with the truth at the truth's size, with the lines drawn over both. The report names the feature
networks; see `features`. Pictures that an engine refuses are counted and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from colorizer.engines.base import ColorizeRequest, Engine, Options, Reference
from colorizer.errors import ColorizerError
from colorizer.imaging.layers import with_lines
from colorizer.imaging.pictures import over_white, read_picture
from colorizer.imaging.values import RGB

from colorizer_lab.evaluation import likeness
from colorizer_lab.evaluation.benchmarks import Example, Layout, read_benchmark
from colorizer_lab.evaluation.features import (
    Aesthetics,
    BuiltIn,
    FeatureNetwork,
    frechet_distance,
    image_similarity,
)
from colorizer_lab.evaluation.report import Stage, write_json
from colorizer_lab.silent import Silent

COLUMNS = {
    "clip_is": "CLIP-IS ^",
    "fid": "FID v",
    "psnr": "PSNR ^",
    "ssim": "SSIM ^",
    "ms_ssim": "MS-SSIM ^",
    "aesthetic": "AS ^",
    "delta_e": "dE00 v",
    "palette": "palette v",
}
"""For each metric, its heading and whether more or less is better."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, the engine to evaluate, and the feature networks."""

    folder: Path
    layout: Layout
    engine: str
    model: str = ""
    options: Options = Options()
    cross: bool = False
    limit: int | None = None
    network: FeatureNetwork = field(default_factory=BuiltIn)
    aesthetics: Aesthetics | None = None
    fid_network: FeatureNetwork | None = None
    """The network for FID, for which papers use Inception; None: `network`."""


def measure(
    benchmark: Benchmark,
    beside: Sequence[str] = (),
    *,
    report: Path | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Colours every example and computes the metrics.

    Args:
        benchmark: the benchmark and the engine.
        beside: other engines to evaluate, each with its default model.
        report: file to write the figures to.
        progress: called with the progress.

    Returns:
        `engine`, `model`, `layout`, `cross`, `examples`, `refused`, `network`, `fid_network`, `mean` (figures as in
        `COLUMNS`, None if there is none), `items`, and `beside`: the same of the other engines. JSON values only.

    Raises:
        ColorizerError: the engine or its weights do not exist, or the folder has another layout.
    """
    others = [replace(benchmark, engine=name, model="") for name in beside]
    result, *rows = [_measured(one, progress) for one in (benchmark, *others)]
    result["beside"] = rows
    if report is not None:
        write_json(report, result)
    return result


def _measured(benchmark: Benchmark, progress: Stage | None) -> dict[str, Any]:
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    examples = read_benchmark(benchmark.folder, benchmark.layout, cross=benchmark.cross)[: benchmark.limit]
    engine = get(benchmark.engine)
    engine.load(choose_device("auto"), benchmark.model)
    items: list[dict[str, Any]] = []
    ours, truths = [], []
    for number, example in enumerate(examples):
        if progress is not None:
            progress(f"Colouring {example.name}", number, len(examples))
        try:
            made, truth = _coloured(engine, example, benchmark)
        except ColorizerError as error:
            items.append({"name": example.name, "sentence": str(error)})
            continue
        items.append({"name": example.name, **_pixel_figures(made, truth)})
        ours.append(made)
        truths.append(truth)
    return {
        "engine": benchmark.engine,
        "model": benchmark.model,
        "layout": benchmark.layout.value,
        "cross": benchmark.cross,
        "examples": len(examples),
        "refused": len(examples) - len(ours),
        "network": benchmark.network.name,
        "fid_network": (benchmark.fid_network or benchmark.network).name,
        "mean": _means(items) | _network_figures(benchmark, ours, truths),
        "items": items,
    }


def table(first: dict[str, Any]) -> str:
    """Formats a table with a row per engine, for a terminal."""
    widths = {name: max(len(title), 8) for name, title in COLUMNS.items()}
    head = "  ".join(title.rjust(widths[name]) for name, title in COLUMNS.items())
    lines = [
        f"{first['examples']} pictures, features: {first['network']}, for FID: {first['fid_network']}",
        f"{'':24}{head}",
    ]
    for figures in (first, *first["beside"]):
        cells = "  ".join(_cell(name, figures["mean"][name]).rjust(widths[name]) for name in COLUMNS)
        named = f"{figures['engine']} {figures['model']}".strip()
        refused = f"  ({figures['refused']} refused)" if figures["refused"] else ""
        lines.append(f"{named:24}{cells}{refused}")
    return "\n".join(lines)


def _coloured(engine: Engine, example: Example, benchmark: Benchmark) -> tuple[RGB, RGB]:
    """The result with its lines and the truth, both of the truth's size."""
    sketch = read_picture(example.sketch)
    references = tuple(Reference(picture) for picture in example.pool()[: engine.info.max_references])
    request = ColorizeRequest(sketch, references, model=benchmark.model, options=benchmark.options)
    result = engine.colorize(request, Silent())
    truth = over_white(read_picture(example.truth))
    made = over_white(with_lines(result.layers, sketch))
    if made.shape != truth.shape:
        made = cv2.resize(made, truth.shape[1::-1], interpolation=cv2.INTER_AREA)
    return made, truth


def _pixel_figures(made: RGB, truth: RGB) -> dict[str, float | None]:
    ours, theirs = made.astype(np.float64) / 255, truth.astype(np.float64) / 255
    return {
        "psnr": min(likeness.psnr(ours, theirs), 100.0),
        "ssim": likeness.ssim(ours, theirs),
        "ms_ssim": likeness.ms_ssim(ours, theirs),
        "delta_e": likeness.delta_e(ours, theirs),
        "palette": likeness.palette_distance(ours, theirs),
    }


def _network_figures(benchmark: Benchmark, ours: list[RGB], truths: list[RGB]) -> dict[str, float | None]:
    if not ours:
        return {"clip_is": None, "fid": None, "aesthetic": None}
    made, true = (benchmark.network.features(pictures) for pictures in (ours, truths))
    pleasing, fid = benchmark.aesthetics, (made, true)
    if benchmark.fid_network is not None:
        fid = (benchmark.fid_network.features(ours), benchmark.fid_network.features(truths))
    return {
        "clip_is": image_similarity(made, true),
        "fid": frechet_distance(*fid) if len(ours) > 1 else None,
        "aesthetic": float(pleasing.scores(ours).mean()) if pleasing is not None else None,
    }


def _means(items: list[dict[str, Any]]) -> dict[str, float | None]:
    means: dict[str, float | None] = dict.fromkeys(("psnr", "ssim", "ms_ssim", "delta_e", "palette"))
    for name in means:
        values = [item[name] for item in items if item.get(name) is not None]
        means[name] = float(np.mean(values)) if values else None
    return means


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name in ("clip_is", "ssim", "ms_ssim") else f"{value:.2f}"
