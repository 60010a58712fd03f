"""The networks of a training: loads them from the previous stage, adds new ones, and freezes those that are not
trained.

New networks are initialised so that they do not change the output, and every stage continues from the previous one.
This is not possible for v1.5's recovery transformer and threshold embedder.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from colorizer.engines.colorize_diffusion import architecture
from colorizer.engines.colorize_diffusion.adapters import add_adapter
from colorizer.engines.colorize_diffusion.architecture import Architecture, Tower
from colorizer.engines.colorize_diffusion.attention import has_adapters
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.patches import PatchTransform
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.models import quiet_libraries
from colorizer.errors import InvalidInput
from torch import nn

from colorizer_lab.training.colorize_diffusion.config import BEGINNINGS, Stage, TrainingConfig

OWN_LORA = "own"
"""Name of the fine-tuning's LoRA. It adapts other layers than the branches' LoRAs and is merged into the product."""
OWN_LORA_LAYERS = r".*\.(attn1\.to_[qkv]|attn[12]\.to_out\.0|ff\.net\.0\.proj|ff\.net\.2)"
NARROW = -8.0
"""Initial log variance of the posterior."""
PROJECTIONS = ("to_q", "to_k", "to_v")


def autoencoder(config: TrainingConfig) -> Any:
    """A small autoencoder with random weights. Its posterior starts narrow, because noise would hide the picture."""
    from diffusers import AutoencoderKL

    sizes = config.sizes
    levels = len(sizes.autoencoder)
    network = AutoencoderKL(
        block_out_channels=sizes.autoencoder,
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=sizes.latent_channels,
        norm_num_groups=sizes.autoencoder_norm_groups,
        mid_block_add_attention=False,
    )
    nn.init.constant_(network.quant_conv.bias[sizes.latent_channels :], NARROW)
    return network


def pipeline(config: TrainingConfig) -> ColorizeDiffusionPipeline:
    """The model that a stage trains, with its new networks, whose weights are determined by the seed.

    Raises:
        InvalidInput: the start is no model that the stage can continue from.
    """
    quiet_libraries()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        found = _loaded(config.start) if config.start and (config.start / "unet").is_dir() else _begun(config)
        _check_start(config, found)
        if config.region_colours and not found.takes_region_colours:
            add_region_colours_input(found.unet)
        found = _with_new_parts(config, found)
        for side in config.plan.lora:
            if side.value not in getattr(found.unet, "peft_config", {}):
                decoder_only = found.version is Version.V2
                add_adapter(
                    found.unet, side, fresh_lora(found.unet, config.lora_rank, decoder_only=decoder_only)
                )
        if config.stage is Stage.FINE_TUNE:
            _add_own_lora(found.unet, config.lora_rank)
    found.set_progress_bar_config(disable=True)
    return found


def _loaded(folder: Path) -> ColorizeDiffusionPipeline:
    try:
        return ColorizeDiffusionPipeline.from_pretrained(folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidInput(f"{folder} contains no readable ColorizeDiffusion model: {error}.") from error


def _begun(config: TrainingConfig) -> ColorizeDiffusionPipeline:
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionModelWithProjection

    start = config.start or Path()
    if config.stage not in BEGINNINGS:
        raise InvalidInput(
            f"{start} contains no ColorizeDiffusion model for stage {config.stage.value} to continue from."
            " Train the previous stage first."
        )
    vae: Any
    if not config.sizes.autoencoder:
        vae = PatchTransform()
    elif (start / "vae").is_dir():
        vae = AutoencoderKL.from_pretrained(start / "vae")
    else:
        raise InvalidInput(
            f"{start} contains neither a ColorizeDiffusion model nor an autoencoder (`vae`). Give another folder."
        )
    sizes = _sizes(config, vae.config.latent_channels)
    tower = start / "image_encoder"
    return ColorizeDiffusionPipeline(
        unet=architecture.build(Component.UNET, sizes),
        sketch_encoder=architecture.build(Component.SKETCH_ENCODER, sizes),
        vae=vae,
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(tower)
        if tower.is_dir()
        else architecture.build(Component.IMAGE_ENCODER, sizes),
        prediction=config.prediction.value,
        size=max(config.crops[0]),
    )


def _sizes(config: TrainingConfig, latent_channels: int) -> Architecture:
    own = config.sizes
    tokens = (own.tower_side // own.tower_patch) ** 2
    width = own.tower_width
    tower = Tower(width, own.tower_layers, width * 4, own.context_dim, tokens + 1, own.tower_patch)
    return Architecture(
        block_out_channels=own.widths,
        stem_channels=own.stem,
        norm_groups=own.norm_groups,
        context_dim=own.context_dim,
        latent_channels=latent_channels,
        head_dim=own.head_dim,
        warp_head_dim=own.head_dim,
        recovery_head_dim=own.head_dim,
        recovery_tokens=tokens,
        recovery_layers=own.recovery_layers,
        towers={Component.IMAGE_ENCODER: tower},
        clip_head_dims={Component.IMAGE_ENCODER: own.head_dim},
    )


def _check_start(config: TrainingConfig, found: ColorizeDiffusionPipeline) -> None:
    wanted = {
        Stage.V1_5_BACKGROUND: (Version.V1,),
        Stage.V1_5_FOREGROUND: (Version.V1_5,),
        Stage.V2_BACKGROUND: (Version.V1,),
        Stage.V2_STYLE: (Version.V2,),
    }.get(config.stage)
    if wanted and found.version not in wanted:
        raise InvalidInput(
            f"Stage {config.stage.value} starts from a {wanted[0].value} model, but {config.start} is"
            f" {found.version.value}."
        )
    if found.takes_region_colours and not config.region_colours:
        raise InvalidInput(f"{config.start} was trained with region colours. Set `region_colours = true`.")
    if found.image_encoder is None:
        raise InvalidInput(
            f"{config.start} lacks CLIP's image network (`image_encoder`). Add it, or use another model."
        )


def add_region_colours_input(unet: Any) -> None:
    """Widens the first convolution for the latent of the region colours, with zero weights."""
    narrow = unet.conv_in
    wide = nn.Conv2d(2 * narrow.in_channels, narrow.out_channels, 3, padding=1)
    weight = torch.cat([narrow.weight, torch.zeros_like(narrow.weight)], dim=1)
    wide.load_state_dict({"weight": weight, "bias": narrow.bias})
    unet.conv_in = wide
    unet.register_to_config(in_channels=wide.in_channels)


def sizes_of(model: ColorizeDiffusionPipeline) -> Architecture:
    """The sizes of a model's networks, for building further networks."""
    unet = model.unet.config
    head_dim = unet.block_out_channels[0] // unet.attention_head_dim[0]
    tower = model.image_encoder.config
    return Architecture(
        block_out_channels=tuple(unet.block_out_channels),
        norm_groups=unet.norm_num_groups,
        context_dim=unet.cross_attention_dim,
        latent_channels=unet.out_channels,
        head_dim=head_dim,
        warp_head_dim=head_dim,
        recovery_head_dim=head_dim,
        recovery_tokens=(tower.image_size // tower.patch_size) ** 2,
    )


def _with_new_parts(config: TrainingConfig, model: ColorizeDiffusionPipeline) -> ColorizeDiffusionPipeline:
    """Adds the networks that the stage's version needs and the model does not have."""
    plan = config.plan
    sizes = sizes_of(model)
    parts = {name: part for name, part in model.components.items() if part is not None}
    for component in plan.adds:
        if component.value in parts:
            continue
        if component is Component.RECOVERY:
            from colorizer.engines.colorize_diffusion.recovery import RecoveryTransformer

            parts[component.value] = RecoveryTransformer(
                sizes.context_dim,
                config.sizes.recovery_layers,
                sizes.recovery_tokens,
                sizes.recovery_head_dim,
            )
        else:
            parts[component.value] = architecture.build(component, sizes)
        _start_quietly(component, parts[component.value], model.unet)
    version = plan.version or model.version
    own = bool(model.size)  # not a published model
    return ColorizeDiffusionPipeline(
        **parts,
        version=version.value,
        prediction=model.prediction.value,
        size=max(config.crops[0]) if own else 0,
        guided=config.stage is not Stage.DISTIL and (config.guidance > 1 or not own),
    )


def _start_quietly(component: Component, network: Any, unet: Any) -> None:
    """Initialises a new network so that it does not change the output; encoders start as copies of the UNet's encoder.

    v1.5's networks stay random: the recovery transformer computes the background's tokens from its queries, and the
    threshold embedder adds to all tokens.
    """
    if component in (Component.BACKGROUND_ENCODER, Component.STYLE_ENCODER):
        for name in ("conv_in", "down_blocks", "time_embedding"):
            state = {
                key.replace(".base_layer", ""): value
                for key, value in getattr(unet, name).state_dict().items()
            }
            if name == "conv_in":  # without the input of the region colours
                state["weight"] = state["weight"][:, : network.conv_in.in_channels]
            getattr(network, name).load_state_dict({k: v for k, v in state.items() if "lora_" not in k})
    if component is Component.WARP:
        for block in network.blocks:
            for layer in (block.attention.to_out, block.mlp[-1]):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
    if component is Component.STYLE:
        for layer in network.layers:
            nn.init.zeros_(layer.proj.weight)
            nn.init.zeros_(layer.proj.bias)


def fresh_lora(unet: Any, rank: int, *, decoder_only: bool) -> dict[str, torch.Tensor]:
    """An untrained LoRA on q, k and v of every cross-attention; rank 0 is half of the smaller side."""
    tensors = {}
    for name, layer in unet.named_modules():
        if ".attn2.to_" not in name or name.rsplit(".", 1)[-1] not in PROJECTIONS:
            continue
        if decoder_only and not name.startswith("up_blocks"):
            continue
        linear = layer.base_layer if has_adapters(layer) else layer
        used = rank or min(linear.in_features, linear.out_features) // 2
        down = torch.empty(used, linear.in_features)
        nn.init.kaiming_uniform_(down, a=5**0.5)
        tensors[f"{name}.lora_A.weight"] = down
        tensors[f"{name}.lora_B.weight"] = torch.zeros(linear.out_features, used)
    return tensors


def _add_own_lora(unet: Any, rank: int) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=rank or 16, lora_alpha=rank or 16, target_modules=OWN_LORA_LAYERS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
        inject_adapter_in_model(config, unet, adapter_name=OWN_LORA)


def merge_own_lora(unet: Any) -> None:
    """Merges the fine-tuning's LoRA into the weights and removes it."""
    for name, layer in list(unet.named_modules()):
        if has_adapters(layer) and OWN_LORA in layer.lora_A:
            layer.merge(adapter_names=[OWN_LORA])
            parent, _, child = name.rpartition(".")
            setattr(unet.get_submodule(parent), child, layer.base_layer)


def trained(config: TrainingConfig, model: ColorizeDiffusionPipeline) -> Iterator[nn.Parameter]:
    """Freezes all parameters except those that the stage trains, and yields the latter."""
    parts = model.components
    for network in parts.values():
        if isinstance(network, nn.Module):
            network.requires_grad_(False)
    for component in config.plan.trains:
        parts[component.value].requires_grad_(True)
    if config.train_tower:
        model.image_encoder.requires_grad_(True)
    wanted = {side.value for side in config.plan.lora} | {OWN_LORA}
    for name, parameter in model.unet.named_parameters():
        if "lora_" in name:
            parameter.requires_grad_(name.split(".")[-2] in wanted)
    for network in parts.values():
        if isinstance(network, nn.Module):
            yield from (one for one in network.parameters() if one.requires_grad)


@dataclass(frozen=True)
class Work:
    """The networks, parameters and loss of a stage."""

    loss: nn.Module
    """Maps a batch to its loss."""
    trained: tuple[nn.Parameter, ...]
    latent_channels: int
    model: ColorizeDiffusionPipeline | None
    """None in the autoencoder's stage."""


def work(config: TrainingConfig) -> Work:
    """Prepares everything for the first step of a stage."""
    from colorizer_lab.training.colorize_diffusion.distillation import Distilling
    from colorizer_lab.training.colorize_diffusion.model import Autoencoding, Denoising

    if config.stage is Stage.AUTOENCODER:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            alone = Autoencoding(autoencoder(config))
        return Work(alone.train(), tuple(alone.parameters()), config.sizes.latent_channels, None)
    model = pipeline(config)
    parameters = tuple(trained(config, model))
    loss = (Distilling if config.stage is Stage.DISTIL else Denoising)(model, config)
    return Work(loss.train(), parameters, model.unet.config.out_channels, model)
