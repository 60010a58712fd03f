"""ColorFlow as an engine (`engines/base.py`): colours sketches and pages from a pool of references.

Models are folders under the user's models folder, see `model`. The sketch is padded with white to the proportions of a
published size, so that nothing is cropped. torch and the networks are loaded when first needed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mask, Picture, Report, Result
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.retrieval import Size, fit, nearest_size
from colorizer.engines.diffusion_engine import DiffusionEngine
from colorizer.engines.foreground_background import ReferenceSide, layers_of, palette_of, resized, sides_of
from colorizer.engines.runtime.picture_cache import PictureCache
from colorizer.errors import MissingModel
from colorizer.imaging.layers import preview
from colorizer.imaging.lines import find_ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import RGB

if TYPE_CHECKING:
    from colorizer.engines.colorflow.model import ColorFlowModel
    from colorizer.engines.runtime.memory_profiles import ModelSlot

NAME = "colorflow"
LICENCE = "academic, non-commercial (ColorFlow)"
SIZE_STEP = 32
"""Working sizes are multiples of this, px, so that canvas and patches divide evenly into latent pixels."""
PUBLISHED_AREA_SIDE = 640
PREVIEW_SIDE = 1024
_GREY_SHARE = 0.1
"""A picture with a larger share of middle tones is treated as a page, not as line art."""


class ColorFlowEngine(DiffusionEngine["ColorFlowModel"]):
    """Colours pages and frames from one pool of references."""

    name = NAME
    title = "ColorFlow"
    licence = LICENCE
    weights_file = "colouring/guider/diffusion_pytorch_model.safetensors"
    no_model = (
        "No ColorFlow model is installed. Download one on the docker's Models page or with"
        " `colorize models download`."
    )
    options = ("palette_lock", "line_gap", "steps", "size")
    max_references = (
        1024  # limited by memory only; the time for a page hardly depends on the size of the pool
    )
    memory_mb = 12000

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._pool: PictureCache[NDArray[np.uint8]] = PictureCache()

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        from colorizer.engines.colorflow.page import PageSettings, colour_page

        request = self._models.with_steps(request)
        self._check_numbers(request)
        slot = self._loaded(request.model)
        model = slot.model
        report.stage("Finding lines")
        height, width = request.sketch.shape[:2]
        size = working_size(width, height, request.options.size)
        picture, style = _as_page(request.sketch, model.style)
        paper = _Paper(height, width, size)
        settings = PageSettings(style, size, request.options.steps, request.seed)
        report.stage("Finding the foreground")
        sides = sides_of(request, lambda found: self._foreground(found, report))
        drawn = []
        for index, side in enumerate(sides):

            def on_step(done: int, total: int, index: int = index) -> None:
                report.stage("Colouring", index * total + done, len(sides) * total)

            pool = [self._fitted(part, size) for part in side.parts]
            laid = paper.lay(picture)
            page = slot.run(partial(colour_page, model, laid, pool, settings, on_step), report)
            drawn.append(paper.cut(page))
        report.stage("Painting layers")
        layers, made = layers_of(request, sides, drawn, self._palette)
        report.preview(lambda: preview(layers, request.sketch, PREVIEW_SIDE))
        facts = {"size": [size.width, size.height], "style": style.value, "steps": settings.steps}
        return Result(layers, made | facts | {"memory": self._profile_name()})

    def _make_slot(self) -> ModelSlot[ColorFlowModel]:
        from colorizer.engines.colorflow import speed
        from colorizer.engines.runtime.memory_profiles import ModelSlot

        return ModelSlot(speed.PROFILES, _read, speed.place)

    def _fitted(self, part: ReferenceSide, size: Size) -> RGB:
        return self._pool.get(part.source, (part.key, size), lambda: fit(over_white(part.picture), size))

    def _palette(self, part: ReferenceSide) -> NDArray[np.uint8]:
        return self._pool.get(part.source, (part.key, "palette"), lambda: palette_of(part))

    def _foreground(self, picture: Picture, report: Report) -> Mask:
        return self._pool.get(picture, "mask", lambda: self.foreground_mask(picture, report))


class _Paper:
    """White paper in a size's proportions, with the canvas centred on it."""

    def __init__(self, height: int, width: int, size: Size) -> None:
        self.size = size
        self.height, self.width = height, width
        self.whole_width = max(width, round(height * size.width / size.height))
        self.whole_height = max(height, round(width * size.height / size.width))
        self.top, self.left = (self.whole_height - height) // 2, (self.whole_width - width) // 2

    def lay(self, picture: RGB) -> RGB:
        """Pads a canvas-sized picture to the paper."""
        paper = np.full((self.whole_height, self.whole_width, 3), 255, np.uint8)
        paper[self.top : self.top + self.height, self.left : self.left + self.width] = picture
        return paper

    def cut(self, page: RGB) -> RGB:
        """Crops a page of any size to the canvas's part, and resizes that to the canvas's size."""
        whole = resized(page, self.whole_height, self.whole_width)
        return whole[self.top : self.top + self.height, self.left : self.left + self.width]


def working_size(width: int, height: int, side: int) -> Size:
    """The published size nearest to the canvas's proportions, scaled to an area of side x side px (0: not scaled)."""
    size = nearest_size(width, height)
    if not side:
        return size
    factor = side / PUBLISHED_AREA_SIDE
    rounded = [
        max(SIZE_STEP, round(length * factor / SIZE_STEP) * SIZE_STEP) for length in (size.width, size.height)
    ]
    return Size(*rounded)


def _as_page(sketch: Picture, style: InputStyle) -> tuple[RGB, InputStyle]:
    """The page and its input style: line art is reduced to clean lines and not prepared further, other pages are."""
    page = over_white(sketch)
    middle = (page > 50) & (page < 205)
    if style is InputStyle.GREY or middle.any(axis=2).mean() > _GREY_SHARE:
        return page, style
    return np.repeat((255 - find_ink(sketch))[..., None], 3, axis=2), InputStyle.LINES


def _read(folder: Path) -> ColorFlowModel:
    from safetensors import SafetensorError

    from colorizer.engines.colorflow.model import ColorFlowModel

    try:
        return ColorFlowModel.load(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise MissingModel(
            f"The model {folder.name} can't be read; one of its files may be damaged. Convert or download it again."
        ) from error
