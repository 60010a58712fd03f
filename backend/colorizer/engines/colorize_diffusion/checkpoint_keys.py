"""Key layout of the published checkpoints: maps each published key to the keys of this implementation.

This module handles names only; `convert` reads and writes files. There, a key that is neither mapped nor listed as
superfluous is an error, so that a wrong or newer file is never loaded in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from torch import Tensor


class Component(str, Enum):
    """A component of the pipeline; the values are folder names. The two LoRAs are peft adapters of the UNet."""

    UNET = "unet"
    FOREGROUND_LORA = "foreground"
    BACKGROUND_LORA = "background"
    SKETCH_ENCODER = "sketch_encoder"
    VAE = "vae"
    IMAGE_ENCODER = "image_encoder"
    TEXT_ENCODER = "text_encoder"
    THRESHOLD_EMBEDDER = "threshold_embedder"
    RECOVERY = "recovery"
    BACKGROUND_ENCODER = "background_encoder"
    STYLE_ENCODER = "style_encoder"
    WARP = "warp"
    STYLE = "style"


class Change(Enum):
    """How a published tensor is changed to become one of ours."""

    NONE = "none"
    TRANSPOSE = "transpose"
    TO_LINEAR = "1x1 convolution to linear"
    TO_CONV = "linear to 1x1 convolution"
    FIRST_THIRD = "first third"
    SECOND_THIRD = "second third"
    LAST_THIRD = "last third"

    def apply(self, tensor: Tensor) -> Tensor:
        """Returns the changed tensor, contiguous. A tensor that already has the target rank is not changed."""
        if self is Change.TRANSPOSE:
            tensor = tensor.T
        elif self is Change.TO_LINEAR and tensor.ndim == 4:
            tensor = tensor[:, :, 0, 0]
        elif self is Change.TO_CONV and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        elif self in THIRDS:
            tensor = tensor.chunk(3)[THIRDS.index(self)].clone()
        return tensor.contiguous()


THIRDS = (Change.FIRST_THIRD, Change.SECOND_THIRD, Change.LAST_THIRD)


@dataclass(frozen=True)
class Target:
    """The component and key that a published tensor is stored under."""

    component: Component
    key: str
    change: Change = Change.NONE


SUPERFLUOUS = re.compile(
    r"(betas|alphas_cumprod|alphas_cumprod_prev|sqrt_alphas_cumprod|sqrt_one_minus_alphas_cumprod"
    r"|log_one_minus_alphas_cumprod|sqrt_recip_alphas_cumprod|sqrt_recipm1_alphas_cumprod|posterior_variance"
    r"|posterior_log_variance_clipped|posterior_mean_coef1|posterior_mean_coef2|model_ema\..*"
    r"|cond_stage_model\.transformer\.model\.logit_scale)"
)
"""Keys that are not needed: buffers of the noise schedule, moving averages, CLIP's logit scale."""

LAYERS = 2
"""Residual blocks per encoder level; decoder levels have one more."""


def targets(key: str) -> tuple[Target, ...] | None:
    """Returns the targets of a published key.

    A tensor that is cut into parts has several targets, a superfluous key has none (an empty tuple). Returns None for
    an unknown key.
    """
    if SUPERFLUOUS.fullmatch(key):
        return ()
    key = key.replace("model.diffusion_model.semantic_input_blocks.", "control_encoder.")
    for prefix, rule in RULES.items():
        if key.startswith(prefix):
            return rule(key.removeprefix(prefix))
    return None


Rule = Callable[[str], tuple[Target, ...] | None]


def _renamed(component: Component, key: str, patterns: dict[str, str]) -> tuple[Target, ...] | None:
    """Renames a key by the first pattern that matches the whole of it."""
    for pattern, replacement in patterns.items():
        match = re.fullmatch(pattern, key)
        if match:
            return (Target(component, match.expand(replacement)),)
    return None


def _res_block(key: str) -> str:
    names = {
        "in_layers.0": "norm1",
        "in_layers.2": "conv1",
        "emb_layers.1": "time_emb_proj",
        "out_layers.0": "norm2",
        "out_layers.3": "conv2",
        "skip_connection": "conv_shortcut",
    }
    for published, ours in names.items():
        key = key.replace(published, ours)
    return key


def _encoder_step(number: int, rest: str) -> str:
    """Converts `input_blocks.<number>.<rest>` to a diffusers key."""
    if number == 0:
        return re.sub(r"^0\.", "conv_in.", rest)
    level, index = divmod(number - 1, LAYERS + 1)
    block = f"down_blocks.{level}"
    if index == LAYERS:
        return re.sub(r"^0\.op\.", f"{block}.downsamplers.0.conv.", rest)
    rest = re.sub(r"^0\.", f"{block}.resnets.{index}.", rest)
    return _res_block(re.sub(r"^1\.", f"{block}.attentions.{index}.", rest))


