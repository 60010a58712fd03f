"""Batches for the match network: a ring buffer of drawings that is continuously renewed, augmentation, and crops.

As at run time, the network gets whole pictures or an enlarged crop of sketch and reference. The contents of the ring
depend only on the number of drawings made so far, so a resumed training has exactly the same ring. The drawings come
from `colorizer_lab.data`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from colorizer.engines.match.network import WarpField
from colorizer.engines.match.network_input import Window, box
from colorizer.engines.match.registration import register
from numpy.typing import NDArray
from torch import Tensor

from colorizer_lab.data.drawing import Triplet, triplet
from colorizer_lab.data.palette import BACKGROUND_PARTS, Part

FIRST_TRAINING_SEED = 1_000_000
"""Drawings with smaller seeds are held out for validation."""

Draw = Callable[[int, int], Triplet]
"""Draws one triplet from a seed and an edge, px."""

_NEAREST, _FARTHEST = 0.45, 1.1
"""Smallest and largest side of a crop as a share of the foreground's longer side."""
_ASTRAY = 0.08
"""Largest offset of the reference's crop against the sketch's, as a share of its side."""


@dataclass(frozen=True)
class Batch:
    """B triplets as tensors. S: image size, P: number of parts."""

    ink: Tensor
    """(B, 1, S, S), 0..1, 1 = line."""
    ink_mask: Tensor
    """(B, 1, S, S), -1 background, 1 foreground, 0 unknown."""
    reference: Tensor
    """(B, 3, S, S), sRGB, 0..1."""
    reference_mask: Tensor
    parts: Tensor
    """(B, S, S), int64."""
    instances: Tensor
    """(B, S, S), int64, 1..255; 0 in the margin."""
    reference_parts: Tensor
    palette: Tensor
    """(B, P, 3), sRGB, 0..1."""
    named: Tensor
    """(B,), bool: whether `parts` are `palette.Part`; in real art they only tell background from foreground."""

    def to(self, device: str) -> Batch:
        """The same batch on another device."""
        return Batch(*(value.to(device) for value in vars(self).values()))


class DrawingRing:
    """A ring buffer of the latest drawings of an endless series, or of one process's share of it."""

    def __init__(
        self,
        capacity: int,
        size: int,
        seed: int = 0,
        drawn: int = 0,
        share: tuple[int, int] = (0, 1),
        draw: Draw = triplet,
    ) -> None:
        """Fills the buffer.

        Args:
            capacity: number of drawings in the buffer.
            size: their edge, px.
            seed: seed of the series.
            drawn: number of drawings that a resumed training had made.
            share: the number of this process and the number of processes; each has different drawings.
            draw: draws one triplet from a seed and an edge, px.
        """
        self._draw = draw
        self.capacity = capacity
        self._size = size
        rank, self._processes = share
        self._first_seed = FIRST_TRAINING_SEED + seed * 1_000_000_000 + rank
        self._kept: list[Triplet | None] = [None] * capacity
        self.drawn = max(drawn - capacity, 0)
        self.renew(capacity)

    def renew(self, count: int) -> None:
        """Replaces the `count` oldest drawings."""
        for _ in range(count):
            drawing = self._draw(self._first_seed + self.drawn * self._processes, self._size)
            self._kept[self.drawn % self.capacity] = drawing
            self.drawn += 1

    def batch(self, count: int, generator: torch.Generator) -> Batch:
        """A batch of `count` different drawings, augmented."""
        return vary(collate(self.pick(count, generator)), generator)

    def pick(self, count: int, generator: torch.Generator) -> list[Triplet | None]:
        """`count` different drawings without augmentation."""
        chosen = torch.randperm(self.capacity, generator=generator)[:count].tolist()
        return [self._kept[i] for i in chosen]


@dataclass(frozen=True)
class Frame:
    """The crops of one triplet, px of the drawing."""

    sketch: Window
    reference: Window


def whole_frames(batch: Batch) -> list[Frame]:
    """Frames of the whole pictures."""
    everything = Window(0, 0, batch.ink.shape[-1])
    return [Frame(everything, everything)] * len(batch.ink)


def draw_frames(batch: Batch, close_ups: float, generator: torch.Generator) -> list[Frame]:
    """Frames of whole pictures; for a share `close_ups` of those with known masks, crops of about the same part."""
    frames = whole_frames(batch)
    chance = torch.rand(len(frames), 6, generator=generator)
    for index, (mask, reference_mask) in enumerate(
        zip(_bytes(batch.ink_mask), _bytes(batch.reference_mask), strict=True)
    ):
        close, zoom, x, y, astray_x, astray_y = chance[index].tolist()
        if close < close_ups and mask.any() and reference_mask.any():
            share = _NEAREST + (_FARTHEST - _NEAREST) * zoom
            astray = (2 * astray_x - 1) * _ASTRAY, (2 * astray_y - 1) * _ASTRAY
            frames[index] = Frame(
                _part(mask[0], share, x, y), _part(reference_mask[0], share, x + astray[0], y + astray[1])
            )
    return frames


