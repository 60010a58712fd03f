"""ColorFlow's time and memory for a page against the size of its pool, with small random weights.

    python benchmarks/colorflow.py [--pools 1,2,4,8,12,16,32,64] [--side 640] [--steps 4]

Each pool runs in a process of its own, on one thread; seconds are the process's, not the clock's. `first` is a page
with a pool never seen, `again` another page with the same pool, as a batch has it, `job` a third whose pool was
decoded anew, as jobs from Krita have it. `on pool` is the part that is spent on the pool: fitting, hashing, embedding
the page's four patches, choosing, stitching, the references' palettes. The networks are far smaller than the published
ones: what they take is reckoned in docs/speed.md.
The published curve is the anchor: ColorFlow 1.03 s a step and 36.4 GB at 12 references (one GPU, 640 x 1024), Cobra
0.31 s and 9.3 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def small_model():
    """Both networks' layout at an eighth of the width."""
    import torch
    from colorizer.engines.colorflow.image_tower import ImageTower
    from colorizer.engines.colorflow.input_style import InputStyle
    from colorizer.engines.colorflow.model import ColorFlowModel
    from colorizer.engines.colorflow.prompts import Prompts
    from colorizer.engines.colorflow.sd_guider import SDGuider
    from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline, sd_scheduler
    from colorizer.engines.colorflow.super_resolution import FusionNet
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    widths = (32, 64, 128, 128)
    unet = UNet2DConditionModel(block_out_channels=widths, cross_attention_dim=96, attention_head_dim=4)
    guider = SDGuider(block_out_channels=widths, attention_head_dim=4)
    thin = (32, 32, 32, 32)
    vae = AutoencoderKL(
        block_out_channels=thin,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()
    prompts = Prompts.of(torch.randn(77, 96), torch.randn(77, 96))
    pipeline = ColorFlowSDPipeline(unet.eval(), guider.eval(), vae, sd_scheduler(), prompts)
    pipeline.set_progress_bar_config(disable=True)
    sizes = {"hidden_size": 160, "intermediate_size": 640, "num_hidden_layers": 8, "num_attention_heads": 8}
    tower = CLIPVisionConfig(**sizes, image_size=224, patch_size=14, projection_dim=128)
    fusion = FusionNet((thin[0], *thin)).eval()
    return ColorFlowModel(
        InputStyle.LINES, pipeline, ImageTower(CLIPVisionModelWithProjection(tower)), fusion
    )


@dataclass
class Page:
    """Seconds of one page."""

    whole: float
    on_pool: float


def measure(pool: int, side: int, steps: int, home: Path) -> dict[str, float]:
    """Seconds and MB for one pool size, in this process."""
    import torch
    from colorizer.engines.base import ColorizeRequest, Options, Reference
    from colorizer.engines.colorflow import page
    from colorizer.engines.colorflow.engine import ColorFlowEngine
    from colorizer_lab.silent import Silent

    torch.set_num_threads(1)
    small_model().save(home / "models" / "small")
    engine = ColorFlowEngine(home / "models")
    engine.load("cpu")
    spent: list[float] = []
    page._canvas = timed(page._canvas, spent)
    engine._fitted = timed(engine._fitted, spent)
    engine._palette = timed(engine._palette, spent)
    random = np.random.default_rng(0)
    pictures = [drawing(random, 1536, 1024) for _ in range(pool)]
    options = Options(steps=steps, size=side)

    def colour(pictures) -> Page:
        sketch = drawing(random, 960, 960, lines=True)
        request = ColorizeRequest(sketch, tuple(map(Reference, pictures)), options=options)
        spent.clear()
        start = time.process_time()
        engine.colorize(request, Silent())
        return Page(time.process_time() - start, sum(spent))

    before = peak_mb()
    first, again, job = colour(pictures), colour(pictures), colour([one.copy() for one in pictures])
    return {
        "first": first.whole,
        "again": again.whole,
        "again_on_pool": again.on_pool,
        "job": job.whole,
        "job_on_pool": job.on_pool,
        "before_mb": before,
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(function, spent: list[float]):
    """The same function, its seconds written down."""

    def call(*arguments):
        start = time.process_time()
        result = function(*arguments)
        spent.append(time.process_time() - start)
        return result

    return call


def drawing(random: np.random.Generator, height: int, width: int, *, lines: bool = False):
    """Boxes: as line art, or coloured."""
    import cv2

    picture = np.full((height, width, 3), 255, np.uint8)
    for _ in range(25):
        x, y, w, h = (int(v) for v in random.integers(0, [width, height, width // 2, height // 2]))
        if not lines:
            cv2.rectangle(picture, (x, y), (x + w, y + h), [int(v) for v in random.integers(60, 256, 3)], -1)
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 0, 0), 4)
    return np.dstack([picture, np.full((height, width), 255, np.uint8)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pools", default="1,2,4,8,12,16,32,64")
    parser.add_argument("--side", type=int, default=640, help="working size; 640 is the published area")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        home = Path(os.environ["COLORIZE_HOME"])
        print(json.dumps(measure(options.one, options.side, options.steps, home)))
        return
    print(f"{options.side} px, {options.steps} steps")
    print("pool   first s   again s   on pool s   share    job s   on pool s   share   before, peak MB")
    for pool in map(int, options.pools.split(",")):
        row = in_a_process(pool, options.side, options.steps)
        again, job = row["again_on_pool"] / row["again"], row["job_on_pool"] / row["job"]
        print(
            f"{pool:4d}  {row['first']:8.2f}  {row['again']:8.2f}  {row['again_on_pool']:10.3f}  {again:6.1%}"
            f" {row['job']:8.2f}  {row['job_on_pool']:10.3f}  {job:6.1%}"
            f"  {row['before_mb']:6.0f}, {row['peak_mb']:.0f}",
            flush=True,
        )


def in_a_process(pool: int, side: int, steps: int) -> dict[str, float]:
    """`measure` with a home and a process of its own."""
    words = ["--one", str(pool), "--side", str(side), "--steps", str(steps)]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, __file__, *words],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLORIZE_HOME": home, "OMP_NUM_THREADS": "1"},
        )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
