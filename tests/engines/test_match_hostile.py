"""The corpus's hostile pictures: each gives a result of the canvas's size or a sentence; files stay as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colorizer.engines.base import ColorizeRequest, Mode, Reference
from colorizer.errors import ColorizerError
from colorizer.imaging.masks import mask_from_picture
from colorizer.imaging.pictures import read_picture
from colorizer_lab.evaluation.corpus import Case, read_corpus
from engines.match_stand_ins import engine, random_network
from listening import Silent

REFUSED = {
    "hostile_one_pixel": "few pixels",
    "hostile_empty_transparent": "empty",
    "hostile_empty_white": "only one colour",
    "hostile_all_black": "only one colour",
}

pytestmark = pytest.mark.corpus


def colour(case: Case) -> None:
    sketch = read_picture(case.sketch)
    mask = mask_from_picture(read_picture(case.sketch_mask)) if case.sketch_mask else None
    references = tuple(Reference(read_picture(path)) for path in case.references)
    request = ColorizeRequest(
        sketch, references, mode=Mode.SPLIT if mask is not None else Mode.WHOLE, sketch_mask=mask
    )
    result = engine(random_network()).colorize(request, Silent())
    assert all(layer.pixels.shape == sketch.shape for layer in result.layers)
    assert np.count_nonzero(sum(layer.mask > 0 for layer in result.layers)) == sketch[..., 0].size


def test_every_hostile_item(corpus: Path) -> None:
    said: dict[str, list[str]] = {}
    for item in read_corpus(corpus):
        if item.kind != "hostile" or item.id == "hostile_huge_canvas":
            continue
        for case in item.cases:
            before = case.sketch.read_bytes()
            try:
                colour(case)
            except ColorizerError as error:
                said.setdefault(item.id, []).append(str(error))
            assert case.sketch.read_bytes() == before
    broken = said.pop("hostile_truncated")
    assert ["damaged" in broken[0], "zero bytes" in broken[1], len(broken)] == [True, True, 2]
    assert said.keys() == REFUSED.keys()
    assert all(words in said[name][0] for name, words in REFUSED.items())


def test_huge_canvas(corpus: Path) -> None:
    item = next(item for item in read_corpus(corpus) if item.id == "hostile_huge_canvas")
    colour(item.cases[0])