def _part(mask: NDArray[np.uint8], share: float, x: float, y: float) -> Window:
    """A square crop with `share` of the foreground's longer side, at (x, y) in 0..1 of its possible positions."""
    around, edge = box(mask, margin=0), len(mask)
    side = min(max(8, round(around.side * share)), edge)
    left, top = (
        round(start + place * (around.side - side)) for start, place in ((around.x, x), (around.y, y))
    )
    return Window(min(max(left, 0), edge - side), min(max(top, 0), edge - side), side)


def crop(batch: Batch, frames: list[Frame], size: int) -> Batch:
    """Crops and resizes every picture to (size, size): area averaging for pictures, nearest for labels."""

    def pictures(planes: Tensor, name: str) -> Tensor:
        cut = [_cut(plane, getattr(frame, name)) for plane, frame in zip(planes, frames, strict=True)]
        return torch.cat([F.interpolate(plane[None], (size, size), mode="area") for plane in cut])

    def labels(grids: Tensor, name: str) -> Tensor:
        picked = []
        for grid, frame in zip(grids, frames, strict=True):
            window: Window = getattr(frame, name)
            step = ((torch.arange(size) + 0.5) * (window.side / size)).long()
            picked.append(_cut(grid, window)[step][:, step])
        return torch.stack(picked)

    return replace(
        batch,
        ink=pictures(batch.ink, "sketch"),
        ink_mask=pictures(batch.ink_mask, "sketch"),
        reference=pictures(batch.reference, "reference"),
        reference_mask=pictures(batch.reference_mask, "reference"),
        parts=labels(batch.parts, "sketch"),
        instances=labels(batch.instances, "sketch"),
        reference_parts=labels(batch.reference_parts, "reference"),
    )


def _cut(plane: Tensor, window: Window) -> Tensor:
    return plane[..., window.y : window.y + window.side, window.x : window.x + window.side]


def lay(batch: Batch, frames: list[Frame] | None = None, size: int = 0) -> WarpField:
    """The warp fields that register every reference to its sketch, as the engine does, with the known masks.

    Args:
        batch: whole pictures.
        frames: their crops; the whole pictures by default.
        size: size of the crops, px; the drawing's by default.
    """
    size = size or batch.ink.shape[-1]
    laid = []
    for ink, mask, reference, reference_mask, frame in zip(
        _bytes(batch.ink),
        _bytes(batch.ink_mask),
        _bytes(batch.reference),
        _bytes(batch.reference_mask),
        frames or whole_frames(batch),
        strict=True,
    ):
        picture = np.concatenate([reference, np.full_like(reference[:1], 255)]).transpose(1, 2, 0)
        found = register(ink[0], _known(mask), np.ascontiguousarray(picture), _known(reference_mask))
        laid.append(found.lay(frame.sketch, frame.reference, size))
    return WarpField(torch.cat([one.where for one in laid]), torch.cat([one.likeness for one in laid]))


def _bytes(planes: Tensor) -> NDArray[np.uint8]:
    return (planes.clamp(0, 1) * 255).round().byte().numpy()


