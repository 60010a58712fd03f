"""Collects what the reranker of a match network is trained on: the network's own answers on real art, judged.

The pairs are those of the training families (`colorizer_lab.data.art`), drawn as the validation pairs are. The engine
matches each once, and the candidates of the regions that the judge judges are stored in a file per pair, so an
interrupted run continues. A candidate is right if it lies within CIEDE2000 10 of the truth.

    python -m colorizer_lab.evaluation.reranker_examples MODEL_FOLDER --out FOLDER
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from colorizer.engines.base import ColorizeRequest, Mode, Reference
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.match.evidence import Evidence, MatchedSide
from colorizer.engines.match.matching import Matcher
from colorizer.engines.match.readout import Colouring
from colorizer.engines.match.reranker import Candidates
from colorizer.files import write_atomically
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Picture
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer_lab.data.art.deciding import figure_mask, judged_pair, on_paper
from colorizer_lab.data.art.families import Family, catalogue
from colorizer_lab.data.art.library import Library, open_library
from colorizer_lab.data.art.pairs import Pair
from colorizer_lab.data.art.pictures import sources
from colorizer_lab.data.region_examples import Examples
from colorizer_lab.evaluation.judge import SIDE, pose
from colorizer_lab.silent import Silent

_CROSS, _SELF = 45, 35
"""Largest number of pairs of each family, of two different pictures and of one."""
_MASKED = 0.7
"""Probability that both masks are given."""
_RIGHT = 10.0
"""CIEDE2000 below which a candidate is right."""

_LOG = logging.getLogger(__name__)


class _Recorder(Matcher):
    """A matcher that also stores the candidates of the figure."""

    found: tuple[Candidates, MatchedSide] | None = None

    def read_out(self, evidence: Evidence, side: MatchedSide) -> Colouring | None:
        is_reranked = evidence.reranker is not None and side.of_foreground is not False
        if is_reranked and len(side.palette) > 1:
            self.found = evidence.candidates(side), side
        return super().read_out(evidence, side)


class _Engine(MatchEngine):
    def record(self, request: ColorizeRequest) -> tuple[_Recorder, Regions]:
        """Matches a request; returns the matcher with the candidates, and the sketch's regions."""
        outline = self._outline(request, Silent())
        recorder = _Recorder(self._loaded(), request, Silent())
        recorder.match(outline.ink, outline.mask, outline.regions)
        return recorder, outline.regions


def examples_of(engine: _Engine, pair: Pair, *, masked: bool) -> Examples | None:
    """Colours a pair and returns the examples of its judged regions; None if there are none."""
    sketch, reference = _opaque(np.repeat(pair.lines[..., None], 3, axis=2)), _opaque(pair.reference)
    problem = pose(sketch, _opaque(on_paper(pair.here)), figure_mask(pair.here))
    if problem is None:
        return None
    request = ColorizeRequest(
        sketch,
        (Reference(reference, figure_mask(pair.there) if masked else None),),
        mode=Mode.SPLIT if masked else Mode.WHOLE,
        sketch_mask=figure_mask(pair.here) if masked else None,
    )
    recorder, regions = engine.record(request)
    if recorder.found is None:
        return None
    candidates, side = recorder.found
    labels = cv2.resize(regions.coarse, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    own = [int(np.bincount(labels[problem.regions == one]).argmax()) for one in problem.judged]
    truth = rgb2lab(problem.medians(problem.truth)[None])[0]
    palette = rgb2lab(side.palette[None] / 255)[0]
    apart = deltaE_ciede2000(palette[candidates.colours[own]], truth[:, None])
    valid = candidates.valid[own]
    return Examples(
        candidates.features[own], valid, valid & (apart < _RIGHT), problem.shares().astype(np.float32)
    )


def collect(model: Path, library: Library, out: Path) -> None:
    """Writes the examples of all training families to `out`, those that aren't there yet. An empty file means that a
    picture gives no pair."""
    engine = _Engine(model)
    engine.load("cpu")
    for family in catalogue().families:
        if family.split != "train":
            continue
        made = {"cross": 0, "self": 0}
        for kind, most in (("cross", _CROSS), ("self", _SELF)):
            for name, draw in _pairs(library, family, kind):
                if made[kind] == most:
                    break
                file = out / f"{family.name}-{name}.npz"
                if not file.is_file():
                    masked = random.Random(name).random() < _MASKED
                    pair = draw()
                    examples = None if pair is None else examples_of(engine, pair, masked=masked)
                    write_atomically(file, b"" if examples is None else examples.to_bytes())
                made[kind] += bool(file.stat().st_size)
        _LOG.info("%s: %d cross, %d self", family.name, made["cross"], made["self"])


def main() -> None:
    """Collects the examples of all training families."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path, help="folder with config.json and model.safetensors")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    collect(options.model, open_library(), options.out)


def _pairs(library: Library, family: Family, kind: str) -> Iterator[tuple[str, Callable[[], Pair | None]]]:
    """The possible pairs of a family in a fixed random order: a file name, and a function that draws the pair."""
    drawn = {source.name: source for source in sources(family)}
    numbers = [one for one in library.of("train") if library.entries[one].family == family.name]
    for number in random.Random(family.name).sample(numbers, len(numbers)):
        if kind == "self" or library.likely_partners(number):
            yield f"{kind}_{number}", partial(judged_pair, library, family, drawn, number, kind)


def _opaque(colours: NDArray[np.uint8]) -> Picture:
    return np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])


if __name__ == "__main__":
    main()
