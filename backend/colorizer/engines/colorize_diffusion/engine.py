"""ColorizeDiffusion as an engine (`engines/base.py`): converts a request to the pipeline's pictures and settings.

Models are folders under the user's models folder, written by `convert`. The table `SWITCHES` maps the request's four
modes to the papers' switches. torch and the networks are loaded when the first picture is coloured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import (
    ColorizeRequest,
    Mask,
    Mode,
    ModelInfo,
    Picture,
    Report,
    Result,
    Role,
)
from colorizer.engines.colorize_diffusion import loading
from colorizer.engines.colorize_diffusion.background import BackgroundRemoval
from colorizer.engines.colorize_diffusion.region_colours import region_colours
from colorizer.engines.colorize_diffusion.settings import (
    BranchStrength,
    DiffusionSettings,
    Guidance,
    Injection,
    Modes,
    Thresholds,
    Version,
    group_scales,
)
from colorizer.engines.detectors.published import Detectors
from colorizer.engines.diffusion_engine import DiffusionEngine
from colorizer.engines.foreground_background import ReferenceSide, SketchSide, layers_of
from colorizer.engines.models import Installed
from colorizer.imaging.layers import preview
from colorizer.imaging.lines import find_ink
from colorizer.imaging.masks import usable_mask
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import RGB
from colorizer.protocol.checks import check_references
from colorizer.protocol.options import ADVANCED, Advanced

if TYPE_CHECKING:
    from torch import Tensor

    from colorizer.engines.colorize_diffusion.conditioning import Pictures
    from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline
    from colorizer.engines.colorize_diffusion.preprocess import Box
    from colorizer.engines.runtime.memory_profiles import ModelSlot

NAME = "colorize_diffusion"
LICENCE = "CC BY-NC-SA 4.0"
MIDDLE_TONES = (90, 215)
SHADED_SHARE = 0.25
"""A sketch with a larger share of middle tones than this is treated as a shaded (grey or painted) picture."""
SIZE_STEP = 64
USUAL_SIZE = {Version.V1: 512, Version.V1_5: 512, Version.V2: 768}
PREVIEW_SIDE = 1024

SWITCHES = {
    (Version.V1, Mode.SPLIT): Modes(background=True),
    (Version.V1, Mode.BACKGROUND): Modes(background=True),
    (Version.V1_5, Mode.SPLIT): Modes(foreground=True, background=True),
    (Version.V1_5, Mode.FOREGROUND): Modes(foreground=True),
    (Version.V1_5, Mode.BACKGROUND): Modes(background=True),
    (Version.V2, Mode.SPLIT): Modes(background=True),
    (Version.V2, Mode.BACKGROUND): Modes(background=True),
}
"""The papers' switches for each mode; modes that are missing here are the papers' vanilla mode (no switch).

