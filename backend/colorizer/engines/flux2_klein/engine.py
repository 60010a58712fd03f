"""FLUX.2 klein as an engine (`engines/base.py`): converts a request to input pictures and an instruction.

Each side of the sketch (foreground, background) is generated separately from its side of the references. The generated
picture is aligned with the sketch's lines (`registration`) and converted to layers as for every diffusion engine
(`engines.foreground_background`): one reference colour per region, shading and light apart. torch and the networks are
loaded when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer import paths
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
from colorizer.engines.diffusion_engine import DiffusionEngine
from colorizer.engines.flux2_klein import files, pictures
from colorizer.engines.flux2_klein.files import NAME
from colorizer.engines.flux2_klein.instructions import Shown, Subject, instruction
from colorizer.engines.flux2_klein.registration import Registration, register
from colorizer.engines.flux2_klein.series import Page, PageSurvey, Series, agreed
from colorizer.engines.foreground_background import (
    ReferenceSide,
    SketchSide,
    layers_of,
    palette_of,
    resized,
    sides_of,
)
from colorizer.engines.models import Installed
from colorizer.engines.runtime.picture_cache import PictureCache
from colorizer.engines.sequences import Likeness, Survey
from colorizer.imaging.drawn import opaque
from colorizer.imaging.layers import preview
from colorizer.imaging.lines import find_ink
from colorizer.imaging.values import RGB
from colorizer.protocol.options import Choice

if TYPE_CHECKING:
    from torch import Tensor

    from colorizer.engines.flux2_klein.drawing import Drawing
    from colorizer.engines.flux2_klein.model import KleinModel
    from colorizer.engines.runtime.memory_profiles import ModelSlot

PREVIEW_SIDE = 1024
_SUBJECTS = {
    (Mode.WHOLE, Role.FOREGROUND): Subject.WHOLE,
    (Mode.SPLIT, Role.FOREGROUND): Subject.FOREGROUND,
    (Mode.FOREGROUND, Role.FOREGROUND): Subject.FOREGROUND,
    (Mode.SPLIT, Role.BACKGROUND): Subject.BACKGROUND,
    (Mode.BACKGROUND, Role.BACKGROUND): Subject.BACKGROUND,
}


class Flux2KleinEngine(DiffusionEngine["KleinModel"]):
    """Colours with FLUX.2 klein, and reduces its picture to exact reference colours per region."""

    name = NAME
    title = "FLUX.2 klein"
    licence = "Apache 2.0"
    weights_file = files.WEIGHTS
    no_model = (
        "No FLUX.2 klein model is installed. Download one on the docker's Models page, or add files that you have with"
        " `colorize models convert FILE`."
    )
    options = (
        "palette_lock",
        "line_gap",
        "hints",
        "bindings",
        "sequence",
        "steps",
        "size",
        "guidance",
        "instruction",
        "lora",
        "lora_strength",
    )
    max_references = 16
    memory_mb = 11000

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._loras = Installed(files.LORA_ENGINE, "LoRA", folder)
        self._pool: PictureCache[NDArray[np.uint8]] = PictureCache()

    def _choices(self) -> dict[str, tuple[Choice, ...]]:
        told = (self._loras.describe(folder, files.LORA_FILE) for folder in self._loras.folders())
        known = (Choice(value=one.name, title=f"{one.title}, licence: {one.licence}") for one in told)
        return {"lora": (Choice(value="", title="None"), *known)}

    def weights(self, model: str = "") -> Path | None:
        """The transformer's file."""
        folder = self._models.find(model)
        return files.weights_of(files.read(folder)) if folder else None

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        return self.colorize_after(request, None, report)

    def colorize_after(self, request: ColorizeRequest, previous: RGB | None, report: Report) -> Result:
        """Colours one sketch of a series; `previous` is the previous picture, coloured, (H, W, 3)."""
        from colorizer.engines.flux2_klein.hints import with_hints

        self._check_numbers(request, least_steps=0)
        slot = self._loaded(request.model)
        self._use_lora(request)
        steps = request.options.steps or slot.model.files.steps
        request = replace(request, options=request.options.model_copy(update={"steps": steps}))
        report.stage("Finding the foreground")
        sides = sides_of(request, lambda picture: self._foreground(picture, report))
        report.stage("Finding lines")
        ink = find_ink(request.sketch)
        drawn, made = [], []
        for number, side in enumerate(sides):
            told = _Progress(request, report, number, len(sides))
            picture, facts = self._draw(request, side, previous, told)
            report.stage("Aligning with the lines")
            found = register(ink if side.mask is None else cv2.bitwise_and(ink, side.mask), picture)
            drawn.append(found.undo(picture))
            made.append(facts | _registered(found))
        report.stage("Painting layers")
        drawn, palette = with_hints(request, drawn, ink, self._palette)
        layers, said = layers_of(request, sides, drawn, palette)
        report.preview(lambda: preview(layers, request.sketch, PREVIEW_SIDE))
        return Result(layers, said | self._facts(request) | {"sides": made})

    # -- pages of a series, see `engines.sequences` ---------------------------------------------------------------

    def survey(self, request: ColorizeRequest, report: Report) -> PageSurvey:
        """Stores the page; there is nothing to compute, because the model itself sees the similarity of pages."""
        report.stage("Finding lines")
        find_ink(request.sketch)  # raises at once if there are no lines
        return PageSurvey(Page.of(request))

    def read_survey(self, content: bytes) -> PageSurvey:
        """Reads a survey from its bytes."""
        return PageSurvey.from_bytes(content)

    def compare(self, _one: Survey, _other: Survey) -> Likeness:
        """Returns no similarity: the model gets the previous page as an input picture instead."""
        return np.zeros((1, 1), np.float32)

    def agree(self, surveys: Sequence[Survey], _likeness: Mapping[tuple[int, int], Likeness]) -> list[Survey]:
        """Adds to every page the pages before it."""
        return list(agreed([survey for survey in surveys if isinstance(survey, PageSurvey)]))

    def colorize_surveyed(self, request: ColorizeRequest, survey: Survey, report: Report) -> Result:
        """Colours one page after the pages before it; of these, only those that are not cached are generated."""
        assert isinstance(survey, PageSurvey)
        previous, before = None, ""
        series = Series(paths.home() / "cache" / "series")
        for page in survey.before:
            earlier = page.request(request)
            before = series.key(earlier, before, self._model_key(request))
            known = series.find(before)
            previous = (
                series.keep(before, earlier, self.colorize_after(earlier, previous, report))
                if known is None
                else known
            )
        result = self.colorize_after(request, previous, report)
        series.keep(series.key(request, before, self._model_key(request)), request, result)
        return result

    def _model_key(self, request: ColorizeRequest) -> str:
        folder = self._models.find(request.model)
        weights = self.weights(request.model)
        return f"{folder} {weights.stat().st_mtime_ns if weights else ''}"

    def _make_slot(self) -> ModelSlot[KleinModel]:
        from colorizer.engines.flux2_klein import model, speed
        from colorizer.engines.runtime.memory_profiles import ModelSlot

        return ModelSlot(speed.PROFILES, model.read, speed.place)

    def _describe(self, folder: Path) -> ModelInfo:
        described = super()._describe(folder)
        return replace(described, steps=files.steps(folder))

    def _use_lora(self, request: ColorizeRequest) -> None:
        from colorizer.engines.flux2_klein import lora, speed

        fine, slot = request.options.advanced, self._slot
        file = lora.find(self._loras, fine.lora.strip())
        if lora.use(slot.model, file, fine.lora_strength):
            assert slot.profile is not None
            speed.place(slot.model, slot.profile)

    def _draw(
        self, request: ColorizeRequest, side: SketchSide, previous: RGB | None, told: _Progress
    ) -> tuple[RGB, dict[str, Any]]:
        """Generates the picture of one side at the model's size; also returns its entries of the record."""
        from colorizer.engines.flux2_klein import drawing

        slot = self._slot
        height, width = request.sketch.shape[:2]
        size = request.options.size or pictures.USUAL_SIDE
        paper = pictures.Paper.for_canvas(height, width, size)
        shown, given = self._pictures(request, side, previous, paper)
        subject = _SUBJECTS[request.mode, side.role]
        text = request.options.advanced.instruction.strip() or instruction(subject, shown)
        embedding, negative = self._embed(text, told.report)
        one = drawing.Drawing(
            given, embedding, negative, request.options.steps, request.options.advanced.guidance, request.seed
        )
        self._warn(one, told.report)

        def look(ahead: Callable[[], RGB]) -> None:
            told.report.preview(lambda: opaque(resized_cut(paper, ahead())))

        drawn = slot.run(lambda: drawing.draw(slot.model, one, told.tell, look), told.report)
        facts = {"instruction": text, "pictures": shown.count, "size": [paper.width, paper.height]}
        return paper.cut(drawn), facts

    def _pictures(
        self, request: ColorizeRequest, side: SketchSide, previous: RGB | None, paper: pictures.Paper
    ) -> tuple[Shown, tuple[RGB, ...]]:
        """The input pictures: line art, references, hints, previous picture."""
        lines = pictures.line_art(request.sketch)
        hinted = pictures.has_hints(request.hints)
        slots = pictures.MOST_PICTURES - 1 - hinted - (previous is not None)
        reach = round((paper.width * paper.height) ** 0.5)
        references = [self._fitted(part) for part in side.parts]
        sheets = pictures.sheets(references, slots, reach)
        given = [paper.lay(lines), *sheets]
        if hinted:
            assert request.hints is not None
            given.append(paper.lay(pictures.marked(lines, request.hints)))
        if previous is not None:
            given += pictures.sheets([previous], 1, reach)
        return Shown(len(sheets), hinted, previous is not None), tuple(given)

    def _embed(self, text: str, report: Report) -> tuple[Tensor, Tensor | None]:
        model = self._slot.model
        texts = [text] if model.files.distilled else [text, ""]
        embedded = model.instructions.embed(texts, lambda: report.stage("Reading the instruction"))
        return embedded[0], None if model.files.distilled else embedded[1]

    def _warn(self, drawing: Drawing, report: Report) -> None:
        """Reports the estimated time before a job on the CPU starts."""
        from colorizer.engines.flux2_klein import speed

        if self._slot.device != "cpu":
            return
        passes = drawing.steps * (2 if drawing.negative is not None and drawing.guidance > 1 else 1)
        minutes = speed.estimate_minutes(self._slot.model, drawing.tokens, passes)
        if minutes >= 1:
            report.stage(f"Colouring on the CPU: about {minutes:.0f} minutes")

    def _facts(self, request: ColorizeRequest) -> dict[str, Any]:
        profile, fine = self._slot.profile, request.options.advanced
        lora = {"name": fine.lora.strip(), "strength": fine.lora_strength} if fine.lora.strip() else None
        precision = str(profile.dtype).removeprefix("torch.") if profile else ""
        facts: dict[str, Any] = {"steps": request.options.steps, "lora": lora, "precision": precision}
        facts["guidance"] = 1.0 if self._slot.model.files.distilled else fine.guidance
        return facts | {"memory": self._profile_name()}

    def _fitted(self, part: ReferenceSide) -> RGB:
        return self._pool.get(part.source, (part.key, "shown"), lambda: pictures.flat(part.picture))

    def _palette(self, part: ReferenceSide) -> NDArray[np.uint8]:
        return self._pool.get(part.source, (part.key, "palette"), lambda: palette_of(part))

    def _foreground(self, picture: Picture, report: Report) -> Mask:
        return self._pool.get(picture, "mask", lambda: self.foreground_mask(picture, report))


class _Progress:
    """Reports the stage "Colouring" of one side as a share of all sides."""

    def __init__(self, request: ColorizeRequest, report: Report, number: int, count: int) -> None:
        self.report = report
        self._number, self._count, self._steps = number, count, request.options.steps

    def tell(self, done: int, total: int) -> None:
        """Converts the blocks done for this side to steps of all sides, and reports them."""
        steps = self._number * self._steps + done * self._steps // max(total, 1)
        self.report.stage("Colouring", steps, self._count * self._steps)


def resized_cut(paper: pictures.Paper, page: RGB) -> RGB:
    """Resizes a preview of the paper to the paper's size and crops the canvas from it."""
    whole = resized(page, paper.height, paper.width)
    return paper.cut(whole)


def _registered(found: Registration) -> dict[str, Any]:
    """Entries of the record about the registration."""
    return {"lines_found": found.found, "lines_agreement": round(found.on_lines, 3)}
