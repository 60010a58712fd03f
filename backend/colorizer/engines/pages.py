"""Comic pages for every engine: each panel is coloured as a separate picture, with the same references.

`with_pages` wraps an engine and has the same interface (`base`). `colorizer.imaging.sheets` divides a sheet into
panels, or crops a small drawing on a much larger canvas; `page_parts` colours the parts. `page_sequences` handles
sequences of pages.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from colorizer.engines.base import ColorizeRequest, Engine, EngineInfo, Mask, Picture, Report, Result
from colorizer.engines.page_parts import PartReport, colorize_parts
from colorizer.engines.page_sequences import PageSequences
from colorizer.engines.runtime.stage_cache import StageCache
from colorizer.engines.sequences import SequenceEngine
from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink
from colorizer.imaging.sheets import Sheet, read_sheet


def with_pages(engine: Engine) -> Engine:
    """Wraps an engine so that it colours pages panel by panel."""
    return Pages(engine, PageSequences(engine) if isinstance(engine, SequenceEngine) else None)


class Pages:
    """An engine that divides sheets into panels, and passes everything else on to the wrapped engine."""

    def __init__(self, engine: Engine, sequences: PageSequences | None) -> None:
        self.engine = engine
        self.sequences = sequences
        self._sheets: StageCache[Sheet | None] = StageCache()

    def __getattr__(self, name: str) -> Any:
        """Other attributes of the engine; the steps of its sequences are those of `page_sequences`."""
        return getattr(self.sequences if hasattr(self.sequences, name) else self.engine, name)

    @property
    def info(self) -> EngineInfo:
        """The engine's description, with the options of pages."""
        info = self.engine.info
        return replace(info, options=(*info.options, "colour_paper"))

    def weights(self, model: str = "") -> Path | None:
        """See `colorizer.engines.base.Engine`."""
        return self.engine.weights(model)

    def load(self, device: str, model: str = "") -> None:
        """See `colorizer.engines.base.Engine`."""
        self.engine.load(device, model)

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sheet; see `colorizer.engines.base.Engine`."""
        # An engine that finds lines itself needn't find them twice.
        ink_of = getattr(self.engine, "find_ink", find_ink)
        sheet = self._sheets.get([request.sketch], None, lambda: read_sheet(request.sketch, ink_of))
        if sheet is None:
            return self.engine.colorize(request, report)
        return colorize_parts(request, sheet, report, self.engine.colorize)

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground of every panel; see `colorizer.engines.base.Engine`."""
        sheet = read_sheet(picture)
        if sheet is None:
            return self.engine.foreground_mask(picture, report)
        mask = np.zeros(picture.shape[:2], np.uint8)
        for number, part in enumerate(sheet.parts):
            cut = np.ascontiguousarray(sheet.sketch[part.box])
            try:
                found = self.engine.foreground_mask(cut, PartReport(report, number, len(sheet.parts)))
            except NothingToColour:
                continue
            inside = part.mask if part.mask is not None else np.full(found.shape, 255, np.uint8)
            mask[part.box] = cv2.max(mask[part.box], cv2.min(found, inside))
        return mask