In the papers' names: v1.5 split is Fig2Fig and v1.5 foreground is Bg2Fig (arXiv 2502.19937); v2 split is background
enhance (arXiv 2504.06895).
"""


class ColorizeDiffusionEngine(DiffusionEngine["ColorizeDiffusionPipeline"]):
    """ColorizeDiffusion v1, v1.5 and v2 with models that the user has installed."""

    name = NAME
    title = "ColorizeDiffusion"
    licence = LICENCE
    weights_file = "unet/diffusion_pytorch_model.safetensors"
    no_model = (
        "No ColorizeDiffusion model is installed. Download one on the docker's Models page, or convert a file that you"
        " have with `colorize models convert FILE`."
    )
    options = (
        "palette_lock",
        "line_gap",
        "style_detail",
        "background_detail",
        "steps",
        "size",
        *ADVANCED,
    )
    memory_mb = 9000

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._towers = Installed("towers", "CLIP", folder)
        self._previews = Installed("previews", "preview", folder)
        self._detectors = Detectors(folder)

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        from colorizer.engines.colorize_diffusion.noise import Spacing
        from colorizer.engines.colorize_diffusion.pipeline import Steps
        from colorizer.engines.colorize_diffusion.postprocess import crop, to_picture
        from colorizer.engines.colorize_diffusion.samplers import Sampler

        check_references(len(request.references), self.max_references, self.title)
        request = self._models.with_steps(request)
        slot = self._loaded(request.model)
        pipeline = slot.model
        modes = switches(pipeline.version, request)
        self._detectors.asked.clear()
        mask = self._sketch_mask(request, report, modes)
        pictures, box = self._prepare(request, report, modes, mask, pipeline)
        report.stage("Colouring", 0, request.options.steps)

        def tell(done: int, total: int, ahead: Callable[[], Tensor]) -> None:
            report.stage("Colouring", done, total)
            report.preview(
                lambda: _opaque(crop(_sized(to_picture(pipeline.preview(ahead())), *pictures.size), box))
            )

        fine = request.options.advanced
        if not pipeline.guided:
            fine = fine.model_copy(update={"guidance": 1.0})
        settings = settings_of(modes, fine)
        steps = Steps(Sampler(fine.sampler), Spacing(fine.spacing), request.options.steps)
        drawn = slot.run(lambda: pipeline(pictures, settings, steps, (request.seed,), tell), report)
        report.stage("Painting layers")
        picture = crop(to_picture(drawn), box)
        sides = delivered_sides(request, mask)
        layers, made = layers_of(request, sides, [picture] * len(sides))
        report.preview(lambda: preview(layers, request.sketch, PREVIEW_SIDE))
        facts = _facts(pipeline, pictures.size) | {"finders": sorted(self._detectors.asked)}
        facts |= {"guidance": fine.guidance, "steps": request.options.steps}
        return Result(layers, made | facts | {"memory": self._profile_name()})

    def _make_slot(self) -> ModelSlot[ColorizeDiffusionPipeline]:
        from colorizer.engines.colorize_diffusion import speed
        from colorizer.engines.runtime.memory_profiles import ModelSlot

        return ModelSlot(speed.PROFILES, self._read, speed.place)

    def _read(self, folder: Path) -> ColorizeDiffusionPipeline:
        from colorizer.engines.colorize_diffusion import previews

        pipeline = loading.read(folder, self._towers.find(""))
        pipeline.tiny_vae = previews.load(self._previews.find(""))
        return pipeline

    def _missing(self) -> str:
        """Also reports CLIP as missing, where no installed model contains it and it is not installed separately."""
        alone = all(loading.lacks_towers(folder) for folder in self._models.folders())
        no_towers = loading.NO_TOWERS if alone and not self._towers.folders() else ""
        return super()._missing() or no_towers

    def _describe(self, folder: Path) -> ModelInfo:
        title = f"{folder.name} (ColorizeDiffusion {loading.version(folder)})"
        return self._models.describe(folder, self.weights_file, licence=self.licence, title=title)

    def _sketch_mask(self, request: ColorizeRequest, report: Report, modes: Modes) -> Mask | None:
        """The artist's foreground mask; without one, the mask that is found, if the mode needs one."""
        height, width = request.sketch.shape[:2]
        mask = usable_mask(request.sketch_mask, width, height)
        if mask is None and (modes.split or request.mode is not Mode.WHOLE):
            report.stage("Finding the foreground")
            mask = self._foreground(request.sketch, report, in_drawing=True)
        return mask

    def _foreground(self, picture: Picture, report: Report, *, in_drawing: bool) -> Mask:
        """Finds the foreground with an installed detector network, or else with the base class's method."""
        found = self._detectors.foreground(in_drawings=in_drawing)
        if found is None:
            return self.foreground_mask(picture, report)
        drawing = 255 - find_ink(picture) if in_drawing else None
        return found(over_white(picture) if drawing is None else np.dstack([drawing] * 3))

    def _prepare(
        self,
        request: ColorizeRequest,
        report: Report,
        modes: Modes,
        mask: Mask | None,
        pipeline: ColorizeDiffusionPipeline,
    ) -> tuple[Pictures, Box]:
        """Converts the request to the pipeline's pictures; also returns the sketch's box within them."""
        from colorizer.engines.colorize_diffusion.conditioning import Pictures
        from colorizer.engines.colorize_diffusion.preprocess import (
            fit,
            mask_to_tensor,
            pad_sides,
            to_tensor,
        )

        report.stage("Finding lines")
        size = working_size(
            request.sketch.shape[:2],
            request.options.size or pipeline.size or USUAL_SIZE[pipeline.version],
        )
        fine = request.options.advanced
        removal = background_removal(request, modes)
        found = network_lines(request.sketch, self._detectors.lines())
        lines = removal.kept_lines(found, mask, fine.sketch_threshold)
        sketch, box = fit(to_tensor(lines), size)
        reference = request.references[0] if request.references else None
        reference_mask = None
        if reference is not None and modes.background and request.background is None:
            height, width = reference.picture.shape[:2]
            reference_mask = usable_mask(reference.mask, width, height)
            if reference_mask is None:
                reference_mask = self._foreground(reference.picture, report, in_drawing=False)
        padding = fine.reference_padding
        if reference_mask is not None:
            reference_mask = removal.removed_area(pad_sides(reference_mask, padding, fill=0), mask)
        colours = None
        if pipeline.takes_region_colours:
            flats = region_colours(replace(request, sketch_mask=mask), report)
            colours = fit(to_tensor(flats), size, fill=1.0)[0]
        return Pictures(
            sketch,
            reference=None
            if reference is None
            else to_tensor(pad_sides(over_white(reference.picture), padding)),
            background=None if request.background is None else to_tensor(over_white(request.background)),
            sketch_mask=None if mask is None else fit(mask_to_tensor(mask), size, fill=0.0)[0],
            reference_mask=None if reference_mask is None else mask_to_tensor(reference_mask),
            region_colours=colours,
        ), box


