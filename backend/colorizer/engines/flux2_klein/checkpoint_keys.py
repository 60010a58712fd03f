"""Recognises the files of FLUX.2 klein by the names and shapes of their tensors, without reading weights.

ComfyUI stores one file per network, in the published naming: the transformer (bfloat16, scaled fp8 or GGUF), Qwen3, the
VAE, and LoRAs. Sizes are inferred from the shapes, so that the same code checks tiny test files and the published ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from colorizer.errors import UnusableModel

Shapes = Mapping[str, tuple[int, ...]]

COMFY_PREFIX = "model.diffusion_model."
SCALES = (".weight_scale", ".scale_weight")
"""Suffixes of the scales that fp8 weights are multiplied by."""
_UNUSED = (".input_scale", ".scale_input", "scaled_fp8", ".comfy_quant")
"""Parts of names that belong to fp8 arithmetic, which is not used here: computation is in bfloat16."""
KLEIN_9B_WIDTH = 4096


class Network(str, Enum):
    """The network that a file contains."""

    TRANSFORMER = "transformer"
    TEXT_ENCODER = "text_encoder"
    VAE = "vae"
    LORA = "lora"


def recognise(keys: Iterable[str]) -> Network | None:
    """The network that a file contains, by its keys; None for another kind of file."""
    names = {key.removeprefix(COMFY_PREFIX) for key in keys}
    if any("lora_A" in name or "lora_down" in name or ".lokr_" in name for name in names):
        of_flux = ("double_blocks", "single_blocks", "single_transformer_blocks")
        return Network.LORA if any(word in name for name in names for word in of_flux) else None
    published = (
        "double_blocks.0.img_attn.qkv.weight" in names and "single_stream_modulation.lin.weight" in names
    )
    if published or "single_stream_modulation.linear.weight" in names:
        return Network.TRANSFORMER
    if "model.layers.0.self_attn.q_norm.weight" in names and "model.embed_tokens.weight" in names:
        return Network.TEXT_ENCODER
    if "bn.running_mean" in names and any(name.startswith("decoder.") for name in names):
        return Network.VAE
    return None


def weights_only(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights, without ComfyUI's prefix and without the scales of fp8 weights."""
    found = {key.removeprefix(COMFY_PREFIX): shape for key, shape in shapes.items()}
    return {key: shape for key, shape in found.items() if not key.endswith((*SCALES, *_UNUSED))}


