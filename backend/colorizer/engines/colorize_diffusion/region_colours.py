"""The match engine's colours as a further input, for models that were trained with it (published ones were not).

The latent of the region colours is concatenated with the noisy latent (`denoiser`). The model predicts only the
correction that `pipeline` adds to it: where the match engine is right, the correction is zero.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, Mode, Options, Report
from colorizer.imaging.layers import flatten
from colorizer.imaging.lines import find_ink
from colorizer.imaging.pictures import over_white


def region_colours(request: ColorizeRequest, report: Report) -> NDArray[np.uint8]:
    """Colours the sketch's regions with the match engine and draws its ink over them; (H, W, 3)."""
    mode = Mode.WHOLE if request.mode is Mode.WHOLE else Mode.SPLIT
    asked = replace(request, mode=mode, model="", options=Options(line_gap=request.options.line_gap))
    found = registry.get("match").colorize(asked, report)
    flats = over_white(flatten(found.layers, *request.sketch.shape[1::-1]))
    paper = 255 - find_ink(request.sketch)[..., None].astype(np.uint16)
    return np.asarray((flats * paper + 127) // 255, np.uint8)