def _known(mask: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Converts (1, S, S) to (S, S); None for an empty mask."""
    return mask[0] if mask.any() else None


def collate(drawings: list[Triplet | None]) -> Batch:
    """Collates drawings without augmentation, with exact masks."""
    kept = [drawing for drawing in drawings if drawing is not None]

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(drawing, name) for drawing in kept]))

    parts, reference_parts = stack("parts").long(), stack("reference_parts").long()
    palettes = [torch.from_numpy(drawing.palette) for drawing in kept]
    return Batch(
        ink=1 - stack("sketch").float()[:, None] / 255,
        ink_mask=_mask(parts),
        reference=stack("reference").permute(0, 3, 1, 2).float() / 255,
        reference_mask=_mask(reference_parts),
        parts=parts,
        instances=stack("instances").long(),
        reference_parts=reference_parts,
        palette=torch.nn.utils.rnn.pad_sequence(palettes, batch_first=True),
        named=torch.tensor([len(palette) == len(Part) for palette in palettes]),
    )


def vary(batch: Batch, generator: torch.Generator) -> Batch:
    """Augments a batch: colours, margins, mirroring, rough or missing masks; labels are changed along.

    Three of four pairs keep both masks: at run time they are given, or found first.
    """
    count = len(batch.ink)
    batch = _with_margins(batch, generator)
    reference, palette = _recolour(batch.reference, batch.palette, generator)
    mirror = torch.rand(count, generator=generator) < 0.5
    # Three of four pairs keep a similar pose, because sketches are often coloured from a picture in the same pose.
    mirror_reference = mirror ^ (torch.rand(count, generator=generator) < 0.25)
    known = torch.multinomial(torch.tensor([0.12, 0.06, 0.07, 0.75]), count, True, generator=generator)
    ink_mask = _roughen(batch.ink_mask, generator) * _per_picture(known % 2 == 1)
    reference_mask = _roughen(batch.reference_mask, generator) * _per_picture(known >= 2)
    return Batch(
        ink=_mirrored(batch.ink, mirror),
        ink_mask=_mirrored(ink_mask, mirror),
        reference=_mirrored(reference, mirror_reference),
        reference_mask=_mirrored(reference_mask, mirror_reference),
        parts=_mirrored(batch.parts, mirror),
        instances=_mirrored(batch.instances, mirror),
        reference_parts=_mirrored(batch.reference_parts, mirror_reference),
        palette=palette,
        named=batch.named,
    )


def key_parts(reference_parts: Tensor, key_grid: int) -> Tensor:
    """The part that represents each key's cell: (B, S, S) to (B, K, K).

    It is the part that covers most of the cell, weighted so that parts that are rare in the picture need a smaller
    share; otherwise small parts such as eyes would not represent any cell.
    """
    count, cell = len(reference_parts), reference_parts.shape[-1] // key_grid
    pixels = F.pixel_unshuffle(reference_parts[:, None].float(), cell).long()  # (B, cell^2, K, K)
    share = torch.zeros(count, int(reference_parts.max()) + 1, key_grid, key_grid, device=pixels.device)
    share.scatter_add_(1, pixels, torch.full(pixels.shape, 1 / cell**2, device=pixels.device))
    rarity = share.mean((2, 3), keepdim=True).clamp(min=1e-4) ** -0.3
    return (share * rarity).argmax(1)


def _with_margins(batch: Batch, generator: torch.Generator) -> Batch:
    """Adds blank margins left and right of some pictures, because at run time portraits are padded to squares."""
    size = batch.ink.shape[-1]
    blank, reference_blank = (_margins(len(batch.ink), size, generator) for _ in range(2))
    wide, reference_wide = blank[:, None, None], reference_blank[:, None, None]
    return replace(
        batch,
        ink=batch.ink.masked_fill(wide, 0),
        ink_mask=batch.ink_mask.masked_fill(wide, -1),
        reference=batch.reference.masked_fill(reference_wide, 1),
        reference_mask=batch.reference_mask.masked_fill(reference_wide, -1),
        parts=batch.parts.masked_fill(blank[:, None], Part.BACKDROP),
        instances=batch.instances.masked_fill(blank[:, None], 0),
        reference_parts=batch.reference_parts.masked_fill(reference_blank[:, None], Part.BACKDROP),
    )


def _margins(count: int, size: int, generator: torch.Generator) -> Tensor:
    """The blank columns (B, S): none in three of five pictures, otherwise up to a quarter on either side."""
    shares = torch.rand(count, 2, generator=generator)
    width = torch.where(shares[:, 0] < 0.4, shares[:, 1] * size / 4, 0.0)[:, None]
    column = torch.arange(size)[None] + 0.5
    return (column < width) | (column > size - width)


def _mask(parts: Tensor) -> Tensor:
    return (parts >= BACKGROUND_PARTS).float()[:, None] * 2 - 1


def _mirrored(pictures: Tensor, which: Tensor) -> Tensor:
    view = which.view(-1, *[1] * (pictures.dim() - 1))
    return torch.where(view, pictures.flip(-1), pictures)


def _per_picture(which: Tensor) -> Tensor:
    return which.float().view(-1, 1, 1, 1)


def _roughen(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Leaves the batch's masks exact (half of the time), or dilates or erodes them by up to 3 px."""
    radius, narrow = torch.randint(1, 4, (2,), generator=generator).tolist()
    if torch.rand(1, generator=generator).item() < 0.5:
        return mask
    sign = -1 if narrow == 1 else 1
    return sign * F.max_pool2d(sign * mask, 2 * radius + 1, 1, radius)


def _recolour(reference: Tensor, palette: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Permutes the channels and changes gamma and saturation of every second picture."""
    count = len(reference)
    changed = torch.rand(count, generator=generator) < 0.5
    order = torch.rand(count, 3, generator=generator).argsort(1)
    order = torch.where(changed[:, None], order, torch.arange(3))
    gamma = torch.where(changed, torch.exp(torch.randn(count, generator=generator) * 0.25), 1.0)
    saturation = 0.6 + 0.6 * torch.rand(count, generator=generator)
    saturation = torch.where(changed, saturation, 1.0)

    def recoloured(pixels: Tensor) -> Tensor:
        """(B, 3, N) to (B, 3, N)."""
        pixels = pixels.gather(1, order[:, :, None].expand_as(pixels))
        pixels = pixels ** gamma[:, None, None]
        gray = pixels.mean(1, keepdim=True)
        return (gray + (pixels - gray) * saturation[:, None, None]).clamp(0, 1)

    pictures = recoloured(reference.flatten(2)).view_as(reference)
    return pictures, recoloured(palette.transpose(1, 2)).transpose(1, 2)
