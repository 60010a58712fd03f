"""Trains a LoRA for FLUX.2 klein's base model: line art and a reference in, the coloured drawing out.

The inputs and the instruction are those of `engines.flux2_klein`. The model learns the velocity from noise to picture
(rectified flow, arXiv 2209.03003, with logit-normal times, arXiv 2403.03206). Only peft's adapters are trained. Items
come from `klein_lora_data`. Each step has a random generator seeded with its number, so a resumed training is identical
to an uninterrupted one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from colorizer.engines.cards import CARD
from colorizer.engines.flux2_klein import files, model
from colorizer.engines.flux2_klein.instructions import Shown, Subject, instruction
from colorizer.engines.flux2_klein.pictures import STEP
from colorizer.engines.models import Installed, quiet_libraries
from colorizer.errors import InvalidInput
from diffusers import Flux2KleinPipeline
from diffusers.training_utils import cast_training_params
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from colorizer_lab.training import Overrides
from colorizer_lab.training.klein_lora_data import Item, OwnDrawings, PictureFolder
from colorizer_lab.training.loop import (
    Descent,
    Pace,
    StopSignal,
    TrainingProgress,
    open_run,
    run,
    save_checkpoint,
    save_folder,
)

PRODUCT = "lora"
TARGETS = (
    r"transformer_blocks\.\d+\.attn\.(to_[qkv]|to_out\.0|add_[qkv]_proj|to_add_out)"
    r"|single_transformer_blocks\.\d+\.attn\.(to_qkv_mlp_proj|to_out)"
)
"""The attention layers of both kinds of blocks; in single blocks the two layers include the MLP."""
_ADAPTER = "default"


@dataclass(frozen=True)
class Recipe:
    """All settings that determine the trained LoRA, except the seed."""

    base: Path
    """Folder of an installed FLUX.2 klein base model."""
    data: Path | None = None
    """A folder of coloured pictures; None: procedural drawings."""
    size: int = 512
    rank: int = 16
    steps: int = 2000
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    log_every: int = 10
    save_every: int = 100


def settings(overrides: Overrides) -> Recipe:
    """The recipe with the command line's overrides. Raises `InvalidInput` for an unknown setting, or no base model."""
    if overrides.config or overrides.stage:
        raise InvalidInput("klein-lora takes only --from MODEL and --data.")
    installed = Installed(files.NAME, "FLUX.2 klein")
    folder = (
        Path(overrides.start)
        if Path(overrides.start).is_dir() and overrides.start
        else installed.find(overrides.start)
    )
    if folder is None:
        raise InvalidInput(
            "A LoRA is trained on FLUX.2 klein base, which isn't installed. Download flux2-klein-base-4b on the Models"
            " page, or give a model's folder with --from."
        )
    return Recipe(base=folder, data=overrides.data)


def train(
    out: Path,
    *,
    resume: bool = False,
    limit_minutes: float = math.inf,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    recipe: Recipe | None = None,
) -> None:
    """Trains until the recipe's last step, the time limit, or SIGINT/SIGTERM, whichever comes first.

    Writes to `out`: `checkpoint.pt` (the full state, to resume exactly), `training.jsonl` (metrics) and `lora/` (a
    model folder; move it into the models folder to use it).

    Raises:
        InvalidInput: `out` contains a training and `resume` is not set, or the other way round; or there is no base
            model, or no picture.
    """
    recipe = recipe or settings(Overrides())
    training = _Training(recipe, device, seed, open_run(out, resume=resume))
    pace = Pace(recipe.steps, recipe.log_every, recipe.save_every)
    run(training, out, pace, StopSignal(limit_minutes), progress)


