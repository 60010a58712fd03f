"""Collates items into augmented batches of tensors. All randomness of a sample is seeded by its number.

A batch is therefore the same with one or several processes, and in a resumed training. This module augments geometry
and masks; `model` decides which inputs a stage uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from colorizer.engines.colorize_diffusion.augmentation import expand_in_blocks
from colorizer.engines.colorize_diffusion.noise import NUM_TRAIN_TIMESTEPS
from numpy.typing import NDArray
from torch import Tensor

from colorizer_lab.training.colorize_diffusion.config import TrainingConfig
from colorizer_lab.training.colorize_diffusion.data import Item, Source

LATENT_SHRINK = 8
PARTNER = 2
"""Offset of the sample whose foreground is also removed from the background reference (mask merging), as published."""


@dataclass(frozen=True)
class Batch:
    """A batch of B samples. Pictures are in [-1, 1], a sketch's lines +1; masks are 0 or 1, 1 = foreground."""

    truth: Tensor
    """(B, 3, H, W)"""
    sketch: Tensor
    """(B, 3, H, W)"""
    sketch_mask: Tensor
    """(B, 1, H, W)"""
    reference: Tensor
    """(B, 3, R, R), squashed to a square."""
    reference_mask: Tensor
    """(B, 1, R, R), expanded to blocks and merged with another sample's mask."""
    noise: Tensor
    """(B, C, H/8, W/8)"""
    posterior: Tensor
    """(B, C, H/8, W/8), standard normal noise for sampling the autoencoder's posterior."""
    timesteps: Tensor
    """(B,), int64."""
    seen: Tensor
    """(B,), 0 for samples whose reference is dropped."""
    thresholds: Tensor
    """(B, 2) in 0..1: mask thresholds of sketch and reference."""
    bleached: Tensor
    """(B,), bool: samples whose background is bleached (v2)."""
    white: Tensor
    """(B,) in 0..1: the level of the bleached background."""
    region_colours: Tensor
    """(B, 3, H, W) for models that use them, else (B, 0, H, W)."""
    variant: Tensor
    """(B,) in 0..1, the same number for the whole step: chooses among a stage's conditioning modes."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


class Batches:
    """The batches of a training, or one process's share of them."""

    def __init__(
        self, pictures: Source, config: TrainingConfig, latent_channels: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        """`share` is the number of this process and the number of processes."""
        self._pictures, self._config = pictures, config
        self._channels = latent_channels
        self._share = share

    def of(self, step: int) -> Batch:
        """The batch of a step."""
        config = self._config
        rank, processes = self._share
        per_process = config.batch // processes
        first = step * config.batch
        mine = range(first + rank * per_process, first + (rank + 1) * per_process)
        generator = torch.Generator().manual_seed(config.seed * 2**40 + step)
        crop = config.crops[int(torch.randint(len(config.crops), (), generator=generator))]
        variant = torch.rand((), generator=generator)
        return _stack([{"variant": variant, **self._sample(number, crop)} for number in mine])

    def _sample(self, number: int, crop: tuple[int, int]) -> dict[str, Tensor]:
        config, changes = self._config, self._config.augmentation
        generator = torch.Generator().manual_seed(config.seed * 2**40 + 2**39 + number)
        item = self._pictures.item(number)
        luck = torch.rand(16, generator=generator)
        picture, mask = _reference(item, wants_pair=bool(luck[0] < changes.pairs))
        if luck[1] < changes.recolour:
            order, gamma = torch.randperm(3, generator=generator), float(torch.exp((luck[2] - 0.5) * 0.8))
            colours = item.region_colours
            colours = None if colours is None else _recoloured(colours, order, gamma)
            item = replace(item, truth=_recoloured(item.truth, order, gamma), region_colours=colours)
            picture = _recoloured(picture, order, gamma)
        truth, sketch, sketch_mask, region_colours = _cropped(item, crop, changes.load_size, luck[3:6])
        sketch = _with_border(sketch, changes.border, luck[6:8])
        if luck[8] < changes.mirror:
            truth, sketch, sketch_mask, region_colours = (
                one.flip(-1) for one in (truth, sketch, sketch_mask, region_colours)
            )
        if luck[9] < changes.mirror:
            picture, mask = picture[:, ::-1], mask[:, ::-1]
        reference_side = max(changes.load_size, *crop)
        latent = (self._channels, crop[0] // LATENT_SHRINK, crop[1] // LATENT_SHRINK)
        noise = torch.randn(latent, generator=generator)
        offset = torch.randn(latent[0], 1, 1, generator=generator) * changes.offset_noise
        return {
            "truth": truth,
            "sketch": sketch,
            "sketch_mask": sketch_mask,
            "reference": _tensor(_resized(picture, (reference_side, reference_side))) * 2 - 1,
            "reference_mask": self._background_hole(mask, number, reference_side),
            "noise": noise + offset,
            "posterior": torch.randn(latent, generator=generator),
            "timesteps": torch.randint(NUM_TRAIN_TIMESTEPS, (), generator=generator),
            "seen": (luck[10] >= config.dropped).float(),
            "thresholds": 0.05 + 0.9 * luck[11:13],
            "bleached": luck[13] < changes.white_background,
            "white": luck[14],
            "region_colours": region_colours,
        }

    def _background_hole(self, mask: NDArray[np.uint8], number: int, side: int) -> Tensor:
        """The mask (1, R, R) of the removed area: the foreground in blocks, merged with another sample's."""
        hole = (_tensor(_resized(mask, (side, side))) > 0.5).float()
        block = self._config.augmentation.mask_block
        if not self._config.plan.split or 0 in block:
            return hole
        first = number - number % self._config.batch
        partner = first + (number - first + PARTNER) % self._config.batch
        other = _tensor(_resized(self._pictures.item(partner).mask, (side, side)))
        expanded = expand_in_blocks(hole[None], block)[0]
        return torch.maximum(torch.maximum(expanded, hole), (other > 0.5).float())


def _stack(samples: Sequence[dict[str, Tensor]]) -> Batch:
    return Batch(**{name: torch.stack([sample[name] for sample in samples]) for name in samples[0]})


def _reference(item: Item, *, wants_pair: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if wants_pair and item.other is not None:
        return item.other.picture, item.other.mask
    return item.truth, item.mask


def _recoloured(picture: NDArray[np.uint8], order: Tensor, gamma: float) -> NDArray[np.uint8]:
    """Permutes the channels and changes the gamma, for unusual colours."""
    table = (np.linspace(0, 1, 256) ** gamma * 255 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(table[picture[..., order.tolist()]])


def _cropped(
    item: Item, crop: tuple[int, int], load_size: int, luck: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Resizes and crops truth, sketch (3, H, W), mask (1, H, W) and region colours in the same way."""
    height, width = item.truth.shape[:2]
    least = max(crop[0] / height, crop[1] / width)
    most = max(least, load_size / min(height, width))
    scale = least + (most - least) * float(luck[0])
    size = (max(crop[0], round(height * scale)), max(crop[1], round(width * scale)))
    top, left = (int(float(luck[i + 1]) * (size[i] - crop[i] + 1) * 0.9999) for i in (0, 1))
    part = (slice(top, top + crop[0]), slice(left, left + crop[1]))
    truth = _tensor(_resized(item.truth, size)[part]) * 2 - 1
    lines = 1 - _tensor(_resized(item.sketch, size)[part]) * 2
    mask = (_tensor(_resized(item.mask, size)[part]) > 0.5).float()
    colours = truth[:0]
    if item.region_colours is not None:
        colours = _tensor(_resized(item.region_colours, size)[part]) * 2 - 1
    return truth, lines.expand(3, -1, -1), mask, colours


def _with_border(sketch: Tensor, widest: int, luck: Tensor) -> Tensor:
    """Adds a blank border to the sketch: none, left and right, above and below, or on all sides."""
    width, sides = int(float(luck[0]) * widest), int(float(luck[1]) * 4)
    if not width or not sides:
        return sketch
    across, down = (width if sides in (1, 3) else 0), (width if sides in (2, 3) else 0)
    inner = sketch[:, down : sketch.shape[1] - down, across : sketch.shape[2] - across]
    return F.pad(inner, (across, across, down, down), value=-1.0)


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[:2] == size:
        return picture
    way = cv2.INTER_AREA if picture.shape[0] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size[::-1], interpolation=way), np.uint8)


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W[, C]) to (C, H, W) in 0..1."""
    array = np.ascontiguousarray(picture if picture.ndim == 3 else picture[..., None])
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255
