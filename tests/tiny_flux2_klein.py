"""A tiny FLUX.2 klein of the library's own classes: random weights, the published key layout, under a megabyte."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
)
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

TEXT_WIDTH = 16
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def transformer(width: int = 32) -> Flux2Transformer2DModel:
    """One block of each kind, two heads."""
    return Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=width // 2,
        num_attention_heads=2,
        joint_attention_dim=3 * TEXT_WIDTH,
        axes_dims_rope=(width // 8,) * 4,
        guidance_embeds=False,
    ).eval()


def vae() -> AutoencoderKLFlux2:
    """4 channels, 8 x smaller."""
    made = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4
    )
    made.bn.running_mean.normal_(0, 0.1)
    made.bn.running_var.uniform_(0.5, 2)
    return made.eval()


def text_encoder() -> Qwen3ForCausalLM:
    """As deep as the published one is read: 27 layers."""
    config = Qwen3Config(
        vocab_size=300,
        hidden_size=TEXT_WIDTH,
        intermediate_size=TEXT_WIDTH,
        num_hidden_layers=28,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
    )
    return Qwen3ForCausalLM(config).eval()


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, with Qwen's marks."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Qwen2TokenizerFast(
        vocab={letter: place for place, letter in enumerate(letters)},
        merges=[],
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    made.chat_template = TEMPLATE
    return made


def make(*, seed: int = 0, distilled: bool = True, kind: type = Flux2KleinPipeline):
    """A pipeline of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = kind(
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
            vae=vae(),
            text_encoder=text_encoder(),
            tokenizer=tokenizer(),
            transformer=transformer(),
            is_distilled=distilled,
        )
    made.set_progress_bar_config(disable=True)
    return made


@cache
def shared():
    """The same pipeline for all tests that leave it as it is."""
    return make()


_PUBLISHED = {
    "x_embedder": "img_in",
    "context_embedder": "txt_in",
    "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
    "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
    "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
    "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
    "single_stream_modulation.linear": "single_stream_modulation.lin",
    "proj_out": "final_layer.linear",
}
_DOUBLE = {
    "attn.norm_q.weight": "img_attn.norm.query_norm.scale",
    "attn.norm_k.weight": "img_attn.norm.key_norm.scale",
    "attn.to_out.0.weight": "img_attn.proj.weight",
    "ff.linear_in.weight": "img_mlp.0.weight",
    "ff.linear_out.weight": "img_mlp.2.weight",
    "attn.norm_added_q.weight": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k.weight": "txt_attn.norm.key_norm.scale",
    "attn.to_add_out.weight": "txt_attn.proj.weight",
    "ff_context.linear_in.weight": "txt_mlp.0.weight",
    "ff_context.linear_out.weight": "txt_mlp.2.weight",
}
_SINGLE = {
    "attn.to_qkv_mlp_proj.weight": "linear1.weight",
    "attn.to_out.weight": "linear2.weight",
    "attn.norm_q.weight": "norm.query_norm.scale",
    "attn.norm_k.weight": "norm.key_norm.scale",
}
_FUSED = {
    "img_attn.qkv.weight": ("attn.to_q.weight", "attn.to_k.weight", "attn.to_v.weight"),
    "txt_attn.qkv.weight": ("attn.add_q_proj.weight", "attn.add_k_proj.weight", "attn.add_v_proj.weight"),
}


def published(network: Flux2Transformer2DModel) -> dict[str, torch.Tensor]:
    """A transformer's weights under Black Forest Labs' names."""
    state = dict(network.state_dict())
    made = {}
    scale, shift = state.pop("norm_out.linear.weight").chunk(2)
    made["final_layer.adaLN_modulation.1.weight"] = torch.cat([shift, scale])
    for ours, theirs in _PUBLISHED.items():
        made[f"{theirs}.weight"] = state.pop(f"{ours}.weight")
    for number in range(network.config.num_layers):
        place, theirs = f"transformer_blocks.{number}", f"double_blocks.{number}"
        for name, parts in _FUSED.items():
            made[f"{theirs}.{name}"] = torch.cat([state.pop(f"{place}.{part}") for part in parts])
        made |= {f"{theirs}.{name}": state.pop(f"{place}.{ours}") for ours, name in _DOUBLE.items()}
    for number in range(network.config.num_single_layers):
        place, theirs = f"single_transformer_blocks.{number}", f"single_blocks.{number}"
        made |= {f"{theirs}.{name}": state.pop(f"{place}.{ours}") for ours, name in _SINGLE.items()}
    assert not state, state
    return {key: value.contiguous() for key, value in made.items()}


def published_vae(network: AutoencoderKLFlux2) -> dict[str, torch.Tensor]:
    """A VAE's weights under the names of its published file."""
    levels = len(network.config.block_out_channels)
    made = {}
    for key, value in network.state_dict().items():
        name = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", key)
        name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(
            r"up_blocks\.(\d+)\.resnets", lambda found: f"up.{levels - 1 - int(found[1])}.block", name
        )
        name = re.sub(
            r"up_blocks\.(\d+)\.upsamplers\.0",
            lambda found: f"up.{levels - 1 - int(found[1])}.upsample",
            name,
        )
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            name = name.replace("to_out.0", "proj_out")
            name = re.sub(r"to_([qkv])", r"\1", name)
            value = value[..., None, None] if value.ndim == 2 else value
        if not key.endswith("num_batches_tracked"):
            made[name] = value.contiguous()
    return made


def comfy(root: Path, pipeline, name: str = "flux-2-klein-4b.safetensors") -> Path:
    """ComfyUI's folders with the three files and the tokenizer; where the transformer lies."""
    for folder in ("diffusion_models", "text_encoders", "vae"):
        (root / folder).mkdir(parents=True)
    save_file(published(pipeline.transformer), root / "diffusion_models" / name)
    text = {
        key: value for key, value in pipeline.text_encoder.state_dict().items() if key != "lm_head.weight"
    }
    save_file(text, root / "text_encoders" / "qwen_3_4b.safetensors")
    save_file(published_vae(pipeline.vae), root / "vae" / "flux2-vae.safetensors")
    pipeline.tokenizer.save_pretrained(root / "tokenizer")
    return root / "diffusion_models" / name
