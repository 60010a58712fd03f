"""Metrics that use a feature network: FID, CLIP-IS and the aesthetic score.

The network is a parameter. Figures of different networks cannot be compared, so the report contains the network's name.
`BuiltIn` is always available but not used in any paper; `Clip` is a CLIP image tower from the catalogue or a folder.
Pictures are uint8 sRGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from colorizer.engines.cards import models_folder
from colorizer.errors import MissingModel, UnusableModel
from colorizer.imaging.values import RGB
from numpy.typing import NDArray

INCEPTION = "inception-fid"
"""The name of Inception in the catalogue."""
Features = NDArray[np.float64]
"""(N, D)."""


class FeatureNetwork(Protocol):
    """Computes feature vectors of pictures."""

    @property
    def name(self) -> str:
        """The name in the report."""

    def features(self, pictures: Sequence[RGB]) -> Features:
        """Features (N, D), one row per picture."""


class Aesthetics(Protocol):
    """Computes aesthetic scores of pictures."""

    def scores(self, pictures: Sequence[RGB]) -> NDArray[np.float64]:
        """Scores (N,), 1..10."""


def frechet_distance(ours: Features, truth: Features) -> float:
    """FID (Heusel et al. 2017, arXiv 1706.08500): Fréchet distance of Gaussians fitted to two sets of features."""
    gap = ours.mean(0) - truth.mean(0)
    a, b = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (ours, truth))
    # The trace of the square root of the product is the sum of the square roots of its eigenvalues, which are real and
    # not negative.
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    return float(max(0.0, gap @ gap + np.trace(a) + np.trace(b) - 2 * roots))


def image_similarity(ours: Features, truth: Features) -> float:
    """CLIP-IS: the mean cosine similarity of each picture's features and its truth's."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(truth, axis=1)
    return float(((ours * truth).sum(1) / np.maximum(lengths, 1e-12)).mean())


class BuiltIn:
    """The match engine's network: mean and standard deviation of its deepest features. Small and always installed."""

    name = "built-in (not comparable with published figures)"

    def __init__(self) -> None:
        from colorizer import paths
        from colorizer.engines.match.network import MatchNetwork

        self._network = MatchNetwork.from_pretrained(paths.resource("weights/match"))

    def features(self, pictures: Sequence[RGB]) -> Features:
        """Features (N, 2 x depth)."""
        import torch

        side = self._network.config.image_size
        rows = []
        with torch.inference_mode():
            for picture in pictures:
                small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
                planes = torch.from_numpy(small.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
                deep = self._network.reference_encoder(
                    torch.cat([planes, torch.zeros_like(planes[:, :1])], 1)
                )[2]
                rows.append(torch.cat([deep.mean((2, 3)), deep.std((2, 3))], 1)[0].double().numpy())
        return np.stack(rows)


def tower_folder(place: Path) -> Path:
    """The folder of an image tower: a folder saved by transformers, or an installed model of that name.

    The catalogue's `clip-vit-h-14` and every ColorFlow model contain the image tower of ViT-H/14.
    """
    folder = place if place.is_dir() else models_folder() / place.name
    inside = folder / "image_encoder"
    return inside if inside.is_dir() else folder


class Clip:
    """A CLIP image tower with projection; see `tower_folder`.

    Raises:
        MissingModel: the folder contains none.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

        folder = tower_folder(folder)
        try:
            network = CLIPVisionModelWithProjection.from_pretrained(folder)
        except (OSError, ValueError, RuntimeError) as error:
            raise MissingModel(
                f"{folder} contains no CLIP image tower. Give the name of an installed model (`colorize models download"
                " clip-vit-h-14`), or a folder with config.json and model.safetensors."
            ) from error
        side = network.config.image_size
        self._network = network.eval().to(device)
        self._prepare = CLIPImageProcessor(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )
        self.name = f"CLIP {network.config.hidden_size}x{network.config.num_hidden_layers}/{network.config.patch_size}"

    def features(self, pictures: Sequence[RGB]) -> Features:
        """Features (N, projection)."""
        import torch

        rows = []
        with torch.inference_mode():
            for picture in pictures:
                seen = self._prepare(images=picture, return_tensors="pt").to(self._network.device)
                rows.append(self._network(**seen).image_embeds[0].double().cpu().numpy())
        return np.stack(rows)


class InceptionFeatures:
    """The network used for FID in papers, from the catalogue.

    Raises:
        MissingModel: the model is not installed.
    """

    name = "Inception v3 (pytorch-fid)"

    def __init__(self, folder: Path | None = None) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from colorizer_lab.evaluation import inception

        folder = folder or models_folder() / INCEPTION
        try:
            self._network = inception.load(load_file(folder / inception.WEIGHTS))
        except (OSError, SafetensorError, UnusableModel) as error:
            raise MissingModel(
                "The Inception network for FID isn't installed. Download it with"
                f" `colorize models download {INCEPTION}`."
            ) from error
        self._side = inception.SIDE

    def features(self, pictures: Sequence[RGB]) -> Features:
        """Features (N, 2048)."""
        import torch

        rows = []
        with torch.inference_mode():
            for picture in pictures:
                planes = torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
                seen = torch.nn.functional.interpolate(planes, (self._side, self._side), mode="bilinear")
                rows.append(self._network(seen)[0].double().numpy())
        return np.stack(rows)


class LinearAesthetics:
    """LAION's aesthetic predictor (`sac+logos+ava1-l14-linearMSE`) on CLIP ViT-L/14 features, as .safetensors.

    It has no activations between its layers, so they are one linear map.
    """

    def __init__(self, file: Path, network: FeatureNetwork) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors = {key.removeprefix("layers."): value for key, value in load_file(file).items()}
            layers = sorted({int(key.split(".")[0]) for key in tensors})
            parts = [(tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]) for layer in layers]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise MissingModel(
                f"{file} is not an aesthetic predictor. Convert the published file first."
            ) from error
        self._parts = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in parts]
        self._network = network

    def scores(self, pictures: Sequence[RGB]) -> NDArray[np.float64]:
        """Scores (N,)."""
        values = self._network.features(pictures)
        values = values / np.linalg.norm(values, axis=1, keepdims=True)
        for weight, bias in self._parts:
            values = values @ weight.T + bias
        return values[:, 0]  # type: ignore[no-any-return]
