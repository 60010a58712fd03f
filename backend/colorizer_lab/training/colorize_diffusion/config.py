"""The configuration of a ColorizeDiffusion training (a small TOML file), and the table of the papers' stages.

A stage starts with the model of the previous stage, adds its new networks and trains only those. The papers' numbers
are the defaults; sizes and durations for the user's machine are set in the file. `networks` builds the networks.
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

from colorizer_lab.training import Overrides

CONFIG_FILE = "config.toml"
_STRICT = ConfigDict(extra="forbid")


class Stage(str, Enum):
    """The stages in order; the values are the names on the command line."""

    AUTOENCODER = "autoencoder"
    """Trains an autoencoder; only needed without a published one."""
    V1_NOISY = "v1-noisy"
    """The first part of v1 (arXiv 2401.01456): noise is added to the reference tokens."""
    V1 = "v1"
    V1_5_BACKGROUND = "v1.5-background"
    V1_5_FOREGROUND = "v1.5-foreground"
    V2_BACKGROUND = "v2-background"
    V2_STYLE = "v2-style"
    FINE_TUNE = "fine-tune"
    """A LoRA on the user's own pictures."""
    DISTIL = "distil"
    """Distillation to a student that needs four steps and no guidance."""


@dataclass(frozen=True)
class StagePlan:
    """The networks that a stage trains, and its conditioning."""

    trains: tuple[Component, ...]
    adds: tuple[Component, ...] = ()
    """Networks that the previous stage's model does not have."""
    version: Version | None = None
    """Version of the product; None: that of the model."""
    lora: tuple[Branch, ...] = ()
    """Branches whose LoRA is trained; added if missing."""
    drop: float = 0.0
    """Share of samples whose reference is dropped."""
    noisy_context: bool = False
    split: bool = False
    """Whether foreground and background attend to different tokens."""


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
"""Frozen networks, drop rates and order as published. v1.5's background stage also trains the recovery transformer and
the threshold embedder. v2's first stage also adds the style networks, without which a v2 model is incomplete."""

FRESH = (Stage.AUTOENCODER,)
"""Stages that need no start."""
BEGINNINGS = (Stage.V1_NOISY, Stage.V1)
"""Stages that create a new model if their start is only an autoencoder."""


@checked_dataclass(frozen=True, config=_STRICT)
class Sizes:
    """Sizes of a new model. The defaults are for training on a CPU; the published sizes are those of `Architecture`."""

    widths: tuple[int, ...] = (64, 96, 128, 128)
    stem: tuple[int, ...] = (16, 16, 32, 32, 96, 96, 256)
    """Widths of the sketch encoder's first convolutions, as published; in small models they cost most of the time."""
    norm_groups: int = 8
    """Published: 32. With as many groups as channels, a normalisation would remove the colour of the picture."""
    context_dim: int = 128
    head_dim: int = 32
    latent_channels: int = 4
    autoencoder: tuple[int, ...] = (16, 32, 48, 64)
    """Widths per level; empty: a fixed transform instead of an autoencoder (`patches`)."""
    autoencoder_norm_groups: int = 8
    tower_width: int = 128
    tower_layers: int = 2
    tower_patch: int = 16
    tower_side: int = 128
    """Side of the square that the reference is squashed to, px."""
    recovery_layers: int = 2


@checked_dataclass(frozen=True, config=_STRICT)
class Augmentation:
    """Augmentation of pictures and masks; the defaults are those of the v2 paper (arXiv 2504.06895) for 768 px."""

    load_size: int = 0
    """Pictures are resized to a side between the crop's and this, px, then cropped; 0: to the crop's."""
    border: int = 0
    """Largest width of a blank border of the sketch, px."""
    mirror: float = 0.0
    recolour: float = 0.0
    """Share of samples whose colours are changed, in truth and reference alike."""
    pairs: float = 0.0
    """Share of samples whose reference is another picture of the same character, if the data has one. The papers always
    use the truth itself."""
    mask_block: tuple[int, int] = (60, 40)
    """Height and width of the blocks, px, that the reference's mask is expanded to; (0, 0): not expanded."""
    white_background: float = 0.05
    """Share of samples whose background is bleached (v2)."""
    background_with_style: float = 0.5
    """Share of steps in which v2's style stage also uses the background branch."""
    offset_noise: float = 0.05


