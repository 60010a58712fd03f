"""The match engine: every region of the sketch gets the colour of the part of the reference it corresponds to.

Lines and regions are the room `imaging`'s, correspondence is `network`'s, its reading `readout`'s, and what is
foreground `foreground`'s; here they are put in order. No colour is invented: with the palette locked, every
painted pixel is a colour that occurs in a reference. It gives flat colours only: no shading, no light.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer import paths
from colorizer.engines.base import (
    Binding,
    ColorizeRequest,
    EngineInfo,
    Layer,
    Mask,
    Mode,
    ModelInfo,
    Picture,
    Report,
    Result,
    Role,
)
from colorizer.errors import InvalidInput, MissingModel, UnknownEngine
from colorizer.imaging import color
from colorizer.imaging.color import RGB
from colorizer.imaging.layers import coverage, preview
from colorizer.imaging.lines import find_ink
from colorizer.imaging.masks import usable_mask
from colorizer.imaging.regions import Regions, find_regions

if TYPE_CHECKING:
    from colorizer.engines.match.hints import Wishes
    from colorizer.engines.match.matching import Match
    from colorizer.engines.match.network import MatchNetwork
    from colorizer.engines.match.readout import Colouring

MODEL = "builtin"
DOUBTFUL = 0.45
"""Confidence below which a region should be looked at (from the study)."""
MAX_REFERENCES = 16


@dataclass(frozen=True)
class _Side:
    """One side's colours, a row for every region, and where it shows."""

    colours: NDArray[np.uint8]
    """(n, 4) RGBA; alpha 0 where this side has nothing to paint with."""
    confidence: NDArray[np.float32]
    """(n,), 0..1; 1 where the artist said it."""
    shown: NDArray[np.bool_]
    """(n,): the regions that belong to this side."""


@dataclass(frozen=True)
class _Painting:
    """What the layers are made from."""

    figure: _Side
    background: _Side
    palette: RGB
    """(P, 3)."""


class MatchEngine:
    """The built-in engine; works offline on any CPU."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.resource("weights/match")
        self._device = "cpu"
        self._network: MatchNetwork | None = None

    @property
    def info(self) -> EngineInfo:
        """What it can do."""
        weights = self.weights()
        content = weights.read_bytes() if weights else b""
        sha256 = hashlib.sha256(content).hexdigest() if weights else ""
        model = ModelInfo(MODEL, "Built-in", "GPL-3.0-or-later", len(content), weights is not None, sha256)
        return EngineInfo(
            name="match",
            title="Match (built in)",
            modes=tuple(Mode),
            max_references=MAX_REFERENCES,
            options=("palette_lock", "line_gap", "hints", "bindings"),
            models=(model,),
            max_side=16384,
            memory_mb=900,
        )

    def weights(self, model: str = "") -> Path | None:
        """The weights file, None where it is missing."""
        _check_model(model)
        file = self._folder / "model.safetensors"
        return file if file.is_file() else None

    def load(self, device: str, model: str = "") -> None:
        """Reads the weights; `MissingModel` where that fails."""
        _check_model(model)
        if self._network is None:
            self._network = _read_network(self._folder)
        self._device = device
        self._network.to(device)

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        _check(request)
        report.stage("Finding lines")
        height, width = request.sketch.shape[:2]
        ink = find_ink(request.sketch)
        report.stage("Finding regions")
        mask = usable_mask(request.sketch_mask, width, height)
        regions = find_regions(ink, gap=request.options.line_gap)
        if mask is not None:
            regions = regions.cut(mask)
        match = self._match(request, report, ink, mask, regions)
        report.stage("Painting layers")
        painting = _painting(request, regions, match)
        layers = _layers(request, regions, painting)
        report.preview(lambda: preview(layers, request.sketch, 1024))
        return Result(layers, _report(request, regions, painting, layers))

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground: along the lines of a sketch, along the colours of anything else."""
        from colorizer.engines.match.foreground import find_foreground

        return find_foreground(self._loaded(), picture, report)

    def _match(
        self,
        request: ColorizeRequest,
        report: Report,
        ink: NDArray[np.uint8],
        mask: Mask | None,
        regions: Regions,
    ) -> Match:
        from colorizer.engines.match.matching import Matcher

        return Matcher(self._loaded(), request, report).match(ink, mask, regions)

    def _loaded(self) -> MatchNetwork:
        if self._network is None:
            self.load(self._device)
        assert self._network is not None
        return self._network


def _read_network(folder: Path) -> MatchNetwork:
    from safetensors import SafetensorError

    from colorizer.engines.match.network import MatchNetwork

    try:
        return MatchNetwork.from_pretrained(folder)
    except FileNotFoundError as error:
        raise MissingModel(
            "The built-in model's weights are missing. Install Krita Colorize again."
        ) from error
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise MissingModel(
            "The built-in model's weights can't be read; the file may be damaged. Install Krita Colorize again."
        ) from error


def _check_model(model: str) -> None:
    if model not in ("", MODEL):
        raise UnknownEngine(f'The match engine has no model "{model}". Use "{MODEL}" or leave it empty.')


