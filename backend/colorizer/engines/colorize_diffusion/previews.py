"""Previews of a latent during denoising. A preview must cost far less than a step.

The best method is a tiny VAE (TAESD, from the catalogue). Without one, the model's own VAE decodes a scaled-down
latent. Where the VAE is slow or offloaded (`speed.place`), each latent pixel is converted to a colour by a linear
map.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.errors import UnusableModel

log = logging.getLogger(__name__)

TINY_LATENT = 40
VAE_LATENT = 32
"""Longest side of the latent that the VAE decodes, in latent pixels."""
COLOURS = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
"""Linear map of a Stable Diffusion latent's channels to RGB in [-1, 1], as commonly used for previews."""


def tiny(vae: Any, latent: Tensor) -> Tensor:
    """Decodes a scaled latent (1, 4, h, w) with an `AutoencoderTiny` to RGB (1, 3, H, W) in about [-1, 1], float32."""
    small = scale_down(latent, TINY_LATENT).to(vae.device, vae.dtype)
    decoded: Tensor = vae.decode(small, return_dict=False)[0]
    return decoded.float()


def linear(latent: Tensor) -> Tensor:
    """Converts a scaled latent (1, 4, h, w) to RGB (1, 3, h, w) by a linear map."""
    return torch.einsum("bchw,cr->brhw", latent.float(), torch.tensor(COLOURS, device=latent.device))


def scale_down(latent: Tensor, longest: int) -> Tensor:
    """Scales a latent so that its longer side has at most `longest` pixels."""
    side = max(latent.shape[-2:])
    return latent if side <= longest else F.interpolate(latent, scale_factor=longest / side, mode="area")


def is_tiny_vae(keys: Iterable[str]) -> bool:
    """Whether a file contains TAESD, by diffusers' key names."""
    return any(key.startswith("decoder.layers.") for key in keys)


def convert(file: Path, folder: Path) -> None:
    """Writes the published TAESD file as a model folder. Raises `UnusableModel` if it is incomplete."""
    from diffusers import AutoencoderTiny

    from colorizer.engines.checkpoints import open_checkpoint

    vae = AutoencoderTiny()  # the published sizes
    with open_checkpoint(file) as checkpoint:
        state = {key: checkpoint.load(key) for key in checkpoint.shapes}
    try:
        vae.load_state_dict(state)
    except RuntimeError as error:
        raise UnusableModel(
            f"{file.name} isn't the published TAESD: tensors are missing, superfluous or of another size."
            " Download it again."
        ) from error
    vae.save_pretrained(folder)


def load(folder: Path | None) -> Any:
    """Loads the tiny VAE of a folder. Returns None if there is none or it cannot be read; previews are optional."""
    if folder is None:
        return None
    from diffusers import AutoencoderTiny
    from safetensors import SafetensorError

    try:
        return AutoencoderTiny.from_pretrained(folder, local_files_only=True).eval()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError):
        log.warning("the preview model %s can't be read", folder.name, exc_info=True)
        return None
