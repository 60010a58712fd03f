"""The guider's condition (arXiv 2412.11815, section 3.2): separate latents of the stitched canvas's border and centre.

A canvas is uint8 RGB (2H, 2W, 3): the picture to colour in the central H x W, references around it; see `retrieval`.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from colorizer.engines.runtime.device_swap import ensure_on_device
from colorizer.imaging.values import RGB


def centre(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the picture to colour, in a canvas or its latents: the middle half of each."""
    return slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)


def border_mask(height: int, width: int) -> Tensor:
    """Mask (1, 1, height, width): 1 on the references, 0 in the centre, which is coloured."""
    mask = torch.ones(1, 1, height, width)
    mask[(..., *centre(height, width))] = 0
    return mask


def to_tensor(picture: RGB) -> Tensor:
    """Converts uint8 (H, W, 3) to float32 (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)


def to_picture(tensor: Tensor, *, cut_off: bool = False) -> RGB:
    """Converts (3, H, W), clamped to [-1, 1], to uint8 (H, W, 3).

    Args:
        tensor: the picture.
        cut_off: truncate levels instead of rounding them, as the published last stage does.
    """
    levels = (tensor.float().clamp(-1, 1) * 0.5 + 0.5) * 255
    levels = levels if cut_off else levels.round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def encode(vae: AutoencoderKL, pictures: Tensor, noise: Tensor | None = None) -> Tensor:
    """Encodes pictures (B, 3, H, W) in [-1, 1] to unscaled latents (B, 4, H/8, W/8).

    Args:
        vae: the autoencoder.
        pictures: the pictures.
        noise: standard normal noise of the latents' shape, to sample the posterior as published; None: posterior mean.
    """
    ensure_on_device(vae)
    posterior = vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist
    latents: Tensor = (
        posterior.mean if noise is None else posterior.mean + posterior.std * noise.to(vae.device)
    )
    return latents


def guider_condition(vae: AutoencoderKL, canvas: RGB, noise: Tensor | None = None) -> Tensor:
    """The guider's input beside the noisy latent, (B, 9, 2H/8, 2W/8): border latent 4, mask 1, centre latent 4.

    For the border latent the centre of the canvas is painted black, for the centre latent the border.

    Args:
        vae: the autoencoder.
        canvas: (2H, 2W, 3) uint8.
        noise: (2, B, 4, 2H/8, 2W/8), posterior noise of border and centre for each half of the guidance batch, as
            published. None: posterior means, with B = 1.
    """
    inside = centre(*canvas.shape[:2])
    border, middle = canvas.copy(), np.zeros_like(canvas)
    border[inside] = 0
    middle[inside] = canvas[inside]
    batch = 1 if noise is None else noise.shape[1]
    parts = [
        encode(vae, to_tensor(part).expand(batch, -1, -1, -1), None if noise is None else noise[index])
        * vae.config.scaling_factor
        for index, part in enumerate((border, middle))
    ]
    mask = border_mask(*parts[0].shape[-2:]).to(parts[0]).expand(batch, -1, -1, -1)
    return torch.cat([parts[0], mask, parts[1]], dim=1)
