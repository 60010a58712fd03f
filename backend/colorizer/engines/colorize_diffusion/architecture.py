"""The sizes of a ColorizeDiffusion model, and the construction of its networks in those sizes.

The defaults are the published sizes. `read` infers them from a checkpoint's tensor shapes, except for the width of an
attention head, which shapes do not show. Weights are loaded by `convert` and by diffusers' `from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colorizer.engines.colorize_diffusion.checkpoint_keys import LAYERS, Component

Shapes = Mapping[Component, Mapping[str, Sequence[int]]]
"""For each component, the shape of every tensor by its key in this implementation."""

CLIP_HEAD_DIMS = {Component.IMAGE_ENCODER: 80, Component.TEXT_ENCODER: 64}


@dataclass(frozen=True)
class Tower:
    """The sizes of one CLIP tower (Radford et al. 2021, arXiv 2103.00020)."""

    width: int
    layers: int
    mlp: int
    projection: int
    positions: int
    patch: int = 0
    vocabulary: int = 0


@dataclass(frozen=True)
class Architecture:
    """The sizes of all networks of one model."""

    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    stem_channels: tuple[int, ...] = (16, 16, 32, 32, 96, 96, 256)
    """Widths of the sketch encoder's first convolutions."""
    norm_groups: int = 32
    context_dim: int = 1024
    latent_channels: int = 4
    head_dim: int = 64
    warp_head_dim: int = 64
    recovery_head_dim: int = 64
    recovery_tokens: int = 256
    recovery_layers: int = 6
    threshold_frequencies: int = 256
    vae_channels: tuple[int, ...] = (128, 256, 512, 512)
    vae_layers: int = 2
    towers: Mapping[Component, Tower] = field(default_factory=dict)
    clip_head_dims: Mapping[Component, int] = field(default_factory=lambda: CLIP_HEAD_DIMS)

    @property
    def heads(self) -> tuple[int, ...]:
        """Number of attention heads at each UNet level."""
        return tuple(width // self.head_dim for width in self.block_out_channels)


def read(shapes: Shapes, head_dim: int = 64) -> Architecture:
    """Infers the sizes of a model from its tensor shapes; missing components keep the published sizes."""
    sizes: dict[str, Any] = {"head_dim": head_dim, "warp_head_dim": head_dim}
    unet = shapes.get(Component.UNET)
    if unet:
        sizes["block_out_channels"] = _level_widths(unet, "down_blocks")
        sizes["latent_channels"] = unet["conv_in.weight"][1]
        attention = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
        sizes["context_dim"] = unet[attention][1]
    vae = shapes.get(Component.VAE)
    if vae:
        sizes["vae_channels"] = _level_widths(vae, "encoder.down_blocks")
        sizes["vae_layers"] = 1 + max(
            int(key.split(".")[4]) for key in vae if key.startswith("encoder.down_blocks.0.resnets")
        )
    recovery = shapes.get(Component.RECOVERY)
    if recovery:
        sizes["recovery_tokens"] = recovery["queries"][0]
        sizes["recovery_layers"] = 1 + max(
            int(key.split(".")[1]) for key in recovery if key.startswith("blocks")
        )
    threshold = shapes.get(Component.THRESHOLD_EMBEDDER)
    if threshold:
        sizes["threshold_frequencies"] = threshold["linear_1.weight"][1]
    sizes["towers"] = _towers(shapes)
    return Architecture(**sizes)


def _level_widths(shapes: Mapping[str, Sequence[int]], blocks: str) -> tuple[int, ...]:
    widths: list[int] = []
    while f"{blocks}.{len(widths)}.resnets.0.conv1.weight" in shapes:
        widths.append(int(shapes[f"{blocks}.{len(widths)}.resnets.0.conv1.weight"][0]))
    return tuple(widths)


def _towers(shapes: Shapes) -> dict[Component, Tower]:
    towers = {}
    names = {
        Component.IMAGE_ENCODER: ("vision_model", "visual_projection.weight"),
        Component.TEXT_ENCODER: ("text_model", "text_projection.weight"),
    }
    for component, (root, projection) in names.items():
        found = shapes.get(component)
        if not found:
            continue
        prefix = f"{root}.encoder.layers."
        positions, width = found[f"{root}.embeddings.position_embedding.weight"]
        patch = found.get(f"{root}.embeddings.patch_embedding.weight", (0, 0, 0, 0))[-1]
        vocabulary = found.get(f"{root}.embeddings.token_embedding.weight", (0,))[0]
        layers = 1 + max(
            int(key.removeprefix(prefix).split(".")[0]) for key in found if key.startswith(prefix)
        )
        mlp = found[f"{prefix}0.mlp.fc1.weight"][0]
        towers[component] = Tower(width, layers, mlp, found[projection][0], positions, patch, vocabulary)
    return towers


def build(component: Component, sizes: Architecture) -> Any:
    """Builds a component's network with random weights. LoRA is not a network of its own: see `adapters`."""
    return BUILDERS[component](sizes)


def _unet(sizes: Architecture) -> Any:
    from diffusers import UNet2DConditionModel

    levels = len(sizes.block_out_channels)
    return UNet2DConditionModel(
        in_channels=sizes.latent_channels,
        out_channels=sizes.latent_channels,
        layers_per_block=LAYERS,
        block_out_channels=sizes.block_out_channels,
        norm_num_groups=sizes.norm_groups,
        down_block_types=("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
        cross_attention_dim=sizes.context_dim,
        attention_head_dim=sizes.heads,  # diffusers reads this as the number of heads
        use_linear_projection=False,
    )


def _vae(sizes: Architecture) -> Any:
    from diffusers import AutoencoderKL

    levels = len(sizes.vae_channels)
    return AutoencoderKL(
        block_out_channels=sizes.vae_channels,
        layers_per_block=sizes.vae_layers,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=sizes.latent_channels,
        scaling_factor=0.18215,
    )


def _sketch_encoder(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.sketch_encoder import SketchEncoder

    return SketchEncoder(block_out_channels=sizes.block_out_channels, stem_channels=sizes.stem_channels)


def _threshold_embedder(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.recovery import ThresholdEmbedder

    return ThresholdEmbedder(sizes.threshold_frequencies, sizes.context_dim)


def _recovery(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.recovery import RecoveryTransformer

    return RecoveryTransformer(
        sizes.context_dim, sizes.recovery_layers, sizes.recovery_tokens, sizes.recovery_head_dim
    )


def _background_encoder(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.reference_encoder import BackgroundEncoder

    return BackgroundEncoder(**_reference_encoder_sizes(sizes))


def _style_encoder(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.reference_encoder import StyleEncoder

    return StyleEncoder(**_reference_encoder_sizes(sizes))


def _reference_encoder_sizes(sizes: Architecture) -> dict[str, Any]:
    return {
        "block_out_channels": sizes.block_out_channels,
        "layers_per_block": LAYERS,
        "num_heads": sizes.heads,
        "cross_attention_dim": sizes.context_dim,
        "latent_channels": sizes.latent_channels,
        "norm_groups": sizes.norm_groups,
    }


def _warp(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.decoder_modules import SkipWarp

    return SkipWarp(sizes.block_out_channels, LAYERS, sizes.warp_head_dim)


def _style(sizes: Architecture) -> Any:
    from colorizer.engines.colorize_diffusion.decoder_modules import StyleModulation

    return StyleModulation(sizes.block_out_channels, LAYERS)


def _image_encoder(sizes: Architecture) -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    tower = sizes.towers[Component.IMAGE_ENCODER]
    grid = round((tower.positions - 1) ** 0.5)
    config = CLIPVisionConfig(
        hidden_size=tower.width,
        intermediate_size=tower.mlp,
        num_hidden_layers=tower.layers,
        num_attention_heads=tower.width // sizes.clip_head_dims[Component.IMAGE_ENCODER],
        patch_size=tower.patch,
        image_size=grid * tower.patch,
        projection_dim=tower.projection,
        hidden_act="gelu",
    )
    return CLIPVisionModelWithProjection(config)


def _text_encoder(sizes: Architecture) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    tower = sizes.towers[Component.TEXT_ENCODER]
    config = CLIPTextConfig(
        vocab_size=tower.vocabulary,
        hidden_size=tower.width,
        intermediate_size=tower.mlp,
        num_hidden_layers=tower.layers,
        num_attention_heads=tower.width // sizes.clip_head_dims[Component.TEXT_ENCODER],
        max_position_embeddings=tower.positions,
        projection_dim=tower.projection,
        hidden_act="gelu",
        bos_token_id=tower.vocabulary - 2,
        eos_token_id=tower.vocabulary - 1,
    )
    return CLIPTextModelWithProjection(config)


BUILDERS = {
    Component.UNET: _unet,
    Component.VAE: _vae,
    Component.SKETCH_ENCODER: _sketch_encoder,
    Component.IMAGE_ENCODER: _image_encoder,
    Component.TEXT_ENCODER: _text_encoder,
    Component.THRESHOLD_EMBEDDER: _threshold_embedder,
    Component.RECOVERY: _recovery,
    Component.BACKGROUND_ENCODER: _background_encoder,
    Component.STYLE_ENCODER: _style_encoder,
    Component.WARP: _warp,
    Component.STYLE: _style,
}
