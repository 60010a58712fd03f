"""Writes a training's products: the model folder for the engine, a sheet of samples, and the installed model.

The product is the stage's start with the averaged weights of the trained networks; a fine-tuning's LoRA is merged.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from colorizer.engines.cards import CARD, NAME, Card, models_folder
from colorizer.engines.colorize_diffusion.conditioning import Pictures
from colorizer.engines.colorize_diffusion.noise import Spacing
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.postprocess import to_picture
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Guidance, Modes, Version
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from numpy.typing import NDArray
from torch import Tensor

from colorizer_lab.training.colorize_diffusion import data, networks
from colorizer_lab.training.colorize_diffusion.batches import Batch, Batches
from colorizer_lab.training.colorize_diffusion.config import Augmentation, Stage, TrainingConfig
from colorizer_lab.training.colorize_diffusion.distillation import STUDENT_STEPS
from colorizer_lab.training.loop import save_folder

MODEL_FOLDER = "model"
SHEET_FILE = "sheet.png"
SCALED_OVER = 8
"""Number of batches that the autoencoder's scaling factor is computed from."""
FULL_MODES = {
    Version.V1: Modes(),
    Version.V1_5: Modes(foreground=True, background=True),
    Version.V2: Modes(background=True, style=True),
}
LICENCE = "own"
ENGINE = "colorize_diffusion"


def save(config: TrainingConfig, weights: dict[str, Tensor], out: Path) -> dict[str, Any]:
    """Writes `model/` and the sheet from the averaged weights, and returns their `held_out_loss`."""
    work = networks.work(config)
    result = work.loss.load_state_dict(weights, strict=False)
    assert not result.unexpected_keys, result.unexpected_keys[:3]
    work.loss.eval()
    figures = held_out_loss(config, work)
    if work.model is None:
        vae: Any = work.loss.vae
        vae.register_to_config(scaling_factor=_latent_scale(config, vae))
        save_folder(out / MODEL_FOLDER, lambda folder: vae.save_pretrained(folder / "vae"))
        picture = _reconstructions(config, vae)
    else:
        networks.merge_own_lora(work.model.unet)
        picture = _samples(config, work.model)
        save_folder(out / MODEL_FOLDER, partial(_write_model, config, work.model))
    if picture is not None:
        write_png(out / SHEET_FILE, picture)
    return figures


