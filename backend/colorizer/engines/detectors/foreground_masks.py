"""Pre- and postprocessing for foreground masks by a segmentation network.

The network (ISNet or a similar one, from the catalogue) is passed in. It takes (1, 3, S, S) and returns foreground
probabilities (1, 1, S, S).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Network = Callable[[Tensor], Tensor]

WORKING_SIZE = 1024
DILATION = 11


def reference_mask(
    network: Network,
    picture: Tensor,
    working_size: int = WORKING_SIZE,
    out_size: tuple[int, int] | None = None,
    dilation: int = DILATION,
) -> Tensor:
    """Foreground mask of a colour picture.

    The network gets the negative of the picture in 0..1, letter-boxed, as in the published use of the weights.

    Args:
        network: the segmentation network.
        picture: (1, 3, H, W) in [-1, 1].
        working_size: side of the network's input, px.
        out_size: (H, W) of the mask; None: the picture's.
        dilation: side of the square that the mask is dilated with, px.

    Returns:
        (1, 1, H, W) in 0..1.
    """
    scale = working_size / max(picture.shape[-2:])
    small = F.interpolate(picture, scale_factor=scale, mode="bicubic", align_corners=False)
    height, width = small.shape[-2:]
    top, left = (working_size - height) // 2, (working_size - width) // 2
    canvas = picture.new_full((1, 3, working_size, working_size), -1.0)
    canvas[..., top : top + height, left : left + width] = small
    found = network(1 - (canvas + 1) / 2)[..., top : top + height, left : left + width]
    size = out_size or (picture.shape[-2], picture.shape[-1])
    mask = F.interpolate(found, size, mode="bicubic", align_corners=False).clamp(0, 1)
    return F.max_pool2d(mask, dilation, stride=1, padding=dilation // 2)


def sketch_mask(network: Network, drawing: Tensor, working_size: int = WORKING_SIZE) -> Tensor:
    """Foreground mask (1, 1, H, W) of a drawing (1, 3, H, W) with dark lines (-1) on white (+1).

    The drawing is squashed to a square for the network.
    """
    square = F.interpolate(drawing, (working_size, working_size), mode="bicubic", align_corners=False)
    size = (drawing.shape[-2], drawing.shape[-1])
    found: Tensor = F.interpolate(network(square), size, mode="bicubic", align_corners=False)
    return torch.clamp(found, 0, 1)
