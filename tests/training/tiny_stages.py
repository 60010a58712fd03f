"""ColorizeDiffusion's stages, tiny: a few steps each, the one's product the other's start."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from colorizer_lab.training.colorize_diffusion.config import Augmentation, Sizes, Stage, TrainingConfig
from colorizer_lab.training.colorize_diffusion.trainer import train

TINY = TrainingConfig(
    stage=Stage.AUTOENCODER,
    drawings=6,
    crops=((64, 64),),
    sizes=Sizes(
        widths=(32, 32, 64, 64),
        context_dim=32,
        head_dim=16,
        autoencoder=(8, 8, 8, 8),
        tower_width=32,
        tower_layers=1,
        tower_patch=32,
        tower_side=64,
        recovery_layers=1,
    ),
    augmentation=Augmentation(mask_block=(8, 8), mirror=0.5, recolour=0.5, pairs=0.5, white_background=0.5),
    steps=2,
    batch=2,
    warmup_steps=1,
    learning_rate=1e-3,
    log_every=1,
    save_every=100,
    sheet=0,
    held_out=2,
)
BEFORE = {
    Stage.V1_NOISY: Stage.AUTOENCODER,
    Stage.V1: Stage.V1_NOISY,
    Stage.V1_5_BACKGROUND: Stage.V1,
    Stage.V1_5_FOREGROUND: Stage.V1_5_BACKGROUND,
    Stage.V2_BACKGROUND: Stage.V1,
    Stage.V2_STYLE: Stage.V2_BACKGROUND,
    Stage.DISTIL: Stage.V2_STYLE,
}


class Chain:
    """Runs of all stages in one folder, each trained when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = cache(self._run)

    def model(self, stage: Stage) -> Path:
        """What a stage left."""
        return self.run(stage) / "model"

    def config(self, stage: Stage, **changes: object) -> TrainingConfig:
        """A stage's settings."""
        start = self.model(BEFORE[stage]) if stage in BEFORE else None
        tower = stage is Stage.V1_NOISY
        return replace(TINY, stage=stage, start=start, train_tower=tower, **changes)

    def _run(self, stage: Stage) -> Path:
        out = self.folder / stage.value
        train(out, recipe=self.config(stage))
        return out