def _write_model(config: TrainingConfig, model: ColorizeDiffusionPipeline, folder: Path) -> None:
    """Writes the pipeline, and for a distilled model a card with the number of steps that it was trained for."""
    model.save_pretrained(folder)
    if config.stage is Stage.DISTIL:
        card = {"engine": ENGINE, "steps": STUDENT_STEPS}
        (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")


@torch.no_grad()
def held_out_loss(config: TrainingConfig, work: networks.Work) -> dict[str, Any]:
    """The loss on held-out drawings, which are always the same; empty if it is switched off.

    `held_out` is the mean, `held_out_batches` are the losses of the batches, so that two moments of a run can be
    compared by paired differences.
    """
    if config.data is not None or not config.held_out:
        return {}
    seen = replace(config, batch=min(config.batch, config.held_out))
    batches = Batches(held_out(config), seen, work.latent_channels)
    losses = [float(work.loss(batches.of(step))) for step in range(config.held_out // seen.batch)]
    return {
        "held_out": round(float(np.mean(losses)), 5),
        "held_out_batches": [round(loss, 6) for loss in losses],
    }


def held_out(config: TrainingConfig) -> data.Source:
    """Data for samples: held-out drawings if the training data are procedural drawings."""
    if config.data is not None:
        return data.source(config)
    return data.source(replace(config, first_drawing=0, drawings=10_000))


def look(config: TrainingConfig, count: int, *, pairs: bool) -> Batch:
    """The first `count` held-out pictures without augmentation; with `pairs`, the reference is another picture."""
    plain = Augmentation(pairs=float(pairs), mask_block=(0, 0))
    seen = replace(config, augmentation=plain, batch=count, crops=config.crops[:1])
    return Batches(held_out(config), seen, latent_channels=1).of(0)


def pictures_of(batch: Batch, number: int) -> Pictures:
    """One sample of a batch as the pipeline's input."""
    one = slice(number, number + 1)
    return Pictures(
        batch.sketch[one],
        reference=batch.reference[one],
        sketch_mask=batch.sketch_mask[one],
        reference_mask=batch.reference_mask[one],
        region_colours=batch.region_colours[one] if batch.region_colours.shape[1] else None,
    )


def _samples(config: TrainingConfig, model: ColorizeDiffusionPipeline) -> NDArray[np.uint8] | None:
    """The sheet with a row per picture: sketch, reference, result without and with all modules, truth."""
    if not config.sheet:
        return None
    batch = look(config, config.sheet, pairs=True)
    distilled = config.stage is Stage.DISTIL
    guidance = Guidance(reference=1.0 if distilled else config.guidance)
    steps = Steps(Sampler.EULER, Spacing.SGM_UNIFORM, STUDENT_STEPS if distilled else 12)
    rows = []
    for number in range(config.sheet):
        pictures = pictures_of(batch, number)
        drawn = [
            model(pictures, DiffusionSettings(modes=modes, guidance=guidance), steps)
            for modes in (Modes(), FULL_MODES[model.version])
        ]
        one = slice(number, number + 1)
        rows.append([-batch.sketch[one], batch.reference[one], *drawn, batch.truth[one]])
    return _sheet(rows)


@torch.no_grad()
def _reconstructions(config: TrainingConfig, vae: Any) -> NDArray[np.uint8] | None:
    if not config.sheet:
        return None
    truth = look(config, config.sheet, pairs=False).truth
    drawn = vae.decode(vae.encode(truth).latent_dist.mean).sample
    return _sheet([[truth[i : i + 1], drawn[i : i + 1]] for i in range(config.sheet)])


def _sheet(rows: list[list[Tensor]]) -> NDArray[np.uint8]:
    height, width = rows[0][0].shape[-2:]
    tiles = [[_tile(to_picture(one), height, width) for one in row] for row in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in tiles])


def _tile(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@torch.no_grad()
def _latent_scale(config: TrainingConfig, vae: Any) -> float:
    """The factor that scales latents to a standard deviation of 1, as the noise schedule expects."""
    batches = Batches(data.source(config), config, config.sizes.latent_channels)
    latents = [vae.encode(batches.of(step).truth).latent_dist.mean for step in range(SCALED_OVER)]
    return float(1 / torch.cat(latents).std())


def check_name(config: TrainingConfig, out: Path) -> None:
    """Raises `InvalidInput` if a fine-tuned model cannot be named after its folder."""
    if config.stage is not Stage.FINE_TUNE:
        return
    target = models_folder() / out.resolve().name
    if not NAME.fullmatch(target.name):
        raise InvalidInput(
            f"The model is named after --out, and {target.name!r} can't be a model's name. Use letters, digits, - or _."
        )
    if target.exists() and not _is_of(target, out):
        raise InvalidInput(f"Another model is named {target.name}. Choose another folder with --out.")


def install(config: TrainingConfig, out: Path) -> None:
    """Installs a fine-tuned model in the user's models folder, with its card."""
    if config.stage is not Stage.FINE_TUNE:
        return
    target = models_folder() / out.resolve().name
    target.parent.mkdir(parents=True, exist_ok=True)
    start = (config.start and Card.read(config.start)) or Card(ENGINE)
    card = {
        "engine": ENGINE,
        "title": f"{target.name} (own, from {config.start.name if config.start else '?'})",
        "licence": f"{start.licence or LICENCE}; fine-tuned on your pictures",
        "steps": start.steps,
        "source": _source(out),
    }

    def write(folder: Path) -> None:
        shutil.copytree(out / MODEL_FOLDER, folder)
        (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")

    save_folder(target, write)


def _source(out: Path) -> str:
    return f"trained in {out.resolve()}"


def _is_of(target: Path, out: Path) -> bool:
    try:
        card = json.loads((target / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(card.get("source") == _source(out))