def transformer_config(shapes: Shapes) -> dict[str, Any]:
    """Infers `Flux2Transformer2DModel`'s configuration from a file in the published or in diffusers' naming.

    Raises:
        UnusableModel: a tensor that determines a size is missing.
    """
    found = weights_only(shapes)
    diffusers = "x_embedder.weight" in found
    names = (
        (
            "x_embedder",
            "context_embedder",
            "transformer_blocks.0.attn.norm_q.weight",
            "transformer_blocks.0.ff.linear_in",
        )
        if diffusers
        else (
            "img_in",
            "txt_in",
            "double_blocks.0.img_attn.norm.query_norm.scale",
            "double_blocks.0.img_mlp.0",
        )
    )
    try:
        width, channels = found[f"{names[0]}.weight"]
        text_width = found[f"{names[1]}.weight"][1]
        head = (found.get(names[2]) or found[names[2].replace(".scale", ".weight")])[0]
        wide = found[f"{names[3]}.weight"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise UnusableModel(
            "The file isn't a complete FLUX.2 klein transformer: tensors are missing. Download it again."
        ) from error
    kinds = (
        ("transformer_blocks", "single_transformer_blocks")
        if diffusers
        else ("double_blocks", "single_blocks")
    )
    return {
        "_class_name": "Flux2Transformer2DModel",
        "patch_size": 1,
        "in_channels": channels,
        "num_layers": _count(found, kinds[0]),
        "num_single_layers": _count(found, kinds[1]),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": text_width,
        "mlp_ratio": wide / (2 * width),
        "axes_dims_rope": [head // 4] * 4,
        "guidance_embeds": any(
            key.startswith(("guidance_in.", "time_guidance_embed.guidance")) for key in found
        ),
    }


def text_encoder_config(shapes: Shapes) -> dict[str, Any]:
    """Infers `Qwen3Config`'s arguments from a file's shapes; the others have the values of the published Qwen3."""
    found = weights_only(shapes)
    layer = "model.layers.0"
    try:
        vocabulary, width = found["model.embed_tokens.weight"]
        head = found[f"{layer}.self_attn.q_norm.weight"][0]
        return {
            "vocab_size": vocabulary,
            "hidden_size": width,
            "intermediate_size": found[f"{layer}.mlp.gate_proj.weight"][0],
            "num_hidden_layers": _count(found, "model.layers"),
            "num_attention_heads": found[f"{layer}.self_attn.q_proj.weight"][0] // head,
            "num_key_value_heads": found[f"{layer}.self_attn.k_proj.weight"][0] // head,
            "head_dim": head,
            "max_position_embeddings": 40960,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": "lm_head.weight" not in found,
        }
    except (KeyError, ValueError, IndexError) as error:
        raise UnusableModel(
            "The file isn't a complete Qwen3 text encoder: tensors are missing. Download it again."
        ) from error


def vae_config(shapes: Shapes) -> dict[str, Any]:
    """Infers `AutoencoderKLFlux2`'s configuration from a file in the published or in diffusers' naming."""
    diffusers = any(key.startswith("encoder.down_blocks.") for key in shapes)
    first = (
        "encoder.down_blocks.{}.resnets.0.conv1.weight"
        if diffusers
        else "encoder.down.{}.block.0.conv1.weight"
    )
    block = "encoder.down_blocks.0.resnets" if diffusers else "encoder.down.0.block"
    up = "decoder.up_blocks.{}.resnets.0.conv1.weight" if diffusers else "decoder.up.{}.block.0.conv1.weight"
    levels = _count(shapes, "encoder.down_blocks" if diffusers else "encoder.down")
    try:
        channels = [shapes[first.format(level)][0] for level in range(levels)]
        decoder = [shapes[up.format(level)][0] for level in range(levels)]
        config = {
            "_class_name": "AutoencoderKLFlux2",
            "block_out_channels": channels,
            "decoder_block_out_channels": list(reversed(decoder)) if diffusers else decoder,
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "layers_per_block": _count(shapes, block),
            "latent_channels": shapes["decoder.conv_in.weight"][1],
            "norm_num_groups": min(32, channels[0]),
            "use_quant_conv": "quant_conv.weight" in shapes,
            "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        }
    except (KeyError, IndexError) as error:
        raise UnusableModel(
            "The file isn't a complete FLUX.2 VAE: tensors are missing. Download it again."
        ) from error
    return config


def check_keys(expected: Shapes, found: Shapes, name: str) -> None:
    """Raises `UnusableModel` unless the tensors of a file are exactly those of the network."""
    missing = sorted(expected.keys() - found.keys())
    unknown = sorted(found.keys() - expected.keys())
    other = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    told = (("missing", missing), ("unknown", unknown), ("of another size", other))
    wrong = [f"{len(keys)} {what}, the first is `{keys[0]}`" for what, keys in told if keys]
    if wrong:
        raise UnusableModel(f"{name} doesn't fit this network: {'; '.join(wrong)}. Download it again.")


def is_nvfp4(shapes: Shapes) -> bool:
    """Whether the weights are NVFP4 (packed in four bits), which only ComfyUI supports."""
    return any(key.endswith(".weight_scale_2") for key in shapes)


def _count(shapes: Iterable[str], prefix: str) -> int:
    """Number of numbered layers whose names begin with the prefix."""
    start = f"{prefix}."
    return len({key[len(start) :].partition(".")[0] for key in shapes if key.startswith(start)})
