"""AnimeDiffusion's published checkpoint layout: a state dict of network and schedule, with every key accounted for.

`denoise_fn.*` is the network. The other seven tensors are tables of the noise schedule; they are checked and not
stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colorizer.engines.anime_diffusion.diffusion import PUBLISHED, Betas, ddim_scheduler, schedule_tables
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.engines.checkpoints import read_tensors
from colorizer.errors import UnusableModel
from colorizer.files import atomic_folder

NETWORK = "denoise_fn."
_RELATIVE_ERROR = 1e-4
"""Tolerance of the tables, which were computed in single precision."""


def network_from_published(
    state: Mapping[str, Tensor], unet: Mapping[str, Any], betas: Betas = PUBLISHED
) -> AnimeDiffusionUNet:
    """Loads the network of a published state dict, in float32.

    Args:
        state: the complete state dict with its published names.
        unet: the `unet` part of the published configuration.
        betas: the `betas` part of it; the tables in the state dict must match it.

    Raises:
        UnusableModel: a key is missing, superfluous or of another shape, or the noise schedule differs.
    """
    network = AnimeDiffusionUNet(**unet)
    weights = {key.removeprefix(NETWORK): value for key, value in state.items() if key.startswith(NETWORK)}
    _check_tables({key: value for key, value in state.items() if not key.startswith(NETWORK)}, betas)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UnusableModel(
            f"The file is not an AnimeDiffusion checkpoint of this configuration: {error}. Choose another file."
        ) from error
    return network.eval()


def read_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Infers the `unet` part of a checkpoint's configuration from tensor shapes; empty for another kind of file.

    The shapes do not show the number of attention heads; the published number is assumed.
    """
    first, last = shapes.get(f"{NETWORK}input.0.weight"), shapes.get(f"{NETWORK}output.2.weight")
    if first is None or last is None:
        return {}
    indices = [key.split(".")[2] for key in shapes if key.startswith(f"{NETWORK}encoder_block.")]
    count = 1 + max(map(int, indices), default=0)
    widths = [shapes.get(f"{NETWORK}encoder_block.{i}.conv2.3.weight", (0,))[0] for i in range(count)]
    blocks = widths.index(0) if 0 in widths else count  # missing numbers are the downsamplers
    levels = [widths[i] for i in range(0, count, blocks + 1)]
    return {
        "channel_in": first[1],
        "channel_out": last[0],
        "channel_base": first[0],
        "channel_mult": [width // first[0] for width in levels],
        "n_res_blocks": blocks,
        "cbam": any(".channel_attention." in key for key in shapes),
    }


def convert(
    file: Path, folder: Path, unet: Mapping[str, Any] | None = None, betas: Betas = PUBLISHED
) -> None:
    """Writes a model folder from a checkpoint of the published training code.

    Args:
        file: the checkpoint.
        folder: the model folder to write.
        unet: the `unet` part of its configuration; None: inferred from the tensors.
        betas: the `betas` part of its configuration.

    Raises:
        UnusableModel: the file is damaged or of another kind. Nothing is left on disk then.
    """
    state = read_tensors(file)
    if unet is None:
        unet = read_config({key: tuple(value.shape) for key, value in state.items()})
    pipeline = AnimeDiffusionPipeline(network_from_published(state, unet, betas), ddim_scheduler(betas))
    try:
        with atomic_folder(folder) as building:
            pipeline.save_pretrained(building)
    except OSError as error:
        raise UnusableModel(
            f"The converted model can't be written: {error.strerror or error}."
            " Free some disk space, or check that the models folder can be written to."
        ) from error


def _check_tables(tables: Mapping[str, Tensor], betas: Betas) -> None:
    expected = schedule_tables(ddim_scheduler(betas))
    if different := sorted(set(tables) ^ set(expected)):
        raise UnusableModel(
            f"The file is not an AnimeDiffusion checkpoint: {', '.join(different[:5])} is missing or unknown."
            " Choose the `.pth` file that the training wrote."
        )
    for name, values in expected.items():
        if values.shape != tables[name].shape or not torch.allclose(
            tables[name].float(), values, rtol=_RELATIVE_ERROR, atol=1e-7
        ):
            raise UnusableModel(
                f"The checkpoint's noise schedule (`{name}`) doesn't match its configuration."
                " Give the `betas` that it was trained with."
            )
