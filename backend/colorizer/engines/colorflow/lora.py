"""ColorFlow's LoRA (Hu et al. 2021, arXiv 2106.09685) on the base network, with peft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from colorizer.errors import UnusableModel

SD_TARGETS = ("to_k", "to_q", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
PIXART_TARGETS = (*SD_TARGETS, "proj_in", "proj_out", "proj", "linear", "linear_1", "linear_2")
"""The additional names also match the patch convolution, the time and size embedders and the caption projection."""


def add_lora(network: nn.Module, targets: Sequence[str], rank: int) -> None:
    """Adds an untrained adapter `default` of scale 1 to every layer whose name ends in one of the targets."""
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(targets))
    inject_adapter_in_model(config, network, adapter_name="default")


def load_lora(network: nn.Module, state: Mapping[str, Tensor], targets: Sequence[str]) -> None:
    """Adds the adapter of a published file to `network`; the rank is read from the file.

    Args:
        network: the base network.
        state: adapter tensors by peft's names, `<layer>.lora_A.default.weight` and `.lora_B.`.
        targets: ends of the names of the adapted layers.

    Raises:
        UnusableModel: a tensor is missing, superfluous or of another shape.
    """
    ranks = {value.shape[0] for key, value in state.items() if ".lora_A." in key}
    if len(ranks) != 1:
        raise UnusableModel(
            "The file contains no LoRA with a single rank. Choose the LoRA file of this model."
        )
    add_lora(network, targets, ranks.pop())
    expected = {key: value.shape for key, value in network.state_dict().items() if ".lora_" in key}
    given = {key: value.shape for key, value in state.items()}
    if different := sorted(
        key for key in expected.keys() | given.keys() if expected.get(key) != given.get(key)
    ):
        raise UnusableModel(
            f"The LoRA doesn't fit this network: {len(different)} tensors differ, the first is `{different[0]}`."
            " Choose the LoRA file of this model."
        )
    network.load_state_dict(state, strict=False)


def merge_lora(network: nn.Module) -> None:
    """Merges the adapter into the weights and removes it."""
    adapted = [(name, part) for name, part in network.named_modules() if isinstance(part, BaseTunerLayer)]
    for name, part in adapted:
        part.merge()
        network.set_submodule(name, part.get_base_layer())
