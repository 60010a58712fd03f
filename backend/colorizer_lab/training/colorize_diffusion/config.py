"""The configuration of a ColorizeDiffusion training: one small TOML file, and the table of the papers' stages.

A stage takes the model that the stage before left, adds what is new and trains that alone. Numbers of the papers are
the defaults; sizes and lengths that fit one's machine go into the file. Networks are built in `networks`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Literal

import tomllib
from colorizer.engines.cards import models_folder
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.engine import USUAL_SIZE
from colorizer.engines.colorize_diffusion.settings import Branch, Prediction, Version
from colorizer.errors import InvalidInput
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from colorizer_lab.training import Wishes

CONFIG_FILE = "config.toml"
_STRICT = ConfigDict(extra="forbid")


class Stage(str, Enum):
    """The stages in their order; the values are what a person types."""

    AUTOENCODER = "autoencoder"
    """Pictures to latents; only where no published autoencoder is at hand."""
    V1_NOISY = "v1-noisy"
    """The first part of v1: reference tokens are noised."""
    V1 = "v1"
    V1_5_BACKGROUND = "v1.5-background"
    V1_5_FOREGROUND = "v1.5-foreground"
    V2_BACKGROUND = "v2-background"
    V2_STYLE = "v2-style"
    FINE_TUNE = "fine-tune"
    """LoRA on the artist's own pictures."""
    DISTIL = "distil"
    """A student that needs four steps and no guidance."""


@dataclass(frozen=True)
class StagePlan:
    """What a stage trains and what it shows the networks."""

    trains: tuple[Component, ...]
    adds: tuple[Component, ...] = ()
    """Networks that the model before it lacks."""
    version: Version | None = None
    """Of the product; None keeps the model's own."""
    lora: tuple[Branch, ...] = ()
    """Sides whose LoRA is trained; added where missing."""
    drop: float = 0.0
    """Share of samples that see no reference."""
    noisy_context: bool = False
    split: bool = False
    """Whether foreground and background see different tokens."""


STAGES = {
    Stage.AUTOENCODER: StagePlan((Component.VAE,)),
    Stage.V1_NOISY: StagePlan((Component.UNET, Component.SKETCH_ENCODER), drop=0.1, noisy_context=True),
    Stage.V1: StagePlan((Component.UNET, Component.SKETCH_ENCODER), drop=0.5),
    Stage.V1_5_BACKGROUND: StagePlan(
        (Component.RECOVERY, Component.THRESHOLD_EMBEDDER),
        adds=(Component.RECOVERY, Component.THRESHOLD_EMBEDDER),
        version=Version.V1_5,
        lora=(Branch.BACKGROUND,),
        split=True,
    ),
    Stage.V1_5_FOREGROUND: StagePlan((), lora=(Branch.FOREGROUND,), split=True),
    Stage.V2_BACKGROUND: StagePlan(
        (Component.BACKGROUND_ENCODER, Component.WARP),
        adds=(
            Component.BACKGROUND_ENCODER,
            Component.WARP,
            Component.STYLE_ENCODER,
            Component.STYLE,
        ),
        version=Version.V2,
        lora=(Branch.BACKGROUND, Branch.FOREGROUND),
        drop=0.5,
        split=True,
    ),
    Stage.V2_STYLE: StagePlan((Component.STYLE_ENCODER, Component.STYLE), drop=0.5),
    Stage.FINE_TUNE: StagePlan((), drop=0.1),
    Stage.DISTIL: StagePlan((Component.UNET,)),
}
"""Frozen parts, drop rates and order as published. v1.5's background stage also trains the recovery transformer and the
threshold embedder; v2's first adds the style networks too, without which a v2 model isn't whole."""

FRESH = (Stage.AUTOENCODER,)
"""Stages that begin without anything."""
BEGINNINGS = (Stage.V1_NOISY, Stage.V1)
"""Stages that begin a model where their start is only an autoencoder."""


@checked_dataclass(frozen=True, config=_STRICT)
class Sizes:
    """Of a model that is begun here. The defaults fit a processor; the published are `Architecture`'s."""

    widths: tuple[int, ...] = (64, 96, 128, 128)
    stem: tuple[int, ...] = (16, 16, 32, 32, 96, 96, 256)
    """Widths of the sketch encoder's first convolutions, as published; at small sizes they cost more than all else."""
    norm_groups: int = 8
    """Published: 32. With as many groups as channels a normalisation would take away what colour a picture has."""
    context_dim: int = 128
    head_dim: int = 32
    latent_channels: int = 4
    autoencoder: tuple[int, ...] = (16, 32, 48, 64)
    """Widths per level; none: a fixed transform stands in for it (`patches`)."""
    autoencoder_norm_groups: int = 8
    tower_width: int = 128
    tower_layers: int = 2
    tower_patch: int = 16
    tower_side: int = 128
    """Of the square that the reference is squashed to, px."""
    recovery_layers: int = 2


@checked_dataclass(frozen=True, config=_STRICT)
class Augmentation:
    """What is done to pictures and masks; the numbers are the v2 paper's, for pictures of 768 px."""

    load_size: int = 0
    """Pictures are resized to a side between the crop's and this, then cropped; 0: never larger than the crop."""
    border: int = 0
    """Widest blank border of the sketch, px."""
    mirror: float = 0.0
    recolour: float = 0.0
    """Share of samples whose colours change, truth and reference alike."""
    pairs: float = 0.0
    """Share of samples whose reference is another picture of the same figure, where the data has one. The papers use
    the truth itself throughout."""
    mask_block: tuple[int, int] = (60, 40)
    """The reference's mask grows to blocks of this height and width, px; (0, 0) leaves it."""
    white_background: float = 0.05
    """Share of samples whose background is bleached (v2)."""
    background_with_style: float = 0.5
    """Share of steps in which v2's style stage also uses the background branch."""
    offset_noise: float = 0.05


