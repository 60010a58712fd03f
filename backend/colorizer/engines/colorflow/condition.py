"""The guider's condition (arXiv 2412.11815, section 3.2): latents of the stitched canvas, border and centre apart.

A canvas is (2H, 2W, 3) uint8 RGB: references around, the picture to colour in the central H x W; see `retrieval`.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from colorizer.engines.runtime.device_swap import bring
from colorizer.imaging.values import RGB


def centre(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a canvas (or of its latents) that hold the picture to colour: the middle half of each."""
    return slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)


def border_mask(height: int, width: int) -> Tensor:
    """(1, 1, height, width): 1 on the references, 0 in the centre, which is the part to colour."""
    mask = torch.ones(1, 1, height, width)
    mask[(..., *centre(height, width))] = 0
    return mask


def to_tensor(picture: RGB) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32, [-1, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)


def to_picture(tensor: Tensor, *, cut_off: bool = False) -> RGB:
    """(3, H, W), clamped to [-1, 1], to (H, W, 3) uint8; rounded, or cut off as the published last stage does."""
    levels = (tensor.float().clamp(-1, 1) * 0.5 + 0.5) * 255
    levels = levels if cut_off else levels.round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def encode(vae: AutoencoderKL, pictures: Tensor, noise: Tensor | None = None) -> Tensor:
    """Pictures (B, 3, H, W), [-1, 1], to unscaled latents (B, 4, H/8, W/8).

    Args:
        noise: like the latents, draws them from the posterior as published; None takes its mean.
    """
    bring(vae)
    posterior = vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist
    latents: Tensor = (
        posterior.mean if noise is None else posterior.mean + posterior.std * noise.to(vae.device)
    )
    return latents


def guider_condition(vae: AutoencoderKL, canvas: RGB, noise: Tensor | None = None) -> Tensor:
    """What the guider reads beside the noisy latent: border latent 4, mask 1, centre latent 4; (B, 9, 2H/8, 2W/8).

    Both are the canvas with the other part painted black.

    Args:
        noise: (2, B, 4, 2H/8, 2W/8), posterior noise of border and centre for each guidance half, as published; None
            takes posterior means, the same for all, and B is 1.
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