def _decoder_step(number: int, rest: str) -> str:
    """Converts `output_blocks.<number>.<rest>` to a diffusers key. Upsamplers are recognised by their `conv`."""
    level, index = divmod(number, LAYERS + 1)
    block = f"up_blocks.{level}"
    rest = re.sub(r"^[12]\.conv\.", f"{block}.upsamplers.0.conv.", rest)
    rest = re.sub(r"^0\.", f"{block}.resnets.{index}.", rest)
    return _res_block(re.sub(r"^1\.", f"{block}.attentions.{index}.", rest))


UNET_NAMES = {
    "time_embed.0.": "time_embedding.linear_1.",
    "time_embed.2.": "time_embedding.linear_2.",
    "middle_block.0.": "mid_block.resnets.0.",
    "middle_block.1.": "mid_block.attentions.0.",
    "middle_block.2.": "mid_block.resnets.1.",
    "out.0.": "conv_norm_out.",
    "out.2.": "conv_out.",
}
LORA = re.compile(r"(.*attn2\.to_[qkv])\.lora_(down|up)_(fg|bg)\.weight")


def _unet_key(key: str) -> str | None:
    for published, ours in UNET_NAMES.items():
        if key.startswith(published):
            return _res_block(ours + key.removeprefix(published))
    match = re.fullmatch(r"(input|output)_blocks\.(\d+)\.(.+)", key)
    if match is None:
        return None
    step = _encoder_step if match[1] == "input" else _decoder_step
    return step(int(match[2]), match[3])


def _unet(key: str) -> tuple[Target, ...] | None:
    ours = _unet_key(key)
    if ours is None:
        return None
    lora = LORA.fullmatch(ours)
    if lora is None:
        projection = re.search(r"\.proj_(in|out)\.weight$", ours)
        return (Target(Component.UNET, ours, Change.TO_CONV if projection else Change.NONE),)
    component = Component.FOREGROUND_LORA if lora[3] == "fg" else Component.BACKGROUND_LORA
    return (Target(component, f"{lora[1]}.lora_{'A' if lora[2] == 'down' else 'B'}.weight"),)


def _reference_encoder(component: Component) -> Rule:
    patterns = {
        r"label_emb\.0\.0\.(.+)": r"size_embedding.linear_1.\1",
        r"label_emb\.0\.2\.(.+)": r"size_embedding.linear_2.\1",
        r"zero_layers\.(.+)": r"projections.\1",
    }

    def rule(key: str) -> tuple[Target, ...] | None:
        renamed = _renamed(component, key, patterns)
        if renamed:
            return renamed
        inside = _unet(key) if key.startswith(("time_embed.", "input_blocks.")) else None
        return inside and tuple(Target(component, target.key, target.change) for target in inside)

    return rule


ATTENTION_BLOCK = {
    r"(\d+)\.attn\.(to_[qkv]\.weight)": r"blocks.\1.attention.\2",
    r"(\d+)\.attn\.to_out\.0\.(.+)": r"blocks.\1.attention.to_out.\2",
    r"(\d+)\.(norm[12]\..+)": r"blocks.\1.\2",
    r"(\d+)\.ff\.([02]\..+)": r"blocks.\1.mlp.\2",
}
RECOVERY = {
    r"embedding": "queries",
    r"layers\.(\d+)\.0\.(.+)": r"blocks.\1.norm1.\2",
    r"layers\.(\d+)\.1\.(.+)": r"blocks.\1.norm2.\2",
    r"layers\.(\d+)\.2\.(to_[qkv]\.weight)": r"blocks.\1.attention.\2",
    r"layers\.(\d+)\.2\.to_out\.0\.(.+)": r"blocks.\1.attention.to_out.\2",
    r"layers\.(\d+)\.3\.([02]\..+)": r"blocks.\1.mlp.\2",
}
STYLE = {
    r"(\d+)\.0\.(.+)": r"layers.\1.norm.\2",
    r"(\d+)\.1\.(.+)": r"layers.\1.time_proj.\2",
    r"(\d+)\.2\.(.+)": r"layers.\1.proj.\2",
}
SKETCH_ENCODER = {
    r"model\.(\d+)\.(.+)": r"stem.\1.\2",
    r"zero_layer\.0\.(.+)": r"stem_hint.\1",
    r"output_blocks\.(\d+)\.(\d+)\.(.+)": r"levels.\1.\2.\3",
    r"zero_blocks\.(\d+)\.0\.(.+)": r"level_hints.\1.\2",
}
THRESHOLD = {
    r"embed_layer\.0\.(.+)": r"linear_1.\1",
    r"embed_layer\.2\.(.+)": r"linear_2.\1",
}


