"""Validates the match network on held-out drawings.

The colour of a region is determined as at run time: the attention of all its points is pooled, and the colour with most
of the attention is chosen. Evaluation on real pictures is in `colorizer_lab.evaluation`.

    python -m colorizer_lab.training.match_validation MODEL_FOLDER --drawings 300
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from colorizer.engines.match.network import MatchConfig, MatchNetwork, WarpField
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from colorizer_lab.data.drawing import ReferenceKind, triplet
from colorizer_lab.training.match_data import Batch, collate, key_parts, lay

RIGHT = 10.0
"""CIEDE2000 below which the colour of a region counts as right."""

_KERNEL = 0.06
"""Width of the colour neighbourhood in which attention is summed, RGB 0..1."""

_LEAST_CELLS = 3
"""Smallest region that is judged, in cells of the query grid."""


@dataclass(frozen=True)
class MatchFigures:
    """Shares in 0..1 over all judged regions of the foregrounds."""

    drawings: int
    regions_right: float
    """Share of the regions whose colour is in the reference that are right."""
    area_right: float
    """The same, weighted by area."""
    area_right_without_masks: float
    area_right_same_place: float
    """The same for the baseline that copies the reference's colour at the same position."""
    absent_found: float
    """Share of the regions whose colour is not in the reference that attend mostly to the null key."""
    present_missed: float
    """Share of the other regions that attend mostly to the null key."""


@dataclass(frozen=True)
class _Regions:
    """The judged regions of one drawing, in arrays of the same length."""

    right: NDArray[np.bool_]
    right_same_place: NDArray[np.bool_]
    area: NDArray[np.float64]
    present: NDArray[np.bool_]
    null_share: NDArray[np.float64]


def validate(network: MatchNetwork, drawings: int, kind: ReferenceKind | None = None) -> MatchFigures:
    """Validates the network on the first `drawings` held-out drawings; `kind` None: the usual mixture."""
    size = network.config.image_size
    batches = [collate([triplet(seed, size, kind)]) for seed in range(drawings)]
    seen = _join([_judge(network, batch) for batch in batches])
    blind = _join([_judge(network, batch, masks=False) for batch in batches])
    present = seen.present
    return MatchFigures(
        drawings=drawings,
        regions_right=_mean(seen.right[present]),
        area_right=_mean(seen.right[present], seen.area[present]),
        area_right_without_masks=_mean(blind.right[present], blind.area[present]),
        area_right_same_place=_mean(seen.right_same_place[present], seen.area[present]),
        absent_found=_mean(seen.null_share[~present] > 0.5),
        present_missed=_mean(seen.null_share[present] > 0.5),
    )


@torch.no_grad()
def _judge(network: MatchNetwork, batch: Batch, *, masks: bool = True) -> _Regions:
    config = network.config
    if not masks:
        batch = replace(batch, ink_mask=batch.ink_mask * 0, reference_mask=batch.reference_mask * 0)
    warp = lay(batch)
    device = str(next(network.parameters()).device)
    batch, warp = batch.to(device), WarpField(warp.where.to(device), warp.likeness.to(device))
    answer = network(batch.ink, batch.ink_mask, batch.reference, batch.reference_mask, warp)
    cells, parts = _figure_regions(batch, config)
    share = cells / cells.sum(1, keepdim=True)
    attention = torch.matmul(share, answer.logits[0].softmax(-1))
    same_place = F.adaptive_avg_pool2d(share.view(-1, config.query_grid, config.query_grid), config.key_grid)

    truth = batch.palette[0][parts]
    keys = torch.unique(key_parts(batch.reference_parts, config.key_grid))
    return _Regions(
        right=_difference(_commonest(attention[:, :-1], answer.colours[0]), truth) < RIGHT,
        right_same_place=_difference(_commonest(same_place.flatten(1), answer.colours[0]), truth) < RIGHT,
        area=cells.sum(1).double().cpu().numpy(),
        present=_difference_to_nearest(truth, batch.palette[0][keys]) < RIGHT,
        null_share=attention[:, -1].double().cpu().numpy(),
    )


def _commonest(attention: Tensor, colours: Tensor) -> Tensor:
    """The colour with most of the attention: attention (R, K*K) and colours (K*K, 3) to (R, 3)."""
    nearness = torch.exp(-(torch.cdist(colours, colours) ** 2) / (2 * _KERNEL**2))
    return colours[torch.matmul(attention, nearness).argmax(1)]


def _figure_regions(batch: Batch, config: MatchConfig) -> tuple[Tensor, Tensor]:
    """The cells of each region (R, Q*Q), 0 or 1, and the parts of the regions (R,)."""
    stride = config.image_size // config.query_grid
    instances = batch.instances[0, ::stride, ::stride].flatten()
    parts = batch.parts[0, ::stride, ::stride].flatten()
    names, first, counts = np.unique(instances.cpu().numpy(), return_index=True, return_counts=True)
    judged = counts >= _LEAST_CELLS
    region_parts = parts[torch.from_numpy(first[judged])]
    wanted = region_parts >= config.background_parts
    chosen = torch.from_numpy(names[judged]).to(instances.device)[wanted]
    return (instances[None] == chosen[:, None]).float(), region_parts[wanted]


def _difference(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """CIEDE2000 between colours, (..., 3) each."""
    labs = [rgb2lab(colours.double().cpu().numpy()) for colours in (first, second)]
    return np.asarray(deltaE_ciede2000(*labs), np.float64)


def _difference_to_nearest(colours: Tensor, palette: Tensor) -> NDArray[np.float64]:
    spread = (len(colours), len(palette), 3)
    every = _difference(colours[:, None].expand(spread), palette[None].expand(spread))
    return np.asarray(every.min(1, initial=np.inf), np.float64)


def _join(figures: list[_Regions]) -> _Regions:
    columns = zip(*(vars(figure).values() for figure in figures), strict=True)
    return _Regions(*(np.concatenate(column) for column in columns))


def _mean(values: NDArray[np.bool_], weights: NDArray[np.float64] | None = None) -> float:
    if len(values) == 0:
        return 0.0
    return round(float(np.average(values, weights=weights)), 4)


def main() -> None:
    """Prints the figures for the usual mixture of references, then for each kind alone, one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m colorizer_lab.training.match_validation")
    parser.add_argument("model", help="folder with config.json and model.safetensors")
    parser.add_argument("--drawings", type=int, default=300)
    options = parser.parse_args()
    network = MatchNetwork.from_pretrained(options.model)
    for kind in (None, *get_args(ReferenceKind)):
        figures = asdict(validate(network, options.drawings, kind))
        print(json.dumps({"reference": kind or "mixture", **figures}))  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
