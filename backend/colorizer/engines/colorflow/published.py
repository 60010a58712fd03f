"""Loads ColorFlow's published files into their networks, with every key accounted for.

They are plain state dicts with the same names as the networks here. Published configurations contain more settings than
needed; unknown ones are ignored. Base models are in diffusers' own format and are not handled here.
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
"""A duplicate of the PixArt guider's last adapter, an artefact of the published code."""


def sd_guider_from_published(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> SDGuider:
    """Loads `GraySD/diffusion_pytorch_model.bin` with its `config.json`.

    Raises:
        UnusableModel: a key is missing, superfluous or of another shape.
    """
    return load_strictly(build(SDGuider, config), state)


def pixart_guider_from_published(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> PixArtGuider:
    """Loads `sketch/` or `shading/diffusion_pytorch_model.bin` with its `config.json`.

    Raises:
        UnusableModel: a key is missing, superfluous or of another shape.
    """
    weights = {key: value for key, value in state.items() if not key.startswith(PIXART_ALIAS)}
    return load_strictly(build(PixArtGuider, config), weights)


def build(kind: type[Network], config: Mapping[str, Any]) -> Network:
    """Builds a network from the settings of a published configuration that its constructor takes."""
    known = inspect.signature(kind.__init__).parameters
    return kind(**{name: value for name, value in config.items() if name in known})


def load_strictly(network: Network, state: Mapping[str, Tensor]) -> Network:
    """Loads all tensors and returns the network in evaluation mode; raises `UnusableModel` if one does not fit."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UnusableModel(
            f"The file doesn't fit this network: {error}. Choose the file published for this model."
        ) from error
    return network.eval()
