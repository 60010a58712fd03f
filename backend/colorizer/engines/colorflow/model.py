"""A ColorFlow model as a folder: the in-context pipeline and the networks before and after it.

`colouring/` is the diffusers pipeline; `image_encoder/` and `fusion/` are separate networks. `line_extractor` and
`screenstyle` exist where the model's input style needs them. `convert` writes such a folder from the published files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPVisionModelWithProjection

from colorizer import paths
from colorizer.engines.colorflow.image_tower import ImageTower
from colorizer.engines.colorflow.in_context import InContextPipeline
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.pixart_pipeline import ColorFlowPixArtPipeline
from colorizer.engines.colorflow.screenstyle import ScreenStyle
from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline
from colorizer.engines.colorflow.super_resolution import FusionNet
from colorizer.engines.detectors.manga_lines import LineExtractor

CARD = "colorflow.json"
"""File that marks a folder as a ColorFlow model and names its input style."""

_PIPELINES = {kind.__name__: kind for kind in (ColorFlowSDPipeline, ColorFlowPixArtPipeline)}
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class ColorFlowModel:
    """All networks for a page."""

    style: InputStyle
    """The kind of page that the model was trained on."""
    colouring: InContextPipeline
    tower: ImageTower
    fusion: FusionNet
    line_extractor: LineExtractor | None = None
    screenstyle: ScreenStyle | None = None

    def to(self, device: str) -> None:
        """Moves every network to a torch device."""
        self.colouring.to(device)
        for network in (self.tower.network, self.fusion, self.line_extractor, self.screenstyle):
            if network is not None:
                network.to(device)

    def save(self, folder: Path) -> None:
        """Writes the model folder."""
        self.colouring.save_pretrained(folder / "colouring")
        self.tower.network.save_pretrained(folder / "image_encoder")
        self.fusion.save_pretrained(folder / "fusion")
        for name, network in (("line_extractor", self.line_extractor), ("screenstyle", self.screenstyle)):
            if network is not None:
                save_file(network.state_dict(), folder / f"{name}.safetensors")
        card = {"style": self.style.value, "colouring": type(self.colouring).__name__}
        (folder / CARD).write_text(json.dumps(card), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ColorFlowModel:
        """Loads a model folder. For a damaged one, errors of diffusers, safetensors and json are passed on."""
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        colouring = _PIPELINES[card["colouring"]].from_pretrained(folder / "colouring")
        colouring.set_progress_bar_config(disable=True)
        return cls(
            style=InputStyle(card["style"]),
            colouring=colouring,
            tower=ImageTower(
                CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder"),
                paths.home() / "cache" / "embeddings",
            ),
            fusion=FusionNet.from_pretrained(folder / "fusion").eval(),
            line_extractor=_network(folder / "line_extractor.safetensors", LineExtractor),
            screenstyle=_network(folder / "screenstyle.safetensors", ScreenStyle),
        )


def _network(file: Path, kind: type[Network]) -> Network | None:
    if not file.is_file():
        return None
    network = kind()
    network.load_state_dict(load_file(file))
    return network.eval()
