"""AnimeDiffusion's published checkpoint layout: a state dict of network and schedule, every key accounted for.

`denoise_fn.*` is the network; the seven tables beside it belong to the schedule and are checked against it, not kept.
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
from colorizer.files import appearing_folder

NETWORK = "denoise_fn."
_RELATIVE_ERROR = 1e-4
"""How far a table may be from ours; it was computed elsewhere in single precision."""


def network_from_published(
    state: Mapping[str, Tensor], unet: Mapping[str, Any], betas: Betas = PUBLISHED
) -> AnimeDiffusionUNet:
    """The network of a published state dict, float32.

    Args:
        state: the whole state dict; names as `torch.save` of the published wrapper leaves them.
        unet: the `unet` part of the published configuration.
        betas: the `betas` part; the tables must belong to it.

    Raises:
        UnusableModel: a key is missing, left over or of another shape, or the schedule is another one.
    """
    network = AnimeDiffusionUNet(**unet)
    weights = {key.removeprefix(NETWORK): value for key, value in state.items() if key.startswith(NETWORK)}
    _check_tables({key: value for key, value in state.items() if not key.startswith(NETWORK)}, betas)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UnusableModel(
            f"The file is no AnimeDiffusion checkpoint of this configuration: {error}. Choose the file of its model."
        ) from error
    return network.eval()


def read_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The `unet` part of a checkpoint's configuration, from its tensors' shapes; empty where it is no such checkpoint.

    The number of attention heads leaves no trace in them; the published one is taken.
    """
    first, last = shapes.get(f"{NETWORK}input.0.weight"), shapes.get(f"{NETWORK}output.2.weight")
    if first is None or last is None:
        return {}
    indices = [key.split(".")[2] for key in shapes if key.startswith(f"{NETWORK}encoder_block.")]
    count = 1 + max(map(int, indices), default=0)
    widths = [shapes.get(f"{NETWORK}encoder_block.{i}.conv2.3.weight", (0,))[0] for i in range(count)]
    blocks = widths.index(0) if 0 in widths else count  # a gap in the numbers is where the picture is halved
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
    """Writes the model folder of a checkpoint that the published training left; see `network_from_published`.

    Args:
        unet: the `unet` part of its configuration; None reads it from the tensors.

    Raises:
        UnusableModel: the file is damaged or no such checkpoint; nothing is left behind then.
    """
    state = read_tensors(file)
    if unet is None:
        unet = read_config({key: tuple(value.shape) for key, value in state.items()})
    pipeline = AnimeDiffusionPipeline(network_from_published(state, unet, betas), ddim_scheduler(betas))
    try:
        with appearing_folder(folder) as building:
            pipeline.save_pretrained(building)
    except OSError as error:
        raise UnusableModel(f"The converted model can't be written: {error.strerror or error}.") from error


def _check_tables(tables: Mapping[str, Tensor], betas: Betas) -> None:
    expected = schedule_tables(ddim_scheduler(betas))
    if different := sorted(set(tables) ^ set(expected)):
        raise UnusableModel(
            f"The file is no AnimeDiffusion checkpoint: {', '.join(different[:5])} is missing or unknown."
            " Choose the `.pth` file that the training wrote."
        )
    for name, values in expected.items():
        if values.shape != tables[name].shape or not torch.allclose(
            tables[name].float(), values, rtol=_RELATIVE_ERROR, atol=1e-7
        ):
            raise UnusableModel(
                f"The checkpoint's noise schedule (`{name}`) isn't the one of its configuration."
                " Give the `betas` it was trained with."
            )
