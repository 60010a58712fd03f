"""The two LoRAs of split attention (arXiv 2502.19937) as peft adapters of the UNet, and their files.

Ranks differ between layers and are read from the tensors. The scale is 1 (alpha = rank). `attention` decides for each
layer which adapter is applied; both are used in one forward pass, so neither is set as peft's active adapter.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import has_adapters
from colorizer.engines.colorize_diffusion.settings import Branch

FOLDER = "lora"


def adapter_file(folder: Path, side: Branch) -> Path:
    """Path of one branch's LoRA in a model folder."""
    return folder / FOLDER / f"{side.value}.safetensors"


def add_adapter(unet: Any, side: Branch, tensors: Mapping[str, Tensor]) -> None:
    """Adds one branch's LoRA to the UNet, from peft tensors (`...attn2.to_q.lora_A.weight` and so on)."""
    from peft import LoraConfig, set_peft_model_state_dict

    ranks = {
        key.removesuffix(".lora_A.weight"): int(tensor.shape[0])
        for key, tensor in tensors.items()
        if key.endswith(".lora_A.weight")
    }
    common = Counter(ranks.values()).most_common(1)[0][0]
    special = {f"^{name}$": rank for name, rank in ranks.items() if rank != common}
    config = LoraConfig(
        r=common,
        lora_alpha=common,
        target_modules=sorted(ranks),
        rank_pattern=special,
        alpha_pattern=special,
        init_lora_weights=False,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
        unet.add_adapter(config, adapter_name=side.value)
    result = set_peft_model_state_dict(unet, dict(tensors), adapter_name=side.value)
    assert not result.unexpected_keys, result.unexpected_keys[:3]
    for layer in unet.modules():
        if has_adapters(layer) and side.value in layer.lora_A:
            for matrix in (layer.lora_A[side.value], layer.lora_B[side.value]):
                matrix.to(layer.base_layer.weight.device, layer.base_layer.weight.dtype)


def adapters_of(unet: Any) -> dict[Branch, dict[str, Tensor]]:
    """Returns the tensors of every adapter in the UNet."""
    from peft import get_peft_model_state_dict

    present = getattr(unet, "peft_config", {})
    return {
        side: get_peft_model_state_dict(unet, adapter_name=side.value)
        for side in Branch
        if side.value in present
    }


def load_adapters(unet: Any, folder: Path) -> None:
    """Adds the adapters that a model folder contains."""
    from safetensors.torch import load_file

    for side in Branch:
        file = adapter_file(folder, side)
        if file.is_file():
            add_adapter(unet, side, load_file(file))
