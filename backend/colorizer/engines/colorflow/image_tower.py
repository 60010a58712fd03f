"""Embeds patches with a CLIP image tower for retrieval (arXiv 2412.11815, section 3.1), with a cache for references."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPVisionModelWithProjection

from colorizer.engines.colorflow.retrieval import Embeddings, reference_patches
from colorizer.engines.runtime.device_swap import ensure_on_device
from colorizer.files import atomic_file
from colorizer.imaging.values import RGB

_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_SPREAD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""Mean and standard deviation of CLIP's training pictures, RGB in 0..1."""
_CACHED = 4096
"""Number of references whose embeddings are cached in memory (20 kB each with the published tower); all are on disk."""


class ImageTower:
    """Embeds patches. For a reference that was embedded before, only its hash is computed.

    Args:
        network: CLIP's image tower with projection.
        folder: where embeddings are stored between starts of the program; None: in memory only.
    """

    def __init__(self, network: CLIPVisionModelWithProjection, folder: Path | None = None) -> None:
        self.network = network.eval()
        self._known: OrderedDict[str, Embeddings] = OrderedDict()
        self._folder = folder

    @cached_property
    def _fingerprint(self) -> bytes:
        """Identifies the tower by its last layer, so that embeddings of another tower are not used."""
        weight = self.network.visual_projection.weight.detach().float().cpu().numpy()
        return hashlib.sha256(weight.tobytes()).digest()

    @torch.no_grad()
    def embed(self, patches: Sequence[RGB]) -> Embeddings:
        """Embeddings of patches, (patches, D) float32."""
        side = self.network.config.image_size
        pixels = torch.from_numpy(np.stack([_seen(patch, side) for patch in patches]))
        ensure_on_device(self.network)
        place = next(self.network.parameters())
        return self.network(pixel_values=pixels.to(place)).image_embeds.float().cpu().numpy()

    def embed_reference(self, fitted: RGB) -> Embeddings:
        """Embeddings of a fitted reference's patches, (5, D) float32."""
        key = hashlib.sha256(self._fingerprint + repr(fitted.shape).encode() + fitted.tobytes()).hexdigest()
        if key not in self._known:
            self._known[key] = self._kept(key, fitted)
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _kept(self, key: str, fitted: RGB) -> Embeddings:
        """Reads the embeddings from disk, or computes and stores them."""
        if self._folder is None:
            return self.embed(reference_patches(fitted))
        file = self._folder / f"{key}.npy"
        try:
            return np.asarray(np.load(file, allow_pickle=False), np.float32)
        except (OSError, ValueError):  # missing or damaged
            embeddings = self.embed(reference_patches(fitted))
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(file, by_many=True) as part, part.open("wb") as stream:
            np.save(stream, embeddings)
        return embeddings


def _seen(patch: RGB, side: int) -> NDArray[np.float32]:
    """CLIP's preprocessing: resizes the shorter side to `side`, crops the centre, normalises; (3, side, side)."""
    height, width = patch.shape[:2]
    scale = side / min(height, width)
    size = (max(side, int(width * scale)), max(side, int(height * scale)))
    image = Image.fromarray(np.ascontiguousarray(patch)).resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    pixels = np.asarray(image, np.float32)[top : top + side, left : left + side] / 255
    return np.asarray((pixels - _MEAN) / _SPREAD, np.float32).transpose(2, 0, 1)