@checked_dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """All settings that determine the trained weights."""

    stage: Stage = Stage.V1
    start: Path | None = None
    """The model of the previous stage."""
    data: Path | None = None
    """A folder in the published layout, or the user's pictures (fine-tune); None: procedural drawings."""
    first_drawing: int = 1_000_000
    drawings: int = 3000
    """Number of procedural drawings."""
    crops: tuple[tuple[int, int], ...] = ((128, 128),)
    """Heights and widths of the crop, px. One is chosen at random per batch; a repeated entry is chosen more often."""
    least_score: float = 0.0
    """Smallest aesthetic score of a picture in the published layout, if its lists have scores."""
    least_side: int = 0
    sizes: Sizes = Sizes()
    augmentation: Augmentation = Augmentation()
    prediction: Prediction = Prediction.V
    """What a new model predicts."""
    region_colours: bool = False
    """Whether the match engine's region colours are an input; if the start has no such input, it is added."""
    train_tower: bool = False
    """Whether to train the image tower too; needed once, if it is not a published one."""
    drop: float | None = None
    """Share of samples whose reference is dropped; None: the stage's default."""
    lora_rank: int = 4
    """Rank of the LoRA; 0: half of each layer's smaller side, as in v1.5's background LoRA."""
    steps: int = 1000
    batch: int = 16
    """Batch size of all processes together."""
    learning_rate: float = 1e-4
    warmup_steps: int = 100
    weight_decay: float = 0.01
    average: float = 0.999
    """Decay of the exponential moving average of the weights, which is the product."""
    precision: Literal["no", "fp16", "bf16"] = "no"
    gradient_checkpointing: bool = False
    sharded: bool = False
    """Whether to shard weights and optimiser over the processes (FSDP), for the full size."""
    guidance: float = 2.0
    """Guidance scale of the distillation's teacher, of the sheet of samples and of the ablation."""
    log_every: int = 25
    save_every: int = 250
    sheet: int = 4
    """Number of pictures on the sheet of samples; 0: no sheet."""
    held_out: int = 64
    """Number of held-out drawings for the loss that is logged at the start and with every product; 0: not measured."""
    seed: int = 0

    @property
    def plan(self) -> StagePlan:
        """The plan of the stage."""
        return STAGES[self.stage]

    @property
    def dropped(self) -> float:
        """Share of samples whose reference is dropped."""
        return self.plan.drop if self.drop is None else self.drop

    def check(self) -> None:
        """Raises `InvalidInput` for the first invalid setting."""
        for crop in self.crops:
            if any(side % 64 or side < 64 for side in crop):
                raise InvalidInput(f"`crops` must be multiples of 64 px, not {crop[0]} x {crop[1]}.")
        begins = self.stage in FRESH or (self.stage in BEGINNINGS and not self.sizes.autoencoder)
        if self.start is None and not begins:
            raise InvalidInput(f"Stage {self.stage.value} starts from a model. Give its folder with --from.")
        if self.region_colours and self.data is not None and self.stage is not Stage.FINE_TUNE:
            raise InvalidInput("`region_colours` works with procedural drawings and in fine-tuning only.")
        if self.stage is Stage.FINE_TUNE and self.data is None:
            raise InvalidInput("Fine-tuning needs pictures. Give their folder with --data.")


_ADAPTER = TypeAdapter(TrainingConfig)


def read(file: Path) -> TrainingConfig:
    """Reads a training's settings file. Raises `InvalidInput` if it is invalid."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        return _ADAPTER.validate_python(values)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{file} is not a valid settings file: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{file}: `{name}`: {first['msg']}.") from error


def settings(overrides: Overrides) -> TrainingConfig:
    """The settings of a file or of a stage, with the command line's overrides.

    Raises:
        InvalidInput: the stage or the model does not exist, or the file is invalid.
    """
    config = read(overrides.config) if overrides.config else TrainingConfig()
    if overrides.stage:
        names = [stage.value for stage in Stage]
        if overrides.stage not in names:
            raise InvalidInput(f"There is no stage {overrides.stage!r}. Choose one of: {', '.join(names)}.")
        config = replace(config, stage=Stage(overrides.stage))
    if overrides.start:
        start = _model(overrides.start)
        config = replace(config, start=start)
        if overrides.config is None:
            side = _usual_side(start)
            config = replace(config, crops=((side, side),))
    return replace(config, data=overrides.data or config.data, seed=overrides.seed or config.seed)


def _usual_side(model: Path) -> int:
    """The side of the pictures that a model was trained on; for an incomplete model, the settings' default."""
    try:
        index = json.loads((model / "model_index.json").read_text(encoding="utf-8"))
        return int(index.get("size") or USUAL_SIZE[Version(index["version"])])
    except (OSError, ValueError, KeyError):
        return TrainingConfig().crops[0][0]


def _model(name: str) -> Path:
    for folder in (Path(name), models_folder() / name):
        if folder.is_dir():
            return folder
    raise InvalidInput(
        f"There is no model {name!r}, neither as a folder nor as an installed model. `colorize models list` shows them."
    )


def write(config: TrainingConfig, file: Path) -> None:
    """Writes a settings file for `read`."""
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
    """Formats a value: numbers, strings and lists have the same syntax in TOML and JSON."""
    return json.dumps(value.value if isinstance(value, Enum) else value, default=str)