def _with(component: Component, patterns: dict[str, str]) -> Rule:
    return lambda key: _renamed(component, key, patterns)


VAE_LEVELS = 4
VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}


def _vae(key: str) -> tuple[Target, ...] | None:
    if key.startswith(("loss.", "discriminator.")):
        return ()
    attention = re.fullmatch(r"(encoder|decoder)\.mid\.attn_1\.(\w+)\.(weight|bias)", key)
    if attention:
        name = f"{attention[1]}.mid_block.attentions.0.{VAE_ATTENTION[attention[2]]}.{attention[3]}"
        return (Target(Component.VAE, name, Change.TO_LINEAR),)

    def up_block(match: re.Match[str]) -> str:
        return f"decoder.up_blocks.{VAE_LEVELS - 1 - int(match[1])}"

    key = re.sub(r"^decoder\.up\.(\d)", up_block, key)
    key = re.sub(r"^encoder\.down\.(\d)", r"encoder.down_blocks.\1", key)
    key = key.replace(".block.", ".resnets.").replace("nin_shortcut", "conv_shortcut")
    key = key.replace(".downsample.", ".downsamplers.0.").replace(".upsample.", ".upsamplers.0.")
    key = key.replace(".mid.block_1.", ".mid_block.resnets.0.").replace(
        ".mid.block_2.", ".mid_block.resnets.1."
    )
    key = key.replace(".norm_out.", ".conv_norm_out.")
    known = re.match(r"(encoder|decoder)\.(conv_|down_blocks|up_blocks|mid_block)|(post_)?quant_conv", key)
    return (Target(Component.VAE, key),) if known else None


CLIP_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
IMAGE_ENCODER = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "ln_pre": "vision_model.pre_layrnorm",
    "ln_post": "vision_model.post_layernorm",
    "proj": "visual_projection.weight",
}
TEXT_ENCODER = {
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "ln_final": "text_model.final_layer_norm",
    "text_projection": "text_projection.weight",
}


def _clip(component: Component, tower: str, names: dict[str, str]) -> Rule:
    def rule(key: str) -> tuple[Target, ...] | None:
        inside = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)\.?(weight|bias)", key)
        if inside:
            return _clip_block(
                component, f"{tower}.encoder.layers.{inside[1]}", inside[2].strip("._"), inside[3]
            )
        for published, ours in names.items():
            if key == published:
                change = Change.TRANSPOSE if "proj" in published else Change.NONE
                return (Target(component, ours, change),)
            if key in (f"{published}.weight", f"{published}.bias"):
                return (Target(component, key.replace(published, ours)),)
        return None

    return rule


def _clip_block(component: Component, block: str, name: str, kind: str) -> tuple[Target, ...] | None:
    """Converts a key of an OpenCLIP transformer block, where q, k and v are stored as one tensor."""
    if name == "attn.in_proj":
        parts = zip("qkv", THIRDS, strict=True)
        return tuple(Target(component, f"{block}.self_attn.{p}_proj.{kind}", third) for p, third in parts)
    return (Target(component, f"{block}.{CLIP_BLOCK[name]}.{kind}"),) if name in CLIP_BLOCK else None


RULES: dict[str, Rule] = {
    "model.diffusion_model.warp_modules.": _with(Component.WARP, ATTENTION_BLOCK),
    "model.diffusion_model.style_modules.": _with(Component.STYLE, STYLE),
    "model.diffusion_model.": _unet,
    "control_encoder.": _with(Component.SKETCH_ENCODER, SKETCH_ENCODER),
    "transformer.": _with(Component.RECOVERY, RECOVERY),
    "thresh_embedder.": _with(Component.THRESHOLD_EMBEDDER, THRESHOLD),
    "bg_encoder.": _reference_encoder(Component.BACKGROUND_ENCODER),
    "style_encoder.": _reference_encoder(Component.STYLE_ENCODER),
    "first_stage_model.": _vae,
    "cond_stage_model.visual.model.": _clip(Component.IMAGE_ENCODER, "vision_model", IMAGE_ENCODER),
    "cond_stage_model.transformer.model.": _clip(Component.TEXT_ENCODER, "text_model", TEXT_ENCODER),
}
