"""AnimeDiffusion as an engine (`engines/base.py`).

No checkpoint was ever published: models are folders under the user's models folder, trained with
`colorize train anime-diffusion` or converted from the user's own checkpoint. The network was trained on squares, so a
sketch of any size is fitted into a square, and the result is cropped and resized to the canvas. torch and the network
are loaded when first needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from colorizer.engines.base import ColorizeRequest, Mask, Report, Result
from colorizer.engines.diffusion_engine import DiffusionEngine
from colorizer.engines.foreground_background import SketchSide, layers_of, resized, sides_of
from colorizer.errors import MissingModel
from colorizer.imaging.layers import preview
from colorizer.imaging.lines import find_ink
from colorizer.imaging.values import RGB

if TYPE_CHECKING:
    from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
    from colorizer.engines.runtime.memory_profiles import ModelSlot

NAME = "anime_diffusion"
TRAINED_SIDE = 256
SIZE_STEP = 8
PREVIEW_SIDE = 1024


class AnimeDiffusionEngine(DiffusionEngine["AnimeDiffusionPipeline"]):
    """Colours faces with a model that the user trained or converted."""

    name = NAME
    title = "AnimeDiffusion"
    weights_file = "unet/diffusion_pytorch_model.safetensors"
    no_model = (
        "No AnimeDiffusion model is installed, and none was ever published. Train one with"
        " `colorize train anime-diffusion`, or choose another engine."
    )
    options = ("palette_lock", "line_gap", "steps", "size")
    most_steps = 500
    memory_mb = 2000

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        request = self._models.with_steps(request)
        self._check_numbers(request)
        slot = self._loaded(request.model)
        report.stage("Finding lines")
        height, width = request.sketch.shape[:2]
        side = _working_side(request.options.size)
        square = _Square(height, width, side)
        lines = square.fit(np.repeat((255 - find_ink(request.sketch))[..., None], 3, axis=2))[..., 0]
        report.stage("Finding the foreground")
        sides = sides_of(request, lambda picture: self.foreground_mask(picture, report))
        drawn = [
            square.cut(_draw(slot, lines, part, request, report, (index, len(sides))))
            for index, part in enumerate(sides)
        ]
        report.stage("Painting layers")
        layers, made = layers_of(request, sides, drawn)
        report.preview(lambda: preview(layers, request.sketch, PREVIEW_SIDE))
        facts = {"size": [side, side], "steps": request.options.steps}
        return Result(layers, made | facts | {"memory": self._profile_name()})

    def _make_slot(self) -> ModelSlot[AnimeDiffusionPipeline]:
        from colorizer.engines.anime_diffusion import speed
        from colorizer.engines.runtime.memory_profiles import ModelSlot

        return ModelSlot(speed.PROFILES, _read, speed.place)


def _draw(
    slot: ModelSlot[AnimeDiffusionPipeline],
    lines: Mask,
    side: SketchSide,
    request: ColorizeRequest,
    report: Report,
    part: tuple[int, int],
) -> RGB:
    """Colours one side of the sketch, as a square; `part` is the side's number and the number of sides."""
    steps, (index, count) = request.options.steps, part
    report.stage("Colouring", index * steps, count * steps)
    reference = _covering(side.references[0], len(lines))

    def on_step(done: int, total: int, _so_far: Any) -> None:
        report.stage("Colouring", index * total + done, count * total)

    return slot.run(
        lambda: slot.model(lines, reference, steps=steps, seed=request.seed, on_step=on_step), report
    )


class _Square:
    """The position of a canvas in the model's square: as large as possible, centred, on white."""

    def __init__(self, height: int, width: int, side: int) -> None:
        scale = side / max(height, width)
        self.side = side
        self.height, self.width = max(1, round(height * scale)), max(1, round(width * scale))
        self.top, self.left = (side - self.height) // 2, (side - self.width) // 2

    def fit(self, picture: RGB) -> RGB:
        """Fits a canvas-sized picture into the square."""
        square = np.full((self.side, self.side, 3), 255, np.uint8)
        square[self.top : self.top + self.height, self.left : self.left + self.width] = resized(
            picture, self.height, self.width
        )
        return square

    def cut(self, square: RGB) -> RGB:
        """Crops the square to the canvas's part and resizes it to the canvas."""
        return square[self.top : self.top + self.height, self.left : self.left + self.width]


def _covering(picture: RGB, side: int) -> RGB:
    """Crops the central square of a picture and resizes it to (side, side, 3)."""
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    inner = picture[top : top + short, left : left + short]
    way = cv2.INTER_AREA if short > side else cv2.INTER_LINEAR
    return cv2.resize(inner, (side, side), interpolation=way)


def _working_side(size: int) -> int:
    return max(SIZE_STEP, round((size or TRAINED_SIDE) / SIZE_STEP) * SIZE_STEP)


def _read(folder: Path) -> AnimeDiffusionPipeline:
    from safetensors import SafetensorError

    from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline

    try:
        pipeline = AnimeDiffusionPipeline.from_pretrained(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise MissingModel(
            f"The model {folder.name} can't be read; one of its files may be damaged. Convert or train it again."
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
