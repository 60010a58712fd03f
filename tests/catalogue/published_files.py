"""Small files in the layouts of the published ones, made of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

TINY = {"channel_base": 32, "channel_mult": [1, 2], "n_res_blocks": 1}


def anime_checkpoint(file: Path) -> Path:
    """What AnimeDiffusion's published training leaves."""
    from colorizer.engines.anime_diffusion import diffusion
    from colorizer.engines.anime_diffusion.checkpoint import NETWORK
    from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet

    unet = AnimeDiffusionUNet(**TINY)
    weights = {NETWORK + key: value for key, value in unet.state_dict().items()}
    torch.save(weights | diffusion.schedule_tables(diffusion.ddim_scheduler()), file)
    return file


def clip(file: Path, projection_dim: int = 32, **changes: torch.Tensor | None) -> Path:
    """Both networks of a small CLIP with transformers' names."""
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    sizes = {"intermediate_size": 64, "num_attention_heads": 1, "hidden_act": "gelu"}
    sizes["projection_dim"] = projection_dim
    vision = CLIPVisionConfig(hidden_size=80, num_hidden_layers=1, image_size=224, patch_size=56, **sizes)
    words = {"vocab_size": 64, "max_position_embeddings": 8, "bos_token_id": 62, "eos_token_id": 63}
    text = CLIPTextConfig(hidden_size=64, num_hidden_layers=2, **sizes, **words)
    state = {
        **CLIPVisionModelWithProjection(vision).state_dict(),
        **CLIPTextModelWithProjection(text).state_dict(),
        "logit_scale": torch.ones(()),
        **changes,
    }
    save_file({key: value.contiguous() for key, value in state.items() if value is not None}, file)
    return file


def tokenizer(folder: Path) -> Path:
    """CLIP's words: letters, their ends, and the two marks."""
    folder.mkdir(parents=True)
    letters = [*"abcdefghijklmnopqrstuvwxyz", " "]
    words = letters + [f"{letter}</w>" for letter in letters] + ["<|startoftext|>", "<|endoftext|>"]
    numbers = dict(zip(words, [*range(len(words) - 2), 62, 63], strict=True))
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


def inception(file: Path, without: str = "-") -> Path:
    """FID's Inception with random weights and the head that nobody uses."""
    from colorizer_lab.evaluation.inception import Inception

    state = {key: value for key, value in Inception().state_dict().items() if not key.startswith(without)}
    torch.save(state | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, file)
    return file