class _Training(Descent):
    """The state of a training run."""

    def __init__(self, recipe: Recipe, device: str, seed: int, state: dict[str, Any] | None) -> None:
        super().__init__()
        quiet_libraries()
        self.recipe = recipe
        self._seed = state["seed"] if state else seed
        size = max(STEP, recipe.size // STEP * STEP)
        self._items = (
            PictureFolder(recipe.data, size, self._seed) if recipe.data else OwnDrawings(size, self._seed)
        )
        read = model.read(recipe.base)
        text = instruction(Subject.WHOLE, Shown(references=1))
        self._text = read.instructions.embed([text], lambda: None)[0].to(device)
        self._pipeline = read.pipeline.to(device)
        self._network = self._adapted(recipe.rank)
        trained = [parameter for parameter in self._network.parameters() if parameter.requires_grad]
        self._optimiser = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
        if state:
            self.step, self.losses = state["step"], state["losses"]
            set_peft_model_state_dict(self._network, state["lora"], adapter_name=_ADAPTER)
            self._optimiser.load_state_dict(state["optimiser"])

    def advance(self) -> None:
        """Runs one step; a step with a non-finite loss changes nothing."""
        generator = torch.Generator().manual_seed(self._seed * 2**40 + self.step)
        loss = self._loss(self._items.item(self.step), generator)
        self.descend(self._optimiser, "velocity", loss)

    def save(self, out: Path) -> None:
        """Writes the checkpoint and the LoRA."""
        state = {
            "step": self.step,
            "seed": self._seed,
            "losses": self.losses,
            "lora": get_peft_model_state_dict(self._network, adapter_name=_ADAPTER),
            "optimiser": self._optimiser.state_dict(),
        }
        save_checkpoint(out, state)
        save_folder(out / PRODUCT, self._write)

    def _write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        lora = get_peft_model_state_dict(self._network, adapter_name=_ADAPTER)
        Flux2KleinPipeline.save_lora_weights(
            folder, transformer_lora_layers=lora, weight_name=files.LORA_FILE
        )
        card = {"engine": files.LORA_ENGINE, "title": "LoRA of your own (FLUX.2 klein)", "licence": "own"}
        (folder / CARD).write_text(json.dumps(card) + "\n", encoding="utf-8")

    def _adapted(self, rank: int) -> Any:
        network = self._pipeline.transformer.requires_grad_(False).train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            network.add_adapter(
                LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=TARGETS),
                adapter_name=_ADAPTER,
            )
        cast_training_params(network, dtype=torch.float32)
        network.enable_gradient_checkpointing()
        return network

    def _loss(self, item: Item, generator: torch.Generator) -> Tensor:
        """Mean squared error of the predicted velocity (noise - picture)."""
        picture, places = self._latents([item.picture])
        shown, shown_places = self._latents([item.lines, item.reference])
        places = places.clone()
        places[..., 0] = 0  # the output is at time 0, the input pictures at 10 and 20
        noise = torch.randn(picture.shape, generator=generator).to(picture)
        time = torch.sigmoid(torch.randn(1, generator=generator)).to(picture)
        mixed = (1 - time) * picture + time * noise
        network, dtype = self._network, self._pipeline.vae.dtype
        # WORKAROUND: diffusers 0.42 computes the position ids of text tokens in a private method only, see
        # https://github.com/huggingface/diffusers/blob/main/src/diffusers/pipelines/flux2/pipeline_flux2_klein.py.
        # Can be removed when `_prepare_text_ids` is public.
        mixed_precision = (
            torch.autocast(picture.device.type, dtype=dtype) if dtype.itemsize < 4 else nullcontext()
        )
        with mixed_precision:
            velocity = network(
                hidden_states=torch.cat([mixed, shown], dim=1),
                timestep=time,
                guidance=None,
                encoder_hidden_states=self._text.to(dtype),
                txt_ids=self._pipeline._prepare_text_ids(self._text).to(picture.device),
                img_ids=torch.cat([places, shown_places], dim=1),
                return_dict=False,
            )[0][:, : picture.shape[1]]
        return F.mse_loss(velocity.float(), (noise - picture).float())

    @torch.no_grad()
    def _latents(self, pictures: list[Any]) -> tuple[Tensor, Tensor]:
        """Encodes pictures (H, W, 3) like the pipeline's references: tokens (1, n, C) and position ids (1, n, 4)."""
        pipeline = self._pipeline
        tensors = [
            torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].to(pipeline.vae.dtype) / 127.5 - 1
            for picture in pictures
        ]
        encoded: tuple[Tensor, Tensor] = pipeline.prepare_image_latents(
            tensors, 1, None, pipeline.vae.device, pipeline.vae.dtype
        )
        return encoded