def _check(request: ColorizeRequest) -> None:
    _check_model(request.model)
    if not request.references and not (request.mode is Mode.BACKGROUND and request.background is not None):
        raise InvalidInput(
            "There is no reference to take colours from. Add a picture or a layer as reference."
        )
    if len(request.references) > MAX_REFERENCES:
        raise InvalidInput(
            f"At most {MAX_REFERENCES} references are possible, not {len(request.references)}."
        )
    for number, reference in enumerate(request.references, 1):
        if not (reference.picture[..., 3] > 127).any():
            raise InvalidInput(
                f"Reference {number} is empty (transparent everywhere). Choose another picture."
            )
    for number, binding in enumerate(request.bindings, 1):
        _check_binding(request, number, binding)
    if request.background is not None and not request.background[..., 3].any():
        raise InvalidInput("The background picture is empty (transparent everywhere). Choose another one.")


def _check_binding(request: ColorizeRequest, number: int, binding: Binding) -> None:
    height, width = request.sketch.shape[:2]
    if not (0 <= binding.x < width and 0 <= binding.y < height):
        raise InvalidInput(f"Binding {number} lies outside of the canvas. Choose a place on the sketch.")
    if not 0 <= binding.reference < len(request.references):
        raise InvalidInput(f"Binding {number} names a reference that there isn't. Choose one of the list.")
    height, width = request.references[binding.reference].picture.shape[:2]
    if not (0 <= binding.reference_x < width and 0 <= binding.reference_y < height):
        raise InvalidInput(f"Binding {number} lies outside of its reference. Choose a spot in the picture.")


def _painting(request: ColorizeRequest, regions: Regions, match: Match) -> _Painting:
    """The colours that were found, and those that the artist asked for."""
    from colorizer.engines.match.hints import read_wishes

    wishes = read_wishes(request, regions)
    known = {tuple(colour) for colour in match.palette.tolist()}
    added = [colour for colour in dict.fromkeys(map(tuple, wishes.colours.tolist())) if colour not in known]
    return _Painting(
        _side(match.figure, match.is_figure, wishes),
        _side(match.background, ~match.is_figure, wishes),
        np.concatenate([match.palette, np.array(added, np.uint8).reshape(-1, 3)]),
    )


def _side(found: Colouring | None, shown: NDArray[np.bool_], wishes: Wishes) -> _Side:
    from colorizer.engines.match.hints import followed

    colours, confidence = np.zeros((len(shown), 4), np.uint8), np.zeros(len(shown), np.float32)
    if found is not None:
        colours[:, :3], colours[:, 3], confidence[:] = found.colours, 255, found.confidence
    follows = followed(wishes, found, shown)
    told = follows >= 0
    colours[told, :3], colours[told, 3] = wishes.colours[follows[told]], 255
    confidence[wishes.regions] = 1
    return _Side(colours, confidence, shown)


def _layers(request: ColorizeRequest, regions: Regions, painting: _Painting) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    if request.mode is not Mode.FOREGROUND:
        layers.append(_background_layer(request, regions, painting.background))
    if request.mode is not Mode.BACKGROUND:
        name = "Flats" if request.options.palette_lock else "Colours"
        layers.append(_layer(name, Role.FIGURE, "Foreground mask", regions, painting.figure))
    return tuple(layers)


def _layer(name: str, role: Role, mask_name: str, regions: Regions, side: _Side) -> Layer:
    pixels = np.take(side.colours.view(np.uint32).ravel(), regions.labels).view(np.uint8)
    mask = np.take(side.shown * np.uint8(255), regions.labels)
    return Layer(name, role, pixels.reshape(*regions.labels.shape, 4), mask=mask, mask_name=mask_name)


def _background_layer(request: ColorizeRequest, regions: Regions, side: _Side) -> Layer:
    if request.background is None:
        return _layer("Background", Role.BACKGROUND, "Background mask", regions, side)
    height, width = regions.labels.shape
    mask = np.take(side.shown * np.uint8(255), regions.labels)
    return Layer(
        "Background",
        Role.BACKGROUND,
        cover(request.background, width, height),
        mask=mask,
        mask_name="Background mask",
    )


def cover(picture: Picture, width: int, height: int) -> Picture:
    """The picture scaled until it covers (height, width), its middle kept, the rest cut off."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    inner_width, inner_height = max(1, round(width / scale)), max(1, round(height / scale))
    left, top = (picture.shape[1] - inner_width) // 2, (picture.shape[0] - inner_height) // 2
    inner = np.ascontiguousarray(picture[top : top + inner_height, left : left + inner_width])
    inner[inner[..., 3] == 0] = 0  # what alpha hides must not bleed into its neighbours
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(inner, (width, height), interpolation=way)  # type: ignore[no-any-return]


def _report(
    request: ColorizeRequest, regions: Regions, painting: _Painting, layers: tuple[Layer, ...]
) -> dict[str, Any]:
    """What the docker shows beside the result. JSON values only."""
    seen = np.ones(regions.count, bool)
    if request.mode is Mode.FOREGROUND:
        seen = painting.figure.shown
    elif request.mode is Mode.BACKGROUND:
        seen = painting.background.shown
    is_figure = painting.figure.shown
    confidence = np.where(is_figure, painting.figure.confidence, painting.background.confidence)
    if request.background is not None:
        confidence = np.where(is_figure, confidence, 1)
    painted = sum(cv2.countNonZero(coverage(layer)) for layer in layers)
    area = regions.areas()
    return {
        "palette": color.as_hex(painting.palette),
        "regions": int(np.count_nonzero(seen)),
        "doubtful_regions": int(np.count_nonzero(seen & (confidence < DOUBTFUL))),
        "unpainted_pixels": int(regions.labels.size - painted),
        "confidence": round(float((confidence * area)[seen].sum() / max(area[seen].sum(), 1e-9)), 4),
        "figure_share": round(float(area[is_figure].sum()), 4),
    }
