"""The sample picture, the first that most artists see coloured: what is wrong in it is small."""

import runpy

import numpy as np
import pytest
from colorizer import paths
from colorizer.engines.base import ColorizeRequest, Mode, Reference
from colorizer.engines.match.engine import MatchEngine
from colorizer.imaging.layers import flatten
from colorizer.imaging.lines import find_ink
from colorizer.imaging.pictures import over_white, read_picture
from colorizer.imaging.regions import find_regions
from listening import Silent
from skimage.color import deltaE_ciede2000, rgb2lab

_LEAST_PIXELS = 60
"""What is smaller is a nook between two lines."""


@pytest.fixture(scope="module")
def truth():
    """(H, W, 3): the sketch's pose, painted by the program that drew it."""
    folder = paths.resource("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        program = runpy.run_path(str(folder / "draw.py"))
    return program["draw"](program["SKETCH"], painted=True)


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.WHOLE])
def test_what_is_wrong_in_the_sample_is_small(truth, mode):
    sketch, reference = (
        read_picture(paths.resource("sample") / name) for name in ("sketch.png", "reference.png")
    )
    result = MatchEngine().colorize(ColorizeRequest(sketch, (Reference(reference),), mode=mode), Silent())
    height, width = sketch.shape[:2]
    painted = over_white(flatten(result.layers, width, height))
    regions, off_lines = find_regions(find_ink(sketch)), sketch[..., 3] < 40
    wrong = []
    for region in range(regions.count):
        inside = (regions.labels == region) & off_lines
        medians = (np.median(picture[inside], axis=0) for picture in (truth, painted))
        gap = deltaE_ciede2000(*(rgb2lab(one[None, None] / 255)[0, 0] for one in medians))
        if inside.sum() >= _LEAST_PIXELS and gap >= 10:
            wrong.append(inside.sum() / inside.size)
    assert len(wrong) <= 13
    assert max(wrong) < 0.005
    assert sum(wrong) < 0.015