@checked_dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """Everything that decides the trained weights."""

    stage: Stage = Stage.V1
    start: Path | None = None
    """The model that the stage before left."""
    data: Path | None = None
    """The published layout, or a folder of the artist's pictures (fine-tune); None: our own drawings."""
    first_drawing: int = 1_000_000
    drawings: int = 3000
    """So many different drawings of our own."""
    crops: tuple[tuple[int, int], ...] = ((128, 128),)
    """Heights and widths, one drawn for each batch; write one twice to have it twice as often."""
    least_score: float = 0.0
    """Aesthetic score that a picture of the published layout needs, where its lists have scores."""
    least_side: int = 0
    sizes: Sizes = Sizes()
    augmentation: Augmentation = Augmentation()
    prediction: Prediction = Prediction.V
    """Of a model that is begun here."""
    region_colours: bool = False
    """Whether the model sees the match engine's colours for the regions too; a model that doesn't yet learns to."""
    train_tower: bool = False
    """Also train the image tower: needed once, where it isn't a published one."""
    drop: float | None = None
    """Instead of the stage's own share of samples without reference."""
    lora_rank: int = 4
    """0: half of each layer's smaller side, as v1.5's background has it."""
    steps: int = 1000
    batch: int = 16
    """Of all processes together."""
    learning_rate: float = 1e-4
    warmup_steps: int = 100
    weight_decay: float = 0.01
    average: float = 0.999
    """How slowly the averaged weights, which are the product, follow."""
    precision: Literal["no", "fp16", "bf16"] = "no"
    gradient_checkpointing: bool = False
    sharded: bool = False
    """Spread weights and optimiser over the processes (FSDP), for the full size."""
    guidance: float = 2.0
    """Of the teacher in the distillation, of the sheet of samples and of the ablation."""
    log_every: int = 25
    save_every: int = 250
    sheet: int = 4
    """Pictures on the sheet of samples; 0: none is painted."""
    held_out: int = 64
    """Of our own drawings that no training sees, so many decide the loss that is logged at the start and with every
    product; 0: none is measured."""
    seed: int = 0

    @property
    def plan(self) -> StagePlan:
        """What the stage is."""
        return STAGES[self.stage]

    @property
    def dropped(self) -> float:
        """Share of samples that see no reference."""
        return self.plan.drop if self.drop is None else self.drop

    def check(self) -> None:
        """Raises `InvalidInput` for the first setting that can't work."""
        for crop in self.crops:
            if any(side % 64 or side < 64 for side in crop):
                raise InvalidInput(f"`crops` must be multiples of 64 px, not {crop[0]} x {crop[1]}.")
        begins = self.stage in FRESH or (self.stage in BEGINNINGS and not self.sizes.autoencoder)
        if self.start is None and not begins:
            raise InvalidInput(f"Stage {self.stage.value} goes on from a model: give its folder with --from.")
        if self.region_colours and self.data is not None and self.stage is not Stage.FINE_TUNE:
            raise InvalidInput("`region_colours` works with our own drawings and in fine-tuning only.")
        if self.stage is Stage.FINE_TUNE and self.data is None:
            raise InvalidInput("Fine-tuning needs pictures: give their folder with --data.")


_ADAPTER = TypeAdapter(TrainingConfig)


def read(file: Path) -> TrainingConfig:
    """Reads a training's file. Raises `InvalidInput` where it isn't one."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        return _ADAPTER.validate_python(values)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{file} can't be read as a training's settings: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{file}: `{name}`: {first['msg']}.") from error


def settings(wishes: Wishes) -> TrainingConfig:
    """A file's settings, or the stage's own, with what a person said beside it.

    Raises:
        InvalidInput: no such stage, no such model, or a file that can't be read.
    """
    config = read(wishes.config) if wishes.config else TrainingConfig()
    if wishes.stage:
        names = [stage.value for stage in Stage]
        if wishes.stage not in names:
            raise InvalidInput(f"There is no stage {wishes.stage!r}. Choose one of: {', '.join(names)}.")
        config = replace(config, stage=Stage(wishes.stage))
    if wishes.start:
        start = _model(wishes.start)
        config = replace(config, start=start)
        if wishes.config is None:
            side = _usual_side(start)
            config = replace(config, crops=((side, side),))
    return replace(config, data=wishes.data or config.data, seed=wishes.seed or config.seed)


def _usual_side(model: Path) -> int:
    """Of the pictures that a model was trained on; of one that isn't whole yet, the settings' own."""
    try:
        index = json.loads((model / "model_index.json").read_text(encoding="utf-8"))
        return int(index.get("size") or USUAL_SIZE[Version(index["version"])])
    except (OSError, ValueError, KeyError):
        return TrainingConfig().crops[0][0]


def _model(name: str) -> Path:
    for folder in (Path(name), models_folder() / name):
        if folder.is_dir():
            return folder
    raise InvalidInput(f"There is no model {name!r}, neither a folder nor among the installed ones.")


def write(config: TrainingConfig, file: Path) -> None:
    """Writes what `read` reads."""
    tables: dict[str, dict[str, object]] = {"": {}}
    for name, value in asdict(config).items():
        if isinstance(value, dict):
            tables[name] = value
        else:
            tables[""][name] = value
    lines = []
    for table, values in tables.items():
        lines += [f"\n[{table}]"] if table else []
        lines += [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
    part = file.with_name(file.name + ".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(file)


def _toml(value: object) -> str:
    """Numbers, strings and lists are the same in TOML as in JSON."""
    return json.dumps(value.value if isinstance(value, Enum) else value, default=str)
