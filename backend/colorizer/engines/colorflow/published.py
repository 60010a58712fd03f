"""ColorFlow's published files: which network each belongs to, every key accounted for.

All are plain state dicts with the names our networks carry. The published configurations hold more settings than we
use; those that are ours are taken. Base models come in diffusers' own format and aren't touched here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor, nn

from colorizer.engines.colorflow.pixart_guider import PixArtGuider
from colorizer.engines.colorflow.sd_guider import SDGuider
from colorizer.errors import UnusableModel

Network = TypeVar("Network", bound=nn.Module)

PIXART_ALIAS = "after_proj."
"""A second name of the PixArt guider's last adapter, left by how the published list was built."""


def sd_guider_from_published(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> SDGuider:
    """`GraySD/diffusion_pytorch_model.bin` with its `config.json`.

    Raises:
        UnusableModel: a key is missing, left over or of another shape.
    """
    return load_strictly(build(SDGuider, config), state)


def pixart_guider_from_published(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> PixArtGuider:
    """`sketch/` or `shading/diffusion_pytorch_model.bin` with its `config.json`.

    Raises:
        UnusableModel: a key is missing, left over or of another shape.
    """
    weights = {key: value for key, value in state.items() if not key.startswith(PIXART_ALIAS)}
    return load_strictly(build(PixArtGuider, config), weights)


def build(kind: type[Network], config: Mapping[str, Any]) -> Network:
    """A network from those settings of a published configuration that it knows."""
    known = inspect.signature(kind.__init__).parameters
    return kind(**{name: value for name, value in config.items() if name in known})


def load_strictly(network: Network, state: Mapping[str, Tensor]) -> Network:
    """Loads every tensor or raises `UnusableModel`; returns the network, ready to run."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UnusableModel(
            f"The file doesn't belong to this network: {error}. Choose the file published for this model."
        ) from error
    return network.eval()
