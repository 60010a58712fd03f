"""One tiny engine of every name in the registry, with random weights, for the battery that all of them have to pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import match_stand_ins
import tiny_colorflow
import tiny_colorize_diffusion
import tiny_flux2_klein
import torch
from colorizer.engines.anime_diffusion.diffusion import ddim_scheduler
from colorizer.engines.anime_diffusion.engine import AnimeDiffusionEngine
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.engines.base import Engine
from colorizer.engines.colorflow.engine import ColorFlowEngine
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.flux2_klein.engine import Flux2KleinEngine


def _anime_diffusion(folder: Path) -> Engine:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = AnimeDiffusionUNet(channel_base=32, channel_mult=(1, 1), n_res_blocks=1)
    AnimeDiffusionPipeline(unet, ddim_scheduler()).save_pretrained(folder / "tiny")
    return AnimeDiffusionEngine(folder)


def _colorflow(folder: Path) -> Engine:
    (folder / "tiny").mkdir()
    tiny_colorflow.make_pixart().save(folder / "tiny")
    return ColorFlowEngine(folder)


def _colorize_diffusion(folder: Path) -> Engine:
    tiny_colorize_diffusion.make(Version.V2).save_pretrained(folder / "tiny")
    return ColorizeDiffusionEngine(folder)


def _flux2_klein(folder: Path) -> Engine:
    tiny_flux2_klein.make().save_pretrained(folder / "tiny")
    return Flux2KleinEngine(folder)


MAKERS: dict[str, Callable[[Path], Engine]] = {
    "match": lambda _: match_stand_ins.engine(match_stand_ins.random_network()),
    "anime_diffusion": _anime_diffusion,
    "colorflow": _colorflow,
    "colorize_diffusion": _colorize_diffusion,
    "flux2_klein": _flux2_klein,
}
"""By the registry's names. `folder` is empty and for the engine's models."""