def switches(version: Version, request: ColorizeRequest) -> Modes:
    """The papers' switches for a request. Style and background detail exist in v2 only and are ignored elsewhere."""
    mode = request.mode
    if version is Version.V2 and request.options.background_detail and mode is Mode.WHOLE:
        mode = Mode.SPLIT
    modes = SWITCHES.get((version, mode), Modes())
    style = version is Version.V2 and request.options.style_detail
    return Modes(modes.foreground, modes.background, style)


def background_removal(request: ColorizeRequest, modes: Modes) -> BackgroundRemoval:
    """The artist's options for removing background; they do not apply to a separate background picture."""
    fine = request.options.advanced
    if not modes.background or request.background is not None:
        return BackgroundRemoval()
    return BackgroundRemoval(fine.merge_masks, fine.bleach_background)


def settings_of(modes: Modes, fine: Advanced) -> DiffusionSettings:
    """Converts the advanced options to the pipeline's settings; raises `InvalidInput` for an invalid text edit."""
    from colorizer.engines.colorize_diffusion.manipulation import parse_edits

    levels = (fine.fine_strength, fine.middle_strength, fine.coarse_strength, fine.bottom_strength)
    return DiffusionSettings(
        modes=modes,
        thresholds=Thresholds(fine.sketch_threshold, fine.reference_threshold),
        strength=BranchStrength(fine.foreground_strength, fine.background_strength, fine.merge),
        scales=group_scales(*(level * fine.reference_strength for level in levels)),
        sketch_strength=fine.sketch_strength,
        background_factor=fine.background_factor,
        guidance=Guidance(fine.guidance, fine.sketch_guidance, fine.guidance_start, fine.guidance_end),
        injection=Injection(fine.injection_fidelity, start=fine.injection_start) if fine.injection else None,
        edits=parse_edits(fine.text_edits),
    )


def network_lines(sketch: Picture, detector: Callable[[RGB], RGB] | None = None) -> RGB:
    """Returns light lines on black, as in the training data: the ink of a drawing, or the edges of a shaded picture.

    Args:
        sketch: RGBA picture (H, W, 4).
        detector: a line detector to use for shaded pictures instead of the built-in method.
    """
    from colorizer.engines.colorize_diffusion.preprocess import lines_of_shaded

    page = over_white(sketch)
    middle = ((page > MIDDLE_TONES[0]) & (page < MIDDLE_TONES[1])).any(axis=2)
    if middle.mean() > SHADED_SHARE:
        return (detector or lines_of_shaded)(page)
    return np.repeat(find_ink(sketch)[..., None], 3, axis=2)


def working_size(canvas_hw: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width in multiples of 64 px, with about side x side px of area, in the canvas's proportions."""
    height, width = canvas_hw
    scale = side / (height * width) ** 0.5
    rounded = [max(SIZE_STEP, round(length * scale / SIZE_STEP) * SIZE_STEP) for length in (height, width)]
    return rounded[0], rounded[1]


def _facts(pipeline: ColorizeDiffusionPipeline, size: tuple[int, int]) -> dict[str, Any]:
    """Entries of the record beside the request: version, working size, precision."""
    precision = str(pipeline.unet.dtype).removeprefix("torch.")
    return {"version": pipeline.version.value, "size": list(size), "precision": precision}


def delivered_sides(request: ColorizeRequest, mask: Mask | None) -> list[SketchSide]:
    """The sides (foreground, background) that the drawn picture is delivered as."""
    whole = tuple(ReferenceSide(reference.picture) for reference in request.references)
    if mask is None:
        return [SketchSide(Role.FOREGROUND, whole, None)]
    sides = []
    if request.mode is not Mode.FOREGROUND:
        sides.append(SketchSide(Role.BACKGROUND, whole, 255 - mask))
    if request.mode is not Mode.BACKGROUND:
        sides.append(SketchSide(Role.FOREGROUND, _foregrounds(request) or whole, mask))
    return sides


def _foregrounds(request: ColorizeRequest) -> tuple[ReferenceSide, ...]:
    """The references' foregrounds if the artist masked all of them; the foreground's palette then comes from them."""
    parts = []
    for reference in request.references:
        height, width = reference.picture.shape[:2]
        mask = usable_mask(reference.mask, width, height)
        if mask is None:
            return ()
        parts.append(ReferenceSide(reference.picture, mask > 127))
    return tuple(parts)


def _sized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resizes a picture (h, w, 3) to (height, width, 3)."""
    interpolation = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=interpolation)


def _opaque(picture: NDArray[np.uint8]) -> Picture:
    """Adds an opaque alpha channel to a picture (H, W, 3)."""
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
