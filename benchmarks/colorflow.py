"""ColorFlow's time and memory for a page against the size of its pool, with small random weights.

    python benchmarks/colorflow.py [--pools 1,2,4,8,12,16,32,64] [--side 640] [--steps 4]

Each pool runs in a process of its own. `first` is a page with a pool never seen, `again` another page with the same
pool, `retrieval` the part of `again` that is spent on the pool: fitting, hashing, embedding the page's four patches,
choosing, stitching. The networks are far smaller than the published ones, so a page takes far less time here than with
those, whereas most of the work on the pool is the same: with published weights the share is smaller.
The published curve is the anchor: ColorFlow 1.03 s a step and 36.4 GB at 12 references (one GPU, 640 x 1024), Cobra
0.31 s and 9.3 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

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


def measure(pool: int, side: int, steps: int) -> dict[str, float]:
    """Seconds and MB for one pool size, in this process."""
    from colorizer.engines.base import ColorizeRequest, Options, Reference
    from colorizer.engines.colorflow import page
    from colorizer.engines.colorflow.engine import ColorFlowEngine

    class Quiet:
        def stage(self, *_: object) -> None: ...
        def preview(self, _: object) -> None: ...

    engine = ColorFlowEngine()
    engine._model = small_model()
    engine.load = lambda *_: None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    random = np.random.default_rng(0)
    references = tuple(Reference(drawing(random, 1536, 1024)) for _ in range(pool))
    pages = [drawing(random, 960, 960, lines=True) for _ in range(2)]
    spent: list[float] = []
    canvas, fitted = page._canvas, engine._fitted
    page._canvas = timed(canvas, spent)
    engine._fitted = timed(fitted, spent)
    times = []
    for sketch in pages:
        spent.clear()
        start = time.perf_counter()
        options = Options(steps=steps, size=side, palette_lock=False)
        engine.colorize(ColorizeRequest(sketch, references, options=options), Quiet())
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "first": times[0],
        "again": times[1],
        "retrieval": sum(spent),
        "peak_mb": peak,
        "before_mb": before,
    }


def timed(function, spent: list[float]):
    """The same function, its seconds written down."""

    def call(*arguments):
        start = time.perf_counter()
        result = function(*arguments)
        spent.append(time.perf_counter() - start)
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
        print(json.dumps(measure(options.one, options.side, options.steps)))
        return
    print(f"{options.side} px, {options.steps} steps")
    print("pool   first s   again s   retrieval s   share of again   peak MB")
    for pool in map(int, options.pools.split(",")):
        command = [sys.executable, __file__, "--one", str(pool), "--side", str(options.side), "--steps"]
        done = subprocess.run([*command, str(options.steps)], check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        share = row["retrieval"] / row["again"]
        print(
            f"{pool:4d}  {row['first']:8.2f}  {row['again']:8.2f}  {row['retrieval']:12.3f}  {share:15.1%}"
            f"  {row['peak_mb']:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
